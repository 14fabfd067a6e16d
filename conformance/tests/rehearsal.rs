//! Where do good traces come from? Real step functions, driven in one process by dice.
//!
//! An ensemble of [`process::Process`]es, each stepping and recording as a server does, on a network and disks
//! that do what the seed says: frames wait, connections break, processes are killed between and within
//! rounds, disks keep any prefix of what was under way. The same seed gives the same run.

#[path = "rehearsal/breaking.rs"]
pub(crate) mod breaking;
#[path = "rehearsal/process.rs"]
pub(crate) mod process;
#[path = "rehearsal/runs.rs"]
pub(crate) mod runs;

use process::{Event, Process, Store};
use quorate_trace::{ConnDown, ConnName, ConnUp, Digest, Ended, Header, Limits, Record, Recorder, Side};
use quorate_zab::{
    Configuration, Conn, Ensemble, Input, Message, Notification, Rules, ServerId, Slot, Standing,
};
use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// Numbers that look random and are the same for the same seed (SplitMix64).
pub(crate) struct Dice(pub u64);

impl Dice {
    pub(crate) fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// Below `sides`.
    pub(crate) fn below(&mut self, sides: usize) -> usize {
        (self.roll() % sides.max(1) as u64) as usize
    }

    pub(crate) fn one_in(&mut self, sides: usize) -> bool {
        self.below(sides) == 0
    }
}

/// What happens in a run.
#[derive(Clone, Debug)]
pub(crate) struct Script {
    pub(crate) servers: u64,
    /// The last so many of them observe.
    pub(crate) observers: u64,
    /// The weights of the voters, if they are not counted by their heads.
    pub(crate) weights: Vec<u32>,
    pub(crate) seed: u64,
    /// Rounds of some server.
    pub(crate) rounds: usize,
    /// Transactions proposed at most, and how many in one round.
    pub(crate) writes: usize,
    pub(crate) batch: usize,
    /// One in so many rounds: a process is killed, a connection breaks. 0: never.
    pub(crate) kills: usize,
    pub(crate) breaks: usize,
    /// One in so many killed servers comes back with an empty disk. 0: never.
    pub(crate) wipes: usize,
    /// One in so many killed servers that were killed before comes back with the disk of that time. 0: never.
    pub(crate) restores: usize,
    /// Servers whose records are put where no audit looks, and servers that never start.
    pub(crate) unrecorded: Vec<u64>,
    pub(crate) absent: Vec<u64>,
    /// Connections have no names, as those with Apache servers.
    pub(crate) nameless: bool,
    /// The lowest port of this run's election connections.
    pub(crate) ports: u16,
    pub(crate) limits: Limits,
}

impl Script {
    /// Three servers, some writes, nothing bad.
    pub(crate) fn quiet(seed: u64) -> Self {
        Self {
            servers: 3,
            observers: 0,
            weights: Vec::new(),
            seed,
            rounds: 400,
            writes: 30,
            batch: 3,
            kills: 0,
            breaks: 0,
            wipes: 0,
            restores: 0,
            unrecorded: Vec::new(),
            absent: Vec::new(),
            nameless: false,
            ports: 10_000,
            limits: Limits::default(),
        }
    }

    fn ensemble(&self) -> Ensemble {
        let voters = (1..=self.servers - self.observers).map(ServerId::new);
        if self.weights.is_empty() {
            Ensemble::majority(voters)
        } else {
            Ensemble::hierarchical([voters.zip(self.weights.iter().copied()).collect()])
        }
    }

    /// Three servers that are killed and cut off now and then.
    pub(crate) fn stormy(seed: u64) -> Self {
        Self {
            rounds: 3000,
            writes: 200,
            kills: 150,
            breaks: 100,
            ..Self::quiet(seed)
        }
    }
}

/// What travels on a learner connection.
#[derive(Clone, Debug)]
pub(crate) enum Parcel {
    Message(Message<Digest>),
    /// SNAP and the tree: its digest.
    Snapshot(Message<Digest>, u64),
}

/// A learner connection, the learner's end first.
pub(crate) struct Wire {
    pub(crate) ends: [Option<(usize, Conn)>; 2],
    pub(crate) lanes: [VecDeque<Parcel>; 2],
}

/// An election connection, the opener's end first.
pub(crate) struct ElectionWire {
    pub(crate) servers: [usize; 2],
    pub(crate) conns: [Conn; 2],
    pub(crate) lanes: [VecDeque<Notification>; 2],
    /// Written to, and read from, each end.
    pub(crate) sent: [u64; 2],
    pub(crate) read: [u64; 2],
}

