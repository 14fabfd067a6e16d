//! Can anything that arrives make the service panic, or answer out of order?

use super::*;
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Step {
    Connect { resume: bool },
    Request { client: usize, request: Request },
    Bytes { client: usize, bytes: Vec<u8> },
    Gone { client: usize },
    Run,
    Flush,
    Expire { after_ms: u64 },
    Retire,
    Revalidated { client: usize, valid: bool },
}

fn request() -> impl Strategy<Value = Request> {
    let path = || {
        prop::sample::select(vec!["/", "/a", "/a/b", "", "a", "/zookeeper", "/a/"]).prop_map(str::to_owned)
    };
    prop_oneof![
        4 => (path(), -1..8).prop_map(|(path, flags)| create(&path, flags)),
        2 => (path(), any::<bool>()).prop_map(|(path, watch)| Request::GetData { path, watch }),
        2 => (path(), any::<bool>()).prop_map(|(path, watch)| Request::Exists { path, watch }),
        2 => (path(), any::<bool>()).prop_map(|(path, watch)| Request::GetChildren2 { path, watch }),
        2 => path().prop_map(|path| Request::Delete { path, version: -1 }),
        2 => path().prop_map(|path| set_data(&path, "x")),
        1 => path().prop_map(|path| Request::Sync { path: Some(path) }),
        1 => path().prop_map(|path| Request::AddWatch { path, mode: 1 }),
        1 => path().prop_map(|path| Request::GetEphemerals { prefix: Some(path) }),
        1 => Just(Request::Ping),
        1 => Just(Request::CloseSession),
        1 => Just(Request::WhoAmI),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let client = 0..6_usize;
    prop_oneof![
        3 => any::<bool>().prop_map(|resume| Step::Connect { resume }),
        12 => (client.clone(), request()).prop_map(|(client, request)| Step::Request { client, request }),
        2 => (client.clone(), prop::collection::vec(any::<u8>(), 0..40))
            .prop_map(|(client, bytes)| Step::Bytes { client, bytes }),
        1 => client.clone().prop_map(|client| Step::Gone { client }),
        6 => Just(Step::Run),
        3 => Just(Step::Flush),
        1 => (0..30_000_u64).prop_map(|after_ms| Step::Expire { after_ms }),
        1 => Just(Step::Retire),
        1 => (client, any::<bool>()).prop_map(|(client, valid)| Step::Revalidated { client, valid }),
    ]
}

/// The replies of one connection come in the order of its requests, but for pings.
fn check_order(xids: &mut Vec<i32>, frames: Vec<Bytes>) {
    for frame in frames {
        let header = ReplyHeader::decode(&mut Reader::new(&frame)).unwrap();
        if header.xid > 0 {
            assert!(
                xids.last().is_none_or(|&last| header.xid > last),
                "{xids:?} then {}",
                header.xid
            );
            xids.push(header.xid);
        }
    }
}

fn play(role: Role, steps: Vec<Step>) {
    let mut host = Host::new(1, role);
    let mut clients: Vec<(Client, Vec<i32>)> = Vec::new();
    let mut sessions = vec![77];
    for (xid, step) in (1..).zip(steps) {
        let at = |client: usize, clients: &Vec<(Client, Vec<i32>)>| client % clients.len().max(1);
        match step {
            Step::Connect { resume: false } => clients.push((host.connect_with(&new_session()), Vec::new())),
            Step::Connect { resume: true } => {
                let session = *sessions.last().unwrap();
                clients.push((host.connect_with(&resume(session)), Vec::new()));
            }
            Step::Request { client, request } => {
                if let Some((client, _)) = clients.get(at(client, &clients)) {
                    host.send(client, &[(xid, request)]);
                }
            }
            Step::Bytes { client, bytes } => {
                if let Some((client, _)) = clients.get(at(client, &clients)) {
                    host.send_raw(client, bytes.into());
                }
            }
            Step::Gone { client } => {
                if let Some((client, _)) = clients.get(at(client, &clients)) {
                    host.gone(client);
                }
            }
            Step::Run if role == Role::Follower => {
                // A leader of another kind: it commits what it is sent.
                for action in std::mem::take(&mut host.actions) {
                    match action {
                        Action::Submit(submission) => {
                            let payload = host.prepare(submission);
                            host.deliver(&payload);
                        }
                        Action::Sync(_) => host.service.sync_done(host.now_ms),
                        Action::Revalidate { session, .. } => host.service.on_revalidated(session, true),
                    }
                }
            }
            Step::Run => host.run(),
            Step::Flush => host.flush(),
            Step::Expire { after_ms } => {
                host.now_ms += after_ms;
                host.service.expire(host.now_ms, &mut host.actions);
            }
            Step::Retire => {
                host.service.retire();
                host.actions.clear();
                host.service.serve(role, Epoch::new(1), host.now_ms);
            }
            Step::Revalidated { client, valid } => {
                if let Some((client, _)) = clients.get(at(client, &clients)) {
                    host.service.on_revalidated(client.session, valid);
                }
            }
        }
        for (client, xids) in &mut clients {
            let mut frames = client.frames(&mut host);
            if client.session == 0 && !frames.is_empty() {
                client.session = ConnectResponse::decode(&frames.remove(0)).unwrap().session;
                sessions.extend((client.session != 0).then_some(client.session));
            }
            check_order(xids, frames);
        }
    }
    host.service.retire();
    host.service.flush();
    assert_eq!(host.service.connections().count(), 0);
    assert!(host.service.watches().is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn nothing_that_clients_do_makes_a_standalone_server_panic(steps in prop::collection::vec(step(), 0..80)) {
        play(Role::Standalone, steps);
    }

    #[test]
    fn nothing_that_clients_do_makes_a_follower_panic(steps in prop::collection::vec(step(), 0..80)) {
        play(Role::Follower, steps);
    }

    #[test]
    fn any_bytes_are_refused_or_delivered_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        let mut host = Host::standalone();
        let _ = host.service.expect(&bytes);
        let _ = host.service.deliver(&bytes, 0);
    }
}
