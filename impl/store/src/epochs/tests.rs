use super::{Epochs, read};
use crate::durable::fuse;
use crate::error::Error;
use crate::testing::*;
use quorate_zab::Epoch;
use std::fs;

fn epoch(number: u32) -> Option<Epoch> {
    Some(Epoch::new(number))
}

#[test]
fn the_files_are_apaches() {
    let dir = Dir::new();
    let (mut store, image) = dir.open();
    assert_eq!(image.epochs, Epochs::default());
    store.epochs.write_accepted(Epoch::new(2)).expect("written");
    store.epochs.write_current(Epoch::new(2)).expect("written");
    for file in vectors()["epoch_files"].as_array().expect("files") {
        let name = file["file"].as_str().expect("a name");
        assert_eq!(
            fs::read(dir.file(name)).expect("read"),
            unhex(&file["hex"]),
            "{name}"
        );
    }
    assert_eq!(store.epochs.read().expect("read").accepted, epoch(2));
}

#[test]
fn what_apache_writes_is_read_and_replaces_ours() {
    let dir = Dir::new();
    let (mut store, _) = dir.open();
    store.epochs.write_accepted(Epoch::new(9)).expect("written");
    drop(store);
    for name in ["acceptedEpoch", "currentEpoch"] {
        // As Apache does it: another file in its place.
        fs::write(dir.file("new"), "12").expect("written");
        fs::rename(dir.file("new"), dir.file(name)).expect("renamed");
    }
    let (_, image) = dir.open();
    assert_eq!(
        (image.epochs.accepted, image.epochs.current),
        (epoch(12), epoch(12))
    );
}

#[test]
fn the_announced_epoch_is_a_fact_until_it_is_written_or_retracted() {
    let dir = Dir::new();
    let (mut store, _) = dir.open();
    store.epochs.announce_current(Epoch::new(5)).expect("written");
    drop(store);
    let (mut store, image) = dir.open();
    assert_eq!((image.epochs.current, image.epochs.current_tmp), (None, epoch(5)));
    store.epochs.write_current(Epoch::new(5)).expect("written");
    assert_eq!(store.epochs.read().expect("read").current_tmp, None);
    store.epochs.announce_current(Epoch::new(6)).expect("written");
    store.epochs.retract_current().expect("removed");
    assert_eq!(store.epochs.read().expect("read").current_tmp, None);
}

#[test]
fn what_is_no_epoch_is_refused_with_file_and_remedy() {
    for text in [
        "",
        "x",
        "-1",
        "4294967296",
        "1 2",
        " 1",
        "99999999999999999999",
        "\u{0}",
    ] {
        let dir = Dir::new();
        drop(dir.open());
        fs::write(dir.file("currentEpoch"), text).expect("written");
        let error = dir.try_open().map(drop).expect_err(text);
        assert!(matches!(error, Error::BadText { .. }), "{text:?}: {error}");
        let told = error.to_string();
        assert!(told.contains("currentEpoch") && told.contains("Remedy"), "{told}");
    }
    let dir = Dir::new();
    drop(dir.open());
    fs::write(dir.file("acceptedEpoch"), "7\n").expect("written");
    assert_eq!(
        dir.open().1.epochs.accepted,
        epoch(7),
        "an editor's newline does no harm"
    );
}

#[test]
fn garbage_in_the_temporary_file_is_ignored() {
    let dir = Dir::new();
    drop(dir.open());
    fs::write(dir.file("currentEpoch.tmp"), "").expect("written");
    assert_eq!(dir.open().1.epochs, Epochs::default());
}

#[test]
fn a_flipped_bit_makes_no_other_epoch() {
    let dir = Dir::new();
    let (mut store, _) = dir.open();
    store.epochs.write_accepted(Epoch::new(31)).expect("written");
    drop(store);
    let path = dir.file("acceptedEpoch");
    for bit in 0..16 {
        // The disk does that without touching the times.
        let modified = fs::metadata(&path).expect("a file").modified().expect("a time");
        let file = fs::OpenOptions::new().write(true).open(&path).expect("opened");
        let mut bytes = *b"31";
        bytes[bit / 8] ^= 1 << (bit % 8);
        std::os::unix::fs::FileExt::write_all_at(&file, &bytes, 0).expect("written");
        file.set_modified(modified).expect("set");
        drop(file);
        assert_eq!(
            read(&dir.version_2()).expect("healed").accepted,
            epoch(31),
            "bit {bit}"
        );
        assert_eq!(fs::read(&path).expect("read"), b"31", "bit {bit}");
    }
}

#[test]
fn a_lost_file_is_known_by_its_witness() {
    let dir = Dir::new();
    let (mut store, _) = dir.open();
    store.epochs.write_current(Epoch::new(3)).expect("written");
    drop(store);
    fs::remove_file(dir.file("currentEpoch")).expect("removed");
    assert_eq!(dir.open().1.epochs.current, epoch(3));
    assert_eq!(fs::read(dir.file("currentEpoch")).expect("read"), b"3");
}

#[test]
fn a_flipped_bit_in_the_witness_changes_nothing() {
    let dir = Dir::new();
    let (mut store, _) = dir.open();
    store.epochs.write_current(Epoch::new(3)).expect("written");
    drop(store);
    let length = fs::read(dir.file("quorate.currentEpoch")).expect("read").len();
    for offset in 0..length {
        flip(&dir.file("quorate.currentEpoch"), offset, 0);
        assert_eq!(
            read(&dir.version_2()).expect("read").current,
            epoch(3),
            "offset {offset}"
        );
        flip(&dir.file("quorate.currentEpoch"), offset, 0);
    }
}

#[test]
fn a_crash_leaves_the_old_epoch_or_the_new() {
    let dir = Dir::new();
    let (mut store, _) = dir.open();
    store.epochs.write_accepted(Epoch::new(3)).expect("written");
    drop(store);
    for steps in 0.. {
        let copy = Dir::new();
        // Hard links would share the inode; a copy is another file, so write it anew.
        let (mut store, _) = copy.open();
        store.epochs.write_accepted(Epoch::new(3)).expect("written");
        let (written, short) = fuse::after(steps, || store.epochs.write_accepted(Epoch::new(4)));
        assert_eq!(written.is_err(), short);
        if short {
            store
                .epochs
                .write_accepted(Epoch::new(5))
                .expect_err("a failure is final");
        }
        drop(store);
        let accepted = copy.open().1.epochs.accepted;
        assert!(
            accepted == epoch(4) || short && accepted == epoch(3),
            "step {steps}: {accepted:?}"
        );
        if !short {
            assert!(steps > 4);
            break;
        }
    }
}
