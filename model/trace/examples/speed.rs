//! How fast is a trace written and read? Prints events per second and bytes per event.
//!
//! `cargo run --release -p quorate-trace --example speed`

use quorate_trace::{Boot, Digest, Header, Limits, Recorder, read_dir};
use quorate_zab::{Conn, Effect, Ensemble, Epoch, Input, Message, ServerId, Zxid};
use std::time::Instant;

const WRITES: u32 = 500_000;

fn main() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    for batch in [1, 4, 32] {
        let dir = dir.path().join(batch.to_string());
        let voters = Ensemble::majority([1, 2, 3].map(ServerId::new));
        let header = Header::new(ServerId::new(1), &voters, "speed", 1);
        let mut recorder =
            Recorder::create(&dir, Limits::default(), header, Boot::default()).expect("a trace begins");
        let began = Instant::now();
        let mut counter = 0;
        while counter < WRITES {
            lead(&mut recorder, counter, batch);
            counter += batch;
        }
        let took = began.elapsed().as_secs_f64();
        let events = recorder.records() as f64;
        recorder.finish().expect("the disk takes it");
        let found = read_dir(&dir).expect("the directory can be read");
        let files = found.boots.iter().flat_map(|boot| boot.files());
        let bytes: u64 = files
            .map(|file| file.metadata().map_or(0, |data| data.len()))
            .sum();
        println!(
            "batches of {batch:>2} writes: {:>5.2} M events/s written, {:.2} us of one core per write, {:.1} bytes per event on disk",
            events / took / 1e6,
            took * 1e6 / f64::from(WRITES),
            bytes as f64 / events,
        );
        let began = Instant::now();
        let read = found
            .boots
            .iter()
            .flat_map(|boot| boot.records())
            .filter(|entry| entry.is_ok())
            .count();
        let took = began.elapsed().as_secs_f64();
        println!(
            "                     {:>5.2} M events/s read",
            read as f64 / took / 1e6
        );
    }
}

/// What a leader of three records of a batch of writes: it proposes, is told that they are durable, and
/// gets two acknowledgements for each.
fn lead(recorder: &mut Recorder, counter: u32, batch: u32) {
    let zxid = |at: u32| Zxid::new(Epoch::new(3), counter + at + 1);
    let digest = |at: u32| Digest::of(&(counter + at).to_le_bytes());
    let conns = [Conn::new(1), Conn::new(2)];
    for at in 0..batch {
        let (zxid, payload) = (zxid(at), digest(at));
        recorder.server_input(&Input::Propose { zxid, payload }, None);
    }
    recorder.flush().expect("the disk takes it");
    for at in 0..batch {
        let (zxid, payload) = (zxid(at), digest(at));
        let message = Message::Proposal { zxid, payload };
        let [one, two] = conns.map(|conn| Effect::Send {
            conn,
            message: message.clone(),
        });
        recorder.server_effects(&[one, two, Effect::Append { zxid, payload }]);
    }
    recorder.flush().expect("the disk takes it");
    recorder.server_input(&Input::<Digest>::LogDurable { ops: batch }, None);
    for conn in conns {
        for at in 0..batch {
            let message = Message::Ack { zxid: zxid(at) };
            let number = Some(u64::from(counter + at));
            recorder.server_input(&Input::<Digest>::Message { conn, message }, number);
        }
    }
    recorder.flush().expect("the disk takes it");
    recorder.server_effects::<Digest>(&[]);
    for at in 0..batch {
        let message = Message::Commit { zxid: zxid(at) };
        let [one, two] = conns.map(|conn| Effect::<Digest>::Send {
            conn,
            message: message.clone(),
        });
        recorder.server_effects(&[one, two, Effect::Deliver { upto: zxid(at) }]);
        recorder.server_effects::<Digest>(&[]);
    }
    recorder.flush().expect("the disk takes it");
}
