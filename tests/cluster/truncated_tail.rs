//! A leader logged a write that nobody else ever saw, and died. Is the write gone when it returns?

use std::fs;

use quorate_tests::{Ensemble, LONG, Packet, PacketType, agree, wait_until};

use crate::common::{exists, stop_and_audit, three};

/// An ensemble whose former leader, killed, has `/lost` as the last entry of its log, alone.
struct Tail {
    ensemble: Ensemble,
    /// The former leader.
    old: u64,
    /// The last write that was committed before.
    kept: i64,
}

fn logged_by_the_leader_alone(name: &str) -> Tail {
    let mut ensemble = Ensemble::builder(name, three()).relayed().start();
    let old = ensemble.wait_all_serve();
    let mut client = ensemble.at(old).client();
    let kept = client.create_at("/kept", b"").unwrap();

    let relay = ensemble.relay();
    let tail = move |packet: &Packet| {
        packet.leader == old && packet.is_to_learner(PacketType::Proposal) && packet.zxid > kept
    };
    let held = relay.hold(tail);
    client.submit_create("/lost", b"never left its leader").unwrap();
    relay.wait_caught(LONG, held);
    wait_until(LONG, "the leader has the write in its own log", || {
        let files = fs::read_dir(ensemble.at(old).version_dir())
            .expect("there is a log")
            .flatten();
        let holds = |bytes: Vec<u8>| bytes.windows(5).any(|window| window == b"/lost");
        files
            .map(|file| fs::read(file.path()))
            .any(|bytes| bytes.is_ok_and(holds))
            .then_some(())
    });
    ensemble.member(old).kill();
    // Whatever waited in the relay died with the leader's connections.
    ensemble.relay().release(held);
    ensemble.wait_leader(&[old]);
    Tail { ensemble, old, kept }
}

fn returns_without_the_tail(mut tail: Tail, allowed: &[PacketType]) {
    let old = tail.old;
    let mark = tail.ensemble.relay().mark();
    tail.ensemble.member(old).start();
    tail.ensemble.wait_all_serve();
    let kinds = [PacketType::Diff, PacketType::Trunc, PacketType::Snap];
    let syncs = tail.ensemble.relay().seen(mark, |packet| {
        packet.learner == old && kinds.iter().any(|kind| packet.is_to_learner(*kind))
    });
    let last = syncs.last().expect("the former leader was synchronised");
    assert!(
        allowed.contains(&last.kind),
        "synchronised by {last:?}, not {allowed:?}"
    );
    if last.kind == PacketType::Trunc {
        assert!(
            last.zxid >= tail.kept,
            "truncated into what was committed: {last:?}"
        );
    }
    for member in tail.ensemble.members() {
        let mut client = member.client();
        assert!(
            !exists(&mut client, "/lost"),
            "server {} shows a write that was never committed",
            member.id()
        );
        assert!(
            exists(&mut client, "/kept"),
            "server {} lost a committed write",
            member.id()
        );
    }
    agree::wait_same_trees(&tail.ensemble.members().iter().collect::<Vec<_>>());
    stop_and_audit(tail.ensemble);
}

#[test]
fn a_tail_that_only_the_dead_leader_logged_is_cut_off_when_it_returns() {
    let tail = logged_by_the_leader_alone("tail");
    // Without a transaction in the new epoch, every leader can tell where to cut.
    returns_without_the_tail(tail, &[PacketType::Trunc]);
}

#[test]
fn a_tail_is_also_gone_if_the_others_have_gone_on_meanwhile() {
    let tail = logged_by_the_leader_alone("busy-tail");
    let leader = tail.ensemble.wait_leader(&[tail.old]);
    let mut client = tail.ensemble.at(leader).client();
    for number in 0..20 {
        client.create_at(&format!("/new-{number}"), b"").unwrap();
    }
    // Apache's leader does not cut across epochs and sends a snapshot.
    returns_without_the_tail(tail, &[PacketType::Trunc, PacketType::Snap]);
}
