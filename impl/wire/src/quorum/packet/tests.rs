use super::*;
use proptest::prelude::*;

const MAX: usize = 1 << 10;

fn read(bytes: &[u8]) -> BytesMut {
    BytesMut::from(bytes)
}

#[test]
fn every_number_names_its_type() {
    let known: Vec<_> = (-5..100)
        .filter_map(PacketType::from_number)
        .map(PacketType::number)
        .collect();
    assert_eq!(known, (1..=19).collect::<Vec<_>>());
}

#[test]
fn an_unknown_type_is_refused_from_its_first_four_bytes() {
    let error = take_packet(&mut read(&[0, 0, 0, 20]), MAX).unwrap_err();
    assert_eq!(error, DecodeError::new("packet.type", 0, Fault::Unknown(20)));
}

#[test]
fn data_above_the_bound_is_refused_before_anything_is_reserved() {
    let mut part = read(&header(PacketType::Proposal, 1, Some(MAX + 1)));
    let capacity = part.capacity();
    let error = take_packet(&mut part, MAX).unwrap_err();
    assert_eq!(
        error.fault,
        Fault::TooLong {
            length: MAX + 1,
            max: MAX
        }
    );
    assert_eq!(part.capacity(), capacity);
    assert_eq!(
        take_packet(&mut read(&header(PacketType::Proposal, 1, Some(MAX))), MAX),
        Ok(None)
    );
}

#[test]
fn a_negative_length_is_refused() {
    let mut bytes = header(PacketType::Ack, 1, None);
    bytes[15] = 0xfe;
    assert_eq!(
        take_packet(&mut read(&bytes), MAX).unwrap_err().fault,
        Fault::NegativeLength(-2)
    );
}

#[test]
fn identities_without_end_are_refused_once_they_pass_the_bound() {
    let mut part = read(&header(PacketType::Request, 1, None));
    part.put_i32(i32::MAX);
    let mut refused = None;
    for _ in 0..MAX {
        part.put_u64(0);
        if let Err(error) = take_packet(&mut part, MAX) {
            refused = Some(error);
            break;
        }
    }
    assert!(part.len() <= MAX + 100, "it held back {} bytes", part.len());
    assert!(matches!(refused.unwrap().fault, Fault::TooLong { .. }));
}

#[test]
fn the_data_of_a_packet_is_not_copied() {
    let mut part = read(&[]);
    QuorumPacket::new(PacketType::Inform, 1, Some(Bytes::from_static(&[7; 100]))).encode(&mut part);
    let before = part[HEADER_BYTES..].as_ptr();
    let packet = take_packet(&mut part, MAX).unwrap().unwrap();
    assert_eq!(packet.data.unwrap().as_ptr(), before);
}

prop_compose! {
    fn any_packet()(
        number in 1..20,
        zxid: u64,
        data in prop::option::of(prop::collection::vec(any::<u8>(), 0..40)),
        ids in prop::option::of(prop::collection::vec(any::<(String, String)>(), 0..3)),
    ) -> QuorumPacket {
        let ids = ids.map(|ids| ids.into_iter().map(|(scheme, id)| Id { scheme, id }).collect());
        let kind = PacketType::from_number(number).unwrap();
        QuorumPacket { kind, zxid, data: data.map(Bytes::from), authinfo: ids }
    }
}

proptest! {
    #[test]
    fn packets_arrive_as_they_were_written_however_the_bytes_are_cut(
        packets in prop::collection::vec(any_packet(), 0..5), step in 1..30usize,
    ) {
        let mut sent = Vec::new();
        packets.iter().for_each(|packet| packet.encode(&mut sent));
        let (mut part, mut arrived) = (BytesMut::new(), Vec::new());
        for piece in sent.chunks(step) {
            part.extend_from_slice(piece);
            while let Some(packet) = take_packet(&mut part, MAX).unwrap() {
                arrived.push(packet);
            }
        }
        prop_assert!(part.is_empty());
        prop_assert_eq!(arrived, packets);
    }

    #[test]
    fn mutated_packets_are_read_or_refused(packet in any_packet(), at: prop::sample::Index, byte: u8) {
        let mut bytes = Vec::new();
        packet.encode(&mut bytes);
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let mut part = read(&bytes);
        while let Ok(Some(_)) = take_packet(&mut part, MAX) {}
        prop_assert!(part.capacity() <= 2 * (bytes.len() + MAX + HEADER_BYTES));
    }

    #[test]
    fn random_bytes_are_packets_or_refused(kind in 0..21u8, bytes: Vec<u8>) {
        let mut part = read(&[&[0, 0, 0, kind], &bytes[..]].concat());
        while let Ok(Some(_)) = take_packet(&mut part, MAX) {}
    }
}
