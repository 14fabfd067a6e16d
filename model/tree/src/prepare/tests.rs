use super::*;
use crate::tests::leader::Leader;
use crate::tests::{acl, open};
use crate::{TxnResult, WatchTable};

fn create(path: &str, flags: i32) -> WriteRequest {
    WriteRequest::Create {
        path: path.into(),
        data: None,
        acl: open(),
        flags,
        with_stat: false,
    }
}

fn create_with(path: &str, acl: Vec<Acl>) -> WriteRequest {
    WriteRequest::Create {
        path: path.into(),
        data: None,
        acl,
        flags: 0,
        with_stat: false,
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
            (create("", 5), Code::UNIMPLEMENTED),
            (create_with("", Vec::new()), Code::BAD_ARGUMENTS),
            (create_with("/none/x", Vec::new()), Code::INVALID_ACL),
            (create_with("/none/x", digest("a")), Code::INVALID_ACL),
            (create_with("/none/x", digest("a:b")), Code::UNIMPLEMENTED),
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

#[test]
fn a_container_goes_when_it_is_empty_and_never_an_ephemeral() {
    let mut leader = Leader::with_sessions();
    let gone = |path: &str| WriteRequest::DeleteContainer { path: path.into() };
    codes(
        &mut leader,
        &[
            (create("/c", 4), Code::OK),
            (create("/c/x", 1), Code::OK),
            (gone("/c"), Code::NOT_EMPTY),
            (gone("/c/x"), Code::BAD_VERSION),
            (gone("/none"), Code::NO_NODE),
            (gone("/"), Code::BAD_ARGUMENTS),
            (delete("/c/x", -1), Code::OK),
        ],
    );
    leader.catch_up(usize::MAX);
    assert_eq!(
        leader.tree.containers().count(),
        0,
        "flag 4 alone makes no container"
    );
    assert_eq!(leader.now(0, gone("/c")), TxnResult::Deleted);
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
