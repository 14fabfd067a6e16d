//! What can happen to one server and its disk, and what comes of it?
//!
//! The one place in which a step function meets a simulated disk and tree. The checker, the audit and
//! whoever else drives the model call [`Node::step`], and ask [`Node::permits`] what may happen.

use crate::disk::{Disk, Durable, LogOp};
use crate::java::Java;
use crate::property::Property;
use crate::txn::{Members, Txn};
use quorate_zab::{
    Configuration, Context, Effect, Found, Input, Memory, Message, Rules, Server, ServerId, Standing, Zxid,
};

mod effects;
mod members;
mod words;

use effects::write_epoch;
pub use members::Changing;
pub use words::{Event, Frame, Happening, Out};

/// What decides: our step function, or the model of Apache's learner.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum Brain {
    /// The deployed step function.
    Quorate(Server),
    /// An Apache 3.9.3 learner, which never leads here.
    Java(Java),
    /// The deployed step function, with what it goes by where members change.
    Changing(Box<Changing>),
}

/// A server with its disk and its tree.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Node {
    /// Who it is.
    pub me: ServerId,
    /// What decides.
    pub brain: Brain,
    /// Its disk.
    pub disk: Disk,
    /// The last transaction in the tree.
    pub tree: Txn,
    /// Whether clients see the tree.
    pub serving: bool,
    /// Whether a server that takes itself for new can have heard its vote and not yet that it leads: that
    /// one looked when this one began.
    pub unheard: bool,
}

/// Why a happening cannot be.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Forbidden(pub &'static str);

impl Node {
    /// A server that starts with this disk.
    pub fn boot<R: Rules>(
        rules: &R,
        me: ServerId,
        durable: Durable,
        memory: Memory,
        out: &mut Vec<Out>,
    ) -> Self {
        let mut fx: Vec<Effect<u64>> = Vec::new();
        let server = match Server::boot(rules, &durable.image(), memory, &mut fx) {
            Ok(server) => server,
            Err(_) => {
                out.push(Out::Event(Event::Broke(Property::AlwaysBoots)));
                // The verdict is in; any state will do behind it.
                let blank = Durable::default().image();
                Server::boot(rules, &blank, memory, &mut fx).expect("an empty disk boots")
            }
        };
        out.push(Out::Event(Event::Looks));
        let tree = durable.snapshot;
        let disk = Disk {
            durable,
            ..Disk::default()
        };
        Self {
            me,
            brain: Brain::Quorate(server),
            disk,
            tree,
            serving: false,
            unheard: false,
        }
    }

    /// An Apache learner that starts with an empty disk.
    pub fn java(me: ServerId) -> Self {
        Self {
            me,
            brain: Brain::Java(Java::default()),
            disk: Disk::default(),
            tree: Txn::default(),
            serving: false,
            unheard: false,
        }
    }

    /// Our step function's state, unless this is an Apache learner.
    pub fn server(&self) -> Option<&Server> {
        match &self.brain {
            Brain::Quorate(server) => Some(server),
            Brain::Changing(changing) => Some(&changing.server),
            Brain::Java(_) => None,
        }
    }

    /// Whether the server is between leaders and may take a role.
    pub fn is_votable(&self) -> bool {
        match &self.brain {
            Brain::Quorate(server) => server.is_votable(),
            Brain::Changing(changing) => changing.server.is_votable(),
            Brain::Java(java) => java.is_looking(),
        }
    }

