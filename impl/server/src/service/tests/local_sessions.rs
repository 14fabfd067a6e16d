//! What does a session do that only its server knows?

use super::*;
use quorate_tree::LocalRules;
use quorate_wire::client::MultiOp;

const SESSION_EXPIRED: i32 = -112;
const EPHEMERAL_ON_LOCAL: i32 = -120;

/// A server of an ensemble, and what it asks of its leader.
fn host(server: u64, role: Role, upgrading: bool) -> Host {
    let mut host = Host::new(server, role);
    let options = Options {
        local_sessions: LocalRules {
            enabled: true,
            upgrading,
        },
        ..options(server)
    };
    host.service = Service::new(options, Tree::new(), WALL_MS as u64);
    host.service.serve(role, Epoch::new(1), 0);
    host
}

fn local_client(host: &mut Host) -> Client {
    let mut client = host.connect_with(&new_session());
    assert!(host.actions.is_empty(), "nobody is asked");
    let welcome = client.welcome(host);
    assert_eq!((welcome.timeout_ms, welcome.read_only), (TIMEOUT_MS, Some(false)));
    client.session = welcome.session;
    assert!(host.service.local_sessions().knows(client.session));
    client
}

/// What the follower sends, the leader orders and both apply.
fn pass(follower: &mut Host, leader: &mut Host) {
    while !follower.actions.is_empty() {
        for action in std::mem::take(&mut follower.actions) {
            match action {
                Action::Submit(submission) => {
                    let forwarded = Submission::forwarded(Conn::new(1), submission.into_forwarded());
                    let payload = leader.prepare(forwarded);
                    leader.deliver(&payload);
                    follower.deliver(&payload);
                }
                Action::Revalidate { session, timeout_ms } => {
                    let valid = leader.service.on_revalidate(Conn::new(1), session, timeout_ms, 0);
                    follower.service.on_revalidated(session, valid);
                }
                other @ Action::Sync(_) => panic!("{other:?}"),
            }
        }
    }
}

fn multi(flags: i32) -> Request {
    let part = |path, flags| match create(path, flags) {
        Request::Create(create) => MultiOp::Create(create),
        other => panic!("{other:?}"),
    };
    Request::Multi(vec![part("/m", 0), part("/n", flags)])
}

#[test]
fn a_local_session_writes_and_has_no_transaction_of_its_own() {
    let (mut follower, mut leader) = (host(2, Role::Follower, true), host(1, Role::Leader, true));
    let mut client = local_client(&mut follower);
    follower.send(
        &client,
        &[
            (1, create("/a", 0)),
            (2, get_data("/a", false)),
            (3, Request::CloseSession),
        ],
    );
    assert_eq!(follower.actions.len(), 1, "its end concerns nobody else");
    pass(&mut follower, &mut leader);
    assert_eq!(client.xids(&mut follower), [1, 2, 3]);
    assert!(client.closed && follower.service.local_sessions().is_empty());
    assert_eq!(leader.service.tree().sessions().len(), 0);
    assert_eq!(leader.next_zxid & 0xffff, 2, "one transaction");
}

#[test]
fn an_ephemeral_makes_it_the_ensembles_once_and_answers_in_order() {
    for at_leader in [false, true] {
        let (mut server, mut other) = if at_leader {
            (host(1, Role::Leader, true), None)
        } else {
            (host(2, Role::Follower, true), Some(host(1, Role::Leader, true)))
        };
        let mut client = local_client(&mut server);
        // The first is number 0, as the createSession is.
        server.send(
            &client,
            &[
                (0, create("/a", 1)),
                (1, create("/b", 1)),
                (2, exists("/b", false)),
            ],
        );
        assert_eq!(server.actions.len(), 3, "one createSession before both");
        match &mut other {
            Some(leader) => pass(&mut server, leader),
            None => server.run(),
        }
        let replies = client.read(&mut server);
        let codes: Vec<_> = replies
            .iter()
            .map(|frame| match frame {
                Frame::Reply { header, body } => (header.xid, header.err, body.is_empty()),
                Frame::Event { .. } => panic!("{frame:?}"),
            })
            .collect();
        assert_eq!(codes, [(0, 0, false), (1, 0, false), (2, 0, false)]);
        let tree = server.service.tree();
        assert_eq!(tree.session_timeout_ms(client.session), Some(TIMEOUT_MS));
        assert_eq!(tree.ephemerals(client.session).count(), 2);
        assert!(server.service.local_sessions().is_empty());
    }
}

