//! Who gets a session? The decisions on a connection's first frame, in ZooKeeper's order.
//!
//! One differs on purpose: the password is verified before the session's other connection is closed, so
//! that nobody can disconnect a session that he only knows the id of.

use super::Service;
use super::connection::{Connection, Phase};
use super::event::{Action, ClientId, Origin, Proved, Role, Submission};
use super::replies::Replies;
use bytes::{BufMut, Bytes, BytesMut};
use quorate_tree::{Greeting, SessionId, Welcome};
use quorate_wire::client::{ConnectRequest, ConnectResponse, Opcode, Request, session_password};
use quorate_zab::Zxid;
use std::net::SocketAddr;
use std::sync::Arc;

/// Who is at the other end of a new connection.
pub(super) struct Caller {
    pub(super) client: ClientId,
    pub(super) peer: SocketAddr,
    /// What it proved to be, beside its address.
    pub(super) proved: Proved,
}

/// The ids that this server gives to sessions, each once.
#[derive(Debug)]
pub(super) struct SessionIds {
    next: SessionId,
}

impl SessionIds {
    /// The server's number on top, then 40 bits of the wall clock, then 16 bits of a counter.
    pub(super) fn new(server: u64, wall_ms: u64) -> Self {
        let next = (server << 56 | (wall_ms << 24) >> 8) as i64;
        // This number marks containers.
        Self {
            next: if next == i64::MIN { next + 1 } else { next },
        }
    }

    pub(super) fn next(&mut self, is_taken: impl Fn(SessionId) -> bool) -> SessionId {
        loop {
            let id = self.next;
            self.next = self.next.wrapping_add(1);
            if id != 0 && !is_taken(id) {
                return id;
            }
        }
    }
}

impl Service {
    pub(super) fn on_connect(
        &mut self,
        from: Caller,
        frame: &[u8],
        replies: Replies,
        now_ms: u64,
        actions: &mut Vec<Action>,
    ) {
        let Caller { client, peer, proved } = from;
        self.counters.received += 1;
        let (Some(role), Ok(request)) = (self.role, ConnectRequest::decode(frame)) else {
            return replies.close();
        };
        if !self.has_token(request.session, now_ms) {
            tracing::info!(%peer, "too many handshakes at once: this one is refused");
            self.counters.connections_refused += 1;
            return replies.close();
        }
        let timeout_ms = request.timeout_ms.clamp(
            self.options.min_session_timeout_ms,
            self.options.max_session_timeout_ms,
        );
        let session = request.session;
        let greeting = Greeting {
            session,
            password_fits: request.password.as_deref() == Some(&session_password(session)),
            seen: request.last_zxid_seen,
            reads_suffice: request.read_only == Some(true),
        };
        // <e,0> comes before every transaction of the epoch served here: a server that was sent a snapshot
        // says so for what this one has as well.
        let here = self.tree.last_zxid().max(Zxid::new(self.epoch, 0).bits());
        let welcome = self.locals.greet(&greeting, role.serving(), here, &self.tree);
        if let Welcome::HangUp(why) = welcome {
            tracing::info!(%peer, why, seen = request.last_zxid_seen, "client refused");
            return replies.close();
        }
        let mut conn = Connection::new(client, peer, replies, request, now_ms);
        conn.timeout_ms = timeout_ms;
        let who = Arc::make_mut(&mut conn.identity.who);
        proved.ids.into_iter().for_each(|id| who.add(id));
        conn.is_secure = proved.is_secure;
        match welcome {
            Welcome::Over | Welcome::HangUp(_) => self.refuse(conn),
            Welcome::Begin => {
                conn.session = self.new_session_id();
                actions.push(Action::Submit(create_session(conn.session, timeout_ms)));
                self.attach(conn);
            }
            Welcome::BeginHere => {
                conn.session = self.new_session_id();
                self.locals.open(conn.session, timeout_ms, now_ms);
                self.attach(conn);
                self.welcome(client, true);
            }
            Welcome::GoOnHere => {
                conn.session = session;
                self.counters.figures.revalidated_here += 1;
                self.disconnect(session);
                let is_alive = self.locals.touch(session, timeout_ms, now_ms);
                self.attach(conn);
                self.welcome(client, is_alive);
            }
            Welcome::Ask => {
                conn.session = session;
                self.counters.figures.revalidated_here += 1;
                self.disconnect(session);
                if role.keeps_sessions() {
                    let is_alive = self.sessions.attach(session, timeout_ms, Origin::Here, now_ms);
                    self.attach(conn);
                    self.welcome(client, is_alive);
                } else {
                    self.revalidations.entry(session).or_default().push_back(client);
                    actions.push(Action::Revalidate { session, timeout_ms });
                    self.attach(conn);
                }
            }
        }
    }

