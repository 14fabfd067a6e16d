//! What does a ZooKeeper client see, frame by frame?
//!
//! A [`Client`] is one connection of one session: requests may be pipelined ([`Client::submit`]) and
//! their replies collected later, watch events are kept in the order in which they came among the
//! replies, and raw frames can be sent. It never reconnects by itself, so that a test knows what
//! happened to each request; [`Client::resume`] goes on with a session on another connection.

use std::collections::VecDeque;
use std::fmt;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use crate::jute::{Reader, Writer};
use crate::wait::SHORT;

mod ops;
mod records;

pub use ops::{Acl, CreateMode, Part, PartResult};
pub use records::{Code, Event, EventType, Session, Stat};

/// Why an operation gave no result.
#[derive(Debug)]
pub enum ClientError {
    /// Nobody took the connection, or it broke.
    Broken(io::Error),
    /// The server closed the connection; requests without a reply may or may not have happened.
    Closed,
    /// The session is unknown, expired, or the password is wrong.
    Expired,
    /// The server answered with an error.
    Code(Code),
    /// No reply came in time.
    TimedOut,
    /// The reply cannot be understood.
    Malformed(&'static str),
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ClientError::Broken(why) => write!(f, "the connection broke: {why}"),
            ClientError::Closed => f.write_str("the server closed the connection"),
            ClientError::Expired => f.write_str("the session has expired"),
            ClientError::Code(code) => write!(f, "the server answered {code:?}"),
            ClientError::TimedOut => f.write_str("no reply came in time"),
            ClientError::Malformed(what) => write!(f, "malformed reply: {what}"),
        }
    }
}

impl ClientError {
    /// The server's error code, if it answered with one.
    pub fn code(&self) -> Option<Code> {
        match self {
            ClientError::Code(code) => Some(*code),
            _ => None,
        }
    }

    /// Whether the connection can no longer be used.
    pub fn is_lost(&self) -> bool {
        !matches!(self, ClientError::Code(_))
    }
}

/// Reads that have nothing after this long look at the deadline again.
const READ_SLICE: Duration = Duration::from_millis(200);
/// No reply of a server is larger than this.
const FRAME_BYTES_MAX: usize = 64 << 20;

/// A reply as it came.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The request's number.
    pub xid: i32,
    /// The server's last zxid when it answered; of a write, its own.
    pub zxid: i64,
    /// Ok, or why not.
    pub code: Code,
    /// What follows the header.
    pub body: Vec<u8>,
}

/// One connection of one session.
#[derive(Debug)]
pub struct Client {
    stream: TcpStream,
    session: Session,
    next_xid: i32,
    /// The highest zxid seen in any reply.
    last_zxid: i64,
    /// Bytes received and not yet cut into frames.
    received: Vec<u8>,
    replies: VecDeque<Reply>,
    events: VecDeque<Event>,
    /// How long each operation waits for its reply.
    patience: Duration,
    reads_only: bool,
}

impl Client {
    /// Opens a session of `timeout_ms` at `server`.
    ///
    /// # Errors
    ///
    /// If nobody listens there, or the server does not serve and closes.
    pub fn connect(server: impl Into<SocketAddr>, timeout_ms: i32) -> Result<Client, ClientError> {
        Client::attach(server, &Session::fresh(timeout_ms), 0, SHORT)
    }

    /// Goes on with `session` at `server`, having seen `last_zxid`.
    ///
    /// # Errors
    ///
    /// [`ClientError::Expired`] if the server does not know it, [`ClientError::Closed`] if the server
    /// is behind `last_zxid` or does not serve.
    pub fn resume(
        server: impl Into<SocketAddr>,
        session: &Session,
        last_zxid: i64,
    ) -> Result<Client, ClientError> {
        Client::attach(server, session, last_zxid, SHORT)
    }

    /// Opens or goes on with `session`; this and each later operation waits at most `patience`.
    ///
    /// # Errors
    ///
    /// As for [`Client::resume`], and [`ClientError::TimedOut`].
    pub fn attach(
        server: impl Into<SocketAddr>,
        session: &Session,
        last_zxid: i64,
        patience: Duration,
    ) -> Result<Client, ClientError> {
        Client::greet(server, session, last_zxid, patience, false)
    }

