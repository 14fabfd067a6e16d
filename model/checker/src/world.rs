//! What can an ensemble and its environment do next? The state space of the agreement grain.
//!
//! Any server that looks for a leader may begin to lead and any may join it: this contains every
//! election. Crashes, breaks of one end of one connection, and slow disks come at any moment.

use crate::bounds::Bounds;
use crate::disk::Durable;
use crate::ghost::{Ghost, Scene};
use crate::intern::{Cell, Part, Recall, Renamed, Table};
use crate::link::{End, Link};
use crate::node::{Event, Frame, Happening, Node, Out};
use crate::property::Property;
use crate::symmetry::{Numbers, Renaming, Signature, Signatures};
use crate::witness::{Witness, Witnessed};
use quorate_zab::{Conn, Ensemble, Input, Message, Rules, Server, ServerId, Standing, Zxid};
use smallvec::SmallVec;
use std::sync::OnceLock;
use std::sync::atomic::AtomicU64;

/// A state of the ensemble, its disks and its connections, with what happened and what still may.
#[derive(Debug, Eq, Hash, PartialEq)]
pub struct World {
    pub(crate) nodes: SmallVec<[Cell<Node>; 5]>,
    /// In order of their ends.
    pub(crate) links: SmallVec<[Cell<Link>; 8]>,
    pub(crate) ghost: Cell<Ghost>,
    /// What is left of the bounds.
    pub(crate) left: Bounds,
}

impl Clone for World {
    fn clone(&self) -> Self {
        Self {
            nodes: SmallVec::from_slice(&self.nodes),
            links: SmallVec::from_slice(&self.links),
            ghost: self.ghost,
            left: self.left,
        }
    }
}

/// A step of the world. Servers and links go by their place.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Action {
    /// A server that looks begins to lead.
    Lead(usize),
    /// A server that looks connects to one that leads.
    Join {
        /// The learner.
        learner: usize,
        /// The leader.
        leader: usize,
    },
    /// The next frame arrives at this end of this link.
    Deliver(usize, End),
    /// This end of this link learns that the connection is gone: for a reason, or for none.
    Break(usize, End),
    /// The oldest operation of the log is done and reported.
    LogDone(usize),
    /// The oldest write of an epoch file is done and reported.
    EpochDone(usize),
    /// The process dies, the disk keeps so much of what was under way, and it starts again.
    Crash(usize, u8, u8),
    /// initLimit passes at a server whose epoch is not established.
    GiveUp(usize),
    /// A leader looks whether it still has a quorum, and has not.
    CheckQuorum(usize),
    /// A client's transaction reaches the leader.
    Propose(usize),
    /// A leader pings by the clock.
    Ping(usize),
    /// A client of this server asks for `sync`.
    Sync(usize),
    /// A server has taken a snapshot, and removes what it covers from its log.
    Purge(usize),
}

/// A node after a happening, and what came of it.
#[derive(Debug)]
struct Stepped {
    node: Cell<Node>,
    events: Vec<Event>,
    /// For each connection what the node does to it, in order.
    traffic: Vec<(Conn, Cell<Burst>)>,
}

/// What one step does to one connection: frames that are sent, and last perhaps its end.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub(crate) struct Burst {
    frames: Vec<Frame>,
    closes: bool,
}

/// What is worked out about a node once.
#[derive(Debug, Default)]
pub(crate) struct NodeNotes {
    pub(crate) renamed: Renamed<Node>,
    pub(crate) signature: Signature,
    pub(crate) renumbered: Recall<Numbers, Cell<Node>>,
    /// What comes of what happens to it.
    steps: Recall<Cell<Happening>, &'static Stepped>,
}

