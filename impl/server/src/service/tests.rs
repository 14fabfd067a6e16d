//! One or more services, the driver's part played by the test.

mod authorisation;
mod backpressure;
mod ensemble;
mod golden;
mod handshakes;
mod hostile;
mod limits;
mod local_sessions;
mod order;
mod read_only;
mod replies;
mod telling;

use super::*;
use bytes::{Bytes, BytesMut};
use quorate_tree::EventKind;
use quorate_wire::client::reply::ReplyHeader;
use quorate_wire::client::{
    ConnectRequest, ConnectResponse, CreateRequest, Request, RequestHeader, WatcherEvent,
};
use quorate_wire::frame::take_frame;
use quorate_wire::jute::Reader;
use quorate_wire::quorum::Id;
use quorate_zab::Conn;

const TICK_MS: u64 = 2000;
const TIMEOUT_MS: i32 = 10_000;
const WALL_MS: i64 = 1_795_246_975_000;
const FRAME_MAX: usize = 1 << 20;
const UNREAD_MAX: usize = 1 << 20;
const UNREAD_OF_ALL_MAX: usize = 1 << 22;

/// A standalone server, or the part of an ensemble that one server is.
struct Host {
    service: Service,
    now_ms: u64,
    next_client: u64,
    /// What all connections have in common.
    gauge: Gauge,
    actions: Vec<Action>,
    /// How many have ended.
    rounds: u64,
    /// The next transaction, where this server orders them.
    next_zxid: u64,
}

/// A client's end.
struct Client {
    id: ClientId,
    queue: ReplyQueue,
    unread: BytesMut,
    closed: bool,
    session: SessionId,
}

/// What a client reads.
#[derive(Debug)]
enum Frame {
    Event { zxid: i64, event: WatcherEvent },
    Reply { header: ReplyHeader, body: Bytes },
}

fn options(server: u64) -> Options {
    Options {
        server: ServerId::new(server),
        tick_ms: TICK_MS,
        min_session_timeout_ms: 4000,
        max_session_timeout_ms: 40_000,
        local_sessions: Default::default(),
        limits: Default::default(),
        unread_bytes_max: UNREAD_OF_ALL_MAX,
        znodes: crate::config::Znodes {
            rules: quorate_tree::WriteRules {
                extended_types: true,
                x509: true,
                ..Default::default()
            },
            ..Default::default()
        },
    }
}

impl Host {
    fn new(server: u64, role: Role) -> Self {
        let mut service = Service::new(options(server), Tree::new(), WALL_MS as u64);
        service.serve(role, Epoch::new(1), 0);
        Host {
            service,
            now_ms: 0,
            next_client: 1,
            gauge: Gauge::default(),
            actions: Vec::new(),
            rounds: 0,
            next_zxid: 1 << 32 | 1,
        }
    }

    fn standalone() -> Self {
        Self::new(0, Role::Standalone)
    }

    fn event(&mut self, event: ClientEvent) {
        self.service.on_client(event, self.now_ms, &mut self.actions);
    }

    /// A connection that says `request`; nothing is carried out yet.
    fn connect_with(&mut self, request: &ConnectRequest) -> Client {
        let mut frame = BytesMut::new();
        request.encode(&mut frame);
        self.connect_raw(frame.split_off(4).freeze())
    }

    fn connect_raw(&mut self, frame: Bytes) -> Client {
        self.connect_as(Vec::new(), frame)
    }

    /// A connection that has proved to be these.
    fn connect_as(&mut self, proved: Vec<Id>, frame: Bytes) -> Client {
        let id = ClientId(self.next_client);
        self.next_client += 1;
        let (replies, queue) = replies(UNREAD_MAX, self.gauge.clone());
        let peer = "127.0.0.1:4000".parse().unwrap();
        self.event(ClientEvent::Connect {
            client: id,
            peer,
            proved: Proved {
                ids: proved,
                is_secure: false,
            },
            frame,
            replies,
        });
        Client {
            id,
            queue,
            unread: BytesMut::new(),
            closed: false,
            session: 0,
        }
    }

    /// A client with a new session.
    fn client(&mut self) -> Client {
        let mut client = self.connect_with(&new_session());
        self.run();
        client.session = client.welcome(self).session;
        assert_ne!(client.session, 0);
        client
    }

    fn send(&mut self, client: &Client, requests: &[(i32, Request)]) {
        let mut frames = BytesMut::new();
        for (xid, request) in requests {
            request.encode(*xid, &mut frames);
        }
        self.send_raw(client, frames.freeze());
    }

    fn send_raw(&mut self, client: &Client, frames: Bytes) {
        self.event(ClientEvent::Requests {
            client: client.id,
            frames,
        });
    }

    /// Sends a request, carries it out, and returns the reply's error and body.
    fn ask(&mut self, client: &mut Client, xid: i32, request: Request) -> (i32, Bytes) {
        self.send(client, &[(xid, request)]);
        self.run();
        client.reply(self, xid)
    }

