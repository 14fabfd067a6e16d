//! A file of transactions, whole or not: what a server takes from it is covered by a checksum, and what it says of the
//! rest is the same the next time.
#![no_main]

use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use quorate_fuzz::{Directory, adler32, bounded, seals};
use quorate_store::{BootImage, Layout, LogEntry, Store, StoreOptions};
use quorate_tree::{Tree, WatchTable};
use quorate_wire::txn::{HEADER_BYTES, decode_entry};
use quorate_zab::{ServerId, Zxid};
use std::cell::OnceCell;

thread_local! {
    static DIRECTORY: (Directory, Vec<u8>) = prepared();
}

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    seals::mutated(data, size, max_size, seed, seals::seal_log)
});

fuzz_target!(|input: &[u8]| {
    DIRECTORY.with(|(directory, snapshot)| judge(directory, snapshot, input));
});

/// A directory, and the snapshot of a server that has begun.
fn prepared() -> (Directory, Vec<u8>) {
    let directory = Directory::new();
    directory.hold(&[]);
    let (store, image) = open(&directory).expect("it is new");
    store.snapshots.write(&image.tree).expect("it is written");
    drop(store);
    let snapshot = std::fs::read(directory.file("snapshot.0")).expect("it was written");
    (directory, snapshot)
}

fn open(directory: &Directory) -> quorate_store::Result<(Store, BootImage)> {
    let mut options = StoreOptions::new(Layout::new(directory.path(), None), Some(ServerId::new(1)));
    options.log.spare = false;
    options.log.short_file_bytes = 4096;
    options.log.file_bytes = 4096;
    options.log.entry_bytes_max = 1 << 20;
    Store::open(options)
}

/// What an independent reader finds: entries whose checksum fits, up to the first that does not.
fn sound(file: &[u8]) -> Vec<&[u8]> {
    seals::records(file)
        .take_while(|(at, entry)| {
            let sum = u64::from_be_bytes(*file[*at..].first_chunk().expect("it was read"));
            sum == adler32(entry) && file.get(at + 12 + entry.len()) == Some(&b'B')
        })
        .map(|(_, entry)| entry)
        .take_while(|entry| entry.len() >= HEADER_BYTES)
        .collect()
}

fn zxid_of(entry: &[u8]) -> Zxid {
    Zxid::from_bits(u64::from_be_bytes(*entry[12..].first_chunk().expect("a header")))
}

fn judge(directory: &Directory, snapshot: &[u8], input: &[u8]) {
    let sound = sound(input);
    let name = sound.first().map_or(1 << 32 | 1, |entry| zxid_of(entry).bits());
    let log = format!("log.{name:x}");
    directory.hold(&[("snapshot.0", snapshot), (&log, input)]);
    // Buffers are of 1 MiB whatever the file's length, and there are several on the way.
    let opened = bounded(input.len(), 32 << 20, 64, || open(directory));
    let Ok((mut store, image)) = opened else {
        return;
    };
    let entries = bounded(input.len(), 32 << 20, 64, || entries(&store));
    // Each is one of those that a checksum covers, in their order, and none is left out in silence.
    let mut ahead = sound.iter().filter(|entry| !entry.is_empty());
    for entry in &entries {
        assert!(
            ahead.any(|sound| *sound == entry.bytes),
            "{entry:?} is not in the file, or its checksum is wrong"
        );
        assert_eq!(zxid_of(&entry.bytes), entry.zxid);
    }
    let is_whole = image.damage.is_none() && image.log.torn.is_none();
    if is_whole {
        assert_eq!(image.log.records as usize, sound.len());
        let zeros = 16 + sound.iter().map(|entry| entry.len() + 13).sum::<usize>();
        let rest = input.get(zeros..).unwrap_or_default();
        // What a server notes for itself is behind the zeros, in a sector of its own, whole or not.
        let note = rest
            .len()
            .checked_sub(512)
            .filter(|_| input.len().is_multiple_of(512));
        let noted = note.filter(|&at| {
            let fitting = rest[at..].iter().zip(b"QRTSYNC1").filter(|(a, b)| a == b);
            fitting.count() >= 6
        });
        assert!(
            rest[..noted.unwrap_or(rest.len())].iter().all(|&byte| byte == 0),
            "bytes behind the last record are passed over in silence"
        );
    }
    replay(&entries, image.tree.clone());
    if image.damage.is_some() {
        let next = entries.last().map_or(1 << 32 | 1, |entry| entry.zxid.bits() + 1);
        assert!(
            store.log.append(&[entry(next)]).is_err(),
            "a damaged log takes nothing"
        );
        return;
    }
    // It goes on where it ended, and the next start finds what was there and what was added.
    let last = image.last_zxid();
    let more = OnceCell::new();
    if let Some(next) = last
        .bits()
        .checked_add(1)
        .filter(|next| next & 0xffff_ffff != 0 && *next > 1 << 32)
    {
        let added = entry(next);
        store.log.append(&[added.clone()]).expect("it follows");
        store.log.sync().expect("it is synced");
        more.set(added).expect("it is the first");
    }
    drop(store);
    let (store, image) = open(directory).expect("it opened before");
    assert!(image.damage.is_none() && image.log.torn.is_none(), "{image:?}");
    let mut expected = entries;
    expected.extend(more.into_inner());
    assert_eq!(self::entries(&store), expected);
}

fn entry(zxid: u64) -> LogEntry {
    let mut bytes = vec![0; HEADER_BYTES + 4];
    bytes[12..20].copy_from_slice(&zxid.to_be_bytes());
    // An error transaction of nobody's.
    bytes[28..32].copy_from_slice(&(-1_i32).to_be_bytes());
    LogEntry {
        zxid: Zxid::from_bits(zxid),
        bytes: bytes.into(),
    }
}

/// All that the log gives, up to a hole or to what is damaged.
fn entries(store: &Store) -> Vec<LogEntry> {
    let entries = store.reader.entries_after(Zxid::ZERO);
    entries.map_while(Result::ok).collect()
}

/// As a server does when it starts.
fn replay(entries: &[LogEntry], mut tree: Tree) {
    let mut watches = WatchTable::new();
    for entry in entries {
        let Ok(decoded) = decode_entry(&entry.bytes) else {
            return;
        };
        if decoded.can_apply().is_err() {
            return;
        }
        tree.apply(&decoded, &mut watches);
    }
}
