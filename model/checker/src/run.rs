//! How does one run go, told by itself? Each server keeps one name from beginning to end, each boot of a server
//! numbers its connections as a process does, and every step shows what went into the step function and what
//! came out.
//!
//! A world of the checker is kept under whichever names and numbers make it equal to others; [`Run`] is the
//! same ensemble without that, so that a run can be drawn, written down as a trace, or forced on other worlds.

mod follow;
mod walk;

pub(crate) use follow::Followed;

use crate::bounds::Bounds;
use crate::disk::LogOp;
use crate::link::{End, Link};
use crate::node::{Frame, Happening, Node, Out};
use crate::world::{Action, Flaws, id, index, is_newborn_looker};
use quorate_zab::{
    Configuration, Conn, Effect, Ensemble, Input, Message, Rules, Server, ServerId, Standing, Zxid,
};
use std::collections::VecDeque;

/// An ensemble in one run. Servers go by their place, connections by the order in which they were opened, those
/// that are gone included: so are the actions that it is given.
#[derive(Debug)]
pub struct Run<'a, R> {
    rules: &'a R,
    flaws: Flaws,
    configuration: Configuration,
    autocreate: bool,
    nodes: Vec<Node>,
    wires: Vec<Wire>,
    /// The number of each server's last connection in this boot.
    numbers: Vec<u32>,
    proposed: u64,
    steps: usize,
}

/// A connection, and in which step each frame on its way was sent.
#[derive(Clone, Debug)]
struct Wire {
    link: Link,
    sent: [VecDeque<usize>; 2],
}

/// Something that happened to one server in a step.
#[derive(Clone, Debug)]
pub enum Happened {
    /// A connection stands. Neither step function knows yet.
    Opened {
        /// The learner and what it calls the connection.
        learner: (usize, Conn),
        /// The leader and what it calls the connection.
        leader: (usize, Conn),
    },
    /// The step function was given an input. An Apache learner shows none.
    Stepped {
        /// The server.
        at: usize,
        /// The input.
        input: Input<u64>,
        /// What came of it.
        effects: Vec<Effect<u64>>,
        /// The server after it.
        node: Box<Node>,
    },
    /// The process died and started again from what its disk kept.
    Restarted {
        /// The server.
        at: usize,
        /// Whether somebody emptied the disk before.
        emptied: bool,
        /// The server as it started.
        node: Box<Node>,
    },
}

impl<'a, R: Rules> Run<'a, R> {
    /// All servers have started from empty disks, and nothing happened yet.
    pub fn new(rules: &'a R, flaws: Flaws, bounds: Bounds) -> Self {
        let nodes = (0..bounds.nodes()).map(|i| bounds.boot(rules, i));
        Self {
            rules,
            flaws,
            configuration: bounds.configuration(),
            autocreate: bounds.autocreate,
            nodes: nodes.collect(),
            wires: Vec::new(),
            numbers: vec![0; bounds.nodes()],
            proposed: 0,
            steps: 0,
        }
    }

    /// The servers as they are.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The connections that were ever opened.
    pub fn links(&self) -> impl ExactSizeIterator<Item = &Link> {
        self.wires.iter().map(|wire| &wire.link)
    }

    /// The voters.
    pub fn ensemble(&self) -> &Ensemble {
        &self.configuration.active().ensemble
    }

    /// In which step the next frame was sent that this end of a connection will receive. Steps count from 0.
    pub(crate) fn sent(&self, wire: usize, end: End) -> Option<usize> {
        self.wires[wire].sent[end as usize].front().copied()
    }

    /// What comes before a run that begins with an established epoch: the first server leads, all others
    /// join it, and everything on the way arrives.
    pub fn prelude(&mut self, see: &mut dyn FnMut(Happened)) -> Vec<Action> {
        let mut done = vec![Action::Lead(0)];
        self.play(Action::Lead(0), see);
        for learner in 1..self.nodes.len() {
            let action = Action::Join { learner, leader: 0 };
            self.play(action, see);
            done.push(action);
        }
        while let Some(action) = self.calm_action() {
            self.play(action, see);
            done.push(action);
        }
        done
    }

    /// Something that is on its way and needs no fault to happen.
    fn calm_action(&self) -> Option<Action> {
        let frames = self.wires.iter().enumerate().find_map(|(at, wire)| {
            let mut ends = [End::Learner, End::Leader].into_iter();
            let arrives = |end: &End| wire.link.conn(*end).is_some() && !wire.link.incoming(*end).is_empty();
            ends.find(arrives).map(|end| Action::Deliver(at, end))
        });
        frames.or_else(|| {
            self.nodes.iter().enumerate().find_map(|(i, node)| {
                let log = (!node.disk.log_ops.is_empty()).then_some(Action::LogDone(i));
                log.or((!node.disk.epoch_ops.is_empty()).then_some(Action::EpochDone(i)))
            })
        })
    }