/// What is worked out about a link once.
#[derive(Debug, Default)]
pub(crate) struct LinkNotes {
    pub(crate) renamed: Renamed<Link>,
    /// The link without the next frame to its learner, and without the next to its leader.
    received: [OnceLock<Cell<Link>>; 2],
    /// That the next frame arrives at its learner, and at its leader.
    arrivals: [OnceLock<Cell<Happening>>; 2],
    /// That its learner learns of its end, and its leader.
    partings: [OnceLock<Cell<Happening>>; 2],
    /// The link whose learner's end is closed, and whose leader's; nothing if it is gone then.
    closed: [OnceLock<Option<Cell<Link>>>; 2],
    /// The link after a burst of its learner, and of its leader; nothing if it is gone then.
    sent: [Recall<Cell<Burst>, Option<Cell<Link>>>; 2],
    /// The link under another number at the leader.
    pub(crate) renumbered: Recall<Conn, Cell<Link>>,
    /// Where it stands among the links of a world, and whether the next frame to its learner, and to its
    /// leader, may be one whose arrival is quiet.
    glimpse: OnceLock<(u64, [bool; 2])>,
}

impl LinkNotes {
    /// Links in order of learners, leaders and ends.
    pub(crate) fn order(&self, link: &Link) -> u64 {
        self.glimpse(link).0
    }

    fn may_be_quiet(&self, link: &Link) -> [bool; 2] {
        self.glimpse(link).1
    }

    fn glimpse(&self, link: &Link) -> (u64, [bool; 2]) {
        *self.glimpse.get_or_init(|| {
            let number = |conn: Option<Conn>| conn.map_or(0, |conn| u64::from(conn.get()) + 1);
            let parts = [
                link.learner.get(),
                link.leader.get(),
                number(link.learner_end),
                link.up.len() as u64,
                number(link.leader_end),
            ];
            let order = parts.iter().fold(0, |order, &part| {
                assert!(part < 1 << 12, "a world is small");
                order << 12 | part
            });
            let may_be_quiet = [End::Learner, End::Leader].map(|end| {
                let next = link.incoming(end).front();
                let is_kind = matches!(
                    next,
                    Some(Frame::Message(
                        Message::Diff { .. } | Message::Commit { .. } | Message::Ack { .. }
                    ))
                );
                is_kind && link.conn(end).is_some()
            });
            (order, may_be_quiet)
        })
    }
}

/// What is worked out about a history once.
#[derive(Debug, Default)]
pub(crate) struct GhostNotes {
    pub(crate) renamed: Renamed<Ghost>,
    pub(crate) signatures: Signatures,
}

impl Part for Node {
    type Notes = NodeNotes;
}

impl Part for Link {
    type Notes = LinkNotes;
}

impl Part for Ghost {
    type Notes = GhostNotes;
}

impl Part for Burst {
    type Notes = ();
}

impl Part for Happening {
    type Notes = ();
}

/// Happenings of which there is one for all.
#[derive(Debug)]
struct Usual {
    lead: Cell<Happening>,
    log_done: Cell<Happening>,
    epoch_done: Cell<Happening>,
    limit: Cell<Happening>,
    quorum: Cell<Happening>,
    pings: Cell<Happening>,
    /// By the leader's place.
    follow: Vec<Cell<Happening>>,
    /// By the number of the connection.
    connected: Vec<Cell<Happening>>,
}

impl Usual {
    fn new(happenings: &Table<Happening>, servers: usize) -> Self {
        let input = |input| happenings.intern(Happening::Input(input));
        Self {
            lead: input(Input::Lead),
            log_done: input(Input::LogDurable { ops: 1 }),
            epoch_done: input(Input::EpochsDurable { ops: 1 }),
            limit: input(Input::LimitPassed),
            quorum: input(Input::CheckQuorum),
            pings: input(Input::PingLearners),
            follow: (0..servers)
                .map(|i| input(Input::Follow { leader: id(i) }))
                .collect(),
            // More than a server has ends open at a time: two of each other's, and its own.
            connected: (0..2 * servers as u32)
                .map(|number| {
                    input(Input::Connected {
                        conn: Conn::new(number),
                    })
                })
                .collect(),
        }
    }
}

