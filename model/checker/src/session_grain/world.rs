//! What can happen next? Two servers, clients and their connections, and every way on from there.
//!
//! The functions that decide are the server's own. What is told here is the world around them: in which order
//! messages and transactions arrive, which connections break, what time does.

use super::client::{Ask, Asker, Client};
use super::history::{Histories, History};
use super::property::{Flaws, Met, SessionWitness as Witness};
use super::server::{Phase, Server, watcher};
use super::{SERVERS, SessionBounds, TICK_MS, TIMEOUT_MS};
use crate::session_mutants::{SessionMutant as Mutant, Wrong};
use quorate_tree::{Outstanding, SessionRules, SessionTable, WriteRequest};
use std::collections::VecDeque;

/// A state of the grain.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(super) struct World {
    pub(super) servers: [Server; SERVERS],
    pub(super) leader: Leader,
    /// From the follower to the leader.
    pub(super) up: VecDeque<Up>,
    /// From the leader to the follower.
    pub(super) down: VecDeque<Down>,
    pub(super) clients: Vec<Client>,
    pub(super) now_ms: u64,
    pub(super) left: Budgets,
    pub(super) past: Past,
    pub(super) flaws: Flaws,
    /// Makes the hash another; always the same in a run.
    pub(super) salt: u64,
}

/// What may still happen.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(super) struct Budgets {
    pub(super) breaks: u8,
    pub(super) ticks: u8,
    pub(super) changes: u8,
}

/// What the server that orders writes holds besides.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(super) struct Leader {
    pub(super) place: usize,
    pub(super) epoch: u64,
    /// What was proposed.
    pub(super) proposed: History,
    /// What of it is committed.
    pub(super) committed: History,
    pub(super) sessions: SessionTable<usize, Wrong>,
    pub(super) outstanding: Outstanding,
    /// Syncs that are not confirmed yet: where each came from, and what was proposed before it.
    pub(super) syncing: VecDeque<(usize, u64)>,
}

/// What happened that no server need remember.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(super) struct Past {
    /// Through which server each session was attached last, since this leader leads.
    pub(super) owners: Vec<Option<usize>>,
    /// When the leader heard of each session last.
    pub(super) heard_ms: Vec<u64>,
}

/// A packet of the follower.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(super) enum Up {
    Write(Asker, Ask),
    Sync,
    Revalidate(usize, u8),
    /// The answer to a PING: the sessions heard from, bit by session.
    Touched(u8),
}

/// A packet of the leader. PROPOSALs are not among them: those that were sent before have arrived.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(super) enum Down {
    Commit,
    Revalidated {
        session: usize,
        conn: u8,
        is_alive: bool,
        /// The last proposal sent before it.
        proposed: u64,
    },
    Synced,
}

/// What may happen.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(super) enum Action {
    /// A request arrives at a server.
    Ask { session: usize, at: usize, ask: Ask },
    /// A client loses its connection, of whose frames it has received so many.
    Break { session: usize, received: usize },
    /// It attaches to a server.
    Attach { session: usize, to: usize },
    /// A server notices that a client has left.
    Gone { session: usize, at: usize },
    /// The leader commits the next transaction and applies it.
    Commit,
    /// The leader takes the next packet of the follower.
    Up,
    /// The follower takes the next packet of the leader.
    Down,
    /// The follower answers a PING.
    Pong,
    /// The leader confirms the oldest sync of a server.
    Confirm { of: usize },
    /// Time goes on.
    Tick,
    /// The leader looks for sessions whose time is up.
    Expire,
    /// That server leads from now on, with so many of the transactions that were proposed and not committed.
    Change { to: usize, kept: u32 },
    /// The follower loses its leader and comes back to it.
    Rejoin,
    /// A mutant's: the watch of what was read is set.
    SetLate { session: usize, at: usize },
}

/// What stays the same in a run, and what is noted about it.
#[derive(Debug)]
pub(super) struct Setting {
    pub(super) bounds: SessionBounds,
    pub(super) mutant: Option<Mutant>,
    pub(super) salt: u64,
    pub(super) met: Met,
}

/// A step's surroundings.
pub(super) struct Cx<'a> {
    pub(super) setting: &'a Setting,
    pub(super) histories: &'a mut Histories,
}

impl Cx<'_> {
    pub(super) fn has(&self, mutant: Mutant) -> bool {
        self.setting.mutant == Some(mutant)
    }

    pub(super) fn rules(&self) -> Wrong {
        Wrong(self.setting.mutant)
    }

    pub(super) fn note(&self, witness: Witness, is_met: bool) {
        if is_met {
            self.setting.met.note(witness);
        }
    }
}

