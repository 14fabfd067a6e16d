//! How is a request answered whose turn has come?

use super::connection::{Asked, Connection, Pending, Phase};
use super::counters::Counters;
use super::identity;
use super::limits::Shares;
use crate::config::Znodes;
use bytes::BytesMut;
use quorate_tree::{Code, ReadReply, ReadRequest, Reader, SetWatches, Tree, TxnResult, WatchTable};
use quorate_wire::client::reply::{self, ReplyHeader};
use quorate_wire::client::{MultiReadOp, MultiResult, Opcode, Request, RequestHeader, WatchLists};
use std::sync::Arc;

/// A connection, and what its answers are made from.
pub(super) struct Answering<'a> {
    pub(super) conn: &'a mut Connection,
    pub(super) tree: &'a Tree,
    pub(super) watches: &'a mut WatchTable,
    pub(super) counters: &'a mut Counters,
    pub(super) znodes: &'a Znodes,
    pub(super) now_ms: u64,
}

impl Answering<'_> {
    fn ok(&self, xid: i32) -> ReplyHeader {
        ReplyHeader::ok(xid, self.tree.last_zxid())
    }

    fn error(&mut self, xid: i32, code: Code) {
        reply::put_header(
            &mut self.conn.out,
            ReplyHeader::error(xid, self.tree.last_zxid(), code.0),
        );
    }

    /// Answers those whose turn has come.
    pub(super) fn drain(&mut self) {
        while !self.conn.is_closed()
            && let Some(pending) = self.conn.turns.take()
        {
            if !matches!(pending.asked, Asked::Write | Asked::Sync(_)) {
                self.conn.reads_waiting -= 1;
            }
            self.take(pending);
            if self.conn.has_too_much() {
                self.counters.connections_dropped += 1;
                self.conn.cut();
            }
        }
    }

    /// Answers a request whose turn has come.
    fn take(&mut self, pending: Pending) {
        let Pending { header, since_ms, .. } = pending;
        let before = self.conn.out.len();
        let is_end = matches!(pending.asked, Asked::End);
        match pending.asked {
            Asked::Sync(path) => {
                let ok = self.ok(header.xid);
                reply::put_path(&mut self.conn.out, ok, path.as_deref());
            }
            Asked::Other(body, then) => {
                let now = std::mem::replace(&mut self.conn.identity, then);
                self.execute(header, &body, since_ms);
                self.conn.identity = now;
                return;
            }
            Asked::Refused(code) => self.error(header.xid, code),
            Asked::End => {
                let ok = self.ok(header.xid);
                reply::put_header(&mut self.conn.out, ok);
            }
            // Without its transaction it has no turn.
            Asked::Write => return,
        }
        self.answered(header, since_ms, self.conn.out.len() - before);
        if is_end {
            self.conn.hang_up();
        }
    }

    /// Answers what was asked now, or behind what waits.
    pub(super) fn in_turn(&mut self, header: RequestHeader, asked: Asked, shares: Shares) {
        let pending = Pending {
            header,
            since_ms: self.now_ms,
            asked,
            _shares: shares,
        };
        if self.conn.turns.must_wait() {
            self.conn.reads_waiting += 1;
            self.conn.turns.read(pending);
        } else {
            self.take(pending);
        }
    }

    /// Answers a request that no transaction answers.
    pub(super) fn execute(&mut self, header: RequestHeader, body: &[u8], since_ms: u64) {
        let before = self.conn.out.len();
        match Opcode::from_number(header.opcode) {
            None => self.unknown(header.xid),
            Some(opcode) if is_internal(opcode) => self.unknown(header.xid),
            Some(opcode) => match Request::decode(opcode, body) {
                Ok(request) => self.local(header.xid, request),
                Err(_) => self.error(header.xid, Code::MARSHALLING_ERROR),
            },
        }
        self.answered(header, since_ms, self.conn.out.len() - before);
    }

    fn answered(&mut self, RequestHeader { xid, opcode }: RequestHeader, since_ms: u64, bytes: usize) {
        let latency_ms = self.now_ms.saturating_sub(since_ms);
        self.conn.answered += 1;
        self.counters.sent += 1;
        self.counters.latency_ms.add(latency_ms);
        self.counters.reply_bytes.add(bytes as u64);
        self.counters.measure_reply(opcode, latency_ms, bytes);
        let counters = &mut self.conn.counters;
        counters.sent += 1;
        counters.latency_ms.add(latency_ms);
        counters.last_reply_ms = self.now_ms;
        counters.last_opcode = opcode;
        counters.last_zxid = self.tree.last_zxid();
        if xid >= 0 {
            counters.last_cxid = xid;
        }
    }

    /// What the server does not know it cannot put in any order: the connection ends.
    fn unknown(&mut self, xid: i32) {
        let header = ReplyHeader {
            xid,
            zxid: -1,
            err: Code::UNIMPLEMENTED.0,
        };
        reply::put_header(&mut self.conn.out, header);
        self.conn.hang_up();
    }

    /// The client has to prove first who it is: its connection ends.
    pub(super) fn refuse(&mut self, xid: i32) {
        let header = ReplyHeader::error(xid, 0, Code::SESSION_CLOSED_REQUIRE_AUTH.0);
        reply::put_header(&mut self.conn.out, header);
        self.conn.hang_up();
    }

    fn local(&mut self, xid: i32, request: Request) {
        let read = match request {
            Request::Exists { path, watch } => ReadRequest::Exists { path, watch },
            Request::GetData { path, watch } => ReadRequest::GetData { path, watch },
            Request::GetChildren { path, watch } => ReadRequest::GetChildren { path, watch },
            Request::GetChildren2 { path, watch } => ReadRequest::GetChildren2 { path, watch },
            Request::GetAcl { path } => ReadRequest::GetAcl { path },
            Request::GetAllChildrenNumber { path } => ReadRequest::GetAllChildrenNumber { path },
            Request::GetEphemerals { prefix } => ReadRequest::GetEphemerals { prefix },
            Request::CheckWatches { path, kind } => ReadRequest::CheckWatches { path, kind },
            Request::RemoveWatches { path, kind } => ReadRequest::RemoveWatches { path, kind },
            Request::SetWatches(lists) | Request::SetWatches2(lists) => {
                ReadRequest::SetWatches(set_watches(lists))
            }
            Request::AddWatch { path, mode } => ReadRequest::AddWatch { path, mode },
            Request::MultiRead(parts) => ReadRequest::Multi(parts.into_iter().map(read_part).collect()),
            Request::Ping => {
                let header = self.ok(reply::PING_XID);
                return reply::put_header(&mut self.conn.out, header);
            }
            Request::WhoAmI => {
                let header = self.ok(xid);
                let ids: Vec<_> = self
                    .conn
                    .identity
                    .who
                    .ids()
                    .iter()
                    .map(|id| (id.scheme.as_str(), identity::user(id)))
                    .collect();
                return reply::put_identities(&mut self.conn.out, header, &ids);
            }
            Request::Auth {
                kind: _,
                scheme,
                auth,
            } => {
                return self.authenticate(xid, &scheme, &auth.unwrap_or_default());
            }
            Request::Sasl { .. } => return self.error(xid, Code::UNIMPLEMENTED),
            // Writes get here only if their bodies could not be decoded, and then not decoded.
            Request::Create(_)
            | Request::Create2(_)
            | Request::CreateContainer(_)
            | Request::CreateTtl { .. }
            | Request::Delete { .. }
            | Request::SetData { .. }
            | Request::SetAcl { .. }
            | Request::Sync { .. }
            | Request::Check { .. }
            | Request::Multi(_)
            | Request::Reconfig { .. }
            | Request::DeleteContainer { .. }
            | Request::CreateSession { .. }
            | Request::CloseSession => return self.error(xid, Code::MARSHALLING_ERROR),
        };
        self.read(xid, &read);
    }

    fn read(&mut self, xid: i32, request: &ReadRequest) {
        let header = self.ok(xid);
        let Self {
            conn,
            tree,
            watches,
            counters,
            ..
        } = self;
        let mut reader = Reader {
            session: conn.session,
            who: &conn.identity.rights,
            watcher: conn.client.0,
            watches,
        };
        let result = tree.read(request, &mut reader);
        let out = &mut conn.out;
        let before = out.len();
        match result {
            Ok(ReadReply::Stat(stat)) => reply::put_stat(out, header, &stat),
            Ok(ReadReply::Data { data, stat }) => reply::put_data(out, header, data, &stat),
            Ok(ReadReply::Children(children)) => reply::put_names(out, header, children),
            Ok(ReadReply::Children2 { children, stat }) => {
                reply::put_names_and_stat(out, header, children, &stat);
            }
            Ok(ReadReply::Acl { acl, stat }) => reply::put_acl(out, header, &acl, &stat),
            Ok(ReadReply::Count(count)) => reply::put_int(out, header, count),
            Ok(ReadReply::Paths(paths)) => reply::put_names(out, header, paths),
            Ok(ReadReply::Done) => reply::put_header(out, header),
            Ok(ReadReply::WatchAdded) => reply::put_int(out, header, 0),
            Ok(ReadReply::Multi(answers)) => match read_results(answers, conn.replies.unread_max()) {
                Some(results) => reply::put_results(out, header, &results),
                None => return self.error(xid, Code::MARSHALLING_ERROR),
            },
            Ok(ReadReply::Replayed(events)) => {
                for event in events {
                    reply::put_event(out, None, event.kind, &event.path);
                    conn.counters.sent += 1;
                    counters.sent += 1;
                }
                reply::put_header(out, header);
            }
            Err(code) => return self.error(xid, code),
        }
        counters.measure_read(request, out.len() - before);
    }

    /// Outside the order of requests: it holds for those that follow.
    fn authenticate(&mut self, xid: i32, scheme: &str, auth: &[u8]) {
        let proved = identity::prove(scheme, auth, self.znodes);
        let code = if proved.is_some() {
            Code::OK
        } else {
            Code::AUTH_FAILED
        };
        reply::put_header(&mut self.conn.out, ReplyHeader::error(xid, 0, code.0));
        match proved {
            Some(ids) => {
                let who = Arc::make_mut(&mut self.conn.identity.who);
                ids.into_iter().for_each(|id| who.add(id));
                self.conn.identity.rights = self.znodes.rights_of(&self.conn.identity.who);
                self.watches
                    .identify(self.conn.client.0, self.conn.identity.rights.clone());
            }
            None => {
                self.counters.auth_failed += 1;
                self.conn.hang_up();
            }
        }
    }

    /// Answers the write that has become the transaction `cxid`; if none waits for that: `false`. `data` is the
    /// transaction's, for the one reply that needs it.
    pub(super) fn written(&mut self, cxid: i32, result: &TxnResult, data: Option<&[u8]>) -> bool {
        let Some(pending) = self.conn.turns.written(cxid, self.tree.last_zxid()) else {
            return false;
        };
        let Pending { header, since_ms, .. } = pending;
        if is_moved(result) {
            // The session lives elsewhere: this client is not to hear anything any more.
            self.conn.answered += 1;
            self.conn.hang_up();
            return true;
        }
        let (ok, before) = (self.ok(header.xid), self.conn.out.len());
        put_result(&mut self.conn.out, ok, result, data);
        self.answered(header, since_ms, self.conn.out.len() - before);
        // Behind the end of a session there is nothing.
        if matches!(self.conn.phase, Phase::Leaving) && header.opcode == Opcode::CloseSession.number() {
            self.conn.hang_up();
        }
        self.drain();
        true
    }
}

