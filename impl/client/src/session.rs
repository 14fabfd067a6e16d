//! What keeps a session alive? One task, which owns the connection and everything that must outlive it.

use crate::address::Servers;
use crate::client::Options;
use crate::error::Error;
use crate::link::Link;
use crate::watches::{Change, Removed, Watches};
use bytes::{Bytes, BytesMut};
use quorate_tree::{Code, EventKind};
use quorate_wire::client::reply::{AUTH_XID, EVENT_XID, PING_XID, SET_WATCHES_XID};
use quorate_wire::client::{ConnectRequest, ConnectResponse, ReplyHeader, Request, WatcherEvent};
use quorate_wire::jute::Reader;
use std::collections::VecDeque;
use std::io;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep, sleep_until};

/// How long no server is tried after all of them have failed.
const BETWEEN_ROUNDS: Duration = Duration::from_millis(200);

/// A client says something at least this often, however long its session may be silent.
const SILENCE_MAX: Duration = Duration::from_secs(10);

/// What a client is told without having asked.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Event {
    /// A watch fired.
    Watch {
        /// What happened.
        kind: EventKind,
        /// Where, as the client calls it.
        path: String,
        /// The transaction; −1 if the server did not say.
        zxid: i64,
    },
    /// A watch was taken away.
    Removed {
        /// Which kind.
        kind: Removed,
        /// Of which path.
        path: String,
    },
    /// The connection is another.
    State(State),
    /// After a reconnection the server refused to set watches again.
    WatchesLost(Code),
}

/// How a session stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum State {
    /// A server answers.
    Connected,
    /// A server answers that has lost the others.
    ConnectedReadOnly,
    /// Servers are being called.
    Disconnected,
    /// The servers have ended the session.
    Expired,
    /// The client has.
    Closed,
}

/// What the handle asks of the task.
#[derive(Debug)]
pub(crate) enum Asked {
    Request {
        request: Request,
        change: Option<Change>,
        /// Whether [`Change::Remove`] holds though the server did not do it.
        local: bool,
        reply: oneshot::Sender<Result<Bytes, Error>>,
    },
    Auth {
        scheme: String,
        auth: Vec<u8>,
        reply: oneshot::Sender<Result<Bytes, Error>>,
    },
    Close(oneshot::Sender<()>),
}

impl Asked {
    fn fail(self, error: Error) {
        match self {
            Self::Request { reply, .. } | Self::Auth { reply, .. } => {
                let _ = reply.send(Err(error));
            }
            Self::Close(done) => {
                let _ = done.send(());
            }
        }
    }
}

/// A request whose reply has not come.
#[derive(Debug)]
struct Waiting {
    xid: i32,
    change: Option<Change>,
    local: bool,
    reply: Waiter,
}

#[derive(Debug)]
enum Waiter {
    Reply(oneshot::Sender<Result<Bytes, Error>>),
    Close(oneshot::Sender<()>),
}

/// What the handle can look at.
#[derive(Clone, Debug)]
pub(crate) struct Status {
    pub(crate) state: State,
    pub(crate) id: i64,
    pub(crate) timeout_ms: i32,
    pub(crate) server: String,
}

/// Everything of a session but its connection.
pub(crate) struct Session {
    servers: Servers,
    next: usize,
    options: Options,
    id: i64,
    password: Vec<u8>,
    timeout: Duration,
    read_only: bool,
    last_zxid: u64,
    xid: i32,
    auths: Vec<(String, Vec<u8>)>,
    watches: Watches,
    waiting: VecDeque<Waiting>,
    /// One for each auth packet that is not answered; `None` for those sent again.
    proving: VecDeque<Option<oneshot::Sender<Result<Bytes, Error>>>>,
    /// Asked for while no server was there.
    backlog: VecDeque<Asked>,
    events: mpsc::UnboundedSender<Event>,
    status: watch::Sender<Status>,
}

/// Why a connection is over.
enum Over {
    /// It broke, or the server was silent for too long.
    Lost,
    /// The client wants no more.
    Closed,
}

/// Why there is no connection.
enum NoServer {
    Expired,
    Failed(String),
}

