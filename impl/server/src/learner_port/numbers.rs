//! Which number does a new connection get?

use crate::sync::{Arc, AtomicU32, Ordering};
use quorate_zab::Conn;

/// Gives each connection of this process a number that no other has. 2^32 would take years of nothing but
/// reconnecting.
#[derive(Clone, Debug, Default)]
pub(super) struct Numbers(Arc<AtomicU32>);

impl Numbers {
    /// The next one, from 1.
    pub(super) fn next(&self) -> Conn {
        Conn::new(self.0.fetch_add(1, Ordering::Relaxed) + 1)
    }
}
