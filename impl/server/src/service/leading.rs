//! What does the server do that orders writes? It makes transactions of requests, and keeps the sessions'
//! time.

use super::Service;
use super::event::{Action, Origin, Submission};
use super::handshake::close_session;
use bytes::{Bytes, BytesMut};
use quorate_tree::{Code, Context, CreateOperation, SessionId, Who, WriteRequest, prepare};
use quorate_wire::client::{CreateRequest, MultiOp, Opcode, Request};
use quorate_wire::txn::{encode_entry, entry_bytes};
use quorate_zab::{Conn, Zxid};

impl Service {
    /// A learner's REQUEST, as the leader gets it. `submission.origin` is the learner's connection.
    pub fn on_forwarded(&mut self, submission: Submission, actions: &mut Vec<Action>) {
        actions.push(if submission.opcode == Opcode::Sync.number() {
            Action::Sync(submission)
        } else {
            Action::Submit(submission)
        });
    }

    /// A learner's REVALIDATE, as the leader gets it: whether the session lives. It belongs to that learner
    /// from then on.
    pub fn on_revalidate(&mut self, learner: Conn, session: SessionId, timeout_ms: i32, now_ms: u64) -> bool {
        let is_alive = self
            .sessions
            .attach(session, timeout_ms, Origin::Learner(learner), now_ms);
        if is_alive {
            // The client has left this server for that one.
            self.disconnect(session);
        }
        self.counters.revalidations += 1;
        is_alive
    }

    /// A session that a learner heard from, as its PING says.
    pub fn touch(&mut self, session: SessionId, timeout_ms: i32, now_ms: u64) {
        self.sessions.touch(session, timeout_ms, now_ms);
    }

    /// Leader and standalone server: decides what a write does. What it returns must be proposed as `zxid`,
    /// or the role be left.
    pub fn prepare(&mut self, submission: Submission, zxid: Zxid, wall_ms: i64, now_ms: u64) -> Bytes {
        let Submission {
            origin,
            session,
            cxid,
            ..
        } = submission;
        let who = submission
            .who
            .as_ref()
            .map(|who| self.options.znodes.rights_of(who));
        let request = self.write_request(submission);
        let local = !self.sessions.knows(session) && self.locals.vouches(session);
        let moved = self.sessions.admit(session, &request, origin, now_ms);
        let cx = Context {
            session,
            who: who.as_deref().unwrap_or(Who::NOBODY),
            cxid,
            zxid: zxid.bits(),
            time_ms: wall_ms,
            moved,
            local,
            with_digest: true,
            rules: self.options.znodes.rules,
        };
        let entry = prepare(request, &cx, &self.tree, &mut self.outstanding);
        let mut payload = BytesMut::with_capacity(entry_bytes(&entry));
        encode_entry(&entry, &mut payload);
        self.counters.proposals += 1;
        self.counters.proposal_bytes.add(payload.len() as u64);
        self.expected.push_back(entry);
        payload.freeze()
    }

