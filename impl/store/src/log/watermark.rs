//! Up to where was the log known to be on the disk? A note in the last sector of the file being written.
//!
//! After a crash the end of a log is one of two things: what was being written (nobody was told of it, it may be
//! cut), or what was damaged after it was acknowledged (it must not be cut). The bytes alone do not always
//! tell. So after each sync the writer notes, behind the zeros that end the log for every reader, up to where
//! it synced. The note is not synced for itself: after the end of a process it is exact, after a power failure
//! it is at most one batch behind, or as old as the kernel's write-back.
//!
//! | offset | bytes | the last 512 bytes of the file |
//! | --- | --- | --- |
//! | 0 | 8 | `QRTSYNC1` |
//! | 8 | 8 | offset in the file up to which all was synced |
//! | 16 | 4 | CRC-32C of the 16 bytes before |
//! | 20 | | zeros |

use super::format::{self, HEADER_BYTES};
use crate::error::Result;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// What a disk writes as a whole, in bytes.
pub(crate) const SECTOR_BYTES: u64 = 512;
const MAGIC: [u8; 8] = *b"QRTSYNC1";
const NOTE_BYTES: usize = 20;

/// Whether the file has a note, and what it says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Watermark {
    /// No note: a file of Apache's, or a finished one. All of it may be records.
    None,
    /// Everything before this offset was synced.
    SyncedTo(u64),
    /// There was a note, and it is damaged.
    Damaged,
}

fn note(synced_to: u64) -> [u8; NOTE_BYTES] {
    let mut note = [0; NOTE_BYTES];
    note[..8].copy_from_slice(&MAGIC);
    note[8..16].copy_from_slice(&synced_to.to_be_bytes());
    let sum = crc32c::crc32c(&note[..16]);
    note[16..].copy_from_slice(&sum.to_be_bytes());
    note
}

/// Notes in a file of `file_bytes` that everything before `synced_to` is on the disk.
pub(crate) fn write(file: &File, file_bytes: u64, synced_to: u64) -> io::Result<()> {
    file.write_all_at(&note(synced_to), file_bytes - SECTOR_BYTES)
}

/// Reads the note of a file of `file_bytes`.
pub(crate) fn read(file: &File, path: &Path, file_bytes: u64) -> Result<Watermark> {
    if !file_bytes.is_multiple_of(SECTOR_BYTES) || file_bytes < HEADER_BYTES + SECTOR_BYTES {
        return Ok(Watermark::None);
    }
    let mut sector = [0; SECTOR_BYTES as usize];
    format::read_at(file, path, &mut sector, file_bytes - SECTOR_BYTES)?;
    let synced_to = u64::from_be_bytes(sector[8..16].try_into().expect("8 bytes"));
    let matching = sector.iter().zip(MAGIC).filter(|(a, b)| **a == *b).count();
    Ok(if sector[..NOTE_BYTES] == note(synced_to) {
        Watermark::SyncedTo(synced_to)
    } else if matching >= MAGIC.len() - 2 && sector[NOTE_BYTES..].iter().all(|&b| b == 0) {
        Watermark::Damaged
    } else {
        Watermark::None
    })
}
