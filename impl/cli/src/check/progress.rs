//! How far are the runs? One line each, on a terminal only.

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::time::Duration;

/// How often a line is drawn anew.
const REDRAW: Duration = Duration::from_millis(200);

/// The lines of the runs under way.
pub(super) struct Progress(MultiProgress);

/// The line of one run. It goes with the run.
pub(super) struct Line(ProgressBar);

impl Progress {
    /// Drawn on standard error, if that is a terminal and nobody asked for data.
    pub(super) fn new(is_quiet: bool) -> Self {
        let target = if is_quiet {
            ProgressDrawTarget::hidden()
        } else {
            ProgressDrawTarget::stderr()
        };
        Self(MultiProgress::with_draw_target(target))
    }

    /// A run begins, of which the number of states may be known.
    pub(super) fn begin(&self, name: &str, states: Option<u64>) -> Line {
        let (bar, template) = match states {
            Some(states) => (
                ProgressBar::new(states),
                "{msg:44} {bar:20} {human_pos} of {human_len} states, {per_sec}",
            ),
            None => (
                ProgressBar::new_spinner(),
                "{msg:44} {spinner} {human_pos} states, {per_sec}",
            ),
        };
        let bar = self.0.add(bar);
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.set_message(name.to_owned());
        bar.enable_steady_tick(REDRAW);
        Line(bar)
    }
}

impl Line {
    /// So many states are known.
    pub(super) fn reached(&self, states: u64) {
        self.0.set_position(states);
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
