//! Does a session outlive its connections? The client against a server that says what the test wants.

use bytes::{Bytes, BytesMut};
use quorate_client::{
    CONNECTION_LOSS, Client, Code, Error, Event, EventKind, Events, Options, State, WatchMode, WatcherType,
};
use quorate_tree::Stat;
use quorate_wire::client::reply::{self, ReplyHeader};
use quorate_wire::client::{ConnectRequest, ConnectResponse, Opcode, Request, RequestHeader};
use quorate_wire::frame::{CLIENT_FRAME_BYTES_MAX, take_frame};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const SESSION: i64 = 0x1000_0000_0007;
const PASSWORD: [u8; 16] = *b"sixteen letters.";

/// A server's port.
struct Port(TcpListener);

/// A server's end of a connection.
struct Peer {
    stream: TcpStream,
    read: BytesMut,
}

impl Port {
    async fn open() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").await.expect("a free port"))
    }

    fn address(&self) -> String {
        self.0.local_addr().expect("it is bound").to_string()
    }

    /// The next connection, with what the client introduced itself with.
    async fn called(&self) -> (Peer, ConnectRequest) {
        let (stream, _) = self.0.accept().await.expect("a client");
        let mut peer = Peer {
            stream,
            read: BytesMut::new(),
        };
        let frame = peer.frame().await.expect("a handshake");
        (peer, ConnectRequest::decode(&frame).expect("it is well-formed"))
    }

    /// The next connection, taken into the session.
    async fn taken(&self, timeout_ms: i32) -> (Peer, ConnectRequest) {
        let (mut peer, request) = self.called().await;
        peer.grant(timeout_ms, SESSION).await;
        (peer, request)
    }
}

impl Peer {
    /// The next frame; `None` once the client has hung up.
    async fn frame(&mut self) -> Option<Bytes> {
        loop {
            if let Some(frame) = take_frame(&mut self.read, CLIENT_FRAME_BYTES_MAX).expect("a length") {
                return Some(frame);
            }
            if self.stream.read_buf(&mut self.read).await.unwrap_or(0) == 0 {
                return None;
            }
        }
    }

    /// The next request that is no ping.
    async fn asked(&mut self) -> (i32, Request) {
        loop {
            let (xid, request) = self.heard().await;
            if request != Request::Ping {
                return (xid, request);
            }
        }
    }

    async fn heard(&mut self) -> (i32, Request) {
        let frame = self.frame().await.expect("a request");
        let header = RequestHeader::decode(&frame).expect("a header");
        let opcode = Opcode::from_number(header.opcode).expect("an operation");
        let body = Request::decode(opcode, &frame[RequestHeader::BYTES..]).expect("it is well-formed");
        (header.xid, body)
    }

    async fn grant(&mut self, timeout_ms: i32, session: i64) {
        let mut out = BytesMut::new();
        ConnectResponse {
            protocol_version: 0,
            timeout_ms,
            session,
            password: PASSWORD,
            read_only: Some(false),
        }
        .encode(&mut out);
        self.say(&out).await;
    }

    async fn say(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.expect("the client reads");
    }

    async fn stat(&mut self, xid: i32, zxid: u64) {
        let mut out = BytesMut::new();
        reply::put_stat(&mut out, ReplyHeader::ok(xid, zxid), &Stat::default());
        self.say(&out).await;
    }

    async fn header(&mut self, header: ReplyHeader) {
        let mut out = BytesMut::new();
        reply::put_header(&mut out, header);
        self.say(&out).await;
    }
}

/// A client, and the server's end of its first connection.
async fn session(ports: &[&Port], timeout_ms: i32) -> (Client, Events, Peer) {
    let servers: Vec<_> = ports.iter().map(|port| port.address()).collect();
    let servers = servers.join(",").parse().expect("addresses");
    let options = Options {
        timeout: Duration::from_secs(20),
        ..Options::default()
    };
    let (client, (peer, request)) =
        tokio::join!(Client::connect(servers, options), ports[0].taken(timeout_ms));
    let (client, mut events) = client.expect("the server takes it");
    assert_eq!((request.session, request.timeout_ms), (0, 20_000));
    assert_eq!(events.recv().await, Some(Event::State(State::Connected)));
    assert_eq!((client.state(), client.session()), (State::Connected, SESSION));
    (client, events, peer)
}

fn code<T>(result: Result<T, Error>) -> Option<Code> {
    result.err().and_then(|error| error.code())
}

