//! Replays over snapshots that were written while transactions were applied.

use super::leader::Leader;
use super::*;
use crate::{DigestCheck, Txn, TxnEntry, TxnHeader, TxnResult, WatchTable};

/// What goes into the log: also what no client can ask for yet.
#[derive(Clone, Debug)]
enum Logged {
    Asked(Asked),
    Config(Vec<u8>),
}

fn logged() -> impl Strategy<Value = Logged> {
    prop_oneof![
        18 => asked().prop_map(Logged::Asked),
        1 => prop::collection::vec(any::<u8>(), 0..9).prop_map(Logged::Config),
    ]
}

/// The log of a leader that applies at once.
fn log_of(steps: Vec<Logged>) -> Vec<TxnEntry> {
    let mut leader = Leader::with_sessions();
    for step in steps {
        write(&mut leader, step);
    }
    leader.log
}

fn write(leader: &mut Leader, step: Logged) {
    let txn = match step {
        Logged::Asked((session, request)) => {
            leader.now(session, request);
            return;
        }
        Logged::Config(data) => Txn::Reconfig {
            path: crate::path::CONFIG.into(),
            data: Some(data),
            version: -1,
        },
    };
    let cx = leader.context(1);
    let header = TxnHeader {
        session: cx.session,
        cxid: cx.cxid,
        zxid: cx.zxid,
        time_ms: cx.time_ms,
    };
    let mut entry = TxnEntry {
        header,
        txn,
        digest: None,
    };
    assert_eq!(entry.can_apply(), Ok(()));
    let outcome = leader.tree.apply(&entry, &mut WatchTable::new());
    assert!(!matches!(outcome.result, TxnResult::Error(_)), "{entry:?}");
    entry.digest = Some(crate::TxnDigest {
        version: 2,
        digest: leader.tree.digest(),
    });
    leader.log.push(entry);
}

/// Apache's way to write a snapshot: each znode is copied as it is when its turn comes, each list of
/// children as it is then, and transactions are applied in between.
struct Serializer<'a> {
    tree: Tree,
    coming: std::slice::Iter<'a, TxnEntry>,
    pace: std::iter::Cycle<std::slice::Iter<'a, usize>>,
    loader: TreeLoader,
    acls: i64,
}

