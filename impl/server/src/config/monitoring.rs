//! Who may look in, where, and what is written down about clients? The admin server, Prometheus's port, the
//! audit log.

use std::path::PathBuf;

/// Apache's admin server.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Admin {
    /// `admin.enableServer`.
    pub enabled: bool,
    /// Where it listens. On every address only if the file says so: whoever reaches it sees paths and sessions.
    pub host: String,
    /// `admin.serverPort`; 0: the system chooses.
    pub port: u16,
    /// What the paths of commands begin with.
    pub command_url: String,
    /// A connection that asks for nothing for so long is closed, in ms.
    pub idle_timeout_ms: u64,
    /// Whether `snapshot` is answered, to those with every permission on the root.
    pub snapshot: bool,
    /// The time between two snapshots that are asked for, in ms.
    pub snapshot_interval_ms: u64,
}

impl Default for Admin {
    fn default() -> Self {
        Self {
            enabled: true,
            host: "127.0.0.1".into(),
            port: 8080,
            command_url: "/commands".into(),
            idle_timeout_ms: 30_000,
            snapshot: false,
            snapshot_interval_ms: 300_000,
        }
    }
}

impl Admin {
    /// None.
    pub fn off() -> Self {
        Self {
            enabled: false,
            ..Self::default()
        }
    }
}

/// Where Prometheus finds `/metrics`, beside the admin server.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct MetricsPort {
    /// `metricsProvider.httpHost`.
    pub host: String,
    /// `metricsProvider.httpPort`.
    pub port: u16,
}

/// The audit log.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Audit {
    /// Its file; older ones lie beside it, as `<file>.1` and so on.
    pub file: PathBuf,
}

/// The file's name, which is Apache's, unless configured.
pub(super) const AUDIT_FILE: &str = "zookeeper_audit.log";

/// What a provider of metrics means here.
pub(super) enum Provider {
    /// Metrics are told where they always are.
    Default,
    /// And on a port of their own.
    Prometheus,
}

/// What `metricsProvider.className` asks for.
pub(super) fn provider(class: &str) -> Result<Provider, &'static str> {
    match class
        .strip_prefix("org.apache.zookeeper.metrics.")
        .unwrap_or(class)
    {
        "prometheus.PrometheusMetricsProvider" => Ok(Provider::Prometheus),
        "impl.DefaultMetricsProvider" | "impl.NullMetricsProvider" => Ok(Provider::Default),
        _ => Err("there is no such provider here: \
            org.apache.zookeeper.metrics.prometheus.PrometheusMetricsProvider is one"),
    }
}

/// Where a path of commands must begin.
pub(super) fn is_url(url: &str) -> bool {
    url.starts_with('/') && url.len() > 1 && !url.ends_with('/') && url.is_ascii()
}
