//! What does a pipeline read? JUnit's XML: a suite for each grain and set, and for each grain's mutants; a case for
//! each run and mutant, with what it took and how many states it met.

use super::table::{self, seconds};
use super::{Job, Totals};
use quick_junit::{NonSuccessKind, Property, Report as Document, TestCase, TestCaseStatus, TestSuite};
use quorate_checker::{Check, ElectionSet, Finding, Report, Set, Step};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

/// Writes the file.
pub(super) fn write(file: &Path, done: &[(&Job, &Report)], totals: &Totals) -> Result<(), String> {
    let failed = |error: &dyn std::fmt::Display| format!("{}: {error}", file.display());
    let mut out = File::create(file)
        .map(BufWriter::new)
        .map_err(|error| failed(&error))?;
    document(done, totals)
        .serialize(&mut out)
        .map_err(|error| failed(&error))?;
    out.flush().map_err(|error| failed(&error))
}

fn document(done: &[(&Job, &Report)], totals: &Totals) -> Document {
    let mut document = Document::new("quorate check");
    document.set_time(totals.elapsed);
    let mut suites: Vec<TestSuite> = Vec::new();
    for (job, report) in done {
        let name = suite(job);
        let at = suites.iter().position(|suite| suite.name.as_str() == name);
        let at = at.unwrap_or_else(|| {
            suites.push(TestSuite::new(&name));
            suites.len() - 1
        });
        let suite = &mut suites[at];
        suite.add_test_case(case(&name, job, report));
        let time = suite.time.unwrap_or_default() + report.elapsed;
        suite.set_time(time);
    }
    document.add_test_suites(suites);
    document
}

fn suite(job: &Job) -> String {
    match job {
        Job::Check(check) => {
            let set = match check {
                Check::Agreement(run) => set(run.set),
                Check::Session(run) => set(run.set),
                Check::Election(run) => set(match run.set {
                    ElectionSet::Quick => Set::Quick,
                    ElectionSet::Ci => Set::Ci,
                    ElectionSet::Nightly => Set::Nightly,
                }),
            };
            format!("{} grain, {set} set", check.grain())
        }
        Job::Hunt(hunt) => format!("{} grain, mutants", hunt.grain()),
    }
}

fn set(set: Set) -> &'static str {
    match set {
        Set::Quick => "quick",
        Set::Ci => "ci",
        Set::Nightly => "nightly",
    }
}

fn case(suite: &str, job: &Job, report: &Report) -> TestCase {
    // A mutant is there once for each property that has to notice it.
    let name = match job {
        Job::Check(check) => check.name().to_owned(),
        Job::Hunt(hunt) => format!("{}: {}", hunt.name(), hunt.killer()),
    };
    let mut case = TestCase::new(name, status(job, report));
    case.set_classname(suite).set_time(report.elapsed);
    let mut property = |name: &str, value: String| {
        case.add_property(Property::new(name, value));
    };
    property("bounds", job.bounds());
    property("states", report.distinct.to_string());
    if let Some(pinned) = job.pinned() {
        property("pinned_states", pinned.to_string());
    }
    property("generated_states", report.generated.to_string());
    if let Some(cpu) = report.cpu {
        property("cpu_seconds", seconds(cpu));
    }
    if let (Job::Hunt(_), Finding::Fine { story }) = (job, &report.finding) {
        property("steps", story.len().to_string());
    }
    case
}

