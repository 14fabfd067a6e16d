//! Scenes of a leader, from the first greeting to the commits and answers of its reign.

use super::*;

fn send(conn: Conn, message: Message<u8>) -> Effect<u8> {
    Effect::Send { conn, message }
}

fn proposal(zxid: Zxid) -> Message<u8> {
    Message::Proposal { zxid, payload: 7 }
}

fn close(conn: Conn) -> Effect<u8> {
    Effect::Close { conn, why: None }
}

fn ping(zxid: Zxid) -> Message<u8> {
    Message::Ping { zxid }
}

impl Bench {
    fn proposes_to(&mut self, counter: u32) -> Vec<Effect<u8>> {
        self.step(Input::Propose {
            zxid: at(3, counter),
            payload: 7,
        })
    }

    fn acknowledges(&mut self, conn: Conn, counter: u32) -> Vec<Effect<u8>> {
        let zxid = at(3, counter);
        self.hears(conn, Message::Ack { zxid })
    }

    /// Server 3 has this leader's history and is synchronised by it.
    fn is_joined(&mut self) {
        self.calls(LATER, 3, 2);
        let (current, last) = (Some(Epoch::new(1)), at(1, 4));
        self.hears(LATER, Message::AckEpoch { current, last });
        let fx = self.acknowledges(LATER, 0);
        assert_eq!(fx[0], send(LATER, Message::UpToDate));
    }
}

/// The established leader of epoch 3, its initial history being 1:1 to 1:4.
fn leader() -> Bench {
    let mut bench = Bench::boot(&disk(2, Zxid::ZERO, &[(1, 1, 4)]));
    bench.establishes(3);
    bench
}

/// The same, of five servers, with two of four learners synchronised.
fn leader_of_five() -> Bench {
    let mut bench = Bench::boot(&disk(2, Zxid::ZERO, &[(1, 1, 4)]));
    bench.configuration = Configuration::fixed(Ensemble::majority((1..=5).map(id)));
    bench.step(Input::Lead);
    bench.calls(LEARNER, 2, 2);
    bench.calls(LATER, 3, 2);
    bench.epochs_durable();
    for conn in [LEARNER, LATER] {
        let (current, last) = (Some(Epoch::new(1)), at(1, 4));
        bench.hears(conn, Message::AckEpoch { current, last });
    }
    bench.epochs_durable();
    assert_eq!(bench.acknowledges(LEARNER, 0), []);
    let fx = bench.acknowledges(LATER, 0);
    assert_eq!(
        fx,
        [
            Effect::Deliver { upto: at(1, 4) },
            Effect::Serve { epoch: Epoch::new(3) },
            send(LEARNER, Message::UpToDate),
            send(LATER, Message::UpToDate)
        ]
    );
    bench
}

#[test]
fn a_leader_says_where_it_is() {
    let mut bench = Bench::boot(&disk(2, Zxid::ZERO, &[(1, 1, 4)]));
    let mut is = |input, phase, epoch: Option<u32>, chosen, serving| {
        bench.step(input);
        let server = &bench.server;
        assert_eq!((server.phase(), server.epoch()), (phase, epoch.map(Epoch::new)));
        assert_eq!(server.standing(), Standing::Leading { serving });
        assert_eq!((server.is_serving(), server.is_chosen()), (serving, chosen));
        assert_eq!(server.committed(), serving.then_some(at(1, 4)));
        assert_eq!(server.credential_epoch(), Epoch::new(2));
        assert!(!server.is_looking() && !server.is_votable());
    };
    let conn = LEARNER;
    let brings = |message| Input::Message { conn, message };
    is(Input::Lead, "discovery", None, false, false);
    let (server, accepted) = (id(2), Epoch::new(2));
    let hello = Message::FollowerInfo { server, accepted };
    is(brings(hello), "discovery", Some(3), false, false);
    let durable = Input::EpochsDurable { ops: 1 };
    is(durable.clone(), "discovery", Some(3), false, false);
    let (current, last) = (Some(Epoch::new(1)), at(1, 4));
    let promise = Message::AckEpoch { current, last };
    is(brings(promise), "synchronization", Some(3), true, false);
    is(durable, "synchronization", Some(3), true, false);
    let ack = Message::Ack { zxid: at(3, 0) };
    is(brings(ack), "broadcast", Some(3), true, true);
    assert_eq!(bench.server.current(), Epoch::new(3));
    let learners: Vec<_> = bench.server.learners().collect();
    let learner = LearnerView {
        server: id(2),
        conn: LEARNER,
        observes: false,
        synced: true,
    };
    assert_eq!(learners, [learner]);
    let renamed = bench.server.renamed(&|server| id(server.get() + 10));
    let renumbered = renamed.renumbered(&|_| LATER);
    let learner = LearnerView {
        server: id(12),
        conn: LATER,
        ..learner
    };
    assert_eq!(renumbered.learners().collect::<Vec<_>>(), [learner]);
}

