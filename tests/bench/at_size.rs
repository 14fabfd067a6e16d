//! What does a tree of a million znodes cost: in memory, while a snapshot is taken, at a start, with ten thousand
//! watchers on one znode, and in reads?
//!
//! One server of each kind, alone, with real syncs, is filled over real connections and asked the same.
//!
//! ```sh
//! cargo bench --package quorate-tests --bench at_size -- [quorate|apache|both] [ZNODES [WATCHERS]]
//! ```
//!
//! Prints a table in Markdown for `docs/benchmarks.md`. Nothing is asserted: machines are shared and noisy.
//! Needs `taskset`, and as many open files as there are watchers.

use quorate_tests::jute::Writer;
use quorate_tests::{Client, Ensemble, Kind, Member};
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Bytes of data of each znode.
const DATA: [u8; 100] = [b'x'; 100];
/// Children of each parent below `/size`.
const CHILDREN: usize = 1_000;
const WATCHED: &str = "/watched";
/// Sessions that fill the tree, and requests that each has under way.
const FILL: (usize, usize) = (8, 256);
/// How many transactions lie between two snapshots while writes are timed.
const SNAP_COUNT: &str = "6000";
const PATIENCE: Duration = Duration::from_secs(60);

/// What was found, in the order of the table: what it is, what is to be reached, and the figure of each kind.
struct Row {
    what: String,
    target: &'static str,
    unit: &'static str,
    figure: f64,
}

#[derive(Default)]
struct Rows(Vec<Row>);

impl Rows {
    fn add(&mut self, what: impl Into<String>, target: &'static str, unit: &'static str, figure: f64) {
        let what = what.into();
        eprintln!("  {what}: {figure:.2} {unit}");
        self.0.push(Row {
            what,
            target,
            unit,
            figure,
        });
    }
}

fn main() {
    // cargo adds `--bench`.
    let words: Vec<String> = std::env::args()
        .skip(1)
        .filter(|word| !word.starts_with('-'))
        .collect();
    let mut numbers = words.iter().filter_map(|word| word.parse().ok());
    let znodes: usize = numbers.next().unwrap_or(1_000_000);
    let watchers: usize = numbers.next().unwrap_or(10_000);
    let is_asked = |kind| words.iter().any(|word| word == kind);
    let kinds = match (is_asked("quorate"), is_asked("apache")) {
        (true, false) => vec![Kind::Quorate],
        (false, true) => vec![Kind::Apache],
        _ => vec![Kind::Quorate, Kind::Apache],
    };
    let found: Vec<Rows> = kinds
        .iter()
        .map(|&kind| measure(kind, znodes, watchers))
        .collect();
    let name = |kind: &Kind| match kind {
        Kind::Quorate => "quorate",
        Kind::Apache => "Apache 3.9.3",
    };
    let names: Vec<_> = kinds.iter().map(name).collect();
    let ratio = if found.len() == 2 { " ratio |" } else { "" };
    println!(
        "\n| {znodes} znodes of {} bytes | to reach | {} |{ratio}",
        DATA.len(),
        names.join(" | ")
    );
    println!(
        "| --- | --- |{}",
        " --- |".repeat(found.len() + usize::from(found.len() == 2))
    );
    for row in &found[0].0 {
        print!("| {} | {} |", row.what, row.target);
        let of = |rows: &Rows| {
            rows.0
                .iter()
                .find(|other| other.what == row.what)
                .map(|row| row.figure)
        };
        let figures: Vec<Option<f64>> = found.iter().map(of).collect();
        for figure in &figures {
            match figure {
                Some(figure) => print!(" {figure:.2} {} |", row.unit),
                None => print!(" |"),
            }
        }
        match figures[..] {
            [Some(ours), Some(apaches)] => print!(" {:.2} |", ours / apaches),
            [_, _] => print!(" |"),
            _ => {}
        }
        println!();
    }
}

