//! How does an Apache 3.9.3 learner differ from ours? It makes durable before it acknowledges
//! NEWLEADER only what it has seen committed, and leaves on a COMMIT that is not the head of its queue.
//!
//! Written from the behaviour of `Learner.syncWithLeader` and `FollowerZooKeeperServer`, as coarse as
//! the checker needs it: it writes its files within a step, logs proposals of the broadcast phase
//! through the same asynchronous log, and never leads.

use crate::disk::{Disk, Durable, EpochOp, LogOp};
use crate::node::{Event, Frame, Out};
use crate::property::Property;
use crate::txn::Txn;
use quorate_zab::{Conn, Epoch, Input, Message, ServerId, Zxid};
use std::collections::VecDeque;

/// Where an Apache learner is.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub struct Java {
    state: State,
    /// What its log files hold above the zxid of a snapshot that it was sent: a restart brings it back.
    buried: Vec<Txn>,
}

#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
enum State {
    #[default]
    Looking,
    Connecting,
    Discovery(Conn),
    AckedEpoch(Conn, Epoch),
    /// Receives the difference: what it has not logged, and how many of these are committed.
    Sync {
        conn: Conn,
        epoch: Epoch,
        not_logged: VecDeque<Txn>,
        committed: VecDeque<Zxid>,
        /// NEWLEADER is acknowledged.
        entered: bool,
    },
    /// Serves; `pending` are logged or being logged and not committed, `unacked` of these not durable.
    Broadcast {
        conn: Conn,
        pending: VecDeque<Zxid>,
        unacked: VecDeque<Zxid>,
    },
}

impl Java {
    /// Whether it is between leaders.
    pub fn is_looking(&self) -> bool {
        self.state == State::Looking
    }

    /// Whether it waits for its connection.
    pub fn is_connecting(&self) -> bool {
        self.state == State::Connecting
    }

    /// It starts again, from what the disk keeps: in what it has entered, its log holds nothing else.
    pub(crate) fn restart(&mut self, durable: &mut Durable, out: &mut Vec<Out>) {
        durable.log.splice(0..0, self.buried.drain(..));
        self.state = State::Looking;
        out.extend(durable.current.map(|epoch| Out::Event(Event::Entered { epoch })));
    }

    pub(crate) fn step(
        &mut self,
        me: ServerId,
        disk: &mut Disk,
        input: Input<u64>,
        snapshot: Option<Txn>,
        out: &mut Vec<Out>,
    ) {
        match input {
            Input::Follow { leader } => {
                self.state = State::Connecting;
                out.push(Out::Connect { leader });
            }
            Input::Connected { conn } => {
                self.state = State::Discovery(conn);
                let accepted = disk.durable.accepted.unwrap_or_default();
                send(out, conn, Message::FollowerInfo { server: me, accepted });
            }
            Input::Closed { conn } if self.conn() == Some(conn) => self.leave(disk, out),
            Input::LogDurable { ops } => self.logged(ops, out),
            Input::Message { conn, message } if self.conn() == Some(conn) => {
                let stays = self.on_message(conn, disk, message, snapshot, out);
                if stays.is_none() {
                    // No correct leader makes it leave: most of these are exits of its process.
                    out.push(Out::Event(Event::Broke(Property::MessagesAreLegal)));
                    self.leave(disk, out);
                }
            }
            _ => {}
        }
    }

    fn conn(&self) -> Option<Conn> {
        match &self.state {
            State::Looking | State::Connecting => None,
            State::Discovery(conn)
            | State::AckedEpoch(conn, _)
            | State::Sync { conn, .. }
            | State::Broadcast { conn, .. } => Some(*conn),
        }
    }

    /// Back to looking: the log writer is drained on the way.
    fn leave(&mut self, disk: &mut Disk, out: &mut Vec<Out>) {
        out.extend(self.conn().map(|conn| Out::Close { conn }));
        for op in std::mem::take(&mut disk.log_ops) {
            disk.durable.apply_log(op);
        }
        self.state = State::Looking;
    }

    fn logged(&mut self, ops: u32, out: &mut Vec<Out>) {
        if let State::Broadcast { conn, unacked, .. } = &mut self.state {
            let done = unacked.len().min(ops as usize);
            for zxid in unacked.drain(..done) {
                send(out, *conn, Message::Ack { zxid });
            }
        }
    }

