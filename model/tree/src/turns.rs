//! In which order are a session's requests answered?
//!
//! In the order in which they came, on each connection. A write waits for its transaction, a sync for the
//! leader, and a read for what is ahead of it, so that it shows what its session wrote. With each request the
//! server keeps a `Q`, what it needs to answer, and where an answer is made before its turn, that: an `A`.

use crate::session_rules::{Published, SessionRules};
use std::collections::VecDeque;

#[cfg(test)]
mod tests;

/// The requests of one connection that are not answered yet, in their order.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Turns<Q, A, R = Published> {
    rules: R,
    /// What the connection asks for comes behind this zxid.
    served_since: u64,
    waiting: VecDeque<Waiting<Q, A>>,
}

#[derive(Clone, Debug, Eq, Hash, PartialEq)]
struct Waiting<Q, A> {
    request: Q,
    awaits: Awaits<A>,
}

#[derive(Clone, Debug, Eq, Hash, PartialEq)]
enum Awaits<A> {
    /// A transaction of this cxid is on its way.
    Txn(i32),
    /// The leader was asked.
    Leader,
    /// What is ahead of it.
    Turn,
    /// What is ahead of it; the transaction was applied before that was answered.
    TurnWith(A),
}

/// A write whose transaction was applied.
#[derive(Debug)]
pub enum Written<'a, Q, A> {
    /// It is its turn.
    InTurn(Q),
    /// Its turn has not come, because a sync ahead of it is not done.
    Early(Early<'a, Q, A>),
}

/// Where the answer to a write is kept until its turn comes.
#[derive(Debug)]
pub struct Early<'a, Q, A>(&'a mut Waiting<Q, A>);

/// A request whose turn has come.
#[derive(Debug, Eq, PartialEq)]
pub enum Turn<Q, A> {
    /// It is answered from the tree as it is.
    Now(Q),
    /// Its answer was made before.
    Kept(Q, A),
}

impl<Q, A> Turns<Q, A> {
    /// Nothing waits.
    pub fn new() -> Self {
        Self::with_rules(Published)
    }
}

impl<Q, A> Default for Turns<Q, A> {
    fn default() -> Self {
        Self::new()
    }
}

impl<Q, A, R: SessionRules> Turns<Q, A, R> {
    /// Nothing waits, by `rules`.
    pub fn with_rules(rules: R) -> Self {
        Self {
            rules,
            served_since: 0,
            waiting: VecDeque::new(),
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

    fn push(&mut self, request: Q, awaits: Awaits<A>) {
        self.waiting.push_back(Waiting { request, awaits });
    }

    /// The session's transaction `cxid` was applied. Writes become transactions in their order: unless the oldest
    /// one here is this, it came another way, and nobody waits for it.
    pub fn written(&mut self, cxid: i32, zxid: u64) -> Option<Written<'_, Q, A>> {
        if !self.rules.may_answer(zxid, self.served_since) {
            return None;
        }
        let is_write = |waiting: &Waiting<Q, A>| matches!(waiting.awaits, Awaits::Txn(_));
        let at = self.waiting.iter().position(is_write)?;
        if !matches!(self.waiting[at].awaits, Awaits::Txn(oldest) if oldest == cxid) {
            return None;
        }
        if at == 0 {
            let first = self.waiting.pop_front()?;
            return Some(Written::InTurn(first.request));
        }
        self.waiting
            .get_mut(at)
            .map(|waiting| Written::Early(Early(waiting)))
    }

    /// The leader has answered the oldest sync.
    pub fn synced(&mut self) {
        let is_asked = |waiting: &&mut Waiting<Q, A>| matches!(waiting.awaits, Awaits::Leader);
        if let Some(oldest) = self.waiting.iter_mut().find(is_asked) {
            oldest.awaits = Awaits::Turn;
        }
    }

    /// Takes the first request, if its turn has come.
    pub fn take(&mut self) -> Option<Turn<Q, A>> {
        let is_ready = |first: &mut Waiting<Q, A>| matches!(first.awaits, Awaits::Turn | Awaits::TurnWith(_));
        let Waiting { request, awaits } = self.waiting.pop_front_if(is_ready)?;
        match awaits {
            Awaits::TurnWith(answer) => Some(Turn::Kept(request, answer)),
            Awaits::Turn | Awaits::Txn(_) | Awaits::Leader => Some(Turn::Now(request)),
        }
    }
}

impl<Q, A> Early<'_, Q, A> {
    /// What is to be answered.
    pub fn request(&self) -> &Q {
        &self.0.request
    }

    /// Keeps the answer.
    pub fn keep(self, answer: A) {
        self.0.awaits = Awaits::TurnWith(answer);
    }
}
