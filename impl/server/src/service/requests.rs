//! Which way does a request go: to the leader, to the tree, or behind those that wait?

use super::Service;
use super::answering::{Answering, is_internal};
use super::connection::{Asked, Pending, Phase};
use super::event::{Action, ClientId, Origin, Role, Submission};
use super::handshake::create_session;
use super::limits::{Shares, Throttled};
use super::replies::Hold;
use bytes::Bytes;
use quorate_tree::{Code, Need, Passage};
use quorate_wire::client::{CreateRequest, MultiOp, Opcode, Request, RequestHeader};

impl Service {
    /// Takes a connection's requests in their order.
    pub(super) fn on_requests(
        &mut self,
        client: ClientId,
        frames: &Bytes,
        now_ms: u64,
        actions: &mut Vec<Action>,
    ) {
        let Some(conn) = self.clients.get_mut(&client) else {
            return;
        };
        if !matches!(conn.phase, Phase::Open) {
            // Before its handshake is answered a connection says nothing, or it is none of ours.
            if matches!(conn.phase, Phase::Connecting(_)) {
                conn.hang_up();
                self.settle(client);
            }
            return;
        }
        self.counters.figures.received_bytes += frames.len() as u64;
        let is_held = !conn.held.is_empty();
        if is_held {
            conn.held.push_back(frames.clone());
        }
        self.heard(client, now_ms);
        if !is_held {
            let arrived = Throttled {
                client,
                frames: frames.clone(),
                since_ms: now_ms,
            };
            self.take_requests(arrived, false, now_ms, actions);
        }
    }

    /// All replies of a connection are written: there is room for those to the requests that were held back.
    pub(super) fn on_written(&mut self, client: ClientId, now_ms: u64, actions: &mut Vec<Action>) {
        let Some(conn) = self.clients.get_mut(&client) else {
            return;
        };
        // Its task waits to be told more.
        conn.hold = Hold::UntilTold;
        if matches!(conn.phase, Phase::Open) {
            // A client that takes its replies is there, though it has nothing new to say.
            self.heard(client, now_ms);
        }
        while let Some(conn) = self.clients.get_mut(&client)
            && conn.has_room(conn.replies.unread())
            && let Some(frames) = conn.held.pop_front()
        {
            let arrived = Throttled {
                client,
                frames,
                since_ms: now_ms,
            };
            self.take_requests(arrived, false, now_ms, actions);
        }
        self.settle(client);
    }

    /// Takes what has waited until fewer requests were on their way, as many as there is room for.
    pub fn release(&mut self, now_ms: u64, actions: &mut Vec<Action>) {
        let Some(requests_max) = self.options.limits.throttle.map(|throttle| throttle.requests_max) else {
            return;
        };
        while self.in_process.get() < requests_max
            && let Some(waiting) = self.throttled.pop_front()
        {
            let client = waiting.client;
            if let Some(conn) = self.clients.get_mut(&client) {
                conn.throttled -= 1;
                self.take_requests(waiting, true, now_ms, actions);
            }
            // What had no room for its replies is ahead of what waits still.
            if let Some(conn) = self.clients.get_mut(&client)
                && !conn.held.is_empty()
                && std::mem::take(&mut conn.throttled) > 0
            {
                self.throttled.retain(|behind| {
                    if behind.client == client {
                        conn.held.push_back(behind.frames.clone());
                    }
                    behind.client != client
                });
            }
        }
    }

    /// The client is there: so is its session.
    fn heard(&mut self, client: ClientId, now_ms: u64) {
        let Some(conn) = self.clients.get_mut(&client) else {
            return;
        };
        conn.heard_ms = now_ms;
        let (session, timeout_ms) = (conn.session, conn.timeout_ms);
        if self.locals.touch(session, timeout_ms, now_ms) {
            // Nobody else knows it.
        } else if self.role.is_some_and(|role| role.keeps_sessions()) {
            self.sessions.touch(session, timeout_ms, now_ms);
        } else if !conn.is_reported {
            conn.is_reported = true;
            self.heard.push(client);
        }
    }