pub(crate) struct Rehearsal<R> {
    script: Script,
    dice: Dice,
    dir: PathBuf,
    ensemble: Ensemble,
    stores: Vec<Store>,
    /// Copies of disks, by server, made when it was first killed.
    backups: BTreeMap<usize, Store>,
    processes: Vec<Option<Process<R>>>,
    wires: Vec<Wire>,
    elections: Vec<ElectionWire>,
    ports: u16,
    written: usize,
    rules: R,
    /// Transactions applied at the server that has applied most.
    pub(crate) applied: u64,
}

impl<R: Rules + Copy> Rehearsal<R> {
    pub(crate) fn new(dir: &Path, script: Script, rules: R) -> Self {
        let servers = script.servers as usize;
        let mut rehearsal = Self {
            dice: Dice(script.seed),
            dir: dir.to_path_buf(),
            ensemble: script.ensemble(),
            stores: (0..servers).map(|_| Store::default()).collect(),
            backups: BTreeMap::new(),
            processes: (0..servers).map(|_| None).collect(),
            wires: Vec::new(),
            elections: Vec::new(),
            ports: script.ports,
            written: 0,
            rules,
            applied: 0,
            script,
        };
        for at in 0..servers {
            if !rehearsal.script.absent.contains(&(at as u64 + 1)) {
                rehearsal.start(at);
            }
        }
        rehearsal
    }

    /// Runs the script to its end; then all stop in order.
    pub(crate) fn run(mut self) -> u64 {
        for _ in 0..self.script.rounds {
            self.round();
        }
        for at in 0..self.processes.len() {
            if let Some(process) = self.processes[at].take() {
                self.hang_up_all(at);
                process.stop(&mut self.stores[at]);
            }
        }
        self.applied
    }

    fn id(at: usize) -> ServerId {
        ServerId::new(at as u64 + 1)
    }

    fn start(&mut self, at: usize) {
        let me = Self::id(at);
        let nonce = self.dice.roll();
        let header = Header::new(me, &self.ensemble, "rehearsal", nonce)
            .with("machineBoot", "the one machine of this run");
        let boot = self.stores[at].boot();
        let dir = if self.script.unrecorded.contains(&me.get()) {
            self.dir.join("unrecorded")
        } else {
            self.dir.join("recorded").join(format!("s{me}"))
        };
        let recorder = Recorder::create(dir, self.script.limits, header, boot).expect("a trace begins");
        let process = Process::start(
            me,
            Configuration::fixed(self.ensemble.clone()),
            self.rules,
            recorder,
            &self.stores[at],
        );
        self.processes[at] = Some(process);
        self.finish(at);
        self.connect_elections(at);
    }

    /// Election connections with all that run; the larger id opens them.
    fn connect_elections(&mut self, at: usize) {
        for other in 0..self.processes.len() {
            if other == at || self.processes[other].is_none() {
                continue;
            }
            let servers = [at.max(other), at.min(other)];
            self.ports += 1;
            let address = |port: u16| SocketAddr::from(([127, 0, 0, 1], port));
            let addresses = [address(self.ports), address(3888 + servers[1] as u16)];
            let mut conns = [Conn::new(0); 2];
            for end in 0..2 {
                let Some(process) = &mut self.processes[servers[end]] else {
                    return;
                };
                conns[end] = process.election_up(
                    [Side::Initiator, Side::Acceptor][end],
                    Self::id(servers[1 - end]),
                    (addresses[end], addresses[1 - end]),
                );
            }
            self.elections.push(ElectionWire {
                servers,
                conns,
                lanes: [VecDeque::new(), VecDeque::new()],
                sent: [0; 2],
                read: [0; 2],
            });
        }
    }

    fn round(&mut self) {
        if self.script.kills > 0 && self.dice.one_in(self.script.kills) {
            let at = self.dice.below(self.processes.len());
            self.kill(at);
        }
        if self.script.breaks > 0 && self.dice.one_in(self.script.breaks) && !self.wires.is_empty() {
            let wire = self.dice.below(self.wires.len());
            let end = self.dice.below(2);
            self.cut(wire, end);
        }
        let at = self.dice.below(self.processes.len());
        if self.processes[at].is_none() {
            if self.script.kills > 0 && self.dice.one_in(8) {
                self.start(at);
            }
            return;
        }
        self.events(at);
        let dies = self.script.kills > 0 && self.dice.one_in(self.script.kills * 4);
        if dies {
            // After the records are in the kernel, before the effects are carried out.
            if let Some(process) = &mut self.processes[at] {
                process.release();
            }
            self.kill(at);
        } else {
            self.finish(at);
        }
        self.dial(at);
        self.write_elections(at);
    }

