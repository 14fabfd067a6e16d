use super::*;
use proptest::prelude::*;

#[test]
fn an_error_is_sixteen_bytes() {
    let mut out = BytesMut::new();
    put_header(&mut out, ReplyHeader::error(7, 0x5_0000_0008, -110));
    assert_eq!(
        out,
        b"\0\0\0\x10\0\0\0\x07\0\0\0\x05\0\0\0\x08\xff\xff\xff\x92"[..]
    );
}

#[test]
fn a_sync_echoes_a_null_path() {
    let mut out = BytesMut::new();
    put_path(&mut out, ReplyHeader::ok(1, 2), None);
    assert_eq!(out[20..], [0xff; 4]);
}

#[test]
fn a_reply_of_known_length_grows_its_buffer_once() {
    let mut out = BytesMut::new();
    put_data(
        &mut out,
        ReplyHeader::ok(1, 2),
        Some(&[9; 1000]),
        &Stat::default(),
    );
    assert_eq!(out.capacity(), out.len());
}

#[test]
fn an_event_made_up_for_has_no_zxid() {
    let mut out = BytesMut::new();
    put_event(&mut out, None, EventKind::NodeDeleted, "/a");
    let header = ReplyHeader::decode(&mut Reader::new(&out[4..])).unwrap();
    assert_eq!(
        header,
        ReplyHeader {
            xid: -1,
            zxid: -1,
            err: 0
        }
    );
}

#[test]
fn replies_follow_one_another_in_one_buffer() {
    let mut out = BytesMut::new();
    put_names(&mut out, ReplyHeader::ok(1, 2), ["a", "b"]);
    put_int(&mut out, ReplyHeader::ok(2, 2), 5);
    let first = crate::frame::take_frame(&mut out, 100).unwrap().unwrap();
    assert_eq!(first[16..], *b"\0\0\0\x02\0\0\0\x01a\0\0\0\x01b");
    let second = crate::frame::take_frame(&mut out, 100).unwrap().unwrap();
    assert_eq!(second[16..], [0, 0, 0, 5]);
}

proptest! {
    #[test]
    fn random_replies_are_read_or_refused(bytes: Vec<u8>) {
        let mut reader = Reader::new(&bytes);
        let _ = ReplyHeader::decode(&mut reader);
        let _ = WatcherEvent::decode(&mut reader);
    }
}
