//! What can be asked of the tree?

use crate::code::Code;
use crate::sweep::SweepRules;
use crate::txn::{Acl, SessionId};
use crate::who::Who;

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
    /// One of the creating operations.
    Create {
        /// The path; sequential modes append a suffix to it.
        path: String,
        /// The data, `None` for null.
        data: Option<Vec<u8>>,
        /// The list as the client sent it; a null list is empty, null strings in it are empty.
        acl: Vec<Acl>,
        /// 0 persistent, 1 ephemeral, 2 persistent sequential, 3 ephemeral sequential, 4 container, 5 persistent with
        /// a lifetime, 6 the same and sequential.
        flags: i32,
        /// Which of the operations.
        operation: CreateOperation,
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
    /// `setACL`.
    SetAcl {
        /// The znode.
        path: String,
        /// The list as the client sent it.
        acl: Vec<Acl>,
        /// Its expected aversion; −1 is any.
        version: i32,
    },
    /// `check`, which exists only inside a multi.
    Check {
        /// The znode.
        path: String,
        /// Its expected version; −1 is any.
        version: i32,
    },
    /// `multi`: all of them or none. Creations, deletions, `setData` and `check` can be part of it; anything else fails with
    /// [`Code::MARSHALLING_ERROR`].
    Multi(
        /// The parts, in their order.
        Vec<WriteRequest>,
    ),
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

/// Which operation creates a znode. It decides what kind of znode it is; flags say the rest.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum CreateOperation {
    /// `create` (type 1).
    Create,
    /// `create2` (type 15): the reply has a stat.
    Create2,
    /// `createContainer` (type 19).
    Container,
    /// `createTTL` (type 21).
    Ttl {
        /// The lifetime, in ms.
        ttl_ms: i64,
    },
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
    /// `setWatches` and `setWatches2`.
    SetWatches(SetWatches),
    /// `addWatch`.
    AddWatch {
        /// The watched path, whether there is such a znode or not.
        path: String,
        /// 0 persistent, 1 persistent recursive.
        mode: i32,
    },
    /// `multiRead`: each for itself.
    Multi(Vec<ReadRequest>),
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
    /// Watches set by `addWatch`: what they missed is not made up for.
    pub persistent: Vec<String>,
    /// The recursive ones among those.
    pub persistent_recursive: Vec<String>,
}

/// What the configuration says about writes.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct WriteRules {
    /// Whether znodes may be created with a lifetime (`extendedTypesEnabled`).
    pub extended_types: bool,
    /// Whether hard limits of quotas are refused to go beyond (`enforceQuota`).
    pub enforce_quota: bool,
    /// Whether lists may name subjects of certificates: there is a provider of scheme `x509`.
    pub x509: bool,
    /// When containers go.
    pub sweep: SweepRules,
}

/// On whose behalf, and where in the order, a write is prepared.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The session that asks.
    pub session: SessionId,
    /// What the client behind it has proven to be.
    pub who: &'a Who,
    /// The client's xid.
    pub cxid: i32,
    /// The zxid that the transaction gets, whatever comes of it.
    pub zxid: u64,
    /// The leader's wall clock, ms since 1970.
    pub time_ms: i64,
    /// Whether the request came through another server than the session's present one.
    pub moved: bool,
    /// Whether the session is one that another server, or this one, keeps for itself: it writes, and owns nothing.
    pub local: bool,
    /// Whether transactions carry the expected digest.
    pub with_digest: bool,
    /// What the configuration says.
    pub rules: WriteRules,
}
