use super::*;
use crate::error::Fault;
use proptest::prelude::*;

fn acl() -> impl Strategy<Value = Vec<Acl>> {
    let entry = (any::<i32>(), any::<String>(), any::<String>());
    prop::collection::vec(
        entry.prop_map(|(perms, scheme, id)| Acl { perms, scheme, id }),
        0..3,
    )
}

prop_compose! {
    fn create(flags: std::ops::RangeInclusive<i32>)(
        path: String, data: Option<Vec<u8>>, acl in acl(), flags in flags,
    ) -> CreateRequest {
        CreateRequest { path, data, acl, flags }
    }
}

prop_compose! {
    fn lists()(
        relative_zxid: u64, data: Vec<String>, exist: Vec<String>, child: Vec<String>,
    ) -> WatchLists {
        WatchLists { relative_zxid, data, exist, child, ..WatchLists::default() }
    }
}

fn multi_op() -> impl Strategy<Value = MultiOp> {
    prop_oneof![
        create(0..=4).prop_map(MultiOp::Create),
        create(0..=4).prop_map(MultiOp::Create2),
        create(0..=4).prop_map(MultiOp::CreateContainer),
        (create(0..=6), any::<i64>()).prop_map(|(create, ttl_ms)| MultiOp::CreateTtl { create, ttl_ms }),
        any::<(String, i32)>().prop_map(|(path, version)| MultiOp::Delete { path, version }),
        any::<(String, Option<Vec<u8>>, i32)>().prop_map(|(path, data, version)| MultiOp::SetData {
            path,
            data,
            version
        }),
        any::<(String, i32)>().prop_map(|(path, version)| MultiOp::Check { path, version }),
    ]
}

fn writes() -> impl Strategy<Value = Request> {
    prop_oneof![
        create(i32::MIN..=i32::MAX).prop_map(Request::Create),
        create(i32::MIN..=i32::MAX).prop_map(Request::Create2),
        create(i32::MIN..=i32::MAX).prop_map(Request::CreateContainer),
        (create(0..=6), any::<i64>()).prop_map(|(create, ttl_ms)| Request::CreateTtl { create, ttl_ms }),
        any::<(String, i32)>().prop_map(|(path, version)| Request::Delete { path, version }),
        any::<(String, Option<Vec<u8>>, i32)>().prop_map(|(path, data, version)| Request::SetData {
            path,
            data,
            version
        }),
        (any::<String>(), acl(), any::<i32>()).prop_map(|(path, acl, version)| Request::SetAcl {
            path,
            acl,
            version
        }),
        any::<(String, i32)>().prop_map(|(path, version)| Request::Check { path, version }),
        prop::collection::vec(multi_op(), 0..4).prop_map(Request::Multi),
        any::<(Option<String>, Option<String>, Option<String>, i64)>().prop_map(
            |(joining, leaving, members, config_id)| Request::Reconfig {
                joining,
                leaving,
                members,
                config_id
            }
        ),
        any::<String>().prop_map(|path| Request::DeleteContainer { path }),
        any::<i32>().prop_map(|timeout_ms| Request::CreateSession { timeout_ms }),
        Just(Request::CloseSession),
    ]
}

fn reads() -> impl Strategy<Value = Request> {
    let read_op = any::<(bool, String)>().prop_map(|(data, path)| match data {
        true => MultiReadOp::GetData { path },
        false => MultiReadOp::GetChildren { path },
    });
    prop_oneof![
        any::<(String, bool)>().prop_map(|(path, watch)| Request::Exists { path, watch }),
        any::<(String, bool)>().prop_map(|(path, watch)| Request::GetData { path, watch }),
        any::<(String, bool)>().prop_map(|(path, watch)| Request::GetChildren { path, watch }),
        any::<(String, bool)>().prop_map(|(path, watch)| Request::GetChildren2 { path, watch }),
        any::<String>().prop_map(|path| Request::GetAcl { path }),
        any::<Option<String>>().prop_map(|path| Request::Sync { path }),
        any::<Option<String>>().prop_map(|prefix| Request::GetEphemerals { prefix }),
        any::<String>().prop_map(|path| Request::GetAllChildrenNumber { path }),
        prop::collection::vec(read_op, 0..4).prop_map(Request::MultiRead),
        any::<(String, i32)>().prop_map(|(path, kind)| Request::CheckWatches { path, kind }),
        any::<(String, i32)>().prop_map(|(path, kind)| Request::RemoveWatches { path, kind }),
        any::<(String, i32)>().prop_map(|(path, mode)| Request::AddWatch { path, mode }),
        any::<(i32, String, Option<Vec<u8>>)>().prop_map(|(kind, scheme, auth)| Request::Auth {
            kind,
            scheme,
            auth
        }),
        any::<Option<Vec<u8>>>().prop_map(|token| Request::Sasl { token }),
        lists().prop_map(Request::SetWatches),
        (lists(), any::<(Vec<String>, Vec<String>)>()).prop_map(
            |(lists, (persistent, persistent_recursive))| {
                Request::SetWatches2(WatchLists {
                    persistent,
                    persistent_recursive,
                    ..lists
                })
            }
        ),
        Just(Request::Ping),
        Just(Request::WhoAmI),
    ]
}

