//! What can be asked of the tree?

use crate::code::Code;
use crate::txn::{Acl, SessionId};

/// A write, as the leader's [`crate::prepare`] takes it. Every one of them becomes a transaction.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum WriteRequest {
    /// A new session with the id of the context.
    CreateSession {
        /// Negotiated timeout in ms.
        timeout_ms: i32,
    },
    /// The end of the context's session, asked for by its client or by the leader's clock.
    CloseSession,
    /// `create` (type 1) or `create2` (type 15).
    Create {
        /// The path; sequential modes append a suffix to it.
        path: String,
        /// The data, `None` for null.
        data: Option<Vec<u8>>,
        /// The list as the client sent it; a null list is empty, null strings in it are empty.
        acl: Vec<Acl>,
        /// 0 persistent, 1 ephemeral, 2 persistent sequential, 3 ephemeral sequential, 4 container.
        flags: i32,
        /// Type 15: the reply has a stat.
        with_stat: bool,
    },
    /// `delete`.
    Delete {
        /// The znode.
        path: String,
        /// Its expected version; −1 is any.
        version: i32,
    },
    /// `setData`.
    SetData {
        /// The znode.
        path: String,
        /// The data, `None` for null.
        data: Option<Vec<u8>>,
        /// Its expected version; −1 is any.
        version: i32,
    },
    /// The leader's own: an empty container or expired TTL node goes. Never from a client.
    DeleteContainer {
        /// The znode.
        path: String,
    },
    /// A write that is answered with an error whatever the tree holds: an operation that is not provided
    /// ([`Code::UNIMPLEMENTED`]), a body that cannot be decoded ([`Code::MARSHALLING_ERROR`]).
    Refused(
        /// The error.
        Code,
    ),
}

/// A read, answered from the tree of the server that the client is connected to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ReadRequest {
    /// `exists`.
    Exists {
        /// The znode.
        path: String,
        /// Whether to set a data watch, also if the znode is missing.
        watch: bool,
    },
    /// `getData`.
    GetData {
        /// The znode.
        path: String,
        /// Whether to set a data watch.
        watch: bool,
    },
    /// `getChildren`.
    GetChildren {
        /// The znode.
        path: String,
        /// Whether to set a child watch.
        watch: bool,
    },
    /// `getChildren2`: as `getChildren`, with the stat.
    GetChildren2 {
        /// The znode.
        path: String,
        /// Whether to set a child watch.
        watch: bool,
    },
    /// `getACL`.
    GetAcl {
        /// The znode.
        path: String,
    },
    /// `getAllChildrenNumber`: the number of descendants.
    GetAllChildrenNumber {
        /// The znode.
        path: String,
    },
    /// `getEphemerals`: those of the requesting session.
    GetEphemerals {
        /// What their paths begin with; `None`, blank and `/` are all.
        prefix: Option<String>,
    },
    /// `checkWatches`.
    CheckWatches {
        /// The watched path.
        path: String,
        /// 1 children, 2 data, 3 any, 4 persistent, 5 persistent recursive.
        kind: i32,
    },
    /// `removeWatches`.
    RemoveWatches {
        /// The watched path.
        path: String,
        /// As for `checkWatches`.
        kind: i32,
    },
    /// `setWatches`.
    SetWatches(SetWatches),
}

/// What a client watched on the connection that it lost.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct SetWatches {
    /// The last zxid that it saw; what changed since fires at once.
    pub relative_zxid: u64,
    /// Watches set by `getData`.
    pub data: Vec<String>,
    /// Watches set by `exists` on what was missing.
    pub exist: Vec<String>,
    /// Watches set by `getChildren`.
    pub child: Vec<String>,
}

/// On whose behalf, and where in the order, a write is prepared.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Context {
    /// The session that asks.
    pub session: SessionId,
    /// The client's xid.
    pub cxid: i32,
    /// The zxid that the transaction gets, whatever comes of it.
    pub zxid: u64,
    /// The leader's wall clock, ms since 1970.
    pub time_ms: i64,
    /// Whether the request came through another server than the session's present one.
    pub moved: bool,
    /// Whether transactions carry the expected digest.
    pub with_digest: bool,
}
