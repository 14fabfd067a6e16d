//! What lies in a data directory, and how is it damaged on purpose?

use std::fs;
use std::path::{Path, PathBuf};

use crate::member::Member;

/// The files of a server's `version-2` whose names are `prefix` and a zxid, lowest first.
///
/// # Panics
///
/// If there is no such directory.
pub fn by_zxid(member: &Member, prefix: &str) -> Vec<(u64, PathBuf)> {
    let entries = fs::read_dir(member.version_dir())
        .expect("a served data directory")
        .flatten();
    let mut files: Vec<_> = entries
        .filter_map(|entry| {
            let zxid = entry.file_name().to_str()?.strip_prefix(prefix)?.to_owned();
            Some((u64::from_str_radix(&zxid, 16).ok()?, entry.path()))
        })
        .collect();
    files.sort();
    files
}

/// The newest file of this prefix.
///
/// # Panics
///
/// If there is none.
pub fn newest(member: &Member, prefix: &str) -> PathBuf {
    by_zxid(member, prefix)
        .pop()
        .unwrap_or_else(|| panic!("server {} has no {prefix}*", member.id()))
        .1
}

/// How long the file is without the zeros that it was preallocated with.
pub fn used_bytes(path: &Path) -> usize {
    let bytes = fs::read(path).expect("the file can be read");
    bytes
        .iter()
        .rposition(|byte| *byte != 0)
        .map_or(0, |last| last + 1)
}

/// Cuts the file to `length` bytes.
pub fn cut(path: &Path, length: usize) {
    let file = fs::File::options()
        .write(true)
        .open(path)
        .expect("the file can be opened");
    file.set_len(length as u64).expect("the file can be cut");
}

/// Turns one bit of the byte at `offset`.
pub fn flip(path: &Path, offset: usize) {
    let mut bytes = fs::read(path).expect("the file can be read");
    bytes[offset] ^= 0x10;
    fs::write(path, bytes).expect("the file can be written");
}

/// Removes what the newest snapshot makes superfluous, as an operator's purge does.
///
/// # Panics
///
/// If there is no snapshot.
pub fn purge(member: &Member) {
    let (newest, _) = by_zxid(member, "snapshot.").pop().expect("there is a snapshot");
    let logs = by_zxid(member, "log.");
    // The log that holds the first transaction behind the snapshot, and all later ones, stay.
    let first_needed = logs.iter().rposition(|(zxid, _)| *zxid <= newest).unwrap_or(0);
    let snapshots = by_zxid(member, "snapshot.")
        .into_iter()
        .filter(|(zxid, _)| *zxid < newest);
    for (_, path) in logs[..first_needed].iter().cloned().chain(snapshots) {
        fs::remove_file(path).expect("a stopped server's files can be removed");
    }
}
