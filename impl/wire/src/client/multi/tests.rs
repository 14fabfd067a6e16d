use super::*;
use crate::client::Request;
use proptest::prelude::*;

fn ops(kind: i32, body: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    put_header(&mut out, kind, false, -1);
    out.put_slice(body);
    put_header(&mut out, END, true, -1);
    out
}

fn create_with_flags(flags: i32) -> Vec<u8> {
    let mut out = Vec::new();
    CreateRequest {
        path: "/a".into(),
        data: None,
        acl: vec![],
        flags,
    }
    .encode(&mut out);
    out
}

#[test]
fn an_empty_multi_is_legal() {
    let empty = ops(0, &[])[9..].to_vec();
    assert_eq!(Request::decode(Opcode::Multi, &empty), Ok(Request::Multi(vec![])));
    assert_eq!(
        Request::decode(Opcode::MultiRead, &empty),
        Ok(Request::MultiRead(vec![]))
    );
}

#[test]
fn a_multi_without_an_end_is_refused() {
    let cut = ops(Opcode::Delete.number(), b"\0\0\0\x02/a\xff\xff\xff\xff");
    let error = Request::decode(Opcode::Multi, &cut[..cut.len() - 9]).unwrap_err();
    assert!(error.is_truncated());
}

#[test]
fn reads_in_a_multi_and_writes_in_a_multi_read_are_refused() {
    let read = ops(Opcode::GetData.number(), b"\0\0\0\x02/a\0");
    let write = ops(Opcode::Delete.number(), b"\0\0\0\x02/a\xff\xff\xff\xff");
    assert!(Request::decode(Opcode::MultiRead, &read).is_ok());
    assert!(Request::decode(Opcode::Multi, &write).is_ok());
    let error = Request::decode(Opcode::Multi, &read).unwrap_err();
    assert_eq!(error, DecodeError::new("multi.type", 0, Fault::Unknown(4)));
    assert_eq!(
        Request::decode(Opcode::MultiRead, &write).unwrap_err().fault,
        Fault::Unknown(2)
    );
    for refused in [
        Opcode::SetAcl,
        Opcode::Exists,
        Opcode::Reconfig,
        Opcode::Sync,
        Opcode::Multi,
    ] {
        let bytes = ops(refused.number(), b"\0\0\0\x02/a\xff\xff\xff\xff\0\0\0\0");
        assert_eq!(
            Request::decode(Opcode::Multi, &bytes).unwrap_err().field,
            "multi.type"
        );
    }
}

#[test]
fn invalid_flags_fail_the_whole_multi() {
    for (op, flags, legal) in [
        (Opcode::Create, 4, true),
        (Opcode::Create, 5, false),
        (Opcode::Create2, 6, false),
        (Opcode::CreateContainer, 7, false),
        (Opcode::Create, -1, false),
    ] {
        let bytes = ops(op.number(), &create_with_flags(flags));
        assert_eq!(
            Request::decode(Opcode::Multi, &bytes).is_ok(),
            legal,
            "{op:?} {flags}"
        );
    }
    for (flags, legal) in [(0, true), (6, true), (7, false)] {
        let body = [create_with_flags(flags), vec![0; 8]].concat();
        let bytes = ops(Opcode::CreateTtl.number(), &body);
        assert_eq!(
            Request::decode(Opcode::Multi, &bytes).is_ok(),
            legal,
            "createTTL {flags}"
        );
    }
}

fn result() -> impl Strategy<Value = MultiResult> {
    let stat = any::<(u64, i32)>().prop_map(|(czxid, version)| Stat {
        czxid,
        version,
        ..Stat::default()
    });
    prop_oneof![
        any::<String>().prop_map(|path| MultiResult::Created { path }),
        (any::<String>(), stat.clone()).prop_map(|(path, stat)| MultiResult::CreatedWithStat { path, stat }),
        Just(MultiResult::Deleted),
        Just(MultiResult::Checked),
        stat.clone().prop_map(MultiResult::DataSet),
        (any::<Option<Vec<u8>>>(), stat).prop_map(|(data, stat)| MultiResult::Data { data, stat }),
        any::<Vec<String>>().prop_map(MultiResult::Children),
        any::<i32>().prop_map(MultiResult::Error),
    ]
}

proptest! {
    #[test]
    fn results_read_back_as_written(results in prop::collection::vec(result(), 0..5)) {
        let mut out = Vec::new();
        encode_results(&results, &mut out);
        let mut reader = Reader::new(&out);
        prop_assert_eq!(decode_results(&mut reader), Ok(results));
        prop_assert_eq!(reader.remaining(), 0);
    }

    #[test]
    fn random_results_are_read_or_refused(bytes: Vec<u8>) {
        let _ = decode_results(&mut Reader::new(&bytes));
    }
}
