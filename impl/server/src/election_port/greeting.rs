//! Who is at the other end? The first message of an election connection says.

use quorate_wire::election::InitialMessage;
use quorate_zab::ServerId;
use std::io;
use std::net::IpAddr;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// What a caller says of itself.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Greeting {
    /// Its id, as it says.
    pub(super) server: ServerId,
    /// Its election addresses, `host:port`.
    pub(super) addresses: Vec<String>,
}

impl Greeting {
    /// An address to call back at: one that names a host.
    pub(super) fn reachable(&self) -> Option<&str> {
        self.addresses
            .iter()
            .map(String::as_str)
            .find(|address| names_a_host(address))
    }
}

fn names_a_host(address: &str) -> bool {
    match address.rsplit_once(':') {
        Some((host, port)) if !host.is_empty() && port.parse::<u16>().is_ok_and(|port| port != 0) => {
            let host = host.trim_start_matches('[').trim_end_matches(']');
            !host
                .parse::<IpAddr>()
                .is_ok_and(|address| address.is_unspecified())
        }
        _ => false,
    }
}

/// Reads the greeting, and nothing behind it.
pub(super) async fn read(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Greeting> {
    let mut read = Vec::new();
    loop {
        // One byte at a time: what follows the greeting is the connection's, and greetings are short.
        read.push(stream.read_u8().await?);
        let message = InitialMessage::decode(&read);
        let message = message.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        if let Some((message, _)) = message {
            let server = u64::try_from(message.sid).map(ServerId::new).map_err(|_| {
                io::Error::new(
                    io::ErrorKind::InvalidData,
                    format!("{} is no server's id", message.sid),
                )
            })?;
            return Ok(Greeting {
                server,
                addresses: message.addresses,
            });
        }
    }
}

/// Writes the greeting in one segment.
pub(super) async fn write(stream: &mut (impl AsyncWrite + Unpin), greeting: &Greeting) -> io::Result<()> {
    let mut bytes = Vec::new();
    let sid = i64::try_from(greeting.server.get()).expect("ids in use are positive longs");
    InitialMessage {
        sid,
        addresses: greeting.addresses.clone(),
    }
    .encode(&mut bytes);
    stream.write_all(&bytes).await
}
