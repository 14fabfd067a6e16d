mod multi;

use super::*;
use crate::tests::leader::Leader;
use crate::tests::{acl, ones, open};
use crate::{SweepRules, TxnResult, WatchTable, WriteRules};

fn create(path: &str, flags: i32) -> WriteRequest {
    WriteRequest::Create {
        path: path.into(),
        data: None,
        acl: open(),
        flags,
        operation: CreateOperation::Create,
    }
}

fn create_with(path: &str, acl: Vec<Acl>) -> WriteRequest {
    WriteRequest::Create {
        path: path.into(),
        data: None,
        acl,
        flags: 0,
        operation: CreateOperation::Create,
    }
}

fn delete(path: &str, version: i32) -> WriteRequest {
    WriteRequest::Delete {
        path: path.into(),
        version,
    }
}

fn set(path: &str, version: i32) -> WriteRequest {
    WriteRequest::SetData {
        path: path.into(),
        data: Some(b"data".to_vec()),
        version,
    }
}

/// The code that a request is refused with, or OK.
fn code(leader: &mut Leader, session: i64, request: WriteRequest) -> Code {
    match leader.ask(session, request).txn {
        Txn::Error { code } => Code(code),
        _ => Code::OK,
    }
}

#[track_caller]
fn codes(leader: &mut Leader, expected: &[(WriteRequest, Code)]) {
    for (request, expected) in expected {
        assert_eq!(code(leader, 1, request.clone()), *expected, "{request:?}");
    }
}

#[test]
fn paths_are_refused_as_apache_refuses_them() {
    let mut leader = Leader::with_sessions();
    codes(
        &mut leader,
        &[
            (create("/a", 0), Code::OK),
            (create("/a", 0), Code::NODE_EXISTS),
            (create("/", 0), Code::NODE_EXISTS),
            (create("/a/x/", 0), Code::NO_NODE),
            (create("x", 0), Code::BAD_ARGUMENTS),
            (create("", 0), Code::BAD_ARGUMENTS),
            (create("/a/../x", 0), Code::NO_NODE),
            (create("/a/.", 0), Code::BAD_ARGUMENTS),
            (create("/a/b\0", 0), Code::BAD_ARGUMENTS),
            (create("/a/", 0), Code::BAD_ARGUMENTS),
            (create("/a/", 2), Code::OK),
            (set("/a/", -1), Code::BAD_ARGUMENTS),
            (set("", -1), Code::BAD_ARGUMENTS),
            (set("/", -1), Code::OK),
            (delete("a", -1), Code::BAD_ARGUMENTS),
            (delete("/", -1), Code::BAD_ARGUMENTS),
            (delete("/zookeeper", -1), Code::BAD_ARGUMENTS),
            (delete("/zookeeper/config", -1), Code::BAD_ARGUMENTS),
            (delete("/zookeeper/quota", -1), Code::BAD_ARGUMENTS),
            (create("/zookeeper/x", 0), Code::OK),
            (delete("/zookeeper/x", -1), Code::OK),
            (delete("/a/../x", -1), Code::NO_NODE),
            (delete("/none/x", -1), Code::NO_NODE),
        ],
    );
    assert!(leader.outstanding.see(&leader.tree, "/a/0000000000").is_some());
}

