//! A client that does not read is paused, then cut; what waits for it stays within bounds.

use super::*;
use quorate_wire::client::MultiReadOp;

const DATA_BYTES: usize = 100_000;
/// A client may leave this much unread, and the reply that goes beyond it.
const PAUSED_AT: usize = (1 << 20) + DATA_BYTES + 200;

fn host_with_data() -> Host {
    let mut host = Host::standalone();
    let mut client = host.client();
    host.ask(&mut client, 1, create("/a", 0));
    let (err, _) = host.ask(&mut client, 2, set_data("/a", &"x".repeat(DATA_BYTES)));
    assert_eq!(err, 0);
    host
}

impl Host {
    /// What a connection's task does once it has written all: it tells so if it was asked to.
    fn all_is_written(&mut self, client: &Client) -> Hold {
        let hold = client.queue.take_hold();
        if hold == Hold::UntilWritten {
            self.event(ClientEvent::Written { client: client.id });
        }
        hold
    }

    /// Reads replies and has the service go on, until it holds nothing back. How many rounds that took.
    fn read_all(&mut self, client: &mut Client, xids: &mut Vec<i32>) -> usize {
        for round in 0.. {
            xids.extend(client.xids(self));
            assert!(self.gauge.unread_bytes() <= PAUSED_AT);
            client.queue.written(BytesMut::new());
            if self.all_is_written(client) == Hold::Nothing {
                return round;
            }
            self.run();
        }
        unreachable!("it ends")
    }
}

#[test]
fn a_client_that_does_not_read_has_its_requests_held_back_and_then_answered_in_order() {
    let mut host = host_with_data();
    let mut client = host.client();
    let requests: Vec<_> = (1..=400).map(|xid| (xid, get_data("/a", false))).collect();
    host.send(&client, &requests);
    // Also what comes later waits, a write as well.
    host.send(
        &client,
        &[(401, set_data("/a", "new")), (402, get_data("/a", false))],
    );
    assert!(host.actions.is_empty());
    host.service.flush();
    let unread = host.gauge.unread_bytes();
    assert!((1 << 20..PAUSED_AT).contains(&unread), "{unread}");
    let mut xids = Vec::new();
    assert!(host.read_all(&mut client, &mut xids) > 30);
    assert_eq!(xids, (1..=402).collect::<Vec<_>>());
    assert!(!client.closed);
    drop(client);
}

#[test]
fn reads_behind_a_write_are_few_enough_to_be_answered_at_once() {
    let mut host = host_with_data();
    let mut client = host.client();
    let mut requests = vec![(1, set_data("/b", "no such znode"))];
    requests.extend((2..400).map(|xid| (xid, exists("/a", false))));
    requests.push((400, set_data("/a", "new")));
    host.send(&client, &requests);
    assert_eq!(
        host.actions.len(),
        1,
        "the second write waits for the reads ahead of it"
    );
    host.service.flush();
    assert_eq!(host.all_is_written(&client), Hold::UntilTold);
    host.run();
    let mut xids = Vec::new();
    host.read_all(&mut client, &mut xids);
    assert_eq!(xids, (1..=400).collect::<Vec<_>>());
}

#[test]
fn a_client_that_takes_its_replies_is_alive_though_its_requests_are_held_back() {
    let mut host = host_with_data();
    let mut client = host.client();
    let requests: Vec<_> = (1..=100).map(|xid| (xid, get_data("/a", false))).collect();
    host.send(&client, &requests);
    for _ in 0..4 {
        host.now_ms += u64::from(TIMEOUT_MS as u32) - TICK_MS;
        client.xids(&mut host);
        client.queue.written(BytesMut::new());
        assert_eq!(host.all_is_written(&client), Hold::UntilWritten);
        host.service.expire(host.now_ms, &mut host.actions);
        host.run();
        assert!(!client.is_closed(&mut host));
    }
    // It takes no more: its time is up.
    host.now_ms += u64::from(TIMEOUT_MS as u32) + 2 * TICK_MS;
    host.service.expire(host.now_ms, &mut host.actions);
    host.run();
    assert!(client.is_closed(&mut host));
}

#[test]
fn requests_that_are_held_back_go_with_their_connection() {
    let mut host = host_with_data();
    let before = host.gauge.unread_bytes();
    let client = host.client();
    let requests: Vec<_> = (1..=100).map(|xid| (xid, get_data("/a", false))).collect();
    host.send(&client, &requests);
    host.gone(&client);
    host.event(ClientEvent::Written { client: client.id });
    host.service.flush();
    drop(client);
    assert_eq!((host.gauge.unread_bytes(), host.gauge.get()), (before, 0));
}

#[test]
fn if_too_much_waits_for_all_the_client_with_most_of_it_is_cut() {
    let mut host = host_with_data();
    let mut least = host.client();
    host.ask(&mut least, 1, get_data("/a", false));
    let clients: Vec<_> = (0..5).map(|_| host.client()).collect();
    let reads = |count| {
        (1..=count)
            .map(|xid| (xid, get_data("/a", false)))
            .collect::<Vec<_>>()
    };
    // Four wait at 9 replies each, the fifth at 11: together more than the bound.
    for client in &clients[..4] {
        host.send(client, &reads(9));
    }
    host.service.flush();
    assert_eq!(host.service.connections().count(), 7);
    host.send(&clients[4], &reads(11));
    host.service.flush();
    assert!(host.gauge.unread_bytes() <= UNREAD_OF_ALL_MAX);
    assert!(clients[4].queue.is_cut());
    assert_eq!(clients.iter().filter(|client| client.queue.is_cut()).count(), 1);
    assert_eq!(host.service.connections().count(), 6);
    // The others are served.
    assert_eq!(host.ask(&mut least, 2, exists("/a", false)).0, 0);
}

fn read_often(xid: i32, parts: usize) -> (i32, Request) {
    let part = MultiReadOp::GetData { path: "/a".into() };
    (xid, Request::MultiRead(vec![part; parts]))
}

/// 20 bytes ask for 100 000 in each part: the reply is not made, so it takes no memory and can pass no length.
#[test]
fn a_multi_read_that_asks_for_more_than_may_be_left_unread_is_refused() {
    const MARSHALLING_ERROR: i32 = -5;
    let mut host = host_with_data();
    let mut client = host.client();
    let fitting = UNREAD_MAX / (DATA_BYTES + 1000);
    host.send(
        &client,
        &[read_often(1, fitting), read_often(2, 50_000), read_often(3, 1)],
    );
    let mut errors = Vec::new();
    for frame in client.read(&mut host) {
        let Frame::Reply { header, body } = frame else {
            panic!("{frame:?}")
        };
        assert!(body.len() <= UNREAD_MAX + 1000);
        errors.push((header.xid, header.err));
    }
    assert_eq!(errors, [(1, 0), (2, MARSHALLING_ERROR), (3, 0)]);
}

#[test]
fn a_client_whose_reads_behind_a_write_come_to_too_much_is_cut_and_costs_no_more() {
    let mut host = host_with_data();
    let before = host.gauge.unread_bytes();
    let client = host.client();
    let mut requests = vec![(1, set_data("/b", "no such znode"))];
    requests.extend((2..60).map(|xid| read_often(xid, 9)));
    host.send(&client, &requests);
    host.run();
    host.service.flush();
    assert!(client.queue.is_cut());
    assert_eq!(host.gauge.unread_bytes(), before);
    let mut other = host.client();
    assert_eq!(host.ask(&mut other, 1, exists("/a", false)).0, 0);
}
