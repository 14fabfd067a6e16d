//! Would the checker notice? Sessions with one decision wrong each, and the property that each of them breaks.

use crate::session_grain::{Ask, Seat, SessionBounds, SessionOutcome, SessionProperty, SessionVerdict, hunt};
use crate::sets::{Finding, Report, remarks};
use quorate_tree::{Published, SessionRules};

/// Sessions with a decision wrong.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum SessionMutant {
    /// A server takes a client that has seen what it has not, and does not wait for its leader's word, behind which
    /// it would have it.
    AttachesAnyone,
    /// A write is taken through a server that its session has left.
    TakesMovedWrites,
    /// A session is over a timeout before its deadline.
    ExpiresEarly,
    /// A sign of life helps a session of which the end is on its way.
    RevivesClosing,
    /// A read does not wait for the writes before it.
    ReadsOvertake,
    /// A transaction of an earlier connection answers a request of the same xid.
    AnswersByXid,
    /// A write is applied while a sync ahead of it, and the reads between, wait.
    AppliesFirst,
    /// A watch stays when it has fired.
    KeepsFiredWatches,
    /// Between a read and its watch a transaction may come.
    SetsWatchLate,
    /// Whoever attaches again is not told what it missed.
    ReplaysNothing,
    /// The client that waits is answered first, and watchers are told then.
    AnswersBeforeNotifying,
    /// Writes are prepared against the tree, without what is outstanding.
    PreparesOnTreeAlone,
    /// The number of a sequential znode is the number of its parent's children.
    NumbersByChildren,
    /// A follower answers a write when it has sent it on.
    AnswersBeforeApplying,
    /// The leader does not heed whom a follower has heard from.
    IgnoresTouches,
    /// A session ends with its connection.
    EndsWithConnection,
    /// Who begins to lead keeps no time of the sessions that there are (compare ZOOKEEPER-1367: sessions that no
    /// tracker knows, with immortal ephemerals).
    ForgetsSessions,
    /// The leader applies what it proposes, and keeps its tree (ZOOKEEPER-5010: an ephemeral that was applied and
    /// never committed).
    AppliesProposals,
}

/// The rules of a mutant; of none, the published ones.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) struct Wrong(pub(crate) Option<SessionMutant>);

impl Wrong {
    fn is(self, mutant: SessionMutant) -> bool {
        self.0 == Some(mutant)
    }
}

impl SessionRules for Wrong {
    fn may_attach(&self, seen: u64, here: u64) -> bool {
        self.is(SessionMutant::AttachesAnyone) || Published.may_attach(seen, here)
    }

    fn may_write<O: PartialEq>(&self, owner: &O, origin: &O) -> bool {
        self.is(SessionMutant::TakesMovedWrites) || Published.may_write(owner, origin)
    }

    fn is_over(&self, deadline_ms: u64, now_ms: u64) -> bool {
        let early_ms = if self.is(SessionMutant::ExpiresEarly) {
            2
        } else {
            0
        };
        Published.is_over(deadline_ms, now_ms + early_ms)
    }

    fn revives_closing(&self) -> bool {
        self.is(SessionMutant::RevivesClosing) || Published.revives_closing()
    }

    fn waits_behind(&self, ahead: usize) -> bool {
        !self.is(SessionMutant::ReadsOvertake) && Published.waits_behind(ahead)
    }

    fn may_answer(&self, zxid: u64, served_since: u64) -> bool {
        self.is(SessionMutant::AnswersByXid) || Published.may_answer(zxid, served_since)
    }
}

/// A mutant's whole test.
#[derive(Clone, Copy, Debug)]
pub struct SessionKilling {
    /// Who.
    pub mutant: SessionMutant,
    /// What must notice.
    pub killer: SessionProperty,
    /// Where.
    pub bounds: SessionBounds,
}

impl SessionKilling {
    /// Looks for the shortest run in which the killer, and nothing else, is broken.
    pub fn run(&self, progress: &dyn Fn(u64)) -> SessionOutcome {
        hunt(self.mutant, self.bounds, self.killer, progress)
    }

    /// The same, and whether the mutant was noticed.
    pub(crate) fn report(&self, progress: &dyn Fn(u64)) -> Report {
        let outcome = self.run(progress);
        let finding = match &outcome.verdict {
            SessionVerdict::Violated { property, steps } if *property == self.killer => Finding::Fine {
                story: remarks(steps),
            },
            SessionVerdict::Violated { .. } | SessionVerdict::Holds => Finding::Survived,
            SessionVerdict::Unfinished => Finding::Unfinished,
        };
        outcome.report(finding)
    }
}

