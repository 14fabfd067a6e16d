//! How does a configuration become a running server? The store is opened and judged, the ports are bound,
//! and the driver gets it all.

mod looking_in;

use crate::audit::AuditLog;
use crate::client::{ClientThreads, Ports, Speaks};
use crate::config::{ClientAddress, Config, Membership, Mode};
use crate::driver::{Driver, Fatal, Parts, Queues, reading::ReadsAlone, storage::Background, wall_ms};
use crate::election_port::{ElectionPlan, ElectionPort};
use crate::fourlw::Facts;
use crate::inbox::{CLIENT_EVENTS_MAX, ELECTION_EVENTS_MAX, LINK_EVENTS_MAX};
use crate::learner_port::{LearnerPlan, LearnerPort};
use crate::links::Limits;
use crate::log_thread::{DiskThreads, Held};
use crate::recent::Recent;
use crate::recorder::Recorder;
use crate::service::{Options, Service};
use crate::timers::Timers;
use crate::tls::{Acceptor, Handshakes};
use bytes::Bytes;
use quorate_store::{BootImage, Layout, LogOptions, Store, StoreOptions};
use quorate_trace::{Header, Origin, Sum};
use quorate_zab::{Configuration, Ensemble, Found, Image, Memory, Server, ServerId, Skeleton, Zab, Zxid};
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use tokio::net::{TcpListener, lookup_host};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

/// Bytes of the log's end that are kept in memory beyond what must be.
const RECENT_BYTES_MAX: usize = 8 << 20;
/// What a learner's packet may carry beyond a client's request, in bytes: sessions and a header.
const REQUEST_EXTRA_BYTES: usize = 4 << 20;
/// A joining member may be silent for this many ticks while it says who it is on the election port.
const GREETING_TICKS: u32 = 5;