    /// Whether the world may do this to the node. What it may send through connections is the
    /// connections' to say.
    ///
    /// # Errors
    ///
    /// [`Forbidden`] says why not.
    pub fn permits<R: Rules>(&self, rules: &R, happening: &Happening) -> Result<(), Forbidden> {
        let need = |holds: bool, why| if holds { Ok(()) } else { Err(Forbidden(why)) };
        match happening {
            Happening::Wipe { .. } => Ok(()),
            Happening::Crash { log_ops, epoch_ops } | Happening::DiskFails { log_ops, epoch_ops } => {
                need(
                    *log_ops as usize <= self.disk.log_ops.len(),
                    "the disk holds more than was asked of it",
                )?;
                need(
                    *epoch_ops as usize <= self.disk.epoch_ops.len(),
                    "the epoch files hold what was not asked",
                )
            }
            Happening::Frame { .. } => Ok(()),
            Happening::Hear(txn) => need(
                self.is_votable()
                    && self
                        .configuration()
                        .zip(crate::txn::version(txn))
                        .is_some_and(|(own, heard)| own.hears_more(&heard)),
                "a server hears of a newer configuration between leaders",
            ),
            Happening::Input(input) => match input {
                Input::LogDurable { ops } => need(
                    *ops >= 1 && *ops as usize <= self.disk.log_ops.len(),
                    "reported durable, but not asked for",
                ),
                Input::EpochsDurable { ops } => need(
                    *ops >= 1 && *ops as usize <= self.disk.epoch_ops.len(),
                    "epoch reported durable, but not asked for",
                ),
                Input::Lead | Input::Follow { .. } => need(
                    self.is_votable(),
                    "a role is taken only by a server that looks and is votable",
                ),
                Input::Connected { .. } => need(
                    match (&self.brain, self.server()) {
                        (Brain::Java(java), _) => java.is_connecting(),
                        (_, server) => server.is_some_and(|server| {
                            matches!(server.standing(), Standing::Following { conn: None, .. })
                        }),
                    },
                    "a connection that was not asked for",
                ),
                Input::Propose { zxid, .. } => need(
                    self.server().and_then(|server| server.next_zxid(rules)) == Some(*zxid),
                    "a proposal with a zxid that is not the next one",
                ),
                Input::Message { .. } => need(false, "messages come as frames"),
                Input::Purged { floor } => need(
                    *floor <= self.tree.zxid,
                    "purged beyond what any snapshot of the tree covers",
                ),
                Input::Closed { .. }
                | Input::LimitPassed
                | Input::PingLearners
                | Input::CheckQuorum
                | Input::DiskFailed
                | Input::HistoryHeard
                | Input::Sync { .. } => Ok(()),
            },
        }
    }

    /// Lets it happen.
    pub fn step<R: Rules>(
        &mut self,
        configuration: &Configuration,
        rules: &R,
        happening: Happening,
        out: &mut Vec<Out>,
    ) {
        self.step_seen(configuration, rules, happening, out, &mut |_| {});
    }

    /// As [`Node::step`], and shows `seen` the effects as the step function had them.
    pub fn step_seen<R: Rules>(
        &mut self,
        configuration: &Configuration,
        rules: &R,
        happening: Happening,
        out: &mut Vec<Out>,
        seen: &mut dyn FnMut(&[Effect<u64>]),
    ) {
        let (input, read) = match happening {
            Happening::Crash { log_ops, epoch_ops } => return self.crash(rules, log_ops, epoch_ops, out),
            Happening::DiskFails { log_ops, epoch_ops } => {
                self.feed(configuration, rules, Input::DiskFailed, Read::NOTHING, out, seen);
                return self.outlive(rules, log_ops, epoch_ops, out);
            }
            Happening::Wipe { autocreate } => return self.wipe(rules, autocreate, out),
            Happening::Hear(txn) => return self.hear(&txn, out),
            Happening::Input(input) => (input, Read::NOTHING),
            Happening::Frame { conn, frame } => match frame {
                Frame::Message(message) => (Input::Message { conn, message }, Read::NOTHING),
                Frame::Snapshot(last) => {
                    let message = Message::Snap { zxid: last.zxid };
                    let snapshot = Some(last);
                    (
                        Input::Message { conn, message },
                        Read {
                            snapshot,
                            members: None,
                        },
                    )
                }
                Frame::SnapshotOf(last, members) => {
                    let message = Message::Snap { zxid: last.zxid };
                    let (snapshot, members) = (Some(last), Some(members));
                    (Input::Message { conn, message }, Read { snapshot, members })
                }
                Frame::SyncRequest => (Input::Sync { conn: Some(conn) }, Read::NOTHING),
            },
        };
        self.feed(configuration, rules, input, read, out, seen);
    }

