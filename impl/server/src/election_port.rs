//! How do notifications travel? At most one connection per pair, opened by the server with the larger
//! id; at most one notification waiting per peer, the newest.
//!
//! The port moves frames and understands nothing of votes. One task, the switchboard, owns the slots
//! and decides which connection counts; each connection is a task of its own that writes what its slot
//! holds and hands on what it reads, so that no peer can hold up another (ZOOKEEPER-2164, 3756, 3769).
//!
//! A connection proves nothing about who opened it. So a caller with a smaller id only makes us call
//! that id back at its configured address, and the connection that stands is kept until the new one
//! does; and a caller with a larger id replaces a connection that stands only from the same address.

mod connection;
mod greeting;
mod switchboard;
#[cfg(test)]
mod tests;

use bytes::Bytes;
use quorate_zab::ServerId;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

/// Frames that may wait for the switchboard; more are dropped, and the election sends again.
const COMMANDS_MAX: usize = 1024;

/// What the switchboard needs to know of this server and its peers.
#[derive(Clone, Debug)]
pub(crate) struct ElectionPlan {
    /// This server.
    pub(crate) me: ServerId,
    /// The election address that it tells peers, `host:port`.
    pub(crate) advertised: String,
    /// The election addresses of all other members, `host:port`, resolved at each call.
    pub(crate) peers: BTreeMap<ServerId, String>,
    /// How long a call may take.
    pub(crate) connect_limit: Duration,
    /// How long a caller may take to say who it is.
    pub(crate) greeting_limit: Duration,
}

/// A frame that a peer sent, without its length.
#[derive(Debug)]
pub(crate) struct Heard {
    /// Who sent it, as its connection's greeting says.
    pub(crate) from: ServerId,
    /// The notification's bytes.
    pub(crate) body: Bytes,
}

/// The driver's end of the switchboard.
pub(crate) struct ElectionPort {
    commands: mpsc::Sender<switchboard::Command>,
}

impl ElectionPort {
    /// Starts the switchboard on `listener`; frames heard go to `heard`.
    pub(crate) fn start(listener: TcpListener, plan: ElectionPlan, heard: mpsc::Sender<Heard>) -> Self {
        let (commands, orders) = mpsc::channel(COMMANDS_MAX);
        tokio::spawn(switchboard::run(listener, plan, heard, orders));
        Self { commands }
    }

    /// Makes `frame` the newest for `to`, in place of one that was not yet written, and calls `to` if no
    /// connection stands.
    pub(crate) fn send(&self, to: ServerId, frame: Bytes) {
        if self
            .commands
            .try_send(switchboard::Command::Send { to, frame })
            .is_err()
        {
            tracing::warn!(to = to.get(), "election frame dropped: the switchboard lags");
        }
    }
}
