use super::*;
use proptest::prelude::*;

#[test]
fn learners_of_every_age_introduce_themselves() {
    let name = ConnName {
        sid: 2,
        boot: 3,
        counter: 4,
    };
    let info = LearnerInfo {
        sid: 2,
        protocol: PROTOCOL_VERSION,
        config_version: 9,
        name: Some(name),
    };
    let mut bytes = Vec::new();
    info.encode(&mut bytes);
    assert_eq!(bytes.len(), 36);
    assert_eq!(LearnerInfo::decode(&bytes), Ok(info));
    assert_eq!(
        LearnerInfo::decode(&bytes[..20]),
        Ok(LearnerInfo { name: None, ..info })
    );
    let short = LearnerInfo {
        name: None,
        config_version: 0,
        ..info
    };
    assert_eq!(LearnerInfo::decode(&bytes[..12]), Ok(short));
    assert_eq!(
        LearnerInfo::decode(&bytes[..8]),
        Ok(LearnerInfo { protocol: 0, ..short })
    );
    assert!(LearnerInfo::decode(&bytes[..7]).is_err());
}

#[test]
fn a_leader_echoes_the_name_or_is_apaches() {
    let name = ConnName {
        sid: u64::MAX,
        boot: u32::MAX,
        counter: 0,
    };
    let mut bytes = Vec::new();
    LeaderInfo {
        protocol: PROTOCOL_VERSION,
        name: Some(name),
    }
    .encode(&mut bytes);
    assert_eq!(bytes.len(), 20);
    assert_eq!(LeaderInfo::decode(&bytes).unwrap().name, Some(name));
    assert_eq!(
        LeaderInfo::decode(&bytes[..4]),
        Ok(LeaderInfo {
            protocol: PROTOCOL_VERSION,
            name: None
        })
    );
}

#[test]
fn an_answer_to_a_ping_that_ends_within_a_session_is_refused() {
    assert_eq!(SessionTouch::decode_all(&[]), Ok(vec![]));
    assert_eq!(SessionTouch::decode_all(&[0; 24]).unwrap().len(), 2);
    let error = SessionTouch::decode_all(&[0; 23]).unwrap_err();
    assert_eq!(
        error,
        DecodeError::new("session.timeout", 20, Fault::Truncated { needed: 4, left: 3 })
    );
}

#[test]
fn an_epoch_below_minus_one_is_refused() {
    assert_eq!(decode_current_epoch(&[0xff; 4]), Ok(None));
    assert_eq!(decode_current_epoch(&[0, 0, 0, 7]), Ok(Some(7)));
    assert!(decode_current_epoch(&[0xff, 0xff, 0xff, 0xfe]).is_err());
    assert!(decode_current_epoch(&[0; 3]).is_err());
}

proptest! {
    #[test]
    fn random_data_is_read_or_refused(bytes: Vec<u8>) {
        let _ = LearnerInfo::decode(&bytes);
        let _ = LeaderInfo::decode(&bytes);
        let _ = SessionTouch::decode_all(&bytes);
        let _ = decode_revalidated(&bytes);
        let _ = decode_current_epoch(&bytes);
        let _ = ForwardedRequest::decode(bytes.into(), None);
    }
}
