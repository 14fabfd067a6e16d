//! Anybody can connect to the three ports and say anything. Does it disturb those who serve and are served?
//!
//! Apache's servers do not pass: a body that cannot be decoded hangs the whole ensemble, and silent
//! connections to the election port keep it from electing.

use std::io::Write;
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use quorate_tests::jute::Writer;
use quorate_tests::{Client, Ensemble, Member, Writers, agree};

use crate::common::stop_and_audit;
use crate::ours::OURS;

/// A small generator of noise; the same noise each run.
struct Noise(u64);

impl Noise {
    fn bytes(&mut self, length: usize) -> Vec<u8> {
        let mut next = || {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            self.0 as u8
        };
        (0..length).map(|_| next()).collect()
    }
}

const SEED: u64 = 0x5eed_ba5e;

/// What belongs on no port of ours.
fn foreign() -> Vec<Vec<u8>> {
    let mut noise = Noise(SEED);
    let mut said: Vec<Vec<u8>> = [1, 3, 4, 8, 64, 4096, 200_000]
        .map(|length| noise.bytes(length))
        .into();
    said.push(b"GET / HTTP/1.1\r\nHost: quorate\r\n\r\n".to_vec());
    said.push(b"SSH-2.0-OpenSSH_9.2\r\n".to_vec());
    // The beginning of a TLS ClientHello.
    said.push([&[0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3][..], &noise.bytes(600)].concat());
    said.push(vec![0; 64]);
    said.push(vec![0xff; 64]);
    said
}

/// Frames of the client protocol that claim too much or hold too little.
fn at_client_port() -> Vec<Vec<u8>> {
    let connect = |password: i32| Writer::new().int(0).long(0).int(10_000).long(0).int(password);
    let mut said = foreign();
    for length in [-1, -4, i32::MIN, i32::MAX, 1 << 28, 0, 7] {
        said.push(Writer::new().int(length).raw(b"short").bytes);
    }
    for password in [-2, i32::MIN, i32::MAX, 1 << 28] {
        said.push(connect(password).frame());
    }
    // A frame that ends in the middle.
    said.push(Writer::new().int(45).int(0).bytes);
    said
}

/// Requests that no client may make, or that cannot be decoded, each on a session of its own.
fn requests() -> Vec<Vec<u8>> {
    let request = |op: i32, body: Writer| Writer::new().int(1).int(op).raw(&body.bytes).frame();
    let mut said = vec![
        request(-10, Writer::new().int(10_000)),
        request(20, Writer::new().string("/")),
        request(13, Writer::new().string("/").int(0)),
        request(-1, Writer::new().int(0)),
        request(9999, Writer::new()),
        request(10, Writer::new()),
        // A multi of which a part has no type that there is.
        request(14, Writer::new().int(77).bool(false).int(-1)),
        // A text that is not UTF-8, one that claims to be endless, a list that does.
        request(
            1,
            Writer::new()
                .buffer(&[0xff, 0xfe, b'/'])
                .buffer(b"")
                .int(0)
                .int(0),
        ),
        request(1, Writer::new().int(i32::MAX)),
        request(1, Writer::new().string("/x").buffer(b"").int(i32::MAX)),
        request(101, Writer::new().long(0).int(i32::MAX)),
        request(
            105,
            Writer::new().long(0).int(0).int(0).int(0).int(0).int(i32::MAX),
        ),
        // Create flags and lifetimes that there are not.
        request(
            21,
            Writer::new().string("/ttl").buffer(b"").int(0).int(0).long(-1),
        ),
    ];
    // Every operation without a body.
    said.extend((1..=22).chain(100..=107).map(|op| request(op, Writer::new())));
    said
}

/// Packets of the learner link that no learner may send.
fn at_quorum_port() -> Vec<Vec<u8>> {
    let mut said = foreign();
    let learner = |sid: i64| Writer::new().long(sid).int(0x10000).long(0).bytes;
    let packet =
        |kind: i32, zxid: i64, data: &[u8]| Writer::new().int(kind).long(zxid).buffer(data).int(-1).bytes;
    for claimed in [i32::MAX, i32::MIN, -2, 1 << 28] {
        said.push(Writer::new().int(11).long(0).int(claimed).bytes);
        said.push(
            Writer::new()
                .int(11)
                .long(0)
                .buffer(&learner(77))
                .int(claimed)
                .bytes,
        );
    }
    for kind in [-1, 0, 2, 3, 5, 12, 15, 19, 20, i32::MAX] {
        said.push(packet(kind, 0, &learner(77)));
    }
    for data in [&[][..], &[1], &[0; 7], &[0xff; 20]] {
        said.push(packet(11, 0, data));
    }
    // A learner that nobody configured, and what it must not say next.
    for next in [
        packet(2, 1, b"txn"),
        packet(18, i64::MIN, &[]),
        packet(18, -1, &[0xff; 4]),
        packet(3, -1, &[]),
    ] {
        said.push([packet(11, 0, &learner(77)), next].concat());
    }
    said
}

