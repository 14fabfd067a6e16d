use super::*;
use crate::directory::read_dir;
use crate::{Boot, Digest, Limits, Recorder};
use proptest::prelude::*;
use quorate_zab::{Conn, Effect, Ensemble, Epoch, Input, Message, ServerId, Zxid};
use std::fs;
use std::io::{Seek, SeekFrom, Write};
use std::ops::Range;
use tempfile::TempDir;

pub(crate) fn header() -> Header {
    let voters = [1, 2, 3].map(ServerId::new);
    Header::new(ServerId::new(2), &Ensemble::majority(voters), "test", 77).with("why", "test")
}

pub(crate) fn proposal(counter: u32) -> Input<Digest> {
    Input::Message {
        conn: Conn::new(1),
        message: Message::Proposal {
            zxid: Zxid::new(Epoch::new(1), counter),
            payload: Digest::of(&counter.to_le_bytes()),
        },
    }
}

/// A step, written down as a server does: two flushes.
pub(crate) fn step(recorder: &mut Recorder, counter: u32) {
    recorder.server_input(&proposal(counter), Some(u64::from(counter)));
    recorder.flush().expect("the disk takes it");
    let payload = Digest::of(&counter.to_le_bytes());
    recorder.server_effects(&[Effect::Append {
        zxid: Zxid::new(Epoch::new(1), counter),
        payload,
    }]);
    recorder.flush().expect("the disk takes it");
}

/// One boot that stops in order after so many steps.
pub(crate) fn record(dir: &Path, steps: u32) {
    let mut recorder = Recorder::create(dir, Limits::default(), header(), Boot::default()).unwrap();
    (1..=steps).for_each(|counter| step(&mut recorder, counter));
    recorder.finish().unwrap();
}

/// One boot that is killed after so many steps.
pub(crate) fn record_killed(dir: &Path, steps: u32) {
    let mut recorder = Recorder::create(dir, Limits::default(), header(), Boot::default()).unwrap();
    (1..=steps).for_each(|counter| step(&mut recorder, counter));
}

/// A boot in several segments; their files, raw, in order.
fn record_segments(dir: &Path, steps: u32) -> Vec<PathBuf> {
    let limits = Limits {
        segment_bytes: 400,
        ..Limits::default()
    };
    let mut recorder = Recorder::create(dir, limits, header(), Boot::default()).unwrap();
    (1..=steps).for_each(|counter| step(&mut recorder, counter));
    drop(recorder);
    let boot = read_dir(dir).unwrap().boots.remove(0);
    let unpack = |file: &Path| {
        if file.extension().is_none_or(|ending| ending != "zst") {
            return file.to_path_buf();
        }
        let bytes = zstd::decode_all(fs::File::open(file).unwrap()).unwrap();
        fs::remove_file(file).unwrap();
        let raw = file.with_extension("");
        fs::write(&raw, bytes).unwrap();
        raw
    };
    boot.files().map(unpack).collect()
}

/// Everything that can be read of a directory with one boot, and how it ends.
fn read(dir: &Path) -> (Vec<Entry>, Result<Option<Ending>, TraceError>) {
    let mut found = read_dir(dir).unwrap();
    let mut entries = Vec::new();
    if let Some(fault) = found.faults.pop() {
        return (entries, Err(fault));
    }
    let Some(boot) = found.boots.pop() else {
        return (entries, Ok(None));
    };
    let mut records = boot.records();
    for entry in records.by_ref() {
        match entry {
            Ok(entry) => entries.push(entry),
            Err(fault) => return (entries, Err(fault)),
        }
    }
    (entries, Ok(records.ending()))
}

/// The bytes of each frame of a raw segment, and where the first begins.
fn frames(bytes: &[u8]) -> Vec<Range<usize>> {
    let length = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
    let mut at = 24 + length(12);
    let mut frames = Vec::new();
    while at < bytes.len() {
        let end = at + FRAME_HEADER + length(at);
        frames.push(at..end);
        at = end;
    }
    frames
}

/// Writes one byte in place: quicker by far than a file anew.
fn poke(file: &Path, at: usize, byte: u8) {
    let mut file = fs::File::options().write(true).open(file).unwrap();
    file.seek(SeekFrom::Start(at as u64)).unwrap();
    file.write_all(&[byte]).unwrap();
}

