//! Clients that want the server's memory, descriptors or time: does it stay within bounds, and are others served?
//!
//! Bounds are of bytes, stated here and in docs/testing.md; what was measured is printed.

use std::io::Read;
use std::net::TcpStream;

use quorate_tests::client::{CreateMode, Part, PartResult};
use quorate_tests::jute::Writer;
use quorate_tests::{Client, Code, Ensemble, Kind, LONG, Member, PacketType, SHORT, wait_until};

use crate::common::{memory_kib, stop_and_audit};
use crate::ours::OURS;

const MIB: u64 = 1 << 10;

const GET_DATA: i32 = 4;
const MULTI: i32 = 14;
const MULTI_READ: i32 = 22;

/// Looks at the most memory that a server had, and holds that it did not grow by more than it may.
struct Memory {
    before: u64,
}

impl Memory {
    fn of(member: &Member) -> Memory {
        Memory {
            before: memory_kib(member)[0],
        }
    }

    #[track_caller]
    fn grew_within(&self, member: &Member, what: &str, kib: u64) {
        let grew = memory_kib(member)[0].saturating_sub(self.before);
        println!(
            "{what}: server {} grew by {grew} KiB at most, {kib} KiB are allowed",
            member.id()
        );
        assert!(grew <= kib, "{what}: {grew} KiB, {kib} are allowed");
    }
}

fn served(client: &mut Client, name: &str) {
    for at in 0..20 {
        client
            .create_at(&format!("/{name}-{at}"), b"")
            .unwrap_or_else(|why| panic!("others are served: {why}"));
    }
}

#[test]
fn eight_hundred_silent_connections_are_closed_at_their_deadline_and_others_are_served() {
    const SILENT: usize = 800;
    let ensemble = Ensemble::builder("silent", OURS)
        .config("nio.sessionlessCnxnTimeout", "5000")
        .start();
    ensemble.wait_all_serve();
    let member = ensemble.at(1);
    let mut other = member.client();
    let memory = Memory::of(member);
    let connect = |_| TcpStream::connect_timeout(&member.client_address(), SHORT).expect("it is taken");
    let mut silent: Vec<_> = (0..SILENT).map(connect).collect();
    served(&mut other, "meanwhile");
    member
        .client()
        .create_at("/who-comes-later", b"")
        .expect("is served as well");
    for stream in &mut silent {
        stream.set_read_timeout(Some(SHORT)).expect("a timeout");
        assert_eq!(stream.read(&mut [0]).expect("it is closed in order"), 0);
    }
    served(&mut other, "afterwards");
    // 20 KiB for each, and what twenty writes take.
    memory.grew_within(member, "800 silent connections", 16 * MIB);
    stop_and_audit(ensemble);
}

/// The client asks for 200 MB in 400 requests. It is not read beyond the first MiB that it leaves unread, and when its
/// session's time is up it is gone.
#[test]
fn a_client_that_asks_for_much_and_reads_nothing_is_paused_and_costs_a_mib() {
    let ensemble = Ensemble::builder("unread", OURS).start();
    let leader = ensemble.wait_all_serve();
    let member = ensemble.at(ensemble.others(&[leader])[0]);
    let mut other = member.client();
    other.create_at("/large", &[7; 500_000]).expect("it is new");
    // What one such read takes is there already.
    other.get("/large", false).expect("it is there");
    let memory = Memory::of(member);
    let mut greedy = Client::connect(member.client_address(), 4000).expect("a session");
    for _ in 0..400 {
        greedy
            .submit(GET_DATA, Writer::new().string("/large").bool(false))
            .expect("requests are small");
    }
    served(&mut other, "meanwhile");
    let gone = wait_until(SHORT, "its connection is closed", || {
        let connections = member.ask("cons")?;
        let session = format!("sid=0x{:x}", greedy.session().id);
        (!connections.contains(&session)).then_some(true)
    });
    assert!(gone);
    served(&mut other, "afterwards");
    // What may wait: 1 MiB, the reply beyond it, the buffers of both on their way to the socket.
    memory.grew_within(member, "400 x 500 kB asked for and not read", 16 * MIB);
    stop_and_audit(ensemble);
}

