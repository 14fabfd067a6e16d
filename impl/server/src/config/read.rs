//! How do properties become a configuration?

use super::error::ConfigError;
use super::keys::{self, Standing};
use super::limits::{Costs, Handshakes, LargeRequests, Limits, Throttle};
use super::members::only;
use super::monitoring::{self, Admin, Audit, MetricsPort, Provider};
use super::properties;
use super::reading::{COUNT, MS, PORT, Reading};
use super::server_line::{ClientAddress, Member};
use super::words::WordList;
use super::znodes::Znodes;
use super::{
    Config, DEFAULT_TICK_MS, DEFAULT_UNREAD_BYTES_MAX, Loaded, Mode, Purge, Trace, default_client_threads,
};
use quorate_tree::{LocalRules, WriteRules};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Reads the text of `file`, and the `myid` that it leads to.
pub(super) fn config(file: &Path, text: &str) -> Result<Loaded, ConfigError> {
    let mut reading = Reading {
        file,
        left: BTreeMap::new(),
        faults: Vec::new(),
        warnings: Vec::new(),
    };
    reading.fill(properties::parse(text));
    let config = reading.config();
    reading.judge_the_rest();
    let Reading {
        mut faults,
        mut warnings,
        ..
    } = reading;
    warnings.sort_by_key(|warning| warning.line);
    match config {
        Some(config) if faults.is_empty() => Ok(Loaded { config, warnings }),
        _ => {
            faults.sort_by_key(|fault| fault.line);
            Err(ConfigError { faults, warnings })
        }
    }
}

