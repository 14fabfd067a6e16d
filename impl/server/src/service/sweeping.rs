//! When are containers and lifetimes looked at, and how fast do they go? Which of them are due is the tree's to say.

use super::Service;
use super::event::Action;
use super::handshake::delete_container;
use std::collections::VecDeque;

/// What is due and has not been asked for yet.
#[derive(Debug, Default)]
pub(super) struct Sweep {
    looked_ms: u64,
    asked_ms: u64,
    due: VecDeque<String>,
}

impl Sweep {
    /// Nothing is due before the first interval is over.
    pub(super) fn begin(&mut self, now_ms: u64) {
        *self = Sweep {
            looked_ms: now_ms,
            asked_ms: now_ms,
            due: VecDeque::new(),
        };
    }
}

impl Service {
    /// Leader and standalone server, each tick or more often: has containers and znodes with a lifetime deleted
    /// whose time is up by `wall_ms`, the clock that their times are of.
    pub fn sweep(&mut self, now_ms: u64, wall_ms: i64, actions: &mut Vec<Action>) {
        if !self.role.is_some_and(|role| role.keeps_sessions()) {
            return;
        }
        let znodes = &self.options.znodes;
        if now_ms.saturating_sub(self.sweep.looked_ms) >= znodes.sweep_interval_ms {
            self.sweep.looked_ms = now_ms;
            self.sweep.due = self.tree.due(znodes.rules.sweep, wall_ms).into();
        }
        if self.sweep.due.is_empty() {
            self.sweep.asked_ms = now_ms;
            return;
        }
        let allowed =
            now_ms.saturating_sub(self.sweep.asked_ms) * u64::from(znodes.sweep_per_minute) / 60_000;
        if allowed == 0 {
            return;
        }
        self.sweep.asked_ms = now_ms;
        let count = usize::try_from(allowed)
            .unwrap_or(usize::MAX)
            .min(self.sweep.due.len());
        for path in self.sweep.due.drain(..count) {
            actions.push(Action::Submit(delete_container(path)));
        }
    }
}
