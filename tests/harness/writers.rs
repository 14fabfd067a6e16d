//! Was anything lost that a server had acknowledged?
//!
//! One writer per server creates znodes and counts in one of its own, as fast as it is answered, and
//! writes down what was acknowledged and what was left unanswered. Afterwards the [`Ledger`] is held
//! against every server.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::client::{Client, ClientError, Code, CreateMode, Session};
use crate::wait::{LONG, wait_until};

/// A writer gives up a request after this long, and calls its outcome unknown.
const PATIENCE: Duration = Duration::from_secs(8);
const SESSION_TIMEOUT_MS: i32 = 20_000;
/// One create, then this many counts.
const COUNTS_PER_CREATE: u64 = 7;

/// What one writer knows.
#[derive(Clone, Debug, Default)]
pub struct Record {
    /// The writer's own znode, in which it counts.
    pub counter: String,
    /// The last acknowledged count: the number, the znode's version, the zxid.
    pub counted: Option<(u64, i32, i64)>,
    /// How many counts were acknowledged.
    pub counts: u64,
    /// Numbers whose counting was not answered.
    pub maybe_counted: BTreeSet<u64>,
    /// Acknowledged creates: path and zxid. The data is the path.
    pub created: BTreeMap<String, i64>,
    /// Paths whose creation was not answered.
    pub maybe_created: BTreeSet<String>,
    /// What went against the rules while writing.
    pub broken: Vec<String>,
}

/// Running writers.
#[derive(Debug)]
pub struct Writers {
    stop: Arc<AtomicBool>,
    threads: Vec<(u64, Arc<AtomicU64>, JoinHandle<Record>)>,
}

impl Writers {
    /// Starts one writer for each (server id, client address).
    pub fn start(servers: impl IntoIterator<Item = (u64, SocketAddr)>) -> Writers {
        let stop = Arc::new(AtomicBool::new(false));
        let threads = servers.into_iter().map(|(id, server)| {
            let done = Arc::new(AtomicU64::new(0));
            let (stop, count) = (stop.clone(), done.clone());
            (
                id,
                done,
                std::thread::spawn(move || Writer::new(id, server, stop, count).run()),
            )
        });
        let threads = threads.collect();
        Writers { stop, threads }
    }

    /// How many writes were acknowledged to the writer at server `id`.
    pub fn acknowledged(&self, id: u64) -> u64 {
        let writer = self.threads.iter().find(|(writer, ..)| *writer == id);
        writer.map_or(0, |(_, done, _)| done.load(Ordering::Acquire))
    }

    /// Waits until each of `ids` has had `more` writes acknowledged from this moment on.
    #[track_caller]
    pub fn wait_more(&self, ids: &[u64], more: u64) {
        let before: Vec<_> = ids.iter().map(|id| (*id, self.acknowledged(*id))).collect();
        for (id, count) in before {
            wait_until(
                LONG,
                &format!("{more} more writes are acknowledged by server {id}"),
                || (self.acknowledged(id) >= count + more).then_some(()),
            );
        }
    }

    /// Ends the writing and gives what was written down.
    ///
    /// # Panics
    ///
    /// If a writer saw a session go back in time, or a writer panicked.
    #[track_caller]
    pub fn finish(self) -> Ledger {
        self.stop.store(true, Ordering::Release);
        let records: Vec<Record> = self
            .threads
            .into_iter()
            .map(|(.., thread)| thread.join().expect("no writer panics"))
            .collect();
        let broken: Vec<_> = records.iter().flat_map(|record| &record.broken).collect();
        assert!(broken.is_empty(), "{broken:#?}");
        Ledger { records }
    }
}

struct Writer {
    server: SocketAddr,
    stop: Arc<AtomicBool>,
    done: Arc<AtomicU64>,
    record: Record,
    session: Session,
    last_zxid: i64,
}

impl Writer {
    fn new(id: u64, server: SocketAddr, stop: Arc<AtomicBool>, done: Arc<AtomicU64>) -> Writer {
        // Unique within the tree even if a test writes twice: the first session's id is not reused.
        let record = Record {
            counter: format!("/writer-{id}"),
            ..Record::default()
        };
        let session = Session::fresh(SESSION_TIMEOUT_MS);
        Writer {
            server,
            stop,
            done,
            record,
            session,
            last_zxid: 0,
        }
    }

    fn stopped(&self) -> bool {
        self.stop.load(Ordering::Acquire)
    }

    fn run(mut self) -> Record {
        let mut number = 0;
        while let Some(mut client) = self.connect() {
            while !self.stopped() {
                let result = self.write(&mut client, number);
                self.last_zxid = self.last_zxid.max(client.last_zxid());
                number += 1;
                match result {
                    Ok(()) => {
                        self.done.fetch_add(1, Ordering::AcqRel);
                    }
                    Err(why) if why.is_lost() => break,
                    Err(ClientError::Code(Code::SESSION_EXPIRED)) => break,
                    Err(why) => self.record.broken.push(format!("{}: {why}", self.record.counter)),
                }
            }
        }
        self.record
    }

