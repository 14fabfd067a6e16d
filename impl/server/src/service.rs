//! What becomes of a client's request? The znode tree, the sessions, the watches and the order of each
//! session's requests, behind one synchronous interface.
//!
//! The driver owns a [`Service`] and calls it from its one task: with what clients and learners ask
//! (`on_*`), to turn a write into a transaction (`prepare`, leader and standalone server), and with every
//! committed transaction (`deliver`). Time comes in as an argument, `now_ms` is monotonic; nothing here
//! waits. Replies are buffered per connection until [`Service::flush`], at the end of the driver's round.

mod answering;
mod auditing;
mod connection;
mod counters;
mod delivery;
mod digest_log;
mod event;
mod gauge;
mod handshake;
mod identity;
mod leading;
mod limits;
mod measuring;
mod replies;
mod requests;
mod storm;
mod sweeping;

#[cfg(test)]
mod tests;

pub use event::{Action, ClientEvent, ClientId, DirectorySizes, Origin, Proved, Role, Submission};
pub use gauge::Gauge;
pub(crate) use identity::prove_for as prove_identity;
pub use replies::{Batch, Hold, Replies, ReplyQueue, replies};

pub(crate) use connection::Connection;
pub(crate) use counters::Counters;

use crate::config::{Limits, Znodes};
use crate::fourlw::Facts;
use crate::metrics::Figures;
use auditing::Auditing;
use digest_log::DigestLog;
use handshake::{Caller, SessionIds};
use limits::{Bucket, Tally, Throttled};
use quorate_tree::{
    LocalRules, LocalSessions, Outstanding, SessionId, SessionTable, Tree, TxnEntry, Unsupported, WatchTable,
    WatcherId,
};
use quorate_wire::DecodeError;
use quorate_zab::{Epoch, ServerId, Zxid};
use std::collections::{BTreeSet, HashMap, VecDeque};
use sweeping::Sweep;

/// Connections that are handed notifications at once, where there is nothing else for them: while their tasks write,
/// others wait.
const TOLD_MAX: usize = 256;
/// Bytes of notifications that may wait for a later round.
const OWED_BYTES_MAX: usize = 8 << 20;

/// What the configuration says about sessions.
#[derive(Clone, Debug)]
pub struct Options {
    /// This server's `myid`; 0 standalone.
    pub server: ServerId,
    /// The unit of session deadlines, in ms.
    pub tick_ms: u64,
    /// The shortest session timeout that a client can get, in ms.
    pub min_session_timeout_ms: i32,
    /// The longest, in ms.
    pub max_session_timeout_ms: i32,
    /// Bytes of replies that may wait in this process for all clients together.
    pub unread_bytes_max: usize,
    /// What holds of znodes.
    pub znodes: Znodes,
    /// What holds of sessions that this server keeps for itself.
    pub local_sessions: LocalRules,
    /// Limits of clients.
    pub limits: Limits,
}

