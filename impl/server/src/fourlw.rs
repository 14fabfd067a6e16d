//! What do the four-letter words answer? One question in text, one answer, in ZooKeeper's exact words:
//! scripts and monitors parse them.

mod connections;
mod facts;
mod monitor;

#[cfg(test)]
pub(crate) mod tests;

pub(crate) use connections::{civil, short_name};
pub(crate) use facts::PeerState;
pub use facts::{EnsembleFacts, Facts};

use crate::service::{DirectorySizes, Replies, Role, Service};
use bytes::BytesMut;
use quorate_wire::frame::FourLetterWord;
use std::fmt::Write;
use std::net::SocketAddr;

/// What is answered while nobody is served, to all that is asked of the tree.
const NOT_SERVING: &str = "This ZooKeeper instance is not currently serving requests\n";

/// The ZooKeeper release whose protocol this is, in front of our own, since tools parse it.
const COMPATIBLE_WITH: &str = "3.9.3";

/// `<release>-quorate-<version>, built on <date>`.
pub fn version() -> String {
    let built = option_env!("QUORATE_BUILT").unwrap_or("2026-01-01 00:00 UTC");
    format!(
        "{COMPATIBLE_WITH}-quorate-{}, built on {built}",
        env!("CARGO_PKG_VERSION")
    )
}

/// Whether an answer names the sizes of the data directories, which take a while to find.
pub(crate) fn needs_sizes(word: FourLetterWord) -> bool {
    matches!(word, FourLetterWord::Conf | FourLetterWord::Dirs)
}

/// What a connection answers itself, whatever the server does; `None` asks the service.
pub(crate) fn immediate(word: FourLetterWord) -> Option<String> {
    match word {
        FourLetterWord::Ruok => Some("imok".into()),
        FourLetterWord::Envi => Some(environment_text()),
        _ => None,
    }
}

/// The answer to a word that is not in the whitelist.
pub(crate) fn not_allowed(word: FourLetterWord) -> String {
    format!(
        "{} is not executed because it is not in the whitelist.\n",
        word.as_str()
    )
}

fn environment_text() -> String {
    let mut text = String::from("Environment:\n");
    for (key, value) in environment() {
        let _ = writeln!(text, "{key}={value}");
    }
    text
}

/// What there is to tell of the machine and of whoever runs the server, under Java's names.
pub(crate) fn environment() -> Vec<(&'static str, String)> {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let mut all = vec![
        ("zookeeper.version", version()),
        ("host.name", host.trim().to_owned()),
    ];
    all.append(&mut system_properties());
    all
}

/// The part of it that Java's system properties are.
pub(crate) fn system_properties() -> Vec<(&'static str, String)> {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let variable = |name| std::env::var(name).unwrap_or_default();
    let dir = std::env::current_dir().unwrap_or_default();
    vec![
        ("os.name", std::env::consts::OS.to_owned()),
        ("os.arch", std::env::consts::ARCH.to_owned()),
        ("os.version", release.trim().to_owned()),
        ("user.name", variable("USER")),
        ("user.home", variable("HOME")),
        ("user.dir", dir.display().to_string()),
    ]
}

impl Service {
    /// Answers a word from `peer` and closes its connection.
    pub(crate) fn on_word(
        &mut self,
        peer: SocketAddr,
        word: FourLetterWord,
        sizes: Option<DirectorySizes>,
        replies: &Replies,
        now_ms: u64,
    ) {
        self.counters_mut().received += 1;
        let text = immediate(word)
            .or_else(|| self.mask_text(word))
            .unwrap_or_else(|| self.answer_word(peer, word, sizes.unwrap_or_default(), now_ms));
        self.counters_mut().sent += 1;
        replies.send(&mut BytesMut::from(text.as_str()));
        replies.close();
    }

