//! In which order are things answered, and by what?

use super::*;

#[test]
fn each_read_sees_the_write_before_it() {
    let mut host = Host::standalone();
    let mut client = host.client();
    let mut requests = vec![(1, create("/a", 0))];
    for n in 0..10 {
        requests.push((2 + 2 * n, set_data("/a", &n.to_string())));
        requests.push((3 + 2 * n, get_data("/a", false)));
    }
    host.send(&client, &requests);
    host.run();
    let replies = client.read(&mut host);
    assert_eq!(replies.len(), 21);
    for (at, reply) in replies.into_iter().enumerate() {
        let Frame::Reply { header, body } = reply else {
            panic!("there is no watch")
        };
        assert_eq!((header.xid, header.err), (at as i32 + 1, 0));
        if at > 0 && at % 2 == 0 {
            assert_eq!(data_of(&body), ((at - 2) / 2).to_string());
        }
    }
}

#[test]
fn a_read_waits_for_its_own_sessions_write_and_for_no_other() {
    let mut host = Host::standalone();
    let (mut writer, mut reader) = (host.client(), host.client());
    host.send(&writer, &[(1, create("/a", 0)), (2, exists("/a", false))]);
    host.send(&reader, &[(1, exists("/a", false))]);
    assert_eq!(writer.xids(&mut host), Vec::<i32>::new());
    assert_eq!(reader.reply(&mut host, 1).0, NO_NODE);
    host.run();
    assert_eq!(writer.xids(&mut host), [1, 2]);
}

#[test]
fn a_read_that_waits_is_answered_to_whoever_asked_it() {
    let mut host = Host::standalone();
    let mut client = host.client();
    let auth = Request::Auth {
        kind: 0,
        scheme: "digest".into(),
        auth: Some(b"bob:secret".to_vec()),
    };
    host.send(
        &client,
        &[
            (1, create("/a", 0)),
            (2, Request::WhoAmI),
            (-4, auth),
            (3, Request::WhoAmI),
        ],
    );
    assert_eq!(client.xids(&mut host), [-4], "it overtakes what waits");
    host.run();
    let is_bob: Vec<_> = client
        .read(&mut host)
        .into_iter()
        .skip(1)
        .map(|frame| match frame {
            Frame::Reply { header, body } => (header.xid, body.windows(3).any(|word| word == b"bob")),
            Frame::Event { .. } => panic!("there is no watch"),
        })
        .collect();
    assert_eq!(
        is_bob,
        [(2, false), (3, true)],
        "what he proves holds for what follows"
    );
}

#[test]
fn a_ping_overtakes_what_waits() {
    let mut host = Host::standalone();
    let mut client = host.client();
    host.send(
        &client,
        &[(1, create("/a", 0)), (7, Request::Ping), (2, exists("/a", false))],
    );
    assert_eq!(client.xids(&mut host), [-2]);
    host.run();
    assert_eq!(client.xids(&mut host), [1, 2]);
}

#[test]
fn a_write_that_commits_confirms_the_sync_ahead_of_it_and_reads_between_do_not_see_it() {
    let mut host = Host::standalone();
    let mut client = host.client();
    let sync = || Request::Sync {
        path: Some("/x".into()),
    };
    host.send(
        &client,
        &[
            (1, sync()),
            (2, exists("/a", false)),
            (3, create("/a", 0)),
            (4, sync()),
            (5, exists("/a", false)),
        ],
    );
    let [Action::Sync(_), Action::Submit(write), Action::Sync(_)] =
        <[Action; 3]>::try_from(std::mem::take(&mut host.actions)).unwrap()
    else {
        panic!("two syncs, and a write between them")
    };
    let before = host.service.last_zxid().bits() as i64;
    let payload = host.prepare(write);
    assert_eq!(client.xids(&mut host), Vec::<i32>::new());
    host.deliver(&payload);
    let headers = |frames: Vec<Frame>| -> Vec<_> {
        let header = |frame| match frame {
            Frame::Reply { header, .. } => (header.xid, header.zxid, header.err),
            Frame::Event { .. } => panic!("nothing is watched"),
        };
        frames.into_iter().map(header).collect()
    };
    assert_eq!(
        headers(client.read(&mut host)),
        [(1, before, 0), (2, before, NO_NODE), (3, before + 1, 0)]
    );
    host.service.sync_done(host.now_ms);
    assert_eq!(client.xids(&mut host), Vec::<i32>::new(), "the first sync's");
    host.service.sync_done(host.now_ms);
    assert_eq!(
        headers(client.read(&mut host)),
        [(4, before + 1, 0), (5, before + 1, 0)]
    );
}

