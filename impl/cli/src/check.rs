//! Is the protocol that this binary serves right? Every state that it can reach is looked at.

mod diagram;
mod explorer;
mod junit;
mod progress;
mod table;
mod traces;

use crate::say::{self, complain};
use crate::{CANNOT_RUN, INCONCLUSIVE, VIOLATED};
use progress::Progress;
use quorate_checker::{Check, Finding, Hunt, Report, Set, Step, cpu_used, hunts};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// How many runs go on at a time, each on a thread of its own.
const AT_A_TIME: usize = 2;

const EXAMPLES: &str = "\
Examples:
  quorate check                        the quick set, a quarter of a minute
  quorate check --set ci               what every change has to pass, minutes
  quorate check --set ci --junit check.xml   the same, for a pipeline to read
  quorate check --set ci --salt 1      the same with other hashes: each count has to be the same
  quorate check --mutants              the protocol with one rule wrong, sixty times: each must be found out
  quorate check --story 'keeps tree'   how one of them goes wrong, step by step
  quorate check --story 'keeps tree' --diagram run.html   the same, drawn
  quorate check --story 'keeps tree' --traces run         the same as traces: see `quorate audit run`
  quorate check --explore              what can happen next, in a browser";

/// Explores every state that the served protocol can reach, within bounds: is it safe?
///
/// The step functions are the very ones that `quorate serve` runs, in this build. They are put into every
/// situation that the bounds allow: servers crash and keep any part of what their disks were doing,
/// connections end on one side and not on the other, old leaders do not notice that they are. Properties
/// such as "no two leaders commit different sequences" are checked at every step.
///
/// Each run says how many distinct states it met. That number is pinned: if it differs, the check fails,
/// because then it looked at something else than before.
///
/// Exit codes: 0 everything holds, 1 something is wrong, 2 the check could not run, 3 a run did not see
/// every state, so that nothing follows.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Which runs: each set contains the ones before it [default: quick, unless mutants are asked for].
    #[arg(long, value_enum, value_name = "SET")]
    set: Option<SetName>,

    /// Tries the mutants: the protocol with one rule wrong, which the named property must notice.
    #[arg(long)]
    mutants: bool,

    /// Explores the same with other hashes, by which states are told apart: every count must be the same.
    #[arg(long, value_name = "NUMBER", default_value_t = 0, conflicts_with_all = ["story", "explore"])]
    salt: u64,

    /// Tells the shortest run in which one mutant breaks the property that is to notice it; or, by the name of a
    /// run, how that one breaks a property, if it does.
    #[arg(long, value_name = "NAME", conflicts_with_all = ["set", "mutants"])]
    story: Option<String>,

    /// Opens stateright's Explorer on a run of the agreement grain, by name [default: the first]: its worlds
    /// and steps in a browser on this machine.
    #[arg(
        long,
        value_name = "RUN",
        num_args = 0..=1,
        default_missing_value = "",
        conflicts_with_all = ["set", "mutants", "story", "json", "junit"]
    )]
    explore: Option<String>,

    /// The Explorer's port on 127.0.0.1; 0 is any free one [default: 0].
    #[arg(long, value_name = "PORT", requires = "explore")]
    port: Option<u16>,

    /// Draws that run into a file: one page of HTML, servers as lines, messages as arrows.
    #[arg(long, value_name = "FILE", requires = "story")]
    diagram: Option<PathBuf>,

    /// Writes that run into a directory as its servers would have recorded it, for `quorate audit` and `quorate
    /// trace`. Agreement grain only.
    #[arg(long, value_name = "DIR", requires = "story")]
    traces: Option<PathBuf>,

    /// Writes the outcome as JUnit XML as well: a case for each run and mutant.
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,

    /// Prints one JSON object instead of tables.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum SetName {
    /// A quarter of a minute.
    Quick,
    /// Minutes; what every change has to pass.
    Ci,
    /// Up to 90 minutes.
    Nightly,
}

impl SetName {
    fn set(self) -> Set {
        match self {
            Self::Quick => Set::Quick,
            Self::Ci => Set::Ci,
            Self::Nightly => Set::Nightly,
        }
    }
}

/// What is to be run: an exhaustive run, or a mutant.
enum Job {
    Check(Check),
    Hunt(Hunt),
}

impl Job {
    fn name(&self) -> String {
        match self {
            Self::Check(check) => check.name().to_owned(),
            Self::Hunt(hunt) => hunt.name(),
        }
    }

