//! How is a trace read? Boot by boot, record by record, with one frame in memory, believing nothing.

use crate::digest::Sum;
use crate::error::TraceError;
use crate::frame::{FRAME_BYTES_MAX, FRAME_HEADER, FrameHeader};
use crate::schema::{Header, Record};
use crate::segment::{Form, Place, SEGMENT_BYTES_MAX, Segment};
use std::io;
use std::path::{Path, PathBuf};

#[cfg(test)]
pub(crate) mod tests;

/// The trace of one boot of one server.
#[derive(Clone, Debug)]
pub struct BootTrace {
    /// What its segments say of it.
    pub header: Header,
    /// The number of the first record that is there: not 0 if old segments were removed.
    pub first: u64,
    pub(crate) segments: Vec<Piece>,
}

/// A segment, and where it joins the one before it.
#[derive(Clone, Debug)]
pub(crate) struct Piece {
    pub(crate) path: PathBuf,
    pub(crate) segment: u32,
    pub(crate) first: u64,
    pub(crate) chain: Sum,
    at_us: u64,
}

impl Piece {
    pub(crate) fn of(segment: &Segment) -> Self {
        Self {
            path: segment.path.clone(),
            segment: segment.preamble.segment,
            first: segment.preamble.first,
            chain: segment.preamble.chain,
            at_us: segment.preamble.at_us,
        }
    }
}

impl BootTrace {
    /// The files, in order.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        self.segments.iter().map(|piece| piece.path.as_path())
    }

    /// All records that are there, in order.
    pub fn records(&self) -> Records {
        Records {
            frames: Frames::new(self),
            next: 0,
            left: 0,
            seq: self.first,
            ended: false,
            failed: false,
        }
    }
}

/// How a boot's trace ends.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Ending {
    /// With [`Record::End`]: the server stopped in order.
    Clean,
    /// The server was killed, lost power, or goes on: nothing is known of it after this.
    Open {
        /// The newest segment.
        file: PathBuf,
        /// Where its last whole frame ends, in bytes of the uncompressed segment.
        offset: u64,
        /// Whether a part of a frame follows.
        torn: bool,
        /// How many records there are before.
        records: u64,
        /// The value of the hash chain there.
        chain: Sum,
    },
}

/// A record and its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Its number in the boot's trace.
    pub seq: u64,
    /// When it was flushed, in microseconds since the recorder began; advice.
    pub at_us: u64,
    /// The record.
    pub record: Record,
}

/// The records of a boot. After the last one [`Records::ending`] tells how they end; after an error
/// nothing comes any more.
#[derive(Debug)]
pub struct Records {
    frames: Frames,
    /// Where the next record begins in the frame.
    next: usize,
    /// Records left in the frame.
    left: u32,
    seq: u64,
    ended: bool,
    failed: bool,
}

impl Iterator for Records {
    type Item = Result<Entry, TraceError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let entry = self.read().transpose();
        self.failed = !matches!(entry, Some(Ok(_)));
        entry
    }
}

impl Records {
    /// How the trace ends, once all its records were read without an error.
    pub fn ending(&self) -> Option<Ending> {
        let end = self.frames.end.as_ref()?;
        Some(if self.ended {
            Ending::Clean
        } else {
            Ending::Open {
                file: end.file.clone(),
                offset: end.offset,
                torn: end.torn,
                records: self.seq,
                chain: Sum::new(self.frames.chain),
            }
        })
    }

    /// The value of the hash chain after the frame read last.
    pub fn chain_value(&self) -> Sum {
        Sum::new(self.frames.chain)
    }

    fn read(&mut self) -> Result<Option<Entry>, TraceError> {
        if self.left == 0 {
            let Some(frame) = self.frames.next()? else {
                return Ok(None);
            };
            (self.next, self.left) = (0, frame.records);
        }
        let bytes = &self.frames.payload[self.next..];
        let Ok((record, rest)) = postcard::take_from_bytes::<Record>(bytes) else {
            return Err(self.frames.damaged("a record cannot be decoded"));
        };
        self.next += bytes.len() - rest.len();
        self.left -= 1;
        if self.left == 0 && !rest.is_empty() {
            return Err(self.frames.damaged("bytes are left over behind its records"));
        }
        if self.ended {
            return Err(self
                .frames
                .damaged("a record follows the one that ends the trace"));
        }
        if (self.seq == 0) != matches!(record, Record::Boot(_)) {
            return Err(self
                .frames
                .damaged("a boot's first record, and no other, says what the disk held"));
        }
        self.ended = record == Record::End;
        let seq = self.seq;
        self.seq += 1;
        Ok(Some(Entry {
            seq,
            at_us: self.frames.at_us,
            record,
        }))
    }
}

/// The frames of a boot, verified.
pub(crate) struct Frames {
    header: Header,
    pieces: std::vec::IntoIter<Piece>,
    current: Option<Segment>,
    /// Where the frame read last begins.
    offset: u64,
    payload: Vec<u8>,
    pub(crate) chain: u64,
    /// The number of the first record after the frame read last.
    pub(crate) records: u64,
    at_us: u64,
    end: Option<End>,
}

impl std::fmt::Debug for Frames {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Frames")
            .field("boot", &self.header.boot)
            .field("records", &self.records)
            .finish()
    }
}