    fn crash<R: Rules>(&mut self, rules: &R, log_ops: u32, epoch_ops: u32, out: &mut Vec<Out>) {
        let mut durable = std::mem::take(&mut self.disk.durable);
        let log: Vec<_> = self.disk.log_ops.drain(..).take(log_ops as usize).collect();
        let epochs = self.disk.epoch_ops.drain(..).take(epoch_ops as usize);
        let epochs: Vec<_> = epochs.collect();
        self.keep_files(&log, &epochs);
        for op in log {
            durable.apply_log(op);
        }
        for op in epochs {
            write_epoch(&mut durable, op, out);
        }
        match &mut self.brain {
            Brain::Quorate(_) => {
                let memory = self.memory_after_crash(&durable);
                *self = Self::boot(rules, self.me, durable, memory, out);
            }
            Brain::Changing(changing) => {
                let files = changing.files;
                let memory = self.memory_after_crash(&durable);
                *self = Self::boot(rules, self.me, durable, memory, out).with_members(files);
            }
            Brain::Java(java) => {
                java.restart(&mut durable, out);
                self.disk = Disk {
                    durable,
                    ..Disk::default()
                };
            }
        }
        out.push(Out::Event(Event::Shrunk));
    }

    fn memory_after_crash(&self, durable: &Durable) -> Memory {
        if durable.forgetful {
            return Memory::Forgetful;
        }
        match self.server().map(Server::memory) {
            Some(Memory::Newborn | Memory::Forgetful) if durable.is_empty() => Memory::Newborn,
            _ => Memory::Whole,
        }
    }

    /// What a failed disk leads to: the end, for all but a wrong rule. That one goes on, with what failed
    /// left out, or with a device that does nothing any more.
    fn outlive<R: Rules>(&mut self, rules: &R, log_ops: u32, epoch_ops: u32, out: &mut Vec<Out>) {
        if self.server().is_none_or(Server::is_halted) {
            return self.crash(rules, log_ops, epoch_ops, out);
        }
        if rules.takes_failed_for_done() {
            self.disk.log_ops.pop_front();
        } else {
            self.disk.dead = true;
        }
    }

    fn wipe<R: Rules>(&mut self, rules: &R, autocreate: bool, out: &mut Vec<Out>) {
        let found = Found {
            empty: true,
            autocreate,
            ..Found::default()
        };
        let memory = Memory::of(rules, found);
        // The mark is written before anything else.
        let disk = Durable {
            forgetful: !memory.remembers(),
            ..Durable::default()
        };
        match &mut self.brain {
            Brain::Quorate(_) => *self = Self::boot(rules, self.me, disk, memory, out),
            // The file that names members is not with the data.
            Brain::Changing(changing) => {
                let files = changing.files;
                *self = Self::boot(rules, self.me, disk, memory, out).with_members(files);
            }
            Brain::Java(_) => *self = Self::java(self.me),
        }
        out.push(Out::Event(Event::Shrunk));
    }

