//! What is a learner connection to the driver? A number, a queue outwards and packets inwards.
//!
//! The driver encodes what it sends into the link's buffer and hands over all of it once per round, so that
//! many packets become one write. The writer task writes what it is given, in order; the reader task
//! decodes in full, and gives the driver whole packets in the order in which they came. Neither decides.
//! Whoever does not read what is sent to it loses the connection: what it would then skip, it must ask
//! for anew.

mod progress;
mod reader;
mod streams;
#[cfg(test)]
mod tests;
mod writer;

pub(crate) use reader::{Incoming, Limits, Numbered, Side};
pub(crate) use streams::Stream;

use crate::inbox::Event;
use crate::sync::Arc;
use bytes::{BufMut, Bytes, BytesMut};
use progress::Progress;
use quorate_trace::Deeds;
use quorate_wire::quorum::message::{inform_header, proposal_header, put_ack};
use quorate_wire::quorum::packet::NO_AUTHINFO;
use quorate_wire::quorum::{Extras, put_message};
use quorate_zab::{Conn, Message, Zxid};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::task::AbortHandle;

/// Bytes that may wait for a peer that takes what it is sent. Beyond them the link is cut.
const BACKLOG_BYTES_MAX: usize = 64 << 20;
/// The same for a peer that is being sent a stream, behind which everything waits.
const STREAMING_BACKLOG_BYTES_MAX: usize = 512 << 20;
/// Payloads up to this length are copied into the buffer beside their header: cheaper than a slice of
/// their own. Longer ones are handed on as they are.
const COPY_BYTES_MAX: usize = 4096;

/// What one round hands to the writer.
struct Batch {
    chunks: Vec<Chunk>,
    /// The protocol's messages in it, those of its streams aside.
    messages: u64,
}

/// One piece of what is to be written.
enum Chunk {
    /// Bytes as they are.
    Bytes(Bytes),
    /// Bytes that are made while they are written.
    Stream(Stream),
}

/// The driver's end of a connection.
pub(crate) struct Link {
    conn: Conn,
    buffer: BytesMut,
    chunks: Vec<Chunk>,
    queue: mpsc::UnboundedSender<Batch>,
    /// The protocol's messages in `buffer` and `chunks`.
    messages: u64,
    /// What was put in, since the connection stands.
    sent: Deeds,
    progress: Arc<Progress>,
    backlog_max: usize,
    reader: AbortHandle,
}

/// The peer does not take what it is sent.
#[derive(Debug, thiserror::Error)]
#[error("{waiting} bytes wait to be sent")]
pub(crate) struct Full {
    waiting: usize,
}

/// Starts the tasks of a connection, of which `side` is the other end, and gives the driver's end to
/// `announce` before anything that was read reaches `inbox`. `place` is held as long as it is read from.
pub(crate) async fn start(
    stream: (
        impl AsyncRead + Unpin + Send + 'static,
        impl AsyncWrite + Unpin + Send + 'static,
    ),
    conn: Conn,
    side: Side,
    limits: Limits,
    inbox: mpsc::Sender<Event>,
    place: Option<OwnedSemaphorePermit>,
    announce: impl FnOnce(Link) -> Event,
) {
    let (queue, batches) = mpsc::unbounded_channel();
    let progress = Arc::new(Progress::default());
    let (go, went) = tokio::sync::oneshot::channel();
    let reading = inbox.clone();
    let reader = tokio::spawn(async move {
        if went.await.is_ok() {
            reader::run(stream.0, conn, side, limits, reading).await;
        }
        drop(place);
    });
    tokio::spawn(writer::run(
        stream.1,
        batches,
        progress.clone(),
        reader.abort_handle(),
    ));
    let link = Link {
        conn,
        buffer: BytesMut::new(),
        chunks: Vec::new(),
        queue,
        messages: 0,
        sent: Deeds::default(),
        progress,
        backlog_max: BACKLOG_BYTES_MAX,
        reader: reader.abort_handle(),
    };
    if inbox.send(announce(link)).await.is_ok() {
        let _ = go.send(());
    }
}

impl Link {
    /// The connection's number.
    pub(crate) fn conn(&self) -> Conn {
        self.conn
    }

    /// Where small packets are written to.
    pub(crate) fn buffer(&mut self) -> &mut BytesMut {
        &mut self.buffer
    }

