//! Does the shell do what the model does? A run of the checker, forced step by step on real servers.
//!
//! Of each server the driver, the service, the recorder and the store are the ones that serve, on real files; the
//! links' tasks encode, write, read and decode what travels, through pipes in memory. Held is what the world
//! decides: when the disk does its oldest operation, when a packet that was read reaches the driver, when an end
//! of a connection is known to be gone, which role is taken, when a process dies. After each step the state of
//! the step function, what waits for the disk, what is on it, the tree's end, the connections and every packet on its way
//! are the model's.
//!
//! Not forced: elections and their port (any server that looks may lead), sockets, timers, threads of the disk,
//! the batches that a round makes of several inputs, purges, disks that fail or are emptied, Apache learners. A record is whole or not there: torn ones are
//! the store's own tests' affair. And a leader closes, with its role, also connections of which its core does
//! not know yet; the model may keep them, so that here it breaks them in the same step.

mod tests;

use super::storage::Background;
use super::{Driver, Due, Parts};
use crate::inbox::{Event, LINK_EVENTS_MAX, Stored};
use crate::learner_port::{LearnerPlan, LearnerPort};
use crate::links::{self, Incoming, Limits, Numbered, Side};
use crate::log_thread::Held;
use crate::log_thread::held::HeldWork;
use crate::recent::Recent;
use crate::recorder::Recorder;
use crate::serve;
use crate::service::{self, Options, Origin, Service, Submission};
use crate::timers::Timers;
use bytes::{BufMut, Bytes, BytesMut};
use quorate_checker::{Action, Bounds, Disk, End, Flaws, Frame, Run};
use quorate_store::{Error, Layout, LogOptions, Snapshots, StoreOptions};
use quorate_trace::{Boot, Digest, Header, Sum};
use quorate_wire::client::{Opcode, Request};
use quorate_wire::quorum::{ConnName, FromLeader, FromLearner};
use quorate_zab::{Configuration, Conn, Memory, Message, Server, ServerId, Standing, Zab, Zxid};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::io::{duplex, split};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc;

/// Longer than any test: nothing here happens because time passes.
const NEVER: Duration = Duration::from_secs(3600);
/// What has not arrived by then does not.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often all tasks of the links get a turn before it is looked what they did.
const TURNS: usize = 16;
const SESSION_TIMEOUT_MS: i32 = 30_000;
const ENDS: [End; 2] = [End::Learner, End::Leader];

/// A run of the model, and the servers that are made to follow it.
pub(super) struct Forced {
    run: Run<'static, Zab>,
    hosts: Vec<Option<Host>>,
    /// What the model's contents are here.
    contents: BTreeMap<u64, Digest>,
    proposed: u64,
    /// Connections that left with their leader's role, of which its core did not know.
    closed_unknown: usize,
    dir: TempDir,
    runtime: Runtime,
}

/// One process.
struct Host {
    driver: Driver,
    work: HeldWork,
    stored: mpsc::UnboundedReceiver<Stored>,
    events: mpsc::Receiver<Event>,
    inbox: mpsc::Sender<Event>,
    snapshots: Snapshots,
    /// What was read from each connection and has not reached the driver.
    read: BTreeMap<Conn, VecDeque<Numbered>>,
}

/// What travels on a learner connection, as both worlds have it.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Parcel {
    Message(Message<Digest>),
    Snapshot(Zxid),
    SyncRequest,
}

impl Forced {
    pub(super) fn new(bounds: Bounds) -> Self {
        let memory = std::path::Path::new("/dev/shm");
        let dir = if memory.is_dir() {
            tempfile::tempdir_in(memory)
        } else {
            tempfile::tempdir()
        };
        let runtime = Builder::new_current_thread().enable_all().build();
        let mut forced = Self {
            run: Run::new(&Zab, Flaws::default(), bounds),
            hosts: Vec::new(),
            contents: BTreeMap::from([(0, Digest::default())]),
            proposed: 0,
            closed_unknown: 0,
            dir: dir.expect("a temporary directory"),
            runtime: runtime.expect("a runtime"),
        };
        for i in 0..forced.run.nodes().len() {
            let host = forced.boot(i);
            forced.hosts.push(Some(host));
        }
        forced.compare("at the beginning");
        forced
    }

