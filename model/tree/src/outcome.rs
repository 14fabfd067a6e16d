//! What comes of applying a transaction?

use crate::code::Code;
use crate::stat::Stat;
use crate::txn::{SessionId, TxnEntry};
use crate::watch::Event;

/// All that a server has to do after a transaction was applied.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Outcome {
    /// For the client that waits for it.
    pub result: TxnResult,
    /// Notifications, in the order in which they fired. They go out before the reply.
    pub events: Vec<Event>,
    /// What happened to a session.
    pub session: Option<SessionChange>,
    /// Whether the tree is what the leader expected it to be.
    pub digest: DigestCheck,
}

/// Who tells clients what came of a transaction.
pub trait Front {
    /// Notifications go out.
    fn notify(&mut self, events: &[Event], zxid: u64);
    /// A session began or ended.
    fn on_session(&mut self, change: SessionChange);
    /// The client that waits for it is answered.
    fn answer(&mut self, entry: &TxnEntry, result: TxnResult);
    /// The session is over: its connection is closed, behind the answer.
    fn disconnect(&mut self, session: SessionId);
}

impl Outcome {
    /// Has `front` tell clients, in the order that they may rely on: a notification comes before whatever shows
    /// what it is about.
    pub fn tell(self, entry: &TxnEntry, front: &mut impl Front) {
        front.notify(&self.events, entry.header.zxid);
        if let Some(change) = self.session {
            front.on_session(change);
        }
        front.answer(entry, self.result);
        if let Some(SessionChange::Closed { session }) = self.session {
            front.disconnect(session);
        }
    }
}

/// A transaction's result, from which the reply is made.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum TxnResult {
    /// The session exists.
    SessionCreated {
        /// Negotiated timeout in ms.
        timeout_ms: i32,
    },
    /// The session and its ephemerals are gone.
    SessionClosed,
    /// The znode exists.
    Created {
        /// Its path, with the sequence suffix.
        path: String,
        /// Its stat; `None` for `create` (type 1), whose reply has none.
        stat: Option<Stat>,
    },
    /// The znode is gone.
    Deleted,
    /// The data is set.
    DataSet(Stat),
    /// The ACL is set.
    AclSet(Stat),
    /// The configuration is written; its text is the transaction's data.
    Reconfigured(Stat),
    /// The version was the expected one.
    Checked,
    /// One result per part. If any is an error none of the parts had an effect: those before the failing one
    /// have `Error(Code::OK)`, those after it `Error(Code::RUNTIME_INCONSISTENCY)`.
    Multi(Vec<TxnResult>),
    /// Refused, or without effect.
    Error(Code),
}

/// A session began or ended.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum SessionChange {
    /// It began.
    Created {
        /// Its id.
        session: SessionId,
        /// Its timeout in ms.
        timeout_ms: i32,
    },
    /// It ended: its connection is to be closed.
    Closed {
        /// Its id.
        session: SessionId,
    },
}

/// The tree's digest after a transaction, beside the one that the leader predicted.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum DigestCheck {
    /// The entry has none, or of an unknown version, or the tree comes from a fuzzy snapshot and is not
    /// past its end.
    Unchecked,
    /// They are equal.
    Equal,
    /// They differ: the trees of leader and this server have diverged.
    Differs {
        /// The leader's.
        expected: u64,
        /// This tree's.
        found: u64,
    },
}
