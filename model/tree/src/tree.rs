//! What does the tree hold, and how does its digest stay right?
//!
//! Every change of a znode goes through [`Tree::change`], `insert` or `remove`, which keep the digest equal
//! to the sum over all znodes. [`Tree::clone`] is cheap: a snapshot is a fork, written while the original
//! goes on.

use crate::acl::{self, AccessList, AclId, AclTable};
use crate::digest;
use crate::index::{self, Index};
use crate::node::{Arena, Node, NodeId, Text};
use crate::path;
use crate::stat::{Owner, Stat, StatPersisted};
use crate::txn::{Acl, SessionId};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The znodes, the sessions, and the zxid of the last transaction applied.
#[derive(Clone, Debug)]
pub struct Tree {
    pub(crate) arena: Arena,
    index: Index,
    acls: Arc<AclTable>,
    sessions: BTreeMap<SessionId, i32>,
    ephemerals: BTreeMap<SessionId, Arc<BTreeSet<NodeId>>>,
    /// Containers and TTL nodes.
    swept: Arc<BTreeSet<NodeId>>,
    ephemerals_count: usize,
    /// Paths that have a quota.
    quotas: Arc<BTreeSet<String>>,
    digest: u64,
    pub(crate) last_zxid: u64,
    /// The tree came from a snapshot that may hold effects of transactions up to here: digests do not
    /// compare below. [`UNKNOWN`] if nobody says up to where.
    pub(crate) fuzzy_until: u64,
    /// Bytes of paths and data.
    data_size: u64,
    scratch: Vec<u8>,
}

/// In place of a zxid: no snapshot is known to go so far.
const UNKNOWN: u64 = u64::MAX;

impl Default for Tree {
    fn default() -> Self {
        Tree::new()
    }
}

impl Tree {
    /// A fresh tree: `/`, `/zookeeper`, `/zookeeper/quota` and `/zookeeper/config`, zxid 0.
    pub fn new() -> Self {
        let mut tree = Tree::empty();
        let stat = StatPersisted::default();
        tree.insert_root(Some(b""), AclId::OPEN, stat);
        tree.insert_at(path::ZOOKEEPER, AclId::OPEN, stat);
        tree.insert_missing_below_zookeeper();
        tree
    }

    /// No znodes at all, not even the root: what a loader starts with.
    pub(crate) fn empty() -> Self {
        Tree {
            arena: Arena::new(),
            index: Index::new(),
            acls: Arc::new(AclTable::new()),
            sessions: BTreeMap::new(),
            ephemerals: BTreeMap::new(),
            swept: Arc::default(),
            ephemerals_count: 0,
            quotas: Arc::default(),
            digest: 0,
            last_zxid: 0,
            fuzzy_until: 0,
            data_size: 0,
            scratch: Vec::new(),
        }
    }

    /// Adds `/zookeeper/quota` and `/zookeeper/config`, as they are before anything is written to them.
    pub(crate) fn insert_missing_below_zookeeper(&mut self) {
        if self.find(path::QUOTA).is_none() {
            self.insert_at(path::QUOTA, AclId::OPEN, StatPersisted::default());
        }
        if self.find(path::CONFIG).is_none() {
            let acl = self.intern(&acl::read_only());
            self.insert_at(
                path::CONFIG,
                acl,
                StatPersisted {
                    aversion: -1,
                    ..StatPersisted::default()
                },
            );
        }
    }

    fn insert_at(&mut self, path: &str, acl: AclId, stat: StatPersisted) {
        let (parent, name) = path::split(path).expect("a fixed path");
        let parent = self.find(parent).expect("parents come first");
        self.insert(parent, path, name, Some(b""), acl, stat);
    }

    /// The zxid of the last transaction applied.
    pub fn last_zxid(&self) -> u64 {
        self.last_zxid
    }

    /// The snapshot that this tree came from may hold effects of transactions up to `zxid`: until they are
    /// applied, its digest is nobody else's.
    pub fn may_hold_up_to(&mut self, zxid: u64) {
        self.fuzzy_until = match self.fuzzy_until {
            UNKNOWN => zxid,
            known => known.max(zxid),
        };
    }

