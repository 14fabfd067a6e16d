//! What does a server say to clients? It attaches them, takes their requests, and answers those whose turn has come.

use super::TIMEOUT_MS;
use super::client::{Ask, Asker, Known, Told, Watch, id, known};
use super::property::{SessionProperty as Property, SessionWitness as Witness};
use super::server::{Conn, Pending, Phase, watcher};
use super::world::{Cx, Up, World};
use crate::session_mutants::SessionMutant as Mutant;
use quorate_tree::{Code, Event, ReadReply, ReadRequest, Reader, SetWatches, WatchKind, Who};

impl World {
    pub(super) fn attach(&mut self, cx: &mut Cx<'_>, session: usize, to: usize) {
        let client = &mut self.clients[session];
        client.at = Some(to);
        client.conn += 1;
        let (number, shown) = (client.conn, client.seen);
        cx.note(
            Witness::Moved,
            number > 1 && self.servers[1 - to].conns[session].is_some(),
        );
        self.servers[to].disconnect(session);
        let conn = Conn::new(number, Phase::Connecting, shown, cx.rules());
        self.servers[to].conns[session] = Some(conn);
        if to == self.leader.place {
            let is_alive = self.admit(cx, session, to);
            let proposed = cx.histories.zxid(self.leader.proposed);
            self.welcome(cx, to, session, is_alive, proposed);
        } else {
            self.up.push_back(Up::Revalidate(session, number));
            if cx.has(Mutant::AttachesAnyone) {
                self.welcome(cx, to, session, true, 0);
            }
        }
    }

    /// The leader is told that the session is attached to `at` now: whether it lives.
    pub(super) fn admit(&mut self, cx: &mut Cx<'_>, session: usize, at: usize) -> bool {
        let is_alive = self
            .leader
            .sessions
            .attach(id(session), TIMEOUT_MS, at, self.now_ms);
        let is_over = cx.histories.ends(self.leader.proposed, id(session));
        self.flaws.add(Property::EndIsFinal, is_alive && is_over);
        if is_alive {
            self.past.owners[session] = Some(at);
            self.past.heard_ms[session] = self.now_ms;
        }
        is_alive
    }

    /// The answer to a handshake. `proposed`: the last proposal that has arrived before it.
    pub(super) fn welcome(
        &mut self,
        cx: &mut Cx<'_>,
        at: usize,
        session: usize,
        is_alive: bool,
        proposed: u64,
    ) {
        let Some(conn) = &mut self.servers[at].conns[session] else {
            return;
        };
        if conn.phase != Phase::Connecting {
            return;
        }
        if !is_alive {
            self.tell(cx, at, session, Told::Over);
            self.servers[at].disconnect(session);
            return;
        }
        conn.phase = Phase::Open;
        conn.turns.begin(proposed);
        if self.is_live(session, at)
            && let Some(lists) = self.clients[session].set_watches()
        {
            self.set_watches(cx, at, session, lists);
        }
    }

    pub(super) fn ask(&mut self, cx: &mut Cx<'_>, session: usize, at: usize, ask: Ask) {
        let leads = at == self.leader.place;
        if leads {
            self.touch(cx, session);
        }
        let counts_time = cx.setting.bounds.ticks > 0;
        let Some(conn) = &mut self.servers[at].conns[session] else {
            return;
        };
        conn.is_heard |= !leads && counts_time;
        if ask == Ask::Ping {
            return self.judge_notified(cx, at, session);
        }
        conn.asked += 1;
        let number = conn.asked;
        let pending = Pending { number, ask };
        let asker = Asker {
            session,
            conn: conn.number,
            number,
        };
        if let Some(request) = ask.write() {
            if ask == Ask::Close {
                conn.phase = Phase::Leaving;
            }
            conn.writes |= 1 << number;
            if cx.has(Mutant::AnswersBeforeApplying) && !leads {
                let zxid = cx.histories.zxid(self.servers[at].applied);
                self.reply(cx, at, session, pending, zxid, None);
            } else {
                conn.turns.write(i32::from(number), pending);
            }
            if leads {
                self.propose(cx, at, session, Some(asker), request);
            } else {
                self.up.push_back(Up::Write(asker, ask));
            }
        } else if ask == Ask::Sync {
            conn.turns.sync(pending);
            self.servers[at].syncs.push_back((session, asker.conn));
            if leads {
                self.sync(cx, at);
            } else {
                self.up.push_back(Up::Sync);
            }
        } else if conn.turns.must_wait() {
            cx.note(Witness::ReadWaited, true);
            conn.turns.read(pending);
        } else {
            self.execute(cx, at, session, pending);
        }
    }

    /// Answers what waits for nothing.
    pub(super) fn execute(&mut self, cx: &mut Cx<'_>, at: usize, session: usize, pending: Pending) {
        let zxid = cx.histories.zxid(self.servers[at].applied);
        let is_late = cx.has(Mutant::SetsWatchLate);
        let Some((request, watch)) = pending.ask.read(!is_late) else {
            return self.reply(cx, at, session, pending, zxid, None);
        };
        let (answer, shown) = self.read(cx, at, session, &request, watch);
        let is_set = answer.is_ok() || matches!(pending.ask, Ask::Exists(_));
        let watch = is_set.then_some((watch, shown));
        if is_late
            && is_set
            && let Some(conn) = &mut self.servers[at].conns[session]
        {
            conn.late = watch.map(|(watch, _)| watch);
        }
        self.reply(cx, at, session, pending, zxid, watch);
        if let Some(conn) = &mut self.servers[at].conns[session] {
            conn.watches.extend(watch);
        }
    }

