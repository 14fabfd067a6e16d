//! Do the checks bite? The protocol with one rule wrong, each with the property that must notice.
//!
//! A mutant is killed only by the property that it names: not by another one, not by a panic, not by
//! the end of a budget.

use crate::bounds::Bounds;
use crate::explore::{Outcome, Verdict, shortest_violation};
use crate::property::Property;
use crate::world::{Agreement, Flaws, Reductions};

mod rules;

/// The protocol with a rule wrong.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Mutant {
    /// Half of the servers are a quorum.
    HalfIsAQuorum,
    /// A majority of the voters is a quorum, whatever each weighs.
    CountsHeads,
    /// In each group a majority of the voters decides, whatever each weighs.
    CountsHeadsOfGroups,
    /// More than half of the weight is a quorum, whichever groups it is in.
    IgnoresGroups,
    /// Promises and acknowledgements of observers count.
    CountsObservers,
    /// An observer is informed of what is proposed.
    InformsEarly,
    /// A follower acknowledges what is logged but not yet durable (compare ZOOKEEPER-4646).
    AcksBeforeDurable,
    /// Followers acknowledge proposals before NEWLEADER, and the leader counts that (compare ZOOKEEPER-4685).
    CountsUnsynchronised,
    /// A leader proposes the highest epoch that it heard of, instead of a higher one.
    NoEpochBump,
    /// A follower acknowledges NEWLEADER before the log is durable (ZOOKEEPER-3911, 4646).
    EntersBeforeLogDurable,
    /// A follower sends ACKEPOCH before acceptedEpoch is durable.
    PromisesBeforeDurable,
    /// A leader offers its epoch before its own acceptedEpoch is durable (ZOOKEEPER-1291).
    OffersBeforeDurable,
    /// A leader goes on though a voter that comes has promised a higher epoch.
    KeepsStaleReign,
    /// A follower stays with a leader of an older epoch than it has promised, and that leader goes on.
    AcceptsOlderEpoch,
    /// An epoch promised before counts again (the published specification of the protocol does that).
    CountsOldPromise,
    /// currentEpoch is written before the log is durable (ZOOKEEPER-4643).
    EpochBeforeLog,
    /// A late joiner is not sent what is proposed and not committed, and followers do not mind a gap.
    AcceptsGap,
    /// The plan looks whether a zxid is within the range of the history, not whether it is in it (ZOOKEEPER-1154).
    PlansByRange,
    /// A leader goes on to plan with what was purged from its log.
    PlansOverPurge,
    /// Appends under way go on after the server has begun to look (ZOOKEEPER-4712).
    LooksWhileAppending,
    /// What a learner acknowledged on an earlier connection counts on the next.
    KeepsEarlierAcks,
    /// A follower delivers on COMMIT before UPTODATE.
    DeliversOnHint,
    /// The initial history goes to an Apache learner as proposals without COMMIT.
    BareProposals,
    /// A SNAP to an Apache learner bears the zxid of its contents, below the end of that learner's log files.
    SnapsBelowTail,
    /// A server answers PINGs of a leader that it has left for a newer epoch.
    AnswersOldPings,
    /// A leader counts itself before its own log and currentEpoch are durable.
    CountsItselfEarly,
    /// A cut is not synced before the next append.
    UnsyncedTruncation,
    /// The tree is brought to the end of the log when looking begins, and kept (compare ZOOKEEPER-2845).
    KeepsTree,
    /// A late joiner is not sent what is proposed and not committed.
    ForgetsOutstanding,
    /// `sync` is answered without asking a quorum (ZOOKEEPER-1675).
    AnswersSyncAlone,
    /// A server takes a write that failed for done (ZOOKEEPER-4882).
    TakesFailedForDone,
    /// A server whose log has failed goes on without it (ZOOKEEPER-2247).
    OutlivesItsLog,
    /// A server that lost its disk votes as a new one (ZOOKEEPER-2325).
    TrustsEmptyDisk,
    /// What a server promises and acknowledges counts, though it forgot what it promised before.
    VouchesForgetful,
    /// A forgetful learner is served, and then counted, without asking a quorum whether it still follows.
    RecallsUnconfirmed,
    /// The counter of a zxid runs into the epoch (ZOOKEEPER-1277).
    RollsOver,
    /// A server refuses to start from a log that is ahead of currentEpoch (ZOOKEEPER-1653, 2307, 2354).
    BootsStrictly,
    /// What a server has promised is the epoch of its log (ZOOKEEPER-335, 1081).
    PromisesByLog,
    /// NEWLEADER goes out before what the learner lacks (ZOOKEEPER-3104).
    NewLeaderFirst,
    /// What is proposed and not committed goes to a learner that joins with its COMMIT (compare ZOOKEEPER-2846).
    CommitsOutstanding,
    /// A learner takes the zxid of DIFF for the end of its own log (ZOOKEEPER-2355).
    AdoptsHeader,
    /// A cut takes one transaction too many (ZOOKEEPER-1156).
    CutsTooMuch,
    /// A learner drops at NEWLEADER what it has not seen committed (ZOOKEEPER-4394).
    DropsUncommitted,
    /// A learner serves before it has applied what is committed (ZOOKEEPER-3023).
    ServesEarly,
    /// A learner acknowledges NEWLEADER before currentEpoch is durable (ZOOKEEPER-1282).
    AcksBeforeCurrent,
    /// While members change, a majority of all of them is a quorum (CCF).
    CountsUnion,
    /// A configuration counts only once it is in force, though it is in the log before (etcd-raft 456).
    CountsBehindItsLog,
    /// What the files name as seen last counts though members never change (ZOOKEEPER-1783, 3829).
    CountsLastSeen,
    /// Any COMMIT puts the pending configuration into force (ZOOKEEPER-2172).
    ActivatesByAnyCommit,
    /// A COMMIT before UPTODATE puts the pending configuration into force.
    ActivatesOnHint,
    /// A leader proposes a configuration while another is pending.
    ReconfiguresTwice,
    /// A leader that is left out commits what follows as well.
    CommitsLeftOut,
    /// A leader that is left out leaves once that is logged, not once it is committed (CCF).
    RetiresOnAppend,
    /// Votes name the epoch that was promised instead of the one that was entered.
    VotesByPromise,
}

