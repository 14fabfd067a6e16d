//! What of all that was asked of the disk is durable?

use crate::Zxid;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// The operations asked of log and epoch files, and how far they are done.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq, Serialize, Deserialize)]
pub(crate) struct Disk {
    /// The end of the durable log.
    durable: Zxid,
    /// Where each log operation under way will leave the end of the log, oldest first.
    log: VecDeque<Zxid>,
    /// How many epoch writes are under way.
    epochs: u32,
}

impl Disk {
    pub(crate) fn at(durable: Zxid) -> Self {
        Self {
            durable,
            ..Self::default()
        }
    }

    /// The end of the durable log.
    pub(crate) fn durable(&self) -> Zxid {
        self.durable
    }

    pub(crate) fn begin_log(&mut self, end: Zxid) {
        self.log.push_back(end);
    }

    pub(crate) fn begin_epoch(&mut self) {
        self.epochs += 1;
    }

    pub(crate) fn log_done(&mut self, ops: u32) {
        for _ in 0..ops {
            if let Some(end) = self.log.pop_front() {
                self.durable = end;
            }
        }
    }

    pub(crate) fn epochs_done(&mut self, ops: u32) {
        self.epochs = self.epochs.saturating_sub(ops);
    }

    /// How many log operations are under way.
    pub(crate) fn log_under_way(&self) -> usize {
        self.log.len()
    }

    /// Whether the log holds all that was asked of it.
    pub(crate) fn log_is_durable(&self) -> bool {
        self.log.is_empty()
    }

    /// Whether the epoch files say what was asked of them.
    pub(crate) fn epochs_are_durable(&self) -> bool {
        self.epochs == 0
    }

    /// Takes what is under way for not asked. Only a wrong rule does that.
    pub(crate) fn forget_log(&mut self) {
        self.log.clear();
    }
}
