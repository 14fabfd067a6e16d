//! Peers that send what no correct peer sends there: each loses its connection, and changes nothing else.

use super::*;

const EPOCH: Epoch = Epoch::new(3);
const PROPOSED: Zxid = Zxid::new(EPOCH, 1);
const HISTORY: Zxid = Zxid::new(Epoch::new(1), 4);

/// One message of each kind, and the letter for it below.
fn messages() -> Vec<(char, Message<u8>)> {
    let payload = 7;
    let (server, accepted, current) = (id(3), Epoch::new(2), Some(Epoch::new(1)));
    vec![
        ('f', Message::FollowerInfo { server, accepted }),
        (
            'o',
            Message::ObserverInfo {
                server: id(9),
                accepted,
            },
        ),
        ('l', Message::LeaderInfo { epoch: EPOCH }),
        (
            'e',
            Message::AckEpoch {
                current,
                last: HISTORY,
            },
        ),
        ('d', Message::Diff { zxid: HISTORY }),
        ('t', Message::Trunc { zxid: HISTORY }),
        (
            's',
            Message::Snap {
                zxid: Zxid::new(EPOCH, 0),
            },
        ),
        (
            'p',
            Message::Proposal {
                zxid: PROPOSED,
                payload,
            },
        ),
        (
            'i',
            Message::Inform {
                zxid: PROPOSED,
                payload,
            },
        ),
        ('n', Message::NewLeader { epoch: EPOCH }),
        ('u', Message::UpToDate),
        (
            'a',
            Message::Ack {
                zxid: Zxid::new(EPOCH, 0),
            },
        ),
        ('g', Message::Ping { zxid: PROPOSED }),
        ('y', Message::Sync),
    ]
}

type Step = fn(&mut Bench);
type Steps = &'static [Step];

/// How a learner comes to serve, phase by phase, and what its leader may send in each of them: to a follower, and to
/// an observer.
const LEARNER_PHASES: [(Step, &str, &str); 8] = [
    (
        |bench| drop(bench.step(Input::Connected { conn: LEARNER })),
        "lg",
        "lg",
    ),
    (
        |bench| drop(bench.hears(LEARNER, Message::LeaderInfo { epoch: EPOCH })),
        "g",
        "g",
    ),
    (|bench| drop(bench.epochs_durable()), "dtsg", "dtsg"),
    (
        |bench| drop(bench.hears(LEARNER, Message::Diff { zxid: HISTORY })),
        "png",
        "ping",
    ),
    (
        |bench| {
            let payload = 7;
            let zxid = Zxid::new(Epoch::new(2), 1);
            bench.hears(LEARNER, Message::Proposal { zxid, payload });
            bench.hears(LEARNER, Message::NewLeader { epoch: EPOCH });
        },
        "pg",
        "ig",
    ),
    (|bench| drop(bench.step(Input::LogDurable { ops: 1 })), "pg", "ig"),
    (|bench| drop(bench.epochs_durable()), "pug", "iug"),
    (
        |bench| drop(bench.hears(LEARNER, Message::UpToDate)),
        "pgy",
        "igy",
    ),
];

fn learner(observes: bool, phases: usize) -> Bench {
    let mut bench = Bench::boot(&disk(2, Zxid::ZERO, &[(1, 1, 4)]));
    if observes {
        bench.me = id(9);
    }
    bench.step(Input::Follow { leader: id(2) });
    for (enter, ..) in &LEARNER_PHASES[..phases] {
        enter(&mut bench);
    }
    bench
}

#[test]
fn a_learner_leaves_a_leader_that_sends_what_has_no_meaning_there() {
    for observes in [false, true] {
        for phases in 1..=LEARNER_PHASES.len() {
            let (_, follower, observer) = LEARNER_PHASES[phases - 1];
            let legal = if observes { observer } else { follower };
            for (letter, message) in messages() {
                let mut bench = learner(observes, phases);
                let place = format!("{letter} in phase {phases}, observes: {observes}");
                let fx = bench.hears(LEARNER, message);
                let is_left = bench.server.is_looking();
                assert_eq!(is_left, !legal.contains(letter), "{place}: {fx:?}");
                if is_left {
                    let why = Some(Violation::Unexpected);
                    assert_eq!(fx[0], Effect::Close { conn: LEARNER, why }, "{place}");
                    assert_eq!(fx[1], Effect::Retire, "{place}");
                }
            }
        }
    }
}