/// Which worlds are taken for one, and which steps are taken at once. Each is sound by an argument in
/// `docs/properties.md`, and each is guarded by a run without it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Reductions {
    /// Worlds that differ in the servers' names alone are one.
    pub symmetry: bool,
    /// A leader's connections are numbered in the order of its learners, not of their coming.
    pub numbering: bool,
    /// Frames arrive at once if their arrival commutes with everything and nobody sees it.
    pub quiet_arrivals: bool,
    /// Epoch files are written at once where no crash can come between.
    pub epoch_files: bool,
    /// A server that nobody reaches any more goes on before all others.
    pub solitude: bool,
    /// What a learner that is gone said first is left on the way as long as it makes no difference.
    pub stale_greetings: bool,
    /// Once nothing can go wrong any more, frames whose arrival nobody can tell arrive at once.
    pub peace: bool,
}

impl Reductions {
    /// All of them.
    pub const ALL: Self = Self {
        symmetry: true,
        numbering: true,
        quiet_arrivals: true,
        epoch_files: true,
        solitude: true,
        stale_greetings: true,
        peace: true,
    };
    /// The plain state space.
    pub const NONE: Self = Self {
        symmetry: false,
        numbering: false,
        quiet_arrivals: false,
        epoch_files: false,
        solitude: false,
        stale_greetings: false,
        peace: false,
    };
}

/// The agreement grain: rules, bounds, and the tables that its worlds share.
#[derive(Debug)]
pub struct Agreement<R> {
    pub(crate) rules: R,
    pub(crate) flaws: Flaws,
    pub(crate) bounds: Bounds,
    pub(crate) ensemble: Ensemble,
    pub(crate) reductions: Reductions,
    pub(crate) nodes: Table<Node>,
    pub(crate) links: Table<Link>,
    pub(crate) ghosts: Table<Ghost>,
    bursts: Table<Burst>,
    happenings: Table<Happening>,
    usual: Usual,
    pub(crate) renaming: Renaming,
    /// What was met on the way.
    pub witnessed: Witnessed,
    /// Worlds of which the ways on were asked for: all of them, if a run was exhaustive.
    pub(crate) expanded: AtomicU64,
    /// What the exploring thread used, in nanoseconds.
    pub(crate) cpu_ns: AtomicU64,
    /// The property that is to be broken, if no other is checked.
    pub(crate) hunted: Option<Property>,
    /// Worlds from which the end of all faults is tried.
    pub(crate) recoveries: Option<Recoveries>,
    /// The first world met in which a property is broken that counts.
    pub(crate) first_broken: OnceLock<World>,
}

/// What a shell could do wrong; a mutant of the world instead of the rules.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Flaws {
    /// A cut is not synced before the next append: a crash may keep the append and lose the cut.
    pub unsynced_truncation: bool,
}

pub(crate) fn id(index: usize) -> ServerId {
    ServerId::new(index as u64 + 1)
}

pub(crate) fn index(server: ServerId) -> usize {
    server.get() as usize - 1
}

impl<R: Rules> Agreement<R> {
    /// The grain with these rules within these bounds.
    pub fn new(rules: R, bounds: Bounds) -> Self {
        let happenings = Table::new(0);
        Self {
            rules,
            flaws: Flaws::default(),
            bounds,
            ensemble: bounds.ensemble(),
            reductions: Reductions::ALL,
            nodes: Table::new(0),
            links: Table::new(0),
            ghosts: Table::new(0),
            bursts: Table::new(0),
            usual: Usual::new(&happenings, bounds.nodes()),
            happenings,
            renaming: Renaming::new(&bounds.ensemble(), bounds.nodes()),
            witnessed: Witnessed::default(),
            expanded: AtomicU64::new(0),
            cpu_ns: AtomicU64::new(0),
            hunted: None,
            recoveries: None,
            first_broken: OnceLock::new(),
        }
    }

    /// The same, but this property alone is checked.
    #[must_use]
    pub fn hunting(self, property: Property) -> Self {
        let hunting = Self {
            hunted: Some(property),
            ..self
        };
        if property == Property::Recovers {
            return hunting.with_recovery_of_every(1);
        }
        hunting
    }

    /// The same, and one of every so many worlds has to recover once faults end.
    #[must_use]
    pub fn with_recovery_of_every(self, every: u64) -> Self {
        Self {
            recoveries: Some(Recoveries::every(every)),
            ..self
        }
    }

    /// The same with a shell that does this wrong.
    #[must_use]
    pub fn with_flaws(self, flaws: Flaws) -> Self {
        Self { flaws, ..self }
    }

