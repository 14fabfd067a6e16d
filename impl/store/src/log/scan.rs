//! Which transactions does the log hold? Reads every file once at boot, and checks every record.

use super::format::{self, HEADER_BYTES, Parsed};
use super::records::Records;
use super::tail::{self, Tail};
use crate::error::{At, Error, Result};
use crate::layout;
use quorate_zab::{Run, Zxid};
use std::fs::File;
use std::path::{Path, PathBuf};

/// So many bytes of a file lie at most between two entries of its index.
const INDEX_STEP_BYTES: u64 = 64 << 10;
const PIECE_BYTES: usize = 1 << 20;

/// Transactions that are not where they should be.
#[derive(Clone, Debug)]
pub struct Damage {
    /// The file and offset, what is wrong, and what to do about it.
    pub error: Error,
    /// The last sound transaction before it; `None` if there is none.
    pub after: Option<Zxid>,
    /// The first one after it; `None` if nothing says where the damage ends.
    pub before: Option<Zxid>,
}

impl Damage {
    fn is_in(&self, path: &Path) -> bool {
        matches!(&self.error, Error::Corrupt { file, .. } if file == path)
    }

    /// Whether all that it may have cost is in a snapshot of `zxid`.
    pub fn is_covered_by(&self, zxid: Zxid) -> bool {
        self.before
            .is_some_and(|before| before.bits() <= zxid.bits().saturating_add(1))
    }
}

/// Bytes at the end of the log that were being written when the server stopped. Nobody was told of them.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Torn {
    /// The last log file.
    pub file: PathBuf,
    /// Where in it they begin.
    pub offset: u64,
    /// How many, in bytes.
    pub bytes: u64,
}

/// What the log holds.
#[derive(Clone, Debug, Default)]
pub struct LogImage {
    /// The runs of transactions in order. Two of one epoch, or one that does not start at 1, follow a hole.
    pub runs: Vec<Run>,
    /// The last transaction; `None` if the log is empty.
    pub last: Option<Zxid>,
    /// What is missing or unreadable, in order. What was read lies on both sides of it.
    pub damage: Vec<Damage>,
    /// What was cut off at the end.
    pub torn: Option<Torn>,
    /// Sound records, repeated ones included.
    pub records: u64,
    /// Records with a zxid that an earlier one has; only the first counts.
    pub duplicates: u64,
    /// Total length of the records, in bytes.
    pub bytes: u64,
}

impl LogImage {
    /// The first transaction; `None` if the log is empty.
    pub fn first(&self) -> Option<Zxid> {
        self.runs.first().map(|run| Zxid::new(run.epoch, run.first))
    }

    /// Whether a transaction with this zxid is in the log.
    pub fn holds(&self, zxid: Zxid) -> bool {
        self.runs
            .iter()
            .any(|run| run.epoch == zxid.epoch() && (run.first..=run.last).contains(&zxid.counter()))
    }

    fn push(&mut self, zxid: Zxid, file: &Path, offset: u64) -> Result<()> {
        self.records += 1;
        match self.last {
            Some(last) if zxid <= last => {
                if !self.holds(zxid) {
                    let what = format!("transaction {zxid} after {last}");
                    return Err(Error::corrupt(file, offset, what));
                }
                self.duplicates += 1;
                return Ok(());
            }
            Some(last) if !zxid.follows(last) => self.damage.push(Damage {
                error: Error::Hole {
                    file: file.to_owned(),
                    after: last,
                    next: zxid,
                },
                after: Some(last),
                before: Some(zxid),
            }),
            _ => {}
        }
        let (epoch, counter) = (zxid.epoch(), zxid.counter());
        match self.runs.last_mut() {
            Some(run) if run.epoch == epoch && run.last.checked_add(1) == Some(counter) => run.last = counter,
            _ => self.runs.push(Run {
                epoch,
                first: counter,
                last: counter,
            }),
        }
        self.last = Some(zxid);
        Ok(())
    }
}

/// One log file.
#[derive(Clone, Debug)]
pub(crate) struct Segment {
    pub(crate) path: PathBuf,
    /// The zxid in its name, that of its first record.
    pub(crate) first: Zxid,
    /// That of its last record; below `first` if it has none.
    pub(crate) last: Zxid,
    /// The offset after its last record.
    pub(crate) end: u64,
    /// Zxids and offsets of some records, in order.
    pub(crate) index: Vec<(Zxid, u64)>,
}

impl Segment {
    pub(crate) fn new(path: PathBuf, first: Zxid) -> Self {
        Self {
            path,
            first,
            last: Zxid::ZERO,
            end: HEADER_BYTES,
            index: Vec::new(),
        }
    }

    /// Notes that the record of `zxid` stands at `end`, and has that many bytes.
    pub(crate) fn push(&mut self, zxid: Zxid, bytes: u64) {
        let step = self
            .index
            .last()
            .is_none_or(|&(_, at)| self.end - at >= INDEX_STEP_BYTES);
        if zxid > self.last {
            if step {
                self.index.push((zxid, self.end));
            }
            self.last = zxid;
        }
        self.end += bytes;
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.end == HEADER_BYTES
    }

    /// Where to start to read for what comes after `zxid`.
    pub(crate) fn offset_after(&self, zxid: Zxid) -> u64 {
        let at = self.index.partition_point(|&(indexed, _)| indexed <= zxid);
        at.checked_sub(1).map_or(HEADER_BYTES, |at| self.index[at].1)
    }
}

