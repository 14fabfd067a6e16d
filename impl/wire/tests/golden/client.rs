use super::{bytes, list, number, vectors};
use bytes::{Bytes, BytesMut};
use quorate_tree::EventKind;
use quorate_wire::acl::decode_acl;
use quorate_wire::client::multi::decode_results;
use quorate_wire::client::reply::{self, ReplyHeader, WatcherEvent};
use quorate_wire::client::{
    ConnectRequest, ConnectResponse, Opcode, Request, RequestHeader, session_password,
};
use quorate_wire::frame::{CLIENT_FRAME_BYTES_MAX, take_frame};
use quorate_wire::jute::Reader;
use quorate_wire::stat::decode_stat;
use serde_json::Value;

const CLIENT: &str = include_str!("../vectors/client.json");

fn body(hex: &Value) -> (Bytes, Vec<u8>) {
    let original = bytes(hex);
    let mut read = BytesMut::from(&original[..]);
    let body = take_frame(&mut read, CLIENT_FRAME_BYTES_MAX)
        .unwrap()
        .expect("a whole frame");
    assert!(read.is_empty());
    (body, original)
}

fn is_handshake(vector: &Value) -> bool {
    vector["name"].as_str().unwrap().starts_with("connect")
}

#[test]
fn handshakes_read_back_to_the_same_bytes() {
    let client = vectors(CLIENT);
    let mut seen = 0;
    for vector in list(&client, "vectors")
        .iter()
        .filter(|vector| is_handshake(vector))
    {
        let (request_body, original) = body(&vector["request_hex"]);
        let request = ConnectRequest::decode(&request_body).unwrap();
        let mut again = BytesMut::new();
        request.encode(&mut again);
        assert_eq!(again, original);

        let (response_body, original) = body(&vector["response_hex"]);
        let response = ConnectResponse::decode(&response_body).unwrap();
        let mut again = BytesMut::new();
        response.encode(&mut again);
        assert_eq!(again, original);

        assert_eq!(request.read_only.is_some(), response.read_only.is_some());
        if response.session == 0 {
            assert_eq!(response, ConnectResponse::refusal(&request));
        } else {
            assert_eq!(response.password, session_password(response.session));
        }
        seen += 1;
    }
    assert_eq!(seen, 4);
}

#[test]
fn requests_read_back_to_the_same_bytes() {
    let client = vectors(CLIENT);
    let mut seen = std::collections::BTreeSet::new();
    for vector in list(&client, "vectors") {
        if is_handshake(vector) || vector["request_hex"].is_null() || vector["name"] == "unknown_opcode" {
            continue;
        }
        let name = &vector["name"];
        let (frame, original) = body(&vector["request_hex"]);
        let header = RequestHeader::decode(&frame).unwrap();
        assert_eq!(
            header.xid as u64,
            number(&vector["request"]["header"]["xid"]),
            "{name}"
        );
        let opcode = Opcode::from_number(header.opcode).expect("a known opcode");
        let request = Request::decode(opcode, &frame[RequestHeader::BYTES..])
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(request.opcode(), opcode);
        let mut again = BytesMut::new();
        request.encode(header.xid, &mut again);
        assert_eq!(again, original, "{name}");
        seen.insert(opcode);
    }
    assert_eq!(seen.len(), 27, "{seen:?}");
}

#[test]
fn an_unknown_opcode_has_a_header_all_the_same() {
    let client = vectors(CLIENT);
    let vector = list(&client, "vectors")
        .iter()
        .find(|vector| vector["name"] == "unknown_opcode")
        .unwrap();
    let (frame, _) = body(&vector["request_hex"]);
    let header = RequestHeader::decode(&frame).unwrap();
    assert_eq!(Opcode::from_number(header.opcode), None);
    let mut out = BytesMut::new();
    reply::put_header(
        &mut out,
        ReplyHeader {
            xid: header.xid,
            zxid: -1,
            err: -6,
        },
    );
    assert_eq!(out, bytes(&vector["response_hex"]));
}

