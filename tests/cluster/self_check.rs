//! Would the suites notice? Each check of the harness is shown a server that did wrong.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};

use quorate_tests::{Ensemble, Kind, Writers, agree};

/// Runs `check`, which must fail, and gives its message.
fn complaint(check: impl FnOnce()) -> String {
    let failure = catch_unwind(AssertUnwindSafe(check)).expect_err("the check noticed nothing");
    failure.downcast_ref::<String>().cloned().unwrap_or_default()
}

#[test]
fn a_lost_write_is_noticed_and_so_are_trees_and_digests_that_differ() {
    let mut lossy = Ensemble::builder("lossy", [Kind::Apache]).start();
    let writers = Writers::start([(1, lossy.at(1).client_address())]);
    writers.wait_more(&[1], 300);
    let ledger = writers.finish();
    ledger.check(&mut lossy.at(1).client());
    let sound = agree::wait_same_trees(&[lossy.at(1)]);
    assert!(sound.len() > 30 && ledger.acknowledged() >= 300);

    // The disk forgets everything; the server that comes back is healthy, and wrong.
    lossy.member(1).kill();
    fs::remove_dir_all(lossy.at(1).version_dir()).unwrap();
    lossy.start_all();
    lossy.wait_all_serve();
    let what = complaint(|| ledger.check(&mut lossy.at(1).client()));
    assert!(what.contains("acknowledged writes are missing"), "{what}");

    let other = Ensemble::builder("other", [Kind::Apache]).start();
    let mut clients = [lossy.at(1).client(), other.at(1).client()];
    for number in 0..300 {
        for (client, data) in clients.iter_mut().zip([b"one", b"two"]) {
            client.create_at(&format!("/{number}"), data).unwrap();
        }
    }
    let trees = clients.each_mut().map(|client| agree::tree(client).unwrap());
    assert_ne!(trees[0], trees[1]);
    let what = complaint(|| {
        agree::compare_digests(&[lossy.at(1), other.at(1)]);
    });
    assert!(what.contains("digests of servers"), "{what}");
}
