//! How does a tree become a file that is either whole or absent?

use super::body::SnapshotBody;
use super::{HEADER, SLASH};
use crate::durable;
use crate::error::{At, Result};
use crate::home::Home;
use quorate_tree::{DIGEST_VERSION, Tree};
use quorate_zab::Zxid;
use simd_adler32::Adler32;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// So much is written between two syncs at most, in bytes: the log's own syncs must not wait for a whole
/// snapshot's worth of dirty pages.
const SYNC_STEP_BYTES: u64 = 8 << 20;

/// A snapshot file that is being written, under a name of ours. Dropping it removes it.
pub(super) struct Draft {
    file: File,
    path: Option<PathBuf>,
    adler: Adler32,
    buf: Vec<u8>,
    unsynced_bytes: u64,
}

impl Draft {
    /// Begins a file `quorate.<kind>.<n>` with the header in it.
    pub(super) fn begin(dir: &Path, kind: &str) -> Result<Self> {
        // A count alone: no two drafts have one number, in whatever order they come.
        static DRAFTS: AtomicU64 = AtomicU64::new(0);
        let number = DRAFTS.fetch_add(1, Ordering::Relaxed);
        let path = dir.join(format!("quorate.{kind}.{number}"));
        durable::unlink(&path)?;
        let mut draft = Self {
            file: durable::create_new(&path)?,
            path: Some(path),
            adler: Adler32::new(),
            buf: Vec::with_capacity(256 << 10),
            unsynced_bytes: 0,
        };
        draft.put(&HEADER)?;
        Ok(draft)
    }

    pub(super) fn path(&self) -> &Path {
        self.path.as_deref().expect("kept until it is finished")
    }

    pub(super) fn put(&mut self, bytes: &[u8]) -> Result<()> {
        if self.buf.len() + bytes.len() > self.buf.capacity() {
            self.flush()?;
        }
        if bytes.len() > self.buf.capacity() {
            return self.write(bytes);
        }
        self.buf.extend_from_slice(bytes);
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        let mut buf = std::mem::take(&mut self.buf);
        let written = self.write(&buf);
        buf.clear();
        self.buf = buf;
        written
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.adler.write(bytes);
        self.file
            .write_all(bytes)
            .at(self.path.as_deref().expect("kept"), "write")?;
        self.unsynced_bytes += bytes.len() as u64;
        if self.unsynced_bytes >= SYNC_STEP_BYTES {
            self.unsynced_bytes = 0;
            self.file.sync_data().at(self.path(), "sync")?;
        }
        Ok(())
    }

    /// The checksum of all so far, and a slash.
    fn seal(&mut self) -> Result<()> {
        self.flush()?;
        let sum = u64::from(self.adler.finish());
        self.put(&sum.to_be_bytes())?;
        self.put(&SLASH)
    }

    /// Writes what follows the body, and syncs the file. It is complete then, and has its last name to get yet.
    /// Without the digest of the tree at `zxid` it ends as the files of versions before digests do.
    pub(super) fn finish(mut self, zxid: Zxid, digest: Option<u64>) -> Result<PathBuf> {
        self.seal()?;
        if let Some(digest) = digest {
            self.put(&zxid.bits().to_be_bytes())?;
            self.put(&DIGEST_VERSION.to_be_bytes())?;
            self.put(&digest.to_be_bytes())?;
            self.seal()?;
            self.put(&zxid.bits().to_be_bytes())?;
            self.seal()?;
        }
        self.flush()?;
        self.file.sync_all().at(self.path(), "sync")?;
        Ok(self.path.take().expect("kept until it is finished"))
    }
}

impl std::fmt::Debug for Draft {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Draft")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if let Some(path) = &self.path {
            // If it cannot be removed now, the next start removes it.
            let _ = durable::unlink(path);
        }
    }
}

/// Removes drafts that an earlier process left in `dir`.
pub(crate) fn remove_left_over(dir: &Path) -> Result<()> {
    for name in crate::layout::names(dir)? {
        if name.starts_with("quorate.snapshot.") || name.starts_with("quorate.receiving.") {
            durable::unlink(&dir.join(name))?;
        }
    }
    Ok(())
}

/// Writes the snapshot of the tree's last zxid.
pub(super) fn write(home: &Home, tree: &Tree) -> Result<()> {
    let history = home.history();
    let zxid = Zxid::from_bits(tree.last_zxid());
    let mut draft = Draft::begin(&home.layout.snap_dir(), "snapshot")?;
    for piece in SnapshotBody::new(tree) {
        draft.put(&piece)?;
    }
    let finished = draft.finish(zxid, tree.exact_digest())?;
    let renamed = home
        .hold(history)
        .and_then(|_held| durable::rename(&finished, &home.layout.snapshot_file(zxid)));
    renamed.inspect_err(|_| {
        // If it cannot be removed now, the next start removes it.
        let _ = durable::unlink(&finished);
    })
}
