use crate::{Layout, Store, StoreOptions};
use std::fs;
use std::path::Path;
use tempfile::TempDir;

fn is_copy(dir: &Path) -> bool {
    let (store, _) = Store::open(StoreOptions::new(Layout::new(dir, None), None)).unwrap();
    store.marks.is_copy().unwrap()
}

/// A server boots and stops.
fn run_in(dir: &Path) {
    let (store, _) = Store::open(StoreOptions::new(Layout::new(dir, None), None)).unwrap();
    store.marks.set_place().unwrap();
}

/// Copies `from/version-2` into `to/version-2`, over what is there.
fn copy(from: &Path, to: &Path) {
    let (from, to) = (from.join("version-2"), to.join("version-2"));
    fs::create_dir_all(&to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

#[test]
fn a_directory_that_stays_is_no_copy() {
    let dir = TempDir::new().unwrap();
    assert!(!is_copy(dir.path()), "of nothing nothing is known");
    for _ in 0..3 {
        run_in(dir.path());
        assert!(!is_copy(dir.path()));
    }
    let moved = TempDir::new().unwrap();
    let there = moved.path().join("moved");
    fs::rename(dir.path(), &there).unwrap();
    assert!(!is_copy(&there), "moving is not copying");
    fs::rename(&there, dir.path()).unwrap();
}

#[test]
fn a_directory_that_was_put_back_is_a_copy_until_a_server_has_run_in_it() {
    let (dir, backup) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    run_in(dir.path());
    copy(dir.path(), backup.path());
    run_in(dir.path());
    fs::remove_dir_all(dir.path().join("version-2")).unwrap();
    copy(backup.path(), dir.path());
    assert!(is_copy(dir.path()));
    run_in(dir.path());
    assert!(!is_copy(dir.path()));
}

#[test]
fn a_disk_that_goes_back_to_an_older_file_is_no_copy() {
    let dir = TempDir::new().unwrap();
    run_in(dir.path());
    let place = dir.path().join("version-2/quorate.place");
    let older = dir.path().join("older");
    fs::hard_link(&place, &older).unwrap();
    run_in(dir.path());
    fs::rename(&older, &place).unwrap();
    assert!(!is_copy(dir.path()));
    let bytes = fs::read(&place).unwrap();
    for lost in [&[][..], &vec![0; bytes.len()], &bytes[..bytes.len() - 1]] {
        fs::write(&place, lost).unwrap();
        assert!(!is_copy(dir.path()), "a file without its bytes proves nothing");
    }
}

#[test]
fn what_was_noted_as_committed_is_read_again_unless_its_bytes_were_altered() {
    let dir = TempDir::new().unwrap();
    let (store, _) = Store::open(StoreOptions::new(Layout::new(dir.path(), None), None)).unwrap();
    let zxid = |bits| quorate_zab::Zxid::from_bits(bits);
    assert_eq!(store.marks.committed().unwrap(), zxid(0));
    store.marks.note_committed(zxid(2 << 32 | 77)).unwrap();
    store.marks.note_committed(zxid(3 << 32 | 5)).unwrap();
    assert_eq!(store.marks.committed().unwrap(), zxid(3 << 32 | 5));
    let file = dir.path().join("version-2/quorate.committed");
    let whole = fs::read(&file).unwrap();
    for at in 0..whole.len() {
        let mut altered = whole.clone();
        altered[at] ^= 1;
        fs::write(&file, altered).unwrap();
        assert_eq!(store.marks.committed().unwrap(), zxid(0), "byte {at}");
        fs::write(&file, &whole[..at]).unwrap();
        assert_eq!(store.marks.committed().unwrap(), zxid(0), "of {at} bytes");
    }
}