    /// Lets it happen. `see` is shown all that happens to servers, in order.
    ///
    /// # Panics
    ///
    /// If there is nothing of the kind that could happen: no such frame on the way, no such end open.
    pub fn play(&mut self, action: Action, see: &mut dyn FnMut(Happened)) {
        match action {
            Action::Lead(i) => {
                self.input(i, Input::Lead, see);
                self.nodes[i].unheard |= self.nodes.iter().any(is_newborn_looker);
            }
            Action::Join { learner, leader } => self.join(learner, leader, see),
            Action::Deliver(wire, end) => {
                let link = &mut self.wires[wire].link;
                let conn = link.conn(end).expect("the end is open");
                let server = index(link.server(end));
                let frame = link.receive(end).expect("a frame is on the way");
                self.wires[wire].sent[end as usize].pop_front();
                self.happen(server, Happening::Frame { conn, frame }, see);
            }
            Action::Break(wire, end) => {
                let link = &mut self.wires[wire].link;
                let conn = link.conn(end).expect("the end is open");
                let server = index(link.server(end));
                self.close(wire, end);
                self.input(server, Input::Closed { conn }, see);
            }
            Action::LogDone(i) => self.input(i, Input::LogDurable { ops: 1 }, see),
            Action::EpochDone(i) => self.input(i, Input::EpochsDurable { ops: 1 }, see),
            Action::Crash(i, log_ops, epoch_ops) => self.crash(i, log_ops, epoch_ops, see),
            Action::GiveUp(i) => self.input(i, Input::LimitPassed, see),
            Action::CheckQuorum(i) => self.input(i, Input::CheckQuorum, see),
            Action::Propose(i) => {
                let server = self.nodes[i].server();
                let zxid = server.and_then(|server| server.next_zxid(self.rules));
                let zxid = zxid.unwrap_or(Zxid::ZERO);
                self.proposed += 1;
                let payload = self.proposed;
                self.input(i, Input::Propose { zxid, payload }, see);
            }
            Action::Ping(i) => self.input(i, Input::PingLearners, see),
            Action::Sync(i) => self.sync(i, see),
            Action::Purge(i) => {
                let floor = self.nodes[i].tree.zxid;
                self.input(i, Input::Purged { floor }, see);
            }
            Action::DiskFails(i, log_ops, epoch_ops) => {
                if !self.rules.outlives_disk() {
                    self.cut_off(i);
                }
                let (log_ops, epoch_ops) = (log_ops.into(), epoch_ops.into());
                self.happen(i, Happening::DiskFails { log_ops, epoch_ops }, see);
            }
            Action::Wipe(i) => {
                self.cut_off(i);
                let autocreate = self.autocreate;
                self.happen(i, Happening::Wipe { autocreate }, see);
            }
            Action::HearHistory(i) => self.input(i, Input::HistoryHeard, see),
            Action::Reconfigure(i, payload) => {
                let server = self.nodes[i].server();
                let zxid = server.and_then(|server| server.next_zxid(self.rules));
                let zxid = zxid.unwrap_or(Zxid::ZERO);
                self.input(i, Input::Propose { zxid, payload }, see);
            }
            Action::Hear { looker, of } => {
                let in_force = self.nodes[of].in_force().expect("it goes by some configuration");
                let out = &mut Vec::new();
                self.nodes[looker].step(&self.configuration, self.rules, Happening::Hear(in_force), out);
            }
            // A run has roles, and not the votes that led to them.
            Action::HearVote { .. } | Action::LoseVote { .. } | Action::Settle(_) => {}
        }
        self.steps += 1;
    }

    fn input(&mut self, i: usize, input: Input<u64>, see: &mut dyn FnMut(Happened)) {
        self.happen(i, Happening::Input(input), see);
    }

