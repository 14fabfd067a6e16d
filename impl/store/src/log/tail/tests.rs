use super::SECTOR_BYTES;
use crate::error::Error;
use crate::log::{LogEntry, format};
use crate::testing::*;
use crate::{BootImage, Store};
use std::fs;

const LOG: &str = "log.100000001";

/// A directory whose one log has `acked` synced, and `lost` written after that.
struct Crashed {
    dir: Dir,
    acked: Vec<LogEntry>,
    lost: Vec<LogEntry>,
    /// The file as it is with all of both.
    file: Vec<u8>,
    /// Where the batch begins that was not synced, and where it ends.
    batch: std::ops::Range<usize>,
}

impl Crashed {
    fn new(acked: Vec<LogEntry>, lost: Vec<LogEntry>) -> Self {
        let dir = Dir::begun();
        let (mut store, _) = dir.open();
        store.log.append(&acked).expect("appended");
        store.log.sync().expect("synced");
        store.log.append(&lost).expect("appended");
        drop(store);
        let file = fs::read(dir.file(LOG)).expect("read");
        let length = |entries: &[LogEntry]| {
            entries
                .iter()
                .map(|e| e.bytes.len() + format::FRAME_BYTES)
                .sum::<usize>()
        };
        let start = 16 + length(&acked);
        let batch = start..start + length(&lost);
        Self {
            dir,
            acked,
            lost,
            file,
            batch,
        }
    }

    /// As if the power had failed while the batch was being written: with that file.
    fn reopen(&self, file: &[u8]) -> (Store, BootImage) {
        fs::write(self.dir.file(LOG), file).expect("written");
        self.dir.open()
    }

    /// All that was acknowledged is there, and of the rest a beginning, and the server is well.
    fn check(&self, file: &[u8], what: &str) -> usize {
        let (mut store, image) = self.reopen(file);
        assert_eq!(image.damage.map(|e| e.to_string()), None, "{what}");
        let read = all(&store);
        assert!(read.len() >= self.acked.len(), "{what}: {} are left", read.len());
        let wanted: Vec<_> = self.acked.iter().chain(&self.lost).cloned().collect();
        assert_eq!(read, wanted[..read.len()], "{what}");
        // What was cut cannot come back, and the log goes on.
        let next = wanted[read.len() - 1].zxid.counter() + 1;
        store.log.append(&[entry(1, next, 5)]).expect("appended");
        store.log.sync().expect("synced");
        drop(store);
        let (store, image) = self.dir.open();
        assert!(image.damage.is_none() && image.log.torn.is_none(), "{what}");
        assert_eq!(all(&store).len(), read.len() + 1, "{what}");
        drop(store);
        fs::remove_file(self.dir.file(&format!("log.1{next:08x}"))).expect("removed");
        read.len() - self.acked.len()
    }
}

#[test]
fn any_beginning_of_an_unsynced_batch_is_cut_to_whole_records() {
    let crashed = Crashed::new(entries(1, 1..=3, 60), entries(1, 4..=6, 60));
    let record = crashed.lost[0].bytes.len() + format::FRAME_BYTES;
    for end in crashed.batch.clone() {
        let mut file = crashed.file.clone();
        file[end..crashed.batch.end].fill(0);
        let kept = crashed.check(&file, &format!("cut at {end}"));
        assert_eq!(kept, (end - crashed.batch.start) / record);
    }
}

#[test]
fn a_file_that_ends_within_the_batch_is_cut_to_whole_records() {
    let crashed = Crashed::new(entries(1, 1..=3, 60), entries(1, 4..=6, 60));
    for end in crashed.batch.clone() {
        crashed.check(&crashed.file[..end], &format!("ends at {end}"));
    }
}

#[test]
fn sectors_of_an_unsynced_batch_may_be_missing_anywhere() {
    let crashed = Crashed::new(entries(1, 1..=3, 60), entries(1, 4..=11, 250));
    let sector = SECTOR_BYTES as usize;
    let sectors: Vec<_> = (crashed.batch.start / sector..=(crashed.batch.end - 1) / sector).collect();
    assert!(sectors.len() >= 4 && sectors.len() < 8);
    for missing in 0..1u32 << sectors.len() {
        let mut file = crashed.file.clone();
        for (i, sector_number) in sectors.iter().enumerate() {
            if missing >> i & 1 == 1 {
                let range = sector_number * sector..(sector_number + 1) * sector;
                file[range.start.max(crashed.batch.start)..range.end].fill(0);
            }
        }
        crashed.check(&file, &format!("missing {missing:b}"));
    }
}

