use super::connection::Connection;
use super::greeting::Greeting;
use super::slot::PeerSlot;
use super::*;
use bytes::BytesMut;
use quorate_wire::election::NotificationFrame;
use quorate_zab::{PeerEpoch, PeerState, Round, Vote, Zxid};
use std::net::Ipv4Addr;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, duplex};
use tokio::net::TcpStream;

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

struct Port {
    port: ElectionPort,
    events: mpsc::Receiver<ElectionEvent>,
}

fn start(host: &mut Host, plan: ElectionPlan) -> Port {
    let (sender, events) = mpsc::channel(16);
    let port = ElectionPort::start(host.port.take().expect("not yet started"), plan, sender);
    Port { port, events }
}

impl Port {
    fn send(&self, to: u64, round: u64) {
        self.port.send(ServerId::new(to), outgoing(round));
    }

    /// Records what is sent until something is heard: from whom, and its round.
    async fn hear(&mut self) -> (u64, u64) {
        loop {
            match self.events.recv().await.expect("the port runs") {
                ElectionEvent::Heard {
                    from, notification, ..
                } => return (from.get(), notification.round.get()),
                ElectionEvent::Sending { recorded, .. } => recorded.send(()).expect("it waits"),
                ElectionEvent::Up { .. } | ElectionEvent::Down { .. } => {}
            }
        }
    }

    /// Records the next notification that is sent, and says whether it is a repetition.
    async fn record(&mut self) -> (u64, bool) {
        loop {
            if let ElectionEvent::Sending {
                notification,
                again,
                recorded,
                ..
            } = self.events.recv().await.expect("the port runs")
            {
                recorded.send(()).expect("it waits");
                return (notification.round.get(), again);
            }
        }
    }
}

