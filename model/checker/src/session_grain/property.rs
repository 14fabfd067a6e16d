//! What is promised to sessions? Each promise is judged on the step that could break it.

use std::cell::Cell;
use std::ops::BitOrAssign;

macro_rules! list {
    ($(#[doc = $about:literal])+ $name:ident: $( $(#[doc = $doc:literal])+ $variant:ident = $text:literal $(, $witness:ident)?; )+) => {
        $(#[doc = $about])+
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub enum $name {
            $( $(#[doc = $doc])+ $variant, )+
        }

        impl $name {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// What it says, in a few words.
            pub const fn text(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }

            const fn bit(self) -> u32 {
                1 << self as u32
            }
        }

        list!(@witnesses $name $( $variant $($witness)? ),+);
    };
    (@witnesses SessionWitness $($rest:tt)*) => {};
    (@witnesses $name:ident $( $variant:ident $witness:ident ),+) => {
        impl $name {
            /// What shows that it can be put to the test: without it, it would hold of anything.
            pub const fn witness(self) -> SessionWitness {
                match self { $(Self::$variant => SessionWitness::$witness,)+ }
            }
        }
    };
}

list! {
    /// What sessions rely on.
    SessionProperty:
    /// A watch fires when what its client was shown is no longer so, at that transaction or as soon as the
    /// client has attached again, and then once.
    WatchFires = "a watch fires when what it was set on changes, and once", WatchReplayed;
    /// No reply goes out while a watch of its client is set on what is no longer so.
    NotifiedFirst = "a notification comes before whatever shows the change", NotifiedAndAnswered;
    /// On every server an ephemeral's session exists, and it goes by its session's end or by a delete.
    EphemeralsEnd = "an ephemeral is there as long as its session, and no longer", EphemeralGone;
    /// Behind the end of a session nothing is written for it, and it is attached nowhere.
    EndIsFinal = "an ended session writes nothing and is not attached", RefusedBehindEnd;
    /// Of two sequential znodes of one name under one parent the later has the higher number.
    SequencesRise = "sequence numbers under a parent rise", SequenceContinued;
    /// Each request is answered once, behind those before it.
    InOrder = "requests are answered once, in the order in which they were sent", ReadWaited;
    /// A write is answered with what came of itself.
    OwnAnswer = "a write is answered with its own outcome", OtherConnectionsTxn;
    /// A read is answered from a tree that has every earlier write of its connection and no later one.
    OwnWritesSeen = "a read shows what its session wrote before it, and not what it wrote after", ReadWaited;
    /// The zxid of a reply is not below that of an earlier one, also one of another server.
    NeverBack = "a session is never shown an earlier state than before", ServerTooOld;
    /// A write is refused that comes through another server than the session was attached to last.
    MovedIsRefused = "a session writes nothing where it was before", RefusedAsMoved;
    /// A session ends because its client asked for it, or was silent for its timeout.
    EndsInTime = "a session ends by its own wish or by silence", Expired;
    /// A leader has a deadline for every session that lives, or its end on the way.
    AllWillEnd = "every session will end", LeaderChanged;
    /// A tree holds committed transactions, in their order, and nothing else.
    TreesAreCommitted = "a tree holds what is committed, and nothing else", TailDropped;
    /// A tree is after each transaction what its leader said that it would be.
    AsPredicted = "a tree becomes what the leader predicted", Overlapping;
}

list! {
    /// Facts that must be met somewhere, or a property holds for want of occasion.
    SessionWitness:
    /// A watch fired.
    WatchFired = "a watch fires";
    /// A change was missed while its watcher was on its way to another server.
    WatchReplayed = "a missed change fires when its watcher attaches again";
    /// A watch was set again, and nothing had happened.
    WatchCarried = "a watch goes on after its watcher has attached again";
    /// A session changed what it watched itself.
    NotifiedAndAnswered = "a transaction notifies the session that it answers";
    /// The end of a session took an ephemeral along.
    EphemeralGone = "an ephemeral goes with its session";
    /// So did one that was not applied when the end was prepared.
    EphemeralOvertaken = "an end takes along an ephemeral that was not applied yet";
    /// A write came behind the end of its session.
    RefusedBehindEnd = "a write behind the end of its session is refused";
    /// A sequential znode was created behind another.
    SequenceContinued = "a second sequential znode is created";
    /// A read waited for its turn.
    ReadWaited = "a read waits behind a write";
    /// A write was committed while a sync ahead of it was not confirmed.
    SyncConfirmed = "a write confirms the sync ahead of it";
    /// A transaction came that another connection of the session had asked for, with the xid that is waited for.
    OtherConnectionsTxn = "an earlier connection's transaction comes with the xid that is waited for";
    /// A server had not seen what a client had.
    ServerTooOld = "a server is behind what a client has seen";
    /// A session attached to another server.
    Moved = "a session moves";
    /// A write came through a server that its session had left.
    RefusedAsMoved = "a write through the server that was left is refused";
    /// A deadline passed.
    Expired = "a session expires";
    /// A sign of life came that was older than the end.
    TouchedTooLate = "a sign of life comes after the end";
    /// Another server orders writes.
    LeaderChanged = "the leader changes";
    /// What was proposed was lost with its leader.
    TailDropped = "a change of leader drops what was proposed";
    /// A transaction was prepared while another waited to be applied.
    Overlapping = "a transaction is prepared on top of one that is not applied";
}

/// The properties broken on the way to a world.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub(super) struct Flaws(u32);

impl Flaws {
    pub(super) fn add(&mut self, property: SessionProperty, is_broken: bool) {
        if is_broken {
            self.0 |= property.bit();
        }
    }

    pub(super) fn has(self, property: SessionProperty) -> bool {
        self.0 & property.bit() != 0
    }

    /// Whether one of `properties` is broken.
    pub(super) fn any_of(self, properties: &[SessionProperty]) -> bool {
        properties.iter().any(|&property| self.has(property))
    }
}

impl BitOrAssign for Flaws {
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

/// The occasions met so far.
#[derive(Debug, Default)]
pub(super) struct Met(Cell<u32>);

impl Met {
    pub(super) fn note(&self, witness: SessionWitness) {
        self.0.set(self.0.get() | witness.bit());
    }

    pub(super) fn all(&self) -> Vec<SessionWitness> {
        let is_met = |witness: &SessionWitness| self.0.get() & witness.bit() != 0;
        SessionWitness::ALL.iter().copied().filter(is_met).collect()
    }
}
