//! What can a server ask of the world? Every effect of [`crate::Server::step`] is an imperative.

use crate::{Conn, Epoch, Message, ServerId, Violation, Zxid};
use serde::{Deserialize, Serialize};

/// Something that a step asks of the world, in the order in which it must begin.
///
/// Log operations (`Append`, `Truncate`, `Install`) form one queue, answered by
/// [`crate::Input::LogDurable`]; epoch writes (`PersistAccepted`, `PersistCurrent`, `Forget`, `Recall`,
/// `Activate`)
/// another, answered by [`crate::Input::EpochsDurable`]. A crash keeps some prefix of each.
#[derive(Clone, Debug, Eq, Hash, PartialEq, Serialize, Deserialize)]
pub enum Effect<P> {
    /// Write acceptedEpoch.
    PersistAccepted(Epoch),
    /// Write currentEpoch.
    PersistCurrent(Epoch),
    /// Append to the transaction log.
    Append {
        /// Its position: the successor of the last one in the log.
        zxid: Zxid,
        /// The transaction.
        payload: P,
    },
    /// Drop everything after `to` from the log; durable before the next operation begins.
    Truncate {
        /// The last zxid to keep.
        to: Zxid,
    },
    /// Replace snapshot and log by the snapshot that the last [`Message::Snap`] brought. Until that is
    /// durable the old ones stay whole; it is one atomic step from the one to the other.
    Install {
        /// The last zxid that the snapshot contains.
        zxid: Zxid,
    },
    /// Connect to the learner port of `leader`.
    Connect {
        /// The server elected.
        leader: ServerId,
    },
    /// Hand `message` to the connection. What it sends is read in order, or not at all.
    Send {
        /// The connection.
        conn: Conn,
        /// What to say.
        message: Message<P>,
    },
    /// Send one [`Message::Ack`] for each zxid from `first` to `last`, which are of one epoch.
    SendAcks {
        /// The connection to the leader.
        conn: Conn,
        /// The first proposal acknowledged.
        first: Zxid,
        /// The last one.
        last: Zxid,
    },
    /// Send [`Message::Snap`] and a tree that contains the log up to `upto`: what is delivered, and on a
    /// copy of it the rest, so that the learner never has less of this history than it had before.
    SendSnapshot {
        /// The connection to the learner.
        conn: Conn,
        /// What the packet says: at least (epoch, 0), so that no log of the learner reaches beyond it.
        zxid: Zxid,
        /// What the snapshot contains.
        upto: Zxid,
    },
    /// Send the log after `after` up to `upto` as proposals, in order.
    Replay {
        /// The connection to the learner.
        conn: Conn,
        /// What the learner has.
        after: Zxid,
        /// The last one to send.
        upto: Zxid,
        /// Whether each proposal is followed by its COMMIT.
        committed: bool,
    },
    /// Close the connection; with a reason if the peer broke the protocol.
    Close {
        /// The connection.
        conn: Conn,
        /// What the peer did, if it did wrong.
        why: Option<Violation>,
    },
    /// Replace the tree by the durable snapshot of `zxid`.
    Load {
        /// What the snapshot contains.
        zxid: Zxid,
    },
    /// Apply the log to the tree up to `upto`, and answer the clients that wait for it.
    Deliver {
        /// The last transaction to apply.
        upto: Zxid,
    },
    /// Leave the role: close clients, drop pending requests, stop the role's timers.
    Retire,
    /// Look for a leader with this credential. It names what is durable.
    Look {
        /// currentEpoch.
        current: Epoch,
        /// The last zxid of the log.
        last: Zxid,
    },
    /// The epoch is established here: votes name it from now on, and clients are served.
    Serve {
        /// The reign.
        epoch: Epoch,
    },
    /// The oldest `sync` of this server's own clients is answered.
    SyncDone,
    /// Send the log after `after` up to `upto` to an observer, each transaction as [`Message::Inform`].
    Inform {
        /// The connection to the observer.
        conn: Conn,
        /// What it was informed of before.
        after: Zxid,
        /// The last one to send.
        upto: Zxid,
    },
    /// Write the mark that says that this server may have forgotten what it promised.
    Forget,
    /// Remove that mark.
    Recall,
    /// End the process. What its disk holds decides what it is when it starts again.
    Halt,
    /// The pending configuration is in force from now on: write the file that says so, one of the epoch
    /// writes. Nobody waits for it; a server that loses it finds the configuration pending in its log.
    Activate {
        /// The zxid that brought it.
        version: Zxid,
    },
}

impl<P> Effect<P> {
    /// The same effect with its payload, if any, replaced by `f` of it.
    pub fn map<Q>(self, f: impl FnOnce(P) -> Q) -> Effect<Q> {
        match self {
            Self::PersistAccepted(epoch) => Effect::PersistAccepted(epoch),
            Self::PersistCurrent(epoch) => Effect::PersistCurrent(epoch),
            Self::Append { zxid, payload } => Effect::Append {
                zxid,
                payload: f(payload),
            },
            Self::Truncate { to } => Effect::Truncate { to },
            Self::Install { zxid } => Effect::Install { zxid },
            Self::Connect { leader } => Effect::Connect { leader },
            Self::Send { conn, message } => Effect::Send {
                conn,
                message: message.map(f),
            },
            Self::SendAcks { conn, first, last } => Effect::SendAcks { conn, first, last },
            Self::SendSnapshot { conn, zxid, upto } => Effect::SendSnapshot { conn, zxid, upto },
            Self::Replay {
                conn,
                after,
                upto,
                committed,
            } => Effect::Replay {
                conn,
                after,
                upto,
                committed,
            },
            Self::Close { conn, why } => Effect::Close { conn, why },
            Self::Load { zxid } => Effect::Load { zxid },
            Self::Deliver { upto } => Effect::Deliver { upto },
            Self::Retire => Effect::Retire,
            Self::Look { current, last } => Effect::Look { current, last },
            Self::Serve { epoch } => Effect::Serve { epoch },
            Self::SyncDone => Effect::SyncDone,
            Self::Inform { conn, after, upto } => Effect::Inform { conn, after, upto },
            Self::Forget => Effect::Forget,
            Self::Recall => Effect::Recall,
            Self::Halt => Effect::Halt,
            Self::Activate { version } => Effect::Activate { version },
        }
    }
}
