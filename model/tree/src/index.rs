//! Which znode is the child of this parent with this name?
//!
//! One hash table for all parents, grown one bucket at a time (linear hashing), so that no insertion ever
//! waits for the whole table to be rebuilt. Buckets are never changed, only replaced: a fork shares them, and
//! a look-up goes straight from the list of buckets to the entries.

use crate::node::NodeId;
use std::sync::Arc;

/// Average number of entries per bucket above which the table grows; it shrinks at a quarter of this.
const LOAD: usize = 24;

#[derive(Clone, Copy, Debug)]
struct Entry {
    hash: u32,
    node: NodeId,
}

/// From hashes to znodes. Comparing names is left to the caller, who can see the znodes.
#[derive(Clone, Debug)]
pub(crate) struct Index {
    buckets: Vec<Arc<[Entry]>>,
    len: usize,
}

impl Index {
    pub(crate) fn new() -> Self {
        Index {
            buckets: vec![Arc::default()],
            len: 0,
        }
    }

    /// The first entry under `hash` that `is_it` accepts.
    pub(crate) fn find(&self, hash: u32, is_it: impl Fn(NodeId) -> bool) -> Option<NodeId> {
        let bucket = &self.buckets[bucket_of(hash, self.buckets.len())];
        bucket
            .iter()
            .find(|entry| entry.hash == hash && is_it(entry.node))
            .map(|entry| entry.node)
    }

    pub(crate) fn insert(&mut self, hash: u32, node: NodeId) {
        let bucket = bucket_of(hash, self.buckets.len());
        let bucket = &mut self.buckets[bucket];
        *bucket = bucket.iter().copied().chain([Entry { hash, node }]).collect();
        self.len += 1;
        if self.len > self.buckets.len() * LOAD {
            self.grow();
        }
    }

    pub(crate) fn remove(&mut self, hash: u32, node: NodeId) {
        let bucket = bucket_of(hash, self.buckets.len());
        let bucket = &mut self.buckets[bucket];
        let Some(at) = bucket.iter().position(|entry| entry.node == node) else {
            return;
        };
        *bucket = bucket[..at].iter().chain(&bucket[at + 1..]).copied().collect();
        self.len -= 1;
        if self.buckets.len() > 1 && self.len < self.buckets.len() * LOAD / 4 {
            self.shrink();
        }
    }

    /// Adds a bucket and moves into it what belongs there, all from one other bucket.
    fn grow(&mut self) {
        let added = self.buckets.len();
        let source = &mut self.buckets[without_top_bit(added)];
        let (stays, moves): (Vec<_>, Vec<_>) = source
            .iter()
            .partition(|entry| bucket_of(entry.hash, added + 1) != added);
        *source = Arc::from(stays);
        self.buckets.push(Arc::from(moves));
    }

    /// Takes the last bucket back into the one that it came from.
    fn shrink(&mut self) {
        let last = self.buckets.pop().expect("there is more than one bucket");
        let source = without_top_bit(self.buckets.len());
        let source = &mut self.buckets[source];
        *source = source.iter().chain(&*last).copied().collect();
    }
}

/// As many low bits of the hash as name a bucket that exists already.
fn bucket_of(hash: u32, buckets: usize) -> usize {
    let mask = buckets.next_power_of_two() - 1;
    let bucket = hash as usize & mask;
    if bucket < buckets {
        bucket
    } else {
        bucket & (mask >> 1)
    }
}

fn without_top_bit(number: usize) -> usize {
    number & !(1 << number.ilog2())
}

/// The hash of a child's place. It is the same on every server and in every run: nothing is ever listed in
/// its order, but a step should not depend on luck.
pub(crate) fn hash(parent: NodeId, name: &[u8]) -> u32 {
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let fold = |state: u64, word: u64| {
        let product = u128::from(state ^ word) * u128::from(FACTOR);
        (product >> 64) as u64 ^ product as u64
    };
    let mut state = fold(u64::from(parent.0) + 1, name.len() as u64 ^ FACTOR);
    let (words, rest) = name.as_chunks::<8>();
    for word in words {
        state = fold(state.rotate_left(23), u64::from_le_bytes(*word));
    }
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    state = fold(state.rotate_left(23), u64::from_le_bytes(last));
    (state >> 32) as u32 ^ state as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn it_finds_what_was_inserted_and_not_removed(steps in prop::collection::vec((any::<bool>(), 0u32..400), 0..2000)) {
            let hash = |id: u32| hash(NodeId::ROOT, &(id / 2).to_be_bytes());
            let mut index = Index::new();
            let mut model = BTreeSet::new();
            for (insert, id) in steps {
                if insert {
                    if model.insert(id) {
                        index.insert(hash(id), NodeId(id));
                    }
                } else {
                    model.remove(&id);
                    index.remove(hash(id), NodeId(id));
                }
            }
            prop_assert_eq!(index.len, model.len());
            for id in 0..400 {
                let found = index.find(hash(id), |node| node == NodeId(id)).is_some();
                prop_assert_eq!(found, model.contains(&id));
            }
        }
    }

    #[test]
    fn sequential_names_spread_over_the_buckets() {
        let mut index = Index::new();
        for i in 0..100_000u32 {
            index.insert(hash(NodeId(1), format!("n{i:010}").as_bytes()), NodeId(i));
        }
        let fullest = index.buckets.iter().map(|bucket| bucket.len()).max();
        assert!(fullest < Some(6 * LOAD), "{fullest:?}");
        assert!(index.buckets.len() > 100_000 / LOAD / 2);
    }
}
