//! A client of ZooKeeper's protocol: one session, which goes on over several servers.
//!
//! [`Client::connect`] begins a session and leaves a task behind that keeps it: it answers for pings, finds
//! another server when one is lost, presents the session's id and password and the last zxid seen there, and
//! has watches set again. Operations are methods of [`Client`]; what watches report, and what becomes of the
//! connection, comes as [`Event`]s.

mod address;
mod client;
mod error;
mod link;
mod path;
mod session;
mod tls;
mod watches;

pub use address::{AddressError, Servers};
pub use client::{Client, Events, Mode, Options, WatchMode, WatcherType};
pub use error::{CONNECTION_LOSS, Error};
pub use path::{PathError, validate};
pub use quorate_tree::{Acl, Code, EventKind, Stat};
pub use session::{Event, State};
pub use tls::{Identity, Tls, TlsError};
pub use watches::Removed;