    /// Trace masks are Apache's: one is kept for whoever sets it, and means nothing here.
    fn mask_text(&self, word: FourLetterWord) -> Option<String> {
        matches!(word, FourLetterWord::Gtmk | FourLetterWord::Stmk)
            .then(|| self.facts().trace_mask.to_string())
    }

    fn answer_word(
        &mut self,
        peer: SocketAddr,
        word: FourLetterWord,
        sizes: DirectorySizes,
        now_ms: u64,
    ) -> String {
        let Some(role) = self.role() else {
            return match word {
                FourLetterWord::Isro => "null".into(),
                FourLetterWord::Hash => NOT_SERVING.trim_end().into(),
                _ => NOT_SERVING.into(),
            };
        };
        match word {
            FourLetterWord::Srvr => self.server_text(role, None),
            FourLetterWord::Stat => self.server_text(role, Some(&self.connections_text(peer, true, now_ms))),
            FourLetterWord::Cons => self.connections_text(peer, false, now_ms) + "\n",
            FourLetterWord::Mntr => self.monitor_text(role, now_ms),
            FourLetterWord::Conf => self.facts().conf_text(sizes),
            FourLetterWord::Dirs => {
                format!(
                    "datadir_size: {}\nlogdir_size: {}\n",
                    sizes.data_bytes, sizes.log_bytes
                )
            }
            FourLetterWord::Isro if role == Role::ReadOnly => "ro".into(),
            FourLetterWord::Isro => "rw".into(),
            FourLetterWord::Dump => self.dump_text(peer, role, now_ms),
            FourLetterWord::Wchs => self.watches_text(),
            FourLetterWord::Wchc => self.watches_by_session_text(),
            FourLetterWord::Wchp => self.watches_by_path_text(),
            FourLetterWord::Hash => self.digests_text(),
            FourLetterWord::Crst => {
                self.reset_connections();
                "Connection stats reset.\n".into()
            }
            FourLetterWord::Srst => {
                self.counters_mut().reset();
                "Server stats reset.\n".into()
            }
            FourLetterWord::Ruok | FourLetterWord::Envi | FourLetterWord::Gtmk | FourLetterWord::Stmk => {
                String::new()
            }
        }
    }

    /// `srvr`, and `stat` with the connections.
    fn server_text(&self, role: Role, connections: Option<&str>) -> String {
        let counters = self.counters();
        let mut text = format!("Zookeeper version: {}\n", version());
        if role == Role::ReadOnly {
            text.push_str("READ-ONLY mode; serving only read-only clients\n");
        }
        if let Some(connections) = connections {
            let _ = write!(text, "Clients:\n{connections}\n");
        }
        let latency = &counters.latency_ms;
        let _ = writeln!(
            text,
            "Latency min/avg/max: {}/{:?}/{}",
            latency.min(),
            latency.mean(),
            latency.max()
        );
        let _ = writeln!(text, "Received: {}\nSent: {}", counters.received, counters.sent);
        // The connection that asks is one of them.
        let _ = writeln!(text, "Connections: {}", self.connections().count() + 1);
        let _ = writeln!(text, "Outstanding: {}", self.requests_in_process());
        let _ = writeln!(text, "Zxid: {}\nMode: {}", self.last_zxid(), mode(role));
        let _ = writeln!(text, "Node count: {}", node_count(self));
        if role == Role::Leader {
            let [last, min, max] = counters.proposal_bytes.or_minus_one();
            let _ = writeln!(text, "Proposal sizes last/min/max: {last}/{min}/{max}");
        }
        text
    }
}

pub(crate) fn mode(role: Role) -> &'static str {
    match role {
        Role::Standalone => "standalone",
        Role::Leader => "leader",
        Role::Follower => "follower",
        Role::Observer => "observer",
        Role::ReadOnly => "read-only",
    }
}

/// ZooKeeper has the root under two names and counts both.
pub(crate) fn node_count(service: &Service) -> usize {
    service.tree().node_count() + 1
}
