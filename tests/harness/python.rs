//! What does kazoo, a client that we did not write, see?
//!
//! Scripts in `tests/python` run under an environment that `tests/python/env.sh` makes once, and print
//! one JSON object per line.

use serde_json::Value;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

fn interpreter() -> &'static Path {
    static PYTHON: OnceLock<PathBuf> = OnceLock::new();
    PYTHON.get_or_init(|| {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("python/env.sh");
        let output = Command::new("bash").arg(&script).output().expect("bash runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success(),
            "no Python environment with kazoo: {said}"
        );
        PathBuf::from(String::from_utf8_lossy(&output.stdout).trim())
    })
}

/// The words that run `tests/python/<script>` with `words`.
pub(crate) fn words(script: &str, words: &[&str]) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("python").join(script);
    let first = [interpreter(), &path].map(|path| path.display().to_string());
    first
        .into_iter()
        .chain(words.iter().map(|word| (*word).to_owned()))
        .collect()
}

/// Runs `tests/python/<script>` with `words` and gives the objects that it printed.
///
/// # Panics
///
/// If the script fails or prints anything but JSON lines.
#[track_caller]
pub fn run(script: &str, words: &[&str]) -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("python").join(script);
    let output = Command::new(interpreter())
        .arg(&path)
        .args(words)
        .stdin(Stdio::null())
        .output();
    let output = output.expect("python runs");
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(
        output.status.success(),
        "{script} {words:?} failed ({}):\n{out}{err}",
        output.status
    );
    let parse = |line| serde_json::from_str(line).unwrap_or_else(|why| panic!("{script}: {why} in {line:?}"));
    out.lines().map(parse).collect()
}

/// The hosts as kazoo wants them.
pub fn hosts(servers: impl IntoIterator<Item = SocketAddr>) -> String {
    servers
        .into_iter()
        .map(|server| server.to_string())
        .collect::<Vec<_>>()
        .join(",")
}