/// Why a server could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The data directory.
    #[error("{0}")]
    Store(#[from] quorate_store::Error),
    /// A directory that is not to be made.
    #[error("{dir}: there is no such directory, and datadir.autocreate says not to make it", dir = .dir.display())]
    NoDirectory {
        /// The directory.
        dir: PathBuf,
    },
    /// What is in the data directory cannot have come from a run of this protocol.
    #[error("{dir}: {refusal}. Remedy: put the missing file back, or empty version-2 and let this server fetch its data from the ensemble", dir = .dir.display())]
    Refused {
        /// The data directory.
        dir: PathBuf,
        /// What contradicts what.
        refusal: quorate_zab::Refusal,
    },
    /// A port.
    #[error("{what} {address}: {error}")]
    Port {
        /// Which port, in ZooKeeper's words.
        what: &'static str,
        /// As configured.
        address: String,
        /// What the system says.
        error: io::Error,
    },
    /// Keys or certificates.
    #[error("{0}")]
    Tls(#[from] crate::tls::StoreError),
    /// The trace.
    #[error("{0}")]
    Trace(#[from] quorate_trace::TraceError),
    /// The audit log.
    #[error("audit.file {file}: {error}", file = .file.display())]
    AuditLog {
        /// Where it should be.
        file: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// A thread.
    #[error("cannot start a thread: {0}")]
    Thread(io::Error),
}

/// A server that runs.
#[derive(Debug)]
pub struct Running {
    /// Where its clients connect; `None` if nowhere.
    pub clients: Option<SocketAddr>,
    /// Where they connect with TLS.
    pub secure_clients: Option<SocketAddr>,
    /// Where the admin server listens; `None` if it does not.
    pub admin: Option<SocketAddr>,
    /// Where metrics are to be had beside that.
    pub metrics: Option<SocketAddr>,
    stop: watch::Sender<bool>,
    driver: JoinHandle<Result<(), Fatal>>,
    /// As long as it runs, its clients are served.
    _client_threads: ClientThreads,
}

impl Running {
    /// Asks it to stop in good order: [`Self::ended`] tells when that is done.
    pub fn stop(&self) {
        self.stop.send_replace(true);
    }

    /// Waits until it has ended: because it was asked to, or because it cannot go on.
    ///
    /// # Errors
    ///
    /// Why it cannot go on.
    ///
    /// # Panics
    ///
    /// If the server did.
    pub async fn ended(&mut self) -> Result<(), Fatal> {
        match (&mut self.driver).await {
            Ok(ended) => ended,
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            Err(_) => Ok(()),
        }
    }
}

/// Starts the server that `config` describes, on the current runtime.
///
/// # Errors
///
/// What has to be put right first.
pub async fn start(config: &Config) -> Result<Running, StartError> {
    let membership = match &config.mode {
        Mode::Standalone => None,
        Mode::Ensemble(membership) => Some(membership),
    };
    let me = config.server();
    let ensemble = match membership {
        None => Ensemble::majority([me]),
        Some(membership) => membership.ensemble(),
    };
    let opening = Instant::now();
    let (store, found, memory) = open_store(config, membership.map(|_| me))?;
    let opened_ms = opening.elapsed().as_millis() as u64;
    let image = image_of(&found);
    let mut first = Vec::new();
    let server = Server::boot(&Zab, &image, memory, &mut first).map_err(|refusal| StartError::Refused {
        dir: config.data_dir.clone(),
        refusal,
    })?;
    let held = Held::read(&store.reader, image.history.floor(), image.history.last())?;
    let origin = if found.is_empty() && memory.remembers() {
        Origin::Newborn
    } else if found.is_empty() {
        Origin::Emptied
    } else if store.marks.is_copy()? {
        Origin::Restored
    } else {
        Origin::Continued
    };
    let trace = record_boot(config, me, &ensemble, memory, origin, &found, held)?;
    // Only then: a boot that dies before it has recorded the origin leaves that to the next.
    store.marks.set_place()?;
    let boot = trace.boot().ordinal;
    let delivered = image.snapshot;
    let recent = Recent::new(image.history.last(), RECENT_BYTES_MAX);

    let (link_events, links) = mpsc::channel(LINK_EVENTS_MAX);
    let (client_events, clients) = mpsc::channel(CLIENT_EVENTS_MAX);
    let (stored_reports, stored) = mpsc::unbounded_channel();
    let (election_events, elections) = mpsc::channel(ELECTION_EVENTS_MAX);
    let (stop, stopped) = watch::channel(false);

    let tick = Duration::from_millis(config.tick_ms);
    let init_limit = membership.map_or(tick * 10, |membership| tick * membership.init_limit_ticks);
    let (election_port, learner_port) = match membership {
        None => (None, None),
        Some(membership) => {
            let of_learners = Limits {
                until_synced: init_limit,
                once_synced: tick * membership.sync_limit_ticks,
                data_bytes_max: config.frame_bytes_max + REQUEST_EXTRA_BYTES,
            };
            // A transaction may be longer than any request: the paths of a session that is closed.
            let of_leader = Limits {
                data_bytes_max: LogOptions::default().entry_bytes_max,
                ..of_learners
            };
            let election = bind_election(membership, tick).await?;
            let plan = LearnerPlan {
                me,
                boot,
                listen: listen_address(membership, Port::Quorum).await?,
                peers: peers(membership, Port::Quorum),
                connect_limit: tick * membership.connect_limit_ticks,
                of_learners,
                of_leader,
                snapshots: store.snapshots.clone(),
            };
            let address = plan.listen.to_string();
            let learner = LearnerPort::bind(plan, link_events).map_err(|error| StartError::Port {
                what: "quorumPort",
                address,
                error,
            })?;
            let election = ElectionPort::start(election.0, election.1, election_events);
            (Some(election), Some(learner))
        }
    };
    let reads_alone = config.reads_alone && membership.is_some();
    let reads_alone = reads_alone
        .then(|| ReadsAlone::new(store.marks.clone()))
        .transpose()?;
    let snapshots = store.snapshots.clone();
    let sync_warning = Duration::from_millis(config.sync_warning_ms);
    let disk = DiskThreads::start(
        store.log,
        store.epochs,
        store.marks,
        held,
        sync_warning,
        &stored_reports,
    )
    .map_err(StartError::Thread)?;
    let mut background = Background {
        files: store.snapshots,
        stored: stored_reports.downgrade(),
        snap_count: config.snap_count,
        keep: (config.purge.interval_hours > 0).then_some(config.purge.keep as usize),
        since: 0,
        due: 0,
        busy: false,
    };
    background.draw();
    let options = Options {
        server: me,
        tick_ms: config.tick_ms,
        min_session_timeout_ms: config.min_session_timeout_ms,
        max_session_timeout_ms: config.max_session_timeout_ms,
        unread_bytes_max: config.unread_bytes_max,
        znodes: config.znodes.clone(),
        limits: config.limits.clone(),
        local_sessions: membership.map(|_| config.local_sessions).unwrap_or_default(),
    };
    let handshakes = Handshakes::default();
    let acceptor = |tls| Acceptor::new(tls, handshakes.clone());
    let acceptor = config.tls.as_ref().map(acceptor).transpose()?;
    let client_threads = ClientThreads::start(config.client_threads).map_err(StartError::Thread)?;
    let ports = Ports::new(config, client_events).on(client_threads.handle());
    let plain = match &acceptor {
        Some(acceptor) if config.unifies_port => Speaks::Either(acceptor.clone()),
        _ => Speaks::Plain,
    };
    let clients_at = open_port(&ports, "clientPort", config.client.as_ref(), plain).await?;
    let secure_at = match acceptor {
        Some(acceptor) => {
            let address = config.secure_client.as_ref();
            open_port(&ports, "secureClientPort", address, Speaks::Tls(acceptor)).await?
        }
        None => None,
    };
    drop(ports);
    let (admin, metrics, questions) = looking_in::listen(config, snapshots).await?;
    let mut service = Service::new(options, found.tree, wall_ms().cast_unsigned());
    let mut facts = Facts::new(config);
    facts.client_port = clients_at.map(|address| address.port());
    facts.secure_port = secure_at.map(|address| address.port());
    facts.handshakes = handshakes;
    facts.ensemble.snapshot = found
        .snapshot
        .map(|zxid| (zxid, looking_in::taken_at(config, zxid)));
    *service.facts_mut() = facts;
    service.figures_mut().database_ms.add(opened_ms);
    if let Some(audit) = &config.audit {
        let log = AuditLog::open(&audit.file).map_err(|error| StartError::AuditLog {
            file: audit.file.clone(),
            error,
        })?;
        service.audit(log);
    }
    let driver = Driver::new(Parts {
        me,
        standalone: membership.is_none(),
        reads_alone,
        configuration: Configuration::fixed(ensemble),
        config_text: Bytes::from(membership.map(Membership::text).unwrap_or_default()),
        server,
        first,
        service,
        delivered,
        recorder: Recorder::new(trace, image.accepted, image.current),
        disk,
        log: store.reader,
        recent,
        election_port,
        learner_port,
        timers: Timers::new(tick, init_limit),
        background,
    });
    drop(stored_reports);
    let queues = Queues {
        links,
        clients,
        stored,
        elections,
        questions,
        stop: stopped,
    };
    Ok(Running {
        clients: clients_at,
        secure_clients: secure_at,
        admin,
        metrics,
        stop,
        driver: tokio::spawn(driver.run(queues)),
        _client_threads: client_threads,
    })
}

async fn open_port(
    ports: &Ports,
    what: &'static str,
    address: Option<&ClientAddress>,
    speaks: Speaks,
) -> Result<Option<SocketAddr>, StartError> {
    let Some(address) = address else {
        return Ok(None);
    };
    let listening = ports.listen(address, speaks).await;
    listening.map(Some).map_err(|error| StartError::Port {
        what,
        address: address.to_string(),
        error,
    })
}

fn open_store(config: &Config, server: Option<ServerId>) -> Result<(Store, BootImage, Memory), StartError> {
    for dir in [&config.data_dir, &config.data_log_dir] {
        if !config.create_directories && !dir.is_dir() {
            return Err(StartError::NoDirectory { dir: dir.clone() });
        }
    }
    let layout = Layout::new(&config.data_dir, Some(&config.data_log_dir));
    open(StoreOptions::new(layout, server), config.autocreate)
}

/// Opens the store and sees to it that it can be begun with; says whether its server remembers what it promised.
pub(crate) fn open(
    options: StoreOptions,
    autocreate: bool,
) -> Result<(Store, BootImage, Memory), StartError> {
    let is_member = options.server.is_some();
    let (store, mut found) = Store::open(options)?;
    if let Some(damage) = &found.damage {
        return Err(damage.clone().into());
    }
    for error in &found.skipped {
        tracing::warn!(%error, "a newer snapshot cannot be loaded; an older one and the log take its place");
    }
    if let Some(torn) = &found.log.torn {
        tracing::info!(file = %torn.file.display(), bytes = torn.bytes, "cut off what was being written when this server stopped");
    }
    // Alone a server promises nothing to anybody.
    let memory = match is_member {
        true => remember(&store, &found, autocreate)?,
        false => Memory::Whole,
    };
    if found.snapshot.is_none() {
        // A log without a snapshot below it would be refused at the next start.
        store.snapshots.write(&found.tree)?;
        found.snapshot = Some(Zxid::ZERO);
    }
    if found.initialize {
        store.marks.remove_initialize()?;
    }
    Ok((store, found, memory))
}

/// Whether this server knows what it promised. If not, that is noted down before anything else is written.
fn remember(store: &Store, found: &BootImage, autocreate: bool) -> Result<Memory, StartError> {
    let memory = Memory::of(
        &Zab,
        Found {
            empty: found.is_empty(),
            marked: found.forgetful,
            initialize: found.initialize,
            autocreate,
        },
    );
    if found.forgetful && memory.remembers() {
        store.marks.clear_forgetful()?;
    } else if !found.forgetful && !memory.remembers() {
        store.marks.set_forgetful()?;
    }
    Ok(memory)
}

pub(crate) fn image_of(found: &BootImage) -> Image {
    Image {
        accepted: found.epochs.accepted,
        current: found.epochs.current,
        snapshot: found.snapshot.unwrap_or(Zxid::ZERO),
        history: Skeleton::from_runs(found.floor(), found.log.runs.iter().copied()),
    }
}

fn record_boot(
    config: &Config,
    me: ServerId,
    ensemble: &Ensemble,
    memory: Memory,
    origin: Origin,
    found: &BootImage,
    held: Held,
) -> Result<quorate_trace::Recorder, StartError> {
    let mut nonce = [0; 8];
    // Without dice, the clock: the nonce only tells two boots with one ordinal apart.
    if getrandom::fill(&mut nonce).is_err() {
        nonce = wall_ms().to_le_bytes();
    }
    let mut header = Header::new(me, ensemble, env!("CARGO_PKG_VERSION"), u64::from_le_bytes(nonce))
        .with("tickTime", config.tick_ms.to_string())
        .with("dataDir", config.data_dir.display().to_string());
    if let Mode::Ensemble(membership) = &config.mode {
        header.observers = membership.observers().collect();
    }
    if let Some(machine_boot) = machine_boot() {
        header = header.with(Header::MACHINE_BOOT, machine_boot);
    }
    let boot = quorate_trace::Boot {
        image: image_of(found),
        contents: held.contents,
        tree: found.tree.exact_digest().map(Sum::new),
        memory,
        origin,
    };
    let limits = quorate_trace::Limits {
        total_bytes: config.trace.bytes_max,
        ..quorate_trace::Limits::default()
    };
    Ok(quorate_trace::Recorder::create(
        &config.trace.dir,
        limits,
        header,
        boot,
    )?)
}

/// What names this start of the machine: Linux has an id of it, other systems have none.
fn machine_boot() -> Option<String> {
    let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let id = id.trim();
    (!id.is_empty()).then(|| id.to_owned())
}

#[derive(Clone, Copy)]
enum Port {
    Quorum,
    Election,
}

impl Port {
    fn name(self) -> &'static str {
        match self {
            Self::Quorum => "quorumPort",
            Self::Election => "electionPort",
        }
    }

    fn of(self, member: &crate::config::Member) -> (String, u16) {
        let port = match self {
            Self::Quorum => member.quorum_port,
            Self::Election => member.election_port,
        };
        (member.host.clone(), port)
    }
}

/// `host:port`, an IPv6 address in brackets.
fn host_and_port((host, port): (String, u16)) -> String {
    if host.contains(':') {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    }
}

fn peers(membership: &Membership, port: Port) -> std::collections::BTreeMap<ServerId, String> {
    let others = membership.members.iter().filter(|(id, _)| **id != membership.me);
    others
        .map(|(&id, member)| (id, host_and_port(port.of(member))))
        .collect()
}

/// Where this member listens: on its own address, or on all.
async fn listen_address(membership: &Membership, port: Port) -> Result<SocketAddr, StartError> {
    let own = &membership.members[&membership.me];
    let configured = host_and_port(port.of(own));
    let fail = |error| StartError::Port {
        what: port.name(),
        address: configured.clone(),
        error,
    };
    if membership.listen_on_all_addresses {
        return Ok(SocketAddr::from(([0, 0, 0, 0], port.of(own).1)));
    }
    resolve(&configured).await.map_err(fail)
}

async fn resolve(address: &str) -> io::Result<SocketAddr> {
    let nothing = || io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    lookup_host(address).await?.next().ok_or_else(nothing)
}

async fn bind_election(
    membership: &Membership,
    tick: Duration,
) -> Result<(TcpListener, ElectionPlan), StartError> {
    let own = &membership.members[&membership.me];
    let address = listen_address(membership, Port::Election).await?;
    let listener = TcpListener::bind(address)
        .await
        .map_err(|error| StartError::Port {
            what: Port::Election.name(),
            address: address.to_string(),
            error,
        })?;
    let plan = ElectionPlan {
        me: membership.me,
        advertised: host_and_port(Port::Election.of(own)),
        peers: peers(membership, Port::Election),
        connect_limit: Duration::from_millis(membership.election_connect_timeout_ms),
        greeting_limit: tick * GREETING_TICKS,
    };
    Ok((listener, plan))
}