struct End {
    file: PathBuf,
    offset: u64,
    torn: bool,
}

impl Frames {
    pub(crate) fn new(boot: &BootTrace) -> Self {
        Self {
            header: boot.header.clone(),
            pieces: boot.segments.clone().into_iter(),
            current: None,
            offset: 0,
            payload: Vec::new(),
            chain: boot.segments.first().map_or(0, |piece| piece.chain.get()),
            records: boot.first,
            at_us: boot.segments.first().map_or(0, |piece| piece.at_us),
            end: None,
        }
    }

    fn damaged(&self, what: &'static str) -> TraceError {
        TraceError::Damaged {
            file: self
                .current
                .as_ref()
                .map(|segment| segment.path.clone())
                .unwrap_or_default(),
            offset: self.offset,
            what,
        }
    }

    /// Reads the next frame's records into `payload`.
    pub(crate) fn next(&mut self) -> Result<Option<FrameHeader>, TraceError> {
        if self.end.is_some() {
            return Ok(None);
        }
        loop {
            let Some(segment) = &mut self.current else {
                match self.pieces.next() {
                    None => return Ok(None),
                    Some(piece) => self.current = self.enter(piece)?,
                }
                if self.end.is_some() {
                    return Ok(None);
                }
                continue;
            };
            self.offset = segment.offset;
            let mut bytes = [0; FRAME_HEADER];
            let got = segment.fill(&mut bytes)?;
            let last = self.pieces.len() == 0;
            if got == 0 && !last {
                self.current = None;
                continue;
            }
            if got < FRAME_HEADER {
                return self.end_here(got > 0).map(|()| None);
            }
            if last && bytes == [0; FRAME_HEADER] && segment.rest_is_zero()? {
                // What a file system shows of blocks that were allocated and never written.
                return self.end_here(true).map(|()| None);
            }
            let header = FrameHeader::decoded(&bytes);
            if header.chained_to(self.chain) != header.chain {
                return Err(TraceError::Unchained {
                    file: segment.path.clone(),
                    offset: self.offset,
                });
            }
            let length = header.bytes as usize;
            if length > FRAME_BYTES_MAX || header.records == 0 || header.records > header.bytes {
                return Err(self.damaged("its length or count of records is beyond the limits"));
            }
            if self.offset + length as u64 > SEGMENT_BYTES_MAX {
                return Err(self.damaged("the segment is longer than any that a recorder writes"));
            }
            self.payload.resize(length, 0);
            if segment.fill(&mut self.payload)? < length {
                return self.end_here(true).map(|()| None);
            }
            if crc32c::crc32c(&self.payload) != header.crc {
                return Err(self.damaged("its checksum does not match"));
            }
            self.chain = header.chain;
            self.records += u64::from(header.records);
            self.at_us += u64::from(header.after_us);
            return Ok(Some(header));
        }
    }

    /// The newest segment ends here; any other must not.
    fn end_here(&mut self, torn: bool) -> Result<(), TraceError> {
        let file = self
            .current
            .as_ref()
            .map(|segment| segment.path.clone())
            .unwrap_or_default();
        if self.pieces.len() > 0 {
            return Err(TraceError::Cut {
                file,
                offset: self.offset,
            });
        }
        self.end = Some(End {
            file,
            offset: self.offset,
            torn,
        });
        Ok(())
    }

    /// Opens the next segment and checks that it continues what was read.
    fn enter(&mut self, piece: Piece) -> Result<Option<Segment>, TraceError> {
        let Some(segment) = open_moved(&piece.path)? else {
            return Err(TraceError::Preamble {
                file: piece.path,
                what: "it is cut short",
            });
        };
        let gap = |what| TraceError::Gap {
            file: piece.path.clone(),
            what,
        };
        let preamble = &segment.preamble;
        if preamble.header != self.header || preamble.segment != piece.segment {
            return Err(gap("it was recorded by another boot, or is another segment"));
        }
        if preamble.first != self.records {
            return Err(gap("its first record has the wrong number"));
        }
        if preamble.chain.get() != self.chain {
            return Err(gap("the hash chain does not join"));
        }
        Ok(Some(segment))
    }
}

impl Segment {
    fn rest_is_zero(&mut self) -> Result<bool, TraceError> {
        let mut bytes = [0; 4096];
        loop {
            let got = self.fill(&mut bytes)?;
            if got == 0 || self.offset > SEGMENT_BYTES_MAX {
                return Ok(got == 0);
            }
            if bytes[..got].iter().any(|byte| *byte != 0) {
                return Ok(false);
            }
        }
    }
}

/// Opens a segment, under its compressed name if the keeper has just moved it there.
pub(crate) fn open_moved(path: &Path) -> Result<Option<Segment>, TraceError> {
    match Segment::open(path) {
        Err(TraceError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
            let name = path
                .file_name()
                .and_then(|name| name.to_str())
                .and_then(Place::parse);
            match name {
                Some((place, Form::Raw)) => {
                    Segment::open(&path.with_file_name(place.file_name(Form::Packed)))
                }
                _ => Err(TraceError::Io {
                    file: path.into(),
                    source,
                }),
            }
        }
        other => other,
    }
}
