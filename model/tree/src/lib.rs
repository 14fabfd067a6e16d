//! The znode tree: sessions, watches, versions and digests as pure functions.

mod acl;
mod code;
mod crc;
mod digest;
mod export;
mod index;
mod load;
mod node;
pub mod path;
mod stat;
mod tree;
mod txn;

pub use acl::{ADMIN, ALL, CREATE, DELETE, READ, WRITE};
pub use code::Code;
pub use digest::DIGEST_VERSION;
pub use export::{Exported, Walk};
pub use load::{LoadError, TreeLoader};
pub use stat::{Owner, Stat, StatPersisted, TTL_MAX_MS};
pub use tree::Tree;
pub use txn::{Acl, Create, SessionId, Txn, TxnDigest, TxnEntry, TxnHeader};
