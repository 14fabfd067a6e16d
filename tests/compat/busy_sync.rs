//! A server returns to a leader of the other kind while clients write at every server, and transactions of every
//! type are among what it missed: does it get all of it, by DIFF, by SNAP and by TRUNC?

use std::collections::BTreeSet;

use quorate_tests::tail::{logged_by_the_leader_alone, synchronised_by};
use quorate_tests::{
    Ensemble, Kind, LONG, Member, Packet, PacketType, Writers, agree as trees, files, wait_until,
};

use crate::common::{agree, builder, plant, stop_and_audit};

fn writers(ensemble: &Ensemble) -> Writers {
    let members = ensemble.members().iter();
    Writers::start(members.map(|member| (member.id(), member.client_address())))
}

/// Every server is written to some more; then nothing acknowledged is missing, all agree, and the audit holds.
#[track_caller]
fn nothing_is_missing(ensemble: Ensemble, writers: Writers) {
    // Past the next recorded digest.
    writers.wait_more(&[1, 2, 3], 100);
    let ledger = writers.finish();
    for member in ensemble.members() {
        ledger.check(&mut member.client());
    }
    agree(&ensemble);
    stop_and_audit(ensemble);
}

/// Starts server 1 again and gives the packet that synchronised it.
#[track_caller]
fn returns(ensemble: &mut Ensemble, writers: &Writers) -> Packet {
    let mark = ensemble.relay().mark();
    ensemble.member(1).start();
    ensemble.wait_all_serve();
    let sync = synchronised_by(ensemble, mark, 1);
    writers.wait_more(&[1, 2, 3], 50);
    sync
}

/// The types of the transactions that were proposed on the connection of `sync`, as ZooKeeper numbers them.
fn types_proposed(ensemble: &Ensemble, sync: &Packet) -> BTreeSet<i32> {
    // A proposal's data begins with the transaction's header: session, cxid, zxid, time, type.
    const TYPE_AT: usize = 8 + 4 + 8 + 8;
    let proposals = proposed(ensemble, sync).into_iter();
    proposals
        .filter_map(|packet| {
            let bytes = packet.data.get(TYPE_AT..TYPE_AT + 4)?;
            Some(i32::from_be_bytes(bytes.try_into().ok()?))
        })
        .collect()
}

fn proposed(ensemble: &Ensemble, sync: &Packet) -> Vec<Packet> {
    ensemble.relay().seen(0, |packet| {
        packet.connection == sync.connection && packet.is_to_learner(PacketType::Proposal)
    })
}

/// What the varied znodes came about by, as ZooKeeper numbers it.
const TYPES: [(i32, &str); 10] = [
    (1, "create"),
    (2, "delete"),
    (5, "setData"),
    (7, "setACL"),
    (14, "multi"),
    (19, "createContainer"),
    (21, "createTTL"),
    (-1, "error"),
    (-10, "createSession"),
    (-11, "closeSession"),
];

#[track_caller]
fn every_type_was_proposed(ensemble: &Ensemble, sync: &Packet) {
    let types = types_proposed(ensemble, sync);
    for (number, name) in TYPES {
        assert!(types.contains(&number), "no {name} among {types:?}");
    }
}

/// How far a server is: its last applied transaction.
#[track_caller]
fn reached(ensemble: &Ensemble, id: u64) -> u64 {
    let what = format!("server {id} serves");
    wait_until(LONG, &what, || ensemble.at(id).srvr()).zxid
}

/// Whether a purge of `member` leaves no transaction at or below `zxid` in its logs.
fn would_purge_beyond(member: &Member, zxid: u64) -> bool {
    let (snapshots, logs) = (
        files::by_zxid(member, "snapshot."),
        files::by_zxid(member, "log."),
    );
    let newest = snapshots.last().map_or(0, |(zxid, _)| *zxid);
    let kept = logs
        .iter()
        .map(|(first, _)| *first)
        .rfind(|first| *first <= newest);
    kept.is_some_and(|first| first > zxid)
}

/// Stops servers 2 and 3, does `something` to each, and lets them go on.
fn meanwhile(ensemble: &mut Ensemble, something: impl Fn(&mut Member)) {
    for id in [2, 3] {
        ensemble.member(id).stop();
        something(ensemble.member(id));
    }
    for id in [2, 3] {
        ensemble.member(id).start();
    }
    ensemble.wait_all_serve();
}

#[test]
fn our_busy_leader_brings_apaches_learner_all_that_apaches_led_before_by_a_diff_and_by_a_snapshot() {
    let builder = builder("busy-1", [Kind::Apache; 3]).relayed();
    let mut ensemble = builder.config("snapCount", "2000").start_led_by(3);
    let writers = writers(&ensemble);
    writers.wait_more(&[1, 2, 3], 50);
    plant(&ensemble, 1, "/before");

    ensemble.member(1).kill();
    plant(&ensemble, 2, "/missed-1");
    ensemble.at(2).client().close().unwrap();
    writers.wait_more(&[2, 3], 50);
    meanwhile(&mut ensemble, |member| member.become_kind(Kind::subject()));
    writers.wait_more(&[2, 3], 50);
    let sync = returns(&mut ensemble, &writers);
    assert_eq!(sync.kind, PacketType::Diff, "{sync:x?}");
    every_type_was_proposed(&ensemble, &sync);

    // Once more, and this time the old logs are gone.
    let end = reached(&ensemble, 1);
    ensemble.member(1).kill();
    for id in [2, 3] {
        wait_until(LONG, "snapshots and logs have moved on", || {
            would_purge_beyond(ensemble.at(id), end).then_some(())
        });
    }
    meanwhile(&mut ensemble, |member| files::purge(member));
    writers.wait_more(&[2, 3], 50);
    let sync = returns(&mut ensemble, &writers);
    assert_eq!(sync.kind, PacketType::Snap, "{sync:x?}");
    nothing_is_missing(ensemble, writers);
}

