//! What does the server know of one client connection?

use super::counters::Spread;
use super::event::ClientId;
use super::identity;
use super::limits::Shares;
use super::replies::{Hold, Replies};
use crate::audit::Notes;
use bytes::{Bytes, BytesMut};
use quorate_tree::{Code, SessionId, Turns, Who};
use quorate_wire::client::{ConnectRequest, RequestHeader};
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;

/// Bytes that a client may leave unread before its next requests are held back.
const PAUSE_BYTES: usize = 1 << 20;

/// Reads that may wait behind a write of their session: when it is applied they are answered all at once.
const READS_WAITING_MAX: usize = 64;

/// Of what a client may leave unread, the replies to them may take so many times as much.
const REPLIES_AT_ONCE_MAX: usize = 3;

/// One client connection.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) client: ClientId,
    pub(crate) peer: SocketAddr,
    /// Whether it came by the port that speaks nothing but TLS.
    pub(crate) is_secure: bool,
    pub(super) replies: Replies,
    /// Replies of this round.
    pub(super) out: BytesMut,
    /// Requests answered in this round.
    pub(super) answered: u32,
    /// Whether the round's end has something to do here.
    pub(super) is_dirty: bool,
    /// Whether it is among those that take their notifications in slices.
    pub(super) is_told: bool,
    /// How much of `out` is notifications.
    pub(super) owed_bytes: usize,
    /// 0 until there is one.
    pub(crate) session: SessionId,
    /// As negotiated by this connection.
    pub(crate) timeout_ms: i32,
    pub(super) phase: Phase,
    pub(super) turns: Turns<Pending>,
    /// Of these, what this server answers by itself: the replies are still to be made.
    pub(super) reads_waiting: usize,
    /// Requests that are taken when there is room for their replies, oldest first.
    pub(super) held: VecDeque<Bytes>,
    /// How much of what waits for other connections' requests is its own. Then nothing is held.
    pub(super) throttled: usize,
    /// What its task was told of that.
    pub(super) hold: Hold,
    /// What the audit log will want to know.
    pub(super) audits: Notes,
    pub(super) identity: Identity,
    pub(super) heard_ms: u64,
    /// Whether its session, which nobody else knows, ends with it.
    pub(super) ends_session: bool,
    /// Whether the leader will be told with the next PING that the session lives.
    pub(super) is_reported: bool,
    pub(crate) counters: ConnectionCounters,
}

/// How far a connection is.
#[derive(Debug)]
pub(super) enum Phase {
    /// The answer to its first frame waits for the ensemble.
    Connecting(ConnectRequest),
    /// It has a session.
    Open,
    /// It asked for the end of its session: what it sends after that is not read.
    Leaving,
    /// It will be closed when the round's replies are out.
    Closed,
}

/// A request that is not answered yet.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) header: RequestHeader,
    pub(super) since_ms: u64,
    pub(super) asked: Asked,
    /// Until it is answered.
    pub(super) _shares: Shares,
}

/// What has to be kept to answer it.
#[derive(Debug)]
pub(super) enum Asked {
    /// A transaction.
    Write,
    /// A sync of this path.
    Sync(Option<String>),
    /// What is answered with an error here.
    Refused(Code),
    /// The end of a session that nobody else knows.
    End,
    /// Anything else, in these bytes, by whoever the client was when it asked.
    Other(Bytes, Identity),
}

/// Who a client is: it may prove more while its requests wait, and that holds for later ones.
#[derive(Clone, Debug, Default)]
pub(super) struct Identity {
    /// What it has proven to be.
    pub(super) who: Arc<Who>,
    /// By which is decided what it may do here.
    pub(super) rights: Arc<Who>,
}

/// What `cons` tells.
#[derive(Clone, Debug, Default)]
pub(crate) struct ConnectionCounters {
    pub(crate) received: u64,
    pub(crate) sent: u64,
    /// Opcode of the last request.
    pub(crate) last_opcode: i32,
    pub(crate) last_cxid: i32,
    pub(crate) last_zxid: u64,
    /// Monotonic, of the last reply.
    pub(crate) last_reply_ms: u64,
    pub(crate) latency_ms: Spread,
    /// Monotonic.
    pub(crate) established_ms: u64,
}

impl Connection {
    pub(super) fn new(
        client: ClientId,
        peer: SocketAddr,
        replies: Replies,
        request: ConnectRequest,
        now_ms: u64,
    ) -> Self {
        Self {
            client,
            peer,
            is_secure: false,
            replies,
            out: BytesMut::new(),
            answered: 0,
            is_dirty: false,
            is_told: false,
            owed_bytes: 0,
            session: 0,
            timeout_ms: 0,
            phase: Phase::Connecting(request),
            turns: Turns::new(),
            reads_waiting: 0,
            held: VecDeque::new(),
            throttled: 0,
            hold: Hold::Nothing,
            audits: Notes::default(),
            identity: Identity {
                who: Arc::new(Who::new(vec![identity::of_address(peer.ip())])),
                rights: Arc::default(),
            },
            heard_ms: now_ms,
            ends_session: false,
            is_reported: false,
            counters: ConnectionCounters {
                received: 1,
                established_ms: now_ms,
                ..ConnectionCounters::default()
            },
        }
    }

    /// Requests that wait for their answers.
    pub(crate) fn queued(&self) -> usize {
        self.turns.len()
    }

    /// What `crst` resets.
    pub(super) fn reset(&mut self) {
        let established_ms = self.counters.established_ms;
        self.counters = ConnectionCounters {
            established_ms,
            ..ConnectionCounters::default()
        };
    }

    /// Has it closed when the round's replies are out.
    pub(super) fn hang_up(&mut self) {
        self.answered += u32::try_from(self.turns.len()).unwrap_or(u32::MAX);
        self.turns.clear();
        self.reads_waiting = 0;
        self.held.clear();
        self.phase = Phase::Closed;
    }

    /// Whether `unread` bytes leave room for one reply more. What waits for its turn will need some as well.
    pub(super) fn has_room(&self, unread: usize) -> bool {
        unread + self.out.len() < PAUSE_BYTES && self.reads_waiting < READS_WAITING_MAX
    }

    /// Whether the reads that waited behind a write came to more than any client has a use for: their replies are made at
    /// once, and nobody could pause in between.
    pub(super) fn has_too_much(&self) -> bool {
        self.out.len() > self.replies.unread_max().saturating_mul(REPLIES_AT_ONCE_MAX)
    }

    /// Ends it at once, and drops what it was to be sent.
    pub(super) fn cut(&mut self) {
        tracing::warn!(peer = %self.peer, bytes = self.out.len(), "too many replies at once: the client is cut off");
        self.out = BytesMut::new();
        self.replies.cut();
        self.hang_up();
    }

    /// Tells its task what became of what is held.
    pub(super) fn tell_hold(&mut self) {
        let hold = if self.held.is_empty() {
            Hold::Nothing
        } else if self.reads_waiting < READS_WAITING_MAX {
            Hold::UntilWritten
        } else {
            // The write that they wait for will be answered.
            Hold::UntilTold
        };
        if std::mem::replace(&mut self.hold, hold) != hold {
            self.replies.hold(hold);
        }
    }

    pub(super) fn is_closed(&self) -> bool {
        matches!(self.phase, Phase::Closed)
    }
}
