//! How do clients reach the driver? One port, one task per connection, and limits on both.
//!
//! A connection's task only moves bytes: what it reads goes to the driver as whole frames, many in one
//! event, and what the service answers leaves in as few writes as possible. Where the driver's queue or a
//! limit is full the task stops reading, and TCP tells the client.

mod connection;
mod frames;
mod slots;

#[cfg(test)]
mod tests;

use crate::config::{ClientAddress, Config, WordList};
use crate::service::{ClientEvent, ClientId, DirectorySizes, Gauge, replies};
use crate::{sizes, sockets};
use connection::Connection;
use slots::Slots;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpSocket, TcpStream, lookup_host};
use tokio::sync::mpsc;

/// Connections that may wait to be accepted, unless configured: a herd of clients comes at once.
const BACKLOG: u32 = 4096;

/// Replies that a client may leave unread, in bytes, before its connection is cut.
const UNREAD_BYTES_MAX: usize = 32 << 20;

/// What connections are allowed.
#[derive(Debug)]
struct Limits {
    frame_bytes_max: usize,
    /// Requests in process above which a connection that waits for answers is not read.
    outstanding_max: usize,
    handshake_timeout: Duration,
    words: WordList,
    /// Whose sizes `conf` and `dirs` tell.
    directories: [PathBuf; 2],
}

impl Limits {
    fn of(config: &Config) -> Self {
        Self {
            frame_bytes_max: config.frame_bytes_max,
            outstanding_max: config.outstanding_max as usize,
            handshake_timeout: Duration::from_millis(config.handshake_timeout_ms),
            words: config.words.clone(),
            directories: [&config.data_dir, &config.data_log_dir].map(|dir| dir.join("version-2")),
        }
    }

    /// Looks at the disk: not for the runtime's threads.
    fn sizes(&self) -> DirectorySizes {
        sizes::of(&self.directories)
    }
}

/// Listens on `address` and tells `events` what clients do, until nobody hears it. Answers where that is,
/// once clients can connect.
///
/// # Errors
///
/// If the address cannot be resolved or bound.
pub(crate) async fn listen(
    config: &Config,
    address: &ClientAddress,
    events: mpsc::Sender<ClientEvent>,
) -> io::Result<SocketAddr> {
    let listener = bind(address, config.client_backlog.unwrap_or(BACKLOG)).await?;
    let bound = listener.local_addr()?;
    let slots = Slots::new(config.connections_per_address_max, config.connections_max);
    tokio::spawn(accept(listener, Limits::of(config), slots, events));
    Ok(bound)
}

async fn bind(address: &ClientAddress, backlog: u32) -> io::Result<TcpListener> {
    let wildcard = [
        IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        IpAddr::V4(Ipv4Addr::UNSPECIFIED),
    ];
    let candidates: Vec<SocketAddr> = match &address.host {
        Some(host) => lookup_host((host.as_str(), address.port)).await?.collect(),
        None => wildcard.map(|ip| SocketAddr::new(ip, address.port)).to_vec(),
    };
    let mut failed = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
    for candidate in candidates {
        match bind_to(candidate, backlog) {
            Ok(listener) => return Ok(listener),
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

fn bind_to(address: SocketAddr, backlog: u32) -> io::Result<TcpListener> {
    let socket = if address.is_ipv6() {
        TcpSocket::new_v6()?
    } else {
        TcpSocket::new_v4()?
    };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(backlog)
}

async fn accept(listener: TcpListener, limits: Limits, slots: Slots, events: mpsc::Sender<ClientEvent>) {
    let limits = Arc::new(limits);
    let gauge = Gauge::default();
    let mut next = 1;
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = events.closed() => return,
        };
        let (stream, peer) = match accepted {
            Ok((stream, peer)) => (stream, SocketAddr::new(peer.ip().to_canonical(), peer.port())),
            Err(error) => {
                sockets::accept_failed("clientPort", &error).await;
                continue;
            }
        };
        let Some(slot) = slots.take(peer.ip()) else {
            tracing::warn!(%peer, "too many connections: this one is closed");
            // If the driver is that busy, the count can wait.
            let _ = events.try_send(ClientEvent::Refused);
            continue;
        };
        let client = ClientId(next);
        next += 1;
        let (limits, gauge, events) = (limits.clone(), gauge.clone(), events.clone());
        tokio::spawn(async move {
            serve(stream, peer, client, limits, gauge, events).await;
            drop(slot);
        });
    }
}

async fn serve(
    stream: TcpStream,
    peer: SocketAddr,
    client: ClientId,
    limits: Arc<Limits>,
    gauge: Gauge,
    events: mpsc::Sender<ClientEvent>,
) {
    if let Err(error) = sockets::tune(&stream) {
        tracing::debug!(%peer, %error, "cannot set up the connection");
        return;
    }
    let unread_max = UNREAD_BYTES_MAX.max(limits.frame_bytes_max);
    let (to_client, queue) = replies(unread_max, gauge.clone());
    let connection = Connection::new(stream, peer, client, limits, gauge, queue, events);
    match connection.run(to_client).await {
        Ok(()) => tracing::debug!(%peer, "connection closed"),
        Err(error) => tracing::debug!(%peer, %error, "connection ended"),
    }
}
