//! What must always hold? One list, for the checker and for the audit.
//!
//! The statements speak of history ("ever"), so that a verdict does not depend on when one looks.

use crate::witness::Witness;
use std::fmt;

macro_rules! properties {
    ($( $(#[doc = $doc:literal])+ $name:ident = $text:literal, $source:literal, $witness:ident; )+) => {
        /// A safety property.
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub enum Property {
            $( $(#[doc = $doc])+ $name, )+
        }

        impl Property {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// What it says, in a few words.
            pub const fn text(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }

            /// Where it comes from: the paper's properties P1 to P11, the test specifications' R1 to R9,
            /// and what other systems taught, E1 to E13.
            pub const fn source(self) -> &'static str {
                match self { $(Self::$name => $source,)+ }
            }

            /// What shows that it can be put to the test: without it, it would hold of anything.
            pub const fn witness(self) -> Witness {
                match self { $(Self::$name => Witness::$witness,)+ }
            }
        }
    };
}

properties! {
    /// For each epoch, at most one leader ever had a quorum's promise, and had it once.
    OneLeader = "an epoch is chosen at most once", "P1", TwoLeaders;
    /// Whatever a client saw, a primary proposed, and a leader committed.
    Integrity = "only what is committed is delivered", "P2", Delivery;
    /// There is one committed sequence; no two leaders commit different ones.
    Agreement = "the committed sequence is one", "P3, P8", CommitsInherited;
    /// Every server delivers the committed sequence, in its order, leaving nothing out.
    TotalOrder = "what is delivered follows its predecessor", "P4, P5, P6", SecondDelivery;
    /// A primary has delivered all of older epochs that anyone ever delivers before it proposes, and what it proposes has a
    /// zxid of its own epoch.
    PrimaryIntegrity = "a primary proposes in its epoch, on top of all older ones' commits", "P7", ProposedOnTop;
    /// An established leader has everything that leaders of older epochs committed, and its initial
    /// history is a prefix of that of every later established one.
    InitialHistory = "an established epoch holds what older ones committed", "P9, R2", LateEstablishment;
    /// A server that serves an epoch has delivered its initial history.
    CommitConsistency = "who serves an epoch has its initial history", "P10, R1", ServesHistory;
    /// Whoever acknowledges NEWLEADER has currentEpoch and exactly the leader's history on disk, and whoever has currentEpoch on
    /// disk has the epoch's initial history on disk: the vote vouches for it.
    HistoryConsistency = "who enters an epoch has it and its leader's history on disk", "P11", EnteredWithHistory;
    /// Nothing committed is cut off or replaced on a server that the commit rests on.
    CommittedStays = "what is committed is dropped only where every quorum keeps it", "R3", CommittedDropped;
    /// What a server has once shown to clients, it shows whenever it serves.
    ServedStays = "no server serves less than it has served", "R4, E9", ServedAgain;
    /// No correct server is hung up on for breaking the protocol.
    MessagesAreLegal = "no message comes that its reader cannot own", "R5 to R9", WorseLeaderRefused;
    /// acceptedEpoch and currentEpoch never go back on disk, and current never passes accepted.
    EpochsGrow = "epochs never go back", "E1", LaterReign;
    /// A promise that counts is durable before it is given, and given once for each epoch: so to one leader.
    PromiseIsDurable = "an epoch is promised durably, and once", "E2", PromisedAgain;
    /// Whoever promised an epoch logs and acknowledges nothing of an older one's leader.
    Fencing = "who promised an epoch takes nothing from older ones", "E3, E4", StaleLeaderGivesWay;
    /// Every quorum has a server whose log holds everything committed.
    QuorumLog = "every quorum holds everything committed", "E6", Commit;
    /// Of two servers that look for a leader, the one with the better credential lacks nothing that the
    /// other delivered.
    BetterVoteKnowsMore = "the better vote has what the other delivered", "E7", VotesCompared;
    /// Two logs that hold the same zxid hold the same up to it.
    LogMatching = "a zxid determines all before it", "E8", LogsShare;
    /// A disk that a legal run leaves behind can be started from.
    AlwaysBoots = "every legal disk boots", "L4", Reboot;
    /// What a client reads after `sync` is at least what was committed when it asked.
    SyncIsLinearizable = "sync then read sees all that was committed", "ZOOKEEPER-1675", SyncAnswered;
    /// Every configuration that a server goes by as the one in force is committed, and so known to a quorum of
    /// the one before it.
    CommittedMembers = "a configuration is in force only once it is committed", "E12", MembersChangeBySync;
    /// A leader that a configuration leaves out commits nothing that comes after it.
    LeadersAreMembers = "no leader commits beyond a configuration that leaves it out", "E12", LeaderLeftOut;
    /// Whoever is elected leads on the word of a peer that took it for its leader, or on votes of a quorum, none of which came from
    /// a disk that was worth more to an election than the leader's is. What an audit sees of elections does not say that.
    LeaderMatchesQuorum = "a leader's credential is at least that of a quorum that voted for it", "P9, E7", ElectedAfterCrash;
    /// Once faults end, one leader is established that all servers follow, and a new transaction reaches
    /// every one of them.
    Recovers = "once faults end, all serve and a new transaction reaches all", "L1, L2", Recovered;
}

impl fmt::Display for Property {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.text(), self.source())
    }
}
