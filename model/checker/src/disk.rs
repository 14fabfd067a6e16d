//! What survives a crash? The durable objects of a server and the operations under way on them.
//!
//! Log and snapshot are one device, the epoch files another; each does its operations in order, and a
//! crash keeps everything reported done and any prefix of the rest.

use crate::txn::{Txn, between, find};
use quorate_zab::{Epoch, Image, Run, Skeleton, Zxid};
use std::collections::VecDeque;

/// An operation on the log.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum LogOp {
    /// Append it.
    Append(Txn),
    /// Drop what is after the zxid.
    Truncate(Zxid),
    /// Replace snapshot and log by the snapshot whose last transaction this is.
    Install(Txn),
}

/// A write of an epoch file.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum EpochOp {
    /// acceptedEpoch.
    Accepted(Epoch),
    /// currentEpoch.
    Current(Epoch),
    /// The mark of a forgetful server is written.
    Forget,
    /// It is removed.
    Recall,
    /// The file that says which configuration is in force.
    Activate(Txn),
}

/// What is on disk.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub struct Durable {
    /// The file acceptedEpoch.
    pub accepted: Option<Epoch>,
    /// The file currentEpoch.
    pub current: Option<Epoch>,
    /// The last transaction that the snapshot contains.
    pub snapshot: Txn,
    /// The log above the snapshot.
    pub log: Vec<Txn>,
    /// The mark of a server that may have forgotten what it promised.
    pub forgetful: bool,
}

impl Durable {
    /// Whether it holds nothing, but perhaps the mark.
    pub fn is_empty(&self) -> bool {
        let unmarked = Self {
            forgetful: false,
            ..self.clone()
        };
        unmarked == Self::default()
    }

    /// The last transaction that would survive.
    pub fn last(&self) -> Txn {
        self.log.last().copied().unwrap_or(self.snapshot)
    }

    /// Whether the transaction would survive: in the log, or under the snapshot.
    pub fn holds(&self, txn: Txn) -> bool {
        txn.zxid < self.snapshot.zxid
            || txn == self.snapshot
            || find(&self.log, txn.zxid).is_some_and(|at| self.log[at].value == txn.value)
    }

    /// What a boot finds.
    pub fn image(&self) -> Image {
        let runs = self.log.iter().map(|txn| Run {
            epoch: txn.zxid.epoch(),
            first: txn.zxid.counter(),
            last: txn.zxid.counter(),
        });
        Image {
            accepted: self.accepted,
            current: self.current,
            snapshot: self.snapshot.zxid,
            history: Skeleton::from_runs(self.snapshot.zxid, runs),
        }
    }

    /// Does one operation.
    pub fn apply_log(&mut self, op: LogOp) {
        match op {
            LogOp::Append(txn) => self.log.push(txn),
            LogOp::Truncate(to) => self.log.retain(|txn| txn.zxid <= to),
            LogOp::Install(snapshot) => {
                self.snapshot = snapshot;
                self.log.clear();
            }
        }
    }

    /// Drops what lies below `floor` from the log: a snapshot covers it.
    pub fn purge(&mut self, floor: Zxid) {
        if let Some(at) = find(&self.log, floor) {
            self.snapshot = self.log[at];
            self.log.drain(..=at);
        }
    }

    /// Does one operation.
    pub fn apply_epoch(&mut self, op: EpochOp) {
        match op {
            EpochOp::Accepted(epoch) => self.accepted = Some(epoch),
            EpochOp::Current(epoch) => self.current = Some(epoch),
            EpochOp::Forget => self.forgetful = true,
            EpochOp::Recall => self.forgetful = false,
            // That file is with the brain that reads it.
            EpochOp::Activate(_) => {}
        }
    }
}

/// A disk with operations under way.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub struct Disk {
    /// What would survive a crash for certain.
    pub durable: Durable,
    /// Asked of the log device and not reported done, oldest first.
    pub log_ops: VecDeque<LogOp>,
    /// Asked of the epoch files and not reported done, oldest first.
    pub epoch_ops: VecDeque<EpochOp>,
    /// The log's device has failed and does nothing any more. No correct server goes on with it.
    pub dead: bool,
}

impl Disk {
    /// Whether nothing is under way.
    pub fn is_quiet(&self) -> bool {
        self.log_ops.is_empty() && self.epoch_ops.is_empty()
    }

    /// The last transaction of the log once everything under way is done.
    pub fn last(&self) -> Txn {
        match self.log_ops.back() {
            None => self.durable.last(),
            Some(LogOp::Append(txn)) => *txn,
            Some(LogOp::Install(snapshot)) => *snapshot,
            Some(LogOp::Truncate(_)) => self.logical().last(),
        }
    }

