//! What do the two servers do with each other? One makes transactions of writes and keeps the sessions' time, the
//! other asks and follows, until roles change.

use super::client::{Asker, id};
use super::history::Logged;
use super::property::{SessionProperty as Property, SessionWitness as Witness};
use super::world::{Cx, Down, Up, World};
use super::{SERVERS, TIMEOUT_MS};
use crate::session_mutants::SessionMutant as Mutant;
use quorate_tree::{Context, Outstanding, Tree, Txn, WatchTable, Who, WriteRequest, WriteRules, prepare};

impl World {
    pub(super) fn touch(&mut self, cx: &Cx<'_>, session: usize) {
        let is_alive = self.leader.sessions.touch(id(session), TIMEOUT_MS, self.now_ms);
        cx.note(Witness::TouchedTooLate, !is_alive);
        if is_alive {
            self.past.heard_ms[session] = self.now_ms;
        }
    }

    pub(super) fn sync(&mut self, cx: &Cx<'_>, of: usize) {
        let proposed = cx.histories.zxid(self.leader.proposed);
        self.leader.syncing.push_back((of, proposed));
    }

    /// A write becomes a transaction, or an error with a zxid.
    pub(super) fn propose(
        &mut self,
        cx: &mut Cx<'_>,
        origin: usize,
        session: usize,
        asker: Option<Asker>,
        request: WriteRequest,
    ) {
        let name = sequential(&request);
        let request = if cx.has(Mutant::NumbersByChildren) {
            numbered_by_children(
                request,
                cx.histories.tree(self.servers[self.leader.place].applied),
            )
        } else {
            request
        };
        let leader = &mut self.leader;
        let is_end = matches!(request, WriteRequest::CloseSession);
        let is_write = !is_end && !matches!(request, WriteRequest::CreateSession { .. });
        let silent_since = self.past.heard_ms[session];
        let is_silent = self.now_ms >= silent_since + TIMEOUT_MS.unsigned_abs() as u64;
        self.flaws
            .add(Property::EndsInTime, is_end && asker.is_none() && !is_silent);
        let was_over = cx.histories.ends(leader.proposed, id(session));

        let moved = leader.sessions.admit(id(session), &request, origin, self.now_ms);
        let last = cx.histories.zxid(leader.proposed);
        let zxid = if last >> 32 == leader.epoch {
            last + 1
        } else {
            leader.epoch << 32 | 1
        };
        let context = Context {
            session: id(session),
            who: Who::NOBODY,
            cxid: asker.map_or(0, |asker| i32::from(asker.number)),
            zxid,
            time_ms: 0,
            moved,
            local: false,
            with_digest: true,
            rules: WriteRules::default(),
        };
        let applied = self.servers[leader.place].applied;
        cx.note(Witness::Overlapping, applied != leader.proposed);
        let tree = cx.histories.tree(applied);
        let entry = if cx.has(Mutant::PreparesOnTreeAlone) {
            prepare(request, &context, tree, &mut Outstanding::new())
        } else {
            prepare(request, &context, tree, &mut leader.outstanding)
        };
        if let Txn::CloseSession { paths: Some(paths) } = &entry.txn {
            cx.note(Witness::EphemeralGone, !paths.is_empty());
            let is_overtaken = paths.iter().any(|path| tree.stat(path).is_none());
            cx.note(Witness::EphemeralOvertaken, is_overtaken);
        }
        self.judge_write(cx, origin, session, is_write.then_some(&entry.txn), was_over);
        self.judge_sequence(cx, name, &entry.txn);
        let logged = Logged { entry, asker };
        self.leader.proposed = cx.histories.then(self.leader.proposed, logged);
        if cx.has(Mutant::AppliesProposals) && asker.is_some() {
            self.deliver(cx, self.leader.place);
        }
    }

    pub(super) fn commit(&mut self, cx: &mut Cx<'_>) {
        let leader = &mut self.leader;
        if let Some(next) = cx.histories.next(leader.committed, leader.proposed) {
            leader.committed = next;
        }
        self.down.push_back(Down::Commit);
        let (place, committed) = (self.leader.place, self.leader.committed);
        if !cx.histories.begins_with(self.servers[place].applied, committed) {
            self.deliver(cx, place);
        }
    }

