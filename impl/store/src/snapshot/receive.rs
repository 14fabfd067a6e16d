//! How does a snapshot from a leader get onto this server's disk, without touching what is there?
//!
//! The body is the same in a file and on the wire, so it is written as it comes, and parsed as it comes: what
//! is malformed is refused at once, and what was received is a tree when it ends. [`crate::TxnLog::install`]
//! puts it in place.

use super::SnapshotOptions;
use super::body::{BodyReader, Step};
use super::write::Draft;
use crate::error::{Error, Result};
use crate::home::Home;
use quorate_tree::Tree;
use quorate_zab::Zxid;
use std::path::PathBuf;

/// What a leader sends after the body: the string `BenWasHere`.
pub const SIGNATURE: [u8; 14] = *b"\0\0\0\x0aBenWasHere";

/// Takes the bytes after SNAP as they come from a connection. Dropping it removes what it wrote.
#[derive(Debug)]
pub struct SnapshotReceiver {
    zxid: Zxid,
    draft: Draft,
    body: BodyReader,
    /// What was received and not understood yet: a piece of one item.
    buf: Vec<u8>,
    received: u64,
}

/// How far a [`SnapshotReceiver`] is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Progress {
    /// All bytes were taken, more are to come.
    More,
    /// The signature has been read. It ended after `used` bytes of the last piece; what follows them is the
    /// next packet's.
    Complete {
        /// Bytes of the last piece that belong to the snapshot.
        used: usize,
    },
}

/// A snapshot on the disk, synced and whole, that is not in place yet. Dropping it removes it.
#[derive(Debug)]
pub struct ReceivedSnapshot {
    zxid: Zxid,
    file: Option<PathBuf>,
    tree: Option<Tree>,
}

impl SnapshotReceiver {
    pub(super) fn new(home: &Home, options: SnapshotOptions, zxid: Zxid) -> Result<Self> {
        Ok(Self {
            zxid,
            draft: Draft::begin(&home.layout.snap_dir(), "receiving")?,
            body: BodyReader::new(options.field_bytes_max),
            buf: Vec::new(),
            received: 0,
        })
    }

    /// Bytes received so far.
    pub fn received_bytes(&self) -> u64 {
        self.received
    }

    /// Takes the next piece.
    ///
    /// # Errors
    ///
    /// [`Error::BadStream`] if it is no snapshot: the connection is to be closed. [`Error::Io`].
    pub fn push(&mut self, piece: &[u8]) -> Result<Progress> {
        self.received += piece.len() as u64;
        self.buf.extend_from_slice(piece);
        let mut taken = 0;
        let progress = loop {
            match self.body.step(&self.buf[taken..]) {
                Ok(Step::Took(bytes)) => {
                    taken += bytes;
                }
                Ok(Step::Starved) => break Progress::More,
                Ok(Step::Done) => {
                    let rest = &self.buf[taken..];
                    let common = rest.len().min(SIGNATURE.len());
                    if rest[..common] != SIGNATURE[..common] {
                        return Err(self.bad(taken, "no signature after the tree".to_owned()));
                    }
                    if common < SIGNATURE.len() {
                        break Progress::More;
                    }
                    let unused = rest.len() - common;
                    break Progress::Complete {
                        used: piece.len() - unused,
                    };
                }
                Err(what) => return Err(self.bad(taken, what)),
            }
        };
        self.draft.put(&self.buf[..taken])?;
        self.buf.drain(..taken);
        Ok(progress)
    }

    fn bad(&self, taken: usize, what: String) -> Error {
        Error::BadStream {
            offset: self.received - (self.buf.len() - taken) as u64,
            what,
        }
    }

    /// Seals and syncs the file, once [`Progress::Complete`] was reported.
    ///
    /// # Errors
    ///
    /// [`Error::BadStream`] if the tree is not one. [`Error::Io`].
    ///
    /// # Panics
    ///
    /// If the snapshot is not complete.
    pub fn finish(self) -> Result<ReceivedSnapshot> {
        let received = self.received;
        let mut tree = self
            .body
            .finish(self.zxid.bits(), None)
            .map_err(|error| Error::BadStream {
                offset: received,
                what: error.to_string(),
            })?;
        // A busy Apache leader writes while it applies, and nothing says how far it came: whoever reads the file must
        // not take the digest of what is in it for that of the tree at its zxid.
        tree.may_hold_more();
        let file = self.draft.finish(self.zxid, tree.exact_digest())?;
        Ok(ReceivedSnapshot {
            zxid: self.zxid,
            file: Some(file),
            tree: Some(tree),
        })
    }
}

impl ReceivedSnapshot {
    /// What the snapshot contains.
    pub fn zxid(&self) -> Zxid {
        self.zxid
    }

    pub(crate) fn into_parts(mut self) -> (Zxid, PathBuf, Tree) {
        let file = self.file.take().expect("kept until it is installed");
        (
            self.zxid,
            file,
            self.tree.take().expect("kept until it is installed"),
        )
    }
}

impl Drop for ReceivedSnapshot {
    fn drop(&mut self) {
        if let Some(file) = &self.file {
            // If it cannot be removed now, the next start removes it.
            let _ = crate::durable::unlink(file);
        }
    }
}
