//! Is there room, is a sync quick, and may this process open what it needs?

use super::Findings;
use super::data::existing;
use quorate_server::config::Config;
use quorate_server::descriptors;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Syncs that are measured, each of this many bytes.
const SYNCS: usize = 50;
const SYNC_BYTES: usize = 4096;
/// No longer than this.
const PATIENCE: Duration = Duration::from_secs(5);
/// A sync beyond this makes every write slow.
const SLOW: Duration = Duration::from_millis(20);
/// Room below which it will not last.
const ROOM_BYTES: u64 = 1 << 30;
/// Descriptors that serve a thousand clients.
const FILES_WANTED: u64 = 1024 + descriptors::BESIDE;

pub(super) fn check(config: &Config, findings: &mut Findings) {
    let mut seen = Vec::new();
    for dir in [&config.data_log_dir, &config.data_dir, &config.trace.dir] {
        let Some(there) = existing(dir) else {
            continue;
        };
        if seen.contains(&there) {
            continue;
        }
        room(config, dir, &there, findings);
        seen.push(there);
    }
    let log = config.data_log_dir.join("version-2");
    if let Some(dir) = existing(&log) {
        speed(config, &dir, findings);
    }
}

fn mib(bytes: u64) -> String {
    match bytes >> 20 {
        mib if mib >= 10 << 10 => format!("{} GiB", mib >> 10),
        mib => format!("{mib} MiB"),
    }
}

fn room(config: &Config, dir: &Path, there: &Path, findings: &mut Findings) {
    let shown = dir.display();
    let Ok(stat) = rustix::fs::statvfs(there) else {
        return findings.warn("disk", format!("{shown}: cannot say how much room there is"), "");
    };
    let free = stat.f_bavail.saturating_mul(stat.f_frsize);
    // A log file is extended ahead, and one more is begun at each snapshot.
    let least = config.log_allocation_bytes.saturating_mul(2).max(1 << 20);
    let words = format!("{shown}: {} free", mib(free));
    let trace = config.trace.bytes_max;
    if free < least && *dir != config.trace.dir {
        findings.fail(
            "disk",
            format!(
                "{words}; log files alone are extended by {}",
                mib(config.log_allocation_bytes)
            ),
            "make room, or set preAllocSize lower",
        );
    } else if free < ROOM_BYTES {
        findings.warn("disk", words, "make room: a server whose disk is full stops");
    } else if *dir == config.trace.dir && free < trace {
        findings.warn(
            "disk",
            format!("{words}; recorded runs may take {}", mib(trace)),
            "make room, or set a lower limit for the trace",
        );
    } else {
        findings.ok("disk", words);
    }
}

/// A file that goes with the measurement.
struct Probe {
    path: PathBuf,
    file: File,
}

impl Probe {
    fn make(dir: &Path) -> io::Result<Self> {
        let path = dir.join(format!("quorate.doctor.{}", std::process::id()));
        let file = OpenOptions::new().write(true).create_new(true).open(&path)?;
        let mut probe = Self { path, file };
        // As the log: written ahead, so that a sync is of data alone.
        probe.file.write_all(&vec![0; SYNCS * SYNC_BYTES])?;
        probe.file.sync_all()?;
        io::Seek::rewind(&mut probe.file)?;
        Ok(probe)
    }

    /// How long each sync took, in order of length.
    fn measure(&mut self) -> io::Result<Vec<Duration>> {
        let began = Instant::now();
        let mut took = Vec::with_capacity(SYNCS);
        while took.len() < SYNCS && began.elapsed() < PATIENCE {
            self.file.write_all(&[1; SYNC_BYTES])?;
            let begin = Instant::now();
            self.file.sync_data()?;
            took.push(begin.elapsed());
        }
        took.sort_unstable();
        Ok(took)
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

fn speed(config: &Config, dir: &Path, findings: &mut Findings) {
    let measured = Probe::make(dir).and_then(|mut probe| probe.measure());
    let took = match measured {
        Ok(took) if !took.is_empty() => took,
        Ok(_) => return findings.warn("sync", "nothing could be measured", ""),
        // That this user may not write is told elsewhere.
        Err(error) => {
            return findings.warn("sync", format!("{}: cannot measure: {error}", dir.display()), "");
        }
    };
    let ms = |took: Duration| format!("{:.2} ms", took.as_secs_f64() * 1000.0);
    let (half, most, worst) = (
        took[took.len() / 2],
        took[(took.len() * 9).div_ceil(10) - 1],
        took[took.len() - 1],
    );
    let words = format!(
        "{}: {} syncs, half within {}, nine in ten within {}, the longest {}",
        dir.display(),
        took.len(),
        ms(half),
        ms(most),
        ms(worst)
    );
    if worst >= Duration::from_millis(config.sync_warning_ms) || most > SLOW {
        findings.warn(
            "sync",
            words,
            "give dataLogDir a disk of its own: every write waits for a sync",
        );
    } else {
        findings.ok("sync", words);
    }
}

/// Each connection takes a descriptor. The server raises the limit to what it may have.
pub(super) fn limits(config: &Config, findings: &mut Findings) {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).maximum;
    let Some(limit) = limit else {
        return findings.ok("limits", "open files: no limit");
    };
    let connections = u64::from(config.connections_max);
    if connections > 0 && limit < connections + descriptors::BESIDE {
        findings.warn(
            "limits",
            format!("open files: {limit}, for up to {connections} clients (maxCnxns)"),
            format!("raise it: ulimit -Hn {}", connections + descriptors::BESIDE),
        );
    } else if limit < FILES_WANTED {
        findings.warn(
            "limits",
            format!("open files: {limit}, and each client takes one"),
            format!("raise it: ulimit -Hn {}", FILES_WANTED.next_power_of_two()),
        );
    } else {
        findings.ok("limits", format!("open files: {limit}"));
    }
}
