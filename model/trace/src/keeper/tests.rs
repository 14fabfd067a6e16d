use super::*;
use crate::directory::read_dir;
use crate::reader::tests::{record, record_killed};
use tempfile::TempDir;

const PLACE: Place = Place {
    server: 2,
    ordinal: 1,
    segment: 0,
};

fn store(dir: &TempDir, total_bytes: u64) -> Store {
    Store {
        dir: dir.path().into(),
        server: 2,
        total_bytes,
    }
}

fn records(dir: &TempDir) -> usize {
    let found = read_dir(dir.path()).unwrap();
    assert!(found.faults.is_empty(), "{:?}", found.faults);
    assert_eq!(found.boots.len(), 1);
    let records: Result<Vec<_>, _> = found.boots[0].records().collect();
    records.expect("a sound trace").len()
}

#[test]
fn a_crash_at_any_point_of_compressing_leaves_one_readable_copy() {
    let dir = TempDir::new().unwrap();
    record_killed(dir.path(), 20);
    let store = store(&dir, u64::MAX);
    let all = records(&dir);
    let path = |form| dir.path().join(PLACE.file_name(form));

    // In the middle of the unfinished file.
    store.compress(PLACE, &path(Form::Unfinished)).unwrap();
    let whole = fs::read(path(Form::Unfinished)).unwrap();
    for length in [0, 1, whole.len() / 2, whole.len()] {
        fs::write(path(Form::Unfinished), &whole[..length]).unwrap();
        assert_eq!(records(&dir), all);
    }
    // After the rename, before the raw one is removed.
    fs::rename(path(Form::Unfinished), path(Form::Packed)).unwrap();
    assert_eq!(records(&dir), all);
    // And the next boot tidies up whatever it finds.
    fs::write(path(Form::Unfinished), &whole[..7]).unwrap();
    store.tidy(Place { ordinal: 2, ..PLACE }, &mut |news| panic!("{news:?}"));
    assert_eq!(records(&dir), all);
    assert!(!path(Form::Raw).exists() && !path(Form::Unfinished).exists());
}

#[test]
fn the_raw_segment_stays_until_the_compressed_one_has_its_name() {
    let dir = TempDir::new().unwrap();
    record_killed(dir.path(), 3);
    let in_the_way = dir.path().join(PLACE.file_name(Form::Packed));
    fs::create_dir_all(in_the_way.join("x")).unwrap();
    store(&dir, u64::MAX)
        .pack(PLACE)
        .expect_err("a directory has the name");
    assert!(dir.path().join(PLACE.file_name(Form::Raw)).exists());
}

#[test]
fn a_torn_end_stays_torn_when_it_is_compressed() {
    let dir = TempDir::new().unwrap();
    record_killed(dir.path(), 3);
    let raw = dir.path().join(PLACE.file_name(Form::Raw));
    let bytes = fs::read(&raw).unwrap();
    fs::write(&raw, &bytes[..bytes.len() - 1]).unwrap();
    let before = records(&dir);
    store(&dir, u64::MAX).pack(PLACE).unwrap();
    assert_eq!(records(&dir), before);
    assert!(!raw.exists());
}

#[test]
fn the_segment_that_grows_is_neither_compressed_nor_removed() {
    let dir = TempDir::new().unwrap();
    record_killed(dir.path(), 3);
    store(&dir, 0).tidy(PLACE, &mut |news| panic!("{news:?}"));
    assert!(dir.path().join(PLACE.file_name(Form::Raw)).exists());
}

#[test]
fn the_oldest_segments_are_removed_first_and_each_is_told() {
    let dir = TempDir::new().unwrap();
    for _ in 0..3 {
        record(dir.path(), 3);
    }
    let live = Place { ordinal: 3, ..PLACE };
    let bytes = |dir: &TempDir| -> u64 {
        let files = fs::read_dir(dir.path()).unwrap();
        files.map(|file| file.unwrap().metadata().unwrap().len()).sum()
    };
    let mut dropped = Vec::new();
    store(&dir, bytes(&dir) - 1).tidy(live, &mut |news| match news {
        News::Dropped(fact) => dropped.push((fact.ordinal, fact.segment)),
        News::Trouble(what) => panic!("{what}"),
    });
    assert_eq!(dropped, [(1, 0)]);
}
