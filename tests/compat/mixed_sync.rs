//! A leader of one kind brings a learner of the other kind up to date: by DIFF, by SNAP, by TRUNC, and
//! when the learner itself led an epoch in which nothing was written.

use quorate_tests::tail::{logged_by_the_leader_alone, synchronised_by};
use quorate_tests::{Ensemble, Kind, LONG, Member, Packet, PacketType, files, wait_until};

use crate::common::{agree, builder, plant, stop_and_audit};

/// Server 1 is to learn from a leader of the other kind, 3; server 2 gives the leader its quorum.
fn learner_and_leaders(learner: Kind, leader: Kind) -> [Kind; 3] {
    [learner, leader, leader]
}

/// Creates `count` znodes below `root`, pipelined.
fn write(member: &Member, root: &str, count: usize) {
    let mut client = member.client();
    client.create_at(root, b"").unwrap();
    let create = |number| {
        client
            .submit_create(&format!("{root}/{number}"), b"data")
            .unwrap()
    };
    let requests: Vec<i32> = (0..count).map(create).collect();
    for request in requests {
        assert_eq!(client.reply(request, LONG).unwrap().code, quorate_tests::Code::OK);
    }
    client.close().unwrap();
}

/// Stops the learner, lets the others go on with `meanwhile`, and gives the packet that synchronised it.
fn misses(ensemble: &mut Ensemble, meanwhile: impl FnOnce(&mut Ensemble)) -> Packet {
    ensemble.member(1).kill();
    meanwhile(ensemble);
    let mark = ensemble.relay().mark();
    ensemble.member(1).start();
    ensemble.wait_all_serve();
    synchronised_by(ensemble, mark, 1)
}

fn diff(name: &str, learner: Kind, leader: Kind) {
    let kinds = learner_and_leaders(learner, leader);
    let mut ensemble = builder(name, kinds).relayed().start_led_by(3);
    write(ensemble.at(1), "/before", 150);
    let sync = misses(&mut ensemble, |ensemble| write(ensemble.at(2), "/missed", 60));
    assert_eq!(sync.kind, PacketType::Diff, "{name}: {sync:?}");
    plant(&ensemble, 1, "/varied");
    write(ensemble.at(1), "/after", 150);
    agree(&ensemble);
    stop_and_audit(ensemble);
}

#[test]
fn our_leader_brings_apaches_learner_up_to_date_by_a_diff() {
    diff("diff-1", Kind::Apache, Kind::subject());
}

#[test]
fn apaches_leader_brings_our_learner_up_to_date_by_a_diff() {
    diff("diff-2", Kind::subject(), Kind::Apache);
}

fn snapshot(name: &str, learner: Kind, leader: Kind) {
    let kinds = learner_and_leaders(learner, leader);
    let builder = builder(name, kinds).relayed();
    let mut ensemble = builder.config("snapCount", "100").start_led_by(3);
    write(ensemble.at(1), "/before", 150);
    plant(&ensemble, 2, "/varied");
    let sync = misses(&mut ensemble, |ensemble| {
        write(ensemble.at(2), "/missed", 1200);
        for id in [2, 3] {
            wait_until(LONG, "the server took a snapshot", || {
                let oldest_kept = newest_snapshot(ensemble.at(id))?;
                (oldest_kept > 600).then_some(())
            });
            ensemble.member(id).stop();
            files::purge(ensemble.at(id));
        }
        for id in [2, 3] {
            ensemble.member(id).start();
        }
        ensemble.wait_all_serve();
    });
    assert_eq!(sync.kind, PacketType::Snap, "{name}: {sync:?}");
    write(ensemble.at(1), "/after", 150);
    agree(&ensemble);
    stop_and_audit(ensemble);
}

#[test]
fn our_leader_without_the_old_logs_brings_apaches_learner_up_to_date_by_a_snapshot() {
    snapshot("snapshot-1", Kind::Apache, Kind::subject());
}

#[test]
fn apaches_leader_without_the_old_logs_brings_our_learner_up_to_date_by_a_snapshot() {
    snapshot("snapshot-2", Kind::subject(), Kind::Apache);
}

/// How many transactions of the first epoch the newest snapshot holds.
fn newest_snapshot(member: &Member) -> Option<u64> {
    files::by_zxid(member, "snapshot.")
        .last()
        .map(|(zxid, _)| zxid & 0xffff_ffff)
}

