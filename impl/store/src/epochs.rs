//! What has this server promised, and which epoch is its history of? The files `acceptedEpoch` and
//! `currentEpoch`.
//!
//! They are Apache's: a decimal number without a newline, so that a directory can go back to Apache. A flipped
//! bit makes one digit another, and nothing in the file would tell. Beside each lies therefore a witness
//! of ours, `quorate.<name>`: the number again, with inode and modification time of the file that it vouches
//! for. If the file is still that very file and yet says something else, or if it is gone, then the witness
//! counts, and the file is written again. If it is another file, then Apache or an operator replaced it, and
//! the file counts.

use crate::durable;
use crate::error::{At, Error, Result};
use crate::home::Home;
use quorate_zab::Epoch;
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

#[cfg(test)]
mod tests;

const REMEDY: &str = "write the epoch that the other servers have into it, or empty this server's version-2 \
                      directories and let it fetch its data from the ensemble";

/// What the epoch files say.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Epochs {
    /// acceptedEpoch: no leader of a lower epoch is followed. `None`: no such file.
    pub accepted: Option<Epoch>,
    /// currentEpoch: the epoch of the last leader whose history this server took. `None`: no such file.
    pub current: Option<Epoch>,
    /// What `currentEpoch.tmp` says, if it is there and whole: a crash came between it and its rename.
    pub current_tmp: Option<Epoch>,
}

/// Writes the epoch files. Every write is durable on return, and final if it fails.
#[derive(Debug)]
pub struct EpochFiles {
    home: Arc<Home>,
    failed: Option<Error>,
}

impl EpochFiles {
    pub(crate) fn new(home: Arc<Home>) -> Self {
        Self { home, failed: None }
    }

    /// Reads the files again.
    ///
    /// # Errors
    ///
    /// [`Error::BadText`] names the file that is not a number or is damaged.
    pub fn read(&self) -> Result<Epochs> {
        read(&self.home.layout.snap_dir())
    }

    /// Writes acceptedEpoch.
    ///
    /// # Errors
    ///
    /// [`Error::Io`]; from then on every write fails with the same error.
    pub fn write_accepted(&mut self, epoch: Epoch) -> Result<()> {
        self.write("acceptedEpoch", epoch, true)
    }

    /// Writes currentEpoch.
    ///
    /// # Errors
    ///
    /// [`Error::Io`]; from then on every write fails with the same error.
    pub fn write_current(&mut self, epoch: Epoch) -> Result<()> {
        self.write("currentEpoch", epoch, true)
    }

    /// Writes `currentEpoch.tmp` alone: at the next boot it says which epoch a newer log or snapshot belongs
    /// to, if a crash comes before [`Self::write_current`].
    ///
    /// # Errors
    ///
    /// [`Error::Io`]; from then on every write fails with the same error.
    pub fn announce_current(&mut self, epoch: Epoch) -> Result<()> {
        self.write("currentEpoch", epoch, false)
    }

    /// Removes `currentEpoch.tmp`, whose value was adopted or is void.
    ///
    /// # Errors
    ///
    /// [`Error::Io`]
    pub fn retract_current(&mut self) -> Result<()> {
        durable::remove(&self.home.layout.snap_dir().join("currentEpoch.tmp")).map(drop)
    }

    fn write(&mut self, name: &str, epoch: Epoch, rename: bool) -> Result<()> {
        if let Some(failed) = &self.failed {
            return Err(failed.clone());
        }
        let dir = self.home.layout.snap_dir();
        write(&dir, name, epoch, rename).inspect_err(|e| self.failed = Some(e.clone()))
    }
}

