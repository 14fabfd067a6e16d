//! The disk's work, done when a test says so: the same queues, the same files, no threads.

use super::{DiskThreads, EpochOp, Held, LogOp, Work};
use crate::inbox::Stored;
use quorate_store::{EpochFiles, Marks, TxnLog};
use std::collections::VecDeque;
use std::time::Duration;
use tokio::sync::mpsc;

/// Both threads' ends, and what was asked of them.
pub(crate) struct HeldWork {
    work: Work,
    log_ops: VecDeque<LogOp>,
    epoch_ops: VecDeque<EpochOp>,
}

impl HeldWork {
    /// As [`DiskThreads::start`], without starting anything.
    pub(crate) fn new(
        log: TxnLog,
        epochs: EpochFiles,
        marks: Marks,
        held: Held,
        stored: &mpsc::UnboundedSender<Stored>,
    ) -> (DiskThreads, Self) {
        let (threads, work) = DiskThreads::divided(log, epochs, marks, held, Duration::MAX, stored);
        let held = Self {
            work,
            log_ops: VecDeque::new(),
            epoch_ops: VecDeque::new(),
        };
        (threads, held)
    }

    /// How many operations of the log and of the epoch files were asked for and are not done.
    pub(crate) fn waiting(&mut self) -> (usize, usize) {
        self.log_ops.extend(self.work.log_work.try_iter().flatten());
        self.epoch_ops.extend(self.work.epoch_work.try_iter());
        (self.log_ops.len(), self.epoch_ops.len())
    }

    /// Does the oldest operation of the log, and reports it.
    pub(crate) fn do_log(&mut self) {
        self.waiting();
        let op = self.log_ops.pop_front().expect("the log was asked for something");
        self.work.log.work(vec![op]).expect("the disk does it");
    }

    /// Does the oldest write of an epoch file, and reports it.
    pub(crate) fn do_epoch(&mut self) {
        self.waiting();
        let op = self.epoch_ops.pop_front().expect("an epoch was to be written");
        self.work.epochs.work(op).expect("the disk does it");
    }
}
