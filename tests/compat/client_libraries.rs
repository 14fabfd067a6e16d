//! Do client libraries that we did not write see the same of quorate as of Apache's servers?
//!
//! `tests/compat/clients/run` has the suites, and says how they are compared.

use std::path::Path;
use std::process::Command;

use quorate_tests::command;

/// Runs suites of a client against both kinds of server, and demands that nothing differs.
#[track_caller]
fn see_no_difference(words: &[&str]) {
    let run = Path::new(env!("CARGO_MANIFEST_DIR")).join("compat/clients/run");
    let output = Command::new("python3")
        .arg(run)
        .args(words)
        .env("QUORATE_BIN", command::binary())
        .output()
        .expect("python3 starts");
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(output.status.success(), "{words:?} ({}):\n{said}", output.status);
}

#[test]
fn kazoo_sees_the_same_of_both() {
    see_no_difference(&["--alike", "--client", "kazoo"]);
}

/// Apache's side of it is recorded: what is asked here is that ours has not moved.
#[test]
fn other_clients_see_what_they_saw_of_apache() {
    see_no_difference(&[
        "--alike", "--on", "quorate", "--client", "c", "--client", "node", "--client", "zkcli",
    ]);
}
