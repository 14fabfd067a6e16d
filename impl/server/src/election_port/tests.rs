use super::*;
use crate::election_port::greeting::Greeting;
use bytes::BytesMut;
use quorate_wire::frame::put_frame;
use std::net::Ipv4Addr;
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
use tokio::net::TcpStream;
use tokio::sync::watch;

const LIMIT: Duration = Duration::from_secs(30);

struct Host {
    address: String,
    port: Option<TcpListener>,
}

async fn host() -> Host {
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .await
        .expect("a port is free");
    Host {
        address: port.local_addr().expect("it is bound").to_string(),
        port: Some(port),
    }
}

fn plan(me: u64, advertised: &str, peers: &[(u64, &Host)]) -> ElectionPlan {
    ElectionPlan {
        me: ServerId::new(me),
        advertised: advertised.to_owned(),
        peers: peers
            .iter()
            .map(|&(id, host)| (ServerId::new(id), host.address.clone()))
            .collect(),
        connect_limit: LIMIT,
        greeting_limit: LIMIT,
    }
}

fn start(host: &mut Host, plan: ElectionPlan) -> (ElectionPort, mpsc::Receiver<Heard>) {
    let (heard, hears) = mpsc::channel(16);
    (
        ElectionPort::start(host.port.take().expect("not yet started"), plan, heard),
        hears,
    )
}

async fn call(host: &str, id: u64) -> TcpStream {
    let mut stream = TcpStream::connect(host).await.expect("it listens");
    let greeting = Greeting {
        server: ServerId::new(id),
        addresses: vec!["127.0.0.1:1".to_owned()],
    };
    greeting::write(&mut stream, &greeting).await.expect("it reads");
    stream
}

async fn frame(stream: &mut (impl tokio::io::AsyncRead + Unpin)) -> Option<Vec<u8>> {
    let length = stream.read_u32().await.ok()?;
    let mut body = vec![0; length as usize];
    stream.read_exact(&mut body).await.ok()?;
    Some(body)
}

fn framed(body: &[u8]) -> Bytes {
    let mut frame = BytesMut::new();
    put_frame(&mut frame, |frame| frame.extend_from_slice(body));
    frame.freeze()
}

async fn hear(hears: &mut mpsc::Receiver<Heard>) -> (u64, Bytes) {
    let heard = hears.recv().await.expect("the port runs");
    (heard.from.get(), heard.body)
}

#[tokio::test]
async fn two_servers_hear_each_other_whoever_speaks_first() {
    for first in [1, 2] {
        let (mut one, mut two) = (host().await, host().await);
        let plans = [
            plan(1, &one.address, &[(2, &two)]),
            plan(2, &two.address, &[(1, &one)]),
        ];
        let [plan_one, plan_two] = plans;
        let (port_one, mut hears_one) = start(&mut one, plan_one);
        let (port_two, mut hears_two) = start(&mut two, plan_two);
        if first == 1 {
            port_one.send(ServerId::new(2), framed(b"from one"));
            assert_eq!(hear(&mut hears_two).await, (1, Bytes::from_static(b"from one")));
            port_two.send(ServerId::new(1), framed(b"from two"));
            assert_eq!(hear(&mut hears_one).await, (2, Bytes::from_static(b"from two")));
        } else {
            port_two.send(ServerId::new(1), framed(b"from two"));
            assert_eq!(hear(&mut hears_one).await, (2, Bytes::from_static(b"from two")));
        }
    }
}

#[tokio::test]
async fn only_the_newest_of_the_waiting_frames_is_written_and_the_last_is_repeated() {
    let slot = watch::Sender::new(Some(framed(b"older")));
    slot.send_replace(Some(framed(b"newest")));
    for _ in 0..2 {
        let (near, mut far) = duplex(1024);
        let (reader, writer) = tokio::io::split(near);
        let (heard, _hears) = mpsc::channel(1);
        let connection = connection::run(reader, writer, ServerId::new(2), slot.subscribe(), heard);
        tokio::select! {
            _ = connection => panic!("nobody ended it"),
            body = frame(&mut far) => assert_eq!(body.as_deref(), Some(&b"newest"[..])),
        }
    }
}

#[tokio::test]
async fn a_bad_length_ends_its_connection_and_no_other() {
    let (mut host, other) = (host().await, host().await);
    let address = host.address.clone();
    let plan = plan(1, &address, &[(2, &other), (3, &other)]);
    let (_port, mut hears) = start(&mut host, plan);
    let (mut bad, mut good) = (call(&address, 2).await, call(&address, 3).await);
    good.write_all(b"\0\0\0\x02ok").await.expect("open");
    assert_eq!(hear(&mut hears).await, (3, Bytes::from_static(b"ok")));
    bad.write_all(&(524_289_i32).to_be_bytes()).await.expect("open");
    assert_eq!(frame(&mut bad).await, None, "the connection is closed");
    good.write_all(b"\0\0\0\x02ok").await.expect("open");
    assert_eq!(hear(&mut hears).await, (3, Bytes::from_static(b"ok")));
}

#[tokio::test]
async fn a_caller_with_a_smaller_id_is_called_back_where_it_is_configured() {
    let (mut host, peer) = (host().await, host().await);
    let address = host.address.clone();
    let plan = plan(2, &address, &[(1, &peer)]);
    let (_port, _hears) = start(&mut host, plan);
    let mut caller = call(&address, 1).await;
    assert_eq!(
        frame(&mut caller).await,
        None,
        "the caller's own connection is closed"
    );
    let (mut back, _) = peer
        .port
        .as_ref()
        .expect("held here")
        .accept()
        .await
        .expect("called back");
    let greeting = greeting::read(&mut back).await.expect("a greeting");
    assert_eq!((greeting.server.get(), greeting.addresses), (2, vec![address]));
}

#[tokio::test]
async fn a_newer_connection_of_a_larger_id_replaces_the_older() {
    let (mut host, peer) = (host().await, host().await);
    let address = host.address.clone();
    let plan = plan(1, &address, &[(2, &peer)]);
    let (port, mut hears) = start(&mut host, plan);
    let mut older = call(&address, 2).await;
    older.write_all(b"\0\0\0\x01a").await.expect("open");
    assert_eq!(hear(&mut hears).await.0, 2);
    let mut newer = call(&address, 2).await;
    assert_eq!(frame(&mut older).await, None, "the older connection is closed");
    port.send(ServerId::new(2), framed(b"vote"));
    assert_eq!(frame(&mut newer).await.as_deref(), Some(&b"vote"[..]));
}

#[tokio::test]
async fn strangers_are_answered_up_to_a_bound() {
    let (mut host, peer) = (host().await, host().await);
    let address = host.address.clone();
    let plan = plan(1, &address, &[(2, &peer)]);
    let (port, mut hears) = start(&mut host, plan);
    let mut strangers = Vec::new();
    for id in 100..116 {
        let mut stranger = call(&address, id).await;
        stranger.write_all(b"\0\0\0\x01?").await.expect("open");
        assert_eq!(hear(&mut hears).await.0, id);
        strangers.push(stranger);
    }
    assert_eq!(frame(&mut call(&address, 116).await).await, None, "one too many");
    port.send(ServerId::new(100), framed(b"vote"));
    assert_eq!(frame(&mut strangers[0]).await.as_deref(), Some(&b"vote"[..]));
    let mut member = call(&address, 2).await;
    member.write_all(b"\0\0\0\x01!").await.expect("open");
    assert_eq!(hear(&mut hears).await.0, 2, "strangers take no member's place");
}
