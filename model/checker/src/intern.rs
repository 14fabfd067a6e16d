//! Why is a world so small? Its parts are shared: few distinct nodes serve millions of worlds.
//!
//! Equal values are kept once, for the life of the process, with their hash. A world is then a short
//! list of pointers, and a step of a node is computed once for each node and happening.

use foldhash::quality::FixedState;
use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasher, Hash, Hasher};
use std::ops::Deref;
use std::sync::Mutex;

/// One shared value.
pub struct Cell<T: 'static>(&'static Slot<T>);

struct Slot<T> {
    hash: u64,
    value: T,
}

impl<T> Clone for Cell<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Cell<T> {}

impl<T> Deref for Cell<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0.value
    }
}

impl<T> Cell<T> {
    /// The value, for as long as the process lives.
    pub fn get(self) -> &'static T {
        &self.0.value
    }

    /// The hash of its content, salted by its table.
    pub fn content_hash(self) -> u64 {
        self.0.hash
    }
}

impl<T> PartialEq for Cell<T> {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.0, other.0)
    }
}

impl<T> Eq for Cell<T> {}

impl<T> Hash for Cell<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.0.hash);
    }
}

impl<T: fmt::Debug> fmt::Debug for Cell<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.value.fmt(f)
    }
}

/// The values of one type.
pub struct Table<T: 'static> {
    salt: FixedState,
    slots: Mutex<HashMap<u64, Vec<Cell<T>>, foldhash::fast::FixedState>>,
}

impl<T> fmt::Debug for Table<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table").finish_non_exhaustive()
    }
}

impl<T: Eq + Hash> Table<T> {
    /// An empty table whose hashes depend on `salt`.
    pub fn new(salt: u64) -> Self {
        Self {
            salt: FixedState::with_seed(salt),
            slots: Mutex::default(),
        }
    }

    /// The shared value equal to `value`.
    ///
    /// # Panics
    ///
    /// If another thread panicked while it held the table.
    pub fn intern(&self, value: T) -> Cell<T> {
        let hash = self.salt.hash_one(&value);
        let mut slots = self.slots.lock().expect("no thread died in the table");
        let same = slots.entry(hash).or_default();
        if let Some(&cell) = same.iter().find(|cell| ***cell == value) {
            return cell;
        }
        let cell = Cell(Box::leak(Box::new(Slot { hash, value })));
        same.push(cell);
        cell
    }

    /// How many distinct values there are.
    ///
    /// # Panics
    ///
    /// If another thread panicked while it held the table.
    pub fn len(&self) -> usize {
        self.slots
            .lock()
            .expect("no thread died in the table")
            .values()
            .map(Vec::len)
            .sum()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// What was computed before: keys to results that live as long as the process.
pub(crate) struct Memo<K, V: 'static>(Mutex<HashMap<K, &'static V, foldhash::fast::FixedState>>);

impl<K, V> Default for Memo<K, V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Eq + Hash, V> Memo<K, V> {
    /// The result for `key`, computed by `compute` if it is not there.
    pub(crate) fn get(&self, key: K, compute: impl FnOnce(&K) -> V) -> &'static V {
        let mut table = self.0.lock().expect("no thread died in the memo");
        if let Some(&known) = table.get(&key) {
            return known;
        }
        let value: &'static V = Box::leak(Box::new(compute(&key)));
        table.insert(key, value);
        value
    }
}

impl<K, V> fmt::Debug for Memo<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memo").finish_non_exhaustive()
    }
}
