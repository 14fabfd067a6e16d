//! Does the service answer byte for byte as Apache ZooKeeper 3.9.3 did?
//!
//! The captured session is replayed on a follower. Its leader is ours as well.

use super::*;
use quorate_tree::{Txn, TxnEntry, TxnHeader};
use quorate_wire::client::MultiResult;
use quorate_wire::client::multi::decode_results;
use serde_json::Value;
use std::collections::HashMap;

const VECTORS: &str = include_str!("../../../../wire/tests/vectors/client.json");

const SESSION: SessionId = 0x0100_002f_aa5e_0000;

fn unhex(value: &Value) -> Vec<u8> {
    let text = value.as_str().expect("hex");
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
        .collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The leader's clock at each transaction, from every stat in the capture.
fn times(value: &Value, times: &mut HashMap<u64, i64>) {
    match value {
        Value::Object(fields) => {
            for (zxid, time) in [("czxid", "ctime"), ("mzxid", "mtime")] {
                if let (Some(Value::String(zxid)), Some(time)) = (fields.get(zxid), fields.get(time)) {
                    let zxid = u64::from_str_radix(zxid.trim_start_matches("0x"), 16).unwrap();
                    times.insert(zxid, time.as_i64().unwrap());
                }
            }
            fields.values().for_each(|field| self::times(field, times));
        }
        Value::Array(items) => items.iter().for_each(|item| self::times(item, times)),
        _ => {}
    }
}

struct Replay {
    follower: Host,
    leader: Service,
    times: HashMap<u64, i64>,
}

impl Replay {
    fn new(vectors: &Value) -> Self {
        let mut known = HashMap::new();
        times(vectors, &mut known);
        // The id's clock, as it was.
        let mut follower = Host::new(1, Role::Follower);
        follower.service = Service::new(options(1), Tree::new(), 0x2f_aa5e);
        follower.service.serve(Role::Follower, Epoch::new(5), 0);
        let mut leader = Service::new(options(2), Tree::new(), 0);
        leader.serve(Role::Leader, Epoch::new(5), 0);
        follower.next_zxid = 5 << 32 | 1;
        Self {
            follower,
            leader,
            times: known,
        }
    }

    /// Orders what the follower forwards.
    fn run(&mut self) {
        for action in std::mem::take(&mut self.follower.actions) {
            match action {
                Action::Submit(submission) => {
                    let zxid = self.follower.next_zxid;
                    self.follower.next_zxid += 1;
                    let time_ms = self.times.get(&zxid).copied().unwrap_or(0);
                    let forwarded = Submission::forwarded(Conn::new(1), submission.into_forwarded());
                    let payload = self.leader.prepare(forwarded, Zxid::from_bits(zxid), time_ms, 0);
                    self.leader.deliver(&payload, 0).unwrap();
                    self.follower.deliver(&payload);
                }
                Action::Sync(_) => self.follower.service.sync_done(0),
                Action::Revalidate { session, .. } => self.follower.service.on_revalidated(session, true),
            }
        }
    }
}

/// The captured order of children is one of many.
fn sorted(name: &str, frame: &[u8]) -> Vec<u8> {
    if name == "multiRead" {
        let mut results = decode_results(&mut Reader::new(&frame[20..])).unwrap();
        for result in &mut results {
            if let MultiResult::Children(names) = result {
                names.sort();
            }
        }
        return [&frame[..20], format!("{results:?}").as_bytes()].concat();
    }
    if !name.starts_with("getChildren") {
        return frame.to_vec();
    }
    let (header, mut reader) = (&frame[..20], Reader::new(&frame[20..]));
    let names = reader
        .vector("names", |reader| reader.required("name"))
        .unwrap()
        .unwrap();
    let names: std::collections::BTreeSet<_> = names.into_iter().collect();
    [header, format!("{names:?}").as_bytes(), reader.rest()].concat()
}

#[test]
fn the_captured_session_is_answered_byte_for_byte() {
    let vectors: Value = serde_json::from_str(VECTORS).unwrap();
    let mut replay = Replay::new(&vectors);
    let mut client: Option<Client> = None;
    let mut compared = 0;
    for vector in vectors["vectors"].as_array().unwrap() {
        let name = vector["name"].as_str().unwrap();
        if name.starts_with("getACL_expanded") {
            continue;
        }
        if name.starts_with("notification") {
            break;
        }
        let request = Bytes::from(unhex(&vector["request_hex"]));
        let expected = unhex(&vector["response_hex"]);
        match &client {
            None => client = Some(replay.follower.connect_raw(request.slice(4..))),
            Some(client) => replay.follower.send_raw(client, request),
        }
        replay.run();
        replay.follower.service.flush();
        let Batch { bytes, closed } = client.as_ref().unwrap().queue.take();
        assert_eq!(
            hex(&sorted(name, &bytes)),
            hex(&sorted(name, &expected)),
            "{name}"
        );
        assert!(!closed, "{name}");
        compared += 1;
    }
    assert_eq!(compared, 35);
    assert_eq!(
        replay.follower.service.tree().session_timeout_ms(SESSION),
        Some(10_000)
    );
}

/// A server whose last transaction is the captured one.
fn server_at(zxid: u64) -> Host {
    let mut host = Host::standalone();
    let header = TxnHeader {
        session: SESSION,
        cxid: 0,
        zxid,
        time_ms: 0,
    };
    let txn = Txn::CreateSession { timeout_ms: 10_000 };
    let mut payload = BytesMut::new();
    quorate_wire::txn::encode_entry(
        &TxnEntry {
            header,
            txn,
            digest: None,
        },
        &mut payload,
    );
    host.deliver(&payload);
    host.next_zxid = zxid + 1;
    host
}

fn vector<'v>(vectors: &'v Value, name: &str) -> &'v Value {
    let mut all = vectors["vectors"].as_array().unwrap().iter();
    all.find(|vector| vector["name"] == name)
        .unwrap_or_else(|| panic!("no vector {name}"))
}