impl Session {
    /// Begins a session with the first server that takes it.
    pub(crate) async fn begin(
        servers: Servers,
        options: Options,
        events: mpsc::UnboundedSender<Event>,
    ) -> Result<(Self, Link, watch::Receiver<Status>), Error> {
        let (status, seen) = watch::channel(Status {
            state: State::Disconnected,
            id: 0,
            timeout_ms: 0,
            server: String::new(),
        });
        let mut session = Self {
            next: 0,
            id: 0,
            password: vec![0; 16],
            timeout: options.timeout,
            read_only: false,
            last_zxid: 0,
            xid: 0,
            auths: Vec::new(),
            watches: Watches::default(),
            waiting: VecDeque::new(),
            proving: VecDeque::new(),
            backlog: VecDeque::new(),
            events,
            status,
            servers,
            options,
        };
        let deadline = Instant::now() + session.options.timeout;
        loop {
            let why = match session.round().await {
                Ok(link) => return Ok((session, link, seen)),
                Err(NoServer::Failed(why)) => why,
                Err(NoServer::Expired) => "it refused a session".to_owned(),
            };
            if !session.options.wait || Instant::now() + BETWEEN_ROUNDS >= deadline {
                return Err(Error::Unreachable {
                    servers: session.servers.to_string(),
                    why,
                });
            }
            sleep(BETWEEN_ROUNDS).await;
        }
    }

    /// Goes on until the client closes the session, or is gone.
    pub(crate) async fn run(mut self, link: Link, mut asked: mpsc::UnboundedReceiver<Asked>) {
        let mut link = link;
        loop {
            match self.serve(&mut link, &mut asked).await {
                Over::Closed => return self.tell(State::Closed),
                Over::Lost => self.tell(State::Disconnected),
            }
            // A server that is left must not think that its client is still there.
            drop(link);
            self.give_up_waiting();
            match self.reconnect(&mut asked).await {
                Ok(found) => link = found,
                Err(Over::Closed) => return self.tell(State::Closed),
                Err(Over::Lost) => {
                    self.tell(State::Expired);
                    return self.refuse_all(asked).await;
                }
            }
        }
    }

    fn tell(&self, state: State) {
        self.status.send_modify(|status| status.state = state);
        let _ = self.events.send(Event::State(state));
    }

    /// Calls each server once, beginning with the next in turn.
    async fn round(&mut self) -> Result<Link, NoServer> {
        let count = self.servers.addresses.len();
        let limit = self.timeout / u32::try_from(count).unwrap_or(u32::MAX);
        let mut why = String::new();
        for _ in 0..count {
            let server = self.servers.addresses[self.next % count].clone();
            self.next += 1;
            let request = ConnectRequest {
                protocol_version: 0,
                last_zxid_seen: self.last_zxid,
                timeout_ms: i32::try_from(self.options.timeout.as_millis()).unwrap_or(i32::MAX),
                session: self.id,
                password: Some(self.password.clone()),
                read_only: Some(self.options.read_only),
            };
            match Link::call(&server, self.options.tls.as_ref(), &request, limit).await {
                Ok((_, response)) if response.timeout_ms <= 0 => return Err(NoServer::Expired),
                Ok((link, response)) => {
                    self.accepted(&server, &response);
                    return Ok(link);
                }
                Err(error) => why = format!("{server}: {error}"),
            }
        }
        Err(NoServer::Failed(why))
    }

    fn accepted(&mut self, server: &str, response: &ConnectResponse) {
        self.id = response.session;
        self.password = response.password.to_vec();
        self.timeout = Duration::from_millis(u64::from(response.timeout_ms.unsigned_abs()));
        self.read_only = response.read_only == Some(true);
        let state = if self.read_only {
            State::ConnectedReadOnly
        } else {
            State::Connected
        };
        self.status.send_replace(Status {
            state,
            id: self.id,
            timeout_ms: response.timeout_ms,
            server: server.to_owned(),
        });
        let _ = self.events.send(Event::State(state));
    }

    /// Finds a server for the session. [`Over::Lost`] if the servers have ended it.
    async fn reconnect(&mut self, asked: &mut mpsc::UnboundedReceiver<Asked>) -> Result<Link, Over> {
        let mut patience = Instant::now() + self.timeout;
        loop {
            match self.while_listening(asked).await? {
                Ok(link) => return Ok(link),
                Err(NoServer::Expired) => return Err(Over::Lost),
                Err(NoServer::Failed(_)) => {}
            }
            if Instant::now() >= patience {
                for asked in self.backlog.drain(..) {
                    asked.fail(Error::lost());
                }
                patience = Instant::now() + self.timeout;
            }
        }
    }