#[test]
fn the_first_failing_check_decides() {
    let mut leader = Leader::with_sessions();
    let digest = |id: &str| {
        vec![Acl {
            perms: 31,
            scheme: "digest".into(),
            id: id.into(),
        }]
    };
    codes(
        &mut leader,
        &[
            (create("/a", 0), Code::OK),
            (create("/a/b", 0), Code::OK),
            (create("/e", 1), Code::OK),
            (create_with("/locked", acl(1)), Code::OK),
            // Flags, then the path's form, then the ACL, then the parent, then its permission.
            (create("", 9), Code::BAD_ARGUMENTS),
            (create("", 5), Code::BAD_ARGUMENTS),
            (create_with("", Vec::new()), Code::BAD_ARGUMENTS),
            (create_with("/none/x", Vec::new()), Code::INVALID_ACL),
            (create_with("/none/x", digest("a")), Code::INVALID_ACL),
            (create_with("/none/x", digest("a:b")), Code::NO_NODE),
            (create("/none/.", 0), Code::NO_NODE),
            (create("/locked/.", 0), Code::NO_AUTH),
            (create("/e/.", 0), Code::BAD_ARGUMENTS),
            (create("/e/x", 0), Code::NO_CHILDREN_FOR_EPHEMERALS),
            (create("/e/x", 3), Code::NO_CHILDREN_FOR_EPHEMERALS),
            // BadVersion comes before NotEmpty.
            (delete("/a", 7), Code::BAD_VERSION),
            (delete("/a", 0), Code::NOT_EMPTY),
            (delete("/locked/x", -1), Code::NO_AUTH),
            (delete("/a/x", -1), Code::NO_NODE),
            // setData: path, existence, permission, version.
            (set("/none", 3), Code::NO_NODE),
            (set("/locked", 3), Code::NO_AUTH),
            (set("/zookeeper/config", -1), Code::NO_AUTH),
            (set("/a", 3), Code::BAD_VERSION),
            (set("/a", 0), Code::OK),
            (set("/a", 1), Code::OK),
            (delete("/a/b", 0), Code::OK),
            (delete("/a", 2), Code::OK),
            (set("/a", -1), Code::NO_NODE),
        ],
    );
}

#[test]
fn a_session_that_is_unknown_closing_or_elsewhere_writes_nothing() {
    let mut leader = Leader::with_sessions();
    let writes = || [create("", 0), create("/s", 3), delete("", -1), set("", -1)];
    for write in writes() {
        assert_eq!(code(&mut leader, 9, write), Code::SESSION_EXPIRED);
    }
    assert_eq!(
        code(&mut leader, 9, create("", 9)),
        Code::BAD_ARGUMENTS,
        "flags come before the session"
    );
    for write in writes() {
        let cx = Context {
            moved: true,
            ..leader.context(1)
        };
        let entry = prepare(write, &cx, &leader.tree, &mut leader.outstanding);
        assert_eq!((entry.txn, entry.digest), (Txn::Error { code: -118 }, None));
    }
    assert_eq!(
        code(&mut leader, 9, WriteRequest::CreateSession { timeout_ms: 1 }),
        Code::OK
    );
    assert_eq!(
        code(&mut leader, 9, create("/9", 0)),
        Code::OK,
        "a session that is not applied yet"
    );
    assert_eq!(code(&mut leader, 9, WriteRequest::CloseSession), Code::OK);
    for write in writes() {
        assert_eq!(code(&mut leader, 9, write), Code::SESSION_EXPIRED);
    }
    leader.catch_up(usize::MAX);
    assert_eq!(code(&mut leader, 9, create("/x", 0)), Code::SESSION_EXPIRED);
    assert_eq!(
        code(&mut leader, 9, WriteRequest::CloseSession),
        Code::OK,
        "twice does no harm"
    );
}

#[test]
fn suffixes_count_creations_and_never_repeat() {
    let mut leader = Leader::with_sessions();
    let mut created = |request| match leader.ask(1, request).txn {
        Txn::Create { create, .. } => create.path,
        other => format!("{other:?}"),
    };
    created(create("/q", 0));
    assert_eq!(created(create("/q/n-", 2)), "/q/n-0000000000");
    assert_eq!(created(create("/q/n-", 3)), "/q/n-0000000001");
    created(create("/q/plain", 0));
    assert_eq!(created(create("/q/", 2)), "/q/0000000003");
    leader.ask(1, delete("/q/0000000003", -1));
    leader.catch_up(2);
    let Txn::Create { create: again, .. } = leader.ask(1, create("/q/", 2)).txn else {
        panic!()
    };
    assert_eq!(
        (again.path.as_str(), again.parent_cversion),
        ("/q/0000000004", Some(5))
    );
}