impl Reading<'_> {
    fn config(&mut self) -> Option<Config> {
        let data_dir = self.required_directory("dataDir");
        let data_log_dir = self.directory("dataLogDir").or_else(|| data_dir.clone());
        let tick_ms = self
            .number("tickTime", MS)
            .map_or(DEFAULT_TICK_MS, |tick| tick as u64);
        let sessions = self.session_timeouts(tick_ms);
        let members = self.members();
        let groups = self.groups(&members);
        let me = self.my_id(&members, data_dir.as_deref());
        let client = self.client(me.and_then(|me| members.get(&me)).or_else(|| only(&members)));
        let secure_client = self.secure_client();
        let unifies_port = self.boolean("client.portUnification").unwrap_or(false);
        let tls = self.tls(secure_client.is_some() || unifies_port);
        let znodes = self.znodes(tls.is_some());
        let limits = self.limits(znodes.rules.x509);
        self.peer_type(me.and_then(|me| members.get(&me)));
        let mode = self.mode(members, groups, me);
        let trace = self.trace(data_dir.as_deref());
        self.always();
        let voters = match &mode {
            Some(Mode::Ensemble(membership)) => membership.voters().count() as u32,
            Some(Mode::Standalone) | None => 1,
        };
        let outstanding = self
            .number("globalOutstandingLimit", 1..=i64::from(i32::MAX))
            .unwrap_or(1000) as u32;
        let config = Config {
            data_dir: PathBuf::new(),
            data_log_dir: PathBuf::new(),
            client,
            unifies_port: unifies_port && tls.is_some(),
            secure_client,
            tls,
            client_backlog: self.backlog(),
            tick_ms,
            min_session_timeout_ms: sessions.0,
            max_session_timeout_ms: sessions.1,
            handshake_timeout_ms: self.number("nio.sessionlessCnxnTimeout", MS).unwrap_or(10_000) as u64,
            connections_per_address_max: self.number("maxClientCnxns", COUNT).unwrap_or(60) as u32,
            connections_max: self.number("maxCnxns", COUNT).unwrap_or(0) as u32,
            client_threads: self
                .number("clientThreads", 1..=1024)
                .map_or_else(default_client_threads, |count| count as u32),
            frame_bytes_max: self
                .number("jute.maxbuffer", 1024..=i64::from(i32::MAX) / 2)
                .map_or(quorate_wire::frame::CLIENT_FRAME_BYTES_MAX, |bytes| {
                    bytes as usize
                }),
            outstanding_max: if voters > 2 {
                (outstanding / (voters - 1)).max(1)
            } else {
                outstanding
            },
            unread_bytes_max: self
                .number("unreadMaxBytes", 1 << 20..=1 << 40)
                .map_or(DEFAULT_UNREAD_BYTES_MAX, |bytes| bytes as usize),
            words: self.words(),
            reads_alone: self.boolean("readonlymode.enabled").unwrap_or(false),
            local_sessions: LocalRules {
                enabled: self.boolean("localSessionsEnabled").unwrap_or(false),
                upgrading: self.boolean("localSessionsUpgradingEnabled").unwrap_or(false),
            },
            limits,
            znodes,
            snap_count: self.at_least("snapCount", 2).unwrap_or(100_000),
            sync_warning_ms: self.number("fsync.warningthresholdms", MS).unwrap_or(1000) as u64,
            log_allocation_bytes: self.number("preAllocSize", 0..=4 << 20).unwrap_or(65_536) as u64 * 1024,
            purge: Purge {
                keep: self.at_least("autopurge.snapRetainCount", 3).unwrap_or(3),
                interval_hours: self.number("autopurge.purgeInterval", COUNT).unwrap_or(0) as u32,
            },
            create_directories: self.boolean("datadir.autocreate").unwrap_or(true),
            autocreate: self.boolean("db.autocreate").unwrap_or(true),
            admin: self.admin(),
            metrics: self.metrics_port(),
            audit: self.audit(data_dir.as_deref()),
            trace: Trace {
                dir: PathBuf::new(),
                bytes_max: 0,
            },
            mode: Mode::Standalone,
        };
        Some(Config {
            data_dir: data_dir?,
            data_log_dir: data_log_dir?,
            trace: trace?,
            mode: mode?,
            ..config
        })
    }

    fn limits(&mut self, x509: bool) -> Limits {
        let threshold = self.number("largeRequestThreshold", -1..=i64::from(i32::MAX));
        let bytes_max = self.number("largeRequestMaxBytes", MS).unwrap_or(100 << 20);
        let tokens = self.number("connection_throttle_tokens", COUNT).unwrap_or(0) as u32;
        let fill_ms = self.number("connection_throttle_fill_time", MS).unwrap_or(1) as u64;
        let fill_count = self.number("connection_throttle_fill_count", COUNT).unwrap_or(1) as u32;
        let is_weighed = self
            .boolean("connection_throttle_weight_enabled")
            .unwrap_or(false);
        let mut weight = |of: &str| {
            let key = format!("connection_throttle_{of}_session_weight");
            self.number(&key, COUNT).map(|weight| weight as u32)
        };
        let weighed = Costs::weighed(weight("global"), weight("local"), weight("renew"));
        let requests_max = self.number("request_throttle_max_requests", COUNT).unwrap_or(0) as usize;
        let wait_ms = self.number("throttled_op_wait_time", COUNT).unwrap_or(0) as u64;
        // Tokens are those of sessions of the ensemble.
        let (costs, each) = if is_weighed {
            (weighed, weighed.global)
        } else {
            (Costs::EVEN, 1)
        };
        Limits {
            required_schemes: self.required_schemes(x509),
            large_requests: threshold
                .and_then(|bytes| usize::try_from(bytes).ok())
                .map(|threshold_bytes| LargeRequests {
                    threshold_bytes,
                    bytes_max: bytes_max as usize,
                }),
            throttle: (requests_max > 0).then_some(Throttle {
                requests_max,
                wait_ms,
            }),
            handshakes: (tokens > 0).then(|| Handshakes {
                tokens_max: tokens.saturating_mul(each),
                fill_ms,
                fill_count: fill_count.saturating_mul(each),
                costs,
            }),
        }
    }

    /// What clients must have proven, if anything.
    fn required_schemes(&mut self, x509: bool) -> Vec<String> {
        let enabled = self.left.get("enforce.auth.enabled").cloned();
        let is_enabled = self.boolean("enforce.auth.enabled") == Some(true);
        let schemes = self.take("enforce.auth.schemes");
        let (true, Some(enabled)) = (is_enabled, enabled) else {
            return Vec::new();
        };
        let Some(schemes) = schemes else {
            self.fault(&enabled, "enforce.auth.schemes must say which schemes will do");
            return Vec::new();
        };
        let required: Vec<_> = schemes
            .value
            .split(',')
            .map(|scheme| scheme.trim().to_owned())
            .collect();
        for scheme in &required {
            match scheme.as_str() {
                "ip" | "digest" => {}
                "x509" if x509 => {}
                _ => self.fault(
                    &schemes,
                    format!("there is no authentication provider of scheme {scheme:?}"),
                ),
            }
        }
        required
    }

    /// Where certificates are shown, their subjects are identities.
    fn znodes(&mut self, is_secure: bool) -> Znodes {
        let default = Znodes::default();
        let never_used_ms = self
            .number("znode.container.maxNeverUsedIntervalMs", COUNT)
            .unwrap_or(0);
        let skip_acl = self.take("skipACL");
        if let Some(property) = skip_acl.as_ref().filter(|property| property.value == "yes") {
            self.warn(
                property,
                "access lists are not heeded: everybody may do everything",
            );
        }
        Znodes {
            rules: WriteRules {
                extended_types: self.boolean("extendedTypesEnabled").unwrap_or(false),
                enforce_quota: self.boolean("enforceQuota").unwrap_or(false),
                x509: self.has_x509_provider() || is_secure,
                sweep: Znodes::sweep(never_used_ms),
            },
            super_digest: self
                .take("DigestAuthenticationProvider.superDigest")
                .map(|property| property.value),
            skip_acl: skip_acl.is_some_and(|property| property.value == "yes"),
            sweep_interval_ms: self
                .number("znode.container.checkIntervalMs", MS)
                .map_or(default.sweep_interval_ms, |ms| ms as u64),
            sweep_per_minute: self
                .number("znode.container.maxPerMinute", MS)
                .map_or(default.sweep_per_minute, |count| count as u32),
        }
    }

    /// Subjects of certificates are identities where Apache's provider is named, as `authProvider.<any>`.
    fn has_x509_provider(&mut self) -> bool {
        let providers: Vec<_> = self
            .left
            .iter()
            .filter(|(key, property)| {
                key.starts_with("authProvider.")
                    && property.value == "org.apache.zookeeper.server.auth.X509AuthenticationProvider"
            })
            .map(|(key, _)| key.clone())
            .collect();
        for key in &providers {
            self.take(key);
        }
        !providers.is_empty()
    }

    /// Keys whose only good value is what this server does anyway.
    fn always(&mut self) {
        if let Some(property) = self.take("electionAlg")
            && property.value != "3"
        {
            self.fault(&property, "only 3 is there, fast leader election");
        }
        if let Some(property) = self.take("forceSync")
            && property.value != "yes"
        {
            self.warn(
                &property,
                "ignored: what is acknowledged is always synced to disk first",
            );
        }
    }

    fn session_timeouts(&mut self, tick_ms: u64) -> (i32, i32) {
        let ticks = |count: u64| i32::try_from(tick_ms * count).unwrap_or(i32::MAX);
        let min_property = self.left.get("minSessionTimeout").cloned();
        let timeout = -1..=i64::from(i32::MAX);
        let mut limit = |key, default| match self.number(key, timeout.clone()) {
            Some(-1) | None => default,
            Some(ms) => ms as i32,
        };
        let (min, max) = (
            limit("minSessionTimeout", ticks(2)),
            limit("maxSessionTimeout", ticks(20)),
        );
        if min > max {
            let what =
                format!("the shortest session timeout, {min} ms, is above maxSessionTimeout, {max} ms");
            match min_property {
                Some(property) => self.fault(&property, what),
                None => self.missing(what),
            }
        }
        (min, max)
    }

    /// The client port: by its own keys, or by this server's line.
    fn client(&mut self, member: Option<&Member>) -> Option<ClientAddress> {
        let by_line = member.and_then(|member| member.client.clone());
        let port_property = self.left.get("clientPort").cloned();
        let address = self.take("clientPortAddress");
        let port = self.number("clientPort", PORT);
        let Some(port_property) = port_property else {
            if let Some(address) = address {
                self.fault(&address, "clientPortAddress needs clientPort");
            }
            if by_line.is_none() && !self.left.contains_key("secureClientPort") {
                self.note("there is no clientPort: no client can connect");
            }
            return by_line;
        };
        let host = address
            .map(|address| address.value)
            .filter(|host| !host.is_empty() && host != "0.0.0.0");
        let by_keys = ClientAddress {
            host,
            port: port? as u16,
        };
        if let Some(by_line) = by_line.filter(|by_line| *by_line != by_keys) {
            let what = format!("differs from {by_line} in this server's own server.N line");
            self.fault(&port_property, what);
        }
        Some(by_keys)
    }

    fn backlog(&mut self) -> Option<u32> {
        let backlog = self.number("clientPortListenBacklog", -1..=i64::from(i32::MAX))?;
        u32::try_from(backlog).ok().filter(|&backlog| backlog > 0)
    }

    fn words(&mut self) -> WordList {
        let Some(property) = self.take("4lw.commands.whitelist") else {
            return WordList::default();
        };
        let (words, unknown) = WordList::parse(&property.value);
        if !unknown.is_empty() {
            self.warn(&property, format!("no such word: {}", unknown.join(", ")));
        }
        words
    }

    fn trace(&mut self, data_dir: Option<&Path>) -> Option<Trace> {
        let dir = self.directory("traceDir");
        let bytes_max = self.number("traceMaxBytes", 1 << 20..=i64::MAX);
        let default = Trace::beside(data_dir?);
        Some(Trace {
            dir: dir.unwrap_or(default.dir),
            bytes_max: bytes_max.map_or(default.bytes_max, |bytes| bytes as u64),
        })
    }

    fn admin(&mut self) -> Admin {
        let default = Admin::default();
        let mut text = |key: &str, default: String| self.take(key).map_or(default, |property| property.value);
        let host = text("admin.serverAddress", default.host);
        let url = self.take("admin.commandURL");
        if let Some(url) = url.as_ref().filter(|url| !monitoring::is_url(&url.value)) {
            self.fault(url, "must be a path, as /commands is");
        }
        if self.boolean("admin.restore.enabled") == Some(true) {
            self.note("admin.restore.enabled: restoring over HTTP is not there; put the snapshot into the data directory");
        }
        Admin {
            enabled: self.boolean("admin.enableServer").unwrap_or(default.enabled),
            host,
            port: self
                .number("admin.serverPort", PORT)
                .unwrap_or(default.port.into()) as u16,
            command_url: url.map_or(default.command_url, |url| url.value),
            idle_timeout_ms: self
                .number("admin.idleTimeout", MS)
                .map_or(default.idle_timeout_ms, |ms| ms as u64),
            snapshot: self.boolean("admin.snapshot.enabled").unwrap_or(default.snapshot),
            snapshot_interval_ms: self
                .number("admin.rateLimiterIntervalInMS", COUNT)
                .map_or(default.snapshot_interval_ms, |ms| ms as u64),
        }
    }

    fn metrics_port(&mut self) -> Option<MetricsPort> {
        let class = self.take("metricsProvider.className");
        let host = self.take("metricsProvider.httpHost");
        let port = self.number("metricsProvider.httpPort", PORT);
        let class = class?;
        match monitoring::provider(&class.value) {
            Ok(Provider::Default) => None,
            Ok(Provider::Prometheus) => Some(MetricsPort {
                host: host.map_or_else(|| "0.0.0.0".into(), |host| host.value),
                port: port.unwrap_or(7000) as u16,
            }),
            Err(what) => {
                self.fault(&class, what);
                None
            }
        }
    }

    fn audit(&mut self, data_dir: Option<&Path>) -> Option<Audit> {
        let enabled = self.boolean("audit.enable").unwrap_or(false);
        let file = self
            .take("audit.file")
            .map(|property| PathBuf::from(property.value));
        let file = file.or_else(|| Some(data_dir?.join(monitoring::AUDIT_FILE)))?;
        enabled.then_some(Audit { file })
    }

    /// What is left is not honoured: is that harmless?
    fn judge_the_rest(&mut self) {
        for property in std::mem::take(&mut self.left).into_values() {
            match keys::standing(&property.key) {
                Some(Standing::NoEffect(why)) => self.warn(&property, format!("has no effect here: {why}")),
                Some(Standing::NotYet) => self.warn(&property, "known, not supported yet: ignored"),
                Some(Standing::Refused(harmless))
                    if harmless
                        .iter()
                        .any(|value| property.value.eq_ignore_ascii_case(value)) => {}
                Some(Standing::Refused(harmless)) => {
                    let allowed = match harmless.first() {
                        Some(&"") => "leave it empty".to_owned(),
                        Some(value) => format!("allowed is {value}"),
                        None => "remove the line".to_owned(),
                    };
                    let what =
                        format!("known, not supported yet, and it cannot be ignored safely: {allowed}");
                    self.fault(&property, what);
                }
                None if property.key.starts_with("zookeeper.") => {
                    self.warn(
                        &property,
                        "ignored: keys of this file go without the prefix `zookeeper.`",
                    );
                }
                None => self.warn(&property, "ignored: no such key"),
            }
        }
    }
}