fn cut(file: &Path, length: usize) {
    fs::File::options()
        .write(true)
        .open(file)
        .unwrap()
        .set_len(length as u64)
        .unwrap();
}

fn the_file(dir: &TempDir) -> PathBuf {
    read_dir(dir.path()).unwrap().boots[0]
        .files()
        .next()
        .unwrap()
        .to_path_buf()
}

#[test]
fn every_prefix_of_a_live_segment_is_a_prefix_of_its_records_and_says_where_it_ends() {
    let dir = TempDir::new().unwrap();
    record_killed(dir.path(), 6);
    let file = the_file(&dir);
    let (bytes, (all, _)) = (fs::read(&file).unwrap(), read(dir.path()));
    let frames = frames(&bytes);
    for length in (0..=bytes.len()).rev() {
        cut(&file, length);
        let (entries, ending) = read(dir.path());
        let whole: Vec<_> = frames.iter().filter(|frame| frame.end <= length).collect();
        assert_eq!(entries, all[..whole.len()], "each of these frames has one record");
        let ending = ending.expect("a prefix is no fault");
        if length < frames[0].start {
            assert_eq!(ending, None, "no boot is there yet");
            continue;
        }
        let end = whole.last().map_or(frames[0].start, |frame| frame.end);
        let Some(Ending::Open {
            offset,
            torn,
            records,
            ..
        }) = ending
        else {
            panic!("{ending:?}");
        };
        assert_eq!(
            (offset, torn, records),
            (end as u64, length > end, whole.len() as u64)
        );
    }
}

#[test]
fn every_flipped_bit_is_found() {
    let dir = TempDir::new().unwrap();
    record_killed(dir.path(), 3);
    let file = the_file(&dir);
    let (bytes, (all, _)) = (fs::read(&file).unwrap(), read(dir.path()));
    for bit in 0..bytes.len() * 8 {
        poke(&file, bit / 8, bytes[bit / 8] ^ 1 << (bit % 8));
        let (entries, ending) = read(dir.path());
        assert!(ending.is_err(), "bit {bit} of byte {}: {ending:?}", bit / 8);
        assert_eq!(entries, all[..entries.len()], "what was read before stands");
        poke(&file, bit / 8, bytes[bit / 8]);
    }
}

#[test]
fn a_frame_dropped_repeated_or_moved_is_found() {
    let dir = TempDir::new().unwrap();
    record_killed(dir.path(), 4);
    let file = the_file(&dir);
    let bytes = fs::read(&file).unwrap();
    let frames = frames(&bytes);
    let head = &bytes[..frames[0].start];
    let rebuild = |order: &[usize]| {
        let mut out = head.to_vec();
        order
            .iter()
            .for_each(|&at| out.extend_from_slice(&bytes[frames[at].clone()]));
        fs::write(&file, out).unwrap();
        read(dir.path())
    };
    let sound: Vec<_> = (0..frames.len()).collect();
    assert!(rebuild(&sound).1.is_ok());
    for at in 0..frames.len() {
        let mut dropped = sound.clone();
        dropped.remove(at);
        // Without its last frame a live segment is what it was before that was written.
        assert_eq!(
            rebuild(&dropped).1.is_ok(),
            at == frames.len() - 1,
            "dropped {at}"
        );
        let mut repeated = sound.clone();
        repeated.insert(at, at);
        assert!(
            matches!(rebuild(&repeated).1, Err(TraceError::Unchained { .. })),
            "repeated {at}"
        );
        if at + 1 < frames.len() {
            let mut moved = sound.clone();
            moved.swap(at, at + 1);
            assert!(
                matches!(rebuild(&moved).1, Err(TraceError::Unchained { .. })),
                "moved {at}"
            );
        }
    }
}

