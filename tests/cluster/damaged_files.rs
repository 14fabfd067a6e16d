//! A file of a data directory is damaged while its server is down. Does the server notice, and is nothing
//! lost or made up?
//!
//! Two answers are right: the server repairs itself from the others, or it refuses, and names the file.

use std::fs;
use std::path::PathBuf;

use quorate_tests::{Ensemble, LONG, Member, Writers, agree, files, wait_until};

use crate::ours::OURS;

/// Writes to three servers, kills server 1, lets `damage` change its files, and starts it again.
fn returns_damaged(name: &str, damage: impl FnOnce(&Member) -> PathBuf) {
    let mut ensemble = Ensemble::builder(name, OURS).config("snapCount", "150").start();
    let writers = Writers::start(
        ensemble
            .members()
            .iter()
            .map(|member| (member.id(), member.client_address())),
    );
    writers.wait_more(&[1, 2, 3], 200);
    wait_until(LONG, "server 1 took a snapshot", || {
        (!files::by_zxid(ensemble.at(1), "snapshot.").is_empty()).then_some(())
    });
    ensemble.member(1).kill();
    let damaged = damage(ensemble.at(1));
    let said_before = ensemble.at(1).log().len();
    ensemble.member(1).start();
    let refused = wait_until(LONG, "server 1 serves again, or refuses", || {
        let ended = ensemble.member(1).ended();
        ended.map(Some).or_else(|| ensemble.at(1).srvr().map(|_| None))
    });
    writers.wait_more(&[2, 3], 100);
    let ledger = writers.finish();
    let said = ensemble.at(1).log()[said_before..].to_owned();
    let sound: Vec<&Member> = match refused {
        None => ensemble.members().iter().collect(),
        Some(status) => {
            let file = damaged.file_name().unwrap().to_str().unwrap();
            assert!(!status.success(), "it refused and said that all is well: {said}");
            assert!(
                said.contains(file) && !said.contains("panicked"),
                "{file} is not named: {said}"
            );
            ensemble.members()[1..].iter().collect()
        }
    };
    for member in &sound {
        ledger.check(&mut member.client());
    }
    agree::wait_same_trees(&sound);
}

#[test]
fn a_log_whose_last_entry_is_torn() {
    returns_damaged("torn", |member| {
        let log = files::newest(member, "log.");
        files::cut(&log, files::used_bytes(&log) - 5);
        log
    });
}

#[test]
fn a_log_with_a_flipped_bit_in_the_middle() {
    returns_damaged("log-bit", |member| {
        let log = files::newest(member, "log.");
        files::flip(&log, files::used_bytes(&log) / 2);
        log
    });
}

#[test]
fn a_log_with_a_flipped_bit_in_its_head() {
    returns_damaged("log-head", |member| {
        let log = files::newest(member, "log.");
        files::flip(&log, 2);
        log
    });
}

#[test]
fn a_snapshot_with_a_flipped_bit() {
    returns_damaged("snap-bit", |member| {
        let snapshot = files::newest(member, "snapshot.");
        files::flip(&snapshot, files::used_bytes(&snapshot) / 2);
        snapshot
    });
}

#[test]
fn an_epoch_file_that_holds_no_number() {
    for (name, content) in [
        ("currentEpoch", ""),
        ("currentEpoch", "none\n"),
        ("acceptedEpoch", "-3\n"),
    ] {
        returns_damaged(&format!("epoch-{name}"), |member| {
            let epoch = member.version_dir().join(name);
            fs::write(&epoch, content).unwrap();
            epoch
        });
    }
}

#[test]
fn a_log_of_a_format_that_is_not_known_yet() {
    returns_damaged("newer", |member| {
        let log = files::newest(member, "log.");
        let mut bytes = fs::read(&log).unwrap();
        bytes[4..8].copy_from_slice(&9_i32.to_be_bytes());
        fs::write(&log, bytes).unwrap();
        log
    });
}

#[test]
fn the_data_directory_of_another_server() {
    let mut ensemble = Ensemble::builder("borrowed", OURS).start();
    ensemble.at(2).client().create_at("/before", b"").unwrap();
    ensemble.member(1).stop();
    // Server 1's directory now says that it is server 2, which is running.
    fs::write(ensemble.at(1).data_dir().join("myid"), "2\n").unwrap();
    let said_before = ensemble.at(1).log().len();
    ensemble.member(1).start();
    let status = ensemble.member(1).wait_ended();
    let said = &ensemble.at(1).log()[said_before..];
    assert!(!status.success() && !said.contains("panicked"), "{said}");
    assert!(ensemble.member(2).ended().is_none(), "{}", ensemble.at(2).log());
    ensemble.at(2).client().create_at("/after", b"").unwrap();
}