    /// The same with these reductions instead of all.
    #[must_use]
    pub fn with_reductions(self, reductions: Reductions) -> Self {
        Self { reductions, ..self }
    }

    /// The same with other hashes: equal counts make a missed collision very unlikely.
    #[must_use]
    pub fn with_salt(self, salt: u64) -> Self {
        Self {
            nodes: Table::new(salt),
            links: Table::new(salt),
            ghosts: Table::new(salt),
            ..self
        }
    }

    pub(crate) fn init(&self) -> World {
        let servers = self.bounds.servers as usize;
        let nodes = (0..self.bounds.nodes()).map(|i| {
            let node = if i >= servers || i + (self.bounds.java as usize) < servers {
                Node::boot(id(i), Durable::default(), &mut Vec::new())
            } else {
                Node::java(id(i))
            };
            self.nodes.intern(node)
        });
        let mut ghost = Ghost::new(self.bounds.nodes());
        if let Some(hunted) = self.hunted {
            let others = Property::ALL.iter().filter(|&&property| property != hunted);
            others.for_each(|&property| ghost.disclaim(property));
        }
        let mut world = World {
            nodes: nodes.collect(),
            links: SmallVec::new(),
            ghost: self.ghosts.intern(ghost),
            left: self.bounds,
        };
        if self.bounds.warm {
            self.establish(&mut world);
        }
        self.canonicalise(&mut world);
        world
    }

    /// The first server leads, all others join it, and everything on the way arrives.
    fn establish(&self, world: &mut World) {
        self.happen(world, 0, self.usual.lead);
        for learner in 1..world.nodes.len() {
            self.join(world, learner, 0);
        }
        while let Some(action) = self.calm_action(world) {
            self.perform(world, action, &mut |_, _| ());
        }
    }

    /// Something that is on its way and needs no fault to happen.
    fn calm_action(&self, world: &World) -> Option<Action> {
        let ends = |(i, link): (usize, &Cell<Link>)| {
            [End::Learner, End::Leader]
                .into_iter()
                .find(|&end| link.conn(end).is_some() && !link.incoming(end).is_empty())
                .map(|end| Action::Deliver(i, end))
        };
        let disks = |(i, node): (usize, &Cell<Node>)| {
            let log = (!node.disk.log_ops.is_empty()).then_some(Action::LogDone(i));
            log.or((!node.disk.epoch_ops.is_empty()).then_some(Action::EpochDone(i)))
        };
        world
            .links
            .iter()
            .enumerate()
            .find_map(ends)
            .or_else(|| world.nodes.iter().enumerate().find_map(disks))
    }

    /// The world after `action`.
    pub(crate) fn apply(&self, world: &World, action: Action) -> World {
        let mut next = world.clone();
        self.perform(&mut next, action, &mut |_, _| ());
        self.canonicalise(&mut next);
        next
    }

    /// As [`Self::apply`], shows each step that is taken at once and the world before it, and says where
    /// each server went.
    pub(crate) fn apply_told(
        &self,
        world: &World,
        action: Action,
        told: &mut dyn FnMut(&World, Action),
    ) -> (World, Vec<usize>) {
        let mut next = world.clone();
        self.perform(&mut next, action, told);
        let number = self.canonicalise(&mut next);
        (next, self.renaming.places(number))
    }

    /// Does `action`, and then all that need not wait.
    fn perform(&self, next: &mut World, action: Action, told: &mut dyn FnMut(&World, Action)) {
        self.act(next, action);
        while let Some(action) = self.eager(next) {
            told(next, action);
            self.act(next, action);
        }
        self.forget_dead(next);
    }

