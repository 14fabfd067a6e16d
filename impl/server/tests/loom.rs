//! Does any schedule of its threads break a shared cell? loom tries them all.
//!
//! The cells are the served files, built here from loom's types instead of `std`'s: no `--cfg loom`, which
//! would take the sockets out of tokio. A test fails when an assertion does in some schedule, or when
//! some schedule leaves everybody waiting.

#![allow(
    dead_code,
    unreachable_pub,
    missing_docs,
    reason = "the cells are parts of a crate that uses all of them"
)]

#[path = "loom/sync.rs"]
mod sync;

#[path = "../src/service/gauge.rs"]
mod gauge;
#[path = "../src/learner_port/numbers.rs"]
mod numbers;
#[path = "../src/links/progress.rs"]
mod progress;
#[path = "../src/log_thread/pulse.rs"]
mod pulse;
#[path = "../src/service/replies.rs"]
mod replies;
#[path = "../src/election_port/slot.rs"]
mod slot;
#[path = "../src/client/slots.rs"]
mod slots;

use bytes::BytesMut;
use gauge::{Gauge, Share};
use loom::sync::{Arc, Mutex, mpsc};
use loom::thread;
use numbers::Numbers;
use progress::Progress;
use pulse::Pulse;
use replies::{Replies, ReplyQueue};
use slot::PeerSlot;
use slots::Slots;
use std::net::{IpAddr, Ipv4Addr};
use sync::block_on;

/// The election slot: what is newest is always written, and nothing older after it.
mod a_peers_slot {
    use super::*;

    fn taken(slot: &PeerSlot<u32>) -> (u32, bool) {
        block_on(slot.next())
    }

    #[test]
    fn carries_the_newest_and_goes_forward_only() {
        loom::model(|| {
            let slot = Arc::new(PeerSlot::default());
            let switchboard = slot.clone();
            let putting = thread::spawn(move || {
                for newest in 1..=3 {
                    switchboard.put(newest);
                }
            });
            let mut last = 0;
            while last < 3 {
                let (next, again) = taken(&slot);
                assert!(next > last && !again, "{next} after {last}");
                last = next;
            }
            putting.join().unwrap();
        });
    }

    #[test]
    fn loses_nothing_between_one_connection_and_the_next() {
        loom::model(|| {
            let slot = Arc::new(PeerSlot::default());
            let switchboard = slot.clone();
            let putting = thread::spawn(move || {
                switchboard.put(1);
                switchboard.put(2);
            });
            slot.on_link_up();
            // The first connection loses what it took.
            let (lost, _) = taken(&slot);
            slot.on_link_up();
            let (first, again) = taken(&slot);
            assert!(first >= lost);
            assert_eq!(again, first == lost, "a repetition is told from a new one");
            if first < 2 {
                assert_eq!(taken(&slot), (2, false));
            }
            putting.join().unwrap();
        });
    }
}

/// Replies to a connection: all, in order, none slept through, and no more than the bound.
mod a_reply_queue {
    use super::*;

    const BYTES_MAX: usize = 2;

    /// What a connection's task does until it has written `bytes` and whether it is to close then.
    fn written_by(queue: &ReplyQueue, bytes: usize) -> (Vec<u8>, bool) {
        let mut all = Vec::new();
        loop {
            let batch = queue.take();
            all.extend_from_slice(&batch.bytes);
            if batch.closed || all.len() >= bytes {
                return (all, batch.closed);
            }
            if batch.bytes.is_empty() {
                block_on(queue.changed());
            } else {
                queue.written(batch.bytes);
            }
        }
    }

    fn send(replies: &Replies, bytes: &[u8]) -> bool {
        replies.send(&mut BytesMut::from(bytes))
    }

    #[test]
    fn brings_all_in_order_and_wakes_whoever_waits() {
        loom::model(|| {
            let (replies, queue) = replies::replies(100, Gauge::default());
            let connection = thread::spawn(move || written_by(&queue, 2));
            assert!(send(&replies, b"1") && send(&replies, b"2"));
            assert_eq!(connection.join().unwrap(), (b"12".to_vec(), false));
        });
    }

    #[test]
    fn closes_behind_what_was_sent() {
        loom::model(|| {
            let (replies, queue) = replies::replies(100, Gauge::default());
            let connection = thread::spawn(move || written_by(&queue, 2));
            assert!(send(&replies, b"1"));
            replies.close();
            assert_eq!(connection.join().unwrap(), (b"1".to_vec(), true));
        });
    }

    #[test]
    fn holds_no_more_than_its_bound_and_one_reply() {
        loom::model(|| {
            let (replies, queue) = replies::replies(BYTES_MAX, Gauge::default());
            let connection = thread::spawn(move || {
                let first = queue.take();
                assert!(first.bytes.len() <= BYTES_MAX + 2);
                // While it writes these, the second batch may come up to the bound with them.
                let second = queue.take();
                assert!(second.bytes.len() <= BYTES_MAX + 2);
                (first.bytes.len(), second.bytes.len())
            });
            let sent = [
                send(&replies, b"12"),
                send(&replies, b"34"),
                send(&replies, b"56"),
            ];
            let open = sent.iter().take_while(|&&open| open).count();
            assert!(sent.iter().skip(open).all(|&open| !open), "closed is for good");
            assert!(open >= 2, "what is within the bound is taken");
            connection.join().unwrap();
        });
    }

