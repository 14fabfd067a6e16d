use super::body::SnapshotBody;
use super::{Progress, SIGNATURE};
use crate::error::Error;
use crate::testing::*;
use proptest::prelude::*;
use quorate_tree::{Acl, Owner, StatPersisted, Tree, TreeLoader};
use quorate_wire::jute::Reader;
use quorate_zab::Zxid;
use std::collections::BTreeMap;
use std::fs;

fn body(tree: &Tree) -> Vec<u8> {
    SnapshotBody::new(tree).flatten().collect()
}

#[test]
fn apaches_snapshot_is_read_and_written_the_same() {
    let apaches = unhex(&vectors()["snapshot"]["hex"]);
    let dir = Dir::new();
    fs::create_dir(dir.version_2()).expect("created");
    fs::write(dir.file("snapshot.0"), &apaches).expect("written");
    let (store, image) = dir.open();
    assert_eq!(image.snapshot, Some(Zxid::ZERO));
    assert_eq!(image.tree.node_count(), 4);
    assert_eq!(image.tree.digest(), 0x51c6_d660);
    store.snapshots.write(&image.tree).expect("written");
    let ours = fs::read(dir.file("snapshot.0")).expect("read");
    assert_eq!(ours.len(), apaches.len());
    // The order of siblings is the writer's choice.
    let (ours, apaches) = (sorted(&ours), sorted(&apaches));
    assert_eq!(ours, apaches);
}

/// Header, sessions and ACL lists of a file, and its znodes in the order of their paths.
fn sorted(file: &[u8]) -> (Vec<u8>, BTreeMap<String, Vec<u8>>) {
    let root = file
        .windows(16)
        .position(|w| w == [[0; 8], [0xff; 8]].concat())
        .expect("the root");
    let mut reader = Reader::new(&file[root..]);
    let mut znodes = BTreeMap::new();
    loop {
        let path = reader.required("path").expect("a path");
        if path == "/" {
            return (file[..root].to_vec(), znodes);
        }
        let start = file.len() - reader.remaining();
        reader.buffer("data").expect("data");
        reader.take("acl and stat", 68).expect("acl and stat");
        znodes.insert(path, file[start..file.len() - reader.remaining()].to_vec());
    }
}

/// The znodes of a tree in the order of their paths.
fn znodes(tree: &Tree) -> BTreeMap<String, (Option<Vec<u8>>, StatPersisted)> {
    let mut walk = tree.walk();
    let mut znodes = BTreeMap::new();
    while let Some(node) = walk.next_node() {
        znodes.insert(node.path.to_owned(), (node.data.map(<[u8]>::to_vec), *node.stat));
    }
    znodes
}

#[test]
fn the_pieces_of_a_body_are_of_bounded_length() {
    let big = tree(zxid(1, 1), 20_000);
    let pieces: Vec<_> = SnapshotBody::new(&big).collect();
    assert!(pieces.len() > 20);
    assert!(pieces.iter().all(|piece| piece.len() < (64 << 10) + 1024));
}

/// A file of a few hundred bytes, its directory with an older snapshot and the log between.
fn two_snapshots() -> Dir {
    let dir = Dir::begun();
    let (mut store, _) = dir.open();
    store.log.append(&entries(1, 1..=5, 10)).expect("appended");
    store.log.sync().expect("synced");
    store.snapshots.write(&tree(zxid(1, 2), 1)).expect("written");
    store.snapshots.write(&tree(zxid(1, 4), 2)).expect("written");
    drop(store);
    dir
}

#[test]
fn any_flipped_bit_is_found_and_an_older_snapshot_taken() {
    let dir = two_snapshots();
    let path = dir.file("snapshot.100000004");
    let whole = fs::read(&path).expect("read");
    for offset in 0..whole.len() {
        let mut flipped = whole.clone();
        flipped[offset] ^= 1 << (offset % 8);
        fs::write(&path, &flipped).expect("written");
        let (store, image) = dir.open();
        assert_eq!(image.snapshot, Some(zxid(1, 2)), "offset {offset}");
        assert_eq!(
            image.damage.map(|e| e.to_string()),
            None,
            "the log has what it had"
        );
        let told = image.skipped[0].to_string();
        assert!(
            told.contains("snapshot.100000004") && told.contains("offset"),
            "offset {offset}: {told}"
        );
        assert!(
            matches!(store.snapshots.load(zxid(1, 4)), Err(Error::Corrupt { .. })),
            "offset {offset}"
        );
    }
}

