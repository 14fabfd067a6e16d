//! How many requests were read and are not answered yet, of all connections and of each? How many bytes of
//! answers have clients not taken?

use crate::sync::{Arc, AtomicU32, AtomicUsize, Ordering};

/// Requests that were read from all connections and are not answered yet, and answers that were not taken yet.
#[derive(Clone, Debug, Default)]
pub struct Gauge(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    requests: AtomicUsize,
    unread_bytes: AtomicUsize,
}

impl Gauge {
    /// How many requests there are.
    pub fn get(&self) -> usize {
        // Counts alone: what is asked and answered is handed over elsewhere, in an order of its own.
        self.0.requests.load(Ordering::Relaxed)
    }

    /// Bytes of answers that wait in this process for all clients.
    pub fn unread_bytes(&self) -> usize {
        self.0.unread_bytes.load(Ordering::Relaxed)
    }

    /// What waits for one client changes from `before` to `now` bytes.
    pub(super) fn unread_changed(&self, before: usize, now: usize) {
        let all = &self.0.unread_bytes;
        if now >= before {
            all.fetch_add(now - before, Ordering::Relaxed);
        } else {
            all.fetch_sub(before - now, Ordering::Relaxed);
        }
    }
}

/// One connection's part of the gauge, given back when it is dropped.
///
/// The gauge is never less than the sum of all shares: it is raised before the share and lowered after it,
/// or an answer to more than was asked could bring it below zero for a moment, which is far above any
/// limit.
#[derive(Debug)]
pub(super) struct Share {
    outstanding: AtomicU32,
    gauge: Gauge,
}

impl Share {
    pub(super) fn of(gauge: Gauge) -> Self {
        Self {
            outstanding: AtomicU32::new(0),
            gauge,
        }
    }

    /// `count` requests go to the service.
    pub(super) fn asked(&self, count: u32) {
        self.gauge.0.requests.fetch_add(count as usize, Ordering::Relaxed);
        // An answer that finds it raised finds the gauge raised as well.
        self.outstanding.fetch_add(count, Ordering::Release);
    }

    /// `count` requests were answered, or dropped; of more than were asked, the rest counts for nothing.
    pub(super) fn answered(&self, count: u32) {
        let outstanding = &self.outstanding;
        let before = outstanding.fetch_update(Ordering::Acquire, Ordering::Relaxed, |left| {
            Some(left.saturating_sub(count))
        });
        let before = before.expect("the update always says what to store");
        self.gauge
            .0
            .requests
            .fetch_sub(before.min(count) as usize, Ordering::Relaxed);
    }

    /// Of all connections.
    pub(super) fn gauge(&self) -> &Gauge {
        &self.gauge
    }

    /// Requests of this connection that are not answered yet.
    pub(super) fn outstanding(&self) -> u32 {
        self.outstanding.load(Ordering::Relaxed)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let left = self.outstanding();
        self.gauge.0.requests.fetch_sub(left as usize, Ordering::Relaxed);
    }
}
