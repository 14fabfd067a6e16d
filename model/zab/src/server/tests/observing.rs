//! Scenes with an observer.

use super::*;

const OBSERVER: Conn = Conn::new(3);

impl Bench {
    /// An observer calls that had accepted the epoch and has this leader's history up to `last`.
    fn is_observed(&mut self, accepted: u32, last: Zxid) -> Vec<Effect<u8>> {
        let message = Message::ObserverInfo {
            server: id(9),
            accepted: Epoch::new(accepted),
        };
        let offered = self.hears(OBSERVER, message);
        let epoch = self.server.epoch().expect("it leads");
        let offer = Message::LeaderInfo { epoch };
        assert_eq!(offered, [send(OBSERVER, offer)]);
        let current = Some(self.server.current());
        self.hears(OBSERVER, Message::AckEpoch { current, last })
    }

    fn proposes(&mut self, zxid: Zxid) -> Vec<Effect<u8>> {
        self.step(Input::Propose { zxid, payload: 7 })
    }
}

fn send(conn: Conn, message: Message<u8>) -> Effect<u8> {
    Effect::Send { conn, message }
}

fn proposal(zxid: Zxid) -> Message<u8> {
    Message::Proposal { zxid, payload: 7 }
}

fn inform(zxid: Zxid) -> Message<u8> {
    Message::Inform { zxid, payload: 7 }
}

#[test]
fn an_observer_is_sent_what_is_committed_and_nothing_before() {
    let mut bench = Bench::boot(&disk(2, Zxid::ZERO, &[(1, 1, 4)]));
    bench.establishes(3);
    bench.proposes(at(3, 1));
    let diff = Message::Diff { zxid: at(1, 4) };
    let epoch = Epoch::new(3);
    // Not what is outstanding, though it is in the log.
    assert_eq!(
        bench.is_observed(2, at(1, 4)),
        [send(OBSERVER, diff), send(OBSERVER, Message::NewLeader { epoch })]
    );
    let (zxid, payload) = (at(3, 2), 7);
    let append = Effect::Append { zxid, payload };
    assert_eq!(bench.proposes(zxid), [send(LEARNER, proposal(zxid)), append]);
    let fx = bench.hears(LEARNER, Message::Ack { zxid });
    assert_eq!(fx, []);
    let commits = [at(3, 1), at(3, 2)].map(|zxid| send(LEARNER, Message::Commit { zxid }));
    let informs = Effect::Inform {
        conn: OBSERVER,
        after: at(1, 4),
        upto: zxid,
    };
    let fx = bench.step(Input::LogDurable { ops: 2 });
    assert_eq!(fx[..2], commits);
    assert_eq!(fx[2..], [informs, Effect::Deliver { upto: zxid }]);
}

#[test]
fn nothing_rests_on_an_observer() {
    let mut bench = Bench::boot(&disk(2, Zxid::ZERO, &[(1, 1, 4)]));
    bench.step(Input::Lead);
    let hello = Message::ObserverInfo {
        server: id(9),
        accepted: Epoch::new(2),
    };
    assert_eq!(bench.hears(OBSERVER, hello), []);
    assert_eq!(bench.server.epoch(), None, "an observer is no quorum");

    let mut bench = Bench::boot(&disk(2, Zxid::ZERO, &[(1, 1, 4)]));
    bench.establishes(3);
    bench.is_observed(2, at(1, 4));
    let up_to_date = send(OBSERVER, Message::UpToDate);
    assert_eq!(
        bench.hears(OBSERVER, Message::Ack { zxid: at(3, 0) }),
        [up_to_date]
    );
    bench.step(Input::Closed { conn: LEARNER });
    bench.proposes(at(3, 1));
    assert_eq!(bench.step(Input::LogDurable { ops: 1 }), []);
    assert_eq!(bench.hears(OBSERVER, Message::Ack { zxid: at(3, 1) }), []);
    assert_eq!(bench.server.committed(), Some(at(1, 4)));
    bench.step(Input::CheckQuorum);
    assert!(bench.server.is_looking());
}

#[test]
fn a_voter_that_says_it_observes_is_refused() {
    let mut bench = Bench::boot(&disk(2, Zxid::ZERO, &[]));
    bench.establishes(3);
    let hello = Message::ObserverInfo {
        server: id(3),
        accepted: Epoch::new(2),
    };
    let why = Some(Violation::Unexpected);
    assert_eq!(bench.hears(LATER, hello), [Effect::Close { conn: LATER, why }]);
}

#[test]
fn a_leader_goes_on_beside_an_observer_that_has_accepted_more() {
    let mut bench = Bench::boot(&disk(2, Zxid::ZERO, &[]));
    bench.establishes(3);
    bench.is_observed(7, Zxid::ZERO);
    assert!(bench.server.is_serving());
}

