//! Who gets a session, and how does it end?

use super::*;

fn clients(host: &Host) -> usize {
    host.service.connections().count()
}

#[test]
fn what_a_connection_proved_before_its_first_frame_is_among_its_identities() {
    let mut host = Host::standalone();
    let mut frame = BytesMut::new();
    new_session().encode(&mut frame);
    let proved = vec![Id {
        scheme: "x509".into(),
        id: "CN=bob,O=quorate".into(),
    }];
    let mut client = host.connect_as(proved, frame.split_off(4).freeze());
    host.run();
    client.session = client.welcome(&mut host).session;
    let (_, body) = host.ask(&mut client, 1, Request::WhoAmI);
    let text = String::from_utf8_lossy(&body).into_owned();
    assert!(
        text.contains("x509") && text.contains("CN=bob,O=quorate"),
        "{text:?}"
    );
    assert!(text.contains("127.0.0.1"), "{text:?}");
}

#[test]
fn a_new_session_is_answered_when_its_transaction_is_applied() {
    let mut host = Host::new(5, Role::Standalone);
    let mut client = host.connect_with(&new_session());
    assert!(client.frames(&mut host).is_empty());
    host.run();
    let response = client.welcome(&mut host);
    assert_eq!(response.session >> 56, 5);
    assert_eq!(
        (response.timeout_ms, response.read_only),
        (TIMEOUT_MS, Some(false))
    );
    assert_eq!(
        response.password,
        quorate_wire::client::session_password(response.session)
    );
    assert_eq!(
        host.service.tree().session_timeout_ms(response.session),
        Some(TIMEOUT_MS)
    );
}

#[test]
fn timeouts_are_clamped() {
    let mut host = Host::standalone();
    for (asked, given) in [(-1, 4000), (0, 4000), (5000, 5000), (i32::MAX, 40_000)] {
        let mut client = host.connect_with(&ConnectRequest {
            timeout_ms: asked,
            ..new_session()
        });
        host.run();
        assert_eq!(client.welcome(&mut host).timeout_ms, given);
    }
}

#[test]
fn a_request_without_the_read_only_field_is_answered_without_it() {
    let mut host = Host::standalone();
    let mut client = host.connect_with(&ConnectRequest {
        read_only: None,
        ..new_session()
    });
    host.run();
    assert_eq!(client.frames(&mut host)[0].len(), 36);
}

#[test]
fn a_client_that_has_seen_more_than_this_server_is_sent_away() {
    let mut host = Host::standalone();
    // A server that was sent a snapshot answers with <1,0> in epoch 1, and others have what it has.
    let zxid = host.service.last_zxid().bits().max(1 << 32);
    let mut ahead = host.connect_with(&ConnectRequest {
        last_zxid_seen: zxid + 1,
        ..new_session()
    });
    assert!(ahead.is_closed(&mut host) && host.actions.is_empty());
    let fresh = host.connect_with(&ConnectRequest {
        last_zxid_seen: u64::MAX,
        ..new_session()
    });
    assert_eq!(host.actions.len(), 1, "-1 has seen nothing");
    let level = host.connect_with(&ConnectRequest {
        last_zxid_seen: zxid,
        ..new_session()
    });
    assert_eq!(
        host.actions.len(),
        2,
        "the beginning of the epoch is no transaction"
    );
    drop((fresh, level));
}

#[test]
fn nonsense_instead_of_a_handshake_is_closed() {
    let mut host = Host::standalone();
    for bytes in [&[][..], &[0; 7], &[0xff; 30]] {
        assert!(
            host.connect_raw(Bytes::copy_from_slice(bytes))
                .is_closed(&mut host)
        );
    }
    assert_eq!(clients(&host), 0);
}

#[test]
fn a_session_is_taken_up_again_and_its_old_connection_closed() {
    let mut host = Host::standalone();
    let mut old = host.client();
    let mut new = host.connect_with(&resume(old.session));
    host.gone(&old);
    assert!(old.is_closed(&mut host));
    assert_eq!(new.welcome(&mut host).session, old.session);
    host.gone(&old);
    assert_eq!(
        host.ask(&mut new, 1, create("/a", 1)).0,
        0,
        "the late end of the old one changes nothing"
    );
}

#[test]
fn a_wrong_password_gets_nothing_and_disturbs_nobody() {
    let mut host = Host::standalone();
    let mut victim = host.client();
    for password in [None, Some(vec![0; 16]), Some(Vec::new())] {
        let mut thief = host.connect_with(&ConnectRequest {
            password,
            ..resume(victim.session)
        });
        assert_eq!(
            thief.welcome(&mut host),
            ConnectResponse {
                read_only: Some(false),
                ..Default::default()
            }
        );
        assert!(thief.closed);
    }
    assert!(!victim.is_closed(&mut host));
    assert_eq!(host.ask(&mut victim, 1, create("/a", 0)).0, 0);
}

