//! What do a leader and a follower tell each other of sessions?

use super::*;

/// A leader and two followers, between which everything arrives at once.
struct Ensemble {
    leader: Host,
    followers: [Host; 2],
}

impl Ensemble {
    fn new() -> Self {
        let follower = |server| Host::new(server, Role::Follower);
        Self {
            leader: Host::new(1, Role::Leader),
            followers: [follower(2), follower(3)],
        }
    }

    fn conn(at: usize) -> Conn {
        Conn::new(at as u32)
    }

    /// Carries out everything that is asked for, everywhere.
    fn run(&mut self) {
        loop {
            for at in 0..2 {
                for action in std::mem::take(&mut self.followers[at].actions) {
                    self.forward(at, action);
                }
            }
            let actions = std::mem::take(&mut self.leader.actions);
            if actions.is_empty() {
                return;
            }
            for action in actions {
                match action {
                    Action::Submit(submission) => {
                        let payload = self.leader.prepare(submission);
                        self.deliver(&payload);
                    }
                    Action::Sync(Submission {
                        origin: Origin::Here, ..
                    }) => self.leader.service.sync_done(0),
                    Action::Sync(Submission {
                        origin: Origin::Learner(conn),
                        ..
                    }) => {
                        self.followers[conn.get() as usize].service.sync_done(0);
                    }
                    Action::Revalidate { .. } => panic!("a leader knows its sessions"),
                }
            }
        }
    }

    fn forward(&mut self, at: usize, action: Action) {
        let follower = &mut self.followers[at];
        match action {
            Action::Submit(submission) | Action::Sync(submission) => {
                let request = submission.into_forwarded();
                let submission = Submission::forwarded(Self::conn(at), request);
                self.leader
                    .service
                    .on_forwarded(submission, &mut self.leader.actions);
            }
            Action::Revalidate { session, timeout_ms } => {
                let leader = &mut self.leader;
                let valid = leader
                    .service
                    .on_revalidate(Self::conn(at), session, timeout_ms, leader.now_ms);
                follower.service.on_revalidated(session, valid);
            }
        }
    }

    fn deliver(&mut self, payload: &[u8]) {
        for follower in &mut self.followers {
            follower.service.expect(payload).expect("it can be applied");
            follower.deliver(payload);
        }
        self.leader.deliver(payload);
    }

    fn client(&mut self, at: usize) -> Client {
        let mut client = self.followers[at].connect_with(&new_session());
        self.run();
        client.session = client.welcome(&mut self.followers[at]).session;
        assert_ne!(client.session, 0);
        client
    }

    fn ask(&mut self, at: usize, client: &mut Client, xid: i32, request: Request) -> i32 {
        self.followers[at].send(client, &[(xid, request)]);
        self.run();
        client.reply(&mut self.followers[at], xid).0
    }
}

#[test]
fn a_followers_client_writes_reads_and_syncs() {
    let mut ensemble = Ensemble::new();
    let mut client = ensemble.client(0);
    assert_eq!(client.session >> 56, 2);
    ensemble.followers[0].send(
        &client,
        &[
            (1, create("/a", 0)),
            (2, get_data("/a", true)),
            (3, Request::Sync { path: None }),
            (4, set_data("/a", "b")),
        ],
    );
    ensemble.run();
    assert_eq!(client.xids(&mut ensemble.followers[0]), [1, 2, 3, -1, 4]);
    let trees = [&ensemble.leader, &ensemble.followers[0], &ensemble.followers[1]];
    assert_eq!(
        trees.map(|host| host.service.tree().digest()),
        [ensemble.leader.service.tree().digest(); 3]
    );
    assert!(
        trees
            .iter()
            .all(|host| host.service.counters().digest_mismatches == 0)
    );
}

