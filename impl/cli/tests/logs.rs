//! What does `quorate serve` write to its log?

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// A server that is killed with the test.
struct Server(Child);

impl Server {
    fn start(dir: &Path, words: &[&str]) -> Self {
        let command = Command::new(env!("CARGO_BIN_EXE_quorate"))
            .args(["serve", "--client-port", "0", "--data", "data"])
            .args(words)
            .env_remove("QUORATE_LOG")
            .current_dir(dir)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn();
        Self(command.expect("the command is there"))
    }

    /// The log's lines.
    fn log(&mut self) -> impl Iterator<Item = String> {
        let log = self.0.stderr.take().expect("a pipe");
        BufReader::new(log).lines().map(|line| line.expect("text"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_log_in_json_is_an_object_per_line() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut server = Server::start(dir.path(), &["--log-format", "json"]);
    for line in server.log() {
        let event: serde_json::Value =
            serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert!(
            event["timestamp"].is_string() && event["level"].is_string(),
            "{line}"
        );
        if event["fields"]["message"] == "started" {
            assert!(
                event["fields"]["address"]
                    .as_str()
                    .is_some_and(|at| at.starts_with("127.0.0.1:")),
                "{line}"
            );
            return;
        }
    }
    panic!("it never started");
}

#[test]
fn a_filter_says_what_is_logged() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut server = Server::start(dir.path(), &["--log", "off,quorate::serve=info"]);
    let first = server.log().next().expect("a line");
    assert!(
        first.contains("admin server") || first.contains("started"),
        "{first}"
    );
}

#[test]
fn a_filter_that_is_none_is_told_before_anything_runs() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut server = Server::start(dir.path(), &["--log", "info,quorate=loudly"]);
    let said = server.log().collect::<Vec<_>>().join("\n");
    assert!(said.contains("--log"), "{said}");
    assert_eq!(server.0.wait().expect("it ended").code(), Some(2));
}
