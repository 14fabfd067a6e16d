//! When do many sessions end at once, and what explains it? Told in one line, where each alone would be noise.

use super::Service;
use quorate_tree::SessionId;

/// Fewer than these are no storm.
const STORM_MIN: usize = 10;
/// Nor is a smaller part of all sessions, as one to so many.
const STORM_PART: usize = 10;

impl Service {
    /// The time of these sessions is up. Housekeeping comes every half tick: how late it came says whether they
    /// were silent, or this server was.
    pub(super) fn tell_expired(&mut self, expired: &[SessionId], now_ms: u64) {
        let half_tick_ms = self.options.tick_ms / 2;
        let since_ms = now_ms.saturating_sub(self.housekept_ms.unwrap_or(now_ms));
        self.housekept_ms = Some(now_ms);
        let sessions = self.tree.sessions().len();
        if !is_storm(expired.len(), sessions) {
            for session in expired {
                tracing::info!(session = format_args!("0x{session:x}"), "session expired");
            }
            return;
        }
        tracing::warn!(
            expired = expired.len(),
            sessions,
            late_ms = since_ms.saturating_sub(half_tick_ms),
            tick_ms = self.options.tick_ms,
            "many sessions expired within one tick; late_ms is by how much this server came late to look"
        );
        for session in expired {
            tracing::debug!(session = format_args!("0x{session:x}"), "session expired");
        }
    }
}

fn is_storm(expired: usize, sessions: usize) -> bool {
    expired >= STORM_MIN && expired.saturating_mul(STORM_PART) >= sessions
}

#[cfg(test)]
mod tests {
    use super::is_storm;

    #[test]
    fn a_storm_is_many_and_a_good_part_of_all() {
        assert!(is_storm(10, 10) && is_storm(10, 100) && is_storm(500, 4000));
        assert!(!is_storm(9, 9) && !is_storm(10, 101) && !is_storm(0, 0));
    }
}
