//! How long does a client wait for its writes while another wants everything?
//!
//! ```sh
//! cargo bench --package quorate-tests --bench hostile
//! ```
//!
//! Three servers as installations run them; one client creates znodes one by one at a follower, and the others do their
//! worst there. Prints a table in Markdown for `docs/benchmarks.md`. Nothing is asserted: machines are shared and noisy.

use quorate_tests::client::{CreateMode, Part, Session};
use quorate_tests::jute::Writer;
use quorate_tests::{Client, Ensemble, Kind, LONG, Member};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

const WRITES: usize = 500;
const PARTS: usize = 100_000;

fn main() {
    let ensemble = Ensemble::builder("hostile-bench", [Kind::Quorate; 3])
        .measured()
        .config("jute.maxbuffer", &(16 << 20).to_string())
        .start();
    let leader = ensemble.wait_all_serve();
    let member = ensemble.at(ensemble.others(&[leader])[0]);
    let mut client = member.client();
    client.create_at("/large", &[7; 500_000]).expect("it is new");
    client.create_at("/many", b"").expect("it is new");
    client.create_at("/timed", b"").expect("it is new");
    println!("| meanwhile | half of the writes within | 99 of 100 within | the longest | grown by |");
    println!("| --- | --- | --- | --- | --- |");
    row(member, &mut client, "nothing", |_| ());
    row(member, &mut client, "800 connections that say nothing", silent);
    row(member, &mut client, "400 x 500 kB asked for and not read", unread);
    row(
        member,
        &mut client,
        "a multi of 100,000 parts after the other",
        multis,
    );
}

/// Times writes while `hostile` goes on; what it gives is kept until they are done.
fn row<T>(member: &Member, client: &mut Client, what: &str, hostile: impl FnOnce(&Member) -> T) {
    let before = resident_kib(member);
    let kept = hostile(member);
    let mut took: Vec<Duration> = (0..WRITES)
        .map(|at| {
            let begun = Instant::now();
            let path = format!("/timed/{}-{at}", what.len());
            client.create_at(&path, b"").expect("it is served");
            begun.elapsed()
        })
        .collect();
    let grown = resident_kib(member).saturating_sub(before) / 1024;
    drop(kept);
    took.sort();
    let ms = |at: usize| format!("{:.2} ms", took[at].as_secs_f64() * 1000.0);
    println!(
        "| {what} | {} | {} | {} | {grown} MiB |",
        ms(WRITES / 2),
        ms(WRITES * 99 / 100),
        ms(WRITES - 1)
    );
}

fn silent(member: &Member) -> Vec<TcpStream> {
    let connect = |_| TcpStream::connect(member.client_address()).expect("it is taken");
    (0..800).map(connect).collect()
}

fn unread(member: &Member) -> Client {
    let mut greedy = member.client();
    for _ in 0..400 {
        let body = Writer::new().string("/large").bool(false);
        greedy.submit(4, body).expect("requests are small");
    }
    greedy
}

/// A thread that goes on until it is dropped.
struct Going {
    over: std::sync::Arc<AtomicBool>,
    thread: Option<thread::JoinHandle<usize>>,
}

impl Drop for Going {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        let done = self.thread.take().map(|thread| thread.join().expect("it ends"));
        eprintln!("{} multis were done", done.unwrap_or(0));
    }
}

fn multis(member: &Member) -> Going {
    let over = std::sync::Arc::new(AtomicBool::new(false));
    let is_over = over.clone();
    let address = member.client_address();
    let thread = thread::spawn(move || {
        let mut greedy = Client::attach(address, &Session::fresh(30_000), 0, LONG).expect("a session");
        let create = |at| Part::Create(format!("/many/{at}"), Vec::new(), CreateMode::Persistent);
        let delete = |at| Part::Delete(format!("/many/{at}"), -1);
        let mut done = 0;
        while !is_over.load(Ordering::Relaxed) {
            let parts: Vec<_> = match done % 2 {
                0 => (0..PARTS).map(create).collect(),
                _ => (0..PARTS).map(delete).collect(),
            };
            greedy.multi(&parts).expect("it is done");
            done += 1;
        }
        done
    });
    Going {
        over,
        thread: Some(thread),
    }
}

fn resident_kib(member: &Member) -> u64 {
    let pid = member.process_id().expect("it runs");
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("its status");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().split(' ').next()?.parse().ok())
        .expect("a size")
}
