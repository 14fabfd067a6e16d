//! What does the service hear from client connections and learners, and what does it ask of the driver?

use super::replies::Replies;
use bytes::Bytes;
use quorate_tree::{Serving, SessionId, Who};
use quorate_wire::client::Request;
use quorate_wire::frame::FourLetterWord;
use quorate_wire::quorum::{ForwardedRequest, Id};
use quorate_zab::Conn;
use std::net::SocketAddr;
use std::sync::Arc;

/// A client connection of this process. Numbers are never used twice.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ClientId(pub u64);

/// What became known while a connection was set up.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Proved {
    /// Who the client is.
    pub ids: Vec<Id>,
    /// Whether it came by the port that speaks nothing but TLS.
    pub is_secure: bool,
}

/// What happened on a client connection.
#[derive(Debug)]
pub enum ClientEvent {
    /// The first frame arrived. The connection sends nothing more until it was answered.
    Connect {
        /// The connection.
        client: ClientId,
        /// Who is at its other end.
        peer: SocketAddr,
        /// Who it proved to be while it was set up, beside its address.
        proved: Proved,
        /// The frame without its length: a ConnectRequest, or what claims to be one.
        frame: Bytes,
        /// Where replies go.
        replies: Replies,
    },
    /// Requests arrived, one or many.
    Requests {
        /// The connection.
        client: ClientId,
        /// Whole frames, each behind its length in four bytes.
        frames: Bytes,
    },
    /// All replies of the connection are written. Its requests were held back until then.
    Written {
        /// The connection.
        client: ClientId,
    },
    /// The connection asked a question in four letters, instead of a session.
    Word {
        /// Who asks.
        peer: SocketAddr,
        /// The question; it is in the whitelist.
        word: FourLetterWord,
        /// The trace mask that `stmk` sets.
        mask: Option<i64>,
        /// Sizes of the data directories, if the answer names them.
        sizes: Option<DirectorySizes>,
        /// Where the answer goes; it is closed behind it.
        replies: Replies,
    },
    /// A connection was closed that asked for nothing in its time.
    NeverAsked,
    /// A connection was not let in: there are too many.
    Refused,
    /// A connection was closed whose TLS handshake failed.
    HandshakeFailed,
    /// A connection was closed because too many TLS handshakes were under way.
    HandshakeExceeded,
    /// The connection ended.
    Gone {
        /// The connection.
        client: ClientId,
    },
}

/// What lies in the data directories.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct DirectorySizes {
    /// Bytes of all files of the snapshot directory.
    pub data_bytes: u64,
    /// Bytes of all files of the log directory.
    pub log_bytes: u64,
}

/// What the service asks of the driver, in the order in which it must begin.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Action {
    /// A write. Leader and standalone server: [`super::Service::prepare`] with the next zxid, then propose.
    /// Follower: send it as REQUEST.
    Submit(Submission),
    /// A sync. Leader and standalone server: tell the core, with the connection of the submission's
    /// origin. Follower: send it as REQUEST. Each of [`Origin::Here`] is answered by
    /// [`super::Service::sync_done`], oldest first.
    Sync(Submission),
    /// Followers only: send REVALIDATE; [`super::Service::on_revalidated`] answers.
    Revalidate {
        /// The session.
        session: SessionId,
        /// The timeout negotiated with this connection, in ms.
        timeout_ms: i32,
    },
}

/// Where a request entered the ensemble, as its leader sees it.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Origin {
    /// A client of this server, or this server itself.
    Here,
    /// A client of the learner behind this connection.
    Learner(Conn),
}

/// A request on its way to becoming a transaction: what a REQUEST packet carries.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Submission {
    /// Where it entered.
    pub origin: Origin,
    /// The client's session.
    pub session: SessionId,
    /// The client's xid.
    pub cxid: i32,
    /// The opcode's number.
    pub opcode: i32,
    /// The client's bytes behind the request header, as they came.
    pub body: Bytes,
    /// Who the client is; `None` is null on the wire: the server itself asks.
    pub who: Option<Arc<Who>>,
    /// The body, if it was read here already.
    pub request: Option<Request>,
}

impl Submission {
    /// A REQUEST of the learner behind `conn`.
    pub fn forwarded(conn: Conn, request: ForwardedRequest) -> Self {
        Self {
            origin: Origin::Learner(conn),
            session: request.session,
            cxid: request.cxid,
            opcode: request.opcode,
            body: request.body,
            who: request.authinfo.map(|ids| Arc::new(Who::new(ids))),
            request: None,
        }
    }

    /// The REQUEST that carries it to the leader.
    pub fn into_forwarded(self) -> ForwardedRequest {
        ForwardedRequest {
            session: self.session,
            cxid: self.cxid,
            opcode: self.opcode,
            body: self.body,
            authinfo: self.who.map(|who| who.ids().to_vec()),
        }
    }
}

/// In which role this server serves clients.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Role {
    /// Alone, without an ensemble.
    Standalone,
    /// It orders the writes of all.
    Leader,
    /// Its writes go to the leader.
    Follower,
    /// As a follower, without a vote.
    Observer,
    /// Without a leader: clients read, if they asked for no more.
    ReadOnly,
}

impl Role {
    /// Whether sessions end by this server's clock.
    pub fn keeps_sessions(self) -> bool {
        match self {
            Self::Standalone | Self::Leader => true,
            Self::Follower | Self::Observer | Self::ReadOnly => false,
        }
    }

    /// How much is done for clients.
    pub fn serving(self) -> Serving {
        match self {
            Self::Standalone | Self::Leader | Self::Follower | Self::Observer => Serving::Everything,
            Self::ReadOnly => Serving::Reads,
        }
    }
}
