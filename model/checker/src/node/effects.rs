//! What does the step function ask of a node's disk, tree and connections?

use super::{Event, Frame, Node, Out};
use crate::disk::{Durable, EpochOp, LogOp};
use crate::property::Property;
use crate::txn::{Members, Txn, between};
use quorate_zab::{Conn, Effect, Epoch, Message, Zxid};

impl Node {
    /// Carries out an effect of a step in `epoch`; `is_bound` says whether promises bind this server.
    pub(super) fn perform(
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
            Effect::SendSnapshot { conn, zxid, upto } => {
                let last = self.disk.logical().at(zxid).unwrap_or(Txn { zxid, value: 0 });
                let members = self.configuration().map(|own| Members::of(&own.up_to(upto)));
                let frame = match members {
                    Some(members) => Frame::SnapshotOf(last, members),
                    None => Frame::Snapshot(last),
                };
                out.push(Out::Frame { conn, frame });
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
            Effect::Retire => (self.serving, self.unheard) = (false, false),
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
            Effect::Forget => self.disk.epoch_ops.push_back(EpochOp::Forget),
            Effect::Recall => self.disk.epoch_ops.push_back(EpochOp::Recall),
            // The world ends and starts processes.
            Effect::Halt => {}
            // What the node goes by tells what the file is to say.
            Effect::Activate { .. } => self.file_members(),
        }
    }

    pub(super) fn send(
        &self,
        conn: Conn,
        message: Message<u64>,
        epoch: Epoch,
        is_bound: bool,
        out: &mut Vec<Out>,
    ) {
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
    pub(super) fn check_fence(&self, epoch: Epoch, is_bound: bool, out: &mut Vec<Out>) {
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

/// Writes an epoch file. They never go back, and currentEpoch is never ahead of acceptedEpoch.
pub(super) fn write_epoch(durable: &mut Durable, op: EpochOp, out: &mut Vec<Out>) {
    let fine = match op {
        EpochOp::Accepted(epoch) => durable.accepted.unwrap_or_default() <= epoch,
        EpochOp::Current(epoch) => {
            durable.current.unwrap_or_default() <= epoch && durable.accepted.unwrap_or_default() >= epoch
        }
        EpochOp::Forget | EpochOp::Recall | EpochOp::Activate(_) => true,
    };
    if !fine {
        out.push(Out::Event(Event::Broke(Property::EpochsGrow)));
    }
    durable.apply_epoch(op);
    if let EpochOp::Current(epoch) = op {
        out.push(Out::Event(Event::EpochDurable { epoch }));
    }
}
