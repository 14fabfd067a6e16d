//! When does a session end, and through which server does it write?
//!
//! Kept by the server that orders writes. Deadlines are rounded up to the next multiple of tickTime, so that
//! sessions expire in a few batches and most touches change nothing. Time comes in as an argument; it is
//! monotonic.

use crate::request::WriteRequest;
use crate::session_rules::{Published, SessionRules};
use crate::tree::Tree;
use crate::txn::SessionId;
use std::collections::{BTreeMap, BTreeSet};

#[cfg(test)]
mod tests;

/// All sessions that live by this server's clock. `O` says through which server something came.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct SessionTable<O, R = Published> {
    tick_ms: u64,
    rules: R,
    sessions: BTreeMap<SessionId, Tracked<O>>,
    /// Sessions by deadline; those that are closing are not here.
    deadlines: BTreeMap<u64, BTreeSet<SessionId>>,
}

#[derive(Clone, Debug, Eq, Hash, PartialEq)]
struct Tracked<O> {
    /// `None`: it is closing.
    deadline_ms: Option<u64>,
    /// The server through which it was attached last, if it was since this server leads.
    owner: Option<O>,
}

impl<O: Copy + PartialEq> SessionTable<O> {
    /// No sessions yet; deadlines are multiples of `tick_ms`.
    pub fn new(tick_ms: u64) -> Self {
        Self::with_rules(tick_ms, Published)
    }
}

impl<O: Copy + PartialEq, R: SessionRules> SessionTable<O, R> {
    /// As [`SessionTable::new`], by `rules`.
    pub fn with_rules(tick_ms: u64, rules: R) -> Self {
        Self {
            tick_ms: tick_ms.max(1),
            rules,
            sessions: BTreeMap::new(),
            deadlines: BTreeMap::new(),
        }
    }

    /// Forgets everything: another server keeps the time.
    pub fn clear(&mut self) {
        self.sessions.clear();
        self.deadlines.clear();
    }

    /// This server orders writes from now on. It gives each session its full timeout, and nobody owns one yet.
    /// Ephemerals whose session does not exist, which only a damaged history has, go the way of an expired
    /// session's.
    pub fn begin(&mut self, tree: &Tree, now_ms: u64) {
        self.clear();
        for (session, timeout_ms) in tree.sessions() {
            self.open(session, timeout_ms, now_ms);
        }
        for (session, _) in tree.ephemeral_owners() {
            if !self.knows(session) {
                self.open(session, 0, now_ms);
            }
        }
    }

    /// Begins a session's time, or begins it afresh.
    pub fn open(&mut self, session: SessionId, timeout_ms: i32, now_ms: u64) {
        self.sessions.entry(session).or_insert(Tracked {
            deadline_ms: None,
            owner: None,
        });
        self.put_off(session, Some(self.deadline(timeout_ms, now_ms)));
    }

    /// A sign of life. Unknown and closing sessions are past help: `false`.
    pub fn touch(&mut self, session: SessionId, timeout_ms: i32, now_ms: u64) -> bool {
        let deadline_ms = self.deadline(timeout_ms, now_ms);
        match self.sessions.get(&session).map(|tracked| tracked.deadline_ms) {
            None => false,
            Some(None) if !self.rules.revives_closing() => false,
            Some(current) => {
                if current != Some(deadline_ms) {
                    self.put_off(session, Some(deadline_ms));
                }
                true
            }
        }
    }

    /// The session's client has come to the server behind `origin`, which owns it from now on. Whether it lives.
    pub fn attach(&mut self, session: SessionId, timeout_ms: i32, origin: O, now_ms: u64) -> bool {
        let is_alive = self.touch(session, timeout_ms, now_ms);
        if is_alive {
            self.own(session, origin);
        }
        is_alive
    }

