//! What does a committed transaction mean here? The tree changes, watchers are told, and the client that
//! waits for it is answered, in this order.

use super::answering::Answering;
use super::connection::Phase;
use super::event::ClientId;
use super::{Role, Service, Undeliverable};
use bytes::BytesMut;
use quorate_tree::{
    DigestCheck, Event, Front, SessionChange, SessionId, Txn, TxnEntry, TxnHeader, TxnResult,
};
use quorate_wire::client::reply;
use quorate_wire::txn::{decode_entry, peek_header};
use quorate_zab::Zxid;

impl Service {
    /// Reads a transaction that is about to be logged here, and keeps it for [`Self::deliver`].
    ///
    /// # Errors
    ///
    /// If it could not be applied: the server must stop before it is in the log.
    pub fn expect(&mut self, payload: &[u8]) -> Result<(), Undeliverable> {
        let entry = decode_entry(payload)?;
        entry.can_apply()?;
        self.expected.push_back(entry);
        Ok(())
    }

    /// The last transaction that was proposed as far as this server knows. The leader sends proposals and answers
    /// to handshakes in one order.
    pub(super) fn proposed(&self) -> u64 {
        let last = self.expected.back();
        last.map_or_else(|| self.tree.last_zxid(), |entry| entry.header.zxid)
    }

    /// Applies a committed transaction, fires watches, and answers the client that waits for it.
    ///
    /// # Errors
    ///
    /// If the transaction cannot be applied: the server must stop.
    pub fn deliver(&mut self, payload: &[u8], now_ms: u64) -> Result<(), Undeliverable> {
        let (header, _) = peek_header(payload)?;
        while self
            .expected
            .front()
            .is_some_and(|entry| entry.header.zxid < header.zxid)
        {
            self.expected.pop_front();
        }
        let entry = match self.expected.pop_front_if(|entry| entry.header == header) {
            Some(entry) => entry,
            None => {
                let entry = decode_entry(payload)?;
                entry.can_apply()?;
                entry
            }
        };
        self.apply(&entry, now_ms);
        Ok(())
    }

    fn apply(&mut self, entry: &TxnEntry, now_ms: u64) {
        self.make_way(&entry.header, now_ms);
        self.audit_closing(entry);
        let outcome = self.tree.apply(entry, &mut self.watches);
        self.outstanding.applied(entry.header.zxid);
        self.counters.commits += 1;
        self.measure_applied(entry, now_ms);
        self.check(outcome.digest, entry.header.zxid);
        if let Some(digest) = self.tree.exact_digest() {
            self.digests.note(Zxid::from_bits(entry.header.zxid), digest);
        }
        outcome.tell(
            entry,
            &mut Telling {
                service: self,
                now_ms,
            },
        );
    }

    /// Answers what is ahead of the write that waits for this transaction: from the tree without it.
    fn make_way(&mut self, header: &TxnHeader, now_ms: u64) {
        if let Some(&client) = self.attached.get(&header.session)
            && let Some(conn) = self.clients.get_mut(&client)
            && conn.turns.make_way(header.cxid, header.zxid)
        {
            let mut turn = Answering {
                conn,
                tree: &self.tree,
                watches: &mut self.watches,
                counters: &mut self.counters,
                znodes: &self.options.znodes,
                now_ms,
            };
            turn.drain();
            self.settle(client);
        }
    }

    fn check(&mut self, digest: DigestCheck, zxid: u64) {
        if let DigestCheck::Differs { expected, found } = digest {
            self.counters.digest_mismatches += 1;
            let zxid = Zxid::from_bits(zxid);
            tracing::error!(%zxid, expected, found, "the tree differs from the leader's");
        }
    }

