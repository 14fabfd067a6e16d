//! The election grain holds within its bounds, its counts are the pinned ones, and its mutants die of the
//! property that each names.

use quorate_checker::{
    ElectionOutcome, ElectionSet, ElectionVerdict, ElectionWitness, election_mutants, election_runs,
    order_is_total,
};
use quorate_zab::Zab;

fn hold(set: ElectionSet) {
    let mut wrong = Vec::new();
    for run in election_runs().iter().filter(|run| run.set == set) {
        let ElectionOutcome {
            distinct_states,
            verdict,
            witnesses,
            seconds,
            ..
        } = run.run(&|_| ());
        println!(
            "{}: {}: {distinct_states} states, {seconds:.1} s",
            run.name, run.bounds
        );
        assert_eq!(verdict, ElectionVerdict::Holds, "{}", run.name);
        for witness in ElectionWitness::ALL {
            let needs_reign = matches!(
                witness,
                ElectionWitness::LooksBesideEnsemble | ElectionWitness::JoinsEstablished
            );
            if !needs_reign || run.bounds.reigns > 0 {
                assert!(
                    witnesses.contains(&witness),
                    "{}: never {}",
                    run.name,
                    witness.name()
                );
            }
        }
        if distinct_states != run.golden {
            wrong.push((run.name, distinct_states, run.golden));
        }
    }
    assert_eq!(wrong, [], "(run, distinct states, golden)");
}

#[test]
fn the_quick_runs_hold_and_have_their_pinned_counts() {
    hold(ElectionSet::Quick);
}

#[test]
fn the_ci_runs_hold_and_have_their_pinned_counts() {
    hold(ElectionSet::Ci);
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