#[test]
fn the_number_of_an_epoch_is_above_all_that_a_quorum_has_accepted() {
    let mut bench = Bench::boot(&disk(2, Zxid::ZERO, &[]));
    bench.step(Input::Lead);
    assert_eq!(
        bench.calls(LEARNER, 2, 7),
        [Effect::PersistAccepted(Epoch::new(8))]
    );
    // One that comes later waits for the offer as well, and is no reason for another number.
    assert_eq!(bench.calls(LATER, 3, 5), []);
    let offer = Message::LeaderInfo { epoch: Epoch::new(8) };
    assert_eq!(
        bench.epochs_durable(),
        [send(LEARNER, offer.clone()), send(LATER, offer)]
    );
}

#[test]
fn an_epoch_is_chosen_by_those_that_promised_it_and_by_nobody_else() {
    let mut bench = Bench::boot(&disk(2, Zxid::ZERO, &[(1, 1, 4)]));
    bench.offers(3);
    bench.calls(LATER, 3, 2);
    let (current, last) = (None, at(1, 4));
    // A promise given before is none, though its history is as good.
    assert_eq!(bench.hears(LEARNER, Message::AckEpoch { current, last }), []);
    assert!(!bench.server.is_chosen());
    let current = Some(Epoch::new(1));
    let last = at(1, 2);
    let epoch = Epoch::new(3);
    let fx = bench.hears(LATER, Message::AckEpoch { current, last });
    let (after, upto, committed) = (at(1, 2), at(1, 4), true);
    let replay = Effect::Replay {
        conn: LATER,
        after,
        upto,
        committed,
    };
    // Both are brought up to date: what each lacks, and NEWLEADER behind it.
    assert_eq!(
        fx,
        [
            Effect::PersistCurrent(epoch),
            send(LEARNER, Message::Diff { zxid: at(1, 4) }),
            send(LEARNER, Message::NewLeader { epoch }),
            send(LATER, Message::Diff { zxid: at(1, 4) }),
            replay,
            send(LATER, Message::NewLeader { epoch }),
        ]
    );
}

#[test]
fn an_epoch_is_established_once_a_quorum_and_the_leader_itself_have_it_on_disk() {
    let mut bench = Bench::boot(&disk(2, Zxid::ZERO, &[(1, 1, 4)]));
    bench.offers(3);
    let (current, last) = (Some(Epoch::new(1)), at(1, 4));
    bench.hears(LEARNER, Message::AckEpoch { current, last });
    assert_eq!(bench.acknowledges(LEARNER, 0), [], "its own currentEpoch is not");
    let fx = bench.epochs_durable();
    assert_eq!(
        fx,
        [
            Effect::Deliver { upto: at(1, 4) },
            Effect::Serve { epoch: Epoch::new(3) },
            send(LEARNER, Message::UpToDate)
        ]
    );
    assert_eq!(bench.server.delivered(), at(1, 4));
}

