//! Was the check vacuous? What an exhaustive run must have met for its verdict to mean something.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

macro_rules! witnesses {
    ($( $(#[doc = $doc:literal])+ $name:ident = $text:literal; )+) => {
        /// Something that must be reachable.
        #[derive(Clone, Copy, Debug, Eq, PartialEq)]
        #[repr(u8)]
        pub enum Witness {
            $( $(#[doc = $doc])+ $name, )+
        }

        impl Witness {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// What was met, in a few words.
            pub const fn text(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }
        }
    };
}

witnesses! {
    /// A transaction was committed by acknowledgements.
    Commit = "a transaction commits";
    /// Clients of some server saw a transaction.
    Delivery = "a transaction is delivered";
    /// A follower served clients.
    FollowerServes = "a follower serves";
    /// A second epoch was established.
    LaterReign = "a later epoch is established";
    /// Two servers led chosen epochs at the same time: an old leader had not noticed.
    TwoLeaders = "two servers lead at once";
    /// A leader became established though a later epoch was already.
    LateEstablishment = "a deposed leader is established late";
    /// A leader committed though a later epoch was chosen.
    CommitByDeposed = "a deposed leader commits late";
    /// A log lost an uncommitted tail.
    TailDropped = "an uncommitted tail is dropped";
    /// A learner acknowledged NEWLEADER with a history that was not empty.
    EnteredWithHistory = "a learner enters an epoch with a history";
    /// A leader heard of a higher promise than its own, and went looking.
    StaleLeaderGivesWay = "a leader gives way to a higher promise";
    /// A leader refused to count a learner with a better history.
    WorseLeaderRefused = "a leader behind its learner gives way";
    /// A snapshot was installed.
    SnapshotInstalled = "a snapshot is installed";
    /// A server started from its disk.
    Reboot = "a server reboots with work under way";
    /// A leader became established whose history held what leaders of older epochs had committed.
    CommitsInherited = "an epoch is established on top of older ones' commits";
    /// A leader proposed though leaders of older epochs had committed something.
    ProposedOnTop = "a primary proposes on top of older epochs' commits";
    /// A transaction was delivered that was not the first.
    SecondDelivery = "a transaction is delivered behind another";
    /// A server served an epoch that began with a history.
    ServesHistory = "a server serves an epoch that began with a history";
    /// A server served after it had shown clients something in an earlier epoch.
    ServedAgain = "a server serves again";
    /// A log lost what was committed, while a quorum of others had it.
    CommittedDropped = "what is committed is dropped by one that comes back";
    /// A server gave a second promise that counts.
    PromisedAgain = "a server promises a second epoch";
    /// Two servers looked, and clients of the one with the worse vote had seen something.
    VotesCompared = "a vote is not worse than that of one who served";
    /// A transaction was logged that another log held.
    LogsShare = "two logs hold one transaction";
    /// A world in disorder came to rest once faults ended.
    Recovered = "a world in disorder recovers";
    /// A server that had lost its disk was counted again.
    Recalled = "a forgetful server is one of the quorum again";
    /// A disk failed under a server with work under way.
    DiskFailed = "a disk fails under work";
    /// A leader came to the last zxid of its epoch.
    CounterUsedUp = "an epoch's counter is used up";
    /// A `sync` was answered.
    SyncAnswered = "a sync is answered";
    /// An observer delivered what it was informed of.
    ObserverDelivers = "an observer that serves delivers a transaction";
    /// A reconfiguration was committed.
    MembersChange = "a change of members commits";
    /// A server learned by UPTODATE that a configuration is in force.
    MembersChangeBySync = "a configuration comes into force with UPTODATE";
    /// A leader committed a configuration without it.
    LeaderLeftOut = "a leader commits a change that leaves it out";
    /// A reconfiguration that one leader proposed was committed by the next.
    ChangeCompleted = "a later leader completes a change of members";
    /// A reconfiguration was cut off some log.
    ChangeDropped = "a change of members is dropped";
    /// Without a server that became a member, those that have what was committed were no quorum.
    JoinerCounts = "a commit rests on a member that came later";
    /// A leader that votes made one committed by acknowledgements.
    ElectedCommits = "an elected leader commits";
    /// Votes made a leader after a process had died.
    ElectedAfterCrash = "a leader is elected after a crash";
    /// A looker followed a leader that served, on the word of those who followed it.
    JoinsEstablished = "a late comer joins an established leader";
    /// A vote of an earlier round was answered.
    StaleVoteAnswered = "a stale vote is answered";
}

/// The witnesses met by a run.
#[derive(Debug, Default)]
pub struct Witnessed {
    met: AtomicU64,
    /// Whether what happens belongs to no run.
    aside: AtomicBool,
}

impl Witnessed {
    /// Takes note.
    pub fn note(&self, witness: Witness) {
        let bit = 1 << witness as u8;
        if self.met.load(Ordering::Relaxed) & bit == 0 && !self.aside.load(Ordering::Relaxed) {
            self.met.fetch_or(bit, Ordering::Relaxed);
        }
    }

    /// Takes no note of what happens in `excursion`: it leads beyond the run's bounds.
    pub(crate) fn aside<T>(&self, excursion: impl FnOnce() -> T) -> T {
        self.aside.store(true, Ordering::Relaxed);
        let outcome = excursion();
        self.aside.store(false, Ordering::Relaxed);
        outcome
    }

    /// Whether it was met.
    pub fn met(&self, witness: Witness) -> bool {
        self.met.load(Ordering::Relaxed) & 1 << witness as u8 != 0
    }
}
