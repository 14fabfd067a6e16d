//! What are the bytes of a transaction log?
//!
//! | offset | bytes | file |
//! | --- | --- | --- |
//! | 0 | 4 | `ZKLG` |
//! | 4 | 4 | version, 2 |
//! | 8 | 8 | dbid, 0 |
//! | 16 | | records; one of length 0 ends them, and so does the end of the file |
//!
//! | offset | bytes | record |
//! | --- | --- | --- |
//! | 0 | 8 | Adler-32 of the entry |
//! | 8 | 4 | length of the entry |
//! | 12 | length | entry: header of 32 bytes, transaction, digest |
//! | 12 + length | 1 | `B` |

use crate::error::{At, Error, Result};
use quorate_zab::Zxid;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

pub(crate) const HEADER: [u8; 16] = *b"ZKLG\0\0\0\x02\0\0\0\0\0\0\0\0";
pub(crate) const HEADER_BYTES: u64 = HEADER.len() as u64;
/// What a record has around its entry, in bytes.
pub(crate) const FRAME_BYTES: usize = 13;
/// Checksum and length, in bytes.
pub(crate) const PREFIX_BYTES: usize = 12;
/// The transaction header that each entry starts with, in bytes.
pub(crate) const TXN_HEADER_BYTES: usize = 32;
const END: u8 = b'B';
const VERSION: i32 = 2;

/// Appends the record of `entry` to `out`.
pub(crate) fn encode(entry: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&u64::from(adler32(entry)).to_be_bytes());
    out.extend_from_slice(&(entry.len() as u32).to_be_bytes());
    out.extend_from_slice(entry);
    out.push(END);
}

pub(crate) fn adler32(bytes: &[u8]) -> u32 {
    simd_adler32::adler32(&bytes)
}

/// The zxid in an entry's header; `None` if it is too short to have one.
pub fn entry_zxid(entry: &[u8]) -> Option<Zxid> {
    let bits = entry.get(12..20).filter(|_| entry.len() >= TXN_HEADER_BYTES)?;
    Some(Zxid::from_bits(u64::from_be_bytes(
        bits.try_into().expect("8 bytes"),
    )))
}

/// What stands at some place where a record may start.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Parsed {
    /// A whole and sound record of that many bytes.
    Record { bytes: usize, zxid: Zxid },
    /// Length 0 and checksum 0: nothing was written from here on.
    End,
    /// The record claims that many bytes, and they are not all there.
    Short { bytes: usize },
    /// No record that was ever written whole, or one that was damaged since.
    Bad { bytes: usize, what: String },
}

/// Parses the record at the start of `buf`, which is all that there is up to the end of the file, or more than
/// the longest record.
pub(crate) fn parse(buf: &[u8], entry_bytes_max: usize) -> Parsed {
    let Some((prefix, rest)) = buf.split_at_checked(PREFIX_BYTES) else {
        return if buf.iter().all(|&b| b == 0) {
            Parsed::End
        } else {
            Parsed::Short { bytes: PREFIX_BYTES }
        };
    };
    let (sum, length) = prefix.split_at(8);
    let sum = u64::from_be_bytes(sum.try_into().expect("8 bytes"));
    let length = i32::from_be_bytes(length.try_into().expect("4 bytes"));
    let bad = |bytes, what| Parsed::Bad { bytes, what };
    if length == 0 {
        return match sum {
            0 => Parsed::End,
            _ => bad(
                PREFIX_BYTES,
                format!("a record of length 0 with the checksum {sum:#x}"),
            ),
        };
    }
    let length = match usize::try_from(length) {
        Ok(length) if length <= entry_bytes_max => length,
        _ => return bad(PREFIX_BYTES, format!("a record claims the length {length}")),
    };
    let bytes = length + FRAME_BYTES;
    let Some((entry, &end)) = rest
        .get(..=length)
        .and_then(|rest| rest.split_last().map(|(e, r)| (r, e)))
    else {
        return Parsed::Short { bytes };
    };
    let found = u64::from(adler32(entry));
    if end != END {
        return bad(
            bytes,
            format!("a record ends in the byte {end:#04x} instead of `B`"),
        );
    }
    if found != sum {
        return bad(bytes, format!("checksum {found:#x} instead of {sum:#x}"));
    }
    match entry_zxid(entry) {
        Some(zxid) => Parsed::Record { bytes, zxid },
        None => bad(
            bytes,
            format!("an entry of {length} bytes has no transaction header"),
        ),
    }
}

/// Checks the header of a log file of at least 16 bytes.
pub(crate) fn check_header(path: &Path, header: &[u8; 16]) -> Result<()> {
    if header[..4] != HEADER[..4] {
        return Err(Error::corrupt(path, 0, "it does not start with ZKLG"));
    }
    let version = i32::from_be_bytes(header[4..8].try_into().expect("4 bytes"));
    if version > VERSION && version < 64 {
        return Err(Error::TooNew {
            file: path.to_owned(),
            what: "the transaction log",
            version: version.into(),
            known: VERSION.into(),
        });
    }
    if version != VERSION {
        return Err(Error::corrupt(
            path,
            4,
            format!("version {version} instead of {VERSION}"),
        ));
    }
    Ok(())
}

/// Reads up to `buf.len()` bytes at `offset`, fewer only at the end of the file.
pub(crate) fn read_at(file: &File, path: &Path, buf: &mut [u8], offset: u64) -> Result<usize> {
    let mut filled = 0;
    while filled < buf.len() {
        match file.read_at(&mut buf[filled..], offset + filled as u64) {
            Ok(0) => break,
            Ok(n) => filled += n,
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e).at(path, "read"),
        }
    }
    Ok(filled)
}
