//! Which traces are there? Files are grouped by server and boot, by what their preambles say.

use crate::digest::Sum;
use crate::error::TraceError;
use crate::reader::{BootTrace, Frames, Piece, open_moved};
use crate::schema::Previous;
use crate::segment::{Form, Place};
use quorate_zab::ServerId;
use std::fs;
use std::path::{Path, PathBuf};

/// Directories below a trace directory are searched to this depth.
const DEPTH_MAX: usize = 8;

/// Traces found: by server, each server's boots in order.
#[derive(Debug, Default)]
pub struct Found {
    /// The boots, by server, then in order.
    pub boots: Vec<BootTrace>,
    /// Files that look like segments and cannot be taken for any.
    pub faults: Vec<TraceError>,
    /// Segments of boots that ended before their first record.
    pub empty: Vec<PathBuf>,
}

/// Finds the traces in a directory and those below it.
///
/// # Errors
///
/// [`TraceError::Io`] if a directory cannot be read. Faults of single files are in [`Found::faults`].
pub fn read_dir(dir: impl AsRef<Path>) -> Result<Found, TraceError> {
    read_dirs([dir])
}

/// Finds the traces in several directories or files, as one run's.
///
/// # Errors
///
/// [`TraceError::Io`] if a directory or file is not there, or a directory cannot be read.
pub fn read_dirs<D: AsRef<Path>>(dirs: impl IntoIterator<Item = D>) -> Result<Found, TraceError> {
    let mut files = Vec::new();
    for dir in dirs {
        let dir = dir.as_ref();
        if fs::metadata(dir).map_err(TraceError::io(dir))?.is_dir() {
            collect(dir, 0, &mut files)?;
        } else {
            files.push(dir.to_path_buf());
        }
    }
    Ok(sort(files))
}

fn collect(dir: &Path, depth: usize, files: &mut Vec<PathBuf>) -> Result<(), TraceError> {
    for entry in fs::read_dir(dir).map_err(TraceError::io(dir))? {
        let entry = entry.map_err(TraceError::io(dir))?;
        let kind = entry.file_type().map_err(TraceError::io(dir))?;
        let named = entry.file_name().to_str().and_then(Place::parse);
        if kind.is_dir() && depth < DEPTH_MAX {
            collect(&entry.path(), depth + 1, files)?;
        } else if kind.is_file() && named.is_some_and(|(_, form)| form != Form::Unfinished) {
            files.push(entry.path());
        }
    }
    Ok(())
}

/// Groups segments by boot and puts all in order.
fn sort(mut files: Vec<PathBuf>) -> Found {
    files.sort_unstable();
    files.dedup();
    let mut found = Found::default();
    let mut pieces = Vec::new();
    for path in files {
        // A raw segment and its compressed twin say the same; the raw one sorts first.
        if path.extension().is_some_and(|ending| ending == "zst") && path.with_extension("").exists() {
            continue;
        }
        match open_moved(&path) {
            Ok(None) => found.empty.push(path),
            Err(fault) => found.faults.push(fault),
            Ok(Some(segment)) => {
                let piece = Piece::of(&segment);
                pieces.push((segment.preamble.header, piece));
            }
        }
    }
    pieces.sort_by_key(|(header, piece)| (header.server, header.boot, piece.segment));
    for (header, piece) in pieces {
        match found.boots.last_mut() {
            Some(boot) if boot.header.server == header.server && boot.header.boot == header.boot => {
                add(boot, piece, &mut found.faults);
            }
            other => {
                if let Some(boot) = other
                    && boot.header.server == header.server
                    && boot.header.boot.ordinal == header.boot.ordinal
                {
                    found.faults.push(TraceError::Twice {
                        file: piece.path.clone(),
                        other: boot.segments[0].path.clone(),
                    });
                }
                if piece.segment == 0 && (piece.first != 0 || piece.chain != header.boot.nonce) {
                    found.faults.push(TraceError::Gap {
                        file: piece.path.clone(),
                        what: "the first segment does not begin at the first record",
                    });
                }
                found.boots.push(BootTrace {
                    header,
                    first: piece.first,
                    segments: vec![piece],
                });
            }
        }
    }
    found
}

fn add(boot: &mut BootTrace, piece: Piece, faults: &mut Vec<TraceError>) {
    let last = boot.segments.last().expect("a boot has a segment");
    if piece.segment == last.segment {
        faults.push(TraceError::Twice {
            file: piece.path,
            other: last.path.clone(),
        });
        return;
    }
    if piece.segment != last.segment + 1 {
        faults.push(TraceError::Gap {
            file: piece.path.clone(),
            what: "segments between are missing",
        });
    }
    boot.segments.push(piece);
}

/// The newest boot of a server in a directory.
#[derive(Debug, Default)]
pub(crate) struct Newest {
    /// Its ordinal; 0 if there is none.
    pub(crate) ordinal: u32,
    /// How its trace ends, if that can be read.
    pub(crate) previous: Option<Previous>,
}

/// Finds the newest boot of `server` directly in `dir`, reading no more than its last segment.
pub(crate) fn newest_of(dir: &Path, server: ServerId) -> Result<Newest, TraceError> {
    let mut ordinal = 0;
    let mut newest: Option<(Place, Form)> = None;
    for entry in fs::read_dir(dir).map_err(TraceError::io(dir))? {
        let entry = entry.map_err(TraceError::io(dir))?;
        let Some((place, form)) = entry.file_name().to_str().and_then(Place::parse) else {
            continue;
        };
        if place.server != server.get() {
            continue;
        }
        ordinal = ordinal.max(place.ordinal);
        // Of a segment's two copies the raw one is read, as in `sort`.
        if form != Form::Unfinished
            && newest.is_none_or(|(best, kept)| place > best || place == best && form < kept)
        {
            newest = Some((place, form));
        }
    }
    Ok(Newest {
        ordinal,
        previous: newest.and_then(|(place, form)| end_of(&dir.join(place.file_name(form)))),
    })
}

/// How the trace whose newest segment this is ends, as far as it can be read.
fn end_of(path: &Path) -> Option<Previous> {
    let segment = open_moved(path).ok()??;
    let piece = Piece::of(&segment);
    let header = segment.preamble.header;
    let boot = header.boot;
    let mut frames = Frames::new(&BootTrace {
        header,
        first: piece.first,
        segments: vec![piece],
    });
    while let Ok(Some(_)) = frames.next() {}
    Some(Previous {
        boot,
        records: frames.records,
        chain: Sum::new(frames.chain),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_there_is_named_and_what_is_empty_has_no_boots() {
        let dir = tempfile::tempdir().unwrap();
        let missing = dir.path().join("nowhere");
        let error = read_dirs([dir.path(), &missing]).expect_err("one is not there");
        assert!(error.to_string().contains("nowhere"), "{error}");
        let found = read_dir(dir.path()).unwrap();
        assert!(found.boots.is_empty() && found.faults.is_empty());
    }
}
