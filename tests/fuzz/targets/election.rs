//! What a server says on the election port: who it is, and votes.
#![no_main]

use bytes::{Bytes, BytesMut};
use libfuzzer_sys::fuzz_target;
use quorate_fuzz::bounded;
use quorate_wire::election::{ADDRESSES_BYTES_MAX, InitialMessage, NotificationFrame};
use quorate_wire::frame::{ELECTION_FRAME_BYTES_MAX, take_frame};

fuzz_target!(|input: &[u8]| {
    let initial = bounded(input.len(), 4096, 64, || InitialMessage::decode(input));
    let taken = match initial {
        Ok(Some((message, taken))) => {
            introduced(&message, &input[..taken]);
            taken
        }
        Ok(None) => {
            // More is waited for only as long as more could make it whole.
            assert!(input.len() < 20 + ADDRESSES_BYTES_MAX);
            return;
        }
        // Votes alone.
        Err(_) => 0,
    };
    let mut read = BytesMut::from(&input[taken..]);
    loop {
        let frame = bounded(input.len(), 4 << 20, 2, || {
            take_frame(&mut read, ELECTION_FRAME_BYTES_MAX)
        });
        match frame {
            Ok(Some(frame)) => voted(&frame),
            Ok(None) | Err(_) => return,
        }
    }
});

fn introduced(message: &InitialMessage, bytes: &[u8]) {
    if message.addresses.is_empty() {
        assert_eq!(bytes, message.sid.to_be_bytes(), "the whole message of 3.4");
        return;
    }
    let text = &bytes[20..];
    let one = bytes[..8] == (-65_536_i64).to_be_bytes();
    if std::str::from_utf8(text).is_ok() {
        assert_eq!(message.addresses.join("|").as_bytes(), text);
        if one == (message.addresses.len() == 1) {
            let mut again = Vec::new();
            message.encode(&mut again);
            assert_eq!(again, bytes);
        }
    }
}

fn voted(frame: &Bytes) {
    let Ok(vote) = bounded(frame.len(), 4096, 1, || NotificationFrame::decode(frame)) else {
        return;
    };
    let mut again = BytesMut::new();
    vote.encode(&mut again);
    let again = again.split_off(4).freeze();
    if frame.len() != 28 {
        assert_eq!(again[..36], frame[..36], "state, vote and round");
    }
    if vote.version > 1 {
        assert_eq!(again, frame[..again.len()], "{vote:?}");
        assert!(vote.config.is_some());
    }
    // Older versions are written in 40 bytes, in which no version is read.
    let read = NotificationFrame::decode(&again).expect("what was written can be read");
    assert_eq!((read.notification, read.config), (vote.notification, vote.config));
}
