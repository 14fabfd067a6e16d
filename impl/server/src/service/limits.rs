//! Is this one too many? Tokens for handshakes, and the bytes of large requests.

use crate::config::{Handshakes, LargeRequests};
use crate::sync::{Arc, AtomicUsize, Ordering};

/// Tokens for handshakes: each takes some, and time brings them back [ZooKeeper `BlueThrottle.checkLimit`].
#[derive(Debug, Default)]
pub(super) struct Bucket {
    /// Tokens that are not there.
    missing: u32,
    filled_ms: u64,
}

impl Bucket {
    /// Takes `cost` tokens, if they are there.
    pub(super) fn take(&mut self, rules: &Handshakes, cost: u32, now_ms: u64) -> bool {
        let since_ms = now_ms.saturating_sub(self.filled_ms);
        if since_ms > rules.fill_ms {
            let brought = since_ms.saturating_mul(u64::from(rules.fill_count)) / rules.fill_ms;
            self.missing = self
                .missing
                .saturating_sub(u32::try_from(brought).unwrap_or(u32::MAX));
            self.filled_ms = now_ms;
        }
        let is_there = rules.tokens_max.saturating_sub(self.missing) >= cost;
        if is_there {
            self.missing += cost;
        }
        is_there
    }

    /// Tokens that are not there.
    pub(super) fn missing(&self) -> u32 {
        self.missing
    }
}

/// The bytes of all large requests that are not answered yet.
#[derive(Clone, Debug, Default)]
pub(super) struct Large(Arc<AtomicUsize>);

/// The part of one request, given back when that is dropped.
#[derive(Debug)]
pub(super) struct LargeShare {
    all: Large,
    bytes: usize,
}

impl Large {
    /// A request of `bytes`: what it has to keep until it is answered, if it is large.
    ///
    /// # Errors
    ///
    /// It is one too many.
    pub(super) fn take(&self, rules: Option<&LargeRequests>, bytes: usize) -> Result<Option<LargeShare>, ()> {
        let Some(rules) = rules.filter(|rules| bytes > rules.threshold_bytes) else {
            return Ok(None);
        };
        let before = self.0.fetch_add(bytes, Ordering::Relaxed);
        let share = LargeShare {
            all: self.clone(),
            bytes,
        };
        if before + bytes > rules.bytes_max {
            return Err(());
        }
        Ok(Some(share))
    }
}

impl Drop for LargeShare {
    fn drop(&mut self) {
        self.all.0.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Costs;

    #[test]
    fn tokens_come_back_with_time_and_not_beyond_what_there_is_room_for() {
        let rules = Handshakes {
            tokens_max: 3,
            fill_ms: 100,
            fill_count: 2,
            costs: Costs::EVEN,
        };
        let mut bucket = Bucket::default();
        let mut takes = |count: u32, now_ms| {
            (0..count)
                .map(|_| u32::from(bucket.take(&rules, 1, now_ms)))
                .sum::<u32>()
        };
        assert_eq!(takes(5, 0), 3);
        assert_eq!(takes(5, 100), 0, "the time is not over");
        assert_eq!(takes(5, 101), 2);
        assert_eq!(takes(5, 251), 3);
        assert_eq!(takes(5, 100_000), 3);
        assert!(bucket.take(&rules, 2, 100_101) && !bucket.take(&rules, 1, 100_101));
        assert_eq!(bucket.missing(), 3);
    }

    #[test]
    fn large_requests_are_counted_until_they_are_answered() {
        let rules = LargeRequests {
            threshold_bytes: 10,
            bytes_max: 40,
        };
        let large = Large::default();
        let take = |bytes| large.take(Some(&rules), bytes);
        assert!(take(10).unwrap().is_none(), "it is not large");
        let first = take(20).unwrap();
        let second = take(20).unwrap();
        assert!(first.is_some() && take(11).is_err());
        assert!(take(10).unwrap().is_none());
        drop(second);
        assert!(take(20).is_ok() && take(21).is_err());
        drop(first);
        assert!(take(41).is_err() && take(40).is_ok());
        assert!(large.take(None, 1000).unwrap().is_none());
    }
}