/// Operations of servers among themselves, and `check`, which exists only inside a multi.
pub(super) fn is_internal(opcode: Opcode) -> bool {
    matches!(
        opcode,
        Opcode::CreateSession | Opcode::DeleteContainer | Opcode::Check
    )
}

/// What a client gets for its write.
fn put_result(out: &mut BytesMut, header: ReplyHeader, result: &TxnResult, data: Option<&[u8]>) {
    match result {
        TxnResult::Created {
            path,
            stat: Some(stat),
        } => reply::put_path_and_stat(out, header, path, stat),
        TxnResult::Created { path, stat: None } => reply::put_path(out, header, Some(path)),
        TxnResult::DataSet(stat) | TxnResult::AclSet(stat) => reply::put_stat(out, header, stat),
        TxnResult::Reconfigured(stat) => reply::put_data(out, header, data, stat),
        TxnResult::Multi(results) => {
            let results: Vec<_> = results.iter().map(multi_result).collect();
            reply::put_results(out, header, &results);
        }
        TxnResult::Error(code) => reply::put_header(
            out,
            ReplyHeader {
                err: code.0,
                ..header
            },
        ),
        TxnResult::Deleted
        | TxnResult::Checked
        | TxnResult::SessionClosed
        | TxnResult::SessionCreated { .. } => reply::put_header(out, header),
    }
}

