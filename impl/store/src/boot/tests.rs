use crate::error::Error;
use crate::testing::*;
use crate::{Layout, Store, StoreOptions};
use quorate_zab::{ServerId, Zxid};
use std::fs;
use std::os::unix::fs::PermissionsExt;

#[test]
fn a_new_directory_is_empty_and_its_owners_alone() {
    let parent = Dir::new();
    let data = parent.path().join("a/b");
    let options = StoreOptions::new(Layout::new(&data, None), Some(ServerId::new(3)));
    let (_store, image) = Store::open(options).expect("it opens");
    assert!(image.is_empty());
    assert_eq!((image.last_zxid(), image.floor()), (Zxid::ZERO, Zxid::ZERO));
    let mode = fs::metadata(data.join("version-2"))
        .expect("a directory")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o700);
}

#[test]
fn two_servers_cannot_open_one_directory() {
    let dir = Dir::new();
    let (store, _) = dir.open();
    let error = dir.try_open().map(drop).expect_err("it is in use");
    let told = error.to_string();
    assert!(matches!(error, Error::Locked { holder: Some(_), .. }), "{told}");
    assert!(
        told.contains(&format!("process {}", std::process::id())),
        "{told}"
    );
    // Any part that is left keeps the lock.
    let marks = store.marks.clone();
    drop(store);
    assert!(dir.try_open().is_err());
    drop(marks);
    dir.open();
}

#[test]
fn a_shared_log_directory_is_in_use_too() {
    let (dir, other, logs) = (Dir::new(), Dir::new(), Dir::new());
    let open = |dir: &Dir, server| {
        let layout = Layout::new(dir.path(), Some(logs.path()));
        Store::open(StoreOptions::new(layout, Some(ServerId::new(server))))
    };
    let _store = open(&dir, 1).expect("it opens");
    assert!(matches!(open(&other, 2), Err(Error::Locked { .. })));
}

#[test]
fn the_directory_of_another_server_is_refused() {
    let dir = Dir::new();
    drop(dir.open());
    let mut options = dir.options();
    options.server = Some(ServerId::new(2));
    let told = Store::open(options.clone())
        .map(drop)
        .expect_err("it is server 1's")
        .to_string();
    assert!(
        told.contains("of server 1") && told.contains("is server 2"),
        "{told}"
    );
    fs::remove_file(dir.file("quorate.id")).expect("removed");
    drop(Store::open(options).expect("handed over on purpose"));
    let mut standalone = dir.options();
    standalone.server = None;
    Store::open(standalone).expect("a standalone server takes anything");
}

#[test]
fn a_directory_of_a_later_format_is_refused() {
    let dir = Dir::new();
    drop(dir.open());
    fs::write(dir.file("quorate.id"), "quorate 2\nserver 1\n").expect("written");
    assert!(matches!(dir.try_open(), Err(Error::TooNew { version: 2, .. })));
    for bad in ["", "quorate", "quorate 1\n", "quorate 1\nserver x\n"] {
        fs::write(dir.file("quorate.id"), bad).expect("written");
        assert!(matches!(dir.try_open(), Err(Error::BadText { .. })), "{bad:?}");
    }
}

#[test]
fn exchanged_directories_are_refused() {
    let (data, logs) = (Dir::new(), Dir::new());
    let open = |data: &Dir, logs: &Dir| {
        let mut options = data.options();
        options.layout = Layout::new(data.path(), Some(logs.path()));
        Store::open(options)
    };
    let (mut store, image) = open(&data, &logs).expect("it opens");
    store.snapshots.write(&image.tree).expect("written");
    store.log.append(&[entry(1, 1, 5)]).expect("appended");
    store.log.sync().expect("synced");
    drop(store);
    assert_eq!(data.plain_names(), ["snapshot.0"]);
    assert_eq!(logs.plain_names(), ["log.100000001"]);
    assert!(matches!(open(&logs, &data), Err(Error::Misplaced { .. })));
    assert_eq!(all(&open(&data, &logs).expect("it opens").0).len(), 1);
}

#[test]
fn myid_is_read_as_apache_reads_it() {
    let dir = Dir::new();
    let layout = dir.layout();
    assert_eq!(layout.myid().expect("read"), None);
    for (text, id) in [("3", 3), ("12\n", 12), ("1\nrest", 1)] {
        fs::write(dir.path().join("myid"), text).expect("written");
        assert_eq!(layout.myid().expect("read"), Some(ServerId::new(id)));
    }
    for text in ["", " 1", "1 ", "x", "-1"] {
        fs::write(dir.path().join("myid"), text).expect("written");
        assert!(matches!(layout.myid(), Err(Error::BadText { .. })), "{text:?}");
    }
}

#[test]
fn marks_are_facts_of_the_next_start() {
    let dir = Dir::new();
    fs::write(dir.path().join("initialize"), "").expect("written");
    let (store, image) = dir.open();
    assert!(image.initialize && !image.forgetful);
    store.marks.remove_initialize().expect("removed");
    store.marks.set_forgetful().expect("written");
    store.marks.set_forgetful().expect("again");
    drop(store);
    let (store, image) = dir.open();
    assert!(!image.initialize && image.forgetful && image.is_empty());
    store.marks.clear_forgetful().expect("removed");
    drop(store);
    assert!(!dir.open().1.forgetful);
}

#[test]
fn the_floor_lies_above_every_jump_of_the_log() {
    let dir = Dir::begun();
    {
        let (mut store, image) = dir.open();
        assert_eq!(image.floor(), Zxid::ZERO);
        store.log.append(&entries(1, 1..=10, 5)).expect("appended");
        store.log.sync().expect("synced");
        store.snapshots.write(&tree(zxid(1, 4), 1)).expect("written");
    }
    assert_eq!(
        dir.open().1.floor(),
        Zxid::ZERO,
        "the log has all since the beginning"
    );
    {
        // Apache took a snapshot of a leader: its log has nothing of 11 to 20, and goes on in the next epoch.
        let (mut store, _) = dir.open();
        store.snapshots.write(&tree(zxid(1, 20), 1)).expect("written");
        store.log.append(&entries(2, 1..=3, 5)).expect("appended");
        store.log.sync().expect("synced");
    }
    let (_, image) = dir.open();
    assert_eq!(image.damage.as_ref().map(ToString::to_string), None);
    assert_eq!(image.floor(), zxid(1, 20));
    let skeleton = quorate_zab::Skeleton::from_runs(image.floor(), image.log.runs.iter().copied());
    assert_eq!((skeleton.floor(), skeleton.last()), (zxid(1, 20), zxid(2, 3)));
    assert!(!skeleton.holds(zxid(1, 5)));
}

#[test]
fn a_server_with_any_trace_of_a_past_is_not_empty() {
    let traces: [&dyn Fn(&mut Store); 3] = [
        &|store| {
            store
                .epochs
                .write_accepted(quorate_zab::Epoch::new(1))
                .expect("written")
        },
        &|store| store.snapshots.write(&tree(zxid(1, 1), 1)).expect("written"),
        &|store| {
            store.log.append(&[entry(1, 1, 5)]).expect("appended");
            store.log.sync().expect("synced");
        },
    ];
    for trace in traces {
        let dir = Dir::begun();
        let (mut store, image) = dir.open();
        assert!(image.is_empty());
        trace(&mut store);
        drop(store);
        assert!(!dir.open().1.is_empty());
    }
}
