//! Is the data directory there, ours, free, and from the past?

use super::Findings;
use quorate_server::config::{Config, Mode};
use quorate_store::{Layout, examine};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// A file may be this much ahead of the clock: file systems round.
const AHEAD_MAX: Duration = Duration::from_secs(2);

/// The first second of 2024: an earlier clock has never been set.
const SET: Duration = Duration::from_secs(1_704_067_200);

pub(super) fn check(config: &Config, findings: &mut Findings) {
    let dirs = directories(config);
    for dir in &dirs {
        directory(config, dir, findings);
    }
    let server = match config.mode {
        Mode::Standalone => None,
        Mode::Ensemble(_) => Some(config.server()),
    };
    let layout = Layout::new(&config.data_dir, Some(&config.data_log_dir));
    match examine(&layout, server) {
        Ok(()) => findings.ok("data", "no other process uses it, and it is no other server's"),
        Err(error) => findings.fail("data", error.to_string(), ""),
    }
    clock(&[layout.snap_dir(), layout.log_dir()], findings);
}

/// `dataDir`, and `dataLogDir` if it is another.
fn directories(config: &Config) -> Vec<PathBuf> {
    let mut dirs = vec![config.data_dir.clone(), config.data_log_dir.clone()];
    dirs.dedup();
    dirs
}

fn directory(config: &Config, dir: &Path, findings: &mut Findings) {
    let shown = dir.display();
    if dir.is_dir() {
        let history = names(&dir.join("version-2"));
        let count = |prefix| history.iter().filter(|name| name.starts_with(prefix)).count();
        let (snapshots, logs) = (count("snapshot."), count("log."));
        return match writable(dir) {
            true => findings.ok(
                "data",
                format!("{shown}: {snapshots} snapshots, {logs} log files"),
            ),
            false => findings.fail(
                "data",
                format!("{shown}: this user may not write there"),
                "give the directory to the user of the server",
            ),
        };
    }
    if !config.create_directories {
        return findings.fail(
            "data",
            format!("{shown}: there is no such directory, and datadir.autocreate says not to make it"),
            "make it, or leave datadir.autocreate out",
        );
    }
    match existing(dir) {
        Some(parent) if writable(&parent) => findings.ok("data", format!("{shown}: will be made")),
        _ => findings.fail(
            "data",
            format!("{shown}: is not there, and this user may not make it"),
            "make it, and give it to the user of the server",
        ),
    }
}

fn writable(dir: &Path) -> bool {
    rustix::fs::access(dir, rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK).is_ok()
}

/// The lowest directory on the way to `dir` that is there.
pub(super) fn existing(dir: &Path) -> Option<PathBuf> {
    let dir = std::path::absolute(dir).ok()?;
    dir.ancestors().find(|dir| dir.is_dir()).map(Path::to_owned)
}

fn names(dir: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(dir) else {
        return Vec::new();
    };
    entries
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect()
}

/// Sessions live by time passing, and znodes bear the leader's time: neither should go backwards.
fn clock(dirs: &[PathBuf], findings: &mut Findings) {
    let now = SystemTime::now();
    if now < SystemTime::UNIX_EPOCH + SET {
        return findings.warn(
            "clock",
            "this machine's clock has not been set",
            "set it, and keep it by NTP: znodes bear its time",
        );
    }
    let newest = dirs
        .iter()
        .flat_map(|dir| names(dir).into_iter().map(|name| dir.join(name)))
        .filter_map(|file| std::fs::metadata(file).ok()?.modified().ok())
        .max();
    let ahead = newest.and_then(|newest| newest.duration_since(now).ok());
    match ahead.filter(|ahead| *ahead > AHEAD_MAX) {
        Some(ahead) => findings.warn(
            "clock",
            format!(
                "data was written {} s in the future: the clock went back",
                ahead.as_secs()
            ),
            "set the clock, and keep it by NTP: znodes bear its time",
        ),
        None => findings.ok("clock", "set, and not before what was written last"),
    }
}