fn multi_result(result: &TxnResult) -> MultiResult {
    match result {
        TxnResult::Created {
            path,
            stat: Some(stat),
        } => MultiResult::CreatedWithStat {
            path: path.clone(),
            stat: *stat,
        },
        TxnResult::Created { path, stat: None } => MultiResult::Created { path: path.clone() },
        TxnResult::Deleted => MultiResult::Deleted,
        TxnResult::DataSet(stat) => MultiResult::DataSet(*stat),
        TxnResult::Checked => MultiResult::Checked,
        TxnResult::Error(code) => MultiResult::Error(code.0),
        TxnResult::AclSet(_)
        | TxnResult::Reconfigured(_)
        | TxnResult::SessionCreated { .. }
        | TxnResult::SessionClosed
        | TxnResult::Multi(_) => MultiResult::Error(Code::MARSHALLING_ERROR.0),
    }
}

fn is_moved(result: &TxnResult) -> bool {
    match result {
        TxnResult::Error(code) => *code == Code::SESSION_MOVED,
        TxnResult::Multi(parts) => parts.iter().any(is_moved),
        _ => false,
    }
}

fn set_watches(lists: WatchLists) -> SetWatches {
    let WatchLists {
        relative_zxid,
        data,
        exist,
        child,
        persistent,
        persistent_recursive,
    } = lists;
    SetWatches {
        relative_zxid,
        data,
        exist,
        child,
        persistent,
        persistent_recursive,
    }
}