const fn seat(at: usize, asks: u8, menu: &'static [Ask]) -> Seat {
    Seat { at, asks, menu }
}

const fn bounds(seats: &'static [Seat], breaks: u8, ticks: u8, changes: u8) -> SessionBounds {
    SessionBounds {
        seats,
        znodes: &["/a"],
        breaks,
        ticks,
        changes,
    }
}

/// Every mutant with its killer and the bounds within which it must die.
pub fn session_mutants() -> Vec<SessionKilling> {
    use Ask::{Create, Delete, GetData, Ping, SetData, Sync};
    use SessionMutant::*;
    use SessionProperty as P;
    const SILENT: &[Seat] = &[seat(0, 0, &[])];
    const READS_AND_WRITES: &[Seat] = &[seat(0, 2, &[GetData("/a"), SetData("/a")])];
    const FROM_AFAR: &[Seat] = &[seat(1, 2, &[GetData("/a"), SetData("/a")])];
    const WATCHED: &[Seat] = &[seat(0, 1, &[GetData("/a")]), seat(0, 2, &[SetData("/a")])];
    const READER: &[Seat] = &[seat(0, 2, &[GetData("/a")]), seat(0, 1, &[SetData("/a")])];
    const WRITERS: &[Seat] = &[seat(0, 1, &[SetData("/a")]), seat(0, 1, &[Create(0, "/b")])];
    const OVERTAKEN: &[Seat] = &[seat(1, 1, &[Create(1, "/e")])];
    let list = [
        (AttachesAnyone, P::NeverBack, bounds(READER, 1, 0, 0)),
        (TakesMovedWrites, P::MovedIsRefused, bounds(FROM_AFAR, 1, 0, 0)),
        (ExpiresEarly, P::EndsInTime, bounds(SILENT, 0, 0, 0)),
        (
            IgnoresTouches,
            P::EndsInTime,
            bounds(const { &[seat(1, 1, &[Ping])] }, 0, 2, 0),
        ),
        (EndsWithConnection, P::EndsInTime, bounds(SILENT, 1, 0, 0)),
        (RevivesClosing, P::EndIsFinal, bounds(SILENT, 1, 2, 0)),
        (PreparesOnTreeAlone, P::EndIsFinal, bounds(OVERTAKEN, 0, 2, 0)),
        (PreparesOnTreeAlone, P::EphemeralsEnd, bounds(OVERTAKEN, 0, 2, 0)),
        (PreparesOnTreeAlone, P::AsPredicted, bounds(WRITERS, 0, 0, 0)),
        (ForgetsSessions, P::AllWillEnd, bounds(SILENT, 0, 0, 1)),
        (AppliesProposals, P::TreesAreCommitted, bounds(OVERTAKEN, 0, 0, 1)),
        (ReadsOvertake, P::InOrder, bounds(READS_AND_WRITES, 0, 0, 0)),
        (ReadsOvertake, P::OwnWritesSeen, bounds(READS_AND_WRITES, 0, 0, 0)),
        (
            AppliesFirst,
            P::OwnWritesSeen,
            bounds(
                const { &[seat(1, 3, &[Sync, GetData("/a"), SetData("/a")])] },
                0,
                0,
                0,
            ),
        ),
        (
            AnswersBeforeApplying,
            P::OwnWritesSeen,
            bounds(FROM_AFAR, 0, 0, 0),
        ),
        (AnswersByXid, P::OwnAnswer, bounds(READS_AND_WRITES, 1, 0, 0)),
        (KeepsFiredWatches, P::WatchFires, bounds(WATCHED, 0, 0, 0)),
        (SetsWatchLate, P::WatchFires, bounds(WATCHED, 0, 0, 0)),
        (ReplaysNothing, P::WatchFires, bounds(WATCHED, 1, 0, 0)),
        (
            AnswersBeforeNotifying,
            P::NotifiedFirst,
            bounds(READS_AND_WRITES, 0, 0, 0),
        ),
        (
            NumbersByChildren,
            P::SequencesRise,
            bounds(
                const { &[seat(0, 3, &[Create(2, "/a/s"), Delete("/a/s0000000000")])] },
                0,
                0,
                0,
            ),
        ),
    ];
    list.into_iter()
        .map(|(mutant, killer, bounds)| SessionKilling {
            mutant,
            killer,
            bounds,
        })
        .collect()
}