#[test]
fn the_note_of_the_last_sync_may_be_an_older_one() {
    let crashed = Crashed::new(entries(1, 1..=3, 60), entries(1, 4..=6, 60));
    let mut older = crashed.file.clone();
    let file_bytes = older.len();
    // As it was when the file was begun.
    fs::write(crashed.dir.file(LOG), &older).expect("written");
    let file = fs::OpenOptions::new()
        .write(true)
        .open(crashed.dir.file(LOG))
        .expect("opened");
    crate::log::watermark::write(&file, file_bytes as u64, 16).expect("written");
    older = fs::read(crashed.dir.file(LOG)).expect("read");
    for end in crashed.batch.clone() {
        let mut torn = older.clone();
        torn[end..crashed.batch.end].fill(0);
        crashed.check(&torn, &format!("cut at {end}"));
    }
}

/// Flips each bit of the file before `end`; acknowledged entries are all there, or damage is reported.
fn nothing_acknowledged_is_dropped_silently(crashed: &Crashed, file: &[u8], end: usize, acked: &[LogEntry]) {
    let mut reported = 0;
    for bit in 0..end * 8 {
        let mut flipped = file.to_vec();
        flipped[bit / 8] ^= 1 << (bit % 8);
        fs::write(crashed.dir.file(LOG), &flipped).expect("written");
        match crashed.dir.try_open() {
            Err(error) => {
                assert!(matches!(error, Error::TooNew { .. }), "bit {bit}: {error}");
                assert!((32..64).contains(&bit), "bit {bit}: the version alone");
                reported += 1;
            }
            Ok((mut store, image)) => match &image.damage {
                Some(error) => {
                    assert!(matches!(error, Error::Corrupt { .. }), "bit {bit}: {error}");
                    assert!(error.to_string().contains(LOG), "bit {bit}: {error}");
                    let refused = store.log.append(&[entry(1, 9, 5)]);
                    assert_eq!(
                        refused.expect_err("nothing is appended to it").to_string(),
                        error.to_string()
                    );
                    reported += 1;
                }
                None => {
                    let read = all(&store);
                    assert!(
                        read.len() >= acked.len() && read[..acked.len()] == *acked,
                        "bit {bit}"
                    );
                }
            },
        }
    }
    assert!(
        reported > end * 7,
        "{reported} of {} flips were reported",
        end * 8
    );
}

#[test]
fn no_flipped_bit_drops_what_was_synced() {
    let crashed = Crashed::new(entries(1, 1..=3, 30), vec![]);
    let end = crashed.batch.start;
    nothing_acknowledged_is_dropped_silently(&crashed, &crashed.file, end, &crashed.acked);
}

#[test]
fn no_flipped_bit_drops_what_was_synced_when_the_note_was_lost() {
    let crashed = Crashed::new(entries(1, 1..=3, 30), vec![]);
    let mut file = crashed.file.clone();
    let note = file.len() - SECTOR_BYTES as usize;
    file[note..].fill(0);
    nothing_acknowledged_is_dropped_silently(&crashed, &file, crashed.batch.start, &crashed.acked);
}

#[test]
fn no_flipped_bit_drops_what_apache_wrote() {
    let crashed = Crashed::new(entries(1, 1..=3, 30), vec![]);
    // Apache's file: it may end with the records, or in zeros of any length.
    let end = crashed.batch.start;
    nothing_acknowledged_is_dropped_silently(&crashed, &crashed.file[..end], end, &crashed.acked);
}

#[test]
fn a_flipped_bit_behind_the_records_stops_nobody() {
    let crashed = Crashed::new(entries(1, 1..=2, 30), vec![]);
    let note = crashed.file.len() - SECTOR_BYTES as usize;
    let next_record = crashed.batch.start..crashed.batch.start + format::PREFIX_BYTES;
    for offset in crashed.batch.start..crashed.file.len() {
        if offset > next_record.end + 600 && offset % 7 != 0 {
            continue;
        }
        let mut file = crashed.file.clone();
        file[offset] ^= 0x10;
        let (store, image) = crashed.reopen(&file);
        // Right behind the last record it may look like a damaged one, and a damaged note may look like data.
        let known = !next_record.contains(&offset) && offset < note;
        assert!(
            image.damage.is_none() || !known,
            "offset {offset}: {:?}",
            image.damage
        );
        assert!(
            image.damage.is_some() || all(&store) == crashed.acked,
            "offset {offset}"
        );
    }
}

