//! Which transactions need no disk read? The end of the log, kept in memory.
//!
//! Everything above a floor is here: what is not yet delivered or not yet durable always, and behind it
//! as much as a bound in bytes allows. Delivery and the replay to learners read from here, and fall back
//! on the files only for what lies at or below the floor.

#[cfg(test)]
mod tests;

use bytes::Bytes;
use quorate_store::LogEntry;
use quorate_zab::Zxid;
use std::collections::VecDeque;

/// What an entry costs beside its bytes.
const ENTRY_OVERHEAD_BYTES: usize = 64;

/// The entries of the log above `floor`, in order.
pub(crate) struct Recent {
    floor: Zxid,
    entries: VecDeque<LogEntry>,
    bytes: usize,
    bytes_max: usize,
}

impl Recent {
    /// Nothing yet of a log that ends at `end`; delivered entries beyond `bytes_max` will be let go.
    pub(crate) fn new(end: Zxid, bytes_max: usize) -> Self {
        Self {
            floor: end,
            entries: VecDeque::new(),
            bytes: 0,
            bytes_max,
        }
    }

    /// The last position that is not here: what is above it is.
    pub(crate) fn floor(&self) -> Zxid {
        self.floor
    }

    /// The end of the log.
    pub(crate) fn last(&self) -> Zxid {
        self.entries.back().map_or(self.floor, |entry| entry.zxid)
    }

    /// Follows an append.
    pub(crate) fn push(&mut self, zxid: Zxid, bytes: Bytes) {
        self.bytes += bytes.len() + ENTRY_OVERHEAD_BYTES;
        self.entries.push_back(LogEntry { zxid, bytes });
    }

    /// Follows a truncation: `to` is the end of the log.
    pub(crate) fn truncate(&mut self, to: Zxid) {
        while let Some(entry) = self.entries.pop_back_if(|entry| entry.zxid > to) {
            self.bytes -= entry.bytes.len() + ENTRY_OVERHEAD_BYTES;
        }
        if self.entries.is_empty() {
            self.floor = self.floor.min(to);
        }
    }

    /// Follows an installation: the log is empty, behind a snapshot of `zxid`.
    pub(crate) fn reset(&mut self, zxid: Zxid) {
        self.entries.clear();
        self.bytes = 0;
        self.floor = zxid;
    }

    /// The entries above `after` up to `upto`, which is at or above the floor if `after` is.
    pub(crate) fn range(&self, after: Zxid, upto: Zxid) -> impl Iterator<Item = &LogEntry> {
        let first = self.behind(after);
        let end = self.behind(upto);
        self.entries.range(first..end.max(first))
    }

    /// The index behind the last entry at or below `zxid`. What is asked for is mostly near the end, in the
    /// epoch of the end, where counters are contiguous: found without a search.
    fn behind(&self, zxid: Zxid) -> usize {
        let guess = self.entries.back().and_then(|last| {
            let same_epoch = last.zxid.epoch() == zxid.epoch();
            let newer = last
                .zxid
                .counter()
                .checked_sub(zxid.counter())
                .filter(|_| same_epoch)?;
            self.entries.len().checked_sub(newer as usize)
        });
        match guess {
            Some(index) if index > 0 && self.entries[index - 1].zxid == zxid => index,
            _ => self.entries.partition_point(|entry| entry.zxid <= zxid),
        }
    }

    /// Lets go of the oldest entries beyond the bound, as long as they are delivered and on disk:
    /// at or below `done`.
    pub(crate) fn trim(&mut self, done: Zxid) {
        while self.bytes > self.bytes_max
            && let Some(entry) = self.entries.pop_front_if(|entry| entry.zxid <= done)
        {
            self.bytes -= entry.bytes.len() + ENTRY_OVERHEAD_BYTES;
            self.floor = entry.zxid;
        }
    }
}