    fn path(&self, what: &str, i: usize) -> PathBuf {
        self.dir.path().join(what).join(format!("s{}", i + 1))
    }

    fn host(&mut self, i: usize) -> &mut Host {
        self.hosts[i].as_mut().expect("it runs")
    }

    /// As `serve::start` does it; the disk is what the model says it is.
    fn boot(&self, i: usize) -> Host {
        let _context = self.runtime.enter();
        let me = ServerId::new(i as u64 + 1);
        let ensemble = self.run.ensemble().clone();
        let dir = self.path("data", i);
        std::fs::create_dir_all(&dir).expect("a directory");
        // An empty server of the model is new.
        std::fs::write(dir.join("initialize"), "").expect("a file");
        let (store, found, memory) = self.open(&dir, me);
        let image = serve::image_of(&found);
        assert_eq!(
            image,
            self.run.nodes()[i].disk.durable.image(),
            "the disk of server {me}"
        );
        let mut first = Vec::new();
        let server = Server::boot(&Zab, &image, memory, &mut first).expect("it starts");
        let held = Held::read(&store.reader, image.history.floor(), image.history.last());
        let held = held.expect("the log reads back");
        let header = Header::new(me, &ensemble, "forced", i as u64 + 1)
            .with(Header::ELECTIONS, Header::ELECTIONS_FREE)
            .with(Header::MACHINE_BOOT, "the one machine of this run");
        let boot = Boot {
            image: image.clone(),
            contents: held.contents,
            tree: found.tree.exact_digest().map(Sum::new),
            memory,
            origin: quorate_trace::Origin::Continued,
        };
        let limits = quorate_trace::Limits::default();
        let trace = quorate_trace::Recorder::create(self.path("trace", i), limits, header, boot);
        let trace = trace.expect("a trace begins");
        let (inbox, events) = mpsc::channel(LINK_EVENTS_MAX);
        let (reports, stored) = mpsc::unbounded_channel();
        let plan = LearnerPlan {
            me,
            boot: trace.boot().ordinal,
            // Nobody calls there: connections are made by hand.
            listen: ([127, 0, 0, 1], 0).into(),
            peers: BTreeMap::new(),
            connect_limit: NEVER,
            of_learners: limits_of_links(),
            of_leader: limits_of_links(),
            snapshots: store.snapshots.clone(),
        };
        let learner_port = LearnerPort::bind(plan, mpsc::channel(1).0).expect("a port is free");
        let (disk, work) = HeldWork::new(store.log, store.epochs, store.marks, held, &reports);
        let background = Background {
            files: store.snapshots.clone(),
            stored: reports.downgrade(),
            snap_count: u32::MAX,
            keep: None,
            since: 0,
            due: u32::MAX,
            busy: false,
        };
        let options = Options {
            server: me,
            tick_ms: 2000,
            min_session_timeout_ms: SESSION_TIMEOUT_MS,
            max_session_timeout_ms: SESSION_TIMEOUT_MS,
            local_sessions: Default::default(),
            limits: Default::default(),
            unread_bytes_max: usize::MAX,
            znodes: crate::config::Znodes::default(),
        };
        let driver = Driver::new(Parts {
            me,
            standalone: false,
            reads_alone: None,
            configuration: Configuration::fixed(ensemble),
            config_text: Bytes::new(),
            server,
            first,
            service: Service::new(options, found.tree, 1),
            delivered: image.snapshot,
            recorder: Recorder::new(trace, image.accepted, image.current),
            disk,
            log: store.reader,
            recent: Recent::new(image.history.last(), 1 << 20),
            election_port: None,
            learner_port: Some(learner_port),
            timers: Timers::new(NEVER, NEVER),
            background,
        });
        let mut host = Host {
            driver,
            work,
            stored,
            events,
            inbox,
            snapshots: store.snapshots,
            read: BTreeMap::new(),
        };
        host.driver.finish_round().expect("it begins");
        host
    }

