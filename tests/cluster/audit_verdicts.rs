//! Does `quorate audit` say no more than it can know?
//!
//! One short run of three servers, audited whole and then in every way incomplete or damaged.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use quorate_tests::{Ensemble, command, files};
use tempfile::TempDir;

use crate::ours::OURS;

const HOLDS: i32 = 0;
const VIOLATED: i32 = 1;
const COULD_NOT_RUN: i32 = 2;
const INCONCLUSIVE: i32 = 3;

/// The traces of one run in which the leader was killed and returned: a directory per server.
fn run() -> &'static [PathBuf] {
    static RUN: OnceLock<(TempDir, Vec<PathBuf>)> = OnceLock::new();
    let (_, dirs) = RUN.get_or_init(|| {
        let mut ensemble = Ensemble::builder("audited", OURS).start();
        let leader = ensemble.wait_all_serve();
        for turn in 0..2 {
            for member in ensemble.members().iter().filter(|member| member.is_running()) {
                let mut client = member.client();
                for number in 0..20 {
                    client
                        .create_at(&format!("/{}-{turn}-{number}", member.id()), b"")
                        .unwrap();
                }
            }
            if turn == 0 {
                ensemble.member(leader).kill();
                ensemble.wait_leader(&[leader]);
            }
        }
        ensemble.start_all();
        ensemble.wait_all_serve();
        ensemble.stop_all();
        let kept = TempDir::with_prefix("quorate-traces-").unwrap();
        let copy = |from: &PathBuf| {
            let to = kept.path().join(from.parent().unwrap().file_name().unwrap());
            copy_dir(from, &to);
            to
        };
        let dirs = ensemble.trace_dirs().iter().map(copy).collect();
        (kept, dirs)
    });
    dirs
}

fn copy_dir(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_dir(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Audits a copy of the run after `spoil` has changed the directory of server `id`.
fn spoiled(id: usize, spoil: impl FnOnce(&Path)) -> command::Audit {
    let dir = TempDir::with_prefix("quorate-spoiled-").unwrap();
    let copies: Vec<_> = (1..=3).map(|id| dir.path().join(id.to_string())).collect();
    for (from, to) in run().iter().zip(&copies) {
        copy_dir(from, to);
    }
    spoil(&copies[id - 1]);
    command::audit(&copies)
}

/// The largest trace file of a server.
fn largest(dir: &Path) -> PathBuf {
    let files = fs::read_dir(dir).unwrap().flatten().map(|entry| entry.path());
    files
        .max_by_key(|path| fs::metadata(path).map_or(0, |found| found.len()))
        .expect("the server recorded something")
}

fn length(path: &Path) -> usize {
    fs::metadata(path).unwrap().len() as usize
}

#[track_caller]
fn assert_verdict(audit: &command::Audit, expected: i32) {
    assert_eq!(audit.code, expected, "{}", audit.text);
    assert!(!audit.text.contains("panicked"), "{}", audit.text);
    assert!(!audit.text.trim().is_empty(), "a verdict without a word");
}

#[test]
fn a_run_with_a_killed_leader_holds_and_the_verdict_is_not_empty() {
    let audit = command::audit(run());
    assert_verdict(&audit, HOLDS);
    assert!(
        audit.report.is_object(),
        "--json prints one object: {}",
        audit.text
    );
}

#[test]
fn the_directory_above_the_servers_directories_is_as_good_as_they_are() {
    let above = run()[0].parent().unwrap().to_owned();
    assert_verdict(&command::audit(&[above]), HOLDS);
}

#[test]
fn two_of_three_servers_are_a_recorded_quorum() {
    assert_verdict(&command::audit(&run()[..2]), HOLDS);
}

#[test]
fn one_of_three_servers_is_inconclusive() {
    assert_verdict(&command::audit(&run()[..1]), INCONCLUSIVE);
}

#[test]
fn directories_without_a_trace_are_inconclusive() {
    let empty: Vec<TempDir> = (0..3).map(|_| TempDir::new().unwrap()).collect();
    let dirs: Vec<_> = empty.iter().map(|dir| dir.path().to_owned()).collect();
    assert_verdict(&command::audit(&dirs[..1]), INCONCLUSIVE);
    assert_verdict(&command::audit(&dirs), INCONCLUSIVE);
}

#[test]
fn traces_of_which_none_can_be_used_are_inconclusive() {
    let dir = TempDir::with_prefix("quorate-unusable-").unwrap();
    for spoil in [
        // Not even the head of the file is whole.
        |file: &Path| files::cut(file, 20),
        |file: &Path| files::flip(file, 1),
        |file: &Path| fs::write(file, b"this is not a trace").unwrap(),
    ] {
        let copies: Vec<_> = (1..=3).map(|id| dir.path().join(id.to_string())).collect();
        for (from, to) in run().iter().zip(&copies) {
            let _ = fs::remove_dir_all(to);
            copy_dir(from, to);
            for entry in fs::read_dir(to)
                .unwrap()
                .flatten()
                .filter(|entry| entry.path().is_file())
            {
                spoil(&entry.path());
            }
        }
        let audit = command::audit(&copies);
        assert_verdict(&audit, INCONCLUSIVE);
        assert_eq!(
            audit.report["events"], 0,
            "nothing can have been read: {}",
            audit.text
        );
    }
}

#[test]
fn a_directory_that_is_not_there_could_not_be_audited() {
    let dir = TempDir::new().unwrap();
    assert_verdict(&command::audit(&[dir.path().join("nowhere")]), COULD_NOT_RUN);
}

#[test]
fn a_trace_cut_in_the_middle_is_inconclusive() {
    let audit = spoiled(1, |dir| {
        let file = largest(dir);
        files::cut(&file, length(&file) / 2);
    });
    assert_verdict(&audit, INCONCLUSIVE);
}

#[test]
fn a_trace_with_a_flipped_bit_never_holds() {
    for part in [4, 3, 2] {
        let audit = spoiled(2, |dir| {
            let file = largest(dir);
            files::flip(&file, length(&file) * (part - 1) / part);
        });
        assert!([VIOLATED, INCONCLUSIVE].contains(&audit.code), "{}", audit.text);
    }
}

#[test]
fn a_file_that_is_no_trace_but_bears_the_name_of_one_is_inconclusive() {
    let audit = spoiled(3, |dir| {
        let file = largest(dir);
        fs::write(file, b"this is not a trace").unwrap();
    });
    assert_verdict(&audit, INCONCLUSIVE);
}

#[test]
fn a_server_that_appears_twice_with_different_traces_never_holds() {
    let other = TempDir::new().unwrap();
    let doubled = other.path().join("doubled");
    copy_dir(&run()[0], &doubled);
    let file = largest(&doubled);
    files::cut(&file, length(&file) * 2 / 3);
    let audit = command::audit(&[run(), &[doubled]].concat());
    assert_ne!(audit.code, HOLDS, "{}", audit.text);
}
