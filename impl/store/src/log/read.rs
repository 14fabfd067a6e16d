//! How does a learner get the part of the log that it misses, and a tree what came after its snapshot?
//!
//! Straight from the files, as the bytes that were written. A stream pins the files it needs, so that a purge
//! leaves them; a truncation does not wait for it, the stream then ends in [`Error::HistoryChanged`].

use super::LogEntry;
use super::format::Parsed;
use super::records::Records;
use super::scan::Segment;
use crate::error::{Error, Result};
use crate::home::Home;
use quorate_zab::Zxid;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

const PIECE_BYTES: usize = 256 << 10;

/// What the writer tells the readers.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) home: Arc<Home>,
    entry_bytes_max: usize,
    state: Mutex<State>,
}

/// Files and pins are one state under one lock, so that a purge cannot decide between a stream's choice of its place and
/// its pin.
#[derive(Debug, Default)]
pub(crate) struct State {
    /// The files, lowest first. Only the last one grows.
    pub(crate) segments: Vec<Segment>,
    /// After which zxid each open stream reads.
    pins: BTreeMap<u64, Zxid>,
    pins_made: u64,
}

impl State {
    /// The file in which the first transaction after `zxid` may be.
    pub(crate) fn position_after(&self, zxid: Zxid) -> usize {
        self.segments
            .partition_point(|segment| segment.first.bits() <= zxid.bits().saturating_add(1))
            .saturating_sub(1)
    }

    /// The lowest zxid after which a stream reads.
    pub(crate) fn pinned(&self) -> Option<Zxid> {
        self.pins.values().min().copied()
    }
}

impl Shared {
    pub(super) fn new(home: Arc<Home>, entry_bytes_max: usize, segments: Vec<Segment>) -> Arc<Self> {
        Arc::new(Self {
            home,
            entry_bytes_max,
            state: Mutex::new(State {
                segments,
                ..State::default()
            }),
        })
    }

    pub(super) fn entry_bytes_max(&self) -> usize {
        self.entry_bytes_max
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere leaves the list of files as it was before or after one push.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn begun(&self, segment: Segment) {
        self.state().segments.push(segment);
    }

    pub(super) fn appended(&self, entries: &[LogEntry]) {
        let mut state = self.state();
        let segment = state.segments.last_mut().expect("a file was begun");
        for entry in entries {
            segment.push(
                entry.zxid,
                (entry.bytes.len() + super::format::FRAME_BYTES) as u64,
            );
        }
    }
}

/// Reads the log from any thread.
#[derive(Clone, Debug)]
pub struct LogReader {
    shared: Arc<Shared>,
}

impl LogReader {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.shared
    }

    /// The transactions after `after` up to `upto`, both at most the last one appended. A transaction that the
    /// log repeats comes once. It ends early only in an error; a hole in the log is one.
    pub fn read_range(&self, after: Zxid, upto: Zxid) -> LogStream {
        let history = self.shared.home.history();
        let mut state = self.shared.state();
        state.pins_made += 1;
        let pin = state.pins_made;
        state.pins.insert(pin, after);
        drop(state);
        LogStream {
            shared: Arc::clone(&self.shared),
            history,
            pin,
            after,
            upto,
            open: None,
            failed: false,
        }
    }

    /// All transactions after `after` that are in the log now: those to be applied to the tree of a snapshot,
    /// as far as the protocol says that they are committed.
    pub fn entries_after(&self, after: Zxid) -> LogStream {
        let last = self.last().unwrap_or(after);
        self.read_range(after, last.max(after))
    }

    /// The last transaction appended; `None` if the log is empty.
    pub fn last(&self) -> Option<Zxid> {
        let state = self.shared.state();
        let last = state.segments.iter().rev().find(|segment| !segment.is_empty());
        last.map(|segment| segment.last)
    }

