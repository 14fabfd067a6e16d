//! What becomes of what clients say: a server that orders writes, and three connections.
//!
//! The input is steps: a byte, and what belongs to it. Of the byte's low bits 0 to 2 are a frame on that connection (its
//! first one is a handshake), 3 is something else that happens. A frame is two bytes of length and its bytes, as
//! many of them as there are.
#![no_main]

use bytes::{Bytes, BytesMut};
use libfuzzer_sys::fuzz_target;
use quorate_fuzz::bounded;
use quorate_server::config::Znodes;
use quorate_server::service::{
    Action, Batch, ClientEvent, ClientId, Gauge, Options, Origin, Proved, Replies, ReplyQueue, Role, Service,
    Submission, replies,
};
use quorate_tree::{DigestCheck, Tree, WatchTable, WriteRules};
use quorate_wire::client::reply::{EVENT_XID, PING_XID};
use quorate_wire::client::{
    ConnectRequest, ConnectResponse, Opcode, ReplyHeader, Request, RequestHeader, WatcherEvent,
};
use quorate_wire::frame::{put_frame, take_frame};
use quorate_wire::jute::Reader;
use quorate_wire::txn::{decode_entry, encode_entry};
use quorate_zab::{Epoch, ServerId, Zxid};
use std::collections::VecDeque;

const UNREAD_MAX: usize = 32 << 20;

fuzz_target!(|input: &[u8]| {
    // Reads repeat what writes have put there, so the bound is of both together.
    let most = input.len().pow(2) as u64 * 4;
    bounded(input.len(), (4 << 20) + most, 4096, || run(input));
});

fn run(input: &[u8]) {
    let mut host = Host::new();
    let mut rest = input;
    // As above: what is read was written, and is told to whoever watches.
    let most = 4096 + 256 * input.len() + input.len().pow(2);
    while let Some((&step, after)) = rest.split_first() {
        rest = after;
        if step & 3 == 3 {
            host.happens(step >> 2);
            continue;
        }
        let Some((length, after)) = rest.split_first_chunk::<2>() else {
            break;
        };
        let length = usize::from(u16::from_be_bytes(*length)).min(after.len());
        let (frame, after) = after.split_at(length);
        rest = after;
        host.says(usize::from(step & 3), frame);
        if step & 4 == 0 {
            host.run();
        }
    }
    host.run();
    host.all_is_answered();
    assert!(
        host.replied <= most,
        "{} bytes of replies, {most} are allowed",
        host.replied
    );
}

/// The server, and a second one that is told its transactions.
struct Host {
    service: Service,
    replica: Tree,
    clients: [Option<Client>; 3],
    gauge: Gauge,
    actions: Vec<Action>,
    now_ms: u64,
    next_client: u64,
    next_zxid: u64,
    /// Bytes of replies to all.
    replied: usize,
}

/// A connection, and what is known of it.
struct Client {
    id: ClientId,
    queue: ReplyQueue,
    read: BytesMut,
    is_welcome: bool,
    closed: bool,
    /// Requests that are answered in their order, oldest first.
    in_order: VecDeque<Asked>,
    /// Pings and auths: they are answered when they come.
    at_once: Vec<Asked>,
    /// What it sent may be answered by nothing but the end of the connection.
    may_end: bool,
    /// An event may have been the reply to a request that is numbered like one: which is not to be told.
    is_vague: bool,
}

/// A request that is not answered yet.
#[derive(Clone, Copy)]
struct Asked {
    /// What the reply is numbered.
    xid: i32,
    /// Whether there is such an operation, and this is one.
    is_sound: bool,
}

impl Host {
    fn new() -> Self {
        let options = Options {
            server: ServerId::new(1),
            tick_ms: 2000,
            min_session_timeout_ms: 4000,
            max_session_timeout_ms: 40_000,
            unread_bytes_max: 64 << 20,
            local_sessions: Default::default(),
            limits: Default::default(),
            znodes: Znodes {
                rules: WriteRules {
                    extended_types: true,
                    enforce_quota: true,
                    x509: true,
                    ..WriteRules::default()
                },
                ..Znodes::default()
            },
        };
        let mut service = Service::new(options, Tree::new(), 1_795_246_975_000);
        service.serve(Role::Leader, Epoch::new(1), 0);
        Host {
            service,
            replica: Tree::new(),
            clients: [None, None, None],
            gauge: Gauge::default(),
            actions: Vec::new(),
            now_ms: 0,
            next_client: 1,
            next_zxid: 1 << 32 | 1,
            replied: 0,
        }
    }