/// Reads a reply as a client does, by what it asked, and writes it again.
fn rewritten_reply(opcode: Opcode, frame: &[u8]) -> BytesMut {
    let mut reader = Reader::new(frame);
    let header = ReplyHeader::decode(&mut reader).unwrap();
    let mut out = BytesMut::new();
    if header.err != 0 {
        assert_eq!(frame.len(), ReplyHeader::BYTES, "an error is the header alone");
    }
    match opcode {
        _ if header.err != 0 => reply::put_header(&mut out, header),
        Opcode::Create | Opcode::Sync => {
            let path = reader.string("path").unwrap();
            reply::put_path(&mut out, header, path.as_deref());
        }
        Opcode::Create2 | Opcode::CreateContainer | Opcode::CreateTtl => {
            let path = reader.required("path").unwrap();
            reply::put_path_and_stat(&mut out, header, &path, &decode_stat(&mut reader).unwrap());
        }
        Opcode::Exists | Opcode::SetData | Opcode::SetAcl => {
            reply::put_stat(&mut out, header, &decode_stat(&mut reader).unwrap());
        }
        Opcode::GetData | Opcode::Reconfig => {
            let data = reader.buffer("data").unwrap();
            reply::put_data(&mut out, header, data, &decode_stat(&mut reader).unwrap());
        }
        Opcode::GetAcl => {
            let acl = decode_acl(&mut reader).unwrap();
            reply::put_acl(&mut out, header, &acl, &decode_stat(&mut reader).unwrap());
        }
        Opcode::GetChildren | Opcode::GetEphemerals => {
            let names = reader
                .vector("names", |reader| reader.required("name"))
                .unwrap()
                .unwrap();
            reply::put_names(&mut out, header, names);
        }
        Opcode::GetChildren2 => {
            let names = reader
                .vector("names", |reader| reader.required("name"))
                .unwrap()
                .unwrap();
            reply::put_names_and_stat(&mut out, header, names, &decode_stat(&mut reader).unwrap());
        }
        Opcode::GetAllChildrenNumber | Opcode::AddWatch => {
            reply::put_int(&mut out, header, reader.int("value").unwrap());
        }
        Opcode::WhoAmI => {
            let pair = |reader: &mut Reader<'_>| Ok((reader.required("scheme")?, reader.required("user")?));
            let identities = reader.vector("identities", pair).unwrap().unwrap();
            let borrowed: Vec<_> = identities.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
            reply::put_identities(&mut out, header, &borrowed);
        }
        Opcode::Multi | Opcode::MultiRead => {
            reply::put_results(&mut out, header, &decode_results(&mut reader).unwrap());
        }
        Opcode::Sasl => reply::put_token(&mut out, header, reader.buffer("token").unwrap()),
        Opcode::Delete
        | Opcode::Ping
        | Opcode::Check
        | Opcode::CheckWatches
        | Opcode::RemoveWatches
        | Opcode::DeleteContainer
        | Opcode::Auth
        | Opcode::SetWatches
        | Opcode::SetWatches2
        | Opcode::CreateSession
        | Opcode::CloseSession => reply::put_header(&mut out, header),
    }
    out
}

#[test]
fn replies_read_back_to_the_same_bytes() {
    let client = vectors(CLIENT);
    let mut seen = 0;
    for vector in list(&client, "vectors") {
        if is_handshake(vector) || vector["request_hex"].is_null() || vector["name"] == "unknown_opcode" {
            continue;
        }
        let (request, _) = body(&vector["request_hex"]);
        let opcode = Opcode::from_number(RequestHeader::decode(&request).unwrap().opcode).unwrap();
        let reply = match vector["frames_from_server"].as_array() {
            Some(frames) => &frames.last().unwrap()["hex"],
            None => &vector["response_hex"],
        };
        let (frame, original) = body(reply);
        assert_eq!(rewritten_reply(opcode, &frame), original, "{}", vector["name"]);
        seen += 1;
    }
    assert!(seen > 35, "{seen}");
}

#[test]
fn events_read_back_to_the_same_bytes() {
    let client = vectors(CLIENT);
    let mut frames = Vec::new();
    for vector in list(&client, "vectors") {
        frames.extend(vector.get("frame_hex"));
        if let Some(replayed) = vector["frames_from_server"].as_array() {
            frames.extend(replayed[..replayed.len() - 1].iter().map(|frame| &frame["hex"]));
        }
    }
    let mut kinds = Vec::new();
    for hex in frames {
        let (frame, original) = body(hex);
        let mut reader = Reader::new(&frame);
        let header = ReplyHeader::decode(&mut reader).unwrap();
        let event = WatcherEvent::decode(&mut reader).unwrap();
        assert_eq!((header.xid, header.err, event.state), (-1, 0, 3));
        let mut again = BytesMut::new();
        reply::put_event(
            &mut again,
            u64::try_from(header.zxid).ok(),
            event.kind,
            &event.path,
        );
        assert_eq!(again, original);
        kinds.push(event.kind);
    }
    use EventKind::{NodeChildrenChanged, NodeCreated, NodeDataChanged, NodeDeleted};
    let captured = [NodeCreated, NodeDataChanged, NodeDeleted, NodeChildrenChanged];
    assert_eq!(kinds, [&captured[..], &[NodeDataChanged, NodeDeleted]].concat());
}
