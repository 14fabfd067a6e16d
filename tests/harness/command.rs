//! What does the command `quorate` print, and how does it end?

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::OnceLock;

use crate::process::Process;
use crate::wait::LONG;

/// The built command. `QUORATE_BIN` names one; otherwise it is built once per test process.
///
/// # Panics
///
/// If it does not build.
pub fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        if let Some(named) = std::env::var_os("QUORATE_BIN") {
            let named = PathBuf::from(named);
            assert!(named.is_file(), "QUORATE_BIN={} is not a file", named.display());
            return named;
        }
        let test = std::env::current_exe().expect("a test knows its own path");
        // target/<profile>/deps/<test>
        let profile = test
            .ancestors()
            .nth(2)
            .expect("a test lies in the target directory");
        let mut build = Command::new(env!("CARGO"));
        build.args([
            "build",
            "--quiet",
            "--locked",
            "--package",
            "quorate",
            "--target-dir",
        ]);
        build.arg(profile.parent().expect("a profile lies in the target directory"));
        if profile.ends_with("release") {
            build.arg("--release");
        }
        let status = build
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .status()
            .expect("cargo runs");
        assert!(status.success(), "the command `quorate` does not build");
        profile.join("quorate")
    })
}

/// How a run of the command ended and what it printed.
#[derive(Clone, Debug)]
pub struct Ran {
    /// The exit code; none if a signal ended it.
    pub code: Option<i32>,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

/// Runs `quorate` with these words and waits until it ends.
pub fn quorate(words: &[&str]) -> Ran {
    let output = Command::new(binary())
        .args(words)
        .output()
        .expect("the command starts");
    Ran {
        code: output.status.code(),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// The verdict of `quorate audit` over directories of traces.
#[derive(Clone, Debug)]
pub struct Audit {
    /// The exit code: 0 holds, 1 violated, 2 could not run, 3 inconclusive.
    pub code: i32,
    /// What `--json` printed; null if it was not JSON.
    pub report: Value,
    /// All that was printed, for messages.
    pub text: String,
}

/// Audits `dirs`.
///
/// # Panics
///
/// If the auditor was ended by a signal: that is no verdict.
pub fn audit(dirs: &[PathBuf]) -> Audit {
    let dirs: Vec<_> = dirs
        .iter()
        .map(|dir| dir.to_str().expect("scratch paths are text"))
        .collect();
    let ran = quorate(&[&["audit", "--json"], &dirs[..]].concat());
    let text = format!("{}{}", ran.out, ran.err);
    let code = ran
        .code
        .unwrap_or_else(|| panic!("quorate audit was killed by a signal: {text}"));
    Audit {
        code,
        report: serde_json::from_str(&ran.out).unwrap_or(Value::Null),
        text,
    }
}

/// The command running, with what it says kept in a file.
#[derive(Debug)]
pub struct Session {
    process: Process,
    log: PathBuf,
}

impl Session {
    /// Starts `quorate` with these words; its log goes to `dir`.
    pub fn start(words: &[&str], dir: &Path) -> Session {
        let log = dir.join("session.log");
        // What an earlier start said is not this one's.
        let _ = std::fs::remove_file(&log);
        let all: Vec<String> = [&[binary().to_str().expect("the build's path is text")], words]
            .concat()
            .iter()
            .map(|word| (*word).to_owned())
            .collect();
        Session {
            process: Process::start("quorate", &all, &log, dir),
            log,
        }
    }

    /// What it printed so far.
    pub fn said(&self) -> String {
        std::fs::read(&self.log)
            .map(|said| String::from_utf8_lossy(&said).into_owned())
            .unwrap_or_default()
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.process.ended()
    }

    /// Ctrl-C, and waits until it has ended.
    pub fn interrupt(&mut self) -> ExitStatus {
        self.process.signal(Signal::INT);
        self.process.wait(LONG)
    }
}

/// `kill -9` for a process that the command started.
///
/// # Panics
///
/// If there is no such process.
pub fn kill_9(pid: i32) {
    let pid = Pid::from_raw(pid).expect("a process id is positive");
    kill_process(pid, Signal::KILL).unwrap_or_else(|why| panic!("{pid:?}: {why}"));
}