fn measure(kind: Kind, znodes: usize, watchers: usize) -> Rows {
    eprintln!("{kind:?}");
    let mut rows = Rows::default();
    let mut ensemble = Ensemble::builder("size", [kind]).measured().start();
    let server = ensemble.member(1);

    let began = Instant::now();
    fill(server.client_address(), znodes);
    rows.add(
        "filled, znodes per second",
        "",
        "",
        znodes as f64 / began.elapsed().as_secs_f64(),
    );
    rows.add(
        "resident after the fill",
        "350 MiB",
        "MiB",
        status_mib(server, "VmRSS"),
    );
    rows.add(
        "at most until then, snapshots included",
        "350 MiB",
        "MiB",
        status_mib(server, "VmHWM"),
    );

    server.stop();
    server.configure("snapCount", SNAP_COUNT);
    let seconds = start(server);
    rows.add(
        "start until the first answer, log behind the snapshot as it comes",
        "",
        "s",
        seconds,
    );

    beside_snapshots(server, znodes, &mut rows);
    server.kill();
    let seconds = start(server);
    rows.add(
        "start until the first answer, after kill -9, snapshot just taken",
        "5 s",
        "s",
        seconds,
    );
    rows.add(
        "resident after this start",
        "350 MiB",
        "MiB",
        status_mib(server, "VmRSS"),
    );
    rows.add("at most until then", "", "MiB", status_mib(server, "VmHWM"));

    watch(server, watchers, &mut rows);
    read(server, znodes, &mut rows);
    if kind == Kind::Quorate {
        read_over_threads(server, znodes, &mut rows);
    }
    rows
}

/// Starts the server and says after how many seconds a session was open and a read answered.
fn start(server: &mut Member) -> f64 {
    let began = Instant::now();
    server.start();
    loop {
        if let Ok(mut client) = server.try_client()
            && client.get(&path(0), false).is_ok()
        {
            return began.elapsed().as_secs_f64();
        }
        assert!(began.elapsed() < 2 * PATIENCE, "the server does not start");
        server.assert_alive();
        thread::park_timeout(Duration::from_millis(2));
    }
}

fn parent(number: usize) -> String {
    format!("/size/p{number:04}")
}

fn path(number: usize) -> String {
    format!("{}/n{number:07}", parent(number / CHILDREN))
}

fn create(xid: usize, path: &str, data: &[u8]) -> Vec<u8> {
    let record = Writer::new().int(xid as i32).int(1).string(path).buffer(data);
    record
        .int(1)
        .int(31)
        .string("world")
        .string("anyone")
        .int(0)
        .frame()
}

/// Creates the tree, many creates under way at once.
fn fill(server: SocketAddr, znodes: usize) {
    let (sessions, pipeline) = FILL;
    let mut first = Client::connect(server, 30_000).expect("a session");
    let parents = znodes.div_ceil(CHILDREN);
    let above = ["/size".to_owned(), WATCHED.to_owned(), "/probe".to_owned()];
    for batch in above
        .into_iter()
        .chain((0..parents).map(parent))
        .collect::<Vec<_>>()
        .chunks(pipeline)
    {
        let frames: Vec<u8> = batch
            .iter()
            .enumerate()
            .flat_map(|(xid, path)| create(xid, path, b""))
            .collect();
        exchange(&mut first, &frames, batch.len());
    }
    let next = AtomicU64::new(0);
    thread::scope(|scope| {
        for _ in 0..sessions {
            scope.spawn(|| {
                let mut client = Client::connect(server, 30_000).expect("a session");
                loop {
                    let from = next.fetch_add(pipeline as u64, Ordering::Relaxed) as usize;
                    let numbers = from..znodes.min(from + pipeline);
                    if numbers.is_empty() {
                        return;
                    }
                    let count = numbers.len();
                    let frames: Vec<u8> = numbers
                        .flat_map(|number| create(number, &path(number), &DATA))
                        .collect();
                    exchange(&mut client, &frames, count);
                }
            });
        }
    });
}

fn exchange(client: &mut Client, frames: &[u8], count: usize) {
    client.send_raw(frames).expect("the server reads");
    for _ in 0..count {
        let frame = client.frame(Instant::now() + PATIENCE).expect("an answer");
        assert_eq!(frame.get(12..16), Some(&[0; 4][..]), "a create failed");
    }
}

/// A figure of `/proc/PID/status`.
fn status_mib(server: &Member, field: &str) -> f64 {
    let pid = server.process_id().expect("the server runs");
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("the server runs");
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    let kib: f64 = line
        .and_then(|line| line.trim().trim_end_matches(" kB").parse().ok())
        .expect("a size");
    kib / 1024.0
}

/// Seconds of CPU time that the server has used.
fn cpu_s(server: &Member) -> f64 {
    let pid = server.process_id().expect("the server runs");
    cpu_of(&format!("/proc/{pid}/stat"))
}