impl World {
    /// Sessions exist, and each is attached where its seat says.
    pub(super) fn first(cx: &mut Cx<'_>) -> Self {
        let bounds = cx.setting.bounds;
        let sessions = bounds.seats.len();
        let mut world = Self {
            servers: std::array::from_fn(|_| Server::new(History::NONE, sessions)),
            leader: Leader {
                place: 0,
                epoch: 1,
                proposed: History::NONE,
                committed: History::NONE,
                sessions: SessionTable::with_rules(TICK_MS, cx.rules()),
                outstanding: Outstanding::new(),
                syncing: VecDeque::new(),
            },
            up: VecDeque::new(),
            down: VecDeque::new(),
            clients: bounds
                .seats
                .iter()
                .map(|seat| Client {
                    at: None,
                    conn: 0,
                    seen: 0,
                    watches: Default::default(),
                    inbox: Vec::new(),
                    is_cut: false,
                    asks: seat.asks,
                    is_over: false,
                })
                .collect(),
            now_ms: 0,
            left: Budgets {
                breaks: bounds.breaks,
                ticks: bounds.ticks,
                changes: bounds.changes,
            },
            past: Past {
                owners: vec![None; sessions],
                heard_ms: vec![0; sessions],
            },
            flaws: Flaws::default(),
            salt: cx.setting.salt,
        };
        for session in 0..sessions {
            let timeout_ms = TIMEOUT_MS;
            world.propose(cx, 0, session, None, WriteRequest::CreateSession { timeout_ms });
            world.settle(cx);
        }
        for &path in bounds.znodes {
            if let Some(create) = Ask::Create(0, path).write() {
                world.propose(cx, 0, 0, None, create);
                world.settle(cx);
            }
        }
        for (session, seat) in bounds.seats.iter().enumerate() {
            world.attach(cx, session, seat.at);
            world.settle(cx);
        }
        world
    }

    /// Everything on its way arrives.
    fn settle(&mut self, cx: &mut Cx<'_>) {
        while !self.up.is_empty() {
            self.take_up(cx);
        }
        if self.leader.committed != self.leader.proposed {
            self.commit(cx);
        }
        while !self.down.is_empty() {
            self.take_down(cx);
        }
    }

    /// All that may happen.
    pub(super) fn actions(&self, cx: &mut Cx<'_>, actions: &mut Vec<Action>) {
        for (session, client) in self.clients.iter().enumerate() {
            for at in 0..SERVERS {
                self.actions_at(cx, session, at, actions);
            }
            match client.at {
                Some(at) => {
                    // What a server has said before it closed a connection arrives, or that counts as a break.
                    let all = client.inbox.len();
                    if self.left.breaks > 0 || client.is_cut {
                        actions.extend((0..all).map(|received| Action::Break { session, received }));
                    }
                    if self.left.breaks > 0 || !self.is_live(session, at) {
                        actions.push(Action::Break {
                            session,
                            received: all,
                        });
                    }
                }
                None if client.is_over => {}
                None => {
                    for to in 0..SERVERS {
                        if cx.rules().may_attach(client.seen, self.here(cx, to)) {
                            actions.push(Action::Attach { session, to });
                        } else {
                            cx.note(Witness::ServerTooOld, true);
                        }
                    }
                }
            }
        }
        if self.leader.committed != self.leader.proposed {
            actions.push(Action::Commit);
        }
        if !self.up.is_empty() {
            actions.push(Action::Up);
        }
        if !self.down.is_empty() {
            actions.push(Action::Down);
        }
        if self.heard() != 0 {
            actions.push(Action::Pong);
        }
        let committed = cx.histories.zxid(self.leader.committed);
        for of in 0..SERVERS {
            let oldest = self.leader.syncing.iter().find(|(from, _)| *from == of);
            if oldest.is_some_and(|&(_, proposed)| proposed <= committed) {
                actions.push(Action::Confirm { of });
            }
        }
        if self.left.ticks > 0 {
            actions.push(Action::Tick);
        }
        if !self.leader.sessions.clone().expired(self.now_ms).is_empty() {
            actions.push(Action::Expire);
        }
        if self.left.changes > 0 {
            actions.push(Action::Rejoin);
            let tail = cx.histories.behind(self.leader.proposed, self.leader.committed);
            for to in 0..SERVERS {
                actions.extend((0..=tail).map(|kept| Action::Change { to, kept }));
            }
        }
    }

