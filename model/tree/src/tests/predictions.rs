use super::leader::Leader;
use super::*;
use crate::Outstanding;

proptest! {
    /// `Leader::deliver` asserts after each transaction that the predicted digest is the tree's.
    #[test]
    fn what_is_prepared_comes_true(steps in prop::collection::vec((asked(), 0usize..4), 0..120)) {
        let mut leader = Leader::with_sessions();
        for ((session, request), applied) in steps {
            leader.ask(session, request);
            leader.catch_up(applied);
            prop_assert_eq!(reloaded(&leader.tree).digest(), leader.tree.digest());
        }
        leader.catch_up(usize::MAX);
        prop_assert_eq!(format!("{:?}", leader.outstanding), format!("{:?}", Outstanding::new()));
        prop_assert_eq!(Content::of(&reloaded(&leader.tree)), Content::of(&leader.tree));
    }

    #[test]
    fn it_does_not_matter_to_prepare_how_far_apply_has_come(steps in prop::collection::vec((asked(), 0usize..4), 0..120)) {
        let (mut eager, mut lazy, mut moody) =
            (Leader::with_sessions(), Leader::with_sessions(), Leader::with_sessions());
        for ((session, request), applied) in steps {
            let expected = eager.ask(session, request.clone());
            eager.catch_up(usize::MAX);
            prop_assert_eq!(&lazy.ask(session, request.clone()), &expected);
            prop_assert_eq!(&moody.ask(session, request), &expected);
            moody.catch_up(applied);
        }
    }

    #[test]
    fn a_fork_stays_as_it_was(before in prop::collection::vec(asked(), 0..60), after in prop::collection::vec(asked(), 0..60)) {
        let mut leader = Leader::with_sessions();
        for (session, request) in before {
            leader.ask(session, request);
        }
        leader.catch_up(usize::MAX);
        let fork = leader.tree.clone();
        let content = Content::of(&fork);
        for (session, request) in after {
            leader.ask(session, request);
        }
        leader.catch_up(usize::MAX);
        prop_assert_eq!(Content::of(&fork), content);
        prop_assert_eq!(Content::of(&reloaded(&leader.tree)), Content::of(&leader.tree));
    }
}

#[test]
fn sizes_are_what_a_fresh_apache_reports() {
    let mut leader = Leader::with_sessions();
    assert_eq!(
        (leader.tree.node_count(), leader.tree.approximate_data_size()),
        (4, 44)
    );
    let create = |path: &str, flags| WriteRequest::Create {
        path: path.into(),
        data: Some(b"12345".to_vec()),
        acl: open(),
        flags,
        operation: CreateOperation::Create2,
    };
    leader.now(1, create("/a", 0));
    leader.now(1, create("/a/b", 1));
    assert_eq!(
        (leader.tree.node_count(), leader.tree.approximate_data_size()),
        (6, 44 + 7 + 9)
    );
    assert_eq!(leader.tree.ephemerals_count(), 1);
    leader.now(
        1,
        WriteRequest::SetData {
            path: "/a".into(),
            data: None,
            version: -1,
        },
    );
    leader.now(1, WriteRequest::CloseSession);
    assert_eq!(
        (leader.tree.node_count(), leader.tree.approximate_data_size()),
        (5, 46)
    );
    assert_eq!(leader.tree.ephemerals_count(), 0);
}

#[test]
fn trees_can_be_read_from_any_thread() {
    fn shared<T: Send + Sync>() {}
    shared::<Tree>();
    shared::<Outstanding>();
    shared::<crate::WatchTable>();
}
