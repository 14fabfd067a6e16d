//! Explores the session grain's runs, or those whose name has the given words: counts, rates, what was met.

use quorate_checker::{SessionVerdict, SessionWitness, session_runs};

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    for run in session_runs() {
        if !words.iter().all(|word| run.name.contains(word.as_str())) {
            continue;
        }
        let outcome = run.run(&|_| ());
        println!(
            "{}: {} states, {} generated, {:.1} CPU s; {}",
            run.name,
            outcome.distinct,
            outcome.generated,
            outcome.cpu.as_secs_f64(),
            run.bounds
        );
        let not_met = SessionWitness::ALL
            .iter()
            .filter(|witness| !outcome.witnesses.contains(witness));
        println!("  not met: {:?}", not_met.collect::<Vec<_>>());
        if let SessionVerdict::Violated { property, steps } = &outcome.verdict {
            println!("  BROKEN: {}", property.text());
            steps.iter().for_each(|step| println!("    {step}"));
        }
    }
}
