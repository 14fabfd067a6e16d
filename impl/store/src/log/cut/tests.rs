use crate::durable::fuse;
use crate::error::Error;
use crate::snapshot::Progress;
use crate::testing::*;
use crate::{ReceivedSnapshot, SIGNATURE, SnapshotBody, Store};
use quorate_tree::Tree;
use quorate_zab::Zxid;
use std::fs;

/// Twelve transactions in four files of one epoch and one, with snapshots at 0, 4 and 9.
fn history() -> Dir {
    let dir = Dir::begun();
    for first in [1, 4, 7] {
        let (mut store, _) = dir.open();
        store
            .log
            .append(&entries(1, first..=first + 2, 60))
            .expect("appended");
        store.log.sync().expect("synced");
        for at in [4, 9] {
            if (first..=first + 2).contains(&at) {
                store.snapshots.write(&tree(zxid(1, at), 3)).expect("written");
            }
        }
    }
    let (mut store, _) = dir.open();
    store.log.append(&entries(2, 1..=3, 60)).expect("appended");
    store.log.sync().expect("synced");
    dir
}

/// All twelve, in order.
fn positions() -> Vec<Zxid> {
    (1..=9)
        .map(|c| zxid(1, c))
        .chain((1..=3).map(|c| zxid(2, c)))
        .collect()
}

fn read(store: &Store) -> Vec<Zxid> {
    all(store).iter().map(|entry| entry.zxid).collect()
}

#[test]
fn nothing_after_the_point_is_left_in_log_and_snapshots() {
    let dir = history();
    for (i, to) in positions().into_iter().enumerate() {
        let copy = dir.copy();
        let (mut store, _) = copy.open();
        assert_eq!(store.log.truncate(to).expect("truncated"), to);
        assert_eq!(read(&store), positions()[..=i]);
        assert!(
            store
                .snapshots
                .list()
                .expect("listed")
                .iter()
                .all(|&zxid| zxid <= to)
        );
        // The next leader's transactions come right after it, in the same process.
        let next = entry(7, 1, 40);
        store.log.append(std::slice::from_ref(&next)).expect("appended");
        store.log.sync().expect("synced");
        assert_eq!(all(&store)[i + 1], next);
        drop(store);
        let (store, image) = copy.open();
        assert_eq!(image.damage.map(|e| e.to_string()), None, "{to}");
        assert_eq!(image.log.last, Some(zxid(7, 1)));
        assert_eq!(read(&store)[..=i], positions()[..=i]);
        assert_eq!(read(&store).len(), i + 2);
    }
}

#[test]
fn the_end_of_the_file_that_is_being_written_can_be_cut() {
    let dir = Dir::begun();
    let (mut store, _) = dir.open();
    store.log.append(&entries(1, 1..=5, 60)).expect("appended");
    store
        .log
        .truncate(zxid(1, 3))
        .expect("truncated, unsynced as it is");
    let next = entry(2, 1, 10);
    store.log.append(std::slice::from_ref(&next)).expect("appended");
    store.log.sync().expect("synced");
    let mut wanted = entries(1, 1..=3, 60);
    wanted.push(next);
    assert_eq!(all(&store), wanted);
    drop(store);
    assert_eq!(all(&dir.open().0), wanted);
}

#[test]
fn a_point_between_two_transactions_ends_at_the_one_below() {
    let dir = history();
    let (mut store, _) = dir.open();
    assert_eq!(store.log.truncate(zxid(1, 500)).expect("truncated"), zxid(1, 9));
    assert_eq!(store.log.last(), Some(zxid(1, 9)));
}

#[test]
fn a_point_below_every_snapshot_changes_nothing() {
    let dir = history();
    fs::remove_file(dir.file("snapshot.0")).expect("removed");
    let (mut store, _) = dir.open();
    let before = dir.plain_names();
    let refused = store.log.truncate(zxid(1, 3));
    assert!(
        matches!(refused, Err(Error::BelowSnapshots { .. })),
        "{refused:?}"
    );
    assert_eq!(dir.plain_names(), before);
    store.log.append(&[entry(2, 4, 5)]).expect("the log is as it was");
}

#[test]
fn a_fuzzy_snapshot_that_may_know_more_goes_too() {
    let dir = history();
    // Apache's: named 4, and written until 6.
    let file = dir.file("snapshot.100000004");
    let mut bytes = fs::read(&file).expect("read");
    let digest = bytes.len() - 13 - 8 - 13 - 20;
    assert_eq!(bytes[digest..digest + 8], zxid(1, 4).bits().to_be_bytes());
    bytes[digest..digest + 8].copy_from_slice(&zxid(1, 6).bits().to_be_bytes());
    fs::write(&file, bytes).expect("written");
    let (mut store, _) = dir.open();
    store.log.truncate(zxid(1, 5)).expect("truncated");
    assert_eq!(store.snapshots.list().expect("listed"), [Zxid::ZERO]);
}