#[test]
fn syncs_are_answered_oldest_first_also_if_their_client_is_gone() {
    let mut host = Host::standalone();
    let (gone, mut there) = (host.client(), host.client());
    let sync = || Request::Sync { path: None };
    host.send(&gone, &[(1, sync())]);
    host.send(&there, &[(5, sync()), (6, sync())]);
    host.gone(&gone);
    host.service.sync_done(0);
    assert_eq!(there.xids(&mut host), Vec::<i32>::new());
    host.service.sync_done(0);
    let (err, body) = there.reply(&mut host, 5);
    assert_eq!(
        (err, &body[..]),
        (0, &[0xff; 4][..]),
        "even a null path is echoed"
    );
    host.service.sync_done(0);
    assert_eq!(there.xids(&mut host), [6]);
    host.service.sync_done(0);
}

#[test]
fn a_write_reply_carries_its_own_zxid_and_a_read_the_last_applied() {
    let mut host = Host::standalone();
    let mut client = host.client();
    host.send(
        &client,
        &[
            (1, create("/a", 0)),
            (2, create("/a", 0)),
            (3, exists("/b", false)),
        ],
    );
    host.run();
    let headers: Vec<_> = client
        .read(&mut host)
        .into_iter()
        .map(|frame| match frame {
            Frame::Reply { header, .. } => (header.zxid & 0xffff_ffff, header.err),
            Frame::Event { .. } => panic!("there is no watch"),
        })
        .collect();
    // The session was the first transaction; a refused write has a zxid too.
    assert_eq!(headers, [(2, 0), (3, -110), (3, NO_NODE)]);
}

#[test]
fn a_watcher_is_told_before_any_reply_shows_the_change() {
    let mut host = Host::standalone();
    let (mut writer, mut watcher) = (host.client(), host.client());
    host.ask(&mut writer, 1, create("/a", 0));
    host.ask(&mut watcher, 1, get_data("/a", true));
    host.ask(&mut writer, 2, get_data("/a", true));
    host.send(&writer, &[(3, set_data("/a", "new"))]);
    let [write] = <[Submission; 1]>::try_from(host.submitted()).unwrap();
    let payload = host.prepare(write);
    host.deliver(&payload);
    host.send(&watcher, &[(2, get_data("/a", false))]);
    for client in [&mut watcher, &mut writer] {
        let frames = client.read(&mut host);
        let [Frame::Event { zxid, event }, Frame::Reply { header, .. }] = &frames[..] else {
            panic!("an event, then a reply: {frames:?}")
        };
        assert_eq!(
            (event.kind, event.path.as_str()),
            (EventKind::NodeDataChanged, "/a")
        );
        assert_eq!(*zxid, header.zxid);
    }
}

#[test]
fn one_change_tells_each_watcher_once() {
    let mut host = Host::standalone();
    let mut watchers: Vec<_> = (0..20).map(|_| host.client()).collect();
    for watcher in &mut watchers {
        host.ask(watcher, 1, exists("/a", true));
        host.ask(
            watcher,
            2,
            Request::GetChildren {
                path: "/".into(),
                watch: true,
            },
        );
    }
    let mut writer = host.client();
    host.ask(&mut writer, 1, create("/a", 0));
    for watcher in &mut watchers {
        let kinds: Vec<_> = watcher
            .read(&mut host)
            .into_iter()
            .map(|frame| match frame {
                Frame::Event { event, .. } => (event.kind, event.path),
                Frame::Reply { .. } => panic!("nothing was asked"),
            })
            .collect();
        let expected = [
            (EventKind::NodeCreated, "/a".to_owned()),
            (EventKind::NodeChildrenChanged, "/".to_owned()),
        ];
        assert_eq!(kinds, expected);
    }
    assert!(host.service.watches().is_empty());
}