#[test]
fn apaches_busy_leader_brings_our_learner_up_to_date_by_a_diff_and_by_snapshots_with_proposals_they_contain()
{
    let builder = builder("busy-2", [Kind::subject(), Kind::Apache, Kind::Apache]).relayed();
    // Apache's leader sends a snapshot as soon as more is missing than it keeps in memory.
    let mut ensemble = builder.config("commitLogCount", "1000000").start_led_by(3);
    let writers = writers(&ensemble);
    writers.wait_more(&[1, 2, 3], 50);
    ensemble.member(1).kill();
    plant(&ensemble, 2, "/missed-1");
    ensemble.at(2).client().close().unwrap();
    writers.wait_more(&[2, 3], 50);
    let sync = returns(&mut ensemble, &writers);
    assert_eq!(sync.kind, PacketType::Diff, "{sync:x?}");
    every_type_was_proposed(&ensemble, &sync);

    meanwhile(&mut ensemble, |member| {
        member.configure("forceSnapshotSync", "true")
    });
    plant(&ensemble, 2, "/missed-2");
    // Forwarding begins before the tree is looked at: what is applied in between is in the snapshot and comes again.
    // The more is on its way, the more likely that is; the test goes on until it was so.
    let ids = (11..=20).zip([2, 3].into_iter().cycle());
    let more = Writers::start(ids.map(|(writer, id)| (writer, ensemble.at(id).client_address())));
    wait_until(
        LONG * 2,
        "a snapshot is followed by a proposal that it contains",
        || {
            ensemble.member(1).kill();
            let sync = returns(&mut ensemble, &writers);
            assert_eq!(sync.kind, PacketType::Snap, "{sync:x?}");
            // What a busy tree's snapshot holds of later transactions is no mismatch.
            trees::counts_no_mismatch(ensemble.at(1));
            let proposals = proposed(&ensemble, &sync);
            let again = proposals.iter().filter(|packet| packet.zxid <= sync.zxid).count();
            (again > 0).then_some(())
        },
    );
    let ledger = more.finish();
    for member in ensemble.members() {
        ledger.check(&mut member.client());
    }
    nothing_is_missing(ensemble, writers);
}

/// Another of our servers has a tree at each zxid at which the snapshots were sent: whoever took the digests of what
/// they hold for those of these trees would find that two servers disagree.
#[test]
fn what_apaches_busy_leader_sends_ahead_of_its_snapshots_is_no_disagreement_to_an_audit() {
    let kinds = [Kind::subject(), Kind::subject(), Kind::Apache];
    let mut ensemble = builder("busy-3", kinds).relayed().build();
    ensemble.member(3).configure("forceSnapshotSync", "true");
    for id in [1, 3] {
        ensemble.member(id).start();
    }
    assert_eq!(ensemble.wait_all_serve(), 3);
    ensemble.start_all();
    assert_eq!(ensemble.wait_all_serve(), 3);
    let writers = writers(&ensemble);
    writers.wait_more(&[1, 2, 3], 50);
    let ids = (11..=20).zip([2, 3].into_iter().cycle());
    let more = Writers::start(ids.map(|(writer, id)| (writer, ensemble.at(id).client_address())));
    let mut ahead = 0;
    wait_until(LONG * 2, "three snapshots are followed by proposals", || {
        ensemble.member(1).kill();
        writers.wait_more(&[2, 3], 50);
        let sync = returns(&mut ensemble, &writers);
        assert_eq!(sync.kind, PacketType::Snap, "{sync:x?}");
        let seen = ensemble
            .relay()
            .seen(0, |packet| packet.connection == sync.connection);
        let mut behind = seen
            .iter()
            .take_while(|packet| packet.kind != PacketType::NewLeader);
        let later = |packet: &Packet| packet.is_to_learner(PacketType::Proposal) && packet.zxid > sync.zxid;
        ahead += usize::from(behind.any(later));
        (ahead >= 3).then_some(())
    });
    more.finish();
    nothing_is_missing(ensemble, writers);
}

fn busy_tail(name: &str, old: Kind, new: Kind) {
    let ensemble = builder(name, [new, new, old]).relayed().start_led_by(3);
    let writers = writers(&ensemble);
    writers.wait_more(&[1, 2, 3], 50);
    plant(&ensemble, 1, "/before");
    let mut tail = logged_by_the_leader_alone(ensemble);
    // The others go on in a new epoch.
    writers.wait_more(&[1, 2], 100);
    plant(&tail.ensemble, 1, "/meanwhile");
    let sync = tail.comes_back();
    let plan = match new {
        Kind::Quorate => PacketType::Trunc,
        // Apache's leader cuts in its own epoch alone.
        Kind::Apache => PacketType::Snap,
    };
    assert_eq!(sync.kind, plan, "{name}: {sync:x?}");
    nothing_is_missing(tail.ensemble, writers);
}

#[test]
fn our_busy_leader_cuts_the_tail_of_apaches_former_leader() {
    busy_tail("busy-tail-1", Kind::Apache, Kind::subject());
}

#[test]
fn apaches_busy_leader_replaces_the_tail_of_our_former_leader() {
    busy_tail("busy-tail-2", Kind::subject(), Kind::Apache);
}