/// A part of a multiRead; its watch flag is ignored, as in Apache.
fn read_part(op: MultiReadOp) -> ReadRequest {
    let watch = false;
    match op {
        MultiReadOp::GetData { path } => ReadRequest::GetData { path, watch },
        MultiReadOp::GetChildren { path } => ReadRequest::GetChildren { path, watch },
    }
}

/// The answers to the parts of a multiRead, unless they take more than `bytes_max`: a request of a few bytes for each
/// part can ask for the largest znode in every one.
fn read_results(answers: Vec<Result<ReadReply<'_>, Code>>, bytes_max: usize) -> Option<Vec<MultiResult>> {
    let mut left = bytes_max;
    let fits = |answer| {
        let result = read_result(answer);
        let bytes = match &result {
            MultiResult::Data { data, .. } => data.as_ref().map_or(0, Vec::len),
            MultiResult::Children(names) => names.iter().map(|name| name.len() + size_of::<String>()).sum(),
            _ => 0,
        };
        left = left.checked_sub(bytes + size_of::<MultiResult>())?;
        Some(result)
    };
    answers.into_iter().map(fits).collect()
}

fn read_result(answer: Result<ReadReply<'_>, Code>) -> MultiResult {
    match answer {
        Ok(ReadReply::Data { data, stat }) => MultiResult::Data {
            data: data.map(<[u8]>::to_vec),
            stat,
        },
        Ok(ReadReply::Children(children)) => MultiResult::Children(children.map(String::from).collect()),
        Ok(_) => MultiResult::Error(Code::MARSHALLING_ERROR.0),
        Err(code) => MultiResult::Error(code.0),
    }
}
