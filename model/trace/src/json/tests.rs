use super::*;
use crate::{Digest, Record};
use quorate_zab::{Conn, Epoch, Input, Message, Zxid};
use serde_json::json;

#[test]
fn zxids_and_digests_are_hexadecimal_and_numbers_are_numbers() {
    let input = Input::Message {
        conn: Conn::new(3),
        message: Message::Proposal {
            zxid: Zxid::new(Epoch::new(2), 31),
            payload: Digest::of(b""),
        },
    };
    let record = Record::Input {
        input,
        number: Some(7),
    };
    let payload = json!({"sum": "ef46db3751d8e999", "bytes": 0});
    let message = json!({"Proposal": {"zxid": "0x20000001f", "payload": payload}});
    let expected = json!({"Input": {"input": {"Message": {"conn": 3, "message": message}}, "number": 7}});
    assert_eq!(to_json(&record), expected);
}

#[test]
fn without_a_zxid_it_says_what_serde_json_says() {
    let record = Record::Replied {
        session: -5,
        cxid: 4,
        zxid: Zxid::ZERO,
        error: -101,
    };
    let mut expected = serde_json::to_value(&record).unwrap();
    expected["Replied"]["zxid"] = json!("0x0");
    assert_eq!(to_json(&record), expected);
    let mark = Record::Mark(Box::default());
    assert_eq!(to_json(&mark), serde_json::to_value(&mark).unwrap());
    let header = crate::reader::tests::header();
    assert_eq!(to_json(&header), serde_json::to_value(&header).unwrap());
}
