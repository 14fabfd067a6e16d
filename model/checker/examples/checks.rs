//! Runs the checks of a set one after the other, the shortest first, on one thread, until one is not as it should be.
//!
//! `checks [quick|ci|nightly] [mutants] [without GRAIN] [only NAME]...`, with `mutants` those as well. What a run is
//! counted by, as coverage is, can rely on it: nothing happens beside it.

use quorate_checker::{Finding, Report, Set, hunts};
use std::process::ExitCode;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let sets = args.iter().find_map(|arg| Set::named(arg));
    let after = |word: &str| -> Vec<String> {
        let pairs = args.windows(2).filter(|pair| pair[0] == word);
        pairs.map(|pair| pair[1].clone()).collect()
    };
    let (without, only) = (after("without"), after("only"));
    let is_wanted = |grain: &str, name: &str| {
        !without.iter().any(|out| out == grain) && (only.is_empty() || only.iter().any(|one| one == name))
    };
    let mut checks = sets.map_or(Vec::new(), Set::checks);
    checks.retain(|check| is_wanted(check.grain(), check.name()));
    checks.reverse();
    for check in &checks {
        if !is_as_it_should_be(check.grain(), check.name(), &check.run(&|_| ())) {
            return ExitCode::FAILURE;
        }
    }
    if args.iter().any(|arg| arg == "mutants") {
        for hunt in hunts() {
            let (grain, name) = (hunt.grain(), hunt.name());
            if is_wanted(grain, &name) && !is_as_it_should_be(grain, &name, &hunt.run(&|_| ())) {
                return ExitCode::FAILURE;
            }
        }
    }
    ExitCode::SUCCESS
}

fn is_as_it_should_be(grain: &str, name: &str, report: &Report) -> bool {
    let finding = match &report.finding {
        Finding::Fine { .. } => "as it should be".to_owned(),
        Finding::Violated { property, .. } => format!("violates: {property}"),
        Finding::Vacuous { missed } => format!("never met: {}", missed.join("; ")),
        Finding::Miscounted => "miscounted".to_owned(),
        Finding::Survived => "survived".to_owned(),
        Finding::Unfinished => "unfinished".to_owned(),
    };
    println!(
        "{grain} {name}: {} states, {:.1} s: {finding}",
        report.distinct,
        report.elapsed.as_secs_f64()
    );
    report.is_fine()
}