    /// Whether there is a token for the handshake of somebody who comes back for `session`, or for a new one.
    fn has_token(&mut self, session: SessionId, now_ms: u64) -> bool {
        if let Some(rules) = &self.options.limits.handshakes {
            let cost = match session {
                0 if self.options.local_sessions.enabled => rules.costs.local,
                0 => rules.costs.global,
                _ => rules.costs.renewed,
            };
            if !self.bucket.take(rules, cost, now_ms) {
                return false;
            }
        }
        let figures = &mut self.counters.figures;
        figures.token_deficit.add(u64::from(self.bucket.missing()));
        figures.connection_requests += 1;
        true
    }

    fn new_session_id(&mut self) -> SessionId {
        let Self {
            ids, tree, locals, ..
        } = self;
        ids.next(|id| tree.session_timeout_ms(id).is_some() || locals.knows(id))
    }

    /// The answer to a handshake that waited, or did not have to.
    pub(super) fn welcome(&mut self, client: ClientId, is_alive: bool) {
        let proposed = self.proposed();
        let Some(conn) = self.clients.get_mut(&client) else {
            return;
        };
        let Phase::Connecting(request) = &conn.phase else {
            return;
        };
        let response = ConnectResponse {
            protocol_version: 0,
            timeout_ms: conn.timeout_ms,
            session: conn.session,
            password: session_password(conn.session),
            read_only: request.read_only.map(|_| self.role == Some(Role::ReadOnly)),
        };
        let response = if is_alive {
            response
        } else {
            ConnectResponse {
                read_only: response.read_only,
                ..ConnectResponse::refusal(request)
            }
        };
        response.encode(&mut conn.out);
        conn.phase = Phase::Open;
        conn.turns.begin(proposed);
        conn.counters.sent += 1;
        self.counters.sent += 1;
        if !is_alive {
            conn.hang_up();
        }
        self.settle(client);
    }

    /// Unknown, expired, or a wrong password: to the client it is all one.
    fn refuse(&mut self, conn: Connection) {
        let client = conn.client;
        self.clients.insert(client, conn);
        self.welcome(client, false);
    }

    fn attach(&mut self, mut conn: Connection) {
        conn.identity.rights = self.options.znodes.rights_of(&conn.identity.who);
        self.attached.insert(conn.session, conn.client);
        self.watches.identify(conn.client.0, conn.identity.rights.clone());
        self.clients.insert(conn.client, conn);
    }

    /// Closes the session's connection to this server, if it has one.
    pub(super) fn disconnect(&mut self, session: SessionId) {
        if let Some(&client) = self.attached.get(&session)
            && let Some(conn) = self.clients.get_mut(&client)
        {
            conn.hang_up();
            self.settle(client);
        }
    }
}

/// The server's own request: it has no xid and no identities.
pub(super) fn create_session(session: SessionId, timeout_ms: i32) -> Submission {
    let mut body = BytesMut::new();
    body.put_i32(timeout_ms);
    Submission {
        request: Some(Request::CreateSession { timeout_ms }),
        ..own(session, Opcode::CreateSession, body.freeze())
    }
}

/// As [`create_session`], for a session whose time is up.
pub(super) fn close_session(session: SessionId) -> Submission {
    Submission {
        request: Some(Request::CloseSession),
        ..own(session, Opcode::CloseSession, Bytes::new())
    }
}

/// As [`create_session`], for a container or a znode with a lifetime whose time is up. No session asks for it.
pub(super) fn delete_container(path: String) -> Submission {
    Submission {
        request: Some(Request::DeleteContainer { path }),
        ..own(0, Opcode::DeleteContainer, Bytes::new())
    }
}

fn own(session: SessionId, opcode: Opcode, body: Bytes) -> Submission {
    Submission {
        origin: Origin::Here,
        session,
        cxid: 0,
        opcode: opcode.number(),
        body,
        who: None,
        request: None,
    }
}
