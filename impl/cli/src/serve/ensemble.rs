//! How do several real servers run under one command? As child processes of the same binary, reported
//! when they end, started again when they were killed, stopped together.

use super::introduce;
use super::plan::{self, Member};
use crate::CANNOT_RUN;
use crate::say::{complain, say};
use quorate_zab::ServerId;
use rustix::process::{Pid, Signal, kill_process};
use std::io;
use std::path::Path;
use std::process::{ExitCode, ExitStatus, Stdio};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

/// How long a killed server stays away, so that the others can be seen to go on without it.
const RESTART_AFTER: Duration = Duration::from_secs(2);
/// A server that ends by itself sooner than this has a fault that starting it again will not mend.
const LIFE_MIN: Duration = Duration::from_secs(10);
/// How long servers may take to stop before they are killed.
const STOP_LIMIT: Duration = Duration::from_secs(20);

/// A server process that runs.
struct Running {
    member: Member,
    pid: u32,
    since: Instant,
    /// Its end tells the server that this process is gone.
    _leash: Option<ChildStdin>,
}

/// What became of a member's process.
enum Event {
    Ended { id: u16, status: io::Result<ExitStatus> },
    Restart { id: u16 },
}

struct Ensemble {
    members: Vec<Member>,
    /// What each is started with besides.
    words: Vec<String>,
    running: Vec<Running>,
    events: JoinSet<Event>,
}

/// Runs `count` servers under `dir` until SIGINT or SIGTERM, or until none is left.
pub(super) async fn run(dir: &Path, count: u16, first_port: u16, words: &[String]) -> ExitCode {
    let started = plan::lay_out(dir, count, first_port).and_then(|members| {
        let mut ensemble = Ensemble {
            members: members.clone(),
            words: words.to_vec(),
            running: Vec::new(),
            events: JoinSet::new(),
        };
        members.iter().try_for_each(|member| ensemble.start(member))?;
        Ok(ensemble)
    });
    let mut ensemble = match started {
        Ok(ensemble) => ensemble,
        Err(error) => {
            complain!("quorate serve: {error}");
            return ExitCode::from(CANNOT_RUN);
        }
    };
    ensemble.introduce(dir);
    let signals = signal(SignalKind::interrupt()).and_then(|int| Ok((int, signal(SignalKind::terminate())?)));
    let (mut interrupt, mut terminate) = match signals {
        Ok(signals) => signals,
        Err(error) => {
            complain!("quorate serve: cannot watch for signals: {error}");
            return ExitCode::from(CANNOT_RUN);
        }
    };
    loop {
        tokio::select! {
            Some(event) = ensemble.events.join_next() => {
                ensemble.on_event(event.expect("these tasks neither panic nor are aborted"));
                if ensemble.running.is_empty() && ensemble.events.is_empty() {
                    complain!("quorate serve: no server is left");
                    return ExitCode::from(CANNOT_RUN);
                }
            }
            _ = interrupt.recv() => break,
            _ = terminate.recv() => break,
        }
    }
    ensemble.stop().await
}

