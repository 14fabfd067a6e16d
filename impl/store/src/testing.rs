//! What do the tests of this crate share? A directory, entries, trees, and Apache's bytes.

use crate::log::{LogEntry, LogOptions};
use crate::{BootImage, Layout, Result, Store, StoreOptions};
use quorate_tree::{Owner, StatPersisted, Tree, TreeLoader};
use quorate_zab::{Epoch, ServerId, Zxid};
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A server's directory that goes with the test.
pub(crate) struct Dir(TempDir);

impl Dir {
    pub(crate) fn new() -> Self {
        // In memory if possible: thousands of crashes are tried, and what a sync does is the kernel's.
        let memory = Path::new("/dev/shm");
        let dir = if memory.is_dir() {
            tempfile::tempdir_in(memory)
        } else {
            tempfile::tempdir()
        };
        Self(dir.expect("a temporary directory"))
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn layout(&self) -> Layout {
        Layout::new(self.path(), None)
    }

    pub(crate) fn version_2(&self) -> PathBuf {
        self.path().join("version-2")
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.version_2().join(name)
    }

    /// Small files, so that a test fills several.
    pub(crate) fn options(&self) -> StoreOptions {
        let mut options = StoreOptions::new(self.layout(), Some(ServerId::new(1)));
        options.log = LogOptions {
            short_file_bytes: 4096,
            file_bytes: 4096,
            spare: false,
            ..LogOptions::default()
        };
        options
    }

    pub(crate) fn open(&self) -> (Store, BootImage) {
        self.try_open().expect("it opens")
    }

    pub(crate) fn try_open(&self) -> Result<(Store, BootImage)> {
        Store::open(self.options())
    }

    /// A server that has begun: an empty snapshot, as Apache writes one.
    pub(crate) fn begun() -> Self {
        let dir = Self::new();
        let (store, image) = dir.open();
        store.snapshots.write(&image.tree).expect("it is written");
        dir
    }

    pub(crate) fn copy(&self) -> Self {
        let copy = Self::new();
        fs::create_dir(copy.version_2()).expect("it is created");
        for name in self.names() {
            fs::copy(self.file(&name), copy.file(&name)).expect("it is copied");
        }
        copy
    }

    /// The files in `version-2`, sorted.
    pub(crate) fn names(&self) -> Vec<String> {
        crate::layout::names(&self.version_2()).expect("it is listed")
    }

    /// The files of ZooKeeper's, sorted.
    pub(crate) fn plain_names(&self) -> Vec<String> {
        let mut names = self.names();
        names.retain(|name| !name.starts_with("quorate."));
        names
    }
}

pub(crate) fn zxid(epoch: u32, counter: u32) -> Zxid {
    Zxid::new(Epoch::new(epoch), counter)
}

/// An entry with a payload of `bytes`, different for each zxid.
pub(crate) fn entry(epoch: u32, counter: u32, bytes: usize) -> LogEntry {
    let zxid = zxid(epoch, counter);
    let mut entry = vec![1; 12];
    entry.extend_from_slice(&zxid.bits().to_be_bytes());
    entry.extend_from_slice(&[2; 12]);
    entry.extend((0..bytes).map(|i| (i as u32 ^ counter.wrapping_mul(31)) as u8 | 1));
    LogEntry {
        zxid,
        bytes: entry.into(),
    }
}

pub(crate) fn entries(epoch: u32, counters: std::ops::RangeInclusive<u32>, bytes: usize) -> Vec<LogEntry> {
    counters.map(|counter| entry(epoch, counter, bytes)).collect()
}

/// Everything in the log.
pub(crate) fn all(store: &Store) -> Vec<LogEntry> {
    store
        .reader
        .entries_after(Zxid::ZERO)
        .collect::<Result<_>>()
        .expect("the log reads back")
}

/// A tree at `zxid` with some znodes whose names and data say which.
pub(crate) fn tree(last: Zxid, znodes: usize) -> Tree {
    let mut loader = TreeLoader::new();
    let stat = |czxid| StatPersisted::new(czxid, 7, Owner::Nobody);
    loader.session(0x77, 30_000);
    loader.node("", Some(b""), -1, stat(0)).expect("the root");
    loader.node("/zookeeper", Some(b""), -1, stat(0)).expect("znode");
    loader
        .node("/zookeeper/config", Some(b""), -1, stat(0))
        .expect("znode");
    loader
        .node("/zookeeper/quota", Some(b""), -1, stat(0))
        .expect("znode");
    for i in 0..znodes {
        let data = format!("{last}-{i}");
        loader
            .node(&format!("/z{i}"), Some(data.as_bytes()), -1, stat(last.bits()))
            .expect("znode");
    }
    loader.finish(last.bits(), None).expect("a tree")
}

/// Apache's bytes.
pub(crate) fn vectors() -> serde_json::Value {
    serde_json::from_str(include_str!("../tests/vectors/storage.json")).expect("it is JSON")
}

pub(crate) fn unhex(value: &serde_json::Value) -> Vec<u8> {
    let text = value.as_str().expect("hex");
    (0..text.len())
        .step_by(2)
        .map(|i| u8::from_str_radix(&text[i..i + 2], 16).expect("hex"))
        .collect()
}

/// Flips one bit of a file.
pub(crate) fn flip(path: &Path, offset: usize, bit: u8) {
    let mut bytes = fs::read(path).expect("it is read");
    bytes[offset] ^= 1 << bit;
    fs::write(path, bytes).expect("it is written");
}
