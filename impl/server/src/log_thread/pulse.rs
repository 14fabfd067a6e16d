//! How much waits for the disk, and when did it last get anything done?

use crate::sync::{AtomicU64, AtomicUsize, Ordering};

/// What the disk's threads still have to do. Counts and a time, each for itself: nothing is read because of
/// what they say, so that their order among each other does not matter.
///
/// Whoever asks for work counts it before it hands it over, so that it is never done before it was counted.
#[derive(Debug, Default)]
pub(super) struct Pulse {
    lag_bytes: AtomicUsize,
    waiting_ops: AtomicUsize,
    /// The latest time at which something was done, or work came to a disk that had none.
    progressed_ms: AtomicU64,
}

impl Pulse {
    /// `ops` operations with `bytes` bytes are about to be handed over.
    pub(super) fn asked(&self, ops: usize, bytes: usize, now_ms: u64) {
        self.lag_bytes.fetch_add(bytes, Ordering::Relaxed);
        if self.waiting_ops.fetch_add(ops, Ordering::Relaxed) == 0 {
            self.progressed(now_ms);
        }
    }

    /// So many are done.
    pub(super) fn done(&self, ops: usize, bytes: usize, now_ms: u64) {
        self.lag_bytes.fetch_sub(bytes, Ordering::Relaxed);
        self.waiting_ops.fetch_sub(ops, Ordering::Relaxed);
        self.progressed(now_ms);
    }

    /// Bytes that wait.
    pub(super) fn lag_bytes(&self) -> usize {
        self.lag_bytes.load(Ordering::Relaxed)
    }

    /// Operations that wait.
    pub(super) fn waiting_ops(&self) -> usize {
        self.waiting_ops.load(Ordering::Relaxed)
    }

    /// For how long nothing was done, if there is something to do.
    pub(super) fn silent_ms(&self, now_ms: u64) -> Option<u64> {
        let busy = self.waiting_ops.load(Ordering::Relaxed) > 0;
        busy.then(|| now_ms.saturating_sub(self.progressed_ms.load(Ordering::Relaxed)))
    }

    /// A thread that was held up after it had looked at the clock takes nothing back.
    fn progressed(&self, now_ms: u64) {
        self.progressed_ms.fetch_max(now_ms, Ordering::Relaxed);
    }
}