/// Together they may leave 8 MiB unread, and each is paused at one: of 40 most are cut.
#[test]
fn clients_that_read_nothing_are_cut_when_together_they_leave_too_much() {
    let ensemble = Ensemble::builder("unread-all", OURS)
        .config("unreadMaxBytes", &(8 << 20).to_string())
        .start();
    let leader = ensemble.wait_all_serve();
    let member = ensemble.at(ensemble.others(&[leader])[0]);
    let mut other = member.client();
    other.create_at("/large", &[7; 500_000]).expect("it is new");
    other.get("/large", false).expect("it is there");
    let memory = Memory::of(member);
    let mut greedy: Vec<_> = (0..40).map(|_| member.client()).collect();
    for client in &mut greedy {
        for _ in 0..20 {
            // Who is cut while others still ask cannot be written to.
            let _ = client.submit(GET_DATA, Writer::new().string("/large").bool(false));
        }
    }
    let cut = wait_until(SHORT, "clients are cut", || {
        let connections = member.ask("cons")?;
        let left = greedy
            .iter()
            .filter(|client| connections.contains(&format!("sid=0x{:x}", client.session().id)));
        let cut = greedy.len() - left.count();
        (cut >= 24).then_some(cut)
    });
    println!("{cut} of {} were cut", greedy.len());
    served(&mut other, "afterwards");
    // In one round of the server each may come to what it is paused at, 1.5 MiB in a buffer that doubles.
    memory.grew_within(member, "40 clients that read nothing", 128 * MIB);
    stop_and_audit(ensemble);
}

/// A request of 1 MB can ask for 25 GB: 50,000 times the same znode.
#[test]
fn a_multi_read_that_asks_for_more_than_a_reply_may_hold_is_refused() {
    let ensemble = Ensemble::builder("multi-read", OURS).start();
    let leader = ensemble.wait_all_serve();
    let member = ensemble.at(ensemble.others(&[leader])[0]);
    let mut other = member.client();
    other.create_at("/large", &[7; 500_000]).expect("it is new");
    let memory = Memory::of(member);
    let mut greedy = member.client();
    let read = |times: usize| {
        let parts = (0..times).fold(Writer::new(), |body, _| {
            body.int(GET_DATA)
                .bool(false)
                .int(-1)
                .string("/large")
                .bool(false)
        });
        parts.int(-1).bool(true).int(-1)
    };
    let reply = greedy.call(MULTI_READ, read(50)).expect("25 MB are answered");
    assert!(reply.body.len() > 25_000_000);
    let refused = greedy.call(MULTI_READ, read(45_000)).expect_err("22 GB are not");
    assert_eq!(refused.code(), Some(Code::MARSHALLING_ERROR));
    greedy.ping().expect("it may ask for less");
    served(&mut other, "afterwards");
    memory.grew_within(member, "a multiRead of 22 GB", 160 * MIB);
    stop_and_audit(ensemble);
}

fn creations(count: usize) -> Vec<Part> {
    let create = |at| Part::Create(format!("/many/{at}"), Vec::new(), CreateMode::Persistent);
    (0..count).map(create).collect()
}

#[test]
fn a_multi_of_a_hundred_thousand_parts_is_refused_by_its_size() {
    let ensemble = Ensemble::builder("multi-refused", OURS).start();
    let leader = ensemble.wait_all_serve();
    let member = ensemble.at(ensemble.others(&[leader])[0]);
    let mut other = member.client();
    other.create_at("/many", b"").expect("it is new");
    let memory = Memory::of(member);
    let mut greedy = member.client();
    let refused = greedy
        .multi(&creations(100_000))
        .expect_err("it is longer than jute.maxbuffer");
    assert!(refused.is_lost(), "{refused}");
    served(&mut other, "afterwards");
    let (names, _) = other.children("/many", false).expect("it is there");
    assert_eq!(names.len(), 0);
    memory.grew_within(member, "100,000 parts refused", 16 * MIB);
    stop_and_audit(ensemble);
}

