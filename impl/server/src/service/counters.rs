//! What do operators ask about? Counts of packets, latencies and sizes since the start, or the last reset.

use crate::metrics::Figures;

/// Smallest, largest and mean of a quantity.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Spread {
    count: u64,
    sum: u64,
    min: u64,
    max: u64,
    last: u64,
}

impl Spread {
    pub(crate) fn add(&mut self, value: u64) {
        self.min = if self.count == 0 {
            value
        } else {
            self.min.min(value)
        };
        self.max = self.max.max(value);
        self.last = value;
        self.count += 1;
        self.sum += value;
    }

    pub(crate) fn min(&self) -> u64 {
        self.min
    }

    pub(crate) fn max(&self) -> u64 {
        self.max
    }

    pub(crate) fn last(&self) -> u64 {
        self.last
    }

    /// The mean, with up to four decimals as ZooKeeper prints it.
    pub(crate) fn mean(&self) -> f64 {
        if self.count == 0 {
            0.0
        } else {
            (self.sum as f64 / self.count as f64 * 1e4).round() / 1e4
        }
    }

    /// The mean in whole units, as `cons` has it.
    pub(crate) fn mean_floor(&self) -> u64 {
        self.sum.checked_div(self.count).unwrap_or(0)
    }

    /// The last, smallest and largest, −1 where there was none.
    pub(crate) fn or_minus_one(&self) -> [i64; 3] {
        if self.count == 0 {
            [-1; 3]
        } else {
            [self.last as i64, self.min as i64, self.max as i64]
        }
    }
}

/// Of the whole server.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counters {
    pub(crate) received: u64,
    pub(crate) sent: u64,
    pub(crate) latency_ms: Spread,
    pub(crate) reply_bytes: Spread,
    pub(crate) proposal_bytes: Spread,
    pub(crate) auth_failed: u64,
    pub(crate) digest_mismatches: u64,
    pub(crate) connections_dropped: u64,
    pub(crate) connections_refused: u64,
    pub(crate) sessions_expired: u64,
    pub(crate) commits: u64,
    pub(crate) proposals: u64,
    pub(crate) revalidations: u64,
    pub(crate) figures: Figures,
}

impl Counters {
    /// What `srst` resets: everything but the failed authentications, as in Apache.
    pub(crate) fn reset(&mut self) {
        self.figures.reset();
        *self = Self {
            auth_failed: self.auth_failed,
            figures: std::mem::take(&mut self.figures),
            ..Self::default()
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spread_starts_with_its_first_value() {
        let mut spread = Spread::default();
        assert_eq!((spread.or_minus_one(), spread.mean()), ([-1; 3], 0.0));
        for value in [5, 3, 10] {
            spread.add(value);
        }
        assert_eq!(
            (spread.min(), spread.max(), spread.last(), spread.mean_floor()),
            (3, 10, 10, 6)
        );
        assert_eq!(spread.mean().to_string(), "6");
        assert_eq!(
            format!(
                "{:?}",
                Spread {
                    count: 3,
                    sum: 13,
                    ..spread
                }
                .mean()
            ),
            "4.3333"
        );
    }
}
