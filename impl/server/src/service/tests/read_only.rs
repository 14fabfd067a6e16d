//! What does a server do for its clients that has no leader?

use super::*;

const NOT_READ_ONLY: i32 = -119;

/// A server that has `/a`, and has lost its leader.
fn alone() -> (Host, Client) {
    let mut host = Host::standalone();
    let mut client = host.client();
    assert_eq!(host.ask(&mut client, 1, create("/a", 0)).0, 0);
    host.service.retire();
    host.service.serve_reads(host.now_ms);
    assert!(client.is_closed(&mut host));
    (host, client)
}

fn reader() -> ConnectRequest {
    ConnectRequest {
        read_only: Some(true),
        ..new_session()
    }
}

fn read_client(host: &mut Host) -> Client {
    let mut client = host.connect_with(&reader());
    let welcome = client.welcome(host);
    assert_eq!((welcome.timeout_ms, welcome.read_only), (TIMEOUT_MS, Some(true)));
    client.session = welcome.session;
    client
}

#[test]
fn only_clients_that_are_content_with_reads_are_let_in() {
    let (mut host, _) = alone();
    for read_only in [Some(false), None] {
        let mut client = host.connect_with(&ConnectRequest {
            read_only,
            ..new_session()
        });
        assert_eq!(client.frames(&mut host).len(), 0, "{read_only:?}");
        assert!(client.closed);
    }
    let mut ahead = host.connect_with(&ConnectRequest {
        last_zxid_seen: host.service.last_zxid().bits() + 1,
        ..reader()
    });
    assert!(ahead.frames(&mut host).is_empty() && ahead.closed);
    read_client(&mut host);
    assert!(host.actions.is_empty(), "nobody is asked");
}

#[test]
fn what_a_reader_asks_for_is_read_and_what_it_writes_is_refused() {
    let (mut host, _) = alone();
    let mut client = read_client(&mut host);
    assert_eq!(data_of(&host.ask(&mut client, 1, get_data("/a", true)).1), "data");
    assert_eq!(host.ask(&mut client, 2, exists("/b", true)).0, NO_NODE);
    let writes = [
        create("/b", 0),
        create("/b", 1),
        set_data("/a", "x"),
        Request::Delete {
            path: "/a".into(),
            version: -1,
        },
        Request::Multi(Vec::new()),
        Request::Sync {
            path: Some("/".into()),
        },
    ];
    for (xid, write) in (3..).zip(writes) {
        let shown = format!("{write:?}");
        assert_eq!(
            host.ask(&mut client, xid, write),
            (NOT_READ_ONLY, Bytes::new()),
            "{shown}"
        );
    }
    // A create without a body.
    host.send_raw(
        &client,
        Bytes::from_static(&[0, 0, 0, 8, 0, 0, 0, 20, 0, 0, 0, 1]),
    );
    assert_eq!(client.reply(&mut host, 20).0, NOT_READ_ONLY);
    host.send(&client, &[(-2, Request::Ping)]);
    assert_eq!(client.xids(&mut host), [-2]);
    host.send(
        &client,
        &[
            (21, set_data("/a", "x")),
            (22, get_data("/a", false)),
            (23, create("/c", 0)),
        ],
    );
    assert_eq!(client.xids(&mut host), [21, 22, 23]);
    assert!(host.actions.is_empty(), "nobody is asked");
}

#[test]
fn a_readers_session_is_its_servers_own_and_ends_with_it_or_by_silence() {
    let (mut host, _) = alone();
    let mut client = read_client(&mut host);
    assert_eq!(host.service.tree().session_timeout_ms(client.session), None);
    let mut again = host.connect_with(&ConnectRequest {
        read_only: Some(true),
        ..resume(client.session)
    });
    assert_eq!(again.welcome(&mut host).session, client.session);
    assert!(client.is_closed(&mut host));
    again.session = client.session;
    assert_eq!(host.ask(&mut again, 1, Request::CloseSession).0, 0);
    assert!(again.closed);
    let mut late = host.connect_with(&ConnectRequest {
        read_only: Some(true),
        ..resume(client.session)
    });
    let welcome = late.welcome(&mut host);
    assert_eq!(
        (welcome.session, welcome.timeout_ms, welcome.read_only),
        (0, 0, Some(true))
    );

    let mut silent = read_client(&mut host);
    host.now_ms += TIMEOUT_MS as u64 + 2 * TICK_MS;
    host.service.expire(host.now_ms, &mut host.actions);
    assert!(silent.is_closed(&mut host));
    assert!(host.service.local_sessions().is_empty() && host.actions.is_empty());
}

#[test]
fn a_session_of_the_ensemble_is_kept_for_a_server_that_has_a_leader() {
    let (mut host, global) = alone();
    let mut client = host.connect_with(&ConnectRequest {
        read_only: Some(true),
        ..resume(global.session)
    });
    assert!(
        client.frames(&mut host).is_empty(),
        "it is not told that its session is over"
    );
    assert!(client.closed);
}

#[test]
fn when_a_leader_is_found_readers_lose_their_connections_and_their_sessions() {
    let (mut host, global) = alone();
    let mut client = read_client(&mut host);
    host.service.retire();
    assert!(client.is_closed(&mut host));
    host.service.serve(Role::Standalone, Epoch::new(2), host.now_ms);
    let mut back = host.connect_with(&resume(client.session));
    assert_eq!(back.welcome(&mut host).session, 0, "nobody else knew it");
    let mut back = host.connect_with(&resume(global.session));
    assert_eq!(back.welcome(&mut host).session, global.session);
    assert_eq!(host.ask(&mut back, 1, create("/b", 1)).0, 0);
}
