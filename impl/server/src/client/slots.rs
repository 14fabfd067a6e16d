//! May this address have one more connection?

use crate::sync::{Arc, Mutex, MutexGuard};
use std::collections::HashMap;
use std::net::IpAddr;

/// The connections there are, by address.
#[derive(Clone, Debug)]
pub(super) struct Slots(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    per_address_max: u32,
    max: u32,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    all: u32,
    by_address: HashMap<IpAddr, u32>,
}

/// A connection's place, given back when it is dropped.
#[derive(Debug)]
pub(super) struct Slot {
    slots: Slots,
    address: IpAddr,
}

impl Slots {
    /// At most `per_address_max` for each address and `max` in all; 0 is no limit.
    pub(super) fn new(per_address_max: u32, max: u32) -> Self {
        Self(Arc::new(Shared {
            per_address_max,
            max,
            taken: Mutex::default(),
        }))
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.0
            .taken
            .lock()
            .expect("nothing panics while it holds the lock")
    }

    /// Whether no place is taken, nor remembered.
    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        let taken = self.lock();
        taken.all == 0 && taken.by_address.is_empty()
    }

    /// A place, if there is one left.
    pub(super) fn take(&self, address: IpAddr) -> Option<Slot> {
        let allows = |max, taken| max == 0 || taken < max;
        let mut taken = self.lock();
        let of_address = taken.by_address.get(&address).copied().unwrap_or(0);
        if !allows(self.0.per_address_max, of_address) || !allows(self.0.max, taken.all) {
            return None;
        }
        taken.by_address.insert(address, of_address + 1);
        taken.all += 1;
        Some(Slot {
            slots: self.clone(),
            address,
        })
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut taken = self.slots.lock();
        taken.all -= 1;
        if let Some(of_address) = taken.by_address.get_mut(&self.address) {
            *of_address -= 1;
            if *of_address == 0 {
                taken.by_address.remove(&self.address);
            }
        }
    }
}
