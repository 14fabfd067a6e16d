//! The session grain holds within its bounds, its counts are the pinned ones, and its mutants die of the
//! property that each names.

use quorate_checker::{SessionProperty, SessionVerdict, SessionWitness, Set, session_mutants, session_runs};
use std::collections::BTreeSet;

/// Longer sets are `quorate check`'s.
#[test]
fn the_quick_runs_hold_and_have_their_pinned_counts() {
    let mut wrong = Vec::new();
    for run in session_runs().iter().filter(|run| run.set == Set::Quick) {
        let outcome = run.run(&|_| ());
        let cpu = outcome.cpu.as_secs_f64();
        println!(
            "{}: {}: {} states, {cpu:.1} CPU s",
            run.name, run.bounds, outcome.distinct
        );
        assert_eq!(outcome.verdict, SessionVerdict::Holds, "{}", run.name);
        assert_eq!(run.missed(&outcome), [], "{}: occasions missed", run.name);
        if outcome.distinct != run.pinned {
            wrong.push((run.name, outcome.distinct, run.pinned));
        }
    }
    assert_eq!(wrong, [], "(run, distinct states, pinned)");
}

#[test]
fn every_mutant_is_killed_by_the_property_it_names() {
    for killing in session_mutants() {
        let outcome = killing.run(&|_| ());
        let SessionVerdict::Violated { property, steps } = outcome.verdict else {
            panic!("{:?} lives", killing.mutant);
        };
        println!(
            "{:?}: {} steps, {} states",
            killing.mutant,
            steps.len(),
            outcome.distinct
        );
        assert_eq!(property, killing.killer, "{:?}", killing.mutant);
        assert!(!steps.is_empty(), "{:?} is wrong from the start", killing.mutant);
    }
}

#[test]
fn every_property_has_a_mutant_and_a_run_that_must_put_it_to_the_test() {
    let killers: BTreeSet<_> = session_mutants().iter().map(|killing| killing.killer).collect();
    let required: BTreeSet<SessionWitness> = session_runs()
        .iter()
        .filter(|run| run.set <= Set::Ci)
        .flat_map(|run| run.witnesses.iter().copied())
        .collect();
    for &property in SessionProperty::ALL {
        assert!(killers.contains(&property), "no mutant breaks {property:?}");
        assert!(
            required.contains(&property.witness()),
            "no run must put {property:?} to the test"
        );
    }
    let all: BTreeSet<_> = SessionWitness::ALL.iter().copied().collect();
    assert_eq!(required, all, "every occasion is required somewhere");
}