    /// Does what the service asks for, as a server that orders writes and commits them at once.
    fn run(&mut self) {
        while !self.actions.is_empty() {
            for action in std::mem::take(&mut self.actions) {
                match action {
                    Action::Submit(submission) => {
                        let payload = self.prepare(submission);
                        self.deliver(&payload);
                    }
                    Action::Sync(submission) => {
                        assert_eq!(submission.origin, Origin::Here);
                        self.service.sync_done(self.now_ms);
                    }
                    Action::Revalidate { .. } => panic!("a server that leads knows its sessions"),
                }
            }
        }
    }

    fn prepare(&mut self, submission: Submission) -> Bytes {
        let zxid = Zxid::from_bits(self.next_zxid);
        self.next_zxid += 1;
        let wall_ms = WALL_MS + self.now_ms as i64;
        self.service.prepare(submission, zxid, wall_ms, self.now_ms)
    }

    fn deliver(&mut self, payload: &[u8]) {
        self.service
            .deliver(payload, self.now_ms)
            .expect("it can be applied");
    }

    /// The writes that the service asked for.
    fn submitted(&mut self) -> Vec<Submission> {
        let submission = |action| match action {
            Action::Submit(submission) => submission,
            other => panic!("{other:?}"),
        };
        std::mem::take(&mut self.actions)
            .into_iter()
            .map(submission)
            .collect()
    }

    /// Ends a round, a millisecond behind the one before.
    fn flush(&mut self) {
        self.service.flush();
        self.rounds += 1;
        self.service.tell_watchers(self.rounds);
    }

    fn gone(&mut self, client: &Client) {
        self.event(ClientEvent::Gone { client: client.id });
    }
}

impl Client {
    /// All that arrived and was not read.
    fn frames(&mut self, host: &mut Host) -> Vec<Bytes> {
        host.flush();
        let Batch { bytes, closed } = self.queue.take();
        self.unread.extend_from_slice(&bytes);
        self.closed |= closed;
        let mut frames = Vec::new();
        while let Some(frame) = take_frame(&mut self.unread, FRAME_MAX).expect("a frame in bounds") {
            frames.push(frame);
        }
        assert!(self.unread.is_empty(), "only whole frames are sent");
        frames
    }

    fn read(&mut self, host: &mut Host) -> Vec<Frame> {
        let frames = self.frames(host);
        frames.into_iter().map(decode).collect()
    }

    /// The xids of what arrived; −1 is an event.
    fn xids(&mut self, host: &mut Host) -> Vec<i32> {
        let xid = |frame| match frame {
            Frame::Event { .. } => -1,
            Frame::Reply { header, .. } => header.xid,
        };
        self.read(host).into_iter().map(xid).collect()
    }

    /// The one frame that arrived is the reply with this xid.
    fn reply(&mut self, host: &mut Host, xid: i32) -> (i32, Bytes) {
        match self.read(host).pop() {
            Some(Frame::Reply { header, body }) if header.xid == xid => (header.err, body),
            other => panic!("a reply to {xid} was expected: {other:?}"),
        }
    }

    fn welcome(&mut self, host: &mut Host) -> ConnectResponse {
        let frames = self.frames(host);
        assert_eq!(frames.len(), 1, "{frames:?}");
        ConnectResponse::decode(&frames[0]).unwrap()
    }

    fn is_closed(&mut self, host: &mut Host) -> bool {
        self.frames(host);
        self.closed
    }
}

fn decode(frame: Bytes) -> Frame {
    let mut reader = Reader::new(&frame);
    let header = ReplyHeader::decode(&mut reader).unwrap();
    if header.xid == -1 {
        return Frame::Event {
            zxid: header.zxid,
            event: WatcherEvent::decode(&mut reader).unwrap(),
        };
    }
    let body = frame.slice(ReplyHeader::BYTES..);
    assert!(header.err == 0 || body.is_empty(), "an error is the header alone");
    Frame::Reply { header, body }
}

fn new_session() -> ConnectRequest {
    ConnectRequest {
        timeout_ms: TIMEOUT_MS,
        password: Some(vec![0; 16]),
        read_only: Some(false),
        ..ConnectRequest::default()
    }
}

fn resume(session: SessionId) -> ConnectRequest {
    let password = Some(quorate_wire::client::session_password(session).to_vec());
    ConnectRequest {
        session,
        password,
        ..new_session()
    }
}

fn create(path: &str, flags: i32) -> Request {
    let acl = vec![quorate_tree::Acl {
        perms: 31,
        scheme: "world".into(),
        id: "anyone".into(),
    }];
    Request::Create(CreateRequest {
        path: path.into(),
        data: Some(b"data".to_vec()),
        acl,
        flags,
    })
}

fn exists(path: &str, watch: bool) -> Request {
    Request::Exists {
        path: path.into(),
        watch,
    }
}

fn set_data(path: &str, data: &str) -> Request {
    Request::SetData {
        path: path.into(),
        data: Some(data.into()),
        version: -1,
    }
}

fn get_data(path: &str, watch: bool) -> Request {
    Request::GetData {
        path: path.into(),
        watch,
    }
}

fn data_of(body: &[u8]) -> String {
    String::from_utf8(Reader::new(body).buffer("data").unwrap().unwrap().to_vec()).unwrap()
}

const NO_NODE: i32 = -101;
