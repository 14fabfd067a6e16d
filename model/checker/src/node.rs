//! What can happen to one server and its disk, and what comes of it?
//!
//! The one place in which a step function meets a simulated disk and tree. The checker, the audit and
//! whoever else drives the model call [`Node::step`], and ask [`Node::permits`] what may happen.

use crate::disk::{Disk, EpochOp, LogOp};
use crate::java::Java;
use crate::property::Property;
use crate::txn::{Txn, between};
use quorate_zab::{
    Conn, Context, Effect, Ensemble, Epoch, Input, Message, Rules, Server, ServerId, Standing, Violation,
    Zxid,
};

/// What travels on a connection.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum Frame {
    /// A message of the protocol.
    Message(Message<u64>),
    /// [`Message::Snap`] and the snapshot itself: its last transaction stands for all below it.
    Snapshot(Txn),
    /// A `sync` that a learner forwards.
    SyncRequest,
}

/// Something that the world does to a node.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum Happening {
    /// An input of the step function.
    Input(Input<u64>),
    /// A frame is read from a connection.
    Frame {
        /// The connection.
        conn: Conn,
        /// What was read.
        frame: Frame,
    },
    /// The process dies and starts again from what the disk kept.
    Crash {
        /// How many of the log operations under way were done.
        log_ops: u32,
        /// How many of the epoch writes under way were done.
        epoch_ops: u32,
    },
}

/// What comes of a happening, in order.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum Out {
    /// A frame is handed to a connection.
    Frame {
        /// The connection.
        conn: Conn,
        /// The frame.
        frame: Frame,
    },
    /// The node closes its end.
    Close {
        /// The connection.
        conn: Conn,
    },
    /// The node wants a connection to `leader`.
    Connect {
        /// The leader.
        leader: ServerId,
    },
    /// Something for the record.
    Event(Event),
}

/// Something that the properties speak of.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum Event {
    /// ACKEPOCH was sent, with a promise that counts.
    Promised {
        /// To whom.
        conn: Conn,
        /// The epoch.
        epoch: Epoch,
        /// What the file said before the step that gave it. If that was less, the step made the promise
        /// durable: a disk on which epochs never go back has one such step for each epoch.
        before: Option<Epoch>,
    },
    /// A quorum promised this leader's epoch.
    Chosen {
        /// The epoch.
        epoch: Epoch,
    },
    /// A quorum has this leader's initial history.
    Established {
        /// The epoch.
        epoch: Epoch,
    },
    /// A leader committed everything up to here.
    Committed {
        /// Its epoch.
        epoch: Epoch,
        /// The last one.
        upto: Zxid,
    },
    /// A leader proposed it.
    Proposed(Txn),
    /// It was asked of the log, behind `before`.
    Appended {
        /// The transaction.
        txn: Txn,
        /// The end of the log before it.
        before: Txn,
    },
    /// These were cut off, or replaced.
    Dropped(Vec<Txn>),
    /// A cut or an installation became durable.
    Shrunk,
    /// The learner acknowledged NEWLEADER.
    Entered {
        /// The epoch.
        epoch: Epoch,
    },
    /// currentEpoch is durable.
    EpochDurable {
        /// The epoch.
        epoch: Epoch,
    },
    /// It is in the tree, behind `before`; clients see it as soon as the server serves.
    Delivered {
        /// The transaction.
        txn: Txn,
        /// The end of the tree before it.
        before: Txn,
    },
    /// Clients are served, from a tree that ends here.
    Serves {
        /// The epoch.
        epoch: Epoch,
        /// The end of the tree.
        tree: Txn,
    },
    /// The server looks for a leader, its credential now stands.
    Looks,
    /// A `sync` of this server's own clients is answered.
    Synced,
    /// A leader made a higher promise its own and looks.
    GaveWay,
    /// A peer was hung up on.
    HungUp(Violation),
    /// The node itself saw a property broken.
    Broke(Property),
}

/// What decides: our step function, or the model of Apache's learner.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum Brain {
    /// The deployed step function.
    Quorate(Server),
    /// An Apache 3.9.3 learner, which never leads here.
    Java(Java),
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
}