    fn says(&mut self, at: usize, frame: &[u8]) {
        let frame = Bytes::copy_from_slice(frame);
        let Some(client) = &mut self.clients[at] else {
            return self.connects(at, frame);
        };
        let mut frames = BytesMut::new();
        put_frame(&mut frames, |out| out.extend_from_slice(&frame));
        client.asks(&frame);
        client.queue.asked(1);
        let event = ClientEvent::Requests {
            client: client.id,
            frames: frames.freeze(),
        };
        self.service.on_client(event, self.now_ms, &mut self.actions);
    }

    fn connects(&mut self, at: usize, frame: Bytes) {
        let id = ClientId(self.next_client);
        self.next_client += 1;
        let (replies, queue): (Replies, ReplyQueue) = replies(UNREAD_MAX, self.gauge.clone());
        self.clients[at] = Some(Client {
            id,
            queue,
            read: BytesMut::new(),
            is_welcome: false,
            closed: false,
            in_order: VecDeque::new(),
            at_once: Vec::new(),
            // Of a handshake that cannot be read nothing is heard.
            may_end: ConnectRequest::decode(&frame).is_err(),
            is_vague: false,
        });
        let event = ClientEvent::Connect {
            client: id,
            peer: ([127, 0, 0, 1], 4000).into(),
            proved: Proved::default(),
            frame,
            replies,
        };
        self.service.on_client(event, self.now_ms, &mut self.actions);
    }

    fn happens(&mut self, what: u8) {
        match what & 7 {
            0..=2 => {
                if let Some(client) = self.clients[usize::from(what & 7)].take() {
                    let event = ClientEvent::Gone { client: client.id };
                    self.service.on_client(event, self.now_ms, &mut self.actions);
                }
            }
            3 => self.now_ms += 500,
            4 => self.now_ms += 7000,
            5 => self.service.expire(self.now_ms, &mut self.actions),
            6 => self.run(),
            _ => self.time_passes(),
        }
    }

    /// What was sent is written, and who only watches hears what there is.
    fn time_passes(&mut self) {
        for client in self.clients.iter().flatten() {
            let event = ClientEvent::Written { client: client.id };
            self.service.on_client(event, self.now_ms, &mut self.actions);
        }
        self.now_ms += 1;
        self.service.tell_watchers(self.now_ms);
    }

    /// Does what the service asks for, as a leader whose every proposal commits.
    fn run(&mut self) {
        while !self.actions.is_empty() {
            for action in std::mem::take(&mut self.actions) {
                match action {
                    Action::Submit(submission) => {
                        can_be_ordered(&submission);
                        let zxid = Zxid::from_bits(self.next_zxid);
                        self.next_zxid += 1;
                        let wall_ms = 1_795_246_975_000 + self.now_ms as i64;
                        let payload = self.service.prepare(submission, zxid, wall_ms, self.now_ms);
                        self.replicate(&payload);
                        self.service
                            .deliver(&payload, self.now_ms)
                            .expect("what was prepared can be applied");
                    }
                    Action::Sync(submission) => {
                        can_be_ordered(&submission);
                        self.service.sync_done(self.now_ms);
                    }
                    Action::Revalidate { .. } => unreachable!("who leads knows its sessions"),
                }
            }
            self.read_all();
        }
        self.read_all();
    }

    /// What every other server makes of it.
    fn replicate(&mut self, payload: &[u8]) {
        let entry = decode_entry(payload).expect("what was prepared can be read");
        let mut again = Vec::new();
        encode_entry(&entry, &mut again);
        assert_eq!(again, payload);
        entry.can_apply().expect("what was prepared can be applied");
        let outcome = self.replica.apply(&entry, &mut WatchTable::new());
        assert!(
            matches!(outcome.digest, DigestCheck::Equal | DigestCheck::Unchecked),
            "{entry:?}: {:?}",
            outcome.digest
        );
    }

    fn read_all(&mut self) {
        self.service.flush();
        for client in self.clients.iter_mut().flatten() {
            self.replied += client.read();
        }
    }