#[test]
fn an_unknown_session_is_refused() {
    let mut host = Host::standalone();
    let mut client = host.connect_with(&resume(77));
    assert_eq!(client.welcome(&mut host).session, 0);
    assert!(client.closed);
    assert_eq!(clients(&host), 0);
}

#[test]
fn requests_before_the_answer_to_the_handshake_end_the_connection() {
    let mut host = Host::standalone();
    let mut client = host.connect_with(&new_session());
    host.send(&client, &[(1, exists("/", false))]);
    assert!(client.is_closed(&mut host));
}

#[test]
fn a_closed_session_is_answered_then_closed_and_takes_its_ephemerals_along() {
    let mut host = Host::standalone();
    let (mut client, mut watcher) = (host.client(), host.client());
    host.ask(&mut client, 1, create("/e", 1));
    host.ask(&mut watcher, 1, exists("/e", true));
    host.send(&client, &[(2, Request::CloseSession), (3, exists("/e", false))]);
    host.run();
    assert_eq!(client.xids(&mut host), [2], "what comes behind it is not read");
    assert!(client.closed);
    assert_eq!(watcher.xids(&mut host), [-1]);
    let mut back = host.connect_with(&resume(client.session));
    assert_eq!(back.welcome(&mut host).session, 0);
}

#[test]
fn a_session_expires_a_tick_after_its_timeout_and_its_connection_is_closed() {
    let mut host = Host::standalone();
    let mut client = host.client();
    host.ask(&mut client, 1, create("/e", 1));
    host.gone(&client);
    let mut waiting = host.client();
    host.now_ms = 9_999;
    host.send(&waiting, &[(1, Request::Ping)]);
    host.service.expire(host.now_ms, &mut host.actions);
    assert!(host.actions.is_empty());
    host.now_ms = 12_000;
    host.service.expire(host.now_ms, &mut host.actions);
    host.run();
    assert_eq!(host.service.tree().ephemerals_count(), 0);
    assert_eq!(host.service.tree().sessions().len(), 1);
    assert!(!waiting.is_closed(&mut host));
    host.now_ms = 22_000;
    host.service.expire(host.now_ms, &mut host.actions);
    host.run();
    assert!(waiting.is_closed(&mut host));
    assert_eq!(host.service.tree().sessions().len(), 0);
}

#[test]
fn a_write_of_a_closing_session_is_refused() {
    let mut host = Host::standalone();
    let mut client = host.client();
    host.now_ms = 12_000;
    host.service.expire(host.now_ms, &mut host.actions);
    let [close] = <[Submission; 1]>::try_from(host.submitted()).unwrap();
    // The connection is silent for too long as well, but is not gone before the round ends.
    host.service.flush();
    let close = host.prepare(close);
    let mut back = host.connect_with(&resume(client.session));
    assert_eq!(
        back.welcome(&mut host).session,
        0,
        "a closing session cannot be taken up"
    );
    host.deliver(&close);
    assert!(client.is_closed(&mut host));
}

#[test]
fn a_session_whose_end_is_on_its_way_cannot_be_taken_up() {
    let mut host = Host::standalone();
    let client = host.client();
    host.send(&client, &[(1, Request::CloseSession)]);
    let [close] = <[Submission; 1]>::try_from(host.submitted()).unwrap();
    host.prepare(close);
    let mut back = host.connect_with(&resume(client.session));
    assert_eq!(back.welcome(&mut host).session, 0);
}

#[test]
fn a_connection_that_goes_leaves_nothing_behind() {
    let mut host = Host::standalone();
    let client = host.client();
    host.gone(&client);
    host.service.flush();
    assert!(host.service.attached.is_empty() && host.service.clients.is_empty());
    assert!(host.service.tree().session_timeout_ms(client.session).is_some());
}

#[test]
fn a_new_reign_gives_every_session_its_full_timeout() {
    let mut host = Host::standalone();
    let _client = host.client();
    host.now_ms = 11_000;
    host.service.retire();
    host.service.serve(Role::Leader, Epoch::new(2), host.now_ms);
    host.now_ms = 21_999;
    host.service.expire(host.now_ms, &mut host.actions);
    assert!(host.actions.is_empty());
    host.now_ms = 22_000;
    host.service.expire(host.now_ms, &mut host.actions);
    assert_eq!(host.submitted().len(), 1);
}
