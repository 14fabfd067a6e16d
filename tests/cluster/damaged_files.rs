//! A file of a data directory is damaged while its server is down. Does the server notice, and is nothing
//! lost or made up?
//!
//! Two answers are right: the server repairs itself from the others, or it refuses, and names the file.

use std::fs::{self, FileTimes};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use quorate_tests::{Ensemble, LONG, Member, Writers, agree, files, wait_until};

use crate::ours::OURS;

/// Writes to three servers, kills server 1, lets `damage` change its files, and starts it again. Gives the
/// ensemble, and whether server 1 serves in it.
fn returns_damaged(name: &str, damage: impl FnOnce(&Member) -> PathBuf) -> (Ensemble, bool) {
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
    (ensemble, refused.is_none())
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
fn an_epoch_file_in_which_one_digit_became_another() {
    for (name, digit) in [("currentEpoch", "9"), ("acceptedEpoch", "0")] {
        let mut before = String::new();
        let (ensemble, serves) = returns_damaged(&format!("digit-{name}"), |member| {
            let epoch = member.version_dir().join(name);
            before = fs::read_to_string(&epoch).unwrap();
            assert_ne!(before.trim(), digit);
            // In place, and unnoticed by the file system, as a disk does it.
            let file = fs::File::options().write(true).open(&epoch).unwrap();
            let unnoticed = FileTimes::new().set_modified(file.metadata().unwrap().modified().unwrap());
            file.write_all_at(digit.as_bytes(), 0).unwrap();
            file.set_times(unnoticed).unwrap();
            epoch
        });
        if serves {
            let after = fs::read_to_string(ensemble.at(1).version_dir().join(name)).unwrap();
            let number = |text: &str| text.trim().parse::<u64>().unwrap();
            assert!(
                number(&after) >= number(&before) && after.trim() != digit,
                "{name} was {before:?}, became {digit:?}, and the server goes on with {after:?}"
            );
        }
    }
}

/// Whoever does not know a format leaves it alone: the server refuses, and the file is as it was.
fn refuses_newer(name: &str, file: impl Fn(&Member) -> PathBuf, renew: impl Fn(&mut Vec<u8>)) {
    let mut newer = Vec::new();
    let (ensemble, serves) = returns_damaged(name, |member| {
        let path = file(member);
        newer = fs::read(&path).unwrap();
        renew(&mut newer);
        fs::write(&path, &newer).unwrap();
        path
    });
    assert!(!serves, "{name}: it went on as if it knew the format");
    let left = fs::read(file(ensemble.at(1))).unwrap();
    assert!(left == newer, "{name}: it changed what it does not know");
}

#[test]
fn a_log_of_a_format_that_is_not_known_yet() {
    let log = |member: &Member| files::newest(member, "log.");
    refuses_newer("newer-log", log, |bytes| {
        bytes[4..8].copy_from_slice(&9_i32.to_be_bytes());
    });
}

#[test]
fn a_snapshot_of_a_format_that_is_not_known_yet() {
    let snapshot = |member: &Member| files::newest(member, "snapshot.");
    refuses_newer("newer-snapshot", snapshot, |bytes| {
        bytes[4..8].copy_from_slice(&9_i32.to_be_bytes());
        // Its seals are right: a long, and the string `/`, behind the body, the digest of 20 bytes and the last zxid.
        const SEAL: usize = 8 + 5;
        for behind in [SEAL + 20 + SEAL + 8, SEAL + 8, 0] {
            let at = bytes.len() - behind - SEAL;
            let seal = i64::from(adler_32(&bytes[..at]));
            let sealed = i64::from_be_bytes(bytes[at..at + 8].try_into().unwrap());
            assert!(sealed != seal && sealed < 1 << 32, "no seal at {at}: {sealed:#x}");
            bytes[at..at + 8].copy_from_slice(&seal.to_be_bytes());
        }
    });
}

fn adler_32(bytes: &[u8]) -> u32 {
    let (one, two) = bytes.iter().fold((1, 0), |(one, two), byte| {
        let one = (one + u32::from(*byte)) % 65_521;
        (one, (two + one) % 65_521)
    });
    two << 16 | one
}

#[test]
fn a_directory_of_a_format_that_is_not_known_yet() {
    let mark = |member: &Member| member.data_dir().join("version-2/quorate.id");
    refuses_newer("newer-directory", mark, |bytes| {
        let text = String::from_utf8(bytes.clone()).unwrap();
        assert!(text.starts_with("quorate 1\n"), "{text}");
        *bytes = text.replacen("quorate 1\n", "quorate 9\n", 1).into_bytes();
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
    let named = ["quorate.id", "that of server 1", "this is server 2"];
    assert!(
        named.iter().all(|named| said.contains(named)),
        "the file, whose it is and who came is not all named: {said}"
    );
    assert!(ensemble.member(2).ended().is_none(), "{}", ensemble.at(2).log());
    ensemble.at(2).client().create_at("/after", b"").unwrap();
}
