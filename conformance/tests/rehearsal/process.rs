//! How does a server record its run? As `impl/server` does: round by round, records ahead of effects.

use super::{Mailbox, Parcel, conn_up};
use quorate_trace::{
    Boot, ConnDown, ConnName, ConnUp, Contents, Deeds, Digest, ElectionFrame, Ended, LinkDeeds, Origin,
    Record, Recorder, Rest, Side, Sum, digest_of_state,
};
use quorate_zab::{
    Configuration, Conn, Context, Effect, Election, ElectionEffect, ElectionInput, ElectionTimer, Epoch,
    Found, Image, Input, Memory, Message, Notification, Rules, Run, Server, ServerId, Skeleton, Zab, Zxid,
};
use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;

/// What survives a process.
#[derive(Clone, Debug, Default)]
pub(crate) struct Store {
    pub(crate) accepted: Option<Epoch>,
    pub(crate) current: Option<Epoch>,
    pub(crate) snapshot: Tree,
    pub(crate) floor: Zxid,
    /// The tree at the floor.
    pub(crate) base: Tree,
    pub(crate) log: Vec<(Zxid, Digest)>,
    pub(crate) booted: bool,
    pub(crate) wiped: bool,
    pub(crate) restored: bool,
    pub(crate) forgetful: bool,
}

/// A tree: its position, and a digest of all that was applied.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tree {
    pub(crate) zxid: Zxid,
    pub(crate) sum: u64,
}

