//! Are random operations of several sessions answered alike by both kinds of server?
//!
//! The long comparison is `compare_at_random`, beside this file.

use quorate_tests::random::{Comparison, compare};

/// Compares, and says how to see it again.
#[track_caller]
fn alike(seed: u64, servers: usize, operations: usize) {
    let comparison = Comparison {
        seed,
        operations,
        servers,
        round: 250,
        home: None,
    };
    match compare(&comparison, |_| {}) {
        Ok(seen) => assert!(
            seen.operations >= operations && seen.notifications > 0,
            "{seen:?}"
        ),
        Err(difference) => panic!(
            "{comparison:?}, round {}:\n{}\n{}",
            difference.round, difference.told, difference.text
        ),
    }
}

#[test]
fn random_operations_are_answered_alike_by_a_server_alone() {
    alike(1, 1, 2_000);
}

#[test]
fn random_operations_are_answered_alike_by_three_servers() {
    alike(2, 3, 500);
}
