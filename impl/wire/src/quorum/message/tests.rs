use super::super::{ConnName, take_packet};
use super::*;
use proptest::prelude::*;

fn sent(message: &Message<Bytes>, extras: &Extras<'_>) -> QuorumPacket {
    let mut out = BytesMut::new();
    put_message(&mut out, message, extras);
    let packet = take_packet(&mut out, 1 << 20).unwrap().expect("a whole packet");
    assert!(out.is_empty());
    packet
}

fn zxid() -> impl Strategy<Value = Zxid> {
    any::<u64>().prop_map(Zxid::from_bits)
}

fn epoch() -> impl Strategy<Value = Epoch> {
    (0..i32::MAX as u32).prop_map(Epoch::new)
}

fn proposal() -> impl Strategy<Value = Message<Bytes>> {
    (zxid(), any::<Vec<u8>>()).prop_map(|(zxid, record)| {
        let mut payload = vec![0; txn::HEADER_BYTES];
        payload[12..20].copy_from_slice(&zxid.bits().to_be_bytes());
        payload.extend(record);
        Message::Proposal {
            zxid,
            payload: payload.into(),
        }
    })
}

#[test]
fn the_name_of_a_connection_goes_both_ways() {
    let name = Some(ConnName {
        sid: 3,
        boot: 1,
        counter: 2,
    });
    let extras = Extras {
        name,
        config_version: 7,
        ..Extras::default()
    };
    let (server, accepted) = (ServerId::new(3), Epoch::new(4));
    for hello in [
        Message::FollowerInfo { server, accepted },
        Message::ObserverInfo { server, accepted },
    ] {
        let Ok(FromLearner::Info { message, info }) = FromLearner::decode(sent(&hello, &extras)) else {
            panic!("not an introduction");
        };
        assert_eq!((message, info.name, info.config_version), (hello, name, 7));
    }
    let answer = Message::LeaderInfo { epoch: Epoch::new(5) };
    let Ok(FromLeader::Info { message, info }) = FromLeader::decode(sent(&answer, &extras)) else {
        panic!("not an introduction");
    };
    assert_eq!((message, info.name), (answer, name));
}

#[test]
fn a_server_without_a_database_acknowledges_an_epoch_uncounted() {
    let data = Some(Bytes::from_static(&[0, 0, 0, 1]));
    let packet = QuorumPacket::new(PacketType::AckEpoch, u64::MAX, data);
    let expected = Message::AckEpoch {
        current: None,
        last: Zxid::ZERO,
    };
    assert_eq!(FromLearner::decode(packet), Ok(FromLearner::Message(expected)));
}

#[test]
fn a_proposal_whose_transaction_names_another_zxid_is_refused() {
    let payload = Bytes::from(vec![0; txn::HEADER_BYTES]);
    let zxid = Zxid::new(Epoch::new(1), 1);
    let error =
        FromLeader::decode(sent(&Message::Proposal { zxid, payload }, &Extras::default())).unwrap_err();
    assert_eq!((error.field, error.offset), ("header.zxid", 12));
    let short = Message::Proposal {
        zxid,
        payload: Bytes::from_static(&[0; 31]),
    };
    assert!(FromLeader::decode(sent(&short, &Extras::default())).is_err());
}

#[test]
fn an_epoch_with_a_counter_is_refused() {
    let packet = QuorumPacket::new(PacketType::NewLeader, 0x1_0000_0001, None);
    assert_eq!(FromLeader::decode(packet).unwrap_err().field, "packet.zxid");
}

#[test]
fn packets_that_go_the_wrong_way_are_refused() {
    for number in 1..=19 {
        let kind = PacketType::from_number(number).unwrap();
        let data = Some(Bytes::from_static(&[0; 64]));
        let packet = QuorumPacket::new(kind, 0, data);
        let read = (
            FromLearner::decode(packet.clone()).is_ok(),
            FromLeader::decode(packet).is_ok(),
        );
        let both_ways = matches!(kind, PacketType::Ping | PacketType::Revalidate);
        assert!(read.0 != read.1 || both_ways && read.1, "{kind:?}: {read:?}");
    }
}

#[test]
fn a_committed_reconfiguration_reaches_observers() {
    let mut data = 3_i64.to_be_bytes().to_vec();
    data.extend([0; txn::HEADER_BYTES]);
    let packet = QuorumPacket::new(PacketType::InformAndActivate, 0, Some(data.into()));
    let Ok(FromLeader::InformAndActivate {
        message: Message::Inform { zxid, payload },
        designated,
    }) = FromLeader::decode(packet)
    else {
        panic!("not read");
    };
    assert_eq!(
        (zxid, payload.len(), designated),
        (Zxid::ZERO, txn::HEADER_BYTES, 3)
    );
}

proptest! {
    #[test]
    fn what_a_learner_says_reads_back_as_said(message in prop_oneof![
        (prop::option::of(epoch()), zxid()).prop_map(|(current, last)| Message::AckEpoch { current, last }),
        zxid().prop_map(|zxid| Message::Ack { zxid }),
    ]) {
        prop_assume!(!matches!(message, Message::AckEpoch { last, .. } if last.bits() == u64::MAX));
        let read = FromLearner::decode(sent(&message, &Extras::default()));
        prop_assert_eq!(read, Ok(FromLearner::Message(message)));
    }

    #[test]
    fn what_a_leader_says_reads_back_as_said(message in prop_oneof![
        zxid().prop_map(|zxid| Message::Diff { zxid }),
        zxid().prop_map(|zxid| Message::Trunc { zxid }),
        zxid().prop_map(|zxid| Message::Snap { zxid }),
        zxid().prop_map(|zxid| Message::Commit { zxid }),
        zxid().prop_map(|zxid| Message::Ping { zxid }),
        proposal(),
        Just(Message::UpToDate),
        Just(Message::Sync),
    ]) {
        let read = FromLeader::decode(sent(&message, &Extras::default()));
        prop_assert_eq!(read, Ok(FromLeader::Message(message)));
    }

    #[test]
    fn a_new_leader_brings_its_configuration(epoch in epoch(), text: Option<Vec<u8>>) {
        let message = Message::NewLeader { epoch };
        let packet = sent(&message, &Extras { config: text.as_deref(), ..Extras::default() });
        let config = text.map(Bytes::from);
        prop_assert_eq!(FromLeader::decode(packet), Ok(FromLeader::NewLeader { message, config }));
    }

    #[test]
    fn random_packets_are_read_or_refused(number in 1..20, zxid: u64, data: Option<Vec<u8>>) {
        let kind = PacketType::from_number(number).unwrap();
        let packet = QuorumPacket::new(kind, zxid, data.map(Bytes::from));
        let _ = FromLearner::decode(packet.clone());
        let _ = FromLeader::decode(packet);
    }
}