/// A mutant's whole test.
#[derive(Clone, Copy, Debug)]
pub struct Killing {
    /// Who.
    pub mutant: Mutant,
    /// What must notice.
    pub killer: Property,
    /// Where.
    pub bounds: Bounds,
}

const fn bounds(txns: u8, elections: u8, crashes: u8, breaks: u8) -> Bounds {
    Bounds::of_three(txns, elections, crashes, breaks)
}

/// From an established epoch.
const fn warm(txns: u8, elections: u8, crashes: u8, breaks: u8) -> Bounds {
    Bounds {
        warm: true,
        ..bounds(txns, elections, crashes, breaks)
    }
}

/// One of three weighs more than the others together.
const HEAVY: &[&[u32]] = &[&[3, 1, 1]];

/// Three groups, of one, one and three, and one of the three weighs more than its fellows.
const GROUPS: &[&[u32]] = &[&[1], &[1], &[3, 1, 1]];

/// As many servers as have weights.
const fn weighing(groups: &'static [&'static [u32]], bounds: Bounds) -> Bounds {
    let (mut servers, mut at) = (0, 0);
    while at < groups.len() {
        servers += groups[at].len() as u8;
        at += 1;
    }
    Bounds {
        servers,
        groups,
        ..bounds
    }
}

/// With an observer.
const fn observed(bounds: Bounds) -> Bounds {
    Bounds {
        observers: 1,
        ..bounds
    }
}

/// The leader is replaced by a server that joins.
const REPLACED: &[&[u8]] = &[&[2, 3, 4]];

/// The one that joins is alone.
const ALL_NEW: &[&[u8]] = &[&[4]];

/// With one that joins, and so many changes of members.
const fn changing(reconfigs: u8, targets: &'static [&'static [u8]], bounds: Bounds) -> Bounds {
    Bounds {
        joiners: 1,
        reconfigs,
        targets,
        ..bounds
    }
}

/// Where elections decide who leads.
const fn voting(bounds: Bounds) -> Bounds {
    Bounds {
        elects: true,
        ..bounds
    }
}

