//! The election grain holds within its bounds, its counts are the pinned ones, and its mutants die of the
//! property that each names.

use quorate_checker::{ElectionSet, ElectionVerdict, election_mutants, election_runs, order_is_total};
use quorate_zab::Zab;

/// Longer sets are `quorate check`'s.
fn hold(set: ElectionSet) {
    let mut wrong = Vec::new();
    for run in election_runs().iter().filter(|run| run.set == set) {
        let outcome = run.run(&|_| ());
        println!(
            "{}: {}: {} states, {:.1} s",
            run.name, run.bounds, outcome.distinct_states, outcome.seconds
        );
        assert_eq!(outcome.verdict, ElectionVerdict::Holds, "{}", run.name);
        assert_eq!(run.missed(&outcome), [], "{}: occasions missed", run.name);
        if !run.is_as_pinned(&outcome) {
            wrong.push((run.name, outcome.distinct_states, run.golden));
        }
    }
    assert_eq!(wrong, [], "(run, distinct states, golden)");
}

#[test]
fn the_quick_runs_hold_and_have_their_pinned_counts() {
    hold(ElectionSet::Quick);
}

#[test]
fn every_mutant_is_killed_by_the_property_it_names() {
    let mut wrong = Vec::new();
    for mutant in election_mutants() {
        let outcome = mutant.run(&|_| ());
        let ElectionVerdict::Violated { property, steps } = outcome.verdict else {
            panic!("{} lives", mutant.name);
        };
        println!(
            "{}: {} steps, {} states",
            mutant.name,
            steps.len(),
            outcome.distinct_states
        );
        assert_eq!(property, mutant.killer, "{}", mutant.name);
        if steps.len() != mutant.golden_steps {
            wrong.push((mutant.name, steps.len(), mutant.golden_steps));
        }
    }
    assert_eq!(wrong, [], "(mutant, steps, golden)");
}

#[test]
fn the_order_of_votes_is_a_strict_total_order() {
    assert_eq!(order_is_total(&Zab), Ok(()));
}
