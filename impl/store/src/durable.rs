//! How does a small file get onto the disk so that a crash leaves either the old or the new one?
//!
//! By writing it under another name, syncing it, renaming it and syncing the directory: the rename is
//! the one step that is atomic, and it is durable only once the directory is.

use crate::error::{At, Result};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

#[cfg(test)]
pub(crate) mod fuse;
/// Only a test has steps that fail.
#[cfg(not(test))]
mod fuse {
    pub(super) fn burn(_: &std::path::Path) -> crate::error::Result<()> {
        Ok(())
    }
}

/// Makes creations, renames and removals in `dir` durable.
pub(crate) fn sync_dir(dir: &Path) -> Result<()> {
    fuse::burn(dir)?;
    File::open(dir)
        .and_then(|d| d.sync_all())
        .at(dir, "sync the directory")
}

/// Creates `dir` and its parents, readable by their owner alone, and makes each durable.
pub(crate) fn create_dir(dir: &Path) -> Result<()> {
    if dir.is_dir() {
        return Ok(());
    }
    let parent = dir.parent().filter(|p| !p.as_os_str().is_empty());
    if let Some(parent) = parent {
        create_dir(parent)?;
    }
    match fs::DirBuilder::new().mode(0o700).create(dir) {
        Err(e) if e.kind() != io::ErrorKind::AlreadyExists => Err(e).at(dir, "create the directory"),
        _ => sync_dir(parent.unwrap_or(Path::new("."))),
    }
}

/// Options for a file that must not exist yet: read and write, by its owner alone.
pub(crate) fn create_new(path: &Path) -> Result<File> {
    fuse::burn(path)?;
    OpenOptions::new()
        .read(true)
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .at(path, "create the file")
}

/// Replaces the contents of `path`, by way of `tmp` in the same directory; durable on return.
pub(crate) fn replace(path: &Path, tmp: &Path, bytes: &[u8]) -> Result<()> {
    stage(tmp, bytes)?;
    rename(tmp, path)
}

/// Writes and syncs `tmp`, in place of what it held; its name is durable only after a directory sync.
pub(crate) fn stage(tmp: &Path, bytes: &[u8]) -> Result<File> {
    stage_with(tmp, |_| Ok(bytes.to_vec()))
}

/// As [`stage`], where the bytes depend on the file.
pub(crate) fn stage_with(tmp: &Path, bytes: impl FnOnce(&File) -> io::Result<Vec<u8>>) -> Result<File> {
    unlink(tmp)?;
    let mut file = create_new(tmp)?;
    fuse::burn(tmp)?;
    let bytes = bytes(&file).at(tmp, "read the metadata")?;
    file.write_all(&bytes).at(tmp, "write")?;
    fuse::burn(tmp)?;
    file.sync_all().at(tmp, "sync")?;
    Ok(file)
}

/// Renames within one directory; durable on return.
pub(crate) fn rename(from: &Path, to: &Path) -> Result<()> {
    rename_only(from, to)?;
    sync_dir(to.parent().expect("a file has a directory"))
}

/// Renames within one directory; a crash may undo it.
pub(crate) fn rename_only(from: &Path, to: &Path) -> Result<()> {
    fuse::burn(to)?;
    fs::rename(from, to).at(from, "rename")
}

/// Cuts a file at `length` bytes; durable on return.
pub(crate) fn cut(file: &File, path: &Path, length: u64) -> Result<()> {
    fuse::burn(path)?;
    file.set_len(length).at(path, "cut")?;
    file.sync_all().at(path, "sync")
}

/// Removes a file if it is there; durable on return. Says whether it was.
pub(crate) fn remove(path: &Path) -> Result<bool> {
    let removed = unlink(path)?;
    if removed {
        sync_dir(path.parent().expect("a file has a directory"))?;
    }
    Ok(removed)
}

/// Removes a file if it is there; a crash may bring it back.
pub(crate) fn unlink(path: &Path) -> Result<bool> {
    fuse::burn(path)?;
    match fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(e) => Err(e).at(path, "remove"),
    }
}

/// Reads a file of at most `max` bytes; `None` if there is none, `Some(Err(length))` if it is longer.
pub(crate) fn read_small(path: &Path, max: u64) -> Result<Option<std::result::Result<Vec<u8>, u64>>> {
    use std::io::Read;
    let file = match File::open(path) {
        Ok(file) => file,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(e).at(path, "open"),
    };
    let mut bytes = Vec::new();
    (&file).take(max + 1).read_to_end(&mut bytes).at(path, "read")?;
    if bytes.len() as u64 > max {
        let length = file.metadata().at(path, "read the length")?.len();
        return Ok(Some(Err(length)));
    }
    Ok(Some(Ok(bytes)))
}
