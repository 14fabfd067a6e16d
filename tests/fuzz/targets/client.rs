//! What a client sends: a handshake and requests, in one piece and in many.
//!
//! The first byte says how the rest is taken: 0 as the stream of a connection, else as the body of the operation
//! with that number in the list of all.
#![no_main]

use bytes::{Bytes, BytesMut};
use libfuzzer_sys::fuzz_target;
use quorate_fuzz::bounded;
use quorate_fuzz::records::{Field, Walker};
use quorate_wire::client::{ConnectRequest, ConnectResponse, Opcode, Request, RequestHeader};
use quorate_wire::frame::{CLIENT_FRAME_BYTES_MAX, put_frame, take_frame};

fuzz_target!(|input: &[u8]| {
    let Some((&how, rest)) = input.split_first() else {
        return;
    };
    match how {
        0 => stream(rest),
        how => body(Opcode::ALL[usize::from(how - 1) % Opcode::ALL.len()], rest),
    }
});

/// The frames of a connection, and what of it is no frame.
fn frames(mut read: BytesMut) -> (Vec<Bytes>, Option<BytesMut>) {
    let mut frames = Vec::new();
    loop {
        match take_frame(&mut read, CLIENT_FRAME_BYTES_MAX) {
            Ok(Some(frame)) => frames.push(frame),
            Ok(None) => return (frames, Some(read)),
            Err(_) => return (frames, None),
        }
    }
}

fn stream(bytes: &[u8]) {
    // A claimed length makes room for one frame, no more.
    let (found, rest) = bounded(bytes.len(), 4 << 20, 64, || frames(BytesMut::from(bytes)));
    let mut again = BytesMut::new();
    for frame in &found {
        put_frame(&mut again, |out| out.extend_from_slice(frame));
    }
    if let Some(rest) = rest {
        again.extend_from_slice(&rest);
        assert_eq!(again, bytes, "frames are the stream");
    } else {
        assert!(bytes.starts_with(&again));
    }
    // In pieces the same is found.
    let mut read = BytesMut::new();
    let mut in_pieces = Vec::new();
    'all: for piece in bytes.chunks(7) {
        read.extend_from_slice(piece);
        loop {
            match take_frame(&mut read, CLIENT_FRAME_BYTES_MAX) {
                Ok(Some(frame)) => in_pieces.push(frame),
                Ok(None) => break,
                Err(_) => break 'all,
            }
        }
    }
    assert_eq!(in_pieces, found);
    let mut found = found.into_iter();
    if let Some(first) = found.next() {
        handshake(&first);
    }
    for frame in found {
        let Ok(header) = RequestHeader::decode(&frame) else {
            assert!(frame.len() < RequestHeader::BYTES);
            continue;
        };
        let mut again = BytesMut::new();
        header.encode(&mut again);
        assert!(frame.starts_with(&again));
        if let Some(opcode) = Opcode::from_number(header.opcode) {
            body(opcode, &frame[RequestHeader::BYTES..]);
        }
    }
}

fn handshake(frame: &[u8]) {
    use Field::{Buffer, Int, Long};
    let mut walker = Walker::new(frame);
    let walked = walker.fields(&[Int, Long, Int, Long, Buffer]);
    let decoded = bounded(frame.len(), 4096, 2, || ConnectRequest::decode(frame));
    assert_eq!(decoded.is_ok(), walked.is_ok(), "{decoded:?}");
    if let Ok(request) = decoded {
        assert_eq!(request.read_only.is_some(), walker.left() > 0);
        if request.read_only.is_some() {
            walker.fields(&[Field::Bool]).expect("there is a byte");
        }
        let mut again = BytesMut::new();
        request.encode(&mut again);
        if walker.canonical {
            assert_eq!(again[4..], frame[..walker.taken()]);
        }
    }
    // The client of the shell reads these.
    let _ = ConnectResponse::decode(frame);
}

fn body(opcode: Opcode, bytes: &[u8]) {
    let mut walker = Walker::new(bytes);
    let walked = walker.request(opcode);
    // A null path or an access-control entry of nothing is the smallest element of a vector: 4 and 12 bytes, which
    // become 24 and 56, and a vector that grows has been there twice.
    let decoded = bounded(bytes.len(), 4096, 40, || Request::decode(opcode, bytes));
    assert_eq!(decoded.is_ok(), walked.is_ok(), "{opcode:?}: {decoded:?}");
    let Ok(request) = decoded else { return };
    assert_eq!(request.opcode(), opcode);
    let mut again = BytesMut::new();
    request.encode_body(&mut again);
    if walker.canonical {
        assert_eq!(again, bytes[..walker.taken()], "{request:?}");
    }
    assert_eq!(Request::decode(opcode, &again), Ok(request));
}