#[test]
fn the_last_suffixes_are_those_of_java() {
    let mut leader = Leader::with_sessions();
    leader.now(1, create("/q", 0));
    let id = leader.tree.find("/q").unwrap();
    leader.tree.change(id, "/q", |node| node.stat.cversion = i32::MAX);
    let entry = leader.ask(1, create("/q/n", 2));
    assert!(matches!(entry.txn, Txn::Create { create, .. } if create.path == "/q/n2147483647"));
    leader.catch_up(usize::MAX);
    leader.tree.change(id, "/q", |node| node.stat.cversion = -7);
    let entry = leader.ask(1, create("/q/n", 2));
    assert!(matches!(entry.txn, Txn::Create { create, .. } if create.path == "/q/n-000000007"));
    leader.catch_up(usize::MAX);
}

#[test]
fn a_closing_session_lists_what_it_owns_and_what_it_is_about_to() {
    let mut leader = Leader::with_sessions();
    leader.now(1, create("/applied", 1));
    leader.now(1, create("/deleted", 1));
    leader.now(2, create("/others", 1));
    leader.ask(1, create("/coming", 1));
    leader.ask(1, create("/plain", 0));
    leader.ask(1, delete("/deleted", -1));
    leader.ask(1, create("/short", 1));
    leader.ask(1, delete("/short", -1));
    leader.ask(2, create("/deleted", 1));
    let entry = leader.ask(1, WriteRequest::CloseSession);
    let paths = Some(vec!["/applied".to_string(), "/coming".to_string()]);
    assert_eq!(entry.txn, Txn::CloseSession { paths });
    assert_eq!(code(&mut leader, 2, delete("/applied", -1)), Code::NO_NODE);
    leader.catch_up(usize::MAX);
    assert_eq!(leader.tree.ephemerals(2).count(), 2);
    assert!(leader.outstanding.is_empty());
}

fn create_by(operation: CreateOperation, path: &str, flags: i32) -> WriteRequest {
    WriteRequest::Create {
        path: path.into(),
        data: None,
        acl: open(),
        flags,
        operation,
    }
}

#[test]
fn the_operation_decides_what_kind_of_znode_it_is() {
    let mut leader = Leader::with_sessions();
    let container = |path, flags| create_by(CreateOperation::Container, path, flags);
    let ttl = |path, flags, ttl_ms| create_by(CreateOperation::Ttl { ttl_ms }, path, flags);
    codes(
        &mut leader,
        &[
            (container("/c", 0), Code::OK),
            (container("/c/", 3), Code::OK),
            (container("/x", 5), Code::BAD_ARGUMENTS),
            (ttl("/t", 5, 1), Code::OK),
            (ttl("/c/", 6, TTL_MAX_MS), Code::OK),
            (ttl("/x", 5, 0), Code::BAD_ARGUMENTS),
            (ttl("/x", 5, TTL_MAX_MS + 1), Code::BAD_ARGUMENTS),
            (ttl("/x", 0, -1), Code::BAD_ARGUMENTS),
            (ttl("/x", 1, 5), Code::BAD_ARGUMENTS),
            (create("/x", 5), Code::BAD_ARGUMENTS),
            (create("/plain", 4), Code::OK),
        ],
    );
    leader.catch_up(usize::MAX);
    let mut kinds: Vec<_> = leader.tree.containers().collect();
    kinds.sort();
    assert_eq!(kinds, ["/c", "/c/0000000000", "/c/0000000001", "/t"]);
    leader.rules.extended_types = false;
    assert_eq!(code(&mut leader, 9, ttl("", 5, 0)), Code::UNIMPLEMENTED);
    assert_eq!(code(&mut leader, 1, container("/c2", 0)), Code::OK);
}

