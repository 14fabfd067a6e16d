//! How are this server's sockets set up? No delay, keep-alive against hosts that vanish.

use socket2::{SockRef, TcpKeepalive};
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpStream;

/// A silent connection is probed after this time.
const KEEPALIVE_AFTER: Duration = Duration::from_secs(10);
/// Probes follow each other at this distance.
const KEEPALIVE_EVERY: Duration = Duration::from_secs(3);
/// How long accepting pauses when the process is out of descriptors: without it the loop would spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// This end's address and the other end's.
pub(crate) type Addresses = (SocketAddr, SocketAddr);

/// No delay, and keep-alive.
pub(crate) fn tune(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let probes = TcpKeepalive::new()
        .with_time(KEEPALIVE_AFTER)
        .with_interval(KEEPALIVE_EVERY);
    SockRef::from(stream).set_tcp_keepalive(&probes)
}

/// Connects to `address`, `host:port`, resolved anew.
pub(crate) async fn connect(address: &str) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address).await?;
    tune(&stream)?;
    Ok(stream)
}

/// This end's address and the other end's.
pub(crate) fn addresses(stream: &TcpStream) -> Option<Addresses> {
    Some((stream.local_addr().ok()?, stream.peer_addr().ok()?))
}

/// Reports a failed accept and waits a moment, since most failures (no descriptors left) last.
pub(crate) async fn accept_failed(port: &str, error: &io::Error) {
    tracing::warn!(%error, port, "cannot accept");
    tokio::time::sleep(ACCEPT_PAUSE).await;
}
