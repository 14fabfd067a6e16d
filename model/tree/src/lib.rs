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
mod local;
mod node;
mod outcome;
mod outstanding;
pub mod path;
mod prepare;
mod quota;
mod read;
mod request;
mod session;
mod session_rules;
mod stat;
mod sweep;
mod tree;
mod turns;
mod txn;
mod watch;
mod who;

#[cfg(test)]
mod tests;

pub use apply::Unsupported;
pub use code::Code;
pub use digest::DIGEST_VERSION;
pub use export::{Exported, Walk};
pub use load::{LoadError, TreeLoader};
pub use local::{Greeting, LocalRules, LocalSessions, Need, Passage, Serving, Welcome};
pub use outcome::{DigestCheck, Front, Outcome, SessionChange, TxnResult};
pub use outstanding::Outstanding;
pub use prepare::prepare;
pub use read::{Children, ReadReply, Reader};
pub use request::{Context, CreateOperation, ReadRequest, SetWatches, WriteRequest, WriteRules};
pub use session::SessionTable;
pub use session_rules::{Published, SessionRules};
pub use stat::{Owner, Stat, StatPersisted, TTL_MAX_MS};
pub use sweep::SweepRules;
pub use tree::Tree;
pub use turns::Turns;
pub use txn::{Acl, Create, SessionId, Txn, TxnDigest, TxnEntry, TxnHeader};
pub use watch::{Event, EventKind, WatchKind, WatchMode, WatchTable, WatcherId};
pub use who::{ADMIN, ALL, CREATE, DELETE, Id, READ, WRITE, Who};
