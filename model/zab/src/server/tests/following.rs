//! Scenes of a follower, from its greeting to what it delivers.

use super::*;

const EPOCH: Epoch = Epoch::new(3);

fn send(message: Message<u8>) -> Effect<u8> {
    Effect::Send {
        conn: LEARNER,
        message,
    }
}

fn proposal(zxid: Zxid) -> Message<u8> {
    Message::Proposal { zxid, payload: 7 }
}

fn follower_of(image: &Image) -> Bench {
    let mut bench = Bench::boot(image);
    assert_eq!(
        bench.step(Input::Follow { leader: id(2) }),
        [Effect::Connect { leader: id(2) }]
    );
    bench
}

/// It has promised epoch 3 and answered its leader.
fn promised(image: &Image) -> Bench {
    let mut bench = follower_of(image);
    bench.step(Input::Connected { conn: LEARNER });
    bench.hears(LEARNER, Message::LeaderInfo { epoch: EPOCH });
    bench.epochs_durable();
    bench
}

/// It has acknowledged NEWLEADER of epoch 3, behind 1:4.
fn acknowledged() -> Bench {
    let mut bench = promised(&disk(2, Zxid::ZERO, &[(1, 1, 4)]));
    bench.hears(LEARNER, Message::Diff { zxid: at(1, 4) });
    bench.hears(LEARNER, Message::NewLeader { epoch: EPOCH });
    bench.epochs_durable();
    bench
}

fn serving() -> Bench {
    let mut bench = acknowledged();
    bench.hears(LEARNER, Message::UpToDate);
    bench
}

#[test]
fn a_follower_says_where_it_is() {
    let mut bench = Bench::boot(&disk(2, Zxid::ZERO, &[(1, 1, 4)]));
    let mut is = |input, phase, epoch: Option<u32>, conn, serving| {
        bench.step(input);
        let server = &bench.server;
        assert_eq!((server.phase(), server.epoch()), (phase, epoch.map(Epoch::new)));
        let leader = id(2);
        let standing = Standing::Following {
            leader,
            conn,
            serving,
        };
        assert_eq!(server.standing(), standing);
        assert_eq!(server.is_serving(), serving);
        assert_eq!(server.committed(), serving.then_some(at(1, 4)));
        assert!(!server.is_chosen() && !server.is_looking() && !server.is_halted());
        assert_eq!(server.learners().count(), 0);
    };
    let conn = LEARNER;
    let brings = |message| Input::Message { conn, message };
    let on = Some(LEARNER);
    is(Input::Follow { leader: id(2) }, "discovery", None, None, false);
    is(Input::Connected { conn }, "discovery", None, on, false);
    let offer = Message::LeaderInfo { epoch: EPOCH };
    is(brings(offer), "discovery", Some(3), on, false);
    let durable = Input::EpochsDurable { ops: 1 };
    is(durable.clone(), "synchronization", Some(3), on, false);
    let diff = Message::Diff { zxid: at(1, 4) };
    is(brings(diff), "synchronization", Some(3), on, false);
    let new_leader = Message::NewLeader { epoch: EPOCH };
    is(brings(new_leader), "synchronization", Some(3), on, false);
    is(durable, "synchronization", Some(3), on, false);
    is(brings(Message::UpToDate), "broadcast", Some(3), on, true);
}

#[test]
fn a_server_between_leaders_says_so() {
    let mut bench = Bench::boot(&disk(2, Zxid::ZERO, &[(1, 1, 4)]));
    for _ in 0..2 {
        let server = &bench.server;
        assert_eq!(server.standing(), Standing::Looking);
        assert_eq!((server.phase(), server.epoch()), ("election", None));
        assert_eq!((server.committed(), server.is_chosen()), (None, false));
        assert_eq!(
            (server.accepted(), server.current()),
            (Epoch::new(2), Epoch::new(2))
        );
        assert_eq!(server.credential_epoch(), Epoch::new(2));
        assert!(server.is_looking() && server.is_votable() && !server.is_halted());
        // No time of any role passes for it, and it has nothing to ping or to commit.
        for input in [Input::LimitPassed, Input::CheckQuorum, Input::PingLearners] {
            assert_eq!(bench.step(input), []);
        }
        assert_eq!(bench.step(Input::Sync { conn: None }), []);
        let (zxid, payload) = (at(3, 1), 7);
        assert_eq!(bench.step(Input::Propose { zxid, payload }), []);
    }
    bench.step(Input::DiskFailed);
    assert_eq!(bench.server.phase(), "halted");
    assert_eq!(bench.server.standing(), Standing::Looking);
    assert_eq!((bench.server.epoch(), bench.server.committed()), (None, None));
}