    pub(super) fn take_up(&mut self, cx: &mut Cx<'_>) {
        let follower = 1 - self.leader.place;
        match self.up.pop_front() {
            Some(Up::Write(asker, ask)) => {
                if let Some(request) = ask.write() {
                    self.propose(cx, follower, asker.session, Some(asker), request);
                }
            }
            Some(Up::Sync) => self.sync(cx, follower),
            Some(Up::Revalidate(session, conn)) => {
                let is_alive = self.admit(cx, session, follower);
                if is_alive {
                    // The client has left this server for that one.
                    self.servers[self.leader.place].disconnect(session);
                }
                self.down.push_back(Down::Revalidated {
                    session,
                    conn,
                    is_alive,
                    proposed: cx.histories.zxid(self.leader.proposed),
                });
            }
            Some(Up::Touched(sessions)) => {
                for session in 0..self.clients.len() {
                    if sessions & 1 << session == 0 {
                        continue;
                    }
                    if cx.has(Mutant::IgnoresTouches) {
                        self.past.heard_ms[session] = self.now_ms;
                    } else {
                        self.touch(cx, session);
                    }
                }
            }
            None => {}
        }
    }

    pub(super) fn change(&mut self, cx: &mut Cx<'_>, to: usize, kept: u32) {
        self.left.changes -= 1;
        cx.note(Witness::LeaderChanged, true);
        let tail = cx.histories.behind(self.leader.proposed, self.leader.committed);
        cx.note(Witness::TailDropped, kept < tail);
        let history = cx.histories.without(self.leader.proposed, tail - kept);
        for at in 0..SERVERS {
            self.retire(at);
        }
        self.leader.place = to;
        self.leader.epoch += 1;
        self.leader.proposed = history;
        self.leader.committed = history;
        self.leader.outstanding = Outstanding::new();
        self.leader.syncing.clear();
        for at in 0..SERVERS {
            while cx.histories.next(self.servers[at].applied, history).is_some() {
                self.deliver(cx, at);
            }
            self.judge_trees(cx, at);
        }
        let tree = cx.histories.tree(self.servers[to].applied);
        self.leader.sessions.begin(tree, self.now_ms);
        if cx.has(Mutant::ForgetsSessions) {
            self.leader.sessions.clear();
        }
        self.past.owners.fill(None);
        self.past.heard_ms.fill(self.now_ms);
    }

    /// The follower comes back: what was on the way between the two is lost, and it serves what is committed.
    pub(super) fn rejoin(&mut self, cx: &mut Cx<'_>) {
        self.left.changes -= 1;
        let follower = 1 - self.leader.place;
        self.retire(follower);
        self.leader.syncing.retain(|&(from, _)| from != follower);
        self.catch_up(cx, follower);
    }

    /// The server's role ends: its clients lose their connections, and what waits is dropped.
    pub(super) fn retire(&mut self, at: usize) {
        let server = &mut self.servers[at];
        server.conns.fill(None);
        server.syncs.clear();
        server.watches = WatchTable::new();
        for client in &mut self.clients {
            client.is_cut |= client.at == Some(at);
        }
        self.up.clear();
        self.down.clear();
    }

    pub(super) fn catch_up(&mut self, cx: &mut Cx<'_>, at: usize) {
        while cx
            .histories
            .next(self.servers[at].applied, self.leader.committed)
            .is_some()
        {
            self.deliver(cx, at);
        }
    }

    pub(super) fn take_down(&mut self, cx: &mut Cx<'_>) {
        let follower = 1 - self.leader.place;
        match self.down.pop_front() {
            Some(Down::Commit) => self.deliver(cx, follower),
            Some(Down::Revalidated {
                session,
                conn,
                is_alive,
                proposed,
            }) if self.servers[follower].conn(session, conn).is_some() => {
                self.welcome(cx, follower, session, is_alive, proposed);
            }
            // The connection that waited for it is gone.
            Some(Down::Revalidated { .. }) => {}
            Some(Down::Synced) => self.synced(cx, follower),
            None => {}
        }
    }
}

/// The path that a sequential create asks for.
fn sequential(request: &WriteRequest) -> Option<String> {
    match request {
        WriteRequest::Create {
            path, flags: 2..=3, ..
        } => Some(path.clone()),
        _ => None,
    }
}

/// The mutant's way to number sequential znodes.
fn numbered_by_children(request: WriteRequest, tree: &Tree) -> WriteRequest {
    match request {
        WriteRequest::Create {
            path,
            data,
            acl,
            flags: flags @ 2..=3,
            operation,
        } => {
            let (parent, _) = path.rsplit_once('/').unwrap_or_default();
            let children = tree.stat(parent).map_or(0, |stat| stat.num_children);
            WriteRequest::Create {
                path: format!("{path}{children:010}"),
                data,
                acl,
                flags: flags & 1,
                operation,
            }
        }
        other => other,
    }
}