    /// Takes note of a write that came through `origin` and is about to be prepared: a session begins with it, or
    /// has no more time. Whether it comes from where the session was before, and has to be refused. The first
    /// to write after a change of leader is the owner.
    pub fn admit(&mut self, session: SessionId, request: &WriteRequest, origin: O, now_ms: u64) -> bool {
        match request {
            WriteRequest::CreateSession { timeout_ms } => {
                self.open(session, *timeout_ms, now_ms);
                self.own(session, origin);
                false
            }
            WriteRequest::CloseSession => {
                self.close(session);
                false
            }
            WriteRequest::Create { .. }
            | WriteRequest::Delete { .. }
            | WriteRequest::SetData { .. }
            | WriteRequest::SetAcl { .. }
            | WriteRequest::Check { .. }
            | WriteRequest::Multi(_)
            | WriteRequest::DeleteContainer { .. }
            | WriteRequest::Refused(_) => match self.sessions.get_mut(&session) {
                Some(tracked) => {
                    let owner = tracked.owner.get_or_insert(origin);
                    !self.rules.may_write(owner, &origin)
                }
                None => false,
            },
        }
    }

    /// The session is gone.
    pub fn remove(&mut self, session: SessionId) {
        self.close(session);
        self.sessions.remove(&session);
    }

    /// Whether the session is known, closing or not.
    pub fn knows(&self, session: SessionId) -> bool {
        self.sessions.contains_key(&session)
    }

    /// Whether the session is known and not closing.
    pub fn lives(&self, session: SessionId) -> bool {
        let tracked = self.sessions.get(&session);
        tracked.is_some_and(|tracked| tracked.deadline_ms.is_some())
    }

    /// How many are known, those that are closing among them.
    pub fn len(&self) -> usize {
        self.sessions.len()
    }

    /// Whether none is known.
    pub fn is_empty(&self) -> bool {
        self.sessions.is_empty()
    }

    /// Sessions whose deadline has passed, which are closing from now on.
    pub fn expired(&mut self, now_ms: u64) -> Vec<SessionId> {
        let mut expired = Vec::new();
        while let Some(entry) = self.deadlines.first_entry()
            && self.rules.is_over(*entry.key(), now_ms)
        {
            expired.extend(entry.remove());
        }
        for session in &expired {
            self.sessions
                .get_mut(session)
                .expect("a session with a deadline is known")
                .deadline_ms = None;
        }
        expired
    }

    /// Deadlines, and the sessions that have each, the next one first.
    pub fn deadlines(&self) -> impl ExactSizeIterator<Item = (u64, &BTreeSet<SessionId>)> {
        self.deadlines
            .iter()
            .map(|(&deadline, sessions)| (deadline, sessions))
    }

    /// No more requests and no more time: a closeSession is on its way.
    fn close(&mut self, session: SessionId) {
        if self.sessions.contains_key(&session) {
            self.put_off(session, None);
        }
    }

    fn own(&mut self, session: SessionId, origin: O) {
        if let Some(tracked) = self.sessions.get_mut(&session) {
            tracked.owner = Some(origin);
        }
    }

    fn deadline(&self, timeout_ms: i32, now_ms: u64) -> u64 {
        let timeout_ms = u64::try_from(timeout_ms).unwrap_or(0);
        ((now_ms + timeout_ms) / self.tick_ms + 1) * self.tick_ms
    }

    fn put_off(&mut self, session: SessionId, deadline_ms: Option<u64>) {
        let tracked = self
            .sessions
            .get_mut(&session)
            .expect("only a known session has a deadline");
        let before = std::mem::replace(&mut tracked.deadline_ms, deadline_ms);
        if let Some(before) = before
            && let Some(others) = self.deadlines.get_mut(&before)
        {
            others.remove(&session);
            if others.is_empty() {
                self.deadlines.remove(&before);
            }
        }
        if let Some(deadline_ms) = deadline_ms {
            self.deadlines.entry(deadline_ms).or_default().insert(session);
        }
    }
}