#[test]
fn a_greeting_names_the_highest_promise() {
    let mut image = disk(2, Zxid::ZERO, &[(1, 1, 4)]);
    image.accepted = Some(Epoch::new(5));
    let mut bench = follower_of(&image);
    let hello = Message::FollowerInfo {
        server: id(1),
        accepted: Epoch::new(5),
    };
    assert_eq!(bench.step(Input::Connected { conn: LEARNER }), [send(hello)]);
    let lower = bench
        .clone()
        .hears(LEARNER, Message::LeaderInfo { epoch: Epoch::new(4) });
    let why = Some(Violation::StaleEpoch {
        accepted: Epoch::new(5),
        offered: Epoch::new(4),
    });
    assert_eq!(lower[0], Effect::Close { conn: LEARNER, why });
    // It was promised before, perhaps to another: it follows, and is not counted.
    let again = bench.hears(LEARNER, Message::LeaderInfo { epoch: Epoch::new(5) });
    let (current, last) = (None, at(1, 4));
    assert_eq!(again, [send(Message::AckEpoch { current, last })]);
}

#[test]
fn a_promise_is_given_once_it_is_durable() {
    let mut bench = follower_of(&disk(2, Zxid::ZERO, &[(1, 1, 4)]));
    bench.step(Input::Connected { conn: LEARNER });
    let fx = bench.hears(LEARNER, Message::LeaderInfo { epoch: EPOCH });
    assert_eq!(fx, [Effect::PersistAccepted(EPOCH)]);
    assert_eq!(bench.server.accepted(), EPOCH);
    let (current, last) = (Some(Epoch::new(2)), at(1, 4));
    assert_eq!(
        bench.epochs_durable(),
        [send(Message::AckEpoch { current, last })]
    );
}

#[test]
fn a_cut_is_made_where_the_leader_says_and_what_follows_is_logged_behind_it() {
    let mut bench = promised(&disk(2, Zxid::ZERO, &[(1, 1, 4), (2, 1, 3)]));
    assert_eq!(
        bench.hears(LEARNER, Message::Trunc { zxid: at(2, 1) }),
        [Effect::Truncate { to: at(2, 1) }]
    );
    assert_eq!(bench.server.history().last(), at(2, 1));
    // What is there already is not logged again.
    for zxid in [at(1, 3), at(2, 1)] {
        assert_eq!(bench.hears(LEARNER, proposal(zxid)), []);
    }
    let (zxid, payload) = (at(2, 2), 7);
    let append = Effect::Append { zxid, payload };
    assert_eq!(bench.hears(LEARNER, proposal(at(2, 2))), [append]);
    assert_eq!(bench.hears(LEARNER, Message::NewLeader { epoch: EPOCH }), []);
    // The cut and the proposal, then currentEpoch.
    assert_eq!(bench.step(Input::LogDurable { ops: 1 }), []);
    let fx = bench.step(Input::LogDurable { ops: 1 });
    assert_eq!(fx, [Effect::PersistCurrent(EPOCH)]);
}

