//! Anybody can connect to the three ports and say anything. Does it disturb those who serve and are served?
//!
//! Apache's servers do not pass: a body that cannot be decoded hangs the whole ensemble, and silent
//! connections to the election port keep it from electing.

use std::io::{Error, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use quorate_tests::jute::Writer;
use quorate_tests::{Client, Ensemble, Member, SHORT, Writers, agree, command};

use crate::common::{memory_kib, stop_and_audit};
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

/// What a correct peer says, with one bit turned, cut short, or with more behind it.
fn bent(real: &[u8]) -> Vec<Vec<u8>> {
    let turned = (0..real.len()).map(|at| {
        let mut bytes = real.to_vec();
        bytes[at] ^= 0x80 >> (at % 8);
        bytes
    });
    let cut = (1..real.len()).step_by(3).map(|length| real[..length].to_vec());
    let longer = [1, 40, 5000].map(|more| [real, &vec![7; more]].concat());
    turned.chain(cut).chain(longer).collect()
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
    let real = Writer::new().int(0).long(0).int(10_000).long(0).buffer(&[0; 16]);
    said.extend(bent(&real.bool(false).frame()));
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
    // A set of the writers' own data would be one of their writes; this one is refused for its version.
    said.extend(bent(&request(
        5,
        Writer::new().string("/nowhere").buffer(b"data").int(77),
    )));
    // Every operation without a body.
    said.extend((1..=22).chain(100..=107).map(|op| request(op, Writer::new())));
    said
}

fn packet(kind: i32, zxid: i64, data: &[u8]) -> Vec<u8> {
    Writer::new().int(kind).long(zxid).buffer(data).int(-1).bytes
}

/// What the learner `sid` says of itself.
fn learner(sid: i64) -> Vec<u8> {
    Writer::new().long(sid).int(0x10000).long(0).bytes
}

/// What a learner says first, FOLLOWERINFO and ACKEPOCH, bent.
fn bent_learner(sid: i64) -> Vec<Vec<u8>> {
    let (epoch, zxid) = (1 << 32, 1 << 32 | 1);
    let current = 1_i32.to_be_bytes();
    bent(&[packet(11, epoch, &learner(sid)), packet(18, zxid, &current)].concat())
}

/// Packets of the learner link that no learner may send.
fn at_quorum_port() -> Vec<Vec<u8>> {
    let mut said = foreign();
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
    said.extend(bent_learner(77));
    said
}

/// The introduction of the voter `sid` on its connections to the election port.
fn hello(version: i64, sid: i64, address: &[u8]) -> Vec<u8> {
    Writer::new().long(version).long(sid).buffer(address).bytes
}

/// What a voter says, its introduction and a vote for server 1, bent.
fn bent_voter(sid: i64) -> Vec<Vec<u8>> {
    const LOOKING: i32 = 0;
    let vote = Writer::new()
        .int(LOOKING)
        .long(1)
        .long(1 << 32)
        .long(1)
        .long(1)
        .int(2);
    let notification = vote.buffer(b"").frame();
    bent(&[hello(-65536, sid, b"127.0.0.1:9"), notification].concat())
}

/// Introductions and notifications that no voter sends.
fn at_election_port() -> Vec<Vec<u8>> {
    let mut said = foreign();
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
    said.extend(bent_voter(99));
    said
}

/// A connection, unless nobody listens or as many wait already as the listener lets wait.
fn connect(to: SocketAddr) -> Option<TcpStream> {
    TcpStream::connect_timeout(&to, Duration::from_secs(1)).ok()
}

/// Says each to the address, ends its own side, and keeps the connections open. Gives how many came about.
fn say(to: SocketAddr, said: Vec<Vec<u8>>, open: &mut Vec<TcpStream>) -> usize {
    let mut count = 0;
    for bytes in said {
        let Ok(mut stream) = TcpStream::connect_timeout(&to, SHORT) else {
            return count;
        };
        count += 1;
        // The server may close as soon as it has read enough.
        let _ = stream
            .write_all(&bytes)
            .and_then(|()| stream.shutdown(Shutdown::Write));
        open.push(stream);
    }
    count
}

fn say_in_sessions(to: &Member) {
    for bytes in requests() {
        // Answered, hung up on or awaited more of; either way the next session is served.
        let mut client = to.client();
        let _ = client.send_raw(&bytes);
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
        let mut all_is_said = |to: SocketAddr, what: Vec<Vec<u8>>| {
            let all = what.len();
            assert_eq!(say(to, what, &mut open), all, "not all was said at {to}");
        };
        all_is_said(member.client_address(), at_client_port());
        all_is_said(member.election_address(), at_election_port());
        if member.id() == leader {
            all_is_said(member.quorum_address(), at_quorum_port());
        } else {
            // Only the leader's is open.
            assert_eq!(say(member.quorum_address(), at_quorum_port(), &mut open), 0);
        }
        say_in_sessions(member);
    }
    writers.wait_more(&[1, 2, 3], 200);
    nobody_fell(&mut ensemble);
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

/// The ports know no passwords: under the name of one who is configured, anybody can take that one's place for a
/// while. It costs the one its connections, and nobody anything that was acknowledged.
#[test]
fn under_the_name_of_a_configured_server_nobody_makes_another_fall_or_lose_a_write() {
    let mut ensemble = Ensemble::builder("impostors", OURS).start();
    let leader = ensemble.wait_all_serve();
    let members = ensemble.members().iter();
    let writers = Writers::start(members.map(|member| (member.id(), member.client_address())));
    writers.wait_more(&[1, 2, 3], 20);
    let mut open = Vec::new();
    for member in ensemble.members() {
        for id in ensemble.others(&[member.id()]) {
            let what = bent_voter(id as i64);
            let all = what.len();
            assert_eq!(say(member.election_address(), what, &mut open), all);
        }
    }
    for id in ensemble.others(&[leader]) {
        // It may give up its reign for want of learners, and close the port.
        let said = say(
            ensemble.at(leader).quorum_address(),
            bent_learner(id as i64),
            &mut open,
        );
        assert!(said >= 1 || id != ensemble.others(&[leader])[0]);
    }
    drop(open);
    ensemble.wait_all_serve();
    writers.wait_more(&[1, 2, 3], 200);
    nobody_fell(&mut ensemble);
    let ledger = writers.finish();
    for member in ensemble.members() {
        ledger.check(&mut member.client());
    }
    agree::wait_same_trees(&ensemble.members().iter().collect::<Vec<_>>());
    ensemble.stop_all();
    // If a word of an impostor was read whole, it is one that its namesake never sent: the audit sees that, and
    // nothing else.
    let audit = command::audit(&ensemble.trace_dirs());
    let finding = &audit.report["finding"];
    assert!(
        audit.code == 0 || audit.code == 1 && finding["check"] == "C4",
        "{}",
        audit.text
    );
}

fn nobody_fell(ensemble: &mut Ensemble) {
    for member in ensemble.members_mut() {
        assert!(
            member.ended().is_none(),
            "server {} fell: {}",
            member.id(),
            member.log()
        );
    }
}

/// Claims 2 GiB in a frame and goes on talking until the server hangs up.
fn claim(to: SocketAddr, head: &[u8]) {
    let mut stream = TcpStream::connect_timeout(&to, SHORT).unwrap();
    stream.set_write_timeout(Some(SHORT)).unwrap();
    stream.set_read_timeout(Some(SHORT)).unwrap();
    let claimed = [head, &i32::MAX.to_be_bytes()].concat();
    let said = stream.write_all(&claimed).and_then(|()| {
        // More than all of them together may take.
        let noise = vec![0x2a; 1 << 20];
        (0..64).try_for_each(|_| stream.write_all(&noise))
    });
    let answer = said.and_then(|()| stream.read(&mut [0; 64]));
    let waits = |why: &Error| [ErrorKind::WouldBlock, ErrorKind::TimedOut].contains(&why.kind());
    let hung_up = !matches!(&answer, Ok(1..)) && !answer.is_err_and(|why| waits(&why));
    assert!(hung_up, "it waits for 2 GiB at {to}");
}

#[test]
fn a_claimed_length_is_refused_before_it_takes_memory() {
    let ensemble = Ensemble::builder("claims", OURS).start();
    let leader = ensemble.wait_all_serve();
    let before: Vec<_> = ensemble.members().iter().map(memory_kib).collect();
    for member in ensemble.members() {
        for _ in 0..4 {
            claim(member.client_address(), b"");
            claim(
                member.election_address(),
                &Writer::new().long(-65536).long(99).bytes,
            );
            claim(member.election_address(), &hello(-65536, 99, b"127.0.0.1:9"));
        }
        let mut session = member.client();
        session.ping().unwrap();
    }
    for _ in 0..4 {
        let address = ensemble.at(leader).quorum_address();
        claim(address, &Writer::new().int(11).long(0).bytes);
        claim(address, &Writer::new().int(11).long(0).buffer(&learner(77)).bytes);
    }
    for (member, before) in ensemble.members().iter().zip(before) {
        member
            .client()
            .create_at(&format!("/at-{}", member.id()), b"")
            .unwrap();
        let after = memory_kib(member);
        let id = member.id();
        assert!(
            after[0] < before[0] + (48 << 10),
            "server {id}: {before:?}, then {after:?} KiB"
        );
        assert!(
            after[1] < before[1] + (2 << 20),
            "server {id}: {before:?}, then {after:?} KiB"
        );
    }
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
