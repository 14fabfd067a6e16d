//! How does a tree come out of a snapshot?

use crate::acl::{self, AclId, OPEN_ON_DISK};
use crate::path;
use crate::stat::StatPersisted;
use crate::tree::Tree;
use crate::txn::{Acl, SessionId};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;

/// Takes what a snapshot holds, in a snapshot's order: sessions, ACL lists, znodes with parents first.
#[derive(Debug)]
pub struct TreeLoader {
    tree: Tree,
    acls: BTreeMap<i64, AclId>,
    unknown_acls: usize,
}

/// What is wrong with a snapshot's content.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum LoadError {
    /// The first znode was not the root, `""`, or there was none.
    NoRoot,
    /// A znode came before its parent, or without one.
    NoParent {
        /// The znode.
        path: String,
    },
    /// A path occurred twice.
    Twice {
        /// The znode.
        path: String,
    },
    /// A path that does not begin with `/` or ends with it.
    BadPath {
        /// The path.
        path: String,
    },
    /// An ACL number occurred twice, or was −1, which is never listed.
    BadAclId {
        /// The number.
        id: i64,
    },
    /// `/zookeeper` is missing.
    NoZookeeper,
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LoadError::NoRoot => write!(f, "the first znode is not the root"),
            LoadError::NoParent { path } => write!(f, "znode {path:?} comes without or before its parent"),
            LoadError::Twice { path } => write!(f, "znode {path:?} occurs twice"),
            LoadError::BadPath { path } => write!(f, "{path:?} is not the path of a znode"),
            LoadError::BadAclId { id } => write!(f, "ACL number {id} is reserved or occurs twice"),
            LoadError::NoZookeeper => write!(f, "znode /zookeeper is missing"),
        }
    }
}

impl std::error::Error for LoadError {}

impl Default for TreeLoader {
    fn default() -> Self {
        TreeLoader::new()
    }
}

impl TreeLoader {
    /// Nothing loaded yet.
    pub fn new() -> Self {
        TreeLoader {
            tree: Tree::empty(),
            acls: BTreeMap::new(),
            unknown_acls: 0,
        }
    }

    /// A session and its timeout in ms; of two with one id the last one counts.
    pub fn session(&mut self, session: SessionId, timeout_ms: i32) {
        self.tree.open_session(session, timeout_ms);
    }

    /// An ACL list and its number.
    ///
    /// # Errors
    ///
    /// [`LoadError::BadAclId`] for −1 or a number that was used before.
    pub fn acl(&mut self, id: i64, list: Vec<Acl>) -> Result<(), LoadError> {
        match self.acls.entry(id) {
            Entry::Vacant(entry) if id != OPEN_ON_DISK => {
                entry.insert(self.tree.intern(&list));
                Ok(())
            }
            Entry::Vacant(_) | Entry::Occupied(_) => Err(LoadError::BadAclId { id }),
        }
    }

    /// A znode. An ACL number that was not listed is tolerated (ZOOKEEPER-4846): the znode then permits
    /// nothing until the replay of its creation, which such a snapshot is followed by, restores its list.
    ///
    /// # Errors
    ///
    /// [`LoadError`] if the znode cannot be where its path says.
    pub fn node(
        &mut self,
        path: &str,
        data: Option<&[u8]>,
        acl: i64,
        stat: StatPersisted,
    ) -> Result<(), LoadError> {
        if self.tree.node_count() == 0 {
            if !path.is_empty() {
                return Err(LoadError::NoRoot);
            }
            let acl = self.acl_of(acl);
            self.tree.insert_root(data, acl, stat);
            return Ok(());
        }
        let (parent, name) = match path::place(path) {
            Some(place) if path.starts_with('/') => place,
            _ if path.is_empty() => return Err(LoadError::Twice { path: path.into() }),
            _ => return Err(LoadError::BadPath { path: path.into() }),
        };
        let Some(parent) = self.tree.find(parent) else {
            return Err(LoadError::NoParent { path: path.into() });
        };
        if self.tree.child(parent, name).is_some() {
            return Err(LoadError::Twice { path: path.into() });
        }
        let acl = self.acl_of(acl);
        self.tree.insert(parent, path, name, data, acl, stat);
        Ok(())
    }

    /// One more use of the list with this number.
    fn acl_of(&mut self, id: i64) -> AclId {
        if id == OPEN_ON_DISK {
            return AclId::OPEN;
        }
        match self.acls.get(&id) {
            Some(&known) => self.tree.intern_again(known),
            None => {
                self.unknown_acls += 1;
                self.tree.intern(&acl::nothing())
            }
        }
    }

    /// How many znodes referred to an ACL number that was not listed.
    pub fn unknown_acls(&self) -> usize {
        self.unknown_acls
    }

    /// The tree. `last_zxid` is the snapshot's name; `fuzzy_until` the zxid of its digest, if it has one: up to
    /// there the tree may be ahead of `last_zxid`, and digests are not compared until a replay is past it.
    ///
    /// # Errors
    ///
    /// [`LoadError::NoRoot`] or [`LoadError::NoZookeeper`] if these are missing. A missing
    /// `/zookeeper/config` or `/zookeeper/quota`, as before ZooKeeper 3.5, is added.
    pub fn finish(self, last_zxid: u64, fuzzy_until: Option<u64>) -> Result<Tree, LoadError> {
        let TreeLoader {
            mut tree,
            acls,
            unknown_acls: _,
        } = self;
        if tree.node_count() == 0 {
            return Err(LoadError::NoRoot);
        }
        if tree.find(path::ZOOKEEPER).is_none() {
            return Err(LoadError::NoZookeeper);
        }
        for id in acls.into_values() {
            tree.release(id); // The table held one use of each.
        }
        tree.insert_missing_below_zookeeper();
        tree.find_quotas();
        tree.last_zxid = last_zxid;
        tree.fuzzy_until = fuzzy_until.unwrap_or(last_zxid).max(last_zxid);
        Ok(tree)
    }
}