#[test]
fn a_cut_that_cannot_be_made_is_answered_by_asking_for_a_snapshot() {
    // Below its snapshot, at what it never had, beyond its end, and in between two epochs.
    let image = disk(2, at(1, 2), &[(1, 3, 4), (2, 1, 3)]);
    for to in [at(1, 1), at(1, 9), at(2, 4), at(2, 0), Zxid::ZERO] {
        let mut bench = promised(&image);
        let fx = bench.hears(LEARNER, Message::Trunc { zxid: to });
        let why = Some(Violation::CutTooDeep { floor: at(1, 2), to });
        assert_eq!(fx[0], Effect::Close { conn: LEARNER, why });
        bench.step(Input::Follow { leader: id(2) });
        bench.step(Input::Connected { conn: LEARNER });
        let fx = bench.hears(LEARNER, Message::LeaderInfo { epoch: EPOCH });
        let (current, last) = (None, Zxid::ZERO);
        assert_eq!(fx, [send(Message::AckEpoch { current, last })]);
        // Until it has one, nothing else helps.
        for message in [Message::Diff { zxid: to }, Message::Trunc { zxid: at(2, 1) }] {
            let fx = bench.clone().hears(LEARNER, message);
            assert!(matches!(fx[0], Effect::Close { why: Some(_), .. }));
        }
        let zxid = at(3, 0);
        assert_eq!(
            bench.hears(LEARNER, Message::Snap { zxid }),
            [Effect::Install { zxid }]
        );
        assert!(!bench.server.is_looking());
        // With it, it is as any other.
        bench.step(Input::Closed { conn: LEARNER });
        bench.step(Input::LogDurable { ops: 1 });
        bench.step(Input::Follow { leader: id(2) });
        bench.step(Input::Connected { conn: LEARNER });
        let fx = bench.hears(LEARNER, Message::LeaderInfo { epoch: EPOCH });
        let (current, last) = (None, at(3, 0));
        assert_eq!(fx, [send(Message::AckEpoch { current, last })]);
    }
    for to in [at(1, 2), at(1, 3), at(1, 4), at(2, 3)] {
        let fx = promised(&image).hears(LEARNER, Message::Trunc { zxid: to });
        assert_eq!(fx, [Effect::Truncate { to }]);
    }
}

#[test]
fn a_later_leader_is_promised_though_an_earlier_ones_cut_was_too_deep() {
    let mut bench = promised(&disk(2, at(1, 2), &[(1, 3, 4), (2, 1, 3)]));
    bench.hears(LEARNER, Message::Trunc { zxid: at(1, 1) });
    bench.step(Input::Follow { leader: id(2) });
    bench.step(Input::Connected { conn: LEARNER });
    let epoch = EPOCH.next();
    let fx = bench.hears(LEARNER, Message::LeaderInfo { epoch });
    assert_eq!(fx, [Effect::PersistAccepted(epoch)]);
    // A quorum may need this server: what it says is true, and counts.
    let (current, last) = (Some(Epoch::new(2)), at(2, 3));
    assert_eq!(
        bench.epochs_durable(),
        [send(Message::AckEpoch { current, last })]
    );
    let fx = bench.hears(LEARNER, Message::Trunc { zxid: at(2, 1) });
    assert_eq!(fx, [Effect::Truncate { to: at(2, 1) }]);
}

#[test]
fn a_snapshot_of_the_leaders_initial_history_is_where_a_cut_ends_by_whatever_name() {
    let mut bench = promised(&disk(2, Zxid::ZERO, &[(1, 1, 4)]));
    bench.hears(LEARNER, Message::Snap { zxid: at(3, 0) });
    bench.step(Input::Closed { conn: LEARNER });
    bench.step(Input::LogDurable { ops: 1 });
    bench.step(Input::Follow { leader: id(2) });
    bench.step(Input::Connected { conn: LEARNER });
    bench.hears(LEARNER, Message::LeaderInfo { epoch: EPOCH });
    let fx = bench.hears(LEARNER, Message::Trunc { zxid: at(1, 6) });
    assert_eq!(fx, [Effect::Truncate { to: at(3, 0) }]);
    // Of a snapshot in mid-epoch, and of an earlier epoch, that cannot be said.
    for floor in [at(3, 2), at(2, 0)] {
        let mut image = disk(2, floor, &[]);
        image.accepted = Some(EPOCH);
        let mut bench = follower_of(&image);
        bench.step(Input::Connected { conn: LEARNER });
        bench.hears(LEARNER, Message::LeaderInfo { epoch: EPOCH });
        let fx = bench.hears(LEARNER, Message::Trunc { zxid: at(1, 6) });
        assert!(matches!(fx[0], Effect::Close { why: Some(_), .. }), "{fx:?}");
    }
}

