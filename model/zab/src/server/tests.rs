//! Scenes of one server, input by input.

use super::*;
use crate::{Ensemble, Message, Run, Zab};

mod following;
mod hostile;
mod leading;
mod members;
mod observing;

const LEARNER: Conn = Conn::new(1);
const LATER: Conn = Conn::new(2);

/// A server of an ensemble of three.
#[derive(Clone)]
struct Bench {
    me: ServerId,
    configuration: Configuration,
    server: Server,
}

fn id(number: u64) -> ServerId {
    ServerId::new(number)
}

fn at(epoch: u32, counter: u32) -> Zxid {
    Zxid::new(Epoch::new(epoch), counter)
}

fn disk(epoch: u32, floor: Zxid, runs: &[(u32, u32, u32)]) -> Image {
    let runs = runs.iter().map(|&(epoch, first, last)| Run {
        epoch: Epoch::new(epoch),
        first,
        last,
    });
    Image {
        accepted: Some(Epoch::new(epoch)),
        current: Some(Epoch::new(epoch)),
        snapshot: floor,
        history: Skeleton::from_runs(floor, runs),
    }
}

impl Bench {
    fn boot(image: &Image) -> Self {
        Self {
            me: id(1),
            configuration: Configuration::fixed(Ensemble::majority((1..=3).map(id))),
            server: Server::boot(&Zab, image, Memory::Whole, &mut Vec::<Effect<u8>>::new())
                .expect("a legal image"),
        }
    }

    fn candidacy(&self) -> Candidacy {
        self.server.candidacy(self.me, &self.configuration)
    }

    fn step(&mut self, input: Input<u8>) -> Vec<Effect<u8>> {
        let cx = Context {
            me: self.me,
            configuration: &self.configuration,
            rules: &Zab,
        };
        let mut fx = Vec::new();
        self.server.step(&cx, input, &mut fx);
        fx
    }

    fn hears(&mut self, conn: Conn, message: Message<u8>) -> Vec<Effect<u8>> {
        self.step(Input::Message { conn, message })
    }

    fn epochs_durable(&mut self) -> Vec<Effect<u8>> {
        self.step(Input::EpochsDurable { ops: 1 })
    }

    fn calls(&mut self, conn: Conn, server: u64, accepted: u32) -> Vec<Effect<u8>> {
        let message = Message::FollowerInfo {
            server: id(server),
            accepted: Epoch::new(accepted),
        };
        self.hears(conn, message)
    }

    /// Leads `epoch` with one learner, which had accepted the epoch before and has the same history.
    fn offers(&mut self, epoch: u32) {
        self.step(Input::Lead);
        self.calls(LEARNER, 2, epoch - 1);
        self.epochs_durable();
        assert_eq!(self.server.epoch(), Some(Epoch::new(epoch)));
    }

    fn establishes(&mut self, epoch: u32) {
        self.offers(epoch);
        let message = Message::AckEpoch {
            current: Some(self.server.history().last().epoch()),
            last: self.server.history().last(),
        };
        self.hears(LEARNER, message);
        self.epochs_durable();
        self.hears(LEARNER, Message::Ack { zxid: at(epoch, 0) });
        assert_eq!(self.server.standing(), Standing::Leading { serving: true });
    }
}

#[test]
fn a_leader_gives_way_to_a_voter_that_has_promised_more() {
    let offering: fn(&mut Bench) = |bench| bench.offers(3);
    let collecting: fn(&mut Bench) = |bench| {
        bench.step(Input::Lead);
        bench.calls(LEARNER, 2, 2);
        assert_eq!(bench.server.epoch(), Some(Epoch::new(3)));
    };
    let established: fn(&mut Bench) = |bench| bench.establishes(3);
    for reign in [collecting, offering, established] {
        let mut bench = Bench::boot(&disk(2, Zxid::ZERO, &[(1, 1, 4)]));
        reign(&mut bench);
        let fx = bench.calls(LATER, 3, 7);
        assert_eq!(
            fx,
            [
                Effect::Close {
                    conn: LATER,
                    why: None
                },
                Effect::PersistAccepted(Epoch::new(7)),
                Effect::Close {
                    conn: LEARNER,
                    why: None
                },
                Effect::Retire,
            ]
        );
        // The vote waits until the promise is durable, and the next number is above it.
        let mut fx = bench.epochs_durable();
        if !bench.server.is_votable() {
            fx = bench.epochs_durable();
        }
        assert!(matches!(fx[..], [Effect::Look { .. }]));
        bench.step(Input::Lead);
        bench.calls(LEARNER, 2, 3);
        assert_eq!(bench.server.epoch(), Some(Epoch::new(8)));
    }
}

