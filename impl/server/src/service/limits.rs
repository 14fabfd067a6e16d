//! Is this one too many? Tokens for handshakes, the bytes of large requests, and requests on their way to an answer.

use super::event::ClientId;
use crate::config::{Handshakes, LargeRequests};
use crate::sync::{Arc, AtomicUsize, Ordering};
use bytes::Bytes;

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

/// Something of which requests have a part until they are answered.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally(Arc<AtomicUsize>);

/// The part of one request, given back when that is dropped.
#[derive(Debug)]
pub(super) struct Share {
    of: Tally,
    amount: usize,
}

impl Tally {
    /// What all have.
    pub(super) fn get(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    /// One takes its part.
    pub(super) fn take(&self, amount: usize) -> Share {
        self.0.fetch_add(amount, Ordering::Relaxed);
        Share {
            of: self.clone(),
            amount,
        }
    }

    /// Takes for a request of `bytes`, if it is large.
    ///
    /// # Errors
    ///
    /// It is one too many.
    pub(super) fn take_large(
        &self,
        rules: Option<&LargeRequests>,
        bytes: usize,
    ) -> Result<Option<Share>, ()> {
        match rules.filter(|rules| bytes > rules.threshold_bytes) {
            None => Ok(None),
            Some(rules) if self.get() + bytes > rules.bytes_max => Err(()),
            Some(_) => Ok(Some(self.take(bytes))),
        }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.of.0.fetch_sub(self.amount, Ordering::Relaxed);
    }
}

/// What a request keeps until it is answered.
#[derive(Debug, Default)]
#[expect(dead_code, reason = "they count until they are dropped")]
pub(super) struct Shares {
    /// Of the bytes of large requests.
    pub(super) large: Option<Share>,
    /// Of the requests on their way.
    pub(super) in_process: Option<Share>,
}

/// Requests of a connection that wait for earlier ones to be answered.
#[derive(Debug)]
pub(super) struct Throttled {
    pub(super) client: ClientId,
    pub(super) frames: Bytes,
    pub(super) since_ms: u64,
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
        let large = Tally::default();
        let take = |bytes| large.take_large(Some(&rules), bytes);
        assert!(take(10).unwrap().is_none(), "it is not large");
        let first = take(20).unwrap();
        let second = take(20).unwrap();
        assert!(first.is_some() && take(11).is_err());
        assert!(take(10).unwrap().is_none());
        drop(second);
        assert!(take(20).is_ok() && take(21).is_err());
        drop(first);
        assert!(take(41).is_err() && take(40).is_ok());
        assert!(large.take_large(None, 1000).unwrap().is_none());
        assert_eq!(large.get(), 0);
    }
}