    /// How many of the protocol's messages were handed to the kernel, those included of which the last
    /// round was being written.
    pub(crate) fn written(&self) -> u64 {
        self.progress.messages()
    }

    /// What was put in, since the connection stands, in its order.
    pub(crate) fn sent(&self) -> Deeds {
        self.sent
    }

    /// Writes the ACKs of `first` to `last`, which are of one epoch.
    pub(crate) fn put_acks(&mut self, first: Zxid, last: Zxid) {
        self.sent.acks(first, last);
        for counter in first.counter()..=last.counter() {
            self.messages += 1;
            put_ack(&mut self.buffer, Zxid::new(first.epoch(), counter));
        }
    }

    /// Writes the packet of `message`.
    pub(crate) fn put(&mut self, message: &Message<Bytes>, extras: &Extras<'_>) {
        self.sent.message(message);
        match message {
            Message::Proposal { zxid, payload } => self.put_proposal(*zxid, payload),
            Message::Inform { zxid, payload } => self.put_inform(*zxid, payload),
            _ => {
                self.messages += 1;
                put_message(&mut self.buffer, message, extras);
            }
        }
    }

    /// The log after `after` up to `upto` is what comes next, as a stream or piece by piece.
    pub(crate) fn begin_replay(&mut self, after: Zxid, upto: Zxid, committed: bool) {
        self.sent.replay(after, upto, committed);
    }

    /// Writes one of a replay's transactions, and its COMMIT if it is to have one.
    pub(crate) fn put_replayed(&mut self, zxid: Zxid, payload: &Bytes, committed: bool) {
        self.put_proposal(zxid, payload);
        if committed {
            self.messages += 1;
            let commit = Message::<Bytes>::Commit { zxid };
            put_message(&mut self.buffer, &commit, &Extras::default());
        }
    }

    /// The log after `after` up to `upto` is what an observer is informed of next.
    pub(crate) fn begin_inform(&mut self, after: Zxid, upto: Zxid) {
        self.sent.inform(after, upto);
    }

    /// Writes an INFORM.
    pub(crate) fn put_inform(&mut self, zxid: Zxid, payload: &Bytes) {
        self.put_transaction(&inform_header(zxid, payload.len()), payload);
    }

    /// Writes a PROPOSAL.
    fn put_proposal(&mut self, zxid: Zxid, payload: &Bytes) {
        self.put_transaction(&proposal_header(zxid, payload.len()), payload);
    }

    fn put_transaction(&mut self, header: &[u8], payload: &Bytes) {
        self.messages += 1;
        self.buffer.put_slice(header);
        if payload.len() <= COPY_BYTES_MAX {
            self.buffer.put_slice(payload);
        } else {
            self.cut_buffer();
            self.chunks.push(Chunk::Bytes(payload.clone()));
        }
        self.buffer.put_slice(&NO_AUTHINFO);
    }

    /// Writes what `stream` will bring, ahead of all that follows.
    pub(crate) fn put_stream(&mut self, stream: Stream) {
        self.cut_buffer();
        self.chunks.push(Chunk::Stream(stream));
        self.backlog_max = STREAMING_BACKLOG_BYTES_MAX;
    }

    fn cut_buffer(&mut self) {
        if !self.buffer.is_empty() {
            self.chunks.push(Chunk::Bytes(self.buffer.split().freeze()));
        }
    }

    /// Hands everything over to the writer.
    pub(crate) fn flush(&mut self) -> Result<(), Full> {
        self.cut_buffer();
        if self.chunks.is_empty() {
            return Ok(());
        }
        let chunks = std::mem::take(&mut self.chunks);
        let bytes: usize = chunks.iter().map(Chunk::len).sum();
        let messages = std::mem::take(&mut self.messages);
        let waiting = self.progress.handing_over(bytes);
        if waiting > self.backlog_max {
            return Err(Full { waiting });
        }
        // A writer that has ended has ended the reader as well, which says so.
        let _ = self.queue.send(Batch { chunks, messages });
        Ok(())
    }
}

impl Drop for Link {
    /// What was handed over is still written, if the peer takes it in time; nothing more is read.
    fn drop(&mut self) {
        self.reader.abort();
    }
}

impl Chunk {
    fn len(&self) -> usize {
        match self {
            Self::Bytes(bytes) => bytes.len(),
            Self::Stream(_) => 0,
        }
    }
}