#[test]
fn any_beginning_of_a_file_is_no_snapshot() {
    let dir = two_snapshots();
    let path = dir.file("snapshot.100000004");
    let whole = fs::read(&path).expect("read");
    let mut shorter_versions = 0;
    for length in 0..whole.len() {
        fs::write(&path, &whole[..length]).expect("written");
        let (_, image) = dir.open();
        if image.snapshot == Some(zxid(1, 4)) {
            // What 3.5 and 3.8 write ends there.
            assert!(whole[..length].ends_with(b"\0\0\0\x01/"), "{length}");
            shorter_versions += 1;
        } else {
            assert_eq!(image.snapshot, Some(zxid(1, 2)), "{length}");
        }
    }
    assert_eq!(shorter_versions, 2);
}

#[test]
fn a_lost_snapshot_that_the_log_does_not_cover_is_damage() {
    let dir = two_snapshots();
    fs::remove_file(dir.file("log.100000001")).expect("removed");
    flip(&dir.file("snapshot.100000004"), 300, 1);
    let (_, image) = dir.open();
    assert!(
        matches!(image.damage, Some(Error::Corrupt { .. })),
        "{:?}",
        image.damage
    );
}

#[test]
fn no_snapshot_that_can_be_loaded_is_damage() {
    let dir = two_snapshots();
    for name in ["snapshot.0", "snapshot.100000002", "snapshot.100000004"] {
        flip(&dir.file(name), 100, 1);
    }
    let (_, image) = dir.open();
    assert!(
        matches!(image.damage, Some(Error::NoSnapshot { .. })),
        "{:?}",
        image.damage
    );
    for name in ["snapshot.0", "snapshot.100000002", "snapshot.100000004"] {
        fs::remove_file(dir.file(name)).expect("removed");
    }
    assert!(matches!(dir.open().1.damage, Some(Error::NoSnapshot { .. })));
    let mut options = dir.options();
    options.trust_empty_snapshot = true;
    let (store, image) = crate::Store::open(options).expect("it opens");
    assert!(image.damage.is_none());
    assert_eq!(all(&store).len(), 5);
}

#[test]
fn a_newer_or_compressed_snapshot_is_refused_by_name() {
    let dir = two_snapshots();
    fs::write(dir.file("snapshot.100000005.gz"), b"\x1f\x8b").expect("written");
    let refused = dir.try_open().map(drop).expect_err("compressed").to_string();
    assert!(
        refused.contains("snapshot.100000005.gz") && refused.contains("Remedy"),
        "{refused}"
    );
    fs::remove_file(dir.file("snapshot.100000005.gz")).expect("removed");
    fs::write(dir.file("snapshot.100000003.snappy"), b"").expect("written");
    dir.try_open().expect("an older one does not matter");
    let newer = [b"ZKSN\0\0\0\x03".as_slice(), &[0xff; 100], b"\0\0\0\x01/"].concat();
    fs::write(dir.file("snapshot.100000005"), newer).expect("written");
    assert!(matches!(dir.try_open(), Err(Error::TooNew { version: 3, .. })));
}

#[test]
fn a_snapshot_begun_before_a_truncation_does_not_appear_after_it() {
    let dir = two_snapshots();
    let (store, _) = dir.open();
    let history = store.snapshots.home.history();
    drop(store.snapshots.home.change());
    assert!(matches!(
        store.snapshots.home.hold(history),
        Err(Error::HistoryChanged)
    ));
}

#[test]
fn a_crash_while_a_snapshot_is_written_leaves_it_whole_or_absent() {
    let dir = two_snapshots();
    for steps in 0.. {
        let copy = dir.copy();
        let (store, _) = copy.open();
        let (written, short) =
            crate::durable::fuse::after(steps, || store.snapshots.write(&tree(zxid(1, 5), 3)));
        assert_eq!(written.is_err(), short);
        drop(store);
        let (_, image) = copy.open();
        assert!(image.skipped.is_empty() && image.damage.is_none());
        assert!(
            !copy
                .names()
                .iter()
                .any(|name| name.starts_with("quorate.snapshot"))
        );
        if !short {
            assert_eq!(image.snapshot, Some(zxid(1, 5)));
            break;
        }
    }
}