    /// One round and the pause after it, in which the client may ask for things.
    async fn while_listening(
        &mut self,
        asked: &mut mpsc::UnboundedReceiver<Asked>,
    ) -> Result<Result<Link, NoServer>, Over> {
        let mut backlog = std::mem::take(&mut self.backlog);
        let mut over = None;
        let result = {
            let round = async {
                let result = self.round().await;
                if matches!(result, Err(NoServer::Failed(_))) {
                    sleep(BETWEEN_ROUNDS).await;
                }
                result
            };
            tokio::pin!(round);
            loop {
                tokio::select! {
                    result = &mut round => break Some(result),
                    next = asked.recv() => match next {
                        Some(Asked::Close(done)) => {
                            over = Some(done);
                            break None;
                        }
                        Some(next) => backlog.push_back(next),
                        None => break None,
                    },
                }
            }
        };
        if let Some(result) = result {
            self.backlog = backlog;
            return Ok(result);
        }
        for asked in backlog {
            asked.fail(Error::Closed);
        }
        if let Some(done) = over {
            let _ = done.send(());
        }
        Err(Over::Closed)
    }

    /// What was sent may or may not have happened.
    fn give_up_waiting(&mut self) {
        for waiting in self.waiting.drain(..) {
            if waiting.local
                && let Some(Change::Remove(path, kind)) = &waiting.change
            {
                self.watches.remove(path, *kind);
            }
            match waiting.reply {
                Waiter::Reply(reply) => drop(reply.send(Err(Error::lost()))),
                Waiter::Close(done) => drop(done.send(())),
            }
        }
        for reply in self.proving.drain(..).flatten() {
            let _ = reply.send(Err(Error::lost()));
        }
    }

    async fn refuse_all(mut self, mut asked: mpsc::UnboundedReceiver<Asked>) {
        let expired = || Error::Refused {
            code: Code::SESSION_EXPIRED,
            path: None,
        };
        for asked in self.backlog.drain(..) {
            asked.fail(expired());
        }
        while let Some(asked) = asked.recv().await {
            asked.fail(expired());
        }
    }

    /// Talks to one server until the connection is over.
    async fn serve(&mut self, link: &mut Link, asked: &mut mpsc::UnboundedReceiver<Asked>) -> Over {
        let mut out = BytesMut::new();
        self.proving.clear();
        for (scheme, auth) in &self.auths {
            put_auth(&mut out, scheme, auth);
            self.proving.push_back(None);
        }
        for request in self.watches.again(self.last_zxid) {
            request.encode(SET_WATCHES_XID, &mut out);
        }
        let mut heard = Instant::now();
        for asked in std::mem::take(&mut self.backlog) {
            self.ask(asked, &mut out);
        }
        loop {
            if !out.is_empty() {
                let written = tokio::time::timeout(self.timeout, link.write(&out)).await;
                out.clear();
                if !matches!(written, Ok(Ok(()))) {
                    return Over::Lost;
                }
            }
            let said = Instant::now();
            // As ZooKeeper's client: dead after two thirds of the time-out, so that the last third is left to
            // find another server.
            let dead = heard + self.timeout * 2 / 3;
            let ping = said + (self.timeout / 3).min(SILENCE_MAX);
            tokio::select! {
                next = asked.recv() => match next {
                    Some(next) => self.ask(next, &mut out),
                    None => return Over::Closed,
                },
                filled = link.fill() => {
                    if !matches!(filled, Ok(true)) {
                        return self.after_end();
                    }
                    heard = Instant::now();
                    match self.take_all(link) {
                        Ok(false) => {}
                        Ok(true) => return Over::Closed,
                        Err(_) => return Over::Lost,
                    }
                }
                () = sleep_until(ping.min(dead)) => {
                    if Instant::now() >= dead {
                        return Over::Lost;
                    }
                    Request::Ping.encode(PING_XID, &mut out);
                }
            }
        }
    }

    /// A server that closes the connection after the session's end may do so before its reply is read.
    fn after_end(&mut self) -> Over {
        match self.waiting.pop_back() {
            Some(Waiting {
                reply: Waiter::Close(done),
                ..
            }) => {
                let _ = done.send(());
                self.give_up_waiting();
                Over::Closed
            }
            Some(other) => {
                self.waiting.push_back(other);
                Over::Lost
            }
            None => Over::Lost,
        }
    }

