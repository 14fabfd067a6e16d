//! What does a client see, and what does it watch from then on?
//!
//! Reads are answered from the tree of the server that the client is connected to. Paths are not
//! validated: an invalid one is not found. The root has two names here, `/` and the empty one, as in Apache; what happens
//! to it is told to those who watch `/`, and a watch on the empty path is set and never fires.

use crate::code::Code;
use crate::node::NodeId;
use crate::request::{ReadRequest, SetWatches};
use crate::stat::Stat;
use crate::tree::Tree;
use crate::txn::{Acl, SessionId};
use crate::watch::{Event, EventKind, WatchKind, WatchMode, WatchTable, WatcherId};
use crate::who::{Access, Permit, Who};
use std::sync::Arc;

#[cfg(test)]
mod tests;

/// On whose behalf a read is answered, and where its watches go.
#[derive(Debug)]
pub struct Reader<'a> {
    /// The session, for `getEphemerals`.
    pub session: SessionId,
    /// What its client has proven to be.
    pub who: &'a Who,
    /// The connection.
    pub watcher: WatcherId,
    /// Where its watches are set.
    pub watches: &'a mut WatchTable,
}

/// An answer that borrows from the tree.
#[derive(Clone, Debug)]
pub enum ReadReply<'t> {
    /// To `exists`.
    Stat(Stat),
    /// To `getData`.
    Data {
        /// The data, `None` for null.
        data: Option<&'t [u8]>,
        /// The stat at the same instant.
        stat: Stat,
    },
    /// To `getChildren`.
    Children(Children<'t>),
    /// To `getChildren2`.
    Children2 {
        /// The names.
        children: Children<'t>,
        /// The stat at the same instant.
        stat: Stat,
    },
    /// To `getACL`.
    Acl {
        /// The list.
        acl: Vec<Acl>,
        /// The stat at the same instant.
        stat: Stat,
    },
    /// To `getAllChildrenNumber`.
    Count(i32),
    /// To `getEphemerals`.
    Paths(Vec<String>),
    /// To `checkWatches` and `removeWatches`: yes.
    Done,
    /// To `setWatches`: what is to be sent before the reply, with zxid −1.
    Replayed(Vec<Event>),
    /// To `addWatch`.
    WatchAdded,
    /// To `multiRead`: each answer, or its error.
    Multi(Vec<Result<ReadReply<'t>, Code>>),
}

/// The names of a znode's children, in no particular order.
#[derive(Clone, Debug)]
pub struct Children<'t> {
    tree: &'t Tree,
    next: NodeId,
    left: usize,
}

impl<'t> Iterator for Children<'t> {
    type Item = &'t str;

    fn next(&mut self) -> Option<&'t str> {
        let node = self.tree.node(self.next.some()?);
        self.next = node.next;
        self.left -= 1;
        Some(node.name())
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Children<'_> {}

impl Tree {
    /// The znode's stat, without any check of permissions.
    pub fn stat(&self, path: &str) -> Option<Stat> {
        self.find(path).map(|id| self.node(id).stat())
    }

