//! The records end here, but not in zeros: was the rest never written, or was it damaged afterwards?
//!
//! Cutting what was acknowledged loses it for ever, refusing what was merely torn stops a server that is
//! well. What can be known:
//!
//! - Before the [watermark](super::watermark) everything was synced: whatever is wrong there is damage.
//! - A file that is not the last one was synced before the next was begun: damage.
//! - Where the file was zeros before, a write cut short leaves the beginning of a record and zeros from there to the
//!   end of the file. But a record whose length was damaged can look like that too: then its entry, taken
//!   with some other length, has the right checksum.
//! - After the watermark, sectors of the last batch may be missing in any place: then a whole sector of
//!   the record is zeros, as it was before. A flipped bit makes no sector of zeros.

use super::format::{self, PREFIX_BYTES, Parsed};
use super::records::Records;
use super::watermark::{SECTOR_BYTES, Watermark};
use crate::error::{Error, Result};
use rustix::fs::SeekFrom;
use std::fs::File;
use std::path::Path;

#[cfg(test)]
mod tests;

const PIECE_BYTES: u64 = 1 << 20;

/// How the records of a file end.
#[derive(Debug)]
pub(crate) enum Tail {
    /// In zeros or at the end of the file.
    Clean,
    /// In something that nobody was told of; that many bytes of it.
    Torn { bytes: u64 },
    /// In something that was whole before.
    Damaged(Error),
}

/// Judges what stands where `records` stopped, which is `parsed`. `last`: no later file has records.
pub(crate) fn judge(records: &Records, path: &Path, parsed: &Parsed, last: bool) -> Result<Tail> {
    let (file, limit, at) = (records.file(), records.limit(), records.offset());
    let damaged = |what: String| Ok(Tail::Damaged(Error::corrupt(path, at, what)));
    let last_written = last_nonzero(file, path, at, limit)?;
    let what = match parsed {
        Parsed::Record { .. } => unreachable!("a sound record is no end"),
        Parsed::End => "zeros where a record should be".to_owned(),
        Parsed::Short { bytes } => format!("a record of {bytes} bytes passes the end of the file"),
        Parsed::Bad { what, .. } => what.clone(),
    };
    let synced_to = match records.watermark() {
        Watermark::SyncedTo(offset) => Some(offset),
        Watermark::None | Watermark::Damaged => None,
    };
    if let Some(synced_to) = synced_to.filter(|&offset| at < offset) {
        return damaged(format!("{what}, though all up to offset {synced_to} was synced"));
    }
    let Some(last_written) = last_written else {
        return Ok(Tail::Clean);
    };
    if !last {
        return damaged(format!("{what}, and a later log file follows"));
    }
    let torn = Ok(Tail::Torn {
        bytes: last_written + 1 - at,
    });
    let claimed = match parsed {
        Parsed::Short { bytes } | Parsed::Bad { bytes, .. } => *bytes as u64,
        Parsed::Record { .. } | Parsed::End => PREFIX_BYTES as u64,
    };
    let cut_short = !matches!(parsed, Parsed::End)
        && last_written + 1 < at + claimed
        && plausible_length(file, path, at)?;
    if cut_short {
        return match whole_with_another_length(file, path, at, last_written)? {
            None => torn,
            Some(length) => damaged(format!(
                "{what}, but with the length {length} its checksum is right"
            )),
        };
    }
    match (synced_to, parsed) {
        (Some(_), Parsed::End) => torn,
        (Some(_), _) if has_unwritten_sector(file, path, at, (at + claimed).min(limit))? => torn,
        (None, Parsed::End) => damaged(format!("{what}: more follows, up to offset {last_written}")),
        _ => damaged(what),
    }
}

/// The offset of the last byte that is not zero, from `from` to before `to`. Holes in the file are not read.
fn last_nonzero(file: &File, path: &Path, from: u64, to: u64) -> Result<Option<u64>> {
    let mut found = None;
    let mut buf = vec![0; PIECE_BYTES as usize];
    let mut at = from;
    while at < to {
        match rustix::fs::seek(file, SeekFrom::Data(at)) {
            Ok(data) => at = data.max(at),
            Err(rustix::io::Errno::NXIO) => break,
            // A file system that knows no holes: read everything.
            Err(_) => {}
        }
        if at >= to {
            break;
        }
        let wanted = PIECE_BYTES.min(to - at) as usize;
        let got = format::read_at(file, path, &mut buf[..wanted], at)?;
        if let Some(i) = buf[..got].iter().rposition(|&b| b != 0) {
            found = Some(at + i as u64);
        }
        if got < wanted {
            break;
        }
        at += got as u64;
    }
    Ok(found)
}

/// Whether the length of the record at `at` may be the beginning of a true one: a prefix of a positive number,
/// zeros after it, is not negative.
fn plausible_length(file: &File, path: &Path, at: u64) -> Result<bool> {
    let mut prefix = [0; PREFIX_BYTES];
    format::read_at(file, path, &mut prefix, at)?;
    Ok(i32::from_be_bytes(prefix[8..].try_into().expect("4 bytes")) >= 0)
}

/// Whether the record at `at` is whole if it ends at some earlier `B`: the length of its entry then.
fn whole_with_another_length(file: &File, path: &Path, at: u64, last_written: u64) -> Result<Option<u64>> {
    const MODULUS: u64 = 65_521;
    let mut prefix = [0; PREFIX_BYTES];
    format::read_at(file, path, &mut prefix, at)?;
    let sum = u64::from_be_bytes(prefix[..8].try_into().expect("8 bytes"));
    let start = at + PREFIX_BYTES as u64;
    let mut buf = vec![0; PIECE_BYTES as usize];
    let (mut a, mut b, mut offset) = (1, 0, start);
    while offset <= last_written {
        let wanted = PIECE_BYTES.min(last_written + 1 - offset) as usize;
        let got = format::read_at(file, path, &mut buf[..wanted], offset)?;
        for (i, &byte) in buf[..got].iter().enumerate() {
            if byte == b'B' && (b << 16 | a) == sum && offset + i as u64 > start {
                return Ok(Some(offset + i as u64 - start));
            }
            a = (a + u64::from(byte)) % MODULUS;
            b = (b + a) % MODULUS;
        }
        if got < wanted {
            break;
        }
        offset += got as u64;
    }
    Ok(None)
}

/// Whether a sector between `from` and `to` is zeros to its end, beginning at `from` in the first one.
fn has_unwritten_sector(file: &File, path: &Path, from: u64, to: u64) -> Result<bool> {
    let mut sector = [0; SECTOR_BYTES as usize];
    let mut at = from;
    while at < to {
        let end = (at / SECTOR_BYTES + 1) * SECTOR_BYTES;
        let part = &mut sector[..(end - at) as usize];
        part.fill(0);
        format::read_at(file, path, part, at)?;
        if part.iter().all(|&b| b == 0) {
            return Ok(true);
        }
        at = end;
    }
    Ok(false)
}