    /// What this round of the server brings: some of what waits, from everywhere.
    fn events(&mut self, at: usize) {
        let Some(process) = &mut self.processes[at] else {
            return;
        };
        let store = &mut self.stores[at];
        let dice = &mut self.dice;
        let batch = self.script.batch;
        if !process.log_ops.is_empty() && dice.one_in(2) {
            let ops = 1 + dice.below(process.log_ops.len());
            process.log_done(ops, store);
        }
        if !process.epoch_ops.is_empty() && dice.one_in(2) {
            process.epoch_done(store);
        }
        for wire in &mut self.wires {
            for end in 0..2 {
                let Some((server, conn)) = wire.ends[end] else {
                    continue;
                };
                if server != at {
                    continue;
                }
                let taken = dice.below(4 * batch).min(wire.lanes[1 - end].len());
                for parcel in wire.lanes[1 - end].drain(..taken) {
                    process.on_event(Event::Parcel(conn, parcel));
                }
                if wire.lanes[1 - end].is_empty() && wire.ends[1 - end].is_none() && dice.one_in(4) {
                    wire.ends[end] = None;
                    process.on_event(Event::Closed(conn, Ended::ByOtherEnd));
                }
            }
        }
        for wire in &mut self.elections {
            for end in 0..2 {
                if wire.servers[end] != at || !dice.one_in(2) {
                    continue;
                }
                if let Some(notification) = wire.lanes[1 - end].pop_front() {
                    wire.read[end] += 1;
                    let from = Self::id(wire.servers[1 - end]);
                    process.hear(from, wire.conns[end], wire.read[end], notification);
                }
            }
        }
        if dice.one_in(6) {
            process.timers();
        }
        match process.server.standing() {
            Standing::Leading { serving: true } => {
                if dice.one_in(6) {
                    process.on_event(Event::Input(Input::PingLearners));
                }
                if self.script.breaks > 0 && dice.one_in(40) {
                    process.on_event(Event::Input(Input::CheckQuorum));
                }
                if dice.one_in(10) {
                    process.on_event(Event::Input(Input::Sync { conn: None }));
                }
                let writes = dice.below(2 * batch).min(self.script.writes - self.written);
                for _ in 0..writes {
                    self.written += 1;
                    process.propose(self.written as u64);
                }
            }
            Standing::Leading { serving: false } | Standing::Following { serving: false, .. } => {
                if dice.one_in(200) {
                    process.on_event(Event::Input(Input::LimitPassed));
                }
            }
            Standing::Following { .. } | Standing::Looking => {}
        }
        if dice.one_in(100) {
            process.take_snapshot(store);
        }
        if dice.one_in(30) {
            process.mark();
        }
        self.applied = self.applied.max(process.applied);
    }

    /// Carries out what the round asked for.
    fn finish(&mut self, at: usize) {
        loop {
            let Some(process) = &mut self.processes[at] else {
                return;
            };
            process.release();
            let asked = process.perform();
            if asked.is_empty() && !process.has_effects() {
                process.rest();
                return;
            }
            for ask in asked {
                match ask {
                    process::Ask::Send(conn, parcel) => {
                        if let Some((wire, end)) = self.wire_of(at, conn) {
                            let wire = &mut self.wires[wire];
                            if wire.ends[1 - end].is_some() {
                                wire.lanes[end].push_back(parcel);
                            }
                        }
                    }
                    process::Ask::Close(conn) => {
                        if let Some((wire, end)) = self.wire_of(at, conn) {
                            self.wires[wire].ends[end] = None;
                            self.wires[wire].lanes[1 - end].clear();
                        }
                    }
                }
            }
            self.wires.retain(|wire| wire.ends.iter().any(Option::is_some));
        }
    }

    fn wire_of(&self, server: usize, conn: Conn) -> Option<(usize, usize)> {
        self.wires.iter().enumerate().find_map(|(at, wire)| {
            let end = wire.ends.iter().position(|end| *end == Some((server, conn)))?;
            Some((at, end))
        })
    }

