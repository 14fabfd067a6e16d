//! What does the command say to whoever started it, and what if nobody listens? The real command, as a process.

#[path = "common/server.rs"]
mod server;

use server::{COMMAND, Server, said, wait_until_it_serves};
use std::io::BufReader;
use std::path::Path;
use std::process::{Command, Stdio};

#[test]
fn a_server_that_nobody_listens_to_goes_on_and_stops_in_order() {
    let dir = tempfile::tempdir().expect("a directory");
    let (nobody, stdout) = std::io::pipe().expect("a pipe");
    drop(nobody);
    let mut server = Server::start(None, dir.path(), stdout.into());
    let mut log = BufReader::new(server.0.stderr.take().expect("a pipe"));
    let address = said(&mut log, "started address=");
    drop(log);
    wait_until_it_serves(address.split(' ').next().expect("an address"));
    // It logs that it stops.
    let told = Command::new("kill").arg(server.0.id().to_string()).status();
    assert!(told.expect("there is kill").success());
    let ended = server.0.wait().expect("a child");
    assert_eq!(ended.code(), Some(0), "{ended}");
}

#[test]
fn the_printed_command_audits_what_the_server_did() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut server = Server::start(None, dir.path(), Stdio::piped());
    let mut lines = BufReader::new(server.0.stdout.take().expect("a pipe"));
    let address = said(&mut lines, "Connect to ");
    let process = said(&mut lines, "server 0: process ");
    assert!(process.starts_with(&server.0.id().to_string()), "{process}");
    let data = dir
        .path()
        .canonicalize()
        .expect("it is there")
        .join("all the data");
    for part in [
        format!("data {}", data.display()),
        format!("trace {}", data.join("trace").display()),
    ] {
        assert!(process.contains(&part), "{part} is not in: {process}");
    }
    let line = said(&mut lines, "Audit what it did: ");
    wait_until_it_serves(&address);
    drop(server);
    let audit = Command::new("sh")
        .args(["-c", &line])
        .current_dir(std::env::temp_dir())
        .output()
        .expect("there is a shell");
    let text = String::from_utf8_lossy(&audit.stdout);
    assert!(
        text.starts_with("holds"),
        "{line}: {text}{}",
        String::from_utf8_lossy(&audit.stderr)
    );
    assert_eq!(audit.status.code(), Some(0));
}

#[test]
fn whoever_reads_one_line_of_a_story_gets_the_exit_code_of_all() {
    let mut child = Command::new(COMMAND)
        .args(["check", "--story", "compares ids only"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the command is there");
    drop(child.stdout.take());
    assert_eq!(child.wait().expect("a child").code(), Some(0));
}

/// What the command says, and how it ends.
fn quorate(dir: &Path, args: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(COMMAND)
        .args(args)
        .current_dir(dir)
        .output()
        .expect("the command is there");
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&text).into_owned())
}

#[test]
fn the_run_of_a_mutant_is_written_down_and_the_audit_says_where_it_departs() {
    let dir = tempfile::tempdir().expect("a directory");
    let story = ["check", "--story", "promises before durable"];
    let (code, told) = quorate(dir.path(), &story);
    assert_eq!(code, Some(0), "{told}");
    let hint = "quorate check --story 'promises before durable' --traces run; quorate audit run";
    assert!(told.contains(hint) && told.contains("--diagram"), "{told}");

    let (code, told) = quorate(dir.path(), &[&story[..], &["--traces", "run"]].concat());
    assert_eq!(code, Some(0), "{told}");
    let (code, audit) = quorate(dir.path(), &["audit", "run"]);
    assert_eq!(code, Some(1), "{audit}");
    assert!(
        audit.contains("C2: input") && audit.contains("recorded 1 2 3"),
        "{audit}"
    );
    let (code, shown) = quorate(dir.path(), &["trace", "cat", "run"]);
    assert_eq!(code, Some(0), "{shown}");
    let inputs = shown.lines().filter(|line| line.contains("FollowerInfo")).count();
    assert!(inputs > 0, "{shown}");

    let (code, again) = quorate(dir.path(), &[&story[..], &["--traces", "run"]].concat());
    assert_eq!(code, Some(2), "{again}");
    assert!(again.contains("is not empty"), "{again}");
}

#[test]
fn where_nothing_is_broken_there_is_nothing_to_draw_or_to_write_down() {
    let dir = tempfile::tempdir().expect("a directory");
    let story = ["check", "--story", "five servers, first epoch"];
    for more in [["--diagram", "run.html"], ["--traces", "run"]] {
        let (code, told) = quorate(dir.path(), &[&story[..], &more].concat());
        assert_eq!(code, Some(2), "{told}");
        assert!(told.contains("nothing is broken"), "{told}");
    }
    let (code, told) = quorate(
        dir.path(),
        &["check", "--story", "compares ids only", "--traces", "run"],
    );
    assert_eq!(code, Some(2), "{told}");
    assert!(told.contains("election grain"), "{told}");
}

#[test]
fn a_check_leaves_a_file_for_pipelines_beside_what_it_prints() {
    let dir = tempfile::tempdir().expect("a directory");
    let check = [
        "check",
        "--story",
        "promises before durable",
        "--json",
        "--junit",
        "check.xml",
    ];
    let (code, told) = quorate(dir.path(), &check);
    assert_eq!(code, Some(0), "{told}");
    assert!(told.starts_with('{'), "{told}");
    let xml = std::fs::read_to_string(dir.path().join("check.xml")).expect("it is there");
    for part in [
        r#"<testsuites name="quorate check" tests="1" skipped="0" failures="0" errors="0""#,
        r#"<testcase name="promises before durable: "#,
        r#"<property name="states" "#,
    ] {
        assert!(xml.contains(part), "{part} is not in {xml}");
    }
    let (code, told) = quorate(
        dir.path(),
        &[
            "check",
            "--story",
            "promises before durable",
            "--junit",
            "no/check.xml",
        ],
    );
    assert_eq!(code, Some(2), "{told}");
    assert!(told.contains("no/check.xml"), "{told}");
}