    /// Queues notifications, each frame encoded once however many wait for it. Whoever is not answered in this round may
    /// be told in a later one.
    fn notify(&mut self, events: &[Event], zxid: u64) {
        self.counters.measure_watches(events);
        let mut frame = BytesMut::new();
        for (at, event) in events.iter().enumerate() {
            let same = |other: &Event| (other.kind, &other.path) == (event.kind, &event.path);
            if at == 0 || !same(&events[at - 1]) {
                frame.clear();
                reply::put_event(&mut frame, Some(zxid), event.kind, &event.path);
            }
            let client = ClientId(event.watcher);
            if let Some(conn) = self.clients.get_mut(&client) {
                conn.out.extend_from_slice(&frame);
                conn.owed_bytes += frame.len();
                self.owed_bytes += frame.len();
                conn.counters.sent += 1;
                self.counters.sent += 1;
                self.counters.figures.watch_bytes += frame.len() as u64;
                if !std::mem::replace(&mut conn.is_told, true) {
                    self.told.push_back(client);
                }
            }
        }
    }

    /// Finds the client that waits: the session's connection here, if the write that it waits for is this.
    fn answer(&mut self, header: &TxnHeader, result: TxnResult, data: Option<&[u8]>, now_ms: u64) {
        let Some(&client) = self.attached.get(&header.session) else {
            return;
        };
        let Some(conn) = self.clients.get_mut(&client) else {
            return;
        };
        if matches!(conn.phase, Phase::Connecting(_)) {
            // A new session's own transaction; or, of a session that comes back, another server's.
            match result {
                TxnResult::SessionCreated { .. } => self.welcome(client, true),
                TxnResult::Error(_)
                    if header.cxid == 0 && !self.revalidations.contains_key(&header.session) =>
                {
                    self.welcome(client, false);
                }
                _ => {}
            }
            return;
        }
        if matches!(result, TxnResult::SessionCreated { .. }) {
            // A local session has become the ensemble's: its client asked for something else.
            return;
        }
        let mut turn = Answering {
            conn,
            tree: &self.tree,
            watches: &mut self.watches,
            counters: &mut self.counters,
            znodes: &self.options.znodes,
            now_ms,
        };
        if turn.written(header.cxid, &result, data) {
            self.settle(client);
        }
    }

    /// The oldest [`super::Action::Sync`] of [`super::Origin::Here`] is done.
    pub fn sync_done(&mut self, now_ms: u64) {
        let Some(client) = self.syncs.pop_front() else {
            return;
        };
        let Some(conn) = self.clients.get_mut(&client) else {
            return;
        };
        conn.turns.synced();
        let mut turn = Answering {
            conn,
            tree: &self.tree,
            watches: &mut self.watches,
            counters: &mut self.counters,
            znodes: &self.options.znodes,
            now_ms,
        };
        turn.drain();
        self.settle(client);
    }

    /// Follower: the leader's answer to the oldest [`super::Action::Revalidate`] of this session.
    pub fn on_revalidated(&mut self, session: SessionId, valid: bool) {
        let Some(waiting) = self.revalidations.get_mut(&session) else {
            return;
        };
        let client = waiting.pop_front();
        if waiting.is_empty() {
            self.revalidations.remove(&session);
        }
        if let Some(client) = client {
            self.counters.revalidations += 1;
            self.welcome(client, valid);
        }
    }
}

/// A service that tells its clients of a transaction.
struct Telling<'a> {
    service: &'a mut Service,
    now_ms: u64,
}

impl Front for Telling<'_> {
    fn notify(&mut self, events: &[Event], zxid: u64) {
        self.service.notify(events, zxid);
    }

    fn on_session(&mut self, change: SessionChange) {
        let Service { role, sessions, .. } = self.service;
        match change {
            SessionChange::Created { session, timeout_ms } => {
                if role.is_some_and(Role::keeps_sessions) && !sessions.knows(session) {
                    sessions.open(session, timeout_ms, self.now_ms);
                }
            }
            SessionChange::Closed { session } => sessions.remove(session),
        }
    }

    fn answer(&mut self, entry: &TxnEntry, result: TxnResult) {
        self.service.audit_written(entry, &result);
        self.service
            .answer(&entry.header, result, data(&entry.txn), self.now_ms);
    }

    fn disconnect(&mut self, session: SessionId) {
        self.service.disconnect(session);
    }
}

/// The data of a reconfiguration, which its reply repeats.
fn data(txn: &Txn) -> Option<&[u8]> {
    match txn {
        Txn::Reconfig { data, .. } => data.as_deref(),
        _ => None,
    }
}
