//! How is a grain explored, and what counts as explored?
//!
//! Depth first with one thread for a verdict, because it needs the least memory a state; breadth first
//! for a shortest counterexample. Neither has a time limit or a depth limit: a run ends when its queue
//! is empty, or with a violation.

use crate::property::Property;
use crate::story::story;
use crate::witness::Witness;
use crate::world::Agreement;
use quorate_zab::Rules;
use stateright::{Checker, HasDiscoveries, Model};
use std::time::{Duration, Instant};

/// What an exploration found.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Distinct states.
    pub distinct: usize,
    /// States generated, repetitions included.
    pub generated: usize,
    /// How long it took.
    pub elapsed: Duration,
    /// What came out.
    pub verdict: Verdict,
    /// What was met on the way.
    pub witnesses: Vec<Witness>,
}

/// What came out.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// Every reachable state was seen and every property holds in it.
    Exhausted,
    /// A property is broken, by these steps.
    Violated {
        /// Which.
        property: Property,
        /// The run, a line for each step.
        story: Vec<String>,
    },
}

impl Outcome {
    /// How likely it is that two different states were taken for one: the birthday estimate.
    pub fn collision_estimate(&self) -> f64 {
        let states = self.distinct as f64;
        states * states / 2f64.powi(65)
    }

    /// Distinct states per second.
    pub fn rate(&self) -> f64 {
        self.distinct as f64 / self.elapsed.as_secs_f64().max(1e-9)
    }
}

/// Sees every reachable state. `progress` is told now and then how many were seen.
pub fn exhaust<R: Rules + Send + Sync + 'static>(
    model: Agreement<R>,
    progress: &mut dyn FnMut(usize),
) -> Outcome {
    let started = Instant::now();
    let checker = model
        .checker()
        .threads(1)
        .finish_when(HasDiscoveries::AnyFailures)
        .spawn_dfs();
    finish(checker, started, progress)
}

/// Looks for a shortest run that breaks a property.
pub fn shortest_violation<R: Rules + Send + Sync + 'static>(
    model: Agreement<R>,
    progress: &mut dyn FnMut(usize),
) -> Outcome {
    let started = Instant::now();
    let checker = model
        .checker()
        .threads(1)
        .finish_when(HasDiscoveries::AnyFailures)
        .spawn_bfs();
    finish(checker, started, progress)
}

fn finish<R: Rules + Send + Sync + 'static>(
    checker: impl Checker<Agreement<R>>,
    started: Instant,
    progress: &mut dyn FnMut(usize),
) -> Outcome {
    while !checker.is_done() {
        progress(checker.unique_state_count());
        std::thread::park_timeout(Duration::from_millis(20));
    }
    let checker = checker.join();
    let model = checker.model();
    let witnesses = Witness::ALL
        .iter()
        .copied()
        .filter(|&witness| model.witnessed.met(witness))
        .collect();
    let violation = checker
        .discoveries()
        .into_iter()
        .min_by_key(|(_, path)| path.clone().into_actions().len());
    let verdict = match violation {
        None => Verdict::Exhausted,
        Some((_, path)) => {
            let property = path
                .last_state()
                .ghost
                .broken()
                .expect("a violation has a property");
            Verdict::Violated {
                property,
                story: story(model, path),
            }
        }
    };
    Outcome {
        distinct: checker.unique_state_count(),
        generated: checker.state_count(),
        elapsed: started.elapsed(),
        verdict,
        witnesses,
    }
}