#[test]
fn a_learner_that_cuts_is_sent_what_is_behind_the_cut() {
    let mut bench = leader();
    bench.proposes_to(1);
    bench.acknowledges(LEARNER, 1);
    bench.step(Input::LogDurable { ops: 1 });
    bench.proposes_to(2);
    let epoch = Epoch::new(3);
    let new_leader = send(LATER, Message::NewLeader { epoch });
    let replay = |after, upto, committed| Effect::Replay {
        conn: LATER,
        after,
        upto,
        committed,
    };
    let outstanding = replay(at(3, 1), at(3, 2), false);
    let mut sent = |last| {
        bench.calls(LATER, 3, 2);
        let current = Some(Epoch::new(2));
        let fx = bench.hears(LATER, Message::AckEpoch { current, last });
        bench.step(Input::Closed { conn: LATER });
        fx
    };
    // What it lacks that is committed with its COMMITs, then what is outstanding, then NEWLEADER.
    let trunc = send(LATER, Message::Trunc { zxid: at(1, 4) });
    let brought = replay(at(1, 4), at(3, 1), true);
    let expected = [trunc, brought.clone(), outstanding.clone(), new_leader.clone()];
    assert_eq!(sent(at(1, 6)), expected);
    let diff = send(LATER, Message::Diff { zxid: at(3, 1) });
    let expected = [diff.clone(), brought, outstanding.clone(), new_leader.clone()];
    assert_eq!(sent(at(1, 4)), expected);
    let expected = [diff, outstanding.clone(), new_leader.clone()];
    assert_eq!(sent(at(3, 1)), expected);
    // It has more than is committed: an earlier connection brought it.
    let trunc = send(LATER, Message::Trunc { zxid: at(3, 1) });
    let expected = [trunc, outstanding.clone(), new_leader.clone()];
    assert_eq!(sent(at(3, 2)), expected);
    let (zxid, upto) = (at(3, 1), at(3, 1));
    let snapshot = Effect::SendSnapshot {
        conn: LATER,
        zxid,
        upto,
    };
    assert_eq!(sent(at(2, 3)), [snapshot, outstanding, new_leader]);
}

#[test]
fn who_led_the_epoch_before_without_a_write_lacks_nothing_of_its_initial_history() {
    let mut bench = leader();
    let diff = send(LATER, Message::Diff { zxid: at(2, 0) });
    assert_eq!(plan_for(&mut bench, at(2, 0)), diff);
}

#[test]
fn a_leader_makes_its_snapshot_of_its_own_history() {
    // What was installed under its tree is loaded before a tree is sent.
    let mut bench = Bench::boot(&disk(2, Zxid::ZERO, &[(1, 1, 4)]));
    bench.step(Input::Follow { leader: id(2) });
    bench.step(Input::Connected { conn: LEARNER });
    bench.hears(LEARNER, Message::LeaderInfo { epoch: Epoch::new(3) });
    bench.epochs_durable();
    bench.hears(LEARNER, Message::Snap { zxid: at(3, 0) });
    bench.step(Input::Closed { conn: LEARNER });
    bench.step(Input::LogDurable { ops: 1 });
    bench.offers(4);
    let (current, last) = (Some(Epoch::new(2)), at(1, 4));
    let fx = bench.hears(LEARNER, Message::AckEpoch { current, last });
    assert_eq!(
        fx[..2],
        [
            Effect::PersistCurrent(Epoch::new(4)),
            Effect::Load { zxid: at(3, 0) }
        ]
    );
    assert!(matches!(fx[2], Effect::SendSnapshot { .. }));
}

