//! May this address have one more connection?

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};

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

    /// A place, if there is one left.
    pub(super) fn take(&self, address: IpAddr) -> Option<Slot> {
        let allows = |max, taken| max == 0 || taken < max;
        let mut taken = self
            .0
            .taken
            .lock()
            .expect("nothing panics while it holds the lock");
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
        let mut taken = self
            .slots
            .0
            .taken
            .lock()
            .expect("nothing panics while it holds the lock");
        taken.all -= 1;
        if let Some(of_address) = taken.by_address.get_mut(&self.address) {
            *of_address -= 1;
            if *of_address == 0 {
                taken.by_address.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1));
    const OTHER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 2));

    #[test]
    fn an_address_has_its_share_and_gets_a_place_back() {
        let slots = Slots::new(2, 3);
        let (first, _second) = (slots.take(ONE).unwrap(), slots.take(ONE).unwrap());
        assert!(slots.take(ONE).is_none());
        let _third = slots.take(OTHER).unwrap();
        assert!(slots.take(OTHER).is_none(), "three are all");
        drop(first);
        assert!(slots.take(OTHER).is_some());
        assert!(slots.take(ONE).is_some());
    }

    #[test]
    fn zero_is_no_limit() {
        let slots = Slots::new(0, 0);
        let taken: Vec<_> = (0..1000).map(|_| slots.take(ONE).unwrap()).collect();
        drop(taken);
        assert!(slots.0.taken.lock().unwrap().by_address.is_empty());
    }
}
