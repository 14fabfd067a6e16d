//! How fast is an audit? Three servers in one process make a long trace, which is then audited.
//!
//! `cargo run --release -p quorate-conformance --example audit-speed [WRITES [BATCH]]`

#[allow(dead_code)]
#[path = "../tests/rehearsal.rs"]
mod rehearsal;

use quorate_conformance::{Options, audit};
use quorate_trace::{Limits, read_dir};
use quorate_zab::Zab;
use rehearsal::{Rehearsal, Script};
use std::time::Instant;

fn main() {
    let mut numbers = std::env::args()
        .skip(1)
        .map(|text| text.parse().expect("a number"));
    let writes: usize = numbers.next().unwrap_or(300_000);
    let batch: usize = numbers.next().unwrap_or(16);
    let dir = tempfile::tempdir().expect("a temporary directory");
    let script = Script {
        rounds: writes * 12 / batch + 2000,
        writes,
        batch,
        limits: Limits {
            total_bytes: 64 << 30,
            ..Limits::default()
        },
        ..Script::quiet(1)
    };
    let began = Instant::now();
    let applied = Rehearsal::new(dir.path(), script, Zab).run();
    println!(
        "{applied} writes recorded in {:.1} s",
        began.elapsed().as_secs_f64()
    );
    let found = read_dir(dir.path()).expect("the directory can be read");
    let cpu = cpu_seconds();
    let began = Instant::now();
    let report = audit(found, &Options::default(), &mut |_| {});
    let (wall, cpu) = (began.elapsed().as_secs_f64(), cpu_seconds() - cpu);
    println!("{}", report.line());
    println!(
        "{} events in {wall:.2} s, {cpu:.2} CPU-s: {:.0} events per CPU second; {} KiB resident at most",
        report.events,
        report.events as f64 / cpu.max(1e-3),
        peak_kib()
    );
}

/// User and system time of this process, in seconds.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    let ticks: u64 = fields
        .skip(11)
        .take(2)
        .filter_map(|field| field.parse::<u64>().ok())
        .sum();
    ticks as f64 / 100.0
}

fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM:"))
        .unwrap_or_default();
    line.split_whitespace()
        .nth(1)
        .and_then(|kib| kib.parse().ok())
        .unwrap_or(0)
}