#[test]
fn a_request_is_forwarded_as_the_client_sent_it() {
    let mut ensemble = Ensemble::new();
    let client = ensemble.client(0);
    let follower = &mut ensemble.followers[0];
    let request = create("/a", 0);
    follower.send(&client, &[(9, request.clone())]);
    let [submission] = <[Submission; 1]>::try_from(follower.submitted()).unwrap();
    let forwarded = submission.into_forwarded();
    let mut body = BytesMut::new();
    request.encode_body(&mut body);
    assert_eq!(
        (forwarded.session, forwarded.cxid, forwarded.opcode),
        (client.session, 9, 1)
    );
    assert_eq!(forwarded.body, body.freeze());
    let ids = forwarded.authinfo.unwrap();
    assert_eq!((ids[0].scheme.as_str(), ids[0].id.as_str()), ("ip", "127.0.0.1"));
}

#[test]
fn a_session_moves_and_its_stale_connection_is_closed_without_an_answer_to_its_write() {
    let mut ensemble = Ensemble::new();
    let mut stale = ensemble.client(0);
    let mut fresh = ensemble.followers[1].connect_with(&resume(stale.session));
    ensemble.run();
    assert_eq!(fresh.welcome(&mut ensemble.followers[1]).session, stale.session);
    ensemble.followers[0].send(&stale, &[(1, get_data("/", false)), (2, create("/a", 0))]);
    ensemble.run();
    assert_eq!(
        stale.xids(&mut ensemble.followers[0]),
        [1],
        "a read is not checked"
    );
    assert!(stale.closed);
    assert_eq!(ensemble.ask(1, &mut fresh, 1, exists("/a", false)), NO_NODE);
    assert_eq!(ensemble.ask(1, &mut fresh, 2, create("/a", 0)), 0);
}

#[test]
fn the_leaders_own_connection_goes_when_the_session_moves_to_a_follower() {
    let mut ensemble = Ensemble::new();
    let mut stale = ensemble.leader.connect_with(&new_session());
    ensemble.run();
    let session = stale.welcome(&mut ensemble.leader).session;
    let mut fresh = ensemble.followers[0].connect_with(&resume(session));
    ensemble.run();
    assert_eq!(fresh.welcome(&mut ensemble.followers[0]).session, session);
    assert!(stale.is_closed(&mut ensemble.leader));
    let mut back = ensemble.leader.connect_with(&resume(session));
    assert_eq!(back.welcome(&mut ensemble.leader).session, session);
    ensemble.followers[0].send(&fresh, &[(1, create("/a", 0))]);
    ensemble.run();
    assert!(fresh.is_closed(&mut ensemble.followers[0]));
}

#[test]
fn a_follower_asks_the_leader_whether_a_session_lives() {
    let mut ensemble = Ensemble::new();
    let mut unknown = ensemble.followers[0].connect_with(&resume(77));
    assert!(unknown.frames(&mut ensemble.followers[0]).is_empty());
    ensemble.run();
    assert_eq!(unknown.welcome(&mut ensemble.followers[0]).session, 0);
    assert!(unknown.closed);
}

#[test]
fn answers_to_revalidations_find_their_own_connection() {
    let mut ensemble = Ensemble::new();
    let session = ensemble.client(0).session;
    let follower = &mut ensemble.followers[0];
    let mut first = follower.connect_with(&resume(session));
    let mut second = follower.connect_with(&resume(session));
    follower.service.on_revalidated(session, true);
    assert!(
        first.frames(follower).is_empty() && first.closed,
        "the second replaced it"
    );
    assert!(second.frames(follower).is_empty());
    follower.service.on_revalidated(session, true);
    assert_eq!(second.welcome(follower).session, session);
    follower.service.on_revalidated(session, false);
    assert!(!second.is_closed(follower), "nobody waits for a third answer");
}