    fn actions_at(&self, cx: &Cx<'_>, session: usize, at: usize, actions: &mut Vec<Action>) {
        let Some(conn) = &self.servers[at].conns[session] else {
            return;
        };
        if conn.phase == Phase::Open && self.clients[session].asks > 0 {
            // Whoever has asked for the end does not attach again, so it is the last connection that brings this.
            let is_last = conn.number == self.clients[session].conn;
            let menu = cx.setting.bounds.seats[session].menu.iter();
            let may_come = menu.filter(|&&ask| is_last || ask != Ask::Close);
            actions.extend(may_come.map(|&ask| Action::Ask { session, at, ask }));
        }
        if !self.is_live(session, at) {
            actions.push(Action::Gone { session, at });
        }
        if conn.late.is_some() {
            actions.push(Action::SetLate { session, at });
        }
    }

    /// Whether the session's connection to the server is the one that its client has.
    pub(super) fn is_live(&self, session: usize, at: usize) -> bool {
        let client = &self.clients[session];
        let conn = &self.servers[at].conns[session];
        client.at == Some(at) && conn.as_ref().is_some_and(|conn| conn.number == client.conn)
    }

    /// What a client may have seen that attaches to the server.
    fn here(&self, cx: &Cx<'_>, at: usize) -> u64 {
        cx.histories
            .zxid(self.servers[at].applied)
            .max(self.leader.epoch << 32)
    }

    /// The sessions that the follower will report as heard from.
    fn heard(&self) -> u8 {
        let follower = &self.servers[1 - self.leader.place];
        let conns = follower.conns.iter().enumerate();
        conns
            .filter(|(_, conn)| conn.as_ref().is_some_and(|conn| conn.is_heard))
            .fold(0, |heard, (session, _)| heard | 1 << session)
    }

    /// Lets it happen.
    pub(super) fn step(&mut self, cx: &mut Cx<'_>, action: Action) {
        match action {
            Action::Ask { session, at, ask } => {
                let client = &mut self.clients[session];
                client.asks -= 1;
                client.is_over |= ask == Ask::Close;
                self.ask(cx, session, at, ask);
            }
            Action::Break { session, received } => {
                let is_live = self.clients[session]
                    .at
                    .is_some_and(|at| self.is_live(session, at));
                let client = &mut self.clients[session];
                let is_lossy = received < client.inbox.len() && !client.is_cut;
                self.left.breaks -= u8::from(is_live || is_lossy);
                client.at = None;
                client.is_cut = false;
                client.receive(received);
            }
            Action::Attach { session, to } => self.attach(cx, session, to),
            Action::Gone { session, at } => {
                self.servers[at].disconnect(session);
                if cx.has(Mutant::EndsWithConnection) && at == self.leader.place {
                    self.propose(cx, at, session, None, WriteRequest::CloseSession);
                }
            }
            Action::Commit => self.commit(cx),
            Action::Up => self.take_up(cx),
            Action::Down => self.take_down(cx),
            Action::Pong => {
                self.up.push_back(Up::Touched(self.heard()));
                let follower = &mut self.servers[1 - self.leader.place];
                for conn in follower.conns.iter_mut().flatten() {
                    conn.is_heard = false;
                }
            }
            Action::Confirm { of } => {
                let syncing = &mut self.leader.syncing;
                if let Some(at) = syncing.iter().position(|(from, _)| *from == of) {
                    syncing.remove(at);
                }
                if of == self.leader.place {
                    self.synced(cx, of);
                } else {
                    self.down.push_back(Down::Synced);
                }
            }
            Action::Tick => {
                self.left.ticks -= 1;
                self.now_ms += TICK_MS;
            }
            Action::Expire => {
                for id in self.leader.sessions.expired(self.now_ms) {
                    cx.note(Witness::Expired, true);
                    let session = (id - 1) as usize;
                    self.propose(cx, self.leader.place, session, None, WriteRequest::CloseSession);
                }
            }
            Action::Change { to, kept } => self.change(cx, to, kept),
            Action::Rejoin => self.rejoin(cx),
            Action::SetLate { session, at } => {
                let server = &mut self.servers[at];
                if let Some(conn) = &mut server.conns[session]
                    && let Some((kind, path)) = conn.late.take()
                {
                    server.watches.add(kind, path, watcher(session, conn.number));
                }
            }
        }
        self.judge_deadlines(cx);
    }
}