#[test]
fn containers_and_lifetimes_end_when_they_are_due_and_still_are() {
    let mut leader = Leader::with_sessions();
    let gone = |path: &str| WriteRequest::DeleteContainer { path: path.into() };
    for (path, operation, flags) in [
        ("/c", CreateOperation::Container, 0),
        ("/c/x", CreateOperation::Create, 1),
        ("/unused", CreateOperation::Container, 0),
        ("/plain", CreateOperation::Create, 4),
        ("/t", CreateOperation::Ttl { ttl_ms: 200 }, 5),
    ] {
        leader.now(1, create_by(operation, path, flags));
    }
    codes(
        &mut leader,
        &[
            (gone("/c"), Code::NOT_EMPTY),
            (gone("/c/x"), Code::BAD_VERSION),
            (gone("/plain"), Code::BAD_VERSION),
            (gone("/unused"), Code::BAD_VERSION),
            (gone("/t"), Code::BAD_VERSION),
            (gone("/none"), Code::NO_NODE),
            (gone("/"), Code::BAD_ARGUMENTS),
        ],
    );
    leader.catch_up(usize::MAX);
    leader.now(1, delete("/c/x", -1));
    let made_ms = leader.tree.stat("/t").unwrap().mtime_ms;
    let rules = SweepRules::default();
    assert_eq!(leader.tree.due(rules, made_ms + 200), ["/c"]);
    assert_eq!(leader.tree.due(rules, made_ms + 201), ["/c", "/t"]);
    assert!(leader.tree.due(rules, made_ms - 1000).contains(&"/c".to_string()));
    let impatient = SweepRules {
        never_used_ms: Some(10),
    };
    assert_eq!(leader.tree.due(impatient, made_ms + 201), ["/c", "/t", "/unused"]);
    assert_eq!(leader.now(0, gone("/c")), TxnResult::Deleted);
    leader.rules.sweep = impatient;
    assert_eq!(leader.now(0, gone("/unused")), TxnResult::Deleted);
    // The leader's clock goes on by 7 ms with each transaction.
    for _ in 0..30 {
        leader.now(1, set("/plain", -1));
    }
    leader.now(1, set("/t", -1));
    assert_eq!(
        code(&mut leader, 0, gone("/t")),
        Code::BAD_VERSION,
        "new data is a new life"
    );
    leader.catch_up(usize::MAX);
    for _ in 0..30 {
        leader.now(1, set("/plain", -1));
    }
    assert_eq!(leader.now(0, gone("/t")), TxnResult::Deleted);
}

fn set_acl(path: &str, acl: Vec<Acl>, version: i32) -> WriteRequest {
    WriteRequest::SetAcl {
        path: path.into(),
        acl,
        version,
    }
}

#[test]
fn a_list_is_set_by_whoever_may_and_counts_its_versions() {
    let mut leader = Leader::with_sessions();
    codes(
        &mut leader,
        &[
            (create("/a", 0), Code::OK),
            (create_with("/locked", acl(15)), Code::OK),
            // Path, form, existence, permission, version.
            (set_acl("/a/", Vec::new(), 0), Code::BAD_ARGUMENTS),
            (set_acl("/none", Vec::new(), 0), Code::INVALID_ACL),
            (set_acl("/none", open(), 0), Code::NO_NODE),
            (set_acl("/locked", open(), 7), Code::NO_AUTH),
            (set_acl("/a", open(), 7), Code::BAD_VERSION),
            (set_acl("/a", ones(16), 0), Code::OK),
            (set("/a", -1), Code::NO_AUTH),
            (set_acl("/a", ones(31), 1), Code::OK),
            (set("/a", 0), Code::OK),
            (set_acl("/zookeeper/config", open(), -1), Code::NO_AUTH),
        ],
    );
    assert_eq!(
        code(&mut leader, 3, set("/a", -1)),
        Code::NO_AUTH,
        "somebody else"
    );
    assert_eq!(code(&mut leader, 2, set("/a", -1)), Code::OK, "the superuser");
    assert_eq!(
        code(&mut leader, 2, set_acl("/zookeeper/config", open(), -1)),
        Code::OK
    );
    leader.catch_up(usize::MAX);
    let stat = leader.tree.stat("/a").unwrap();
    assert_eq!((stat.aversion, stat.version), (2, 2));
    assert!(stat.mzxid > stat.czxid && leader.events.is_empty());
}

#[test]
fn auth_becomes_who_asks() {
    let mut leader = Leader::with_sessions();
    let mut auth = ones(31);
    (auth[0].scheme, auth[0].id) = ("auth".into(), String::new());
    let entry = leader.ask(1, create_with("/a", auth.clone()));
    assert!(matches!(entry.txn, Txn::Create { create, .. } if create.acl == ones(31)));
    assert_eq!(code(&mut leader, 3, create_with("/b", auth)), Code::INVALID_ACL);
}

