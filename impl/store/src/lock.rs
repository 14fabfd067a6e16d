//! Is this directory ours alone? An advisory lock, and a note of whose data it is.
//!
//! The lock keeps two processes from working on one directory. The identity file keeps a server from
//! working on the directory of another member, after a copy or an exchange of disks. Apache looks at neither.

use crate::durable;
use crate::error::{At, Error, Result};
use quorate_zab::ServerId;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// The version of what we add to ZooKeeper's formats.
const FORMAT: i64 = 1;

/// Holds the lock on a directory until dropped, or until the process ends.
#[derive(Debug)]
pub(crate) struct DirLock(#[expect(dead_code, reason = "the lock lives as long as the file is open")] File);

impl DirLock {
    pub(crate) fn acquire(dir: &Path) -> Result<Self> {
        let path = dir.join("quorate.lock");
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .at(&path, "open")?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(held(dir, &mut file)),
            Err(TryLockError::Error(e)) => return Err(e).at(&path, "lock"),
        }
        file.set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| writeln!(file, "{}", std::process::id()))
            .at(&path, "write")?;
        Ok(Self(file))
    }
}

/// That no other process holds the lock on `dir`, without taking it or making a file.
pub(crate) fn is_free(dir: &Path) -> Result<()> {
    let path = dir.join("quorate.lock");
    let mut file = match File::open(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        opened => opened.at(&path, "open")?,
    };
    match file.try_lock() {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => Err(held(dir, &mut file)),
        Err(TryLockError::Error(e)) => Err(e).at(&path, "lock"),
    }
}

/// Who cannot be named still holds the lock.
fn held(dir: &Path, file: &mut File) -> Error {
    let mut text = String::new();
    let _ = file.take(32).read_to_string(&mut text);
    Error::Locked {
        dir: dir.to_owned(),
        holder: text.trim().parse().ok(),
    }
}

/// Checks that `dir` belongs to `ours`, and notes it there if nobody did before.
pub(crate) fn claim(dir: &Path, ours: ServerId) -> Result<()> {
    if is_noted(dir, ours)? {
        return Ok(());
    }
    let text = format!("quorate {FORMAT}\nserver {ours}\n");
    durable::replace(
        &dir.join("quorate.id"),
        &dir.join("quorate.id.tmp"),
        text.as_bytes(),
    )
}

/// Whether `dir` is noted to belong to `ours`; not, if it is anybody's. It is an error if it is another's.
pub(crate) fn is_noted(dir: &Path, ours: ServerId) -> Result<bool> {
    const REMEDY: &str = "remove the file if you are sure that the directory belongs to this server";
    let path = dir.join("quorate.id");
    let Some(read) = durable::read_small(&path, 1024)? else {
        return Ok(false);
    };
    let bytes = read.map_err(|length| Error::bad_text(&path, format!("{length} bytes long"), REMEDY))?;
    let text = String::from_utf8_lossy(&bytes);
    let mut fields = text
        .lines()
        .map(|line| line.split_once(' ').unwrap_or((line, "")));
    let format = match fields.next() {
        Some(("quorate", number)) => number.parse::<i64>().ok(),
        _ => None,
    };
    let format = format.ok_or_else(|| Error::bad_text(&path, "not an identity file", REMEDY))?;
    if format > FORMAT {
        return Err(Error::TooNew {
            file: path,
            what: "the directory",
            version: format,
            known: FORMAT,
        });
    }
    let found = match fields.next() {
        Some(("server", number)) => number.parse().ok(),
        _ => None,
    };
    let found = ServerId::new(found.ok_or_else(|| Error::bad_text(&path, "no server number in it", REMEDY))?);
    if found != ours {
        return Err(Error::Foreign {
            file: path,
            found,
            ours,
        });
    }
    Ok(true)
}
