//! What reaches the driver? Events of links, storage and the election port; clients have a queue of
//! their own.
//!
//! Two queues with named bounds. What comes from peers and clients is held back while the log lags, so that
//! memory stays bounded; what storage and elections report never is.

use crate::links::{Link, Numbered};
use crate::log_thread::EpochOp;
use crate::metrics::Batch;
use crate::sockets::Addresses;
use quorate_trace::Contents;
use quorate_tree::Tree;
use quorate_wire::quorum::ConnName;
use quorate_zab::{Conn, ServerId, Zxid};
use std::io;

/// Batches of packets that may wait for the driver.
pub(crate) const LINK_EVENTS_MAX: usize = 256;
/// Events of clients that may wait for the driver.
pub(crate) const CLIENT_EVENTS_MAX: usize = 4096;
/// Events of the election port that may wait for the driver.
pub(crate) const ELECTION_EVENTS_MAX: usize = 128;

/// What happened on a learner connection.
pub(crate) enum Event {
    /// A learner connected to this server.
    Accepted {
        /// The driver's end.
        link: Link,
        /// Of both ends.
        addresses: Option<Addresses>,
    },
    /// The leader's learner port was reached.
    Connected {
        /// The driver's end.
        link: Link,
        /// The server that was called.
        leader: ServerId,
        /// Of both ends.
        addresses: Option<Addresses>,
        /// What this server calls the connection.
        name: ConnName,
    },
    /// The leader's learner port was not reached.
    Unreachable {
        /// The number that the connection would have had.
        conn: Conn,
        /// The server that was called.
        leader: ServerId,
        /// Why.
        why: io::Error,
    },
    /// Packets were read.
    Packets {
        /// From which connection.
        conn: Conn,
        /// In the order in which they came.
        packets: Vec<Numbered>,
    },
    /// The connection ended; nothing more comes from it.
    Closed {
        /// Which.
        conn: Conn,
        /// How many of the protocol's messages were read from it.
        read: u64,
        /// Why.
        why: io::Error,
    },
}

/// What storage reports.
pub(crate) enum Stored {
    /// The oldest log operations not yet reported are durable.
    Log {
        /// How many.
        ops: u32,
        /// The end of the durable log.
        end: Zxid,
        /// What the log holds above its floor.
        contents: Contents,
        /// The tree of a snapshot that is in place since.
        installed: Option<Box<Tree>>,
        /// What the sync took, if there was one.
        batch: Option<Batch>,
    },
    /// The oldest epoch writes not yet reported are durable.
    Epochs {
        /// How many.
        ops: u32,
        /// The last of them.
        op: EpochOp,
    },
    /// The background is done with a snapshot of the tree: it is durable, or could not be written, which
    /// costs nothing but a longer replay.
    Snapshot {
        /// What it contains.
        zxid: Zxid,
        /// Why it could not be written.
        failed: Option<quorate_store::Error>,
        /// How long writing it took, in ms.
        took_ms: u64,
        /// The oldest position in the log, if old files were removed behind it.
        purged: Option<Zxid>,
    },
    /// A write or a sync failed; what is on disk is not known, and the server must end.
    Failed {
        /// What was tried, and what went wrong.
        error: quorate_store::Error,
    },
}