/// Introductions and notifications that no voter sends.
fn at_election_port() -> Vec<Vec<u8>> {
    let mut said = foreign();
    let hello =
        |version: i64, sid: i64, address: &[u8]| Writer::new().long(version).long(sid).buffer(address).bytes;
    for version in [-65536, -65535, -1, i64::MIN, i64::MAX] {
        said.push(hello(version, 99, b"nowhere.invalid:1"));
        said.push(hello(version, -7, b""));
    }
    for claimed in [0, -1, i32::MIN, i32::MAX, 2049] {
        said.push(Writer::new().long(-65536).long(99).int(claimed).bytes);
    }
    said.push(hello(-65536, 99, b"no port here"));
    said.push(hello(-65536, 99, &[0xff; 40]));
    for claimed in [0, -1, i32::MIN, i32::MAX, 524_289, 3] {
        let introduced = hello(-65536, 99, b"127.0.0.1:9");
        said.push([introduced, Writer::new().int(claimed).raw(&[1; 60]).bytes].concat());
    }
    said
}

/// A connection, unless nobody listens or as many wait already as the listener lets wait.
fn connect(to: SocketAddr) -> Option<TcpStream> {
    TcpStream::connect_timeout(&to, Duration::from_secs(1)).ok()
}

/// Says each to the address, ends its own side, and keeps the connections open.
fn say(to: SocketAddr, said: Vec<Vec<u8>>, open: &mut Vec<TcpStream>) {
    for bytes in said {
        let Some(mut stream) = connect(to) else {
            // A follower's quorum port is closed.
            return;
        };
        // The server may close as soon as it has read enough.
        let _ = stream
            .write_all(&bytes)
            .and_then(|()| stream.shutdown(Shutdown::Write));
        open.push(stream);
    }
}

fn say_in_sessions(to: &Member) {
    for bytes in requests() {
        let mut client = to.client();
        let _ = client.send_raw(&bytes);
        // Answered or hung up on; either way the next session is served.
        let _ = client.ping();
    }
}

#[test]
fn whatever_is_said_on_any_port_nobody_falls_and_those_who_are_served_notice_nothing() {
    let mut ensemble = Ensemble::builder("hostile", OURS).start();
    let leader = ensemble.wait_all_serve();
    let mut steady: Vec<Client> = ensemble.members().iter().map(Member::client).collect();
    let writers = Writers::start(
        ensemble
            .members()
            .iter()
            .map(|member| (member.id(), member.client_address())),
    );
    writers.wait_more(&[1, 2, 3], 20);
    let epoch = ensemble.at(leader).srvr().unwrap().epoch();

    let mut open = Vec::new();
    for member in ensemble.members() {
        say(member.client_address(), at_client_port(), &mut open);
        say(member.quorum_address(), at_quorum_port(), &mut open);
        say(member.election_address(), at_election_port(), &mut open);
        say_in_sessions(member);
    }
    writers.wait_more(&[1, 2, 3], 200);
    for member in ensemble.members_mut() {
        assert!(
            member.ended().is_none(),
            "server {} fell: {}",
            member.id(),
            member.log()
        );
    }
    for client in &mut steady {
        client.ping().expect("a quiet session goes on");
    }
    assert_eq!(ensemble.leader(), Some(leader), "noise changed the leader");
    assert_eq!(
        ensemble.at(leader).srvr().unwrap().epoch(),
        epoch,
        "noise began an epoch"
    );
    drop(open);

    let ledger = writers.finish();
    for member in ensemble.members() {
        ledger.check(&mut member.client());
    }
    agree::wait_same_trees(&ensemble.members().iter().collect::<Vec<_>>());
    stop_and_audit(ensemble);
}

#[test]
fn connections_that_say_nothing_keep_nobody_from_being_served() {
    let mut ensemble = Ensemble::builder("idle", OURS).start();
    let mut open = Vec::new();
    for member in ensemble.members() {
        for port in [
            member.client_address(),
            member.quorum_address(),
            member.election_address(),
        ] {
            open.extend((0..100).map_while(|_| connect(port)));
        }
    }
    assert!(
        open.len() >= 700,
        "client, election and the leader's quorum ports are open: {}",
        open.len()
    );
    for member in ensemble.members() {
        member
            .client()
            .create_at(&format!("/at-{}", member.id()), b"")
            .unwrap();
    }
    // An election goes through in spite of them.
    let leader = ensemble.wait_all_serve();
    ensemble.member(leader).kill();
    let next = ensemble.wait_leader(&[leader]);
    ensemble.at(next).client().create_at("/after", b"").unwrap();
    ensemble.start_all();
    ensemble.wait_all_serve();
    drop(open);
    agree::wait_same_trees(&ensemble.members().iter().collect::<Vec<_>>());
    stop_and_audit(ensemble);
}
