//! What runs on an established election connection? Frames of `int length` and that many bytes, both
//! ways, until either side ends it or breaks the format.

use super::Heard;
use bytes::{Bytes, BytesMut};
use quorate_wire::frame::{ELECTION_FRAME_BYTES_MAX, take_frame};
use quorate_zab::ServerId;
use std::io;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::{mpsc, watch};

/// What a buffer for reading starts with, in bytes: a notification with its configuration text.
const READ_BYTES: usize = 4096;

/// Runs the connection with `peer` until it ends; the error says why.
///
/// A new connection starts with what the slot holds, written before or not: the connection before may
/// have lost it.
pub(super) async fn run(
    reader: impl AsyncRead + Unpin,
    writer: impl AsyncWrite + Unpin,
    peer: ServerId,
    slot: watch::Receiver<Option<Bytes>>,
    heard: mpsc::Sender<Heard>,
) -> io::Error {
    let ended = tokio::select! {
        ended = read(reader, peer, heard) => ended,
        ended = write(writer, slot) => ended,
    };
    ended.err().unwrap_or_else(|| io::ErrorKind::UnexpectedEof.into())
}

async fn read(
    mut reader: impl AsyncRead + Unpin,
    peer: ServerId,
    heard: mpsc::Sender<Heard>,
) -> io::Result<()> {
    let mut buffer = BytesMut::with_capacity(READ_BYTES);
    loop {
        while let Some(body) = frame(&mut buffer)? {
            if heard.send(Heard { from: peer, body }).await.is_err() {
                return Ok(());
            }
        }
        if reader.read_buf(&mut buffer).await? == 0 {
            return Ok(());
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

async fn write(
    mut writer: impl AsyncWrite + Unpin,
    mut slot: watch::Receiver<Option<Bytes>>,
) -> io::Result<()> {
    slot.mark_changed();
    while slot.changed().await.is_ok() {
        let frame = slot.borrow_and_update().clone();
        if let Some(frame) = frame {
            writer.write_all(&frame).await?;
        }
    }
    Ok(())
}