#[test]
fn a_stream_that_was_open_ends_in_an_error_and_not_in_other_entries() {
    let dir = history();
    let (mut store, _) = dir.open();
    let mut stream = store.reader.read_range(zxid(1, 1), zxid(2, 3));
    assert_eq!(stream.next().expect("one").expect("it reads").zxid, zxid(1, 2));
    store.log.truncate(zxid(1, 2)).expect("truncated");
    store.log.append(&[entry(3, 1, 60)]).expect("appended");
    let rest: Result<Vec<_>, _> = stream.collect();
    assert!(matches!(rest, Err(Error::HistoryChanged)), "{rest:?}");
}

#[test]
fn a_crash_during_a_truncation_leaves_a_beginning_that_can_be_truncated_again() {
    let dir = history();
    for to in [zxid(1, 2), zxid(1, 5), zxid(2, 1)] {
        for steps in 0.. {
            let copy = dir.copy();
            let (mut store, _) = copy.open();
            let (done, short) = fuse::after(steps, || store.log.truncate(to));
            assert_eq!(done.is_err(), short);
            drop(store);
            let (mut store, image) = copy.open();
            assert_eq!(image.damage.map(|e| e.to_string()), None, "step {steps}");
            let left = read(&store);
            assert_eq!(left, positions()[..left.len()], "step {steps}");
            assert!(left.last() >= Some(&to));
            assert!(
                image.snapshot <= left.last().copied(),
                "no snapshot knows more than the log"
            );
            assert_eq!(store.log.truncate(to).expect("again"), to);
            if !short {
                assert!(steps >= 1, "it has steps");
                break;
            }
        }
    }
}

fn received(store: &Store, tree: &Tree) -> ReceivedSnapshot {
    let mut receiver = store
        .snapshots
        .receive(Zxid::from_bits(tree.last_zxid()))
        .expect("begun");
    for piece in SnapshotBody::new(tree) {
        assert_eq!(receiver.push(&piece).expect("pushed"), Progress::More);
    }
    let end = receiver.push(&SIGNATURE).expect("pushed");
    assert_eq!(end, Progress::Complete { used: 14 });
    receiver.finish().expect("finished")
}

#[test]
fn an_installed_snapshot_replaces_everything_older_and_newer() {
    for at in [zxid(1, 6), zxid(1, 9), zxid(5, 77)] {
        let dir = history();
        let (mut store, _) = dir.open();
        let sent = tree(at, 20);
        let snapshot = received(&store, &sent);
        let installed = store.log.install(snapshot).expect("installed");
        assert_eq!(installed.digest(), sent.digest());
        assert_eq!(dir.plain_names(), [format!("snapshot.{:x}", at.bits())]);
        assert_eq!(store.reader.last(), None);
        store
            .log
            .append(&[entry(at.epoch().get(), at.counter() + 1, 9)])
            .expect("appended");
        store.log.sync().expect("synced");
        drop(store);
        let (store, image) = dir.open();
        assert_eq!(image.damage.map(|e| e.to_string()), None);
        assert_eq!(image.snapshot, Some(at));
        assert_eq!(image.tree.digest(), sent.digest());
        assert_eq!(store.reader.entries_after(at).count(), 1);
    }
}

#[test]
fn an_installation_heals_a_damaged_log() {
    let dir = history();
    flip(&dir.file("log.200000001"), 60, 3);
    let (mut store, image) = dir.open();
    assert!(image.damage.is_some());
    store
        .log
        .append(&[entry(2, 2, 5)])
        .expect_err("not to a damaged log");
    let snapshot = received(&store, &tree(zxid(3, 3), 2));
    store.log.install(snapshot).expect("installed");
    store.log.append(&[entry(3, 4, 5)]).expect("appended");
    store.log.sync().expect("synced");
    drop(store);
    assert!(dir.open().1.damage.is_none());
}

#[test]
fn a_truncation_below_it_heals_a_damaged_log() {
    let dir = history();
    flip(&dir.file("log.200000001"), 60, 3);
    let (mut store, _) = dir.open();
    store.log.truncate(zxid(1, 7)).expect("truncated");
    store.log.append(&[entry(3, 1, 5)]).expect("appended");
    store.log.sync().expect("synced");
    drop(store);
    let (store, image) = dir.open();
    assert!(image.damage.is_none());
    assert_eq!(all(&store).len(), 8);
}

#[test]
fn damage_below_the_point_stays() {
    let dir = history();
    fs::remove_file(dir.file("snapshot.100000009")).expect("removed");
    flip(&dir.file("log.100000004"), 250, 3);
    let (mut store, image) = dir.open();
    let damage = image.damage.expect("damage").to_string();
    let refused = store
        .log
        .truncate(zxid(2, 1))
        .expect_err("the way to there is damaged");
    assert_eq!(refused.to_string(), damage);
}