    /// As [`Logical::find`] of [`Disk::logical`], without building that: it is looked for from the end.
    pub fn find(&self, zxid: Zxid) -> Option<(Txn, Txn)> {
        let mut kept_to = Zxid::from_bits(u64::MAX);
        let mut found: Option<Txn> = None;
        for op in self.log_ops.iter().rev() {
            match *op {
                LogOp::Append(txn) if txn.zxid > kept_to => {}
                LogOp::Append(txn) => match found {
                    Some(found) => return Some((found, txn)),
                    None if txn.zxid == zxid => found = Some(txn),
                    None if txn.zxid < zxid => return None,
                    None => {}
                },
                LogOp::Truncate(to) => kept_to = kept_to.min(to),
                LogOp::Install(snapshot) => return found.map(|found| (found, snapshot)),
            }
        }
        let log = &self.durable.log;
        let before = |at: usize| match at {
            0 => self.durable.snapshot,
            _ => log[at - 1],
        };
        if let Some(found) = found {
            return Some((found, before(log.partition_point(|txn| txn.zxid <= kept_to))));
        }
        if zxid > kept_to {
            return None;
        }
        find(log, zxid).map(|at| (log[at], before(at)))
    }

    /// As [`Logical::holds`] of [`Disk::logical`], without building that.
    pub fn holds(&self, txn: Txn) -> bool {
        let floor = self.floor();
        txn.zxid < floor.zxid || txn == floor || self.find(txn.zxid).is_some_and(|(found, _)| found == txn)
    }

    /// The last transaction under the log once everything under way is done.
    pub fn floor(&self) -> Txn {
        let installed = self.log_ops.iter().rev().find_map(|op| match op {
            LogOp::Install(snapshot) => Some(*snapshot),
            LogOp::Append(_) | LogOp::Truncate(_) => None,
        });
        installed.unwrap_or(self.durable.snapshot)
    }

    /// The log once everything under way is done: its snapshot's last transaction, and what is above.
    pub fn logical(&self) -> Logical<'_> {
        let mut view = Logical {
            snapshot: self.durable.snapshot,
            kept: &self.durable.log,
            added: Vec::new(),
        };
        for &op in &self.log_ops {
            match op {
                LogOp::Append(txn) => view.added.push(txn),
                LogOp::Truncate(to) => {
                    view.kept = &view.kept[..view.kept.partition_point(|txn| txn.zxid <= to)];
                    view.added.retain(|txn| txn.zxid <= to);
                }
                LogOp::Install(snapshot) => {
                    view.snapshot = snapshot;
                    view.kept = &[];
                    view.added.clear();
                }
            }
        }
        view
    }
}

/// A log as it will be.
#[derive(Debug)]
pub struct Logical<'a> {
    snapshot: Txn,
    kept: &'a [Txn],
    added: Vec<Txn>,
}

impl Logical<'_> {
    /// The last transaction under the log.
    pub fn floor(&self) -> Txn {
        self.snapshot
    }

    /// The last transaction of all.
    pub fn last(&self) -> Txn {
        self.added
            .last()
            .or(self.kept.last())
            .copied()
            .unwrap_or(self.snapshot)
    }

    /// The transactions above the floor, in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = Txn> + '_ {
        self.kept.iter().chain(&self.added).copied()
    }

    /// The transaction at `zxid` and the one before it.
    pub fn find(&self, zxid: Zxid) -> Option<(Txn, Txn)> {
        if let Some(at) = find(self.kept, zxid) {
            let before = if at == 0 { self.snapshot } else { self.kept[at - 1] };
            return Some((self.kept[at], before));
        }
        let at = find(&self.added, zxid)?;
        let before = if at == 0 {
            self.kept.last().copied().unwrap_or(self.snapshot)
        } else {
            self.added[at - 1]
        };
        Some((self.added[at], before))
    }

    /// The content at `zxid`, if it is in the log or the last under it.
    pub fn at(&self, zxid: Zxid) -> Option<Txn> {
        if zxid == self.snapshot.zxid {
            Some(self.snapshot)
        } else {
            self.find(zxid).map(|(txn, _)| txn)
        }
    }

    /// Whether the transaction is in the log or, by its position, under it.
    pub fn holds(&self, txn: Txn) -> bool {
        txn.zxid < self.snapshot.zxid || self.at(txn.zxid) == Some(txn)
    }

    /// The transactions after `after`, up to `upto`.
    pub fn between(&self, after: Zxid, upto: Zxid) -> impl Iterator<Item = Txn> + '_ {
        let kept = between(self.kept, after, upto).iter();
        kept.chain(between(&self.added, after, upto)).copied()
    }
}