#[test]
fn a_segment_missing_cut_or_exchanged_is_found() {
    let dir = TempDir::new().unwrap();
    let files = record_segments(dir.path(), 20);
    assert!(files.len() > 4);
    let (all, ending) = read(dir.path());
    assert!(
        matches!(ending, Ok(Some(Ending::Open { torn: false, .. }))),
        "{ending:?}"
    );
    let second = fs::read(&files[1]).unwrap();

    fs::remove_file(&files[1]).unwrap();
    let (_, ending) = read(dir.path());
    assert!(
        matches!(ending, Err(TraceError::Gap { .. })),
        "missing: {ending:?}"
    );

    fs::write(&files[1], &second[..second.len() - 1]).unwrap();
    let (entries, ending) = read(dir.path());
    assert!(
        matches!(ending, Err(TraceError::Cut { .. })),
        "cut in a frame: {ending:?}"
    );
    assert_eq!(entries, all[..entries.len()]);

    let whole = frames(&second).last().unwrap().start;
    fs::write(&files[1], &second[..whole]).unwrap();
    let (_, ending) = read(dir.path());
    assert!(
        matches!(ending, Err(TraceError::Gap { .. })),
        "cut between frames: {ending:?}"
    );

    fs::copy(&files[2], &files[1]).unwrap();
    let (_, ending) = read(dir.path());
    assert!(ending.is_err(), "exchanged: {ending:?}");

    fs::write(&files[1], &second).unwrap();
    fs::remove_file(&files[0]).unwrap();
    let boot = read_dir(dir.path()).unwrap().boots.remove(0);
    let first = boot.records().next().unwrap().unwrap();
    assert!(
        boot.first > 0 && first == all[boot.first as usize],
        "an old segment may be gone"
    );
}

#[test]
fn blocks_that_were_never_written_are_a_torn_end() {
    let dir = TempDir::new().unwrap();
    record_killed(dir.path(), 2);
    let file = the_file(&dir);
    let mut bytes = fs::read(&file).unwrap();
    let whole = bytes.len() as u64;
    bytes.resize(bytes.len() + 5000, 0);
    fs::write(&file, &bytes).unwrap();
    let (entries, ending) = read(dir.path());
    assert_eq!(entries.len(), 5);
    let Ok(Some(Ending::Open { offset, torn, .. })) = ending else {
        panic!("{ending:?}");
    };
    assert_eq!((offset, torn), (whole, true));
    *bytes.last_mut().unwrap() = 1;
    fs::write(&file, &bytes).unwrap();
    assert!(read(dir.path()).1.is_err());
}

#[test]
fn a_compressed_segment_that_was_cut_or_altered_is_a_fault() {
    let dir = TempDir::new().unwrap();
    record(dir.path(), 8);
    record(dir.path(), 1);
    let file = the_file(&dir);
    assert_eq!(file.extension().unwrap(), "zst");
    let bytes = fs::read(&file).unwrap();
    let fault = || {
        let found = read_dir(dir.path()).unwrap();
        !found.faults.is_empty()
            || !found.empty.is_empty()
            || found.boots[0].header.boot.ordinal != 1
            || found.boots[0].records().any(|entry| entry.is_err())
    };
    assert!(!fault());
    for (at, byte) in bytes.iter().enumerate() {
        poke(&file, at, !byte);
        assert!(fault(), "byte {at} altered");
        poke(&file, at, *byte);
    }
    for length in (0..bytes.len()).rev() {
        cut(&file, length);
        assert!(fault(), "cut to {length}");
    }
}

#[test]
fn a_bomb_is_refused_without_being_unpacked() {
    let dir = TempDir::new().unwrap();
    record_killed(dir.path(), 1);
    let file = the_file(&dir);
    let mut bytes = fs::read(&file).unwrap();
    let mut records = read_dir(dir.path()).unwrap().boots[0].records();
    records.by_ref().for_each(drop);
    // A frame that is chained properly and claims more than any frame may have.
    let mut header = FrameHeader {
        bytes: FRAME_BYTES_MAX as u32 + 1,
        records: 1,
        after_us: 0,
        crc: 0,
        chain: 0,
    };
    header.chain = header.chained_to(records.chain_value().get());
    bytes.extend_from_slice(&header.bytes.to_le_bytes());
    bytes.extend_from_slice(&header.records.to_le_bytes());
    bytes.extend_from_slice(&[0; 8]);
    bytes.extend_from_slice(&header.chain.to_le_bytes());
    // Behind it, very much of nothing.
    let packed = file.with_extension("trace.zst");
    let mut encoder = zstd::Encoder::new(fs::File::create(&packed).unwrap(), 1).unwrap();
    encoder.write_all(&bytes).unwrap();
    (0..1024).for_each(|_| encoder.write_all(&[0; 1 << 16]).unwrap());
    encoder.finish().unwrap();
    fs::remove_file(&file).unwrap();
    let (entries, ending) = read(dir.path());
    assert_eq!(entries.len(), 3);
    let Err(TraceError::Damaged { what, .. }) = ending else {
        panic!("{ending:?}");
    };
    assert!(what.contains("beyond the limits"), "{what}");
}