#[test]
fn a_crash_during_an_installation_leaves_the_old_state_or_the_new() {
    let dir = history();
    let sent = tree(zxid(1, 6), 20);
    let (mut old, mut new) = (0, 0);
    for steps in 0.. {
        let copy = dir.copy();
        let (mut store, _) = copy.open();
        let snapshot = received(&store, &sent);
        let (done, short) = fuse::after(steps, || store.log.install(snapshot));
        assert_eq!(done.is_err(), short);
        drop(store);
        let mut reopened = 0;
        // A second crash may come at any step of the next start.
        loop {
            let (opened, short) = fuse::after(reopened, || copy.try_open());
            reopened += 1;
            if !short {
                drop(opened.expect("it opens"));
                break;
            }
        }
        let (store, image) = copy.open();
        assert_eq!(image.damage.as_ref().map(|e| e.to_string()), None, "step {steps}");
        if image.snapshot == Some(zxid(1, 6)) {
            new += 1;
            assert_eq!(copy.plain_names(), ["snapshot.100000006"], "step {steps}");
            assert_eq!(read(&store), []);
            assert_eq!(image.tree.digest(), sent.digest());
        } else {
            old += 1;
            assert_eq!(new, 0, "step {steps}");
            assert_eq!(copy.plain_names(), dir.plain_names(), "step {steps}");
            assert_eq!(read(&store), positions());
        }
        assert!(
            !copy
                .names()
                .iter()
                .any(|name| name.contains("receiving") || name.contains("install"))
        );
        if !short {
            break;
        }
    }
    assert!(old >= 1 && new >= 5, "{old} old, {new} new");
}

#[test]
fn a_received_snapshot_that_is_not_installed_leaves_nothing() {
    let dir = history();
    let before = dir.plain_names();
    let (store, _) = dir.open();
    drop(received(&store, &tree(zxid(3, 3), 5)));
    let mut half = store.snapshots.receive(zxid(3, 3)).expect("begun");
    half.push(&[0, 0]).expect("pushed");
    drop(half);
    assert_eq!(dir.plain_names(), before);
    assert!(!dir.names().iter().any(|name| name.contains("receiving")));
}

#[test]
fn a_purge_keeps_what_the_kept_snapshots_and_streams_need() {
    let dir = Dir::begun();
    let mut snapshots = vec![0];
    let (mut store, _) = dir.open();
    for first in (1..=61).step_by(3) {
        store
            .log
            .append(&entries(1, first..=first + 2, 60))
            .expect("appended");
        if first % 4 == 0 {
            store.log.sync().expect("synced");
            store
                .snapshots
                .write(&tree(zxid(1, first + 1), 1))
                .expect("written");
            snapshots.push(first + 1);
        }
        store.log.roll().expect("rolled");
    }
    let [.., oldest, _, _] = snapshots[..] else {
        panic!("enough snapshots")
    };
    let mut stream = store.reader.read_range(zxid(1, 10), zxid(1, 63));
    let purged = store.snapshots.purge(1).expect("purged");
    assert_eq!(purged.snapshots, snapshots.len() - 3);
    assert_eq!(
        purged.oldest,
        Some(zxid(1, 10)),
        "the stream needs 11, which is in the file of 10"
    );
    for counter in 11..=63 {
        assert_eq!(
            stream.next().expect("more").expect("it reads").zxid,
            zxid(1, counter)
        );
    }
    drop(stream);
    let purged = store.snapshots.purge(3).expect("purged");
    assert_eq!(purged.snapshots, 0);
    let first = purged.oldest.expect("a log");
    assert!(
        first <= zxid(1, oldest + 1) && first > zxid(1, oldest - 3),
        "{first}, oldest snapshot {oldest}"
    );
    drop(store);
    // Each of the kept ones can be loaded and replayed to the end.
    for without in 0..3 {
        let copy = dir.copy();
        for gone in &snapshots[snapshots.len() - without..] {
            fs::remove_file(copy.file(&format!("snapshot.{:x}", zxid(1, *gone).bits()))).expect("removed");
        }
        let (store, image) = copy.open();
        assert_eq!(image.damage.map(|e| e.to_string()), None);
        let base = image.snapshot.expect("loaded");
        let replayed: Vec<_> = store
            .reader
            .entries_after(base)
            .map(|e| e.expect("it reads").zxid)
            .collect();
        assert_eq!(replayed.first(), Some(&zxid(1, base.counter() + 1)));
        assert_eq!(replayed.last(), Some(&zxid(1, 63)));
    }
}

#[test]
fn a_purge_of_few_snapshots_removes_nothing() {
    let dir = history();
    let (store, _) = dir.open();
    let before = dir.plain_names();
    let purged = store.snapshots.purge(0).expect("purged");
    assert_eq!((purged.snapshots, purged.logs), (0, 0));
    assert_eq!(dir.plain_names(), before);
}

#[test]
fn a_crash_during_a_purge_costs_nothing() {
    let dir = history();
    {
        let (store, _) = dir.open();
        for at in [zxid(2, 1), zxid(2, 2), zxid(2, 3)] {
            store.snapshots.write(&tree(at, 1)).expect("written");
        }
    }
    for steps in 0.. {
        let copy = dir.copy();
        let (store, _) = copy.open();
        let (purged, short) = fuse::after(steps, || store.snapshots.purge(3));
        assert_eq!(purged.is_err(), short);
        drop(store);
        let (_, image) = copy.open();
        assert_eq!(image.damage.map(|e| e.to_string()), None, "step {steps}");
        assert_eq!(image.snapshot, Some(zxid(2, 3)));
        if !short {
            break;
        }
    }
}
