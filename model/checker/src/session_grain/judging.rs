//! Does what a step led to keep the promises? What is judged where it happens is judged there; here is the rest.

use super::client::known;
use super::history::History;
use super::property::{SessionProperty as Property, SessionWitness as Witness};
use super::world::{Cx, World};
use quorate_tree::{SessionId, Txn, TxnEntry};

impl World {
    /// What was read and is still watched is as it was, wherever a reply goes out.
    pub(super) fn judge_notified(&mut self, cx: &Cx<'_>, at: usize, session: usize) {
        let is_stale = self.is_stale(cx, at, session);
        self.flaws.add(Property::NotifiedFirst, is_stale);
    }

    /// The same, once a transaction has been applied and told.
    pub(super) fn judge_watches(&mut self, cx: &Cx<'_>, at: usize) {
        let is_stale = (0..self.clients.len()).any(|session| self.is_stale(cx, at, session));
        self.flaws.add(Property::WatchFires, is_stale);
    }

    pub(super) fn is_stale(&self, cx: &Cx<'_>, at: usize, session: usize) -> bool {
        let server = &self.servers[at];
        let tree = cx.histories.tree(server.applied);
        server.conns[session].as_ref().is_some_and(|conn| {
            let mut watches = conn.watches.iter();
            watches.any(|(&watch, &before)| known(tree, watch) != before)
        })
    }

    pub(super) fn judge_ephemerals(
        &mut self,
        cx: &Cx<'_>,
        before: History,
        after: History,
        entry: &TxnEntry,
    ) {
        let (before, after) = (cx.histories.tree(before), cx.histories.tree(after));
        let is_orphan = after
            .ephemeral_owners()
            .any(|(session, _)| after.session_timeout_ms(session).is_none());
        let has_vanished = before.ephemeral_owners().any(|(session, _)| {
            let mut paths = before.ephemerals(session);
            paths.any(|path| after.stat(&path).is_none() && !takes_away(entry, session, &path))
        });
        self.flaws.add(Property::EphemeralsEnd, is_orphan || has_vanished);
    }

    pub(super) fn judge_trees(&mut self, cx: &Cx<'_>, at: usize) {
        let is_committed = cx
            .histories
            .begins_with(self.leader.committed, self.servers[at].applied);
        self.flaws.add(Property::TreesAreCommitted, !is_committed);
    }

    /// `txn`: what became of a request that needs a session that is here.
    pub(super) fn judge_write(
        &mut self,
        cx: &Cx<'_>,
        origin: usize,
        session: usize,
        txn: Option<&Txn>,
        was_over: bool,
    ) {
        let Some(txn) = txn else { return };
        let is_refused = matches!(txn, Txn::Error { .. });
        cx.note(Witness::RefusedBehindEnd, was_over && is_refused);
        self.flaws.add(Property::EndIsFinal, was_over && !is_refused);
        let owner = *self.past.owners[session].get_or_insert(origin);
        cx.note(Witness::RefusedAsMoved, owner != origin && is_refused);
        self.flaws
            .add(Property::MovedIsRefused, owner != origin && !is_refused);
    }

    /// `name`: that of a sequential znode without its number.
    pub(super) fn judge_sequence(&mut self, cx: &Cx<'_>, name: Option<String>, txn: &Txn) {
        let (Some(name), Txn::Create { create, .. }) = (name, txn) else {
            return;
        };
        for logged in cx.histories.back(self.leader.proposed) {
            if let Txn::Create { create: earlier, .. } = &logged.entry.txn
                && earlier.path.starts_with(&name)
            {
                cx.note(Witness::SequenceContinued, true);
                let rises = earlier.path < create.path;
                self.flaws.add(Property::SequencesRise, !rises);
            }
        }
    }

    pub(super) fn judge_deadlines(&mut self, cx: &Cx<'_>) {
        let leader = &self.leader;
        let tree = cx.histories.tree(self.servers[leader.place].applied);
        let will_end = |session: SessionId| {
            let mut deadlines = leader.sessions.deadlines();
            deadlines.any(|(_, sessions)| sessions.contains(&session))
                || cx.histories.ends(leader.proposed, session)
        };
        let is_immortal = tree.sessions().any(|(session, _)| !will_end(session));
        self.flaws.add(Property::AllWillEnd, is_immortal);
    }
}

/// Whether the transaction deletes the session's ephemeral.
fn takes_away(entry: &TxnEntry, session: SessionId, path: &str) -> bool {
    match &entry.txn {
        Txn::CloseSession { .. } => entry.header.session == session,
        Txn::Delete { path: deleted } => deleted == path,
        _ => false,
    }
}
