//! What does this server find when it starts? The facts, all of them; what follows from them is decided in
//! `quorate-zab` and by the operator.

use crate::epochs::{self, EpochFiles, Epochs};
use crate::error::{Error, Result};
use crate::home::Home;
use crate::layout::Layout;
use crate::lock::{self, DirLock};
use crate::log::{self, Damage, LogImage, LogOptions, LogReader, TxnLog};
use crate::marks::Marks;
use crate::snapshot::{self, SnapshotOptions, Snapshots};
use quorate_tree::Tree;
use quorate_zab::{ServerId, Zxid};
use std::sync::Arc;

#[cfg(test)]
mod tests;

/// How to open a store.
#[derive(Clone, Debug)]
pub struct StoreOptions {
    /// The directories.
    pub layout: Layout,
    /// Whose data it must be. `None`, for a standalone server: anybody's.
    pub server: Option<ServerId>,
    /// Whether a log without any snapshot is replayed from an empty tree [ZooKeeper
    /// `zookeeper.snapshot.trust.empty`].
    pub trust_empty_snapshot: bool,
    /// How the log is written.
    pub log: LogOptions,
    /// How snapshots are read.
    pub snapshots: SnapshotOptions,
}

impl StoreOptions {
    /// The defaults, for the data of `server` in these directories.
    pub fn new(layout: Layout, server: Option<ServerId>) -> Self {
        Self {
            layout,
            server,
            trust_empty_snapshot: false,
            log: LogOptions::default(),
            snapshots: SnapshotOptions::default(),
        }
    }
}

/// The parts of an open store. Each goes to the thread that needs it; the directories stay locked until the last
/// one is dropped.
#[derive(Debug)]
pub struct Store {
    /// Appends, truncates, installs.
    pub log: TxnLog,
    /// Reads the log.
    pub reader: LogReader,
    /// Writes, receives, loads and purges snapshots.
    pub snapshots: Snapshots,
    /// Writes the epochs.
    pub epochs: EpochFiles,
    /// The marker `initialize` and the mark of a forgetful server.
    pub marks: Marks,
}

/// What is on the disk.
#[derive(Debug)]
pub struct BootImage {
    /// acceptedEpoch, currentEpoch and `currentEpoch.tmp`.
    pub epochs: Epochs,
    /// What the log holds.
    pub log: LogImage,
    /// The zxid of the snapshot that was loaded; `None`: there is none.
    pub snapshot: Option<Zxid>,
    /// The zxids of all snapshots up to that one that look whole, newest first.
    pub snapshots: Vec<Zxid>,
    /// The tree of that snapshot, before any replay; a fresh one if there is no snapshot.
    pub tree: Tree,
    /// Newer snapshots that could not be loaded, newest first.
    pub skipped: Vec<Error>,
    /// Why the history is not whole: acknowledged transactions may be missing in it. The log takes
    /// nothing more then, until a snapshot is installed; or the server refuses to start, with this as its reason.
    pub damage: Option<Error>,
    /// Whether the operator says that this server is new.
    pub initialize: bool,
    /// Whether this server lost its data and has not been synchronised since.
    pub forgetful: bool,
}

impl BootImage {
    /// Whether nothing says that this server has ever been part of an ensemble.
    pub fn is_empty(&self) -> bool {
        let zero = |zxid: Option<Zxid>| zxid.is_none_or(|zxid| zxid == Zxid::ZERO);
        zero(self.snapshot)
            && zero(self.log.last)
            && self.damage.is_none()
            && self.epochs == Epochs::default()
    }

    /// The last transaction, logged or in the snapshot; zero if there is none.
    pub fn last_zxid(&self) -> Zxid {
        self.log.last.max(self.snapshot).unwrap_or(Zxid::ZERO)
    }

    /// Where the skeleton of this history begins ([`quorate_zab::Skeleton::from_runs`]): a position after
    /// which the log holds everything.
    ///
    /// That is the oldest snapshot, unless a later one is of a transaction that the log lacks: then the log jumps
    /// there, though its zxids may look contiguous.
    pub fn floor(&self) -> Zxid {
        let jumped_to = self.snapshots.iter().copied().find(|&zxid| !self.log.holds(zxid));
        jumped_to.or(self.snapshots.last().copied()).unwrap_or(Zxid::ZERO)
    }
}