#[test]
fn a_transaction_of_the_session_that_this_connection_did_not_ask_for_answers_nothing() {
    let mut host = Host::standalone();
    let old = host.client();
    host.send(&old, &[(1, create("/a", 0))]);
    let [late] = <[Submission; 1]>::try_from(host.submitted()).unwrap();
    let mut new = host.connect_with(&resume(old.session));
    assert_eq!(new.welcome(&mut host).session, old.session);
    host.send(&new, &[(2, create("/b", 0))]);
    let payload = host.prepare(late);
    host.deliver(&payload);
    assert_eq!(new.xids(&mut host), Vec::<i32>::new());
    host.run();
    assert_eq!(new.xids(&mut host), [2]);
}

#[test]
fn a_transaction_that_an_earlier_connection_asked_for_answers_nothing_whatever_its_xid() {
    let mut host = Host::standalone();
    let old = host.client();
    host.send(&old, &[(1, create("/a", 0))]);
    let [late] = <[Submission; 1]>::try_from(host.submitted()).unwrap();
    let late = host.prepare(late);
    // Some clients number their requests from 1 on each connection.
    let mut new = host.connect_with(&resume(old.session));
    assert_eq!(new.welcome(&mut host).session, old.session);
    host.send(&new, &[(1, create("/a", 0))]);
    host.deliver(&late);
    assert_eq!(new.xids(&mut host), Vec::<i32>::new());
    host.run();
    assert_eq!(new.reply(&mut host, 1).0, quorate_tree::Code::NODE_EXISTS.0);
}

#[test]
fn watches_go_with_their_connection() {
    let mut host = Host::standalone();
    let mut client = host.client();
    host.ask(&mut client, 1, exists("/a", true));
    assert_eq!(host.service.watches().len(), 1);
    host.gone(&client);
    assert!(host.service.watches().is_empty());
}

#[test]
fn a_malformed_write_is_answered_in_its_turn_and_goes_nowhere() {
    let mut host = Host::standalone();
    let mut client = host.client();
    let mut frames = BytesMut::new();
    create("/a", 0).encode(1, &mut frames);
    quorate_wire::frame::put_frame(&mut frames, |out| {
        RequestHeader { xid: 2, opcode: 1 }.encode(out);
        out.extend_from_slice(&[0xff, 0xff, 0xff, 0xfe]);
    });
    exists("/a", false).encode(3, &mut frames);
    host.send_raw(&client, frames.freeze());
    assert_eq!(host.actions.len(), 1);
    host.run();
    let errors: Vec<_> = client
        .read(&mut host)
        .into_iter()
        .map(|frame| match frame {
            Frame::Reply { header, .. } => (header.xid, header.err),
            Frame::Event { .. } => panic!("there is no watch"),
        })
        .collect();
    assert_eq!(errors, [(1, 0), (2, -5), (3, 0)]);
    assert!(!client.closed);
}

#[test]
fn what_the_server_does_not_know_ends_the_connection_behind_earlier_replies() {
    for opcode in [999, 0, -1, -10, 13, 20, 10] {
        let mut host = Host::standalone();
        let mut client = host.client();
        let mut frames = BytesMut::new();
        create("/a", 0).encode(1, &mut frames);
        quorate_wire::frame::put_frame(&mut frames, |out| {
            RequestHeader { xid: 2, opcode }.encode(out);
            out.extend_from_slice(&[0; 16]);
        });
        exists("/a", false).encode(3, &mut frames);
        host.send_raw(&client, frames.freeze());
        host.run();
        let replies = client.read(&mut host);
        let [Frame::Reply { .. }, Frame::Reply { header, .. }] = &replies[..] else {
            panic!("{replies:?}")
        };
        assert_eq!(
            (header.xid, header.zxid, header.err),
            (2, -1, -6),
            "opcode {opcode}"
        );
        assert!(client.closed);
        assert_eq!(host.service.tree().sessions().len(), 1);
    }
}

