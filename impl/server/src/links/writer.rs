//! How do a round's packets get onto the wire? In as few writes as the kernel takes them.

use super::progress::Progress;
use super::{Batch, Chunk};
use crate::sync::Arc;
use bytes::{Buf, Bytes};
use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::time::Duration;
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio::time::timeout;

/// Slices per write.
const SLICES_MAX: usize = 64;
/// How long what was handed over before a link was dropped may take.
const LAST_WRITE_LIMIT: Duration = Duration::from_secs(2);

/// Writes until the driver drops its end or the peer is gone; then there is nothing left to read either.
pub(super) async fn run(
    mut writer: impl AsyncWrite + Unpin,
    mut queue: mpsc::UnboundedReceiver<Batch>,
    progress: Arc<Progress>,
    reader: AbortHandle,
) {
    let mut ready = VecDeque::new();
    while let Some(Batch {
        mut chunks,
        mut messages,
    }) = queue.recv().await
    {
        while let Ok(mut more) = queue.try_recv() {
            chunks.append(&mut more.chunks);
            messages += more.messages;
        }
        progress.writing(messages);
        let writing = write(&mut writer, chunks, &mut ready, &progress);
        // Whoever takes nothing fills its backlog and is cut; a driver that is gone waits no longer.
        let written = if queue.is_closed() {
            timeout(LAST_WRITE_LIMIT, writing)
                .await
                .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
        } else {
            writing.await
        };
        if let Err(error) = written {
            tracing::debug!(%error, "a learner connection cannot be written to");
            break;
        }
    }
    let _ = timeout(LAST_WRITE_LIMIT, writer.shutdown()).await;
    drop(reader);
}

async fn write(
    writer: &mut (impl AsyncWrite + Unpin),
    chunks: Vec<Chunk>,
    ready: &mut VecDeque<Bytes>,
    progress: &Progress,
) -> io::Result<()> {
    for chunk in chunks {
        match chunk {
            Chunk::Bytes(bytes) => ready.push_back(bytes),
            Chunk::Stream(mut stream) => {
                write_all(writer, ready, progress).await?;
                while let Some(piece) = stream.next().await? {
                    progress.writing(piece.messages);
                    writer.write_all(&piece.bytes).await?;
                }
            }
        }
    }
    write_all(writer, ready, progress).await
}

async fn write_all(
    writer: &mut (impl AsyncWrite + Unpin),
    ready: &mut VecDeque<Bytes>,
    progress: &Progress,
) -> io::Result<()> {
    while !ready.is_empty() {
        let mut slices = [IoSlice::new(&[]); SLICES_MAX];
        let mut count = 0;
        for (slice, bytes) in slices.iter_mut().zip(ready.iter()) {
            *slice = IoSlice::new(bytes);
            count += 1;
        }
        let mut written = writer.write_vectored(&slices[..count]).await?;
        if written == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        progress.wrote(written);
        while let Some(first) = ready.front_mut().filter(|_| written > 0) {
            let taken = written.min(first.len());
            first.advance(taken);
            written -= taken;
            if first.is_empty() {
                ready.pop_front();
            }
        }
    }
    writer.flush().await
}