    /// A frame whose arrival nobody can tell from its being on the way. Its effect is on what its reader
    /// remembers of this connection alone, it puts nothing out, nothing else that can happen there
    /// depends on it or undoes it but the end of the connection, and that undoes it whole.
    fn quiet_arrival(&self, world: &World) -> Option<Action> {
        for (at, &link) in world.links.iter().enumerate() {
            let may_be_quiet = link.notes().may_be_quiet(&link);
            for end in [End::Learner, End::Leader] {
                if !may_be_quiet[end as usize] {
                    continue;
                }
                let Some(arrival) = self.arrival(link, end) else {
                    continue;
                };
                let before = world.nodes[index(link.server(end))];
                if !self.may_be_quiet(&before, arrival.get()) {
                    continue;
                }
                let stepped = self.stepped(before, arrival);
                let same =
                    |a: &Node, b: &Node| a.disk == b.disk && a.tree == b.tree && a.serving == b.serving;
                if stepped.events.is_empty() && stepped.traffic.is_empty() && same(&before, &stepped.node) {
                    return Some(Action::Deliver(at, end));
                }
            }
        }
        None
    }

    /// Whether an arrival may be one that nobody can tell from its being on the way: DIFF and early
    /// COMMITs, which a synchronising learner only notes, the second ACK of (e, 0), and the ACK of what is
    /// committed. That an early COMMIT is only noted is a rule, and where that rule is wrong it is not.
    fn may_be_quiet(&self, node: &Node, arrival: &Happening) -> bool {
        let Happening::Frame {
            conn,
            frame: Frame::Message(message),
        } = arrival
        else {
            return false;
        };
        let Some(server) = node.server() else { return false };
        let synchronises = || {
            let standing = server.standing();
            matches!(standing, Standing::Following { conn: on, serving: false, .. } if on == Some(*conn))
        };
        match message {
            Message::Diff { .. } => synchronises(),
            Message::Commit { .. } => !self.rules.may_deliver(false) && synchronises(),
            Message::Ack { zxid } => {
                let said =
                    zxid.counter() == 0 || server.committed().is_some_and(|committed| *zxid <= committed);
                said && server
                    .learners()
                    .any(|learner| learner.conn == *conn && learner.synced)
            }
            _ => false,
        }
    }

    /// That the next frame arrives at this end, if there is one.
    fn arrival(&self, link: Cell<Link>, end: End) -> Option<Cell<Happening>> {
        let conn = link.conn(end)?;
        let frame = link.get().incoming(end).front()?;
        let arrival = link.notes().arrivals[end as usize].get_or_init(|| {
            let frame = frame.clone();
            self.happenings.intern(Happening::Frame { conn, frame })
        });
        Some(*arrival)
    }

    /// That this end, which is open, learns of the connection's end.
    fn parting(&self, link: Cell<Link>, end: End) -> Cell<Happening> {
        *link.notes().partings[end as usize].get_or_init(|| {
            let conn = link.conn(end).expect("the end is open");
            self.happenings.intern(Happening::Input(Input::Closed { conn }))
        })
    }

    /// The link without the next frame that arrives at this end.
    fn received(&self, link: Cell<Link>, end: End) -> Cell<Link> {
        *link.notes().received[end as usize].get_or_init(|| {
            let mut taken = link.get().clone();
            taken.receive(end);
            self.links.intern(taken)
        })
    }

