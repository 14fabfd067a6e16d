//! All parts of a multi or none.

use super::*;
use crate::Outstanding;
use crate::tests::paths;
use proptest::prelude::*;

fn multi(parts: &[WriteRequest]) -> WriteRequest {
    WriteRequest::Multi(parts.to_vec())
}

fn check(path: &str, version: i32) -> WriteRequest {
    WriteRequest::Check {
        path: path.into(),
        version,
    }
}

fn errors(results: &[Code]) -> TxnResult {
    TxnResult::Multi(results.iter().map(|&code| TxnResult::Error(code)).collect())
}

#[test]
fn parts_see_what_the_ones_before_them_do() {
    let mut leader = Leader::with_sessions();
    let result = leader.now(
        1,
        multi(&[
            create("/q", 0),
            check("/q", 0),
            create("/q/n-", 2),
            create("/q/n-", 3),
            set("/q", 0),
            check("/q", 1),
            delete("/q/n-0000000000", 0),
        ]),
    );
    let TxnResult::Multi(results) = result else {
        panic!("{result:?}")
    };
    assert_eq!(results.len(), 7);
    assert!(
        results
            .iter()
            .all(|result| !matches!(result, TxnResult::Error(_))),
        "{results:?}"
    );
    let stat = leader.tree.stat("/q").unwrap();
    assert_eq!((stat.czxid, stat.mzxid, stat.pzxid), (4, 4, 4), "one zxid");
    assert_eq!(leader.tree.ephemerals(1).collect::<Vec<_>>(), ["/q/n-0000000001"]);
}

#[test]
fn at_the_first_failure_nothing_has_an_effect() {
    let mut leader = Leader::with_sessions();
    leader.now(1, create("/a", 0));
    let digest = leader.tree.digest();
    let parts = [
        create("/b", 0),
        create("/a/s", 2),
        set("/a", 0),
        check("/none", 0),
        delete("/none", 0),
    ];
    assert_eq!(
        leader.now(1, multi(&parts)),
        errors(&[
            Code::OK,
            Code::OK,
            Code::OK,
            Code::NO_NODE,
            Code::RUNTIME_INCONSISTENCY
        ])
    );
    assert_eq!((leader.tree.digest(), leader.tree.last_zxid()), (digest, 5));
    let entry = leader.ask(1, create("/a/s", 2));
    assert!(
        matches!(&entry.txn, Txn::Create { create, .. } if create.path == "/a/s0000000000"),
        "the suffix was not used up (ZOOKEEPER-1624): {entry:?}"
    );
}

#[test]
fn a_failed_multi_is_logged_with_the_parts_that_had_not_failed() {
    let mut leader = Leader::with_sessions();
    let Txn::Multi(parts) = leader
        .ask(1, multi(&[create("/a", 0), set("/none", 0), create("/b", 0)]))
        .txn
    else {
        panic!()
    };
    assert!(matches!(parts[0], Txn::Create { .. }));
    assert_eq!(parts[1..], [Txn::Error { code: -101 }, Txn::Error { code: -2 }]);
}

#[test]
fn what_no_multi_may_have_fails_it() {
    let mut leader = Leader::with_sessions();
    for part in [
        WriteRequest::CloseSession,
        multi(&[]),
        WriteRequest::DeleteContainer { path: "/a".into() },
        set_acl("/", open(), -1),
        WriteRequest::Refused(Code::MARSHALLING_ERROR),
    ] {
        assert_eq!(leader.now(1, multi(&[part])), errors(&[Code::MARSHALLING_ERROR]));
    }
    assert_eq!(leader.now(1, multi(&[])), TxnResult::Multi(Vec::new()));
    assert_eq!(
        code(&mut leader, 1, check("/", -1)),
        Code::UNIMPLEMENTED,
        "outside a multi there is no check"
    );
}

#[test]
fn each_part_is_permitted_for_itself() {
    let mut leader = Leader::with_sessions();
    leader.now(1, create_with("/ones", ones(31)));
    let parts = [create("/a", 0), create("/ones/a", 0)];
    assert_eq!(leader.now(3, multi(&parts)), errors(&[Code::OK, Code::NO_AUTH]));
    assert_eq!(
        leader.now(3, multi(&[check("/ones", 0)])),
        errors(&[Code::NO_AUTH])
    );
    assert!(leader.tree.stat("/a").is_none());
    let TxnResult::Multi(results) = leader.now(1, multi(&parts)) else {
        panic!()
    };
    assert!(matches!(results[1], TxnResult::Created { .. }));
}

#[test]
fn a_session_elsewhere_fails_every_multi_but_an_empty_one() {
    let mut leader = Leader::with_sessions();
    assert_eq!(
        leader.now(9, multi(&[create("/a", 0)])),
        errors(&[Code::SESSION_EXPIRED])
    );
    let cx = Context {
        moved: true,
        ..leader.context(1)
    };
    let entry = prepare(
        multi(&[create("/a", 0)]),
        &cx,
        &leader.tree,
        &mut leader.outstanding,
    );
    assert_eq!(entry.txn, Txn::Multi(vec![Txn::Error { code: -118 }]));
}

proptest! {
    /// Whatever is outstanding, and whatever the parts do before one fails.
    #[test]
    fn a_failed_multi_leaves_no_trace(
        before in prop::collection::vec((paths(), 0..4i32), 0..20),
        parts in prop::collection::vec((paths(), 0..7i32), 0..8),
        applied in 0usize..20,
    ) {
        let mut leader = Leader::with_sessions();
        for (path, flags) in before {
            leader.ask(1, create(&path, flags));
        }
        leader.catch_up(applied);
        let was: Outstanding = leader.outstanding.clone();
        let mut parts: Vec<_> = parts
            .into_iter()
            .map(|(path, what)| match what {
                0..4 => create(&path, what),
                4 => delete(&path, -1),
                _ => set(&path, -1),
            })
            .collect();
        parts.push(check("/never", -1));
        let cx = leader.context(1);
        prepare(WriteRequest::Multi(parts), &cx, &leader.tree, &mut leader.outstanding);
        prop_assert_eq!(was, leader.outstanding);
    }
}