#[test]
fn proposals_are_numbered_without_a_gap_and_sent_to_who_has_the_history() {
    let mut bench = leader();
    bench.calls(LATER, 3, 2);
    assert_eq!(bench.server.next_zxid(&Zab), Some(at(3, 1)));
    for zxid in [at(3, 2), at(3, 0), at(2, 1), at(4, 1)] {
        assert_eq!(bench.step(Input::Propose { zxid, payload: 7 }), []);
    }
    let (zxid, payload) = (at(3, 1), 7);
    let append = Effect::Append { zxid, payload };
    assert_eq!(bench.proposes_to(1), [send(LEARNER, proposal(zxid)), append]);
    assert_eq!(bench.server.next_zxid(&Zab), Some(at(3, 2)));
    let mut unestablished = Bench::boot(&disk(2, Zxid::ZERO, &[]));
    assert_eq!(unestablished.server.next_zxid(&Zab), None);
    unestablished.offers(3);
    assert_eq!(unestablished.server.next_zxid(&Zab), None);
}

/// Epochs of two zxids.
struct Short;

impl Rules for Short {
    fn last_counter(&self) -> u32 {
        2
    }
}

#[test]
fn a_leader_whose_counter_is_used_up_gives_way_to_a_new_epoch() {
    let mut bench = leader();
    let mut proposes = |counter| {
        let cx = Context {
            me: bench.me,
            configuration: &bench.configuration,
            rules: &Short,
        };
        let mut fx = Vec::new();
        let (zxid, payload) = (at(3, counter), 7);
        bench.server.step(&cx, Input::Propose { zxid, payload }, &mut fx);
        (bench.server.is_looking(), bench.server.next_zxid(&Short), fx)
    };
    let (looks, next, _) = proposes(1);
    assert_eq!((looks, next), (false, Some(at(3, 2))));
    let (looks, next, fx) = proposes(2);
    assert_eq!((looks, next), (true, None));
    assert_eq!(fx[2..], [close(LEARNER), Effect::Retire]);
}

#[test]
fn what_a_quorum_has_on_disk_is_committed_in_order_and_told_to_all() {
    let mut bench = leader_of_five();
    for counter in 1..=3 {
        bench.proposes_to(counter);
    }
    assert_eq!(bench.step(Input::LogDurable { ops: 3 }), [], "one is no quorum");
    assert_eq!(bench.acknowledges(LEARNER, 3), [], "nor are two of five");
    let commits = |from, upto| {
        let mut fx = Vec::new();
        for counter in from..=upto {
            for conn in [LEARNER, LATER] {
                let zxid = at(3, counter);
                fx.push(send(conn, Message::Commit { zxid }));
            }
        }
        fx.push(Effect::Deliver { upto: at(3, upto) });
        fx
    };
    assert_eq!(bench.acknowledges(LATER, 2), commits(1, 2));
    assert_eq!(bench.server.committed(), Some(at(3, 2)));
    assert_eq!(bench.acknowledges(LATER, 2), [], "twice says nothing new");
    assert_eq!(bench.acknowledges(LATER, 1), [], "nor does less");
    assert_eq!(bench.acknowledges(LATER, 3), commits(3, 3));
}

#[test]
fn a_leader_delivers_what_others_committed_once_its_own_log_holds_it() {
    let mut bench = leader();
    bench.is_joined();
    bench.proposes_to(1);
    assert_eq!(bench.acknowledges(LEARNER, 1), []);
    let zxid = at(3, 1);
    let commits = [LEARNER, LATER].map(|conn| send(conn, Message::Commit { zxid }));
    assert_eq!(bench.acknowledges(LATER, 1), commits);
    let fx = bench.step(Input::LogDurable { ops: 1 });
    assert_eq!(fx, [Effect::Deliver { upto: zxid }]);
}

#[test]
fn what_was_acknowledged_on_an_earlier_connection_does_not_count() {
    let mut bench = leader();
    bench.proposes_to(1);
    bench.acknowledges(LEARNER, 1);
    // The learner comes again before the leader has noticed that it was gone.
    let offer = Message::LeaderInfo { epoch: Epoch::new(3) };
    assert_eq!(bench.calls(LATER, 2, 3), [close(LEARNER), send(LATER, offer)]);
    assert_eq!(bench.step(Input::LogDurable { ops: 1 }), []);
    let (current, last) = (None, at(3, 1));
    bench.hears(LATER, Message::AckEpoch { current, last });
    assert_eq!(bench.server.committed(), Some(at(1, 4)));
    assert_eq!(
        bench.hears(LEARNER, Message::Ack { zxid: at(3, 1) }),
        [],
        "it was left"
    );
}

