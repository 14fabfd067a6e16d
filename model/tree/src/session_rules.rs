//! On which decisions do the promises to sessions rest?
//!
//! Each is a method with the published answer as its default. The server uses [`Published`]; whoever wants to know
//! whether a check notices that one is wrong overrides it.

use std::fmt::Debug;

/// The decisions on which the promises to sessions rest.
pub trait SessionRules: Debug {
    /// Whether a client that has seen `seen` may attach to a server whose tree is at `here`: a session never goes
    /// back in time. Signed, as on the wire: a client that has seen nothing may say −1.
    fn may_attach(&self, seen: u64, here: u64) -> bool {
        seen as i64 <= here as i64
    }

    /// Whether a write that came through `origin` may go on, if the session was attached last through `owner`.
    fn may_write<O: PartialEq>(&self, owner: &O, origin: &O) -> bool {
        owner == origin
    }

    /// Whether a session is over whose deadline is `deadline_ms`.
    fn is_over(&self, deadline_ms: u64, now_ms: u64) -> bool {
        deadline_ms <= now_ms
    }

    /// Whether a sign of life helps a session of which a closeSession is on its way.
    fn revives_closing(&self) -> bool {
        false
    }

    /// Whether a read waits that has `ahead` requests of its session before it: they are answered in the order in
    /// which they were sent, and a session sees what it wrote.
    fn waits_behind(&self, ahead: usize) -> bool {
        ahead > 0
    }

    /// Whether a transaction can be what a connection asked for that has been served since everything up to
    /// `served_since` was proposed. Clients may number their requests from 1 on each connection: by the number
    /// alone it can be what an earlier connection of the session asked for.
    fn may_answer(&self, zxid: u64, served_since: u64) -> bool {
        zxid > served_since
    }
}

/// The rules as ZooKeeper has them.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct Published;

impl SessionRules for Published {}