    pub(super) fn read(
        &mut self,
        cx: &Cx<'_>,
        at: usize,
        session: usize,
        request: &ReadRequest,
        watch: Watch,
    ) -> (Result<(), Code>, Known) {
        let server = &mut self.servers[at];
        let tree = cx.histories.tree(server.applied);
        let number = server.conns[session].as_ref().map_or(0, |conn| conn.number);
        let mut reader = Reader {
            session: id(session),
            who: Who::NOBODY,
            watcher: watcher(session, number),
            watches: &mut server.watches,
        };
        let answer = tree.read(request, &mut reader).map(|_| ());
        (answer, known(tree, watch))
    }

    /// The first thing that a client says that attaches again.
    pub(super) fn set_watches(&mut self, cx: &mut Cx<'_>, at: usize, session: usize, mut lists: SetWatches) {
        if cx.has(Mutant::ReplaysNothing) {
            lists.relative_zxid = i64::MAX.cast_unsigned();
        }
        let server = &mut self.servers[at];
        let tree = cx.histories.tree(server.applied);
        let number = self.clients[session].conn;
        let mut reader = Reader {
            session: id(session),
            who: Who::NOBODY,
            watcher: watcher(session, number),
            watches: &mut server.watches,
        };
        let events = match tree.read(&ReadRequest::SetWatches(lists), &mut reader) {
            Ok(ReadReply::Replayed(events)) => events,
            _ => Vec::new(),
        };
        let mut told = Vec::new();
        for (&watch, &before) in &self.clients[session].watches {
            let (kind, path) = watch;
            let now = known(tree, watch);
            let is_set = server
                .watches
                .contains(kind, path, watcher(session, number), None);
            let firing = events
                .iter()
                .find(|event| &*event.path == path && is_about(event, kind));
            cx.note(Witness::WatchReplayed, firing.is_some());
            cx.note(Witness::WatchCarried, is_set);
            let is_right = is_set == (now == before) && firing.is_some() != is_set;
            self.flaws.add(Property::WatchFires, !is_right);
            match firing {
                Some(event) => told.push(Told::Event(event.kind, path)),
                None => {
                    if let Some(conn) = server.conn(session, number) {
                        conn.watches.insert(watch, now);
                    }
                }
            }
        }
        for told in told {
            self.tell(cx, at, session, told);
        }
        let zxid = cx.histories.zxid(self.servers[at].applied);
        self.judge_notified(cx, at, session);
        self.show(cx, at, session, zxid, None);
    }

    /// A reply goes out, with the watch that was set with what it shows.
    pub(super) fn reply(
        &mut self,
        cx: &mut Cx<'_>,
        at: usize,
        session: usize,
        pending: Pending,
        zxid: u64,
        watch: Option<(Watch, Known)>,
    ) {
        if !self.is_live(session, at) {
            return; // Nobody is there to whom anything was promised.
        }
        self.judge_notified(cx, at, session);
        let Some(conn) = &mut self.servers[at].conns[session] else {
            return;
        };
        self.flaws
            .add(Property::InOrder, pending.number != conn.answered + 1);
        conn.answered = pending.number;
        let earlier = (1 << pending.number) - 1;
        let is_read = pending.ask.read(false).is_some();
        let is_wrong = conn.writes & earlier != conn.applied;
        self.flaws.add(Property::OwnWritesSeen, is_read && is_wrong);
        self.show(cx, at, session, zxid, watch);
    }

    /// A header with this zxid goes out.
    pub(super) fn show(
        &mut self,
        cx: &Cx<'_>,
        at: usize,
        session: usize,
        zxid: u64,
        watch: Option<(Watch, Known)>,
    ) {
        if let Some(conn) = &mut self.servers[at].conns[session] {
            self.flaws.add(Property::NeverBack, zxid < conn.shown);
            conn.shown = zxid;
        }
        self.tell(cx, at, session, Told::Reply(zxid, watch));
    }

    /// A frame goes out; it reaches the client only on the connection that it has.
    pub(super) fn tell(&mut self, cx: &Cx<'_>, at: usize, session: usize, told: Told) {
        if !self.is_live(session, at) {
            return;
        }
        let bounds = &cx.setting.bounds;
        let client = &mut self.clients[session];
        if bounds.breaks > 0 || bounds.changes > 0 {
            client.inbox.push(told);
        } else {
            client.take_in(told);
        }
    }

    /// Answers what has its turn.
    pub(super) fn drain(&mut self, cx: &mut Cx<'_>, at: usize, session: usize) {
        while let Some(conn) = &mut self.servers[at].conns[session]
            && let Some(pending) = conn.turns.take()
        {
            self.execute(cx, at, session, pending);
        }
    }

    /// A write is answered. Behind the end of its session there is nothing.
    pub(super) fn wrote(&mut self, cx: &mut Cx<'_>, at: usize, session: usize, pending: Pending, zxid: u64) {
        self.reply(cx, at, session, pending, zxid, None);
        if pending.ask == Ask::Close {
            self.tell(cx, at, session, Told::Over);
            self.servers[at].disconnect(session);
        }
    }

    /// The oldest sync of the server's clients is done.
    pub(super) fn synced(&mut self, cx: &mut Cx<'_>, at: usize) {
        let server = &mut self.servers[at];
        if let Some((session, number)) = server.syncs.pop_front()
            && let Some(conn) = server.conn(session, number)
        {
            conn.turns.synced();
            self.drain(cx, at, session);
        }
    }
}

/// Whether the event can be that of a watch of this kind.
fn is_about(event: &Event, kind: WatchKind) -> bool {
    use quorate_tree::EventKind::{NodeChildrenChanged, NodeCreated, NodeDataChanged, NodeDeleted};
    match event.kind {
        NodeCreated | NodeDataChanged => kind == WatchKind::Data,
        NodeChildrenChanged => kind == WatchKind::Child,
        NodeDeleted => true,
    }
}
