//! Which runs make up a check? The grains' runs and mutants as data, with the counts that they must have.
//!
//! A count is part of the verdict: a state space that silently shrank checks less than it says. So is what
//! a run must meet on the way, because a property whose premise never came true was not checked.

use crate::bounds::Bounds;
use crate::election_grain::{ElectionRun, ElectionSet, ElectionVerdict, election_runs};
use crate::election_mutants::{ElectionMutant, election_mutants};
use crate::explore::{Outcome, Verdict, exhaust};
use crate::mutants::{Killing, mutants};
use crate::session_grain::{SessionRun, session_runs};
use crate::session_mutants::{SessionKilling, session_mutants};
use crate::story::Step;
use crate::witness::Witness;
use crate::world::{Agreement, Recovered, Reductions};
use quorate_zab::{Rules, Zab};
use std::time::Duration;

/// How much time a check may take. Each set contains the ones before it.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Set {
    /// Some 15 seconds.
    Quick,
    /// Some minutes, for every change.
    Ci,
    /// Up to 90 minutes.
    Nightly,
}

/// Of so many states of a run one has to recover once faults end.
const RECOVERY_OF_EVERY: u64 = 64;

/// An exhaustive run of the agreement grain.
#[derive(Clone, Copy, Debug)]
pub struct AgreementRun {
    /// What it is about.
    pub name: &'static str,
    /// The smallest set that it belongs to.
    pub set: Set,
    /// What may happen.
    pub bounds: Bounds,
    /// What is left out as equal to what is explored.
    pub reductions: Reductions,
    /// Makes all hashes others.
    pub salt: u64,
    /// How many distinct states there are.
    pub pinned: u64,
    /// What has to be met on the way.
    pub witnesses: &'static [Witness],
}

/// What came of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// Distinct states.
    pub distinct: u64,
    /// States generated, repetitions included.
    pub generated: u64,
    /// Wall time.
    pub elapsed: Duration,
    /// How much of that its thread was running, where that is measured.
    pub cpu: Option<Duration>,
    /// From how many of the states the end of all faults was tried, and what it took.
    pub recovered: Option<Recovered>,
    /// The verdict.
    pub finding: Finding,
}

/// The verdict of a run, and what it rests on.
#[derive(Clone, Debug, PartialEq)]
pub enum Finding {
    /// All is as it should be: exhausted and safe; or, for a mutant, killed by the property it names, along
    /// a run of these steps.
    Fine {
        /// The shortest counterexample of a mutant.
        story: Vec<Step>,
    },
    /// A property is broken.
    Violated {
        /// Which.
        property: String,
        /// The run, a line for each step.
        story: Vec<Step>,
    },
    /// Every state holds, but there are more or fewer than there were.
    Miscounted,
    /// Every state holds, but these occasions were never met.
    Vacuous {
        /// What they are.
        missed: Vec<&'static str>,
    },
    /// A mutant lives.
    Survived,
    /// The exploration ended early: nothing follows.
    Unfinished,
}

impl Report {
    /// Whether all is as it should be.
    pub fn is_fine(&self) -> bool {
        matches!(self.finding, Finding::Fine { .. })
    }

    /// How likely it is that two different states were taken for one: the birthday estimate.
    pub fn collision_estimate(&self) -> f64 {
        let states = self.distinct as f64;
        states * states / 2f64.powi(65)
    }

    /// Distinct states per second of the exploring thread, where that is measured.
    pub fn rate(&self) -> Option<f64> {
        self.cpu
            .map(|cpu| self.distinct as f64 / cpu.as_secs_f64().max(1e-3))
    }
}

/// One run of a check.
#[derive(Clone, Copy, Debug)]
pub enum Check {
    /// Of the agreement grain.
    Agreement(AgreementRun),
    /// Of the election grain.
    Election(ElectionRun),
    /// Of the session grain.
    Session(SessionRun),
}

/// One mutant of a check.
#[derive(Clone, Copy, Debug)]
pub enum Hunt {
    /// Of the agreement grain.
    Agreement(Killing),
    /// Of the election grain.
    Election(ElectionMutant),
    /// Of the session grain.
    Session(SessionKilling),
}

impl Set {
    /// The set with this name.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "quick" => Some(Self::Quick),
            "ci" => Some(Self::Ci),
            "nightly" => Some(Self::Nightly),
            _ => None,
        }
    }

    /// Its runs, the longest first.
    pub fn checks(self) -> Vec<Check> {
        let is_in = |set: ElectionSet| match set {
            ElectionSet::Quick => true,
            ElectionSet::Ci => self >= Self::Ci,
            ElectionSet::Nightly => self == Self::Nightly,
        };
        let agreement = agreement_runs()
            .into_iter()
            .filter(|run| run.set <= self)
            .map(Check::Agreement);
        let election = election_runs()
            .into_iter()
            .filter(|run| is_in(run.set))
            .map(Check::Election);
        let session = session_runs()
            .into_iter()
            .filter(|run| run.set <= self)
            .map(Check::Session);
        let mut checks: Vec<Check> = agreement.chain(election).chain(session).collect();
        checks.sort_by_key(|check| std::cmp::Reverse(check.pinned()));
        checks
    }
}

