//! How does a snapshot writer get at everything?
//!
//! It forks the tree ([`Tree::clone`]) and walks the fork: sessions, then [`Tree::acls`], then the znodes.

use crate::node::NodeId;
use crate::stat::StatPersisted;
use crate::tree::Tree;

/// One znode, as a snapshot stores it.
#[derive(Clone, Copy, Debug)]
pub struct Exported<'a> {
    /// The path; the root's is `""`.
    pub path: &'a str,
    /// The data, or `None` for null.
    pub data: Option<&'a [u8]>,
    /// Number of the ACL list in [`Tree::acls`]; −1 is `world:anyone` with all permissions.
    pub acl: i64,
    /// The stat, with the stored cversion.
    pub stat: &'a StatPersisted,
}

/// A walk over all znodes, parents before children, that needs no memory but for one path.
#[derive(Debug)]
pub struct Walk<'t> {
    tree: &'t Tree,
    path: String,
    at: NodeId,
}

impl Tree {
    /// Starts a walk over all znodes, parents before children, the root first.
    pub fn walk(&self) -> Walk<'_> {
        Walk {
            tree: self,
            path: String::new(),
            at: NodeId::NONE,
        }
    }
}

impl Walk<'_> {
    /// The next znode, or `None` after the last one.
    pub fn next_node(&mut self) -> Option<Exported<'_>> {
        self.at = match self.at.some() {
            None => NodeId::ROOT,
            Some(at) => self.after(at)?,
        };
        let node = self.tree.node(self.at);
        if self.at != NodeId::ROOT {
            self.path.push('/');
            self.path.push_str(node.name());
        }
        Some(Exported {
            path: &self.path,
            data: node.data(),
            acl: node.acl.on_disk(),
            stat: &node.stat,
        })
    }

    /// The first child, else the next sibling, else that of the closest ancestor that has one.
    fn after(&mut self, mut at: NodeId) -> Option<NodeId> {
        if let Some(child) = self.tree.node(at).first_child.some() {
            return Some(child);
        }
        while at != NodeId::ROOT {
            let node = self.tree.node(at);
            self.path.truncate(self.path.len() - node.name().len() - 1);
            if let Some(next) = node.next.some() {
                return Some(next);
            }
            at = node.parent;
        }
        None
    }
}
