//! Hunts the session grain's mutants: steps, states, seconds.

use quorate_checker::{SessionVerdict, session_mutants};

fn main() {
    for killing in session_mutants() {
        let outcome = killing.run(&|_| ());
        let found = match &outcome.verdict {
            SessionVerdict::Violated { property, steps } => format!("{property:?} in {} steps", steps.len()),
            other => format!("LIVES: {other:?}"),
        };
        println!(
            "{:?} by {:?}: {found}, {} states, {:.1} s",
            killing.mutant,
            killing.killer,
            outcome.distinct,
            outcome.elapsed.as_secs_f64()
        );
    }
}