#[tokio::test]
async fn a_session_goes_on_at_another_server_with_its_watches_and_identities() {
    let (first, second) = (Port::open().await, Port::open().await);
    let (client, mut events, mut peer) = session(&[&first, &second], 20_000).await;

    let (proved, ()) = tokio::join!(client.add_auth("digest", b"joe:secret"), async {
        let (xid, _) = peer.asked().await;
        peer.header(ReplyHeader::ok(xid, 0)).await;
    });
    assert_eq!(proved, Ok(()));
    let (stat, ()) = tokio::join!(client.exists("/a", true), async {
        let (xid, _) = peer.asked().await;
        peer.stat(xid, 0x500).await;
    });
    assert!(matches!(stat, Ok(Some(_))));
    let (stat, ()) = tokio::join!(client.exists("/later", true), async {
        let (xid, _) = peer.asked().await;
        peer.header(ReplyHeader::error(xid, 0x501, Code::NO_NODE.0)).await;
    });
    assert_eq!(stat, Ok(None));
    let (added, ()) = tokio::join!(client.add_watch("/tree", WatchMode::PersistentRecursive), async {
        let (xid, _) = peer.asked().await;
        let mut out = BytesMut::new();
        reply::put_int(&mut out, ReplyHeader::ok(xid, 0x501), 0);
        peer.say(&out).await;
    });
    assert_eq!(added, Ok(()));

    // What was asked for and not answered may have been done.
    let (lost, ()) = tokio::join!(client.delete("/a", -1), async {
        peer.asked().await;
        drop(peer);
    });
    assert_eq!(code(lost), Some(CONNECTION_LOSS));
    assert_eq!(events.recv().await, Some(Event::State(State::Disconnected)));

    let (mut peer, request) = second.taken(20_000).await;
    assert_eq!(request.session, SESSION);
    assert_eq!(request.password.as_deref(), Some(&PASSWORD[..]));
    assert_eq!(request.last_zxid_seen, 0x501);
    assert_eq!(events.recv().await, Some(Event::State(State::Connected)));
    let (xid, auth) = peer.asked().await;
    assert_eq!(xid, reply::AUTH_XID);
    assert!(matches!(auth, Request::Auth { scheme, auth, .. }
        if scheme == "digest" && auth.as_deref() == Some(b"joe:secret")));
    let (xid, watches) = peer.asked().await;
    assert_eq!(xid, reply::SET_WATCHES_XID);
    let Request::SetWatches2(lists) = watches else {
        panic!("{watches:?}");
    };
    assert_eq!(lists.relative_zxid, 0x501);
    assert_eq!(
        (lists.data, lists.exist),
        (vec!["/a".to_owned()], vec!["/later".to_owned()])
    );
    assert_eq!(lists.persistent_recursive, ["/tree"]);
    peer.header(ReplyHeader::ok(reply::AUTH_XID, 0)).await;
    peer.header(ReplyHeader::ok(reply::SET_WATCHES_XID, 0x502)).await;

    let (stat, ()) = tokio::join!(client.exists("/a", false), async {
        let (xid, _) = peer.asked().await;
        peer.stat(xid, 0x503).await;
    });
    assert!(matches!(stat, Ok(Some(_))));
}

#[tokio::test]
async fn what_is_asked_for_while_no_server_is_there_waits_for_one() {
    let port = Port::open().await;
    let (client, mut events, peer) = session(&[&port], 20_000).await;
    drop(peer);
    assert_eq!(events.recv().await, Some(Event::State(State::Disconnected)));
    let (stat, ()) = tokio::join!(client.exists("/a", false), async {
        // It calls again, is not let in, and calls once more.
        drop(port.called().await);
        let (mut peer, _) = port.taken(20_000).await;
        let (xid, _) = peer.asked().await;
        peer.stat(xid, 1).await;
    });
    assert!(matches!(stat, Ok(Some(_))));
}

#[tokio::test]
async fn a_session_that_the_servers_ended_is_over() {
    let port = Port::open().await;
    let (client, mut events, peer) = session(&[&port], 20_000).await;
    drop(peer);
    assert_eq!(events.recv().await, Some(Event::State(State::Disconnected)));
    let (mut peer, request) = port.called().await;
    assert_eq!(request.session, SESSION);
    peer.grant(0, 0).await;
    assert_eq!(events.recv().await, Some(Event::State(State::Expired)));
    assert_eq!(client.state(), State::Expired);
    assert_eq!(code(client.get("/a", false).await), Some(Code::SESSION_EXPIRED));
    client.close().await;
}