#[test]
fn what_is_not_provided_says_so_and_the_connection_lives() {
    let mut host = Host::standalone();
    let mut client = host.client();
    let zxid = host.service.last_zxid();
    assert_eq!(host.ask(&mut client, 1, Request::Sasl { token: None }).0, -6);
    assert_eq!(host.service.last_zxid(), zxid, "a read is no transaction");
    let reconfig = Request::Reconfig {
        joining: None,
        leaving: None,
        members: None,
        config_id: -1,
    };
    assert_eq!(host.ask(&mut client, 2, reconfig).0, -123, "it is switched off");
    assert_eq!(
        host.service.last_zxid().counter(),
        zxid.counter() + 1,
        "a refused write is one"
    );
    assert!(!client.closed);
}

#[test]
fn an_unknown_auth_scheme_ends_the_connection_and_digest_adds_a_name() {
    let auth = |scheme: &str| Request::Auth {
        kind: 0,
        scheme: scheme.into(),
        auth: Some(b"bob:secret".to_vec()),
    };
    let mut host = Host::standalone();
    let mut client = host.client();
    assert_eq!(host.ask(&mut client, -4, auth("digest")).0, 0);
    assert_eq!(host.ask(&mut client, -4, auth("ip")).0, 0);
    let (_, body) = host.ask(&mut client, 1, Request::WhoAmI);
    let text = String::from_utf8_lossy(&body).into_owned();
    assert!(
        text.contains("bob") && text.contains("127.0.0.1") && !text.contains("bob:"),
        "{text:?}"
    );
    assert_eq!(host.ask(&mut client, -4, auth("nosuch")).0, -115);
    assert!(client.closed);
}

#[test]
fn retiring_closes_everyone_and_forgets_what_waits() {
    let mut host = Host::standalone();
    let (mut one, mut other) = (host.client(), host.client());
    host.ask(&mut other, 1, exists("/a", true));
    host.send(&one, &[(1, create("/a", 0)), (2, Request::Sync { path: None })]);
    let actions = std::mem::take(&mut host.actions);
    host.service.retire();
    assert!(one.is_closed(&mut host) && other.is_closed(&mut host));
    let late = host.connect_with(&new_session());
    assert!({ late }.is_closed(&mut host));
    host.service.serve(Role::Standalone, Epoch::new(2), host.now_ms);
    // The write that was dropped may have been logged all the same.
    for action in actions {
        if let Action::Submit(submission) = action {
            let payload = host.prepare(submission);
            host.deliver(&payload);
        }
    }
    assert!(one.frames(&mut host).is_empty());
    let mut back = host.connect_with(&resume(one.session));
    assert_eq!(back.welcome(&mut host).session, one.session);
    host.send(&back, &[(2, Request::Sync { path: None })]);
    host.run();
    assert_eq!(
        back.xids(&mut host),
        [2],
        "the sync of the reign before waits for nothing"
    );
    assert_eq!(host.ask(&mut back, 3, exists("/a", false)).0, 0);
}

#[test]
fn a_client_that_reads_nothing_is_cut_and_its_watches_go() {
    let mut host = Host::standalone();
    let mut client = host.client();
    let big = "x".repeat(300_000);
    host.ask(&mut client, 1, create("/a", 0));
    host.ask(&mut client, 2, set_data("/a", &big));
    for xid in 3..10 {
        host.send(&client, &[(xid, get_data("/a", true))]);
        host.service.flush();
    }
    // Its requests are held back by now; notifications are not.
    assert_eq!(host.service.connections().count(), 1);
    let mut writer = host.client();
    host.ask(&mut writer, 1, set_data("/a", "new"));
    assert!(host.service.watches().is_empty());
    assert_eq!(host.service.connections().count(), 1);
    assert!(client.is_closed(&mut host) && !writer.closed);
}
