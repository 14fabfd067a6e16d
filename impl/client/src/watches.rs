//! What does this client watch? Kept so that it can be set again at another server, which knows of none.

use crate::client::{WatchMode, WatcherType};
use quorate_tree::EventKind;
use quorate_wire::client::{Request, WatchLists};
use std::collections::BTreeSet;

/// Bytes of paths in one setWatches: servers limit the length of a request.
const BATCH_BYTES: usize = 128 * 1024;

/// Paths, as the servers call them, by kind of watch.
#[derive(Debug, Default)]
pub(crate) struct Watches {
    data: BTreeSet<String>,
    exist: BTreeSet<String>,
    child: BTreeSet<String>,
    persistent: BTreeSet<String>,
    recursive: BTreeSet<String>,
}

/// Which watch a request asks for, or takes away, once it is answered.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Change {
    /// Of data, if the znode is there; else of its creation.
    Data(String),
    /// As [`Self::Data`], by `exists`, which sets a watch without a znode too.
    Exists(String),
    /// Of children.
    Child(String),
    /// One that stays.
    Add(String, WatchMode),
    /// Watches to forget.
    Remove(String, WatcherType),
}

/// Kinds of watches that were taken away, as the client is told of them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Removed {
    /// Of children.
    Child,
    /// Of data or creation.
    Data,
    /// Any that stay.
    Persistent,
}

impl Watches {
    /// A request was answered well; or, of `exists`, that there is no znode.
    pub(crate) fn answered(&mut self, change: Change, exists: bool) {
        match change {
            Change::Data(path) | Change::Exists(path) if exists => self.data.insert(path),
            Change::Exists(path) => self.exist.insert(path),
            Change::Data(_) => false,
            Change::Child(path) => self.child.insert(path),
            Change::Add(path, WatchMode::Persistent) => self.persistent.insert(path),
            Change::Add(path, WatchMode::PersistentRecursive) => self.recursive.insert(path),
            Change::Remove(path, kind) => !self.remove(&path, kind).is_empty(),
        };
    }

    /// One-shot watches end with their event.
    pub(crate) fn fired(&mut self, kind: EventKind, path: &str) {
        match kind {
            EventKind::NodeCreated | EventKind::NodeDataChanged => {
                self.data.remove(path);
                self.exist.remove(path);
            }
            EventKind::NodeDeleted => {
                self.data.remove(path);
                self.exist.remove(path);
                self.child.remove(path);
            }
            EventKind::NodeChildrenChanged => {
                self.child.remove(path);
            }
        }
    }

    /// Forgets, and says of what kinds there were any.
    pub(crate) fn remove(&mut self, path: &str, kind: WatcherType) -> Vec<Removed> {
        let any = kind == WatcherType::Any;
        let mut removed = Vec::new();
        if (any || kind == WatcherType::Children) && self.child.remove(path) {
            removed.push(Removed::Child);
        }
        // Without `||`: both are to go.
        if (any || kind == WatcherType::Data) && (self.data.remove(path) | self.exist.remove(path)) {
            removed.push(Removed::Data);
        }
        let persistent = (any || kind == WatcherType::Persistent) && self.persistent.remove(path);
        let recursive = (any || kind == WatcherType::PersistentRecursive) && self.recursive.remove(path);
        if persistent || recursive {
            removed.push(Removed::Persistent);
        }
        removed
    }