    fn bounds(&self) -> String {
        match self {
            Self::Check(check) => check.bounds(),
            Self::Hunt(hunt) => hunt.bounds(),
        }
    }

    /// The property that the steps of this report break; none if it has none.
    fn broken<'a>(&'a self, report: &'a Report) -> Option<&'a str> {
        match (self, &report.finding) {
            (_, Finding::Violated { property, .. }) => Some(property),
            (Self::Hunt(hunt), Finding::Fine { .. }) => Some(hunt.killer()),
            _ => None,
        }
    }

    fn pinned(&self) -> Option<u64> {
        match self {
            Self::Check(check) => Some(check.pinned()),
            Self::Hunt(_) => None,
        }
    }

    fn run(&self, progress: &dyn Fn(u64)) -> Report {
        match self {
            Self::Check(check) => check.run(progress),
            Self::Hunt(hunt) => hunt.run(progress),
        }
    }
}

/// What all of it took.
struct Totals {
    elapsed: Duration,
    cpu: Duration,
    /// The most memory that this process ever held, where the system tells.
    peak_memory_bytes: Option<u64>,
}

/// Runs the check.
pub(crate) fn run(args: &Args) -> ExitCode {
    if let Some(name) = &args.explore {
        return explorer::run(name, args.port.unwrap_or(0));
    }
    let jobs = match jobs(args) {
        Ok(jobs) => jobs,
        Err(why) => {
            complain!("quorate check: {why}");
            return ExitCode::from(CANNOT_RUN);
        }
    };
    let began = Instant::now();
    let Some(reports) = run_all(&jobs, &Progress::new(args.json, jobs.len())) else {
        complain!(
            "quorate check: a run ended with a panic, which is a bug of quorate's; nothing follows from the others"
        );
        return ExitCode::from(CANNOT_RUN);
    };
    let totals = Totals {
        elapsed: began.elapsed(),
        cpu: cpu_used(),
        peak_memory_bytes: peak_memory_bytes(),
    };
    let done: Vec<(&Job, &Report)> = jobs.iter().zip(&reports).collect();
    if let [(job, report)] = done[..]
        && let Err(why) = write_run(args, job, report)
    {
        complain!("quorate check: {why}");
        return ExitCode::from(CANNOT_RUN);
    }
    if let Some(file) = &args.junit
        && let Err(why) = junit::write(file, &done, &totals)
    {
        complain!("quorate check: {why}");
        return ExitCode::from(CANNOT_RUN);
    }
    let (code, verdict) = verdict(&reports);
    say::report("check", ExitCode::from(code), |out| {
        if args.json {
            writeln!(out, "{:#}", as_json(verdict, &done, &totals))
        } else {
            table::print(out, &done, &totals, args.story.is_some())?;
            match &args.traces {
                Some(dir) => writeln!(out, "traces of it are in {0}: quorate audit {0}", dir.display()),
                None => Ok(()),
            }
        }
    })
}

/// Writes the run that was asked for, drawn and as traces.
fn write_run(args: &Args, job: &Job, report: &Report) -> Result<(), String> {
    if let Some(file) = &args.diagram {
        diagram::write(file, job, report).map_err(|why| format!("{}: {why}", file.display()))?;
    }
    match &args.traces {
        Some(dir) => traces::write(dir, job, report),
        None => Ok(()),
    }
}

/// What all of them together say, as an exit code and in JSON.
///
/// Wrong is a broken property, and all that takes a verdict's worth away: a count that is not the pinned
/// one, a run that met too little, a mutant that lives.
fn verdict(reports: &[Report]) -> (u8, &'static str) {
    let mut not_fine = reports.iter().filter(|report| !report.is_fine()).peekable();
    if not_fine.peek().is_none() {
        (0, "holds")
    } else if not_fine.all(|report| report.finding == Finding::Unfinished) {
        (INCONCLUSIVE, "inconclusive")
    } else {
        (VIOLATED, "wrong")
    }
}

fn jobs(args: &Args) -> Result<Vec<Job>, String> {
    if let Some(name) = &args.story {
        let wanted = name.to_lowercase();
        let hunts = hunts().into_iter().map(Job::Hunt);
        let checks = Set::Nightly.checks().into_iter().map(Job::Check);
        let found = hunts.chain(checks).find(|job| job.name() == wanted);
        return found.map(|job| vec![job]).ok_or_else(|| {
            format!("there is no mutant and no run {name:?}; `quorate check --mutants --set ci` lists them")
        });
    }
    let set = args.set.or((!args.mutants).then_some(SetName::Quick));
    let checks = set.map(|set| set.set().checks()).unwrap_or_default();
    let hunts = if args.mutants { hunts() } else { Vec::new() };
    let checks = checks
        .into_iter()
        .map(|check| Job::Check(check.salted(args.salt)));
    Ok(checks.chain(hunts.into_iter().map(Job::Hunt)).collect())
}