impl Tree {
    fn apply(&mut self, zxid: Zxid, payload: Digest) {
        self.zxid = zxid;
        self.sum = self.sum.rotate_left(5) ^ Contents::weight(zxid, payload);
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum LogOp {
    Append(Zxid, Digest),
    Truncate(Zxid),
    Install(Tree),
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum EpochOp {
    Accepted(Epoch),
    Current(Epoch),
    Forget,
    Recall,
}

impl Store {
    pub(crate) fn boot(&mut self) -> Boot {
        let runs = self.log.iter().map(|(zxid, _)| Run {
            epoch: zxid.epoch(),
            first: zxid.counter(),
            last: zxid.counter(),
        });
        let newborn = !std::mem::replace(&mut self.booted, true);
        let wiped = std::mem::take(&mut self.wiped);
        let restored = std::mem::take(&mut self.restored);
        Boot {
            image: Image {
                accepted: self.accepted,
                current: self.current,
                snapshot: self.snapshot.zxid,
                history: Skeleton::from_runs(self.floor, runs),
            },
            contents: self.contents(),
            tree: Some(Sum::new(self.snapshot.sum)),
            memory: self.memory(),
            origin: match (newborn, wiped) {
                _ if restored => Origin::Restored,
                (true, false) => Origin::Newborn,
                (_, true) => Origin::Emptied,
                (false, false) => Origin::Continued,
            },
        }
    }

    /// What a server that starts from it remembers.
    fn memory(&self) -> Memory {
        let found = Found {
            empty: self.last() == Zxid::ZERO && (self.accepted, self.current) == (None, None),
            marked: self.forgetful,
            initialize: false,
            autocreate: true,
        };
        Memory::of(&Zab, found)
    }

    /// An empty disk that nothing allowed to be empty.
    pub(crate) fn wiped() -> Self {
        Self {
            wiped: true,
            ..Self::default()
        }
    }

    /// A copy that was made of it earlier, and put in its place.
    pub(crate) fn put_back(&self) -> Self {
        Self {
            restored: true,
            ..self.clone()
        }
    }

    fn contents(&self) -> Contents {
        let mut contents = Contents::default();
        for (zxid, payload) in &self.log {
            contents.add(*zxid, *payload);
        }
        contents
    }

    fn last(&self) -> Zxid {
        self.log.last().map_or(self.floor, |(zxid, _)| *zxid)
    }

    fn do_log(&mut self, op: LogOp) {
        match op {
            LogOp::Append(zxid, payload) => self.log.push((zxid, payload)),
            LogOp::Truncate(to) => self.log.retain(|(zxid, _)| *zxid <= to),
            LogOp::Install(tree) => {
                (self.snapshot, self.base, self.floor) = (tree, tree, tree.zxid);
                self.log.clear();
            }
        }
    }

    fn do_epoch(&mut self, op: EpochOp) {
        match op {
            EpochOp::Accepted(epoch) => self.accepted = Some(epoch),
            EpochOp::Current(epoch) => self.current = Some(epoch),
            EpochOp::Forget => self.forgetful = true,
            EpochOp::Recall => self.forgetful = false,
        }
    }
}

pub(crate) enum Event {
    Parcel(Conn, Parcel),
    Closed(Conn, Ended),
    Input(Input<Digest>),
}

/// What a process asks of the network.
pub(crate) enum Ask {
    Send(Conn, Parcel),
    Close(Conn),
}

struct Peer {
    peer: Option<ServerId>,
    /// What the first message is to bring: the name, if connections are named.
    name: Option<Option<ConnName>>,
    read: u64,
    written: u64,
    sent: Deeds,
}

pub(crate) struct Process<R> {
    me: ServerId,
    configuration: Configuration,
    rules: R,
    pub(crate) server: Server,
    election: Election,
    recorder: Recorder,
    pub(crate) boot: u32,
    effects: Vec<Effect<Digest>>,
    election_effects: Vec<ElectionEffect>,
    pub(crate) log_ops: VecDeque<LogOp>,
    pub(crate) epoch_ops: VecDeque<EpochOp>,
    /// The log with all that is under way, above its floor.
    log: Vec<(Zxid, Digest)>,
    base: Tree,
    contents: Contents,
    tree: Tree,
    received: Option<Tree>,
    installed: Tree,
    peers: BTreeMap<Conn, Peer>,
    conns: u32,
    pub(crate) dialing: Option<(Conn, ServerId)>,
    mail: BTreeMap<ServerId, Mailbox>,
    fresh: BTreeMap<ServerId, bool>,
    armed: Vec<ElectionTimer>,
    pub(crate) applied: u64,
    log_deeds: Deeds,
    epoch_deeds: Deeds,
    syncs: u64,
    rest_due: bool,
    scratch: Vec<u8>,
}

impl<R: Rules + Copy> Process<R> {
    pub(crate) fn start(
        me: ServerId,
        configuration: Configuration,
        rules: R,
        recorder: Recorder,
        store: &Store,
    ) -> Self {
        let mut effects = Vec::new();
        let image = store.clone().boot().image;
        let server =
            Server::boot(&rules, &image, store.memory(), &mut effects).expect("a disk that a run left");
        Self {
            me,
            configuration,
            rules,
            server,
            election: Election::new(),
            boot: recorder.boot().ordinal,
            recorder,
            effects,
            election_effects: Vec::new(),
            log_ops: VecDeque::new(),
            epoch_ops: VecDeque::new(),
            log: store.log.clone(),
            base: store.base,
            contents: store.contents(),
            tree: store.snapshot,
            received: None,
            installed: store.snapshot,
            peers: BTreeMap::new(),
            conns: 0,
            dialing: None,
            mail: BTreeMap::new(),
            fresh: BTreeMap::new(),
            armed: Vec::new(),
            applied: 0,
            log_deeds: Deeds::default(),
            epoch_deeds: Deeds::default(),
            syncs: 0,
            rest_due: false,
            scratch: Vec::new(),
        }
    }

    fn next_conn(&mut self) -> Conn {
        self.conns += 1;
        Conn::new(self.conns)
    }

    fn feed(&mut self, input: Input<Digest>, number: Option<u64>) {
        let cx = Context {
            me: self.me,
            configuration: &self.configuration,
            rules: &self.rules,
        };
        let before = self.effects.len();
        self.recorder.server_input(&input, number);
        self.server.step(&cx, input, &mut self.effects);
        self.recorder.server_effects(&self.effects[before..]);
    }

    fn feed_election(&mut self, input: ElectionInput, frame: Option<ElectionFrame>) {
        let cx = Context {
            me: self.me,
            configuration: &self.configuration,
            rules: &Zab,
        };
        let before = self.election_effects.len();
        self.recorder.election_input(&input, frame);
        self.election.step(&cx, input, &mut self.election_effects);
        self.recorder.election_effects(&self.election_effects[before..]);
    }

    pub(crate) fn on_event(&mut self, event: Event) {
        match event {
            Event::Input(input) => self.feed(input, None),
            Event::Closed(conn, why) => {
                if self.drop_peer(conn, why) {
                    self.feed(Input::Closed { conn }, None);
                }
            }
            Event::Parcel(conn, parcel) => {
                let Some(peer) = self.peers.get_mut(&conn) else {
                    return;
                };
                peer.read += 1;
                let number = peer.read;
                if let (Some(name), Some(server)) = (peer.name.take(), peer.peer) {
                    self.recorder.note(&Record::ConnNamed {
                        conn,
                        peer: server,
                        name,
                    });
                }
                let message = match parcel {
                    Parcel::Message(message) => message,
                    Parcel::Snapshot(message, sum) => {
                        if let Message::Snap { zxid } = message {
                            self.received = Some(Tree { zxid, sum });
                        }
                        message
                    }
                };
                self.feed(Input::Message { conn, message }, Some(number));
            }
        }
    }

    fn drop_peer(&mut self, conn: Conn, why: Ended) -> bool {
        let Some(peer) = self.peers.remove(&conn) else {
            return false;
        };
        self.recorder.note(&Record::ConnDown(ConnDown {
            conn,
            why,
            read: peer.read,
            written: peer.written,
        }));
        true
    }

    pub(crate) fn accept(&mut self) -> Conn {
        let conn = self.next_conn();
        self.recorder.note(&conn_up(conn, Side::Acceptor, None, None));
        self.peers.insert(
            conn,
            Peer {
                peer: None,
                name: None,
                read: 0,
                written: 0,
                sent: Deeds::default(),
            },
        );
        conn
    }

    /// Who will turn out to be at the other end, and how it calls the connection.
    pub(crate) fn expect_name(&mut self, conn: Conn, peer: ServerId, name: Option<ConnName>) {
        if let Some(expecting) = self.peers.get_mut(&conn) {
            (expecting.peer, expecting.name) = (Some(peer), Some(name));
        }
    }

    pub(crate) fn connected(&mut self, conn: Conn, leader: ServerId, name: ConnName, echo: Option<ConnName>) {
        let up = conn_up(conn, Side::Initiator, Some(leader), Some(name));
        self.recorder.note(&up);
        self.peers.insert(
            conn,
            Peer {
                peer: Some(leader),
                name: Some(echo),
                read: 0,
                written: 0,
                sent: Deeds::default(),
            },
        );
        self.feed(Input::Connected { conn }, None);
    }

    pub(crate) fn propose(&mut self, number: u64) {
        let Some(zxid) = self.server.next_zxid(&self.rules) else {
            return;
        };
        let payload = Digest::of(&number.to_le_bytes());
        self.recorder.note(&Record::Prepared {
            zxid,
            session: 1,
            cxid: number as i32,
            op: 5,
        });
        self.feed(Input::Propose { zxid, payload }, None);
    }

    pub(crate) fn log_done(&mut self, ops: usize, store: &mut Store) {
        let mut left = ops;
        while left > 0 {
            // A cut or an installation is reported by itself.
            let appends = self
                .log_ops
                .iter()
                .take(left)
                .take_while(|op| matches!(op, LogOp::Append(..)));
            let count = appends.count().max(1);
            for op in self.log_ops.drain(..count).collect::<Vec<_>>() {
                store.do_log(op);
                match op {
                    LogOp::Append(zxid, payload) => self.contents.add(zxid, payload),
                    LogOp::Truncate(_) => self.contents = store.contents(),
                    LogOp::Install(tree) => {
                        self.contents = Contents::default();
                        self.installed = tree;
                    }
                }
            }
            self.recorder.note(&Record::LogSynced {
                ops: count as u32,
                end: store.last(),
                contents: Some(self.contents),
            });
            self.feed(Input::LogDurable { ops: count as u32 }, None);
            left = left.saturating_sub(count);
        }
    }

    pub(crate) fn epoch_done(&mut self, store: &mut Store) {
        if let Some(op) = self.epoch_ops.pop_front() {
            store.do_epoch(op);
            self.recorder.note(&Record::EpochsSynced {
                ops: 1,
                accepted: store.accepted,
                current: store.current,
            });
            self.feed(Input::EpochsDurable { ops: 1 }, None);
        }
    }

    pub(crate) fn take_snapshot(&mut self, store: &mut Store) {
        if self.tree.zxid <= store.snapshot.zxid || store.last() < self.tree.zxid {
            return;
        }
        store.snapshot = self.tree;
        self.recorder.note(&Record::SnapshotTaken {
            zxid: self.tree.zxid,
            tree: Some(Sum::new(self.tree.sum)),
        });
    }

    pub(crate) fn mark(&mut self) {
        let state = digest_of_state(&self.server, &mut self.scratch);
        self.recorder.mark(Some(state));
        self.rest_due = true;
    }

    /// All that was asked for is carried out. After a mark it is said what that was.
    pub(crate) fn rest(&mut self) {
        if !std::mem::take(&mut self.rest_due) {
            return;
        }
        let links = self.peers.iter();
        let links = links.map(|(&conn, peer)| LinkDeeds {
            conn,
            sent: peer.sent,
        });
        self.recorder.note(&Record::Rest(Box::new(Rest {
            log: self.log_deeds,
            epochs: self.epoch_deeds,
            syncs: self.syncs,
            links: links.collect(),
        })));
    }

    fn sent(&mut self, conn: Conn, tell: impl FnOnce(&mut Deeds)) {
        if let Some(peer) = self.peers.get_mut(&conn) {
            tell(&mut peer.sent);
        }
    }

    pub(crate) fn release(&mut self) {
        self.recorder.flush().expect("the disk takes it");
    }

    pub(crate) fn has_effects(&self) -> bool {
        !self.effects.is_empty() || !self.election_effects.is_empty()
    }

    /// Carries out the effects; returns what the network has to do.
    pub(crate) fn perform(&mut self) -> Vec<Ask> {
        let mut asks = Vec::new();
        for effect in std::mem::take(&mut self.effects) {
            self.perform_one(effect, &mut asks);
        }
        for effect in std::mem::take(&mut self.election_effects) {
            match effect {
                ElectionEffect::Notify { to, notification } => {
                    self.mail.entry(to).or_default().put(notification);
                    self.fresh.insert(to, true);
                }
                ElectionEffect::Arm(timer) => {
                    if !self.armed.contains(&timer) {
                        self.armed.push(timer);
                    }
                }
                ElectionEffect::Elected { leader } => {
                    self.armed.clear();
                    let input = if leader == self.me {
                        Input::Lead
                    } else {
                        Input::Follow { leader }
                    };
                    self.feed(input, None);
                }
                ElectionEffect::HistoryHeard => self.feed(Input::HistoryHeard, None),
            }
        }
        asks
    }

    fn send(&mut self, conn: Conn, parcel: Parcel, asks: &mut Vec<Ask>) {
        if let Some(peer) = self.peers.get_mut(&conn) {
            peer.written += 1;
            asks.push(Ask::Send(conn, parcel));
        }
    }

    fn perform_one(&mut self, effect: Effect<Digest>, asks: &mut Vec<Ask>) {
        match effect {
            Effect::PersistAccepted(epoch) => {
                self.epoch_deeds.accepted(epoch);
                self.epoch_ops.push_back(EpochOp::Accepted(epoch));
            }
            Effect::PersistCurrent(epoch) => {
                self.epoch_deeds.current(epoch);
                self.epoch_ops.push_back(EpochOp::Current(epoch));
            }
            Effect::Append { zxid, payload } => {
                self.log_deeds.append(zxid, payload);
                self.log.push((zxid, payload));
                self.log_ops.push_back(LogOp::Append(zxid, payload));
            }
            Effect::Truncate { to } => {
                self.log_deeds.truncate(to);
                self.log.retain(|(zxid, _)| *zxid <= to);
                self.log_ops.push_back(LogOp::Truncate(to));
            }
            Effect::Install { .. } => {
                let tree = self.received.take().expect("a SNAP brought one");
                self.log_deeds.install(tree.zxid);
                self.log.clear();
                self.base = tree;
                self.log_ops.push_back(LogOp::Install(tree));
            }
            Effect::Connect { leader } => {
                let conn = self.next_conn();
                self.dialing = Some((conn, leader));
            }
            Effect::Send { conn, message } => {
                self.sent(conn, |sent| sent.message(&message));
                self.send(conn, Parcel::Message(message), asks);
            }
            Effect::SendAcks { conn, first, last } => {
                self.sent(conn, |sent| sent.acks(first, last));
                for counter in first.counter()..=last.counter() {
                    let zxid = Zxid::new(first.epoch(), counter);
                    self.send(conn, Parcel::Message(Message::Ack { zxid }), asks);
                }
            }
            Effect::SendSnapshot { conn, zxid, upto } => {
                let mut tree = if self.tree.zxid >= self.base.zxid {
                    self.tree
                } else {
                    self.base
                };
                let lacking = self.log.partition_point(|(at, _)| *at <= tree.zxid);
                for (at, payload) in self.log[lacking..].iter().take_while(|(at, _)| *at <= upto) {
                    tree.apply(*at, *payload);
                }
                self.sent(conn, |sent| sent.message(&Message::<Digest>::Snap { zxid }));
                self.send(conn, Parcel::Snapshot(Message::Snap { zxid }, tree.sum), asks);
            }
            Effect::Replay {
                conn,
                after,
                upto,
                committed,
            } => {
                self.sent(conn, |sent| sent.replay(after, upto, committed));
                let start = self.log.partition_point(|(zxid, _)| *zxid <= after);
                let end = self.log.partition_point(|(zxid, _)| *zxid <= upto);
                let lacking = self.log[start..end].to_vec();
                for (zxid, payload) in lacking {
                    self.send(conn, Parcel::Message(Message::Proposal { zxid, payload }), asks);
                    if committed {
                        self.send(conn, Parcel::Message(Message::Commit { zxid }), asks);
                    }
                }
            }
            Effect::Close { conn, .. } => {
                self.drop_peer(conn, Ended::ByThisEnd);
                asks.push(Ask::Close(conn));
            }
            Effect::Load { zxid } => {
                self.tree = self.installed;
                assert_eq!(self.tree.zxid, zxid, "the snapshot installed last is loaded");
                // As a server that cannot tell whether its leader applied while it wrote the snapshot.
                match self.log.last() {
                    Some((last, _)) if *last > zxid => {
                        self.recorder.note(&Record::AppliedAtLeast { zxid });
                    }
                    _ => self.note_applied(),
                }
            }
            Effect::Deliver { upto } => {
                let start = self.log.partition_point(|(zxid, _)| *zxid <= self.tree.zxid);
                let end = self.log.partition_point(|(zxid, _)| *zxid <= upto);
                for (zxid, payload) in &self.log[start..end] {
                    self.tree.apply(*zxid, *payload);
                    self.applied += 1;
                }
                self.note_applied();
            }
            Effect::Retire => {
                self.dialing = None;
                for conn in self.peers.keys().copied().collect::<Vec<_>>() {
                    self.drop_peer(conn, Ended::ByThisEnd);
                    asks.push(Ask::Close(conn));
                }
                self.armed.clear();
                self.feed_election(ElectionInput::Retired, None);
            }
            Effect::Look { current, last } => {
                let candidacy = self.server.candidacy(self.me, &self.configuration);
                self.feed_election(
                    ElectionInput::Look {
                        candidacy,
                        current,
                        last,
                    },
                    None,
                );
            }
            Effect::Serve { epoch } => self.feed_election(ElectionInput::Established { epoch }, None),
            Effect::SyncDone => self.syncs += 1,
            Effect::Inform { conn, after, upto } => {
                self.sent(conn, |sent| sent.inform(after, upto));
                let start = self.log.partition_point(|(zxid, _)| *zxid <= after);
                let end = self.log.partition_point(|(zxid, _)| *zxid <= upto);
                let committed = self.log[start..end].to_vec();
                for (zxid, payload) in committed {
                    self.send(conn, Parcel::Message(Message::Inform { zxid, payload }), asks);
                }
            }
            Effect::Forget => {
                self.epoch_deeds.forget();
                self.epoch_ops.push_back(EpochOp::Forget);
            }
            Effect::Recall => {
                self.epoch_deeds.recall();
                self.epoch_ops.push_back(EpochOp::Recall);
            }
            Effect::Halt => unreachable!("no disk fails here"),
            Effect::Activate { .. } => unreachable!("no member changes here"),
        }
    }

    fn note_applied(&mut self) {
        self.recorder.note(&Record::Applied {
            zxid: self.tree.zxid,
            tree: Sum::new(self.tree.sum),
        });
    }

    pub(crate) fn timers(&mut self) {
        for timer in std::mem::take(&mut self.armed) {
            let input = match timer {
                ElectionTimer::Resend => ElectionInput::ResendDue,
                ElectionTimer::Settle => ElectionInput::Settled,
            };
            self.feed_election(input, None);
        }
    }

    pub(crate) fn election_up(
        &mut self,
        side: Side,
        peer: ServerId,
        addresses: (SocketAddr, SocketAddr),
    ) -> Conn {
        let conn = self.next_conn();
        self.recorder.note(&Record::ElectionConnUp(Box::new(ConnUp {
            conn,
            side,
            peer: Some(peer),
            name: None,
            addresses: Some(addresses),
        })));
        let mail = self.mail.entry(peer).or_default();
        if !mail.is_waiting() {
            self.fresh.insert(peer, false);
        }
        mail.on_link_up();
        conn
    }

    pub(crate) fn election_down(&mut self, down: ConnDown) {
        self.recorder.note(&Record::ElectionConnDown(down));
    }

    /// What the writer takes from the slot, once that is recorded.
    pub(crate) fn write_election(&mut self, to: ServerId, conn: Conn, number: u64) -> Option<Notification> {
        let notification = self.mail.entry(to).or_default().take()?;
        self.recorder.note(&Record::ElectionSent {
            frame: ElectionFrame { conn, number },
            notification,
            again: !self.fresh.get(&to).copied().unwrap_or(true),
        });
        self.recorder.flush().expect("the disk takes it");
        Some(notification)
    }

    pub(crate) fn hear(&mut self, from: ServerId, conn: Conn, number: u64, notification: Notification) {
        self.feed_election(
            ElectionInput::Notification { from, notification },
            Some(ElectionFrame { conn, number }),
        );
    }

    /// kill -9: the disk keeps a prefix of what was under way.
    pub(crate) fn die(mut self, store: &mut Store, log_ops: usize, epoch_ops: usize) {
        for op in self.log_ops.drain(..).take(log_ops) {
            store.do_log(op);
        }
        for op in self.epoch_ops.drain(..).take(epoch_ops) {
            store.do_epoch(op);
        }
        drop(self.recorder);
    }

    /// Stops in order.
    pub(crate) fn stop(mut self, store: &mut Store) {
        for conn in self.peers.keys().copied().collect::<Vec<_>>() {
            self.drop_peer(conn, Ended::ByThisEnd);
        }
        self.release();
        for op in std::mem::take(&mut self.log_ops) {
            store.do_log(op);
        }
        for op in std::mem::take(&mut self.epoch_ops) {
            store.do_epoch(op);
        }
        self.recorder.finish().expect("the disk takes it");
    }
}
