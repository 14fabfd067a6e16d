//! What does a step do to a world?

use super::notes::{Burst, Stepped};
use super::{Action, Agreement, World, id, index, is_newborn_looker};
use crate::ghost::{Ghost, Scene};
use crate::intern::Cell;
use crate::link::{End, Link};
use crate::node::{Event, Frame, Happening, Node, Out};
use crate::witness::Witness;
use quorate_zab::{Conn, Input, Rules, Server, ServerId, Standing, Zxid};
use smallvec::SmallVec;

impl<R: Rules> Agreement<R> {
    /// That the next frame arrives at this end, if there is one.
    pub(super) fn arrival(&self, link: Cell<Link>, end: End) -> Option<Cell<Happening>> {
        let conn = link.conn(end)?;
        let frame = link.get().incoming(end).front()?;
        let arrival = link.notes().arrivals[end as usize].get_or_init(|| {
            let frame = frame.clone();
            self.happenings.intern(Happening::Frame { conn, frame })
        });
        Some(*arrival)
    }

    /// That this end, which is open, learns of the connection's end.
    pub(super) fn parting(&self, link: Cell<Link>, end: End) -> Cell<Happening> {
        *link.notes().partings[end as usize].get_or_init(|| {
            let conn = link.conn(end).expect("the end is open");
            self.happenings.intern(Happening::Input(Input::Closed { conn }))
        })
    }

    /// The link without the next frame that arrives at this end.
    pub(super) fn received(&self, link: Cell<Link>, end: End) -> Cell<Link> {
        *link.notes().received[end as usize].get_or_init(|| {
            let mut taken = link.get().clone();
            taken.receive(end);
            self.links.intern(taken)
        })
    }

    pub(super) fn act(&self, next: &mut World, action: Action) {
        match action {
            Action::Lead(i) => {
                next.left.elections -= 1;
                self.happen(next, i, self.usual.lead);
                if next.nodes.iter().any(|node| is_newborn_looker(node)) {
                    let mut node = next.nodes[i].get().clone();
                    node.unheard = true;
                    next.nodes[i] = self.nodes.intern(node);
                }
            }
            Action::Join { learner, leader } => self.join(next, learner, leader),
            Action::Deliver(at, end) => {
                let link = next.links[at];
                let arrival = self.arrival(link, end).expect("a frame is on the way");
                next.links[at] = self.received(link, end);
                if matches!(
                    arrival.get(),
                    Happening::Frame {
                        frame: Frame::Snapshot(_) | Frame::SnapshotOf(..),
                        ..
                    }
                ) {
                    self.witnessed.note(Witness::SnapshotInstalled);
                }
                self.happen(next, index(link.server(end)), arrival);
            }
            Action::Break(at, end) => {
                let link = next.links[at];
                let parting = self.parting(link, end);
                if link.conn(Link::other(end)).is_some() {
                    next.left.breaks -= 1;
                }
                put_link(next, at, self.closed(link, end));
                self.happen(next, index(link.server(end)), parting);
            }
            Action::LogDone(i) => self.happen(next, i, self.usual.log_done),
            Action::EpochDone(i) => self.happen(next, i, self.usual.epoch_done),
            Action::Crash(i, log_ops, epoch_ops) => {
                next.left.crashes -= 1;
                self.crash(next, i, log_ops, epoch_ops);
            }
            Action::GiveUp(i) => {
                match next.nodes[i].server().map(Server::standing) {
                    Some(Standing::Following { conn: None, .. }) => next.left.give_ups -= 1,
                    Some(Standing::Following { .. }) => next.left.breaks -= 1,
                    _ => {}
                }
                self.happen(next, i, self.usual.limit);
            }
            Action::CheckQuorum(i) => self.happen(next, i, self.usual.quorum),
            Action::Propose(i) => {
                let zxid = next.nodes[i]
                    .server()
                    .and_then(|server| server.next_zxid(&self.rules))
                    .unwrap_or(Zxid::ZERO);
                let payload = u64::from(self.bounds.txns - next.left.txns) + 1;
                next.left.txns -= 1;
                self.input(next, i, Input::Propose { zxid, payload });
                if next.nodes[i].server().is_some_and(Server::is_looking) {
                    self.witnessed.note(Witness::CounterUsedUp);
                }
            }
            Action::Ping(i) => {
                next.left.pings -= 1;
                self.happen(next, i, self.usual.pings);
            }
            Action::Sync(i) => {
                next.left.syncs -= 1;
                self.sync(next, i);
            }
            Action::Purge(i) => {
                next.left.purges -= 1;
                let floor = next.nodes[i].tree.zxid;
                self.input(next, i, Input::Purged { floor });
            }
            Action::DiskFails(i, log_ops, epoch_ops) => {
                next.left.disk_errors -= 1;
                self.witnessed.note(Witness::DiskFailed);
                if !self.rules.outlives_disk() {
                    self.cut_off(next, i);
                }
                let (log_ops, epoch_ops) = (log_ops.into(), epoch_ops.into());
                let failing = Happening::DiskFails { log_ops, epoch_ops };
                self.happen(next, i, self.happenings.intern(failing));
            }
            Action::Wipe(i) => {
                next.left.wipes -= 1;
                self.cut_off(next, i);
                let autocreate = self.bounds.autocreate;
                let wiping = Happening::Wipe { autocreate };
                self.happen(next, i, self.happenings.intern(wiping));
            }
            Action::HearHistory(i) => self.input(next, i, Input::HistoryHeard),
            Action::Reconfigure(i, payload) => {
                let zxid = next.nodes[i]
                    .server()
                    .and_then(|server| server.next_zxid(&self.rules))
                    .unwrap_or(Zxid::ZERO);
                next.left.reconfigs -= 1;
                self.input(next, i, Input::Propose { zxid, payload });
            }
            Action::Hear { looker, of } => {
                if let Some(txn) = next.nodes[of].in_force() {
                    self.happen(next, looker, self.happenings.intern(Happening::Hear(txn)));
                }
            }
            Action::HearVote { .. } | Action::LoseVote { .. } | Action::Settle(_) => self.vote(next, action),
        }
    }

