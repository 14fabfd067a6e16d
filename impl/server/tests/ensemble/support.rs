//! What do the tests of whole servers share? Servers with directories and addresses of their own, and a
//! client of few words.

mod client;

pub(crate) use client::Client;

use quorate_server::config::{Admin, ClientAddress, Config, Member, Membership, Mode};
use quorate_server::serve::{self, Running, StartError};
use quorate_trace::{Ending, Record, read_dir};
use quorate_zab::{Input, ServerId};
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::time::Duration;
use tempfile::TempDir;

const QUORUM_PORT: u16 = 2888;
const ELECTION_PORT: u16 = 3888;
const CLIENT_PORT: u16 = 2181;
/// The claim of a block of addresses is this port of its last one.
const CLAIM_PORT: u16 = 20_252;
const PATIENCE: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(10);

/// Servers that know each other.
pub(crate) struct Ensemble {
    dir: TempDir,
    block: [u8; 2],
    _claim: TcpListener,
    count: u64,
    running: BTreeMap<u64, Running>,
    dirs: BTreeMap<u64, PathBuf>,
    pub(crate) snap_count: u32,
    pub(crate) purge: bool,
}

/// Waits for a fact that other tasks bring about.
pub(crate) async fn wait_until(what: &str, mut fact: impl FnMut() -> bool) {
    let waited = tokio::time::timeout(PATIENCE, async {
        while !fact() {
            tokio::time::sleep(POLL).await;
        }
    });
    assert!(waited.await.is_ok(), "in vain: {what}");
}

impl Ensemble {
    /// `count` servers that do not run yet; one alone is standalone.
    pub(crate) fn new(count: u64) -> Self {
        let start = std::process::id();
        let claimed = (0..u32::from(u16::MAX)).find_map(|offset| {
            let number = start.wrapping_mul(61).wrapping_add(offset).to_le_bytes();
            // 127.0.x.y is left to people.
            let block = [number[1].max(1), number[0]];
            let claim = TcpListener::bind((Ipv4Addr::new(127, block[0], block[1], 254), CLAIM_PORT)).ok()?;
            Some((block, claim))
        });
        let (block, claim) = claimed.expect("a block of loopback addresses is free");
        let dir = tempfile::tempdir().expect("a scratch directory");
        let dirs = (1..=count)
            .map(|id| (id, dir.path().join(id.to_string())))
            .collect();
        Self {
            dir,
            block,
            _claim: claim,
            count,
            running: BTreeMap::new(),
            dirs,
            snap_count: 100_000,
            purge: false,
        }
    }

    fn host(&self, id: u64) -> Ipv4Addr {
        Ipv4Addr::new(127, self.block[0], self.block[1], id as u8)
    }

    pub(crate) fn election_address(&self, id: u64) -> SocketAddr {
        (self.host(id), ELECTION_PORT).into()
    }

    fn config(&self, id: u64) -> Config {
        let client = ClientAddress {
            host: Some(self.host(id).to_string()),
            port: CLIENT_PORT,
        };
        let mut config = Config::standalone(&self.dirs[&id], client);
        config.tick_ms = 500;
        config.admin = Admin::off();
        config.snap_count = self.snap_count;
        config.purge.interval_hours = u32::from(self.purge);
        config.trace.dir = self.dir.path().join(format!("trace-{id}"));
        if self.count > 1 {
            let member = |id| Member {
                host: self.host(id).to_string(),
                quorum_port: QUORUM_PORT,
                election_port: ELECTION_PORT,
                observes: false,
                client: None,
            };
            config.mode = Mode::Ensemble(Membership {
                me: ServerId::new(id),
                members: (1..=self.count)
                    .map(|id| (ServerId::new(id), member(id)))
                    .collect(),
                groups: None,
                init_limit_ticks: 40,
                sync_limit_ticks: 20,
                connect_limit_ticks: 40,
                election_connect_timeout_ms: 5000,
                listen_on_all_addresses: false,
            });
        }
        config
    }

