use super::*;
use EventKind::*;
use WatchKind::*;

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

#[test]
fn a_watch_fires_once() {
    let mut table = WatchTable::new();
    table.add(Data, "/a", 1);
    table.add(Data, "/a", 1);
    table.add(Data, "/a", 2);
    assert_eq!(table.len(), 2);
    let told = fire(&mut table, |fx| fx.data_changed("/a", true));
    assert_eq!(
        told,
        [
            (1, NodeDataChanged, "/a".into()),
            (2, NodeDataChanged, "/a".into())
        ]
    );
    assert!(fire(&mut table, |fx| fx.data_changed("/a", true)).is_empty());
    assert!(table.is_empty() && table.watched.is_empty());
}

#[test]
fn a_watcher_of_data_and_children_hears_of_a_deletion_once() {
    let mut table = WatchTable::new();
    for (kind, watcher) in [(Data, 1), (Child, 1), (Child, 2)] {
        table.add(kind, "/a", watcher);
    }
    let told = fire(&mut table, |fx| fx.deleted("/a", true));
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
    assert!(fire(&mut table, |fx| fx.created("/a", false)).is_empty());
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
    assert!(!table.contains(Child, "/b", 1) && table.contains(Child, "/b", 2));
    assert!(table.remove(Child, "/b", 2) && !table.remove(Child, "/b", 2));
    assert_eq!(
        fire(&mut table, |fx| fx.children_changed("/a", true)),
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
