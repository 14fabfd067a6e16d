//! What becomes of clients that ask for too much, or have not said who they are?

use super::*;
use crate::config::{Costs, Handshakes, LargeRequests, Limits, Throttle};

const REQUIRES_AUTH: i32 = -124;
const THROTTLED_OP: i32 = -127;

fn host(limits: Limits) -> Host {
    let mut host = Host::standalone();
    let options = Options { limits, ..options(0) };
    host.service = Service::new(options, Tree::new(), WALL_MS as u64);
    host.service.serve(Role::Standalone, Epoch::new(1), 0);
    host
}

fn auth(scheme: &str, auth: &[u8]) -> Request {
    Request::Auth {
        kind: 0,
        scheme: scheme.into(),
        auth: Some(auth.to_vec()),
    }
}

#[test]
fn whoever_has_not_proven_who_he_is_is_told_so_and_loses_his_connection() {
    let with = |scheme: &str| {
        host(Limits {
            required_schemes: vec![scheme.into()],
            ..Limits::default()
        })
    };
    for request in [
        exists("/", false),
        create("/a", 0),
        Request::Ping,
        Request::WhoAmI,
        Request::CloseSession,
    ] {
        let mut host = with("digest");
        let mut client = host.client();
        assert_eq!(host.ask(&mut client, 7, request), (REQUIRES_AUTH, Bytes::new()));
        assert!(client.closed && host.actions.is_empty());
        assert!(
            host.service.tree().session_timeout_ms(client.session).is_some(),
            "the session lives"
        );
    }
    let mut host = with("digest");
    let mut client = host.client();
    host.send(
        &client,
        &[
            (-4, auth("digest", b"bob:secret")),
            (1, create("/a", 0)),
            (2, exists("/a", false)),
        ],
    );
    host.run();
    assert_eq!(client.xids(&mut host), [-4, 1, 2]);
    // An address is proven from the start.
    let mut host = with("ip");
    let mut client = host.client();
    assert_eq!(host.ask(&mut client, 1, create("/a", 0)).0, 0);
}

#[test]
fn more_handshakes_than_there_are_tokens_are_refused() {
    let mut host = host(Limits {
        handshakes: Some(Handshakes {
            tokens_max: 6,
            fill_ms: 1000,
            fill_count: 3,
            costs: Costs {
                global: 3,
                local: 1,
                renewed: 2,
            },
        }),
        ..Limits::default()
    });
    let first = host.client();
    let mut back = host.connect_with(&resume(first.session));
    assert_eq!(back.welcome(&mut host).session, first.session);
    // One token is left.
    for request in [new_session(), resume(first.session)] {
        let mut refused = host.connect_with(&request);
        assert!(refused.frames(&mut host).is_empty() && refused.closed);
    }
    assert!(!back.is_closed(&mut host));
    assert_eq!(host.service.counters().connections_refused, 2);
    host.now_ms = 1001;
    host.client();
    assert_eq!(host.service.counters().figures.connection_requests, 3);
}

#[test]
fn one_large_request_too_many_costs_its_client_the_connection() {
    let mut host = host(Limits {
        large_requests: Some(LargeRequests {
            threshold_bytes: 500,
            bytes_max: 2000,
        }),
        ..Limits::default()
    });
    let large = "x".repeat(800);
    let (mut writer, mut other) = (host.client(), host.client());
    let (mut third, mut last) = (host.client(), host.client());
    assert_eq!(host.ask(&mut writer, 1, create("/a", 0)).0, 0);
    let writes = [(2, set_data("/a", &large)), (3, set_data("/a", &large))];
    host.send(&writer, &writes);
    host.send(
        &other,
        &[(1, set_data("/a", "small")), (2, get_data("/a", false))],
    );
    host.send(&other, &[(3, set_data("/a", &large))]);
    assert!(other.is_closed(&mut host), "three are under way");
    assert_eq!(host.service.counters().figures.large_refused, 1);
    host.run();
    assert_eq!(writer.xids(&mut host), [2, 3]);
    // They are answered: there is room.
    assert_eq!(host.ask(&mut third, 1, set_data("/a", &large)).0, 0);
    // What a connection has under way goes with it.
    host.send(
        &third,
        &[(2, set_data("/a", &large)), (3, set_data("/a", &large))],
    );
    host.gone(&third);
    assert_eq!(host.ask(&mut last, 1, set_data("/a", &large)).0, 0);
}