#[test]
fn what_a_snapshot_of_a_busy_leader_holds_already_is_not_logged_again() {
    let mut bench = promised(&disk(2, Zxid::ZERO, &[(1, 1, 4)]));
    bench.hears(LEARNER, Message::Snap { zxid: at(3, 2) });
    for zxid in [at(3, 1), at(3, 2)] {
        assert_eq!(bench.hears(LEARNER, proposal(zxid)), []);
    }
    let (zxid, payload) = (at(3, 3), 7);
    assert_eq!(
        bench.hears(LEARNER, proposal(zxid)),
        [Effect::Append { zxid, payload }]
    );
}

#[test]
fn more_completions_than_operations_change_nothing() {
    let mut bench = serving();
    bench.hears(LEARNER, proposal(at(3, 1)));
    let acks = Effect::SendAcks {
        conn: LEARNER,
        first: at(3, 1),
        last: at(3, 1),
    };
    assert_eq!(bench.step(Input::LogDurable { ops: 9 }), [acks]);
    assert_eq!(bench.step(Input::LogDurable { ops: 9 }), []);
    assert_eq!(bench.step(Input::EpochsDurable { ops: 9 }), []);
    let before = bench.server.clone();
    bench.hears(LEARNER, proposal(at(3, 2)));
    assert_ne!(bench.server, before);
    assert_eq!(bench.server.history().last(), at(3, 2));
}

#[test]
fn a_snapshot_is_loaded_before_anything_is_delivered_on_top_of_it() {
    let mut bench = promised(&disk(2, Zxid::ZERO, &[(1, 1, 4)]));
    bench.hears(LEARNER, Message::Snap { zxid: at(3, 0) });
    bench.hears(LEARNER, proposal(at(3, 1)));
    bench.hears(LEARNER, Message::Commit { zxid: at(3, 1) });
    bench.hears(LEARNER, Message::NewLeader { epoch: EPOCH });
    bench.step(Input::LogDurable { ops: 2 });
    bench.epochs_durable();
    let fx = bench.hears(LEARNER, Message::UpToDate);
    assert_eq!(
        fx[..3],
        [
            Effect::Load { zxid: at(3, 0) },
            Effect::Deliver { upto: at(3, 1) },
            Effect::Serve { epoch: EPOCH }
        ]
    );
    assert_eq!(bench.server.delivered(), at(3, 1));
}

#[test]
fn commits_before_up_to_date_are_hints_of_which_the_highest_counts() {
    let mut bench = promised(&disk(2, Zxid::ZERO, &[(1, 1, 4)]));
    bench.hears(LEARNER, Message::Diff { zxid: at(2, 3) });
    for counter in 1..=3 {
        bench.hears(LEARNER, proposal(at(2, counter)));
    }
    for zxid in [at(2, 2), at(2, 1), at(1, 3)] {
        assert_eq!(bench.hears(LEARNER, Message::Commit { zxid }), []);
    }
    bench.hears(LEARNER, Message::NewLeader { epoch: EPOCH });
    bench.step(Input::LogDurable { ops: 3 });
    bench.epochs_durable();
    let fx = bench.hears(LEARNER, Message::UpToDate);
    assert_eq!(fx[0], Effect::Deliver { upto: at(2, 2) });
    assert_eq!(bench.server.committed(), Some(at(2, 2)));
    // What is left over is the next to be committed.
    let fx = bench.hears(LEARNER, Message::Commit { zxid: at(2, 3) });
    assert_eq!(fx, [Effect::Deliver { upto: at(2, 3) }]);
}