    /// A connection does not read while the server has enough to do and owes it an answer: the answer must
    /// find it, or it would sleep for ever.
    #[test]
    fn wakes_a_connection_that_is_held_back() {
        loom::model(|| {
            let gauge = Gauge::default();
            let (replies, queue) = replies::replies(100, gauge.clone());
            queue.asked(1);
            let service = thread::spawn(move || {
                replies.answered(1);
                send(&replies, b"1");
            });
            while queue.outstanding() > 0 && gauge.get() >= 1 {
                block_on(queue.changed());
            }
            service.join().unwrap();
            assert_eq!(gauge.get(), 0);
        });
    }
}

/// Requests without an answer: the count is never below zero, and zero when all is over.
mod the_gauge {
    use super::*;

    #[test]
    fn never_underflows_and_returns_to_zero() {
        loom::model(|| {
            let gauge = Gauge::default();
            let share = Arc::new(Share::of(gauge.clone()));
            let connection = share.clone();
            let asking = thread::spawn(move || {
                connection.asked(1);
                connection.asked(1);
            });
            // An answer to more than was asked counts for what was.
            share.answered(3);
            assert!(gauge.get() <= 2, "{} are not answered", gauge.get());
            asking.join().unwrap();
            assert_eq!(gauge.get(), share.outstanding() as usize);
            drop(share);
            assert_eq!(gauge.get(), 0);
        });
    }
}

/// Places for connections: never more than there are, and each comes back.
mod places {
    use super::*;

    const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));

    #[test]
    fn are_never_more_than_allowed_and_come_back() {
        loom::model(|| {
            let slots = Slots::new(1, 1);
            let taken = Arc::new(Mutex::new(0));
            let connections = [(); 2].map(|()| {
                let (slots, taken) = (slots.clone(), taken.clone());
                thread::spawn(move || {
                    let Some(place) = slots.take(CLIENT) else {
                        return;
                    };
                    *taken.lock().unwrap() += 1;
                    assert_eq!(*taken.lock().unwrap(), 1, "one place, one connection");
                    *taken.lock().unwrap() -= 1;
                    drop(place);
                })
            });
            for connection in connections {
                connection.join().unwrap();
            }
            assert!(slots.is_empty());
            assert!(slots.take(CLIENT).is_some());
        });
    }
}

/// What waits for the disk: counted until it is done, and a time that never goes back.
mod the_pulse {
    use super::*;

    #[test]
    fn counts_all_that_waits_and_nothing_when_all_is_done() {
        loom::model(|| {
            let pulse = Arc::new(Pulse::default());
            let (queue, work) = mpsc::channel();
            let disk = pulse.clone();
            let log = thread::spawn(move || {
                for _ in 0..2 {
                    let (ops, bytes) = work.recv().unwrap();
                    disk.done(ops, bytes, 10);
                }
            });
            for (ops, bytes) in [(1, 10), (2, 20)] {
                pulse.asked(ops, bytes, 5);
                queue.send((ops, bytes)).unwrap();
                assert!(pulse.lag_bytes() <= 30, "{} bytes wait", pulse.lag_bytes());
            }
            log.join().unwrap();
            assert_eq!(pulse.lag_bytes(), 0);
            assert_eq!(pulse.silent_ms(1_000_000), None, "an idle disk does not hang");
        });
    }

    /// The thread of the epoch files is held up after it has looked at the clock. Work that comes later to
    /// a disk that has none must not look as old as that.
    #[test]
    fn never_takes_new_work_for_old() {
        loom::model(|| {
            let pulse = Arc::new(Pulse::default());
            pulse.asked(1, 0, 0);
            let disk = pulse.clone();
            let epochs = thread::spawn(move || disk.done(1, 0, 100));
            let was_idle = pulse.silent_ms(200).is_none();
            pulse.asked(1, 0, 200);
            epochs.join().unwrap();
            let silent_ms = pulse.silent_ms(201).expect("there is something to do");
            assert!(
                silent_ms <= if was_idle { 1 } else { 101 },
                "silent for {silent_ms} ms"
            );
        });
    }
}

/// A writer's progress: what it owes is counted once, and what a peer may have read is counted first.
mod a_writers_progress {
    use super::*;

    #[test]
    fn is_counted_before_a_peer_can_know_and_ends_at_nothing() {
        loom::model(|| {
            let progress = Arc::new(Progress::default());
            let (queue, batches) = mpsc::channel();
            let wire = Arc::new(Mutex::new(0));
            let (writers, peers) = (progress.clone(), wire.clone());
            let writer = thread::spawn(move || {
                for _ in 0..2 {
                    let (messages, bytes) = batches.recv().unwrap();
                    writers.writing(messages);
                    *peers.lock().unwrap() += messages;
                    writers.wrote(bytes);
                }
            });
            for (messages, bytes) in [(1, 10), (2, 20)] {
                let waiting = progress.handing_over(bytes);
                assert!((bytes..=30).contains(&waiting), "{waiting} bytes wait");
                queue.send((messages, bytes)).unwrap();
            }
            let read = *wire.lock().unwrap();
            assert!(progress.messages() >= read, "a peer read what was not counted");
            writer.join().unwrap();
            assert_eq!((progress.handing_over(0), progress.messages()), (0, 3));
        });
    }
}

/// Numbers of connections: no two have the same.
mod numbers_of_connections {
    use super::*;

    #[test]
    fn are_given_once() {
        loom::model(|| {
            let numbers = Numbers::default();
            let others = numbers.clone();
            let calling = thread::spawn(move || [others.next(), others.next()]);
            let own = [numbers.next(), numbers.next()];
            let mut all = [own, calling.join().unwrap()].concat();
            all.sort_unstable();
            assert_eq!(
                all.iter().map(|conn| conn.get()).collect::<Vec<_>>(),
                [1, 2, 3, 4]
            );
        });
    }
}
