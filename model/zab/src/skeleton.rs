//! What does a server's history look like, without its contents? The runs of the log, exactly.
//!
//! Counters are contiguous within an epoch, so a history is a short list of runs, and DIFF, TRUNC and
//! SNAP are decided from it exactly and locally [ZooKeeper `LearnerHandler.syncFollower` approximates
//! this by a window of recent proposals].

use crate::{Epoch, Zxid};
use serde::{Deserialize, Serialize};

/// Consecutive transactions of one epoch.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// Their epoch.
    pub epoch: Epoch,
    /// The first counter, at least 1.
    pub first: u32,
    /// The last counter, at least `first`.
    pub last: u32,
}

/// The positions that a log holds: those of its runs, above what its oldest snapshot covers.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq, Serialize, Deserialize)]
pub struct Skeleton {
    /// Everything up to here is in a snapshot; everything after it in the log, and can be served.
    floor: Zxid,
    runs: Vec<Run>,
}

impl Skeleton {
    /// The history whose snapshot contains `floor`, and whose log holds nothing above it.
    pub fn from_floor(floor: Zxid) -> Self {
        Self {
            floor,
            runs: Vec::new(),
        }
    }

    /// The history that a log scan found. Where the log has a hole (an inheritance of ZOOKEEPER-4925),
    /// the floor is raised above it, so that nothing is served over it.
    pub fn from_runs(floor: Zxid, runs: impl IntoIterator<Item = Run>) -> Self {
        let mut history = Self::from_floor(floor);
        for run in runs {
            for_run(&mut history, run);
        }
        return history;

        fn for_run(history: &mut Skeleton, run: Run) {
            let (first, last) = (Zxid::new(run.epoch, run.first), Zxid::new(run.epoch, run.last));
            let logged = history.last();
            if last <= logged {
                return;
            }
            let next = if first <= logged {
                Zxid::new(run.epoch, logged.counter() + 1)
            } else {
                first
            };
            if !next.follows(logged) {
                history.floor = next;
                history.runs.clear();
                if next == last {
                    return;
                }
                history.runs.push(Run {
                    epoch: run.epoch,
                    first: next.counter() + 1,
                    last: run.last,
                });
            } else {
                history.extend(run.epoch, next.counter(), run.last);
            }
        }
    }

    fn extend(&mut self, epoch: Epoch, first: u32, last: u32) {
        match self.runs.last_mut() {
            Some(run) if run.epoch == epoch => run.last = last,
            _ => self.runs.push(Run { epoch, first, last }),
        }
    }

    /// The oldest position from which the rest can be served.
    pub fn floor(&self) -> Zxid {
        self.floor
    }

    /// The last position, the floor if the log is empty.
    pub fn last(&self) -> Zxid {
        self.runs
            .last()
            .map_or(self.floor, |run| Zxid::new(run.epoch, run.last))
    }

    /// The runs above the floor, in order.
    pub fn runs(&self) -> &[Run] {
        &self.runs
    }

    /// Whether the transaction at `zxid` is in this history and can be served from.
    pub fn holds(&self, zxid: Zxid) -> bool {
        zxid == self.floor
            || self
                .run_of(zxid.epoch())
                .is_some_and(|run| (run.first..=run.last).contains(&zxid.counter()))
    }

    fn run_of(&self, epoch: Epoch) -> Option<Run> {
        let at = self.runs.binary_search_by_key(&epoch, |run| run.epoch).ok()?;
        Some(self.runs[at])
    }

    /// The last position of `epoch` here, if there is one at or above the floor.
    pub fn last_of(&self, epoch: Epoch) -> Option<Zxid> {
        match self.run_of(epoch) {
            Some(run) => Some(Zxid::new(epoch, run.last)),
            None => (self.floor.epoch() == epoch && self.floor != Zxid::ZERO).then_some(self.floor),
        }
    }

    /// Where the initial history of `epoch` ends: the position before its first transaction, if this
    /// history shows it.
    pub fn before(&self, epoch: Epoch) -> Option<Zxid> {
        if self.floor == Zxid::new(epoch, 0) {
            return Some(self.floor);
        }
        let at = self.runs.binary_search_by_key(&epoch, |run| run.epoch).ok()?;
        if self.runs[at].first != 1 {
            return None;
        }
        Some(match at {
            0 => self.floor,
            _ => Zxid::new(self.runs[at - 1].epoch, self.runs[at - 1].last),
        })
    }

    /// Appends `zxid`. Whether it may follow is the caller's to decide.
    pub fn push(&mut self, zxid: Zxid) {
        self.extend(zxid.epoch(), zxid.counter(), zxid.counter());
    }

    /// Drops everything after `to`, which is at or above the floor.
    pub fn truncate(&mut self, to: Zxid) {
        self.runs.retain_mut(|run| {
            if Zxid::new(run.epoch, run.first) > to {
                return false;
            }
            if run.epoch == to.epoch() {
                run.last = run.last.min(to.counter());
            }
            true
        });
    }

    /// Raises the floor to `floor`, a position held: what lies below can no longer be served.
    pub fn forget_below(&mut self, floor: Zxid) {
        if floor <= self.floor {
            return;
        }
        self.floor = floor;
        self.runs.retain_mut(|run| {
            if Zxid::new(run.epoch, run.last) <= floor {
                return false;
            }
            if run.epoch == floor.epoch() {
                run.first = run.first.max(floor.counter() + 1);
            }
            true
        });
    }
}

impl Zxid {
    /// Whether this can be the transaction right after `last`: the next counter of its epoch, or the
    /// first of a later one.
    pub fn follows(self, last: Self) -> bool {
        if self.epoch() == last.epoch() {
            last.counter().checked_add(1) == Some(self.counter())
        } else {
            self.epoch() > last.epoch() && self.counter() == 1
        }
    }
}

#[cfg(test)]
mod tests;