#[test]
fn a_preamble_with_counts_that_would_overflow_is_refused() {
    let dir = TempDir::new().unwrap();
    record_killed(dir.path(), 1);
    let file = the_file(&dir);
    let sound = Segment::open(&file).unwrap().unwrap().preamble;
    for (first, at_us) in [(u64::MAX, 0), (0, u64::MAX)] {
        let preamble = crate::segment::Preamble {
            segment: 1,
            first,
            at_us,
            ..sound.clone()
        };
        fs::write(&file, preamble.encoded()).unwrap();
        let (_, ending) = read(dir.path());
        assert!(matches!(ending, Err(TraceError::Preamble { .. })), "{ending:?}");
    }
}

#[test]
fn a_boot_that_was_copied_under_another_name_is_found() {
    let dir = TempDir::new().unwrap();
    record(dir.path(), 1);
    let file = the_file(&dir);
    fs::create_dir(dir.path().join("copy")).unwrap();
    fs::copy(&file, dir.path().join("copy").join(file.file_name().unwrap())).unwrap();
    let found = read_dir(dir.path()).unwrap();
    assert_eq!(found.boots.len(), 1);
    assert!(
        matches!(found.faults[..], [TraceError::Twice { .. }]),
        "{:?}",
        found.faults
    );
}

#[test]
fn nothing_may_follow_the_end_and_nothing_come_before_the_boot() {
    let dir = TempDir::new().unwrap();
    let begin = || Recorder::create(dir.path(), Limits::default(), header(), Boot::default()).unwrap();
    let mut recorder = begin();
    recorder.note(&Record::End);
    recorder.note(&Record::NoEffects);
    recorder.flush().unwrap();
    let read = |at: usize| read_dir(dir.path()).unwrap().boots[at].records().last().unwrap();
    assert!(matches!(read(0), Err(TraceError::Damaged { .. })));
    drop(recorder);
    let mut recorder = begin();
    recorder.note(&Record::Boot(Box::default()));
    recorder.flush().unwrap();
    assert!(matches!(read(1), Err(TraceError::Damaged { .. })));
}

proptest! {
    #[test]
    fn hostile_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400), packed in any::<bool>()) {
        let dir = TempDir::new().unwrap();
        let name = if packed { "s1-b000001-000000.trace.zst" } else { "s1-b000001-000000.trace" };
        fs::write(dir.path().join(name), &bytes).unwrap();
        let (entries, _) = read(dir.path());
        prop_assert!(entries.is_empty());
    }

    #[test]
    fn hostile_records_in_a_sound_frame_never_panic(bytes in prop::collection::vec(any::<u8>(), 1..200)) {
        let _ = postcard::take_from_bytes::<Record>(&bytes);
        let dir = TempDir::new().unwrap();
        record_killed(dir.path(), 1);
        let file = the_file(&dir);
        let mut records = read_dir(dir.path()).unwrap().boots[0].records();
        records.by_ref().for_each(drop);
        let mut header = FrameHeader {
            bytes: bytes.len() as u32,
            records: 1,
            after_us: 0,
            crc: crc32c::crc32c(&bytes),
            chain: 0,
        };
        header.chain = header.chained_to(records.chain_value().get());
        let mut out = fs::read(&file).unwrap();
        for word in [header.bytes, header.records, header.after_us, header.crc] {
            out.extend_from_slice(&word.to_le_bytes());
        }
        out.extend_from_slice(&header.chain.to_le_bytes());
        out.extend_from_slice(&bytes);
        fs::write(&file, out).unwrap();
        let (entries, _) = read(dir.path());
        prop_assert!(entries.len() >= 3);
    }
}
