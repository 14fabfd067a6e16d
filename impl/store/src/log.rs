//! What has this server been told, in order? ZooKeeper's transaction log: `log.<zxid>` files of records.
//!
//! [`TxnLog`] belongs to the thread that writes. [`LogReader`] reads what was appended, from any thread.

mod cut;
mod format;
mod purge;
mod read;
mod records;
mod scan;
mod spare;
mod tail;
mod watermark;
mod writer;

pub use format::entry_zxid;
pub use read::{LogReader, LogStream};
pub use scan::{Damage, LogImage, Torn};
pub use writer::TxnLog;

pub(crate) use cut::complete_install;

use bytes::Bytes;
use quorate_zab::Zxid;

/// One transaction as it travels: in a PROPOSAL and in the log it is the same bytes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LogEntry {
    /// Its zxid, the one in its header.
    pub zxid: Zxid,
    /// Header, transaction, digest.
    pub bytes: Bytes,
}

/// How the log is written.
#[derive(Clone, Debug)]
pub struct LogOptions {
    /// Length of a file that is filled while an append waits, in bytes: the first of a process, and any for which
    /// no other was ready.
    pub short_file_bytes: u64,
    /// Length of a file that was filled ahead, in bytes.
    pub file_bytes: u64,
    /// Whether a thread of its own fills the next file while the present one is in use.
    pub spare: bool,
    /// Whether a sync is one: `false` is ZooKeeper's `forceSync=no`, which loses acknowledged transactions when
    /// the power fails.
    pub force_sync: bool,
    /// The longest entry that is written or read, in bytes.
    pub entry_bytes_max: usize,
}

impl Default for LogOptions {
    fn default() -> Self {
        Self {
            short_file_bytes: 4 << 20,
            file_bytes: 32 << 20,
            spare: true,
            force_sync: true,
            entry_bytes_max: 256 << 20,
        }
    }
}