    fn act(&self, next: &mut World, action: Action) {
        match action {
            Action::Lead(i) => {
                next.left.elections -= 1;
                self.happen(next, i, self.usual.lead);
            }
            Action::Join { learner, leader } => self.join(next, learner, leader),
            Action::Deliver(at, end) => {
                let link = next.links[at];
                let arrival = self.arrival(link, end).expect("a frame is on the way");
                next.links[at] = self.received(link, end);
                if matches!(
                    arrival.get(),
                    Happening::Frame {
                        frame: Frame::Snapshot(_),
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
                let standing = next.nodes[i].server().map(Server::standing);
                if matches!(standing, Some(Standing::Following { .. })) {
                    next.left.breaks -= 1;
                }
                self.happen(next, i, self.usual.limit);
            }
            Action::CheckQuorum(i) => self.happen(next, i, self.usual.quorum),
            Action::Propose(i) => {
                let zxid = next.nodes[i]
                    .server()
                    .and_then(Server::next_zxid)
                    .unwrap_or(Zxid::ZERO);
                let payload = u64::from(self.bounds.txns - next.left.txns) + 1;
                next.left.txns -= 1;
                self.input(next, i, Input::Propose { zxid, payload });
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
        }
    }

    fn input(&self, world: &mut World, i: usize, input: Input<u64>) {
        self.happen(world, i, self.happenings.intern(Happening::Input(input)));
    }

    /// Lets something happen to a node, and carries out what comes of it.
    fn happen(&self, world: &mut World, i: usize, happening: Cell<Happening>) {
        let before = world.nodes[i];
        debug_assert_eq!(
            before.permits(happening.get()),
            Ok(()),
            "the checker does only what the world permits"
        );
        let stepped = self.stepped(before, happening);
        world.nodes[i] = stepped.node;
        self.record(world, i, &stepped.events);
        for &(conn, burst) in &stepped.traffic {
            self.carry(world, id(i), conn, burst);
        }
    }

    fn stepped(&self, before: Cell<Node>, happening: Cell<Happening>) -> &'static Stepped {
        let steps = &before.notes().steps;
        steps.get(happening.content_hash(), happening, |&happening| {
            let mut node = before.get().clone();
            let mut out = Vec::new();
            node.step(&self.ensemble, &self.rules, happening.get().clone(), &mut out);
            Box::leak(Box::new(self.sorted(node, out)))
        })
    }

    /// What came of a step, by connection. Events speak of nodes, so how they lie between frames does not matter.
    fn sorted(&self, node: Node, out: Vec<Out>) -> Stepped {
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

    fn record(&self, world: &mut World, i: usize, events: &[Event]) {
        if events.is_empty() {
            return;
        }
        let nodes: SmallVec<[Option<&Node>; 5]> = world.nodes.iter().map(|node| Some(node.get())).collect();
        let scene = Scene {
            at: i,
            nodes: &nodes,
            ensemble: &self.ensemble,
            leader: None,
        };
        let mut changed: Option<Ghost> = None;
        for event in events {
            let ghost = changed.as_ref().unwrap_or(world.ghost.get());
            let after = ghost.after(scene, event, &mut |witness| self.witnessed.note(witness));
            changed = after.or(changed);
        }
        if let Some(ghost) = changed {
            world.ghost = self.ghosts.intern(ghost);
        }
    }

    /// Does to a connection of `server` what a step of it asks for. A connection that is gone is none.
    fn carry(&self, world: &mut World, server: ServerId, conn: Conn, burst: Cell<Burst>) {
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
    fn closed(&self, link: Cell<Link>, end: End) -> Option<Cell<Link>> {
        *link.notes().closed[end as usize].get_or_init(|| {
            let mut closed = link.get().clone();
            closed.close(end);
            (!closed.is_gone()).then(|| self.links.intern(closed))
        })
    }

    fn join(&self, world: &mut World, learner: usize, leader: usize) {
        self.happen(world, learner, self.usual.follow[leader]);
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

    fn crash(&self, world: &mut World, i: usize, log_ops: u8, epoch_ops: u8) {
        for at in (0..world.links.len()).rev() {
            let link = world.links[at];
            let end = [End::Learner, End::Leader]
                .into_iter()
                .find(|&end| link.server(end) == id(i));
            if let Some(end) = end {
                put_link(world, at, self.closed(link, end));
            }
        }
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
    fn sync(&self, world: &mut World, i: usize) {
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

fn put_link(world: &mut World, at: usize, link: Option<Cell<Link>>) {
    match link {
        Some(link) => world.links[at] = link,
        None => {
            world.links.remove(at);
        }
    }
}

fn find_link(world: &World, server: ServerId, conn: Conn) -> Option<(usize, End)> {
    world
        .links
        .iter()
        .enumerate()
        .find_map(|(at, link)| Some((at, link.end_of(server, conn)?)))
}

/// The lowest number that this server does not use for an open end.
fn unused_conn(world: &World, server: ServerId) -> Conn {
    let used = |conn| find_link(world, server, conn).is_some();
    (0..)
        .map(Conn::new)
        .find(|&conn| !used(conn))
        .expect("numbers are many")
}

mod offered;
mod order;
mod recovery;

pub use recovery::Recovered;
pub(crate) use recovery::Recoveries;

#[cfg(test)]
mod tests;
