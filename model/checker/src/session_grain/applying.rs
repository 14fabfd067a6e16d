//! What does a committed transaction mean on a server? The order is the served one: what is ahead of the write that waits
//! is answered, the tree changes, and [`Outcome::tell`](quorate_tree::Outcome::tell) does the rest.

use super::client::{Asker, Told, Watch, fired, known};
use super::history::Logged;
use super::property::{SessionProperty as Property, SessionWitness as Witness};
use super::server::{Phase, session_of};
use super::world::{Cx, World};
use crate::session_mutants::SessionMutant as Mutant;
use quorate_tree::{
    Code, DigestCheck, Event, Front, SessionChange, SessionId, Tree, TxnEntry, TxnResult, WatchKind,
};

impl World {
    /// Applies the next transaction.
    pub(super) fn deliver(&mut self, cx: &mut Cx<'_>, at: usize) {
        let applied = self.servers[at].applied;
        let Some(next) = cx.histories.next(applied, self.leader.proposed) else {
            return;
        };
        let Logged { entry, asker } = cx.histories.logged(next).clone();
        if !cx.has(Mutant::AppliesFirst) {
            self.make_way(cx, at, &entry);
        }
        let server = &mut self.servers[at];
        let before = server.applied;
        let mut tree = cx.histories.tree(before).clone();
        let outcome = tree.apply(&entry, &mut server.watches);
        server.applied = next;
        if at == self.leader.place {
            self.leader.outstanding.applied(entry.header.zxid);
        }
        if cx.has(Mutant::KeepsFiredWatches) {
            for event in &outcome.events {
                server.watches.add(WatchKind::Data, &event.path, event.watcher);
            }
        }
        if let Some(asker) = asker
            && let Some(conn) = self.servers[at].conn(asker.session, asker.conn)
        {
            conn.applied |= 1 << asker.number;
        }
        let differs = matches!(outcome.digest, DigestCheck::Differs { .. });
        self.flaws.add(Property::AsPredicted, differs);
        self.judge_ephemerals(cx, before, next, &entry);
        self.judge_trees(cx, at);
        let mut telling = Telling {
            world: self,
            cx,
            at,
            asker,
            tree,
        };
        if telling.cx.has(Mutant::AnswersBeforeNotifying) {
            telling.answer(&entry, outcome.result.clone());
            telling.notify(&outcome.events, entry.header.zxid);
        }
        outcome.tell(&entry, &mut telling);
        self.judge_watches(cx, at);
    }

    /// Before a transaction is applied, what is ahead of the write that waits for it is answered.
    pub(super) fn make_way(&mut self, cx: &mut Cx<'_>, at: usize, entry: &TxnEntry) {
        let session = (entry.header.session - 1) as usize;
        if let Some(conn) = &mut self.servers[at].conns[session]
            && conn.turns.make_way(entry.header.cxid, entry.header.zxid)
        {
            cx.note(Witness::SyncConfirmed, true);
            self.drain(cx, at, session);
        }
    }
}

/// A server that tells its clients of a transaction.
struct Telling<'a, 'b> {
    world: &'a mut World,
    cx: &'a mut Cx<'b>,
    at: usize,
    asker: Option<Asker>,
    /// The tree after it.
    tree: Tree,
}

impl Front for Telling<'_, '_> {
    fn notify(&mut self, events: &[Event], _: u64) {
        let Self { world, cx, at, .. } = self;
        for event in events {
            cx.note(Witness::WatchFired, true);
            let session = session_of(event.watcher);
            cx.note(
                Witness::NotifiedAndAnswered,
                self.asker.is_some_and(|asker| asker.session == session),
            );
            let Some(conn) = &mut world.servers[*at].conns[session] else {
                continue;
            };
            let used_up = fired(&mut conn.watches, event.kind, &event.path);
            let has_changed = |(watch, before): &(Watch, _)| known(&self.tree, *watch) != *before;
            let is_due = !used_up.is_empty() && used_up.iter().all(has_changed);
            world.flaws.add(Property::WatchFires, !is_due);
            if let Some(&((_, path), _)) = used_up.first() {
                world.tell(cx, *at, session, Told::Event(event.kind, path));
            }
        }
    }

    fn on_session(&mut self, change: SessionChange) {
        if self.at != self.world.leader.place {
            return;
        }
        let sessions = &mut self.world.leader.sessions;
        match change {
            SessionChange::Created { session, timeout_ms } => {
                if !sessions.knows(session) {
                    sessions.open(session, timeout_ms, self.world.now_ms);
                }
            }
            SessionChange::Closed { session } => sessions.remove(session),
        }
    }

    fn answer(&mut self, entry: &TxnEntry, result: TxnResult) {
        let Self {
            world, cx, at, asker, ..
        } = self;
        let session = (entry.header.session - 1) as usize;
        let Some(conn) = world.servers[*at].conns[session].as_mut() else {
            return;
        };
        if conn.phase == Phase::Connecting {
            return;
        }
        let zxid = entry.header.zxid;
        let is_moved = result == TxnResult::Error(Code::SESSION_MOVED);
        let is_own = |number: u8| {
            *asker
                == Some(Asker {
                    session,
                    conn: conn.number,
                    number,
                })
        };

        let is_waited_for = conn.writes & !conn.applied & 1 << entry.header.cxid != 0;
        let is_foreign = asker.is_some_and(|asker| asker.conn != conn.number);
        cx.note(Witness::OtherConnectionsTxn, is_foreign && is_waited_for);
        match conn.turns.written(entry.header.cxid, zxid) {
            None => {}
            Some(_) if is_moved => world.servers[*at].disconnect(session),
            Some(pending) => {
                let is_wrong = !is_own(pending.number) && world.is_live(session, *at);
                world.flaws.add(Property::OwnAnswer, is_wrong);
                world.wrote(cx, *at, session, pending, zxid);
                world.drain(cx, *at, session);
            }
        }
    }

    fn disconnect(&mut self, session: SessionId) {
        self.world.servers[self.at].disconnect((session - 1) as usize);
    }
}