/// What a scan found: the facts, and the files with them.
#[derive(Debug, Default)]
pub(crate) struct Scan {
    pub(crate) image: LogImage,
    pub(crate) segments: Vec<Segment>,
    /// The last file, if its end was not clean: to be cut there.
    pub(crate) cut: Option<(PathBuf, u64)>,
    /// A last file without any record, to be removed.
    pub(crate) empty: Vec<PathBuf>,
}

/// Reads all logs in `dir`. Changes nothing.
pub(crate) fn scan(dir: &Path, entry_bytes_max: usize) -> Result<Scan> {
    let mut scan = Scan::default();
    let files = layout::numbered(dir, "log.")?;
    for (i, (first, path)) in files.iter().enumerate() {
        let next = files.get(i + 1).map(|(next, _)| *next);
        // A crash right after a new file was begun leaves it without a record: the one before it is the last then.
        let last = files[i + 1..]
            .iter()
            .try_fold(true, |last, (_, later)| Ok(last && is_blank(later)?))?;
        let after = scan.image.last;
        let mut segment = Segment::new(path.clone(), *first);
        match scan_one(&mut scan.image, &mut segment, entry_bytes_max, last)? {
            Tail::Clean => {}
            Tail::Torn { bytes } => {
                scan.image.torn = Some(Torn {
                    file: path.clone(),
                    offset: segment.end,
                    bytes,
                });
                scan.cut = Some((path.clone(), segment.end));
            }
            Tail::Damaged(error) => {
                scan.image.damage.push(Damage {
                    error,
                    after: if segment.is_empty() {
                        after
                    } else {
                        Some(segment.last)
                    },
                    before: next,
                });
            }
        }
        let damaged = scan.image.damage.last().is_some_and(|damage| damage.is_in(path));
        if segment.is_empty() && last && !damaged {
            scan.empty.push(path.clone());
            scan.cut = scan.cut.filter(|(cut, _)| cut != path);
        } else if !segment.is_empty() {
            scan.segments.push(segment);
        }
    }
    merge_holes(&mut scan.image.damage);
    Ok(scan)
}

/// A damaged file makes a hole before the next: one fault, told once.
fn merge_holes(damage: &mut Vec<Damage>) {
    let mut kept: Vec<Damage> = Vec::with_capacity(damage.len());
    for fault in damage.drain(..) {
        let same = kept.last().is_some_and(|before| {
            matches!(fault.error, Error::Hole { .. })
                && before.before == fault.before
                && before.after == fault.after
        });
        if !same {
            kept.push(fault);
        }
    }
    *damage = kept;
}

/// Whether a file has no record and no bytes but a header and zeros.
fn is_blank(path: &Path) -> Result<bool> {
    let records = Records::open(path, 0, 4096)?;
    let mut header = [0; HEADER_BYTES as usize];
    let got = format::read_at(records.file(), path, &mut header, 0)?;
    let begun = format::HEADER.starts_with(&header[..got]) || header.iter().all(|&b| b == 0);
    if got < header.len() || !begun {
        return Ok(begun);
    }
    let judged = tail::judge(&records, path, &Parsed::End, false)?;
    Ok(matches!(judged, Tail::Clean))
}

fn scan_one(image: &mut LogImage, segment: &mut Segment, entry_bytes_max: usize, last: bool) -> Result<Tail> {
    let path = segment.path.clone();
    let damaged = |offset, what: String| Ok(Tail::Damaged(Error::corrupt(&path, offset, what)));
    if let Some(tail) = scan_header(&path, last)? {
        return Ok(tail);
    }
    let mut records = Records::open(&path, entry_bytes_max, PIECE_BYTES)?;
    loop {
        let parsed = records.peek()?;
        let Parsed::Record { bytes, zxid } = parsed else {
            return tail::judge(&records, &path, &parsed, last);
        };
        if segment.is_empty() && zxid != segment.first {
            return damaged(
                segment.end,
                format!("the first transaction is {zxid}, the name says otherwise"),
            );
        }
        if zxid.counter() == 0 {
            return damaged(segment.end, format!("{zxid} is no transaction's"));
        }
        if let Err(error) = image.push(zxid, &path, segment.end) {
            return Ok(Tail::Damaged(error));
        }
        segment.push(zxid, bytes as u64);
        image.bytes += bytes as u64;
        records.skip(bytes);
    }
}

/// Checks the header; `Some` if there is nothing to read after it.
fn scan_header(path: &Path, last: bool) -> Result<Option<Tail>> {
    let file = File::open(path).at(path, "open")?;
    let mut header = [0; HEADER_BYTES as usize];
    let got = format::read_at(&file, path, &mut header, 0)?;
    if got < header.len() {
        // Apache begins a file in place: a crash then leaves the beginning of a header (ZOOKEEPER-2332).
        return Ok(Some(if last && is_blank(path)? {
            Tail::Clean
        } else {
            Tail::Damaged(Error::corrupt(
                path,
                got as u64,
                "the file ends within its header",
            ))
        }));
    }
    if header == [0; HEADER_BYTES as usize] && last && is_blank(path)? {
        return Ok(Some(Tail::Clean));
    }
    match format::check_header(path, &header) {
        Ok(()) => Ok(None),
        Err(error @ Error::Corrupt { .. }) => Ok(Some(Tail::Damaged(error))),
        Err(error) => Err(error),
    }
}
