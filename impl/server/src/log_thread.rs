//! Who waits for the disk? Two threads: one for the log, one for the epoch files; nobody else does.
//!
//! The log thread takes all that waits, appends it with one write and makes it durable with one sync: the
//! slower the disk, the larger the batch. Truncations and installations keep their place in the queue.
//! A write or sync that fails is the last thing that either thread does; the server ends with it.

#[cfg(test)]
pub(crate) mod held;
#[cfg(test)]
mod tests;

mod pulse;

use crate::inbox::Stored;
use crate::metrics::Batch;
use crate::sync::Arc;
use pulse::Pulse;
use quorate_store::{EpochFiles, LogEntry, LogReader, Marks, ReceivedSnapshot, TxnLog};
use quorate_trace::{Contents, Deeds, Digest};
use quorate_zab::{Epoch, Zxid};
use std::sync::mpsc as thread_queue;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// Bytes that may wait for the log before the driver takes in nothing more that would add to them.
const LAG_BYTES_MAX: usize = 64 << 20;
/// A disk that has not finished anything for this long, with work to do, counts as gone.
const HANG_LIMIT: Duration = Duration::from_secs(30);
/// Bytes that one write takes at most. The sync comes after all that waits is written.
const WRITE_BYTES_MAX: usize = 4 << 20;

/// What the log holds above a floor, for the trace.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Held {
    pub(crate) floor: Zxid,
    pub(crate) contents: Contents,
}

impl Held {
    /// Reads the log from `floor` to its `end`.
    pub(crate) fn read(log: &LogReader, floor: Zxid, end: Zxid) -> quorate_store::Result<Self> {
        let mut contents = Contents::default();
        for entry in log.read_range(floor, end) {
            let entry = entry?;
            contents.add(entry.zxid, Digest::of(&entry.bytes));
        }
        Ok(Self { floor, contents })
    }
}

/// One operation on the log, in the order of the queue.
pub(crate) enum LogOp {
    /// Append. The digest is what traces name the entry by.
    Append(LogEntry, Digest),
    /// Drop everything after `to`.
    Truncate {
        /// The last one to keep.
        to: Zxid,
    },
    /// Put the received snapshot in place of snapshots and log.
    Install(Box<ReceivedSnapshot>),
    /// Begin a new file with the next append. Not counted as an operation of the core's.
    Roll,
}

/// One write of an epoch file.
#[derive(Clone, Copy, Debug)]
pub(crate) enum EpochOp {
    /// acceptedEpoch.
    Accepted(Epoch),
    /// currentEpoch.
    Current(Epoch),
    /// Write the mark of a forgetful server.
    Forget,
    /// Remove it.
    Recall,
}

/// The driver's end of both threads.
pub(crate) struct DiskThreads {
    log: Option<thread_queue::Sender<Vec<LogOp>>>,
    epochs: Option<thread_queue::Sender<EpochOp>>,
    pulse: Arc<Pulse>,
    clock: Clock,
    /// What was handed over, for the trace.
    log_deeds: Deeds,
    epoch_deeds: Deeds,
}

/// The time in ms since the threads were started.
#[derive(Clone, Copy)]
struct Clock(Instant);

impl Clock {
    fn now_ms(self) -> u64 {
        self.0.elapsed().as_millis() as u64
    }
}

impl DiskThreads {
    /// Starts both threads. A sync that takes `warn_after` or longer is warned of. They report to `stored`, and drop it when [`Self::finish`] was called and all
    /// is done.
    pub(crate) fn start(
        log: TxnLog,
        epochs: EpochFiles,
        marks: Marks,
        held: Held,
        warn_after: Duration,
        stored: &mpsc::UnboundedSender<Stored>,
    ) -> std::io::Result<Self> {
        let (threads, work) = Self::divided(log, epochs, marks, held, warn_after, stored);
        let Work {
            log,
            log_work,
            mut epochs,
            epoch_work,
        } = work;
        spawn("log", move || log.run(&log_work))?;
        spawn("epochs", move || epochs.run(&epoch_work))?;
        Ok(threads)
    }

