//! Do clients that we did not write lose anything: kazoo, and Apache's own of Java?
//!
//! Each is a process that writes below a znode of its own, through every failure, as fast as it is answered, and of
//! which each acknowledged write is written down as it comes. [`Written`] is held against every server afterwards.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{BufRead, BufReader, PipeReader, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ChildStdin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;

use serde_json::Value;

use crate::apache;
use crate::client::{Client, Stat};
use crate::process::Process;
use crate::python;
use crate::wait::{LONG, wait_until};

/// What a load had acknowledged.
#[derive(Clone, Debug, Default)]
pub struct Written {
    /// Creates that were answered: path and, if the client tells it, zxid.
    created: BTreeMap<String, Option<i64>>,
    /// Data that was set and answered.
    set: BTreeMap<String, String>,
    /// Paths of which some write was not answered.
    unanswered: BTreeSet<String>,
    /// What went against the rules while writing.
    broken: Vec<String>,
}

impl Written {
    /// Holds all of it against the server behind `client`, after a sync.
    ///
    /// # Panics
    ///
    /// If something acknowledged is missing, or another value stands in its place.
    #[track_caller]
    pub fn check(&self, client: &mut Client) {
        assert!(self.broken.is_empty(), "{:#?}", self.broken);
        client.sync("/").expect("a serving server syncs");
        for (path, czxid) in &self.created {
            let found = client.get(path, false);
            let (data, stat) = found.unwrap_or_else(|why| panic!("{path} was acknowledged, then: {why}"));
            let same = |Stat { czxid: found, .. }: Stat| czxid.is_none_or(|czxid| czxid == found);
            assert!(same(stat), "{path} is another one's: {czxid:x?} and {stat:x?}");
            let expected = self.set.get(path);
            if let Some(expected) = expected.filter(|_| !self.unanswered.contains(path)) {
                assert_eq!(String::from_utf8_lossy(&data), *expected, "{path}");
            }
        }
    }
}

/// A running client.
#[derive(Debug)]
pub struct Load {
    name: String,
    process: Process,
    acknowledged: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    /// kazoo's script ends when this file is there.
    flag: PathBuf,
    thread: JoinHandle<Written>,
}

impl Load {
    /// kazoo at `servers`, creating below `root`; its files are in `dir`.
    pub fn kazoo(dir: &Path, servers: impl IntoIterator<Item = SocketAddr>, root: &str) -> Load {
        let flag = dir.join(format!("end{}", root.replace('/', "-")));
        let words = python::words(
            "load.py",
            &[&python::hosts(servers), root, &flag.display().to_string()],
        );
        Load::start("kazoo", &words, false, dir, flag, |_, output, acknowledged, _| {
            follow_kazoo(output, &acknowledged)
        })
    }

    /// Apache's zkCli at `servers`, creating, setting and getting below `root`.
    pub fn java(dir: &Path, servers: impl IntoIterator<Item = SocketAddr>, root: &str) -> Load {
        let flag = dir.join(format!("end{}", root.replace('/', "-")));
        let (hosts, root) = (python::hosts(servers), root.to_owned());
        let words = apache::client_words(dir, &hosts);
        Load::start(
            &format!("zkCli at {hosts}"),
            &words,
            // It says `Created` where it complains.
            true,
            dir,
            flag,
            move |input, output, acknowledged, stop| {
                let shell = Shell {
                    input,
                    output: BufReader::new(output),
                    hosts,
                };
                write_through(shell, &root, &acknowledged, &stop)
            },
        )
    }

    fn start(
        name: &str,
        words: &[String],
        heard: bool,
        dir: &Path,
        flag: PathBuf,
        follow: impl FnOnce(ChildStdin, PipeReader, Arc<AtomicU64>, Arc<AtomicBool>) -> Written + Send + 'static,
    ) -> Load {
        let (process, input, output) = Process::talk(name, words, dir, heard);
        let acknowledged = Arc::new(AtomicU64::new(0));
        let stop = Arc::new(AtomicBool::new(false));
        let (count, end) = (acknowledged.clone(), stop.clone());
        Load {
            name: name.to_owned(),
            process,
            acknowledged,
            stop,
            flag,
            thread: std::thread::spawn(move || follow(input, output, count, end)),
        }
    }

