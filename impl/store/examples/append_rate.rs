//! How fast does the log append, and what does writing ahead buy?
//!
//! `cargo run --release -p quorate-store --example append_rate [DIR] [SECONDS]` appends entries of 170 bytes to a
//! log in DIR, with one sync per batch, and the same to a file that grows and to a sparse one, as Apache's.

use bytes::Bytes;
use quorate_store::{Layout, LogEntry, Store, StoreOptions};
use quorate_zab::{Epoch, Zxid};
use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const ENTRY_BYTES: usize = 170;

fn main() {
    let mut args = std::env::args().skip(1);
    let dir = args
        .next()
        .map_or_else(|| PathBuf::from("append_rate.tmp"), PathBuf::from);
    let seconds = args
        .next()
        .map_or(3, |text| text.parse().expect("SECONDS is a number"));
    let time = Duration::from_secs(seconds);
    println!(
        "{:<26} {:>6} {:>12} {:>10} {:>10} {:>10}",
        "log", "batch", "appends/s", "p50 us", "p99 us", "max us"
    );
    for batch in [1, 16, 256] {
        for (name, run) in [
            (
                "written ahead",
                written_ahead as fn(&Path, usize, Duration) -> Vec<Duration>,
            ),
            ("sparse, 64 MiB (Apache)", sparse),
            ("growing", growing),
        ] {
            let _ = fs::remove_dir_all(&dir);
            fs::create_dir_all(&dir).expect("the directory can be made");
            let started = Instant::now();
            let mut syncs = run(&dir, batch, time);
            let rate = (syncs.len() * batch) as f64 / started.elapsed().as_secs_f64();
            syncs.sort_unstable();
            let at = |part: f64| syncs[((syncs.len() - 1) as f64 * part) as usize].as_secs_f64() * 1e6;
            println!(
                "{name:<26} {batch:>6} {rate:>12.0} {:>10.0} {:>10.0} {:>10.0}",
                at(0.5),
                at(0.99),
                at(1.0)
            );
        }
    }
    let _ = fs::remove_dir_all(&dir);
}

fn entry(counter: u32) -> LogEntry {
    let zxid = Zxid::new(Epoch::new(1), counter);
    let mut bytes = vec![7; ENTRY_BYTES];
    bytes[12..20].copy_from_slice(&zxid.bits().to_be_bytes());
    LogEntry {
        zxid,
        bytes: Bytes::from(bytes),
    }
}

fn repeat(time: Duration, mut step: impl FnMut()) -> Vec<Duration> {
    let started = Instant::now();
    let mut syncs = Vec::new();
    while started.elapsed() < time {
        let before = Instant::now();
        step();
        syncs.push(before.elapsed());
    }
    syncs
}

fn written_ahead(dir: &Path, batch: usize, time: Duration) -> Vec<Duration> {
    let (mut store, _) =
        Store::open(StoreOptions::new(Layout::new(dir, None), None)).expect("the store opens");
    let mut counter = 0;
    repeat(time, || {
        let entries: Vec<_> = (0..batch as u32).map(|i| entry(counter + i + 1)).collect();
        counter += batch as u32;
        store.log.append(&entries).expect("it appends");
        store.log.sync().expect("it syncs");
    })
}

fn plain(dir: &Path, batch: usize, time: Duration, ahead: u64) -> Vec<Duration> {
    let file: File = OpenOptions::new()
        .create(true)
        .truncate(true)
        .write(true)
        .open(dir.join("plain"))
        .expect("a file");
    let piece = vec![7; batch * (ENTRY_BYTES + 13)];
    let (mut at, mut end) = (0, 0);
    repeat(time, || {
        if ahead > 0 && at + 4096 >= end {
            end += ahead;
            file.set_len(end).expect("it grows");
        }
        file.write_all_at(&piece, at).expect("it writes");
        file.sync_data().expect("it syncs");
        at += piece.len() as u64;
    })
}

fn sparse(dir: &Path, batch: usize, time: Duration) -> Vec<Duration> {
    plain(dir, batch, time, 64 << 20)
}

fn growing(dir: &Path, batch: usize, time: Duration) -> Vec<Duration> {
    plain(dir, batch, time, 0)
}
