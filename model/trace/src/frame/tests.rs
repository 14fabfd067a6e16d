use super::*;
use crate::schema::{Record, tag};
use crate::{Digest, ElectionFrame};
use quorate_zab::{Conn, ElectionInput, Epoch, Input, Zxid};

fn encoded<T: Serialize>(value: &T) -> Vec<u8> {
    let mut out = Vec::new();
    encode(value, &mut out);
    out
}

#[test]
fn an_input_written_in_place_is_the_record_of_it() {
    let input = Input::Propose {
        zxid: Zxid::new(Epoch::new(3), 9),
        payload: Digest::of(b"x"),
    };
    for number in [None, Some(0), Some(u64::MAX)] {
        let record = Record::Input {
            input: input.clone(),
            number,
        };
        assert_eq!(encoded(&(tag::INPUT, &input, number)), encoded(&record));
    }
    let input = ElectionInput::Retired;
    let frame = Some(ElectionFrame {
        conn: Conn::new(1),
        number: 2,
    });
    let record = Record::ElectionInput { input, frame };
    assert_eq!(encoded(&(tag::ELECTION_INPUT, &input, frame)), encoded(&record));
}

#[test]
fn a_frame_costs_its_header_and_its_records_bytes() {
    let mut framer = Framer::new(5);
    framer.push(&Record::NoEffects);
    framer.push(&Record::NoEffects);
    let frame = framer.frame(7).to_vec();
    assert_eq!(frame.len(), FRAME_HEADER + 2);
    let header = FrameHeader::decoded(frame[..FRAME_HEADER].try_into().unwrap());
    assert_eq!((header.bytes, header.records, header.after_us), (2, 2, 7));
    assert_eq!(header.chain, header.chained_to(5));
    framer.written();
    assert_eq!(
        (framer.chain(), framer.records(), framer.bytes()),
        (header.chain, 0, 0)
    );
}

#[test]
fn a_frame_that_was_discarded_does_not_move_the_chain() {
    let mut framer = Framer::new(5);
    framer.push(&Record::NoEffects);
    framer.frame(7);
    framer.discard();
    assert_eq!((framer.chain(), framer.records()), (5, 0));
}