    /// Takes requests in their order, as long as there is room for their replies; the rest is held back.
    ///
    /// So do they as long as there is room for more requests on their way; the rest waits behind what waits already. What
    /// comes from there has `waited`.
    fn take_requests(
        &mut self,
        Throttled {
            client,
            frames,
            since_ms,
        }: Throttled,
        waited: bool,
        now_ms: u64,
        actions: &mut Vec<Action>,
    ) {
        let Some(conn) = self.clients.get_mut(&client) else {
            return;
        };
        if conn.throttled > 0 && !waited {
            conn.throttled += 1;
            self.throttled.push_back(Throttled {
                client,
                frames,
                since_ms,
            });
            return;
        }
        let throttle = self.options.limits.throttle.as_ref();
        let waited_ms = now_ms.saturating_sub(since_ms);
        let is_late = throttle.is_some_and(|throttle| throttle.wait_ms > 0 && waited_ms > throttle.wait_ms);
        let Some(serving) = self.role.map(Role::serving) else {
            return;
        };
        let (session, timeout_ms) = (conn.session, conn.timeout_ms);
        let unread = conn.replies.unread();
        let mut turn = Answering {
            conn,
            tree: &self.tree,
            watches: &mut self.watches,
            counters: &mut self.counters,
            znodes: &self.options.znodes,
            now_ms,
        };
        let mut at = 0;
        while let Some((length, rest)) = frames[at..].split_first_chunk::<4>()
            && matches!(turn.conn.phase, Phase::Open)
        {
            if !turn.conn.has_room(unread) {
                turn.conn.held.push_front(frames.slice(at..));
                break;
            }
            if throttle.is_some_and(|throttle| self.in_process.get() >= throttle.requests_max) {
                turn.conn.throttled += 1;
                let rest = Throttled {
                    client,
                    frames: frames.slice(at..),
                    since_ms,
                };
                if waited {
                    self.throttled.push_front(rest);
                } else {
                    self.throttled.push_back(rest);
                }
                break;
            }
            let at_frame = at + 4;
            let end = at_frame + u32::from_be_bytes(*length) as usize;
            let frame = &rest[..rest.len().min(end - at - 4)];
            let body = frames.len().min(at + 4 + RequestHeader::BYTES)..frames.len().min(end);
            at = body.end;
            turn.counters.received += 1;
            turn.conn.counters.received += 1;
            let Ok(header) = RequestHeader::decode(frame) else {
                turn.conn.hang_up();
                break;
            };
            if turn.lacks_proof(header.opcode, &self.options.limits.required_schemes) {
                turn.refuse(header.xid);
                break;
            }
            let large = self.options.limits.large_requests.as_ref();
            let Ok(large) = self.large.take_large(large, end - at_frame) else {
                let (peer, bytes) = (turn.conn.peer, end - at_frame);
                tracing::warn!(%peer, bytes, "too many large requests: the client that sent one more is cut off");
                turn.counters.figures.large_refused += 1;
                turn.conn.hang_up();
                break;
            };
            let shares = Shares {
                large,
                in_process: throttle.map(|_| self.in_process.take(1)),
            };
            let Some(opcode) = Opcode::from_number(header.opcode).filter(|&opcode| !is_internal(opcode))
            else {
                turn.in_order(header, &frames, body, shares);
                continue;
            };
            match opcode {
                // The end of a session is never refused.
                _ if is_late && !matches!(opcode, Opcode::Ping | Opcode::Auth | Opcode::CloseSession) => {
                    turn.counters.figures.throttled += 1;
                    turn.in_turn(header, Asked::Refused(Code::THROTTLED_OP), shares);
                }
                // Both are out of the order of requests, by their xids.
                Opcode::Ping | Opcode::Auth => turn.execute(header, &frames[body], now_ms),
                _ if !opcode.goes_through_leader() => turn.in_order(header, &frames, body, shares),
                _ => match Request::decode(opcode, &frames[body.clone()]) {
                    // Malformed: it is answered in its turn, and nobody else sees it.
                    Err(_) => match self.locals.pass(session, Need::Order, timeout_ms, serving) {
                        Passage::Refused(code) => turn.in_turn(header, Asked::Refused(code), shares),
                        _ => turn.in_order(header, &frames, body, shares),
                    },
                    Ok(request) => {
                        match self.locals.pass(session, need_of(&request), timeout_ms, serving) {
                            Passage::Pass => {}
                            Passage::Upgrade { timeout_ms } => {
                                actions.push(Action::Submit(create_session(session, timeout_ms)));
                            }
                            Passage::Refused(code) => {
                                turn.in_turn(header, Asked::Refused(code), shares);
                                continue;
                            }
                            Passage::EndHere => {
                                turn.conn.phase = Phase::Leaving;
                                turn.conn.ends_session = true;
                                turn.in_turn(header, Asked::End, shares);
                                continue;
                            }
                        }
                        let pending = |asked| Pending {
                            header,
                            since_ms: now_ms,
                            asked,
                            _shares: shares,
                        };
                        let turns = &mut turn.conn.turns;
                        let is_sync = match &request {
                            Request::Sync { path } => {
                                turns.sync(pending(Asked::Sync(path.clone())));
                                true
                            }
                            _ => {
                                turns.write(header.xid, pending(Asked::Write));
                                false
                            }
                        };
                        if self.auditing.is_on() {
                            turn.conn.audits.remember(header.xid, &request);
                        }
                        if matches!(request, Request::CloseSession) {
                            turn.conn.phase = Phase::Leaving;
                        }
                        let submission = Submission {
                            origin: Origin::Here,
                            session,
                            cxid: header.xid,
                            opcode: header.opcode,
                            body: frames.slice(body),
                            who: Some(turn.conn.identity.who.clone()),
                            request: Some(request),
                        };
                        if is_sync {
                            self.syncs.push_back(client);
                            actions.push(Action::Sync(submission));
                        } else {
                            actions.push(Action::Submit(submission));
                        }
                    }
                },
            }
        }
        self.settle(client);
    }
}

