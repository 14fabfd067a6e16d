use super::*;
use proptest::prelude::*;

#[test]
fn null_and_empty_are_different_buffers() {
    let mut out = Vec::new();
    out.put_buffer(None);
    out.put_buffer(Some(b""));
    assert_eq!(out, [0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0]);
    let mut reader = Reader::new(&out);
    assert_eq!(reader.buffer("a"), Ok(None));
    assert_eq!(reader.buffer("b"), Ok(Some(&b""[..])));
    assert_eq!(reader.end("c"), Ok(()));
}

#[test]
fn a_length_beyond_the_bytes_names_field_and_offset() {
    let mut reader = Reader::new(&[0, 0, 0, 7, 0, 0, 0, 9, b'x']);
    assert_eq!(reader.int("version"), Ok(7));
    let error = reader.buffer("data").unwrap_err();
    assert_eq!(
        error,
        DecodeError::new("data", 4, Fault::Truncated { needed: 13, left: 5 })
    );
    assert_eq!(error.to_string(), "data, byte 4: 13 bytes expected, 5 left");
    assert_eq!(reader.offset(), 4, "a buffer that is not whole is not consumed");
}

#[test]
fn a_length_below_minus_one_is_an_error() {
    let error = Reader::new(&[0xff, 0xff, 0xff, 0xfe]).string("path").unwrap_err();
    assert_eq!(error.fault, Fault::NegativeLength(-2));
}

#[test]
fn a_stream_does_not_wait_for_a_length_above_its_bound() {
    let claim = [0, 0, 1, 0];
    assert!(
        Reader::bounded(&claim, 256)
            .buffer("data")
            .unwrap_err()
            .is_truncated()
    );
    let error = Reader::bounded(&claim, 255).buffer("data").unwrap_err();
    assert_eq!(
        error.fault,
        Fault::TooLong {
            length: 256,
            max: 255
        }
    );
}

#[test]
fn a_count_allocates_nothing_and_a_negative_one_is_empty() {
    let mut huge = Reader::new(&[0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 1]);
    assert!(
        huge.vector("v", |reader| reader.int("each"))
            .unwrap_err()
            .is_truncated()
    );
    let read = |bytes: [u8; 4]| {
        Reader::new(&bytes)
            .vector("v", |reader| reader.int("each"))
            .unwrap()
    };
    assert_eq!(read([0xff; 4]), None);
    assert_eq!(read([0x80, 0, 0, 0]), Some(vec![]));
}

#[test]
fn text_outside_the_bmp_is_read_from_either_form() {
    assert_eq!(text("a\u{1f600}b".as_bytes()), "a\u{1f600}b");
    assert_eq!(text(b"a\xed\xa0\xbd\xed\xb8\x80b"), "a\u{1f600}b");
}

#[test]
fn invalid_utf8_becomes_the_replacement_character() {
    assert_eq!(text(b"\xff/a"), "\u{fffd}/a");
    assert_eq!(text(b"/a\xc3"), "/a\u{fffd}");
    assert_eq!(
        text(b"\xed\xa0\xbd"),
        "\u{fffd}",
        "half a pair, which Java replaces as one"
    );
    assert_eq!(text(b"\xed\xb8\x80x\xff"), "\u{fffd}x\u{fffd}");
    assert_eq!(text(b"\xed\xa0\xbd\xed\xa0\xbd"), "\u{fffd}\u{fffd}");
    assert_eq!(text(b"\xed\xa0"), "\u{fffd}\u{fffd}");
}

proptest! {
    #[test]
    fn any_bytes_are_some_text(bytes: Vec<u8>) {
        prop_assert_eq!(text(&bytes).len() <= 3 * bytes.len(), true);
    }

    #[test]
    fn bytes_without_surrogates_read_as_rust_reads_them(bytes: Vec<u8>) {
        prop_assume!(!bytes.contains(&0xed));
        prop_assert_eq!(text(&bytes), String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn java_text_reads_as_what_was_written(original: String) {
        let mut cesu = Vec::new();
        for unit in original.encode_utf16() {
            match unit {
                0xd800..=0xdfff => {
                    cesu.extend([0xe0 | (unit >> 12) as u8, 0x80 | (unit >> 6) as u8 & 0x3f, 0x80 | unit as u8 & 0x3f]);
                }
                _ => cesu.extend(char::from_u32(unit.into()).unwrap().to_string().bytes()),
            }
        }
        prop_assert_eq!(text(&cesu), original);
    }

    #[test]
    fn fields_read_back_as_written(a: bool, b: i32, c: i64, d: Option<Vec<u8>>, e: String, f: Vec<i32>) {
        let mut out = Vec::new();
        out.put_boolean(a);
        out.put_i32(b);
        out.put_i64(c);
        out.put_buffer(d.as_deref());
        out.put_string(&e);
        out.put_vector(&f, |out, each| out.put_i32(*each));
        let mut reader = Reader::new(&out);
        prop_assert_eq!(reader.boolean("a"), Ok(a));
        prop_assert_eq!(reader.int("b"), Ok(b));
        prop_assert_eq!(reader.long("c"), Ok(c));
        prop_assert_eq!(reader.owned_buffer("d"), Ok(d));
        prop_assert_eq!(reader.required("e"), Ok(e));
        prop_assert_eq!(reader.vector("f", |reader| reader.int("each")), Ok(Some(f)));
        prop_assert_eq!(reader.end("g"), Ok(()));
    }
}
