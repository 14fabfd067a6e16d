use crate::error::Error;
use crate::log::format::{self, Parsed};
use crate::log::{LogEntry, LogOptions};
use crate::testing::*;
use crate::{Result, Store};
use proptest::prelude::*;
use quorate_zab::Zxid;
use std::fs::{self, File, OpenOptions};

/// What Apache's reader would see in the files, lowest first.
fn as_apache_reads(dir: &Dir) -> Vec<LogEntry> {
    let mut entries = Vec::new();
    let mut files: Vec<_> = dir
        .names()
        .into_iter()
        .filter(|name| name.starts_with("log."))
        .collect();
    files.sort_by_key(|name| u64::from_str_radix(&name[4..], 16).expect("hex"));
    for name in files {
        let bytes = fs::read(dir.file(&name)).expect("it is read");
        assert_eq!(&bytes[..16], b"ZKLG\0\0\0\x02\0\0\0\0\0\0\0\0");
        let mut rest = &bytes[16..];
        while let Parsed::Record { bytes, zxid } = format::parse(rest, usize::MAX) {
            entries.push(LogEntry {
                zxid,
                bytes: rest[12..bytes - 1].to_vec().into(),
            });
            rest = &rest[bytes..];
        }
        assert!(
            rest.is_empty() || rest[..12] == [0; 12],
            "records end in zeros or with the file"
        );
    }
    entries
}

#[test]
fn a_record_is_the_bytes_that_apache_writes() {
    let vectors = vectors();
    let records = vectors["log_records"].as_array().expect("records");
    assert!(records.len() > 10);
    for record in records {
        let bytes = unhex(&record["hex"]);
        let Parsed::Record { bytes: length, zxid } = format::parse(&bytes, 1 << 20) else {
            panic!("{record} does not parse");
        };
        assert_eq!(length, bytes.len());
        assert_eq!(
            zxid.to_string(),
            record["decoded"]["hdr"]["zxid"].as_str().expect("a zxid")
        );
        let mut written = Vec::new();
        format::encode(&bytes[12..length - 1], &mut written);
        assert_eq!(written, bytes);
    }
}

#[test]
fn what_was_appended_reads_back_and_apache_reads_the_same() {
    let dir = Dir::begun();
    let (mut store, image) = dir.open();
    assert_eq!(image.damage.map(|e| e.to_string()), None);
    let all_entries = entries(1, 1..=300, 100);
    for batch in all_entries.chunks(7) {
        store.log.append(batch).expect("appended");
        store.log.sync().expect("synced");
    }
    assert_eq!(all(&store), all_entries);
    assert_eq!(as_apache_reads(&dir), all_entries);
    drop(store);
    let (store, image) = dir.open();
    assert_eq!(image.log.last, Some(zxid(1, 300)));
    assert_eq!(image.log.runs.len(), 1);
    assert_eq!(image.log.records, 300);
    assert!(image.damage.is_none() && image.log.torn.is_none());
    assert_eq!(all(&store), all_entries);
}

#[test]
fn a_restart_never_appends_to_an_old_file() {
    let dir = Dir::begun();
    for counter in 1..=3 {
        let (mut store, _) = dir.open();
        store.log.append(&[entry(1, counter, 10)]).expect("appended");
        store.log.sync().expect("synced");
    }
    assert_eq!(
        dir.plain_names(),
        ["log.100000001", "log.100000002", "log.100000003", "snapshot.0"]
    );
}

#[test]
fn a_finished_file_has_no_zeros_behind_its_records() {
    let dir = Dir::begun();
    let (mut store, _) = dir.open();
    store.log.append(&[entry(1, 1, 10)]).expect("appended");
    store.log.roll().expect("rolled");
    store.log.append(&[entry(1, 2, 10)]).expect("appended");
    store.log.sync().expect("synced");
    assert_eq!(
        fs::read(dir.file("log.100000001")).expect("read").len(),
        16 + 13 + 42
    );
    assert_eq!(fs::read(dir.file("log.100000002")).expect("read").len(), 4096);
    drop(store);
    dir.open();
    assert_eq!(
        fs::read(dir.file("log.100000002")).expect("read").len(),
        4096,
        "nothing torn, nothing cut"
    );
}

#[test]
fn an_entry_longer_than_a_file_gets_a_file_of_its_own_length() {
    let dir = Dir::begun();
    let (mut store, _) = dir.open();
    let batch = [entry(1, 1, 10), entry(1, 2, 50_000), entry(1, 3, 10)];
    store.log.append(&batch).expect("appended");
    store.log.sync().expect("synced");
    drop(store);
    assert_eq!(all(&dir.open().0), batch);
}