/// All mutants of all grains.
pub fn hunts() -> Vec<Hunt> {
    let agreement = mutants().into_iter().map(Hunt::Agreement);
    agreement
        .chain(election_mutants().into_iter().map(Hunt::Election))
        .chain(session_mutants().into_iter().map(Hunt::Session))
        .collect()
}

impl Check {
    /// The grain, in a word.
    pub fn grain(&self) -> &'static str {
        match self {
            Self::Agreement(run) => grain_of(run.bounds),
            Self::Election(_) => "election",
            Self::Session(_) => "session",
        }
    }

    /// What it is about.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Agreement(run) => run.name,
            Self::Election(run) => run.name,
            Self::Session(run) => run.name,
        }
    }

    /// What may happen, in words.
    pub fn bounds(&self) -> String {
        match self {
            Self::Agreement(run) => run.bounds.to_string(),
            Self::Election(run) => run.bounds.to_string(),
            Self::Session(run) => run.bounds.to_string(),
        }
    }

    /// How many states there have to be.
    pub fn pinned(&self) -> u64 {
        match self {
            Self::Agreement(run) => run.pinned,
            Self::Election(run) => run.golden,
            Self::Session(run) => run.pinned,
        }
    }

    /// The same with other hashes, which must not make a difference: no state is taken for another one, and
    /// none is passed over or named by its hash.
    #[must_use]
    pub fn salted(self, salt: u64) -> Self {
        match self {
            Self::Agreement(run) => Self::Agreement(AgreementRun {
                salt: run.salt.wrapping_add(salt),
                ..run
            }),
            Self::Election(run) => Self::Election(ElectionRun {
                salt: run.salt.wrapping_add(salt),
                ..run
            }),
            Self::Session(run) => Self::Session(SessionRun {
                salt: run.salt.wrapping_add(salt),
                ..run
            }),
        }
    }

    /// Explores all of it; `progress` is told the number of distinct states from time to time.
    pub fn run(&self, progress: &dyn Fn(u64)) -> Report {
        match self {
            Self::Agreement(run) => run.run(progress),
            Self::Session(run) => run.report(progress),
            Self::Election(run) => {
                let outcome = run.run(progress);
                let missed = run.missed(&outcome);
                let finding = match &outcome.verdict {
                    ElectionVerdict::Violated { property, steps } => Finding::Violated {
                        property: property.name().to_owned(),
                        story: remarks(steps),
                    },
                    ElectionVerdict::Unfinished => Finding::Unfinished,
                    ElectionVerdict::Holds if !missed.is_empty() => Finding::Vacuous {
                        missed: missed.into_iter().map(|witness| witness.name()).collect(),
                    },
                    ElectionVerdict::Holds if outcome.distinct_states != run.golden => Finding::Miscounted,
                    ElectionVerdict::Holds => Finding::Fine { story: Vec::new() },
                };
                Report {
                    distinct: outcome.distinct_states,
                    generated: outcome.generated,
                    elapsed: Duration::from_secs_f64(outcome.seconds),
                    cpu: None,
                    recovered: None,
                    finding,
                }
            }
        }
    }
}

impl AgreementRun {
    /// Explores all of it; `progress` is told the number of distinct states from time to time.
    pub fn run(&self, progress: &dyn Fn(u64)) -> Report {
        match self.bounds.last_counter {
            0 => self.run_by(Zab, progress),
            last => self.run_by(ShortEpochs(last.into()), progress),
        }
    }

    fn run_by<R: Rules + Send + Sync + 'static>(&self, rules: R, progress: &dyn Fn(u64)) -> Report {
        let mut model = Agreement::new(rules, self.bounds)
            .with_reductions(self.reductions)
            .with_salt(self.salt);
        if self.bounds.java == 0 {
            // What an Apache learner does once faults end is Apache's.
            model = model.with_recovery_of_every(RECOVERY_OF_EVERY);
        }
        let outcome = exhaust(model, &mut |states| progress(states as u64));
        let missed: Vec<_> = self
            .witnesses
            .iter()
            .filter(|witness| !outcome.witnesses.contains(witness))
            .map(|witness| witness.text())
            .collect();
        let finding = match &outcome.verdict {
            Verdict::Violated { property, story } => Finding::Violated {
                property: property.to_string(),
                story: story.clone(),
            },
            Verdict::Unfinished => Finding::Unfinished,
            Verdict::Exhausted if !missed.is_empty() => Finding::Vacuous { missed },
            Verdict::Exhausted if outcome.distinct as u64 != self.pinned => Finding::Miscounted,
            Verdict::Exhausted => Finding::Fine { story: Vec::new() },
        };
        report(&outcome, finding)
    }
}

