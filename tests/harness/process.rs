//! How does a server process begin and end, so that none outlives the test that started it?
//!
//! Every child is started by one thread that lives as long as the test process, through `setpriv`,
//! which asks the kernel to kill the child when that thread dies: a test that is itself killed leaves
//! nothing behind. (The request is bound to the parent *thread*; from a test's own thread it would
//! fire too early.)

use rustix::process::{Pid, Signal, kill_process};
use std::fs::File;
use std::io::{self, PipeReader};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use crate::wait::wait_until;

type Job = (Command, Sender<io::Result<Child>>);

/// Starts `command` in the thread that outlives every test.
fn spawn(command: Command) -> io::Result<Child> {
    static STARTER: OnceLock<Sender<Job>> = OnceLock::new();
    let starter = STARTER.get_or_init(|| {
        let (jobs, inbox) = channel::<Job>();
        std::thread::spawn(move || {
            for (mut command, reply) in inbox {
                let _ = reply.send(command.spawn());
            }
        });
        jobs
    });
    let (reply, answer) = channel();
    starter
        .send((command, reply))
        .expect("the starting thread never ends");
    answer.recv().expect("the starting thread answers each job")
}

/// A started server process; killed when dropped.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    /// What it is called in messages.
    name: String,
    ended: Option<ExitStatus>,
}

impl Process {
    /// Starts `words` with both outputs appended to `log`.
    pub(crate) fn start(name: &str, words: &[String], log: &Path, dir: &Path) -> Process {
        let out = File::options()
            .create(true)
            .append(true)
            .open(log)
            .expect("the log file opens");
        let stdout = out.try_clone().expect("a file handle can be cloned").into();
        Process::spawn(name, words, dir, [Stdio::null(), stdout, out.into()])
    }

    /// Starts `words` to talk with: what is written to the one is read by it, what it prints comes from the other,
    /// complaints in their place among it if they are to be `heard`, and with the test's own otherwise.
    pub(crate) fn talk(
        name: &str,
        words: &[String],
        dir: &Path,
        heard: bool,
    ) -> (Process, ChildStdin, PipeReader) {
        let (output, printed) = io::pipe().expect("a pipe can be made");
        let complaints = match heard {
            true => printed.try_clone().expect("a pipe can be cloned").into(),
            false => Stdio::inherit(),
        };
        let mut process = Process::spawn(name, words, dir, [Stdio::piped(), printed.into(), complaints]);
        let input = process.child.stdin.take().expect("standard input is a pipe");
        (process, input, output)
    }

    fn spawn(name: &str, words: &[String], dir: &Path, [input, output, errors]: [Stdio; 3]) -> Process {
        let mut command = Command::new("setpriv");
        command
            .arg("--pdeathsig")
            .arg("KILL")
            .args(words)
            .current_dir(dir);
        command.stdin(input).stdout(output).stderr(errors);
        let child = spawn(command).unwrap_or_else(|why| panic!("cannot start {name} ({words:?}): {why}"));
        Process {
            child,
            name: name.to_owned(),
            ended: None,
        }
    }

    /// The process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// How it ended, if it has.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        if self.ended.is_none() {
            self.ended = self
                .child
                .try_wait()
                .expect("a child can be asked for its status");
        }
        self.ended
    }

    /// Whether it has ended, without asking for its status: the kernel keeps a zombie until then.
    pub(crate) fn is_over(&self) -> bool {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.id()));
        // `pid (name) state ...`, and a name may hold spaces.
        stat.map_or(true, |stat| {
            stat.rsplit(") ").next().is_some_and(|rest| rest.starts_with('Z'))
        })
    }

    /// Sends `signal`; nothing happens to a process that has ended.
    pub(crate) fn signal(&mut self, signal: Signal) {
        if self.ended().is_none() {
            let pid = Pid::from_child(&self.child);
            kill_process(pid, signal).unwrap_or_else(|why| panic!("{}: {signal:?}: {why}", self.name));
        }
    }

    /// Waits until it ends.
    pub(crate) fn wait(&mut self, deadline: Duration) -> ExitStatus {
        let what = format!("{} (pid {}) ends", self.name, self.id());
        wait_until(deadline, &what, || self.ended())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.ended().is_none() {
            // SIGKILL also ends a stopped process.
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}
