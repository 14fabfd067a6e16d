//! Is this file a snapshot, whole and unchanged, and what tree is in it?

use super::body::{BodyReader, Step};
use super::{HEADER, SLASH, SnapshotOptions, VERSION};
use crate::error::{At, Error, Result};
use crate::layout::{self, Layout};
use quorate_tree::Tree;
use quorate_zab::Zxid;
use simd_adler32::Adler32;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

const PIECE_BYTES: usize = 1 << 20;
/// Length of what follows the body in a file of 3.9: three seals, digest, last zxid.
const TRAILER_BYTES: u64 = 3 * SEAL_BYTES + DIGEST_BYTES + 8;
const SEAL_BYTES: u64 = 13;
const DIGEST_BYTES: u64 = 20;

/// The snapshots that look whole, lowest zxid first: the end of the file is there [ZooKeeper
/// `SnapStream.isValidSnapshot`].
pub(crate) fn candidates(layout: &Layout) -> Result<Vec<(Zxid, PathBuf)>> {
    let mut whole = Vec::new();
    for (zxid, path) in layout::numbered(&layout.snap_dir(), "snapshot.")? {
        let file = File::open(&path).at(&path, "open")?;
        let bytes = file.metadata().at(&path, "read the length")?.len();
        let mut end = [0; 5];
        if bytes >= 10 {
            file.read_exact_at(&mut end, bytes - 5).at(&path, "read")?;
        }
        if end == SLASH {
            whole.push((zxid, path));
        }
    }
    Ok(whole)
}

/// Up to which zxid the snapshot named `zxid` may hold anything: that of its digest, if it is fuzzy.
pub(crate) fn known_until(path: &Path, zxid: Zxid) -> Result<Zxid> {
    let file = File::open(path).at(path, "open")?;
    let bytes = file.metadata().at(path, "read the length")?.len();
    let mut known = zxid;
    // With the last zxid (3.9), and without it (3.6 to 3.8).
    for trailer_bytes in [TRAILER_BYTES, TRAILER_BYTES - 8 - SEAL_BYTES] {
        let mut digest = [0; DIGEST_BYTES as usize + SEAL_BYTES as usize];
        let Some(at) = bytes.checked_sub(trailer_bytes - SEAL_BYTES) else {
            continue;
        };
        file.read_exact_at(&mut digest, at).at(path, "read")?;
        let version = i32::from_be_bytes(digest[8..12].try_into().expect("4 bytes"));
        let until = Zxid::from_bits(u64::from_be_bytes(digest[..8].try_into().expect("8 bytes")));
        let mut before = [0; 5];
        file.read_exact_at(&mut before, at - 5).at(path, "read")?;
        if before == SLASH && digest.ends_with(&SLASH) && version == quorate_tree::DIGEST_VERSION {
            known = known.max(until);
            break;
        }
    }
    Ok(known)
}

/// Reads a file piece by piece, and sums up what was taken from it.
struct Source<'p> {
    file: File,
    path: &'p Path,
    buf: Vec<u8>,
    taken: usize,
    /// Offset in the file of the first byte of `buf`.
    offset: u64,
    adler: Adler32,
    ended: bool,
}

impl<'p> Source<'p> {
    fn open(path: &'p Path) -> Result<Self> {
        Ok(Self {
            file: File::open(path).at(path, "open")?,
            path,
            buf: Vec::with_capacity(PIECE_BYTES),
            taken: 0,
            offset: 0,
            adler: Adler32::new(),
            ended: false,
        })
    }

    fn rest(&self) -> &[u8] {
        &self.buf[self.taken..]
    }

    fn corrupt(&self, what: impl Into<String>) -> Error {
        Error::corrupt(self.path, self.offset + self.taken as u64, what)
    }

    /// Sums up what was taken so far.
    fn sum(&mut self) -> u32 {
        self.adler.write(&self.buf[..self.taken]);
        self.buf.drain(..self.taken);
        self.offset += self.taken as u64;
        self.taken = 0;
        self.adler.finish()
    }

    /// Reads some more; whether there was more.
    fn fill(&mut self) -> Result<bool> {
        self.sum();
        let before = self.buf.len();
        while self.buf.len() == before && !self.ended {
            let mut piece = (&self.file).take(PIECE_BYTES as u64);
            self.ended = piece.read_to_end(&mut self.buf).at(self.path, "read")? == 0;
        }
        Ok(self.buf.len() > before)
    }

