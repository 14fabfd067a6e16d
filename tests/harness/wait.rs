//! How does a test wait? For a fact, until a deadline, and in this file only.

use std::time::{Duration, Instant};

/// Long enough for an election and a restart of a loaded Java server.
pub const LONG: Duration = Duration::from_secs(120);

/// Long enough for one answer of a server that serves.
pub const SHORT: Duration = Duration::from_secs(40);

/// How often a fact is looked at. A fact costs at most a small exchange over loopback.
const PARK: Duration = Duration::from_millis(20);

/// Looks at `fact` until it gives something, and gives that.
///
/// # Panics
///
/// If `deadline` passes first; the message names `what` was awaited.
#[track_caller]
pub fn wait_until<T>(deadline: Duration, what: &str, mut fact: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(value) = fact() {
            return value;
        }
        assert!(
            start.elapsed() < deadline,
            "waited {:.1} s in vain: {what}",
            start.elapsed().as_secs_f64()
        );
        std::thread::park_timeout(PARK);
    }
}