    fn ask(&mut self, asked: Asked, out: &mut BytesMut) {
        self.xid = if self.xid == i32::MAX { 1 } else { self.xid + 1 };
        let xid = self.xid;
        let (request, change, local, reply) = match asked {
            Asked::Auth { scheme, auth, reply } => {
                put_auth(out, &scheme, &auth);
                self.auths.push((scheme, auth));
                return self.proving.push_back(Some(reply));
            }
            Asked::Close(done) => (Request::CloseSession, None, false, Waiter::Close(done)),
            Asked::Request {
                request,
                change,
                local,
                reply,
            } => (request, change, local, Waiter::Reply(reply)),
        };
        request.encode(xid, out);
        self.waiting.push_back(Waiting {
            xid,
            change,
            local,
            reply,
        });
    }

    /// Takes every whole frame; true if the session is closed.
    fn take_all(&mut self, link: &mut Link) -> io::Result<bool> {
        while let Some(frame) = link.frame()? {
            if self.take(frame)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn take(&mut self, frame: Bytes) -> io::Result<bool> {
        let bad = |error: quorate_wire::DecodeError| io::Error::other(error.to_string());
        let mut reader = Reader::new(&frame);
        let header = ReplyHeader::decode(&mut reader).map_err(bad)?;
        match header.xid {
            EVENT_XID => {
                let event = WatcherEvent::decode(&mut reader).map_err(bad)?;
                self.watches.fired(event.kind, &event.path);
                let _ = self.events.send(Event::Watch {
                    kind: event.kind,
                    path: self.servers.inside(&event.path),
                    zxid: header.zxid,
                });
                Ok(false)
            }
            PING_XID => Ok(false),
            AUTH_XID => {
                self.proved(header.err);
                Ok(false)
            }
            SET_WATCHES_XID => {
                if header.err != 0 {
                    let _ = self.events.send(Event::WatchesLost(Code(header.err)));
                }
                Ok(false)
            }
            xid => {
                let Some(waiting) = self.waiting.pop_front().filter(|waiting| waiting.xid == xid) else {
                    return Err(io::Error::other("a reply that nothing waits for"));
                };
                if let Ok(zxid) = u64::try_from(header.zxid) {
                    self.last_zxid = self.last_zxid.max(zxid);
                }
                Ok(self.answered(waiting, header.err, frame.slice(ReplyHeader::BYTES..)))
            }
        }
    }

    fn proved(&mut self, err: i32) {
        let reply = self.proving.pop_front().flatten();
        if err != 0 {
            // The server ends the connection; the session goes on at the next one, without what was refused.
            let earlier = self.auths.len().checked_sub(self.proving.len() + 1);
            if let Some(at) = earlier {
                self.auths.remove(at);
            }
        }
        if let Some(reply) = reply {
            let _ = reply.send(match err {
                0 => Ok(Bytes::new()),
                code => Err(Error::Refused {
                    code: Code(code),
                    path: None,
                }),
            });
        }
    }

    fn answered(&mut self, waiting: Waiting, err: i32, body: Bytes) -> bool {
        let reply = match waiting.reply {
            Waiter::Reply(reply) => reply,
            Waiter::Close(done) => {
                let _ = done.send(());
                return true;
            }
        };
        let refused = |code: Code| Error::Refused { code, path: None };
        let mut result = match err {
            0 => Ok(body),
            code => Err(refused(Code(code))),
        };
        match waiting.change {
            Some(Change::Remove(path, kind)) if err == 0 || waiting.local => {
                let removed = self.watches.remove(&path, kind);
                result = match removed.is_empty() {
                    false => Ok(Bytes::new()),
                    true => Err(refused(Code::NO_WATCHER)),
                };
                for kind in removed {
                    let path = self.servers.inside(&path);
                    let _ = self.events.send(Event::Removed { kind, path });
                }
            }
            Some(Change::Remove(..)) | None => {}
            Some(change @ Change::Exists(_)) if err == Code::NO_NODE.0 => {
                self.watches.answered(change, false)
            }
            Some(change) if err == 0 => self.watches.answered(change, true),
            Some(_) => {}
        }
        let _ = reply.send(result);
        false
    }
}

fn put_auth(out: &mut BytesMut, scheme: &str, auth: &[u8]) {
    Request::Auth {
        kind: 0,
        scheme: scheme.to_owned(),
        auth: Some(auth.to_vec()),
    }
    .encode(AUTH_XID, out);
}