    pub(super) fn input(&self, world: &mut World, i: usize, input: Input<u64>) {
        self.happen(world, i, self.happenings.intern(Happening::Input(input)));
    }

    /// Lets something happen to a node, and carries out what comes of it.
    pub(super) fn happen(&self, world: &mut World, i: usize, happening: Cell<Happening>) {
        let before = world.nodes[i];
        debug_assert_eq!(
            before.permits(&self.rules, happening.get()),
            Ok(()),
            "the checker does only what the world permits"
        );
        let stepped = self.stepped(before, happening);
        world.nodes[i] = stepped.node;
        self.record(world, i, &stepped.events);
        for &(conn, burst) in &stepped.traffic {
            self.carry(world, id(i), conn, burst);
        }
        self.tell_election(world, i, &before, happening.get(), &stepped.events);
    }

    pub(super) fn stepped(&self, before: Cell<Node>, happening: Cell<Happening>) -> &'static Stepped {
        let steps = &before.notes().steps;
        steps.get(happening.content_hash(), happening, |&happening| {
            let mut node = before.get().clone();
            let mut out = Vec::new();
            node.step(
                &self.configuration,
                &self.rules,
                happening.get().clone(),
                &mut out,
            );
            Box::leak(Box::new(self.sorted(node, out)))
        })
    }

    /// What came of a step, by connection. Events speak of nodes, so how they lie between frames does not matter.
    pub(super) fn sorted(&self, node: Node, out: Vec<Out>) -> Stepped {
        let mut events = Vec::new();
        let mut traffic: Vec<(Conn, Burst)> = Vec::new();
        for out in out {
            let (conn, frame) = match out {
                Out::Event(event) => {
                    events.push(event);
                    continue;
                }
                Out::Connect { .. } => continue,
                Out::Frame { conn, frame } => (conn, Some(frame)),
                Out::Close { conn } => (conn, None),
            };
            let at = traffic.iter().position(|(known, _)| *known == conn);
            let at = at.unwrap_or_else(|| {
                traffic.push((conn, Burst::default()));
                traffic.len() - 1
            });
            let burst = &mut traffic[at].1;
            assert!(!burst.closes, "nothing is sent on a connection that was closed");
            match frame {
                Some(frame) => burst.frames.push(frame),
                None => burst.closes = true,
            }
        }
        Stepped {
            node: self.nodes.intern(node),
            events,
            traffic: traffic
                .into_iter()
                .map(|(conn, burst)| (conn, self.bursts.intern(burst)))
                .collect(),
        }
    }

    pub(super) fn record(&self, world: &mut World, i: usize, events: &[Event]) {
        if events.is_empty() {
            return;
        }
        let nodes: SmallVec<[Option<&Node>; 5]> = world.nodes.iter().map(|node| Some(node.get())).collect();
        let scene = Scene {
            at: i,
            nodes: &nodes,
            configuration: &self.configuration,
            leader: None,
        };
        let mut changed: Option<Ghost> = None;
        for event in events {
            self.notes_elected_commit(world, event);
            let ghost = changed.as_ref().unwrap_or(world.ghost.get());
            let after = ghost.after(scene, event, &mut |witness| self.witnessed.note(witness));
            changed = after.or(changed);
        }
        if let Some(ghost) = changed {
            world.ghost = self.ghosts.intern(ghost);
        }
    }

    /// Does to a connection of `server` what a step of it asks for. A connection that is gone is none.
    pub(super) fn carry(&self, world: &mut World, server: ServerId, conn: Conn, burst: Cell<Burst>) {
        let Some((at, end)) = find_link(world, server, conn) else {
            return;
        };
        let link = world.links[at];
        let sent = &link.notes().sent[end as usize];
        let after = sent.get(burst.content_hash(), burst, |&burst| {
            let mut link = link.get().clone();
            for frame in &burst.frames {
                link.send(end, frame.clone());
            }
            if burst.closes {
                link.close(end);
            }
            (!link.is_gone()).then(|| self.links.intern(link))
        });
        put_link(world, at, after);
    }

    /// The link with this end closed; nothing if it is gone then.
    pub(super) fn closed(&self, link: Cell<Link>, end: End) -> Option<Cell<Link>> {
        *link.notes().closed[end as usize].get_or_init(|| {
            let mut closed = link.get().clone();
            closed.close(end);
            (!closed.is_gone()).then(|| self.links.intern(closed))
        })
    }

    pub(super) fn join(&self, world: &mut World, learner: usize, leader: usize) {
        if world.votes.is_none() {
            self.happen(world, learner, self.usual.follow[leader]);
        }
        let conn = unused_conn(world, id(learner));
        let link = Link {
            learner: id(learner),
            leader: id(leader),
            learner_end: Some(conn),
            leader_end: Some(unused_conn(world, id(leader))),
            up: Default::default(),
            down: Default::default(),
        };
        world.links.push(self.links.intern(link));
        let connected = self.usual.connected.get(conn.get() as usize).copied();
        let connected = connected.unwrap_or_else(|| {
            self.happenings
                .intern(Happening::Input(Input::Connected { conn }))
        });
        self.happen(world, learner, connected);
    }

    /// The ends of all connections of a process that dies are gone.
    pub(super) fn cut_off(&self, world: &mut World, i: usize) {
        for at in (0..world.links.len()).rev() {
            let link = world.links[at];
            let end = [End::Learner, End::Leader]
                .into_iter()
                .find(|&end| link.server(end) == id(i));
            if let Some(end) = end {
                put_link(world, at, self.closed(link, end));
            }
        }
    }

    pub(super) fn crash(&self, world: &mut World, i: usize, log_ops: u8, epoch_ops: u8) {
        self.cut_off(world, i);
        if !world.nodes[i].disk.is_quiet() {
            self.witnessed.note(Witness::Reboot);
        }
        if self.flaws.unsynced_truncation {
            let mut node = world.nodes[i].get().clone();
            let cuts = |op: &crate::disk::LogOp| matches!(op, crate::disk::LogOp::Truncate(_));
            let lost = node
                .disk
                .log_ops
                .iter()
                .take(log_ops as usize)
                .filter(|op| cuts(op))
                .count();
            node.disk.log_ops.retain(|op| !cuts(op));
            world.nodes[i] = self.nodes.intern(node);
            let (log_ops, epoch_ops) = (u32::from(log_ops) - lost as u32, u32::from(epoch_ops));
            let crash = Happening::Crash { log_ops, epoch_ops };
            return self.happen(world, i, self.happenings.intern(crash));
        }
        let crash = Happening::Crash {
            log_ops: log_ops.into(),
            epoch_ops: epoch_ops.into(),
        };
        self.happen(world, i, self.happenings.intern(crash));
    }

    /// A `sync` of a client: at the leader itself, or through the learner's connection.
    pub(super) fn sync(&self, world: &mut World, i: usize) {
        let mut ghost = world.ghost.get().clone();
        ghost.sync_begins(id(i));
        world.ghost = self.ghosts.intern(ghost);
        match world.nodes[i].server().map(Server::standing) {
            Some(Standing::Following { conn: Some(conn), .. }) => {
                let burst = self.bursts.intern(Burst {
                    frames: vec![Frame::SyncRequest],
                    closes: false,
                });
                self.carry(world, id(i), conn, burst);
            }
            _ => self.input(world, i, Input::Sync { conn: None }),
        }
    }
}

pub(super) fn put_link(world: &mut World, at: usize, link: Option<Cell<Link>>) {
    match link {
        Some(link) => world.links[at] = link,
        None => {
            world.links.remove(at);
        }
    }
}

pub(super) fn find_link(world: &World, server: ServerId, conn: Conn) -> Option<(usize, End)> {
    world
        .links
        .iter()
        .enumerate()
        .find_map(|(at, link)| Some((at, link.end_of(server, conn)?)))
}

/// The lowest number that this server does not use for an open end.
pub(super) fn unused_conn(world: &World, server: ServerId) -> Conn {
    let used = |conn| find_link(world, server, conn).is_some();
    (0..)
        .map(Conn::new)
        .find(|&conn| !used(conn))
        .expect("numbers are many")
}
