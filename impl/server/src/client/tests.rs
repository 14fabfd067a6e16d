//! Real sockets on the loopback; the driver's part is played by the test.

mod slots;
mod tls;

use super::*;
use crate::service::{Action, Options, Role, Service};
use bytes::{Bytes, BytesMut};
use quorate_tree::Tree;
use quorate_wire::client::{ConnectRequest, ConnectResponse, CreateRequest, Request};
use quorate_wire::frame::{FourLetterWord, take_frame};
use quorate_zab::{Epoch, ServerId, Zxid};
use std::path::Path;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const ANY_PORT: ClientAddress = ClientAddress { host: None, port: 0 };

fn config() -> Config {
    let loopback = ClientAddress {
        host: Some("127.0.0.1".into()),
        port: 0,
    };
    Config::standalone(Path::new("/nowhere"), loopback)
}

async fn listening(config: &Config) -> (SocketAddr, mpsc::Receiver<ClientEvent>) {
    let (events, heard) = mpsc::channel(64);
    let ports = Ports::new(config, events);
    let address = ports
        .listen(config.client.as_ref().unwrap(), Speaks::Plain)
        .await
        .unwrap();
    (address, heard)
}

/// A standalone server over what the port hears.
async fn drive(mut heard: mpsc::Receiver<ClientEvent>) {
    let options = Options {
        server: ServerId::new(0),
        tick_ms: 2000,
        min_session_timeout_ms: 4000,
        max_session_timeout_ms: 40_000,
        unread_bytes_max: 1 << 30,
        local_sessions: Default::default(),
        limits: Default::default(),
        znodes: crate::config::Znodes::default(),
    };
    let mut service = Service::new(options, Tree::new(), 0);
    service.serve(Role::Standalone, Epoch::new(1), 0);
    let mut zxid = 1 << 32;
    while let Some(event) = heard.recv().await {
        let mut actions = Vec::new();
        service.on_client(event, 0, &mut actions);
        for action in actions {
            match action {
                Action::Submit(submission) => {
                    zxid += 1;
                    let payload = service.prepare(submission, Zxid::from_bits(zxid), 0, 0);
                    service.deliver(&payload, 0).unwrap();
                }
                Action::Sync(_) => service.sync_done(0),
                Action::Revalidate { .. } => panic!("a standalone server knows its sessions"),
            }
        }
        service.flush();
    }
}

/// What was written to the port before this does not reach the driver, though what is written later does.
async fn hears_only_words(address: SocketAddr, heard: &mut mpsc::Receiver<ClientEvent>) {
    for _ in 0..5 {
        let mut later = Client::connect(address).await;
        later.write(b"srvr").await;
        let Some(ClientEvent::Word { replies, .. }) = heard.recv().await else {
            panic!("only the later one")
        };
        replies.send(&mut BytesMut::from("later"));
        replies.close();
        assert_eq!(later.text().await, "later");
    }
}

struct Client {
    stream: TcpStream,
    read: BytesMut,
}

impl Client {
    async fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        // What is written is on its way at once.
        stream.set_nodelay(true).unwrap();
        Self {
            stream,
            read: BytesMut::new(),
        }
    }

    async fn with_session(address: SocketAddr) -> Self {
        let mut client = Self::connect(address).await;
        client.write(&hello()).await;
        let frame = client.frame().await.expect("an answer");
        assert_ne!(ConnectResponse::decode(&frame).unwrap().session, 0);
        client
    }

    async fn write(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    /// The next frame; `None` at the end.
    async fn frame(&mut self) -> Option<Bytes> {
        loop {
            if let Some(frame) = take_frame(&mut self.read, 1 << 24).unwrap() {
                return Some(frame);
            }
            // A reset is an end as well.
            if self.stream.read_buf(&mut self.read).await.unwrap_or(0) == 0 {
                return None;
            }
        }
    }

    /// All that comes until the end.
    async fn text(&mut self) -> String {
        let mut text = Vec::new();
        self.stream.read_to_end(&mut text).await.unwrap();
        String::from_utf8(text).unwrap()
    }
}

fn hello() -> Bytes {
    let mut frame = BytesMut::new();
    ConnectRequest {
        timeout_ms: 10_000,
        read_only: Some(false),
        ..ConnectRequest::default()
    }
    .encode(&mut frame);
    frame.freeze()
}

fn encoded(requests: &[(i32, Request)]) -> Bytes {
    let mut frames = BytesMut::new();
    for (xid, request) in requests {
        request.encode(*xid, &mut frames);
    }
    frames.freeze()
}

fn set_data(bytes: usize) -> Request {
    Request::SetData {
        path: "/a".into(),
        data: Some(vec![7; bytes]),
        version: -1,
    }
}

fn get_data() -> Request {
    Request::GetData {
        path: "/a".into(),
        watch: false,
    }
}

