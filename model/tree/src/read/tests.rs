use super::*;
use crate::tests::leader::Leader;
use crate::tests::{acl, open};
use crate::{Create, Txn, TxnEntry, TxnHeader, WriteRequest};
use EventKind::*;

fn tree() -> Tree {
    let mut leader = Leader::with_sessions();
    let digest = |perms| Acl {
        perms,
        scheme: "digest".into(),
        id: "bob:hash".into(),
    };
    for (path, acl, ephemeral) in [
        ("/a", open(), false),
        ("/a/b", open(), false),
        ("/a/e", open(), true),
        ("/secret", acl(30), false),
        ("/bobs", vec![digest(31), acl(1)[0].clone()], false),
        ("/nobodys", vec![digest(31)], false),
    ] {
        let cx = leader.context(1);
        let create = Create {
            path: path.into(),
            data: Some(b"x".to_vec()),
            acl,
            parent_cversion: None,
        };
        let header = TxnHeader {
            session: 1,
            cxid: 1,
            zxid: cx.zxid,
            time_ms: cx.time_ms,
        };
        let txn = Txn::Create {
            create,
            ephemeral,
            with_stat: false,
        };
        leader.tree.apply(
            &TxnEntry {
                header,
                txn,
                digest: None,
            },
            &mut WatchTable::new(),
        );
    }
    leader.tree
}

fn read<'t>(tree: &'t Tree, watches: &mut WatchTable, request: ReadRequest) -> Result<ReadReply<'t>, Code> {
    tree.read(
        &request,
        &mut Reader {
            session: 1,
            who: Who::NOBODY,
            watcher: 9,
            watches,
        },
    )
}

fn all(path: &str) -> [ReadRequest; 6] {
    let path = || path.to_string();
    [
        ReadRequest::Exists {
            path: path(),
            watch: true,
        },
        ReadRequest::GetData {
            path: path(),
            watch: true,
        },
        ReadRequest::GetChildren {
            path: path(),
            watch: true,
        },
        ReadRequest::GetChildren2 {
            path: path(),
            watch: true,
        },
        ReadRequest::GetAllChildrenNumber { path: path() },
        ReadRequest::GetAcl { path: path() },
    ]
}

