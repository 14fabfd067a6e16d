//! Who calls `step`? This task, and no other: it turns what happened into inputs, and effects into deeds.
//!
//! It works in rounds. A round takes all that waits, records and steps it input by input, and only then,
//! with every record in the kernel, carries out the effects in their order: so one write of the trace,
//! one of each connection and one sync of the log serve many inputs. Nothing here compares epochs, zxids
//! or votes: what is decided is decided in `model/`.

mod effects;
mod elections;
#[cfg(test)]
mod forced;
mod inputs;
mod measuring;
pub(crate) mod reading;
mod requests;
pub(crate) mod storage;

use crate::admin::Question;
use crate::election_port::{ElectionEvent, ElectionPort};
use crate::inbox::{Event, Stored};
use crate::learner_port::LearnerPort;
use crate::links::Link;
use crate::log_thread::{DiskThreads, LogOp};
use crate::payload::Payload;
use crate::recent::Recent;
use crate::recorder::Recorder;
use crate::seldom::Seldom;
use crate::service::{Action, ClientEvent, Service};
use crate::timers::{Due, Timers};
use bytes::Bytes;
use quorate_store::{LogReader, ReceivedSnapshot};
use quorate_tree::Tree;
use quorate_wire::quorum::ConnName;
use quorate_zab::{
    Configuration, Conn, Context, Effect, Election, ElectionEffect, Input, Server, ServerId, Zab, Zxid,
};
use reading::ReadsAlone;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::sync::{mpsc, oneshot, watch};

/// Events that one round takes from each queue: enough to share its costs, few enough to stay prompt.
const ROUND_EVENTS_MAX: usize = 256;

/// Between two slices of notifications connections write, and others are answered.
const TELLING_PAUSE: Duration = Duration::from_millis(1);

/// Why a server ended that was not told to.
#[derive(Debug, thiserror::Error)]
pub enum Fatal {
    /// What is on disk is not known any more.
    #[error("{0}")]
    Store(#[from] quorate_store::Error),
    /// The disk does not answer.
    #[error(
        "the disk has not finished a write for {seconds} s: it hangs, and this server cannot go on without it"
    )]
    DiskHangs {
        /// For how long.
        seconds: u64,
    },
    /// A committed transaction cannot be applied: the tree is not what the log says.
    #[error("the committed transaction {zxid} cannot be applied: {why}")]
    Undeliverable {
        /// Its position.
        zxid: Zxid,
        /// What is wrong with it.
        why: crate::service::Undeliverable,
    },
}

/// What the driver is made of; [`crate::serve`] puts it together.
pub(crate) struct Parts {
    pub(crate) me: ServerId,
    pub(crate) standalone: bool,
    /// Whether clients can have reads while there is no leader.
    pub(crate) reads_alone: Option<ReadsAlone>,
    pub(crate) configuration: Configuration,
    /// The configuration's text, which NEWLEADER and notifications carry.
    pub(crate) config_text: Bytes,
    pub(crate) server: Server,
    /// What booting asks for.
    pub(crate) first: Vec<Effect<Payload>>,
    pub(crate) service: Service,
    pub(crate) delivered: Zxid,
    pub(crate) recorder: Recorder,
    pub(crate) disk: DiskThreads,
    pub(crate) log: LogReader,
    pub(crate) recent: Recent,
    pub(crate) election_port: Option<ElectionPort>,
    pub(crate) learner_port: Option<LearnerPort>,
    pub(crate) timers: Timers,
    pub(crate) background: storage::Background,
}

/// The queues that the driver listens to.
pub(crate) struct Queues {
    pub(crate) links: mpsc::Receiver<Event>,
    pub(crate) clients: mpsc::Receiver<ClientEvent>,
    pub(crate) stored: mpsc::UnboundedReceiver<Stored>,
    pub(crate) elections: mpsc::Receiver<ElectionEvent>,
    pub(crate) questions: mpsc::Receiver<Question>,
    /// `true`: stop in good order.
    pub(crate) stop: watch::Receiver<bool>,
}

/// A learner connection.
struct Peer {
    link: Link,
    /// What its learner calls it, if it said so.
    name: Option<ConnName>,
    /// Whether the leader is at the other end, rather than a learner.
    to_leader: bool,
    /// The learner, once it has said who it is.
    learner: Option<ServerId>,
    /// From where it called.
    from: Option<IpAddr>,
    /// The same, with its port.
    address: Option<SocketAddr>,
    /// Since when, by the wall clock.
    established_ms: i64,
    /// How many of the protocol's messages were taken from it.
    read: u64,
}