#[test]
fn a_multi_with_an_ephemeral_makes_it_the_ensembles_as_well() {
    let mut leader = host(1, Role::Leader, true);
    let mut client = local_client(&mut leader);
    assert_eq!(leader.ask(&mut client, 1, multi(0)).0, 0);
    assert_eq!(leader.service.tree().sessions().len(), 0);
    assert_eq!(
        leader
            .ask(
                &mut client,
                2,
                Request::Delete {
                    path: "/m".into(),
                    version: -1
                }
            )
            .0,
        0
    );
    assert_eq!(
        leader
            .ask(
                &mut client,
                3,
                Request::Delete {
                    path: "/n".into(),
                    version: -1
                }
            )
            .0,
        0
    );
    assert_eq!(leader.ask(&mut client, 4, multi(1)).0, 0);
    assert_eq!(leader.service.tree().ephemerals(client.session).count(), 1);
}

#[test]
fn where_sessions_stay_local_an_ephemeral_is_refused() {
    for at_leader in [false, true] {
        let mut server = if at_leader {
            host(1, Role::Leader, false)
        } else {
            host(2, Role::Follower, false)
        };
        let mut client = local_client(&mut server);
        server.send(&client, &[(1, create("/a", 1))]);
        assert!(server.actions.is_empty());
        assert_eq!(client.reply(&mut server, 1).0, EPHEMERAL_ON_LOCAL);
    }
    let (mut follower, mut leader) = (host(2, Role::Follower, false), host(1, Role::Leader, false));
    let mut client = local_client(&mut follower);
    follower.send(&client, &[(1, multi(1))]);
    pass(&mut follower, &mut leader);
    let (code, body) = client.reply(&mut follower, 1);
    assert_eq!(code, 0);
    let failed = EPHEMERAL_ON_LOCAL.to_be_bytes();
    assert!(body.windows(4).any(|four| four == failed), "{body:?}");
    assert!(leader.service.tree().stat("/m").is_none());
}

#[test]
fn elsewhere_it_is_expired_and_where_it_began_it_goes_on() {
    let (mut follower, mut leader) = (host(2, Role::Follower, true), host(1, Role::Leader, true));
    let mut client = local_client(&mut follower);
    let mut elsewhere = leader.connect_with(&resume(client.session));
    assert_eq!(elsewhere.welcome(&mut leader).session, 0);
    let mut third = host(3, Role::Follower, true);
    let mut moved = third.connect_with(&resume(client.session));
    pass(&mut third, &mut leader);
    assert_eq!(moved.welcome(&mut third).session, 0);
    let mut again = follower.connect_with(&resume(client.session));
    assert_eq!(again.welcome(&mut follower).session, client.session);
    assert!(client.is_closed(&mut follower));
    follower.send(&again, &[(1, create("/a", 1))]);
    // It is the ensemble's by now, and its transaction is under way: whoever keeps those knows it.
    let mut early = follower.connect_with(&resume(client.session));
    pass(&mut follower, &mut leader);
    assert_eq!(early.welcome(&mut follower).session, client.session);
}

#[test]
fn a_leader_takes_no_writes_of_its_own_local_sessions_that_are_over() {
    let mut leader = host(1, Role::Leader, true);
    let client = local_client(&mut leader);
    leader.send(&client, &[(1, create("/a", 0))]);
    let submission = leader.submitted().pop().expect("a write");
    leader.now_ms += TIMEOUT_MS as u64 + 2 * TICK_MS;
    leader.service.expire(leader.now_ms, &mut leader.actions);
    assert!(leader.actions.is_empty() && leader.service.local_sessions().is_empty());
    let payload = leader.prepare(submission);
    leader.deliver(&payload);
    assert!(leader.service.tree().stat("/a").is_none());
    // Without local sessions nobody is believed.
    let mut strict = Host::new(1, Role::Leader);
    let request = create("/a", 0);
    let mut body = BytesMut::new();
    request.encode(1, &mut body);
    let forwarded = quorate_wire::quorum::ForwardedRequest {
        session: 2 << 56 | 1,
        cxid: 1,
        opcode: 1,
        body: body.split_off(12).freeze(),
        authinfo: Some(Vec::new()),
    };
    let payload = strict.prepare(Submission::forwarded(Conn::new(1), forwarded));
    let entry = quorate_wire::txn::decode_entry(&payload).unwrap();
    assert_eq!(
        entry.txn,
        quorate_tree::Txn::Error {
            code: SESSION_EXPIRED
        }
    );
}

#[test]
fn a_sign_of_life_is_for_its_server_alone() {
    let mut follower = host(2, Role::Follower, true);
    let client = local_client(&mut follower);
    for _ in 0..4 {
        follower.now_ms += TIMEOUT_MS as u64 - 1;
        follower.send(&client, &[(-2, Request::Ping)]);
        follower.service.expire(follower.now_ms, &mut follower.actions);
    }
    assert!(follower.service.local_sessions().knows(client.session));
    assert_eq!(follower.service.touched(), []);
}
