//! How are a million znodes kept in little memory, and forked for a snapshot in no time?
//!
//! Znodes live in blocks of 18 behind reference counts. Forking copies the list of blocks; whoever then
//! changes a znode copies its block first. A znode refers to its parent, its first child and its siblings
//! by number, and holds name and data in one allocation; paths are not stored, they follow from names.

use crate::acl::AclId;
use crate::crc::Crc;
use crate::stat::{Stat, StatPersisted};
use std::sync::Arc;

/// A znode's number. Numbers of deleted znodes are used again.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) struct NodeId(pub(crate) u32);

impl NodeId {
    pub(crate) const ROOT: NodeId = NodeId(0);
    pub(crate) const NONE: NodeId = NodeId(u32::MAX);

    pub(crate) fn some(self) -> Option<NodeId> {
        if self == NodeId::NONE { None } else { Some(self) }
    }
}

/// One znode: 112 bytes, and one allocation for name and data.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    /// The name; then nothing if the data is null, else [`DATA_FOLLOWS`] and the data.
    text: Arc<[u8]>,
    pub(crate) stat: StatPersisted,
    /// The part of the digest that path and data make.
    pub(crate) prefix: Crc,
    pub(crate) acl: AclId,
    pub(crate) parent: NodeId,
    pub(crate) first_child: NodeId,
    pub(crate) next: NodeId,
    pub(crate) previous: NodeId,
    pub(crate) children: u32,
    name_length: u32,
}

const DATA_FOLLOWS: u8 = 1;

impl Node {
    pub(crate) fn new(text: Text, stat: StatPersisted, prefix: Crc, acl: AclId) -> Self {
        Node {
            text: text.bytes,
            name_length: text.name_length,
            stat,
            prefix,
            acl,
            parent: NodeId::NONE,
            first_child: NodeId::NONE,
            next: NodeId::NONE,
            previous: NodeId::NONE,
            children: 0,
        }
    }

    fn vacant(next: NodeId) -> Self {
        let text = Text {
            bytes: Arc::default(),
            name_length: 0,
        };
        Node {
            next,
            ..Node::new(text, StatPersisted::default(), Crc::EMPTY, AclId::OPEN)
        }
    }

    pub(crate) fn name(&self) -> &str {
        let name = &self.text[..self.name_length as usize];
        std::str::from_utf8(name).expect("a name is stored from a string")
    }

    pub(crate) fn is_named(&self, name: &[u8]) -> bool {
        self.text[..self.name_length as usize] == *name
    }

    pub(crate) fn data(&self) -> Option<&[u8]> {
        self.text.get(self.name_length as usize + 1..)
    }

    pub(crate) fn data_length(&self) -> usize {
        self.text.len().saturating_sub(self.name_length as usize + 1)
    }

    /// Puts `data` in the place of the data; `scratch` saves an allocation.
    pub(crate) fn set_data(&mut self, data: Option<&[u8]>, scratch: &mut Vec<u8>) {
        self.text = Text::new(&self.text[..self.name_length as usize], data, scratch).bytes;
    }

    pub(crate) fn stat(&self) -> Stat {
        Stat::of(&self.stat, self.data_length(), self.children)
    }
}

/// Name and data in one allocation.
pub(crate) struct Text {
    bytes: Arc<[u8]>,
    name_length: u32,
}

impl Text {
    pub(crate) fn new(name: &[u8], data: Option<&[u8]>, scratch: &mut Vec<u8>) -> Self {
        const KEPT_BYTES_MAX: usize = 1 << 16;
        scratch.clear();
        scratch.extend_from_slice(name);
        if let Some(data) = data {
            scratch.push(DATA_FOLLOWS);
            scratch.extend_from_slice(data);
        }
        let text = Text {
            bytes: Arc::from(&scratch[..]),
            name_length: name.len() as u32,
        };
        if scratch.capacity() > KEPT_BYTES_MAX {
            *scratch = Vec::new();
        }
        text
    }
}

