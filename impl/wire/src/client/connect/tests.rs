use super::*;
use crate::error::Fault;
use proptest::prelude::*;

#[test]
fn a_request_without_the_read_only_field_is_answered_without_it() {
    let mut out = BytesMut::new();
    ConnectRequest {
        session: 5,
        ..ConnectRequest::default()
    }
    .encode(&mut out);
    let request = ConnectRequest::decode(&out[4..]).unwrap();
    assert_eq!((request.read_only, request.password.clone()), (None, None));
    let mut out = BytesMut::new();
    ConnectResponse::refusal(&request).encode(&mut out);
    assert_eq!(out.len(), 4 + 36);
    let asked = ConnectRequest {
        read_only: Some(true),
        ..request
    };
    assert_eq!(ConnectResponse::refusal(&asked).read_only, Some(false));
}

#[test]
fn a_request_cut_short_says_where() {
    let error = ConnectRequest::decode(&[0; 20]).unwrap_err();
    assert_eq!(
        error,
        DecodeError::new("connect.sessionId", 16, Fault::Truncated { needed: 8, left: 4 })
    );
}

#[test]
fn a_password_of_a_negative_session_is_the_one_that_java_computes() {
    // new java.util.Random(-1L ^ 0xB3415C00L).nextBytes(new byte[16]), whose first int is the LCG's.
    let seed = (u64::MAX ^ 0xb341_5c00 ^ 0x5_deec_e66d) & ((1 << 48) - 1);
    let next = (u128::from(seed) * 0x5_deec_e66d + 0xb) as u64 & ((1 << 48) - 1);
    assert_eq!(session_password(-1)[..4], ((next >> 16) as u32).to_le_bytes());
}

proptest! {
    #[test]
    fn a_request_reads_back_as_written(
        protocol_version: i32, last_zxid_seen: u64, timeout_ms: i32, session: i64,
        password: Option<Vec<u8>>, read_only: Option<bool>,
    ) {
        let request =
            ConnectRequest { protocol_version, last_zxid_seen, timeout_ms, session, password, read_only };
        let mut out = BytesMut::new();
        request.encode(&mut out);
        prop_assert_eq!(ConnectRequest::decode(&out[4..]), Ok(request));
    }

    #[test]
    fn a_response_reads_back_as_written(timeout_ms: i32, session: i64, read_only: Option<bool>) {
        let password = session_password(session);
        let response = ConnectResponse { protocol_version: 0, timeout_ms, session, password, read_only };
        let mut out = BytesMut::new();
        response.encode(&mut out);
        prop_assert_eq!(ConnectResponse::decode(&out[4..]), Ok(response));
    }

    #[test]
    fn random_bytes_are_a_handshake_or_refused(bytes: Vec<u8>) {
        let _ = ConnectRequest::decode(&bytes);
        let _ = ConnectResponse::decode(&bytes);
    }
}
