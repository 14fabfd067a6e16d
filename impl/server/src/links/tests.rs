use super::*;
use bytes::Buf;
use quorate_wire::quorum::{FromLeader, FromLearner, LearnerInfo, QuorumPacket, take_packet};
use quorate_zab::{Epoch, ServerId};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex, split};
use tokio::time::{Instant, advance};

const LIMITS: Limits = Limits {
    until_synced: Duration::from_secs(20),
    once_synced: Duration::from_secs(5),
    data_bytes_max: 1 << 20,
};
const CONN: Conn = Conn::new(7);

struct Ends {
    link: Link,
    inbox: mpsc::Receiver<Event>,
    far: DuplexStream,
}

async fn learner_connects(pipe_bytes: usize) -> Ends {
    let (near, far) = duplex(pipe_bytes);
    let (events, mut inbox) = mpsc::channel(64);
    let announce = |link| Event::Accepted {
        link,
        addresses: None,
    };
    start(split(near), CONN, Side::Learner, LIMITS, events, None, announce).await;
    let Some(Event::Accepted { link, .. }) = inbox.recv().await else {
        panic!("the connection is announced first");
    };
    Ends { link, inbox, far }
}

fn at(counter: u32) -> Zxid {
    Zxid::new(Epoch::new(1), counter)
}

fn encoded(message: &Message<Bytes>) -> BytesMut {
    let mut bytes = BytesMut::new();
    put_message(&mut bytes, message, &Extras::default());
    bytes
}

fn introduction() -> BytesMut {
    encoded(&Message::FollowerInfo {
        server: ServerId::new(2),
        accepted: Epoch::ZERO,
    })
}

fn ack(counter: u32) -> BytesMut {
    encoded(&Message::Ack { zxid: at(counter) })
}

impl Ends {
    /// The next packets, and the number of each.
    async fn packets(&mut self) -> Vec<(u64, FromLearner)> {
        match self.inbox.recv().await {
            Some(Event::Packets { conn, packets }) => {
                assert_eq!(conn, CONN);
                let from = |numbered: Numbered| match numbered.packet {
                    Incoming::FromLearner(packet) => (numbered.number, packet),
                    other => panic!("a learner sent {other:?}"),
                };
                packets.into_iter().map(from).collect()
            }
            Some(Event::Closed { why, .. }) => panic!("closed: {why}"),
            _ => panic!("packets were sent"),
        }
    }

    /// Why the connection ended, and how many messages had been read.
    async fn closed(&mut self) -> (u64, std::io::Error) {
        loop {
            match self.inbox.recv().await {
                Some(Event::Closed { conn, read, why }) => {
                    assert_eq!(conn, CONN);
                    return (read, why);
                }
                Some(Event::Packets { .. }) => {}
                _ => panic!("the connection ended"),
            }
        }
    }
}

/// Reads whole packets from the far end until `count` are there.
async fn read_packets(far: &mut DuplexStream, count: usize) -> Vec<QuorumPacket> {
    let mut buffer = BytesMut::new();
    let mut packets = Vec::new();
    while packets.len() < count {
        match take_packet(&mut buffer, 1 << 24).expect("sound packets") {
            Some(packet) => packets.push(packet),
            None => assert!(
                far.read_buf(&mut buffer).await.expect("open") > 0,
                "closed too early"
            ),
        }
    }
    assert!(!buffer.has_remaining(), "nothing more was sent");
    packets
}

#[tokio::test]
async fn packets_come_in_order_and_are_counted_however_they_are_cut() {
    let mut ends = learner_connects(1 << 16).await;
    let mut bytes = introduction();
    for counter in 0..20 {
        bytes.unsplit(ack(counter));
    }
    // The stream is cut after each byte once, at least between two reads of the other side.
    for byte in bytes {
        ends.far.write_all(&[byte]).await.expect("open");
        tokio::task::yield_now().await;
    }
    let mut seen = Vec::new();
    while seen.len() < 21 {
        seen.extend(ends.packets().await);
    }
    assert!(matches!(seen[0], (1, FromLearner::Info { .. })));
    for (counter, packet) in (0..20).zip(&seen[1..]) {
        assert_eq!(
            *packet,
            (
                u64::from(counter) + 2,
                FromLearner::Message(Message::Ack { zxid: at(counter) })
            )
        );
    }
}