#[test]
fn a_leader_goes_on_beside_an_equal_promise_a_stranger_and_the_last_epoch() {
    let mut bench = Bench::boot(&disk(2, Zxid::ZERO, &[]));
    bench.establishes(3);
    let offer = Effect::Send {
        conn: LATER,
        message: Message::LeaderInfo { epoch: Epoch::new(3) },
    };
    assert_eq!(bench.calls(LATER, 3, 3), std::slice::from_ref(&offer));
    bench.step(Input::Closed { conn: LATER });
    assert_eq!(bench.calls(LATER, 9, 7), [offer]);
    bench.step(Input::Closed { conn: LATER });
    let refused = Effect::Close {
        conn: LATER,
        why: Some(Violation::Unexpected),
    };
    assert_eq!(bench.calls(LATER, 3, u32::MAX), [refused]);
    assert!(bench.server.is_serving());
}

/// A follower of epoch 3 that has been brought 2:1 and 2:2, of which nothing is durable, and NEWLEADER.
fn about_to_enter() -> Bench {
    let mut bench = Bench::boot(&disk(2, Zxid::ZERO, &[(1, 1, 4)]));
    bench.step(Input::Follow { leader: id(2) });
    bench.step(Input::Connected { conn: LEARNER });
    let epoch = Epoch::new(3);
    bench.hears(LEARNER, Message::LeaderInfo { epoch });
    bench.epochs_durable();
    bench.hears(LEARNER, Message::Diff { zxid: at(2, 2) });
    for zxid in [at(2, 1), at(2, 2)] {
        bench.hears(LEARNER, Message::Proposal { zxid, payload: 0 });
    }
    assert_eq!(bench.hears(LEARNER, Message::NewLeader { epoch }), []);
    bench
}

#[test]
fn new_leader_is_acknowledged_without_waiting_for_what_came_behind_it() {
    let mut bench = about_to_enter();
    let mut proposals = (1..).map(|counter| Message::Proposal {
        zxid: at(3, counter),
        payload: 0,
    });
    // The log never comes to rest: before each operation is durable, another is asked for.
    let mut next = |bench: &mut Bench| {
        bench.hears(LEARNER, proposals.next().expect("numbers are many"));
        bench.step(Input::LogDurable { ops: 1 })
    };
    assert_eq!(next(&mut bench), []);
    assert_eq!(next(&mut bench), [Effect::PersistCurrent(Epoch::new(3))]);
    assert_eq!(next(&mut bench), []);
    let ack = Effect::Send {
        conn: LEARNER,
        message: Message::Ack { zxid: at(3, 0) },
    };
    let first = Effect::SendAcks {
        conn: LEARNER,
        first: at(3, 1),
        last: at(3, 1),
    };
    assert_eq!(bench.epochs_durable(), [ack, first]);
}

#[test]
fn new_leader_is_not_acknowledged_before_what_came_before_it_is_durable() {
    let mut bench = about_to_enter();
    assert_eq!(bench.step(Input::LogDurable { ops: 1 }), []);
    // What is then asked for does not take the place of what is missing.
    let later = Message::Proposal {
        zxid: at(3, 1),
        payload: 0,
    };
    let fx = bench.hears(LEARNER, later);
    assert!(matches!(fx[..], [Effect::Append { .. }]));
    let fx = bench.step(Input::LogDurable { ops: 1 });
    assert_eq!(fx, [Effect::PersistCurrent(Epoch::new(3))]);
}

