//! What does the `zoo.cfg` of one server of a test say?

use std::fmt::Write;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::Path;

use crate::address::{CLIENT_PORT, ELECTION_PORT};

/// Whose server a member runs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// The server of this workspace.
    Quorate,
    /// Apache ZooKeeper 3.9.3.
    Apache,
}

impl Kind {
    /// Whose servers the suites are about. `QUORATE_SUBJECT=apache` runs them against Apache's, which
    /// shows whether a failure is the server's or the test's.
    ///
    /// # Panics
    ///
    /// If the variable names neither.
    pub fn subject() -> Kind {
        match std::env::var("QUORATE_SUBJECT").as_deref() {
            Ok("apache") => Kind::Apache,
            Ok("quorate") => Kind::Quorate,
            Ok(other) => panic!("QUORATE_SUBJECT={other}: neither `quorate` nor `apache`"),
            Err(_) => DEFAULT_SUBJECT,
        }
    }
}

const DEFAULT_SUBJECT: Kind = Kind::Quorate;

/// What all servers of an ensemble are configured with.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) tick_ms: u32,
    pub(crate) init_limit: u32,
    pub(crate) sync_limit: u32,
    /// Whether speed counts: Apache's servers get the heap, the compiler and the log level of an installation.
    pub(crate) measured: bool,
    /// Further `key=value` lines, in order; later ones win.
    pub(crate) extra: Vec<(String, String)>,
}

/// Another member, as one member's configuration names it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer {
    pub(crate) id: u64,
    /// Whether it has no vote.
    pub(crate) observes: bool,
    /// Where learners find it: its own quorum port, or a relay in front of it.
    pub(crate) quorum: SocketAddrV4,
}

/// The text of `zoo.cfg` for a server at `address` whose files are in `dir`.
pub(crate) fn zoo_cfg(
    settings: &Settings,
    kind: Kind,
    dir: &Path,
    address: Ipv4Addr,
    peers: &[Peer],
) -> String {
    let mut text = String::new();
    let mut line = |key: &str, value: &dyn std::fmt::Display| {
        writeln!(text, "{key}={value}").expect("a string takes any text");
    };
    line("tickTime", &settings.tick_ms);
    line("initLimit", &settings.init_limit);
    line("syncLimit", &settings.sync_limit);
    line("dataDir", &dir.join("data").display());
    line("clientPort", &CLIENT_PORT);
    line("clientPortAddress", &address);
    line("maxClientCnxns", &0);
    line("admin.enableServer", &false);
    line("4lw.commands.whitelist", &"*");
    if kind == Kind::Quorate {
        line("traceDir", &dir.join("trace").display());
    }
    for (key, value) in &settings.extra {
        line(key, value);
    }
    if peers.len() > 1 {
        for Peer { id, observes, quorum } in peers {
            let role = if *observes { ":observer" } else { "" };
            line(
                &format!("server.{id}"),
                &format!("{}:{}:{ELECTION_PORT}{role}", quorum.ip(), quorum.port()),
            );
        }
    }
    text
}
