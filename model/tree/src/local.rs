//! Which sessions does one server keep for itself, and what does it do where nobody orders writes?
//!
//! A local session is known to the server that began it, and to no other: it needs no transaction, and owns no
//! ephemeral. Where the configuration allows it, one that asks for an ephemeral becomes a session of the ensemble
//! first. A server without a leader can serve reads to clients that asked for no more; what it gives them are local
//! sessions as well.

use crate::code::Code;
use crate::session::SessionTable;
use crate::session_rules::{Published, SessionRules};
use crate::tree::Tree;
use crate::txn::SessionId;
use std::collections::BTreeSet;

#[cfg(test)]
mod tests;

/// What the configuration says about local sessions.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct LocalRules {
    /// Whether new sessions are local (`localSessionsEnabled`).
    pub enabled: bool,
    /// Whether one becomes a session of the ensemble that asks for an ephemeral (`localSessionsUpgradingEnabled`).
    pub upgrading: bool,
}

/// How much a server does for its clients.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Serving {
    /// Everything: somebody orders writes.
    Everything,
    /// Nobody orders writes: reads alone, of a tree that may be old.
    Reads,
}

/// What a client says first on a connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Greeting {
    /// The session that it comes back for; 0: a new one.
    pub session: SessionId,
    /// Whether its password is the session's.
    pub password_fits: bool,
    /// The last zxid that it was shown.
    pub seen: u64,
    /// Whether it is content with reads.
    pub reads_suffice: bool,
}

/// What a client's first words lead to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Welcome {
    /// The connection ends without a word, for this reason, and the client goes on to another server.
    HangUp(&'static str),
    /// The session is over, or never was.
    Over,
    /// A local session begins.
    BeginHere,
    /// A session of the ensemble is asked for.
    Begin,
    /// A local session goes on.
    GoOnHere,
    /// Whoever keeps the ensemble's sessions knows whether this one goes on.
    Ask,
}

/// What a request needs, as far as that decides whether its session may ask for it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Need {
    /// A place in the order of writes, be it to write or to wait for others.
    Order,
    /// The same, and a session that can own an ephemeral.
    Ephemeral,
    /// The same as a part of a multi, of which each part has its own result.
    EphemeralPart,
    /// The end of the session.
    End,
}

/// What becomes of a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Passage {
    /// It goes its way.
    Pass,
    /// It does so behind a createSession: the session is the ensemble's from here on.
    Upgrade {
        /// The session's timeout.
        timeout_ms: i32,
    },
    /// It is answered here with this, in its turn.
    Refused(Code),
    /// The session ends here, in its turn: nobody else knows it.
    EndHere,
}

/// The local sessions of one server.
#[derive(Clone, Debug)]
pub struct LocalSessions {
    rules: LocalRules,
    /// The part of a session id that names the server which gave it.
    me: u8,
    table: SessionTable<()>,
}

impl LocalSessions {
    /// None yet, of the server `me`; deadlines are multiples of `tick_ms`.
    pub fn new(rules: LocalRules, me: u64, tick_ms: u64) -> Self {
        Self {
            rules,
            me: me as u8,
            table: SessionTable::new(tick_ms),
        }
    }

    /// The role is left, and they end with it.
    pub fn clear(&mut self) {
        self.table.clear();
    }

    /// What a client's first words lead to, on a server whose tree is at `here`.
    pub fn greet(&self, greeting: &Greeting, serving: Serving, here: u64, tree: &Tree) -> Welcome {
        let reads_only = serving == Serving::Reads;
        let session = greeting.session;
        if reads_only && !greeting.reads_suffice {
            Welcome::HangUp("it wants to write, and nobody orders writes")
        } else if !Published.may_attach(greeting.seen, here) {
            Welcome::HangUp("it has seen what this server has not")
        } else if session == 0 && (reads_only || self.rules.enabled) {
            Welcome::BeginHere
        } else if session == 0 {
            Welcome::Begin
        } else if reads_only && tree.session_timeout_ms(session).is_some() {
            // Whether it lives only a leader can say, and its client is not to hear otherwise from anyone else.
            Welcome::HangUp("its session is the ensemble's, and nobody keeps those")
        } else if !greeting.password_fits {
            Welcome::Over
        } else if self.table.lives(session) {
            Welcome::GoOnHere
        } else if reads_only {
            Welcome::Over
        } else {
            Welcome::Ask
        }
    }

    /// A local session begins.
    pub fn open(&mut self, session: SessionId, timeout_ms: i32, now_ms: u64) {
        self.table.open(session, timeout_ms, now_ms);
    }

    /// A sign of life; whether the session is local and lives.
    pub fn touch(&mut self, session: SessionId, timeout_ms: i32, now_ms: u64) -> bool {
        self.table.touch(session, timeout_ms, now_ms)
    }

    /// Whether the session is a local one of this server.
    pub fn knows(&self, session: SessionId) -> bool {
        self.table.knows(session)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Sessions that were silent for too long, which are over from here on.
    pub fn expired(&mut self, now_ms: u64) -> Vec<SessionId> {
        let expired = self.table.expired(now_ms);
        for &session in &expired {
            self.table.remove(session);
        }
        expired
    }

    /// The session has ended.
    pub fn end(&mut self, session: SessionId) {
        self.table.remove(session);
    }

    /// What becomes of a request of `session` that a server without local sessions would have ordered. One that is
    /// upgraded is not local any more: it is the ensemble's once, however many of its requests ask for that.
    pub fn pass(&mut self, session: SessionId, need: Need, timeout_ms: i32, serving: Serving) -> Passage {
        let is_local = self.knows(session);
        match (need, serving) {
            (Need::End, _) if is_local => Passage::EndHere,
            (_, Serving::Reads) => Passage::Refused(Code::NOT_READ_ONLY),
            (Need::Ephemeral | Need::EphemeralPart, _) if is_local && self.rules.upgrading => {
                self.table.remove(session);
                Passage::Upgrade { timeout_ms }
            }
            (Need::Ephemeral, _) if is_local => Passage::Refused(Code::EPHEMERAL_ON_LOCAL_SESSION),
            // Of a multi the parts before it may fail first: whoever orders it looks.
            (Need::Order | Need::Ephemeral | Need::EphemeralPart | Need::End, Serving::Everything) => {
                Passage::Pass
            }
        }
    }

    /// Leader: whether a session that is none of the ensemble's may write all the same, since it is a local one: of this
    /// server, which knows its own, or of another, which is believed.
    pub fn vouches(&self, session: SessionId) -> bool {
        self.rules.enabled && ((session >> 56) as u8 != self.me || self.table.lives(session))
    }

    /// Deadlines, and the sessions that have each.
    pub fn deadlines(&self) -> impl ExactSizeIterator<Item = (u64, &BTreeSet<SessionId>)> {
        self.table.deadlines()
    }
}
