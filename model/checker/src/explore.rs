//! How is a grain explored, and what counts as explored?
//!
//! Depth first with one thread for a verdict, because it needs the least memory a state; breadth first, by
//! stateright, for a shortest counterexample. Neither has a time limit or a depth limit: a run ends when its
//! queue is empty, or with a violation.

use crate::property::Property;
use crate::search::{Search, search};
use crate::story::{Step, story};
use crate::witness::Witness;
use crate::world::{Agreement, Recovered};
use quorate_zab::Rules;
use stateright::{Checker, HasDiscoveries, Model};
use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// How often a run says how far it is.
const PROGRESS_EVERY: Duration = Duration::from_millis(50);

/// What an exploration found.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Distinct states.
    pub distinct: usize,
    /// States generated, repetitions included.
    pub generated: usize,
    /// How long it took.
    pub elapsed: Duration,
    /// How much of that its thread was running, to within a few hundred states.
    pub cpu: Duration,
    /// The most memory that was held to tell states apart and for those still to be looked at, in bytes, where
    /// that is known.
    pub bytes: Option<usize>,
    /// Distinct servers, connections and histories: what the worlds are made of.
    pub parts: usize,
    /// The distinct histories of what was committed, chosen and established, as hashes. No reduction
    /// may lose one.
    pub histories: BTreeSet<u64>,
    /// What came out.
    pub verdict: Verdict,
    /// What was met on the way.
    pub witnesses: Vec<Witness>,
    /// From how many worlds the end of all faults was tried, and what it took.
    pub recovered: Option<Recovered>,
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
        /// The run.
        story: Vec<Step>,
    },
    /// The exploration ended early: nothing follows.
    Unfinished,
}

impl Outcome {
    /// How likely it is that two different states were taken for one: the birthday estimate.
    pub fn collision_estimate(&self) -> f64 {
        let states = self.distinct as f64;
        states * states / 2f64.powi(65)
    }

    /// Distinct states per second that the exploring thread was running.
    pub fn rate(&self) -> f64 {
        self.distinct as f64 / self.cpu.as_secs_f64().max(1e-3)
    }
}

/// Sees every reachable state. `progress` is told now and then how many were seen. If a property is broken, the
/// run that says so is a shortest one.
pub fn exhaust<R: Rules + Send + Sync + 'static>(
    model: Agreement<R>,
    progress: &mut dyn FnMut(usize),
) -> Outcome {
    let started = Instant::now();
    let found = search(&model, progress);
    if found.is_broken {
        return shortest_violation(model, progress);
    }
    // The queue is empty: the ways on of every state were asked for.
    let Search {
        distinct,
        generated,
        cpu,
        bytes,
        ..
    } = found;
    let is_whole = model.expanded.load(Ordering::Relaxed) == distinct as u64;
    let verdict = if is_whole {
        Verdict::Exhausted
    } else {
        Verdict::Unfinished
    };
    Outcome {
        cpu,
        bytes: Some(bytes),
        ..outcome(&model, distinct, generated, started, verdict)
    }
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
    mut checker: impl Checker<Agreement<R>>,
    started: Instant,
    progress: &mut dyn FnMut(usize),
) -> Outcome {
    for handle in checker.handles() {
        while !handle.is_finished() {
            std::thread::park_timeout(PROGRESS_EVERY);
            progress(checker.unique_state_count());
        }
        handle.join().expect("no step of the checker panics");
    }
    let model = checker.model();
    // Before paths are reconstructed, which asks for ways on again.
    let expanded = model.expanded.load(Ordering::Relaxed);
    let distinct = checker.unique_state_count();
    let violation = checker.discoveries().into_values().next();
    let verdict = match violation {
        None if expanded == distinct as u64 => Verdict::Exhausted,
        None => Verdict::Unfinished,
        Some(path) => {
            let last = path.last_state().clone();
            let (mut steps, names) = story(model, path);
            let property = last.ghost.broken().unwrap_or_else(|| {
                steps.extend(model.tell_recovery(&last, names).into_iter().map(Step::remark));
                Property::Recovers
            });
            Verdict::Violated {
                property,
                story: steps,
            }
        }
    };
    outcome(model, distinct, checker.state_count(), started, verdict)
}

/// What `model` knows of its exploration, and the rest.
fn outcome<R: Rules>(
    model: &Agreement<R>,
    distinct: usize,
    generated: usize,
    started: Instant,
    verdict: Verdict,
) -> Outcome {
    let met = |witness: &Witness| model.witnessed.met(*witness);
    Outcome {
        distinct,
        generated,
        elapsed: started.elapsed(),
        cpu: Duration::from_nanos(model.cpu_ns.load(Ordering::Relaxed)),
        bytes: None,
        parts: model.nodes.len() + model.links.len() + model.ghosts.len(),
        histories: model
            .ghosts
            .all()
            .iter()
            .map(|ghost| ghost.of_leaders())
            .collect(),
        verdict,
        witnesses: Witness::ALL.iter().copied().filter(met).collect(),
        recovered: model.recoveries.as_ref().map(super::world::Recoveries::outcome),
    }
}
