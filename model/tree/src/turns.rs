//! In which order are a session's requests answered?
//!
//! In the order in which they came, on each connection. A write waits for its transaction, a sync for the
//! leader, and a read for what is ahead of it: it shows what its session wrote before it, and nothing of what
//! it wrote after. With each request the server keeps a `Q`, what it needs to answer.

use crate::session_rules::{Published, SessionRules};
use std::collections::VecDeque;

#[cfg(test)]
mod tests;

/// The requests of one connection that are not answered yet, in their order.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Turns<Q, R = Published> {
    rules: R,
    /// What the connection asks for comes behind this zxid.
    served_since: u64,
    waiting: VecDeque<Waiting<Q>>,
    /// Syncs that were answered before the leader has.
    ahead_of_leader: u32,
}

#[derive(Clone, Debug, Eq, Hash, PartialEq)]
struct Waiting<Q> {
    request: Q,
    awaits: Awaits,
}

#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
enum Awaits {
    /// A transaction of this cxid is on its way.
    Txn(i32),
    /// The leader was asked.
    Leader,
    /// What is ahead of it.
    Turn,
}

impl<Q> Turns<Q> {
    /// Nothing waits.
    pub fn new() -> Self {
        Self::with_rules(Published)
    }
}

impl<Q> Default for Turns<Q> {
    fn default() -> Self {
        Self::new()
    }
}

impl<Q, R: SessionRules> Turns<Q, R> {
    /// Nothing waits, by `rules`.
    pub fn with_rules(rules: R) -> Self {
        Self {
            rules,
            served_since: 0,
            waiting: VecDeque::new(),
            ahead_of_leader: 0,
        }
    }

    /// The connection is served from now on, and everything up to `proposed` is proposed already: if any of it is
    /// the session's, another connection asked for it.
    pub fn begin(&mut self, proposed: u64) {
        self.served_since = proposed;
    }

    /// Number of requests that wait.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// The connection ends: nothing is answered any more.
    pub fn clear(&mut self) {
        self.waiting.clear();
    }

    /// Whether a read has to wait for its turn, by [`Self::read`]. If not, it is answered at once.
    pub fn must_wait(&self) -> bool {
        self.rules.waits_behind(self.waiting.len())
    }

    /// A read that has to wait.
    pub fn read(&mut self, request: Q) {
        self.push(request, Awaits::Turn);
    }

    /// A write that is on its way to the leader.
    pub fn write(&mut self, cxid: i32, request: Q) {
        self.push(request, Awaits::Txn(cxid));
    }

    /// A sync that is on its way to the leader.
    pub fn sync(&mut self, request: Q) {
        self.push(request, Awaits::Leader);
    }

    fn push(&mut self, request: Q, awaits: Awaits) {
        self.waiting.push_back(Waiting { request, awaits });
    }

    /// The session's transaction `cxid` is committed and about to be applied. If the oldest write here waits for it:
    /// what is ahead of that has its turn, and is to be answered from the tree as it is. There can be syncs among it. The
    /// write confirms them: it was proposed after the leader had heard of them, and a quorum has acknowledged it.
    ///
    /// Whether anything is ahead of it.
    pub fn make_way(&mut self, cxid: i32, zxid: u64) -> bool {
        let Some(at) = self.find(cxid, zxid) else {
            return false;
        };
        for waiting in self.waiting.range_mut(..at) {
            if waiting.awaits == Awaits::Leader {
                waiting.awaits = Awaits::Turn;
                self.ahead_of_leader += 1;
            }
        }
        at > 0
    }

    /// The session's transaction `cxid` was applied: the request that is to be answered with what came of it, if one
    /// waits for it here.
    pub fn written(&mut self, cxid: i32, zxid: u64) -> Option<Q> {
        let at = self.find(cxid, zxid)?;
        let waiting = self.waiting.remove(at)?;
        Some(waiting.request)
    }

    /// The place of the oldest write, if it waits for this transaction. Writes become transactions in their order:
    /// any other came another way.
    fn find(&self, cxid: i32, zxid: u64) -> Option<usize> {
        let is_write = |waiting: &Waiting<Q>| matches!(waiting.awaits, Awaits::Txn(_));
        let at = self.waiting.iter().position(is_write)?;
        let is_its =
            self.waiting[at].awaits == Awaits::Txn(cxid) && self.rules.may_answer(zxid, self.served_since);
        is_its.then_some(at)
    }

    /// The leader has answered the oldest sync that it was asked for.
    pub fn synced(&mut self) {
        if self.ahead_of_leader > 0 {
            self.ahead_of_leader -= 1;
            return;
        }
        let is_asked = |waiting: &&mut Waiting<Q>| waiting.awaits == Awaits::Leader;
        if let Some(oldest) = self.waiting.iter_mut().find(is_asked) {
            oldest.awaits = Awaits::Turn;
        }
    }

    /// Takes the first request, if its turn has come: it is to be answered from the tree as it is.
    pub fn take(&mut self) -> Option<Q> {
        let is_ready = |first: &mut Waiting<Q>| first.awaits == Awaits::Turn;
        let first = self.waiting.pop_front_if(is_ready)?;
        Some(first.request)
    }
}