    /// Waits until `more` writes have been acknowledged from this moment on.
    #[track_caller]
    pub fn wait_more(&self, more: u64) {
        let before = self.acknowledged.load(Ordering::Acquire);
        wait_until(
            LONG,
            &format!("{more} more writes are acknowledged to {}", self.name),
            || {
                assert!(!self.process.is_over(), "{} has ended by itself", self.name);
                (self.acknowledged.load(Ordering::Acquire) >= before + more).then_some(())
            },
        );
    }

    /// Ends the writing and gives what was written down.
    ///
    /// # Panics
    ///
    /// If the client did not end well.
    #[track_caller]
    pub fn finish(mut self) -> Written {
        self.stop.store(true, Ordering::Release);
        fs::write(&self.flag, b"").expect("the scratch directory is writable");
        let status = self.process.wait(LONG);
        assert!(status.success(), "{} ended with {status}", self.name);
        self.thread.join().expect("what the client printed is understood")
    }
}

/// A JSON line for each create.
fn follow_kazoo(output: PipeReader, acknowledged: &AtomicU64) -> Written {
    let mut written = Written::default();
    for line in BufReader::new(output).lines().map_while(Result::ok) {
        let line: Value =
            serde_json::from_str(&line).unwrap_or_else(|why| panic!("kazoo: {why} in {line:?}"));
        let (path, czxid) = (line["path"].as_str(), line["czxid"].as_i64());
        let path = path.expect("each line names a path").to_owned();
        written.created.insert(path, czxid);
        acknowledged.fetch_add(1, Ordering::AcqRel);
    }
    written
}

/// zkCli without a terminal: it reads a line, does it, and reads the next.
struct Shell {
    input: ChildStdin,
    output: BufReader<PipeReader>,
    hosts: String,
}

impl Shell {
    /// What it prints for this command, complaints and watch events among it. `None` once it is gone.
    fn run(&mut self, command: &str) -> Option<Vec<String>> {
        // Whatever becomes of the command, this is answered, and by the client itself.
        const FENCE: (&str, &str) = ("printwatches", "printwatches is");
        writeln!(self.input, "{command}\n{}", FENCE.0).ok()?;
        let mut said = Vec::new();
        loop {
            let mut line = String::new();
            if self.output.read_line(&mut line).ok()? == 0 {
                return None;
            }
            if line.starts_with(FENCE.1) {
                return Some(said);
            }
            said.push(line.trim_end().to_owned());
        }
    }
}

/// An expired session is not renewed by zkCli: after so many failures in a row it is told to connect again.
const FAILURES_MAX: u32 = 20;

/// Creates, sets and gets one znode after the other below `root` until `stop`.
fn write_through(mut shell: Shell, root: &str, acknowledged: &AtomicU64, stop: &AtomicBool) -> Written {
    let mut written = Written::default();
    let mut failures = 0;
    let mut begun = false;
    let mut number = 0;
    while !stop.load(Ordering::Acquire) {
        if !begun {
            let said = shell.run(&format!("create {root} root\nget {root}"));
            let Some(said) = said else { break };
            begun = said.iter().any(|line| line == "root");
            continue;
        }
        let path = format!("{root}/{number}");
        number += 1;
        let Some(created) = shell.run(&format!("create {path} created")) else {
            break;
        };
        if created.contains(&format!("Created {path}")) {
            written.created.insert(path.clone(), None);
            acknowledged.fetch_add(1, Ordering::AcqRel);
            failures = 0;
        } else {
            failures += 1;
            if failures == FAILURES_MAX {
                failures = 0;
                let connect = format!("connect {}", shell.hosts);
                if shell.run(&connect).is_none() {
                    break;
                }
            }
            continue;
        }
        let Some(set) = shell.run(&format!("set -s {path} changed")) else {
            break;
        };
        if set.iter().any(|line| line == "dataVersion = 1") {
            written.set.insert(path.clone(), "changed".into());
            acknowledged.fetch_add(1, Ordering::AcqRel);
        } else {
            written.unanswered.insert(path.clone());
            continue;
        }
        let Some(got) = shell.run(&format!("get {path}")) else {
            break;
        };
        // A session never sees less than it has written; what is not answered is complained of.
        if got
            .iter()
            .any(|line| line == "created" || line.contains("not exist"))
        {
            written.broken.push(format!(
                "{path} was set to `changed`, then the same session got {got:?}"
            ));
        }
    }
    // The end of its input ends it.
    drop(shell.input);
    written
}