#[test]
fn proposals_are_acknowledged_once_each_in_order_when_durable() {
    let mut bench = acknowledged();
    let acks = |first, last| Effect::SendAcks {
        conn: LEARNER,
        first: at(3, first),
        last: at(3, last),
    };
    for counter in 1..=4 {
        let (zxid, payload) = (at(3, counter), 7);
        let append = Effect::Append { zxid, payload };
        assert_eq!(bench.hears(LEARNER, proposal(zxid)), [append]);
    }
    assert_eq!(bench.step(Input::LogDurable { ops: 1 }), [acks(1, 1)]);
    let fx = bench.hears(LEARNER, Message::UpToDate);
    assert!(fx.contains(&send(Message::Ack { zxid: at(3, 0) })));
    assert!(!fx.iter().any(|effect| matches!(effect, Effect::SendAcks { .. })));
    assert_eq!(bench.step(Input::LogDurable { ops: 2 }), [acks(2, 3)]);
    assert_eq!(bench.step(Input::PingLearners), [], "nothing is said twice");
    assert_eq!(bench.step(Input::LogDurable { ops: 1 }), [acks(4, 4)]);
}

#[test]
fn only_what_is_committed_and_durable_here_is_delivered() {
    let mut bench = serving();
    for counter in 1..=3 {
        bench.hears(LEARNER, proposal(at(3, counter)));
    }
    assert_eq!(bench.hears(LEARNER, Message::Commit { zxid: at(3, 1) }), []);
    let fx = bench.step(Input::LogDurable { ops: 2 });
    assert_eq!(fx[1..], [Effect::Deliver { upto: at(3, 1) }]);
    let fx = bench.hears(LEARNER, Message::Commit { zxid: at(3, 2) });
    assert_eq!(fx, [Effect::Deliver { upto: at(3, 2) }]);
    assert_eq!(bench.server.delivered(), at(3, 2));
    assert_eq!(bench.server.committed(), Some(at(3, 2)));
}

#[test]
fn a_ping_is_answered_with_its_own_zxid_once_new_leader_is_acknowledged() {
    let ping = |zxid| Message::Ping { zxid };
    for mut bench in [acknowledged(), serving()] {
        assert_eq!(bench.hears(LEARNER, ping(at(3, 5))), [send(ping(at(3, 5)))]);
    }
    assert_eq!(about_to_enter().hears(LEARNER, ping(at(3, 5))), []);
}

#[test]
fn a_sync_is_answered_when_the_tree_holds_what_was_committed_by_then() {
    let mut bench = serving();
    assert_eq!(bench.hears(LEARNER, Message::Sync), [Effect::SyncDone]);
    for counter in 1..=2 {
        bench.hears(LEARNER, proposal(at(3, counter)));
        bench.hears(LEARNER, Message::Commit { zxid: at(3, counter) });
        assert_eq!(bench.hears(LEARNER, Message::Sync), []);
    }
    let mut fx = bench.step(Input::LogDurable { ops: 1 });
    assert_eq!(
        fx.split_off(1),
        [Effect::Deliver { upto: at(3, 1) }, Effect::SyncDone]
    );
    let mut fx = bench.step(Input::LogDurable { ops: 1 });
    assert_eq!(
        fx.split_off(1),
        [Effect::Deliver { upto: at(3, 2) }, Effect::SyncDone]
    );
}

#[test]
fn a_follower_that_loses_its_leader_looks_once_its_disk_is_quiet() {
    let mut bench = serving();
    bench.hears(LEARNER, proposal(at(3, 1)));
    bench.hears(LEARNER, proposal(at(3, 2)));
    let close = Effect::Close {
        conn: LEARNER,
        why: None,
    };
    assert_eq!(
        bench.step(Input::Closed { conn: LEARNER }),
        [close, Effect::Retire]
    );
    assert!(bench.server.is_looking() && !bench.server.is_votable());
    // It takes no role before its vote can name what its disk holds.
    bench.step(Input::Lead);
    bench.step(Input::Follow { leader: id(3) });
    assert!(bench.server.is_looking());
    assert_eq!(bench.step(Input::LogDurable { ops: 1 }), []);
    let (current, last) = (EPOCH, at(3, 2));
    assert_eq!(
        bench.step(Input::LogDurable { ops: 1 }),
        [Effect::Look { current, last }]
    );
    assert!(bench.server.is_votable());
    // The tree stays where it was: what was not committed may yet be dropped.
    assert_eq!(bench.server.delivered(), at(1, 4));
}

