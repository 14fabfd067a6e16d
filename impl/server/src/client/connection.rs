//! What does a connection's task do? It reads whole frames and passes them on, and writes what it is given.
//!
//! The task never does both at once: as long as the client does not take its replies, its requests are not
//! read. It holds no protocol state beyond how far the handshake is.

use super::{Limits, frames};
use crate::fourlw;
use crate::service::{
    Batch, ClientEvent, ClientId, DirectorySizes, Gauge, Hold, Proved, Replies, ReplyQueue,
};
use bytes::{Bytes, BytesMut};
use quorate_wire::frame::{FourLetterWord, take_frame};
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout, timeout_at};

/// Room for reading, in bytes, at first and after much was read at once.
const READ_BYTES: [usize; 2] = [4 * 1024, 64 * 1024];

/// How long a client may take to read the last reply and to close its end.
const FAREWELL: Duration = Duration::from_secs(2);

/// What a client is connected by.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> Stream for S {}

/// Who is at the other end.
pub(super) struct Caller {
    pub(super) client: ClientId,
    pub(super) peer: SocketAddr,
    /// What it proved to be already.
    pub(super) proved: Proved,
}

/// One client's connection.
pub(super) struct Connection<S> {
    stream: S,
    peer: SocketAddr,
    client: ClientId,
    proved: Proved,
    limits: Arc<Limits>,
    gauge: Gauge,
    queue: ReplyQueue,
    events: mpsc::Sender<ClientEvent>,
    read: BytesMut,
    /// How much room the next read gets.
    room: usize,
}

/// How a connection begins.
enum Greeting {
    /// With the first frame of a session.
    Connect(Bytes),
    /// With a question in text.
    Word(FourLetterWord),
}

impl<S: Stream> Connection<S> {
    pub(super) fn new(
        stream: S,
        caller: Caller,
        limits: Arc<Limits>,
        gauge: Gauge,
        queue: ReplyQueue,
        events: mpsc::Sender<ClientEvent>,
    ) -> Self {
        let [room, _] = READ_BYTES;
        Self {
            stream,
            peer: caller.peer,
            client: caller.client,
            proved: caller.proved,
            limits,
            gauge,
            queue,
            events,
            read: BytesMut::new(),
            room,
        }
    }

    /// Serves the client until either side closes.
    pub(super) async fn run(mut self, replies: Replies, deadline: Instant) -> io::Result<()> {
        let Ok(greeting) = timeout_at(deadline, self.greeting()).await else {
            // If the driver is that busy, the count can wait.
            let _ = self.events.try_send(ClientEvent::NeverAsked);
            return Err(ErrorKind::TimedOut.into());
        };
        match greeting? {
            Greeting::Word(word) => {
                self.ask(word, replies).await?;
                self.answer_to_the_end().await
            }
            Greeting::Connect(frame) => {
                let (client, peer) = (self.client, self.peer);
                let proved = std::mem::take(&mut self.proved);
                self.tell(ClientEvent::Connect {
                    client,
                    peer,
                    proved,
                    frame,
                    replies,
                })
                .await?;
                let ended = self.session().await;
                // If nobody hears it, there is nobody left to be told.
                let _ = self.tell(ClientEvent::Gone { client }).await;
                ended
            }
        }
    }

    async fn tell(&self, event: ClientEvent) -> io::Result<()> {
        self.events
            .send(event)
            .await
            .map_err(|_| ErrorKind::BrokenPipe.into())
    }

    async fn greeting(&mut self) -> io::Result<Greeting> {
        loop {
            if let Some(first) = self.read.first_chunk::<4>()
                && let Some(word) = FourLetterWord::recognize(*first)
            {
                return Ok(Greeting::Word(word));
            }
            match take_frame(&mut self.read, self.limits.frame_bytes_max) {
                Ok(Some(frame)) => return Ok(Greeting::Connect(frame)),
                Ok(None) => {}
                Err(error) => return Err(io::Error::new(ErrorKind::InvalidData, error)),
            }
            self.fill().await?;
        }
    }

    async fn ask(&mut self, word: FourLetterWord, replies: Replies) -> io::Result<()> {
        let text = if self.limits.words.allows(word) {
            fourlw::immediate(word)
        } else {
            Some(fourlw::not_allowed(word))
        };
        if let Some(text) = text {
            replies.send(&mut BytesMut::from(text.as_str()));
            replies.close();
            return Ok(());
        }
        let mut sizes: Option<DirectorySizes> = None;
        if fourlw::needs_sizes(word) {
            let limits = self.limits.clone();
            sizes = tokio::task::spawn_blocking(move || limits.sizes()).await.ok();
        }
        let mask = match word {
            FourLetterWord::Stmk => Some(self.trace_mask().await?),
            _ => None,
        };
        self.tell(ClientEvent::Word {
            peer: self.peer,
            word,
            mask,
            sizes,
            replies,
        })
        .await
    }

    /// The eight bytes behind `stmk`, in the time that a greeting has.
    async fn trace_mask(&mut self) -> io::Result<i64> {
        let limit = self.limits.handshake_timeout;
        let reading = async {
            loop {
                if let Some(bytes) = self.read.get(4..).and_then(|rest| rest.first_chunk::<8>()) {
                    return Ok(i64::from_be_bytes(*bytes));
                }
                self.fill().await?;
            }
        };
        timeout(limit, reading)
            .await
            .unwrap_or(Err(ErrorKind::TimedOut.into()))
    }