#[test]
fn a_log_under_another_name_is_damage() {
    let dir = Dir::begun();
    let (mut store, _) = dir.open();
    store.log.append(&entries(1, 1..=3, 60)).expect("appended");
    store.log.sync().expect("synced");
    drop(store);
    fs::rename(dir.file(LOG), dir.file("log.100000002")).expect("renamed");
    let error = dir.open().1.damage.expect("damage").to_string();
    assert!(
        error.contains("log.100000002") && error.contains("0x100000001"),
        "{error}"
    );
}

#[test]
fn a_synced_record_that_turned_to_zeros_is_damage() {
    let crashed = Crashed::new(entries(1, 1..=3, 60), vec![]);
    let record = crashed.acked[0].bytes.len() + format::FRAME_BYTES;
    let mut file = crashed.file.clone();
    file[16 + 2 * record..crashed.batch.start].fill(0);
    let (_, image) = crashed.reopen(&file);
    let error = image.damage.expect("damage").to_string();
    assert!(error.contains("was synced"), "{error}");
    assert_eq!(image.log.last, Some(zxid(1, 2)));
}

#[test]
fn a_torn_end_of_a_file_that_is_not_the_last_is_damage() {
    let dir = Dir::begun();
    let (mut store, _) = dir.open();
    store.log.append(&entries(1, 1..=3, 60)).expect("appended");
    store.log.roll().expect("rolled");
    store.log.append(&entries(1, 4..=6, 60)).expect("appended");
    store.log.sync().expect("synced");
    drop(store);
    let file = fs::read(dir.file(LOG)).expect("read");
    for cut in [1, 20, 100] {
        fs::write(dir.file(LOG), &file[..file.len() - cut]).expect("written");
        let (_, image) = dir.open();
        let error = image.damage.expect("damage").to_string();
        assert!(error.contains(LOG) && error.contains("later log file"), "{error}");
        assert_eq!(
            image.log.damage.len(),
            1,
            "one fault is told once: {:?}",
            image.log.damage
        );
    }
}

#[test]
fn a_missing_log_file_is_damage() {
    let dir = Dir::begun();
    for first in [1, 4, 7] {
        let (mut store, _) = dir.open();
        store
            .log
            .append(&entries(1, first..=first + 2, 60))
            .expect("appended");
        store.log.sync().expect("synced");
    }
    for missing in ["log.100000001", "log.100000004"] {
        let copy = dir.copy();
        fs::remove_file(copy.file(missing)).expect("removed");
        let (_, image) = copy.open();
        assert!(
            matches!(image.damage, Some(Error::Hole { .. })),
            "{:?}",
            image.damage
        );
    }
}

#[test]
fn damage_that_a_snapshot_covers_stops_nobody() {
    let dir = Dir::begun();
    for first in [1, 4, 7] {
        let (mut store, _) = dir.open();
        store
            .log
            .append(&entries(1, first..=first + 2, 60))
            .expect("appended");
        store.log.sync().expect("synced");
    }
    flip(&dir.file("log.100000001"), 200, 0);
    assert!(dir.copy().open().1.damage.is_some());
    let (store, _) = dir.open();
    store.snapshots.write(&tree(zxid(1, 5), 1)).expect("written");
    drop(store);
    let (mut store, image) = dir.open();
    assert_eq!(image.damage.map(|e| e.to_string()), None);
    assert_eq!(image.log.damage.len(), 1, "it is still told");
    store.log.append(&[entry(1, 10, 5)]).expect("appended");
}

#[test]
fn an_unfinished_first_file_of_apaches_is_no_damage() {
    for bytes in [&b""[..], b"ZKLG", b"ZKLG\0\0\0\x02\0\0\0\0\0\0\0\0", &[0; 100]] {
        let dir = Dir::begun();
        fs::write(dir.file("log.1"), bytes).expect("written");
        let (mut store, image) = dir.open();
        assert_eq!(image.damage.map(|e| e.to_string()), None, "{bytes:?}");
        assert_eq!(dir.plain_names(), ["snapshot.0"]);
        store
            .log
            .append(&[entry(0, 1, 5)])
            .expect("the name is free again");
    }
}
