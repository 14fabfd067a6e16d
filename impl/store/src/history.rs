//! How often was the history cut or replaced? What was begun in an earlier one must not appear in a later one.

use crate::sync::{Mutex, MutexGuard, PoisonError};

/// The number of the history that the files hold, shared by the log thread, which changes it, and whoever writes or
/// removes snapshots beside it.
#[derive(Debug, Default)]
pub(crate) struct History(Mutex<u64>);

impl History {
    /// Which history this is.
    pub(crate) fn number(&self) -> u64 {
        *self.lock()
    }

    /// Holds the history as it is, if it is still `number`: until the guard is dropped it does not change.
    pub(crate) fn hold(&self, number: u64) -> Option<MutexGuard<'_, u64>> {
        let guard = self.lock();
        (*guard == number).then_some(guard)
    }

    /// Begins another history; for as long as the guard is held nobody can add to it.
    pub(crate) fn change(&self) -> MutexGuard<'_, u64> {
        let mut guard = self.lock();
        *guard += 1;
        guard
    }

    fn lock(&self) -> MutexGuard<'_, u64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