/// One server.
pub(crate) struct Driver {
    me: ServerId,
    standalone: bool,
    reads_alone: Option<ReadsAlone>,
    configuration: Configuration,
    config_text: Bytes,
    server: Server,
    election: Election,
    service: Service,
    recorder: Recorder,
    disk: DiskThreads,
    /// Operations for the log thread, handed over at the end of a round.
    log_ops: Vec<LogOp>,
    log: LogReader,
    recent: Recent,
    /// What the tree holds.
    delivered: Zxid,
    /// What the log holds durably.
    durable: Zxid,
    /// What the last SNAP brought, until it is installed.
    received: Option<Box<ReceivedSnapshot>>,
    /// The tree of the snapshot installed last, until it is loaded.
    installed: Option<Box<Tree>>,
    background: storage::Background,
    peers: BTreeMap<Conn, Peer>,
    /// How many `sync`s of this server's own clients were answered.
    syncs: u64,
    /// The connection that is being opened to a leader.
    dialing: Option<Conn>,
    election_port: Option<ElectionPort>,
    learner_port: Option<LearnerPort>,
    timers: Timers,
    began: Instant,
    effects: Vec<Effect<Payload>>,
    /// Empty between rounds.
    performing: Vec<Effect<Payload>>,
    election_effects: Vec<ElectionEffect>,
    actions: Vec<Action>,
    /// Who waits until what it told is in the kernel.
    recorded: Vec<oneshot::Sender<()>>,
    /// Why the server has to end, where that was found in the middle of a round.
    fatal: Option<Fatal>,
    /// What the disk reported, or failed to, before the core said to halt.
    disk_failed: Option<Fatal>,
    /// Whether the log lagged in the last round.
    lagged: bool,
    lag_warnings: Seldom,
    queue_warnings: Seldom,
}

impl Driver {
    pub(crate) fn new(parts: Parts) -> Self {
        Self {
            me: parts.me,
            standalone: parts.standalone,
            reads_alone: parts.reads_alone,
            configuration: parts.configuration,
            config_text: parts.config_text,
            durable: parts.recent.last(),
            server: parts.server,
            election: Election::new(),
            service: parts.service,
            recorder: parts.recorder,
            disk: parts.disk,
            log_ops: Vec::new(),
            log: parts.log,
            recent: parts.recent,
            delivered: parts.delivered,
            received: None,
            installed: None,
            background: parts.background,
            peers: BTreeMap::new(),
            syncs: 0,
            dialing: None,
            election_port: parts.election_port,
            learner_port: parts.learner_port,
            timers: parts.timers,
            began: Instant::now(),
            effects: parts.first,
            performing: Vec::new(),
            election_effects: Vec::new(),
            actions: Vec::new(),
            recorded: Vec::new(),
            fatal: None,
            disk_failed: None,
            lagged: false,
            lag_warnings: Seldom::default(),
            queue_warnings: Seldom::default(),
        }
    }

    /// Runs until it is told to stop; then what was begun is durable and the trace has its end.
    pub(crate) async fn run(mut self, mut queues: Queues) -> Result<(), Fatal> {
        let mut events = Vec::with_capacity(ROUND_EVENTS_MAX);
        let mut clients = Vec::with_capacity(ROUND_EVENTS_MAX);
        let mut alarm = Box::pin(tokio::time::sleep(Duration::ZERO));
        self.finish_round()?;
        while !*queues.stop.borrow() {
            if let Some(next) = self.timers.next()
                && next != alarm.deadline()
            {
                alarm.as_mut().reset(next);
            }
            // While the log lags, nothing is taken in that could make it longer.
            let open = !self.disk.lags();
            tokio::select! {
                Some(stored) = queues.stored.recv() => self.on_stored(stored)?,
                Some(event) = queues.elections.recv() => self.on_election_event(event),
                _ = queues.links.recv_many(&mut events, ROUND_EVENTS_MAX), if open && may_bring(&queues.links) => {}
                _ = queues.clients.recv_many(&mut clients, ROUND_EVENTS_MAX), if open && may_bring(&queues.clients) => {}
                Some(question) = queues.questions.recv() => self.answer(question),
                () = alarm.as_mut() => {}
                _ = queues.stop.changed() => {}
                () = tokio::time::sleep(TELLING_PAUSE), if self.service.owes() => {}
            }
            // Whatever else waits shares this round.
            while let Ok(stored) = queues.stored.try_recv() {
                self.on_stored(stored)?;
            }
            while let Ok(event) = queues.elections.try_recv() {
                self.on_election_event(event);
            }
            if open {
                take(&mut queues.links, &mut events);
                take(&mut queues.clients, &mut clients);
            }
            for event in events.drain(..) {
                self.on_event(event);
            }
            self.count_clients(clients.len(), &queues.clients, open);
            let now_ms = self.now_ms();
            for event in clients.drain(..) {
                self.service.on_client(event, now_ms, &mut self.actions);
                self.do_actions();
            }
            while let Some(due) = self.timers.take_due() {
                self.on_due(due)?;
            }
            self.finish_round()?;
        }
        self.stop(queues).await
    }

