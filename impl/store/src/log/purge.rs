//! Which log files does nobody need any more?

use super::read::Shared;
use crate::durable;
use crate::error::Result;
use crate::layout;
use quorate_zab::Zxid;

impl Shared {
    /// Removes the files that hold nothing after `oldest`, nor after what an open stream has read; how many.
    /// The newest file that may hold the next transaction stays, and all after it.
    pub(crate) fn purge(&self, oldest: Zxid) -> Result<usize> {
        let dir = self.home.layout.log_dir();
        let files = layout::numbered(&dir, "log.")?;
        let mut state = self.state();
        let needed = state.pinned().map_or(oldest, |pinned| {
            oldest.min(Zxid::from_bits(pinned.bits().saturating_add(1)))
        });
        let Some(keep) = files
            .partition_point(|&(first, _)| first <= needed)
            .checked_sub(1)
        else {
            return Ok(0);
        };
        let (stays_from, _) = files[keep];
        // No stream begins in a file that is about to go.
        state.segments.retain(|segment| segment.first >= stays_from);
        drop(state);
        for (_, path) in &files[..keep] {
            durable::unlink(path)?;
        }
        if keep > 0 {
            durable::sync_dir(&dir)?;
        }
        Ok(keep)
    }
}
