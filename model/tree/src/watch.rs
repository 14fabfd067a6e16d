//! Who is told about which change?
//!
//! Two tables: data watches (set by `exists` and `getData`) and child watches (set by `getChildren`). A watch
//! fires once. The table knows watchers by number only; a watcher is a connection, and its watches go
//! with it.

use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

#[cfg(test)]
mod tests;

/// A connection, by whatever number the server gives it.
pub type WatcherId = u64;

/// What happened to a znode, in ZooKeeper's numbers.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
#[repr(i32)]
pub enum EventKind {
    /// It was created.
    NodeCreated = 1,
    /// It was deleted.
    NodeDeleted = 2,
    /// Its data was set.
    NodeDataChanged = 3,
    /// A child was created or deleted.
    NodeChildrenChanged = 4,
}

/// A notification to one watcher.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Event {
    /// Whom to tell.
    pub watcher: WatcherId,
    /// What happened.
    pub kind: EventKind,
    /// To which znode; the root is `/`.
    pub path: Arc<str>,
}

/// Which of the two tables.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum WatchKind {
    /// On data and existence.
    Data,
    /// On children.
    Child,
}

#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
struct Table {
    /// Watchers of each path, in order, without duplicates, never none.
    watchers: BTreeMap<Arc<str>, Vec<WatcherId>>,
}

/// All watches of a server's connections.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub struct WatchTable {
    data: Table,
    child: Table,
    watched: BTreeMap<WatcherId, BTreeSet<(WatchKind, Arc<str>)>>,
    len: usize,
}

impl WatchTable {
    /// No watches.
    pub fn new() -> Self {
        WatchTable::default()
    }

    /// Number of watches.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether nobody watches anything.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The watchers and what each of them watches.
    pub fn watched(&self) -> impl Iterator<Item = (WatcherId, impl Iterator<Item = (WatchKind, &str)>)> {
        self.watched
            .iter()
            .map(|(&watcher, watched)| (watcher, watched.iter().map(|(kind, path)| (*kind, &**path))))
    }

    /// Sets a watch; setting it twice is the same as once.
    pub fn add(&mut self, kind: WatchKind, path: &str, watcher: WatcherId) {
        let table = self.table(kind);
        let path = match table.watchers.get_key_value(path) {
            Some((known, _)) => known.clone(),
            None => Arc::from(path),
        };
        let watchers = table.watchers.entry(path.clone()).or_default();
        let Err(at) = watchers.binary_search(&watcher) else {
            return;
        };
        watchers.insert(at, watcher);
        self.watched.entry(watcher).or_default().insert((kind, path));
        self.len += 1;
    }

    /// Whether the watch is set.
    pub fn contains(&self, kind: WatchKind, path: &str, watcher: WatcherId) -> bool {
        let table = match kind {
            WatchKind::Data => &self.data,
            WatchKind::Child => &self.child,
        };
        table
            .watchers
            .get(path)
            .is_some_and(|watchers| watchers.binary_search(&watcher).is_ok())
    }

    /// Takes a watch back, without an event; false if it was not set.
    pub fn remove(&mut self, kind: WatchKind, path: &str, watcher: WatcherId) -> bool {
        let Some((path, _)) = self.table(kind).watchers.get_key_value(path) else {
            return false;
        };
        let path = path.clone();
        if !self.table(kind).forget(&path, watcher) {
            return false;
        }
        self.unlist(kind, &path, watcher);
        true
    }

    /// Takes back all that `watcher` watches: its connection is gone.
    pub fn remove_watcher(&mut self, watcher: WatcherId) {
        for (kind, path) in self.watched.remove(&watcher).unwrap_or_default() {
            self.table(kind).forget(&path, watcher);
            self.len -= 1;
        }
    }

    fn table(&mut self, kind: WatchKind) -> &mut Table {
        match kind {
            WatchKind::Data => &mut self.data,
            WatchKind::Child => &mut self.child,
        }
    }

    /// Drops a fired or removed watch from its watcher's list.
    fn unlist(&mut self, kind: WatchKind, path: &Arc<str>, watcher: WatcherId) {
        if let Some(watched) = self.watched.get_mut(&watcher) {
            self.len -= usize::from(watched.remove(&(kind, path.clone())));
            if watched.is_empty() {
                self.watched.remove(&watcher);
            }
        }
    }

    /// Takes out all watches on `path`, which is how they fire.
    fn take(&mut self, kind: WatchKind, path: &str) -> Option<(Arc<str>, Vec<WatcherId>)> {
        let (path, watchers) = self.table(kind).watchers.remove_entry(path)?;
        for &watcher in &watchers {
            self.unlist(kind, &path, watcher);
        }
        Some((path, watchers))
    }
}

impl Table {
    fn forget(&mut self, path: &str, watcher: WatcherId) -> bool {
        let Some(watchers) = self.watchers.get_mut(path) else {
            return false;
        };
        let Ok(at) = watchers.binary_search(&watcher) else {
            return false;
        };
        watchers.remove(at);
        if watchers.is_empty() {
            self.watchers.remove(path);
        }
        true
    }
}

/// Collects the events of one transaction. A watch on what its watcher may not read is used up in silence
/// [CVE-2024-23944]; `readable` says whether anyone may read the znode.
pub(crate) struct Firing<'a> {
    pub(crate) table: &'a mut WatchTable,
    pub(crate) events: Vec<Event>,
}

impl Firing<'_> {
    pub(crate) fn created(&mut self, path: &str, readable: bool) {
        self.fire(WatchKind::Data, path, EventKind::NodeCreated, readable, &[]);
    }

    pub(crate) fn data_changed(&mut self, path: &str, readable: bool) {
        self.fire(WatchKind::Data, path, EventKind::NodeDataChanged, readable, &[]);
    }

    pub(crate) fn children_changed(&mut self, path: &str, readable: bool) {
        self.fire(
            WatchKind::Child,
            path,
            EventKind::NodeChildrenChanged,
            readable,
            &[],
        );
    }

    /// Whoever watches data and children of the znode is told once.
    pub(crate) fn deleted(&mut self, path: &str, readable: bool) {
        let told = self.fire(WatchKind::Data, path, EventKind::NodeDeleted, readable, &[]);
        self.fire(WatchKind::Child, path, EventKind::NodeDeleted, readable, &told);
    }

    fn fire(
        &mut self,
        table: WatchKind,
        path: &str,
        kind: EventKind,
        readable: bool,
        told: &[WatcherId],
    ) -> Vec<WatcherId> {
        if self.table.is_empty() {
            return Vec::new();
        }
        let Some((path, watchers)) = self.table.take(table, path) else {
            return Vec::new();
        };
        if readable {
            let untold = watchers
                .iter()
                .filter(|watcher| told.binary_search(watcher).is_err());
            self.events.extend(untold.map(|&watcher| Event {
                watcher,
                kind,
                path: path.clone(),
            }));
        }
        watchers
    }
}