fn throttled(requests_max: usize, wait_ms: u64) -> Host {
    host(Limits {
        throttle: Some(Throttle {
            requests_max,
            wait_ms,
        }),
        ..Limits::default()
    })
}

impl Host {
    fn release(&mut self) {
        self.service.release(self.now_ms, &mut self.actions);
    }
}

#[test]
fn requests_beyond_the_limit_wait_in_the_order_in_which_they_came() {
    let mut host = throttled(2, 0);
    let (mut one, mut two) = (host.client(), host.client());
    host.send(
        &one,
        &[(1, create("/a", 0)), (2, create("/b", 0)), (3, create("/c", 0))],
    );
    host.send(&two, &[(1, exists("/c", false)), (2, create("/d", 0))]);
    host.send(&one, &[(4, exists("/d", false))]);
    let submitted = host.submitted();
    assert_eq!(submitted.len(), 2);
    host.release();
    assert!(host.actions.is_empty(), "there is no room yet");
    for submission in submitted {
        let payload = host.prepare(submission);
        host.deliver(&payload);
    }
    host.release();
    assert_eq!(one.xids(&mut host), [1, 2]);
    // The third create, then the other client's read and its create; the last read waits again.
    assert_eq!(two.xids(&mut host), [1], "what it reads is there before /c");
    assert_eq!(host.actions.len(), 2);
    host.run();
    host.release();
    let frames = one.read(&mut host);
    let codes: Vec<_> = frames
        .iter()
        .map(|frame| match frame {
            Frame::Reply { header, .. } => (header.xid, header.err),
            Frame::Event { .. } => panic!("{frame:?}"),
        })
        .collect();
    assert_eq!(
        codes,
        [(3, 0), (4, 0)],
        "the last read comes behind the other's create"
    );
    assert_eq!(two.xids(&mut host), [2]);
}

#[test]
fn what_has_waited_too_long_is_refused_in_its_turn() {
    let mut host = throttled(1, 100);
    let (mut one, mut two) = (host.client(), host.client());
    host.send(&one, &[(1, create("/a", 0))]);
    host.send(
        &two,
        &[
            (1, create("/b", 0)),
            (2, exists("/a", false)),
            (-2, Request::Ping),
            (3, Request::CloseSession),
        ],
    );
    host.now_ms += 101;
    host.run();
    host.release();
    host.run();
    assert_eq!(one.reply(&mut host, 1).0, 0);
    let codes: Vec<_> = two
        .read(&mut host)
        .iter()
        .map(|frame| match frame {
            Frame::Reply { header, .. } => (header.xid, header.err),
            Frame::Event { .. } => panic!("{frame:?}"),
        })
        .collect();
    assert_eq!(codes, [(1, THROTTLED_OP), (2, THROTTLED_OP), (-2, 0), (3, 0)]);
    assert!(two.closed && host.service.tree().stat("/b").is_none());
    assert_eq!(host.service.counters().figures.throttled, 2);
}

#[test]
fn what_comes_while_there_is_room_again_stays_behind_what_waits() {
    let mut host = throttled(1, 0);
    let (one, mut two) = (host.client(), host.client());
    host.send(&one, &[(1, create("/a", 0))]);
    host.send(&two, &[(1, create("/b", 0))]);
    host.gone(&one);
    host.send(&two, &[(2, exists("/b", false))]);
    for _ in 0..2 {
        host.release();
        host.run();
    }
    host.release();
    let frames = two.read(&mut host);
    let codes: Vec<_> = frames
        .iter()
        .map(|frame| match frame {
            Frame::Reply { header, .. } => (header.xid, header.err),
            Frame::Event { .. } => panic!("{frame:?}"),
        })
        .collect();
    assert_eq!(codes, [(1, 0), (2, 0)]);
}

#[test]
fn what_waits_goes_with_its_connection_and_with_the_role() {
    let mut host = throttled(1, 0);
    let (mut one, two, three) = (host.client(), host.client(), host.client());
    host.send(&one, &[(1, create("/a", 0))]);
    host.send(&two, &[(1, create("/b", 0))]);
    host.send(&three, &[(1, create("/c", 0))]);
    host.gone(&two);
    host.run();
    host.release();
    host.run();
    assert_eq!(one.reply(&mut host, 1).0, 0);
    let tree = host.service.tree();
    assert!(tree.stat("/b").is_none() && tree.stat("/c").is_some());
    host.send(&one, &[(2, create("/d", 0)), (3, create("/e", 0))]);
    host.service.retire();
    host.release();
    assert_eq!(host.submitted().len(), 1, "only what was on its way already");
}