    /// As [`Client::attach`], content with a server that only answers reads.
    ///
    /// # Errors
    ///
    /// As for [`Client::attach`].
    pub fn attach_reading(
        server: impl Into<SocketAddr>,
        session: &Session,
        last_zxid: i64,
    ) -> Result<Client, ClientError> {
        Client::greet(server, session, last_zxid, SHORT, true)
    }

    fn greet(
        server: impl Into<SocketAddr>,
        session: &Session,
        last_zxid: i64,
        patience: Duration,
        reads_suffice: bool,
    ) -> Result<Client, ClientError> {
        let mut client = Client::raw(server)?;
        client.last_zxid = last_zxid;
        client.patience = patience;
        let request = Writer::new()
            .int(0)
            .long(last_zxid)
            .int(session.timeout_ms)
            .long(session.id);
        client.send_raw(&request.buffer(&session.password).bool(reads_suffice).frame())?;
        let frame = client.frame(Instant::now() + patience)?;
        client.reads_only = frame.last() == Some(&1);
        client.session = Session::from_response(&frame).ok_or(ClientError::Malformed("ConnectResponse"))?;
        if client.session.timeout_ms <= 0 {
            Err(ClientError::Expired)
        } else {
            Ok(client)
        }
    }

    /// A bare connection on which nothing has been said.
    ///
    /// # Errors
    ///
    /// If nobody listens at `server`.
    pub fn raw(server: impl Into<SocketAddr>) -> Result<Client, ClientError> {
        let stream = TcpStream::connect_timeout(&server.into(), SHORT).map_err(ClientError::Broken)?;
        stream.set_nodelay(true).map_err(ClientError::Broken)?;
        stream
            .set_read_timeout(Some(READ_SLICE))
            .map_err(ClientError::Broken)?;
        stream
            .set_write_timeout(Some(SHORT))
            .map_err(ClientError::Broken)?;
        Ok(Client {
            stream,
            session: Session::fresh(0),
            next_xid: 1,
            last_zxid: 0,
            received: Vec::new(),
            replies: VecDeque::new(),
            events: VecDeque::new(),
            patience: SHORT,
            reads_only: false,
        })
    }

    /// The session as the server granted it.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// Whether the server said that it only answers reads.
    pub fn reads_only(&self) -> bool {
        self.reads_only
    }

    /// The highest zxid that any reply carried.
    pub fn last_zxid(&self) -> i64 {
        self.last_zxid
    }

    /// Sends bytes as they are.
    ///
    /// # Errors
    ///
    /// If the connection is broken.
    pub fn send_raw(&mut self, bytes: &[u8]) -> Result<(), ClientError> {
        self.stream.write_all(bytes).map_err(ClientError::Broken)
    }

    /// Sends a request of type `op` and gives its number; [`Client::reply`] waits for the answer.
    ///
    /// # Errors
    ///
    /// If the connection is broken.
    pub fn submit(&mut self, op: i32, body: Writer) -> Result<i32, ClientError> {
        let xid = self.next_xid;
        self.next_xid += 1;
        self.submit_as(xid, op, body)?;
        Ok(xid)
    }

    /// Sends a request under a number of the caller's choice, as pings and setWatches need it.
    ///
    /// # Errors
    ///
    /// If the connection is broken.
    pub fn submit_as(&mut self, xid: i32, op: i32, body: Writer) -> Result<(), ClientError> {
        self.send_raw(&Writer::new().int(xid).int(op).raw(&body.bytes).frame())
    }

    /// Waits for the reply to request `xid`, whatever its code.
    ///
    /// # Errors
    ///
    /// If the connection ends, or nothing comes within `patience`.
    pub fn reply(&mut self, xid: i32, patience: Duration) -> Result<Reply, ClientError> {
        let deadline = Instant::now() + patience;
        loop {
            if let Some(at) = self.replies.iter().position(|reply| reply.xid == xid) {
                return Ok(self.replies.remove(at).expect("the position was just found"));
            }
            self.receive(deadline)?;
        }
    }