    /// The tasks of a process that died hold its directory for a moment.
    fn open(
        &self,
        dir: &std::path::Path,
        me: ServerId,
    ) -> (quorate_store::Store, quorate_store::BootImage, Memory) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let mut options = StoreOptions::new(Layout::new(dir, None), Some(me));
            options.log = LogOptions {
                short_file_bytes: 4096,
                file_bytes: 4096,
                spare: false,
                ..LogOptions::default()
            };
            match serve::open(options, true) {
                Ok(opened) => return opened,
                Err(serve::StartError::Store(Error::Locked { .. })) if Instant::now() < deadline => {
                    self.turn();
                }
                Err(error) => panic!("server {me} does not start: {error}"),
            }
        }
    }

    /// All tasks get a few turns.
    fn turn(&self) {
        self.runtime.block_on(async {
            for _ in 0..TURNS {
                tokio::task::yield_now().await;
            }
        });
        std::thread::yield_now();
    }

    /// Whether the run can take this step where it is, and it can be forced.
    pub(super) fn may(&self, action: Action) -> bool {
        let node = |i: usize| &self.run.nodes()[i];
        let standing = |i: usize| node(i).server().map(Server::standing);
        let link = |wire: usize| self.run.links().nth(wire);
        let leads = |i: usize| matches!(standing(i), Some(Standing::Leading { .. }));
        match action {
            Action::Lead(i) => node(i).is_votable(),
            Action::Join { learner, leader } => node(learner).is_votable() && leads(leader),
            Action::Deliver(wire, end) => {
                link(wire).is_some_and(|link| link.conn(end).is_some() && !link.incoming(end).is_empty())
            }
            Action::Break(wire, end) => link(wire).is_some_and(|link| link.conn(end).is_some()),
            Action::LogDone(i) => !node(i).disk.log_ops.is_empty(),
            Action::EpochDone(i) => !node(i).disk.epoch_ops.is_empty(),
            Action::Crash(i, log_ops, epoch_ops) => {
                let Disk {
                    log_ops: log,
                    epoch_ops: epochs,
                    ..
                } = &node(i).disk;
                log.len() >= log_ops.into() && epochs.len() >= epoch_ops.into()
            }
            Action::GiveUp(i) => !node(i).serving && standing(i) != Some(Standing::Looking),
            Action::CheckQuorum(i) => leads(i),
            Action::Propose(i) | Action::Ping(i) => standing(i) == Some(Standing::Leading { serving: true }),
            Action::Sync(i) => node(i).serving,
            Action::Purge(_)
            | Action::DiskFails(..)
            | Action::Wipe(_)
            | Action::HearHistory(_)
            | Action::Reconfigure(..)
            | Action::Hear { .. }
            | Action::HearVote { .. }
            | Action::LoseVote { .. }
            | Action::Settle(_) => false,
        }
    }

    /// Lets it happen in both worlds, and compares them.
    pub(super) fn step(&mut self, action: Action) {
        let wires = self.run.links().len();
        let propose = match action {
            Action::Propose(i) => {
                let server = self.run.nodes()[i].server();
                server.and_then(|server| server.next_zxid(&Zab))
            }
            _ => None,
        };
        // The end at which it happens is closed behind it.
        let place = match action {
            Action::Deliver(wire, end) | Action::Break(wire, end) => {
                let link = self.run.links().nth(wire).expect("it was opened");
                Some((index(link.server(end)), link.conn(end).expect("the end is open")))
            }
            _ => None,
        };
        self.run.play(action, &mut |_| {});
        let runtime = self.runtime.handle().clone();
        let _context = runtime.enter();
        match action {
            Action::Lead(i) => self.round(i, |driver| driver.take_role(id(i))),
            Action::Join { learner, leader } => self.join(learner, leader, wires),
            Action::Deliver(..) => {
                let (i, conn) = place.expect("a frame arrives at an end");
                let packet = self.host(i).read.get_mut(&conn).and_then(VecDeque::pop_front);
                let packets = vec![packet.expect("it was read")];
                self.round(i, |driver| driver.on_event(Event::Packets { conn, packets }));
            }
            Action::Break(..) => {
                let (i, conn) = place.expect("an end breaks");
                let host = self.host(i);
                host.read.remove(&conn);
                let read = host.driver.peers.get(&conn).map_or(0, |peer| peer.read);
                let why = io::ErrorKind::ConnectionReset.into();
                self.round(i, |driver| driver.on_event(Event::Closed { conn, read, why }));
            }
            Action::LogDone(i) => {
                self.host(i).work.do_log();
                self.report(i);
            }
            Action::EpochDone(i) => {
                self.host(i).work.do_epoch();
                self.report(i);
            }
            Action::Crash(i, log_ops, epoch_ops) => {
                let mut host = self.hosts[i].take().expect("it runs");
                (0..log_ops).for_each(|_| host.work.do_log());
                (0..epoch_ops).for_each(|_| host.work.do_epoch());
                drop(host);
                let host = self.boot(i);
                self.hosts[i] = Some(host);
            }
            Action::GiveUp(i) => self.round(i, |driver| due(driver, Due::Limit)),
            Action::CheckQuorum(i) => self.round(i, |driver| due(driver, Due::Tick)),
            Action::Ping(i) => self.round(i, |driver| due(driver, Due::Ping)),
            Action::Propose(i) => {
                self.proposed += 1;
                let session = i64::try_from(self.proposed).expect("few are proposed");
                self.ask(i, service::Action::Submit(new_session(session)));
                let zxid = propose.expect("it leads");
                let recent = &self.host(i).driver.recent;
                let entry = recent.range(Zxid::ZERO.max(recent.floor()), zxid).last();
                let entry = entry.expect("it is in the log's end");
                assert_eq!(entry.zxid, zxid);
                let digest = Digest::of(&entry.bytes);
                self.contents.insert(self.proposed, digest);
            }
            Action::Sync(i) => self.ask(i, service::Action::Sync(sync())),
            Action::Purge(_)
            | Action::DiskFails(..)
            | Action::Wipe(_)
            | Action::HearHistory(_)
            | Action::Reconfigure(..)
            | Action::Hear { .. }
            | Action::HearVote { .. }
            | Action::LoseVote { .. }
            | Action::Settle(_) => {
                unreachable!("not forced: {action:?}")
            }
        }
        self.close_unknown();
        self.settle();
        self.compare(&format!("{action:?}"));
    }

    fn round(&mut self, i: usize, happens: impl FnOnce(&mut Driver)) {
        let driver = &mut self.host(i).driver;
        happens(driver);
        driver.finish_round().expect("the server goes on");
    }

    fn ask(&mut self, i: usize, action: service::Action) {
        self.round(i, |driver| {
            driver.actions.push(action);
            driver.do_actions();
        });
    }

    /// What the disk reports reaches the driver.
    fn report(&mut self, i: usize) {
        let stored = self.host(i).stored.try_recv().expect("it is reported");
        self.round(i, |driver| driver.on_stored(stored).expect("the server goes on"));
    }

    fn join(&mut self, learner: usize, leader: usize, wire: usize) {
        self.round(learner, |driver| driver.take_role(id(leader)));
        let called = self.host(learner).driver.dialing.expect("it calls the leader");
        let accepted = self
            .host(leader)
            .driver
            .learner_port
            .as_ref()
            .map(LearnerPort::accepted);
        let accepted = accepted.expect("it has a port");
        let link = self.run.links().nth(wire).expect("it was opened");
        let ends = ENDS.map(|end| link.conn(end));
        assert!(
            ends[0].is_none_or(|conn| conn == called) && ends[1].is_none_or(|conn| conn == accepted),
            "{ends:?} are {called:?} and {accepted:?}"
        );
        let (near, far) = duplex(1 << 20);
        let boot = self.run_boot(learner);
        let name = ConnName {
            sid: learner as u64 + 1,
            boot,
            counter: called.get(),
        };
        let accepting = self.host(leader).inbox.clone();
        let calling = self.host(learner).inbox.clone();
        let side = Side::Leader(self.host(learner).snapshots.clone());
        self.runtime.block_on(async {
            let announce = |link| Event::Accepted {
                link,
                addresses: None,
            };
            let of = limits_of_links();
            links::start(split(far), accepted, Side::Learner, of, accepting, None, announce).await;
            let announce = |link| Event::Connected {
                link,
                leader: id(leader),
                addresses: None,
                name,
            };
            links::start(split(near), called, side, of, calling, None, announce).await;
        });
        for i in [leader, learner] {
            let event = self
                .host(i)
                .events
                .try_recv()
                .expect("the connection is announced");
            self.round(i, |driver| driver.on_event(event));
        }
    }

    fn run_boot(&self, i: usize) -> u32 {
        let traces = std::fs::read_dir(self.path("trace", i)).expect("a directory");
        let boots = traces.filter_map(Result::ok).filter_map(|file| {
            let name = file.file_name().into_string().ok()?;
            name.split('-').nth(1)?.strip_prefix('b')?.parse().ok()
        });
        boots.max().expect("a boot is recorded")
    }

    /// A role that is left takes with it also the connections that the core does not know of yet.
    fn close_unknown(&mut self) {
        let links: Vec<_> = self.run.links().cloned().collect();
        for (wire, link) in links.iter().enumerate() {
            for end in ENDS {
                let (i, Some(conn)) = (index(link.server(end)), link.conn(end)) else {
                    continue;
                };
                if self.host(i).driver.peers.contains_key(&conn) {
                    continue;
                }
                assert!(
                    self.run.nodes()[i].server().is_some_and(Server::is_looking) && end == End::Leader,
                    "server {} has lost {conn:?}, which stands in the model",
                    i + 1
                );
                self.closed_unknown += 1;
                self.host(i).read.remove(&conn);
                self.run.play(Action::Break(wire, end), &mut |_| {});
            }
        }
    }

    /// Until everything that was sent is read at the other end, if that end is open.
    fn settle(&mut self) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            self.turn();
            self.collect();
            let links: Vec<_> = self.run.links().cloned().collect();
            let missing = links.iter().enumerate().find_map(|(wire, link)| {
                ENDS.into_iter().find_map(|end| {
                    let conn = link.conn(end)?;
                    let read = self
                        .host(index(link.server(end)))
                        .read
                        .get(&conn)
                        .map_or(0, VecDeque::len);
                    (read < link.incoming(end).len()).then_some((wire, end, read))
                })
            });
            let Some(missing) = missing else { break };
            assert!(
                Instant::now() < deadline,
                "what was sent does not arrive: connection, end and what did {missing:?}"
            );
        }
        // What is more than that shows by now.
        self.turn();
        self.collect();
    }

    fn collect(&mut self) {
        for host in self.hosts.iter_mut().flatten() {
            while let Ok(event) = host.events.try_recv() {
                match event {
                    Event::Packets { conn, packets } if host.driver.peers.contains_key(&conn) => {
                        host.read.entry(conn).or_default().extend(packets);
                    }
                    // That the other end is gone is known here when the run says so; nobody listens on the port.
                    Event::Packets { .. } | Event::Closed { .. } | Event::Unreachable { .. } => {}
                    Event::Accepted { .. } | Event::Connected { .. } => panic!("nobody was called"),
                }
            }
        }
    }

    fn parcel(&self, frame: &Frame) -> Parcel {
        match frame {
            Frame::Message(message) => Parcel::Message(message.clone().map(|value| self.contents[&value])),
            Frame::Snapshot(last) | Frame::SnapshotOf(last, _) => Parcel::Snapshot(last.zxid),
            Frame::SyncRequest => Parcel::SyncRequest,
        }
    }

    /// The two worlds are one.
    fn compare(&mut self, after: &str) {
        for i in 0..self.hosts.len() {
            self.compare_server(i, after);
        }
        let links: Vec<_> = self.run.links().cloned().collect();
        for (wire, link) in links.iter().enumerate() {
            for end in ENDS {
                let Some(conn) = link.conn(end) else { continue };
                let expected: Vec<_> = link
                    .incoming(end)
                    .iter()
                    .map(|frame| self.parcel(frame))
                    .collect();
                let read = self.host(index(link.server(end))).read.get(&conn);
                let found: Vec<_> = read.into_iter().flatten().map(parcel_of).collect();
                assert_eq!(
                    found, expected,
                    "on its way to the {end:?} of connection {wire}, after {after}"
                );
            }
        }
    }

    fn compare_server(&mut self, i: usize, after: &str) {
        let node = self.run.nodes()[i].clone();
        let links = self.run.links();
        let open: BTreeSet<Conn> = links
            .flat_map(|link| ENDS.map(|end| link.conn(end).filter(|_| link.server(end) == node.me)))
            .flatten()
            .collect();
        let log: Vec<(Zxid, Digest)> = node
            .disk
            .durable
            .log
            .iter()
            .map(|txn| (txn.zxid, self.contents[&txn.value]))
            .collect();
        let host = self.host(i);
        let waiting = host.work.waiting();
        let driver = &host.driver;
        let whose = format!("of server {} after {after}", i + 1);
        assert_eq!(Some(&driver.server), node.server(), "the state {whose}");
        let asked = (node.disk.log_ops.len(), node.disk.epoch_ops.len());
        assert_eq!(waiting, asked, "what waits for the disk {whose}");
        assert_eq!(
            driver.durable,
            node.disk.durable.last().zxid,
            "the durable end {whose}"
        );
        assert_eq!(driver.delivered, node.tree.zxid, "the end of the tree {whose}");
        assert_eq!(
            driver.service.role().is_some(),
            node.serving,
            "whether clients are served {whose}"
        );
        let peers: BTreeSet<Conn> = driver.peers.keys().copied().collect();
        assert_eq!(peers, open, "the connections {whose}");
        let stored = driver
            .log
            .read_range(node.disk.durable.snapshot.zxid, driver.durable);
        let stored: Vec<(Zxid, Digest)> = stored
            .map(|entry| entry.expect("the log reads back"))
            .map(|entry| (entry.zxid, Digest::of(&entry.bytes)))
            .collect();
        assert_eq!(stored, log, "the log on disk {whose}");
    }

    /// All processes die; then the disks are what they have to be. The directory with what they recorded.
    pub(super) fn end(mut self) -> (TempDir, usize) {
        for i in 0..self.hosts.len() {
            let rest = self.host(i).driver.at_rest();
            let host = self.hosts[i].take().expect("it runs");
            let mut recorder = host.driver.recorder;
            recorder.rest(rest);
            recorder.release();
            recorder.end();
        }
        (self.dir, self.closed_unknown)
    }
}

