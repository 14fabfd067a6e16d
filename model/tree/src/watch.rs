//! Who is told about which change?
//!
//! Two tables: data watches (set by `exists` and `getData`) and child watches (set by `getChildren`). Such a
//! watch fires once; those that `addWatch` sets stay. A persistent one is in both tables, a recursive one in
//! the data table alone, where it is found from below. The table knows watchers by number only; a watcher is
//! a connection, and its watches go with it.

use crate::acl::AccessList;
use crate::path;
use crate::who::{Access, Permit, Who};
use serde::{Deserialize, Serialize};
use std::collections::btree_map::Entry;
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

impl Event {
    /// Nobody is told of what he may not read.
    pub(crate) fn new(_permit: Permit, watcher: WatcherId, kind: EventKind, path: Arc<str>) -> Self {
        Event { watcher, kind, path }
    }
}

/// Which of the two tables.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum WatchKind {
    /// On data and existence.
    Data,
    /// On children.
    Child,
}

/// How long a watch lasts, and how far it reaches. On one path a watcher may have all of them.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[repr(u8)]
pub enum WatchMode {
    /// Fires once.
    Standard = 1,
    /// Stays.
    Persistent = 2,
    /// Stays, and hears of all that is below.
    PersistentRecursive = 4,
}

/// The modes of one watcher on one path; never none.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
struct Modes(u8);

impl Modes {
    fn has(self, mode: WatchMode) -> bool {
        self.0 & mode as u8 != 0
    }

    fn without(self, mode: Option<WatchMode>) -> Option<Self> {
        let left = mode.map_or(0, |mode| self.0 & !(mode as u8));
        (left != 0).then_some(Modes(left))
    }
}

/// Watchers of one path, by number.
type Watchers = Vec<(WatcherId, Modes)>;

#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
struct Table {
    /// By path, never none.
    watchers: BTreeMap<Arc<str>, Watchers>,
    /// How many of them are recursive.
    recursive: usize,
}

/// All watches of a server's connections.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub struct WatchTable {
    data: Table,
    child: Table,
    watched: BTreeMap<WatcherId, BTreeSet<(WatchKind, Arc<str>)>>,
    /// Who the watchers are that have proven something.
    identities: BTreeMap<WatcherId, Arc<Who>>,
    len: usize,
}

impl WatchTable {
    /// No watches.
    pub fn new() -> Self {
        WatchTable::default()
    }

    /// Number of watches: of one watcher on one path and in one table there is one, whatever its modes.
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

    /// What the watcher has proven to be, as of now: it decides what he is told.
    pub fn identify(&mut self, watcher: WatcherId, who: Arc<Who>) {
        self.identities.insert(watcher, who);
    }

    /// Sets a watch that fires once; setting it twice is the same as once.
    pub fn add(&mut self, kind: WatchKind, path: &str, watcher: WatcherId) {
        self.add_mode(kind, path, watcher, WatchMode::Standard);
    }

    /// Sets a persistent watch.
    pub fn add_persistent(&mut self, path: &str, watcher: WatcherId) {
        self.add_mode(WatchKind::Data, path, watcher, WatchMode::Persistent);
        self.add_mode(WatchKind::Child, path, watcher, WatchMode::Persistent);
    }

    /// Sets a persistent watch on the path and all that is below.
    pub fn add_recursive(&mut self, path: &str, watcher: WatcherId) {
        self.add_mode(WatchKind::Data, path, watcher, WatchMode::PersistentRecursive);
    }

    fn add_mode(&mut self, kind: WatchKind, path: &str, watcher: WatcherId, mode: WatchMode) {
        let table = self.table_mut(kind);
        let path = match table.watchers.get_key_value(path) {
            Some((known, _)) => known.clone(),
            None => Arc::from(path),
        };
        let watchers = table.watchers.entry(path.clone()).or_default();
        let is_new = match watchers.binary_search_by_key(&watcher, |(watcher, _)| *watcher) {
            Ok(at) => {
                let modes = &mut watchers[at].1;
                table.recursive += usize::from(mode == WatchMode::PersistentRecursive && !modes.has(mode));
                modes.0 |= mode as u8;
                false
            }
            Err(at) => {
                table.recursive += usize::from(mode == WatchMode::PersistentRecursive);
                watchers.insert(at, (watcher, Modes(mode as u8)));
                true
            }
        };
        if is_new {
            self.watched.entry(watcher).or_default().insert((kind, path));
            self.len += 1;
        }
    }

    /// Whether the watch is set, in this mode or in any.
    pub fn contains(&self, kind: WatchKind, path: &str, watcher: WatcherId, mode: Option<WatchMode>) -> bool {
        self.table(kind).watchers.get(path).is_some_and(|watchers| {
            watchers
                .binary_search_by_key(&watcher, |(watcher, _)| *watcher)
                .is_ok_and(|at| mode.is_none_or(|mode| watchers[at].1.has(mode)))
        })
    }

    /// Takes a watch back, in this mode or in all, without an event; false if it was not set.
    pub fn remove(
        &mut self,
        kind: WatchKind,
        path: &str,
        watcher: WatcherId,
        mode: Option<WatchMode>,
    ) -> bool {
        if !self.contains(kind, path, watcher, mode) {
            return false;
        }
        if let Some(path) = self.table_mut(kind).forget(path, watcher, mode) {
            self.unlist(kind, &path, watcher);
        }
        true
    }

