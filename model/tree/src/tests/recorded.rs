//! What Apache ZooKeeper 3.9.3 was seen to do.

use super::leader::Leader;
use super::*;
use crate::{
    Create, DigestCheck, Exported, Stat, Txn, TxnDigest, TxnEntry, TxnHeader, TxnResult, WatchTable,
};

fn recorded(session: i64, cxid: i32, zxid: u64, time_ms: i64, txn: Txn, digest: u64) -> TxnEntry {
    let header = TxnHeader {
        session,
        cxid,
        zxid,
        time_ms,
    };
    TxnEntry {
        header,
        txn,
        digest: Some(TxnDigest { version: 2, digest }),
    }
}

fn create(path: &str, data: &[u8], parent_cversion: i32) -> Create {
    Create {
        path: path.into(),
        data: Some(data.to_vec()),
        acl: open(),
        parent_cversion: Some(parent_cversion),
    }
}

/// The first three records of a captured log.
#[test]
fn the_digests_in_a_captured_log_are_those_of_the_tree() {
    let session = 0x0100_0023_1bfd_0000;
    let mut tree = Tree::new();
    let made = create("/ref", b"hello", 1);
    let sequential = create("/ref/s-0000000000", b"", 1);
    let log = [
        recorded(
            session,
            0,
            0x1_0000_0001,
            1_795_246_087_382,
            Txn::CreateSession { timeout_ms: 10_000 },
            0x51c6_d660,
        ),
        recorded(
            session,
            1,
            0x1_0000_0002,
            1_795_246_087_455,
            Txn::Create {
                create: made,
                ephemeral: false,
                with_stat: false,
            },
            0x1_e2e8_52e2,
        ),
        recorded(
            session,
            2,
            0x1_0000_0003,
            1_795_246_087_507,
            Txn::Create {
                create: sequential,
                ephemeral: false,
                with_stat: true,
            },
            0x3_2ba2_8ec5,
        ),
    ];
    assert_eq!(tree.digest(), 0x51c6_d660);
    for entry in log {
        assert_eq!(
            tree.apply(&entry, &mut WatchTable::new()).digest,
            DigestCheck::Equal,
            "{entry:?}"
        );
    }
}

/// `snapshot.0` of a captured ensemble.
#[test]
fn a_captured_snapshot_is_loaded_and_comes_out_again() {
    let zero = StatPersisted::default();
    let config = StatPersisted {
        mtime_ms: 0x1a1_fd00_ff02,
        version: -1,
        aversion: -1,
        ..zero
    };
    let znodes: [(&str, &[u8], i64, StatPersisted); 4] = [
        ("", b"", -1, zero),
        ("/zookeeper", b"", -1, zero),
        ("/zookeeper/config", b"server.1=...\nversion=0", 1, config),
        ("/zookeeper/quota", b"", -1, zero),
    ];
    let mut loader = TreeLoader::new();
    loader.acl(1, acl(1)).unwrap();
    for (path, data, acl, stat) in znodes {
        loader.node(path, Some(data), acl, stat).unwrap();
    }
    let tree = loader.finish(0, Some(0)).unwrap();
    assert_eq!(tree.digest(), 0x51c6_d660);
    let mut written = Vec::new();
    let mut walk = tree.walk();
    while let Some(Exported {
        path,
        data,
        acl,
        stat,
    }) = walk.next_node()
    {
        written.push((path.to_string(), data.unwrap().to_vec(), acl, *stat));
    }
    written.sort_by(|one, other| one.0.cmp(&other.0));
    let expected = znodes.map(|(path, data, acl, stat)| (path.to_string(), data.to_vec(), acl, stat));
    assert_eq!(written, expected);
    assert_eq!(tree.acls().collect::<Vec<_>>(), [(1, &acl(1)[..])]);
}

#[test]
fn a_server_writes_its_configuration_as_apache_does() {
    let mut tree = Tree::new();
    let before = tree.digest();
    tree.set_config(b"version=0", 0, 0x1a1_fd00_ff02, &mut WatchTable::new());
    let mut walk = tree.walk();
    while let Some(znode) = walk.next_node() {
        if znode.path == "/zookeeper/config" {
            let stat = StatPersisted {
                mtime_ms: 0x1a1_fd00_ff02,
                version: -1,
                aversion: -1,
                ..Default::default()
            };
            assert_eq!((znode.data, *znode.stat), (Some(&b"version=0"[..]), stat));
        }
    }
    assert_eq!((tree.digest(), tree.last_zxid()), (before, 0));
}

