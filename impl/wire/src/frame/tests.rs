use super::*;
use proptest::prelude::*;

fn read(bytes: &[u8]) -> BytesMut {
    BytesMut::from(bytes)
}

#[test]
fn a_frame_is_taken_only_when_it_is_whole() {
    let whole = [0, 0, 0, 2, b'a', b'b', b'c'];
    for cut in 0..6 {
        let mut part = read(&whole[..cut]);
        assert_eq!(take_frame(&mut part, 100), Ok(None));
        assert_eq!(part, whole[..cut], "nothing is consumed");
    }
    let mut all = read(&whole);
    assert_eq!(take_frame(&mut all, 2), Ok(Some(Bytes::from_static(b"ab"))));
    assert_eq!(all, b"c"[..]);
}

#[test]
fn a_length_out_of_bounds_is_refused_before_anything_is_reserved() {
    for (prefix, length) in [
        ([0xff, 0xff, 0xff, 0xff], -1),
        ([0, 0, 1, 1], 257),
        ([0x7f, 0xff, 0xff, 0xff], i32::MAX),
    ] {
        let mut part = read(&prefix);
        let capacity = part.capacity();
        assert_eq!(take_frame(&mut part, 256), Err(FrameError { length, max: 256 }));
        assert_eq!(part.capacity(), capacity);
    }
    assert_eq!(take_frame(&mut read(&[0, 0, 1, 0]), 256), Ok(None));
}

#[test]
fn an_empty_frame_is_a_frame() {
    assert_eq!(take_frame(&mut read(&[0; 4]), 0), Ok(Some(Bytes::new())));
}

#[test]
fn every_four_letter_word_is_recognized_and_is_no_length() {
    for word in FourLetterWord::ALL {
        let first: [u8; 4] = word.as_str().as_bytes().try_into().unwrap();
        assert_eq!(FourLetterWord::recognize(first), Some(word));
        assert!(take_frame(&mut read(&first), CLIENT_FRAME_BYTES_MAX).is_err());
    }
    assert_eq!(FourLetterWord::recognize([0, 0, 0, 45]), None);
    assert_eq!(FourLetterWord::recognize(*b"RUOK"), None);
}

proptest! {
    #[test]
    fn frames_arrive_as_they_were_written_however_the_bytes_are_cut(
        bodies in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..20), 0..5),
        step in 1..9usize,
    ) {
        let mut sent = BytesMut::new();
        for body in &bodies {
            put_frame(&mut sent, |out| out.extend_from_slice(body));
        }
        let (mut part, mut arrived) = (BytesMut::new(), Vec::new());
        for piece in sent.chunks(step) {
            part.extend_from_slice(piece);
            while let Some(frame) = take_frame(&mut part, 20).unwrap() {
                arrived.push(frame.to_vec());
            }
        }
        prop_assert_eq!(arrived, bodies);
    }

    #[test]
    fn any_bytes_are_frames_or_refused(bytes: Vec<u8>) {
        let mut part = read(&bytes);
        while let Ok(Some(frame)) = take_frame(&mut part, 64) {
            prop_assert!(frame.len() <= 64);
        }
        prop_assert!(part.capacity() <= bytes.len().max(68) * 2 + 64);
    }
}
