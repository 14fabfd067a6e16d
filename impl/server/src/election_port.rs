//! How do notifications travel? At most one connection per pair, opened by the server with the larger
//! id; at most one notification waiting per peer, the newest.
//!
//! The port moves notifications and understands nothing of votes. One task, the switchboard, decides which
//! connection to a peer counts; each connection is a task of its own that writes what the peer's slot
//! holds and hands on what it reads, so that no peer can hold up another (ZOOKEEPER-2164, 3756, 3769).
//!
//! A connection proves nothing about who opened it. So a caller with a smaller id only makes us call
//! that id back at its configured address, and the connection that stands is kept until the new one
//! does; and a caller with a larger id replaces a connection that stands only from the same address.

mod connection;
mod greeting;
mod slot;
mod switchboard;
#[cfg(test)]
mod tests;

use crate::sockets::Addresses;
use bytes::Bytes;
use quorate_trace::{ElectionFrame, Ended, Side};
use quorate_zab::{Conn, Notification, ServerId};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};

/// Notifications that may wait for the switchboard; more are dropped, and the election sends again.
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

/// What happens on the election port.
#[derive(Debug)]
pub(crate) enum ElectionEvent {
    /// A connection stands.
    Up {
        /// Its number; never used twice.
        conn: Conn,
        /// The server at the other end, as it says.
        peer: ServerId,
        /// Which end this server is.
        side: Side,
        /// Of both ends.
        addresses: Option<Addresses>,
    },
    /// A notification arrived.
    Heard {
        /// Who sent it, as its connection's greeting says.
        from: ServerId,
        /// Where.
        frame: ElectionFrame,
        /// What it says.
        notification: Notification,
    },
    /// A notification was taken from its slot. It is written once this is recorded.
    Sending {
        /// Where.
        frame: ElectionFrame,
        /// What it says.
        notification: Notification,
        /// It is the last one again, because the connection is new.
        again: bool,
        /// To be told when it is recorded.
        recorded: oneshot::Sender<()>,
    },
    /// A connection ended.
    Down {
        /// Its number.
        conn: Conn,
        /// Why.
        why: Ended,
        /// Frames read from it.
        read: u64,
        /// Frames written to it.
        written: u64,
    },
}

/// A notification on its way: what it says, and its bytes.
#[derive(Clone, Debug)]
pub(crate) struct Outgoing {
    /// What it says.
    pub(crate) notification: Notification,
    /// Its frame.
    pub(crate) frame: Bytes,
}

/// The driver's end of the switchboard.
pub(crate) struct ElectionPort {
    commands: mpsc::Sender<switchboard::Command>,
}

impl ElectionPort {
    /// Starts the switchboard on `listener`.
    pub(crate) fn start(
        listener: TcpListener,
        plan: ElectionPlan,
        events: mpsc::Sender<ElectionEvent>,
    ) -> Self {
        let (commands, orders) = mpsc::channel(COMMANDS_MAX);
        tokio::spawn(switchboard::run(listener, plan, events, orders));
        Self { commands }
    }

    /// Makes `outgoing` the newest for `to`, in place of one that was not yet written, and calls `to` if
    /// no connection stands.
    pub(crate) fn send(&self, to: ServerId, outgoing: Outgoing) {
        if self
            .commands
            .try_send(switchboard::Command::Send { to, outgoing })
            .is_err()
        {
            tracing::warn!(to = to.get(), "notification dropped: the switchboard lags");
        }
    }
}