/// Seconds of CPU time that the thread has used which answers: the first one.
fn answering_s(server: &Member) -> f64 {
    let pid = server.process_id().expect("the server runs");
    cpu_of(&format!("/proc/{pid}/task/{pid}/stat"))
}

fn cpu_of(stat: &str) -> f64 {
    let stat = fs::read_to_string(stat).expect("the server runs");
    let fields: Vec<&str> = stat.rsplit(") ").next().expect("a line").split(' ').collect();
    let ticks = |at: usize| fields[at].parse::<f64>().expect("a number");
    (ticks(11) + ticks(12)) / 100.0
}

/// A write alone at any time: how long each takes while a snapshot is written, and while none is.
fn beside_snapshots(server: &mut Member, znodes: usize, rows: &mut Rows) {
    let (writes, spans) = {
        let done = AtomicBool::new(false);
        let dir = server.version_dir();
        let mut client = server.client();
        thread::scope(|scope| {
            let spans = scope.spawn(|| snapshots(&dir, &done));
            let began = Instant::now();
            let mut writes = Vec::new();
            let mut dice = Dice(7);
            // Until several snapshots have come and gone.
            while began.elapsed() < Duration::from_secs(30) {
                let path = path(dice.below(znodes));
                let asked = Instant::now();
                client.set(&path, &DATA, -1).expect("a write succeeds");
                writes.push((asked, asked.elapsed()));
            }
            done.store(true, Ordering::Relaxed);
            (writes, spans.join().expect("the directory can be read"))
        })
    };
    const MARGIN: Duration = Duration::from_millis(300);
    let is_beside = |asked: Instant, took: Duration| {
        spans
            .iter()
            .any(|&(from, to)| asked + took + MARGIN >= from && asked <= to + MARGIN)
    };
    let (beside, alone): (Vec<_>, Vec<_>) = writes
        .into_iter()
        .partition(|&(asked, took)| is_beside(asked, took));
    let took: f64 = spans.iter().map(|(from, to)| (*to - *from).as_secs_f64()).sum();
    rows.add(
        "snapshots taken while writes were timed",
        "",
        "",
        spans.len() as f64,
    );
    rows.add("a snapshot takes", "", "s", took / spans.len() as f64);
    for (when, target, writes) in [("without", "", alone), ("beside", "50 ms", beside)] {
        let mut ms: Vec<f64> = writes.iter().map(|(_, took)| took.as_secs_f64() * 1e3).collect();
        ms.sort_by(f64::total_cmp);
        let at = |share: f64| ms.get(((ms.len() as f64 * share) as usize).min(ms.len().saturating_sub(1)));
        let mut row = |name: &str, target, share| {
            let what = format!("a write alone {when} a snapshot, {name} of {}", ms.len());
            rows.add(what, target, "ms", at(share).copied().unwrap_or(f64::NAN));
        };
        row("median", "", 0.5);
        row("p99", "", 0.99);
        row("longest", target, 1.0);
    }
}

/// From when to when snapshot files grew.
fn snapshots(dir: &std::path::Path, done: &AtomicBool) -> Vec<(Instant, Instant)> {
    const STILL: Duration = Duration::from_millis(400);
    let look = || {
        let entries = fs::read_dir(dir).expect("the data directory is there").flatten();
        let files = entries.filter(|entry| entry.file_name().to_string_lossy().contains("snapshot"));
        // The names change when a file is done.
        let bytes = files
            .filter_map(|file| file.metadata().ok())
            .map(|file| file.len());
        bytes.sum::<u64>()
    };
    let (mut spans, mut before) = (Vec::<(Instant, Instant)>::new(), look());
    while !done.load(Ordering::Relaxed) {
        thread::park_timeout(Duration::from_millis(10));
        let (seen, now) = (look(), Instant::now());
        if seen > before {
            match spans.last_mut() {
                Some((_, to)) if now - *to < STILL => *to = now,
                _ => spans.push((now, now)),
            }
        }
        before = seen;
    }
    spans
}

/// Numbers by chance, the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end as u64) as usize
    }
}

