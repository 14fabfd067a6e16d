//! The znode tree: sessions, watches, versions and digests as pure functions.

mod txn;

pub use txn::{Acl, Create, SessionId, Txn, TxnDigest, TxnEntry, TxnHeader};
