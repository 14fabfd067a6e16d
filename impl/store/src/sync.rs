//! What are cells that threads share made of? Of these, so that `tests/loom.rs` can build the same cells
//! from loom's.

pub(crate) use std::sync::{Mutex, MutexGuard, PoisonError};
