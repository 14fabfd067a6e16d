//! What runs on an established election connection? Frames of `int length` and that many bytes, both
//! ways, until either side ends it or breaks the format.

use super::slot::PeerSlot;
use super::{ElectionEvent, Outgoing};
use crate::sockets::Addresses;
use bytes::{Bytes, BytesMut};
use quorate_trace::{ElectionFrame, Ended, Side};
use quorate_wire::election::NotificationFrame;
use quorate_wire::frame::{ELECTION_FRAME_BYTES_MAX, take_frame};
use quorate_zab::{Conn, ServerId};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::{mpsc, oneshot};

/// What a buffer for reading starts with, in bytes: a notification with its configuration text.
const READ_BYTES: usize = 4096;

/// One established connection.
pub(super) struct Connection {
    conn: Conn,
    peer: ServerId,
    slot: Arc<PeerSlot<Outgoing>>,
    events: mpsc::Sender<ElectionEvent>,
    read: Cell,
    written: Cell,
}

/// A count of frames. Only the connection's own task uses it.
type Cell = AtomicU64;

impl Connection {
    /// The connection with `peer`.
    pub(super) fn new(
        conn: Conn,
        peer: ServerId,
        slot: Arc<PeerSlot<Outgoing>>,
        events: mpsc::Sender<ElectionEvent>,
    ) -> Self {
        Self {
            conn,
            peer,
            slot,
            events,
            read: Cell::new(0),
            written: Cell::new(0),
        }
    }

    /// Runs until the connection ends, or until `replaced` says that another took its place; the error says
    /// why.
    ///
    /// It starts with what the slot holds, written before or not: the connection before may have lost it.
    pub(super) async fn run(
        &self,
        reader: impl AsyncRead + Unpin,
        writer: impl AsyncWrite + Unpin,
        side: Side,
        addresses: Option<Addresses>,
        replaced: oneshot::Receiver<()>,
    ) -> io::Error {
        let up = ElectionEvent::Up {
            conn: self.conn,
            peer: self.peer,
            side,
            addresses,
        };
        let (why, error) = match self.events.send(up).await {
            Err(_) => return io::ErrorKind::BrokenPipe.into(),
            Ok(()) => {
                self.slot.on_link_up();
                let ended = tokio::select! {
                    ended = self.read(reader) => ended,
                    ended = self.write(writer) => ended,
                    _ = replaced => Err(io::ErrorKind::ConnectionAborted.into()),
                };
                let error = ended.err().unwrap_or_else(|| io::ErrorKind::UnexpectedEof.into());
                match error.kind() {
                    io::ErrorKind::InvalidData => (Ended::Garbled, error),
                    io::ErrorKind::ConnectionAborted => (Ended::Replaced, error),
                    _ => (Ended::ByOtherEnd, error),
                }
            }
        };
        let (read, written) = (
            self.read.load(Ordering::Relaxed),
            self.written.load(Ordering::Relaxed),
        );
        // The driver is gone when this fails.
        let _ = self
            .events
            .send(ElectionEvent::Down {
                conn: self.conn,
                why,
                read,
                written,
            })
            .await;
        error
    }

    async fn read(&self, mut reader: impl AsyncRead + Unpin) -> io::Result<()> {
        let mut buffer = BytesMut::with_capacity(READ_BYTES);
        loop {
            while let Some(body) = frame(&mut buffer)? {
                let number = self.read.fetch_add(1, Ordering::Relaxed) + 1;
                let frame = ElectionFrame {
                    conn: self.conn,
                    number,
                };
                match NotificationFrame::decode(&body) {
                    Ok(NotificationFrame { notification, .. }) => {
                        let heard = ElectionEvent::Heard {
                            from: self.peer,
                            frame,
                            notification,
                        };
                        if self.events.send(heard).await.is_err() {
                            return Ok(());
                        }
                    }
                    Err(error) => {
                        tracing::warn!(from = self.peer.get(), %error, "a notification cannot be read")
                    }
                }
            }
            if reader.read_buf(&mut buffer).await? == 0 {
                return Ok(());
            }
        }
    }

    async fn write(&self, mut writer: impl AsyncWrite + Unpin) -> io::Result<()> {
        loop {
            let (outgoing, again) = self.slot.next().await;
            let number = self.written.load(Ordering::Relaxed) + 1;
            let (recorded, is_recorded) = oneshot::channel();
            let sending = ElectionEvent::Sending {
                frame: ElectionFrame {
                    conn: self.conn,
                    number,
                },
                notification: outgoing.notification,
                again,
                recorded,
            };
            if self.events.send(sending).await.is_err() || is_recorded.await.is_err() {
                return Ok(());
            }
            writer.write_all(&outgoing.frame).await?;
            self.written.store(number, Ordering::Relaxed);
        }
    }
}

/// The next whole frame of `buffer`, without its length.
fn frame(buffer: &mut BytesMut) -> io::Result<Option<Bytes>> {
    let frame = take_frame(buffer, ELECTION_FRAME_BYTES_MAX);
    match frame.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))? {
        Some(body) if body.is_empty() => Err(io::Error::new(io::ErrorKind::InvalidData, "an empty frame")),
        frame => Ok(frame),
    }
}
