//! A server alone, as a process of the real command.

use std::io::{BufRead, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The command under test.
pub(crate) const COMMAND: &str = env!("CARGO_BIN_EXE_quorate");

/// A server alone, its data in a directory with spaces in its name. It is killed with the test.
pub(crate) struct Server(pub(crate) Child);

impl Server {
    /// One that `config` describes, or at a free port with its data below `dir`.
    pub(crate) fn start(config: Option<&Path>, dir: &Path, stdout: Stdio) -> Self {
        let mut command = Command::new(COMMAND);
        command.arg("serve");
        match config {
            Some(file) => command.arg(file),
            None => command.args(["--client-port", "0", "--data", "all the data"]),
        };
        let command = command
            .env_remove("QUORATE_LOG")
            .current_dir(dir)
            .stdout(stdout)
            .stderr(Stdio::piped())
            .spawn();
        Self(command.expect("the command is there"))
    }
}

/// What follows `words` in the first line that has them.
pub(crate) fn said(lines: &mut impl BufRead, words: &str) -> String {
    let mut lines = lines.lines().map(|line| line.expect("text"));
    let found = lines.find_map(|line| Some(line.split_once(words)?.1.to_owned()));
    found.unwrap_or_else(|| panic!("it never said {words:?}"))
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Waits until the server at `address` says that it serves.
pub(crate) fn wait_until_it_serves(address: &str) {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let mut stream = TcpStream::connect(address).expect("it listens");
        stream.write_all(b"srvr").expect("it reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it answers");
        if answer.contains("Mode: standalone") {
            return;
        }
        assert!(Instant::now() < deadline, "it does not serve: {answer}");
    }
}