#[test]
fn hard_limits_are_refused_to_go_beyond_where_they_count() {
    let mut leader = Leader::with_sessions();
    let quota = |name: &str, text: &str| WriteRequest::Create {
        path: format!("/zookeeper/quota/q{name}"),
        data: Some(text.as_bytes().to_vec()),
        acl: open(),
        flags: 0,
        operation: CreateOperation::Create,
    };
    let limits = "count=1,bytes=-1=;byteHardLimit=6;countHardLimit=3";
    leader.now(1, create("/q", 0));
    for (name, text) in [("", ""), ("/zookeeper_limits", limits), ("/zookeeper_stats", "")] {
        leader.now(1, quota(name, text));
    }
    leader.rules = WriteRules {
        enforce_quota: true,
        ..leader.rules
    };
    assert_eq!(leader.now(1, set("/q", 7)), TxnResult::Error(Code::BAD_VERSION));
    assert!(
        matches!(leader.now(1, set("/q", 0)), TxnResult::DataSet(_)),
        "4 bytes of 6"
    );
    let beyond = TxnResult::Error(Code::QUOTA_EXCEEDED);
    assert!(matches!(
        leader.now(1, create("/q/a", 0)),
        TxnResult::Created { .. }
    ));
    assert_eq!(leader.now(1, set("/q/a", 7)), beyond, "before the version");
    assert!(matches!(
        leader.now(1, create("/q/b", 0)),
        TxnResult::Created { .. }
    ));
    assert_eq!(leader.now(1, create("/q/c", 0)), beyond);
    assert_eq!(
        leader.now(1, create("/q/b", 0)),
        TxnResult::Error(Code::NODE_EXISTS)
    );
    assert!(matches!(
        leader.now(1, create("/elsewhere", 0)),
        TxnResult::Created { .. }
    ));
    leader.rules.enforce_quota = false;
    assert!(matches!(
        leader.now(1, create("/q/c", 0)),
        TxnResult::Created { .. }
    ));
}

#[test]
fn a_refused_write_takes_a_zxid_and_has_no_digest() {
    let mut leader = Leader::with_sessions();
    let digest = leader.tree.digest();
    for refused in [Code::UNIMPLEMENTED, Code::MARSHALLING_ERROR] {
        let entry = leader.ask(1, WriteRequest::Refused(refused));
        assert_eq!((entry.txn, entry.digest), (Txn::Error { code: refused.0 }, None));
    }
    leader.catch_up(usize::MAX);
    assert_eq!((leader.tree.last_zxid(), leader.tree.digest()), (5, digest));
}

#[test]
fn a_session_that_only_its_server_knows_writes_and_owns_nothing() {
    let mut leader = Leader::new();
    let local = |leader: &mut Leader, request| {
        let cx = Context {
            local: true,
            ..leader.context(9)
        };
        let entry = prepare(request, &cx, &leader.tree, &mut leader.outstanding);
        leader.tree.apply(&entry, &mut WatchTable::new());
        leader.outstanding.applied(entry.header.zxid);
        entry.txn
    };
    assert!(matches!(
        local(&mut leader, create("/a", 0)),
        Txn::Create { ephemeral: false, .. }
    ));
    for flags in [1, 3] {
        assert_eq!(local(&mut leader, create("/b", flags)), Txn::Error { code: -120 });
    }
    let parts = vec![create("/c", 2), create("/d", 1), create("/e", 0)];
    let codes = |txn| match txn {
        Txn::Multi(parts) => parts
            .into_iter()
            .map(|part| match part {
                Txn::Error { code } => code,
                _ => 0,
            })
            .collect::<Vec<_>>(),
        other => panic!("{other:?}"),
    };
    assert_eq!(
        codes(local(&mut leader, WriteRequest::Multi(parts))),
        [0, -120, -2]
    );
    assert!(leader.tree.stat("/e").is_none() && leader.tree.ephemerals_count() == 0);
}

#[test]
fn without_digests_transactions_carry_none() {
    let mut leader = Leader::with_sessions();
    let cx = Context {
        with_digest: false,
        ..leader.context(1)
    };
    let entry = prepare(create("/a", 0), &cx, &leader.tree, &mut leader.outstanding);
    assert_eq!(entry.digest, None);
    leader.tree.apply(&entry, &mut WatchTable::new());
    assert!(leader.tree.stat("/a").is_some());
}
