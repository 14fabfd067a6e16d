//! What is a segment file? A name, a preamble and frames; raw while it grows, compressed afterwards.
//!
//! | offset | bytes | meaning (integers are little-endian) |
//! | --- | --- | --- |
//! | 0 | 8 | magic, `QUOTRACE` |
//! | 8 | 4 | schema version |
//! | 12 | 4 | length of the preamble's encoding |
//! | 16 | 4 | CRC-32C of the preamble's encoding |
//! | 20 | 4 | CRC-32C of bytes 0..20 |
//! | 24 | | the preamble, postcard |
//! | | | frames |
//!
//! A compressed segment is the same bytes as one zstd frame.

use crate::digest::Sum;
use crate::error::TraceError;
use crate::frame::encode;
use crate::schema::{Header, SCHEMA};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

const MAGIC: [u8; 8] = *b"QUOTRACE";
const FIXED: usize = 24;
/// No preamble is longer than this.
const PREAMBLE_BYTES_MAX: usize = 1 << 20;
/// No segment has more bytes than this, uncompressed.
pub(crate) const SEGMENT_BYTES_MAX: u64 = 1 << 30;
/// No boot lasts so long, nor has so many records: sums of such numbers do not overflow.
const COUNT_MAX: u64 = 1 << 62;
/// The largest window that a compressed segment may ask its reader to hold, as a power of two.
const WINDOW_LOG_MAX: u32 = 24;
const READ_BUFFER_BYTES: usize = 256 << 10;

/// The head of a segment.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub(crate) struct Preamble {
    pub(crate) header: Header,
    /// The segment's position in its boot's trace, from 0.
    pub(crate) segment: u32,
    /// The number of its first record.
    pub(crate) first: u64,
    /// The chain's value before its first frame.
    pub(crate) chain: Sum,
    /// When the frame before its first was written, in microseconds since the boot; advice.
    pub(crate) at_us: u64,
}

impl Preamble {
    pub(crate) fn encoded(&self) -> Vec<u8> {
        let mut body = Vec::new();
        encode(self, &mut body);
        let mut out = Vec::with_capacity(FIXED + body.len());
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&SCHEMA.to_le_bytes());
        out.extend_from_slice(&(body.len() as u32).to_le_bytes());
        out.extend_from_slice(&crc32c::crc32c(&body).to_le_bytes());
        out.extend_from_slice(&crc32c::crc32c(&out).to_le_bytes());
        out.extend_from_slice(&body);
        out
    }
}

/// Where a segment's file is in the order of all, as its name says.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Place {
    pub(crate) server: u64,
    pub(crate) ordinal: u32,
    pub(crate) segment: u32,
}

/// What a file of a trace directory is.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Form {
    /// It grows, or waits to be compressed.
    Raw,
    /// It is compressed.
    Packed,
    /// It was being written when the process ended, and counts for nothing.
    Unfinished,
}

impl Place {
    pub(crate) fn file_name(self, form: Form) -> String {
        let Self {
            server,
            ordinal,
            segment,
        } = self;
        let ending = match form {
            Form::Raw => "",
            Form::Packed => ".zst",
            Form::Unfinished => ".tmp",
        };
        format!("s{server}-b{ordinal:06}-{segment:06}.trace{ending}")
    }

    /// What the name says, if it is one of a trace's files.
    pub(crate) fn parse(name: &str) -> Option<(Self, Form)> {
        let (stem, ending) = name.split_once(".trace")?;
        let form = match ending {
            "" => Form::Raw,
            ".zst" => Form::Packed,
            ".tmp" => Form::Unfinished,
            _ => return None,
        };
        let mut parts = stem.split('-');
        let place = Self {
            server: number(parts.next()?.strip_prefix('s')?)?,
            ordinal: number(parts.next()?.strip_prefix('b')?)?,
            segment: number(parts.next()?)?,
        };
        parts.next().is_none().then_some((place, form))
    }
}

fn number<N: std::str::FromStr>(digits: &str) -> Option<N> {
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    digits.parse().ok()
}

