//! What do answers need that the service does not know? The configuration, and the ensemble from the
//! driver's side.

use crate::admin::ObserverFacts;
use crate::config::{ClientAddress, Config, Mode};
use crate::service::DirectorySizes;
use crate::tls::Handshakes;
use quorate_zab::{ServerId, Zxid};
use std::fmt::Write;
use std::path::Path;

/// Set once by the driver, and kept up to date by it where it changes.
#[derive(Clone, Debug)]
pub struct Facts {
    /// What `conf` tells.
    pub(crate) conf: Conf,
    /// The ensemble, as the driver sees it.
    pub ensemble: EnsembleFacts,
    /// The port that clients connect to, if the system chose it.
    pub client_port: Option<u16>,
    /// The port that they connect to with TLS, if there is one.
    pub secure_port: Option<u16>,
    /// TLS handshakes that are not over.
    pub(crate) handshakes: Handshakes,
    /// What answers over HTTP tell of it.
    pub(crate) config: Box<Config>,
    /// Leader: its observers. Told before each answer that names them.
    pub(crate) observers: Vec<ObserverFacts>,
    /// Apache's trace mask. It is kept for those who set it, and means nothing.
    pub(crate) trace_mask: i64,
}

impl Default for Facts {
    fn default() -> Self {
        Self::new(&Config::standalone(
            Path::new(""),
            ClientAddress { host: None, port: 0 },
        ))
    }
}

/// What Apache's trace mask is at first.
const TRACE_MASK: i64 = 306;

/// What the driver knows of the ensemble.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct EnsembleFacts {
    /// Leader: learners connected.
    pub learners: usize,
    /// Leader: followers that are synchronised.
    pub synced_followers: usize,
    /// Leader: those beside them that do not vote.
    pub synced_non_voters: usize,
    /// Leader: observers that are.
    pub synced_observers: usize,
    /// Leader: syncs that wait for their quorum.
    pub pending_syncs: usize,
    /// Number of voters.
    pub quorum_size: usize,
    /// Whom this server leads or follows, in ZooKeeper's word.
    pub(crate) state: PeerState,
    /// The phase of the protocol, in ZooKeeper's word.
    pub(crate) phase: &'static str,
    /// The leader, if there is one.
    pub(crate) leader: Option<ServerId>,
    /// Bytes that wait for the log.
    pub(crate) lag_bytes: usize,
    /// The newest snapshot, and when it was taken, in seconds since 1970.
    pub(crate) snapshot: Option<(Zxid, i64)>,
}

/// Whom a member leads or follows.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum PeerState {
    /// Nobody.
    #[default]
    Looking,
    Following,
    Leading,
    Observing,
}

impl EnsembleFacts {
    /// As Apache's `peer_state`.
    pub(crate) fn peer_state(&self) -> String {
        let state = match self.state {
            PeerState::Looking => return "looking".into(),
            PeerState::Following => "following",
            PeerState::Leading => "leading",
            PeerState::Observing => "observing",
        };
        format!("{state} - {}", self.phase)
    }
}

/// The configuration's part of `conf`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Conf {
    client_port: u16,
    data_dir: String,
    data_log_dir: String,
    tick_ms: u64,
    connections_per_address_max: u32,
    min_session_timeout_ms: i32,
    max_session_timeout_ms: i32,
    backlog: i64,
    server: u64,
    /// initLimit to membership; empty standalone.
    ensemble: String,
}

impl Facts {
    /// What `config` says.
    pub fn new(config: &Config) -> Self {
        let mut ensemble = String::new();
        let mut quorum_size = 0;
        if let Mode::Ensemble(membership) = &config.mode {
            quorum_size = membership.voters().count();
            let (init, sync) = (membership.init_limit_ticks, membership.sync_limit_ticks);
            let _ = write!(ensemble, "\ninitLimit={init}\nsyncLimit={sync}\nelectionAlg=3");
            if let Some(me) = membership.members.get(&membership.me) {
                let (election, quorum) = (me.election_port, me.quorum_port);
                let _ = write!(
                    ensemble,
                    "\nelectionPort={election}\nquorumPort={quorum}\npeerType={}",
                    u8::from(me.observes)
                );
            }
            let _ = write!(ensemble, "\nmembership: \n{}", membership.text());
        }
        let version_2 = |dir: &std::path::Path| dir.join("version-2").display().to_string();
        let conf = Conf {
            client_port: config.client.as_ref().map_or(0, |client| client.port),
            data_dir: version_2(&config.data_dir),
            data_log_dir: version_2(&config.data_log_dir),
            tick_ms: config.tick_ms,
            connections_per_address_max: config.connections_per_address_max,
            min_session_timeout_ms: config.min_session_timeout_ms,
            max_session_timeout_ms: config.max_session_timeout_ms,
            backlog: config.client_backlog.map_or(-1, i64::from),
            server: config.server().get(),
            ensemble,
        };
        let ensemble = EnsembleFacts {
            quorum_size,
            ..EnsembleFacts::default()
        };
        Self {
            conf,
            ensemble,
            client_port: None,
            secure_port: None,
            handshakes: Handshakes::default(),
            config: Box::new(config.clone()),
            observers: Vec::new(),
            trace_mask: TRACE_MASK,
        }
    }

    /// `conf`, which ends without a newline.
    pub(super) fn conf_text(&self, sizes: DirectorySizes) -> String {
        let conf = &self.conf;
        let port = self.client_port.unwrap_or(conf.client_port);
        let secure = self.secure_port.map_or(-1, i32::from);
        format!(
            "clientPort={port}\nsecureClientPort={secure}\ndataDir={}\ndataDirSize={}\ndataLogDir={}\ndataLogSize={}\n\
             tickTime={}\nmaxClientCnxns={}\nminSessionTimeout={}\nmaxSessionTimeout={}\n\
             clientPortListenBacklog={}\nserverId={}{}{}",
            conf.data_dir,
            sizes.data_bytes,
            conf.data_log_dir,
            sizes.log_bytes,
            conf.tick_ms,
            conf.connections_per_address_max,
            conf.min_session_timeout_ms,
            conf.max_session_timeout_ms,
            conf.backlog,
            conf.server,
            if conf.ensemble.is_empty() { "\n" } else { "" },
            conf.ensemble,
        )
    }
}
