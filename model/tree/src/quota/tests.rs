use super::*;
use crate::tests::leader::Leader;
use crate::tests::open;
use crate::{CreateOperation, WriteRequest};

fn create(path: &str, data: &str) -> WriteRequest {
    WriteRequest::Create {
        path: path.into(),
        data: Some(data.as_bytes().to_vec()),
        acl: open(),
        flags: 0,
        operation: CreateOperation::Create,
    }
}

fn delete(path: &str) -> WriteRequest {
    WriteRequest::Delete {
        path: path.into(),
        version: -1,
    }
}

fn set(path: &str, data: &str) -> WriteRequest {
    WriteRequest::SetData {
        path: path.into(),
        data: Some(data.as_bytes().to_vec()),
        version: -1,
    }
}

fn stats(tree: &Tree, quota: &str) -> String {
    let id = tree.find(&format!("{QUOTA}{quota}/{STATS}")).unwrap();
    String::from_utf8(tree.node(id).data().unwrap().to_vec()).unwrap()
}

fn with_quota(leader: &mut Leader, of: &str) {
    let mut path = QUOTA.to_string();
    for name in of[1..].split('/') {
        path = format!("{path}/{name}");
        leader.now(1, create(&path, ""));
    }
    leader.now(1, create(&format!("{path}/{LIMITS}"), "count=5,bytes=-1"));
    leader.now(1, create(&format!("{path}/{STATS}"), "count=0,bytes=0"));
}

#[test]
fn the_text_is_apaches() {
    let text = "count=4,bytes=-1=;byteHardLimit=-1;countHardLimit=7";
    let amounts = Amounts::parse(text.as_bytes());
    assert_eq!(
        (
            amounts.get("count"),
            amounts.get("bytes"),
            amounts.get("countHardLimit")
        ),
        (4, -1, 7)
    );
    assert_eq!(amounts.text(), text);
    assert_eq!(Amounts::parse(b"").text(), "count=-1,bytes=-1");
    assert_eq!(Amounts::parse(b"bytes=5,count=").text(), "count=-1,bytes=5");
    assert_eq!(Amounts::parse(b";;count=x,\xff=1,=2,bytes").get("count"), -1);
}

#[test]
fn usage_follows_what_happens_below_without_a_trace_elsewhere() {
    let mut leader = Leader::with_sessions();
    leader.now(1, create("/a", "12"));
    leader.now(1, create("/a/b", "345"));
    with_quota(&mut leader, "/a");
    let stat = |leader: &Leader| leader.tree.stat(&format!("{QUOTA}/a/{STATS}")).unwrap();
    let before = stat(&leader);
    assert_eq!(stats(&leader.tree, "/a"), "count=2,bytes=5");
    leader.now(1, create("/a/b/c", "6"));
    assert_eq!(stats(&leader.tree, "/a"), "count=3,bytes=6");
    leader.now(1, set("/a", ""));
    assert_eq!(stats(&leader.tree, "/a"), "count=3,bytes=4");
    leader.now(1, delete("/a/b/c"));
    leader.now(1, create("/ab", "123456"));
    assert_eq!(stats(&leader.tree, "/a"), "count=2,bytes=3");
    let after = stat(&leader);
    assert_eq!((after.version, after.mzxid), (before.version, before.mzxid));
    assert!(leader.events.is_empty());
    leader.now(1, delete(&format!("{QUOTA}/a/{LIMITS}")));
    leader.now(1, delete("/a/b"));
    assert_eq!(
        stats(&leader.tree, "/a"),
        "count=2,bytes=3",
        "nobody counts any more"
    );
}

#[test]
fn the_longest_path_counts() {
    let mut leader = Leader::with_sessions();
    for path in ["/a", "/a/b", "/a/b/c"] {
        leader.now(1, create(path, "x"));
    }
    with_quota(&mut leader, "/a");
    leader.now(1, create(&format!("{QUOTA}/a/b"), ""));
    leader.now(1, create(&format!("{QUOTA}/a/b/{LIMITS}"), "count=5"));
    leader.now(1, create(&format!("{QUOTA}/a/b/{STATS}"), ""));
    leader.now(1, create("/a/b/d", "yy"));
    leader.now(1, create("/a/e", "zz"));
    assert_eq!(stats(&leader.tree, "/a/b"), "count=3,bytes=4");
    assert_eq!(stats(&leader.tree, "/a"), "count=4,bytes=5");
}

#[test]
fn a_tree_that_is_loaded_counts_anew() {
    let mut leader = Leader::with_sessions();
    leader.now(1, create("/a", "12"));
    with_quota(&mut leader, "/a");
    leader.now(1, set(&format!("{QUOTA}/a/{STATS}"), "nonsense"));
    let mut tree = crate::tests::reloaded(&leader.tree);
    assert_eq!(stats(&tree, "/a"), "count=1,bytes=2");
    assert_eq!(tree.check_quota(&Outstanding::new(), "/a/b", 1, 1), Ok(()));
    tree.quota_deleted(&format!("{QUOTA}/a/{LIMITS}"));
    assert!(tree.quotas().is_empty());
}

#[test]
fn only_a_path_can_have_a_quota() {
    for (path, of) in [
        ("/zookeeper/quota/a/zookeeper_limits", Some("/a")),
        ("/zookeeper/quota/a/b/zookeeper_limits", Some("/a/b")),
        ("/zookeeper/quota/zookeeper_limits", None),
        ("/zookeeper/quotax/zookeeper_limits", None),
        ("/zookeeper/quota/a/xzookeeper_limits", None),
        ("/a/zookeeper_limits", None),
    ] {
        assert_eq!(about(path, LIMITS), of, "{path}");
    }
}

#[test]
fn what_is_outstanding_counts_and_limits_that_are_about_to_go_do_not() {
    let mut leader = Leader::with_sessions();
    leader.rules.enforce_quota = true;
    leader.now(1, create("/a", ""));
    with_quota(&mut leader, "/a");
    let limits = format!("{QUOTA}/a/{LIMITS}");
    leader.now(
        1,
        set(&limits, "count=-1,bytes=-1=;byteHardLimit=4;countHardLimit=3"),
    );
    let mut code = |request| match leader.ask(1, request).txn {
        crate::Txn::Error { code } => Code(code),
        _ => Code::OK,
    };
    for (request, expected) in [
        (create("/ab", "12345"), Code::OK),
        (create("/a/1", "12"), Code::OK),
        (create("/a/2", ""), Code::OK),
        (create("/a/3", ""), Code::QUOTA_EXCEEDED),
        (set("/a/2", "345"), Code::QUOTA_EXCEEDED),
        (delete("/a/1"), Code::OK),
        (set("/a/2", "3456"), Code::OK),
        (create("/a/3", ""), Code::OK),
        (create("/a/4", ""), Code::QUOTA_EXCEEDED),
        (delete(&limits), Code::OK),
        (create("/a/4", "12345"), Code::OK),
    ] {
        assert_eq!(code(request.clone()), expected, "{request:?}");
    }
}
