//! What can go wrong with the files, and what should the operator do about it?

use quorate_zab::{ServerId, Zxid};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The result of everything in this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A fault of the disk, of a file's contents or of a directory. The text names the file, the place in
/// it, what is wrong, and the remedy.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// The operating system refused.
    #[error("{file}: cannot {doing}: {source}", file = file.display())]
    Io {
        /// The file or directory.
        file: PathBuf,
        /// What was attempted, as a verb phrase.
        doing: &'static str,
        /// The system's answer.
        #[source]
        source: Arc<io::Error>,
    },
    /// Bytes that were written whole do not read back as they were.
    #[error(
        "{file}: damaged at offset {offset}: {what}. Remedy: let this server fetch its data from the ensemble, or \
         restore the file; do not cut it by hand, acknowledged transactions may follow the damage",
        file = file.display()
    )]
    Corrupt {
        /// The damaged file.
        file: PathBuf,
        /// Where in the file, in bytes.
        offset: u64,
        /// What does not fit.
        what: String,
    },
    /// Transactions are missing between two that are there.
    #[error(
        "{file}: the transactions between {after} and {next} are missing. Remedy: put the missing log file \
         back, or let this server fetch its data from the ensemble",
        file = file.display()
    )]
    Hole {
        /// The file that starts after the hole.
        file: PathBuf,
        /// The last transaction (or snapshot) before the hole.
        after: Zxid,
        /// The first one after it.
        next: Zxid,
    },
    /// Written by a later version than this one.
    #[error(
        "{file}: {what} has version {version}, this program knows up to {known}. Remedy: run the version \
         that wrote it, or a later one",
        file = file.display()
    )]
    TooNew {
        /// The file.
        file: PathBuf,
        /// Which part of it.
        what: &'static str,
        /// What it says.
        version: i64,
        /// The newest version understood.
        known: i64,
    },
    /// A snapshot among the logs or a log among the snapshots, with separate directories for them.
    #[error(
        "{file}: a {kind} does not belong here. Remedy: check that dataDir and dataLogDir are not exchanged in the \
         configuration, and move the file to the other directory",
        file = file.display()
    )]
    Misplaced {
        /// The file.
        file: PathBuf,
        /// `snapshot` or `transaction log`.
        kind: &'static str,
    },
    /// Another process works on this directory.
    #[error(
        "{dir}: in use by {holder}. Remedy: stop that server, or give this one its own dataDir",
        dir = dir.display(), holder = holder.map_or("another process".to_owned(), |pid| format!("process {pid}"))
    )]
    Locked {
        /// The directory.
        dir: PathBuf,
        /// Who holds it, if it left its number.
        holder: Option<u32>,
    },
    /// The directory was used by another member of the ensemble.
    #[error(
        "{file}: this directory is that of server {found}, but this is server {ours}. Remedy: correct dataDir or myid; \
         to hand the data to this server on purpose, remove this file",
        file = file.display()
    )]
    Foreign {
        /// The identity file.
        file: PathBuf,
        /// Whose it is.
        found: ServerId,
        /// Who we are.
        ours: ServerId,
    },
    /// A small text file (`myid`, an epoch file, a mark) does not say what it should.
    #[error("{file}: {what}. Remedy: {remedy}", file = file.display())]
    BadText {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        what: String,
        /// What to do.
        remedy: &'static str,
    },
    /// There are snapshots, and none can be loaded; or logs without any snapshot.
    #[error(
        "{dir}: {what}. Remedy: restore a snapshot of this server, or let it fetch its data from the \
         ensemble",
        dir = dir.display()
    )]
    NoSnapshot {
        /// The snapshot directory.
        dir: PathBuf,
        /// Which of the two, and why the newest failed.
        what: String,
    },
    /// A snapshot in a compression that is not read here.
    #[error(
        "{file}: compressed snapshots are not read. Remedy: decompress it, or let the server that wrote it \
         take one with zookeeper.snapshot.compression.method unset",
        file = file.display()
    )]
    Compressed {
        /// The file.
        file: PathBuf,
    },
    /// A write or sync failed before: what is on disk is unknown, so nothing more is written.
    #[error("the transaction log is closed since an earlier failure: {why}. Remedy: restart this server")]
    Poisoned {
        /// The failure.
        why: String,
    },
    /// The log was truncated or replaced while it was being read.
    #[error("the history was truncated or replaced while it was being read")]
    HistoryChanged,
    /// Asked to append something that cannot follow.
    #[error("{zxid} cannot be appended after {last}")]
    OutOfOrder {
        /// What was to be appended.
        zxid: Zxid,
        /// What is last.
        last: Zxid,
    },
    /// Asked to append what could not be read back.
    #[error("transaction {zxid} has {bytes} bytes; 32 to {max} can be logged")]
    BadEntry {
        /// Its zxid.
        zxid: Zxid,
        /// Its length in bytes.
        bytes: usize,
        /// The longest, in bytes.
        max: usize,
    },
    /// Asked to truncate below every snapshot from which the state could be rebuilt.
    #[error("cannot truncate to {to}: no snapshot at or below it is left from which it could be rebuilt")]
    BelowSnapshots {
        /// Where to.
        to: Zxid,
    },
    /// Bytes from a peer do not make a snapshot.
    #[error("the received snapshot is malformed at byte {offset}: {what}")]
    BadStream {
        /// Bytes since its start.
        offset: u64,
        /// What does not fit.
        what: String,
    },
}

impl Error {
    pub(crate) fn corrupt(file: &Path, offset: u64, what: impl Into<String>) -> Self {
        Self::Corrupt {
            file: file.to_owned(),
            offset,
            what: what.into(),
        }
    }

    pub(crate) fn bad_text(file: &Path, what: impl Into<String>, remedy: &'static str) -> Self {
        Self::BadText {
            file: file.to_owned(),
            what: what.into(),
            remedy,
        }
    }
}

/// Names the file and the attempt in an I/O error.
pub(crate) trait At<T> {
    fn at(self, file: &Path, doing: &'static str) -> Result<T>;
}

impl<T> At<T> for io::Result<T> {
    fn at(self, file: &Path, doing: &'static str) -> Result<T> {
        self.map_err(|source| Error::Io {
            file: file.to_owned(),
            doing,
            source: Arc::new(source),
        })
    }
}