#[test]
fn what_a_connection_left_behind_brings_changes_nothing() {
    for phases in 0..=LEARNER_PHASES.len() {
        let conn = if phases == 0 { LEARNER } else { LATER };
        for (letter, message) in messages() {
            let mut bench = learner(false, phases);
            let before = bench.server.clone();
            assert_eq!(bench.hears(conn, message), [], "{letter} in phase {phases}");
            assert_eq!(bench.server, before, "{letter} in phase {phases}");
        }
        let mut bench = learner(false, phases);
        let before = bench.server.clone();
        assert_eq!(bench.step(Input::Closed { conn }), []);
        assert_eq!(bench.server, before);
    }
    for (letter, message) in messages() {
        let mut bench = Bench::boot(&disk(2, Zxid::ZERO, &[]));
        let before = bench.server.clone();
        assert_eq!(bench.hears(LEARNER, message), [], "{letter} while looking");
        assert_eq!(bench.server, before);
    }
}

#[test]
fn a_connection_that_nobody_asked_for_is_closed() {
    let close = Effect::Close {
        conn: LATER,
        why: None,
    };
    for phases in 1..=LEARNER_PHASES.len() {
        let mut bench = learner(false, phases);
        let before = bench.server.clone();
        assert_eq!(
            bench.step(Input::Connected { conn: LATER }),
            std::slice::from_ref(&close)
        );
        assert_eq!(bench.server, before);
    }
    let mut looks = Bench::boot(&disk(2, Zxid::ZERO, &[]));
    assert_eq!(
        looks.step(Input::Connected { conn: LATER }),
        std::slice::from_ref(&close)
    );
    looks.establishes(3);
    assert_eq!(looks.step(Input::Connected { conn: LATER }), [close]);
}

/// The stages of a second learner of an established leader, and what it may send in each; `a` is NEWLEADER's
/// acknowledgement.
const STAGES: [(Steps, &str); 5] = [
    (&[|bench| drop(bench.calls(LATER, 3, 2))], "e"),
    (
        &[
            |bench| drop(bench.calls(LATER, 3, 2)),
            |bench| promises(bench, Some(1)),
        ],
        "a",
    ),
    (
        &[
            |bench| drop(bench.calls(LATER, 3, 2)),
            |bench| promises(bench, Some(1)),
            |bench| drop(bench.hears(LATER, Message::Ack { zxid: at(3, 0) })),
        ],
        "a",
    ),
    // Forgetful, and then told to serve.
    (
        &[
            |bench| drop(bench.calls(LATER, 3, 2)),
            |bench| promises(bench, None),
            |bench| drop(bench.hears(LATER, Message::Ack { zxid: Zxid::ZERO })),
        ],
        "",
    ),
    (
        &[
            |bench| drop(bench.calls(LATER, 3, 2)),
            |bench| promises(bench, None),
            |bench| drop(bench.hears(LATER, Message::Ack { zxid: Zxid::ZERO })),
            |bench| drop(bench.hears(LEARNER, Message::Ping { zxid: at(3, 0) })),
        ],
        "a",
    ),
];

fn promises(bench: &mut Bench, current: Option<u32>) {
    let current = current.map(Epoch::new);
    let last = if current.is_some() { HISTORY } else { Zxid::ZERO };
    bench.hears(LATER, Message::AckEpoch { current, last });
}

#[test]
fn a_leader_hangs_up_on_a_learner_that_sends_what_has_no_meaning_there() {
    for (stage, (steps, legal)) in STAGES.iter().enumerate() {
        for (letter, message) in messages() {
            let mut bench = Bench::boot(&disk(2, Zxid::ZERO, &[(1, 1, 4)]));
            bench.establishes(3);
            for step in *steps {
                step(&mut bench);
            }
            let fx = bench.hears(LATER, message);
            let place = format!("{letter} in stage {stage}: {fx:?}");
            let stays = bench.server.learners().any(|learner| learner.conn == LATER);
            assert_eq!(stays, legal.contains(letter), "{place}");
            if !stays {
                assert!(
                    matches!(
                        fx[..],
                        [Effect::Close {
                            conn: LATER,
                            why: Some(_)
                        }]
                    ),
                    "{place}"
                );
            }
            assert!(bench.server.is_serving(), "the others are served: {place}");
        }
    }
}

