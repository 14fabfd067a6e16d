//! Which states were seen? Eleven to sixteen bytes for each.
//!
//! A state goes by its fingerprint, 64 bits. Fingerprints lie in open tables, each near the place that its value
//! says; 256 tables grow one after another, so that no more than a small part is ever held twice.

const PARTS: usize = 256;
const FIRST_CAPACITY: usize = 16;

/// A set of fingerprints.
#[derive(Debug)]
pub(crate) struct Seen {
    parts: Vec<Part>,
    len: usize,
    slots: usize,
}

#[derive(Debug)]
struct Part {
    /// Zero where there is none.
    slots: Vec<u64>,
    len: usize,
}

impl Seen {
    pub(crate) fn new() -> Self {
        let part = |_| Part {
            slots: vec![0; FIRST_CAPACITY],
            len: 0,
        };
        Self {
            parts: (0..PARTS).map(part).collect(),
            len: 0,
            slots: PARTS * FIRST_CAPACITY,
        }
    }

    /// Whether it is new. Zero is taken for one.
    pub(crate) fn insert(&mut self, fingerprint: u64) -> bool {
        let fingerprint = fingerprint.max(1);
        let part = &mut self.parts[(fingerprint >> 56) as usize];
        let slots = part.slots.len();
        let is_new = part.insert(fingerprint);
        self.len += usize::from(is_new);
        self.slots += part.slots.len() - slots;
        is_new
    }

    /// Whether it lies just where its value says: an answer to be thrown away, for the sake of having looked.
    pub(crate) fn glance(&self, fingerprint: u64) -> bool {
        let slots = &self.parts[(fingerprint >> 56) as usize].slots;
        slots[place(slots, fingerprint)] == fingerprint
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// What it holds of memory, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.slots * size_of::<u64>()
    }
}

impl Part {
    fn insert(&mut self, fingerprint: u64) -> bool {
        let at = find(&self.slots, fingerprint);
        if self.slots[at] == fingerprint {
            return false;
        }
        self.slots[at] = fingerprint;
        self.len += 1;
        if self.len * 4 > self.slots.len() * 3 {
            self.grow();
        }
        true
    }

    /// Half as many again. Fingerprints are met in about the order in which they will lie.
    fn grow(&mut self) {
        let mut slots = vec![0; self.slots.len() + self.slots.len() / 2];
        for &fingerprint in self.slots.iter().filter(|&&fingerprint| fingerprint != 0) {
            let at = find(&slots, fingerprint);
            slots[at] = fingerprint;
        }
        self.slots = slots;
    }
}

/// The place that its value says.
fn place(slots: &[u64], fingerprint: u64) -> usize {
    ((u128::from(fingerprint << 8) * slots.len() as u128) >> 64) as usize
}

/// Where it is, or is to be put.
fn find(slots: &[u64], fingerprint: u64) -> usize {
    let mut at = place(slots, fingerprint);
    while slots[at] != 0 && slots[at] != fingerprint {
        at += 1;
        if at == slots.len() {
            at = 0;
        }
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashSet;

    proptest! {
        #[test]
        fn it_says_what_a_set_says(numbers in prop::collection::vec(0..5_000u64, 0..20_000), spread in any::<bool>()) {
            let (mut seen, mut set) = (Seen::new(), HashSet::new());
            for number in numbers {
                // Spread over all tables, or all in one and close together.
                let fingerprint = if spread { number.wrapping_mul(0x9e37_79b9_7f4a_7c15) } else { number + 1 };
                prop_assert_eq!(seen.insert(fingerprint), set.insert(fingerprint.max(1)));
            }
            prop_assert_eq!(seen.len(), set.len());
        }
    }
}
