//! The znode tree: sessions, watches, versions and digests as pure functions.
//!
//! On the leader [`prepare`] makes a transaction of a request, against the [`Tree`] and what is
//! [`Outstanding`]; everywhere [`Tree::apply`] carries it out, and [`Outcome::tell`] says to whom what came
//! of it. [`Tree::read`] answers reads, [`Turns`] keeps the order of a connection's requests, and a
//! [`SessionTable`] whose session is and when it ends. Time, zxids and identities enter as data.

mod acl;
mod apply;
mod code;
mod crc;
mod digest;
mod export;
mod index;
mod load;
mod node;
mod outcome;
mod outstanding;
pub mod path;
mod prepare;
mod read;
mod request;
mod session;
mod session_rules;
mod stat;
mod tree;
mod turns;
mod txn;
mod watch;

#[cfg(test)]
mod tests;

pub use acl::{ADMIN, ALL, CREATE, DELETE, READ, WRITE};
pub use apply::Unsupported;
pub use code::Code;
pub use digest::DIGEST_VERSION;
pub use export::{Exported, Walk};
pub use load::{LoadError, TreeLoader};
pub use outcome::{DigestCheck, Front, Outcome, SessionChange, TxnResult};
pub use outstanding::Outstanding;
pub use prepare::prepare;
pub use read::{Children, ReadReply, Reader};
pub use request::{Context, ReadRequest, SetWatches, WriteRequest};
pub use session::SessionTable;
pub use session_rules::{Published, SessionRules};
pub use stat::{Owner, Stat, StatPersisted, TTL_MAX_MS};
pub use tree::Tree;
pub use turns::Turns;
pub use txn::{Acl, Create, SessionId, Txn, TxnDigest, TxnEntry, TxnHeader};
pub use watch::{Event, EventKind, WatchKind, WatchTable, WatcherId};
