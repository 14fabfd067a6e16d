//! What are cells that threads share made of? Of these, so that `tests/loom.rs` can build the same cells
//! from loom's.

pub(crate) use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};
pub(crate) use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
pub(crate) use tokio::sync::Notify;