    /// Both ends: what asks, and what does.
    fn divided(
        log: TxnLog,
        epochs: EpochFiles,
        marks: Marks,
        held: Held,
        warn_after: Duration,
        stored: &mpsc::UnboundedSender<Stored>,
    ) -> (Self, Work) {
        let pulse = Arc::new(Pulse::default());
        let clock = Clock(Instant::now());
        let (log_queue, log_work) = thread_queue::channel();
        let (epoch_queue, epoch_work) = thread_queue::channel();
        let log = LogThread {
            log,
            pulse: pulse.clone(),
            clock,
            stored: stored.clone(),
            appends: Vec::new(),
            batch: None,
            warn_after,
            floor: held.floor,
            contents: held.contents,
        };
        let epochs = EpochThread {
            files: epochs,
            marks,
            pulse: pulse.clone(),
            clock,
            stored: stored.clone(),
        };
        let threads = Self {
            log: Some(log_queue),
            epochs: Some(epoch_queue),
            pulse,
            clock,
            log_deeds: Deeds::default(),
            epoch_deeds: Deeds::default(),
        };
        let work = Work {
            log,
            log_work,
            epochs,
            epoch_work,
        };
        (threads, work)
    }

    /// Hands over the round's operations.
    pub(crate) fn submit(&mut self, ops: &mut Vec<LogOp>) {
        if ops.is_empty() {
            return;
        }
        let bytes = ops.iter().map(bytes_of).sum();
        self.pulse.asked(ops.len(), bytes, self.clock.now_ms());
        for op in &*ops {
            match op {
                LogOp::Append(entry, digest) => self.log_deeds.append(entry.zxid, *digest),
                LogOp::Truncate { to } => self.log_deeds.truncate(*to),
                LogOp::Install(received) => self.log_deeds.install(received.zxid()),
                LogOp::Roll => {}
            }
        }
        if let Some(log) = &self.log {
            // A thread that has ended has said why.
            let _ = log.send(std::mem::take(ops));
        }
    }

    /// Writes an epoch file.
    pub(crate) fn write_epoch(&mut self, op: EpochOp) {
        self.pulse.asked(1, 0, self.clock.now_ms());
        match op {
            EpochOp::Accepted(epoch) => self.epoch_deeds.accepted(epoch),
            EpochOp::Current(epoch) => self.epoch_deeds.current(epoch),
            EpochOp::Forget => self.epoch_deeds.forget(),
            EpochOp::Recall => self.epoch_deeds.recall(),
        }
        if let Some(epochs) = &self.epochs {
            let _ = epochs.send(op);
        }
    }

    /// What was handed to the log's thread and to that of the epoch files, since the boot.
    pub(crate) fn deeds(&self) -> (Deeds, Deeds) {
        (self.log_deeds, self.epoch_deeds)
    }

    /// Operations that wait.
    pub(crate) fn waiting_ops(&self) -> usize {
        self.pulse.waiting_ops()
    }

    /// Bytes that wait.
    pub(crate) fn lag_bytes(&self) -> usize {
        self.pulse.lag_bytes()
    }

    /// Whether so much waits that nothing should be added.
    pub(crate) fn lags(&self) -> bool {
        self.pulse.lag_bytes() > LAG_BYTES_MAX
    }

    /// For how many seconds nothing was done though there was work, if that is too long.
    pub(crate) fn hangs_since(&self) -> Option<u64> {
        let silent_ms = self.pulse.silent_ms(self.clock.now_ms())?;
        (silent_ms > HANG_LIMIT.as_millis() as u64).then_some(silent_ms / 1000)
    }

    /// Lets both threads end once they have done what they were asked for.
    pub(crate) fn finish(&mut self) {
        self.log = None;
        self.epochs = None;
    }
}

fn bytes_of(op: &LogOp) -> usize {
    match op {
        LogOp::Append(entry, _) => entry.bytes.len(),
        LogOp::Truncate { .. } | LogOp::Install(_) | LogOp::Roll => 0,
    }
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(run)
        .map(drop)
}

/// What the threads are made of, and what they are asked.
struct Work {
    log: LogThread,
    log_work: thread_queue::Receiver<Vec<LogOp>>,
    epochs: EpochThread,
    epoch_work: thread_queue::Receiver<EpochOp>,
}

struct EpochThread {
    files: EpochFiles,
    marks: Marks,
    pulse: Arc<Pulse>,
    clock: Clock,
    stored: mpsc::UnboundedSender<Stored>,
}

struct LogThread {
    log: TxnLog,
    pulse: Arc<Pulse>,
    clock: Clock,
    stored: mpsc::UnboundedSender<Stored>,
    appends: Vec<LogEntry>,
    /// What the last sync is to be reported with.
    batch: Option<Batch>,
    warn_after: Duration,
    floor: Zxid,
    /// What was asked to be in the log above the floor.
    contents: Contents,
}