#[tokio::test]
async fn an_event_comes_before_the_reply_behind_it_and_ends_its_watch() {
    let port = Port::open().await;
    let (client, mut events, mut peer) = session(&[&port], 20_000).await;
    let (stat, ()) = tokio::join!(client.exists("/a", true), async {
        let (xid, _) = peer.asked().await;
        peer.stat(xid, 1).await;
    });
    assert!(matches!(stat, Ok(Some(_))));
    let (set, ()) = tokio::join!(client.set("/a", None, -1), async {
        let (xid, _) = peer.asked().await;
        let mut out = BytesMut::new();
        reply::put_event(&mut out, Some(2), EventKind::NodeDataChanged, "/a");
        reply::put_stat(&mut out, ReplyHeader::ok(xid, 2), &Stat::default());
        peer.say(&out).await;
    });
    assert!(set.is_ok());
    let event = Event::Watch {
        kind: EventKind::NodeDataChanged,
        path: "/a".to_owned(),
        zxid: 2,
    };
    assert_eq!(events.try_recv(), Ok(event));
    let (removed, ()) = tokio::join!(client.remove_watches("/a", WatcherType::Any, true), async {
        let (xid, _) = peer.asked().await;
        peer.header(ReplyHeader::error(xid, 2, Code::NO_WATCHER.0)).await;
    });
    assert_eq!(code(removed), Some(Code::NO_WATCHER));
}

#[tokio::test]
async fn a_quiet_client_pings_and_leaves_a_server_that_says_nothing() {
    let port = Port::open().await;
    let (_client, mut events, mut peer) = session(&[&port], 2_000).await;
    assert_eq!(peer.heard().await, (reply::PING_XID, Request::Ping));
    // Without an answer it hangs up in the end, and calls again.
    while peer.frame().await.is_some() {}
    assert_eq!(events.recv().await, Some(Event::State(State::Disconnected)));
    let (_peer, request) = port.taken(20_000).await;
    assert_eq!(request.session, SESSION);
    assert_eq!(events.recv().await, Some(Event::State(State::Connected)));
}

#[tokio::test]
async fn a_closed_session_is_closed_at_the_server() {
    let port = Port::open().await;
    let (client, mut events, mut peer) = session(&[&port], 20_000).await;
    tokio::join!(client.close(), async {
        let (xid, request) = peer.asked().await;
        assert_eq!(request, Request::CloseSession);
        peer.header(ReplyHeader::ok(xid, 3)).await;
    });
    assert_eq!(events.recv().await, Some(Event::State(State::Closed)));
    assert_eq!(client.get("/a", false).await, Err(Error::Closed));
}

#[tokio::test]
async fn an_identity_that_is_refused_is_not_presented_again() {
    let port = Port::open().await;
    let (client, mut events, mut peer) = session(&[&port], 20_000).await;
    let (refused, ()) = tokio::join!(client.add_auth("nosuch", b"x"), async {
        peer.asked().await;
        peer.header(ReplyHeader::error(reply::AUTH_XID, 0, Code::AUTH_FAILED.0))
            .await;
        drop(peer);
    });
    assert_eq!(code(refused), Some(Code::AUTH_FAILED));
    assert_eq!(events.recv().await, Some(Event::State(State::Disconnected)));
    let (stat, ()) = tokio::join!(client.exists("/a", false), async {
        let (mut peer, _) = port.taken(20_000).await;
        let (xid, request) = peer.asked().await;
        assert!(matches!(request, Request::Exists { .. }), "{request:?}");
        peer.stat(xid, 1).await;
    });
    assert!(matches!(stat, Ok(Some(_))));
}

#[tokio::test]
async fn a_server_that_does_not_let_it_in_is_an_error_at_once() {
    let (shut, mute) = (Port::open().await, Port::open().await);
    let servers = format!("{},{}", shut.address(), mute.address());
    drop(shut);
    let (connected, ()) = tokio::join!(
        Client::connect(servers.parse().expect("addresses"), Options::default()),
        async { drop(mute.called().await) }
    );
    let Err(Error::Unreachable { servers: tried, why }) = connected else {
        panic!("it is not connected");
    };
    assert_eq!(tried, servers);
    assert!(why.contains("hung up"), "{why}");
}

#[tokio::test]
async fn paths_below_a_chroot_are_the_client_s_own() {
    let port = Port::open().await;
    let servers = format!("{}/app", port.address()).parse().expect("addresses");
    let (client, (mut peer, _)) =
        tokio::join!(Client::connect(servers, Options::default()), port.taken(20_000));
    let (client, mut events) = client.expect("the server takes it");
    assert_eq!(events.recv().await, Some(Event::State(State::Connected)));
    let (refused, ()) = tokio::join!(client.get("/a", false), async {
        let (xid, request) = peer.asked().await;
        assert!(matches!(request, Request::GetData { path, .. } if path == "/app/a"));
        let mut out = BytesMut::new();
        reply::put_event(&mut out, None, EventKind::NodeDeleted, "/app");
        reply::put_header(&mut out, ReplyHeader::error(xid, 1, Code::NO_NODE.0));
        peer.say(&out).await;
    });
    let expected = Error::Refused {
        code: Code::NO_NODE,
        path: Some("/a".to_owned()),
    };
    assert_eq!(refused, Err(expected));
    let event = Event::Watch {
        kind: EventKind::NodeDeleted,
        path: "/".to_owned(),
        zxid: -1,
    };
    assert_eq!(events.try_recv(), Ok(event));
}
