//! ZooKeeper's bytes: jute records, client frames, learner packets, election frames.
//!
//! Decoders take what came from outside: they check lengths before they allocate, never panic, and name
//! the field and the offset when they refuse. Encoders write into any [`bytes::BufMut`].

pub mod acl;
pub mod client;
pub mod election;
pub mod error;
pub mod frame;
pub mod jute;
pub mod quorum;
pub mod snapshot;
pub mod stat;
pub mod txn;

pub use error::{DecodeError, Fault};
