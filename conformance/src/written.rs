//! How does a run of the model look as a trace? As servers would have recorded it: a directory for each, a trace for
//! each boot, every input ahead of its effects.
//!
//! The audit then holds the checker's world against its own: a run of the true rules is one that it permits, and
//! of a run with a wrong rule it says where it departs. The agreement grain lets any server lead that looks, so
//! that there are no elections to record; the header says so, and an audit does not look for them.

use quorate_checker::{Action, Disk, Happened, Node, Run, Txn};
use quorate_trace::{
    Boot, ConnDown, ConnName, ConnUp, Contents, Deeds, Digest, Ended, Header, Limits, LinkDeeds, Loss,
    Origin, Record, Recorder, Rest, Side, Sum, TraceError, digest_of_state, hash64,
};
use quorate_zab::{Conn, Effect, Input, Rules, ServerId, Zxid};
use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::path::{Path, PathBuf};

/// Why a run could not be written down.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The directory holds something, which an audit would read as well.
    #[error("{}: is not empty; a run needs a directory of its own", .0.display())]
    NotEmpty(PathBuf),
    /// The directory.
    #[error("{}: {source}", .dir.display())]
    Directory {
        /// Which.
        dir: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A trace could not begin.
    #[error("{0}")]
    Trace(#[from] TraceError),
    /// A trace could not go on.
    #[error("{0}")]
    Loss(#[from] Loss),
}

/// Plays the moves from the beginning and writes what the servers of ours do into `dir`, which is made, or is empty.
/// `of` says in each header which run this is. Apache learners leave no traces.
///
/// # Errors
///
/// [`WriteError`] says what could not be written.
pub fn write_run<R: Rules>(
    dir: &Path,
    of: &str,
    mut run: Run<'_, R>,
    moves: impl IntoIterator<Item = Action>,
) -> Result<(), WriteError> {
    let failed = |source| WriteError::Directory {
        dir: dir.to_path_buf(),
        source,
    };
    std::fs::create_dir_all(dir).map_err(failed)?;
    if std::fs::read_dir(dir).map_err(failed)?.next().is_some() {
        return Err(WriteError::NotEmpty(dir.to_path_buf()));
    }
    let mut written = Written {
        dir: dir.to_path_buf(),
        of: of.to_owned(),
        header: run.ensemble().clone(),
        scribes: (0..run.nodes().len()).map(|_| None).collect(),
        failed: None,
    };
    for (at, node) in run.nodes().iter().enumerate() {
        if node.server().is_some() {
            written.boot(at, node, Origin::Newborn)?;
        }
    }
    for action in moves {
        run.play(action, &mut |happened| written.take(happened));
        if let Some(error) = written.failed.take() {
            return Err(error);
        }
    }
    written.end(run.nodes())
}

struct Written {
    dir: PathBuf,
    of: String,
    header: quorate_zab::Ensemble,
    /// Of each server of ours.
    scribes: Vec<Option<Scribe>>,
    failed: Option<WriteError>,
}

/// Who writes down one boot.
struct Scribe {
    recorder: Recorder,
    peers: BTreeMap<Conn, Peer>,
    /// What the log holds, and for each operation under way what it appends.
    contents: Contents,
    under_way: VecDeque<Option<(Zxid, Digest)>>,
    log: Deeds,
    epochs: Deeds,
    syncs: u64,
}

/// A learner connection at one end.
struct Peer {
    /// Who is at the other end, and what the connection is called, until that is recorded.
    unnamed: Option<(ServerId, Option<ConnName>)>,
    read: u64,
    written: u64,
    sent: Deeds,
}

impl Written {
    fn boot(&mut self, at: usize, node: &Node, origin: Origin) -> Result<(), WriteError> {
        let header = Header::new(node.me, &self.header, "a run of the model", at as u64 + 1)
            .with("run", &*self.of)
            .with(Header::ELECTIONS, Header::ELECTIONS_FREE)
            .with(Header::MACHINE_BOOT, "the one machine of this run");
        let durable = &node.disk.durable;
        let mut contents = Contents::default();
        for txn in &durable.log {
            contents.add(txn.zxid, digest(txn.value));
        }
        let boot = Boot {
            image: durable.image(),
            contents,
            tree: Some(tree(durable.snapshot)),
            memory: node.server().map(quorate_zab::Server::memory).unwrap_or_default(),
            origin,
        };
        let dir = self.dir.join(format!("s{}", node.me));
        self.scribes[at] = Some(Scribe {
            recorder: Recorder::create(dir, Limits::default(), header, boot)?,
            peers: BTreeMap::new(),
            contents,
            under_way: VecDeque::new(),
            log: Deeds::default(),
            epochs: Deeds::default(),
            syncs: 0,
        });
        Ok(())
    }

    fn take(&mut self, happened: Happened) {
        if self.failed.is_some() {
            return;
        }
        let done = match happened {
            Happened::Opened { learner, leader } => {
                self.open(learner, leader);
                Ok(())
            }
            Happened::Stepped {
                at,
                input,
                effects,
                node,
            } => match &mut self.scribes[at] {
                Some(scribe) => scribe.step(input, effects, &node).map_err(WriteError::from),
                None => Ok(()),
            },
            // Its process is gone with what it had in hand, and so is the scribe of that boot.
            Happened::Restarted { at, emptied, node } => {
                self.scribes[at] = None;
                let origin = if emptied {
                    Origin::Emptied
                } else {
                    Origin::Continued
                };
                self.boot(at, &node, origin)
            }
        };
        self.failed = done.err();
    }

    fn open(&mut self, (learner, own): (usize, Conn), (leader, accepted): (usize, Conn)) {
        let id = |at: usize| ServerId::new(at as u64 + 1);
        let name = self.scribes[learner].as_mut().map(|scribe| ConnName {
            initiator: id(learner),
            boot: scribe.recorder.boot().ordinal,
            counter: own.get(),
        });
        if let Some(scribe) = &mut self.scribes[learner] {
            scribe.open(own, Side::Initiator, (id(leader), name));
        }
        if let Some(scribe) = &mut self.scribes[leader] {
            scribe.open(accepted, Side::Acceptor, (id(learner), name));
        }
    }

    /// Those that run say what they did, and end their traces.
    fn end(self, nodes: &[Node]) -> Result<(), WriteError> {
        for (scribe, node) in self.scribes.into_iter().zip(nodes) {
            if let Some(scribe) = scribe {
                scribe.end(node)?;
            }
        }
        Ok(())
    }
}

impl Scribe {
    /// The initiator knows whom it called and under which name; the acceptor learns both from the first message.
    fn open(&mut self, conn: Conn, side: Side, (peer, name): (ServerId, Option<ConnName>)) {
        let knows = side == Side::Initiator;
        self.recorder.note(&Record::ConnUp(Box::new(ConnUp {
            conn,
            side,
            peer: knows.then_some(peer),
            name: name.filter(|_| knows),
            addresses: None,
        })));
        let peer = Peer {
            unnamed: Some((peer, name)),
            read: 0,
            written: 0,
            sent: Deeds::default(),
        };
        self.peers.insert(conn, peer);
    }

    fn step(&mut self, input: Input<u64>, effects: Vec<Effect<u64>>, node: &Node) -> Result<(), Loss> {
        let number = match &input {
            Input::Message { conn, .. } => self.read(*conn),
            Input::Closed { conn } => {
                self.close(*conn, Ended::ByOtherEnd);
                None
            }
            Input::LogDurable { ops } => {
                self.log_synced(*ops, &node.disk);
                None
            }
            Input::EpochsDurable { ops } => {
                let durable = &node.disk.durable;
                self.recorder.note(&Record::EpochsSynced {
                    ops: *ops,
                    accepted: durable.accepted,
                    current: durable.current,
                });
                None
            }
            Input::Purged { floor } => {
                self.recorder.note(&Record::SnapshotTaken {
                    zxid: *floor,
                    tree: Some(tree(node.tree)),
                });
                None
            }
            _ => None,
        };
        self.recorder.server_input(&input.map(digest), number);
        let effects: Vec<Effect<Digest>> = effects.into_iter().map(|effect| effect.map(digest)).collect();
        self.recorder.server_effects(&effects);
        for effect in effects {
            self.perform(effect, node);
        }
        self.recorder.flush()
    }

    fn read(&mut self, conn: Conn) -> Option<u64> {
        let peer = self.peers.get_mut(&conn)?;
        peer.read += 1;
        let number = peer.read;
        if let Some((peer, name)) = peer.unnamed.take() {
            self.recorder.note(&Record::ConnNamed { conn, peer, name });
        }
        Some(number)
    }

    fn close(&mut self, conn: Conn, why: Ended) {
        if let Some(peer) = self.peers.remove(&conn) {
            self.recorder.note(&Record::ConnDown(ConnDown {
                conn,
                why,
                read: peer.read,
                written: peer.written,
            }));
        }
    }

    fn log_synced(&mut self, ops: u32, disk: &Disk) {
        for _ in 0..ops {
            match self.under_way.pop_front().flatten() {
                Some((zxid, payload)) => self.contents.add(zxid, payload),
                None => {
                    self.contents = Contents::default();
                    for txn in &disk.durable.log {
                        self.contents.add(txn.zxid, digest(txn.value));
                    }
                }
            }
        }
        self.recorder.note(&Record::LogSynced {
            ops,
            end: disk.durable.last().zxid,
            contents: Some(self.contents),
        });
    }

    fn sent(&mut self, conn: Conn, messages: u64, tell: impl FnOnce(&mut Deeds)) {
        if let Some(peer) = self.peers.get_mut(&conn) {
            peer.written += messages;
            tell(&mut peer.sent);
        }
    }

    fn perform(&mut self, effect: Effect<Digest>, node: &Node) {
        match effect {
            Effect::PersistAccepted(epoch) => self.epochs.accepted(epoch),
            Effect::PersistCurrent(epoch) => self.epochs.current(epoch),
            Effect::Append { zxid, payload } => {
                self.log.append(zxid, payload);
                self.under_way.push_back(Some((zxid, payload)));
            }
            Effect::Truncate { to } => {
                self.log.truncate(to);
                self.under_way.push_back(None);
            }
            Effect::Install { zxid } => {
                self.log.install(zxid);
                self.under_way.push_back(None);
            }
            Effect::Send { conn, message } => self.sent(conn, 1, |sent| sent.message(&message)),
            Effect::SendAcks { conn, first, last } => {
                let messages = u64::from(last.counter() - first.counter()) + 1;
                self.sent(conn, messages, |sent| sent.acks(first, last));
            }
            Effect::SendSnapshot { conn, zxid, .. } => {
                let snap = quorate_zab::Message::<Digest>::Snap { zxid };
                self.sent(conn, 1, |sent| sent.message(&snap));
            }
            Effect::Replay {
                conn,
                after,
                upto,
                committed,
            } => {
                let txns = node.disk.logical().between(after, upto).count() as u64;
                let each = if committed { 2 } else { 1 };
                self.sent(conn, txns * each, |sent| sent.replay(after, upto, committed));
            }
            Effect::Inform { conn, after, upto } => {
                let txns = node.disk.logical().between(after, upto).count() as u64;
                self.sent(conn, txns, |sent| sent.inform(after, upto));
            }
            Effect::Close { conn, .. } => self.close(conn, Ended::ByThisEnd),
            Effect::Load { zxid } | Effect::Deliver { upto: zxid } => {
                let tree = tree(holding(node, zxid));
                self.recorder.note(&Record::Applied { zxid, tree });
            }
            Effect::SyncDone => self.syncs += 1,
            Effect::Forget => self.epochs.forget(),
            Effect::Recall => self.epochs.recall(),
            // What is opened is told once it stands; elections are none of this run's.
            Effect::Connect { .. }
            | Effect::Retire
            | Effect::Look { .. }
            | Effect::Serve { .. }
            | Effect::Halt => {}
            Effect::Activate { .. } => unreachable!("members never change in runs that are written down"),
        }
    }

    fn end(mut self, node: &Node) -> Result<(), Loss> {
        let state = node
            .server()
            .map(|server| digest_of_state(server, &mut Vec::new()));
        self.recorder.mark(state);
        let links = self.peers.iter().map(|(&conn, peer)| LinkDeeds {
            conn,
            sent: peer.sent,
        });
        self.recorder.note(&Record::Rest(Box::new(Rest {
            log: self.log,
            epochs: self.epochs,
            syncs: self.syncs,
            links: links.collect(),
        })));
        self.recorder.finish()
    }
}

/// The transaction at `zxid` on this server, as far as it has it.
fn holding(node: &Node, zxid: Zxid) -> Txn {
    let known = [node.disk.durable.last(), node.disk.durable.snapshot, node.tree];
    let log = node.disk.durable.log.iter().copied();
    let found = known.into_iter().chain(log).find(|txn| txn.zxid == zxid);
    let found = found.or_else(|| node.disk.logical().at(zxid));
    found.unwrap_or(Txn { zxid, value: 0 })
}

/// What a trace names the content of a transaction by.
fn digest(value: u64) -> Digest {
    Digest::of(&value.to_le_bytes())
}

/// What a trace names the tree by whose last transaction this is: in the model that stands for all below it.
fn tree(last: Txn) -> Sum {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&last.zxid.bits().to_le_bytes());
    bytes[8..].copy_from_slice(&last.value.to_le_bytes());
    Sum::new(hash64(&bytes, 0))
}
