//! Where does a test let the process end? After some number of steps, each of them fails.

use crate::error::{Error, Result};
use std::cell::Cell;
use std::io;
use std::path::Path;
use std::sync::Arc;

thread_local! {
    static LEFT: Cell<Option<u32>> = const { Cell::new(None) };
    static BLOWN: Cell<bool> = const { Cell::new(false) };
}

/// Runs `f` in this thread, and fails everything in it after `steps`. Whether anything failed.
pub(crate) fn after<T>(steps: u32, f: impl FnOnce() -> T) -> (T, bool) {
    LEFT.set(Some(steps));
    BLOWN.set(false);
    let done = f();
    LEFT.set(None);
    (done, BLOWN.get())
}

pub(super) fn burn(path: &Path) -> Result<()> {
    match LEFT.get() {
        Some(0) => {
            BLOWN.set(true);
            Err(Error::Io {
                file: path.to_owned(),
                doing: "go on: the test ends here",
                source: Arc::new(io::Error::other("crash")),
            })
        }
        left => {
            LEFT.set(left.map(|left| left - 1));
            Ok(())
        }
    }
}