/// What a learner gets first whose log ends at `last`.
fn plan_for(bench: &mut Bench, last: Zxid) -> Effect<u8> {
    bench.calls(LATER, 3, 2);
    let current = Some(Epoch::new(1));
    let mut fx = bench.hears(LATER, Message::AckEpoch { current, last });
    bench.step(Input::Closed { conn: LATER });
    fx.remove(0)
}

#[test]
fn what_was_purged_is_not_planned_with() {
    let mut bench = Bench::boot(&disk(2, Zxid::ZERO, &[(1, 1, 9)]));
    bench.establishes(3);
    let diff = Effect::Send {
        conn: LATER,
        message: Message::Diff { zxid: at(1, 9) },
    };
    assert_eq!(plan_for(&mut bench, at(1, 3)), diff);
    // Of another history, and older than what is known: neither says anything.
    for floor in [at(1, 12), at(1, 5), at(1, 2)] {
        assert_eq!(bench.step(Input::Purged { floor }), []);
    }
    assert_eq!(bench.server.history().floor(), at(1, 5));
    assert_eq!(plan_for(&mut bench, at(1, 5)), diff);
    assert!(matches!(
        plan_for(&mut bench, at(1, 3)),
        Effect::SendSnapshot { .. }
    ));
}

#[test]
fn a_snap_reaches_beyond_every_log_that_it_replaces() {
    // The learner has a tail of epoch 2, of which the leader has nothing.
    let mut image = disk(1, Zxid::ZERO, &[(1, 1, 9)]);
    image.accepted = Some(Epoch::new(2));
    let mut bench = Bench::boot(&image);
    bench.establishes(3);
    bench.calls(LATER, 3, 2);
    let fx = bench.hears(
        LATER,
        Message::AckEpoch {
            current: Some(Epoch::new(2)),
            last: at(2, 5),
        },
    );
    let snapshot = Effect::SendSnapshot {
        conn: LATER,
        zxid: at(3, 0),
        upto: at(1, 9),
    };
    assert_eq!(fx.first(), Some(&snapshot));
}

#[test]
fn after_the_last_epoch_no_leader_proposes_one() {
    let mut image = disk(2, Zxid::ZERO, &[]);
    image.accepted = Some(Epoch::new(u32::MAX));
    let mut bench = Bench::boot(&image);
    bench.step(Input::Lead);
    assert_eq!(bench.calls(LEARNER, 2, 2), []);
    assert!(matches!(
        bench.step(Input::LimitPassed)[..],
        [Effect::Close { .. }, Effect::Retire, Effect::Look { .. }]
    ));
}

#[test]
fn a_failed_disk_is_the_last_thing_that_happens() {
    let mut bench = Bench::boot(&disk(2, Zxid::ZERO, &[(1, 1, 4)]));
    bench.establishes(3);
    assert_eq!(bench.step(Input::DiskFailed), [Effect::Halt]);
    assert!(bench.server.is_halted() && !bench.server.is_serving());
    for input in [
        Input::Lead,
        Input::Follow { leader: id(2) },
        Input::Connected { conn: LATER },
        Input::Closed { conn: LEARNER },
        Input::PingLearners,
        Input::LogDurable { ops: 1 },
        Input::DiskFailed,
    ] {
        assert_eq!(bench.step(input), []);
    }
}

/// A server that lost its disk follows server 2 into epoch 3, up to its answer to NEWLEADER.
fn forgetful() -> Bench {
    let mut bench = Bench::boot(&Image::default());
    bench.server = Server::boot(
        &Zab,
        &Image::default(),
        Memory::Forgetful,
        &mut Vec::<Effect<u8>>::new(),
    )
    .expect("empty");
    assert_eq!(bench.candidacy(), Candidacy::Forgetful);
    assert_eq!(bench.server.memory(), Memory::Forgetful);
    bench.step(Input::Follow { leader: id(2) });
    bench.step(Input::Connected { conn: LEARNER });
    bench.hears(LEARNER, Message::LeaderInfo { epoch: Epoch::new(3) });
    let promise = Effect::Send {
        conn: LEARNER,
        message: Message::AckEpoch {
            current: None,
            last: Zxid::ZERO,
        },
    };
    assert_eq!(
        bench.epochs_durable(),
        [promise],
        "not to be counted, and all is lacking"
    );
    bench.hears(LEARNER, Message::Snap { zxid: at(3, 0) });
    bench.hears(LEARNER, Message::NewLeader { epoch: Epoch::new(3) });
    bench.step(Input::LogDurable { ops: 1 });
    bench
}

