//! What comes in on a learner connection? Packets, decoded in full before anyone acts on them.

use crate::inbox::Event;
use bytes::{Bytes, BytesMut};
use quorate_store::{Progress, ReceivedSnapshot, SnapshotReceiver, Snapshots};
use quorate_wire::quorum::{FromLeader, FromLearner, QuorumPacket, take_packet};
use quorate_zab::{Conn, Message, Zxid};
use std::io;
use std::pin::Pin;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::sync::mpsc;
use tokio::time::{Instant, Sleep, sleep};

/// What is read at once, in bytes.
const READ_BYTES: usize = 64 << 10;

/// Who is at the other end.
#[derive(Clone, Debug)]
pub(crate) enum Side {
    /// A learner of this server.
    Learner,
    /// The leader of this server. A snapshot of its goes to disk as it comes.
    Leader(Snapshots),
}

/// How long a peer may be silent, and how long its packets may be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Until the learner is synchronised: initLimit.
    pub(crate) until_synced: Duration,
    /// From then on: syncLimit.
    pub(crate) once_synced: Duration,
    /// The longest data of a packet, and the longest item of a snapshot, in bytes.
    pub(crate) data_bytes_max: usize,
}

/// What the driver gets from a link.
#[derive(Debug)]
pub(crate) enum Incoming {
    /// A learner's packet.
    FromLearner(FromLearner),
    /// The leader's packet.
    FromLeader(FromLeader),
    /// The leader's SNAP, and the snapshot that followed it.
    Snapshot {
        /// SNAP itself.
        message: Message<Bytes>,
        /// What it brought, on disk.
        received: Box<ReceivedSnapshot>,
    },
}

/// A packet, and the how-manieth of the protocol's messages on its connection it has, from 1; a packet
/// without one has the number of the message before it.
pub(crate) struct Numbered {
    /// The packet.
    pub(crate) packet: Incoming,
    /// Its message's number.
    pub(crate) number: u64,
}

impl Incoming {
    /// Whether the packet is one of the protocol's messages, rather than clients' affairs.
    fn is_message(&self) -> bool {
        match self {
            Self::FromLearner(packet) => match packet {
                FromLearner::Info { .. } | FromLearner::Pong { .. } | FromLearner::Message(_) => true,
                FromLearner::Request(_) | FromLearner::Revalidate(_) => false,
            },
            Self::FromLeader(packet) => match packet {
                FromLeader::Info { .. }
                | FromLeader::NewLeader { .. }
                | FromLeader::Message(_)
                | FromLeader::CommitAndActivate { .. }
                | FromLeader::InformAndActivate { .. } => true,
                FromLeader::Revalidated { .. } => false,
            },
            Self::Snapshot { .. } => true,
        }
    }
}

/// Reads until the connection ends, and says so as the last thing.
pub(super) async fn run(
    reader: impl AsyncRead + Unpin,
    conn: Conn,
    side: Side,
    limits: Limits,
    inbox: mpsc::Sender<Event>,
) {
    let mut reading = Reading {
        reader,
        buffer: BytesMut::new(),
        limit: limits.until_synced,
        heard: Instant::now(),
        alarm: Box::pin(sleep(limits.until_synced)),
        messages: 0,
    };
    let why = match reading.packets(conn, &side, limits, &inbox).await {
        Ok(()) => io::Error::new(io::ErrorKind::UnexpectedEof, "the peer closed the connection"),
        Err(error) => error,
    };
    // The driver is gone when this fails.
    let _ = inbox
        .send(Event::Closed {
            conn,
            read: reading.messages,
            why,
        })
        .await;
}

struct Reading<R> {
    reader: R,
    buffer: BytesMut,
    /// How long the peer may be silent.
    limit: Duration,
    heard: Instant,
    /// Wakes at the earliest when the limit may have passed: set again only then, not at each read.
    alarm: Pin<Box<Sleep>>,
    /// The protocol's messages read so far.
    messages: u64,
}

impl<R: AsyncRead + Unpin> Reading<R> {
    /// More bytes; `false` at the end.
    async fn more(&mut self) -> io::Result<bool> {
        self.buffer.reserve(READ_BYTES / 4);
        loop {
            tokio::select! {
                read = self.reader.read_buf(&mut self.buffer) => {
                    self.heard = Instant::now();
                    return Ok(read? > 0);
                }
                () = self.alarm.as_mut() => {
                    let deadline = self.heard + self.limit;
                    if Instant::now() >= deadline {
                        let why = format!("silent for {} ms", self.limit.as_millis());
                        return Err(io::Error::new(io::ErrorKind::TimedOut, why));
                    }
                    self.alarm.as_mut().reset(deadline);
                }
            }
        }
    }