    fn is_at_end(&mut self) -> Result<bool> {
        Ok(self.rest().is_empty() && !self.fill()?)
    }

    fn array<const N: usize>(&mut self, what: &str) -> Result<[u8; N]> {
        while self.rest().len() < N {
            if !self.fill()? {
                return Err(self.corrupt(format!("the file ends within its {what}")));
            }
        }
        let array = *self.rest().first_chunk().expect("N bytes");
        self.taken += N;
        Ok(array)
    }

    fn seal(&mut self, of: &str) -> Result<()> {
        let found = u64::from(self.sum());
        let sum = u64::from_be_bytes(self.array("seal")?);
        if found != sum {
            self.taken -= 8;
            return Err(self.corrupt(format!("the checksum of {of} is {found:#x} instead of {sum:#x}")));
        }
        if self.array::<5>("seal")? != SLASH {
            return Err(self.corrupt("no slash after the checksum"));
        }
        Ok(())
    }
}

/// Loads the snapshot `zxid` from `path`, with all its checksums verified.
pub(super) fn load(path: &Path, zxid: Zxid, options: &SnapshotOptions) -> Result<Tree> {
    let mut source = Source::open(path)?;
    let header: [u8; 16] = source.array("header")?;
    if header[..4] != HEADER[..4] {
        return Err(Error::corrupt(path, 0, "it does not start with ZKSN"));
    }
    let version = i32::from_be_bytes(header[4..8].try_into().expect("4 bytes"));
    let too_new = || Error::TooNew {
        file: path.to_owned(),
        what: "the snapshot",
        version: version.into(),
        known: VERSION.into(),
    };
    let body = read_body(&mut source, options);
    let body = match body {
        // What a later version writes may look like anything.
        Err(Error::Corrupt { .. }) if version > VERSION => return Err(too_new()),
        body => body?,
    };
    source.seal("the tree")?;
    if version > VERSION {
        return Err(too_new());
    }
    if version != VERSION {
        return Err(Error::corrupt(
            path,
            4,
            format!("version {version} instead of {VERSION}"),
        ));
    }
    let fuzzy_until = read_trailer(&mut source)?;
    let mut tree = body
        .finish(zxid.bits(), fuzzy_until)
        .map_err(|error| source.corrupt(error.to_string()))?;
    // One of a version before digests, or one that a leader sent.
    if fuzzy_until.is_none() && zxid > Zxid::ZERO {
        tree.may_hold_more();
    }
    Ok(tree)
}

fn read_body(source: &mut Source<'_>, options: &SnapshotOptions) -> Result<BodyReader> {
    let mut body = BodyReader::new(options.field_bytes_max);
    loop {
        match body.step(source.rest()) {
            Ok(Step::Took(bytes)) => source.taken += bytes,
            Ok(Step::Done) => return Ok(body),
            Ok(Step::Starved) => {
                if !source.fill()? {
                    return Err(source.corrupt("the file ends within the tree"));
                }
            }
            Err(what) => return Err(source.corrupt(what)),
        }
    }
}

/// Reads what follows the first seal, which older versions and what a leader sent do not have. Gives the zxid of the
/// digest.
fn read_trailer(source: &mut Source<'_>) -> Result<Option<u64>> {
    if source.is_at_end()? {
        return Ok(None);
    }
    let until = u64::from_be_bytes(source.array("digest")?);
    match i32::from_be_bytes(source.array("digest")?) {
        1 => {
            // The betas of 3.6 wrote the digest in hex.
            let length = i32::from_be_bytes(source.array("digest")?);
            for _ in 0..usize::try_from(length).ok().filter(|&n| n <= 64).unwrap_or(0) {
                source.array::<1>("digest")?;
            }
        }
        quorate_tree::DIGEST_VERSION => drop(source.array::<8>("digest")?),
        version => return Err(source.corrupt(format!("a digest of version {version}"))),
    }
    source.seal("the digest")?;
    if !source.is_at_end()? {
        source.array::<8>("last zxid")?;
        source.seal("the last zxid")?;
    }
    if !source.is_at_end()? {
        return Err(source.corrupt("bytes follow the last seal"));
    }
    Ok(Some(until))
}