fn write(dir: &Path, name: &str, epoch: Epoch, rename: bool) -> Result<()> {
    let tmp = dir.join(format!("{name}.tmp"));
    let staged = durable::stage(&tmp, epoch.get().to_string().as_bytes())?;
    if !rename {
        return durable::sync_dir(dir);
    }
    // Witness first: if the crash comes between the two renames, it vouches for a file that is not there yet,
    // and says nothing about the one that is.
    let meta = staged.metadata().at(&tmp, "read the times")?;
    let (witness, witness_tmp) = (witness_path(dir, name), dir.join(format!("quorate.{name}.tmp")));
    durable::stage(&witness_tmp, witness_text(epoch, &meta).as_bytes())?;
    durable::rename_only(&witness_tmp, &witness)?;
    durable::rename(&tmp, &dir.join(name))
}

fn witness_path(dir: &Path, name: &str) -> PathBuf {
    dir.join(format!("quorate.{name}"))
}

fn witness_text(epoch: Epoch, meta: &Metadata) -> String {
    let vouched = format!(
        "{} {} {}.{:09}",
        epoch.get(),
        meta.ino(),
        meta.mtime(),
        meta.mtime_nsec()
    );
    format!("{vouched} {:08x}\n", crc32c::crc32c(vouched.as_bytes()))
}

/// Reads both files and `currentEpoch.tmp`.
pub(crate) fn read(dir: &Path) -> Result<Epochs> {
    Ok(Epochs {
        accepted: read_one(dir, "acceptedEpoch")?,
        current: read_one(dir, "currentEpoch")?,
        current_tmp: read_number(&dir.join("currentEpoch.tmp")).unwrap_or(None),
    })
}

fn read_one(dir: &Path, name: &str) -> Result<Option<Epoch>> {
    let path = dir.join(name);
    let number = read_number(&path);
    let Some((vouched, for_file)) = read_witness(&witness_path(dir, name))? else {
        return number;
    };
    match fs::metadata(&path) {
        // The very file that was vouched for.
        Ok(meta) if witness_text(vouched, &meta) == for_file => {
            if !matches!(number, Ok(Some(number)) if number == vouched) {
                tracing::warn!(file = %path.display(), epoch = vouched.get(), "epoch file damaged, rewritten");
                write(dir, name, vouched, true)?;
            }
            Ok(Some(vouched))
        }
        // Another file: whoever wrote it may.
        Ok(_) => number,
        // Lost, or the crash came between the renames of its first write.
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            tracing::warn!(file = %path.display(), epoch = vouched.get(), "epoch file missing, rewritten");
            write(dir, name, vouched, true)?;
            Ok(Some(vouched))
        }
        Err(e) => Err(e).at(&path, "read the times"),
    }
}

/// The number of a witness whose checksum holds, and its whole text.
fn read_witness(path: &Path) -> Result<Option<(Epoch, String)>> {
    let Some(Ok(bytes)) = durable::read_small(path, 256)? else {
        return Ok(None);
    };
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let parsed = text.trim_end().rsplit_once(' ').and_then(|(vouched, sum)| {
        let holds = u32::from_str_radix(sum, 16) == Ok(crc32c::crc32c(vouched.as_bytes()));
        let number = vouched.split(' ').next()?.parse().ok()?;
        holds.then_some(Epoch::new(number))
    });
    Ok(parsed.map(|epoch| (epoch, text)))
}

fn read_number(path: &Path) -> Result<Option<Epoch>> {
    let Some(read) = durable::read_small(path, 64)? else {
        return Ok(None);
    };
    let bytes = read.map_err(|length| Error::bad_text(path, format!("{length} bytes long"), REMEDY))?;
    let text = String::from_utf8_lossy(&bytes);
    // Apache reads the first line; what an editor adds after it does no harm.
    let line = text.lines().next().unwrap_or("");
    match line.parse::<i64>() {
        Ok(number) => match u32::try_from(number) {
            Ok(number) => Ok(Some(Epoch::new(number))),
            Err(_) => Err(Error::bad_text(path, format!("{number} is not an epoch"), REMEDY)),
        },
        Err(_) => Err(Error::bad_text(path, format!("{line:?} is not a number"), REMEDY)),
    }
}