    /// A connection that goes on with the session, or a new session if it has expired.
    fn connect(&mut self) -> Option<Client> {
        loop {
            let mut answer = None;
            wait_until(Duration::MAX, "the server takes the writer back", || {
                if self.stopped() {
                    return Some(());
                }
                answer = Some(Client::attach(
                    self.server,
                    &self.session,
                    self.last_zxid,
                    PATIENCE,
                ));
                matches!(answer, Some(Ok(_) | Err(ClientError::Expired))).then_some(())
            });
            if self.stopped() {
                return None;
            }
            match answer? {
                Ok(mut client) => {
                    self.session = client.session().clone();
                    if self.look_back(&mut client).is_ok() {
                        return Some(client);
                    }
                }
                Err(_) => self.session = Session::fresh(SESSION_TIMEOUT_MS),
            }
        }
    }

    /// A session never sees less than it has seen: its last acknowledged count must be there.
    fn look_back(&mut self, client: &mut Client) -> Result<(), ClientError> {
        let Some((number, version, _)) = self.record.counted else {
            return match client.create(&self.record.counter, b"", CreateMode::Persistent) {
                Err(why) if why.code() != Some(Code::NODE_EXISTS) => Err(why),
                _ => Ok(()),
            };
        };
        let seen = client.get(&self.record.counter, false);
        if let Err(why) = &seen
            && why.is_lost()
        {
            return seen.map(drop);
        }
        if !matches!(&seen, Ok((_, stat)) if stat.version >= version) {
            let what = format!(
                "{}: count {number} (version {version}) was acknowledged, then",
                self.record.counter
            );
            self.record
                .broken
                .push(format!("{what} a resumed session saw {seen:?}"));
        }
        Ok(())
    }

    fn write(&mut self, client: &mut Client, number: u64) -> Result<(), ClientError> {
        if number.is_multiple_of(COUNTS_PER_CREATE + 1) {
            let path = format!("{}-{number}", self.record.counter);
            let created = client.create_at(&path, path.as_bytes());
            match &created {
                Ok(zxid) => drop(self.record.created.insert(path, *zxid)),
                Err(_) => drop(self.record.maybe_created.insert(path)),
            }
            created.map(drop)
        } else {
            let set = client.set(&self.record.counter, number.to_string().as_bytes(), -1);
            match &set {
                Ok(stat) => {
                    self.record.counted = Some((number, stat.version, stat.mzxid));
                    self.record.counts += 1;
                }
                Err(_) => drop(self.record.maybe_counted.insert(number)),
            }
            set.map(drop)
        }
    }
}

/// All that was acknowledged.
#[derive(Clone, Debug)]
pub struct Ledger {
    /// One record per writer.
    pub records: Vec<Record>,
}

impl Ledger {
    /// How many writes were acknowledged.
    pub fn acknowledged(&self) -> u64 {
        self.records
            .iter()
            .map(|record| record.counts + record.created.len() as u64)
            .sum()
    }

    /// The highest zxid of an acknowledged write.
    pub fn last_zxid(&self) -> i64 {
        let zxids = self.records.iter().flat_map(|record| {
            record
                .created
                .values()
                .copied()
                .chain(record.counted.map(|(.., zxid)| zxid))
        });
        zxids.max().unwrap_or(0)
    }

    /// Holds the ledger against the server behind `client`, after a sync.
    ///
    /// # Panics
    ///
    /// If something acknowledged is missing or another value stands in its place.
    #[track_caller]
    pub fn check(&self, client: &mut Client) {
        client.sync("/").expect("a serving server syncs");
        let mut wrong = Vec::new();
        for record in &self.records {
            for (path, zxid) in &record.created {
                match client.get(path, false) {
                    Ok((data, stat)) if data == path.as_bytes() && stat.czxid == *zxid => {}
                    other => wrong.push(format!("{path} was created at {zxid:#x}, but: {other:?}")),
                }
            }
            let Some((number, version, zxid)) = record.counted else {
                continue;
            };
            let there = client.get(&record.counter, false);
            let fits = there.as_ref().is_ok_and(|(data, stat)| {
                let found = String::from_utf8_lossy(data).parse().unwrap_or(u64::MAX);
                let later = found > number && record.maybe_counted.contains(&found) && stat.mzxid > zxid;
                let same = found == number && stat.mzxid == zxid && stat.version == version;
                let versions_max = record.counts + record.maybe_counted.len() as u64;
                (same || later) && stat.version >= version && stat.version as u64 <= versions_max
            });
            if !fits {
                wrong.push(format!(
                    "{} was {number}, version {version}, zxid {zxid:#x}, but: {there:?}",
                    record.counter
                ));
            }
        }
        let count = wrong.len();
        wrong.truncate(10);
        assert!(
            wrong.is_empty(),
            "{count} acknowledged writes are missing or changed: {wrong:#?}"
        );
    }
}