#[test]
fn what_was_proposed_before_a_session_came_is_not_taken_for_its_new_connections() {
    let mut ensemble = Ensemble::new();
    let old = ensemble.client(0);
    ensemble.followers[0].send(&old, &[(1, create("/a", 0))]);
    let [late] = <[Submission; 1]>::try_from(ensemble.followers[0].submitted()).unwrap();
    let request = late.into_forwarded();
    let late = ensemble
        .leader
        .prepare(Submission::forwarded(Ensemble::conn(0), request));
    // It is proposed, and commits when the session is elsewhere and waits for its own first request.
    ensemble.followers[1].service.expect(&late).unwrap();
    let mut new = ensemble.followers[1].connect_with(&resume(old.session));
    ensemble.run();
    assert_eq!(new.welcome(&mut ensemble.followers[1]).session, old.session);
    ensemble.followers[1].send(&new, &[(1, set_data("/", "x"))]);
    ensemble.followers[1].deliver(&late);
    ensemble.leader.deliver(&late);
    assert_eq!(new.xids(&mut ensemble.followers[1]), Vec::<i32>::new());
    ensemble.run();
    assert_eq!(new.reply(&mut ensemble.followers[1], 1).0, 0);
}

#[test]
fn what_a_follower_hears_keeps_a_session_alive_at_the_leader() {
    let mut ensemble = Ensemble::new();
    let client = ensemble.client(0);
    let follower = &mut ensemble.followers[0];
    assert_eq!(follower.service.touched(), [], "the handshake was told by itself");
    for xid in 1..4 {
        follower.send(&client, &[(xid, Request::Ping)]);
    }
    let touched = follower.service.touched();
    assert_eq!(touched, [(client.session, TIMEOUT_MS)]);
    assert_eq!(follower.service.touched(), []);
    follower.send(&client, &[(4, Request::Ping)]);
    assert_eq!(follower.service.touched(), touched);
    let leader = &mut ensemble.leader;
    touched
        .into_iter()
        .for_each(|(session, timeout_ms)| leader.service.touch(session, timeout_ms, 9_000));
    leader.service.expire(19_999, &mut leader.actions);
    assert!(leader.actions.is_empty());
    leader.service.expire(20_000, &mut leader.actions);
    ensemble.run();
    assert_eq!(ensemble.followers[0].service.tree().sessions().len(), 0);
    assert!(
        { client }.is_closed(&mut ensemble.followers[0]),
        "its follower closes the connection"
    );
}

#[test]
fn a_learner_cannot_make_the_leader_stumble() {
    let mut ensemble = Ensemble::new();
    let client = ensemble.client(0);
    let before = ensemble.leader.next_zxid;
    let requests = [
        (20, &b"\0\0\0\x02/a"[..], -6),
        (13, &b"\0\0\0\x01/\0\0\0\0"[..], -6),
        (1, &b"\xff\xff"[..], -5),
        (999, &b""[..], -6),
        (4, &b"\0\0\0\x01/\0"[..], -6),
        (-10, &b"\0\0\x10\0"[..], -112),
        (-10, &b""[..], -5),
    ];
    for (opcode, body, code) in requests {
        let request = quorate_wire::quorum::ForwardedRequest {
            session: client.session,
            cxid: 1,
            opcode,
            body: Bytes::from_static(body),
            authinfo: None,
        };
        let submission = Submission::forwarded(Ensemble::conn(0), request);
        let payload = ensemble.leader.prepare(submission);
        let entry = quorate_wire::txn::decode_entry(&payload).unwrap();
        assert_eq!(entry.txn, quorate_tree::Txn::Error { code }, "opcode {opcode}");
        ensemble.deliver(&payload);
    }
    assert_eq!(
        ensemble.leader.next_zxid,
        before + requests.len() as u64,
        "one transaction each"
    );
}

#[test]
fn the_ensemble_is_shown_to_whoever_asks() {
    let mut host = Host::new(1, Role::Follower);
    host.service.retire();
    host.service.show_config(b"server.1=one\nversion=0", WALL_MS);
    host.service.serve(Role::Leader, Epoch::new(2), 0);
    let mut client = host.client();
    let (err, body) = host.ask(&mut client, 1, get_data("/zookeeper/config", true));
    assert_eq!((err, &body[4..26]), (0, &b"server.1=one\nversion=0"[..]));
    let stat = host.service.tree().stat("/zookeeper/config").unwrap();
    assert_eq!((stat.version, stat.aversion, stat.mtime_ms), (-1, -1, WALL_MS));
    assert_eq!(
        host.ask(&mut client, 2, set_data("/zookeeper/config", "x")).0,
        -102
    );
}