#[test]
fn reads_answer_what_the_tree_holds_and_leave_watches() {
    let tree = tree();
    let mut watches = WatchTable::new();
    let stat = tree.stat("/a").unwrap();
    assert_eq!((stat.num_children, stat.cversion, stat.data_length), (2, 2, 1));
    for request in all("/a") {
        match read(&tree, &mut watches, request).unwrap() {
            ReadReply::Stat(found) => assert_eq!(found, stat),
            ReadReply::Data { data, stat: found } => assert_eq!((data, found), (Some(&b"x"[..]), stat)),
            ReadReply::Children(children) => assert_eq!(children.len(), 2),
            ReadReply::Children2 {
                children,
                stat: found,
            } => {
                let mut names: Vec<_> = children.collect();
                names.sort_unstable();
                assert_eq!((names, found), (vec!["b", "e"], stat));
            }
            ReadReply::Acl { acl, stat: found } => assert_eq!((acl, found), (open(), stat)),
            ReadReply::Count(count) => assert_eq!(count, 2),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(watches.len(), 2);
    assert!(
        watches.contains(WatchKind::Data, "/a", 9, None) && watches.contains(WatchKind::Child, "/a", 9, None)
    );
}

#[test]
fn only_exists_watches_what_is_missing() {
    let tree = tree();
    let mut watches = WatchTable::new();
    for path in ["/none", "none", "/a/", "/a//b"] {
        for request in &all(path)[1..] {
            assert_eq!(
                read(&tree, &mut watches, request.clone()).unwrap_err(),
                Code::NO_NODE
            );
        }
        assert!(watches.is_empty());
        assert_eq!(
            read(&tree, &mut watches, all(path)[0].clone()).unwrap_err(),
            Code::NO_NODE
        );
        assert!(watches.remove(WatchKind::Data, path, 9, None));
    }
    assert_eq!(
        read(&tree, &mut watches, all("/a\0")[0].clone()).unwrap_err(),
        Code::BAD_ARGUMENTS
    );
    assert!(watches.is_empty());
}

#[test]
fn what_may_not_be_read_is_neither_shown_nor_watched() {
    let tree = tree();
    let mut watches = WatchTable::new();
    for path in ["/secret", "/nobodys"] {
        for request in &all(path)[..5] {
            assert_eq!(
                read(&tree, &mut watches, request.clone()).unwrap_err(),
                Code::NO_AUTH
            );
        }
    }
    assert!(watches.is_empty());
    let list = |path: &str| match read(&tree, &mut WatchTable::new(), all(path)[5].clone()) {
        Ok(ReadReply::Acl { acl, .. }) => Ok(acl),
        Ok(other) => panic!("{other:?}"),
        Err(code) => Err(code),
    };
    assert_eq!(list("/secret"), Ok(acl(30)), "ADMIN is enough for getACL");
    assert_eq!(list("/nobodys"), Err(Code::NO_AUTH));
    assert_eq!(
        list("/bobs").unwrap()[0].id,
        "bob:x",
        "without ADMIN hashes are masked"
    );
}

#[test]
fn the_root_has_two_names() {
    let tree = tree();
    let mut watches = WatchTable::new();
    for (path, below) in [("/", 9), ("", 10)] {
        let ReadReply::Count(count) = read(&tree, &mut watches, all(path)[4].clone()).unwrap() else {
            panic!()
        };
        assert_eq!(count, below, "by its empty name it is counted too");
        read(&tree, &mut watches, all(path)[2].clone()).unwrap();
        let check = ReadRequest::CheckWatches {
            path: path.into(),
            kind: 3,
        };
        assert!(
            read(&tree, &mut watches, check).is_ok(),
            "the watch is found by the name {path:?}"
        );
    }
    assert_eq!(watches.len(), 2, "a watch on the empty path is one of its own");
}

#[test]
fn ephemerals_are_those_of_the_session_with_the_prefix_as_text() {
    let tree = tree();
    let paths = |prefix: Option<&str>| {
        let request = ReadRequest::GetEphemerals {
            prefix: prefix.map(String::from),
        };
        match read(&tree, &mut WatchTable::new(), request) {
            Ok(ReadReply::Paths(paths)) => paths,
            other => panic!("{other:?}"),
        }
    };
    for prefix in [
        None,
        Some(""),
        Some(" "),
        Some("/"),
        Some(" /\t"),
        Some("/a"),
        Some("/a/"),
    ] {
        assert_eq!(paths(prefix), ["/a/e"], "{prefix:?}");
    }
    assert!(paths(Some("/b")).is_empty());
}

#[test]
fn watches_are_checked_and_removed_by_type() {
    let tree = tree();
    let mut watches = WatchTable::new();
    let check = |kind| ReadRequest::CheckWatches {
        path: "/a".into(),
        kind,
    };
    let remove = |kind| ReadRequest::RemoveWatches {
        path: "/a".into(),
        kind,
    };
    watches.add(WatchKind::Data, "/a", 9);
    let mut code = |request| read(&tree, &mut watches, request).err();
    for (kind, expected) in [
        (1, Some(Code::NO_WATCHER)),
        (2, None),
        (3, None),
        (4, Some(Code::NO_WATCHER)),
        (5, Some(Code::NO_WATCHER)),
        (6, Some(Code::MARSHALLING_ERROR)),
    ] {
        assert_eq!(code(check(kind)), expected, "{kind}");
    }
    assert_eq!(code(remove(1)), Some(Code::NO_WATCHER));
    assert_eq!(code(remove(3)), None);
    assert_eq!(code(remove(3)), Some(Code::NO_WATCHER));
}

#[test]
fn a_client_that_comes_back_hears_at_once_what_it_missed() {
    let mut leader = Leader::of(tree());
    let seen = leader.tree.last_zxid();
    leader.now(
        1,
        WriteRequest::SetData {
            path: "/a/b".into(),
            data: None,
            version: -1,
        },
    );
    leader.now(
        1,
        WriteRequest::Delete {
            path: "/a/e".into(),
            version: -1,
        },
    );
    let mut watches = WatchTable::new();
    let paths = |paths: &[&str]| paths.iter().map(ToString::to_string).collect::<Vec<_>>();
    let request = ReadRequest::SetWatches(SetWatches {
        relative_zxid: seen,
        data: paths(&["/a", "/a/b", "/a/e"]),
        exist: paths(&["/a/b", "/none"]),
        child: paths(&["/", "/a", "/a/b", "/a/e"]),
        ..SetWatches::default()
    });
    let Ok(ReadReply::Replayed(events)) = read(&leader.tree, &mut watches, request) else {
        panic!()
    };
    let events: Vec<_> = events
        .iter()
        .map(|event| (event.watcher, event.kind, &*event.path))
        .collect();
    assert_eq!(
        events,
        [
            (9, NodeDataChanged, "/a/b"),
            (9, NodeDeleted, "/a/e"),
            (9, NodeCreated, "/a/b"),
            (9, NodeChildrenChanged, "/a"),
            (9, NodeDeleted, "/a/e"),
        ]
    );
    assert_eq!(watches.len(), 4);
    for (kind, path) in [
        (WatchKind::Data, "/a"),
        (WatchKind::Data, "/none"),
        (WatchKind::Child, "/"),
        (WatchKind::Child, "/a/b"),
    ] {
        assert!(watches.contains(kind, path, 9, None), "{path}");
    }
    let ancient = SetWatches {
        relative_zxid: -1i64 as u64,
        data: paths(&["/"]),
        ..SetWatches::default()
    };
    let reply = read(&leader.tree, &mut watches, ReadRequest::SetWatches(ancient));
    assert!(
        matches!(reply, Ok(ReadReply::Replayed(events)) if events.len() == 1),
        "0 is later than -1"
    );
}

#[test]
fn whoever_a_list_names_is_shown_what_it_says() {
    let tree = tree();
    let bob = Who::new(vec![crate::Id::new("digest", "bob:hash")]);
    let mut watches = WatchTable::new();
    let mut reader = Reader {
        session: 1,
        who: &bob,
        watcher: 9,
        watches: &mut watches,
    };
    for request in all("/nobodys") {
        assert!(tree.read(&request, &mut reader).is_ok(), "{request:?}");
    }
    let Ok(ReadReply::Acl { acl, .. }) = tree.read(&all("/bobs")[5], &mut reader) else {
        panic!()
    };
    assert_eq!(acl[0].id, "bob:hash", "with ADMIN hashes are shown");
    assert_eq!(tree.may_have_everything(&bob), Ok(()), "the root is anybody's");
}

#[test]
fn watches_that_stay_are_set_whatever_there_is() {
    let tree = tree();
    let mut watches = WatchTable::new();
    let add = |path: &str, mode| ReadRequest::AddWatch {
        path: path.into(),
        mode,
    };
    for (path, mode) in [("/none", 0), ("/secret", 1), ("", 1)] {
        assert!(matches!(
            read(&tree, &mut watches, add(path, mode)),
            Ok(ReadReply::WatchAdded)
        ));
    }
    for mode in [-1, 2] {
        assert_eq!(
            read(&tree, &mut watches, add("/a", mode)).unwrap_err(),
            Code::MARSHALLING_ERROR
        );
    }
    let check = |path: &str, kind| ReadRequest::CheckWatches {
        path: path.into(),
        kind,
    };
    for (path, kind, found) in [
        ("/none", 4, true),
        ("/none", 5, false),
        ("/none", 1, false),
        ("/none", 2, false),
        ("/none", 3, true),
        ("/secret", 5, true),
        ("/secret", 4, false),
        ("", 5, true),
        ("/", 5, false),
    ] {
        assert_eq!(
            read(&tree, &mut watches, check(path, kind)).is_ok(),
            found,
            "{path} {kind}"
        );
    }
    let lists = SetWatches {
        persistent: vec!["/p".into()],
        persistent_recursive: vec!["/r".into()],
        ..SetWatches::default()
    };
    read(&tree, &mut watches, ReadRequest::SetWatches(lists)).unwrap();
    assert!(watches.contains(WatchKind::Child, "/p", 9, Some(WatchMode::Persistent)));
    assert!(watches.contains(WatchKind::Data, "/r", 9, Some(WatchMode::PersistentRecursive)));
}

#[test]
fn who_comes_back_hears_nothing_of_what_he_may_not_read() {
    let tree = tree();
    let mut watches = WatchTable::new();
    let lists = SetWatches {
        data: vec!["/nobodys".into(), "/none".into()],
        exist: vec!["/secret".into()],
        child: vec!["/nobodys".into()],
        ..SetWatches::default()
    };
    let Ok(ReadReply::Replayed(events)) = read(&tree, &mut watches, ReadRequest::SetWatches(lists)) else {
        panic!()
    };
    let told: Vec<_> = events.iter().map(|event| (event.kind, &*event.path)).collect();
    assert_eq!(told, [(NodeDeleted, "/none")]);
    assert!(watches.is_empty());
}

#[test]
fn each_part_of_a_multi_read_is_answered_for_itself() {
    let tree = tree();
    let mut watches = WatchTable::new();
    let data = |path: &str| ReadRequest::GetData {
        path: path.into(),
        watch: false,
    };
    let parts = vec![data("/a"), data("/none"), data("/secret"), data("/a/b")];
    let Ok(ReadReply::Multi(answers)) = read(&tree, &mut watches, ReadRequest::Multi(parts)) else {
        panic!()
    };
    let codes: Vec<_> = answers
        .iter()
        .map(|answer| answer.as_ref().err().copied())
        .collect();
    assert_eq!(codes, [None, Some(Code::NO_NODE), Some(Code::NO_AUTH), None]);
}
