//! Does the doctor foresee what a start would say? The real command, on directories and ports of the test.

#[path = "common/server.rs"]
mod server;

use serde_json::Value;
use server::{COMMAND, Server, said, wait_until_it_serves};
use std::io::{BufReader, Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// A configuration, and a loopback address of this process alone, on which every port is free.
struct World {
    dir: TempDir,
    host: String,
}

impl World {
    fn begin(test: u8) -> Self {
        let [_, _, middle, low] = std::process::id().to_be_bytes();
        Self {
            dir: tempfile::tempdir().expect("a directory"),
            host: format!("127.{}.{middle}.{low}", 100 + test),
        }
    }

    fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// Writes a `zoo.cfg` with `lines`, in which HOST is the test's own address.
    fn config(&self, lines: &str) -> PathBuf {
        let file = self.dir.path().join("zoo.cfg");
        let lines = lines.replace("HOST", &self.host);
        let text = format!(
            "tickTime=2000\ninitLimit=10\nsyncLimit=5\ndataDir={}\nclientPortAddress={}\nclientPort=21816\n{lines}",
            self.data().display(),
            self.host
        );
        std::fs::write(&file, text).expect("it is written");
        file
    }

    fn is_member(&self, id: &str) {
        std::fs::create_dir_all(self.data()).expect("it is made");
        std::fs::write(self.data().join("myid"), id).expect("it is written");
    }
}

fn doctor(config: &Path) -> (i32, Vec<(String, String, String)>, String) {
    let output = Command::new(COMMAND)
        .args(["doctor".as_ref(), "--json".as_ref(), config.as_os_str()])
        .output()
        .expect("the command is there");
    let text = String::from_utf8(output.stdout).expect("text");
    let report: Value = serde_json::from_str(&text).expect("JSON");
    let checks = report["checks"].as_array().expect("a list").iter().map(|check| {
        let text = |key: &str| check[key].as_str().unwrap_or_default().to_owned();
        (text("check"), text("status"), text("what"))
    });
    (output.status.code().expect("it ends"), checks.collect(), text)
}

/// That among the findings is one of `check` and `status` that says `words`.
#[track_caller]
fn finds(findings: &[(String, String, String)], check: &str, status: &str, words: &str) {
    let found = findings
        .iter()
        .any(|(c, s, what)| c == check && s == status && what.contains(words));
    assert!(found, "no {status} of {check} says {words:?}: {findings:#?}");
}

#[test]
fn where_nothing_is_wrong_it_says_so_and_leaves_nothing_behind() {
    let world = World::begin(1);
    let config = world.config("");
    let (code, findings, text) = doctor(&config);
    assert_eq!(code, 0, "{text}");
    for (check, words) in [
        ("config", "describes a server alone"),
        ("data", "will be made"),
        ("ports", "clientPort"),
        ("sync", "50 syncs"),
    ] {
        let found = findings
            .iter()
            .any(|(c, _, what)| c == check && what.contains(words));
        assert!(found, "{check}: {words}: {text}");
    }
    let left: Vec<_> = std::fs::read_dir(world.dir.path())
        .expect("it is there")
        .collect();
    assert_eq!(left.len(), 1, "{left:?}");
    let shown = Command::new(COMMAND)
        .args(["doctor".as_ref(), config.as_os_str()])
        .output();
    let shown = shown.expect("the command is there").stdout;
    let shown = String::from_utf8_lossy(&shown).into_owned();
    assert!(shown.contains("ok         config"), "{shown}");
    assert!(shown.contains("It can start; "), "{shown}");
}

#[test]
fn a_faulty_configuration_fails_line_by_line() {
    let world = World::begin(2);
    let lines = "server.1=HOST:2888:3888\nserver.2=HOST:2889:3889\nnosuchKey=1\n";
    let (code, findings, text) = doctor(&world.config(lines));
    assert_eq!(code, 1, "{text}");
    finds(&findings, "config", "fail", "myid");
    finds(&findings, "config", "warning", "nosuchKey");
    world.is_member("3");
    let (code, findings, text) = doctor(&world.config(lines));
    assert_eq!(code, 1, "{text}");
    finds(&findings, "config", "fail", "which no server.N line lists");
}

#[test]
fn a_port_in_use_fails() {
    let world = World::begin(3);
    let _held = TcpListener::bind((world.host.as_str(), 21816)).expect("an address of the test's own");
    let (code, findings, text) = doctor(&world.config(""));
    assert_eq!(code, 1, "{text}");
    finds(
        &findings,
        "ports",
        "fail",
        &format!("clientPort {}:21816", world.host),
    );
    let elsewhere = world.config("").with_file_name("other.cfg");
    let text = format!(
        "dataDir={}\nclientPortAddress=192.0.2.1\nclientPort=2181\n",
        world.data().display()
    );
    std::fs::write(&elsewhere, text).expect("it is written");
    let (code, findings, text) = doctor(&elsewhere);
    assert_eq!(code, 1, "{text}");
    finds(&findings, "ports", "fail", "192.0.2.1:2181");
    assert!(text.contains("this machine has no such address"), "{text}");
}

#[test]
fn a_directory_in_use_or_of_another_server_fails() {
    let world = World::begin(4);
    let config = world.config("");
    let mut server = Server::start(Some(&config), world.dir.path(), Stdio::null());
    let mut log = BufReader::new(server.0.stderr.take().expect("a pipe"));
    said(&mut log, "started address=");
    std::thread::spawn(move || log.read_to_string(&mut String::new()));
    wait_until_it_serves(&format!("{}:21816", world.host));
    let (code, findings, text) = doctor(&config);
    assert_eq!(code, 1, "{text}");
    finds(
        &findings,
        "data",
        "fail",
        &format!("in use by process {}", server.0.id()),
    );
    finds(&findings, "ports", "fail", "clientPort");
    drop(server);
    let (code, _, text) = doctor(&config);
    assert_eq!(code, 0, "{text}");

    let note = world.data().join("version-2/quorate.id");
    std::fs::write(note, "quorate 1\nserver 7\n").expect("it is written");
    world.is_member("1");
    let lines = "server.1=HOST:2888:3888\nserver.2=HOST:2889:3889\n";
    let (code, findings, text) = doctor(&world.config(lines));
    assert_eq!(code, 1, "{text}");
    finds(
        &findings,
        "data",
        "fail",
        "is that of server 7, but this is server 1",
    );
}

#[test]
fn members_that_are_away_or_disagree_are_warnings() {
    let world = World::begin(5);
    world.is_member("1");
    let lines =
        "server.1=HOST:2888:3888;HOST:21816\nserver.2=HOST:2889:3889;HOST:21817\nserver.3=HOST:2890:3890\n";
    let (code, findings, text) = doctor(&world.config(lines));
    assert_eq!(code, 0, "{text}");
    finds(&findings, "peers", "warning", "server 2");
    finds(
        &findings,
        "peers",
        "warning",
        "with 1 of 3 servers there is no quorum",
    );

    let _election = TcpListener::bind((world.host.as_str(), 3889)).expect("an address of the test's own");
    let clients = TcpListener::bind((world.host.as_str(), 21817)).expect("an address of the test's own");
    let host = world.host.clone();
    std::thread::spawn(move || {
        for stream in clients.incoming() {
            let mut stream = stream.expect("a client");
            let mut word = [0; 4];
            stream.read_exact(&mut word).expect("a word");
            let answer = match &word {
                b"conf" => format!(
                    "clientPort=21817\nserverId=9\nserver.1={host}:2888:3888:participant\n\
                     server.2={host}:2889:3889:participant;{host}:21817\n"
                ),
                _ => "Zookeeper version: 3.9.3\nMode: follower\n".to_owned(),
            };
            stream.write_all(answer.as_bytes()).expect("it reads");
        }
    });
    let (code, findings, text) = doctor(&world.config(lines));
    assert_eq!(code, 0, "{text}");
    finds(&findings, "peers", "ok", "answers, follower");
    finds(
        &findings,
        "peers",
        "warning",
        "at server 2's address for clients is server 9",
    );
    let differs = format!("server.3 is nothing there and {}:2890:3890 here", world.host);
    finds(&findings, "peers", "warning", &differs);
    assert!(!text.contains("no quorum"), "{text}");
}
