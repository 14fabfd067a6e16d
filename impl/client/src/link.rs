//! How is one server called? A connection, and the handshake that every connection begins with.

use crate::tls::Tls;
use bytes::{Bytes, BytesMut};
use quorate_wire::client::{ConnectRequest, ConnectResponse};
use quorate_wire::frame::take_frame;
use std::fmt;
use std::io;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

/// The longest reply in bytes. A server bounds requests, and no list of children.
const FRAME_BYTES_MAX: usize = 256 * 1024 * 1024;

/// How a server begins that was called in plain text and speaks TLS. A frame of this length is none.
const TLS_ALERT: [u8; 2] = [0x15, 3];

/// What a server is reached by.
trait Stream: AsyncRead + AsyncWrite + fmt::Debug + Send + Sync + Unpin {}

impl<S: AsyncRead + AsyncWrite + fmt::Debug + Send + Sync + Unpin> Stream for S {}

/// A connection to a server.
#[derive(Debug)]
pub(crate) struct Link {
    stream: Box<dyn Stream>,
    read: BytesMut,
}

impl Link {
    /// Calls `server`, `host:port`, and introduces the client; the answer refuses the session if it is all
    /// zeros.
    pub(crate) async fn call(
        server: &str,
        tls: Option<&Tls>,
        request: &ConnectRequest,
        limit: Duration,
    ) -> io::Result<(Self, ConnectResponse)> {
        match timeout(limit, Self::introduce(server, tls, request)).await {
            Ok(result) => result,
            Err(_) => Err(io::Error::new(
                io::ErrorKind::TimedOut,
                format!("no answer within {} ms", limit.as_millis()),
            )),
        }
    }

    async fn introduce(
        server: &str,
        tls: Option<&Tls>,
        request: &ConnectRequest,
    ) -> io::Result<(Self, ConnectResponse)> {
        let stream = dial(server).await?;
        let mut link = Self {
            stream: match tls {
                None => Box::new(stream),
                Some(tls) => Box::new(tls.begin(server, stream).await?),
            },
            read: BytesMut::with_capacity(4096),
        };
        let mut out = BytesMut::new();
        request.encode(&mut out);
        link.write(&out).await?;
        let frame = loop {
            if tls.is_none() && link.read.starts_with(&TLS_ALERT) {
                return Err(io::Error::other("it speaks TLS"));
            }
            if let Some(frame) = link.frame()? {
                break frame;
            }
            if !link.fill().await? {
                return Err(io::Error::new(
                    io::ErrorKind::UnexpectedEof,
                    "it hung up: it does not serve yet, or is behind what this client has seen",
                ));
            }
        };
        let response = ConnectResponse::decode(&frame).map_err(malformed)?;
        Ok((link, response))
    }

    /// The next whole frame of what was read.
    pub(crate) fn frame(&mut self) -> io::Result<Option<Bytes>> {
        take_frame(&mut self.read, FRAME_BYTES_MAX).map_err(malformed)
    }

    /// Reads what is there; false at the end. Nothing is lost if it is dropped half way.
    pub(crate) async fn fill(&mut self) -> io::Result<bool> {
        Ok(self.stream.read_buf(&mut self.read).await? > 0)
    }

    pub(crate) async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await?;
        // What is encrypted may wait in the stream.
        self.stream.flush().await
    }
}

async fn dial(server: &str) -> io::Result<TcpStream> {
    let mut failed = None;
    for address in lookup_host(server).await? {
        match TcpStream::connect(address).await {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
            Err(error) => failed = Some(error),
        }
    }
    Err(failed.unwrap_or_else(|| io::Error::other("its name has no address")))
}

fn malformed(error: impl fmt::Display) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error.to_string())
}