#[test]
fn the_thread_that_makes_files_ahead_changes_nothing_but_the_time() {
    let dir = Dir::begun();
    let mut options = dir.options();
    options.log.spare = true;
    let (mut store, _) = Store::open(options).expect("it opens");
    let all_entries = entries(1, 1..=500, 100);
    for batch in all_entries.chunks(5) {
        store.log.append(batch).expect("appended");
        store.log.sync().expect("synced");
    }
    assert_eq!(as_apache_reads(&dir), all_entries);
    drop(store);
    assert_eq!(all(&dir.open().0), all_entries);
    assert!(
        !dir.names().iter().any(|name| name == "quorate.spare"),
        "what is left over goes"
    );
}

#[test]
fn what_does_not_follow_is_refused_and_leaves_no_trace() {
    let dir = Dir::begun();
    let (mut store, _) = dir.open();
    store.log.append(&entries(1, 1..=2, 10)).expect("appended");
    for wrong in [entry(1, 3, 10), entry(1, 5, 10), entry(2, 2, 10), entry(0, 4, 10)] {
        let batch = [entry(1, 3, 10), wrong];
        assert!(
            matches!(store.log.append(&batch), Err(Error::OutOfOrder { .. })),
            "{batch:?}"
        );
    }
    store
        .log
        .append(&[entry(2, 1, 10)])
        .expect("a new epoch begins at 1");
    store.log.sync().expect("synced");
    assert_eq!(all(&store).len(), 3);
}

#[test]
fn a_failed_write_is_final() {
    let dir = Dir::begun();
    let (mut store, _) = dir.open();
    store.log.append(&[entry(1, 1, 10)]).expect("appended");
    store.log.sync().expect("synced");
    let path = dir.file("log.100000001");
    let read_only = File::open(&path).expect("opened");
    let good = std::mem::replace(&mut store.log.active.as_mut().expect("a file").file, read_only);
    assert!(matches!(
        store.log.append(&[entry(1, 2, 10)]),
        Err(Error::Io { .. })
    ));
    drop(good);
    assert!(matches!(
        store.log.append(&[entry(1, 2, 10)]),
        Err(Error::Poisoned { .. })
    ));
    assert!(matches!(store.log.sync(), Err(Error::Poisoned { .. })));
    assert!(matches!(store.log.roll(), Err(Error::Poisoned { .. })));
    assert!(matches!(
        store.log.truncate(zxid(1, 1)),
        Err(Error::Poisoned { .. })
    ));
    drop(store);
    assert_eq!(all(&dir.open().0), [entry(1, 1, 10)]);
}

#[test]
fn a_failed_sync_is_final() {
    let dir = Dir::begun();
    let (mut store, _) = dir.open();
    store.log.append(&[entry(1, 1, 10)]).expect("appended");
    // What cannot be synced: a device without a disk.
    let no_disk = OpenOptions::new().write(true).open("/dev/null").expect("opened");
    store.log.active.as_mut().expect("a file").file = no_disk;
    assert!(matches!(store.log.sync(), Err(Error::Io { doing: "sync", .. })));
    assert!(
        matches!(store.log.sync(), Err(Error::Poisoned { .. })),
        "the second one must not succeed"
    );
    assert!(matches!(
        store.log.append(&[entry(1, 2, 10)]),
        Err(Error::Poisoned { .. })
    ));
}

#[test]
fn a_file_that_cannot_be_begun_leaves_nothing_half() {
    let dir = Dir::begun();
    for steps in 0.. {
        let copy = dir.copy();
        let (mut store, _) = copy.open();
        let (appended, short) = crate::durable::fuse::after(steps, || store.log.append(&[entry(1, 1, 10)]));
        assert_eq!(appended.is_err(), short);
        drop(store);
        let (store, image) = copy.open();
        assert!(image.damage.is_none() && image.log.torn.is_none());
        assert!(all(&store).len() <= 1);
        if !short {
            break;
        }
    }
}

#[test]
fn a_stream_gives_exactly_its_range() {
    let dir = Dir::begun();
    let (mut store, _) = dir.open();
    let mut wanted = entries(1, 1..=100, 100);
    wanted.extend(entries(3, 1..=100, 100));
    store.log.append(&wanted).expect("appended");
    let read = |after, upto| {
        let stream = store.reader.read_range(after, upto);
        stream.collect::<Result<Vec<_>>>().expect("it reads")
    };
    assert_eq!(read(zxid(1, 20), zxid(1, 20)), []);
    assert_eq!(read(zxid(1, 20), zxid(1, 21)), wanted[20..21]);
    assert_eq!(read(zxid(1, 99), zxid(3, 1)), wanted[99..101]);
    assert_eq!(read(zxid(1, 100), zxid(3, 100)), wanted[100..]);
    assert_eq!(read(Zxid::ZERO, zxid(3, 100)), wanted);
    let beyond: Result<Vec<_>> = store.reader.read_range(zxid(3, 99), zxid(4, 1)).collect();
    assert!(matches!(beyond, Err(Error::Hole { .. })), "{beyond:?}");
    let between: Result<Vec<_>> = store.reader.read_range(zxid(1, 99), zxid(2, 7)).collect();
    assert!(matches!(between, Err(Error::Hole { .. })), "{between:?}");
}