    /// Nobody is left waiting, and both trees are one.
    fn all_is_answered(&mut self) {
        // What was held back goes on once its client has read.
        for _ in 0..64 {
            self.time_passes();
            self.run();
        }
        assert!(!self.service.owes(), "nobody is owed anything");
        for client in self.clients.iter().flatten() {
            let waiting = client.in_order.len() + client.at_once.len();
            assert!(
                client.closed || client.may_end || client.is_vague || waiting == 0,
                "{waiting} requests were not answered"
            );
        }
        assert_eq!(self.service.tree().digest(), self.replica.digest());
        assert_eq!(self.service.tree().node_count(), self.replica.node_count());
        assert_eq!(
            self.service.tree().ephemerals_count(),
            self.replica.ephemerals_count()
        );
        assert_eq!(
            self.service.tree().approximate_data_size(),
            self.replica.approximate_data_size()
        );
    }
}

/// What a client asks of the leader is what it sent, and was understood.
fn can_be_ordered(submission: &Submission) {
    assert_eq!(submission.origin, Origin::Here);
    if submission.who.is_none() {
        // The server's own: sessions and containers whose time is up.
        return;
    }
    let opcode = Opcode::from_number(submission.opcode).expect("nobody is told of an unknown operation");
    assert!(opcode.goes_through_leader(), "{opcode:?} is answered here");
    let request = Request::decode(opcode, &submission.body).expect("nobody is told of what is none");
    assert_eq!(submission.request, Some(request));
}

impl Client {
    /// Notes what has to be answered.
    fn asks(&mut self, frame: &[u8]) {
        let Ok(RequestHeader { xid, opcode }) = RequestHeader::decode(frame) else {
            self.may_end = true;
            return;
        };
        let opcode = Opcode::from_number(opcode);
        let body = &frame[RequestHeader::BYTES..];
        let asked = Asked {
            xid: if opcode == Some(Opcode::Ping) {
                PING_XID
            } else {
                xid
            },
            is_sound: opcode.is_some_and(|opcode| Request::decode(opcode, body).is_ok()),
        };
        match opcode {
            Some(Opcode::Ping | Opcode::Auth) => self.at_once.push(asked),
            _ => self.in_order.push_back(asked),
        }
    }

    /// A reply: to what was asked, once, in order, and an error where it was nothing.
    fn answered(&mut self, header: ReplyHeader) {
        let same = |asked: &&Asked| asked.xid == header.xid;
        let others = self.in_order.iter().chain(&self.at_once).filter(same).count();
        // Those of one number are not to be told apart: it makes no difference which is crossed out.
        let asked = if self.in_order.front().is_some_and(|asked| asked.xid == header.xid) {
            self.in_order.pop_front()
        } else {
            let at = self.at_once.iter().position(|asked| asked.xid == header.xid);
            at.map(|at| self.at_once.swap_remove(at))
        };
        let Some(asked) = asked else {
            panic!("{header:?} answers nothing that was asked and has its turn");
        };
        assert!(
            others > 1 || asked.is_sound || header.err != 0,
            "{header:?} to what is no request"
        );
    }

    /// Takes what there is for it: how many bytes.
    fn read(&mut self) -> usize {
        let Batch { bytes, closed } = self.queue.take();
        let length = bytes.len();
        assert!(length == 0 || !self.closed, "nothing comes behind the end");
        self.read.extend_from_slice(&bytes);
        self.queue.written(bytes);
        self.closed |= closed;
        while let Some(frame) = take_frame(&mut self.read, 1 << 30).expect("a frame in bounds") {
            if !std::mem::replace(&mut self.is_welcome, true) {
                ConnectResponse::decode(&frame).expect("the answer to a handshake");
                continue;
            }
            let mut reader = Reader::new(&frame);
            let header = ReplyHeader::decode(&mut reader).expect("a reply");
            let is_event = WatcherEvent::decode(&mut reader.clone()).is_ok();
            if header.xid == EVENT_XID && header.err == 0 && is_event {
                self.is_vague |= self
                    .in_order
                    .iter()
                    .chain(&self.at_once)
                    .any(|asked| asked.xid == EVENT_XID);
                continue;
            }
            assert!(
                header.err == 0 || reader.remaining() == 0,
                "an error is the header alone"
            );
            if !self.is_vague {
                self.answered(header);
            }
        }
        assert!(self.read.is_empty(), "only whole frames are sent");
        length
    }
}