#[test]
fn what_a_forgetful_server_says_counts_once_the_mark_is_gone() {
    let mut bench = forgetful();
    let ack = |zxid| Effect::Send {
        conn: LEARNER,
        message: Message::Ack { zxid },
    };
    assert_eq!(bench.epochs_durable(), [ack(Zxid::ZERO)], "no leader counts that");
    let proposal = Message::Proposal {
        zxid: at(3, 1),
        payload: 7,
    };
    bench.hears(LEARNER, proposal);
    assert_eq!(bench.step(Input::LogDurable { ops: 1 }), []);
    let fx = bench.hears(LEARNER, Message::UpToDate);
    assert_eq!(fx.last(), Some(&Effect::Recall));
    assert!(!fx.contains(&ack(at(3, 0))));
    let acks = Effect::SendAcks {
        conn: LEARNER,
        first: at(3, 1),
        last: at(3, 1),
    };
    assert_eq!(bench.epochs_durable(), [ack(at(3, 0)), acks]);
    assert_eq!(bench.candidacy(), Candidacy::Stands);
}

#[test]
fn a_forgetful_server_neither_leads_nor_forgets_that_it_is() {
    let mut bench = forgetful();
    bench.step(Input::Closed { conn: LEARNER });
    bench.epochs_durable();
    assert!(bench.server.is_votable());
    bench.step(Input::Lead);
    assert!(bench.server.is_looking());
    assert_eq!(bench.candidacy(), Candidacy::Forgetful);
}

#[test]
fn a_new_server_that_hears_of_a_history_marks_itself_before_it_looks_again() {
    let mut bench = Bench::boot(&Image::default());
    bench.server = Server::boot(
        &Zab,
        &Image::default(),
        Memory::Newborn,
        &mut Vec::<Effect<u8>>::new(),
    )
    .expect("empty");
    assert_eq!(bench.candidacy(), Candidacy::Newborn);
    assert_eq!(bench.step(Input::HistoryHeard), [Effect::Forget]);
    assert!(!bench.server.is_votable());
    let look = Effect::Look {
        current: Epoch::ZERO,
        last: Zxid::ZERO,
    };
    assert_eq!(bench.epochs_durable(), [look]);
    assert_eq!(bench.candidacy(), Candidacy::Forgetful);
    assert_eq!(bench.step(Input::HistoryHeard), [], "that is known");
}

#[test]
fn a_leader_serves_a_forgetful_learner_once_a_quorum_without_it_has_answered() {
    let mut bench = Bench::boot(&disk(2, Zxid::ZERO, &[(1, 1, 4)]));
    bench.establishes(3);
    bench.calls(LATER, 3, 0);
    let lacks_all = Message::AckEpoch {
        current: None,
        last: Zxid::ZERO,
    };
    bench.hears(LATER, lacks_all);
    let ping = |conn| Effect::Send {
        conn,
        message: Message::Ping { zxid: at(3, 0) },
    };
    let up_to_date = Effect::Send {
        conn: LATER,
        message: Message::UpToDate,
    };
    assert_eq!(
        bench.hears(LATER, Message::Ack { zxid: Zxid::ZERO }),
        [ping(LEARNER)]
    );
    assert_eq!(
        bench.hears(LEARNER, Message::Ping { zxid: at(3, 0) }),
        [up_to_date]
    );
    assert_eq!(
        bench.server.learners().filter(|learner| learner.synced).count(),
        1
    );
    bench.hears(LATER, Message::Ack { zxid: at(3, 0) });
    assert_eq!(
        bench.server.learners().filter(|learner| learner.synced).count(),
        2
    );
}