#[test]
fn a_stream_ends_in_an_error_at_a_hole() {
    let dir = Dir::begun();
    let mut bytes = format::HEADER.to_vec();
    for counter in [1, 2, 4, 5] {
        format::encode(&entry(1, counter, 20).bytes, &mut bytes);
    }
    fs::write(dir.file("log.100000001"), bytes).expect("written");
    let (store, image) = dir.open();
    assert!(matches!(image.damage, Some(Error::Hole { .. })));
    let read: Vec<_> = store.reader.entries_after(Zxid::ZERO).collect();
    assert_eq!(read.len(), 3);
    assert!(matches!(read[2], Err(Error::Hole { .. })), "{:?}", read[2]);
    assert_eq!(store.reader.entries_after(zxid(1, 3)).count(), 2);
}

#[test]
fn a_repeated_transaction_is_read_once() {
    let dir = Dir::begun();
    let mut bytes = format::HEADER.to_vec();
    for counter in [1, 2, 3, 2, 3, 4] {
        format::encode(&entry(1, counter, 20).bytes, &mut bytes);
    }
    fs::write(dir.file("log.100000001"), bytes).expect("written");
    let (store, image) = dir.open();
    assert_eq!(image.damage.map(|e| e.to_string()), None);
    assert_eq!((image.log.records, image.log.duplicates), (6, 2));
    assert_eq!(all(&store), entries(1, 1..=4, 20));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_batches_read_back_after_any_restarts(
        batches in proptest::collection::vec((1..20u32, 0..900usize, any::<bool>(), any::<bool>()), 1..12),
    ) {
        let dir = Dir::begun();
        let (mut store, _) = dir.open();
        let mut wanted = Vec::new();
        let mut epoch = 1;
        let mut counter = 0;
        for (count, bytes, new_epoch, restart) in batches {
            if new_epoch {
                epoch += 1;
                counter = 0;
            }
            let batch = entries(epoch, counter + 1..=counter + count, bytes);
            counter += count;
            store.log.append(&batch).expect("appended");
            store.log.sync().expect("synced");
            wanted.extend(batch);
            if restart {
                drop(store);
                let (again, image) = dir.open();
                prop_assert!(image.damage.is_none());
                prop_assert_eq!(image.log.last, Some(zxid(epoch, counter)));
                store = again;
            }
        }
        prop_assert_eq!(&all(&store), &wanted);
        prop_assert_eq!(&as_apache_reads(&dir), &wanted);
        let middle = wanted[wanted.len() / 2].zxid;
        let tail: Vec<_> = store.reader.entries_after(middle).map(|e| e.expect("it reads").zxid).collect();
        let expected: Vec<_> = wanted.iter().map(|e| e.zxid).filter(|&z| z > middle).collect();
        prop_assert_eq!(tail, expected);
    }
}

#[test]
fn an_entry_that_could_not_be_read_back_is_refused() {
    let dir = Dir::begun();
    let mut options = dir.options();
    options.log.entry_bytes_max = 100;
    let (mut store, _) = Store::open(options).expect("it opens");
    let mut headless = entry(1, 1, 0);
    headless.bytes.truncate(31);
    for wrong in [entry(1, 1, 69), headless] {
        assert!(matches!(store.log.append(&[wrong]), Err(Error::BadEntry { .. })));
    }
    store.log.append(&[entry(1, 1, 68)]).expect("appended");
    assert_eq!(all(&store).len(), 1);
}

#[test]
fn the_parts_go_to_threads_of_their_own() {
    fn sent<T: Send + 'static>() {}
    fn shared<T: Send + Sync + Clone + 'static>() {}
    sent::<crate::TxnLog>();
    sent::<crate::EpochFiles>();
    sent::<crate::LogStream>();
    sent::<crate::SnapshotReceiver>();
    sent::<crate::ReceivedSnapshot>();
    shared::<crate::LogReader>();
    shared::<crate::Snapshots>();
    shared::<crate::Marks>();
}

#[test]
fn the_defaults_fit_together() {
    let options = LogOptions::default();
    assert!(options.short_file_bytes <= options.file_bytes && options.force_sync);
}