#[test]
fn before_an_epoch_is_offered_a_learner_has_nothing_to_say() {
    for (letter, message) in messages() {
        let mut bench = Bench::boot(&disk(2, Zxid::ZERO, &[(1, 1, 4)]));
        bench.configuration = Configuration::fixed(Ensemble::majority((1..=5).map(id)));
        bench.step(Input::Lead);
        bench.calls(LATER, 3, 2);
        let fx = bench.hears(LATER, message);
        let hung_up = matches!(
            fx[..],
            [Effect::Close {
                conn: LATER,
                why: Some(_)
            }]
        );
        assert!(hung_up, "{letter}: {fx:?}");
        assert_eq!(bench.server.learners().count(), 0);
    }
}

#[test]
fn what_a_stranger_to_the_leader_says_before_it_greets_changes_nothing() {
    let mut bench = Bench::boot(&disk(2, Zxid::ZERO, &[(1, 1, 4)]));
    bench.establishes(3);
    for (letter, message) in messages() {
        if !"fo".contains(letter) {
            let before = bench.server.clone();
            assert_eq!(bench.hears(LATER, message), [], "{letter}");
            assert_eq!(bench.server, before, "{letter}");
        }
    }
}

#[test]
fn who_calls_itself_by_the_leaders_name_is_refused() {
    let mut bench = Bench::boot(&disk(2, Zxid::ZERO, &[]));
    bench.establishes(3);
    let why = Some(Violation::Unexpected);
    assert_eq!(bench.calls(LATER, 1, 2), [Effect::Close { conn: LATER, why }]);
    assert_eq!(bench.server.learners().count(), 1);
}

#[test]
fn a_proposal_that_leaves_a_gap_costs_the_leader_its_connection() {
    let gap = |got, logged| Effect::Close {
        conn: LEARNER,
        why: Some(Violation::Gap { logged, got }),
    };
    let proposal = |zxid| Message::Proposal { zxid, payload: 7 };
    // In what is lacking, and then once it serves: there a repetition is one as well.
    let (mut lacks, mut serves) = (learner(false, 4), learner(false, 8));
    assert_eq!(
        lacks.hears(LEARNER, proposal(at(2, 2)))[0],
        gap(at(2, 2), HISTORY)
    );
    for zxid in [at(3, 2), at(2, 1), HISTORY] {
        let fx = serves.clone().hears(LEARNER, proposal(zxid));
        assert_eq!(fx[0], gap(zxid, at(2, 1)));
    }
    // A hole in the leader's own log would come again each time; its snapshot has none.
    assert_eq!(asks_for(&mut lacks), (None, Zxid::ZERO));
    serves.hears(LEARNER, proposal(at(3, 2)));
    serves.epochs_durable();
    assert_eq!(asks_for(&mut serves), (None, at(2, 1)), "it has promised before");
}

/// What a server that looks says in ACKEPOCH to the next leader of the epoch.
fn asks_for(bench: &mut Bench) -> (Option<Epoch>, Zxid) {
    bench.step(Input::Follow { leader: id(2) });
    bench.step(Input::Connected { conn: LATER });
    match bench.hears(LATER, Message::LeaderInfo { epoch: EPOCH })[..] {
        [
            Effect::Send {
                message: Message::AckEpoch { current, last },
                ..
            },
        ] => (current, last),
        ref fx => panic!("{fx:?}"),
    }
}

#[test]
fn a_commit_of_what_was_not_proposed_costs_the_leader_its_connection() {
    let out_of_order = |committed, got| Effect::Close {
        conn: LEARNER,
        why: Some(Violation::CommitOutOfOrder { committed, got }),
    };
    for phases in 4..8 {
        let mut bench = learner(false, phases);
        let last = bench.server.history().last();
        assert_eq!(bench.hears(LEARNER, Message::Commit { zxid: last }), []);
        let fx = bench.hears(LEARNER, Message::Commit { zxid: PROPOSED });
        assert_eq!(fx[0], out_of_order(last, PROPOSED));
    }
    let mut serves = learner(false, 7);
    serves.hears(LEARNER, Message::Commit { zxid: at(2, 1) });
    serves.hears(LEARNER, Message::UpToDate);
    for counter in 1..=2 {
        let (zxid, payload) = (at(3, counter), 7);
        serves.hears(LEARNER, Message::Proposal { zxid, payload });
    }
    // Twice the same, one too far, and one that was never proposed.
    for zxid in [at(2, 1), at(3, 2)] {
        let fx = serves.clone().hears(LEARNER, Message::Commit { zxid });
        assert_eq!(fx[0], out_of_order(at(2, 1), zxid));
    }
    for counter in 1..=2 {
        assert_eq!(
            serves.hears(LEARNER, Message::Commit { zxid: at(3, counter) }),
            []
        );
    }
    let fx = serves.hears(LEARNER, Message::Commit { zxid: at(3, 3) });
    assert_eq!(fx[0], out_of_order(at(3, 2), at(3, 3)));
}