fn body(request: &Request) -> Vec<u8> {
    let mut out = Vec::new();
    request.encode_body(&mut out);
    out
}

#[test]
fn a_frame_shorter_than_a_header_has_none() {
    assert!(RequestHeader::decode(&[]).is_err());
    assert!(RequestHeader::decode(&[0; 7]).is_err());
    assert_eq!(
        RequestHeader::decode(&[0, 0, 0, 9, 0, 0, 0, 4]),
        Ok(RequestHeader { xid: 9, opcode: 4 })
    );
}

#[test]
fn trailing_bytes_are_ignored() {
    let request = Request::GetData {
        path: "/a".into(),
        watch: true,
    };
    let bytes = [body(&request), vec![1, 2, 3]].concat();
    assert_eq!(Request::decode(Opcode::GetData, &bytes), Ok(request));
}

#[test]
fn a_null_path_is_refused_but_where_zookeeper_takes_it() {
    let null = [0xff; 4];
    let refused = Request::decode(Opcode::GetAcl, &null).unwrap_err();
    assert_eq!(refused, DecodeError::new("path", 0, Fault::Null));
    assert_eq!(
        Request::decode(Opcode::Sync, &null),
        Ok(Request::Sync { path: None })
    );
    assert_eq!(
        Request::decode(Opcode::GetEphemerals, &null),
        Ok(Request::GetEphemerals { prefix: None })
    );
}

#[test]
fn a_null_acl_reads_as_an_empty_one_which_is_as_invalid() {
    let mut bytes = Vec::new();
    bytes.put_string("/a");
    bytes.put_buffer(None);
    bytes.put_i32(-1);
    bytes.put_i32(0);
    let Ok(Request::Create(create)) = Request::decode(Opcode::Create, &bytes) else {
        panic!("not read")
    };
    assert_eq!((create.data, create.acl), (None, vec![]));
}

#[test]
fn a_body_cut_short_says_which_field_and_where() {
    let bytes = body(&Request::SetData {
        path: "/a".into(),
        data: Some(vec![7; 3]),
        version: 1,
    });
    let error = Request::decode(Opcode::SetData, &bytes[..bytes.len() - 1]).unwrap_err();
    assert_eq!(error.to_string(), "version, byte 13: 4 bytes expected, 3 left");
}

proptest! {
    #[test]
    fn a_request_reads_back_as_written(request in prop_oneof![writes(), reads()], xid: i32) {
        let mut out = BytesMut::new();
        request.encode(xid, &mut out);
        let frame = &out[4..];
        let header = RequestHeader::decode(frame).unwrap();
        prop_assert_eq!(header.xid, xid);
        let opcode = Opcode::from_number(header.opcode).unwrap();
        prop_assert_eq!(Request::decode(opcode, &frame[RequestHeader::BYTES..]), Ok(request));
    }

    #[test]
    fn a_body_cut_short_is_refused(request in prop_oneof![writes(), reads()], cut: prop::sample::Index) {
        let bytes = body(&request);
        prop_assume!(!bytes.is_empty());
        let cut = cut.index(bytes.len());
        let error = Request::decode(request.opcode(), &bytes[..cut]).unwrap_err();
        prop_assert!(error.is_truncated() && error.offset <= cut, "{}", error);
    }

    #[test]
    fn mutated_bodies_are_read_or_refused(
        request in prop_oneof![writes(), reads()], at: prop::sample::Index, byte: u8,
    ) {
        let mut bytes = body(&request);
        prop_assume!(!bytes.is_empty());
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let _ = Request::decode(request.opcode(), &bytes);
    }

    #[test]
    fn random_bodies_are_read_or_refused(opcode in prop::sample::select(&Opcode::ALL[..]), bytes: Vec<u8>) {
        let _ = Request::decode(opcode, &bytes);
    }
}
