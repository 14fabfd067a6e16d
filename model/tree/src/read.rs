//! What does a client see, and what does it watch from then on?
//!
//! Reads are answered from the tree of the server that the client is connected to. Paths are not
//! validated: an invalid one is not found.

use crate::acl::{ADMIN, READ};
use crate::code::Code;
use crate::node::NodeId;
use crate::path;
use crate::request::{ReadRequest, SetWatches};
use crate::stat::Stat;
use crate::tree::Tree;
use crate::txn::{Acl, SessionId};
use crate::watch::{Event, EventKind, WatchKind, WatchTable, WatcherId};
use std::sync::Arc;

#[cfg(test)]
mod tests;

/// On whose behalf a read is answered, and where its watches go.
#[derive(Debug)]
pub struct Reader<'a> {
    /// The session, for `getEphemerals`.
    pub session: SessionId,
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
                let id = self.readable(path)?;
                by.watch_if(*watch, WatchKind::Data, path);
                let node = self.node(id);
                Ok(ReadReply::Data {
                    data: node.data(),
                    stat: node.stat(),
                })
            }
            ReadRequest::GetChildren { path, watch } => {
                let id = self.readable(path)?;
                by.watch_if(*watch, WatchKind::Child, path);
                Ok(ReadReply::Children(self.children(id)))
            }
            ReadRequest::GetChildren2 { path, watch } => {
                let id = self.readable(path)?;
                by.watch_if(*watch, WatchKind::Child, path);
                Ok(ReadReply::Children2 {
                    children: self.children(id),
                    stat: self.node(id).stat(),
                })
            }
            ReadRequest::GetAcl { path } => self.get_acl(path),
            ReadRequest::GetAllChildrenNumber { path } => {
                let id = self.readable(path)?;
                Ok(ReadReply::Count(self.count_below(id)))
            }
            ReadRequest::GetEphemerals { prefix } => {
                let prefix = prefix.as_deref().unwrap_or_default();
                let all = prefix.trim().is_empty() || prefix == "/";
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
                    .any(|&kind| by.watches.contains(kind, path, by.watcher));
                if found {
                    Ok(ReadReply::Done)
                } else {
                    Err(Code::NO_WATCHER)
                }
            }
            ReadRequest::RemoveWatches { path, kind } => {
                let mut found = false;
                for &kind in watch_kinds(*kind)? {
                    found |= by.watches.remove(kind, path, by.watcher);
                }
                if found {
                    Ok(ReadReply::Done)
                } else {
                    Err(Code::NO_WATCHER)
                }
            }
            ReadRequest::SetWatches(lists) => Ok(ReadReply::Replayed(self.set_watches(lists, by))),
        }
    }

    fn exists(&self, path: &str, watch: bool, by: &mut Reader<'_>) -> Result<ReadReply<'_>, Code> {
        if path.contains('\0') {
            return Err(Code::BAD_ARGUMENTS);
        }
        match self.readable(path) {
            Ok(id) => {
                by.watch_if(watch, WatchKind::Data, path);
                Ok(ReadReply::Stat(self.node(id).stat()))
            }
            Err(code) => {
                by.watch_if(watch && code == Code::NO_NODE, WatchKind::Data, path);
                Err(code)
            }
        }
    }

    /// The znode, if it exists and may be read.
    fn readable(&self, path: &str) -> Result<NodeId, Code> {
        let id = self.find(path).ok_or(Code::NO_NODE)?;
        self.grants(id).check(READ)?;
        Ok(id)
    }

    fn children(&self, id: NodeId) -> Children<'_> {
        let node = self.node(id);
        Children {
            tree: self,
            next: node.first_child,
            left: node.children as usize,
        }
    }

    /// Digest ids are masked to the user for whom ADMIN is not granted.
    fn get_acl(&self, path: &str) -> Result<ReadReply<'_>, Code> {
        let id = self.find(path).ok_or(Code::NO_NODE)?;
        let grants = self.grants(id);
        grants.check(READ | ADMIN)?;
        let mut acl = self.acl_list(id).to_vec();
        if !grants.allows(ADMIN) {
            for entry in acl.iter_mut().filter(|entry| entry.scheme == "digest") {
                let user = entry.id.split(':').next().unwrap_or_default();
                entry.id = format!("{user}:x");
            }
        }
        Ok(ReadReply::Acl {
            acl,
            stat: self.node(id).stat(),
        })
    }

    fn count_below(&self, id: NodeId) -> i32 {
        if id == NodeId::ROOT {
            return self.node_count() as i32 - 1;
        }
        let mut below = Vec::new();
        self.collect_below(id, 0, &mut below);
        below.len() as i32
    }

    fn set_watches(&self, lists: &SetWatches, by: &mut Reader<'_>) -> Vec<Event> {
        let mut events = Vec::new();
        let mut fire = |kind, path: &str| {
            events.push(Event {
                watcher: by.watcher,
                kind,
                path: Arc::from(path),
            });
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
        events
    }
}

impl Reader<'_> {
    fn watch_if(&mut self, watch: bool, kind: WatchKind, path: &str) {
        if watch {
            self.watches.add(kind, path::watched(path), self.watcher);
        }
    }
}

/// The tables that a watcher type of `checkWatches` and `removeWatches` names. Persistent watches are in
/// neither.
fn watch_kinds(number: i32) -> Result<&'static [WatchKind], Code> {
    match number {
        1 => Ok(&[WatchKind::Child]),
        2 => Ok(&[WatchKind::Data]),
        3 => Ok(&[WatchKind::Data, WatchKind::Child]),
        4 | 5 => Ok(&[]),
        _ => Err(Code::MARSHALLING_ERROR),
    }
}
