use super::*;
use crate::tests::{acl, open};
use crate::{Event, EventKind, LoadError, SessionChange, TreeLoader, TxnDigest, WatchKind};
use EventKind::*;

fn entry(zxid: u64, txn: Txn) -> TxnEntry {
    TxnEntry {
        header: TxnHeader {
            session: 7,
            cxid: 1,
            zxid,
            time_ms: 100 + zxid as i64,
        },
        txn,
        digest: None,
    }
}

fn apply(tree: &mut Tree, zxid: u64, txn: Txn) -> TxnResult {
    tree.apply(&entry(zxid, txn), &mut WatchTable::new()).result
}

fn body(path: &str, parent_cversion: i32) -> Create {
    Create {
        path: path.into(),
        data: None,
        acl: open(),
        parent_cversion: Some(parent_cversion),
    }
}

fn create(path: &str, parent_cversion: i32) -> Txn {
    Txn::Create {
        create: body(path, parent_cversion),
        ephemeral: false,
        with_stat: false,
    }
}

fn ephemeral(path: &str, parent_cversion: i32) -> Txn {
    Txn::Create {
        create: body(path, parent_cversion),
        ephemeral: true,
        with_stat: false,
    }
}

fn delete(path: &str) -> Txn {
    Txn::Delete { path: path.into() }
}

fn stored(tree: &Tree, path: &str) -> StatPersisted {
    tree.node(tree.find(path).unwrap()).stat
}

#[test]
fn a_parents_counters_never_go_back() {
    let mut tree = Tree::new();
    apply(&mut tree, 1, create("/a", 1));
    apply(&mut tree, 9, create("/a/x", 5));
    assert_eq!((stored(&tree, "/a").cversion, stored(&tree, "/a").pzxid), (5, 9));
    apply(&mut tree, 4, create("/a/y", 3));
    assert_eq!((stored(&tree, "/a").cversion, stored(&tree, "/a").pzxid), (5, 9));
    apply(&mut tree, 6, delete("/a/y"));
    assert_eq!(stored(&tree, "/a").pzxid, 9);
    assert_eq!(tree.last_zxid(), 9);
}

#[test]
fn a_create_record_without_the_parents_counter_adds_one() {
    let mut tree = Tree::new();
    for (zxid, parent_cversion) in [(1, None), (2, Some(-1))] {
        let create = Create {
            parent_cversion,
            ..body(&format!("/{zxid}"), 0)
        };
        apply(
            &mut tree,
            zxid,
            Txn::Create {
                create,
                ephemeral: false,
                with_stat: false,
            },
        );
        assert_eq!(
            (stored(&tree, "/").cversion, stored(&tree, "/").pzxid),
            (zxid as i32, zxid)
        );
    }
}

#[test]
fn a_create_that_finds_the_znode_lifts_the_parent_and_restores_the_acl() {
    let mut tree = Tree::new();
    apply(&mut tree, 1, create("/a", 1));
    let listed = Create {
        acl: acl(1),
        ..body("/a", 4)
    };
    for (zxid, again) in [
        (
            2,
            Txn::Create {
                create: listed.clone(),
                ephemeral: false,
                with_stat: true,
            },
        ),
        (
            3,
            Txn::CreateContainer(Create {
                parent_cversion: Some(6),
                ..listed
            }),
        ),
    ] {
        assert_eq!(apply(&mut tree, zxid, again), TxnResult::Error(Code::NODE_EXISTS));
        assert_eq!(
            (stored(&tree, "/").cversion, stored(&tree, "/").pzxid),
            (2 * zxid as i32, zxid)
        );
        assert_eq!(tree.access_list(tree.find("/a").unwrap()).entries(), acl(1));
    }
    assert_eq!(stored(&tree, "/a").czxid, 1);
    assert_eq!(tree.acls().count(), 1, "/a and /zookeeper/config share a list");
    apply(&mut tree, 4, delete("/a"));
    assert_eq!(tree.acls().count(), 1);
}