/// Every mutant with its killer and the bounds within which it must die.
pub fn mutants() -> Vec<Killing> {
    use Mutant::*;
    let list = [
        (HalfIsAQuorum, Property::OneLeader, bounds(0, 2, 0, 0)),
        // Of three, a leader and any one other are a majority: only from five on counting is tested.
        (
            HalfIsAQuorum,
            Property::QuorumLog,
            Bounds {
                servers: 5,
                ..warm(1, 0, 0, 0)
            },
        ),
        (
            CountsHeads,
            Property::QuorumLog,
            weighing(HEAVY, warm(1, 0, 0, 0)),
        ),
        (
            CountsHeadsOfGroups,
            Property::QuorumLog,
            weighing(GROUPS, warm(1, 0, 0, 0)),
        ),
        (
            IgnoresGroups,
            Property::QuorumLog,
            weighing(GROUPS, warm(1, 0, 0, 0)),
        ),
        (CountsObservers, Property::OneLeader, observed(bounds(0, 2, 0, 0))),
        (CountsObservers, Property::QuorumLog, observed(warm(1, 1, 1, 0))),
        (InformsEarly, Property::Integrity, observed(warm(1, 0, 0, 0))),
        (AcksBeforeDurable, Property::QuorumLog, bounds(1, 1, 0, 0)),
        (CountsUnsynchronised, Property::QuorumLog, bounds(1, 2, 1, 0)),
        (NoEpochBump, Property::OneLeader, bounds(0, 2, 0, 0)),
        (
            EntersBeforeLogDurable,
            Property::HistoryConsistency,
            bounds(1, 2, 1, 0),
        ),
        (
            PromisesBeforeDurable,
            Property::PromiseIsDurable,
            bounds(0, 1, 0, 0),
        ),
        (OffersBeforeDurable, Property::OneLeader, bounds(0, 2, 1, 0)),
        (KeepsStaleReign, Property::MessagesAreLegal, bounds(0, 2, 0, 1)),
        (KeepsStaleReign, Property::Recovers, bounds(0, 2, 0, 1)),
        (AcceptsOlderEpoch, Property::Fencing, bounds(0, 2, 0, 1)),
        (CountsOldPromise, Property::PromiseIsDurable, bounds(0, 2, 0, 1)),
        (EpochBeforeLog, Property::HistoryConsistency, bounds(1, 2, 1, 0)),
        (AcceptsGap, Property::LogMatching, bounds(2, 1, 0, 0)),
        (PlansByRange, Property::LogMatching, warm(2, 1, 1, 0)),
        (
            PlansOverPurge,
            Property::HistoryConsistency,
            Bounds {
                purges: 1,
                ..warm(1, 1, 1, 0)
            },
        ),
        (LooksWhileAppending, Property::QuorumLog, warm(1, 1, 0, 1)),
        (KeepsEarlierAcks, Property::CommittedStays, bounds(1, 1, 0, 1)),
        (DeliversOnHint, Property::Integrity, warm(1, 1, 1, 0)),
        (
            BareProposals,
            Property::HistoryConsistency,
            Bounds {
                java: 1,
                ..warm(1, 1, 1, 0)
            },
        ),
        (
            SnapsBelowTail,
            Property::HistoryConsistency,
            Bounds {
                java: 1,
                ..warm(1, 1, 2, 0)
            },
        ),
        (
            AnswersOldPings,
            Property::SyncIsLinearizable,
            Bounds {
                syncs: 1,
                ..bounds(1, 2, 0, 1)
            },
        ),
        (CountsItselfEarly, Property::QuorumLog, bounds(1, 1, 0, 0)),
        (UnsyncedTruncation, Property::LogMatching, warm(2, 1, 1, 1)),
        (KeepsTree, Property::Integrity, warm(1, 1, 0, 1)),
        (ForgetsOutstanding, Property::MessagesAreLegal, bounds(2, 1, 0, 0)),
        (
            TakesFailedForDone,
            Property::QuorumLog,
            Bounds {
                disk_errors: 1,
                ..warm(1, 0, 0, 0)
            },
        ),
        (
            OutlivesItsLog,
            Property::Recovers,
            Bounds {
                disk_errors: 1,
                ..warm(1, 0, 0, 0)
            },
        ),
        (
            TrustsEmptyDisk,
            Property::QuorumLog,
            Bounds {
                wipes: 1,
                ..warm(1, 0, 0, 0)
            },
        ),
        (
            VouchesForgetful,
            Property::PromiseIsDurable,
            Bounds {
                wipes: 1,
                ..bounds(0, 2, 0, 1)
            },
        ),
        (
            RecallsUnconfirmed,
            Property::PromiseIsDurable,
            Bounds {
                wipes: 1,
                ..bounds(0, 2, 0, 1)
            },
        ),
        (
            RollsOver,
            Property::LogMatching,
            Bounds {
                last_counter: 1,
                ..bounds(3, 2, 0, 0)
            },
        ),
        (
            RollsOver,
            Property::PrimaryIntegrity,
            Bounds {
                last_counter: 1,
                ..bounds(2, 1, 0, 0)
            },
        ),
        (BootsStrictly, Property::AlwaysBoots, warm(1, 1, 2, 0)),
        (PromisesByLog, Property::OneLeader, bounds(0, 3, 0, 1)),
        (NewLeaderFirst, Property::HistoryConsistency, warm(1, 1, 1, 0)),
        (CommitsOutstanding, Property::Integrity, warm(1, 1, 0, 1)),
        (AdoptsHeader, Property::HistoryConsistency, warm(1, 1, 1, 0)),
        (CutsTooMuch, Property::HistoryConsistency, warm(2, 1, 1, 1)),
        (DropsUncommitted, Property::MessagesAreLegal, warm(1, 1, 0, 1)),
        (ServesEarly, Property::CommitConsistency, warm(1, 1, 1, 0)),
        (
            AcksBeforeCurrent,
            Property::HistoryConsistency,
            bounds(0, 1, 0, 0),
        ),
        (
            CountsUnion,
            Property::QuorumLog,
            changing(1, ALL_NEW, warm(0, 0, 0, 0)),
        ),
        (
            CountsBehindItsLog,
            Property::QuorumLog,
            changing(1, ALL_NEW, warm(0, 0, 0, 0)),
        ),
        (
            CountsBehindItsLog,
            Property::OneLeader,
            changing(1, ALL_NEW, warm(0, 2, 0, 1)),
        ),
        (
            CountsLastSeen,
            Property::Recovers,
            Bounds {
                misfiled: true,
                ..bounds(0, 1, 0, 0)
            },
        ),
        (
            ActivatesByAnyCommit,
            Property::CommittedMembers,
            changing(1, REPLACED, warm(1, 0, 0, 0)),
        ),
        (
            ActivatesOnHint,
            Property::CommittedMembers,
            changing(1, REPLACED, warm(0, 1, 1, 0)),
        ),
        (
            ReconfiguresTwice,
            Property::CommittedMembers,
            changing(2, REPLACED, warm(0, 0, 0, 0)),
        ),
        (
            CommitsLeftOut,
            Property::LeadersAreMembers,
            changing(1, REPLACED, warm(1, 0, 0, 0)),
        ),
        (
            RetiresOnAppend,
            Property::Recovers,
            changing(1, REPLACED, warm(0, 0, 0, 0)),
        ),
        // Elections and agreement together.
        (
            VotesByPromise,
            Property::LeaderMatchesQuorum,
            voting(bounds(0, 2, 0, 1)),
        ),
        // The properties that others would notice first, each alone.
        (HalfIsAQuorum, Property::Agreement, bounds(2, 3, 0, 0)),
        (HalfIsAQuorum, Property::InitialHistory, bounds(1, 3, 0, 0)),
        (HalfIsAQuorum, Property::PrimaryIntegrity, bounds(2, 3, 0, 0)),
        (
            EntersBeforeLogDurable,
            Property::CommitConsistency,
            bounds(1, 2, 1, 0),
        ),
        (AcceptsGap, Property::TotalOrder, bounds(2, 1, 0, 0)),
        (AcksBeforeDurable, Property::ServedStays, warm(1, 1, 1, 1)),
        (AcksBeforeDurable, Property::BetterVoteKnowsMore, warm(1, 1, 1, 1)),
        (AcceptsOlderEpoch, Property::EpochsGrow, bounds(0, 2, 0, 1)),
        (
            AnswersSyncAlone,
            Property::SyncIsLinearizable,
            Bounds {
                syncs: 1,
                ..bounds(1, 2, 0, 1)
            },
        ),
    ];
    list.into_iter()
        .map(|(mutant, killer, bounds)| Killing {
            mutant,
            killer,
            bounds,
        })
        .collect()
}

