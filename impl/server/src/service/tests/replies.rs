//! What a connection gets of what the service sends.

use crate::service::{Batch, Gauge, Replies, replies};
use bytes::BytesMut;

fn send(replies: &Replies, text: &str) -> bool {
    let mut bytes = BytesMut::from(text);
    let sent = replies.send(&mut bytes);
    assert!(bytes.is_empty());
    sent
}

#[test]
fn what_is_sent_in_rounds_is_taken_as_one() {
    let (replies, queue) = replies(100, Gauge::default());
    assert!(send(&replies, "one ") && send(&replies, "two"));
    assert_eq!(
        queue.take(),
        Batch {
            bytes: "one two".into(),
            closed: false
        }
    );
    assert_eq!(queue.take(), Batch::default());
}

#[test]
fn what_was_sent_before_the_close_is_still_taken_and_nothing_after_it() {
    let (replies, queue) = replies(100, Gauge::default());
    send(&replies, "bye");
    replies.close();
    assert!(!send(&replies, "more"));
    assert_eq!(
        queue.take(),
        Batch {
            bytes: "bye".into(),
            closed: true
        }
    );
}

#[test]
fn a_peer_that_reads_nothing_is_cut_off() {
    let (replies, queue) = replies(5, Gauge::default());
    assert!(
        send(&replies, "a long reply"),
        "one reply may be longer than the bound"
    );
    let Batch { bytes, closed: false } = queue.take() else {
        panic!("it is open")
    };
    assert!(!send(&replies, "x"), "what is being written counts as unread");
    assert_eq!(
        queue.take(),
        Batch {
            bytes: BytesMut::new(),
            closed: true
        }
    );
    queue.written(bytes);
    assert!(!send(&replies, "x"), "closed is for good");
}

#[test]
fn the_gauge_counts_what_is_not_answered_and_forgets_connections_that_go() {
    let gauge = Gauge::default();
    let (one, queue_of_one) = replies(5, gauge.clone());
    let (other, queue_of_other) = replies(5, gauge.clone());
    queue_of_one.asked(3);
    queue_of_other.asked(2);
    one.answered(1);
    assert_eq!((gauge.get(), queue_of_one.outstanding()), (4, 2));
    other.answered(7);
    assert_eq!((gauge.get(), queue_of_other.outstanding()), (2, 0));
    drop((one, queue_of_one));
    assert_eq!(gauge.get(), 0);
}