    pub(crate) async fn start(&mut self, id: u64) {
        let config = self.config(id);
        let started = tokio::time::timeout(PATIENCE, async {
            loop {
                match serve::start(&config).await {
                    // Tasks of the boot before, in this same process, may not have let go yet.
                    Err(StartError::Store(quorate_store::Error::Locked { .. })) => {
                        tokio::time::sleep(POLL).await
                    }
                    started => return started.expect("it can start"),
                }
            }
        });
        self.running
            .insert(id, started.await.expect("the directory is let go"));
    }

    pub(crate) async fn start_all(&mut self) {
        for id in 1..=self.count {
            self.start(id).await;
        }
    }

    /// What a server says that cannot start.
    pub(crate) async fn start_error(&self, id: u64) -> String {
        match serve::start(&self.config(id)).await {
            Ok(_) => panic!("server {id} started"),
            Err(error) => error.to_string(),
        }
    }

    /// Stops a server in good order.
    pub(crate) async fn stop(&mut self, id: u64) {
        let mut running = self.running.remove(&id).expect("it runs");
        running.stop();
        running.ended().await.expect("it ends well");
    }

    pub(crate) async fn stop_all(&mut self) {
        while let Some((&id, _)) = self.running.first_key_value() {
            self.stop(id).await;
        }
    }

    /// Stops `a` and gives its directory to `b` and the reverse.
    pub(crate) async fn swap_directories(&mut self, a: u64, b: u64) {
        self.stop(a).await;
        let (dir_a, dir_b) = (self.dirs[&a].clone(), self.dirs[&b].clone());
        self.dirs.insert(a, dir_b);
        self.dirs.insert(b, dir_a);
    }

    /// A client with a session, once the server gives one.
    pub(crate) async fn client(&self, id: u64) -> Client {
        let address = (self.host(id), CLIENT_PORT);
        let connected = tokio::time::timeout(PATIENCE, async {
            loop {
                if let Some(client) = Client::connect(address.into()).await {
                    return client;
                }
                tokio::time::sleep(POLL).await;
            }
        });
        connected.await.expect("the server gives a session")
    }

    /// The zxid of the oldest snapshot.
    pub(crate) fn oldest_snapshot(&self, id: u64) -> u64 {
        let dir = self.dirs[&id].join("version-2");
        let names = std::fs::read_dir(dir)
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|file| file.file_name().into_string().ok());
        let zxids = names.filter_map(|name| u64::from_str_radix(name.strip_prefix("snapshot.")?, 16).ok());
        zxids.min().unwrap_or(0)
    }

    /// Whether the server's core was told that old log files are gone.
    pub(crate) fn knows_of_purge(&self, id: u64) -> bool {
        let dir = self.dir.path().join(format!("trace-{id}"));
        let found = read_dir(&dir).expect("the directory can be read");
        let mut records = found.boots.iter().flat_map(|boot| boot.records()).flatten();
        records.any(|entry| {
            let Record::Input { input, .. } = entry.record else {
                return false;
            };
            matches!(input, Input::Purged { .. })
        })
    }

    /// The server's trace has that many boots or more, and each was ended in order.
    pub(crate) fn assert_trace_is_whole(&self, id: u64, boots_min: usize) {
        let dir = self.dir.path().join(format!("trace-{id}"));
        let found = read_dir(&dir).expect("the directory can be read");
        assert!(
            found.boots.len() >= boots_min,
            "server {id}: {} boots",
            found.boots.len()
        );
        let machine = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok();
        for boot in found.boots {
            assert_eq!(
                boot.header.fact("machineBoot"),
                machine.as_deref().map(str::trim),
                "server {id}: the machine's start"
            );
            let mut records = boot.records();
            let count = records.by_ref().filter(Result::is_ok).count();
            assert!(count > 2, "server {id}: {count} records");
            assert!(
                matches!(records.ending(), Some(Ending::Clean)),
                "server {id}: {:?}",
                records.ending()
            );
        }
    }
}