    /// The snapshot that this tree came from may hold effects of later transactions, and does not say of which. What
    /// was committed until it was written is in the history of whoever leads next, for [`Tree::may_hold_up_to`].
    pub fn may_hold_more(&mut self) {
        self.fuzzy_until = UNKNOWN;
    }

    /// Whether it is not known up to where it may be ahead.
    pub fn is_unmeasured(&self) -> bool {
        self.fuzzy_until == UNKNOWN
    }

    /// Whether it holds what it does at its zxid, and nothing of what came later.
    pub fn is_exact(&self) -> bool {
        self.last_zxid >= self.fuzzy_until
    }

    /// The sum of the digests of all znodes that count, modulo 2^64.
    pub fn digest(&self) -> u64 {
        self.digest
    }

    /// The digest that every tree has at this zxid; nothing while this one may be ahead of it.
    pub fn exact_digest(&self) -> Option<u64> {
        self.is_exact().then_some(self.digest)
    }

    /// Number of znodes, the root and ZooKeeper's own included.
    pub fn node_count(&self) -> usize {
        self.arena.len()
    }

    /// Bytes of all paths and data, as ZooKeeper's `approximate_data_size` counts them.
    pub fn approximate_data_size(&self) -> u64 {
        self.data_size
    }

    /// Number of znodes that go with a session.
    pub fn ephemerals_count(&self) -> usize {
        self.ephemerals_count
    }