impl Store {
    /// Locks the directories, finishes what a crash interrupted, and reads everything.
    ///
    /// # Errors
    ///
    /// [`Error::Locked`], [`Error::Foreign`], [`Error::Misplaced`], [`Error::TooNew`], [`Error::Compressed`],
    /// [`Error::BadText`] for an epoch file that says nothing, [`Error::Io`]. Damage in log and snapshots
    /// is a fact, [`BootImage::damage`].
    pub fn open(options: StoreOptions) -> Result<(Self, BootImage)> {
        let StoreOptions { layout, server, .. } = options;
        layout.prepare()?;
        let (snap_dir, log_dir) = (layout.snap_dir(), layout.log_dir());
        let mut locks = vec![DirLock::acquire(&snap_dir)?];
        if layout.is_split()? {
            locks.push(DirLock::acquire(&log_dir)?);
        }
        if let Some(server) = server {
            lock::claim(&snap_dir, server)?;
            lock::claim(&log_dir, server)?;
        }
        log::complete_install(&layout)?;
        snapshot::remove_left_over(&snap_dir)?;
        let epochs = epochs::read(&snap_dir)?;
        let home = Arc::new(Home::new(layout, locks));
        let (mut log, reader, log_image) = TxnLog::open(Arc::clone(&home), options.log)?;
        let snapshots = Snapshots::new(Arc::clone(&home), options.snapshots, reader.clone());
        let marks = Marks::new(Arc::clone(&home));
        let mut image = BootImage {
            epochs,
            log: log_image,
            snapshot: None,
            snapshots: snapshots.list()?,
            tree: Tree::new(),
            skipped: Vec::new(),
            damage: None,
            initialize: marks.initialize(),
            forgetful: marks.forgetful(),
        };
        let damage = image.load(&snapshots, options.trust_empty_snapshot, &snap_dir)?;
        image.damage = damage.as_ref().map(|damage| damage.error.clone());
        if let Some(damage) = damage {
            log.refuse(damage);
        }
        if let Some(zxid) = image.snapshot {
            log.follow(zxid);
        }
        let store = Self {
            log,
            reader,
            snapshots,
            epochs: EpochFiles::new(home),
            marks,
        };
        Ok((store, image))
    }
}

impl BootImage {
    /// Loads the newest snapshot, and says what keeps log and snapshot from making a whole history.
    fn load(
        &mut self,
        files: &Snapshots,
        trust_empty: bool,
        dir: &std::path::Path,
    ) -> Result<Option<Damage>> {
        let everything = |error| Damage {
            error,
            after: None,
            before: None,
        };
        let loaded = match files.load_newest() {
            Err(error @ Error::NoSnapshot { .. }) => return Ok(Some(everything(error))),
            loaded => loaded?,
        };
        let base = match loaded {
            Some(loaded) => {
                self.snapshot = Some(loaded.zxid);
                self.snapshots.retain(|&zxid| zxid <= loaded.zxid);
                self.tree = loaded.tree;
                self.skipped = loaded.skipped.iter().map(|(_, error)| error.clone()).collect();
                // The history went through that snapshot, and the log does not: it is lost with it.
                let lost = loaded
                    .skipped
                    .into_iter()
                    .find(|(zxid, _)| !self.log.holds(*zxid));
                if let Some((_, error)) = lost {
                    return Ok(Some(everything(error)));
                }
                loaded.zxid
            }
            None if self.log.last.is_none() && self.log.damage.is_empty() => return Ok(None),
            None if trust_empty => Zxid::ZERO,
            None => {
                let what = "there are transaction logs, but no snapshot".to_owned();
                return Ok(Some(everything(Error::NoSnapshot {
                    dir: dir.to_owned(),
                    what,
                })));
            }
        };
        if let Some(damage) = self.log.damage.iter().find(|damage| !damage.is_covered_by(base)) {
            return Ok(Some(damage.clone()));
        }
        let next = self
            .log
            .first()
            .filter(|first| *first > base && !first.follows(base));
        Ok(next.map(|next| Damage {
            error: Error::Hole {
                file: files.log_dir(),
                after: base,
                next,
            },
            after: Some(base),
            before: Some(next),
        }))
    }
}
