//! What do answers need that the service does not know? The configuration, and the ensemble from the
//! driver's side.

use crate::config::{Config, Mode};
use crate::service::DirectorySizes;
use std::fmt::Write;

/// Set once by the driver, and kept up to date by it where it changes.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// What `conf` tells.
    pub(crate) conf: Conf,
    /// The ensemble, as the driver sees it.
    pub ensemble: EnsembleFacts,
    /// The port that clients connect to, if the system chose it.
    pub client_port: Option<u16>,
}

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
        }
    }

    /// `conf`, which ends without a newline.
    pub(super) fn conf_text(&self, sizes: DirectorySizes) -> String {
        let conf = &self.conf;
        let port = self.client_port.unwrap_or(conf.client_port);
        format!(
            "clientPort={port}\nsecureClientPort=-1\ndataDir={}\ndataDirSize={}\ndataLogDir={}\ndataLogSize={}\n\
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