    /// The first transaction that is still in the log; `None` if the log is empty. A purge raises it, and what
    /// can be served by DIFF with it.
    pub fn first(&self) -> Option<Zxid> {
        let state = self.shared.state();
        state
            .segments
            .iter()
            .find(|segment| !segment.is_empty())
            .map(|segment| segment.first)
    }
}

/// Transactions in order, read as they are asked for. While it lives, no purge removes their files.
#[derive(Debug)]
pub struct LogStream {
    shared: Arc<Shared>,
    history: u64,
    pin: u64,
    after: Zxid,
    upto: Zxid,
    open: Option<Open>,
    failed: bool,
}

#[derive(Debug)]
struct Open {
    records: Records,
    path: PathBuf,
    /// Where its records ended when it was opened.
    end: u64,
}

impl LogStream {
    fn next_entry(&mut self) -> Result<Option<LogEntry>> {
        while self.after < self.upto {
            let mut open = match self.open.take() {
                Some(open) => open,
                None => self.open_segment()?,
            };
            if let Some(entry) = self.next_in(&mut open)? {
                self.after = entry.zxid;
                self.open = Some(open);
                return Ok(Some(entry));
            }
        }
        self.open = None;
        Ok(None)
    }

    /// The next transaction in this file; `None` at its end.
    fn next_in(&self, open: &mut Open) -> Result<Option<LogEntry>> {
        let path = &open.path.clone();
        while open.records.offset() < open.end {
            match open.records.peek()? {
                Parsed::Record { bytes, zxid } if zxid <= self.after => open.records.skip(bytes),
                Parsed::Record { zxid, .. } if zxid > self.upto || !zxid.follows(self.after) => {
                    return Err(self.hole(path, zxid));
                }
                Parsed::Record { bytes, zxid } => {
                    let bytes = open.records.take(bytes);
                    return Ok(Some(LogEntry { zxid, bytes }));
                }
                Parsed::End => return Err(self.damaged(path, open, "zeros where a record was")),
                Parsed::Short { .. } => return Err(self.damaged(path, open, "the file was cut")),
                Parsed::Bad { what, .. } => return Err(self.damaged(path, open, &what)),
            }
        }
        Ok(None)
    }

    fn damaged(&self, path: &Path, open: &Open, what: &str) -> Error {
        if self.is_of_this_history() {
            Error::corrupt(path, open.records.offset(), what)
        } else {
            Error::HistoryChanged
        }
    }

    /// Opens the file that has the first transaction after `after`.
    fn open_segment(&self) -> Result<Open> {
        if !self.is_of_this_history() {
            return Err(Error::HistoryChanged);
        }
        let state = self.shared.state();
        let at = state.position_after(self.after);
        let found = state.segments[at.min(state.segments.len())..]
            .iter()
            .find(|segment| segment.last > self.after);
        let Some(segment) = found else {
            return Err(self.hole(&self.shared.home.layout.log_dir(), self.upto));
        };
        let (path, offset, end) = (
            segment.path.clone(),
            segment.offset_after(self.after),
            segment.end,
        );
        drop(state);
        let mut records =
            Records::open(&path, self.shared.entry_bytes_max, PIECE_BYTES).map_err(|error| {
                if self.is_of_this_history() {
                    error
                } else {
                    Error::HistoryChanged
                }
            })?;
        records.seek(offset);
        Ok(Open { records, path, end })
    }

    fn hole(&self, file: &Path, next: Zxid) -> Error {
        Error::Hole {
            file: file.to_owned(),
            after: self.after,
            next,
        }
    }

    fn is_of_this_history(&self) -> bool {
        self.shared.home.history() == self.history
    }
}

impl Iterator for LogStream {
    type Item = Result<LogEntry>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let next = self.next_entry().transpose();
        self.failed = matches!(next, Some(Err(_)));
        next
    }
}

impl Drop for LogStream {
    fn drop(&mut self) {
        self.shared.state().pins.remove(&self.pin);
    }
}
