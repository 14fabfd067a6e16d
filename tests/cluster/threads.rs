//! Does a client notice on which thread its connection is served?

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use quorate_tests::client::CreateMode;
use quorate_tests::{Client, Ensemble, Kind};

use crate::common::stop_and_audit;

const WATCHED: &str = "/watched";
const CLIENTS: u64 = 9;
const ROUNDS: usize = 20;
/// Writes that are on their way at once: enough that they come to the server in many pieces.
const BURST: usize = 200;

/// Writes to a znode of its own, reads behind its writes, and follows the one that all watch.
fn follow(client: &mut Client, own: &str) {
    client.create(own, b"", CreateMode::Persistent).unwrap();
    for round in 0..ROUNDS {
        let (_, before) = client.get(WATCHED, true).unwrap();
        loop {
            let mut written = String::new();
            for number in 0..BURST {
                written = format!("{round}, {number}");
                client.submit_set(own, written.as_bytes()).unwrap();
            }
            let (read, _) = client.get(own, false).unwrap();
            assert_eq!(read, written.as_bytes(), "a read shows the writes ahead of it");
            let (_, now) = client.get(WATCHED, false).unwrap();
            if now.mzxid != before.mzxid {
                assert_eq!(
                    client.events().len(),
                    1,
                    "whoever watches is told of a change before he sees it"
                );
                break;
            }
        }
    }
}

#[test]
fn connections_with_threads_of_their_own_keep_their_order() {
    let kinds = [Kind::Quorate; 3];
    let ensemble = Ensemble::builder("threads", kinds)
        .config("clientThreads", "4")
        .start();
    let mut setter = ensemble.at(1).client();
    setter.create(WATCHED, b"", CreateMode::Persistent).unwrap();
    setter.sync("/").unwrap();
    let following = AtomicUsize::new(CLIENTS as usize);
    thread::scope(|scope| {
        for number in 0..CLIENTS {
            let (ensemble, following) = (&ensemble, &following);
            scope.spawn(move || {
                // Also one that fails lets the setter end.
                let _done = Countdown(following);
                let mut client = ensemble.at(1 + number % 3).client();
                client.sync("/").unwrap();
                follow(&mut client, &format!("/{number}"));
            });
        }
        while following.load(Ordering::Acquire) > 0 {
            setter.set(WATCHED, b"changed", -1).unwrap();
        }
    });
    stop_and_audit(ensemble);
}

struct Countdown<'a>(&'a AtomicUsize);

impl Drop for Countdown<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}