#[test]
fn the_end_of_a_connection_ends_what_was_known_by_it_and_nothing_else() {
    let mut bench = leader();
    bench.is_joined();
    for conn in [LEARNER, LATER] {
        bench.step(Input::Sync { conn: Some(conn) });
    }
    assert_eq!(bench.step(Input::Closed { conn: LATER }), []);
    let servers: Vec<_> = bench.server.learners().map(|learner| learner.server).collect();
    assert_eq!(servers, [id(2)]);
    // Only the other's `sync` is answered.
    let fx = bench.hears(LEARNER, ping(at(3, 0)));
    assert_eq!(fx, [send(LEARNER, Message::Sync)]);
    assert_eq!(bench.step(Input::Closed { conn: Conn::new(77) }), []);
    assert_eq!(bench.server.learners().count(), 1);
}

#[test]
fn a_leader_without_a_quorum_gives_up_at_its_tick() {
    let mut bench = leader();
    assert_eq!(bench.step(Input::CheckQuorum), []);
    assert_eq!(
        bench.step(Input::LimitPassed),
        [],
        "the limit is for who is not established"
    );
    bench.calls(LATER, 3, 2);
    bench.step(Input::Closed { conn: LEARNER });
    assert!(!bench.server.is_looking(), "it notices by its clock");
    let (current, last) = (Epoch::new(3), at(1, 4));
    let fx = bench.step(Input::CheckQuorum);
    // Who is not synchronised is no part of a quorum.
    assert_eq!(fx, [close(LATER), Effect::Retire, Effect::Look { current, last }]);
    let mut unestablished = Bench::boot(&disk(2, Zxid::ZERO, &[]));
    unestablished.offers(3);
    assert_eq!(unestablished.step(Input::CheckQuorum), []);
    unestablished.step(Input::LimitPassed);
    assert!(unestablished.server.is_looking());
}

#[test]
fn each_half_tick_those_that_are_synchronised_are_pinged() {
    let mut bench = leader();
    bench.calls(LATER, 3, 2);
    let pinged = |zxid| [send(LEARNER, ping(zxid))];
    assert_eq!(bench.step(Input::PingLearners), pinged(at(3, 0)));
    bench.proposes_to(1);
    assert_eq!(bench.step(Input::PingLearners), pinged(at(3, 1)));
    let mut unestablished = Bench::boot(&disk(2, Zxid::ZERO, &[]));
    unestablished.offers(3);
    assert_eq!(unestablished.step(Input::PingLearners), []);
}

#[test]
fn a_sync_waits_for_a_round_of_pings_that_began_after_it_came() {
    let mut bench = leader();
    bench.step(Input::PingLearners);
    assert_eq!(
        bench.step(Input::Sync { conn: None }),
        [],
        "a round is under way; the next one counts"
    );
    let fx = bench.hears(LEARNER, ping(at(3, 0)));
    assert_eq!(fx, [send(LEARNER, ping(at(3, 0)))]);
    assert_eq!(
        bench.step(Input::Sync { conn: Some(LEARNER) }),
        [],
        "this one came after that round"
    );
    let fx = bench.hears(LEARNER, ping(at(3, 0)));
    assert_eq!(fx, [Effect::SyncDone, send(LEARNER, ping(at(3, 0)))]);
    let fx = bench.hears(LEARNER, ping(at(3, 0)));
    assert_eq!(fx, [send(LEARNER, Message::Sync)]);
    // Nobody waits, so nobody is asked.
    assert_eq!(bench.step(Input::CheckQuorum), []);
}

