//! ZooKeeper's files: transaction log, snapshots, epoch files, directory lock.
//!
//! [`Store::open`] locks a data directory, reads all that is in it and gives the facts ([`BootImage`]) and the parts
//! that write. Everything here is synchronous, and what returns `Ok` is durable unless it says otherwise; the
//! server runs it on threads of its own. A directory can go from Apache to quorate and back.
//!
//! What this crate promises: what was synced is never dropped without a word. A file that ends in what was
//! being written is cut there; a file in which synced bytes changed is reported, with name and offset.

mod boot;
mod durable;
mod epochs;
mod error;
mod examine;
mod history;
mod home;
mod layout;
mod lock;
mod log;
mod marks;
mod snapshot;
mod sync;
#[cfg(test)]
mod testing;

pub use boot::{BootImage, Store, StoreOptions};
pub use epochs::{EpochFiles, Epochs};
pub use error::{Error, Result};
pub use examine::examine;
pub use layout::Layout;
pub use log::{Damage, LogEntry, LogImage, LogOptions, LogReader, LogStream, Torn, TxnLog, entry_zxid};
pub use marks::Marks;
pub use snapshot::{
    Loaded, Progress, Purged, ReceivedSnapshot, SIGNATURE, SnapshotBody, SnapshotOptions, SnapshotReceiver,
    Snapshots,
};
