//! Where can people and monitors look in? The admin server, and the port for metrics if there is one.

use super::StartError;
use crate::admin::{self, Plan, QUESTIONS_MAX, Question, SnapshotPlan};
use crate::config::Config;
use quorate_store::Snapshots;
use quorate_zab::Zxid;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};
use tokio::sync::mpsc;

type Listening = (Option<SocketAddr>, Option<SocketAddr>, mpsc::Receiver<Question>);

/// Opens both ports, and gives what is asked there.
///
/// A port of the admin server that is taken is no reason not to serve: there is a warning, and the server goes on
/// without. Metrics are on a port only because the file says so, and then they must be.
pub(super) async fn listen(config: &Config, snapshots: Snapshots) -> Result<Listening, StartError> {
    let (asking, questions) = mpsc::channel(QUESTIONS_MAX);
    let plan = |command_url: Option<&str>, snapshots| Plan {
        command_url: command_url.map(str::to_owned),
        idle_timeout: Duration::from_millis(config.admin.idle_timeout_ms),
        questions: asking.clone(),
        directories: [&config.data_dir, &config.data_log_dir].map(|dir| dir.join("version-2")),
        snapshots,
    };
    let mut admin = None;
    if config.admin.enabled {
        let (host, port) = (config.admin.host.as_str(), config.admin.port);
        let given = config
            .admin
            .snapshot
            .then(|| Arc::new(SnapshotPlan::new(config, snapshots)));
        match admin::listen(host, port, plan(Some(&config.admin.command_url), given)).await {
            Ok(address) => admin = Some(address),
            Err(error) => tracing::warn!(
                address = format_args!("{host}:{port}"),
                %error,
                "there is no admin server: its port cannot be had (admin.serverPort, or admin.enableServer=false)"
            ),
        }
    }
    let mut metrics = None;
    if let Some(at) = &config.metrics {
        let listening = admin::listen(&at.host, at.port, plan(None, None)).await;
        metrics = Some(listening.map_err(|error| StartError::Port {
            what: "metricsProvider.httpPort",
            address: format!("{}:{}", at.host, at.port),
            error,
        })?);
    }
    Ok((admin, metrics, questions))
}

/// When the snapshot of `zxid` was written, in seconds since 1970.
pub(super) fn taken_at(config: &Config, zxid: Zxid) -> i64 {
    let file = config
        .data_dir
        .join("version-2")
        .join(format!("snapshot.{:x}", zxid.bits()));
    let written = std::fs::metadata(file).and_then(|meta| meta.modified()).ok();
    let since = written.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    since.map_or(-1, |since| since.as_secs().cast_signed())
}