    /// The requests that set them all again. Servers before 3.6 know only the older one of the two, so it is
    /// taken where it says everything.
    pub(crate) fn again(&self, relative_zxid: u64) -> Vec<Request> {
        let kinds = [
            &self.data,
            &self.exist,
            &self.child,
            &self.persistent,
            &self.recursive,
        ];
        let mut batches = Vec::new();
        let mut lists = WatchLists::default();
        let mut bytes = 0;
        for (kind, paths) in kinds.into_iter().enumerate() {
            for path in paths {
                if bytes > 0 && bytes + path.len() > BATCH_BYTES {
                    batches.push(std::mem::take(&mut lists));
                    bytes = 0;
                }
                bytes += 4 + path.len();
                let list = match kind {
                    0 => &mut lists.data,
                    1 => &mut lists.exist,
                    2 => &mut lists.child,
                    3 => &mut lists.persistent,
                    _ => &mut lists.persistent_recursive,
                };
                list.push(path.clone());
            }
        }
        if bytes > 0 {
            batches.push(lists);
        }
        let request = |mut lists: WatchLists| {
            lists.relative_zxid = relative_zxid;
            if lists.persistent.is_empty() && lists.persistent_recursive.is_empty() {
                Request::SetWatches(lists)
            } else {
                Request::SetWatches2(lists)
            }
        };
        batches.into_iter().map(request).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(name: &str) -> String {
        format!("/{name}")
    }

    fn some() -> Watches {
        let mut watches = Watches::default();
        watches.answered(Change::Data(path("d")), true);
        watches.answered(Change::Exists(path("e")), false);
        watches.answered(Change::Child(path("c")), true);
        watches.answered(Change::Add(path("p"), WatchMode::Persistent), true);
        watches.answered(Change::Add(path("r"), WatchMode::PersistentRecursive), true);
        watches
    }

    #[test]
    fn watches_are_set_again_by_kind() {
        let expected = WatchLists {
            relative_zxid: 7,
            data: vec![path("d")],
            exist: vec![path("e")],
            child: vec![path("c")],
            persistent: vec![path("p")],
            persistent_recursive: vec![path("r")],
        };
        assert_eq!(some().again(7), [Request::SetWatches2(expected)]);
        assert_eq!(Watches::default().again(7), []);
    }

    #[test]
    fn without_watches_that_stay_the_older_request_is_enough() {
        let mut watches = Watches::default();
        watches.answered(Change::Exists(path("d")), true);
        let lists = WatchLists {
            data: vec![path("d")],
            ..WatchLists::default()
        };
        assert_eq!(watches.again(0), [Request::SetWatches(lists)]);
    }

    #[test]
    fn a_one_shot_watch_ends_with_its_event_and_the_others_stay() {
        let mut watches = some();
        for (kind, at) in [
            (EventKind::NodeDataChanged, "d"),
            (EventKind::NodeCreated, "e"),
            (EventKind::NodeChildrenChanged, "c"),
            (EventKind::NodeDeleted, "p"),
            (EventKind::NodeDeleted, "r"),
        ] {
            watches.fired(kind, &path(at));
        }
        let lists = WatchLists {
            persistent: vec![path("p")],
            persistent_recursive: vec![path("r")],
            ..WatchLists::default()
        };
        assert_eq!(watches.again(0), [Request::SetWatches2(lists)]);
    }

    #[test]
    fn many_paths_are_more_than_one_request() {
        let mut watches = Watches::default();
        let long = "x".repeat(1000);
        for i in 0..300 {
            watches.answered(Change::Child(format!("/{i}{long}")), true);
        }
        let requests = watches.again(1);
        let count = |request: &Request| match request {
            Request::SetWatches(lists) => lists.child.len(),
            other => panic!("{other:?}"),
        };
        assert!(requests.len() > 1);
        assert_eq!(requests.iter().map(count).sum::<usize>(), 300);
        assert!(requests.iter().all(|request| count(request) <= 131));
    }

    #[test]
    fn watches_are_removed_by_kind() {
        let mut watches = some();
        assert_eq!(watches.remove("/e", WatcherType::Any), [Removed::Data]);
        assert_eq!(watches.remove("/e", WatcherType::Any), []);
        assert_eq!(watches.remove("/c", WatcherType::Data), []);
        assert_eq!(watches.remove("/c", WatcherType::Children), [Removed::Child]);
        assert_eq!(watches.remove("/r", WatcherType::Persistent), []);
        assert_eq!(
            watches.remove("/r", WatcherType::PersistentRecursive),
            [Removed::Persistent]
        );
    }
}