#[test]
fn a_deletion_that_finds_nothing_is_still_news_of_the_parent() {
    let mut tree = Tree::new();
    apply(&mut tree, 1, create("/a", 1));
    assert_eq!(
        apply(&mut tree, 5, delete("/a/gone")),
        TxnResult::Error(Code::NO_NODE)
    );
    assert_eq!(stored(&tree, "/a").pzxid, 5);
    assert_eq!(
        apply(&mut tree, 6, delete("/b/gone")),
        TxnResult::Error(Code::NO_NODE)
    );
    assert_eq!(tree.last_zxid(), 6);
}

#[test]
fn what_is_missing_is_ignored_and_the_zxid_moves_all_the_same() {
    let mut tree = Tree::new();
    let digest = tree.digest();
    let path = || String::from("/none");
    for (zxid, txn, code) in [
        (
            1,
            Txn::SetData {
                path: path(),
                data: None,
                version: 3,
            },
            Code::NO_NODE,
        ),
        (
            2,
            Txn::SetAcl {
                path: path(),
                acl: open(),
                version: 3,
            },
            Code::NO_NODE,
        ),
        (3, create("/none/a", 1), Code::NO_NODE),
        (4, Txn::Error { code: -110 }, Code::NODE_EXISTS),
        (5, create("a", 1), Code::BAD_ARGUMENTS),
        (6, create("/", 1), Code::BAD_ARGUMENTS),
        (7, delete("/"), Code::BAD_ARGUMENTS),
        (8, delete("/zookeeper"), Code::BAD_ARGUMENTS),
        (
            9,
            Txn::CreateTtl {
                create: body("/a", 1),
                ttl_ms: 0,
            },
            Code::BAD_ARGUMENTS,
        ),
    ] {
        assert_eq!(apply(&mut tree, zxid, txn), TxnResult::Error(code));
        assert_eq!(
            (tree.last_zxid(), tree.digest(), tree.node_count()),
            (zxid, digest, 4)
        );
    }
}

#[test]
fn a_set_acl_changes_the_aversion_and_nothing_else() {
    let mut tree = Tree::new();
    apply(&mut tree, 1, create("/a", 1));
    let mut watches = WatchTable::new();
    watches.add(WatchKind::Data, "/a", 1);
    let before = stored(&tree, "/a");
    let set = Txn::SetAcl {
        path: "/a".into(),
        acl: acl(1),
        version: 1,
    };
    let outcome = tree.apply(&entry(2, set), &mut watches);
    assert!(matches!(outcome.result, TxnResult::AclSet(stat) if stat.aversion == 1));
    assert!(outcome.events.is_empty());
    assert_eq!(
        stored(&tree, "/a"),
        StatPersisted {
            aversion: 1,
            ..before
        }
    );
}

#[test]
fn a_closed_session_takes_listed_and_unlisted_ephemerals_along() {
    for (paths, expected) in [
        (None, 3),
        (Some(vec!["/a/2".to_string(), "/a/gone".to_string()]), 3),
    ] {
        let mut tree = Tree::new();
        apply(&mut tree, 1, Txn::CreateSession { timeout_ms: 4000 });
        assert_eq!(tree.session_timeout_ms(7), Some(4000));
        apply(&mut tree, 2, create("/a", 1));
        for i in 1..=3 {
            apply(&mut tree, 2 + i, ephemeral(&format!("/a/{i}"), i as i32));
        }
        let mut watches = WatchTable::new();
        (1..=3).for_each(|i| watches.add(WatchKind::Data, &format!("/a/{i}"), 9));
        let outcome = tree.apply(&entry(20, Txn::CloseSession { paths }), &mut watches);
        assert_eq!(outcome.result, TxnResult::SessionClosed);
        assert_eq!(outcome.session, Some(SessionChange::Closed { session: 7 }));
        assert_eq!(outcome.events.len(), expected);
        assert_eq!(
            (stored(&tree, "/a").pzxid, tree.stat("/a").unwrap().num_children),
            (20, 0)
        );
        assert_eq!((tree.sessions().len(), tree.ephemerals_count()), (0, 0));
    }
}