impl Answering<'_> {
    /// Whether its client has to prove who it is first: by its address, its certificate, or an auth packet.
    fn lacks_proof(&self, opcode: i32, schemes: &[String]) -> bool {
        let proves = [Opcode::Auth, Opcode::Sasl].map(Opcode::number).contains(&opcode);
        !schemes.is_empty() && !proves && !self.conn.identity.who.has_any(schemes)
    }

    /// Answers a request now, or behind what waits.
    fn in_order(
        &mut self,
        header: RequestHeader,
        frames: &Bytes,
        body: std::ops::Range<usize>,
        shares: Shares,
    ) {
        if self.conn.turns.must_wait() {
            let then = self.conn.identity.clone();
            self.in_turn(header, Asked::Other(frames.slice(body), then), shares);
        } else {
            self.execute(header, &frames[body], self.now_ms);
        }
    }
}

/// What it needs of the order of writes.
fn need_of(request: &Request) -> Need {
    match request {
        Request::CloseSession => Need::End,
        Request::Create(create) | Request::Create2(create) if is_ephemeral(create) => Need::Ephemeral,
        Request::Multi(parts) if parts.iter().any(creates_ephemeral) => Need::EphemeralPart,
        _ => Need::Order,
    }
}

fn creates_ephemeral(part: &MultiOp) -> bool {
    matches!(part, MultiOp::Create(create) | MultiOp::Create2(create) if is_ephemeral(create))
}

fn is_ephemeral(create: &CreateRequest) -> bool {
    matches!(create.flags, 1 | 3)
}
