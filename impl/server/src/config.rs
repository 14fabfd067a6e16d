//! What does the operator want? ZooKeeper's `zoo.cfg`, read into types.
//!
//! Every fault names file, line, key, value and what is allowed, and all faults are told at once. What is
//! known to ZooKeeper and not honoured here is never silent: a warning if the server merely lacks it, an
//! error if data, security or the ensemble would not be what the file says.

mod error;
mod groups;
mod keys;
mod limits;
mod members;
mod monitoring;
mod properties;
mod read;
mod reading;
mod server_line;
mod tls;
mod words;
mod znodes;

#[cfg(test)]
mod tests;

pub use error::{ConfigError, Fault, Warning};
pub use groups::Groups;
pub use limits::{Costs, Handshakes, LargeRequests, Limits, Throttle};
pub use monitoring::{Admin, Audit, MetricsPort};
pub use server_line::{ClientAddress, Member};
pub use tls::{ClientAuth, Password, StoreFile, StoreKind, Tls, TlsVersion};
pub use words::WordList;
pub use znodes::Znodes;

use quorate_tree::LocalRules;
use quorate_zab::{Ensemble, ServerId};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A server's configuration.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Config {
    /// Snapshots, `myid` and epochs live in `version-2` below it, `myid` beside that.
    pub data_dir: PathBuf,
    /// Transaction logs live in `version-2` below it.
    pub data_log_dir: PathBuf,
    /// Where clients connect; `None`: nowhere.
    pub client: Option<ClientAddress>,
    /// Whether TLS is spoken there beside plain text (`client.portUnification`).
    pub unifies_port: bool,
    /// Where clients connect with TLS; `None`: nowhere.
    pub secure_client: Option<ClientAddress>,
    /// Keys and certificates; there whenever a port speaks TLS.
    pub tls: Option<Tls>,
    /// How many connections may wait to be accepted; `None` is the system's default.
    pub client_backlog: Option<u32>,
    /// ZooKeeper's unit of time, in ms.
    pub tick_ms: u64,
    /// The shortest session timeout that a client can get, in ms.
    pub min_session_timeout_ms: i32,
    /// The longest session timeout that a client can get, in ms.
    pub max_session_timeout_ms: i32,
    /// How long a connection may take to ask for a session, in ms.
    pub handshake_timeout_ms: u64,
    /// Connections that one address may have; 0 is no limit.
    pub connections_per_address_max: u32,
    /// Connections that all clients together may have; 0 is no limit.
    pub connections_max: u32,
    /// Threads that move clients' bytes; of one there is none but that which answers.
    pub client_threads: u32,
    /// The longest request in bytes (`jute.maxbuffer`).
    pub frame_bytes_max: usize,
    /// Requests in process above which connections that already wait for answers are not read.
    pub outstanding_max: u32,
    /// Bytes of replies that may wait for all clients together.
    pub unread_bytes_max: usize,
    /// The four-letter words that are answered.
    pub words: WordList,
    /// Whether a member without a leader serves reads (`readonlymode.enabled`).
    pub reads_alone: bool,
    /// Sessions that a member keeps for itself.
    pub local_sessions: LocalRules,
    /// Limits of clients that are off by default.
    pub limits: Limits,
    /// What holds of znodes and of who may do what to them.
    pub znodes: Znodes,
    /// Transactions between two snapshots.
    pub snap_count: u32,
    /// A sync of the log that takes longer is worth a warning, in ms.
    pub sync_warning_ms: u64,
    /// Bytes by which log files are extended ahead.
    pub log_allocation_bytes: u64,
    /// Old snapshots and logs, and when they go.
    pub purge: Purge,
    /// Whether a data directory that is not there is made.
    pub create_directories: bool,
    /// Whether empty servers that hear of no history may begin one (`db.autocreate`).
    pub autocreate: bool,
    /// The admin server.
    pub admin: Admin,
    /// A port for metrics alone.
    pub metrics: Option<MetricsPort>,
    /// What clients change is written down, if this is there.
    pub audit: Option<Audit>,
    /// The recorded run.
    pub trace: Trace,
    /// Alone, or a member of an ensemble.
    pub mode: Mode,
}

/// Which old snapshots go.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Purge {
    /// Snapshots to keep, at least 3, with the logs that they need.
    pub keep: u32,
    /// Hours between two purges; 0: never.
    pub interval_hours: u32,
}

/// Where a run is recorded.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Trace {
    /// Its directory.
    pub dir: PathBuf,
    /// Bytes that the recorded runs may take; the oldest go first.
    pub bytes_max: u64,
}

/// Alone, or a member of an ensemble.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Mode {
    /// Alone.
    Standalone,
    /// A member.
    Ensemble(Membership),
}