/// All connections watch one znode. How long do others wait for their answers while these are told?
fn watch(server: &Member, watchers: usize, rows: &mut Rows) {
    const ROUNDS: usize = 5;
    let address = server.client_address();
    let began = Instant::now();
    let before_mib = status_mib(server, "VmRSS");
    let mut clients: Vec<Client> = thread::scope(|scope| {
        let open = |share| {
            move || {
                let clients = (0..share).map(|_| Client::connect(address, 40_000).expect("a session"));
                clients.collect::<Vec<_>>()
            }
        };
        let threads: Vec<_> = (0..16)
            .map(|at| scope.spawn(open(watchers / 16 + usize::from(at < watchers % 16))))
            .collect();
        threads
            .into_iter()
            .flat_map(|thread| thread.join().expect("sessions"))
            .collect()
    });
    eprintln!("  {watchers} sessions in {:.1} s", began.elapsed().as_secs_f64());
    let mut setter = server.client();
    let mut worst = [0.0_f64; 2];
    let mut longest_told = 0.0_f64;
    for round in 0..2 * ROUNDS {
        for client in &mut clients {
            client.get(WATCHED, true).expect("a read is answered");
        }
        if round % 2 == 0 {
            // Nobody reads: what others wait for is the server alone.
            let stop = Arc::new(AtomicBool::new(false));
            let probes = [false, true].map(|writes| {
                let (stop, mut client) = (stop.clone(), server.client());
                thread::spawn(move || {
                    let mut longest = Duration::ZERO;
                    while !stop.load(Ordering::Relaxed) {
                        let asked = Instant::now();
                        if writes {
                            client.set("/probe", &DATA, -1).expect("a write succeeds");
                        } else {
                            client.get("/probe", false).expect("a read is answered");
                        }
                        longest = longest.max(asked.elapsed());
                    }
                    longest
                })
            });
            thread::park_timeout(Duration::from_millis(100));
            setter.set(WATCHED, b"changed", -1).expect("a write succeeds");
            thread::park_timeout(Duration::from_millis(700));
            stop.store(true, Ordering::Relaxed);
            for (worst, probe) in worst.iter_mut().zip(probes) {
                *worst = worst.max(probe.join().expect("a probe").as_secs_f64() * 1e3);
            }
            for client in &mut clients {
                client.event(PATIENCE).expect("every watcher is told");
            }
        } else {
            let began = Instant::now();
            let share = clients.len().div_ceil(2);
            thread::scope(|scope| {
                for clients in clients.chunks_mut(share) {
                    scope.spawn(move || {
                        for client in clients {
                            client.event(PATIENCE).expect("every watcher is told");
                        }
                    });
                }
                setter.set(WATCHED, b"changed", -1).expect("a write succeeds");
            });
            longest_told = longest_told.max(began.elapsed().as_secs_f64() * 1e3);
        }
    }
    let told = format!("{watchers} watchers of a znode");
    rows.add(
        format!("{told}: the last of them has been told after"),
        "",
        "ms",
        longest_told,
    );
    rows.add(
        format!("{told}: longest that another's read waits"),
        "50 ms",
        "ms",
        worst[0],
    );
    rows.add(
        format!("{told}: longest that another's write waits"),
        "50 ms",
        "ms",
        worst[1],
    );
    let each_kib = (status_mib(server, "VmRSS") - before_mib) * 1024.0 / watchers as f64;
    rows.add(
        "a connection with a session and a watch, resident",
        "",
        "KiB",
        each_kib,
    );
}

/// A connection that counts bytes and understands nothing: it should cost less than the server.
struct Raw(TcpStream);

impl Raw {
    fn open(server: SocketAddr) -> Raw {
        let mut stream = TcpStream::connect(server).expect("a connection");
        stream.set_nodelay(true).expect("a socket takes an option");
        let hello = Writer::new().int(0).long(0).int(30_000).long(0).buffer(&[0; 16]);
        stream
            .write_all(&hello.bool(false).frame())
            .expect("the server reads");
        let mut length = [0; 4];
        stream.read_exact(&mut length).expect("a handshake is answered");
        let mut answer = vec![0; u32::from_be_bytes(length) as usize];
        stream.read_exact(&mut answer).expect("a handshake is answered");
        Raw(stream)
    }
}