/// The beginning of a captured client's session: its replies' stats.
#[test]
fn a_captured_client_gets_the_same_stats() {
    const V: &str = "/v1795246975";
    let session = 0x0100_002f_aa5e_0000;
    let mut leader = Leader::new();
    let mut at = |counter: u64, time_ms: i64, txn: Txn| {
        let header = TxnHeader {
            session,
            cxid: 1,
            zxid: 0x5_0000_0000 + counter,
            time_ms: 1_795_246_975_000 + time_ms,
        };
        leader
            .tree
            .apply(
                &TxnEntry {
                    header,
                    txn,
                    digest: None,
                },
                &mut WatchTable::new(),
            )
            .result
    };
    let path = |name: &str| format!("{V}/{name}");
    let single = |name: &str, cversion| create(&path(name), b"", cversion);
    let created = |counter: u64, time_ms: i64, ephemeral_owner| Stat {
        czxid: 0x5_0000_0000 + counter,
        mzxid: 0x5_0000_0000 + counter,
        ctime_ms: 1_795_246_975_000 + time_ms,
        mtime_ms: 1_795_246_975_000 + time_ms,
        ephemeral_owner,
        pzxid: 0x5_0000_0000 + counter,
        ..Stat::default()
    };
    at(1, 0, Txn::CreateSession { timeout_ms: 10_000 });
    let plain = |create, ephemeral, with_stat| Txn::Create {
        create,
        ephemeral,
        with_stat,
    };
    assert_eq!(
        at(2, 379, plain(create(V, b"hello", 1), false, false)),
        TxnResult::Created {
            path: V.into(),
            stat: None
        }
    );
    let expected = |name: &str, stat| TxnResult::Created {
        path: path(name),
        stat: Some(stat),
    };
    let name = "s-0000000000";
    assert_eq!(
        at(3, 389, plain(single(name, 1), false, true)),
        expected(name, created(3, 389, 0))
    );
    assert_eq!(
        at(4, 396, plain(single("e", 2), true, true)),
        expected("e", created(4, 396, session))
    );
    assert_eq!(
        at(5, 400, Txn::CreateContainer(single("c", 3))),
        expected("c", created(5, 400, 0))
    );
    let ttl = Txn::CreateTtl {
        create: single("t", 4),
        ttl_ms: 600_000,
    };
    assert_eq!(at(6, 406, ttl), expected("t", created(6, 406, 0)));
    at(
        7,
        413,
        plain(
            Create {
                data: None,
                ..single("n", 5)
            },
            false,
            false,
        ),
    );
    assert_eq!(
        at(8, 420, Txn::Error { code: -110 }),
        TxnResult::Error(Code::NODE_EXISTS)
    );
    let set = Txn::SetData {
        path: V.into(),
        data: Some(b"v1".to_vec()),
        version: 1,
    };
    let stat = Stat {
        mzxid: 0x5_0000_0009,
        mtime_ms: 1_795_246_975_427,
        version: 1,
        cversion: 5,
        data_length: 2,
        num_children: 5,
        pzxid: 0x5_0000_0007,
        ..created(2, 379, 0)
    };
    assert_eq!(at(9, 427, set), TxnResult::DataSet(stat));
    let set_acl = Txn::SetAcl {
        path: path("n"),
        acl: open(),
        version: 1,
    };
    assert_eq!(
        at(11, 440, set_acl),
        TxnResult::AclSet(Stat {
            aversion: 1,
            ..created(7, 413, 0)
        })
    );
}

/// The same client's two multis, as they are in the log.
#[test]
fn a_captured_multi_is_all_or_nothing() {
    let mut tree = Tree::new();
    let header = TxnHeader {
        session: 1,
        cxid: 28,
        zxid: 0x5_0000_000d,
        time_ms: 1_795_246_975_486,
    };
    let mut apply = |zxid, parts| {
        let header = TxnHeader { zxid, ..header };
        tree.apply(
            &TxnEntry {
                header,
                txn: Txn::Multi(parts),
                digest: None,
            },
            &mut WatchTable::new(),
        )
        .result
    };
    let plain = |create, with_stat| Txn::Create {
        create,
        ephemeral: false,
        with_stat,
    };
    let stat = Stat {
        czxid: header.zxid,
        mzxid: header.zxid,
        ctime_ms: header.time_ms,
        mtime_ms: header.time_ms,
        pzxid: header.zxid,
        ..Stat::default()
    };
    let made = |path: &str| TxnResult::Created {
        path: path.into(),
        stat: Some(stat),
    };
    let result = apply(
        header.zxid,
        vec![
            plain(create("/m", b"a", 1), false),
            plain(create("/m/s-0000000000", b"", 1), true),
            Txn::SetData {
                path: "/m".into(),
                data: Some(b"b".to_vec()),
                version: 1,
            },
            Txn::Check {
                path: "/m".into(),
                version: 2,
            },
            Txn::CreateContainer(create("/m/c", b"", 2)),
            Txn::CreateTtl {
                create: create("/m/t", b"", 3),
                ttl_ms: 600_000,
            },
            Txn::Delete { path: "/m/c".into() },
        ],
    );
    let set = Stat {
        version: 1,
        cversion: 1,
        data_length: 1,
        num_children: 1,
        ..stat
    };
    assert_eq!(
        result,
        TxnResult::Multi(vec![
            TxnResult::Created {
                path: "/m".into(),
                stat: None
            },
            made("/m/s-0000000000"),
            TxnResult::DataSet(set),
            TxnResult::Checked,
            made("/m/c"),
            made("/m/t"),
            TxnResult::Deleted,
        ])
    );
    let failed = apply(
        header.zxid + 1,
        vec![
            plain(create("/m2", b"", 2), false),
            Txn::Error { code: -103 },
            Txn::Error { code: -2 },
        ],
    );
    let errors = [Code::OK, Code::BAD_VERSION, Code::RUNTIME_INCONSISTENCY];
    assert_eq!(failed, TxnResult::Multi(errors.map(TxnResult::Error).to_vec()));
    assert_eq!((tree.stat("/m2"), tree.last_zxid()), (None, header.zxid + 1));
    let m = tree.stat("/m").unwrap();
    assert_eq!(
        (m.cversion, m.num_children),
        (4, 2),
        "as the captured exists says: three created, one deleted"
    );
}