/// The ensemble, and this server's place in it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Membership {
    /// This server's `myid`.
    pub me: ServerId,
    /// All servers, this one included.
    pub members: BTreeMap<ServerId, Member>,
    /// How they are counted, if not by their heads.
    pub groups: Option<Groups>,
    /// Ticks that connecting to the leader and synchronising may take.
    pub init_limit_ticks: u32,
    /// Ticks that a learner may be silent.
    pub sync_limit_ticks: u32,
    /// Ticks that connecting to the leader may take.
    pub connect_limit_ticks: u32,
    /// Election connections that do not stand after this time are given up, in ms.
    pub election_connect_timeout_ms: u64,
    /// Whether both server ports listen on every address, instead of the member's own.
    pub listen_on_all_addresses: bool,
}

/// A configuration, and what its author should know.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// What was read and is not honoured, or is unwise.
    pub warnings: Vec<Warning>,
}

impl Config {
    /// Reads a `zoo.cfg`, and `myid` if it describes an ensemble.
    ///
    /// # Errors
    ///
    /// All that is wrong with either.
    pub fn load(file: &Path) -> Result<Loaded, ConfigError> {
        let bytes = std::fs::read(file).map_err(|error| ConfigError::unreadable(file, &error))?;
        read::config(file, &String::from_utf8_lossy(&bytes))
    }

    /// A standalone server with every default, for running without a `zoo.cfg`.
    pub fn standalone(data_dir: &Path, client: ClientAddress) -> Self {
        let tick_ms = DEFAULT_TICK_MS;
        Self {
            data_dir: data_dir.to_owned(),
            data_log_dir: data_dir.to_owned(),
            client: Some(client),
            unifies_port: false,
            secure_client: None,
            tls: None,
            client_backlog: None,
            tick_ms,
            min_session_timeout_ms: tick_ms as i32 * 2,
            max_session_timeout_ms: tick_ms as i32 * 20,
            handshake_timeout_ms: 10_000,
            connections_per_address_max: 60,
            connections_max: 0,
            client_threads: default_client_threads(),
            frame_bytes_max: quorate_wire::frame::CLIENT_FRAME_BYTES_MAX,
            outstanding_max: 1000,
            unread_bytes_max: DEFAULT_UNREAD_BYTES_MAX,
            words: WordList::default(),
            reads_alone: false,
            local_sessions: LocalRules::default(),
            limits: Limits::default(),
            znodes: Znodes::default(),
            snap_count: 100_000,
            sync_warning_ms: 1000,
            log_allocation_bytes: 65_536 * 1024,
            purge: Purge {
                keep: 3,
                interval_hours: 0,
            },
            create_directories: true,
            autocreate: true,
            admin: Admin::default(),
            metrics: None,
            audit: None,
            trace: Trace::beside(data_dir),
            mode: Mode::Standalone,
        }
    }

    /// This server's `myid`; 0 standalone.
    pub fn server(&self) -> ServerId {
        match &self.mode {
            Mode::Standalone => ServerId::new(0),
            Mode::Ensemble(membership) => membership.me,
        }
    }
}

impl Trace {
    fn beside(data_dir: &Path) -> Self {
        Self {
            dir: data_dir.join("trace"),
            bytes_max: 1 << 30,
        }
    }
}

impl Membership {
    /// The servers that vote.
    pub fn voters(&self) -> impl Iterator<Item = ServerId> + '_ {
        let voters = self.members.iter().filter(|(_, member)| !member.observes);
        voters.map(|(server, _)| *server)
    }

    /// The servers that only learn.
    pub fn observers(&self) -> impl Iterator<Item = ServerId> + '_ {
        let observers = self.members.iter().filter(|(_, member)| member.observes);
        observers.map(|(server, _)| *server)
    }

    /// The voters, and which sets of them are quorums.
    pub fn ensemble(&self) -> Ensemble {
        match &self.groups {
            Some(groups) => groups.ensemble(),
            None => Ensemble::majority(self.voters()),
        }
    }

    /// The configuration's text as ZooKeeper has it in `conf` and in `/zookeeper/config`; its version is 0
    /// as long as nothing reconfigures.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for (server, member) in &self.members {
            text.push_str(&format!("server.{server}={member}\n"));
        }
        if let Some(groups) = &self.groups {
            text.push_str(&groups.to_string());
        }
        text + "version=0"
    }
}

/// `tickTime` unless configured.
const DEFAULT_TICK_MS: u64 = 3000;
/// `clientThreads` unless configured: half the cores are for the server's other threads, and for the rest of the machine.
fn default_client_threads() -> u32 {
    const ENOUGH: usize = 16;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    (cores / 2).clamp(1, ENOUGH) as u32
}

/// `unreadMaxBytes` unless configured.
const DEFAULT_UNREAD_BYTES_MAX: usize = 256 << 20;
