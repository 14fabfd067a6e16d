//! How fast is quorate beside Apache ZooKeeper 3.9.3, in one run on one machine?
//!
//! Three servers of each kind are up at once, as installations run them, with real syncs. The load generator
//! turns from the one ensemble to the other and back, so that both see the same noise; medians count.
//!
//! ```sh
//! ZKLOAD=path/to/zkload cargo bench --package quorate-tests --bench side_by_side -- [ROUNDS [SECONDS]]
//! ```
//!
//! Prints a table in Markdown for `docs/benchmarks.md`. Nothing is asserted: machines are shared and noisy.

use quorate_tests::{Ensemble, Kind};
use serde_json::Value;
use std::process::{Command, ExitCode};

/// What is measured: a title, and the words for the load generator.
const LOADS: [(&str, &[&str]); 4] = [
    (
        "writes, 16 sessions x 16 under way, 100 bytes",
        &[
            "write",
            "--sessions",
            "16",
            "--pipeline",
            "16",
            "--value-size",
            "100",
        ],
    ),
    (
        "writes, 16 sessions x 128 under way, 100 bytes",
        &[
            "write",
            "--sessions",
            "16",
            "--pipeline",
            "128",
            "--value-size",
            "100",
        ],
    ),
    (
        "a write alone, 1 session x 1, 100 bytes",
        &[
            "write",
            "--sessions",
            "1",
            "--pipeline",
            "1",
            "--value-size",
            "100",
        ],
    ),
    (
        "reads, 16 sessions x 16 under way, 100 bytes",
        &[
            "read",
            "--sessions",
            "16",
            "--pipeline",
            "16",
            "--value-size",
            "100",
        ],
    ),
];

/// What one run of the load generator found.
#[derive(Clone, Copy, Debug)]
struct Run {
    per_second: f64,
    /// Of all servers together.
    cpu_us_per_op: f64,
    p50_us: f64,
    p99_us: f64,
    /// CPU seconds a second that neither client nor servers used: noise.
    others: f64,
}

/// Runs of one load on one ensemble.
#[derive(Debug)]
struct Runs(Vec<Run>);

impl Runs {
    fn sorted(&self, figure: impl Fn(&Run) -> f64) -> Vec<f64> {
        let mut figures: Vec<f64> = self.0.iter().map(figure).collect();
        figures.sort_by(f64::total_cmp);
        figures
    }

    fn median(&self, figure: impl Fn(&Run) -> f64) -> f64 {
        let figures = self.sorted(figure);
        let middle = figures.len() / 2;
        if figures.len() % 2 == 1 {
            figures[middle]
        } else {
            f64::midpoint(figures[middle - 1], figures[middle])
        }
    }

    /// `median (least to most)`.
    fn spread(&self, decimals: usize, figure: impl Fn(&Run) -> f64 + Copy) -> String {
        let figures = self.sorted(figure);
        let (least, most) = (figures[0], figures[figures.len() - 1]);
        let median = self.median(figure);
        format!("{median:.decimals$} ({least:.decimals$} to {most:.decimals$})")
    }
}

fn main() -> ExitCode {
    let Some(zkload) = std::env::var_os("ZKLOAD") else {
        eprintln!("side_by_side: ZKLOAD has to name the load generator's binary");
        return ExitCode::from(2);
    };
    // cargo adds `--bench`.
    let numbers: Vec<u32> = std::env::args().filter_map(|word| word.parse().ok()).collect();
    let rounds = numbers.first().copied().unwrap_or(5);
    let seconds = numbers.get(1).copied().unwrap_or(10);

    let start = |name, kind| Ensemble::builder(name, [kind; 3]).measured().start();
    let (ours, apaches) = (start("ours", Kind::Quorate), start("apache", Kind::Apache));
    let load = |ensemble: &Ensemble, words: &[&str], seconds: u32| {
        run(Command::new(&zkload), ensemble, words, seconds)
    };
    // A just-in-time compiler needs load before it is at speed.
    for (_, words) in &LOADS[..1] {
        load(&ours, words, 3);
        load(&apaches, words, 20);
    }
    println!("{rounds} rounds of {seconds} s each, in turn; median (least to most)\n");
    for (title, words) in LOADS {
        let (mut quorate, mut apache) = (Runs(Vec::new()), Runs(Vec::new()));
        for round in 0..rounds {
            // Who goes first changes, so that neither always inherits the other's dirty pages.
            if round % 2 == 0 {
                quorate.0.push(load(&ours, words, seconds));
                apache.0.push(load(&apaches, words, seconds));
            } else {
                apache.0.push(load(&apaches, words, seconds));
                quorate.0.push(load(&ours, words, seconds));
            }
        }
        table(title, &quorate, &apache);
    }
    ExitCode::SUCCESS
}

/// One run of the load generator on `ensemble`.
fn run(mut zkload: Command, ensemble: &Ensemble, words: &[&str], seconds: u32) -> Run {
    let members = ensemble.members();
    let servers: Vec<_> = members
        .iter()
        .map(|member| member.client_address().to_string())
        .collect();
    let pids: Vec<_> = members
        .iter()
        .filter_map(|member| Some(member.process_id()?.to_string()))
        .collect();
    zkload.args(words).arg("--json");
    zkload.args(["--seconds", &seconds.to_string(), "--warmup", "2"]);
    zkload.args(["--servers", &servers.join(","), "--server-pids", &pids.join(",")]);
    let output = zkload.output().expect("the load generator starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "the load generator failed: {said}");
    eprint!("{said}");
    let report: Value = serde_json::from_slice(&output.stdout).expect("the load generator prints JSON");
    let figure = |pointer: &str| {
        let value = report.pointer(pointer).and_then(Value::as_f64);
        value.unwrap_or_else(|| panic!("no figure {pointer} in {report}"))
    };
    Run {
        per_second: figure("/results/throughput"),
        cpu_us_per_op: figure("/usage/server_cpu_s") * 1e6 / figure("/results/ops"),
        p50_us: figure("/results/latency_us/p50"),
        p99_us: figure("/results/latency_us/p99"),
        others: figure("/usage/machine/other_s") / f64::from(seconds),
    }
}

fn table(title: &str, quorate: &Runs, apache: &Runs) {
    println!("**{title}**\n");
    println!("| | per second | server CPU, us each | p50, ms | p99, ms | CPUs used by others |");
    println!("| --- | --- | --- | --- | --- | --- |");
    for (name, runs) in [("quorate", quorate), ("Apache 3.9.3", apache)] {
        println!(
            "| {name} | {} | {} | {} | {} | {} |",
            runs.spread(0, |run| run.per_second),
            runs.spread(1, |run| run.cpu_us_per_op),
            runs.spread(2, |run| run.p50_us / 1e3),
            runs.spread(2, |run| run.p99_us / 1e3),
            runs.spread(2, |run| run.others),
        );
    }
    let ratio = |figure: fn(&Run) -> f64| quorate.median(figure) / apache.median(figure);
    println!(
        "| ratio | {:.2} | {:.2} | {:.2} | {:.2} | |\n",
        ratio(|run| run.per_second),
        ratio(|run| run.cpu_us_per_op),
        ratio(|run| run.p50_us),
        ratio(|run| run.p99_us),
    );
}