#[test]
fn a_leader_of_another_epoch_than_it_offered_is_left() {
    let mut bench = learner(false, 4);
    for epoch in [2, 4].map(Epoch::new) {
        let stale = Effect::Close {
            conn: LEARNER,
            why: Some(Violation::StaleEpoch {
                accepted: EPOCH,
                offered: epoch,
            }),
        };
        let fx = bench.clone().hears(LEARNER, Message::NewLeader { epoch });
        assert_eq!(fx[0], stale);
    }
    bench.hears(LEARNER, Message::NewLeader { epoch: EPOCH });
    assert!(!bench.server.is_looking());
}

#[test]
fn an_acknowledgement_of_what_was_not_proposed_costs_a_learner_its_connection() {
    let closes = |acked, got| Effect::Close {
        conn: LEARNER,
        why: Some(Violation::AckOutOfOrder { acked, got }),
    };
    let mut bench = Bench::boot(&disk(2, Zxid::ZERO, &[(1, 1, 4)]));
    bench.establishes(3);
    let ahead = bench.clone().hears(LEARNER, Message::Ack { zxid: at(3, 1) });
    assert_eq!(ahead, [closes(at(3, 0), at(3, 1))]);
    let payload = 7;
    bench.step(Input::Propose {
        zxid: at(3, 1),
        payload,
    });
    assert_eq!(bench.hears(LEARNER, Message::Ack { zxid: at(3, 1) }), []);
    let ahead = bench.hears(LEARNER, Message::Ack { zxid: at(3, 2) });
    assert_eq!(ahead, [closes(at(3, 1), at(3, 2))]);

    // Before that of NEWLEADER none counts, whatever it names.
    for zxid in [HISTORY, at(3, 1), at(2, 0)] {
        let mut bench = Bench::boot(&disk(2, Zxid::ZERO, &[(1, 1, 4)]));
        bench.offers(3);
        let (current, last) = (Some(Epoch::new(1)), HISTORY);
        bench.hears(LEARNER, Message::AckEpoch { current, last });
        assert_eq!(
            bench.hears(LEARNER, Message::Ack { zxid }),
            [closes(Zxid::ZERO, zxid)]
        );
    }
}

#[test]
fn an_answer_to_no_ping_costs_a_learner_its_connection() {
    let mismatch = |asked, got| Effect::Close {
        conn: LEARNER,
        why: Some(Violation::PingMismatch { asked, got }),
    };
    let mut bench = Bench::boot(&disk(2, Zxid::ZERO, &[(1, 1, 4)]));
    bench.establishes(3);
    let ping = |zxid| Message::Ping { zxid };
    let unasked = bench.clone().hears(LEARNER, ping(at(3, 0)));
    assert_eq!(unasked, [mismatch(None, at(3, 0))]);
    bench.step(Input::PingLearners);
    let other = bench.clone().hears(LEARNER, ping(HISTORY));
    assert_eq!(other, [mismatch(Some(at(3, 0)), HISTORY)]);
    assert_eq!(bench.hears(LEARNER, ping(at(3, 0))), []);
    assert_eq!(bench.hears(LEARNER, ping(at(3, 0))), [mismatch(None, at(3, 0))]);
}

#[test]
fn a_learner_with_a_better_history_is_not_led() {
    let better = |epoch, counter, current| {
        let mut bench = Bench::boot(&disk(2, Zxid::ZERO, &[(1, 1, 4)]));
        bench.offers(3);
        let (current, last) = (Some(Epoch::new(current)), at(epoch, counter));
        let fx = bench.hears(LEARNER, Message::AckEpoch { current, last });
        let hung_up = matches!(
            fx[..],
            [Effect::Close {
                why: Some(Violation::BetterHistory { .. }),
                ..
            }]
        );
        assert_eq!(bench.server.is_chosen(), !hung_up);
        hung_up
    };
    assert!(better(1, 5, 2) && better(2, 1, 2) && better(1, 4, 3));
    assert!(!better(1, 4, 2) && !better(1, 9, 1) && !better(1, 3, 2));
}