/// The reports, in the order of the jobs; none if one of them panicked.
fn run_all(jobs: &[Job], progress: &Progress) -> Option<Vec<Report>> {
    let next = AtomicUsize::new(0);
    let reports: Mutex<Vec<Option<Report>>> = Mutex::new(vec![None; jobs.len()]);
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..AT_A_TIME)
            .map(|_| {
                scope.spawn(|| {
                    while let Some((at, job)) = {
                        let at = next.fetch_add(1, Ordering::Relaxed);
                        jobs.get(at).map(|job| (at, job))
                    } {
                        let line = progress.begin(&job.name(), job.pinned());
                        let report = job.run(&|states| line.reached(states));
                        if let Ok(mut reports) = reports.lock() {
                            reports[at] = Some(report);
                        }
                    }
                })
            })
            .collect();
        for worker in workers {
            // A panic of a worker leaves its report out.
            let _ = worker.join();
        }
    });
    reports.into_inner().ok()?.into_iter().collect()
}

fn as_json(verdict: &str, done: &[(&Job, &Report)], totals: &Totals) -> Value {
    let mut checks = Vec::new();
    let mut mutants = Vec::new();
    for (job, report) in done {
        let finding = junit::word(&report.finding);
        let story = match &report.finding {
            Finding::Fine { story } | Finding::Violated { story, .. } => story.as_slice(),
            Finding::Miscounted | Finding::Vacuous { .. } | Finding::Survived | Finding::Unfinished => &[],
        };
        let mut value = json!({
            "name": job.name(),
            "distinct_states": report.distinct,
            "generated_states": report.generated,
            "seconds": report.elapsed.as_secs_f64(),
            "cpu_seconds": report.cpu.map(|cpu| cpu.as_secs_f64()),
            "states_per_cpu_second": report.rate(),
            "collision_estimate": report.collision_estimate(),
            "recovered": report.recovered.map(|recovered| json!({
                "states": recovered.tried,
                "rounds_max": recovered.rounds,
                "steps_max": recovered.steps,
            })),
            "verdict": finding,
        });
        if let Finding::Violated { property, .. } = &report.finding {
            value["property"] = json!(property);
        }
        if let Finding::Vacuous { missed } = &report.finding {
            value["missed"] = json!(missed);
        }
        match job {
            Job::Check(check) => {
                value["grain"] = json!(check.grain());
                value["bounds"] = json!(check.bounds());
                value["pinned_states"] = json!(check.pinned());
                value["story"] = json!(texts(story));
                checks.push(value);
            }
            Job::Hunt(hunt) => {
                value["grain"] = json!(hunt.grain());
                value["bounds"] = json!(hunt.bounds());
                value["killer"] = json!(hunt.killer());
                value["steps"] = json!(story.len());
                value["story"] = json!(texts(story));
                mutants.push(value);
            }
        }
    }
    json!({
        "verdict": verdict,
        "checks": checks,
        "mutants": mutants,
        "seconds": totals.elapsed.as_secs_f64(),
        "cpu_seconds": totals.cpu.as_secs_f64(),
        "peak_memory_bytes": totals.peak_memory_bytes,
    })
}

fn texts(story: &[Step]) -> Vec<&str> {
    story.iter().map(|step| step.text.as_str()).collect()
}

/// What Linux says of the most memory that this process ever held.
fn peak_memory_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn report(finding: Finding) -> Report {
        Report {
            distinct: 1,
            generated: 1,
            elapsed: Duration::ZERO,
            cpu: None,
            recovered: None,
            finding,
        }
    }

    #[test]
    fn a_run_that_ended_early_is_inconclusive_and_anything_wrong_is_worse() {
        let fine = || report(Finding::Fine { story: Vec::new() });
        let unfinished = || report(Finding::Unfinished);
        assert_eq!(verdict(&[fine(), fine()]), (0, "holds"));
        assert_eq!(verdict(&[fine(), unfinished()]), (3, "inconclusive"));
        for wrong in [Finding::Miscounted, Finding::Survived] {
            assert_eq!(verdict(&[unfinished(), report(wrong), fine()]), (1, "wrong"));
        }
    }
}
