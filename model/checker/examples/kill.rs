//! Runs the mutants whose names are given, or all; `plain`: without reductions.

use quorate_checker::{Reductions, Verdict, mutants};

fn main() {
    let mut names: Vec<String> = std::env::args().skip(1).collect();
    let is_plain = names.iter().any(|name| name == "plain");
    names.retain(|name| name != "plain");
    for killing in mutants() {
        let name = killing.mutant.name();
        if !names.is_empty() && !names.contains(&name) {
            continue;
        }
        let outcome = if is_plain {
            killing.run_with(Reductions::NONE, &mut |_| {})
        } else {
            killing.run(&mut |_| {})
        };
        let (found, steps) = match &outcome.verdict {
            Verdict::Exhausted => ("SURVIVES".to_owned(), Vec::new()),
            Verdict::Unfinished => ("UNFINISHED".to_owned(), Vec::new()),
            Verdict::Violated { property, story } => (format!("{property:?}"), story.clone()),
        };
        println!(
            "{name:24} {} {found:22} {:3} steps {:9} states {:6.1} s  [{}]",
            if killing.is_killed(&outcome) {
                "killed "
            } else {
                "WRONG  "
            },
            steps.len(),
            outcome.distinct,
            outcome.elapsed.as_secs_f64(),
            killing.bounds,
        );
        if !names.is_empty() {
            for (i, step) in steps.iter().enumerate() {
                println!("{:3} {}", i + 1, step.text);
            }
        }
    }
}