    /// `None`: the message is not legal there, and it cannot go on with this leader.
    fn on_message(
        &mut self,
        conn: Conn,
        disk: &mut Disk,
        message: Message<u64>,
        snapshot: Option<Txn>,
        out: &mut Vec<Out>,
    ) -> Option<()> {
        match (&mut self.state, message) {
            (State::Discovery(_), Message::LeaderInfo { epoch }) => {
                let accepted = disk.durable.accepted.unwrap_or_default();
                let current = disk.durable.current.unwrap_or_default();
                if epoch < accepted {
                    return None;
                }
                let last = disk.durable.last().zxid;
                if epoch > accepted {
                    disk.durable.apply_epoch(EpochOp::Accepted(epoch));
                    out.push(Out::Event(Event::Promised {
                        conn,
                        epoch,
                        before: (accepted > Epoch::default()).then_some(accepted),
                    }));
                    send(
                        out,
                        conn,
                        Message::AckEpoch {
                            current: Some(current),
                            last,
                        },
                    );
                } else {
                    send(out, conn, Message::AckEpoch { current: None, last });
                }
                self.state = State::AckedEpoch(conn, epoch);
            }
            (
                State::AckedEpoch(_, epoch),
                message @ (Message::Diff { .. } | Message::Trunc { .. } | Message::Snap { .. }),
            ) => {
                let epoch = *epoch;
                match message {
                    Message::Trunc { zxid } => {
                        disk.durable.log.splice(0..0, self.buried.drain(..));
                        disk.durable.apply_log(LogOp::Truncate(zxid));
                    }
                    Message::Snap { .. } => {
                        let snapshot = snapshot?;
                        self.buried.append(&mut disk.durable.log);
                        self.buried.retain(|txn| txn.zxid > snapshot.zxid);
                        disk.durable.apply_log(LogOp::Install(snapshot));
                    }
                    _ => {}
                }
                out.push(Out::Event(Event::Shrunk));
                self.state = State::Sync {
                    conn,
                    epoch,
                    not_logged: VecDeque::new(),
                    committed: VecDeque::new(),
                    entered: false,
                };
            }
            (State::Sync { not_logged, .. }, Message::Proposal { zxid, payload }) => {
                not_logged.push_back(Txn { zxid, value: payload });
            }
            (State::Sync { committed, .. }, Message::Commit { zxid }) => committed.push_back(zxid),
            (
                State::Sync {
                    epoch,
                    not_logged,
                    committed,
                    entered,
                    ..
                },
                Message::NewLeader { .. },
            ) => {
                while let (Some(txn), Some(zxid)) = (not_logged.front().copied(), committed.front()) {
                    if txn.zxid != *zxid {
                        return None;
                    }
                    log(disk, txn, out);
                    not_logged.pop_front();
                    committed.pop_front();
                }
                disk.durable.apply_epoch(EpochOp::Current(*epoch));
                *entered = true;
                out.push(Out::Event(Event::Entered { epoch: *epoch }));
                send(
                    out,
                    conn,
                    Message::Ack {
                        zxid: Zxid::new(*epoch, 0),
                    },
                );
            }
            (
                State::Sync {
                    epoch,
                    not_logged,
                    committed,
                    entered: true,
                    ..
                },
                Message::UpToDate,
            ) => {
                send(
                    out,
                    conn,
                    Message::Ack {
                        zxid: Zxid::new(*epoch, 0),
                    },
                );
                let mut pending: VecDeque<_> = not_logged.iter().map(|txn| txn.zxid).collect();
                let unacked = pending.clone();
                for &txn in not_logged.iter() {
                    disk.log_ops.push_back(LogOp::Append(txn));
                }
                for zxid in committed.iter() {
                    if pending.pop_front() != Some(*zxid) {
                        return None;
                    }
                }
                self.state = State::Broadcast {
                    conn,
                    pending,
                    unacked,
                };
            }
            (State::Broadcast { pending, unacked, .. }, Message::Proposal { zxid, payload }) => {
                pending.push_back(zxid);
                unacked.push_back(zxid);
                let before = disk.logical().last();
                let txn = Txn { zxid, value: payload };
                disk.log_ops.push_back(LogOp::Append(txn));
                out.push(Out::Event(Event::Appended { txn, before }));
            }
            (State::Broadcast { pending, .. }, Message::Commit { zxid }) => {
                if pending.pop_front() != Some(zxid) {
                    return None;
                }
            }
            (State::Broadcast { .. }, Message::Ping { zxid }) => send(out, conn, Message::Ping { zxid }),
            (_, Message::Ping { .. }) => {}
            (State::Broadcast { .. }, Message::Sync) => {}
            _ => return None,
        }
        Some(())
    }
}

fn log(disk: &mut Disk, txn: Txn, out: &mut Vec<Out>) {
    let before = disk.durable.last();
    disk.durable.apply_log(LogOp::Append(txn));
    out.push(Out::Event(Event::Appended { txn, before }));
}

fn send(out: &mut Vec<Out>, conn: Conn, message: Message<u64>) {
    out.push(Out::Frame {
        conn,
        frame: Frame::Message(message),
    });
}