#[test]
fn a_sync_waits_for_what_was_proposed_before_it() {
    let mut bench = leader();
    bench.proposes_to(1);
    let asked = send(LEARNER, ping(at(3, 1)));
    assert_eq!(
        bench.step(Input::Sync { conn: Some(LEARNER) }),
        std::slice::from_ref(&asked)
    );
    assert_eq!(bench.step(Input::Sync { conn: None }), []);
    bench.proposes_to(2);
    assert_eq!(
        bench.hears(LEARNER, ping(at(3, 1))),
        [send(LEARNER, ping(at(3, 2)))]
    );
    bench.hears(LEARNER, ping(at(3, 2)));
    let zxid = at(3, 1);
    assert_eq!(bench.acknowledges(LEARNER, 1), []);
    let fx = bench.step(Input::LogDurable { ops: 1 });
    assert_eq!(
        fx,
        [
            send(LEARNER, Message::Commit { zxid }),
            Effect::Deliver { upto: zxid },
            send(LEARNER, Message::Sync),
            Effect::SyncDone
        ]
    );
}

#[test]
fn the_leaders_own_client_waits_for_the_leaders_own_tree() {
    let mut bench = leader();
    bench.is_joined();
    bench.proposes_to(1);
    bench.acknowledges(LEARNER, 1);
    bench.acknowledges(LATER, 1);
    assert_eq!(bench.server.committed(), Some(at(3, 1)));
    bench.step(Input::Sync { conn: None });
    assert_eq!(bench.hears(LEARNER, ping(at(3, 1))), []);
    let fx = bench.step(Input::LogDurable { ops: 1 });
    assert_eq!(fx, [Effect::Deliver { upto: at(3, 1) }, Effect::SyncDone]);
}

#[test]
fn a_round_is_confirmed_by_a_quorum_and_not_by_one_of_many() {
    let mut bench = leader_of_five();
    let asked = [LEARNER, LATER].map(|conn| send(conn, ping(at(3, 0))));
    assert_eq!(bench.step(Input::Sync { conn: None }), asked);
    assert_eq!(bench.hears(LEARNER, ping(at(3, 0))), []);
    assert_eq!(bench.hears(LATER, ping(at(3, 0))), [Effect::SyncDone]);
}

#[test]
fn syncs_are_numbered_with_their_connection() {
    let mut bench = leader();
    bench.step(Input::Sync { conn: Some(LEARNER) });
    bench.server = bench.server.renumbered(&|_| LATER);
    let fx = bench.hears(LATER, ping(at(3, 0)));
    assert_eq!(fx, [send(LATER, Message::Sync)]);
}

#[test]
fn a_forgetful_learner_waits_for_a_round_that_began_after_it_came() {
    let mut bench = leader();
    bench.step(Input::PingLearners);
    bench.calls(LATER, 3, 0);
    let (current, last) = (None, Zxid::ZERO);
    bench.hears(LATER, Message::AckEpoch { current, last });
    assert_eq!(bench.hears(LATER, Message::Ack { zxid: Zxid::ZERO }), []);
    // The answer to the round before it came says nothing of it: the next round begins.
    let fx = bench.hears(LEARNER, ping(at(3, 0)));
    assert_eq!(fx, [send(LEARNER, ping(at(3, 0)))]);
    // What is proposed goes to it as to the others.
    let fx = bench.proposes_to(1);
    assert_eq!(
        fx[..2],
        [LEARNER, LATER].map(|conn| send(conn, proposal(at(3, 1))))
    );
    let fx = bench.hears(LEARNER, ping(at(3, 0)));
    assert_eq!(fx, [send(LATER, Message::UpToDate)]);
    assert_eq!(bench.step(Input::CheckQuorum), [], "it is told once");
    // It counts from the word that says that the mark is gone, and nothing else is that word.
    let mut hasty = bench.clone();
    let why = Some(Violation::Unexpected);
    assert_eq!(hasty.acknowledges(LATER, 1), [Effect::Close { conn: LATER, why }]);
    assert_eq!(bench.acknowledges(LATER, 0), []);
    assert!(bench.server.learners().all(|learner| learner.synced));
}