    async fn packets(
        &mut self,
        conn: Conn,
        side: &Side,
        limits: Limits,
        inbox: &mpsc::Sender<Event>,
    ) -> io::Result<()> {
        let mut stage = Stage::First;
        loop {
            let mut packets = Vec::new();
            while let Some(packet) =
                take_packet(&mut self.buffer, limits.data_bytes_max).map_err(malformed)?
            {
                let incoming = match side {
                    Side::Learner => Incoming::FromLearner(FromLearner::decode(packet).map_err(malformed)?),
                    Side::Leader(snapshots) => self.leaders(packet, snapshots).await?,
                };
                stage = stage.after(&incoming)?;
                if stage == Stage::Synced && self.limit != limits.once_synced {
                    self.limit = limits.once_synced;
                    self.alarm.as_mut().reset(Instant::now() + self.limit);
                }
                self.messages += u64::from(incoming.is_message());
                packets.push(Numbered {
                    packet: incoming,
                    number: self.messages,
                });
            }
            if !packets.is_empty() && inbox.send(Event::Packets { conn, packets }).await.is_err() {
                return Ok(());
            }
            // Waiting for the driver is not the peer's silence.
            self.heard = Instant::now();
            if !self.more().await? {
                return Ok(());
            }
        }
    }

    async fn leaders(&mut self, packet: QuorumPacket, snapshots: &Snapshots) -> io::Result<Incoming> {
        match FromLeader::decode(packet).map_err(malformed)? {
            FromLeader::Message(message @ Message::Snap { zxid }) => {
                let received = self.snapshot(snapshots.clone(), zxid).await?;
                Ok(Incoming::Snapshot {
                    message,
                    received: Box::new(received),
                })
            }
            packet => Ok(Incoming::FromLeader(packet)),
        }
    }

    /// The snapshot that follows SNAP. Building the tree and writing the file are a blocking thread's.
    async fn snapshot(&mut self, snapshots: Snapshots, zxid: Zxid) -> io::Result<ReceivedSnapshot> {
        let mut receiver = blocking(move || snapshots.receive(zxid)).await?;
        loop {
            let piece = self.buffer.split().freeze();
            let given = piece.clone();
            let (back, progress) = blocking(move || {
                let progress = receiver.push(&given)?;
                Ok((receiver, progress))
            })
            .await?;
            receiver = back;
            if let Progress::Complete { used } = progress {
                self.buffer.extend_from_slice(&piece[used..]);
                return blocking(move || SnapshotReceiver::finish(receiver)).await;
            }
            // What is read meanwhile is bounded by the buffer.
            self.heard = Instant::now();
            if !self.more().await? {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> quorate_store::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(io::Error::other)?
        .map_err(io::Error::other)
}

/// What a connection has brought so far, as far as packets may only come in that order.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Stage {
    /// Nothing: the first packet introduces its sender.
    First,
    /// The introduction: what follows is about agreement alone.
    Introduced,
    /// The learner's acknowledgement of the synchronisation, or the leader's UPTODATE: clients' affairs may
    /// follow, and pings. Behind NEWLEADER a leader is silent for as long as a quorum needs to write what it
    /// was brought.
    Synced,
}

impl Stage {
    fn after(self, incoming: &Incoming) -> io::Result<Self> {
        let introduces = matches!(
            incoming,
            Incoming::FromLearner(FromLearner::Info { .. }) | Incoming::FromLeader(FromLeader::Info { .. })
        );
        let synchronises = matches!(
            incoming,
            Incoming::FromLearner(FromLearner::Message(Message::Ack { .. }))
                | Incoming::FromLeader(FromLeader::Message(Message::UpToDate))
        );
        let clients = matches!(
            incoming,
            Incoming::FromLearner(
                FromLearner::Request(_) | FromLearner::Revalidate(_) | FromLearner::Pong { .. }
            )
        );
        match self {
            Self::First if introduces => Ok(Self::Introduced),
            Self::First => Err(out_of_order("the first packet does not introduce its sender")),
            Self::Introduced | Self::Synced if introduces => Err(out_of_order("a second introduction")),
            Self::Introduced if clients => Err(out_of_order("clients' affairs before the synchronisation")),
            Self::Introduced if synchronises => Ok(Self::Synced),
            stage => Ok(stage),
        }
    }
}

fn out_of_order(why: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

fn malformed(error: impl std::error::Error + Send + Sync + 'static) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}