/// Why a happening cannot be.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Forbidden(pub &'static str);

impl Node {
    /// A server that starts with this disk.
    pub fn boot(me: ServerId, durable: crate::disk::Durable, out: &mut Vec<Out>) -> Self {
        let mut fx: Vec<Effect<u64>> = Vec::new();
        let server = match Server::boot(&durable.image(), &mut fx) {
            Ok(server) => server,
            Err(_) => {
                out.push(Out::Event(Event::Broke(Property::AlwaysBoots)));
                // The verdict is in; any state will do behind it.
                let blank = crate::disk::Durable::default().image();
                Server::boot(&blank, &mut fx).expect("an empty disk boots")
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
        }
    }

    /// Our step function's state, unless this is an Apache learner.
    pub fn server(&self) -> Option<&Server> {
        match &self.brain {
            Brain::Quorate(server) => Some(server),
            Brain::Java(_) => None,
        }
    }

    /// Whether the server is between leaders and may take a role.
    pub fn is_votable(&self) -> bool {
        match &self.brain {
            Brain::Quorate(server) => server.is_votable(),
            Brain::Java(java) => java.is_looking(),
        }
    }

    /// Whether the world may do this to the node. What it may send through connections is the
    /// connections' to say.
    ///
    /// # Errors
    ///
    /// [`Forbidden`] says why not.
    pub fn permits(&self, happening: &Happening) -> Result<(), Forbidden> {
        let need = |holds: bool, why| if holds { Ok(()) } else { Err(Forbidden(why)) };
        match happening {
            Happening::Crash { log_ops, epoch_ops } => {
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
                    match &self.brain {
                        Brain::Quorate(server) => {
                            matches!(server.standing(), Standing::Following { conn: None, .. })
                        }
                        Brain::Java(java) => java.is_connecting(),
                    },
                    "a connection that was not asked for",
                ),
                Input::Propose { zxid, .. } => need(
                    self.server().and_then(Server::next_zxid) == Some(*zxid),
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
                | Input::Sync { .. } => Ok(()),
            },
        }
    }

    /// Lets it happen.
    pub fn step<R: Rules>(
        &mut self,
        ensemble: &Ensemble,
        rules: &R,
        happening: Happening,
        out: &mut Vec<Out>,
    ) {
        self.step_seen(ensemble, rules, happening, out, &mut |_| {});
    }

    /// As [`Node::step`], and shows `seen` the effects as the step function had them.
    pub fn step_seen<R: Rules>(
        &mut self,
        ensemble: &Ensemble,
        rules: &R,
        happening: Happening,
        out: &mut Vec<Out>,
        seen: &mut dyn FnMut(&[Effect<u64>]),
    ) {
        let (input, snapshot) = match happening {
            Happening::Crash { log_ops, epoch_ops } => return self.crash(log_ops, epoch_ops, out),
            Happening::Input(input) => (input, None),
            Happening::Frame { conn, frame } => match frame {
                Frame::Message(message) => (Input::Message { conn, message }, None),
                Frame::Snapshot(last) => {
                    let message = Message::Snap { zxid: last.zxid };
                    (Input::Message { conn, message }, Some(last))
                }
                Frame::SyncRequest => (Input::Sync { conn: Some(conn) }, None),
            },
        };
        self.feed(ensemble, rules, input, snapshot, out, seen);
    }

    fn crash(&mut self, log_ops: u32, epoch_ops: u32, out: &mut Vec<Out>) {
        let mut durable = std::mem::take(&mut self.disk.durable);
        for op in self.disk.log_ops.drain(..).take(log_ops as usize) {
            durable.apply_log(op);
        }
        for op in self.disk.epoch_ops.drain(..).take(epoch_ops as usize) {
            write_epoch(&mut durable, op, out);
        }
        match &mut self.brain {
            Brain::Quorate(_) => *self = Self::boot(self.me, durable, out),
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

    fn feed<R: Rules>(
        &mut self,
        ensemble: &Ensemble,
        rules: &R,
        input: Input<u64>,
        snapshot: Option<Txn>,
        out: &mut Vec<Out>,
        seen: &mut dyn FnMut(&[Effect<u64>]),
    ) {
        let (accepted, from) = (self.disk.durable.accepted, out.len());
        self.finish_disk_ops(&input, out);
        let server = match &mut self.brain {
            Brain::Quorate(server) => server,
            Brain::Java(java) => return java.step(self.me, &mut self.disk, input, snapshot, out),
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
        let cx = Context {
            me: self.me,
            ensemble,
            rules,
        };
        let mut fx = Vec::new();
        server.step(&cx, input, &mut fx);
        seen(&fx);
        let epoch = server.epoch().unwrap_or_default();
        let is_bound = ensemble.is_voter(self.me);
        let (is_chosen, is_established) = (server.is_chosen(), is_established(server));
        let committed = server.committed();
        if was_leading && server.is_looking() && server.accepted() > promised {
            out.push(Out::Event(Event::GaveWay));
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
        for effect in fx {
            self.perform(effect, epoch, is_bound, snapshot, out);
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
                for op in self
                    .disk
                    .log_ops
                    .drain(..(*ops as usize).min(self.disk.log_ops.len()))
                {
                    self.disk.durable.apply_log(op);
                    if !matches!(op, LogOp::Append(_)) {
                        out.push(Out::Event(Event::Shrunk));
                    }
                }
            }
            Input::EpochsDurable { ops } => {
                for op in self
                    .disk
                    .epoch_ops
                    .drain(..(*ops as usize).min(self.disk.epoch_ops.len()))
                {
                    write_epoch(&mut self.disk.durable, op, out);
                }
            }
            Input::Purged { floor } => self.disk.durable.purge(*floor),
            _ => {}
        }
    }

    /// Carries out an effect of a step in `epoch`; `is_bound` says whether promises bind this server.
    fn perform(
        &mut self,
        effect: Effect<u64>,
        epoch: Epoch,
        is_bound: bool,
        snapshot: Option<Txn>,
        out: &mut Vec<Out>,
    ) {
        match effect {
            Effect::PersistAccepted(epoch) => self.disk.epoch_ops.push_back(EpochOp::Accepted(epoch)),
            Effect::PersistCurrent(epoch) => self.disk.epoch_ops.push_back(EpochOp::Current(epoch)),
            Effect::Append { zxid, payload } => {
                let txn = Txn { zxid, value: payload };
                let before = self.disk.last();
                self.check_fence(epoch, is_bound, out);
                self.disk.log_ops.push_back(LogOp::Append(txn));
                out.push(Out::Event(Event::Appended { txn, before }));
            }
            Effect::Truncate { to } => {
                let dropped = self.disk.logical().iter().filter(|txn| txn.zxid > to).collect();
                out.push(Out::Event(Event::Dropped(dropped)));
                self.disk.log_ops.push_back(LogOp::Truncate(to));
            }
            Effect::Install { .. } => {
                let last = snapshot.expect("a snapshot is installed by the step that receives it");
                let dropped = self
                    .disk
                    .logical()
                    .iter()
                    .filter(|txn| txn.zxid > last.zxid)
                    .collect();
                out.push(Out::Event(Event::Dropped(dropped)));
                self.disk.log_ops.push_back(LogOp::Install(last));
            }
            Effect::Connect { leader } => out.push(Out::Connect { leader }),
            Effect::Send { conn, message } => self.send(conn, message, epoch, is_bound, out),
            Effect::SendAcks { conn, first, last } => {
                self.check_fence(epoch, is_bound, out);
                for counter in first.counter()..=last.counter() {
                    let zxid = Zxid::new(first.epoch(), counter);
                    out.push(Out::Frame {
                        conn,
                        frame: Frame::Message(Message::Ack { zxid }),
                    });
                }
            }
            Effect::SendSnapshot { conn, zxid, .. } => {
                let last = self.disk.logical().at(zxid).unwrap_or(Txn { zxid, value: 0 });
                out.push(Out::Frame {
                    conn,
                    frame: Frame::Snapshot(last),
                });
            }
            Effect::Replay {
                conn,
                after,
                upto,
                committed,
            } => {
                for txn in self.disk.logical().between(after, upto) {
                    let message = Message::Proposal {
                        zxid: txn.zxid,
                        payload: txn.value,
                    };
                    out.push(Out::Frame {
                        conn,
                        frame: Frame::Message(message),
                    });
                    if committed {
                        let message = Message::Commit { zxid: txn.zxid };
                        out.push(Out::Frame {
                            conn,
                            frame: Frame::Message(message),
                        });
                    }
                }
            }
            Effect::Close { conn, why } => {
                out.push(Out::Close { conn });
                out.extend(why.map(|why| Out::Event(Event::HungUp(why))));
            }
            Effect::Load { zxid } => {
                self.tree = self.disk.logical().at(zxid).unwrap_or(Txn { zxid, value: 0 });
            }
            Effect::Deliver { upto } => {
                for &txn in between(&self.disk.durable.log, self.tree.zxid, upto) {
                    out.push(Out::Event(Event::Delivered {
                        txn,
                        before: self.tree,
                    }));
                    self.tree = txn;
                }
            }
            Effect::Retire => self.serving = false,
            Effect::Look { .. } => out.push(Out::Event(Event::Looks)),
            Effect::Serve { epoch } => {
                self.serving = true;
                out.push(Out::Event(Event::Serves {
                    epoch,
                    tree: self.tree,
                }));
            }
            Effect::SyncDone => out.push(Out::Event(Event::Synced)),
            Effect::Inform { conn, after, upto } => {
                for txn in self.disk.logical().between(after, upto) {
                    let message = Message::Inform {
                        zxid: txn.zxid,
                        payload: txn.value,
                    };
                    out.push(Out::Frame {
                        conn,
                        frame: Frame::Message(message),
                    });
                }
            }
        }
    }

    fn send(&self, conn: Conn, message: Message<u64>, epoch: Epoch, is_bound: bool, out: &mut Vec<Out>) {
        match message {
            Message::AckEpoch { current: Some(_), .. } => {
                if self.disk.durable.accepted.is_none_or(|accepted| accepted < epoch) {
                    out.push(Out::Event(Event::Broke(Property::PromiseIsDurable)));
                }
                out.push(Out::Event(Event::Promised {
                    conn,
                    epoch,
                    before: None,
                }));
            }
            // The first acknowledgement of (e, 0) answers NEWLEADER; the one for UPTODATE comes behind Serve.
            Message::Ack { zxid } if zxid.counter() == 0 && !self.serving => {
                self.check_fence(epoch, is_bound, out);
                out.push(Out::Event(Event::Entered { epoch }));
            }
            _ => {}
        }
        out.push(Out::Frame {
            conn,
            frame: Frame::Message(message),
        });
    }

    /// Whoever has promised an epoch neither logs nor acknowledges anything of a leader of an older one. An
    /// observer's promise is none: it has to keep to the epoch that it entered.
    fn check_fence(&self, epoch: Epoch, is_bound: bool, out: &mut Vec<Out>) {
        let durable = &self.disk.durable;
        let promised = if is_bound {
            durable.accepted
        } else {
            durable.current
        };
        if promised.is_some_and(|promised| promised > epoch) {
            out.push(Out::Event(Event::Broke(Property::Fencing)));
        }
    }
}

fn leads(server: &Server) -> bool {
    matches!(server.standing(), Standing::Leading { .. })
}

fn is_established(server: &Server) -> bool {
    matches!(server.standing(), Standing::Leading { serving: true })
}

/// Writes an epoch file. They never go back, and currentEpoch is never ahead of acceptedEpoch.
fn write_epoch(durable: &mut crate::disk::Durable, op: EpochOp, out: &mut Vec<Out>) {
    let fine = match op {
        EpochOp::Accepted(epoch) => durable.accepted.unwrap_or_default() <= epoch,
        EpochOp::Current(epoch) => {
            durable.current.unwrap_or_default() <= epoch && durable.accepted.unwrap_or_default() >= epoch
        }
    };
    if !fine {
        out.push(Out::Event(Event::Broke(Property::EpochsGrow)));
    }
    durable.apply_epoch(op);
    if let EpochOp::Current(epoch) = op {
        out.push(Out::Event(Event::EpochDurable { epoch }));
    }
}