#[test]
fn a_follower_that_is_not_served_in_time_looks_again_and_one_that_serves_stays() {
    for mut bench in [
        follower_of(&disk(2, Zxid::ZERO, &[])),
        about_to_enter(),
        acknowledged(),
    ] {
        bench.step(Input::LimitPassed);
        assert!(bench.server.is_looking());
    }
    let mut bench = serving();
    assert_eq!(bench.step(Input::LimitPassed), []);
    assert!(bench.server.is_serving());
}

#[test]
fn only_a_server_that_looks_takes_a_role() {
    let mut bench = serving();
    let before = bench.server.clone();
    for input in [Input::Lead, Input::Follow { leader: id(3) }, Input::HistoryHeard] {
        assert_eq!(bench.step(input), []);
        assert_eq!(bench.server, before);
    }
}

#[test]
fn an_empty_server_that_has_promised_is_not_new_any_more() {
    let mut bench = Bench::boot(&Image::default());
    bench.server = Server::boot(
        &Zab,
        &Image::default(),
        Memory::Newborn,
        &mut Vec::<Effect<u8>>::new(),
    )
    .expect("empty");
    bench.step(Input::Follow { leader: id(2) });
    bench.step(Input::Connected { conn: LEARNER });
    bench.hears(LEARNER, Message::LeaderInfo { epoch: Epoch::new(1) });
    assert_eq!(bench.server.memory(), Memory::Whole);
    let (current, last) = (Some(Epoch::ZERO), Zxid::ZERO);
    assert_eq!(
        bench.epochs_durable(),
        [send(Message::AckEpoch { current, last })]
    );
    assert_eq!(bench.candidacy(), Candidacy::Stands);
}

#[test]
fn a_forgetful_server_that_holds_nothing_has_nothing_to_drop() {
    let mut bench = Bench::boot(&Image::default());
    bench.server = Server::boot(
        &Zab,
        &Image::default(),
        Memory::Forgetful,
        &mut Vec::<Effect<u8>>::new(),
    )
    .expect("empty");
    bench.step(Input::Follow { leader: id(2) });
    bench.step(Input::Connected { conn: LEARNER });
    bench.hears(LEARNER, Message::LeaderInfo { epoch: EPOCH });
    bench.epochs_durable();
    // An Apache leader without a write sends an empty difference.
    assert_eq!(bench.hears(LEARNER, Message::Diff { zxid: Zxid::ZERO }), []);
    let (zxid, payload) = (at(2, 1), 7);
    let append = Effect::Append { zxid, payload };
    assert_eq!(bench.hears(LEARNER, proposal(zxid)), [append]);
}

#[test]
fn a_forgetful_server_drops_what_an_earlier_synchronisation_left() {
    let mut bench = forgetful();
    bench.hears(LEARNER, proposal(at(3, 1)));
    bench.step(Input::LogDurable { ops: 1 });
    bench.epochs_durable();
    bench.step(Input::Closed { conn: LEARNER });
    bench.step(Input::Follow { leader: id(2) });
    bench.step(Input::Connected { conn: LEARNER });
    bench.hears(LEARNER, Message::LeaderInfo { epoch: Epoch::new(4) });
    bench.epochs_durable();
    // A difference from the beginning cannot be put behind a snapshot.
    let fx = bench.hears(LEARNER, Message::Diff { zxid: at(3, 1) });
    assert!(
        matches!(
            fx[0],
            Effect::Close {
                why: Some(Violation::CutTooDeep { .. }),
                ..
            }
        ),
        "{fx:?}"
    );
}

#[test]
fn in_an_ensemble_of_other_names_a_follower_follows_by_the_other_name() {
    let renamed = serving().server.renamed(&|server| id(server.get() + 10));
    let serving = true;
    let conn = Some(LEARNER);
    let leader = id(12);
    assert_eq!(
        renamed.standing(),
        Standing::Following {
            leader,
            conn,
            serving
        }
    );
}