    /// Carries out what the round's inputs asked for, and what that leads to.
    fn finish_round(&mut self) -> Result<(), Fatal> {
        if let Some(fatal) = self.fatal.take() {
            self.recorder.release();
            return Err(fatal);
        }
        loop {
            self.release_trace();
            for recorded in self.recorded.drain(..) {
                // A connection that has ended needs no leave any more.
                let _ = recorded.send(());
            }
            // The two buffers change places, so that neither is allocated anew.
            let mut effects = std::mem::take(&mut self.performing);
            std::mem::swap(&mut effects, &mut self.effects);
            for effect in effects.drain(..) {
                self.perform(effect)?;
            }
            self.performing = effects;
            self.perform_election();
            self.release_requests();
            self.count_log_ops();
            self.disk.submit(&mut self.log_ops);
            self.flush_links();
            if self.effects.is_empty() && self.election_effects.is_empty() {
                break;
            }
        }
        if self.recorder.is_rest_due() {
            let rest = self.at_rest();
            self.recorder.rest(rest);
        }
        self.service.flush();
        if self.service.owes() {
            self.service.tell_watchers(self.now_ms());
        }
        self.consider_snapshot();
        self.recent.trim(self.delivered.min(self.durable));
        Ok(())
    }

    /// Records an input, steps it and records what came of it. Its effects wait for the end of the round.
    ///
    /// `number` is that of the message which the input brings, if it does.
    fn feed(&mut self, input: Input<Payload>, number: Option<u64>) {
        let cx = Context {
            me: self.me,
            configuration: &self.configuration,
            rules: &Zab,
        };
        let before = self.effects.len();
        self.recorder.input(&input, number);
        self.server.step(&cx, input, &mut self.effects);
        self.recorder.effects(&self.effects[before..]);
    }

    fn on_due(&mut self, due: Due) -> Result<(), Fatal> {
        match due {
            Due::Ping => self.feed(Input::PingLearners, None),
            Due::Tick => self.feed(Input::CheckQuorum, None),
            Due::Limit => self.feed(Input::LimitPassed, None),
            Due::Resend | Due::Settled => self.on_election_due(due),
            Due::Reads => self.serve_reads(),
            Due::Service => {
                if let Some(seconds) = self.disk.hangs_since() {
                    self.on_disk_failed(Fatal::DiskHangs { seconds });
                }
                self.expire_sessions();
                self.note_committed();
                self.tell_facts();
                self.recorder.mark(&self.server);
            }
        }
        Ok(())
    }

    /// Ends in good order: what was taken in is durable, and the trace says that this is all.
    async fn stop(mut self, mut queues: Queues) -> Result<(), Fatal> {
        let rest = self.at_rest();
        self.recorder.rest(rest);
        self.end_reads();
        self.note_committed_at_last().await;
        self.service.audit_stop();
        self.service.retire();
        self.service.flush();
        while let Some((&conn, _)) = self.peers.first_key_value() {
            self.drop_peer(conn);
        }
        self.recorder.release();
        self.disk.finish();
        while let Some(stored) = queues.stored.recv().await {
            if let Stored::Failed { error } = stored {
                return Err(error.into());
            }
        }
        self.recorder.end();
        Ok(())
    }

    /// Monotonic time in ms.
    fn now_ms(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).expect("a process does not run that long")
    }
}

/// Whether anything can still come from here. A queue that nobody fills says so at once and every time, and the
/// driver would never wait: a server alone has no links, and one without a client port no clients.
fn may_bring<T>(queue: &mpsc::Receiver<T>) -> bool {
    !queue.is_closed() || !queue.is_empty()
}

/// Takes what waits without waiting for more.
fn take<T>(queue: &mut mpsc::Receiver<T>, into: &mut Vec<T>) {
    while into.len() < ROUND_EVENTS_MAX
        && let Ok(event) = queue.try_recv()
    {
        into.push(event);
    }
}

/// The wall clock in ms since 1970: for the times that people see, never for decisions.
pub(crate) fn wall_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