fn outgoing(round: u64) -> Outgoing {
    let vote = Vote {
        leader: ServerId::new(1),
        zxid: Zxid::ZERO,
        epoch: PeerEpoch::from_bits(0),
    };
    let notification = Notification {
        state: PeerState::Looking,
        vote,
        round: Round::new(round),
    };
    let mut frame = BytesMut::new();
    NotificationFrame::new(notification, Bytes::new()).encode(&mut frame);
    Outgoing {
        notification,
        frame: frame.freeze(),
    }
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

/// The round of the next notification; `None` if the connection is closed.
async fn read(stream: &mut (impl AsyncRead + Unpin)) -> Option<u64> {
    let length = stream.read_u32().await.ok()?;
    let mut body = vec![0; length as usize];
    stream.read_exact(&mut body).await.ok()?;
    let frame = NotificationFrame::decode(&body.into()).expect("a notification");
    Some(frame.notification.round.get())
}

async fn write(stream: &mut (impl AsyncWrite + Unpin), round: u64) {
    stream.write_all(&outgoing(round).frame).await.expect("open");
}

#[tokio::test]
async fn two_servers_hear_each_other_whoever_speaks_first() {
    for first_is_one in [true, false] {
        let (mut one, mut two) = (host().await, host().await);
        let plan_one = plan(1, &one.address, &[(2, &two)]);
        let plan_two = plan(2, &two.address, &[(1, &one)]);
        let (mut one, mut two) = (start(&mut one, plan_one), start(&mut two, plan_two));
        if first_is_one {
            one.send(2, 7);
            assert_eq!(
                tokio::select! { heard = two.hear() => heard, _ = one.hear() => panic!("nothing was said") },
                (1, 7)
            );
        } else {
            two.send(1, 8);
            assert_eq!(
                tokio::select! { heard = one.hear() => heard, _ = two.hear() => panic!("nothing was said") },
                (2, 8)
            );
        }
    }
}

#[tokio::test]
async fn the_newest_is_written_and_repeated_on_a_new_connection() {
    let slot = Arc::new(PeerSlot::default());
    slot.put(outgoing(1));
    slot.put(outgoing(2));
    for again in [false, true] {
        let (near, mut far) = duplex(1024);
        let (reader, writer) = tokio::io::split(near);
        let (events, hears) = mpsc::channel(4);
        let (_end, replaced) = oneshot::channel();
        let mut port = Port {
            port: ElectionPort {
                commands: mpsc::channel(1).0,
            },
            events: hears,
        };
        let connection = Connection::new(Conn::new(1), ServerId::new(2), slot.clone(), events);
        tokio::select! {
            _ = connection.run(reader, writer, Side::Acceptor, None, replaced) => panic!("nobody ended it"),
            (recorded, written) = async { (port.record().await, read(&mut far).await) } => {
                assert_eq!(recorded, (2, again));
                assert_eq!(written, Some(2));
            }
        }
    }
}

#[tokio::test]
async fn a_repetition_that_no_connection_took_is_still_one_on_the_next() {
    let slot = PeerSlot::default();
    slot.put(outgoing(1));
    slot.on_link_up();
    assert!(!slot.next().await.1);
    slot.on_link_up();
    slot.on_link_up();
    assert!(slot.next().await.1);
}

#[tokio::test]
async fn nothing_is_written_before_it_is_recorded() {
    let slot = Arc::new(PeerSlot::default());
    slot.put(outgoing(1));
    let (near, mut far) = duplex(1024);
    let (reader, writer) = tokio::io::split(near);
    let (events, mut hears) = mpsc::channel(4);
    let (_end, replaced) = oneshot::channel();
    let connection = Connection::new(Conn::new(1), ServerId::new(2), slot, events);
    let unrecorded = async { while !matches!(hears.recv().await, Some(ElectionEvent::Sending { .. })) {} };
    // The recorder drops the request: then the connection ends, and nothing has been written.
    let run = connection.run(reader, writer, Side::Acceptor, None, replaced);
    let ended = async {
        unrecorded.await;
        std::future::pending::<()>().await;
    };
    tokio::select! {
        _ = run => {}
        () = ended => panic!("it waits for what will not come"),
    }
    assert_eq!(read(&mut far).await, None);
}

#[tokio::test]
async fn a_bad_length_ends_its_connection_and_no_other() {
    let (mut host, other) = (host().await, host().await);
    let address = host.address.clone();
    let plan = plan(1, &address, &[(2, &other), (3, &other)]);
    let mut port = start(&mut host, plan);
    let (mut bad, mut good) = (call(&address, 2).await, call(&address, 3).await);
    write(&mut good, 1).await;
    assert_eq!(port.hear().await, (3, 1));
    bad.write_all(&(524_289_i32).to_be_bytes()).await.expect("open");
    assert_eq!(read(&mut bad).await, None, "the connection is closed");
    write(&mut good, 2).await;
    assert_eq!(port.hear().await, (3, 2));
}

#[tokio::test]
async fn a_notification_that_cannot_be_read_costs_nothing_but_itself() {
    let (mut host, other) = (host().await, host().await);
    let address = host.address.clone();
    let plan = plan(1, &address, &[(2, &other)]);
    let mut port = start(&mut host, plan);
    let mut peer = call(&address, 2).await;
    peer.write_all(b"\0\0\0\x04\xff\xff\xff\xff").await.expect("open");
    write(&mut peer, 5).await;
    assert_eq!(port.hear().await, (2, 5));
}

#[tokio::test]
async fn a_caller_with_a_smaller_id_is_called_back_where_it_is_configured() {
    let (mut host, peer) = (host().await, host().await);
    let address = host.address.clone();
    let plan = plan(2, &address, &[(1, &peer)]);
    let _port = start(&mut host, plan);
    let mut caller = call(&address, 1).await;
    assert_eq!(
        read(&mut caller).await,
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
    let mut port = start(&mut host, plan);
    let mut older = call(&address, 2).await;
    write(&mut older, 1).await;
    assert_eq!(port.hear().await, (2, 1));
    let mut newer = call(&address, 2).await;
    assert_eq!(read(&mut older).await, None, "the older connection is closed");
    port.send(2, 9);
    assert_eq!(port.record().await, (9, false));
    assert_eq!(read(&mut newer).await, Some(9));
}

#[tokio::test]
async fn strangers_are_answered_up_to_a_bound() {
    let (mut host, peer) = (host().await, host().await);
    let address = host.address.clone();
    let plan = plan(1, &address, &[(2, &peer)]);
    let mut port = start(&mut host, plan);
    let mut strangers = Vec::new();
    for id in 100..116 {
        let mut stranger = call(&address, id).await;
        write(&mut stranger, 1).await;
        assert_eq!(port.hear().await, (id, 1));
        strangers.push(stranger);
    }
    assert_eq!(read(&mut call(&address, 116).await).await, None, "one too many");
    port.send(100, 3);
    assert_eq!(port.record().await, (3, false));
    assert_eq!(read(&mut strangers[0]).await, Some(3));
    let mut member = call(&address, 2).await;
    write(&mut member, 4).await;
    assert_eq!(port.hear().await, (2, 4), "strangers take no member's place");
}