/// Reads of many sessions, the server on one core and on all.
fn read(server: &Member, znodes: usize, rows: &mut Rows) {
    const SECONDS: f64 = 6.0;
    let pin = |server: &Member, cores: &str| {
        let pid = server.process_id().expect("the server runs").to_string();
        let status = Command::new("taskset")
            .args(["--all-tasks", "--cpu-list", "--pid", cores, &pid])
            .output();
        assert!(
            status.is_ok_and(|output| output.status.success()),
            "taskset works"
        );
    };
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let all = format!("0-{}", cores - 1);
    let mut load = |server: &Member, on: &str, name: &str| {
        pin(server, on);
        for (sessions, pipeline) in [(128, 1), (128, 16)] {
            let found = read_for(server, znodes, sessions, pipeline, SECONDS);
            let what = format!("reads, {sessions} sessions x {pipeline}, server on {name}");
            rows.add(format!("{what}: per second"), "", "", found.reads / found.seconds);
            rows.add(
                format!("{what}: server CPU, each"),
                "",
                "us",
                found.cpu_s * 1e6 / found.reads,
            );
            rows.add(
                format!("{what}: cores that the server used"),
                "",
                "",
                found.cpu_s / found.seconds,
            );
        }
    };
    load(server, "0", "one core");
    load(server, &all, "all cores");
}

/// How much of a read is left to the one thread that answers, where connections have threads of their own: reads scale
/// with cores until that thread is busy. With fewer cores than it takes to get there, that is what can be measured.
fn read_over_threads(server: &mut Member, znodes: usize, rows: &mut Rows) {
    const SECONDS: f64 = 6.0;
    server.stop();
    server.configure("clientThreads", "2");
    start(server);
    for (sessions, pipeline) in [(128, 1), (128, 16)] {
        let found = read_for(server, znodes, sessions, pipeline, SECONDS);
        let what = format!("reads, {sessions} sessions x {pipeline}, clientThreads=2");
        let each = |seconds: f64| seconds * 1e6 / found.reads;
        rows.add(format!("{what}: per second"), "", "", found.reads / found.seconds);
        rows.add(format!("{what}: server CPU, each"), "", "us", each(found.cpu_s));
        rows.add(
            format!("{what}: of that, the thread that answers"),
            "",
            "us",
            each(found.answering_s),
        );
    }
}

/// What a load of reads has found.
struct Reads {
    reads: f64,
    seconds: f64,
    cpu_s: f64,
    answering_s: f64,
}

fn read_for(server: &Member, znodes: usize, sessions: usize, pipeline: usize, seconds: f64) -> Reads {
    const THREADS: usize = 4;
    /// Length, header, data, stat.
    const REPLY_BYTES: usize = 4 + 16 + 4 + DATA.len() + 68;
    let address = server.client_address();
    let reads = AtomicU64::new(0);
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let (reads, stop) = (&reads, &stop);
            scope.spawn(move || {
                let mut connections: Vec<Raw> = (0..sessions / THREADS).map(|_| Raw::open(address)).collect();
                let mut dice = Dice(thread as u64 + 1);
                let mut frames = |xid: usize| -> Vec<u8> {
                    let mut get = |_| {
                        Writer::new()
                            .int(xid as i32)
                            .int(4)
                            .string(&path(dice.below(znodes)))
                            .bool(false)
                    };
                    (0..pipeline).flat_map(|at| get(at).frame()).collect()
                };
                let mut replies = vec![0; pipeline * REPLY_BYTES];
                let mut xid = 1;
                for connection in &mut connections {
                    connection.0.write_all(&frames(xid)).expect("the server reads");
                }
                while !stop.load(Ordering::Relaxed) {
                    xid += 1;
                    for connection in &mut connections {
                        connection.0.read_exact(&mut replies).expect("a read is answered");
                        connection.0.write_all(&frames(xid)).expect("the server reads");
                    }
                    reads.fetch_add((connections.len() * pipeline) as u64, Ordering::Relaxed);
                }
            });
        }
        thread::park_timeout(Duration::from_secs(1));
        let before = reads.load(Ordering::Relaxed);
        let (cpu, answering, began) = (cpu_s(server), answering_s(server), Instant::now());
        thread::park_timeout(Duration::from_secs_f64(seconds));
        let found = Reads {
            reads: (reads.load(Ordering::Relaxed) - before) as f64,
            seconds: began.elapsed().as_secs_f64(),
            cpu_s: cpu_s(server) - cpu,
            answering_s: answering_s(server) - answering,
        };
        stop.store(true, Ordering::Relaxed);
        found
    })
}