    /// Answers a read and sets its watch.
    ///
    /// # Errors
    ///
    /// The code for the client, by Apache's order of checks.
    pub fn read(&self, request: &ReadRequest, by: &mut Reader<'_>) -> Result<ReadReply<'_>, Code> {
        match request {
            ReadRequest::Exists { path, watch } => self.exists(path, *watch, by),
            ReadRequest::GetData { path, watch } => {
                let shown = self.show(path, Access::GetData, by)?;
                by.watch_if(*watch, WatchKind::Data, path);
                Ok(ReadReply::Data {
                    data: shown.data(),
                    stat: shown.stat(),
                })
            }
            ReadRequest::GetChildren { path, watch } => {
                let shown = self.show(path, Access::GetChildren, by)?;
                by.watch_if(*watch, WatchKind::Child, path);
                Ok(ReadReply::Children(shown.children()))
            }
            ReadRequest::GetChildren2 { path, watch } => {
                let shown = self.show(path, Access::GetChildren, by)?;
                by.watch_if(*watch, WatchKind::Child, path);
                Ok(ReadReply::Children2 {
                    children: shown.children(),
                    stat: shown.stat(),
                })
            }
            ReadRequest::GetAcl { path } => {
                let shown = self.show(path, Access::GetAcl, by)?;
                Ok(ReadReply::Acl {
                    acl: shown.acl(by.who),
                    stat: shown.stat(),
                })
            }
            ReadRequest::GetAllChildrenNumber { path } => {
                let shown = self.show(path, Access::CountDescendants, by)?;
                // By its empty name Apache counts the root among what is below it.
                Ok(ReadReply::Count(shown.count_below() + i32::from(path.is_empty())))
            }
            ReadRequest::GetEphemerals { prefix } => {
                let prefix = prefix.as_deref().unwrap_or_default();
                // What Java's `trim` takes off.
                let all = matches!(prefix.trim_matches(|c| c <= ' '), "" | "/");
                let mut paths: Vec<_> = self
                    .ephemerals(by.session)
                    .filter(|path| all || path.starts_with(prefix))
                    .collect();
                paths.sort_unstable();
                Ok(ReadReply::Paths(paths))
            }
            ReadRequest::CheckWatches { path, kind } => {
                let found = watch_kinds(*kind)?
                    .iter()
                    .any(|&(kind, mode)| by.watches.contains(kind, path, by.watcher, mode));
                if found {
                    Ok(ReadReply::Done)
                } else {
                    Err(Code::NO_WATCHER)
                }
            }
            ReadRequest::RemoveWatches { path, kind } => {
                let mut found = false;
                for &(kind, mode) in watch_kinds(*kind)? {
                    found |= by.watches.remove(kind, path, by.watcher, mode);
                }
                if found {
                    Ok(ReadReply::Done)
                } else {
                    Err(Code::NO_WATCHER)
                }
            }
            ReadRequest::AddWatch { path, mode } => {
                match mode {
                    0 => by.watches.add_persistent(path, by.watcher),
                    1 => by.watches.add_recursive(path, by.watcher),
                    _ => return Err(Code::MARSHALLING_ERROR),
                }
                Ok(ReadReply::WatchAdded)
            }
            ReadRequest::Multi(parts) => {
                let answers = parts.iter().map(|part| self.read(part, by)).collect();
                Ok(ReadReply::Multi(answers))
            }
            ReadRequest::SetWatches(lists) => Ok(ReadReply::Replayed(self.set_watches(lists, by))),
        }
    }

    fn exists(&self, path: &str, watch: bool, by: &mut Reader<'_>) -> Result<ReadReply<'_>, Code> {
        if path.contains('\0') {
            return Err(Code::BAD_ARGUMENTS);
        }
        match self.show(path, Access::Exists, by) {
            Ok(shown) => {
                by.watch_if(watch, WatchKind::Data, path);
                Ok(ReadReply::Stat(shown.stat()))
            }
            Err(code) => {
                by.watch_if(watch && code == Code::NO_NODE, WatchKind::Data, path);
                Err(code)
            }
        }
    }

    /// The znode, if it exists and may be looked at in this way.
    fn show(&self, path: &str, access: Access, by: &Reader<'_>) -> Result<Shown<'_>, Code> {
        let id = self.find(path).ok_or(Code::NO_NODE)?;
        let permit = by.who.may(access, self.access_list(id))?;
        Ok(Shown::new(permit, self, id))
    }

    /// Whether he may do everything to the root, and so be given the whole tree.
    ///
    /// # Errors
    ///
    /// [`Code::NO_AUTH`].
    pub fn may_have_everything(&self, who: &Who) -> Result<(), Code> {
        who.may_everything(self.access_list(NodeId::ROOT))
    }

    fn set_watches(&self, lists: &SetWatches, by: &mut Reader<'_>) -> Vec<Event> {
        let mut events = Vec::new();
        let mut tell = |permit, kind, path: &str| {
            events.push(Event::new(permit, by.watcher, kind, Arc::from(path)));
        };
        // What is not there is nobody's secret; of what is there only those hear who may read it. Such a watch is used
        // up in silence, as it would have been by the change.
        let mut fire = |kind, path: &str| match self.find(path) {
            None => tell(Permit::own(), kind, path),
            Some(id) => {
                if let Ok(permit) = by.who.may(Access::Hear, self.access_list(id)) {
                    tell(permit, kind, path);
                }
            }
        };
        // Signed, as on the wire: a client that has seen nothing may say −1.
        let is_news = |zxid: u64| zxid as i64 > lists.relative_zxid as i64;
        for path in &lists.data {
            match self.find(path) {
                None => fire(EventKind::NodeDeleted, path),
                Some(id) if is_news(self.node(id).stat.mzxid) => fire(EventKind::NodeDataChanged, path),
                Some(_) => by.watches.add(WatchKind::Data, path, by.watcher),
            }
        }
        for path in &lists.exist {
            match self.find(path) {
                None => by.watches.add(WatchKind::Data, path, by.watcher),
                Some(_) => fire(EventKind::NodeCreated, path),
            }
        }
        for path in &lists.child {
            match self.find(path) {
                None => fire(EventKind::NodeDeleted, path),
                Some(id) if is_news(self.node(id).stat.pzxid) => fire(EventKind::NodeChildrenChanged, path),
                Some(_) => by.watches.add(WatchKind::Child, path, by.watcher),
            }
        }
        for path in &lists.persistent {
            by.watches.add_persistent(path, by.watcher);
        }
        for path in &lists.persistent_recursive {
            by.watches.add_recursive(path, by.watcher);
        }
        events
    }
}

/// A znode that somebody may look at.
#[derive(Clone, Copy)]
struct Shown<'t> {
    tree: &'t Tree,
    id: NodeId,
}

impl<'t> Shown<'t> {
    fn new(_permit: Permit, tree: &'t Tree, id: NodeId) -> Self {
        Shown { tree, id }
    }

    fn stat(self) -> Stat {
        self.tree.node(self.id).stat()
    }

    fn data(self) -> Option<&'t [u8]> {
        self.tree.node(self.id).data()
    }

    fn children(self) -> Children<'t> {
        let node = self.tree.node(self.id);
        Children {
            tree: self.tree,
            next: node.first_child,
            left: node.children as usize,
        }
    }

