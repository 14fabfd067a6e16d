//! Who may do what: every operation, by every scheme, with every single permission.
//!
//! The rows are made from the list of operations: one that has no row does not compile.

use super::*;
use quorate_tree::{ADMIN, Acl, CREATE, DELETE, READ, WRITE};
use quorate_wire::client::multi::decode_results;
use quorate_wire::client::{MultiOp, MultiReadOp, MultiResult, Opcode, WatchLists};

/// What an operation needs.
enum Row {
    /// Nothing of any znode.
    Nothing,
    /// One of these permissions on `/p/t` itself.
    Itself(i32, Vec<Request>),
    /// One of these on its parent, `/p`.
    Parent(i32, Vec<Request>),
}

const TARGET: &str = "/p/t";

fn creation(path: &str, flags: i32) -> CreateRequest {
    CreateRequest {
        path: path.into(),
        data: None,
        acl: open(),
        flags,
    }
}

fn open() -> Vec<Acl> {
    list(31, "world", "anyone")
}

fn list(perms: i32, scheme: &str, id: &str) -> Vec<Acl> {
    vec![Acl {
        perms,
        scheme: scheme.into(),
        id: id.into(),
    }]
}

fn row(opcode: Opcode) -> Row {
    let path = || TARGET.to_string();
    let new = || creation("/p/new", 0);
    let version = -1;
    let watch = true;
    match opcode {
        Opcode::Create => Row::Parent(
            CREATE,
            vec![Request::Create(new()), Request::Create(creation("/p/", 3))],
        ),
        Opcode::Create2 => Row::Parent(CREATE, vec![Request::Create2(new())]),
        Opcode::CreateContainer => Row::Parent(CREATE, vec![Request::CreateContainer(new())]),
        Opcode::CreateTtl => Row::Parent(
            CREATE,
            vec![Request::CreateTtl {
                create: creation("/p/new", 5),
                ttl_ms: 9,
            }],
        ),
        Opcode::Delete => Row::Parent(
            DELETE,
            vec![
                Request::Delete {
                    path: path(),
                    version,
                },
                Request::Multi(vec![MultiOp::Delete {
                    path: path(),
                    version,
                }]),
            ],
        ),
        Opcode::Exists => Row::Itself(READ, vec![Request::Exists { path: path(), watch }]),
        Opcode::GetData => Row::Itself(READ, vec![Request::GetData { path: path(), watch }]),
        Opcode::GetChildren => Row::Itself(READ, vec![Request::GetChildren { path: path(), watch }]),
        Opcode::GetChildren2 => Row::Itself(READ, vec![Request::GetChildren2 { path: path(), watch }]),
        Opcode::GetAllChildrenNumber => {
            Row::Itself(READ, vec![Request::GetAllChildrenNumber { path: path() }])
        }
        Opcode::GetAcl => Row::Itself(READ | ADMIN, vec![Request::GetAcl { path: path() }]),
        Opcode::SetData => Row::Itself(
            WRITE,
            vec![
                set_data(TARGET, "new"),
                Request::Multi(vec![MultiOp::SetData {
                    path: path(),
                    data: None,
                    version,
                }]),
            ],
        ),
        Opcode::SetAcl => Row::Itself(
            ADMIN,
            vec![Request::SetAcl {
                path: path(),
                acl: open(),
                version,
            }],
        ),
        // Each of its parts has a row of its own: the operations above, inside.
        Opcode::Check => Row::Itself(
            READ,
            vec![Request::Multi(vec![MultiOp::Check {
                path: path(),
                version,
            }])],
        ),
        Opcode::Multi => Row::Parent(
            CREATE,
            vec![
                Request::Multi(vec![MultiOp::Create(new())]),
                Request::Multi(vec![MultiOp::Create2(new())]),
                Request::Multi(vec![MultiOp::CreateContainer(new())]),
                Request::Multi(vec![MultiOp::CreateTtl {
                    create: creation("/p/new", 5),
                    ttl_ms: 9,
                }]),
            ],
        ),
        Opcode::MultiRead => Row::Itself(
            READ,
            vec![
                Request::MultiRead(vec![MultiReadOp::GetData { path: path() }]),
                Request::MultiRead(vec![MultiReadOp::GetChildren { path: path() }]),
            ],
        ),
        // They tell of what is watched, and that is looked at when there is something to tell.
        Opcode::AddWatch | Opcode::SetWatches | Opcode::SetWatches2 => Row::Nothing,
        Opcode::CheckWatches | Opcode::RemoveWatches => Row::Nothing,
        // Of the connection itself.
        Opcode::Ping | Opcode::Auth | Opcode::Sasl | Opcode::WhoAmI | Opcode::GetEphemerals => Row::Nothing,
        Opcode::Sync | Opcode::CreateSession | Opcode::CloseSession => Row::Nothing,
        // The server's own, and what is not provided.
        Opcode::DeleteContainer | Opcode::Reconfig => Row::Nothing,
    }
}

