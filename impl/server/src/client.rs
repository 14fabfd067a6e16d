//! How do clients reach the driver? One port, one task per connection, and limits on both.
//!
//! A connection's task only moves bytes: what it reads goes to the driver as whole frames, many in one
//! event, and what the service answers leaves in as few writes as possible. Where the driver's queue or a
//! limit is full the task stops reading, and TCP tells the client.

mod connection;
mod frames;
mod slots;
mod threads;

#[cfg(test)]
mod tests;

use crate::config::{ClientAddress, Config, WordList};
use crate::service::{ClientEvent, ClientId, DirectorySizes, Gauge, Proved, replies};
use crate::sync::{AtomicU64, Ordering};
use crate::tls::Acceptor;
use crate::{descriptors, sizes, sockets};
use connection::{Caller, Connection, Stream};
use slots::Slots;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
pub(crate) use threads::ClientThreads;
use tokio::net::{TcpListener, TcpSocket, TcpStream, lookup_host};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

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

/// What a port's clients speak.
#[derive(Clone)]
pub(crate) enum Speaks {
    /// Plain text.
    Plain,
    /// TLS.
    Tls(Acceptor),
    /// Either: the first byte says which.
    Either(Acceptor),
}

/// What all ports of this server have in common: limits are for all of them together.
#[derive(Clone)]
pub(crate) struct Ports {
    limits: Arc<Limits>,
    slots: Slots,
    gauge: Gauge,
    next: Arc<AtomicU64>,
    backlog: u32,
    events: mpsc::Sender<ClientEvent>,
    /// On whose threads connections are served.
    threads: Handle,
}

impl Ports {
    /// Clients of these will tell `events` what they do, until nobody hears it.
    pub(crate) fn new(config: &Config, events: mpsc::Sender<ClientEvent>) -> Self {
        Self {
            limits: Arc::new(Limits::of(config)),
            slots: Slots::new(
                config.connections_per_address_max,
                descriptors::connections_max(config.connections_max),
            ),
            gauge: Gauge::default(),
            next: Arc::new(AtomicU64::new(1)),
            backlog: config.client_backlog.unwrap_or(BACKLOG),
            events,
            threads: Handle::current(),
        }
    }

    /// The same, with the connections served there.
    pub(crate) fn on(self, threads: Handle) -> Self {
        Self { threads, ..self }
    }

    /// Listens on `address`. Answers where that is, once clients can connect.
    ///
    /// # Errors
    ///
    /// If the address cannot be resolved or bound.
    pub(crate) async fn listen(&self, address: &ClientAddress, speaks: Speaks) -> io::Result<SocketAddr> {
        let (address, backlog) = (address.clone(), self.backlog);
        // Where a socket is made is where it is served.
        let binding = self.threads.spawn(async move { bind(&address, backlog).await });
        let listener = binding.await.map_err(io::Error::other)??;
        let bound = listener.local_addr()?;
        self.threads.spawn(accept(listener, self.clone(), speaks));
        Ok(bound)
    }
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

async fn accept(listener: TcpListener, ports: Ports, speaks: Speaks) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = ports.events.closed() => return,
        };
        let (stream, peer) = match accepted {
            Ok((stream, peer)) => (stream, SocketAddr::new(peer.ip().to_canonical(), peer.port())),
            Err(error) => {
                sockets::accept_failed("clientPort", &error).await;
                continue;
            }
        };
        let Some(slot) = ports.slots.take(peer.ip()) else {
            tracing::warn!(%peer, "too many connections: this one is closed");
            // If the driver is that busy, the count can wait.
            let _ = ports.events.try_send(ClientEvent::Refused);
            continue;
        };
        let (ports, speaks) = (ports.clone(), speaks.clone());
        tokio::spawn(async move {
            serve(stream, peer, ports, speaks).await;
            drop(slot);
        });
    }
}

async fn serve(stream: TcpStream, peer: SocketAddr, ports: Ports, speaks: Speaks) {
    if let Err(error) = sockets::tune(&stream) {
        tracing::debug!(%peer, %error, "cannot set up the connection");
        return;
    }
    let deadline = Instant::now() + ports.limits.handshake_timeout;
    // As in Apache: on the port that speaks both, nobody is told apart.
    let is_secure = matches!(speaks, Speaks::Tls(_));
    let acceptor = match speaks {
        Speaks::Plain => None,
        Speaks::Tls(acceptor) => Some(acceptor),
        Speaks::Either(acceptor) => match timeout_at(deadline, stream.peek(&mut [0])).await {
            Ok(Ok(1)) => is_tls(&stream).await.then_some(acceptor),
            Ok(_) => return,
            Err(_) => {
                // If the driver is that busy, the count can wait.
                let _ = ports.events.try_send(ClientEvent::NeverAsked);
                return;
            }
        },
    };
    let ended = match acceptor {
        None => ports.session(stream, peer, Proved::default(), deadline).await,
        Some(acceptor) => {
            let Some(underway) = acceptor.begin() else {
                tracing::warn!(%peer, "too many TLS handshakes are under way: the connection is closed");
                drop(stream);
                let _ = ports.events.send(ClientEvent::HandshakeExceeded).await;
                return;
            };
            let accepted = timeout_at(deadline, acceptor.accept(stream, peer)).await;
            drop(underway);
            match accepted.unwrap_or_else(|_| Err("it took too long".to_owned())) {
                Ok((stream, ids)) => {
                    ports
                        .session(stream, peer, Proved { ids, is_secure }, deadline)
                        .await
                }
                Err(why) => {
                    tracing::warn!(%peer, why, "TLS handshake failed: the connection is closed");
                    let _ = ports.events.send(ClientEvent::HandshakeFailed).await;
                    return;
                }
            }
        }
    };
    match ended {
        Ok(()) => tracing::debug!(%peer, "connection closed"),
        Err(error) => tracing::debug!(%peer, %error, "connection ended"),
    }
}

/// Whether what was sent first is a record of a TLS handshake. No frame and no word begins so.
async fn is_tls(stream: &TcpStream) -> bool {
    const HANDSHAKE: u8 = 0x16;
    let mut first = [0];
    stream.peek(&mut first).await.is_ok() && first[0] == HANDSHAKE
}

impl Ports {
    async fn session(
        self,
        stream: impl Stream,
        peer: SocketAddr,
        proved: Proved,
        deadline: Instant,
    ) -> io::Result<()> {
        let client = ClientId(self.next.fetch_add(1, Ordering::Relaxed));
        let unread_max = UNREAD_BYTES_MAX.max(self.limits.frame_bytes_max);
        let (to_client, queue) = replies(unread_max, self.gauge.clone());
        let caller = Caller { client, peer, proved };
        let connection = Connection::new(stream, caller, self.limits, self.gauge, queue, self.events);
        connection.run(to_client, deadline).await
    }
}