    /// The sessions and their timeouts in ms, by id.
    pub fn sessions(&self) -> impl ExactSizeIterator<Item = (SessionId, i32)> + '_ {
        self.sessions
            .iter()
            .map(|(&session, &timeout_ms)| (session, timeout_ms))
    }

    /// The session's timeout in ms, if it exists.
    pub fn session_timeout_ms(&self, session: SessionId) -> Option<i32> {
        self.sessions.get(&session).copied()
    }

    /// Sessions that own ephemerals, whether they exist or not, with how many. A consistent tree has only
    /// owners that exist; a leader closes the others.
    pub fn ephemeral_owners(&self) -> impl Iterator<Item = (SessionId, usize)> + '_ {
        self.ephemerals
            .iter()
            .map(|(&session, nodes)| (session, nodes.len()))
    }

    /// The paths of the session's ephemerals.
    pub fn ephemerals(&self, session: SessionId) -> impl Iterator<Item = String> + '_ {
        self.ephemeral_ids(session).map(|id| self.path_of(id))
    }

    /// The paths of all containers and TTL nodes.
    pub fn containers(&self) -> impl Iterator<Item = String> + '_ {
        self.swept.iter().map(|&id| self.path_of(id))
    }

    pub(crate) fn swept_ids(&self) -> impl Iterator<Item = NodeId> + '_ {
        self.swept.iter().copied()
    }

    pub(crate) fn ephemeral_ids(&self, session: SessionId) -> impl Iterator<Item = NodeId> + '_ {
        self.ephemerals
            .get(&session)
            .into_iter()
            .flat_map(|nodes| nodes.iter().copied())
    }

    pub(crate) fn open_session(&mut self, session: SessionId, timeout_ms: i32) {
        self.sessions.insert(session, timeout_ms);
    }

    pub(crate) fn close_session(&mut self, session: SessionId) -> bool {
        self.sessions.remove(&session).is_some()
    }

    /// The znode at `path`. An invalid path is one that is not found; `""` is the root as well.
    pub(crate) fn find(&self, path: &str) -> Option<NodeId> {
        let path = path::canonical(path);
        if path.is_empty() {
            return Some(NodeId::ROOT);
        }
        path.strip_prefix('/')?
            .split('/')
            .try_fold(NodeId::ROOT, |parent, name| self.child(parent, name))
    }

    pub(crate) fn child(&self, parent: NodeId, name: &str) -> Option<NodeId> {
        let name = name.as_bytes();
        self.index.find(index::hash(parent, name), |id| {
            let node = self.arena.get(id);
            node.parent == parent && node.is_named(name)
        })
    }

    pub(crate) fn node(&self, id: NodeId) -> &Node {
        self.arena.get(id)
    }

    /// The path of a znode, put together from the names on the way up; the root's is `""`.
    pub(crate) fn path_of(&self, id: NodeId) -> String {
        let mut names = Vec::new();
        let mut at = id;
        while at != NodeId::ROOT {
            let node = self.arena.get(at);
            names.push(node.name());
            at = node.parent;
        }
        let mut path = String::with_capacity(names.iter().map(|name| name.len() + 1).sum());
        for name in names.iter().rev() {
            path.push('/');
            path.push_str(name);
        }
        path
    }

    pub(crate) fn access_list(&self, id: NodeId) -> &AccessList {
        self.acls.list(self.arena.get(id).acl)
    }

    pub(crate) fn quotas(&self) -> &BTreeSet<String> {
        &self.quotas
    }

    pub(crate) fn quotas_mut(&mut self) -> &mut BTreeSet<String> {
        Arc::make_mut(&mut self.quotas)
    }

    /// The ACL lists in use but the open one, with the numbers that [`crate::Exported::acl`] refers to.
    pub fn acls(&self) -> impl Iterator<Item = (i64, &[Acl])> {
        self.acls.iter()
    }

    pub(crate) fn intern(&mut self, list: &[Acl]) -> AclId {
        if AclTable::is_open(list) {
            AclId::OPEN
        } else {
            Arc::make_mut(&mut self.acls).intern(list)
        }
    }

    /// One more use of a list that is in use.
    pub(crate) fn intern_again(&mut self, acl: AclId) -> AclId {
        if acl != AclId::OPEN {
            Arc::make_mut(&mut self.acls).retain(acl);
        }
        acl
    }

    pub(crate) fn release(&mut self, acl: AclId) {
        if acl != AclId::OPEN {
            Arc::make_mut(&mut self.acls).release(acl);
        }
    }

    /// Changes the znode at `path` and the digest with it.
    pub(crate) fn change(&mut self, id: NodeId, path: &str, change: impl FnOnce(&mut Node)) -> Stat {
        let node = self.arena.get_mut(id);
        let before = digest::of(node.prefix, &node.stat);
        change(node);
        if digest::counts(path) {
            let after = digest::of(node.prefix, &node.stat);
            self.digest = self.digest.wrapping_sub(before).wrapping_add(after);
        }
        node.stat()
    }

    /// Puts `data` into the znode at `path`, with what else changes at the same time.
    pub(crate) fn put_data(
        &mut self,
        id: NodeId,
        path: &str,
        data: Option<&[u8]>,
        change: impl FnOnce(&mut StatPersisted),
    ) -> Stat {
        let mut scratch = std::mem::take(&mut self.scratch);
        let before = self.arena.get(id).data_length();
        let stat = self.change(id, path, |node| {
            node.set_data(data, &mut scratch);
            node.prefix = digest::prefix(path, data);
            change(&mut node.stat);
        });
        self.scratch = scratch;
        self.data_size = self.data_size - before as u64 + stat.data_length as u64;
        stat
    }

    pub(crate) fn insert_root(&mut self, data: Option<&[u8]>, acl: AclId, stat: StatPersisted) {
        // ZooKeeper's count has the root's both names, "" and "/".
        self.data_size += 1;
        let root = self.add("", "", data, acl, stat);
        assert_eq!(root, NodeId::ROOT, "the root is the first znode of a tree");
    }

    /// Adds a znode that is not there yet. What that means to the parent's stat is the caller's affair.
    pub(crate) fn insert(
        &mut self,
        parent: NodeId,
        path: &str,
        name: &str,
        data: Option<&[u8]>,
        acl: AclId,
        stat: StatPersisted,
    ) -> NodeId {
        let id = self.add(path, name, data, acl, stat);
        let above = self.arena.get_mut(parent);
        let next = std::mem::replace(&mut above.first_child, id);
        above.children += 1;
        let node = self.arena.get_mut(id);
        (node.parent, node.next) = (parent, next);
        if let Some(next) = next.some() {
            self.arena.get_mut(next).previous = id;
        }
        self.index.insert(index::hash(parent, name.as_bytes()), id);
        match stat.owner() {
            Owner::Nobody => {}
            Owner::Session(session) => {
                Arc::make_mut(self.ephemerals.entry(session).or_default()).insert(id);
                self.ephemerals_count += 1;
            }
            Owner::Container | Owner::Ttl(_) => {
                Arc::make_mut(&mut self.swept).insert(id);
            }
        }
        id
    }

    fn add(
        &mut self,
        path: &str,
        name: &str,
        data: Option<&[u8]>,
        acl: AclId,
        stat: StatPersisted,
    ) -> NodeId {
        let prefix = digest::prefix(path, data);
        if digest::counts(path) {
            self.digest = self.digest.wrapping_add(digest::of(prefix, &stat));
        }
        self.data_size += (path.len() + data.map_or(0, <[u8]>::len)) as u64;
        let text = Text::new(name.as_bytes(), data, &mut self.scratch);
        self.arena.insert(Node::new(text, stat, prefix, acl))
    }

    /// Removes a znode that is not the root. Children, which only a replay over a fuzzy snapshot can find
    /// there, go with it: the transactions that made them follow in the log.
    pub(crate) fn remove(&mut self, id: NodeId, path: &str) {
        let counts = digest::counts(path);
        let mut doomed = Vec::new();
        if self.arena.get(id).children > 0 {
            self.collect_below(id, path.len(), &mut doomed);
        }
        while let Some((id, path_length)) = doomed.pop() {
            self.remove_one(id, path_length, counts);
        }
        self.remove_one(id, path.len(), counts);
    }

    /// All descendants with the lengths of their paths, parents first.
    pub(crate) fn collect_below(&self, id: NodeId, path_length: usize, found: &mut Vec<(NodeId, usize)>) {
        let mut next_parent = found.len();
        let mut parent = (id, path_length);
        loop {
            let mut child = self.arena.get(parent.0).first_child;
            while let Some(at) = child.some() {
                let node = self.arena.get(at);
                found.push((at, parent.1 + 1 + node.name().len()));
                child = node.next;
            }
            match found.get(next_parent) {
                Some(&next) => parent = next,
                None => return,
            }
            next_parent += 1;
        }
    }

    fn remove_one(&mut self, id: NodeId, path_length: usize, counts: bool) {
        let node = self.arena.get(id);
        let (parent, next, previous) = (node.parent, node.next, node.previous);
        self.index.remove(index::hash(parent, node.name().as_bytes()), id);
        match previous.some() {
            Some(previous) => self.arena.get_mut(previous).next = next,
            None => self.arena.get_mut(parent).first_child = next,
        }
        if let Some(next) = next.some() {
            self.arena.get_mut(next).previous = previous;
        }
        self.arena.get_mut(parent).children -= 1;
        let node = self.arena.remove(id);
        if counts {
            self.digest = self.digest.wrapping_sub(digest::of(node.prefix, &node.stat));
        }
        self.data_size -= (path_length + node.data_length()) as u64;
        self.release(node.acl);
        match node.stat.owner() {
            Owner::Nobody => {}
            Owner::Session(session) => self.disown(session, id),
            Owner::Container | Owner::Ttl(_) => {
                Arc::make_mut(&mut self.swept).remove(&id);
            }
        }
    }

    fn disown(&mut self, session: SessionId, id: NodeId) {
        let Some(nodes) = self.ephemerals.get_mut(&session) else {
            return;
        };
        let owned = Arc::make_mut(nodes);
        self.ephemerals_count -= usize::from(owned.remove(&id));
        if owned.is_empty() {
            self.ephemerals.remove(&session);
        }
    }
}