/// An identity, and a list's entry for it and for another of its scheme.
const SCHEMES: [(&str, &str, &str); 4] = [
    ("digest", "bob:hash", "eve:hash"),
    ("x509", "CN=bob", "CN=eve"),
    ("ip", "127.0.0.0/8", "10.0.0.0/8"),
    ("world", "anyone", ""),
];

/// Whether `who` is refused `request` where `/p` and `/p/t` have these lists.
fn is_refused(request: Request, who: Vec<Id>, parent: &[Acl], target: &[Acl]) -> bool {
    let mut host = Host::standalone();
    let mut superuser = host.connect_as(vec![Id::new("super", "")], first_frame());
    host.run();
    superuser.session = superuser.welcome(&mut host).session;
    host.ask(&mut superuser, 1, create("/p", 0));
    host.ask(&mut superuser, 2, create(TARGET, 0));
    for (xid, path, acl) in [(3, TARGET, target), (4, "/p", parent)] {
        let set = Request::SetAcl {
            path: path.into(),
            acl: acl.to_vec(),
            version: -1,
        };
        assert_eq!(host.ask(&mut superuser, xid, set).0, 0, "{acl:?}");
    }
    let mut client = host.connect_as(who, first_frame());
    host.run();
    client.session = client.welcome(&mut host).session;
    let is_multi = matches!(request, Request::Multi(_) | Request::MultiRead(_));
    let (err, body) = host.ask(&mut client, 5, request);
    if !is_multi {
        assert!(err == 0 || err == -102, "{err}");
        return err == -102;
    }
    let results = decode_results(&mut Reader::new(&body)).unwrap();
    match results[..] {
        [MultiResult::Error(code)] => {
            assert_eq!(code, -102);
            true
        }
        _ => false,
    }
}

fn first_frame() -> Bytes {
    let mut frame = BytesMut::new();
    new_session().encode(&mut frame);
    frame.split_off(4).freeze()
}

#[test]
fn each_operation_needs_its_permission_of_whatever_scheme() {
    let mut cases = 0;
    for opcode in Opcode::ALL {
        let (needed, requests, of_parent) = match row(opcode) {
            Row::Nothing => continue,
            Row::Itself(needed, requests) => (needed, requests, false),
            Row::Parent(needed, requests) => (needed, requests, true),
        };
        for request in requests {
            let check = |who: &[Id], acl: &[Acl], refused: bool| {
                let (parent, target) = if of_parent {
                    (acl, &open()[..])
                } else {
                    (&open()[..], acl)
                };
                assert_eq!(
                    is_refused(request.clone(), who.to_vec(), parent, target),
                    refused,
                    "{opcode:?} by {who:?} with {acl:?}"
                );
            };
            for (scheme, id, other) in SCHEMES {
                let proved = match scheme {
                    "digest" | "x509" => vec![Id::new(scheme, id)],
                    _ => Vec::new(),
                };
                for perm in [READ, WRITE, CREATE, DELETE, ADMIN] {
                    check(&proved, &list(perm, scheme, id), perm & needed == 0);
                    if !other.is_empty() {
                        check(&proved, &list(perm, scheme, other), true);
                    }
                    cases += 1;
                }
            }
            check(&[Id::new("super", "")], &list(0, "world", "anyone"), false);
            check(&[Id::new("digest", "super:")], &list(0, "world", "anyone"), true);
        }
    }
    assert!(cases > 300, "{cases}");
}