fn stream(tree: &Tree) -> Vec<u8> {
    [body(tree), SIGNATURE.to_vec()].concat()
}

#[test]
fn a_stream_may_come_in_any_pieces_and_be_followed_by_anything() {
    let dir = Dir::begun();
    let (store, _) = dir.open();
    let sent = tree(zxid(1, 9), 30);
    let bytes = stream(&sent);
    let followed = [bytes.clone(), b"next packet".to_vec()].concat();
    for piece_bytes in [1, 2, 7, 64, 1000, followed.len()] {
        let mut receiver = store.snapshots.receive(zxid(1, 9)).expect("begun");
        let mut consumed = 0;
        for piece in followed.chunks(piece_bytes) {
            match receiver.push(piece).expect("pushed") {
                Progress::More => consumed += piece.len(),
                Progress::Complete { used } => {
                    consumed += used;
                    break;
                }
            }
        }
        assert_eq!(consumed, bytes.len());
        let received = receiver.finish().expect("finished");
        let (at, file, tree) = received.into_parts();
        assert_eq!((at, tree.digest()), (zxid(1, 9), sent.digest()));
        fs::rename(file, dir.file("snapshot.100000009")).expect("renamed");
        let loaded = store.snapshots.load(at).expect("loaded");
        assert_eq!(znodes(&loaded), znodes(&sent));
    }
}

#[test]
fn what_a_leader_sent_may_hold_more_than_its_name_says_and_what_is_written_here_does_not() {
    let dir = Dir::begun();
    let (store, _) = dir.open();
    let sent = tree(zxid(1, 9), 30);
    let mut receiver = store.snapshots.receive(zxid(1, 9)).expect("begun");
    receiver.push(&stream(&sent)).expect("pushed");
    let (at, file, received) = receiver.finish().expect("finished").into_parts();
    assert!(received.is_unmeasured());
    fs::rename(file, dir.file("snapshot.100000009")).expect("renamed");
    let mut loaded = store.snapshots.load(at).expect("loaded");
    assert_eq!((loaded.exact_digest(), loaded.is_unmeasured()), (None, true));
    // It is known later: then the next snapshot is one of ours.
    loaded.may_hold_up_to(at.bits());
    assert_eq!(loaded.exact_digest(), Some(sent.digest()));
    store.snapshots.write(&loaded).expect("written");
    let again = store.snapshots.load(at).expect("loaded");
    assert_eq!(again.exact_digest(), Some(sent.digest()));
}

#[test]
fn a_malformed_stream_is_refused_with_the_place() {
    let dir = Dir::begun();
    let (store, _) = dir.open();
    let bytes = stream(&tree(zxid(1, 9), 3));
    let refuse = |bytes: &[u8]| {
        let mut receiver = store.snapshots.receive(zxid(1, 9)).expect("begun");
        receiver.push(bytes).expect_err("malformed")
    };
    let mut no_signature = bytes.clone();
    *no_signature.last_mut().expect("bytes") ^= 1;
    assert!(matches!(refuse(&no_signature), Error::BadStream { .. }));
    // A length that lies is refused before anything of that length is waited for.
    let root = bytes
        .windows(16)
        .position(|w| w == [[0; 8], [0xff; 8]].concat())
        .expect("the root");
    let mut lie = bytes.clone();
    lie[root + 4..root + 8].copy_from_slice(&i32::MAX.to_be_bytes());
    let Error::BadStream { offset, what } = refuse(&lie[..root + 8]) else {
        panic!("another error");
    };
    assert_eq!(offset as usize, root, "{what}");
    let mut orphan = bytes;
    let zookeeper = orphan
        .windows(10)
        .position(|w| w == b"/zookeeper")
        .expect("a path");
    orphan[zookeeper + 3] = b'/';
    assert!(matches!(refuse(&orphan), Error::BadStream { .. }));
}

