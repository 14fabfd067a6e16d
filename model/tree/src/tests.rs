//! Properties of the whole crate: what is predicted comes true, replays converge, nothing is lost.

mod fuzzy;
pub(crate) mod leader;
mod predictions;
mod recorded;

use crate::{Acl, Code, CreateOperation, SessionId, StatPersisted, Tree, TreeLoader, WriteRequest};
use proptest::prelude::*;
use std::collections::BTreeSet;

type Znode = (String, Option<Vec<u8>>, Vec<Acl>, StatPersisted);

/// All that a snapshot would hold, in an order of its own.
#[derive(Debug, PartialEq)]
struct Content {
    sessions: Vec<(SessionId, i32)>,
    znodes: Vec<Znode>,
    owners: Vec<(SessionId, Vec<String>)>,
    containers: Vec<String>,
    digest: u64,
}

impl Content {
    fn of(tree: &Tree) -> Self {
        let mut znodes = Vec::new();
        let mut unused: BTreeSet<i64> = tree.acls().map(|(id, _)| id).collect();
        let mut walk = tree.walk();
        while let Some(znode) = walk.next_node() {
            unused.remove(&znode.acl);
            let acl = match tree.acls().find(|(id, _)| *id == znode.acl) {
                Some((_, list)) => list.to_vec(),
                None => {
                    assert_eq!(znode.acl, -1, "{} has an ACL that is not listed", znode.path);
                    open()
                }
            };
            // How much there is below a quota is each server's own, and counted anew when a tree is loaded.
            let is_own = znode.path.ends_with("/zookeeper_stats");
            znodes.push((
                znode.path.to_string(),
                znode.data.filter(|_| !is_own).map(<[u8]>::to_vec),
                acl,
                *znode.stat,
            ));
        }
        assert!(unused.is_empty(), "ACL lists that no znode has: {unused:?}");
        znodes.sort_by(|one, other| one.0.cmp(&other.0));
        let sorted = |paths: &mut dyn Iterator<Item = String>| {
            let mut paths: Vec<_> = paths.collect();
            paths.sort();
            paths
        };
        let owner = |(session, _)| (session, sorted(&mut tree.ephemerals(session)));
        Content {
            sessions: tree.sessions().collect(),
            znodes,
            owners: tree.ephemeral_owners().map(owner).collect(),
            containers: sorted(&mut tree.containers()),
            digest: tree.digest(),
        }
    }
}

/// The tree written out and read back.
pub(crate) fn reloaded(tree: &Tree) -> Tree {
    reloaded_at(tree, tree.last_zxid())
}

/// The same, from a snapshot that says to be of another zxid.
fn reloaded_at(tree: &Tree, zxid: u64) -> Tree {
    let mut loader = TreeLoader::new();
    for (session, timeout_ms) in tree.sessions() {
        loader.session(session, timeout_ms);
    }
    for (id, list) in tree.acls() {
        loader.acl(id, list.to_vec()).unwrap();
    }
    let mut walk = tree.walk();
    while let Some(znode) = walk.next_node() {
        loader
            .node(znode.path, znode.data, znode.acl, *znode.stat)
            .unwrap();
    }
    loader.finish(zxid, None).unwrap()
}

pub(crate) fn acl(perms: i32) -> Vec<Acl> {
    vec![Acl {
        perms,
        scheme: "world".into(),
        id: "anyone".into(),
    }]
}

pub(crate) fn open() -> Vec<Acl> {
    acl(31)
}

/// A request and the session that makes it.
type Asked = (SessionId, WriteRequest);

pub(crate) fn paths() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => prop::sample::select(vec!["/a", "/a/b", "/a/b/c", "/a/d", "/e"]),
        2 => prop::sample::select(vec!["/a/b0000000000", "/a/0000000001", "/a/b/c0000000000", "/zookeeper/x"]),
        2 => prop::sample::select(vec![
            "/zookeeper/quota/a", "/zookeeper/quota/a/zookeeper_limits", "/zookeeper/quota/a/zookeeper_stats",
        ]),
        1 => prop::sample::select(vec!["/", "", "/zookeeper", "/zookeeper/config", "/a/", "a", "/a//b", "/\0"]),
    ]
    .prop_map(String::from)
}

fn data() -> impl Strategy<Value = Option<Vec<u8>>> {
    prop::option::of(prop::collection::vec(any::<u8>(), 0..20))
}

/// As [`acl`], for `digest:one:hash`.
pub(crate) fn ones(perms: i32) -> Vec<Acl> {
    vec![Acl {
        perms,
        scheme: "digest".into(),
        id: "one:hash".into(),
    }]
}

/// What can be part of a multi.
fn part() -> impl Strategy<Value = WriteRequest> {
    let version = prop_oneof![4 => Just(-1), 1 => 0..3];
    let flags = prop_oneof![10 => 0..4, 1 => Just(4), 1 => 5..7, 1 => -1..8];
    let operation = prop_oneof![
        4 => Just(CreateOperation::Create),
        4 => Just(CreateOperation::Create2),
        1 => Just(CreateOperation::Container),
        1 => (-1..5i64).prop_map(|ttl_ms| CreateOperation::Ttl { ttl_ms }),
    ];
    prop_oneof![
        9 => (paths(), data(), lists(), flags, operation).prop_map(|(path, data, acl, flags, operation)| {
            WriteRequest::Create { path, data, acl, flags, operation }
        }),
        5 => (paths(), version.clone()).prop_map(|(path, version)| WriteRequest::Delete { path, version }),
        4 => (paths(), data(), version.clone())
            .prop_map(|(path, data, version)| WriteRequest::SetData { path, data, version }),
        1 => (paths(), version).prop_map(|(path, version)| WriteRequest::Check { path, version }),
    ]
}

fn lists() -> impl Strategy<Value = Vec<Acl>> {
    prop_oneof![
        16 => Just(open()),
        2 => Just(acl(1)),
        2 => (0..32).prop_map(acl),
        2 => (0..32).prop_map(ones),
        1 => Just(Vec::new()),
    ]
}

fn asked() -> impl Strategy<Value = Asked> {
    let request = prop_oneof![
        2 => (1000..9000).prop_map(|timeout_ms| WriteRequest::CreateSession { timeout_ms }),
        1 => Just(WriteRequest::CloseSession),
        // A check outside a multi is refused.
        18 => part(),
        4 => prop::collection::vec(part(), 0..4).prop_map(WriteRequest::Multi),
        2 => (paths(), lists(), -1..3).prop_map(|(path, acl, version)| WriteRequest::SetAcl { path, acl, version }),
        1 => paths().prop_map(|path| WriteRequest::DeleteContainer { path }),
        1 => Just(WriteRequest::Refused(Code::UNIMPLEMENTED)),
    ];
    (1..4i64, request)
}
