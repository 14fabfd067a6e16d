//! What can be said of a node: what happens to it, what it puts out, and what is put on record.

use crate::property::Property;
use crate::txn::{Members, Txn};
use quorate_zab::{Conn, Epoch, Input, Message, ServerId, Violation, Zxid};

/// What travels on a connection.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum Frame {
    /// A message of the protocol.
    Message(Message<u64>),
    /// [`Message::Snap`] and the snapshot itself: its last transaction stands for all below it.
    Snapshot(Txn),
    /// A `sync` that a learner forwards.
    SyncRequest,
    /// As `Snapshot`, where members change: with what the leader goes by as far as the snapshot reaches.
    SnapshotOf(Txn, Members),
}

/// Something that the world does to a node.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum Happening {
    /// An input of the step function.
    Input(Input<u64>),
    /// A frame is read from a connection.
    Frame {
        /// The connection.
        conn: Conn,
        /// What was read.
        frame: Frame,
    },
    /// The process dies and starts again from what the disk kept.
    Crash {
        /// How many of the log operations under way were done.
        log_ops: u32,
        /// How many of the epoch writes under way were done.
        epoch_ops: u32,
    },
    /// An operation of the disk fails. A correct server ends, and starts again from what the disk kept.
    DiskFails {
        /// How many of the log operations under way were done all the same.
        log_ops: u32,
        /// How many of the epoch writes under way were done all the same.
        epoch_ops: u32,
    },
    /// The process dies, somebody empties its disk, and it starts again.
    Wipe {
        /// An empty server takes itself for new as long as it hears of no history.
        autocreate: bool,
    },
    /// Between leaders it hears of this reconfiguration, which a peer has in force.
    Hear(Txn),
}

/// What comes of a happening, in order.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum Out {
    /// A frame is handed to a connection.
    Frame {
        /// The connection.
        conn: Conn,
        /// The frame.
        frame: Frame,
    },
    /// The node closes its end.
    Close {
        /// The connection.
        conn: Conn,
    },
    /// The node wants a connection to `leader`.
    Connect {
        /// The leader.
        leader: ServerId,
    },
    /// Something for the record.
    Event(Event),
}

/// Something that the properties speak of.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum Event {
    /// ACKEPOCH was sent, with a promise that counts.
    Promised {
        /// To whom.
        conn: Conn,
        /// The epoch.
        epoch: Epoch,
        /// What the file said before the step that gave it. If that was less, the step made the promise
        /// durable: a disk on which epochs never go back has one such step for each epoch.
        before: Option<Epoch>,
    },
    /// A quorum promised this leader's epoch.
    Chosen {
        /// The epoch.
        epoch: Epoch,
    },
    /// A quorum has this leader's initial history.
    Established {
        /// The epoch.
        epoch: Epoch,
    },
    /// A leader committed everything up to here.
    Committed {
        /// Its epoch.
        epoch: Epoch,
        /// The last one.
        upto: Zxid,
    },
    /// A leader proposed it.
    Proposed(Txn),
    /// It was asked of the log, behind `before`.
    Appended {
        /// The transaction.
        txn: Txn,
        /// The end of the log before it.
        before: Txn,
    },
    /// These were cut off, or replaced.
    Dropped(Vec<Txn>),
    /// A cut or an installation became durable.
    Shrunk,
    /// The learner acknowledged NEWLEADER.
    Entered {
        /// The epoch.
        epoch: Epoch,
    },
    /// currentEpoch is durable.
    EpochDurable {
        /// The epoch.
        epoch: Epoch,
    },
    /// It is in the tree, behind `before`; clients see it as soon as the server serves.
    Delivered {
        /// The transaction.
        txn: Txn,
        /// The end of the tree before it.
        before: Txn,
    },
    /// Clients are served, from a tree that ends here.
    Serves {
        /// The epoch.
        epoch: Epoch,
        /// The end of the tree.
        tree: Txn,
    },
    /// The server looks for a leader, its credential now stands.
    Looks,
    /// A `sync` of this server's own clients is answered.
    Synced,
    /// A leader made a higher promise its own and looks.
    GaveWay,
    /// A server that was forgetful is one of the quorum again.
    Recalled,
    /// A peer was hung up on.
    HungUp(Violation),
    /// The configuration that this transaction brought is in force here from now on; `synced` if that was
    /// learned by UPTODATE.
    Activated {
        /// The reconfiguration.
        txn: Txn,
        /// Whether UPTODATE said so.
        synced: bool,
    },
    /// The node itself saw a property broken.
    Broke(Property),
}
