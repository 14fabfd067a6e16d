use super::*;
use crate::directory::read_dir;
use crate::reader::tests::{header, proposal, step};
use crate::reader::{BootTrace, Ending, Entry};
use crate::schema::{ConnDown, Ended};
use crate::{Digest, TraceError};
use quorate_zab::Conn;
use tempfile::TempDir;

fn small(segment_bytes: u64, total_bytes: u64) -> Limits {
    Limits {
        segment_bytes,
        total_bytes,
    }
}

fn begin(dir: &TempDir, limits: Limits) -> Recorder {
    Recorder::create(dir.path(), limits, header(), Boot::default()).expect("a trace begins")
}

/// Records `steps` proposals, each flushed as a server does, and stops in order.
fn record(dir: &TempDir, limits: Limits, steps: u32) {
    let mut recorder = begin(dir, limits);
    for counter in 1..=steps {
        step(&mut recorder, counter);
    }
    recorder.finish().expect("the disk takes it");
}

fn only_boot(dir: &TempDir) -> BootTrace {
    let found = read_dir(dir.path()).expect("the directory can be read");
    assert!(found.faults.is_empty(), "{:?}", found.faults);
    assert_eq!(found.boots.len(), 1);
    found.boots.into_iter().next().expect("one boot")
}

fn read(boot: &BootTrace) -> (Vec<Entry>, Ending) {
    let mut records = boot.records();
    let entries: Result<Vec<_>, TraceError> = records.by_ref().collect();
    (
        entries.expect("a sound trace"),
        records.ending().expect("it ends"),
    )
}

#[test]
fn what_was_recorded_is_read_in_order() {
    let dir = TempDir::new().unwrap();
    let mut recorder = begin(&dir, Limits::default());
    let down = Record::ConnDown(ConnDown {
        conn: Conn::new(4),
        why: Ended::Silent,
        read: 3,
        written: 1,
    });
    recorder.note(&down);
    step(&mut recorder, 1);
    recorder.server_effects::<Digest>(&[]);
    recorder.election_input(&ElectionInput::Retired, None);
    recorder.election_effects(&[]);
    recorder.finish().unwrap();

    let (entries, ending) = read(&only_boot(&dir));
    assert_eq!(ending, Ending::Clean);
    assert!(entries.iter().map(|entry| entry.seq).eq(0..entries.len() as u64));
    let records: Vec<_> = entries.into_iter().map(|entry| entry.record).collect();
    assert_eq!(records[0], Record::Boot(Box::default()));
    assert_eq!(records[1], down);
    let (input, number) = (proposal(1), Some(1));
    assert_eq!(records[2], Record::Input { input, number });
    assert!(matches!(records[3], Record::Effects { count: 1, .. }));
    assert_eq!(records[4], Record::NoEffects);
    let input = ElectionInput::Retired;
    assert_eq!(records[5], Record::ElectionInput { input, frame: None });
    assert_eq!(records[6], Record::NoElectionEffects);
    let mark = Mark {
        records: 7,
        inputs: 1,
        election_inputs: 1,
        effects: 1,
        state: None,
    };
    assert_eq!(records[7], Record::Mark(Box::new(mark)));
    assert_eq!(records[8..], [Record::End]);
}

#[test]
fn a_trace_goes_on_over_segments_that_are_compressed_when_full() {
    let dir = TempDir::new().unwrap();
    record(&dir, small(2000, 1 << 30), 200);
    let boot = only_boot(&dir);
    let packed = boot
        .files()
        .filter(|file| file.extension().unwrap() == "zst")
        .count();
    let all = boot.files().count();
    assert!(all > 5, "{all} segments");
    assert_eq!(packed, all - 1, "all but the one that grew are compressed");
    let (entries, ending) = read(&boot);
    assert_eq!(ending, Ending::Clean);
    assert_eq!(entries.len(), 1 + 2 * 200 + 2);
}

#[test]
fn boots_are_numbered_and_each_knows_how_the_one_before_ended() {
    let dir = TempDir::new().unwrap();
    for _ in 0..3 {
        let mut recorder = begin(&dir, Limits::default());
        step(&mut recorder, 1);
        drop(recorder);
    }
    let found = read_dir(dir.path()).unwrap();
    assert_eq!(found.boots.len(), 3);
    let mut previous = None;
    for (at, boot) in found.boots.iter().enumerate() {
        assert_eq!(boot.header.boot.ordinal as usize, at + 1);
        assert_eq!(boot.header.previous, previous);
        let (entries, ending) = read(boot);
        assert_eq!(entries.len(), 3);
        let Ending::Open {
            torn: false,
            records: 3,
            chain,
            ..
        } = ending
        else {
            panic!("{ending:?}");
        };
        previous = Some(crate::Previous {
            boot: boot.header.boot,
            records: 3,
            chain,
        });
    }
}

#[test]
fn beyond_the_limit_the_oldest_segments_go_and_the_trace_says_so() {
    let dir = TempDir::new().unwrap();
    let mut recorder = begin(&dir, small(2000, 6000));
    for counter in 1..=400 {
        step(&mut recorder, counter);
    }
    recorder.finish().unwrap();
    // The facts that the keeper told too late for the first boot belong to nobody: the next one drops
    // more, and the reader sees a beginning that is missing in any case.
    let boot = only_boot(&dir);
    assert!(boot.first > 0);
    let (entries, _) = read(&boot);
    assert_eq!(entries[0].seq, boot.first);
    let bytes: u64 = boot.files().map(|file| file.metadata().unwrap().len()).sum();
    assert!(bytes <= 6000 + 2000, "{bytes} bytes are kept");
}

#[test]
fn records_that_cannot_be_written_are_counted_and_the_trace_says_so() {
    let dir = TempDir::new().unwrap();
    let mut recorder = begin(&dir, Limits::default());
    let length = recorder.live.length();
    // A file open for reading takes nothing, as a full disk does.
    let path = dir.path().join(recorder.place().file_name(Form::Raw));
    let writable = std::mem::replace(&mut recorder.live, Live::new(File::open(&path).unwrap(), length));
    for lost in 1..=3 {
        recorder.server_input(&proposal(lost), Some(1));
        let loss = recorder.flush().expect_err("nothing is taken");
        assert_eq!(loss.records, u64::from(lost));
    }
    recorder.live = writable;
    recorder.server_input(&proposal(4), Some(4));
    recorder.flush().unwrap();
    assert_eq!(recorder.lost(), 0);
    recorder.finish().unwrap();

    let (entries, ending) = read(&only_boot(&dir));
    assert_eq!(ending, Ending::Clean);
    assert_eq!(entries[1].record, Record::Lost { records: 3 });
    assert!(matches!(entries[2].record, Record::Input { number: Some(4), .. }));
}

#[test]
fn a_batch_that_is_never_flushed_is_written_before_it_outgrows_a_frame() {
    let dir = TempDir::new().unwrap();
    let mut recorder = begin(&dir, Limits::default());
    for counter in 1..=100_000 {
        recorder.server_input(&proposal(counter), Some(u64::from(counter)));
        assert!(recorder.framer.bytes() < FRAME_BYTES_SOFT);
    }
    recorder.finish().unwrap();
    let (entries, _) = read(&only_boot(&dir));
    assert_eq!(entries.len(), 1 + 100_000 + 2);
}
