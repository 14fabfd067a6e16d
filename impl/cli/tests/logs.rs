//! What does `quorate serve` write to its log?

use std::io::{BufRead, BufReader, Read};
use std::net::TcpStream;
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

/// As many clients are let in as leave descriptors for files, whatever the file says, and that is told.
#[test]
fn the_limit_of_open_files_is_raised_and_what_does_not_fit_in_it_is_told() {
    let dir = tempfile::tempdir().expect("a directory");
    let config = format!(
        "dataDir={}\nclientPort=0\nclientPortAddress=127.0.0.1\nmaxCnxns=5000\nmaxClientCnxns=0\nadmin.enableServer=false\n",
        dir.path().join("data").display()
    );
    std::fs::write(dir.path().join("zoo.cfg"), config).expect("it is written");
    let quorate = env!("CARGO_BIN_EXE_quorate");
    let command = Command::new("sh")
        .args([
            "-c",
            "ulimit -Sn 100; ulimit -Hn 160; exec \"$0\" serve zoo.cfg --log-format json",
            quorate,
        ])
        .env_remove("QUORATE_LOG")
        .current_dir(dir.path())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn();
    let mut server = Server(command.expect("there is a shell"));
    let pid = server.0.id();
    let mut warned = None;
    let mut address = None;
    for line in server.log() {
        let event: serde_json::Value = serde_json::from_str(&line).expect("JSON");
        let message = event["fields"]["message"].as_str().unwrap_or_default();
        if message.starts_with("maxCnxns=5000 cannot be had") {
            assert_eq!(event["level"], "WARN");
            warned = Some(message.to_owned());
        } else if message == "started" {
            address = event["fields"]["address"].as_str().map(str::to_owned);
            break;
        }
    }
    let warned = warned.expect("a warning");
    assert!(
        warned.contains("160 open files, which leaves 32 for clients"),
        "{warned}"
    );
    let limits = std::fs::read_to_string(format!("/proc/{pid}/limits")).expect("its limits");
    let files = limits.lines().find(|line| line.starts_with("Max open files"));
    let soft = files.and_then(|line| line.split_whitespace().nth(3));
    assert_eq!(soft, Some("160"), "{limits}");
    let address = address.expect("it listens");
    let connect = || TcpStream::connect(&address).expect("the system takes the connection");
    let silent: Vec<_> = (0..32).map(|_| connect()).collect();
    let refused = connect().read(&mut [0]);
    assert!(
        matches!(refused, Ok(0)) || refused.is_err(),
        "one more is let in than there is room for"
    );
    drop(silent);
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
