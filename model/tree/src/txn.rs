//! What is a transaction? The types of ZooKeeper's transaction log, one variant per record type.
//!
//! A transaction is what the leader's `prepare` decided, so that `apply` has nothing left to decide:
//! versions are absolute, sequence suffixes are chosen, errors are transactions too. Zxids are plain
//! `u64` here (`epoch << 32 | counter`); this crate knows no epochs.

use serde::{Deserialize, Serialize};

/// A session's id as the wire carries it.
pub type SessionId = i64;

/// An access-control entry: `perms` for whoever is `scheme:id`.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
pub struct Acl {
    /// Bits: READ 1, WRITE 2, CREATE 4, DELETE 8, ADMIN 16.
    pub perms: i32,
    /// Scheme of the identity: `world`, `digest`, `ip`, ...
    pub scheme: String,
    /// Identity within the scheme.
    pub id: String,
}

/// What every transaction starts with [ZooKeeper `TxnHeader`].
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq, Serialize, Deserialize)]
pub struct TxnHeader {
    /// The session that asked for it.
    pub session: SessionId,
    /// The client's xid of the request; with `session` it finds the waiting client.
    pub cxid: i32,
    /// Position in the total order.
    pub zxid: u64,
    /// Wall clock of the leader when it was prepared, in ms since 1970. May go back between leaders.
    pub time_ms: i64,
}

/// The body shared by all create records.
#[derive(Clone, Debug, Eq, Hash, PartialEq, Serialize, Deserialize)]
pub struct Create {
    /// Full path, sequence suffix included.
    pub path: String,
    /// `None` is ZooKeeper's null buffer, which reads back as null.
    pub data: Option<Vec<u8>>,
    /// The expanded list, as it will be stored and returned.
    pub acl: Vec<Acl>,
    /// The parent's stored cversion after this create; `None` if the record predates the field (3.3).
    pub parent_cversion: Option<i32>,
}

/// A transaction's body. The comment of each variant gives its type number in the log.
#[derive(Clone, Debug, Eq, Hash, PartialEq, Serialize, Deserialize)]
pub enum Txn {
    /// −10.
    CreateSession {
        /// Negotiated session timeout in ms.
        timeout_ms: i32,
    },
    /// −11. `None`: the record has no body (written before 3.6, or switched off).
    CloseSession {
        /// The session's ephemeral znodes, deleted with it.
        paths: Option<Vec<String>>,
    },
    /// 1 (`with_stat` false) or 15 (`with_stat` true): they differ only in the reply.
    Create {
        /// Path, data, ACL.
        create: Create,
        /// Whether the znode goes with the session.
        ephemeral: bool,
        /// Type 15, `create2`.
        with_stat: bool,
    },
    /// 19.
    CreateContainer(Create),
    /// 21.
    CreateTtl {
        /// Path, data, ACL.
        create: Create,
        /// Time to live in ms, 1 to 2^40 − 1.
        ttl_ms: i64,
    },
    /// 2.
    Delete {
        /// The znode that goes.
        path: String,
    },
    /// 20.
    DeleteContainer {
        /// The empty container or expired TTL znode that goes.
        path: String,
    },
    /// 5.
    SetData {
        /// The znode.
        path: String,
        /// Its data after this.
        data: Option<Vec<u8>>,
        /// Its version after this.
        version: i32,
    },
    /// 16: a `setData` record for `/zookeeper/config`.
    Reconfig {
        /// `/zookeeper/config`.
        path: String,
        /// The configuration text.
        data: Option<Vec<u8>>,
        /// −1.
        version: i32,
    },
    /// 7.
    SetAcl {
        /// The znode.
        path: String,
        /// Its list after this.
        acl: Vec<Acl>,
        /// Its aversion after this.
        version: i32,
    },
    /// 13, only inside a multi.
    Check {
        /// The znode.
        path: String,
        /// Checked version + 1; without meaning when applied.
        version: i32,
    },
    /// 14.
    Multi(Vec<Txn>),
    /// −1: the request was refused, with this ZooKeeper error code. It has a zxid all the same.
    Error {
        /// ZooKeeper's error code, negative.
        code: i32,
    },
}

/// The tree digest that the leader expects after a transaction [ZooKeeper `TxnDigest`].
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize, Deserialize)]
pub struct TxnDigest {
    /// 2.
    pub version: i32,
    /// Sum of node digests modulo 2^64.
    pub digest: u64,
}

/// A transaction with its header and expected digest: one log entry, one PROPOSAL.
#[derive(Clone, Debug, Eq, Hash, PartialEq, Serialize, Deserialize)]
pub struct TxnEntry {
    /// Who, when, where in the order.
    pub header: TxnHeader,
    /// What.
    pub txn: Txn,
    /// Absent on error transactions and where the leader has digests switched off.
    pub digest: Option<TxnDigest>,
}