#[test]
fn events_are_for_whoever_may_read_when_they_happen() {
    let mut host = Host::standalone();
    let mut superuser = host.connect_as(vec![Id::new("super", "")], first_frame());
    host.run();
    superuser.session = superuser.welcome(&mut host).session;
    host.ask(&mut superuser, 1, create("/p", 0));
    let mut watcher = host.client();
    let persistent = Request::AddWatch {
        path: "/p".into(),
        mode: 0,
    };
    host.ask(&mut watcher, 1, persistent);
    let mut other = host.client();
    host.ask(&mut other, 1, get_data("/p", true));
    let bobs = Request::SetAcl {
        path: "/p".into(),
        acl: list(1, "digest", "bob:Jo7RnYs1vI5dAjvP0wJU/TDPXw4="),
        version: -1,
    };
    host.ask(&mut superuser, 2, bobs);
    host.ask(&mut superuser, 3, set_data("/p", "secret"));
    assert!(watcher.xids(&mut host).is_empty() && other.xids(&mut host).is_empty());
    let watch = Request::SetWatches(WatchLists {
        data: vec!["/p".into()],
        ..WatchLists::default()
    });
    host.send(&other, &[(-8, watch)]);
    assert_eq!(other.xids(&mut host), [-8], "what he missed is not told either");
    let bob = Request::Auth {
        kind: 0,
        scheme: "digest".into(),
        auth: Some(b"bob:secret".to_vec()),
    };
    host.send(&watcher, &[(-4, bob)]);
    assert_eq!(watcher.xids(&mut host), [-4]);
    let whose = host
        .service
        .connections()
        .find(|conn| conn.client == watcher.id)
        .unwrap();
    let hash = whose.identity.who.ids()[1].id.clone();
    let his = Request::SetAcl {
        path: "/p".into(),
        acl: list(1, "digest", &hash),
        version: -1,
    };
    host.ask(&mut superuser, 4, his);
    host.ask(&mut superuser, 5, set_data("/p", "his"));
    assert_eq!(watcher.xids(&mut host), [-1]);
}

#[test]
fn nobody_asks_for_what_is_the_servers_own() {
    let mut host = Host::standalone();
    let mut client = host.client();
    host.ask(&mut client, 1, Request::CreateContainer(creation("/c", 0)));
    let mut body = BytesMut::new();
    Request::DeleteContainer { path: "/c".into() }.encode_body(&mut body);
    for (origin, who) in [
        (Origin::Learner(Conn::new(1)), None),
        (Origin::Here, Some(std::sync::Arc::default())),
    ] {
        let submission = Submission {
            origin,
            session: client.session,
            cxid: 9,
            opcode: Opcode::DeleteContainer.number(),
            body: body.clone().freeze(),
            who,
            request: None,
        };
        let payload = host.prepare(submission);
        host.deliver(&payload);
        assert!(host.service.tree().stat("/c").is_some());
    }
}

#[test]
fn containers_and_lifetimes_go_when_their_time_is_up_and_not_faster_than_allowed() {
    let mut host = Host::standalone();
    let mut client = host.client();
    for at in 0..500 {
        let lived = Request::CreateTtl {
            create: creation(&format!("/t{at}"), 5),
            ttl_ms: 100,
        };
        host.ask(&mut client, 1 + at, lived);
    }
    let sweep = |host: &mut Host, now_ms: u64| {
        host.now_ms = now_ms;
        let wall_ms = WALL_MS + now_ms as i64;
        host.service.sweep(now_ms, wall_ms, &mut host.actions);
        let asked = host.actions.len();
        host.run();
        asked
    };
    assert_eq!(sweep(&mut host, 59_999), 0);
    assert_eq!(sweep(&mut host, 60_000), 0, "none is allowed in no time");
    assert_eq!(sweep(&mut host, 60_600), 100);
    assert_eq!(sweep(&mut host, 61_200), 100);
    assert_eq!(sweep(&mut host, 90_000), 300);
    assert_eq!(sweep(&mut host, 91_000), 0);
    assert_eq!(host.service.tree().containers().count(), 0);
}
