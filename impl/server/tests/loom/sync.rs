//! What the cells find as `crate::sync`: loom's types under the names of `std`'s and tokio's.

pub(crate) use loom::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};
pub(crate) use loom::sync::{Arc, Mutex, MutexGuard};
pub(crate) use std::sync::PoisonError;

use loom::sync::Condvar;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

/// tokio's `Notify` as far as the cells use it: one who waits, and a permit that is kept for it. Waiting holds up
/// the thread, so that loom sees who would sleep for ever. tokio's own is checked with loom by tokio.
#[derive(Debug, Default)]
pub(crate) struct Notify {
    permit: Mutex<bool>,
    changed: Condvar,
}

impl Notify {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn notify_one(&self) {
        *self.permit.lock().unwrap() = true;
        self.changed.notify_one();
    }

    pub(crate) async fn notified(&self) {
        let mut permit = self.permit.lock().unwrap();
        while !std::mem::take(&mut *permit) {
            permit = self.changed.wait(permit).unwrap();
        }
    }
}

/// Runs what waits by holding up the thread, if at all.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => unreachable!("nothing here gives its thread back"),
    }
}