/// Observer 9 with `image`, called by nobody and connected to server 2.
fn observing(image: &Image) -> Bench {
    let mut bench = Bench::boot(image);
    bench.me = id(9);
    bench.step(Input::Lead);
    assert!(bench.server.is_looking(), "an observer never leads");
    bench.step(Input::Follow { leader: id(2) });
    let hello = Message::ObserverInfo {
        server: id(9),
        accepted: bench.server.accepted(),
    };
    let fx = bench.step(Input::Connected { conn: LEARNER });
    assert_eq!(fx, [send(LEARNER, hello)]);
    bench
}

/// It serves epoch 3 with 1:4 as its last transaction.
fn serving() -> Bench {
    let mut bench = observing(&disk(2, Zxid::ZERO, &[(1, 1, 4)]));
    let epoch = Epoch::new(3);
    bench.hears(LEARNER, Message::LeaderInfo { epoch });
    bench.epochs_durable();
    bench.hears(LEARNER, Message::Diff { zxid: at(1, 4) });
    bench.hears(LEARNER, Message::NewLeader { epoch });
    let ack = send(LEARNER, Message::Ack { zxid: at(3, 0) });
    assert_eq!(bench.epochs_durable(), std::slice::from_ref(&ack));
    let fx = bench.hears(LEARNER, Message::UpToDate);
    assert_eq!(
        fx,
        [Effect::Deliver { upto: at(1, 4) }, Effect::Serve { epoch }, ack]
    );
    bench
}

#[test]
fn what_an_observer_is_informed_of_is_logged_then_delivered_and_never_acknowledged() {
    let mut bench = serving();
    let (zxid, payload) = (at(3, 1), 7);
    assert_eq!(
        bench.hears(LEARNER, inform(zxid)),
        [Effect::Append { zxid, payload }]
    );
    let fx = bench.step(Input::LogDurable { ops: 1 });
    assert_eq!(fx, [Effect::Deliver { upto: zxid }]);
    let gap = bench.hears(LEARNER, inform(at(3, 3)));
    assert!(matches!(
        gap[..],
        [
            Effect::Close {
                why: Some(Violation::Gap { .. }),
                ..
            },
            Effect::Retire,
            ..
        ]
    ));
}

#[test]
fn an_observer_takes_no_proposal_and_a_follower_no_inform() {
    for message in [proposal(at(3, 1)), Message::Commit { zxid: at(1, 4) }] {
        let fx = serving().hears(LEARNER, message);
        let why = Some(Violation::Unexpected);
        assert_eq!(fx[0], Effect::Close { conn: LEARNER, why });
    }
    let fx = about_to_enter().hears(LEARNER, inform(at(3, 1)));
    let why = Some(Violation::Unexpected);
    assert_eq!(fx[0], Effect::Close { conn: LEARNER, why });
}

#[test]
fn an_inform_before_up_to_date_is_logged_and_delivered_once_it_serves() {
    let mut bench = observing(&disk(2, Zxid::ZERO, &[(1, 1, 4)]));
    let epoch = Epoch::new(3);
    bench.hears(LEARNER, Message::LeaderInfo { epoch });
    bench.epochs_durable();
    bench.hears(LEARNER, Message::Diff { zxid: at(1, 4) });
    bench.hears(LEARNER, inform(at(3, 1)));
    // What a snapshot held already comes once more, and says that it is committed.
    assert_eq!(bench.hears(LEARNER, inform(at(3, 1))), []);
    bench.hears(LEARNER, Message::NewLeader { epoch });
    bench.hears(LEARNER, inform(at(3, 2)));
    bench.step(Input::LogDurable { ops: 2 });
    bench.epochs_durable();
    let fx = bench.hears(LEARNER, Message::UpToDate);
    assert_eq!(fx[0], Effect::Deliver { upto: at(3, 2) });
}

#[test]
fn an_observer_takes_a_lower_epoch_than_it_accepted_but_not_than_it_has() {
    let mut image = disk(2, Zxid::ZERO, &[(1, 1, 4)]);
    image.accepted = Some(Epoch::new(7));
    let mut bench = observing(&image);
    let answer = Message::AckEpoch {
        current: None,
        last: at(1, 4),
    };
    let fx = bench.hears(LEARNER, Message::LeaderInfo { epoch: Epoch::new(3) });
    assert_eq!(fx, [send(LEARNER, answer)]);
    let mut bench = observing(&image);
    let fx = bench.hears(LEARNER, Message::LeaderInfo { epoch: Epoch::new(1) });
    assert!(matches!(
        fx[0],
        Effect::Close {
            why: Some(Violation::StaleEpoch { .. }),
            ..
        }
    ));
}
