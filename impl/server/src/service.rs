//! What becomes of a client's request? The znode tree, the sessions, the watches and the order of each
//! session's requests, behind one synchronous interface.
//!
//! The driver owns a [`Service`] and calls it from its one task: with what clients and learners ask
//! (`on_*`), to turn a write into a transaction (`prepare`, leader and standalone server), and with every
//! committed transaction (`deliver`). Time comes in as an argument, `now_ms` is monotonic; nothing here
//! waits. Replies are buffered per connection until [`Service::flush`], at the end of the driver's round.

mod event;
mod replies;

pub use event::{
    Action, ClientEvent, ClientId, DirectorySizes, Identity, Origin, Prepared, Role, Submission,
};
pub use replies::{Batch, Replies, ReplyQueue, replies};

use quorate_tree::{SessionId, Tree};
use quorate_zab::{Conn, Epoch, ServerId, Zxid};

/// What the configuration says about sessions.
#[derive(Clone, Debug)]
pub struct Options {
    /// This server's `myid`; 0 standalone.
    pub server: ServerId,
    /// The unit of session deadlines, in ms.
    pub tick_ms: u64,
    /// The shortest session timeout that a client can get, in ms.
    pub min_session_timeout_ms: i32,
    /// The longest, in ms.
    pub max_session_timeout_ms: i32,
}

/// Why a committed transaction could not be applied: this server's tree is not what the log says.
#[derive(Debug, thiserror::Error)]
pub enum Undeliverable {
    /// The bytes are no transaction.
    #[error("the transaction cannot be read: {0}")]
    Malformed(#[from] quorate_wire::DecodeError),
}

/// The tree, and what this server knows of clients.
#[derive(Debug)]
pub struct Service {
    tree: Tree,
}

#[allow(unused_variables)]
impl Service {
    /// A service that does not serve yet, over a recovered tree. `wall_ms` seeds session ids.
    pub fn new(options: Options, tree: Tree, wall_ms: u64) -> Self {
        Self { tree }
    }

    /// What a client connection did.
    pub fn on_client(&mut self, event: ClientEvent, now_ms: u64, actions: &mut Vec<Action>) {}

    /// A learner's REQUEST, as the leader gets it. `submission.origin` is the learner's connection.
    pub fn on_forwarded(&mut self, submission: Submission, actions: &mut Vec<Action>) {}

    /// A learner's REVALIDATE, as the leader gets it: whether the session lives. It belongs to that learner
    /// from now on.
    pub fn on_revalidate(&mut self, learner: Conn, session: SessionId, timeout_ms: i32, now_ms: u64) -> bool {
        false
    }

    /// A session that a learner heard from, as its PING says.
    pub fn touch(&mut self, session: SessionId, timeout_ms: i32, now_ms: u64) {}

    /// Leader and standalone server: sessions whose time is up are closed. To be called each tick or more
    /// often.
    pub fn expire(&mut self, now_ms: u64, actions: &mut Vec<Action>) {}

    /// Leader and standalone server: decides what a write does. The result must be proposed as `zxid`, or
    /// the role be left.
    pub fn prepare(&mut self, submission: Submission, zxid: Zxid, wall_ms: i64, now_ms: u64) -> Prepared {
        let header = quorate_tree::TxnHeader {
            session: submission.session,
            cxid: submission.cxid,
            zxid: zxid.bits(),
            time_ms: wall_ms,
        };
        let txn = quorate_tree::Txn::Error {
            code: quorate_tree::Code::UNIMPLEMENTED.0,
        };
        let entry = quorate_tree::TxnEntry {
            header,
            txn,
            digest: None,
        };
        let mut payload = Vec::with_capacity(quorate_wire::txn::entry_bytes(&entry));
        quorate_wire::txn::encode_entry(&entry, &mut payload);
        Prepared {
            entry,
            payload: payload.into(),
        }
    }

    /// Follower: the sessions heard from since the last call, with their timeouts in ms, for the answer to
    /// the leader's PING.
    pub fn touched(&mut self) -> Vec<(SessionId, i32)> {
        Vec::new()
    }

    /// Follower: the leader's answer to the oldest [`Action::Revalidate`] of this session.
    pub fn on_revalidated(&mut self, session: SessionId, valid: bool) {}

    /// The oldest [`Action::Sync`] of [`Origin::Here`] is done.
    pub fn sync_done(&mut self, now_ms: u64) {}

    /// Applies a committed transaction, fires watches, and answers the client that waits for it.
    ///
    /// # Errors
    ///
    /// If the transaction cannot be applied: the server must stop.
    pub fn deliver(&mut self, payload: &[u8], now_ms: u64) -> Result<(), Undeliverable> {
        Ok(())
    }

    /// Clients are served from now on. A leader gives every session its full timeout.
    pub fn serve(&mut self, role: Role, epoch: Epoch, now_ms: u64) {}

    /// The role is left: connections are closed, what waits is dropped.
    pub fn retire(&mut self) {}

    /// Hands the round's replies to the connections.
    pub fn flush(&mut self) {}

    /// The tree. A snapshot is written from a clone, which is cheap.
    pub fn tree(&self) -> &Tree {
        &self.tree
    }

    /// Puts another tree in place, one that was loaded. Only while not serving.
    pub fn replace_tree(&mut self, tree: Tree) {
        self.tree = tree;
    }

    /// The last transaction applied.
    pub fn last_zxid(&self) -> Zxid {
        Zxid::from_bits(self.tree.last_zxid())
    }
}
