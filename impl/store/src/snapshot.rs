//! What did the tree look like at some zxid? ZooKeeper's snapshots: in files, and on their way to a learner.
//!
//! | part | bytes |
//! | --- | --- |
//! | header | `ZKSN`, int version 2, long dbid −1 |
//! | body | sessions, ACL lists, znodes with parents first, the string `/`: what SNAP sends, too |
//! | seal | long Adler-32 of all before it, the string `/` |
//! | digest | long zxid, int version 2, long digest; a seal |
//! | last zxid | long; a seal |
//!
//! A file written here is consistent: it holds exactly what its name says. One of Apache's is fuzzy, it
//! may hold some of what came after, up to the zxid of its digest. One that a leader sent may hold more as well, and
//! nothing says how much: it ends with the first seal, as those of versions before digests do.

mod body;
mod read;
mod receive;
mod write;

#[cfg(test)]
mod tests;

pub use body::SnapshotBody;
pub use receive::{Progress, ReceivedSnapshot, SIGNATURE, SnapshotReceiver};

pub(crate) use read::{candidates, known_until};
pub(crate) use write::remove_left_over;

use crate::error::{Error, Result};
use crate::home::Home;
use crate::layout;
use crate::log::LogReader;
use quorate_tree::Tree;
use quorate_zab::Zxid;
use std::sync::Arc;

const HEADER: [u8; 16] = *b"ZKSN\0\0\0\x02\xff\xff\xff\xff\xff\xff\xff\xff";
const VERSION: i32 = 2;
const SLASH: [u8; 5] = *b"\0\0\0\x01/";

/// How snapshots are read.
#[derive(Clone, Debug)]
pub struct SnapshotOptions {
    /// The longest data, path or name in a znode, in bytes. Whatever claims more is malformed.
    pub field_bytes_max: usize,
}

impl Default for SnapshotOptions {
    fn default() -> Self {
        Self {
            field_bytes_max: 64 << 20,
        }
    }
}

/// The snapshots of a server. Usable from any thread.
#[derive(Clone, Debug)]
pub struct Snapshots {
    home: Arc<Home>,
    options: SnapshotOptions,
    log: LogReader,
}

/// What a purge left.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Purged {
    /// Snapshot files removed.
    pub snapshots: usize,
    /// Log files removed.
    pub logs: usize,
    /// The first transaction still in the log: DIFF serves from the one before it. `None`: the log is empty.
    pub oldest: Option<Zxid>,
}

impl Snapshots {
    pub(crate) fn new(home: Arc<Home>, options: SnapshotOptions, log: LogReader) -> Self {
        Self { home, options, log }
    }

    /// Writes the tree as the snapshot of its last zxid; durable on return. The tree must hold nothing that is not
    /// committed: no truncation would take it out again.
    ///
    /// # Errors
    ///
    /// [`Error::Io`], after which a snapshot may be tried again: nothing of this one is left.
    /// [`Error::HistoryChanged`] if the history was truncated or replaced meanwhile.
    pub fn write(&self, tree: &Tree) -> Result<()> {
        write::write(&self.home, tree)
    }

    /// Begins to receive a snapshot of `zxid` from a leader.
    ///
    /// # Errors
    ///
    /// [`Error::Io`]
    pub fn receive(&self, zxid: Zxid) -> Result<SnapshotReceiver> {
        SnapshotReceiver::new(&self.home, self.options.clone(), zxid)
    }

    pub(crate) fn log_dir(&self) -> std::path::PathBuf {
        self.home.layout.log_dir()
    }

    /// The zxids of the snapshot files that look whole, newest first.
    ///
    /// # Errors
    ///
    /// [`Error::Io`]
    pub fn list(&self) -> Result<Vec<Zxid>> {
        Ok(candidates(&self.home.layout)?
            .into_iter()
            .rev()
            .map(|(zxid, _)| zxid)
            .collect())
    }

    /// Loads the snapshot of exactly `zxid`.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if there is none, [`Error::Corrupt`] if it is damaged.
    pub fn load(&self, zxid: Zxid) -> Result<Tree> {
        read::load(&self.home.layout.snapshot_file(zxid), zxid, &self.options)
    }

    /// Loads the newest snapshot that can be loaded; `None` if there are no snapshots at all.
    ///
    /// # Errors
    ///
    /// [`Error::NoSnapshot`] if there are some, and none is whole. [`Error::TooNew`], [`Error::Compressed`] if the
    /// newest is of a kind that is not read here.
    pub fn load_newest(&self) -> Result<Option<Loaded>> {
        let layout = &self.home.layout;
        let dir = layout.snap_dir();
        let all = layout::numbered(&dir, "snapshot.")?;
        if let Some((packed, file)) = layout::compressed(&dir)?.pop()
            && all.last().is_none_or(|(newest, _)| *newest < packed)
        {
            return Err(Error::Compressed { file });
        }
        let mut skipped = Vec::new();
        for (zxid, path) in all.into_iter().rev() {
            match read::load(&path, zxid, &self.options) {
                Ok(tree) => {
                    return Ok(Some(Loaded { zxid, tree, skipped }));
                }
                Err(error @ (Error::Corrupt { .. } | Error::Io { .. })) => {
                    tracing::warn!(%error, "snapshot skipped");
                    skipped.push((zxid, error));
                }
                Err(error) => return Err(error),
            }
        }
        match skipped.first() {
            // A server that had not seen a transaction yet loses nothing with its first snapshot.
            None | Some((Zxid::ZERO, _)) => Ok(None),
            Some((_, newest)) => Err(Error::NoSnapshot {
                dir,
                what: format!(
                    "none of {} snapshots can be loaded; the newest: {newest}",
                    skipped.len()
                ),
            }),
        }
    }

    /// Removes all but the `keep` newest snapshots that look whole (at least 3), and the log files that neither they
    /// nor a stream that is being read need.
    ///
    /// # Errors
    ///
    /// [`Error::Io`]; what was not removed is left for the next time.
    pub fn purge(&self, keep: usize) -> Result<Purged> {
        let layout = &self.home.layout;
        let _held = self.home.hold(self.home.history())?;
        let mut purged = Purged::default();
        let whole = candidates(layout)?;
        if let Some((oldest, _)) = whole.len().checked_sub(keep.max(3)).map(|at| &whole[at]) {
            for (zxid, path) in layout::numbered(&layout.snap_dir(), "snapshot.")? {
                if zxid < *oldest {
                    purged.snapshots += usize::from(crate::durable::unlink(&path)?);
                }
            }
            crate::durable::sync_dir(&layout.snap_dir())?;
            purged.logs = self.log.shared().purge(*oldest)?;
        }
        purged.oldest = self.log.first();
        Ok(purged)
    }
}

/// A snapshot, loaded.
#[derive(Debug)]
pub struct Loaded {
    /// The zxid in its name: it holds all up to there.
    pub zxid: Zxid,
    /// What it holds.
    pub tree: Tree,
    /// The newer ones that are damaged, newest first.
    pub skipped: Vec<(Zxid, Error)>,
}