#[test]
fn what_ends_a_connection_is_answered_byte_for_byte_and_closed() {
    let vectors: Value = serde_json::from_str(VECTORS).unwrap();
    for name in [
        "unknown_opcode",
        "check_outside_multi",
        "auth_unknown_scheme",
        "closeSession",
    ] {
        let vector = vector(&vectors, name);
        let mut host = server_at(5 << 32 | 0x1a);
        let mut client = host.connect_with(&resume(SESSION));
        client.frames(&mut host);
        host.send_raw(&client, unhex(&vector["request_hex"]).into());
        host.run();
        host.service.flush();
        let Batch { bytes, closed } = client.queue.take();
        assert_eq!(hex(&bytes), hex(&unhex(&vector["response_hex"])), "{name}");
        assert!(closed, "{name}");
    }
}

#[test]
fn captured_handshakes_are_answered_byte_for_byte() {
    let vectors: Value = serde_json::from_str(VECTORS).unwrap();
    let reattach = vector(&vectors, "connect_reattach_other_server");
    let mut follower = Host::new(2, Role::Follower);
    let base = server_at(5 << 32 | 0x14);
    follower.service.retire();
    follower.service.replace_tree(base.service.tree().clone());
    follower.service.serve(Role::Follower, Epoch::new(5), 0);
    let client = follower.connect_raw(Bytes::from(unhex(&reattach["request_hex"])).slice(4..));
    follower.service.on_revalidated(SESSION + 1, true);
    follower.service.flush();
    assert_eq!(
        hex(&client.queue.take().bytes),
        reattach["response_hex"].as_str().unwrap()
    );

    let bad = vector(&vectors, "connect_bad_password");
    let client = follower.connect_raw(Bytes::from(unhex(&bad["request_hex"])).slice(4..));
    follower.service.flush();
    let Batch { bytes, closed } = client.queue.take();
    assert_eq!(
        (hex(&bytes).as_str(), closed),
        (bad["response_hex"].as_str().unwrap(), true)
    );
}

#[test]
fn captured_events_and_set_watches_are_answered_byte_for_byte() {
    let vectors: Value = serde_json::from_str(VECTORS).unwrap();
    let mut host = server_at(5 << 32 | 0x10);
    let mut client = host.connect_with(&resume(SESSION));
    assert_eq!(client.welcome(&mut host).session, SESSION);
    let base = "/v1795246975";
    host.ask(&mut client, 1, create(base, 0));
    let node = format!("{base}/w");
    host.ask(&mut client, 2, exists(&node, true));
    let mut events = Vec::new();
    let mut step = |host: &mut Host, client: &mut Client, request| {
        host.send(client, &[(3, request)]);
        host.run();
        let mut frames = client.frames(host);
        frames.pop();
        events.extend(
            frames
                .into_iter()
                .map(|frame| [&(frame.len() as u32).to_be_bytes()[..], &frame].concat()),
        );
    };
    step(&mut host, &mut client, create(&node, 0));
    host.ask(&mut client, 4, get_data(&node, true));
    step(&mut host, &mut client, set_data(&node, "x"));
    host.ask(&mut client, 5, get_data(&node, true));
    host.ask(
        &mut client,
        6,
        Request::GetChildren {
            path: base.into(),
            watch: true,
        },
    );
    step(
        &mut host,
        &mut client,
        Request::Delete {
            path: node,
            version: -1,
        },
    );
    for (event, name) in
        events
            .iter()
            .zip(["node_created", "data_changed", "node_deleted", "children_changed"])
    {
        let expected = unhex(&vector(&vectors, &format!("notification_{name}"))["frame_hex"]);
        assert_eq!(hex(event), hex(&expected), "{name}");
    }
    assert_eq!(events.len(), 4);

    host.ask(&mut client, 7, set_data(base, "changed"));
    host.ask(&mut client, 8, create("/other", 0));
    let set_watches = vector(&vectors, "setWatches");
    host.send_raw(&client, unhex(&set_watches["request_hex"]).into());
    let frames = client.frames(&mut host);
    let expected = set_watches["frames_from_server"].as_array().unwrap();
    assert_eq!(frames.len(), expected.len());
    for (frame, expected) in frames.iter().zip(expected) {
        assert_eq!(hex(frame), expected["hex"].as_str().unwrap()[8..]);
    }
}
