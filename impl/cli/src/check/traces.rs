//! How does a run of the checker become something to audit? It is written down as its servers would have.

use super::Job;
use quorate_checker::{Action, AgreementRun, Bounds, Check, Finding, Flaws, Hunt, Killing, Report, Run};
use quorate_conformance::write_run;
use quorate_zab::{Rules, Zab};
use std::path::Path;

const NOTHING: &str = "nothing is broken: there is no run to write down";

/// Writes the run that the report tells of into `dir`.
pub(super) fn write(dir: &Path, job: &Job, report: &Report) -> Result<(), String> {
    let (Finding::Fine { story } | Finding::Violated { story, .. }) = &report.finding else {
        return Err(NOTHING.to_owned());
    };
    let moves: Vec<Action> = story.iter().flat_map(|step| step.moves.iter().copied()).collect();
    if moves.is_empty() {
        return Err(match job {
            Job::Check(Check::Election(_)) | Job::Hunt(Hunt::Election(_)) => {
                "a run of the election grain has no disks and no learner connections, and makes no trace"
                    .to_owned()
            }
            Job::Check(Check::Session(_)) | Job::Hunt(Hunt::Session(_)) => {
                "a run of the session grain has no disks and no learner connections, and makes no trace"
                    .to_owned()
            }
            Job::Check(Check::Agreement(AgreementRun { bounds, .. }))
            | Job::Hunt(Hunt::Agreement(Killing { bounds, .. }))
                if bounds.elects =>
            {
                "a run of the composed grain is told and makes no trace".to_owned()
            }
            Job::Check(Check::Agreement(_)) | Job::Hunt(Hunt::Agreement(_)) => NOTHING.to_owned(),
        });
    }
    match job {
        Job::Hunt(Hunt::Agreement(killing)) => {
            let (rules, flaws) = (killing.mutant, killing.mutant.flaws());
            written(dir, &rules, flaws, killing.bounds, job, moves)
        }
        Job::Check(Check::Agreement(run)) => written(dir, &Zab, Flaws::default(), run.bounds, job, moves),
        Job::Check(Check::Election(_) | Check::Session(_))
        | Job::Hunt(Hunt::Election(_) | Hunt::Session(_)) => Ok(()),
    }
}

fn written<R: Rules>(
    dir: &Path,
    rules: &R,
    flaws: Flaws,
    bounds: Bounds,
    job: &Job,
    moves: Vec<Action>,
) -> Result<(), String> {
    let of = format!("{} ({bounds})", job.name());
    write_run(dir, &of, Run::new(rules, flaws, bounds), moves).map_err(|error| error.to_string())
}
