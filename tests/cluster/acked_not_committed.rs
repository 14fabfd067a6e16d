//! A write is in the logs of a majority, and the leader dies before it learns so. What becomes of it?

use quorate_tests::{Direction, Ensemble, LONG, PacketType, agree};

use crate::common::{stop_and_audit, three};

#[test]
fn a_write_that_a_majority_logged_survives_the_leader_that_never_committed_it() {
    let mut ensemble = Ensemble::builder("acked", three()).relayed().start();
    let leader = ensemble.wait_all_serve();
    let followers = ensemble.others(&[leader]);
    let mut client = ensemble.at(leader).client();
    let before = client.create_at("/before", b"committed").unwrap();

    let relay = ensemble.relay();
    let mark = relay.mark();
    let acks = relay.hold(move |packet| {
        packet.leader == leader && packet.is_to_leader(PacketType::Ack) && packet.zxid > before
    });
    let request = client.submit_create("/acked", b"logged by all").unwrap();
    let acked: Vec<i64> = followers
        .iter()
        .map(|follower| {
            let what = format!("server {follower} acknowledges the proposal");
            let by = |packet: &quorate_tests::Packet| packet.learner == *follower && packet.zxid > before;
            relay
                .wait_seen(LONG, &what, mark, |packet| {
                    by(packet) && packet.is_to_leader(PacketType::Ack)
                })
                .zxid
        })
        .collect();
    assert_eq!(acked[0], acked[1], "both acknowledge the same proposal first");

    ensemble.member(leader).kill();
    assert!(
        client.reply(request, LONG).is_err(),
        "the leader answered a write that it could not commit"
    );
    let commits = ensemble
        .relay()
        .seen(mark, |packet| packet.is_to_learner(PacketType::Commit));
    assert!(
        commits
            .iter()
            .all(|commit| commit.leader != leader || commit.zxid <= before),
        "{commits:?}"
    );
    ensemble.relay().lose(acks);

    ensemble.wait_leader(&[leader]);
    for follower in &followers {
        let mut client = ensemble.at(*follower).client();
        client.sync("/").unwrap();
        let (data, stat) = client.get("/acked", false).expect("the write survives");
        assert_eq!((data.as_slice(), stat.czxid), (&b"logged by all"[..], acked[0]));
    }
    ensemble.member(leader).start();
    ensemble.wait_all_serve();
    let tree = agree::wait_same_trees(&ensemble.members().iter().collect::<Vec<_>>());
    assert!(tree.contains_key("/acked"));
    stop_and_audit(ensemble);
}

#[test]
fn a_write_whose_commits_are_held_is_answered_by_the_leader_and_by_nobody_else_until_they_arrive() {
    let ensemble = Ensemble::builder("commits", three()).relayed().start();
    let leader = ensemble.wait_all_serve();
    let follower = ensemble.others(&[leader])[0];
    let mut at_leader = ensemble.at(leader).client();
    let mut at_follower = ensemble.at(follower).client();
    let mut reader = ensemble.at(follower).client();
    let before = at_leader.create_at("/before", b"").unwrap();

    let relay = ensemble.relay();
    let commits = relay.hold(move |packet| {
        packet.direction == Direction::ToLearner
            && packet.learner == follower
            && packet.kind == PacketType::Commit
            && packet.zxid > before
    });
    let hanging = at_follower.submit_create("/held", b"").unwrap();
    let caught = relay.wait_caught(LONG, commits);
    // The leader has committed it, on the others' word perhaps before its own disk had it; it shows it once
    // its own log does, which is what the answer to `sync` waits for. The follower, behind the relay, has not heard.
    at_leader.sync("/").unwrap();
    assert!(at_leader.exists("/held", false).unwrap().is_some());
    assert!(reader.exists("/held", false).unwrap().is_none());
    relay.release(commits);
    let reply = at_follower
        .reply(hanging, LONG)
        .expect("released, the write is answered");
    assert_eq!(reply.zxid, caught.zxid);
    assert!(reader.exists("/held", false).unwrap().is_some());
    stop_and_audit(ensemble);
}