    fn feed<R: Rules>(
        &mut self,
        configuration: &Configuration,
        rules: &R,
        input: Input<u64>,
        read: Read,
        out: &mut Vec<Out>,
        seen: &mut dyn FnMut(&[Effect<u64>]),
    ) {
        let (accepted, from) = (self.disk.durable.accepted, out.len());
        self.finish_disk_ops(&input, out);
        let own = self.configuration().cloned();
        let configuration = own.as_ref().unwrap_or(configuration);
        let server = match &mut self.brain {
            Brain::Quorate(server) => server,
            Brain::Changing(changing) => &mut changing.server,
            Brain::Java(java) => return java.step(self.me, &mut self.disk, input, read.snapshot, out),
        };
        if let Input::Propose { zxid, payload } = &input {
            out.push(Out::Event(Event::Proposed(Txn {
                zxid: *zxid,
                value: *payload,
            })));
        }
        let (was_chosen, was_established) = (server.is_chosen(), is_established(server));
        let was_committed = server.committed();
        let (was_leading, promised) = (leads(server), server.accepted());
        let remembered = server.memory().remembers();
        let reign = server.epoch();
        let cx = Context {
            me: self.me,
            configuration,
            rules,
        };
        let mut fx = Vec::new();
        server.step(&cx, input, &mut fx);
        seen(&fx);
        // A leader that gives way in this step did what it did as the leader that it was.
        let epoch = server.epoch().or(reign).unwrap_or_default();
        let is_bound = configuration.changes() || configuration.is_voter(self.me);
        let is_chosen = server.is_chosen();
        let (is_established, committed) = match retired_with(&fx) {
            Some(upto) if was_leading && server.is_looking() => (true, Some(upto)),
            _ => (is_established(server), server.committed()),
        };
        if was_leading && server.is_looking() && server.accepted() > promised {
            out.push(Out::Event(Event::GaveWay));
        }
        if !remembered && server.memory().remembers() {
            out.push(Out::Event(Event::Recalled));
        }
        if is_chosen && !was_chosen {
            out.push(Out::Event(Event::Chosen { epoch }));
        }
        if is_established && !was_established {
            out.push(Out::Event(Event::Established { epoch }));
        } else if is_established
            && committed != was_committed
            && let Some(upto) = committed
        {
            out.push(Out::Event(Event::Committed { epoch, upto }));
        }
        self.keep_up(&fx, read.members, out);
        for effect in fx {
            self.perform(effect, epoch, is_bound, read.snapshot, out);
        }
        for out in &mut out[from..] {
            if let Out::Event(Event::Promised { before, .. }) = out {
                *before = accepted;
            }
        }
    }

    /// A report of the disk is the moment from which what it reports is durable.
    fn finish_disk_ops(&mut self, input: &Input<u64>, out: &mut Vec<Out>) {
        match input {
            Input::LogDurable { ops } => {
                let done = (*ops as usize).min(self.disk.log_ops.len());
                let done: Vec<_> = self.disk.log_ops.drain(..done).collect();
                self.keep_files(&done, &[]);
                for op in done {
                    self.disk.durable.apply_log(op);
                    if !matches!(op, LogOp::Append(_)) {
                        out.push(Out::Event(Event::Shrunk));
                    }
                }
            }
            Input::EpochsDurable { ops } => {
                let done = (*ops as usize).min(self.disk.epoch_ops.len());
                let done: Vec<_> = self.disk.epoch_ops.drain(..done).collect();
                self.keep_files(&[], &done);
                for op in done {
                    write_epoch(&mut self.disk.durable, op, out);
                }
            }
            Input::Purged { floor } => self.disk.durable.purge(*floor),
            _ => {}
        }
    }
}

/// What a frame brought besides the message.
#[derive(Clone, Copy, Debug)]
struct Read {
    snapshot: Option<Txn>,
    members: Option<Members>,
}

impl Read {
    const NOTHING: Self = Self {
        snapshot: None,
        members: None,
    };
}

/// Up to where a leader committed that put a configuration into force, and left with that: it told its
/// learners, if it had any.
fn retired_with(effects: &[Effect<u64>]) -> Option<Zxid> {
    let committed = |effect: &Effect<u64>| match effect {
        Effect::Activate { version } => Some(*version),
        Effect::Send {
            message: Message::Commit { zxid },
            ..
        } => Some(*zxid),
        _ => None,
    };
    let activates = |effect: &Effect<u64>| matches!(effect, Effect::Activate { .. });
    let told = effects.iter().filter_map(committed).max();
    told.filter(|_| effects.iter().any(activates))
}

fn leads(server: &Server) -> bool {
    matches!(server.standing(), Standing::Leading { .. })
}

fn is_established(server: &Server) -> bool {
    matches!(server.standing(), Standing::Leading { serving: true })
}
