//! What did the operator, or this server itself, note down about its right to vote, and about this directory?

use crate::durable;
use crate::error::{At, Result};
use crate::home::Home;
use quorate_zab::Zxid;
use std::fs::{File, Metadata};
use std::os::unix::fs::MetadataExt;
use std::sync::Arc;
use std::time::UNIX_EPOCH;

#[cfg(test)]
mod tests;

/// The marker `initialize` (an operator's word that the server is new), and the mark of a forgetful server.
#[derive(Clone, Debug)]
pub struct Marks {
    home: Arc<Home>,
}

impl Marks {
    pub(crate) fn new(home: Arc<Home>) -> Self {
        Self { home }
    }

    /// Whether the operator left the `initialize` file.
    pub fn initialize(&self) -> bool {
        self.home.layout.initialize_file().exists()
    }

    /// Removes the `initialize` file: it has been heeded. Durable on return.
    ///
    /// # Errors
    ///
    /// [`crate::Error::Io`]
    pub fn remove_initialize(&self) -> Result<()> {
        durable::remove(&self.home.layout.initialize_file()).map(drop)
    }

    /// Whether this server lost its data and has not been synchronised since.
    pub fn forgetful(&self) -> bool {
        self.home.layout.ours("forgetful").exists()
    }

    /// Notes that this server lost its data: to be written before anything else is. Durable on return.
    ///
    /// # Errors
    ///
    /// [`crate::Error::Io`]
    pub fn set_forgetful(&self) -> Result<()> {
        let layout = &self.home.layout;
        let text = "This server has lost its data. It does not vote until a leader has synchronised it.\n";
        durable::replace(
            &layout.ours("forgetful"),
            &layout.ours("forgetful.tmp"),
            text.as_bytes(),
        )
    }

    /// Removes the mark: log, snapshot and currentEpoch are durable again. Durable on return.
    ///
    /// # Errors
    ///
    /// [`crate::Error::Io`]
    pub fn clear_forgetful(&self) -> Result<()> {
        durable::remove(&self.home.layout.ours("forgetful")).map(drop)
    }

    /// Whether this directory was put here, as a copy, since a server last ran in it: restored from a backup, or
    /// brought from elsewhere.
    ///
    /// Each boot leaves a file that says which file it is, by number and time of birth. A copy of it is
    /// another file. A disk that loses what was synced may bring an older such file back, and that one
    /// still says the truth of itself: so this is never said of a disk that forgot.
    ///
    /// # Errors
    ///
    /// [`crate::Error::Io`]
    pub fn is_copy(&self) -> Result<bool> {
        let path = self.home.layout.ours("place");
        let Some(read) = durable::read_small(&path, PLACE_BYTES_MAX)? else {
            return Ok(false); // Apache was here last, or an earlier version: nothing can be told.
        };
        let metadata = path.metadata().at(&path, "read the metadata")?;
        // A file of which the disk lost the bytes proves nothing.
        let said = read.ok().and_then(|said| String::from_utf8(said).ok());
        let said = said.filter(|said| said.starts_with(PLACE_HEAD) && said.ends_with('\n'));
        Ok(said.is_some_and(|said| said != identity(&metadata)))
    }

    /// Up to where this server has noted that its history is committed: it can be further, after a loss of power or
    /// without such a note.
    ///
    /// # Errors
    ///
    /// [`crate::Error::Io`]
    pub fn committed(&self) -> Result<Zxid> {
        let read = durable::read_small(&self.home.layout.ours("committed"), COMMITTED_BYTES_MAX)?;
        let said = read.and_then(|read| String::from_utf8(read.ok()?).ok());
        // Of bytes that the disk lost or altered nothing is believed.
        let zxid = said.as_deref().and_then(|said| {
            let zxid = u64::from_str_radix(said.get(..16)?, 16).ok()?;
            (said == committed_text(zxid)).then_some(zxid)
        });
        Ok(Zxid::from_bits(zxid.unwrap_or(0)))
    }

    /// Notes that the history is committed up to `zxid`. A loss of power may undo it.
    ///
    /// # Errors
    ///
    /// [`crate::Error::Io`]
    pub fn note_committed(&self, zxid: Zxid) -> Result<()> {
        let layout = &self.home.layout;
        let (path, tmp) = (layout.ours("committed"), layout.ours("committed.tmp"));
        std::fs::write(&tmp, committed_text(zxid.bits())).at(&tmp, "write")?;
        durable::rename_only(&tmp, &path)
    }

    /// Leaves the file that [`Self::is_copy`] will look at. Durable on return.
    ///
    /// # Errors
    ///
    /// [`crate::Error::Io`]
    pub fn set_place(&self) -> Result<()> {
        let layout = &self.home.layout;
        let (path, tmp) = (layout.ours("place"), layout.ours("place.tmp"));
        durable::stage_with(&tmp, |file: &File| Ok(identity(&file.metadata()?).into_bytes()))?;
        durable::rename(&tmp, &path)
    }
}

const COMMITTED_BYTES_MAX: u64 = 64;

/// The zxid twice: one of them alone could be anything.
fn committed_text(zxid: u64) -> String {
    format!("{zxid:016x} {:016x}\n", !zxid)
}

/// The file with the identity is short.
const PLACE_BYTES_MAX: u64 = 256;
const PLACE_HEAD: &str = "This file tells whether its directory is a copy.\ninode ";

/// Which file it is, so that no copy of it is the same. Not every file system tells the time of birth.
fn identity(metadata: &Metadata) -> String {
    let born = metadata.created().ok();
    let born = born.and_then(|born| born.duration_since(UNIX_EPOCH).ok());
    let born = born.map_or_else(|| "-".to_owned(), |born| born.as_nanos().to_string());
    format!("{PLACE_HEAD}{}, born {born}\n", metadata.ino())
}
