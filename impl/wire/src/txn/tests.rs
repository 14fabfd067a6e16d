use super::*;
use proptest::prelude::*;
use quorate_tree::Acl;

fn encoded(entry: &TxnEntry) -> Vec<u8> {
    let mut out = Vec::new();
    encode_entry(entry, &mut out);
    assert_eq!(out.len(), entry_bytes(entry), "the length is known beforehand");
    out
}

fn entry(txn: Txn, digest: Option<TxnDigest>) -> TxnEntry {
    let header = TxnHeader {
        session: 7,
        cxid: 1,
        zxid: 0x1_0000_0002,
        time_ms: 1_795_246_087_382,
    };
    TxnEntry { header, txn, digest }
}

fn nested_multi(levels: usize) -> Txn {
    (1..levels).fold(Txn::Multi(vec![]), |inner, _| Txn::Multi(vec![inner]))
}

fn path() -> impl Strategy<Value = String> {
    "/[a-z/]{0,12}"
}

fn acl() -> impl Strategy<Value = Vec<Acl>> {
    let entry = (any::<i32>(), any::<String>(), any::<String>());
    prop::collection::vec(
        entry.prop_map(|(perms, scheme, id)| Acl { perms, scheme, id }),
        0..3,
    )
}

fn data() -> impl Strategy<Value = Option<Vec<u8>>> {
    prop::option::of(prop::collection::vec(any::<u8>(), 0..40))
}

fn create() -> impl Strategy<Value = Create> {
    (path(), data(), acl(), any::<Option<i32>>()).prop_map(|(path, data, acl, parent_cversion)| Create {
        path,
        data,
        acl,
        parent_cversion,
    })
}

fn single() -> impl Strategy<Value = Txn> {
    prop_oneof![
        any::<i32>().prop_map(|timeout_ms| Txn::CreateSession { timeout_ms }),
        (create(), any::<bool>(), any::<bool>()).prop_map(|(create, ephemeral, with_stat)| Txn::Create {
            create,
            ephemeral,
            with_stat
        }),
        create().prop_map(Txn::CreateContainer),
        (create(), any::<i64>()).prop_map(|(create, ttl_ms)| Txn::CreateTtl { create, ttl_ms }),
        path().prop_map(|path| Txn::Delete { path }),
        path().prop_map(|path| Txn::DeleteContainer { path }),
        (path(), data(), any::<i32>()).prop_map(|(path, data, version)| Txn::SetData { path, data, version }),
        (path(), data(), any::<i32>()).prop_map(|(path, data, version)| Txn::Reconfig {
            path,
            data,
            version
        }),
        (path(), acl(), any::<i32>()).prop_map(|(path, acl, version)| Txn::SetAcl { path, acl, version }),
        (path(), any::<i32>()).prop_map(|(path, version)| Txn::Check { path, version }),
        any::<i32>().prop_map(|code| Txn::Error { code }),
    ]
}

fn any_txn() -> impl Strategy<Value = Txn> {
    prop_oneof![
        4 => single(),
        1 => prop::option::of(prop::collection::vec(path(), 0..4)).prop_map(|paths| Txn::CloseSession { paths }),
        2 => prop::collection::vec(single(), 0..4).prop_map(Txn::Multi),
    ]
}

prop_compose! {
    fn any_entry()(
        session: i64, cxid: i32, zxid: u64, time_ms: i64, txn in any_txn(), digest: Option<u64>,
    ) -> TxnEntry {
        let header = TxnHeader { session, cxid, zxid, time_ms };
        TxnEntry { header, txn, digest: digest.map(|digest| TxnDigest { version: 2, digest }) }
    }
}

#[test]
fn a_create_of_3_3_has_no_parent_cversion_with_or_without_a_digest() {
    let create = Create {
        path: "/a".into(),
        data: None,
        acl: vec![],
        parent_cversion: None,
    };
    for digest in [
        None,
        Some(TxnDigest {
            version: 2,
            digest: 5,
        }),
    ] {
        let old = entry(
            Txn::Create {
                create: create.clone(),
                ephemeral: true,
                with_stat: false,
            },
            digest,
        );
        assert_eq!(decode_entry(&encoded(&old)), Ok(old));
    }
}

#[test]
fn a_digest_behind_a_closed_session_without_body_is_not_taken_for_two_paths() {
    let bare = entry(
        Txn::CloseSession { paths: None },
        Some(TxnDigest {
            version: 2,
            digest: 0,
        }),
    );
    assert_eq!(encoded(&bare).len(), HEADER_BYTES + 12);
    assert_eq!(decode_entry(&encoded(&bare)), Ok(bare));
}

#[test]
fn two_paths_of_a_closed_session_are_not_taken_for_a_digest() {
    let paths = Some(vec!["/a".to_string(), "/b".to_string()]);
    let closed = entry(Txn::CloseSession { paths }, None);
    assert_eq!(decode_entry(&encoded(&closed)), Ok(closed));
}