    /// Writes what comes until the service closes.
    async fn answer_to_the_end(&mut self) -> io::Result<()> {
        while !self.write_some().await?.1 {
            self.queue.changed().await;
        }
        self.farewell().await
    }

    async fn session(&mut self) -> io::Result<()> {
        let mut is_welcome = false;
        let mut is_begun = false;
        loop {
            let (had_replies, closed) = self.write_some().await?;
            is_welcome |= had_replies;
            if closed {
                return self.farewell().await;
            }
            let hold = self.queue.take_hold();
            if hold == Hold::UntilWritten {
                self.tell(ClientEvent::Written { client: self.client }).await?;
            }
            if !is_welcome || hold != Hold::Nothing || self.is_held_back() {
                self.queue.changed().await;
                continue;
            }
            if !std::mem::replace(&mut is_begun, true) {
                // Requests that came with the handshake are read already.
                self.pass_on().await?;
                continue;
            }
            tokio::select! {
                biased;
                () = self.queue.changed() => {}
                filled = fill(&mut self.stream, &mut self.read, &mut self.room) => {
                    filled?;
                    self.pass_on().await?;
                }
            }
        }
    }

    /// Whether the server has enough to do, part of it for this connection: its next answer will wake it.
    fn is_held_back(&self) -> bool {
        self.queue.outstanding() > 0 && self.gauge.get() >= self.limits.outstanding_max
    }

    async fn fill(&mut self) -> io::Result<()> {
        fill(&mut self.stream, &mut self.read, &mut self.room).await
    }

    /// Hands all whole frames to the driver as one event, and waits for room in its queue.
    async fn pass_on(&mut self) -> io::Result<()> {
        let found = frames::whole(&self.read, self.limits.frame_bytes_max).map_err(|length| {
            io::Error::new(ErrorKind::InvalidData, format!("a request of {length} bytes"))
        })?;
        if found.frames > 0 {
            let frames = self.read.split_to(found.bytes).freeze();
            self.queue.asked(found.frames);
            self.tell(ClientEvent::Requests {
                client: self.client,
                frames,
            })
            .await?;
        }
        if found.lacking > self.read.capacity() - self.read.len() {
            // A claimed length costs nothing until bytes come: room doubles as they do.
            let [_, much] = READ_BYTES;
            self.read.reserve(found.lacking.min(self.read.len().max(much)));
        }
        Ok(())
    }

    /// Writes until nothing is ready; whether there was something, and whether the connection is to be
    /// closed.
    async fn write_some(&mut self) -> io::Result<(bool, bool)> {
        let mut had_replies = false;
        loop {
            let Batch { bytes, closed } = self.queue.take();
            if bytes.is_empty() {
                return Ok((had_replies, closed));
            }
            had_replies = true;
            self.write(&bytes, closed).await?;
            self.queue.written(bytes);
        }
    }

    /// Writes all of `bytes`. The client takes its time, unless the connection is closed meanwhile.
    async fn write(&mut self, bytes: &[u8], mut closed: bool) -> io::Result<()> {
        let mut left = bytes;
        loop {
            if self.queue.is_cut() {
                return Err(ErrorKind::TimedOut.into());
            }
            let Self { stream, queue, .. } = self;
            // What is encrypted may wait in the stream: it is flushed before anything else happens.
            let writing = async {
                match left {
                    [] => stream.flush().await.map(|()| None),
                    _ => stream.write(left).await.map(Some),
                }
            };
            let written = if closed {
                timeout(FAREWELL, writing)
                    .await
                    .unwrap_or(Err(ErrorKind::TimedOut.into()))
            } else {
                tokio::select! {
                    biased;
                    written = writing => written,
                    () = queue.changed() => {
                        closed = queue.is_closed();
                        continue;
                    }
                }
            };
            match written? {
                None => return Ok(()),
                Some(0) => return Err(ErrorKind::WriteZero.into()),
                Some(written) => left = &left[written..],
            }
        }
    }

    /// Closes so that the client gets the last reply: what it still sends must not reset the connection.
    async fn farewell(&mut self) -> io::Result<()> {
        self.stream.shutdown().await?;
        let reading_off = async {
            loop {
                self.read.clear();
                match self.fill().await {
                    Ok(()) => {}
                    Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(()),
                    Err(error) => return Err(error),
                }
            }
        };
        timeout(FAREWELL, reading_off).await.unwrap_or(Ok(()))
    }
}

/// Reads what is there, or waits for it. Nothing is lost if it is dropped before it is done.
async fn fill(stream: &mut impl Stream, read: &mut BytesMut, room: &mut usize) -> io::Result<()> {
    if read.capacity() - read.len() < *room / 4 {
        read.reserve(*room);
    }
    let there_was = read.capacity() - read.len();
    let [usual, much] = READ_BYTES;
    match stream.read_buf(read).await? {
        0 => Err(ErrorKind::UnexpectedEof.into()),
        bytes => {
            *room = if bytes == there_was { much } else { usual };
            Ok(())
        }
    }
}
