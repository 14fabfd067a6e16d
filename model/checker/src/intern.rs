//! Why is a world so small? Its parts are shared: few distinct nodes serve millions of worlds.
//!
//! Equal values are kept once, for the life of the process, with their hash. A world is then a short
//! list of pointers, and a step of a node is computed once for each node and happening.

use foldhash::quality::FixedState;
use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasher, Hash, Hasher};
use std::ops::Deref;
use std::sync::{Mutex, OnceLock};

/// Something that is kept once, with what was worked out about it.
pub(crate) trait Part: Eq + Hash + Send + Sync + 'static {
    /// What is worked out once for each value, when it is first asked for.
    type Notes: Default + Send + Sync;
}

/// One shared value.
pub(crate) struct Cell<T: Part>(&'static Slot<T>);

struct Slot<T: Part> {
    hash: u64,
    value: T,
    notes: T::Notes,
}

impl<T: Part> Clone for Cell<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: Part> Copy for Cell<T> {}

impl<T: Part> Deref for Cell<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0.value
    }
}

impl<T: Part> Cell<T> {
    /// The value, for as long as the process lives.
    pub(crate) fn get(self) -> &'static T {
        &self.0.value
    }

    /// The hash of its content, salted by its table.
    pub(crate) fn content_hash(self) -> u64 {
        self.0.hash
    }

    /// What was worked out about it.
    pub(crate) fn notes(self) -> &'static T::Notes {
        &self.0.notes
    }
}

impl<T: Part> PartialEq for Cell<T> {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.0, other.0)
    }
}

impl<T: Part> Eq for Cell<T> {}

impl<T: Part> Hash for Cell<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.0.hash);
    }
}

impl<T: Part + fmt::Debug> fmt::Debug for Cell<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.value.fmt(f)
    }
}

/// A value under each renaming of the servers, by the renaming's number.
#[derive(Debug)]
pub(crate) struct Renamed<T: Part>(OnceLock<Box<[OnceLock<Cell<T>>]>>);

impl<T: Part> Default for Renamed<T> {
    fn default() -> Self {
        Self(OnceLock::new())
    }
}

impl<T: Part> Renamed<T> {
    /// The value under renaming `number` of `count`, worked out by `compute` at first.
    pub(crate) fn get(&self, number: usize, count: usize, compute: impl FnOnce() -> Cell<T>) -> Cell<T> {
        let all = self
            .0
            .get_or_init(|| (0..count).map(|_| OnceLock::new()).collect());
        *all[number].get_or_init(compute)
    }
}

/// The values of one type.
pub(crate) struct Table<T: Part> {
    salt: FixedState,
    slots: Mutex<HashMap<u64, Few<T>, ByHash>>,
}

/// Different values of one hash; hardly ever more than one.
type Few<T> = smallvec::SmallVec<[Cell<T>; 1]>;

/// The keys are hashes already.
#[derive(Clone, Copy, Debug, Default)]
struct ByHash;

impl BuildHasher for ByHash {
    type Hasher = Verbatim;

    fn build_hasher(&self) -> Verbatim {
        Verbatim(0)
    }
}

struct Verbatim(u64);

impl Hasher for Verbatim {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _: &[u8]) {
        unreachable!("the keys are 64 bits");
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

impl<T: Part> fmt::Debug for Table<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table").finish_non_exhaustive()
    }
}

impl<T: Part> Table<T> {
    /// An empty table whose hashes depend on `salt`.
    pub(crate) fn new(salt: u64) -> Self {
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
    pub(crate) fn intern(&self, value: T) -> Cell<T> {
        let hash = self.salt.hash_one(&value);
        let mut slots = self.slots.lock().expect("no thread died in the table");
        let same = slots.entry(hash).or_default();
        if let Some(&cell) = same.iter().find(|cell| ***cell == value) {
            return cell;
        }
        let cell = Cell(Box::leak(Box::new(Slot {
            hash,
            value,
            notes: T::Notes::default(),
        })));
        same.push(cell);
        cell
    }

    /// All values, in no order.
    ///
    /// # Panics
    ///
    /// If another thread panicked while it held the table.
    pub(crate) fn all(&self) -> Vec<Cell<T>> {
        let slots = self.slots.lock().expect("no thread died in the table");
        slots.values().flatten().copied().collect()
    }

    /// How many distinct values there are.
    ///
    /// # Panics
    ///
    /// If another thread panicked while it held the table.
    pub(crate) fn len(&self) -> usize {
        let slots = self.slots.lock().expect("no thread died in the table");
        slots.values().map(smallvec::SmallVec::len).sum()
    }
}

/// What was computed before of one part: keys to results, found without a lock and near the part.
pub(crate) struct Recall<K, V>(OnceLock<Box<Level<K, V>>>);

/// Places for some keys, and for those that find none of theirs free.
struct Level<K, V> {
    places: Box<[OnceLock<(K, V)>]>,
    next: Recall<K, V>,
}

/// How many places the first level has; each further one has eight times as many.
const FIRST_LEVEL: usize = 8;
/// In how many places of a level a key may be.
const TRIED: usize = 4;

impl<K, V> Default for Recall<K, V> {
    fn default() -> Self {
        Self(OnceLock::new())
    }
}

impl<K: Eq, V: Copy> Recall<K, V> {
    /// The result for `key`, computed by `compute` if it is not there.
    pub(crate) fn get(&self, hash: u64, key: K, compute: impl FnOnce(&K) -> V) -> V {
        let mut size = FIRST_LEVEL;
        let mut recall = self;
        let mut computing = Some(compute);
        let mut new = (key, None);
        loop {
            let level = recall.0.get_or_init(|| {
                Box::new(Level {
                    places: (0..size).map(|_| OnceLock::new()).collect(),
                    next: Self::default(),
                })
            });
            for at in 0..TRIED {
                let place = &level.places[(hash as usize).wrapping_add(at) & (size - 1)];
                let (known, value) = match place.get() {
                    Some(known) => known,
                    None => {
                        let (key, value) = new;
                        let value = value.unwrap_or_else(|| {
                            let compute = computing.take().expect("it is computed once");
                            compute(&key)
                        });
                        match place.set((key, value)) {
                            Ok(()) => return value,
                            // Another thread was faster, perhaps with another key.
                            Err((key, value)) => new = (key, Some(value)),
                        }
                        place.get().expect("another thread has set it")
                    }
                };
                if *known == new.0 {
                    return *value;
                }
            }
            recall = &level.next;
            size *= 8;
        }
    }
}

impl<K, V> fmt::Debug for Recall<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recall").finish_non_exhaustive()
    }
}