/// What holds is a success, what is wrong a failure, and what ended early an error: nothing follows from it.
fn status(job: &Job, report: &Report) -> TestCaseStatus {
    let (kind, story): (_, &[Step]) = match &report.finding {
        Finding::Fine { .. } => return TestCaseStatus::success(),
        Finding::Unfinished => (NonSuccessKind::Error, &[]),
        Finding::Violated { story, .. } => (NonSuccessKind::Failure, story),
        Finding::Miscounted | Finding::Vacuous { .. } | Finding::Survived => (NonSuccessKind::Failure, &[]),
    };
    let verdict = table::verdict(report, job.pinned());
    let mut status = TestCaseStatus::non_success(kind);
    let mut told = format!("{verdict}\n");
    for (number, step) in story.iter().enumerate() {
        told += &format!("{:4}  {}\n", number + 1, step.text);
    }
    for hint in table::hints(job, story) {
        told += &format!("{hint}\n");
    }
    status
        .set_message(verdict)
        .set_type(word(&report.finding))
        .set_description(told);
    status
}

/// The finding in a word, as `--json` has it.
pub(super) fn word(finding: &Finding) -> &'static str {
    match finding {
        Finding::Fine { .. } => "fine",
        Finding::Violated { .. } => "violated",
        Finding::Miscounted => "miscounted",
        Finding::Vacuous { .. } => "vacuous",
        Finding::Survived => "survived",
        Finding::Unfinished => "unfinished",
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::report;
    use super::*;
    use quorate_checker::{Drawn, Hunt, hunts};
    use std::time::Duration;

    fn text(done: &[(&Job, &Report)]) -> String {
        let totals = Totals {
            elapsed: Duration::from_millis(1500),
            cpu: Duration::ZERO,
            peak_memory_bytes: None,
        };
        document(done, &totals).to_string().expect("it is text")
    }

    fn jobs() -> (Job, Job) {
        let check = Set::Quick
            .checks()
            .into_iter()
            .find(|check| check.grain() == "agreement");
        let hunt = hunts()
            .into_iter()
            .find(|hunt| matches!(hunt, Hunt::Agreement(_)));
        (
            Job::Check(check.expect("there are runs")),
            Job::Hunt(hunt.expect("there are mutants")),
        )
    }

    #[test]
    fn each_run_and_mutant_is_a_case_of_its_suite_with_its_states() {
        let (check, hunt) = jobs();
        let fine = report(Finding::Fine { story: Vec::new() });
        let text = text(&[(&check, &fine), (&hunt, &fine), (&check, &fine)]);
        assert!(
            text.contains(
                r#"<testsuites name="quorate check" tests="3" skipped="0" failures="0" errors="0""#
            ),
            "{text}"
        );
        assert!(
            text.contains(r#"<testsuite name="agreement grain, quick set" tests="2""#),
            "{text}"
        );
        assert!(
            text.contains(r#"<testsuite name="agreement grain, mutants" tests="1""#),
            "{text}"
        );
        let pinned = check.pinned().expect("it is pinned");
        assert!(
            text.contains(&format!(r#"<property name="pinned_states" value="{pinned}"/>"#)),
            "{text}"
        );
        assert!(text.contains(r#"<property name="states" value="1"/>"#), "{text}");
    }

    #[test]
    fn what_is_wrong_is_a_failure_with_its_steps_and_what_ended_early_an_error() {
        let (check, _) = jobs();
        let step = |text: &str| Step {
            text: text.to_owned(),
            drawn: Some(Drawn {
                at: 0,
                deed: quorate_checker::Deed::Asked,
            }),
            moves: vec![quorate_checker::Action::Lead(0)],
        };
        let violated = report(Finding::Violated {
            property: "a < b".to_owned(),
            story: vec![step("s1 begins to lead"), step("s2 <forgets>")],
        });
        let unfinished = report(Finding::Unfinished);
        let text = text(&[(&check, &violated), (&check, &unfinished)]);
        assert!(
            text.contains(r#"tests="2" skipped="0" failures="1" errors="1""#),
            "{text}"
        );
        assert!(
            text.contains(r#"message="VIOLATED: a &lt; b" type="violated""#),
            "{text}"
        );
        assert!(text.contains("2  s2 &lt;forgets&gt;"), "{text}");
        assert!(
            text.contains("--traces run") && text.contains("--diagram run.html"),
            "{text}"
        );
    }
}
