//! Which records follow each other in one file? Reads them in large pieces, and checks each.

use super::format::{self, HEADER_BYTES, PREFIX_BYTES, Parsed};
use super::watermark::{self, SECTOR_BYTES, Watermark};
use crate::error::{At, Result};
use bytes::{Bytes, BytesMut};
use std::fs::File;
use std::path::{Path, PathBuf};

/// The records of one log file, from some offset on.
#[derive(Debug)]
pub(crate) struct Records {
    file: File,
    path: PathBuf,
    /// Records may stand before this offset.
    limit: u64,
    watermark: Watermark,
    entry_bytes_max: usize,
    piece_bytes: usize,
    /// Offset in the file of the first byte of `buf`.
    offset: u64,
    buf: BytesMut,
}

impl Records {
    /// Opens the file; its header is not looked at.
    pub(crate) fn open(path: &Path, entry_bytes_max: usize, piece_bytes: usize) -> Result<Self> {
        let file = File::open(path).at(path, "open")?;
        let file_bytes = file.metadata().at(path, "read the length")?.len();
        let watermark = watermark::read(&file, path, file_bytes)?;
        let limit = match watermark {
            Watermark::None => file_bytes,
            Watermark::SyncedTo(_) | Watermark::Damaged => file_bytes - SECTOR_BYTES,
        };
        Ok(Self {
            file,
            path: path.to_owned(),
            limit,
            watermark,
            entry_bytes_max,
            piece_bytes,
            offset: HEADER_BYTES,
            buf: BytesMut::new(),
        })
    }

    pub(crate) fn file(&self) -> &File {
        &self.file
    }

    pub(crate) fn limit(&self) -> u64 {
        self.limit
    }

    pub(crate) fn watermark(&self) -> Watermark {
        self.watermark
    }

    /// Where the next record starts.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// Goes on at `offset`, where a record starts.
    pub(crate) fn seek(&mut self, offset: u64) {
        self.buf.clear();
        self.offset = offset;
    }

    /// Looks at the next record, without passing it.
    pub(crate) fn peek(&mut self) -> Result<Parsed> {
        loop {
            let parsed = format::parse(&self.buf, self.entry_bytes_max);
            let needed = match parsed {
                Parsed::Short { bytes } => bytes,
                Parsed::End if self.buf.len() < PREFIX_BYTES => PREFIX_BYTES,
                _ => return Ok(parsed),
            };
            // The claimed length is below the bound for entries; what is not in the file is not allocated.
            let left = self.limit.saturating_sub(self.offset + self.buf.len() as u64);
            let wanted = (needed - self.buf.len())
                .max(self.piece_bytes)
                .min(usize::try_from(left).unwrap_or(0));
            if wanted == 0 {
                return Ok(parsed);
            }
            let from = self.buf.len();
            self.buf.resize(from + wanted, 0);
            let got = format::read_at(
                &self.file,
                &self.path,
                &mut self.buf[from..],
                self.offset + from as u64,
            )?;
            self.buf.truncate(from + got);
            if got < wanted {
                self.limit = self.offset + self.buf.len() as u64;
            }
        }
    }

    /// Passes the record that [`Self::peek`] found to have `bytes`, and gives its entry.
    pub(crate) fn take(&mut self, bytes: usize) -> Bytes {
        self.offset += bytes as u64;
        let mut record = self.buf.split_to(bytes).freeze();
        record.truncate(bytes - 1);
        record.split_off(PREFIX_BYTES)
    }

    /// Passes the record that [`Self::peek`] found to have `bytes`.
    pub(crate) fn skip(&mut self, bytes: usize) {
        use bytes::Buf;
        self.offset += bytes as u64;
        self.buf.advance(bytes);
    }
}
