//! What learners and leaders say to each other: packets, the requests and transactions in them.
#![no_main]

use bytes::{Bytes, BytesMut};
use libfuzzer_sys::fuzz_target;
use quorate_fuzz::bounded;
use quorate_fuzz::records::Walker;
use quorate_wire::client::{Opcode, Request};
use quorate_wire::quorum::message::{put_revalidate, put_revalidated};
use quorate_wire::quorum::{Extras, FromLeader, FromLearner, QuorumPacket, put_message, take_packet};
use quorate_wire::txn::{decode_entry, encode_entry, entry_bytes, peek_header};

const DATA_MAX: usize = 1 << 20;

fuzz_target!(|input: &[u8]| {
    let mut read = BytesMut::from(input);
    let mut found = Vec::new();
    let whole = loop {
        let before = read.clone();
        let taken = bounded(read.len(), DATA_MAX as u64 * 2 + 4096, 64, || {
            take_packet(&mut read, DATA_MAX)
        });
        match taken {
            Ok(Some(packet)) => {
                written_again(&packet, &before[..before.len() - read.len()]);
                found.push(packet);
            }
            Ok(None) => break true,
            Err(_) => break false,
        }
    };
    // In pieces the same is found.
    let mut read = BytesMut::new();
    let mut count = 0;
    'all: for piece in input.chunks(11) {
        read.extend_from_slice(piece);
        loop {
            match take_packet(&mut read, DATA_MAX) {
                Ok(Some(packet)) => {
                    assert_eq!(packet, found[count]);
                    count += 1;
                }
                Ok(None) => break,
                Err(_) => {
                    assert!(!whole, "a stream is judged alike, however it comes");
                    break 'all;
                }
            }
        }
    }
    assert_eq!(count, found.len());
    for packet in found {
        from_learner(packet.clone());
        from_leader(packet);
    }
});

fn written_again(packet: &QuorumPacket, bytes: &[u8]) {
    let mut walker = Walker::new(bytes);
    walker.int().expect("a type");
    walker.long().expect("a zxid");
    walker.buffer().expect("data");
    let null = walker.clone().int().is_ok_and(|count| count == -1);
    if null {
        walker.int().expect("a count");
    } else {
        walker
            .vector(|walker| {
                for _ in 0..2 {
                    let text = walker.buffer()?;
                    walker.canonical &= text.is_some_and(|text| std::str::from_utf8(text).is_ok());
                }
                Ok(())
            })
            .expect("identities");
    }
    assert_eq!(walker.left(), 0);
    let mut again = BytesMut::new();
    packet.encode(&mut again);
    if walker.canonical {
        assert_eq!(again, bytes, "{packet:?}");
    }
    let read = take_packet(&mut again, DATA_MAX);
    assert_eq!(read, Ok(Some(packet.clone())));
}

fn first_data(packet: &QuorumPacket) -> Bytes {
    packet.data.clone().unwrap_or_default()
}

/// The packet of a message, and its data as far as the message says it, are what was read.
fn is_of(packet: &QuorumPacket, mut again: BytesMut) {
    let written = take_packet(&mut again, DATA_MAX)
        .expect("it can be read")
        .expect("it is whole");
    assert_eq!(written.kind, packet.kind);
    let data = first_data(&written);
    assert!(
        first_data(packet).starts_with(&data),
        "{written:?} instead of {packet:?}"
    );
}

fn from_learner(packet: QuorumPacket) {
    let bytes = first_data(&packet).len();
    let copy = packet.clone();
    let decoded = bounded(bytes, 4096, 8, || FromLearner::decode(copy));
    let Ok(decoded) = decoded else { return };
    let mut again = BytesMut::new();
    match decoded {
        FromLearner::Info { message, info } => {
            let extras = Extras {
                config_version: info.config_version,
                name: info.name,
                ..Extras::default()
            };
            // What an older learner left out is written as well, and what is newer than this is not.
            if bytes >= 20 && info.protocol == 0x10000 {
                put_message(&mut again, &message, &extras);
                is_of(&packet, again);
            }
        }
        FromLearner::Pong { message, touched } => {
            let extras = Extras {
                touched: packet.data.is_some().then_some(&touched),
                ..Extras::default()
            };
            put_message(&mut again, &message, &extras);
            is_of(&packet, again);
        }
        FromLearner::Message(message) => {
            // The zxid -1 is taken for an empty history, and data where none belongs is ignored.
            if packet.zxid != u64::MAX {
                put_message(&mut again, &message, &Extras::default());
                is_of(&packet, again);
            }
        }
        FromLearner::Request(request) => {
            request.encode(&mut again);
            let mut read = again;
            let written = take_packet(&mut read, DATA_MAX).expect("read").expect("whole");
            assert_eq!(
                (&written.data, &written.authinfo),
                (&packet.data, &packet.authinfo)
            );
            if let Some(opcode) = Opcode::from_number(request.opcode) {
                // A learner is not trusted to have read the body.
                let _ = bounded(bytes, 4096, 40, || Request::decode(opcode, &request.body));
            }
        }
        FromLearner::Revalidate(touch) => {
            put_revalidate(&mut again, touch);
            is_of(&packet, again);
        }
    }
}

fn from_leader(packet: QuorumPacket) {
    let bytes = first_data(&packet).len();
    let copy = packet.clone();
    let Ok(decoded) = bounded(bytes, 4096, 2, || FromLeader::decode(copy)) else {
        return;
    };
    let mut again = BytesMut::new();
    match decoded {
        FromLeader::Info { message, info } => {
            let extras = Extras {
                name: info.name,
                ..Extras::default()
            };
            if info.protocol == 0x10000 {
                put_message(&mut again, &message, &extras);
                is_of(&packet, again);
            }
        }
        FromLeader::NewLeader { message, config } => {
            let extras = Extras {
                config: config.as_deref(),
                ..Extras::default()
            };
            put_message(&mut again, &message, &extras);
            is_of(&packet, again);
        }
        FromLeader::Message(message) => {
            put_message(&mut again, &message, &Extras::default());
            is_of(&packet, again);
            if let quorate_zab::Message::Proposal { payload, .. }
            | quorate_zab::Message::Inform { payload, .. } = message
            {
                transaction(&payload);
            }
        }
        FromLeader::Revalidated { session, valid } => {
            put_revalidated(&mut again, session, valid);
            let data = first_data(&packet);
            if data[8] < 2 {
                is_of(&packet, again);
            }
        }
        FromLeader::CommitAndActivate { .. } => {}
        FromLeader::InformAndActivate { .. } => transaction(&first_data(&packet)[8..]),
    }
}

fn transaction(payload: &[u8]) {
    let mut walker = Walker::new(payload);
    let (header, kind) = peek_header(payload).expect("it was looked at");
    for _ in 0..4 {
        walker.long().expect("a header");
    }
    let walked = walker.transaction(kind);
    let decoded = bounded(payload.len(), 4096, 64, || decode_entry(payload));
    assert_eq!(decoded.is_ok(), walked.is_ok(), "{decoded:?}");
    let Ok(entry) = decoded else { return };
    assert_eq!(entry.header, header);
    let mut again = Vec::new();
    encode_entry(&entry, &mut again);
    assert_eq!(entry_bytes(&entry), again.len());
    if walker.canonical {
        assert_eq!(again, payload, "{entry:?}");
    }
    assert_eq!(decode_entry(&again), Ok(entry.clone()));
    let _ = entry.can_apply();
}
