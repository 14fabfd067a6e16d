//! Does any schedule of its threads break a shared cell? loom tries them all, on the served file.

#![allow(dead_code, reason = "the cell is part of a crate that uses all of it")]

mod sync {
    pub(crate) use loom::sync::{Mutex, MutexGuard};
    pub(crate) use std::sync::PoisonError;
}

#[path = "../src/history.rs"]
mod history;

use history::History;
use loom::sync::{Arc, Mutex};
use loom::thread;

/// Snapshots are written by one thread while another cuts the history or installs a received one.
#[test]
fn what_was_begun_in_an_earlier_history_never_appears_in_a_later_one() {
    loom::model(|| {
        let history = Arc::new(History::default());
        let directory = Arc::new(Mutex::new(Vec::new()));
        let (shared, written) = (history.clone(), directory.clone());
        let writer = thread::spawn(move || {
            let begun_in = shared.number();
            if let Some(_held) = shared.hold(begun_in) {
                written.lock().unwrap().push(begun_in);
            }
        });
        let held = history.change();
        directory.lock().unwrap().clear();
        drop(held);
        writer.join().unwrap();
        let present = history.number();
        let directory = directory.lock().unwrap();
        assert!(
            directory.iter().all(|begun_in| *begun_in == present),
            "{directory:?}"
        );
    });
}
