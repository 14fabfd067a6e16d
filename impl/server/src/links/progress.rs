//! How far is a connection's writer?

use crate::sync::{AtomicU64, AtomicUsize, Ordering};

/// Counts that the driver and the writer of a connection share. What is handed over has a queue of its own; each
/// count stands for itself.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// Bytes handed to the writer and not yet written.
    backlog: AtomicUsize,
    /// The protocol's messages that it has begun to write.
    messages: AtomicU64,
}

impl Progress {
    /// `bytes` are about to be handed over; how many wait with them. Before and not after it, or the writer could
    /// have written what was never counted.
    pub(super) fn handing_over(&self, bytes: usize) -> usize {
        self.backlog.fetch_add(bytes, Ordering::Relaxed) + bytes
    }

    /// The kernel has taken `bytes` of them.
    pub(super) fn wrote(&self, bytes: usize) {
        self.backlog.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// `messages` are about to be written. Before and not after it, or a peer could have read what was never
    /// counted, and the trace would say less than was sent.
    pub(super) fn writing(&self, messages: u64) {
        self.messages.fetch_add(messages, Ordering::Relaxed);
    }

    /// How many messages a peer may have read.
    pub(super) fn messages(&self) -> u64 {
        self.messages.load(Ordering::Relaxed)
    }
}