#[test]
fn each_change_fires_what_zookeeper_fires_in_its_order() {
    let mut tree = Tree::new();
    let mut watches = WatchTable::new();
    let mut fired = |zxid, txn| {
        for path in ["/", "/a", "/a/b"] {
            watches.add(WatchKind::Data, path, 1);
            watches.add(WatchKind::Child, path, 1);
        }
        let events = tree.apply(&entry(zxid, txn), &mut watches).events;
        let plain = |event: Event| (event.kind, event.path.to_string());
        events.into_iter().map(plain).collect::<Vec<_>>()
    };
    let event = |kind, path: &str| (kind, path.to_string());
    assert_eq!(
        fired(1, create("/a", 1)),
        [event(NodeCreated, "/a"), event(NodeChildrenChanged, "/")]
    );
    assert_eq!(
        fired(2, create("/a/b", 1)),
        [event(NodeCreated, "/a/b"), event(NodeChildrenChanged, "/a")]
    );
    let set = |path: &str| Txn::SetData {
        path: path.into(),
        data: None,
        version: 1,
    };
    assert_eq!(fired(3, set("/a")), [event(NodeDataChanged, "/a")]);
    assert_eq!(fired(4, set("/")), [event(NodeDataChanged, "/")]);
    assert_eq!(
        fired(5, delete("/a/b")),
        [event(NodeDeleted, "/a/b"), event(NodeChildrenChanged, "/a")]
    );
    assert_eq!(fired(6, delete("/a/b")), []);
    assert_eq!(fired(7, Txn::Error { code: -101 }), []);
    assert_eq!(
        fired(
            8,
            Txn::Check {
                path: "/a".into(),
                version: 1
            }
        ),
        []
    );
}

#[test]
fn nobody_hears_of_what_nobody_may_read() {
    let mut tree = Tree::new();
    let mut watches = WatchTable::new();
    watches.add(WatchKind::Data, "/a", 1);
    let secret = Create {
        acl: acl(30),
        ..body("/a", 1)
    };
    let txn = Txn::Create {
        create: secret,
        ephemeral: false,
        with_stat: false,
    };
    assert!(tree.apply(&entry(1, txn), &mut watches).events.is_empty());
    watches.add(WatchKind::Child, "/a", 1);
    assert!(
        tree.apply(&entry(2, create("/a/b", 1)), &mut watches)
            .events
            .is_empty()
    );
    watches.add(WatchKind::Data, "/a/b", 1);
    let events = tree.apply(&entry(3, delete("/a/b")), &mut watches).events;
    assert_eq!(events.len(), 1, "the child may be read");
    assert!(watches.is_empty());
}

#[test]
fn a_digest_that_differs_is_reported() {
    let mut tree = Tree::new();
    let mut with = |zxid, version, digest| {
        let mut entry = entry(
            zxid,
            Txn::Check {
                path: "/".into(),
                version: 1,
            },
        );
        entry.digest = Some(TxnDigest { version, digest });
        tree.apply(&entry, &mut WatchTable::new()).digest
    };
    assert_eq!(with(1, 2, 0x51c6_d660), DigestCheck::Equal);
    assert_eq!(
        with(2, 2, 1),
        DigestCheck::Differs {
            expected: 1,
            found: 0x51c6_d660
        }
    );
    assert_eq!(with(3, 1, 1), DigestCheck::Unchecked);
}

#[test]
fn what_cannot_be_applied_is_refused_before_it_is_logged() {
    let refused = |txn| entry(1, txn).can_apply();
    for ttl_ms in [0, -1, i64::MIN, TTL_MAX_MS + 1] {
        let txn = Txn::CreateTtl {
            create: body("/a", 1),
            ttl_ms,
        };
        assert_eq!(
            refused(txn.clone()),
            Err(Unsupported::Ttl {
                path: "/a".into(),
                ttl_ms
            })
        );
        assert_eq!(
            refused(Txn::Multi(vec![txn])),
            Err(Unsupported::Ttl {
                path: "/a".into(),
                ttl_ms
            })
        );
    }
    assert_eq!(
        refused(Txn::CreateTtl {
            create: body("/a", 1),
            ttl_ms: TTL_MAX_MS
        }),
        Ok(())
    );
    for path in ["", "a", "/", "/a/", "//a"] {
        assert_eq!(
            refused(create(path, 1)),
            Err(Unsupported::Path { path: path.into() })
        );
    }
    assert_eq!(
        refused(delete("/zookeeper")),
        Err(Unsupported::Special {
            path: "/zookeeper".into()
        })
    );
    let check = Txn::Check {
        path: "/".into(),
        version: 1,
    };
    for part in [
        Txn::Multi(Vec::new()),
        Txn::CloseSession { paths: None },
        Txn::CreateSession { timeout_ms: 1 },
        Txn::SetAcl {
            path: "/a".into(),
            acl: open(),
            version: 1,
        },
        Txn::Reconfig {
            path: "/a".into(),
            data: None,
            version: 1,
        },
    ] {
        assert_eq!(
            refused(Txn::Multi(vec![check.clone(), part])),
            Err(Unsupported::InMulti { part: 1 })
        );
    }
    assert_eq!(refused(Txn::Multi(vec![check, Txn::Error { code: -1 }])), Ok(()));
}