fn create() -> Request {
    let acl = vec![quorate_tree::Acl {
        perms: 31,
        scheme: "world".into(),
        id: "anyone".into(),
    }];
    Request::Create(CreateRequest {
        path: "/a".into(),
        data: None,
        acl,
        flags: 0,
    })
}

#[tokio::test]
async fn a_session_of_pipelined_requests_is_answered_in_order_and_ended() {
    let (address, heard) = listening(&config()).await;
    tokio::spawn(drive(heard));
    let mut client = Client::with_session(address).await;
    let mut requests = vec![(1, create()), (2, set_data(200_000))];
    requests.extend((3..500).map(|xid| {
        (
            xid,
            Request::Exists {
                path: "/a".into(),
                watch: false,
            },
        )
    }));
    requests.push((500, get_data()));
    requests.push((501, Request::CloseSession));
    let bytes = encoded(&requests);
    // In pieces that are nobody's frames.
    for piece in bytes.chunks(7001) {
        client.write(piece).await;
    }
    for (xid, _) in requests {
        let frame = client.frame().await.unwrap();
        assert_eq!(frame[..4], i32::to_be_bytes(xid));
        assert_eq!(frame[12..16], [0; 4]);
    }
    assert_eq!(client.frame().await, None);
}

#[tokio::test]
async fn nothing_is_read_while_the_handshake_is_not_answered() {
    let (address, mut heard) = listening(&config()).await;
    let mut client = Client::connect(address).await;
    client
        .write(&[&hello()[..], &encoded(&[(1, get_data())])].concat())
        .await;
    let Some(ClientEvent::Connect { replies, frame, .. }) = heard.recv().await else {
        panic!("a handshake")
    };
    assert_eq!(frame, hello().slice(4..));
    hears_only_words(address, &mut heard).await;
    replies.send(&mut BytesMut::from(&b"\0\0\0\x02hi"[..]));
    assert_eq!(client.frame().await.unwrap(), "hi");
    let Some(ClientEvent::Requests { frames, .. }) = heard.recv().await else {
        panic!("requests")
    };
    assert_eq!(frames, encoded(&[(1, get_data())]));
}

#[tokio::test]
async fn a_frame_out_of_bounds_ends_the_connection() {
    for length in [-1, i32::MIN, 4097] {
        let config = Config {
            frame_bytes_max: 4096,
            ..config()
        };
        let (address, heard) = listening(&config).await;
        tokio::spawn(drive(heard));
        let mut client = Client::with_session(address).await;
        client.write(&i32::to_be_bytes(length)).await;
        assert_eq!(client.frame().await, None, "{length}");
        let mut client = Client::connect(address).await;
        client.write(&i32::to_be_bytes(length)).await;
        assert_eq!(client.frame().await, None, "{length}, before there is a session");
    }
}