    /// What the tree is to decide about. A learner is not trusted to have read the body.
    fn write_request(&self, submission: Submission) -> WriteRequest {
        let is_own = submission.origin == Origin::Here && submission.who.is_none();
        let Some(opcode) = Opcode::from_number(submission.opcode) else {
            return WriteRequest::Refused(Code::UNIMPLEMENTED);
        };
        let request = match submission.request {
            Some(request) => Ok(request),
            None => Request::decode(opcode, &submission.body),
        };
        let Ok(request) = request else {
            return WriteRequest::Refused(Code::MARSHALLING_ERROR);
        };
        match request {
            Request::Create(create) => creation(create, CreateOperation::Create),
            Request::Create2(create) => creation(create, CreateOperation::Create2),
            Request::CreateContainer(create) => creation(create, CreateOperation::Container),
            Request::CreateTtl { create, ttl_ms } => creation(create, CreateOperation::Ttl { ttl_ms }),
            Request::Delete { path, version } => WriteRequest::Delete { path, version },
            Request::SetData { path, data, version } => WriteRequest::SetData { path, data, version },
            Request::SetAcl { path, acl, version } => WriteRequest::SetAcl { path, acl, version },
            Request::Multi(ops) => WriteRequest::Multi(ops.into_iter().map(part).collect()),
            // The server's own; whoever else asks for it, be it for another server, is refused.
            Request::DeleteContainer { path } if is_own => WriteRequest::DeleteContainer { path },
            // An id that is in use is not given away again: its owner would lose it.
            Request::CreateSession { .. } if self.sessions.knows(submission.session) => {
                WriteRequest::Refused(Code::SESSION_EXPIRED)
            }
            Request::CreateSession { timeout_ms } => WriteRequest::CreateSession { timeout_ms },
            Request::CloseSession => WriteRequest::CloseSession,
            // As Apache's server that was not told `reconfigEnabled=true`.
            Request::Reconfig { .. } => WriteRequest::Refused(Code::RECONFIG_DISABLED),
            // What only servers ask for, and what a learner has no reason to forward.
            Request::DeleteContainer { .. }
            | Request::Check { .. }
            | Request::Sync { .. }
            | Request::Exists { .. }
            | Request::GetData { .. }
            | Request::GetAcl { .. }
            | Request::GetChildren { .. }
            | Request::GetChildren2 { .. }
            | Request::Ping
            | Request::MultiRead(_)
            | Request::CheckWatches { .. }
            | Request::RemoveWatches { .. }
            | Request::Auth { .. }
            | Request::SetWatches(_)
            | Request::SetWatches2(_)
            | Request::Sasl { .. }
            | Request::GetEphemerals { .. }
            | Request::GetAllChildrenNumber { .. }
            | Request::AddWatch { .. }
            | Request::WhoAmI => WriteRequest::Refused(Code::UNIMPLEMENTED),
        }
    }

    /// Every role, each tick or more often: closes connections that nothing was heard from for their session
    /// timeout. Leader and standalone server: has the sessions closed whose time is up.
    pub fn expire(&mut self, now_ms: u64, actions: &mut Vec<Action>) {
        let Some(role) = self.role else { return };
        let silent: Vec<_> = self
            .clients
            .values()
            .filter(|conn| {
                now_ms.saturating_sub(conn.heard_ms) > idle_limit_ms(conn.timeout_ms, self.options.tick_ms)
            })
            .map(|conn| conn.client)
            .collect();
        for client in silent {
            if let Some(conn) = self.clients.get_mut(&client) {
                conn.hang_up();
                self.counters.connections_dropped += 1;
                self.settle(client);
            }
        }
        for session in self.locals.expired(now_ms) {
            self.counters.sessions_expired += 1;
            self.disconnect(session);
        }
        if !role.keeps_sessions() {
            return;
        }
        let expired = self.sessions.expired(now_ms);
        self.tell_expired(&expired, now_ms);
        for session in expired {
            self.counters.sessions_expired += 1;
            actions.push(Action::Submit(close_session(session)));
        }
    }
}

fn creation(create: CreateRequest, operation: CreateOperation) -> WriteRequest {
    WriteRequest::Create {
        path: create.path,
        data: create.data,
        acl: create.acl,
        flags: create.flags,
        operation,
    }
}

/// A part of a multi. There, unlike outside, the flags decide what kind of znode it is, as in Apache.
fn part(op: MultiOp) -> WriteRequest {
    const CONTAINER: i32 = 4;
    match op {
        MultiOp::Create(create) | MultiOp::Create2(create) if create.flags == CONTAINER => {
            creation(create, CreateOperation::Container)
        }
        MultiOp::Create(create) => creation(create, CreateOperation::Create),
        MultiOp::Create2(create) => creation(create, CreateOperation::Create2),
        MultiOp::CreateContainer(create) => creation(create, CreateOperation::Container),
        MultiOp::CreateTtl { create, .. } if create.flags == CONTAINER => {
            creation(create, CreateOperation::Container)
        }
        MultiOp::CreateTtl { create, .. } if create.flags < CONTAINER => {
            creation(create, CreateOperation::Create)
        }
        MultiOp::CreateTtl { create, ttl_ms } => creation(create, CreateOperation::Ttl { ttl_ms }),
        MultiOp::Delete { path, version } => WriteRequest::Delete { path, version },
        MultiOp::SetData { path, data, version } => WriteRequest::SetData { path, data, version },
        MultiOp::Check { path, version } => WriteRequest::Check { path, version },
    }
}

/// The connection's session is over by then, or on another connection.
fn idle_limit_ms(timeout_ms: i32, tick_ms: u64) -> u64 {
    u64::try_from(timeout_ms).unwrap_or(0) + tick_ms
}
