use super::*;
use crate::frame::{ELECTION_FRAME_BYTES_MAX, take_frame};
use proptest::prelude::*;

fn initial(version: i64, sid: i64, length: i32, addresses: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    out.put_i64(version);
    out.put_i64(sid);
    out.put_i32(length);
    out.put_slice(addresses);
    out
}

/// A notification of 40 bytes that looks, for s3, at 2:1 of round 5 and epoch 2.
fn forty() -> Vec<u8> {
    let mut out = Vec::new();
    out.put_i32(0);
    out.put_i64(3);
    out.put_u64(0x2_0000_0001);
    out.put_i64(5);
    out.put_i64(2);
    out.put_i32(77);
    out
}

fn decode(body: &[u8]) -> Result<NotificationFrame, DecodeError> {
    NotificationFrame::decode(&Bytes::copy_from_slice(body))
}

#[test]
fn several_addresses_go_by_another_version() {
    let message = InitialMessage {
        sid: 9,
        addresses: vec!["a:1".into(), "[::1]:2".into()],
    };
    let mut out = Vec::new();
    message.encode(&mut out);
    assert_eq!(out, initial(-65535, 9, 11, b"a:1|[::1]:2"));
    assert_eq!(InitialMessage::decode(&out), Ok(Some((message, out.len()))));
}

#[test]
fn an_initial_message_waits_until_it_is_whole() {
    let whole = initial(-65536, 1, 3, b"a:1");
    for cut in 0..whole.len() {
        assert_eq!(InitialMessage::decode(&whole[..cut]), Ok(None));
    }
    assert_eq!(
        InitialMessage::decode(&[whole.clone(), vec![7; 9]].concat())
            .unwrap()
            .unwrap()
            .1,
        whole.len()
    );
}

#[test]
fn a_sid_alone_is_a_server_of_3_4() {
    let message = InitialMessage {
        sid: 4,
        addresses: vec![],
    };
    assert_eq!(
        InitialMessage::decode(&4_i64.to_be_bytes()),
        Ok(Some((message, 8)))
    );
}

#[test]
fn versions_and_lengths_of_an_initial_message_are_checked() {
    let fault = |bytes: &[u8]| InitialMessage::decode(bytes).unwrap_err().fault;
    assert_eq!(fault(&initial(-1, 1, 3, b"a:1")), Fault::Unknown(-1));
    assert_eq!(fault(&initial(-65534, 1, 3, b"a:1")), Fault::Unknown(-65534));
    assert_eq!(fault(&initial(-65536, 1, 0, b"")), Fault::NegativeLength(0));
    assert_eq!(fault(&initial(-65536, 1, -5, b"")), Fault::NegativeLength(-5));
    assert_eq!(
        fault(&initial(-65536, 1, 2049, b"")),
        Fault::TooLong {
            length: 2049,
            max: 2048
        }
    );
}

#[test]
fn twenty_eight_bytes_take_the_epoch_from_the_zxid() {
    let frame = decode(&forty()[..28]).unwrap();
    assert_eq!((frame.version, frame.config), (0, None));
    assert_eq!(frame.notification.vote.epoch, PeerEpoch::from_bits(2));
}

#[test]
fn forty_bytes_have_no_version_whatever_their_last_four_say() {
    let frame = decode(&forty()).unwrap();
    assert_eq!((frame.version, frame.config), (0, None));
    assert_eq!(frame.notification.round, Round::new(5));
}

#[test]
fn lengths_that_no_version_has_are_ignored() {
    for cut in (0..40).filter(|cut| *cut != 28) {
        assert!(decode(&forty()[..cut]).unwrap_err().is_truncated(), "{cut} bytes");
    }
}

#[test]
fn a_config_must_fit_and_what_follows_it_does_not_matter() {
    let with = |version: i32, length: i32, rest: &[u8]| {
        let mut out = forty();
        out[36..40].copy_from_slice(&version.to_be_bytes());
        out.put_i32(length);
        out.put_slice(rest);
        decode(&out)
    };
    assert_eq!(
        with(2, 3, b"abcX").unwrap().config,
        Some(Bytes::from_static(b"abc"))
    );
    assert_eq!(with(1, 3, b"abc").unwrap().config, None);
    assert!(with(2, 4, b"abc").unwrap_err().is_truncated());
    assert_eq!(with(2, -1, b"").unwrap_err().fault, Fault::NegativeLength(-1));
    assert_eq!(with(2, -2, b"").unwrap_err().fault, Fault::NegativeLength(-2));
}

#[test]
fn an_unknown_state_and_a_negative_round_are_ignored() {
    let mut state = forty();
    state[3] = 4;
    assert_eq!(
        decode(&state).unwrap_err(),
        DecodeError::new("notification.state", 0, Fault::Unknown(4))
    );
    let mut round = forty();
    round[20] = 0x80;
    assert_eq!(decode(&round).unwrap_err().offset, 20);
}

prop_compose! {
    fn any_frame()(
        state in 0..4, leader: u64, zxid: u64, epoch: i64, round in 0..=i64::MAX as u64, config: Vec<u8>,
    ) -> NotificationFrame {
        let vote = Vote {
            leader: ServerId::new(leader),
            zxid: Zxid::from_bits(zxid),
            epoch: PeerEpoch::from_bits(epoch),
        };
        let state = PeerState::from_wire(state).unwrap();
        NotificationFrame::new(Notification { state, vote, round: Round::new(round) }, config.into())
    }
}

proptest! {
    #[test]
    fn a_notification_reads_back_as_written(frame in any_frame()) {
        let mut out = BytesMut::new();
        frame.encode(&mut out);
        let body = take_frame(&mut out, ELECTION_FRAME_BYTES_MAX).unwrap().unwrap();
        prop_assert_eq!(NotificationFrame::decode(&body), Ok(frame));
    }

    #[test]
    fn random_bytes_are_read_or_ignored(bytes: Vec<u8>) {
        let _ = InitialMessage::decode(&bytes);
        let _ = decode(&bytes);
    }

    #[test]
    fn mutated_notifications_are_read_or_ignored(
        frame in any_frame(), at: prop::sample::Index, byte: u8, cut: prop::sample::Index,
    ) {
        let mut out = BytesMut::new();
        frame.encode(&mut out);
        let mut body = out[4..].to_vec();
        let at = at.index(body.len());
        body[at] = byte;
        let _ = decode(&body);
        let _ = decode(&body[..cut.index(body.len())]);
    }
}