fn trunc(name: &str, old: Kind, new: Kind) {
    let kinds = [new, new, old];
    let builder = builder(name, kinds).relayed();
    let mut tail = logged_by_the_leader_alone(builder.start_led_by(3));
    let sync = tail.returns();
    assert_eq!(sync.kind, PacketType::Trunc, "{name}: {sync:?}");
    write(tail.ensemble.at(3), "/after", 300);
    agree(&tail.ensemble);
    stop_and_audit(tail.ensemble);
}

#[test]
fn our_leader_cuts_the_tail_of_apaches_former_leader() {
    trunc("trunc-1", Kind::Apache, Kind::subject());
}

#[test]
fn apaches_leader_cuts_the_tail_of_our_former_leader() {
    trunc("trunc-2", Kind::subject(), Kind::Apache);
}

/// Pauses the leader, 3, of an epoch in which nothing was written until another leads, lets that one do
/// `meanwhile` and the former one go on, and gives its ACKEPOCH and the packet that synchronised it.
fn led_in_vain(ensemble: &mut Ensemble, meanwhile: impl FnOnce(&Member)) -> (Packet, Packet) {
    // Not killed: a server that starts again reports the end of its log, only the process that led knows <e,0>.
    ensemble.member(3).pause();
    let leader = ensemble.wait_leader(&[3]);
    meanwhile(ensemble.at(leader));
    let mark = ensemble.relay().mark();
    ensemble.member(3).resume();
    let relay = ensemble.relay();
    relay.wait_seen(LONG, "the former leader acknowledges NEWLEADER", mark, |packet| {
        packet.learner == 3 && packet.is_to_leader(PacketType::Ack)
    });
    ensemble.wait_all_serve();
    let sync = synchronised_by(ensemble, mark, 3);
    let mut promises = relay.seen(mark, |packet| {
        packet.learner == 3 && packet.is_to_leader(PacketType::AckEpoch)
    });
    let promise = promises.pop().expect("it promised first");
    assert_eq!(promise.connection, sync.connection, "{promise:?}, {sync:?}");
    (promise, sync)
}

/// Ends every epoch, and begins one led by 3: of equal histories the highest id wins.
fn led_again(ensemble: &mut Ensemble) {
    ensemble.stop_all();
    for id in [1, 3] {
        ensemble.member(id).start();
    }
    assert_eq!(ensemble.wait_all_serve(), 3);
    ensemble.start_all();
    assert_eq!(ensemble.wait_all_serve(), 3);
}

/// How the former leader of an epoch without a write is synchronised: in the ensemble's first epoch, behind an
/// epoch with writes, and when there were writes in the next one before it returned. `reports` is what it says of
/// itself.
fn idle(name: &str, old: Kind, new: Kind, reports: fn(&Packet), plans: [PacketType; 3]) {
    let mut ensemble = builder(name, [new, new, old]).relayed().start_led_by(3);
    for (turn, plan) in plans.into_iter().enumerate() {
        if turn > 0 {
            write(ensemble.at(1), &format!("/before-{turn}"), 150);
            led_again(&mut ensemble);
        }
        let (promise, sync) = led_in_vain(&mut ensemble, |leader| {
            if turn == 2 {
                write(leader, "/meanwhile", 10);
            }
        });
        reports(&promise);
        assert_eq!(sync.kind, plan, "{name}, turn {turn}: {promise:x?}, {sync:x?}");
    }
    write(ensemble.at(3), "/after", 300);
    agree(&ensemble);
    stop_and_audit(ensemble);
}

#[test]
fn apaches_former_leader_of_an_epoch_without_a_write_follows_ours() {
    let epoch_alone = |promise: &Packet| {
        let (epoch, counter) = (promise.zxid >> 32, promise.zxid & 0xffff_ffff);
        assert!(epoch >= 1 && counter == 0, "not <e,0>: {promise:x?}");
    };
    // Our history says where the initial history of <e,0> ended, until it has transactions of a later epoch.
    let plans = [PacketType::Diff, PacketType::Diff, PacketType::Snap];
    idle("idle-1", Kind::Apache, Kind::subject(), epoch_alone, plans);
}

#[test]
fn our_former_leader_of_an_epoch_without_a_write_follows_apaches() {
    let end_of_log = |promise: &Packet| {
        let (epoch, counter) = (promise.zxid >> 32, promise.zxid & 0xffff_ffff);
        assert!(epoch == 0 || counter > 0, "no transaction: {promise:x?}");
    };
    // Apache's leader knows a history without a transaction as the new epoch's <e,0> alone.
    let plans = [PacketType::Snap, PacketType::Diff, PacketType::Diff];
    idle("idle-2", Kind::subject(), Kind::Apache, end_of_log, plans);
}