/// The agreement grain is that of configurations where members change.
fn grain_of(bounds: Bounds) -> &'static str {
    if bounds.changes() {
        "configuration"
    } else if bounds.elects {
        "composed"
    } else {
        "agreement"
    }
}

/// The protocol in a world in which epochs have few zxids.
#[derive(Clone, Copy, Debug)]
struct ShortEpochs(u32);

impl Rules for ShortEpochs {
    fn last_counter(&self) -> u32 {
        self.0
    }
}

fn report(outcome: &Outcome, finding: Finding) -> Report {
    Report {
        distinct: outcome.distinct as u64,
        generated: outcome.generated as u64,
        elapsed: outcome.elapsed,
        cpu: Some(outcome.cpu),
        recovered: outcome.recovered,
        finding,
    }
}

impl Hunt {
    /// The grain, in a word.
    pub fn grain(&self) -> &'static str {
        match self {
            Self::Agreement(killing) => grain_of(killing.bounds),
            Self::Election(_) => "election",
            Self::Session(_) => "session",
        }
    }

    /// The mutant's name.
    pub fn name(&self) -> String {
        match self {
            Self::Agreement(killing) => spaced(&killing.mutant.name()),
            Self::Election(mutant) => mutant.name.to_owned(),
            Self::Session(killing) => spaced(&format!("{:?}", killing.mutant)),
        }
    }

    /// The property that must notice it.
    pub fn killer(&self) -> &'static str {
        match self {
            Self::Agreement(killing) => killing.killer.text(),
            Self::Election(mutant) => mutant.killer.name(),
            Self::Session(killing) => killing.killer.text(),
        }
    }

    /// Where it must die, in words.
    pub fn bounds(&self) -> String {
        match self {
            Self::Agreement(killing) => killing.bounds.to_string(),
            Self::Election(mutant) => mutant
                .bounds
                .map_or_else(|| "by enumeration".to_owned(), |bounds| bounds.to_string()),
            Self::Session(killing) => killing.bounds.to_string(),
        }
    }

    /// Looks for the shortest run in which the named property notices the mutant.
    pub fn run(&self, progress: &dyn Fn(u64)) -> Report {
        match self {
            Self::Agreement(killing) => {
                let outcome = killing.run(&mut |states| progress(states as u64));
                let finding = match &outcome.verdict {
                    Verdict::Violated { property, story } if *property == killing.killer => {
                        Finding::Fine { story: story.clone() }
                    }
                    Verdict::Violated { .. } | Verdict::Exhausted => Finding::Survived,
                    Verdict::Unfinished => Finding::Unfinished,
                };
                report(&outcome, finding)
            }
            Self::Session(killing) => killing.report(progress),
            Self::Election(mutant) => {
                let outcome = mutant.run(progress);
                let finding = match &outcome.verdict {
                    ElectionVerdict::Violated { property, steps } if *property == mutant.killer => {
                        Finding::Fine {
                            story: remarks(steps),
                        }
                    }
                    ElectionVerdict::Violated { .. } | ElectionVerdict::Holds => Finding::Survived,
                    ElectionVerdict::Unfinished => Finding::Unfinished,
                };
                Report {
                    distinct: outcome.distinct_states,
                    generated: outcome.generated,
                    elapsed: Duration::from_secs_f64(outcome.seconds),
                    cpu: None,
                    recovered: None,
                    finding,
                }
            }
        }
    }
}

/// Steps that are told and not drawn.
pub(crate) fn remarks(steps: &[String]) -> Vec<Step> {
    steps.iter().cloned().map(Step::remark).collect()
}

/// `AcksBeforeDurable` as `acks before durable`.
fn spaced(name: &str) -> String {
    let mut words = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.extend(letter.to_lowercase());
    }
    words
}

const fn cold(txns: u8, elections: u8, crashes: u8, breaks: u8) -> Bounds {
    Bounds::of_three(txns, elections, crashes, breaks)
}

const fn warm(txns: u8, elections: u8, crashes: u8, breaks: u8) -> Bounds {
    Bounds {
        warm: true,
        ..cold(txns, elections, crashes, breaks)
    }
}

/// The CPU time that this process has used.
pub fn cpu_used() -> Duration {
    crate::model::clock(rustix::time::ClockId::ProcessCPUTime)
}

/// The runs of the agreement grain.
pub fn agreement_runs() -> Vec<AgreementRun> {
    runs::all()
}

mod runs;