/// Why a transaction cannot be applied.
#[derive(Debug, thiserror::Error)]
pub enum Undeliverable {
    /// The bytes are no transaction.
    #[error("the transaction cannot be read: {0}")]
    Malformed(#[from] DecodeError),
    /// It asks for what no server of this version can do.
    #[error("the transaction cannot be applied: {0}")]
    Unsupported(#[from] Unsupported),
}

/// The tree, and what this server knows of clients.
#[derive(Debug)]
pub struct Service {
    options: Options,
    /// `None`: looking, nobody is served.
    role: Option<Role>,
    epoch: Epoch,
    tree: Tree,
    watches: WatchTable,
    clients: HashMap<ClientId, Connection>,
    /// The connection of each session that has one here.
    attached: HashMap<SessionId, ClientId>,
    /// Connections with something to do at the end of the round.
    dirty: Vec<ClientId>,
    /// Connections with nothing but notifications: they take theirs a slice at a time.
    told: VecDeque<ClientId>,
    /// Bytes of notifications that no connection was handed.
    owed_bytes: usize,
    /// When the last slice was.
    told_ms: Option<u64>,
    /// Follower: connections heard from since the last PING.
    heard: Vec<ClientId>,
    /// Syncs that the leader, or the core, has not answered yet.
    syncs: VecDeque<ClientId>,
    /// Follower: handshakes that wait for REVALIDATE.
    revalidations: HashMap<SessionId, VecDeque<ClientId>>,
    ids: SessionIds,
    /// Tokens for handshakes.
    bucket: Bucket,
    /// Bytes of requests that are large, and not answered.
    large: Tally,
    /// Requests on their way to an answer, where their number is limited.
    in_process: Tally,
    /// What waits until they are fewer, oldest first.
    throttled: VecDeque<Throttled>,
    /// Leader and standalone server.
    sessions: SessionTable<Origin>,
    /// Sessions that nobody else knows.
    locals: LocalSessions,
    /// Leader and standalone server: what is prepared and not applied.
    outstanding: Outstanding,
    /// Leader and standalone server: containers and lifetimes that are over.
    sweep: Sweep,
    /// What was read already of the transactions to come.
    expected: VecDeque<TxnEntry>,
    digests: DigestLog,
    counters: Counters,
    auditing: Auditing,
    facts: Facts,
    started_ms: Option<u64>,
    /// When sessions were last looked after.
    housekept_ms: Option<u64>,
    serving_since_ms: u64,
}

impl Service {
    /// A service that does not serve yet, over a recovered tree. `wall_ms`, ms since 1970, seeds session
    /// ids.
    pub fn new(options: Options, tree: Tree, wall_ms: u64) -> Self {
        Self {
            role: None,
            epoch: Epoch::ZERO,
            tree,
            watches: WatchTable::new(),
            clients: HashMap::new(),
            attached: HashMap::new(),
            dirty: Vec::new(),
            told: VecDeque::new(),
            owed_bytes: 0,
            told_ms: None,
            heard: Vec::new(),
            syncs: VecDeque::new(),
            revalidations: HashMap::new(),
            bucket: Bucket::default(),
            large: Tally::default(),
            in_process: Tally::default(),
            throttled: VecDeque::new(),
            ids: SessionIds::new(options.server.get(), wall_ms),
            sessions: SessionTable::new(options.tick_ms),
            locals: LocalSessions::new(options.local_sessions, options.server.get(), options.tick_ms),
            outstanding: Outstanding::new(),
            sweep: Sweep::default(),
            expected: VecDeque::new(),
            digests: DigestLog::default(),
            counters: Counters::default(),
            auditing: Auditing::default(),
            facts: Facts::default(),
            started_ms: None,
            housekept_ms: None,
            serving_since_ms: 0,
            options,
        }
    }

    /// What a client connection did.
    pub fn on_client(&mut self, event: ClientEvent, now_ms: u64, actions: &mut Vec<Action>) {
        match event {
            ClientEvent::Connect {
                client,
                peer,
                proved,
                frame,
                replies,
            } => {
                let from = Caller { client, peer, proved };
                self.on_connect(from, &frame, replies, now_ms, actions);
            }
            ClientEvent::Requests { client, frames } => self.on_requests(client, &frames, now_ms, actions),
            ClientEvent::Written { client } => self.on_written(client, now_ms, actions),
            ClientEvent::Word {
                peer,
                word,
                mask,
                sizes,
                replies,
            } => {
                if let Some(mask) = mask {
                    self.facts.trace_mask = mask;
                }
                self.on_word(peer, word, sizes, &replies, now_ms);
            }
            ClientEvent::NeverAsked => self.counters.figures.never_asked += 1,
            ClientEvent::Refused => self.counters.connections_refused += 1,
            ClientEvent::HandshakeFailed => {
                self.counters.auth_failed += 1;
                self.counters.figures.handshakes_failed += 1;
            }
            ClientEvent::HandshakeExceeded => self.counters.figures.handshakes_exceeded += 1,
            ClientEvent::Gone { client } => {
                if let Some(conn) = self.clients.get_mut(&client) {
                    conn.hang_up();
                    self.settle(client);
                }
            }
        }
    }

    /// Follower: the sessions heard from since the last call, with their timeouts in ms, for the answer to
    /// the leader's PING.
    pub fn touched(&mut self) -> Vec<(SessionId, i32)> {
        let mut touched = Vec::with_capacity(self.heard.len());
        for client in self.heard.drain(..) {
            if let Some(conn) = self.clients.get_mut(&client) {
                conn.is_reported = false;
                touched.push((conn.session, conn.timeout_ms));
            }
        }
        touched
    }

    /// Clients are served from now on. A leader gives every session its full timeout.
    pub fn serve(&mut self, role: Role, epoch: Epoch, now_ms: u64) {
        self.role = Some(role);
        self.epoch = epoch;
        self.serving_since_ms = now_ms;
        self.started_ms.get_or_insert(now_ms);
        self.sweep.begin(now_ms);
        if role.keeps_sessions() {
            self.sessions.begin(&self.tree, now_ms);
        } else {
            self.sessions.clear();
        }
    }

    /// Nobody orders writes, and has not for a while: clients that are content with reads have them, from the tree as it
    /// is. It ends with [`Self::retire`].
    pub fn serve_reads(&mut self, now_ms: u64) {
        self.role = Some(Role::ReadOnly);
        // The tree may have been replaced since an epoch was served.
        self.epoch = Epoch::ZERO;
        self.serving_since_ms = now_ms;
        self.started_ms.get_or_insert(now_ms);
    }

    /// The role is left: connections are closed at the next [`Self::flush`], what waits is dropped, and what
    /// becomes of it is unknown to the clients.
    pub fn retire(&mut self) {
        self.role = None;
        for (&client, conn) in &mut self.clients {
            conn.hang_up();
            if !std::mem::replace(&mut conn.is_dirty, true) {
                self.dirty.push(client);
            }
        }
        self.attached.clear();
        self.watches = WatchTable::new();
        self.heard.clear();
        self.syncs.clear();
        self.revalidations.clear();
        self.sessions.clear();
        self.locals.clear();
        self.outstanding = Outstanding::new();
        self.expected.clear();
    }

    /// Hands the round's replies to the connections.
    pub fn flush(&mut self) {
        let mut unread = 0;
        for client in std::mem::take(&mut self.dirty) {
            unread = unread.max(self.hand_over(client));
        }
        self.relieve(unread);
    }

    /// Hands notifications to a slice of the connections for which there is nothing else, at most once in a
    /// millisecond: while [`Self::owes`], it has to be called again.
    pub fn tell_watchers(&mut self, now_ms: u64) {
        let is_early = self.told_ms == Some(now_ms);
        let (mut told, mut unread) = (0, 0);
        while (!is_early && told < TOLD_MAX || self.owed_bytes > OWED_BYTES_MAX)
            && let Some(client) = self.told.pop_front()
        {
            if let Some(conn) = self.clients.get_mut(&client) {
                conn.is_told = false;
                // Whoever was answered meanwhile has heard it.
                if conn.owed_bytes > 0 {
                    told += 1;
                    unread = unread.max(self.hand_over(client));
                }
            }
        }
        if told > 0 {
            self.told_ms = Some(now_ms);
        }
        self.relieve(unread);
    }

    /// Whether notifications are left over for later.
    pub fn owes(&self) -> bool {
        !self.told.is_empty()
    }

    /// Hands a connection what there is for it. Bytes that wait for all connections then.
    fn hand_over(&mut self, client: ClientId) -> usize {
        let Some(conn) = self.clients.get_mut(&client) else {
            return 0;
        };
        conn.is_dirty = false;
        self.owed_bytes -= std::mem::take(&mut conn.owed_bytes);
        conn.replies.answered(std::mem::take(&mut conn.answered));
        if !conn.out.is_empty() && !conn.replies.send(&mut conn.out) && !conn.is_closed() {
            tracing::info!(peer = %conn.peer, "client reads too slowly: its connection is closed");
            self.counters.connections_dropped += 1;
            conn.hang_up();
        }
        conn.tell_hold();
        let unread = conn.replies.unread_of_all();
        if conn.is_closed() {
            self.detach(client);
            self.forget(client);
        }
        unread
    }

    /// Lets a connection go, with what was not handed over.
    fn forget(&mut self, client: ClientId) {
        if let Some(conn) = self.clients.remove(&client) {
            self.owed_bytes -= conn.owed_bytes;
            conn.replies.close();
        }
    }

    /// Cuts the clients that have most unread until what waits for the others is within bounds; `unread` bytes wait.
    fn relieve(&mut self, unread: usize) {
        let max = self.options.unread_bytes_max;
        if unread <= max {
            return;
        }
        let by_unread = |conn: &Connection| (conn.replies.unread(), conn.client);
        while let Some((bytes, client)) = self.clients.values().map(by_unread).max()
            && bytes > 0
            && let Some(conn) = self.clients.get_mut(&client)
            && conn.replies.unread_of_all() > max
        {
            tracing::warn!(
                peer = %conn.peer, bytes, all = conn.replies.unread_of_all(), max,
                "too many replies wait to be read: the client that most of them wait for is cut off"
            );
            conn.replies.cut();
            conn.hang_up();
            self.counters.connections_dropped += 1;
            self.detach(client);
            self.forget(client);
        }
    }

    /// Notes that a connection has something to do at the end of the round, and forgets what a closed one
    /// had.
    fn settle(&mut self, client: ClientId) {
        let Some(conn) = self.clients.get_mut(&client) else {
            return;
        };
        if !std::mem::replace(&mut conn.is_dirty, true) {
            self.dirty.push(client);
        }
        if conn.is_closed() {
            self.detach(client);
        }
    }

    fn detach(&mut self, client: ClientId) {
        let Some(conn) = self.clients.get(&client) else {
            return;
        };
        if self.attached.get(&conn.session) == Some(&client) {
            self.attached.remove(&conn.session);
        }
        if conn.ends_session {
            self.locals.end(conn.session);
        }
        self.watches.remove_watcher(client.0);
    }

    /// The tree. A snapshot is written from a clone, which is cheap.
    pub fn tree(&self) -> &Tree {
        &self.tree
    }

    /// Puts another tree in place, one that was loaded. Only while not serving.
    pub fn replace_tree(&mut self, tree: Tree) {
        assert!(
            self.role.is_none(),
            "clients that are served must not see another tree"
        );
        self.tree = tree;
        self.expected.clear();
        self.digests.clear();
    }

    /// If nobody said how far the tree's snapshot goes: no further than what is committed before this server serves,
    /// which is up to `zxid`.
    pub fn measure_tree(&mut self, zxid: Zxid) {
        if self.tree.is_unmeasured() {
            self.tree.may_hold_up_to(zxid.bits());
        }
    }

    /// The last transaction applied.
    pub fn last_zxid(&self) -> Zxid {
        Zxid::from_bits(self.tree.last_zxid())
    }

    pub(crate) fn options(&self) -> &Options {
        &self.options
    }

    /// Writes this server's view of the ensemble to `/zookeeper/config`, as Apache's servers do when they begin to
    /// serve: no transaction, and version 0, since nothing reconfigures. What an Apache leader's reconfiguration has
    /// written stays. Alone there is none.
    pub fn show_config(&mut self, text: &[u8], wall_ms: i64) {
        let is_written = self
            .tree
            .stat("/zookeeper/config")
            .is_some_and(|stat| stat.mzxid > 0);
        if !text.is_empty() && !is_written {
            self.tree.set_config(text, 0, wall_ms, &mut self.watches);
        }
    }

    /// The role in which clients are served; `None` while they are not.
    pub fn role(&self) -> Option<Role> {
        self.role
    }

    /// What the answers to four-letter words say of configuration and ensemble; the driver keeps it.
    pub fn facts_mut(&mut self) -> &mut Facts {
        &mut self.facts
    }

    pub(crate) fn facts(&self) -> &Facts {
        &self.facts
    }

    pub(crate) fn counters(&self) -> &Counters {
        &self.counters
    }

    pub(crate) fn counters_mut(&mut self) -> &mut Counters {
        &mut self.counters
    }

    pub(crate) fn figures_mut(&mut self) -> &mut Figures {
        &mut self.counters.figures
    }

    pub(crate) fn connections(&self) -> impl Iterator<Item = &Connection> {
        self.clients.values()
    }

    pub(crate) fn reset_connections(&mut self) {
        self.clients.values_mut().for_each(Connection::reset);
    }

    pub(crate) fn session_of(&self, watcher: WatcherId) -> Option<SessionId> {
        self.clients.get(&ClientId(watcher)).map(|conn| conn.session)
    }

    /// The digests that `hash` shows, oldest first.
    pub(crate) fn digests(&self) -> impl Iterator<Item = (Zxid, u64)> {
        self.digests.iter()
    }

    pub(crate) fn watches(&self) -> &WatchTable {
        &self.watches
    }

    pub(crate) fn session_deadlines(&self) -> impl ExactSizeIterator<Item = (u64, &BTreeSet<SessionId>)> {
        self.sessions.deadlines()
    }

    pub(crate) fn local_sessions(&self) -> &LocalSessions {
        &self.locals
    }

    pub(crate) fn requests_in_process(&self) -> usize {
        self.clients.values().map(Connection::queued).sum()
    }

    pub(crate) fn started_ms(&self) -> u64 {
        self.started_ms.unwrap_or(0)
    }

    pub(crate) fn serving_since_ms(&self) -> u64 {
        self.serving_since_ms
    }
}