impl Killing {
    /// Looks for the shortest run in which the named property notices the mutant.
    pub fn run(&self, progress: &mut dyn FnMut(usize)) -> Outcome {
        // That a world recovers is judged of the world itself, and orders of steps pass some worlds over.
        let reductions = match self.killer {
            Property::Recovers => Reductions::NONE,
            _ => Reductions::ALL,
        };
        self.run_with(reductions, progress)
    }

    /// As [`Self::run`], with these reductions.
    pub fn run_with(&self, reductions: Reductions, progress: &mut dyn FnMut(usize)) -> Outcome {
        shortest_violation(
            Agreement::new(self.mutant, self.bounds)
                .with_flaws(self.mutant.flaws())
                .with_reductions(reductions)
                .hunting(self.killer),
            progress,
        )
    }

    /// Whether the outcome is a kill: by the property that is named.
    pub fn is_killed(&self, outcome: &Outcome) -> bool {
        matches!(outcome.verdict, Verdict::Violated { property, .. } if property == self.killer)
    }
}

impl Mutant {
    /// What the shell does wrong, if it is not the rules that are.
    pub fn flaws(self) -> Flaws {
        Flaws {
            unsynced_truncation: self == Self::UnsyncedTruncation,
            votes_by_promise: self == Self::VotesByPromise,
        }
    }

    /// The name in tables.
    pub fn name(self) -> String {
        format!("{self:?}")
    }
}