impl Ensemble {
    fn start(&mut self, member: &Member) -> Result<(), String> {
        let mut child = spawn(member, &self.words)
            .map_err(|error| format!("cannot start server {}: {error}", member.id))?;
        let pid = child.id().expect("the process was not waited for");
        let id = member.id;
        let log = child.stderr.take().expect("standard error is a pipe");
        let leash = child.stdin.take();
        self.running.push(Running {
            member: member.clone(),
            pid,
            since: Instant::now(),
            _leash: leash,
        });
        self.events.spawn(async move {
            let mut lines = BufReader::new(log).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                // An object of JSON stays one.
                match line.strip_prefix('{') {
                    Some(fields) => complain!("{{\"server\":{id},{fields}"),
                    None => complain!("{id} | {line}"),
                }
            }
            Event::Ended {
                id,
                status: child.wait().await,
            }
        });
        Ok(())
    }

    fn introduce(&self, dir: &Path) {
        say!("Connect to {}", plan::connect_string(&self.members));
        for Running { member, pid, .. } in &self.running {
            let id = ServerId::new(member.id.into());
            say!("{}", introduce::server(id, *pid, &member.data(), &member.trace()));
        }
        say!(
            "A server that is killed (kill -9 {}) comes back and catches up. Ctrl-C stops all.",
            self.running[0].pid
        );
        say!("Audit what they did: {}", introduce::audit_command(dir));
    }

    fn on_event(&mut self, event: Event) {
        match event {
            Event::Ended { id, status } => self.on_ended(id, status),
            Event::Restart { id } => {
                let member = self.members[usize::from(id) - 1].clone();
                match self.start(&member) {
                    Ok(()) => {
                        let pid = self.running.last().expect("just started").pid;
                        say!("server {id}: started again as process {pid}");
                    }
                    Err(error) => complain!("quorate serve: {error}"),
                }
            }
        }
    }

    fn on_ended(&mut self, id: u16, status: io::Result<ExitStatus>) {
        let at = self
            .running
            .iter()
            .position(|running| running.member.id == id)
            .expect("it was running");
        let ended = self.running.swap_remove(at);
        let comes_back = comes_back(&status, ended.since.elapsed());
        let how = status.map_or_else(|error| error.to_string(), |status| status.to_string());
        if comes_back {
            say!(
                "server {id}: process {} ended ({how}); it comes back in {} s",
                ended.pid,
                RESTART_AFTER.as_secs()
            );
            self.events.spawn(async move {
                sleep(RESTART_AFTER).await;
                Event::Restart { id }
            });
        } else {
            say!(
                "server {id}: process {} ended by itself ({how}) and is not started again",
                ended.pid
            );
        }
    }

    /// Asks all to stop and waits; whoever takes too long is killed.
    async fn stop(mut self) -> ExitCode {
        self.signal(Signal::TERM);
        let all_stopped = timeout(STOP_LIMIT, self.wait_all()).await.unwrap_or(false);
        if all_stopped {
            return ExitCode::SUCCESS;
        }
        for Running { member, pid, .. } in &self.running {
            complain!(
                "quorate serve: server {} (process {pid}) did not stop and is killed",
                member.id
            );
        }
        self.signal(Signal::KILL);
        self.wait_all().await;
        ExitCode::from(CANNOT_RUN)
    }

    fn signal(&self, signal: Signal) {
        for running in &self.running {
            if let Some(pid) = i32::try_from(running.pid).ok().and_then(Pid::from_raw) {
                // It may have ended by itself.
                let _ = kill_process(pid, signal);
            }
        }
    }

    /// Waits until none runs, and says whether all ended well.
    async fn wait_all(&mut self) -> bool {
        let mut well = true;
        while !self.running.is_empty() {
            let Some(event) = self.events.join_next().await else {
                break;
            };
            if let Ok(Event::Ended { id, status }) = event {
                self.running.retain(|running| running.member.id != id);
                well &= status.is_ok_and(|status| status.success());
            }
        }
        well
    }
}

/// Whether a server that ended after `life` is started again: it was killed, or it did well for a while.
fn comes_back(status: &io::Result<ExitStatus>, life: Duration) -> bool {
    // A process that a signal ended has no code.
    let by_itself = status.as_ref().is_ok_and(|status| status.code().is_some());
    !by_itself || life >= LIFE_MIN
}

fn spawn(member: &Member, words: &[String]) -> io::Result<Child> {
    Command::new(std::env::current_exe()?)
        .args(["serve", "--leashed"])
        .args(words)
        .arg(member.config())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        // Ctrl-C reaches only this process, which then stops them in good order.
        .process_group(0)
        .spawn()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::ExitStatusExt;

    #[test]
    fn a_killed_server_comes_back_and_one_that_cannot_start_does_not() {
        let soon = Duration::from_secs(1);
        let ended = |wait_status| comes_back(&Ok(ExitStatus::from_raw(wait_status)), soon);
        assert!(ended(9), "killed by SIGKILL");
        assert!(ended(6 | 0x80), "aborted, with a core");
        assert!(!ended(2 << 8), "exited with 2");
        assert!(!ended(0), "exited with 0");
        assert!(comes_back(&Ok(ExitStatus::from_raw(2 << 8)), LIFE_MIN));
    }
}