#[test]
fn a_multi_of_a_hundred_thousand_parts_is_done_or_undone_whole_where_it_fits() {
    const PARTS: usize = 100_000;
    let ensemble = Ensemble::builder("multi-done", OURS)
        .config("jute.maxbuffer", &(16 << 20).to_string())
        // On a busy machine a second of the leader's time takes many; this is about memory.
        .sync_limit(60)
        .start();
    let leader = ensemble.wait_all_serve();
    let [first, second] = ensemble.others(&[leader])[..] else {
        panic!("three servers");
    };
    let mut other = ensemble.at(second).client();
    other.create_at("/many", b"").expect("it is new");
    let memory: Vec<_> = ensemble.members().iter().map(Memory::of).collect();
    let session = quorate_tests::client::Session::fresh(30_000);
    let mut greedy =
        Client::attach(ensemble.at(first).client_address(), &session, 0, LONG).expect("a session");
    // One that fails in its last part leaves nothing.
    let mut failing = creations(PARTS);
    failing.push(Part::Check("/none".into(), 0));
    let results = greedy.multi(&failing).expect("it is answered");
    assert_eq!(results.len(), PARTS + 1);
    assert_eq!(results[PARTS], PartResult::Failed(Code::NO_NODE));
    assert_eq!(results[0], PartResult::Failed(Code::OK));
    let (names, _) = other.children("/many", false).expect("it is there");
    assert_eq!(names.len(), 0);
    // While one is under way others are served.
    let asking = std::thread::spawn(move || greedy.multi(&creations(PARTS)));
    served(&mut other, "meanwhile");
    let results = asking.join().expect("the thread ends").expect("it is answered");
    assert_eq!(results.len(), PARTS);
    assert!(
        results
            .iter()
            .all(|result| matches!(result, PartResult::Created(_)))
    );
    other.sync("/many").expect("it catches up");
    let (names, stat) = other.children("/many", false).expect("it is there");
    assert_eq!((names.len(), stat.num_children), (PARTS, PARTS as i32));
    for (memory, member) in memory.iter().zip(ensemble.members()) {
        memory.grew_within(member, "100,000 parts done and undone", 512 * MIB);
    }
    stop_and_audit(ensemble);
}

/// Each is answered by the server that it was sent to: nothing of it is passed on, and no transaction becomes of it.
#[test]
fn a_write_that_cannot_be_decoded_never_reaches_the_leader() {
    let mut ensemble = Ensemble::builder("undecodable", [Kind::Quorate; 3])
        .relayed()
        .build();
    ensemble.start_all();
    let leader = ensemble.wait_all_serve();
    let follower = ensemble.others(&[leader])[0];
    let mut client = ensemble.at(follower).client();
    client.create_at("/a", b"").expect("it is new");
    let zxid = |ensemble: &Ensemble| ensemble.at(leader).srvr().expect("it serves").zxid;
    let before = zxid(&ensemble);
    let mark = ensemble.relay().mark();
    let unknown_part = Writer::new().int(77).bool(false).int(-1).string("/a").int(0);
    let bodies = |op: i32| {
        let mut bodies = vec![
            Writer::new(),
            Writer::new().int(i32::MAX),
            Writer::new().int(-2),
            Writer::new().int(5).raw(b"/a"),
        ];
        match op {
            MULTI => bodies.push(unknown_part.clone()),
            // A path and any number are whole.
            2 => {}
            _ => bodies.push(Writer::new().string("/a").int(i32::MIN)),
        }
        bodies
    };
    let mut count = 0;
    for op in [1, 2, 5, 7, 14, 15, 16, 19, 21] {
        for body in bodies(op) {
            let refused = client.call(op, body).expect_err("it cannot be decoded");
            assert_eq!(refused.code(), Some(Code::MARSHALLING_ERROR), "operation {op}");
            count += 1;
        }
    }
    // The way to the leader is first in, first out: what the follower passed on is ahead of this.
    client.set("/a", b"whole", -1).expect("it can be decoded");
    let passed_on = ensemble.relay().seen(mark, |packet| {
        packet.learner == follower && packet.is_to_leader(PacketType::Request)
    });
    println!("{count} bodies refused, {} requests passed on", passed_on.len());
    assert_eq!(passed_on.len(), 1, "{passed_on:?}");
    assert_eq!(zxid(&ensemble), before + 1);
    stop_and_audit(ensemble);
}
