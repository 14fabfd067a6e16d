use super::{bytes, list, number, vectors};
use bytes::{Bytes, BytesMut};
use quorate_wire::quorum::message::{put_revalidate, put_revalidated};
use quorate_wire::quorum::packet::NO_AUTHINFO;
use quorate_wire::quorum::{
    Extras, FromLeader, FromLearner, PacketType, QuorumPacket, put_message, take_packet,
};
use quorate_wire::txn::{decode_entry, encode_entry};
use quorate_zab::Message;
use serde_json::Value;

const QUORUM: &str = include_str!("../vectors/quorum.json");
const DATA_BYTES_MAX: usize = 1 << 20;

fn packet(vector: &Value) -> (QuorumPacket, Vec<u8>) {
    let original = bytes(&vector["hex"]);
    let mut read = BytesMut::from(&original[..]);
    let packet = take_packet(&mut read, DATA_BYTES_MAX)
        .unwrap()
        .expect("a whole packet");
    assert!(read.is_empty());
    (packet, original)
}

/// Writes again what was read, by way of the protocol's message where there is one.
fn rewritten(packet: QuorumPacket, from_learner: bool) -> BytesMut {
    let mut out = BytesMut::new();
    if from_learner {
        match FromLearner::decode(packet).unwrap() {
            FromLearner::Info { message, info } => {
                let config_version = info.config_version;
                let extras = Extras {
                    config_version,
                    name: info.name,
                    ..Extras::default()
                };
                put_message(&mut out, &message, &extras);
            }
            FromLearner::Pong { message, touched } => {
                put_message(
                    &mut out,
                    &message,
                    &Extras {
                        touched: Some(&touched),
                        ..Extras::default()
                    },
                );
            }
            FromLearner::Message(message) => put_message(&mut out, &message, &Extras::default()),
            FromLearner::Request(request) => request.encode(&mut out),
            FromLearner::Revalidate(touch) => put_revalidate(&mut out, touch),
        }
    } else {
        match FromLeader::decode(packet).unwrap() {
            FromLeader::Info { message, info } => {
                put_message(
                    &mut out,
                    &message,
                    &Extras {
                        name: info.name,
                        ..Extras::default()
                    },
                );
            }
            FromLeader::NewLeader { message, config } => {
                put_message(
                    &mut out,
                    &message,
                    &Extras {
                        config: config.as_deref(),
                        ..Extras::default()
                    },
                );
            }
            FromLeader::Message(message) => put_message(&mut out, &message, &Extras::default()),
            FromLeader::Revalidated { session, valid } => put_revalidated(&mut out, session, valid),
            FromLeader::CommitAndActivate { message, designated } => {
                let Message::Commit { zxid } = message else {
                    panic!("not a commit")
                };
                let data = Bytes::copy_from_slice(&designated.to_be_bytes());
                QuorumPacket::new(PacketType::CommitAndActivate, zxid.bits(), Some(data)).encode(&mut out);
            }
            FromLeader::InformAndActivate { .. } => panic!("no vector has it"),
        }
    }
    out
}

#[test]
fn packets_read_back_to_the_same_bytes() {
    let quorum = vectors(QUORUM);
    let mut kinds = std::collections::BTreeSet::new();
    for vector in list(&quorum, "packets") {
        let (packet, original) = packet(vector);
        let name = &vector["type"];
        assert_eq!(packet.kind.number() as u64, number(&vector["type_number"]));
        assert_eq!(packet.zxid, number(&vector["zxid"]));
        assert_eq!(packet.data.is_none(), vector["data_hex"].is_null(), "{name}");
        if let Some(data) = &packet.data {
            assert_eq!(data[..], bytes(&vector["data_hex"]), "{name}");
        }
        let ids = packet
            .authinfo
            .iter()
            .flatten()
            .map(|id| (id.scheme.as_str(), id.id.as_str()));
        let expected = vector["authinfo"].as_array().into_iter().flatten();
        assert!(
            ids.eq(expected.map(|id| (id[0].as_str().unwrap(), id[1].as_str().unwrap()))),
            "{name}"
        );

        let mut again = BytesMut::new();
        packet.encode(&mut again);
        assert_eq!(again, original, "{name}");
        kinds.insert(packet.kind);
        let from_learner = vector["direction"] == "learner to leader";
        assert_eq!(
            rewritten(packet, from_learner),
            original,
            "{name} by way of its message"
        );
    }
    assert_eq!(kinds.len(), 18, "all but INFORMANDACTIVATE");
}

#[test]
fn synchronisations_read_as_conversations() {
    let quorum = vectors(QUORUM);
    let mut seen = 0;
    for transcript in list(&quorum, "transcripts") {
        for vector in list(transcript, "packets")
            .iter()
            .filter(|vector| vector["hex"].is_string())
        {
            let (packet, original) = packet(vector);
            let from_learner = vector["direction"] == "learner to leader";
            assert_eq!(
                rewritten(packet, from_learner),
                original,
                "{}",
                transcript["name"]
            );
            seen += 1;
        }
    }
    assert_eq!(seen, 51);
}

#[test]
fn transactions_of_proposals_and_informs_read_back_to_the_same_bytes() {
    let quorum = vectors(QUORUM);
    let mut seen = 0;
    for vector in list(&quorum, "packets") {
        let (packet, _) = packet(vector);
        if let PacketType::Proposal | PacketType::Inform = packet.kind {
            let data = packet.data.unwrap();
            let mut again = Vec::new();
            encode_entry(&decode_entry(&data).unwrap(), &mut again);
            assert_eq!(again, data);
            seen += 1;
        }
    }
    assert!(seen > 12);
}

#[test]
fn header_payload_and_trailer_make_a_proposal() {
    let quorum = vectors(QUORUM);
    let vector = list(&quorum, "packets")
        .iter()
        .find(|vector| vector["type"] == "PROPOSAL")
        .unwrap();
    let (packet, original) = packet(vector);
    let payload = packet.data.unwrap();
    let zxid = quorate_zab::Zxid::from_bits(packet.zxid);
    let header = quorate_wire::quorum::message::proposal_header(zxid, payload.len());
    assert_eq!([&header[..], &payload, &NO_AUTHINFO].concat(), original);
}

#[test]
fn bodies_of_forwarded_requests_are_those_of_clients() {
    use quorate_wire::client::{Opcode, Request};
    let quorum = vectors(QUORUM);
    let mut seen = Vec::new();
    for vector in list(&quorum, "packets")
        .iter()
        .filter(|vector| vector["type"] == "REQUEST")
    {
        let FromLearner::Request(forwarded) = FromLearner::decode(packet(vector).0).unwrap() else {
            panic!("not a request");
        };
        let opcode = Opcode::from_number(forwarded.opcode).unwrap();
        assert!(opcode.goes_through_leader());
        let mut again = Vec::new();
        Request::decode(opcode, &forwarded.body)
            .unwrap()
            .encode_body(&mut again);
        assert_eq!(again, forwarded.body, "{opcode:?}");
        seen.push(opcode);
    }
    assert!(seen.contains(&Opcode::Reconfig) && seen.contains(&Opcode::CreateSession));
}