fn id(i: usize) -> ServerId {
    ServerId::new(i as u64 + 1)
}

fn index(server: ServerId) -> usize {
    server.get() as usize - 1
}

fn due(driver: &mut Driver, due: Due) {
    driver.on_due(due).expect("the server goes on");
}

fn limits_of_links() -> Limits {
    Limits {
        until_synced: NEVER,
        once_synced: NEVER,
        data_bytes_max: 1 << 20,
    }
}

fn parcel_of(read: &Numbered) -> Parcel {
    let message = match &read.packet {
        Incoming::FromLearner(packet) => match packet {
            FromLearner::Info { message, .. } | FromLearner::Pong { message, .. } => message,
            FromLearner::Message(message) => message,
            FromLearner::Request(_) | FromLearner::Revalidate(_) => return Parcel::SyncRequest,
        },
        Incoming::FromLeader(packet) => match packet {
            FromLeader::Info { message, .. } | FromLeader::NewLeader { message, .. } => message,
            FromLeader::Message(message) | FromLeader::CommitAndActivate { message, .. } => message,
            other => panic!("nobody sends {other:?}"),
        },
        Incoming::Snapshot { message, .. } => match message {
            Message::Snap { zxid } => return Parcel::Snapshot(*zxid),
            message => message,
        },
    };
    Parcel::Message(message.clone().map(|bytes| Digest::of(&bytes)))
}

/// What becomes a transaction here: a client's new session.
fn new_session(session: i64) -> Submission {
    let mut body = BytesMut::new();
    body.put_i32(SESSION_TIMEOUT_MS);
    Submission {
        origin: Origin::Here,
        session,
        cxid: 0,
        opcode: Opcode::CreateSession.number(),
        body: body.freeze(),
        who: None,
        request: Some(Request::CreateSession {
            timeout_ms: SESSION_TIMEOUT_MS,
        }),
    }
}

fn sync() -> Submission {
    Submission {
        origin: Origin::Here,
        session: 1,
        cxid: 1,
        opcode: Opcode::Sync.number(),
        body: Bytes::from_static(&[0, 0, 0, 1, b'/']),
        who: None,
        request: None,
    }
}