impl LogThread {
    fn run(mut self, queue: &thread_queue::Receiver<Vec<LogOp>>) {
        while let Ok(mut ops) = queue.recv() {
            while let Ok(mut more) = queue.try_recv() {
                ops.append(&mut more);
            }
            let (count, bytes) = (ops.len(), ops.iter().map(bytes_of).sum());
            if let Err(error) = self.work(ops) {
                tracing::error!(%error, "the transaction log failed");
                let _ = self.stored.send(Stored::Failed { error });
                return;
            }
            self.pulse.done(count, bytes, self.clock.now_ms());
        }
    }

    fn work(&mut self, ops: Vec<LogOp>) -> quorate_store::Result<()> {
        for op in ops {
            match op {
                LogOp::Append(entry, digest) => {
                    self.contents.add(entry.zxid, digest);
                    self.appends.push(entry);
                }
                LogOp::Truncate { to } => {
                    self.sync_appends()?;
                    let end = self.log.truncate(to)?;
                    self.contents = Held::read(&self.log.reader(), self.floor, end)?.contents;
                    self.report(1, end, None);
                }
                LogOp::Install(received) => {
                    self.sync_appends()?;
                    let end = received.zxid();
                    let tree = self.log.install(*received)?;
                    self.floor = end;
                    self.contents = Contents::default();
                    self.report(1, end, Some(Box::new(tree)));
                }
                LogOp::Roll => {
                    self.sync_appends()?;
                    self.log.roll()?;
                }
            }
        }
        self.sync_appends()
    }

    fn sync_appends(&mut self) -> quorate_store::Result<()> {
        let Some(last) = self.appends.last() else {
            return Ok(());
        };
        let end = last.zxid;
        let (entries, bytes) = (self.appends.len() as u32, bytes_in(&self.appends));
        let began = Instant::now();
        let mut rest = &self.appends[..];
        while !rest.is_empty() {
            let count = fitting(rest);
            let (now, later) = rest.split_at(count);
            self.log.append(now)?;
            rest = later;
        }
        let written = began.elapsed();
        self.log.sync()?;
        let took = began.elapsed().saturating_sub(written);
        let slow = took >= self.warn_after;
        if slow {
            tracing::warn!(
                took_ms = took.as_millis() as u64,
                entries,
                bytes,
                threshold_ms = self.warn_after.as_millis() as u64,
                "the log was slow to sync"
            );
        }
        self.appends.clear();
        self.batch = Some(Batch {
            entries,
            bytes,
            write_us: written.as_micros() as u64,
            sync_us: took.as_micros() as u64,
            slow,
        });
        self.report(entries, end, None);
        Ok(())
    }

    fn report(&mut self, ops: u32, end: Zxid, installed: Option<Box<quorate_tree::Tree>>) {
        // The driver is gone when this fails; what is durable stays so.
        let (contents, batch) = (self.contents, self.batch.take());
        let _ = self.stored.send(Stored::Log {
            ops,
            end,
            contents,
            installed,
            batch,
        });
    }
}

fn bytes_in(entries: &[LogEntry]) -> u64 {
    entries.iter().map(|entry| entry.bytes.len() as u64).sum()
}

/// How many of the first entries go into one write: at least one.
fn fitting(entries: &[LogEntry]) -> usize {
    let mut bytes = 0;
    let within = entries.iter().take_while(|entry| {
        bytes += entry.bytes.len();
        bytes <= WRITE_BYTES_MAX
    });
    within.count().max(1)
}

impl EpochThread {
    fn run(&mut self, queue: &thread_queue::Receiver<EpochOp>) {
        while let Ok(op) = queue.recv() {
            if let Err(error) = self.work(op) {
                tracing::error!(%error, "an epoch file could not be written");
                let _ = self.stored.send(Stored::Failed { error });
                return;
            }
        }
    }

    fn work(&mut self, op: EpochOp) -> quorate_store::Result<()> {
        match op {
            EpochOp::Accepted(epoch) => self.files.write_accepted(epoch)?,
            EpochOp::Current(epoch) => self.files.write_current(epoch)?,
            EpochOp::Forget => self.marks.set_forgetful()?,
            EpochOp::Recall => self.marks.clear_forgetful()?,
        }
        self.pulse.done(1, 0, self.clock.now_ms());
        let _ = self.stored.send(Stored::Epochs { ops: 1, op });
        Ok(())
    }
}
