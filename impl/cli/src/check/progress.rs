//! How far are the runs? A line each, and one for those that wait, on a terminal only.

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::time::Duration;

/// How often a line is drawn anew.
const REDRAW: Duration = Duration::from_millis(200);

/// The lines of the runs under way.
pub(super) struct Progress {
    lines: MultiProgress,
    /// How many runs are done, of all.
    all: ProgressBar,
    under_way: ProgressBar,
}

/// The line of one run. It goes with the run.
pub(super) struct Line<'a> {
    bar: ProgressBar,
    progress: &'a Progress,
}

impl Progress {
    /// Drawn on standard error, if that is a terminal and nobody asked for data.
    pub(super) fn new(is_quiet: bool, runs: usize) -> Self {
        Self::on(
            if is_quiet {
                ProgressDrawTarget::hidden()
            } else {
                ProgressDrawTarget::stderr()
            },
            runs,
        )
    }

    fn on(target: ProgressDrawTarget, runs: usize) -> Self {
        let lines = MultiProgress::with_draw_target(target);
        let all = lines.add(ProgressBar::new(runs as u64));
        style(&all, "{pos} of {len} runs done, {msg}");
        let progress = Self {
            lines,
            all,
            under_way: ProgressBar::hidden(),
        };
        progress.tell();
        progress
    }

    /// A run begins, of which the number of states may be known.
    pub(super) fn begin(&self, name: &str, states: Option<u64>) -> Line<'_> {
        let (bar, template) = match states {
            Some(states) => (
                ProgressBar::new(states),
                "{msg:44} {bar:20} {human_pos} of {human_len} states, {per_sec}, {eta} left",
            ),
            None => (
                ProgressBar::new_spinner(),
                "{msg:44} {spinner} {human_pos} states, {per_sec}",
            ),
        };
        let bar = self.lines.insert_before(&self.all, bar);
        style(&bar, template);
        bar.set_message(name.to_owned());
        bar.enable_steady_tick(REDRAW);
        self.under_way.inc(1);
        self.tell();
        Line { bar, progress: self }
    }

    /// What neither is done nor goes on waits.
    fn tell(&self) {
        let runs = self.all.length().unwrap_or_default();
        let begun = self.under_way.position() + self.all.position();
        let waiting = runs.saturating_sub(begun);
        self.all.set_message(format!("{waiting} waiting"));
    }
}

fn style(bar: &ProgressBar, template: &str) {
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
}

impl Line<'_> {
    /// So many states are known.
    pub(super) fn reached(&self, states: u64) {
        self.bar.set_position(states);
    }
}

impl Drop for Line<'_> {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
        self.progress.under_way.dec(1);
        self.progress.all.inc(1);
        self.progress.tell();
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.all.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use indicatif::TermLike;
    use std::io;
    use std::sync::{Arc, Mutex};

    /// Keeps all that is ever drawn.
    #[derive(Clone, Debug, Default)]
    struct Screen(Arc<Mutex<String>>);

    impl Screen {
        fn put(&self, text: &str) -> io::Result<()> {
            if let Ok(mut drawn) = self.0.lock() {
                drawn.push_str(text);
            }
            Ok(())
        }
    }

    impl TermLike for Screen {
        fn width(&self) -> u16 {
            200
        }
        fn move_cursor_up(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn move_cursor_down(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn move_cursor_right(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn move_cursor_left(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn write_line(&self, text: &str) -> io::Result<()> {
            self.put(text).and_then(|()| self.put("\n"))
        }
        fn write_str(&self, text: &str) -> io::Result<()> {
            self.put(text)
        }
        fn clear_line(&self) -> io::Result<()> {
            self.put("\n")
        }
        fn flush(&self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_run_says_how_far_it_is_and_how_long_it_takes_yet_and_how_many_wait() {
        let screen = Screen::default();
        let progress = Progress::on(ProgressDrawTarget::term_like(Box::new(screen.clone())), 3);
        let known = progress.begin("crash and break", Some(4000));
        known.reached(1000);
        known.bar.force_draw();
        let unknown = progress.begin("a mutant", None);
        unknown.reached(77);
        unknown.bar.force_draw();
        drop(known);
        progress.all.force_draw();
        let drawn = screen.0.lock().expect("nobody panicked").clone();
        for part in [
            "1,000 of 4,000 states, ",
            " left",
            "77 states, ",
            "0 of 3 runs done, 2 waiting",
            "0 of 3 runs done, 1 waiting",
            "1 of 3 runs done, 1 waiting",
        ] {
            assert!(drawn.contains(part), "{part:?} is not in {drawn}");
        }
    }
}