    /// Takes back all that `watcher` watches: its connection is gone.
    pub fn remove_watcher(&mut self, watcher: WatcherId) {
        self.identities.remove(&watcher);
        for (kind, path) in self.watched.remove(&watcher).unwrap_or_default() {
            self.table_mut(kind).forget(&path, watcher, None);
            self.len -= 1;
        }
    }

    fn table(&self, kind: WatchKind) -> &Table {
        match kind {
            WatchKind::Data => &self.data,
            WatchKind::Child => &self.child,
        }
    }

    fn table_mut(&mut self, kind: WatchKind) -> &mut Table {
        match kind {
            WatchKind::Data => &mut self.data,
            WatchKind::Child => &mut self.child,
        }
    }

    fn who(&self, watcher: WatcherId) -> &Who {
        self.identities.get(&watcher).map_or(Who::NOBODY, |who| who)
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

    /// The watchers of `path`, and those above it that hear of all that is below. Standard watches are used up.
    fn take(&mut self, kind: WatchKind, path: &str) -> Vec<WatcherId> {
        let table = self.table_mut(kind);
        let mut fired = Vec::new();
        let mut used_up = None;
        if let Some(watchers) = table.watchers.get_mut(path) {
            fired.extend(watchers.iter().map(|(watcher, _)| *watcher));
            if watchers.iter().any(|(_, modes)| modes.has(WatchMode::Standard)) {
                let mut gone = Vec::new();
                watchers.retain_mut(
                    |(watcher, modes)| match modes.without(Some(WatchMode::Standard)) {
                        Some(left) => {
                            *modes = left;
                            true
                        }
                        None => {
                            gone.push(*watcher);
                            false
                        }
                    },
                );
                used_up = Some(gone);
            }
        }
        if table.recursive > 0 {
            let mut above = path::parent_watched(path);
            while let Some(at) = above {
                let watchers = table.watchers.get(at).into_iter().flatten();
                let recursive = watchers.filter(|(_, modes)| modes.has(WatchMode::PersistentRecursive));
                fired.extend(recursive.map(|(watcher, _)| *watcher));
                above = path::parent_watched(at);
            }
            fired.sort_unstable();
            fired.dedup();
        }
        if let Some(gone) = used_up {
            let path = match table.watchers.entry(Arc::from(path)) {
                Entry::Occupied(entry) if entry.get().is_empty() => entry.remove_entry().0,
                Entry::Occupied(entry) => entry.key().clone(),
                Entry::Vacant(entry) => entry.into_key(),
            };
            for watcher in gone {
                self.unlist(kind, &path, watcher);
            }
        }
        fired
    }
}

impl Table {
    /// Forgets a mode of a watch, or all; the path, if nothing of the watch is left.
    fn forget(&mut self, path: &str, watcher: WatcherId, mode: Option<WatchMode>) -> Option<Arc<str>> {
        let (path, watchers) = self.watchers.get_key_value(path)?;
        let path = path.clone();
        let at = watchers
            .binary_search_by_key(&watcher, |(watcher, _)| *watcher)
            .ok()?;
        let watchers = self.watchers.get_mut(&path)?;
        let before = watchers[at].1;
        let left = before.without(mode);
        let was_recursive = before.has(WatchMode::PersistentRecursive);
        let is_recursive = left.is_some_and(|left| left.has(WatchMode::PersistentRecursive));
        self.recursive -= usize::from(was_recursive && !is_recursive);
        if let Some(left) = left {
            watchers[at].1 = left;
            return None;
        }
        watchers.remove(at);
        if watchers.is_empty() {
            self.watchers.remove(&path);
        }
        Some(path)
    }
}

/// Collects the events of one transaction. A watch on what its watcher may not read is used up in silence
/// [CVE-2024-23944]; `list` is that of the znode.
pub(crate) struct Firing<'a> {
    pub(crate) table: &'a mut WatchTable,
    pub(crate) events: Vec<Event>,
}

impl Firing<'_> {
    pub(crate) fn created(&mut self, path: &str, list: &AccessList) {
        self.fire(WatchKind::Data, path, EventKind::NodeCreated, list, &[]);
    }

    pub(crate) fn data_changed(&mut self, path: &str, list: &AccessList) {
        self.fire(WatchKind::Data, path, EventKind::NodeDataChanged, list, &[]);
    }

    pub(crate) fn children_changed(&mut self, path: &str, list: &AccessList) {
        self.fire(WatchKind::Child, path, EventKind::NodeChildrenChanged, list, &[]);
    }

    /// Whoever watches data and children of the znode is told once.
    pub(crate) fn deleted(&mut self, path: &str, list: &AccessList) {
        let told = self.fire(WatchKind::Data, path, EventKind::NodeDeleted, list, &[]);
        self.fire(WatchKind::Child, path, EventKind::NodeDeleted, list, &told);
    }

    fn fire(
        &mut self,
        table: WatchKind,
        path: &str,
        kind: EventKind,
        list: &AccessList,
        told: &[WatcherId],
    ) -> Vec<WatcherId> {
        if self.table.is_empty() {
            return Vec::new();
        }
        let fired = self.table.take(table, path);
        if fired.is_empty() {
            return fired;
        }
        let path: Arc<str> = Arc::from(path);
        for &watcher in &fired {
            if told.binary_search(&watcher).is_err()
                && let Ok(permit) = self.table.who(watcher).may(Access::Hear, list)
            {
                self.events.push(Event::new(permit, watcher, kind, path.clone()));
            }
        }
        fired
    }
}
