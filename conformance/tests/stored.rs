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

/// The last column of the README's line on that trace.
fn promised(readme: &str, name: &str) -> String {
    let line = readme
        .lines()
        .find(|line| line.starts_with(&format!("| `{name}` ")))
        .unwrap_or_else(|| panic!("traces/README.md does not speak of {name}"));
    line.trim_end_matches(" |")
        .rsplit("| ")
        .next()
        .expect("a column")
        .to_string()
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
        let promised = promised(&readme, &name);
        let orders = (0..ORDERS).map(Order::ByChance);
        for order in [Order::ByTime].into_iter().chain(orders) {
            let report = report(&dir, order);
            // Traces recorded by another step function are told by that alone.
            if name == "another-build" {
                continue;
            }
            assert_eq!(verdict(&report), promised, "{name}, {order:?}\n{report}");
        }
    }
}

#[test]
fn a_trace_of_another_step_function_decides_nothing() {
    let found = read_dir(traces().join("rejected/another-build")).expect("a kept trace");
    let report = audit(found, &Options::default(), &mut |_| {});
    assert_eq!(verdict(&report), "inconclusive", "{report}");
}