    /// A server that wants to connect does, if the other leads; or it gives up.
    fn dial(&mut self, at: usize) {
        let Some(process) = &mut self.processes[at] else {
            return;
        };
        let Some((conn, leader)) = process.dialing else {
            return;
        };
        let to = leader.get() as usize - 1;
        let leads = self.processes[to]
            .as_ref()
            .is_some_and(|leader| matches!(leader.server.standing(), Standing::Leading { .. }));
        if !leads {
            if self.dice.one_in(20) {
                let process = self.processes[at].as_mut().expect("it runs");
                process.dialing = None;
                process.on_event(Event::Input(Input::LimitPassed));
                self.finish(at);
            }
            return;
        }
        let accepted = self.processes[to].as_mut().expect("it leads").accept();
        let process = self.processes[at].as_mut().expect("it runs");
        process.dialing = None;
        let name = ConnName {
            initiator: Self::id(at),
            boot: process.boot,
            counter: conn.get(),
        };
        let echo = (!self.script.nameless).then_some(name);
        if let Some(leader) = self.processes[to].as_mut() {
            leader.expect_name(accepted, Self::id(at), echo);
        }
        let process = self.processes[at].as_mut().expect("it runs");
        process.connected(conn, leader, name, echo);
        self.wires.push(Wire {
            ends: [Some((at, conn)), Some((to, accepted))],
            lanes: [VecDeque::new(), VecDeque::new()],
        });
        self.finish(at);
        self.finish(to);
    }

    /// The writers of the election connections take what waits, now and then.
    fn write_elections(&mut self, at: usize) {
        for wire in &mut self.elections {
            for end in 0..2 {
                if wire.servers[end] != at || !self.dice.one_in(2) {
                    continue;
                }
                let Some(process) = &mut self.processes[at] else {
                    return;
                };
                let to = Self::id(wire.servers[1 - end]);
                if let Some(notification) = process.write_election(to, wire.conns[end], wire.sent[end] + 1) {
                    wire.sent[end] += 1;
                    wire.lanes[end].push_back(notification);
                }
            }
        }
    }

    fn kill(&mut self, at: usize) {
        let Some(process) = self.processes[at].take() else {
            return;
        };
        let log_ops = self.dice.below(process.log_ops.len() + 1);
        let epoch_ops = self.dice.below(process.epoch_ops.len() + 1);
        process.die(&mut self.stores[at], log_ops, epoch_ops);
        if self.script.wipes > 0 && self.dice.one_in(self.script.wipes) {
            self.stores[at] = Store::wiped();
        }
        if self.script.restores > 0 {
            let backup = self.backups.entry(at).or_insert_with(|| self.stores[at].clone());
            if self.dice.one_in(self.script.restores) {
                self.stores[at] = backup.put_back();
            }
        }
        self.hang_up_all(at);
    }

    /// The connections of a process that ended: what it sent may still arrive, all or a part.
    fn hang_up_all(&mut self, at: usize) {
        for wire in &mut self.wires {
            for end in 0..2 {
                if wire.ends[end].is_some_and(|(server, _)| server == at) {
                    wire.ends[end] = None;
                    wire.lanes[1 - end].clear();
                    let kept = self.dice.below(wire.lanes[end].len() + 1);
                    wire.lanes[end].truncate(kept);
                }
            }
        }
        self.wires.retain(|wire| wire.ends.iter().any(Option::is_some));
        for wire in &self.elections {
            for end in 0..2 {
                if wire.servers[end] == at
                    && let Some(process) = &mut self.processes[wire.servers[1 - end]]
                {
                    process.election_down(ConnDown {
                        conn: wire.conns[1 - end],
                        why: Ended::ByOtherEnd,
                        read: wire.read[1 - end],
                        written: wire.sent[1 - end],
                    });
                }
            }
        }
        self.elections.retain(|wire| !wire.servers.contains(&at));
    }

    /// One end learns that the connection is gone; what the other sent is lost from somewhere on.
    fn cut(&mut self, wire: usize, end: usize) {
        let Some((server, conn)) = self.wires[wire].ends[end].take() else {
            return;
        };
        self.wires[wire].lanes[1 - end].clear();
        let kept = self.dice.below(self.wires[wire].lanes[end].len() + 1);
        self.wires[wire].lanes[end].truncate(kept);
        if let Some(process) = &mut self.processes[server] {
            process.on_event(Event::Closed(conn, Ended::Silent));
        }
        self.finish(server);
    }
}

/// The record of a connection that stands.
pub(crate) fn conn_up(conn: Conn, side: Side, peer: Option<ServerId>, name: Option<ConnName>) -> Record {
    Record::ConnUp(Box::new(ConnUp {
        conn,
        side,
        peer,
        name,
        addresses: None,
    }))
}

/// What waits to be told to a peer.
pub(crate) type Mailbox = Slot<Notification>;