impl Serializer<'_> {
    fn serialize(&mut self, path: &str) {
        let Some(id) = self.tree.find(path) else { return };
        let node = self.tree.node(id);
        let children: Vec<String> = {
            let mut names = Vec::new();
            let mut child = node.first_child;
            while let Some(at) = child.some() {
                names.push(self.tree.node(at).name().to_string());
                child = self.tree.node(at).next;
            }
            names
        };
        self.acls += 1;
        self.loader
            .acl(self.acls, self.tree.access_list(id).entries().to_vec())
            .unwrap();
        self.loader.node(path, node.data(), self.acls, node.stat).unwrap();
        for name in children {
            for _ in 0..*self.pace.next().unwrap() {
                if let Some(entry) = self.coming.next() {
                    self.tree.apply(entry, &mut WatchTable::new());
                }
            }
            self.serialize(&format!("{path}/{name}"));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn a_replay_over_a_fuzzy_snapshot_converges(
        steps in prop::collection::vec(logged(), 1..60),
        start in any::<prop::sample::Index>(),
        pace in prop::collection::vec(0usize..6, 1..8),
        says_so in any::<bool>(),
    ) {
        let log = log_of(steps);
        let mut tree = Tree::new();
        let (before, after) = log.split_at(start.index(log.len()));
        for entry in before {
            tree.apply(entry, &mut WatchTable::new());
        }
        let last_zxid = tree.last_zxid();
        let mut loader = TreeLoader::new();
        for (session, timeout_ms) in tree.sessions() {
            loader.session(session, timeout_ms);
        }
        let mut serializer =
            Serializer { tree, coming: after.iter(), pace: pace.iter().cycle(), loader, acls: 0 };
        serializer.serialize("");
        let Serializer { mut tree, coming, loader, .. } = serializer;
        let fuzzy_until = tree.last_zxid();
        let mut loaded = loader.finish(last_zxid, says_so.then_some(fuzzy_until)).unwrap();
        if !says_so {
            // On its way to a learner it has no digest, and others know how far it may go.
            loaded.may_hold_up_to(fuzzy_until);
        }
        for entry in after {
            let outcome = loaded.apply(entry, &mut WatchTable::new());
            prop_assert_eq!(loaded.is_exact(), entry.header.zxid >= fuzzy_until);
            prop_assert_eq!(loaded.exact_digest().is_some(), loaded.is_exact());
            prop_assert!(!matches!(outcome.digest, DigestCheck::Differs { .. }), "{:?} after {:?}", outcome, entry);
            prop_assert_eq!(outcome.digest == DigestCheck::Unchecked, entry.digest.is_none() || entry.header.zxid < fuzzy_until);
        }
        for entry in coming {
            tree.apply(entry, &mut WatchTable::new());
        }
        prop_assert_eq!(Content::of(&loaded), Content::of(&tree));
        prop_assert_eq!(Content::of(&reloaded(&loaded)), Content::of(&tree));
    }

    #[test]
    fn a_suffix_applied_twice_is_a_suffix_applied_once(
        steps in prop::collection::vec(logged(), 1..60),
        start in any::<prop::sample::Index>(),
    ) {
        let log = log_of(steps);
        let mut tree = Tree::new();
        for entry in &log {
            tree.apply(entry, &mut WatchTable::new());
        }
        let once = Content::of(&tree);
        for entry in &log[start.index(log.len())..] {
            tree.apply(entry, &mut WatchTable::new());
        }
        prop_assert_eq!(Content::of(&tree), once);
    }
}

/// ZOOKEEPER-3127, by enumeration: whoever moves the zxid before the last part of a multi is applied can write a
/// snapshot from which half a multi comes back for good.
#[test]
fn half_a_multi_in_a_snapshot_is_made_whole_unless_the_snapshot_claims_the_multi() {
    let create = |path: &str, flags| WriteRequest::Create {
        path: path.into(),
        data: None,
        acl: open(),
        flags,
        operation: CreateOperation::Create,
    };
    let set_data = |path: &str| WriteRequest::SetData {
        path: path.into(),
        data: Some(vec![1]),
        version: -1,
    };
    let delete = |path: &str| WriteRequest::Delete {
        path: path.into(),
        version: -1,
    };
    let menu = [
        create("/a/c", 0),
        create("/a/s", 2),
        create("/e", 1),
        set_data("/a"),
        set_data("/a/b"),
        delete("/a/b"),
    ];
    let mut halves = 0;
    let indices = || 0..menu.len();
    for (first, second, third) in
        indices().flat_map(|a| indices().flat_map(move |b| indices().map(move |c| (a, b, c))))
    {
        let mut leader = Leader::with_sessions();
        leader.now(1, create("/a", 0));
        leader.now(1, create("/a/b", 0));
        let before = leader.tree.clone();
        let parts = [first, second, third].map(|at| (1, menu[at].clone()));
        let mut outstanding = crate::Outstanding::new();
        let cx = leader.context(1);
        let prepared = parts.map(|(_, request)| crate::prepare(request, &cx, &before, &mut outstanding).txn);
        if prepared.iter().any(|part| matches!(part, Txn::Error { .. })) {
            continue; // It would have no effect at all.
        }
        let header = TxnHeader {
            session: cx.session,
            cxid: cx.cxid,
            zxid: cx.zxid,
            time_ms: cx.time_ms,
        };
        let of = |parts: &[Txn]| TxnEntry {
            header,
            txn: Txn::Multi(parts.to_vec()),
            digest: None,
        };
        let applied = |tree: &Tree, parts: &[Txn]| {
            let mut tree = tree.clone();
            tree.apply(&of(parts), &mut WatchTable::new());
            tree
        };
        let whole = Content::of(&applied(&before, &prepared));
        for done in 0..=prepared.len() {
            let half = applied(&before, &prepared[..done]);
            let says_before = reloaded_at(&half, before.last_zxid());
            assert_eq!(
                Content::of(&applied(&says_before, &prepared)),
                whole,
                "{prepared:?}"
            );
            let says_after = reloaded_at(&half, cx.zxid);
            let is_whole = Content::of(&says_after) == whole;
            assert_eq!(is_whole, done == prepared.len(), "{done} of {prepared:?}");
            halves += 1;
        }
    }
    assert!(halves > 400, "there was something to halve: {halves}");
}