#[tokio::test]
async fn a_frame_too_short_for_a_header_ends_the_connection() {
    let (address, heard) = listening(&config()).await;
    tokio::spawn(drive(heard));
    let mut client = Client::with_session(address).await;
    client.write(&[0, 0, 0, 2, 1, 1]).await;
    assert_eq!(client.frame().await, None);
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_says_nothing_is_closed() {
    let (address, mut heard) = listening(&config()).await;
    for said in [0, 4, 10] {
        let begun = tokio::time::Instant::now();
        let mut slow = Client::connect(address).await;
        slow.write(&hello()[..said]).await;
        assert_eq!(slow.frame().await, None);
        let limit = Duration::from_millis(config().handshake_timeout_ms);
        assert!(begun.elapsed() < limit + Duration::from_secs(1));
        assert!(
            matches!(heard.try_recv(), Ok(ClientEvent::NeverAsked)),
            "it is counted"
        );
    }
    assert!(heard.try_recv().is_err(), "the driver heard nothing else of them");
}

#[tokio::test]
async fn the_driver_is_told_when_a_client_goes() {
    let (address, mut heard) = listening(&config()).await;
    let mut client = Client::connect(address).await;
    client.write(&hello()).await;
    let Some(ClientEvent::Connect {
        client: id, replies, ..
    }) = heard.recv().await
    else {
        panic!("a handshake")
    };
    replies.send(&mut BytesMut::from(&b"\0\0\0\x02hi"[..]));
    client.frame().await.unwrap();
    drop(client);
    assert!(matches!(heard.recv().await, Some(ClientEvent::Gone { client }) if client == id));
}

#[tokio::test]
async fn a_client_that_waits_for_answers_is_not_read_while_the_server_has_enough_to_do() {
    let config = Config {
        outstanding_max: 2,
        ..config()
    };
    let (address, mut heard) = listening(&config).await;
    let mut client = Client::connect(address).await;
    client.write(&hello()).await;
    let Some(ClientEvent::Connect { replies, .. }) = heard.recv().await else {
        panic!("a handshake")
    };
    replies.send(&mut BytesMut::from(&b"\0\0\0\x02hi"[..]));
    client.frame().await.unwrap();
    client.write(&encoded(&[(1, get_data()), (2, get_data())])).await;
    let mut asked = 0;
    while asked < encoded(&[(1, get_data()), (2, get_data())]).len() {
        let Some(ClientEvent::Requests { frames, .. }) = heard.recv().await else {
            panic!("requests")
        };
        asked += frames.len();
    }
    client.write(&encoded(&[(3, get_data())])).await;
    hears_only_words(address, &mut heard).await;
    replies.answered(1);
    replies.send(&mut BytesMut::from(&b"\0\0\0\x02ok"[..]));
    assert!(matches!(heard.recv().await, Some(ClientEvent::Requests { .. })));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_reads_nothing_is_cut() {
    let (address, mut heard) = listening(&config()).await;
    let mut client = Client::connect(address).await;
    client.write(&hello()).await;
    let Some(ClientEvent::Connect { replies, .. }) = heard.recv().await else {
        panic!("a handshake")
    };
    let mut sent = 0;
    while replies.send(&mut BytesMut::from(&vec![0; 1 << 20][..])) {
        sent += 1;
        tokio::task::yield_now().await;
        assert!(sent < 200, "nothing bounds what a client leaves unread");
    }
    assert!(matches!(heard.recv().await, Some(ClientEvent::Gone { .. })));
    let mut all = Vec::new();
    let _ = client.stream.read_to_end(&mut all).await;
    assert!(all.len() < sent << 20);
}

#[tokio::test]
async fn one_address_has_its_share_of_connections() {
    let config = Config {
        connections_per_address_max: 2,
        ..config()
    };
    let (address, mut heard) = listening(&config).await;
    let (first, _second) = (Client::connect(address).await, Client::connect(address).await);
    let mut third = Client::connect(address).await;
    assert_eq!(third.frame().await, None);
    assert!(matches!(heard.recv().await, Some(ClientEvent::Refused)));
    tokio::spawn(drive(heard));
    drop(first);
    // The place is free as soon as the server has seen the end.
    loop {
        let mut next = Client::connect(address).await;
        if next.stream.write_all(&hello()).await.is_ok() && next.frame().await.is_some() {
            break;
        }
    }
}

#[tokio::test]
async fn words_are_answered_if_they_are_listed_also_with_a_newline_behind() {
    let words = WordList::of(&[FourLetterWord::Ruok, FourLetterWord::Conf, FourLetterWord::Mntr]);
    let config = Config { words, ..config() };
    let (address, heard) = listening(&config).await;
    tokio::spawn(drive(heard));
    for (asked, answer) in [
        ("ruok", "imok"),
        ("ruok\n", "imok"),
        ("srvr", "Zookeeper version: "),
        ("mntr\r\nmore than a word", "zk_version\t"),
        ("conf", "clientPort="),
        (
            "stat",
            "stat is not executed because it is not in the whitelist.\n",
        ),
        ("nope", ""),
    ] {
        let mut client = Client::connect(address).await;
        client.write(asked.as_bytes()).await;
        let text = if answer.is_empty() {
            client
                .frame()
                .await
                .map_or(String::new(), |frame| format!("{frame:?}"))
        } else {
            client.text().await
        };
        assert!(
            text.starts_with(answer) && text.is_empty() == answer.is_empty(),
            "{asked:?}: {text:?}"
        );
    }
}

#[tokio::test]
async fn an_answer_arrives_though_the_client_sent_more_than_was_read() {
    let (address, heard) = listening(&config()).await;
    tokio::spawn(drive(heard));
    for _ in 0..5 {
        let mut client = Client::connect(address).await;
        let mut sent = b"srvr".to_vec();
        sent.resize(500_000, b'x');
        let Client { stream, .. } = &mut client;
        let (mut from, mut to) = stream.split();
        let mut text = String::new();
        let (wrote, read) = tokio::join!(to.write_all(&sent), from.read_to_string(&mut text));
        wrote.and(read).expect("nothing is reset");
        assert!(text.contains("Mode: standalone"));
    }
}

#[tokio::test]
async fn the_port_goes_with_its_listener() {
    let (address, heard) = listening(&config()).await;
    drop(heard);
    // The listener is gone once it has noticed.
    while TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn without_a_host_every_address_is_listened_on() {
    let (events, heard) = mpsc::channel(8);
    let bound = Ports::new(&config(), events)
        .listen(&ANY_PORT, Speaks::Plain)
        .await
        .unwrap();
    tokio::spawn(drive(heard));
    let loopback = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), bound.port());
    Client::with_session(loopback).await;
}

#[tokio::test]
async fn an_address_that_is_taken_or_unknown_is_an_error() {
    let (address, _heard) = listening(&config()).await;
    let taken = ClientAddress {
        host: Some(address.ip().to_string()),
        port: address.port(),
    };
    let (events, _) = mpsc::channel(1);
    let error = Ports::new(&config(), events)
        .listen(&taken, Speaks::Plain)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
}
