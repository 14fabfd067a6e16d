//! When does a session end, and through which server does it write?
//!
//! Kept by the server that orders writes. Deadlines are rounded up to the next multiple of tickTime, so that
//! sessions expire in a few batches and most touches change nothing. The clock is monotonic.

use super::event::Origin;
use quorate_tree::SessionId;
use std::collections::{BTreeMap, BTreeSet, HashMap};

#[cfg(test)]
mod tests;

/// All sessions that live by this server's clock.
#[derive(Debug)]
pub(super) struct SessionClock {
    tick_ms: u64,
    sessions: HashMap<SessionId, Tracked>,
    /// Sessions by deadline; those that are closing are not here.
    deadlines: BTreeMap<u64, BTreeSet<SessionId>>,
}

#[derive(Debug)]
struct Tracked {
    /// `None`: it is closing.
    deadline_ms: Option<u64>,
    /// The server through which it was attached last, if it was since this server leads.
    owner: Option<Origin>,
}

impl SessionClock {
    pub(super) fn new(tick_ms: u64) -> Self {
        Self {
            tick_ms: tick_ms.max(1),
            sessions: HashMap::new(),
            deadlines: BTreeMap::new(),
        }
    }

    /// Forgets everything: another server keeps the time.
    pub(super) fn clear(&mut self) {
        self.sessions.clear();
        self.deadlines.clear();
    }

    /// Begins a session's time, or begins it afresh.
    pub(super) fn open(&mut self, session: SessionId, timeout_ms: i32, now_ms: u64) {
        self.sessions.entry(session).or_insert(Tracked {
            deadline_ms: None,
            owner: None,
        });
        self.move_to(session, Some(self.deadline(timeout_ms, now_ms)));
    }

    /// A sign of life. Unknown and closing sessions are past help: `false`.
    pub(super) fn touch(&mut self, session: SessionId, timeout_ms: i32, now_ms: u64) -> bool {
        let deadline_ms = self.deadline(timeout_ms, now_ms);
        match self.sessions.get(&session).map(|tracked| tracked.deadline_ms) {
            None | Some(None) => false,
            Some(Some(current)) => {
                if current != deadline_ms {
                    self.move_to(session, Some(deadline_ms));
                }
                true
            }
        }
    }

    /// The session was attached through `origin`.
    pub(super) fn own(&mut self, session: SessionId, origin: Origin) {
        if let Some(tracked) = self.sessions.get_mut(&session) {
            tracked.owner = Some(origin);
        }
    }

    /// Whether a write through `origin` comes from where the session was before. The first to write after a
    /// change of leader is the owner.
    pub(super) fn is_moved(&mut self, session: SessionId, origin: Origin) -> bool {
        match self.sessions.get_mut(&session) {
            Some(tracked) => *tracked.owner.get_or_insert(origin) != origin,
            None => false,
        }
    }

    /// No more requests and no more time: a closeSession is on its way.
    pub(super) fn closing(&mut self, session: SessionId) {
        if self.sessions.contains_key(&session) {
            self.move_to(session, None);
        }
    }

    /// The session is gone.
    pub(super) fn remove(&mut self, session: SessionId) {
        self.closing(session);
        self.sessions.remove(&session);
    }

    /// Whether the session is known, closing or not.
    pub(super) fn knows(&self, session: SessionId) -> bool {
        self.sessions.contains_key(&session)
    }

    /// Sessions whose deadline has passed, which are closing from now on.
    pub(super) fn expired(&mut self, now_ms: u64) -> Vec<SessionId> {
        let mut expired = Vec::new();
        while let Some(entry) = self.deadlines.first_entry()
            && *entry.key() <= now_ms
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

    /// Deadlines, and how many sessions have each, the next one first.
    pub(super) fn deadlines(&self) -> impl ExactSizeIterator<Item = (u64, &BTreeSet<SessionId>)> {
        self.deadlines
            .iter()
            .map(|(&deadline, sessions)| (deadline, sessions))
    }

    fn deadline(&self, timeout_ms: i32, now_ms: u64) -> u64 {
        let timeout_ms = u64::try_from(timeout_ms).unwrap_or(0);
        ((now_ms + timeout_ms) / self.tick_ms + 1) * self.tick_ms
    }

    fn move_to(&mut self, session: SessionId, deadline_ms: Option<u64>) {
        let tracked = self
            .sessions
            .get_mut(&session)
            .expect("only a known session moves");
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
