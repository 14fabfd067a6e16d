//! What can happen to a server? Every input of [`crate::Server::step`] is a past fact.

use crate::{Conn, Message, ServerId, Zxid};
use serde::{Deserialize, Serialize};

/// A fact that the world tells a server.
#[derive(Clone, Debug, Eq, Hash, PartialEq, Serialize, Deserialize)]
pub enum Input<P> {
    /// The election chose this server.
    Lead,
    /// The election chose `leader`.
    Follow {
        /// The server to follow.
        leader: ServerId,
    },
    /// The connection asked for by [`crate::Effect::Connect`] stands.
    Connected {
        /// Its number.
        conn: Conn,
    },
    /// A connection ended: closed, reset, or silent for longer than its limit.
    Closed {
        /// Its number.
        conn: Conn,
    },
    /// A message arrived. Connections deliver in order, and never skip.
    Message {
        /// The connection.
        conn: Conn,
        /// What it brought.
        message: Message<P>,
    },
    /// The oldest `ops` operations asked of the log that were not yet reported are durable.
    LogDurable {
        /// How many; at least 1.
        ops: u32,
    },
    /// The oldest `ops` epoch writes that were not yet reported are durable.
    EpochsDurable {
        /// How many; at least 1.
        ops: u32,
    },
    /// initLimit has passed since this server took its role.
    LimitPassed,
    /// It is time to ping the learners (each half tick).
    PingLearners,
    /// It is time to see whether a quorum is still there (each tick).
    CheckQuorum,
    /// A client's request, prepared as the transaction with the zxid of [`crate::Server::next_zxid`].
    Propose {
        /// The zxid that it was prepared for.
        zxid: Zxid,
        /// The transaction.
        payload: P,
    },
    /// A client asks for `sync`: through the learner of `conn`, or here if there is none.
    Sync {
        /// The learner's connection.
        conn: Option<Conn>,
    },
    /// Old log files were removed: what lies below `floor` can no longer be served. The newest snapshot
    /// covers `floor`, so it is delivered.
    Purged {
        /// The oldest position that the log still holds.
        floor: Zxid,
    },
    /// An operation on the log or on an epoch file failed, or did not come to an end. What it left on the
    /// disk is not known.
    DiskFailed,
    /// The election heard of a history, while this server was taken for a new one.
    HistoryHeard,
}

impl<P> Input<P> {
    /// The same input with its payload, if any, replaced by `f` of it.
    pub fn map<Q>(self, f: impl FnOnce(P) -> Q) -> Input<Q> {
        match self {
            Self::Lead => Input::Lead,
            Self::Follow { leader } => Input::Follow { leader },
            Self::Connected { conn } => Input::Connected { conn },
            Self::Closed { conn } => Input::Closed { conn },
            Self::Message { conn, message } => Input::Message {
                conn,
                message: message.map(f),
            },
            Self::LogDurable { ops } => Input::LogDurable { ops },
            Self::EpochsDurable { ops } => Input::EpochsDurable { ops },
            Self::LimitPassed => Input::LimitPassed,
            Self::PingLearners => Input::PingLearners,
            Self::CheckQuorum => Input::CheckQuorum,
            Self::Propose { zxid, payload } => Input::Propose {
                zxid,
                payload: f(payload),
            },
            Self::Sync { conn } => Input::Sync { conn },
            Self::Purged { floor } => Input::Purged { floor },
            Self::DiskFailed => Input::DiskFailed,
            Self::HistoryHeard => Input::HistoryHeard,
        }
    }
}
