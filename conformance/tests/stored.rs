//! Do the kept traces get the verdicts that their README promises?

use quorate_conformance::{Options, Order, Report, audit};
use quorate_trace::read_dir;
use std::fs;
use std::path::{Path, PathBuf};

const ORDERS: u64 = 100;

fn traces() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../traces")
}

fn report(dir: &Path, order: Order) -> Report {
    let found = read_dir(dir).expect("the directory can be read");
    let options = Options {
        any_build: true,
        order,
    };
    audit(found, &options, &mut |_| {})
}

/// `holds`, `inconclusive`, or `violated` and the check.
fn verdict(report: &Report) -> String {
    match &report.finding {
        Some(finding) => format!("violated {}", finding.check.code()),
        None => report.verdict.to_string(),
    }
}

fn names(of: &str) -> Vec<String> {
    let dir = fs::read_dir(traces().join(of)).expect("kept traces");
    let mut names: Vec<_> = dir
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    names.sort();
    names
}

/// Where a report found something, or from where it says nothing; as the README writes it.
fn places(report: &Report) -> Vec<String> {
    let place = |server: u64, boot: u32, step: u64| format!("server {server} boot {boot} record {step}");
    match &report.finding {
        Some(finding) => vec![place(finding.server, finding.boot, finding.step)],
        None => {
            let known = report
                .doubts
                .iter()
                .filter_map(|doubt| Some(place(doubt.server?, doubt.boot?, doubt.from?)));
            known.collect()
        }
    }
}

/// The last two columns of the README's line on that trace: the verdict, and where it may be found.
fn promised<'a>(readme: &'a str, name: &str) -> (&'a str, Vec<&'a str>) {
    let line = readme
        .lines()
        .find(|line| line.starts_with(&format!("| `{name}` ")))
        .unwrap_or_else(|| panic!("traces/README.md does not speak of {name}"));
    let mut columns = line.trim_end_matches(" |").rsplit(" | ");
    let places = columns.next().expect("where it is found");
    let verdict = columns.next().expect("a verdict");
    (verdict, places.split(" or ").collect())
}

#[test]
fn accepted_traces_hold() {
    let names = names("accepted");
    assert!(names.len() >= 5, "{names:?}");
    for name in names {
        let dir = traces().join("accepted").join(&name);
        for order in [Order::ByTime, Order::ByChance(1), Order::ByChance(2)] {
            let report = report(&dir, order);
            assert_eq!(verdict(&report), "holds", "{name}\n{report}");
        }
    }
}

#[test]
fn rejected_traces_are_found_out_in_any_order() {
    let readme = fs::read_to_string(traces().join("README.md")).expect("the README");
    let names = names("rejected");
    assert!(names.len() >= 20, "{names:?}");
    for name in names {
        let dir = traces().join("rejected").join(&name);
        let (promised, wheres) = promised(&readme, &name);
        let orders = (0..ORDERS).map(Order::ByChance);
        for order in [Order::ByTime].into_iter().chain(orders) {
            let report = report(&dir, order);
            // Traces recorded by another step function are told by that alone.
            if name == "another-build" {
                continue;
            }
            assert_eq!(verdict(&report), promised, "{name}, {order:?}\n{report}");
            let found = places(&report);
            let is_there = found.iter().any(|place| wheres.contains(&place.as_str()));
            assert!(
                is_there,
                "{name}, {order:?}: found at {found:?}, not at {wheres:?}\n{report}"
            );
        }
    }
}

#[test]
fn a_trace_of_another_step_function_decides_nothing() {
    let found = read_dir(traces().join("rejected/another-build")).expect("a kept trace");
    let report = audit(found, &Options::default(), &mut |_| {});
    let readme = fs::read_to_string(traces().join("README.md")).expect("the README");
    let (promised, wheres) = promised(&readme, "another-build");
    assert_eq!(verdict(&report), promised, "{report}");
    // Kept traces were recorded by older step functions, all of them; the one that is another still says so.
    assert!(
        places(&report)
            .iter()
            .any(|place| wheres.contains(&place.as_str())),
        "{report}"
    );
}