    /// Digest ids are masked to the user for whom ADMIN is not granted.
    fn acl(self, who: &Who) -> Vec<Acl> {
        let list = self.tree.access_list(self.id);
        let mut acl = list.entries().to_vec();
        if who.may(Access::SeeDigests, list).is_err() {
            for entry in acl.iter_mut().filter(|entry| entry.scheme == "digest") {
                let user = entry.id.split(':').next().unwrap_or_default();
                entry.id = format!("{user}:x");
            }
        }
        acl
    }

    fn count_below(self) -> i32 {
        if self.id == NodeId::ROOT {
            return self.tree.node_count() as i32 - 1;
        }
        let mut below = Vec::new();
        self.tree.collect_below(self.id, 0, &mut below);
        below.len() as i32
    }
}

impl Reader<'_> {
    fn watch_if(&mut self, watch: bool, kind: WatchKind, path: &str) {
        if watch {
            self.watches.add(kind, path, self.watcher);
        }
    }
}

/// The tables and modes that a watcher type of `checkWatches` and `removeWatches` names.
fn watch_kinds(number: i32) -> Result<&'static [(WatchKind, Option<WatchMode>)], Code> {
    use WatchKind::{Child, Data};
    use WatchMode::{Persistent, PersistentRecursive, Standard};
    match number {
        1 => Ok(&[(Child, Some(Standard))]),
        2 => Ok(&[(Data, Some(Standard))]),
        3 => Ok(&[(Data, None), (Child, None)]),
        4 => Ok(&[(Data, Some(Persistent)), (Child, Some(Persistent))]),
        5 => Ok(&[(Data, Some(PersistentRecursive))]),
        _ => Err(Code::MARSHALLING_ERROR),
    }
}
