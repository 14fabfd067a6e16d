//! Compares quorate with Apache ZooKeeper, operation by operation, for as long as one likes.
//!
//! ```sh
//! cargo build --release --package quorate
//! QUORATE_BIN=target/release/quorate cargo run --release --package quorate-tests --bin compare_at_random -- \
//!     [--seed N] [--operations N] [--servers 1|3] [--round N] [--home DIR] [--out FILE]
//! ... compare_at_random -- --replay FILE
//! ```
//!
//! Ends with 0 if there was no difference, with 1 if there was: it is printed, cut down, and written to a file for
//! `--replay`. A home in memory (/dev/shm) spares the disk.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use quorate_tests::random::{Comparison, Round, compare, replay};

fn main() -> ExitCode {
    let mut comparison = Comparison {
        seed: 1,
        operations: 10_000,
        servers: 1,
        round: 400,
        home: None,
    };
    let (mut out, mut again) = (PathBuf::from("difference.txt"), None);
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let value = words.next().unwrap_or_default();
        let number = || value.parse().unwrap_or_else(|_| panic!("{word} needs a number"));
        match &*word {
            "--seed" => comparison.seed = number() as u64,
            "--operations" => comparison.operations = number(),
            "--servers" => comparison.servers = number(),
            "--round" => comparison.round = number(),
            "--home" => comparison.home = Some(value.into()),
            "--out" => out = value.into(),
            "--replay" => again = Some(PathBuf::from(value)),
            _ => panic!("{word}: the words are told in the source"),
        }
    }
    if let Some(path) = again {
        let text = std::fs::read_to_string(&path).expect("the file can be read");
        let round = Round::parse(&text).expect("a round that was written down");
        return match replay(&round, comparison.home.as_ref()) {
            None => {
                println!("{} steps without a difference", round.length());
                ExitCode::SUCCESS
            }
            Some(told) => {
                println!("{told}");
                ExitCode::FAILURE
            }
        };
    }
    let start = Instant::now();
    let told = |seen: &quorate_tests::random::Seen| {
        if seen.rounds.is_multiple_of(50) {
            eprintln!("{} operations in {} rounds", seen.operations, seen.rounds);
        }
    };
    match compare(&comparison, told) {
        Ok(seen) => {
            println!("{}", seen.table());
            println!(
                "seed {}, {} server(s) of each kind: {} operations in {} rounds, {} notifications, no difference ({:.0} s)",
                comparison.seed,
                comparison.servers,
                seen.operations,
                seen.rounds,
                seen.notifications,
                start.elapsed().as_secs_f64()
            );
            ExitCode::SUCCESS
        }
        Err(difference) => {
            std::fs::write(&out, &difference.text).expect("the difference can be written down");
            println!("{}", difference.text);
            println!("{}", difference.told);
            println!(
                "seed {}, round {} differs; --replay {} shows it again",
                comparison.seed,
                difference.round,
                out.display()
            );
            ExitCode::FAILURE
        }
    }
}
