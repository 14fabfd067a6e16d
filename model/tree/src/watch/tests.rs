use super::*;
use crate::tests::{acl, ones, open};
use crate::who::Id;
use EventKind::*;
use WatchKind::*;
use WatchMode::*;

fn fire(table: &mut WatchTable, fire: impl FnOnce(&mut Firing<'_>)) -> Vec<(WatcherId, EventKind, String)> {
    let mut firing = Firing {
        table,
        events: Vec::new(),
    };
    fire(&mut firing);
    firing
        .events
        .into_iter()
        .map(|event| (event.watcher, event.kind, event.path.to_string()))
        .collect()
}

fn for_all() -> AccessList {
    AccessList::of(&open())
}

#[test]
fn a_watch_fires_once() {
    let mut table = WatchTable::new();
    table.add(Data, "/a", 1);
    table.add(Data, "/a", 1);
    table.add(Data, "/a", 2);
    assert_eq!(table.len(), 2);
    let told = fire(&mut table, |fx| fx.data_changed("/a", &for_all()));
    assert_eq!(
        told,
        [
            (1, NodeDataChanged, "/a".into()),
            (2, NodeDataChanged, "/a".into())
        ]
    );
    assert!(fire(&mut table, |fx| fx.data_changed("/a", &for_all())).is_empty());
    assert!(table.is_empty() && table.watched.is_empty());
}

#[test]
fn a_watcher_of_data_and_children_hears_of_a_deletion_once() {
    let mut table = WatchTable::new();
    for (kind, watcher) in [(Data, 1), (Child, 1), (Child, 2)] {
        table.add(kind, "/a", watcher);
    }
    let told = fire(&mut table, |fx| fx.deleted("/a", &for_all()));
    assert_eq!(
        told,
        [(1, NodeDeleted, "/a".into()), (2, NodeDeleted, "/a".into())]
    );
    assert!(table.is_empty());
}

#[test]
fn a_watch_on_what_may_not_be_read_is_used_up_in_silence() {
    let mut table = WatchTable::new();
    table.add(Data, "/a", 1);
    assert!(fire(&mut table, |fx| fx.created("/a", &AccessList::of(&acl(30)))).is_empty());
    assert!(table.is_empty());
}

#[test]
fn a_watcher_that_leaves_takes_its_watches_and_no_others() {
    let mut table = WatchTable::new();
    for watcher in [1, 2] {
        table.add(Data, "/a", watcher);
        table.add(Child, "/a", watcher);
        table.add(Child, "/b", watcher);
    }
    table.remove_watcher(1);
    table.remove_watcher(9);
    assert_eq!(table.len(), 3);
    assert!(!table.contains(Child, "/b", 1, None) && table.contains(Child, "/b", 2, None));
    assert!(table.remove(Child, "/b", 2, None) && !table.remove(Child, "/b", 2, None));
    assert_eq!(
        fire(&mut table, |fx| fx.children_changed("/a", &for_all())),
        [(2, NodeChildrenChanged, "/a".into())]
    );
    assert_eq!(
        table
            .watched()
            .map(|(watcher, on)| (watcher, on.count()))
            .collect::<Vec<_>>(),
        [(2, 1)]
    );
}

#[test]
fn a_persistent_watch_hears_of_data_and_children_and_stays() {
    let mut table = WatchTable::new();
    table.add_persistent("/a", 1);
    table.add(Data, "/a", 1);
    assert_eq!(table.len(), 2, "one in each table");
    for _ in 0..2 {
        let told = fire(&mut table, |fx| {
            fx.data_changed("/a", &for_all());
            fx.children_changed("/a", &for_all());
            fx.created("/a/b", &for_all());
            fx.deleted("/a", &for_all());
        });
        assert_eq!(
            told,
            [
                (1, NodeDataChanged, "/a".into()),
                (1, NodeChildrenChanged, "/a".into()),
                (1, NodeDeleted, "/a".into()),
            ]
        );
    }
    assert!(
        table.contains(Data, "/a", 1, Some(Persistent)) && !table.contains(Data, "/a", 1, Some(Standard))
    );
}

#[test]
fn a_recursive_watch_hears_of_all_that_is_below_and_never_of_children() {
    let mut table = WatchTable::new();
    table.add_recursive("/", 1);
    table.add_recursive("/a", 2);
    table.add(Data, "/a/b", 2);
    for expected in [2, 2] {
        let told = fire(&mut table, |fx| {
            fx.created("/a/b", &for_all());
            fx.children_changed("/a", &for_all());
        });
        assert_eq!(told.len(), expected, "each is told once: {told:?}");
    }
    let told = fire(&mut table, |fx| {
        fx.data_changed("/ab", &for_all());
        fx.deleted("/a", &for_all());
        fx.data_changed("/", &for_all());
    });
    assert_eq!(
        told,
        [
            (1, NodeDataChanged, "/ab".into()),
            (1, NodeDeleted, "/a".into()),
            (2, NodeDeleted, "/a".into()),
            (1, NodeDataChanged, "/".into()),
        ]
    );
    assert!(table.remove(Data, "/a", 2, Some(PersistentRecursive)));
    assert!(!table.remove(Data, "/a", 2, Some(PersistentRecursive)));
    table.remove_watcher(1);
    assert!(fire(&mut table, |fx| fx.created("/a/b", &for_all())).is_empty());
    assert_eq!(table, WatchTable::new());
}

#[test]
fn modes_of_one_path_are_removed_one_by_one() {
    let mut table = WatchTable::new();
    table.add(Data, "/a", 1);
    table.add_persistent("/a", 1);
    table.add_recursive("/a", 1);
    for mode in [Standard, Persistent, PersistentRecursive] {
        assert!(table.remove(Data, "/a", 1, Some(mode)), "{mode:?}");
        assert!(!table.contains(Data, "/a", 1, Some(mode)), "{mode:?}");
    }
    assert!(!table.contains(Data, "/a", 1, None) && table.contains(Child, "/a", 1, None));
    table.add_recursive("/a", 1);
    assert!(table.remove(Data, "/a", 1, None) && table.remove(Child, "/a", 1, None));
    assert_eq!(table, WatchTable::new());
}

#[test]
fn who_may_read_by_now_is_told() {
    let mut table = WatchTable::new();
    let ones = AccessList::of(&ones(1));
    for watcher in [1, 2] {
        table.add_persistent("/a", watcher);
    }
    assert!(fire(&mut table, |fx| fx.data_changed("/a", &ones)).is_empty());
    table.identify(2, Arc::new(Who::new(vec![Id::new("digest", "one:hash")])));
    let told = fire(&mut table, |fx| fx.data_changed("/a", &ones));
    assert_eq!(told, [(2, NodeDataChanged, "/a".into())]);
}