    /// Sends a request and waits for its reply; a reply with an error code is an error.
    ///
    /// # Errors
    ///
    /// As for [`Client::reply`], and [`ClientError::Code`].
    pub fn call(&mut self, op: i32, body: Writer) -> Result<Reply, ClientError> {
        let xid = self.submit(op, body)?;
        let reply = self.reply(xid, self.patience)?;
        if reply.code == Code::OK {
            Ok(reply)
        } else {
            Err(ClientError::Code(reply.code))
        }
    }

    /// The next watch event, waiting for it if none has come yet.
    ///
    /// # Errors
    ///
    /// If the connection ends, or none comes within `patience`.
    pub fn event(&mut self, patience: Duration) -> Result<Event, ClientError> {
        let deadline = Instant::now() + patience;
        loop {
            if let Some(event) = self.events.pop_front() {
                return Ok(event);
            }
            self.receive(deadline)?;
        }
    }

    /// The events that have already come, oldest first.
    pub fn events(&mut self) -> Vec<Event> {
        self.events.drain(..).collect()
    }

    /// Waits until the server closes the connection, discarding what it still says.
    ///
    /// # Errors
    ///
    /// [`ClientError::TimedOut`] if it does not within `patience`.
    pub fn closed_by_server(&mut self, patience: Duration) -> Result<(), ClientError> {
        let deadline = Instant::now() + patience;
        loop {
            match self.frame(deadline) {
                Ok(_) | Err(ClientError::Malformed(_)) => {}
                Err(ClientError::Closed | ClientError::Broken(_)) => return Ok(()),
                Err(other) => return Err(other),
            }
        }
    }

    /// Takes one frame from the server and sorts it among replies or events.
    fn receive(&mut self, deadline: Instant) -> Result<(), ClientError> {
        let frame = self.frame(deadline)?;
        let mut reader = Reader::new(&frame);
        let header = (reader.int(), reader.long(), reader.int());
        let (Some(xid), Some(zxid), Some(code)) = header else {
            return Err(ClientError::Malformed("ReplyHeader"));
        };
        if xid == -1 {
            let event = Event::read(zxid, &mut reader).ok_or(ClientError::Malformed("WatcherEvent"))?;
            self.events.push_back(event);
        } else {
            self.last_zxid = self.last_zxid.max(zxid);
            self.replies.push_back(Reply {
                xid,
                zxid,
                code: Code(code),
                body: reader.rest().to_vec(),
            });
        }
        Ok(())
    }

    /// One frame without its length.
    ///
    /// # Errors
    ///
    /// If the connection ends, or `deadline` passes before a whole frame is there.
    pub fn frame(&mut self, deadline: Instant) -> Result<Vec<u8>, ClientError> {
        loop {
            if let Some(frame) = self.cut_frame()? {
                return Ok(frame);
            }
            if Instant::now() >= deadline {
                return Err(ClientError::TimedOut);
            }
            let mut chunk = [0; 16384];
            match self.stream.read(&mut chunk) {
                Ok(0) => return Err(ClientError::Closed),
                Ok(length) => self.received.extend(&chunk[..length]),
                Err(why) if matches!(why.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {}
                Err(why) if why.kind() == io::ErrorKind::Interrupted => {}
                Err(why) => return Err(ClientError::Broken(why)),
            }
        }
    }

    fn cut_frame(&mut self) -> Result<Option<Vec<u8>>, ClientError> {
        let Some(length) = Reader::new(&self.received).int() else {
            return Ok(None);
        };
        let length = usize::try_from(length)
            .ok()
            .filter(|length| *length <= FRAME_BYTES_MAX);
        let length = length.ok_or(ClientError::Malformed("frame length"))?;
        if self.received.len() < 4 + length {
            return Ok(None);
        }
        let frame = self.received[4..4 + length].to_vec();
        self.received.drain(..4 + length);
        Ok(Some(frame))
    }
}