    fn happen(&mut self, i: usize, happening: Happening, see: &mut dyn FnMut(Happened)) {
        let input = match &happening {
            Happening::DiskFails { .. } if self.rules.outlives_disk() => Some(Input::DiskFailed),
            other => input_of(other),
        };
        let emptied = matches!(happening, Happening::Wipe { .. });
        let mut out = Vec::new();
        let mut effects = Vec::new();
        let node = &mut self.nodes[i];
        node.step_seen(&self.configuration, self.rules, happening, &mut out, &mut |fx| {
            effects = fx.to_vec();
        });
        if node.server().is_some() {
            see(match input {
                Some(input) => Happened::Stepped {
                    at: i,
                    input,
                    effects,
                    node: Box::new(node.clone()),
                },
                None => Happened::Restarted {
                    at: i,
                    emptied,
                    node: Box::new(node.clone()),
                },
            });
        }
        for out in out {
            match out {
                Out::Frame { conn, frame } => {
                    if let Some((wire, end)) = self.find(id(i), conn) {
                        self.send(wire, end, frame);
                    }
                }
                Out::Close { conn } => {
                    if let Some((wire, end)) = self.find(id(i), conn) {
                        self.close(wire, end);
                    }
                }
                Out::Connect { .. } | Out::Event(_) => {}
            }
        }
    }

    fn find(&self, server: ServerId, conn: Conn) -> Option<(usize, End)> {
        let wires = self.wires.iter().enumerate();
        wires
            .rev()
            .find_map(|(at, wire)| Some((at, wire.link.end_of(server, conn)?)))
    }

    fn send(&mut self, wire: usize, end: End, frame: Frame) {
        let Wire { link, sent } = &mut self.wires[wire];
        let to = Link::other(end);
        link.send(end, frame);
        sent[to as usize].resize(link.incoming(to).len(), self.steps);
    }

    fn close(&mut self, wire: usize, end: End) {
        let Wire { link, sent } = &mut self.wires[wire];
        link.close(end);
        sent[end as usize].clear();
    }

    fn join(&mut self, learner: usize, leader: usize, see: &mut dyn FnMut(Happened)) {
        self.input(learner, Input::Follow { leader: id(leader) }, see);
        let [conn, accepted] = [learner, leader].map(|server| {
            self.numbers[server] += 1;
            Conn::new(self.numbers[server])
        });
        self.wires.push(Wire {
            link: Link {
                learner: id(learner),
                leader: id(leader),
                learner_end: Some(conn),
                leader_end: Some(accepted),
                up: VecDeque::new(),
                down: VecDeque::new(),
            },
            sent: Default::default(),
        });
        see(Happened::Opened {
            learner: (learner, conn),
            leader: (leader, accepted),
        });
        self.input(learner, Input::Connected { conn }, see);
    }

    /// A process dies, and with it its ends of connections.
    fn cut_off(&mut self, i: usize) {
        for wire in 0..self.wires.len() {
            for end in [End::Learner, End::Leader] {
                if self.wires[wire].link.server(end) == id(i) {
                    self.close(wire, end);
                }
            }
        }
        self.numbers[i] = 0;
    }

    fn crash(&mut self, i: usize, log_ops: u8, epoch_ops: u8, see: &mut dyn FnMut(Happened)) {
        self.cut_off(i);
        let mut log_ops = u32::from(log_ops);
        if self.flaws.unsynced_truncation {
            let cuts = |op: &LogOp| matches!(op, LogOp::Truncate(_));
            let ops = &mut self.nodes[i].disk.log_ops;
            log_ops -= ops.iter().take(log_ops as usize).filter(|op| cuts(op)).count() as u32;
            ops.retain(|op| !cuts(op));
        }
        let epoch_ops = u32::from(epoch_ops);
        self.happen(i, Happening::Crash { log_ops, epoch_ops }, see);
    }

    /// A `sync` of a client: at the leader itself, or through the learner's connection.
    fn sync(&mut self, i: usize, see: &mut dyn FnMut(Happened)) {
        match self.nodes[i].server().map(Server::standing) {
            Some(Standing::Following { conn: Some(conn), .. }) => {
                if let Some((wire, end)) = self.find(id(i), conn) {
                    self.send(wire, end, Frame::SyncRequest);
                }
            }
            _ => self.input(i, Input::Sync { conn: None }, see),
        }
    }
}

/// The input that this is, as the step function gets it; none if it is a crash.
fn input_of(happening: &Happening) -> Option<Input<u64>> {
    Some(match happening {
        Happening::Crash { .. }
        | Happening::DiskFails { .. }
        | Happening::Wipe { .. }
        | Happening::Hear(_) => return None,
        Happening::Input(input) => input.clone(),
        Happening::Frame { conn, frame } => match frame {
            Frame::Message(message) => Input::Message {
                conn: *conn,
                message: message.clone(),
            },
            Frame::Snapshot(last) | Frame::SnapshotOf(last, _) => Input::Message {
                conn: *conn,
                message: Message::Snap { zxid: last.zxid },
            },
            Frame::SyncRequest => Input::Sync { conn: Some(*conn) },
        },
    })
}

#[cfg(test)]
mod tests;