#[test]
fn multis_nest_to_the_bound_and_no_deeper() {
    let deep = entry(nested_multi(MULTI_DEPTH_MAX), None);
    assert_eq!(decode_entry(&encoded(&deep)), Ok(deep));
    let deeper = encoded(&entry(nested_multi(MULTI_DEPTH_MAX + 1), None));
    assert_eq!(
        decode_entry(&deeper).unwrap_err().fault,
        Fault::TooDeep(MULTI_DEPTH_MAX)
    );
}

#[test]
fn an_error_inside_a_multi_counts_its_offset_from_the_start_of_the_entry() {
    let mut bytes = encoded(&entry(Txn::Multi(vec![Txn::Error { code: -101 }]), None));
    // header, count, type, and the length of the sub-record, which is made one shorter
    let length_at = HEADER_BYTES + 4 + 4;
    bytes[length_at + 3] = 3;
    let error = decode_entry(&bytes).unwrap_err();
    assert_eq!(
        error,
        DecodeError::new(
            "error.err",
            length_at + 4,
            Fault::Truncated { needed: 4, left: 3 }
        )
    );
}

#[test]
fn a_record_inside_a_multi_fills_its_buffer() {
    let check = Txn::Check {
        path: "/a".into(),
        version: 1,
    };
    let mut bytes = encoded(&entry(Txn::Multi(vec![check]), None));
    bytes[HEADER_BYTES + 4 + 4 + 3] += 1;
    bytes.push(0);
    let error = decode_entry(&bytes).unwrap_err();
    assert_eq!(
        error,
        DecodeError::new("multi.data", bytes.len() - 1, Fault::Trailing(1))
    );
}

#[test]
fn a_part_of_a_failed_multi_may_be_called_an_error_and_hold_what_it_was() {
    let check = |version| Txn::Check {
        path: "/a".into(),
        version,
    };
    let failed = Txn::Multi(vec![check(1), Txn::Error { code: -103 }, check(2)]);
    let mut bytes = encoded(&entry(failed, None));
    let types = [0, 4 + 4 + 10 + 4 + 4 + 4].map(|part| HEADER_BYTES + 4 + part);
    for at in types {
        assert_eq!(bytes[at..at + 4], kind::CHECK.to_be_bytes(), "at {at}");
        bytes[at..at + 4].copy_from_slice(&kind::ERROR.to_be_bytes());
    }
    // The length of the path, which comes first in the record, passes for the code.
    let codes = [2, -103, 2].map(|code| Txn::Error { code });
    assert_eq!(decode_entry(&bytes), Ok(entry(Txn::Multi(codes.into()), None)));
}

#[test]
fn an_unknown_type_and_bytes_that_are_no_digest_are_refused() {
    let mut bytes = encoded(&entry(Txn::Delete { path: "/a".into() }, None));
    bytes.push(0);
    assert_eq!(decode_entry(&bytes).unwrap_err().fault, Fault::Trailing(1));
    bytes[31] = 99;
    assert_eq!(decode_entry(&bytes).unwrap_err().fault, Fault::Unknown(99));
}

#[test]
fn the_header_is_read_without_the_record() {
    let whole = entry(Txn::Delete { path: "/a".into() }, None);
    let bytes = encoded(&whole);
    assert_eq!(
        peek_header(&bytes[..HEADER_BYTES]),
        Ok((whole.header, kind::DELETE))
    );
    assert!(
        peek_header(&bytes[..HEADER_BYTES - 1])
            .unwrap_err()
            .is_truncated()
    );
}

proptest! {
    #[test]
    fn an_entry_reads_back_as_written(entry in any_entry()) {
        prop_assert_eq!(decode_entry(&encoded(&entry)), Ok(entry));
    }

    #[test]
    fn an_entry_cut_short_is_never_read_as_longer_than_it_is(entry in any_entry(), cut: prop::sample::Index) {
        let bytes = encoded(&entry);
        let cut = cut.index(bytes.len());
        if let Ok(shorter) = decode_entry(&bytes[..cut]) {
            prop_assert_eq!(encoded(&shorter).len(), cut);
        }
    }

    #[test]
    fn mutated_entries_are_read_or_refused(entry in any_entry(), at: prop::sample::Index, byte: u8) {
        let mut bytes = encoded(&entry);
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Err(error) = decode_entry(&bytes) {
            prop_assert!(error.offset <= bytes.len(), "{}", error);
        }
    }

    #[test]
    fn random_records_are_read_or_refused(kind in -12..23i32, record: Vec<u8>) {
        let mut bytes = vec![0; HEADER_BYTES - 4];
        bytes.extend(kind.to_be_bytes());
        bytes.extend(record);
        let _ = decode_entry(&bytes);
    }
}