#[test]
fn a_znode_that_a_fuzzy_snapshot_holds_too_early_goes_with_its_children() {
    let mut tree = Tree::new();
    let digest = tree.digest();
    let stat = stored(&tree, "/");
    for (zxid, path) in [(1, "/a"), (2, "/a/b"), (3, "/a/b/c"), (4, "/a/d")] {
        apply(&mut tree, zxid, create(path, 1));
    }
    apply(&mut tree, 5, delete("/a"));
    assert_eq!((tree.node_count(), tree.stat("/a/b/c")), (4, None));
    tree.change(NodeId::ROOT, "/", |node| node.stat = stat);
    assert_eq!((tree.digest(), tree.approximate_data_size()), (digest, 44));
}

#[test]
fn a_loader_says_what_is_wrong() {
    let zero = StatPersisted::default();
    let path = |path: &str| String::from(path);
    assert_eq!(
        TreeLoader::new().node("/a", None, -1, zero),
        Err(LoadError::NoRoot)
    );
    assert_eq!(TreeLoader::new().finish(0, None).err(), Some(LoadError::NoRoot));
    let mut loader = TreeLoader::new();
    loader.node("", None, -1, zero).unwrap();
    for (wrong, why) in [
        ("", LoadError::Twice { path: path("") }),
        ("/", LoadError::BadPath { path: path("/") }),
        ("a", LoadError::BadPath { path: path("a") }),
        ("a/b", LoadError::BadPath { path: path("a/b") }),
        ("/b/", LoadError::BadPath { path: path("/b/") }),
        ("//b", LoadError::BadPath { path: path("//b") }),
        ("/b/c", LoadError::NoParent { path: path("/b/c") }),
    ] {
        assert_eq!(loader.node(wrong, None, -1, zero), Err(why));
    }
    loader.node("/b", None, -1, zero).unwrap();
    assert_eq!(
        loader.node("/b", None, -1, zero),
        Err(LoadError::Twice { path: path("/b") })
    );
    assert_eq!(loader.acl(-1, open()), Err(LoadError::BadAclId { id: -1 }));
    loader.acl(3, acl(3)).unwrap();
    assert_eq!(loader.acl(3, acl(4)), Err(LoadError::BadAclId { id: 3 }));
    assert_eq!(loader.finish(0, None).err(), Some(LoadError::NoZookeeper));
}

#[test]
fn a_znode_with_an_unlisted_acl_permits_nothing_until_its_creation_is_replayed() {
    let mut loader = TreeLoader::new();
    for (path, acl) in [("", -1), ("/zookeeper", -1), ("/a", 99)] {
        loader.node(path, None, acl, StatPersisted::default()).unwrap();
    }
    loader.acl(4, acl(8)).unwrap();
    assert_eq!(loader.unknown_acls(), 1);
    let mut tree = loader.finish(5, Some(9)).unwrap();
    assert_eq!(may_read(&tree, "/a"), Err(Code::NO_AUTH));
    apply(&mut tree, 6, create("/a", 1));
    assert_eq!(may_read(&tree, "/a"), Ok(()));
    assert_eq!(
        tree.acls().count(),
        1,
        "only that of /zookeeper/config, which was added, is in use"
    );
}

fn may_read(tree: &Tree, path: &str) -> Result<(), Code> {
    let list = tree.access_list(tree.find(path).unwrap());
    crate::Who::NOBODY
        .may(crate::who::Access::GetData, list)
        .map(drop)
}