#[test]
fn counts_that_lie_cost_no_memory() {
    let dir = Dir::begun();
    let (store, _) = dir.open();
    let mut receiver = store.snapshots.receive(zxid(1, 9)).expect("begun");
    let sessions_and_acls = [&i32::MAX.to_be_bytes()[..], &[0; 1000]].concat();
    assert_eq!(receiver.push(&sessions_and_acls).expect("pushed"), Progress::More);
    let mut receiver = store.snapshots.receive(zxid(1, 9)).expect("begun");
    let acls = [
        &[0; 4][..],
        &1i32.to_be_bytes(),
        &[0; 8],
        &i32::MAX.to_be_bytes(),
        &[0; 500],
    ]
    .concat();
    assert_eq!(receiver.push(&acls).expect("pushed"), Progress::More);
}

fn any_stat() -> impl Strategy<Value = StatPersisted> {
    (
        any::<[u64; 3]>(),
        any::<[i64; 2]>(),
        any::<[i32; 3]>(),
        any::<bool>(),
    )
        .prop_map(|(z, t, v, owned)| StatPersisted {
            czxid: z[0],
            mzxid: z[1],
            pzxid: z[2],
            ctime_ms: t[0],
            mtime_ms: t[1],
            version: v[0],
            cversion: v[1],
            aversion: v[2],
            ephemeral_owner: if owned { Owner::Session(0x1234).encode() } else { 0 },
        })
}

prop_compose! {
    fn any_tree()(
        sessions in proptest::collection::btree_map(any::<i64>(), any::<i32>(), 0..5),
        nodes in proptest::collection::vec(
            (any::<proptest::sample::Index>(), "[a-zA-Zäß€._-]{1,12}", proptest::option::of(
                proptest::collection::vec(any::<u8>(), 0..40)), 0..4i64, any_stat()),
            0..30),
        last in 1..1u64 << 40,
    ) -> Tree {
        let mut loader = TreeLoader::new();
        for (session, timeout) in sessions {
            loader.session(session, timeout);
        }
        for id in 1..4i64 {
            let acl = Acl { perms: id as i32, scheme: "digest".into(), id: format!("user{id}:x") };
            loader.acl(id, vec![acl]).expect("an ACL");
        }
        let fixed = StatPersisted::default();
        for path in ["", "/zookeeper", "/zookeeper/config", "/zookeeper/quota"] {
            loader.node(path, Some(b""), -1, fixed).expect("a znode");
        }
        let mut paths = vec![String::new()];
        for (parent, name, data, acl, stat) in nodes {
            let path = format!("{}/{name}", paths[parent.index(paths.len())]);
            let acl = if acl == 0 { -1 } else { acl };
            if loader.node(&path, data.as_deref(), acl, stat).is_ok() {
                paths.push(path);
            }
        }
        loader.finish(last, None).expect("a tree")
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_tree_comes_back_from_its_file(tree in any_tree()) {
        let dir = Dir::new();
        let (store, _) = dir.open();
        store.snapshots.write(&tree).expect("written");
        let loaded = store.snapshots.load(Zxid::from_bits(tree.last_zxid())).expect("loaded");
        prop_assert_eq!(loaded.digest(), tree.digest());
        prop_assert_eq!(loaded.node_count(), tree.node_count());
        prop_assert_eq!(loaded.sessions().collect::<Vec<_>>(), tree.sessions().collect::<Vec<_>>());
        prop_assert_eq!(znodes(&loaded), znodes(&tree));
    }

    #[test]
    fn hostile_bytes_never_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..400), at in any::<proptest::sample::Index>()) {
        let dir = Dir::begun();
        let (store, _) = dir.open();
        let mut receiver = store.snapshots.receive(zxid(1, 9)).expect("begun");
        let _ = receiver.push(&bytes);
        let whole = stream(&tree(zxid(1, 9), 3));
        let at = at.index(whole.len());
        bytes.truncate(whole.len() - at);
        let mut spoiled = whole.clone();
        spoiled[at..at + bytes.len()].copy_from_slice(&bytes);
        let mut receiver = store.snapshots.receive(zxid(1, 9)).expect("begun");
        let _ = receiver.push(&spoiled);
    }
}