/// With its two counts a block is 2032 bytes: an allocator, which rounds up to 2048, wastes next to nothing of it; of a
/// block of 32 it was an eighth. A larger one would take more memory while a snapshot is written and znodes here and
/// there change, a smaller one more time to fork.
const BLOCK: usize = 18;

/// All znodes, by number.
#[derive(Clone, Debug)]
pub(crate) struct Arena {
    blocks: Vec<Arc<[Node; BLOCK]>>,
    /// Head of the list of unused numbers, linked by `next`.
    vacant: NodeId,
    len: usize,
}

impl Arena {
    pub(crate) fn new() -> Self {
        Arena {
            blocks: Vec::new(),
            vacant: NodeId::NONE,
            len: 0,
        }
    }

    /// Number of znodes.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn get(&self, id: NodeId) -> &Node {
        &self.blocks[id.0 as usize / BLOCK][id.0 as usize % BLOCK]
    }

    pub(crate) fn get_mut(&mut self, id: NodeId) -> &mut Node {
        &mut Arc::make_mut(&mut self.blocks[id.0 as usize / BLOCK])[id.0 as usize % BLOCK]
    }

    pub(crate) fn insert(&mut self, node: Node) -> NodeId {
        if self.vacant == NodeId::NONE {
            self.add_block();
        }
        let id = self.vacant;
        let slot = self.get_mut(id);
        let next = slot.next;
        *slot = node;
        self.vacant = next;
        self.len += 1;
        id
    }

    fn add_block(&mut self) {
        let first = (self.blocks.len() * BLOCK) as u32;
        let last = first + BLOCK as u32 - 1;
        let block = std::array::from_fn(|i| {
            let id = first + i as u32;
            Node::vacant(if id == last { NodeId::NONE } else { NodeId(id + 1) })
        });
        self.blocks.push(Arc::new(block));
        self.vacant = NodeId(first);
    }

    pub(crate) fn remove(&mut self, id: NodeId) -> Node {
        let vacant = Node::vacant(self.vacant);
        self.vacant = id;
        self.len -= 1;
        std::mem::replace(self.get_mut(id), vacant)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(name: &str, data: Option<&[u8]>) -> Node {
        let text = Text::new(name.as_bytes(), data, &mut Vec::new());
        Node::new(text, StatPersisted::default(), Crc::EMPTY, AclId::OPEN)
    }

    #[test]
    fn a_znode_takes_112_bytes_and_a_block_half_a_page() {
        assert_eq!(size_of::<Node>(), 112);
        let block = size_of::<[Node; BLOCK]>() + 2 * size_of::<usize>();
        assert!((2000..=2048).contains(&block), "{block}");
    }

    #[test]
    fn null_data_and_empty_data_differ() {
        for (name, data) in [
            ("", None),
            ("", Some(&b""[..])),
            ("é", None),
            ("a", Some(b"")),
            ("ab", Some(b"cd")),
        ] {
            let mut stored = node(name, data);
            assert_eq!((stored.name(), stored.data()), (name, data));
            assert_eq!(stored.data_length(), data.unwrap_or_default().len());
            stored.set_data(Some(b"other"), &mut Vec::new());
            assert_eq!((stored.name(), stored.data()), (name, Some(&b"other"[..])));
        }
    }

    #[test]
    fn a_fork_does_not_see_what_changes_later() {
        let mut arena = Arena::new();
        let ids: Vec<_> = (0..100)
            .map(|i| arena.insert(node(&i.to_string(), None)))
            .collect();
        let fork = arena.clone();
        arena.remove(ids[3]);
        arena.get_mut(ids[4]).stat.version = 9;
        assert_eq!(arena.insert(node("x", None)), ids[3], "numbers are used again");
        assert_eq!((fork.get(ids[3]).name(), fork.get(ids[4]).stat.version), ("3", 0));
        assert_eq!((arena.len(), fork.len()), (100, 100));
    }
}