/// A segment open for reading, behind its preamble.
pub(crate) struct Segment {
    pub(crate) path: PathBuf,
    pub(crate) preamble: Preamble,
    source: Source,
    /// Bytes read so far, of the uncompressed segment.
    pub(crate) offset: u64,
}

enum Source {
    Raw(BufReader<File>),
    Packed(Box<zstd::Decoder<'static, BufReader<File>>>),
}

impl Read for Source {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Raw(file) => file.read(out),
            Self::Packed(decoder) => decoder.read(out),
        }
    }
}

impl Segment {
    /// Opens the file. `None` if it ends within the preamble: nothing was recorded in it.
    pub(crate) fn open(path: &Path) -> Result<Option<Self>, TraceError> {
        let file = File::open(path).map_err(TraceError::io(path))?;
        let packed = path.extension().is_some_and(|ending| ending == "zst");
        let source = if packed {
            let file = BufReader::with_capacity(READ_BUFFER_BYTES, file);
            let mut decoder = zstd::Decoder::with_buffer(file)
                .map_err(TraceError::io(path))?
                .single_frame();
            decoder
                .window_log_max(WINDOW_LOG_MAX)
                .map_err(TraceError::io(path))?;
            Source::Packed(Box::new(decoder))
        } else {
            Source::Raw(BufReader::with_capacity(READ_BUFFER_BYTES, file))
        };
        let mut reader = Counted {
            path,
            source,
            offset: 0,
        };
        let mut fixed = [0; FIXED];
        let got = reader.fill(&mut fixed)?;
        if !fixed[..got].starts_with(&MAGIC[..got.min(8)]) && fixed[..got].iter().any(|byte| *byte != 0) {
            return Err(TraceError::NotATrace { file: path.into() });
        }
        if got < FIXED || fixed == [0; FIXED] {
            return Ok(None);
        }
        let word = |at: usize| u32::from_le_bytes([fixed[at], fixed[at + 1], fixed[at + 2], fixed[at + 3]]);
        let damaged = |what| TraceError::Preamble {
            file: path.into(),
            what,
        };
        if crc32c::crc32c(&fixed[..20]) != word(20) {
            return Err(damaged("the checksum of its first bytes does not match"));
        }
        if word(8) != SCHEMA {
            return Err(TraceError::Schema {
                file: path.into(),
                found: word(8),
            });
        }
        let length = word(12) as usize;
        if length > PREAMBLE_BYTES_MAX {
            return Err(damaged("its length is beyond the limit"));
        }
        let mut body = vec![0; length];
        if reader.fill(&mut body)? < length {
            return Ok(None);
        }
        if crc32c::crc32c(&body) != word(16) {
            return Err(damaged("its checksum does not match"));
        }
        let preamble: Preamble = match postcard::take_from_bytes(&body) {
            Ok((preamble, [])) => preamble,
            Ok(_) => return Err(damaged("bytes are left over")),
            Err(_) => return Err(damaged("it cannot be decoded")),
        };
        if preamble.first > COUNT_MAX || preamble.at_us > COUNT_MAX {
            return Err(damaged("its counts are beyond the limit"));
        }
        Ok(Some(Self {
            path: path.into(),
            preamble,
            source: reader.source,
            offset: reader.offset,
        }))
    }

    /// Reads until `out` is full or the segment ends; returns how many bytes were read.
    pub(crate) fn fill(&mut self, out: &mut [u8]) -> Result<usize, TraceError> {
        let got = fill(&mut self.source, out).map_err(TraceError::io(&self.path))?;
        self.offset += got as u64;
        Ok(got)
    }
}

struct Counted<'a> {
    path: &'a Path,
    source: Source,
    offset: u64,
}

impl Counted<'_> {
    fn fill(&mut self, out: &mut [u8]) -> Result<usize, TraceError> {
        let got = fill(&mut self.source, out).map_err(TraceError::io(self.path))?;
        self.offset += got as u64;
        Ok(got)
    }
}

fn fill(source: &mut Source, out: &mut [u8]) -> io::Result<usize> {
    let mut got = 0;
    while got < out.len() {
        match source.read(&mut out[got..]) {
            Ok(0) => break,
            Ok(count) => got += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(got)
}
