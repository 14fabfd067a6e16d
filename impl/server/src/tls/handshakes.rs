//! How many handshakes are under way?

use crate::sync::{Arc, AtomicUsize, Ordering};

/// Handshakes of TLS that are not over, of all ports.
#[derive(Clone, Debug, Default)]
pub(crate) struct Handshakes(Arc<AtomicUsize>);

impl Handshakes {
    /// How many there are.
    pub(crate) fn underway(&self) -> usize {
        // A count alone: nothing else is read by it.
        self.0.load(Ordering::Relaxed)
    }

    /// One more, until what is answered is dropped; `None` if there are `max` already.
    pub(crate) fn begin(&self, max: Option<usize>) -> Option<Underway> {
        let before = self.0.fetch_add(1, Ordering::Relaxed);
        let underway = Underway(self.clone());
        max.is_none_or(|max| before < max).then_some(underway)
    }
}

/// One handshake.
#[derive(Debug)]
pub(crate) struct Underway(Handshakes);

impl Drop for Underway {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}