#[tokio::test]
async fn what_comes_out_of_order_ends_the_connection() {
    let request = |info: &mut BytesMut| {
        let bare = [
            &1_i32.to_be_bytes()[..],
            &[0xff; 8],
            &16_i32.to_be_bytes(),
            &[0; 16],
            &[0xff; 4],
        ]
        .concat();
        info.extend_from_slice(&bare);
    };
    let mut early_request = introduction();
    request(&mut early_request);
    let mut twice = introduction();
    twice.unsplit(introduction());
    for (bytes, why) in [
        (ack(0), "does not introduce"),
        (early_request, "before the synchronisation"),
        (twice, "second"),
    ] {
        let mut ends = learner_connects(1 << 16).await;
        ends.far.write_all(&bytes).await.expect("open");
        let (_, error) = ends.closed().await;
        assert!(error.to_string().contains(why), "{error}");
    }
}

#[tokio::test]
async fn nonsense_ends_the_connection_and_says_where() {
    let mut ends = learner_connects(1 << 16).await;
    ends.far.write_all(&introduction()).await.expect("open");
    ends.far.write_all(&[0x7f; 64]).await.expect("open");
    let (read, error) = ends.closed().await;
    assert_eq!((read, error.kind()), (1, std::io::ErrorKind::InvalidData));
    assert!(error.to_string().contains("packet.type"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_silent_learner_is_given_up_after_its_limit_which_is_shorter_once_it_is_synchronised() {
    let mut ends = learner_connects(1 << 16).await;
    ends.far.write_all(&introduction()).await.expect("open");
    ends.packets().await;
    advance(LIMITS.until_synced / 2).await;
    let began = Instant::now();
    ends.far.write_all(&ack(0)).await.expect("open");
    ends.packets().await;
    let (read, error) = ends.closed().await;
    assert_eq!((read, error.kind()), (2, std::io::ErrorKind::TimedOut));
    assert_eq!(began.elapsed().as_secs(), LIMITS.once_synced.as_secs());

    let mut ends = learner_connects(1 << 16).await;
    let began = Instant::now();
    ends.far.write_all(&introduction()).await.expect("open");
    let (_, error) = ends.closed().await;
    assert_eq!(error.kind(), std::io::ErrorKind::TimedOut);
    assert_eq!(began.elapsed().as_secs(), LIMITS.until_synced.as_secs());
}

#[tokio::test]
async fn long_and_short_payloads_and_streams_arrive_in_the_order_of_the_calls() {
    let mut ends = learner_connects(512).await;
    let payload = |counter: u32, length: usize| {
        let mut bytes = BytesMut::zeroed(length);
        bytes[12..20].copy_from_slice(&at(counter).bits().to_be_bytes());
        bytes.freeze()
    };
    let mut deeds = Deeds::default();
    let lengths = [40, COPY_BYTES_MAX + 1, 50, 3 * COPY_BYTES_MAX];
    for (counter, length) in (1..).zip(lengths) {
        let proposal = Message::Proposal {
            zxid: at(counter),
            payload: payload(counter, length),
        };
        for message in [proposal, Message::Commit { zxid: at(counter) }] {
            ends.link.put(&message, &Extras::default());
            deeds.message(&message);
        }
    }
    ends.link.put_acks(at(1), at(3));
    deeds.acks(at(1), at(3));
    assert_eq!(ends.link.sent(), deeds);
    ends.link.flush().expect("there is room");
    let packets = read_packets(&mut ends.far, 11).await;
    for (index, length) in lengths.into_iter().enumerate() {
        let counter = index as u32 + 1;
        let proposal = FromLeader::decode(packets[2 * index].clone()).expect("a proposal");
        let expected = Message::Proposal {
            zxid: at(counter),
            payload: payload(counter, length),
        };
        assert_eq!(proposal, FromLeader::Message(expected));
        let commit = FromLeader::decode(packets[2 * index + 1].clone()).expect("a commit");
        assert_eq!(commit, FromLeader::Message(Message::Commit { zxid: at(counter) }));
    }
    assert_eq!(ends.link.written(), 11);
}

#[tokio::test]
async fn a_peer_that_reads_nothing_is_cut_off_at_the_bound() {
    let mut ends = learner_connects(512).await;
    let payload = Bytes::from(vec![0; 1 << 20]);
    let mut rounds = 0;
    let full = loop {
        ends.link.put_proposal(at(1), &payload);
        rounds += 1;
        match ends.link.flush() {
            Ok(()) => tokio::task::yield_now().await,
            Err(full) => break full,
        }
    };
    assert_eq!(rounds, BACKLOG_BYTES_MAX >> 20, "{full}");
}

#[tokio::test]
async fn what_was_handed_over_before_the_link_was_dropped_is_still_written() {
    let Ends {
        mut link,
        mut far,
        inbox: _inbox,
    } = learner_connects(64).await;
    for counter in 1..=50 {
        link.put_acks(at(counter), at(counter));
    }
    link.flush().expect("there is room");
    drop(link);
    assert_eq!(read_packets(&mut far, 50).await.len(), 50);
    assert_eq!(far.read(&mut [0]).await.expect("closed in order"), 0);
}

#[tokio::test]
async fn the_peers_end_is_told_once_and_last() {
    let mut ends = learner_connects(1 << 16).await;
    ends.far.write_all(&introduction()).await.expect("open");
    drop(ends.far);
    assert_eq!(
        match ends.inbox.recv().await {
            Some(Event::Packets { packets, .. }) => packets.len(),
            _ => panic!("what came before the end counts"),
        },
        1
    );
    assert!(matches!(
        ends.inbox.recv().await,
        Some(Event::Closed { read: 1, .. })
    ));
    assert!(ends.inbox.recv().await.is_none(), "nothing comes after the end");
}

#[test]
fn a_name_travels_with_the_introduction() {
    let name = quorate_wire::quorum::ConnName {
        sid: 3,
        boot: 9,
        counter: 4,
    };
    let mut bytes = BytesMut::new();
    let message = Message::FollowerInfo {
        server: ServerId::new(3),
        accepted: Epoch::new(2),
    };
    put_message(
        &mut bytes,
        &message,
        &Extras {
            name: Some(name),
            ..Extras::default()
        },
    );
    let packet = take_packet(&mut bytes, 1024).expect("sound").expect("whole");
    let FromLearner::Info {
        info: LearnerInfo { name: read, .. },
        ..
    } = FromLearner::decode(packet).expect("sound")
    else {
        panic!("an introduction");
    };
    assert_eq!(read, Some(name));
}

#[tokio::test(start_paused = true)]
async fn a_silent_leader_is_given_up_after_its_limit_which_is_shorter_once_it_says_up_to_date() {
    let dir = tempfile::tempdir().expect("a scratch directory");
    let layout = quorate_store::Layout::new(dir.path(), None);
    let options = quorate_store::StoreOptions::new(layout, Some(ServerId::new(1)));
    let (store, _) = quorate_store::Store::open(options).expect("an empty store");
    let epoch = Epoch::new(1);
    let mut until_uptodate = encoded(&Message::LeaderInfo { epoch });
    until_uptodate.unsplit(encoded(&Message::Diff { zxid: at(0) }));
    until_uptodate.unsplit(encoded(&Message::NewLeader { epoch }));
    let mut serving = until_uptodate.clone();
    serving.unsplit(encoded(&Message::UpToDate));
    for (bytes, messages, limit) in [
        (until_uptodate, 3, LIMITS.until_synced),
        (serving, 4, LIMITS.once_synced),
    ] {
        let (near, far) = duplex(1 << 16);
        let (events, mut inbox) = mpsc::channel(64);
        let announce = |link| Event::Accepted {
            link,
            addresses: None,
        };
        let side = Side::Leader(store.snapshots.clone());
        start(split(near), CONN, side, LIMITS, events, None, announce).await;
        let Some(Event::Accepted { link, .. }) = inbox.recv().await else {
            panic!("the connection is announced first");
        };
        let mut ends = Ends { link, inbox, far };
        let began = Instant::now();
        ends.far.write_all(&bytes).await.expect("open");
        let (read, error) = ends.closed().await;
        assert_eq!((read, error.kind()), (messages, std::io::ErrorKind::TimedOut));
        assert_eq!(began.elapsed().as_secs(), limit.as_secs());
    }
}
