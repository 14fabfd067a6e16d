//! What do the parts of an open store share? The directories, their locks, and the number of times that
//! the history was cut or replaced.

use crate::error::{Error, Result};
use crate::history::History;
use crate::layout::Layout;
use crate::lock::DirLock;
use crate::sync::MutexGuard;

/// Lives as long as any part of the store does, and holds the lock for as long.
#[derive(Debug)]
pub(crate) struct Home {
    pub(crate) layout: Layout,
    history: History,
    _locks: Vec<DirLock>,
}

impl Home {
    pub(crate) fn new(layout: Layout, locks: Vec<DirLock>) -> Self {
        Self {
            layout,
            history: History::default(),
            _locks: locks,
        }
    }

    /// Which history this is: a snapshot begun in an earlier one must not appear in a later one.
    pub(crate) fn history(&self) -> u64 {
        self.history.number()
    }

    /// Holds the history as it is while snapshot files are added or removed, if it is still `number`.
    pub(crate) fn hold(&self, number: u64) -> Result<MutexGuard<'_, u64>> {
        self.history.hold(number).ok_or(Error::HistoryChanged)
    }

    /// Begins another history, for as long as the guard is held nobody can add to it.
    pub(crate) fn change(&self) -> MutexGuard<'_, u64> {
        self.history.change()
    }
}
