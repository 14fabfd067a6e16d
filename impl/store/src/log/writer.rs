//! How do transactions get onto the disk, quickly and for good?
//!
//! Every byte that a record overwrites was written and synced before, as a zero: a file is filled with zeros
//! when it is begun. A sync then moves data alone. In a sparse file, such as Apache allocates, it waits for the
//! file system's journal as well, once per 4 KiB. The next file is filled by a thread of its own while
//! the present one is in use.
//!
//! A file appears under its name with header and zeros synced, and is never appended to after a restart.
//! When it is finished, the zeros are cut off. A write or sync that fails is the last one: what it left on the disk
//! is unknown, and a second sync of the same file may report success for pages that were dropped.

use super::format::{self, FRAME_BYTES, HEADER, HEADER_BYTES, TXN_HEADER_BYTES};
use super::read::Shared;
use super::scan::{Damage, LogImage, Segment};
use super::spare::Spare;
use super::watermark::{self, SECTOR_BYTES};
use super::{LogEntry, LogOptions, LogReader};
use crate::durable;
use crate::error::{At, Error, Result};
use crate::home::Home;
use quorate_zab::Zxid;
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

#[cfg(test)]
mod tests;

/// The transaction log, as the one thread that writes it has it.
#[derive(Debug)]
pub struct TxnLog {
    pub(super) shared: Arc<Shared>,
    options: LogOptions,
    dir: PathBuf,
    /// The file that is appended to; none before the first append and after a roll.
    active: Option<Active>,
    /// The last transaction of the log, or of the snapshot that it follows; `None`: any may be the first.
    pub(super) last: Option<Zxid>,
    spare: Option<Spare>,
    /// The last file of the process before, with its zeros and its watermark still behind the records.
    old: Option<(PathBuf, u64)>,
    batch: Vec<u8>,
    /// What the log was opened with that may have cost acknowledged transactions.
    pub(super) damage: Vec<Damage>,
    failed: Option<Error>,
}

#[derive(Debug)]
struct Active {
    file: File,
    path: PathBuf,
    /// Length of the file, in bytes.
    file_bytes: u64,
    /// Where the next record goes.
    position: u64,
    synced_to: u64,
}

impl Active {
    /// How many bytes of records fit in yet. Zeros stay between the last one and the watermark.
    fn room(&self) -> u64 {
        (self.file_bytes - SECTOR_BYTES - FRAME_BYTES as u64).saturating_sub(self.position)
    }
}

impl TxnLog {
    /// Reads what is there, cuts what is torn, and is ready to append to a new file.
    pub(crate) fn open(home: Arc<Home>, options: LogOptions) -> Result<(Self, LogReader, LogImage)> {
        let dir = home.layout.log_dir();
        Spare::remove_left_over(&dir)?;
        let scan = super::scan::scan(&dir, options.entry_bytes_max)?;
        for path in &scan.empty {
            durable::remove(path)?;
        }
        if let Some((path, end)) = &scan.cut {
            cut(path, *end)?;
        }
        let old = scan
            .segments
            .last()
            .map(|segment| (segment.path.clone(), segment.end));
        let shared = Shared::new(home, options.entry_bytes_max, scan.segments);
        let log = Self {
            shared: Arc::clone(&shared),
            spare: options.spare.then(|| Spare::start(&dir)).transpose()?,
            options,
            dir,
            active: None,
            last: scan.image.last,
            old,
            batch: Vec::new(),
            damage: Vec::new(),
            failed: None,
        };
        Ok((log, LogReader::new(shared), scan.image))
    }

    /// Refuses to append to a log with `damage`, until [`Self::truncate`] cuts it off or [`Self::install`] replaces
    /// the log.
    pub(crate) fn refuse(&mut self, damage: Damage) {
        self.damage.push(damage);
    }

    /// What comes next must follow `zxid`, if the log is behind it.
    pub(crate) fn follow(&mut self, zxid: Zxid) {
        self.last = self.last.max(Some(zxid));
    }

    /// The last transaction of the log or of the snapshot that it follows, whether synced or not.
    pub fn last(&self) -> Option<Zxid> {
        self.last
    }

    /// A handle for reading what was appended, from any thread.
    pub fn reader(&self) -> LogReader {
        LogReader::new(Arc::clone(&self.shared))
    }

    /// Appends the batch: one write, or one per file if it does not fit into the present one. It may be read
    /// from now on, and is durable after the next [`Self::sync`].
    ///
    /// # Errors
    ///
    /// [`Error::OutOfOrder`] if an entry does not follow the one before it, [`Error::BadEntry`] if it is too long or has
    /// no header: nothing is written then.
    /// [`Error::Io`] is final; so is the damage that a log was opened with.
    pub fn append(&mut self, batch: &[LogEntry]) -> Result<()> {
        self.check_usable()?;
        let mut last = self.last;
        for entry in batch {
            let zxid = entry.zxid;
            if let Some(last) = last.filter(|&last| !zxid.follows(last)) {
                return Err(Error::OutOfOrder { zxid, last });
            }
            let (bytes, max) = (entry.bytes.len(), self.options.entry_bytes_max);
            if !(TXN_HEADER_BYTES..=max).contains(&bytes) {
                return Err(Error::BadEntry { zxid, bytes, max });
            }
            debug_assert_eq!(
                format::entry_zxid(&entry.bytes),
                Some(zxid),
                "an entry names its own zxid"
            );
            last = Some(zxid);
        }
        let appended = self.append_all(batch);
        self.last_word(appended)
    }

    fn append_all(&mut self, mut batch: &[LogEntry]) -> Result<()> {
        while let Some(first) = batch.first() {
            let record_bytes = (first.bytes.len() + FRAME_BYTES) as u64;
            if self
                .active
                .as_ref()
                .is_some_and(|active| active.room() < record_bytes)
            {
                self.finish_file()?;
            }
            if self.active.is_none() {
                self.begin_file(first.zxid, record_bytes)?;
            }
            let active = self.active.as_mut().expect("a file was begun");
            self.batch.clear();
            let room = active.room() as usize;
            let fitting = batch
                .iter()
                .take_while(|entry| {
                    let fits = self.batch.len() + entry.bytes.len() + FRAME_BYTES <= room;
                    if fits {
                        format::encode(&entry.bytes, &mut self.batch);
                    }
                    fits
                })
                .count();
            let (now, later) = batch.split_at(fitting);
            active
                .file
                .write_all_at(&self.batch, active.position)
                .at(&active.path, "write")?;
            active.position += self.batch.len() as u64;
            self.last = now.last().map(|entry| entry.zxid);
            self.shared.appended(now);
            batch = later;
        }
        self.ask_for_spare();
        Ok(())
    }

    /// Makes durable what was appended.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] is final: nobody may be told that anything since the last sync is durable, and nothing is
    /// written any more.
    pub fn sync(&mut self) -> Result<()> {
        self.check_usable()?;
        let synced = self.sync_active();
        self.last_word(synced)
    }

    fn sync_active(&mut self) -> Result<()> {
        let Some(active) = &mut self.active else {
            return Ok(());
        };
        if active.synced_to == active.position {
            return Ok(());
        }
        if self.options.force_sync {
            active.file.sync_data().at(&active.path, "sync")?;
        }
        active.synced_to = active.position;
        watermark::write(&active.file, active.file_bytes, active.synced_to).at(&active.path, "write")
    }

    /// Syncs, and begins a new file with the next append: to be called when a snapshot is begun, so that whole files
    /// fall behind it.
    ///
    /// # Errors
    ///
    /// As [`Self::sync`].
    pub fn roll(&mut self) -> Result<()> {
        self.check_usable()?;
        let finished = self.finish_file();
        self.last_word(finished)
    }

    fn finish_file(&mut self) -> Result<()> {
        self.sync_active()?;
        match self.active.take() {
            Some(active) => durable::cut(&active.file, &active.path, active.position),
            None => Ok(()),
        }
    }

    /// A new file, whose first record will be that of `first`.
    fn begin_file(&mut self, first: Zxid, record_bytes: u64) -> Result<()> {
        let path = self.dir.join(format!("log.{:x}", first.bits()));
        let least =
            (HEADER_BYTES + record_bytes + FRAME_BYTES as u64 + SECTOR_BYTES).next_multiple_of(SECTOR_BYTES);
        let spare = self.spare.as_mut().and_then(|spare| spare.take(least));
        let (file, file_bytes, made_as) = match spare {
            Some((file, bytes)) => (file, bytes, Spare::path(&self.dir)),
            None => {
                let bytes = self
                    .options
                    .short_file_bytes
                    .next_multiple_of(SECTOR_BYTES)
                    .max(least);
                let made_as = self.dir.join("quorate.segment");
                durable::unlink(&made_as)?;
                (
                    fill(&made_as, bytes, bytes.min(4 << 20), || true)?.expect("not told to stop"),
                    bytes,
                    made_as,
                )
            }
        };
        if let Some((path, end)) = self.old.take() {
            cut(&path, end)?;
        }
        if fs::symlink_metadata(&path).is_ok() {
            return Err(Error::corrupt(
                &path,
                0,
                "it exists, though its transactions do not",
            ));
        }
        watermark::write(&file, file_bytes, HEADER_BYTES).at(&path, "write")?;
        file.sync_data().at(&path, "sync")?;
        durable::rename(&made_as, &path)?;
        self.shared.begun(Segment::new(path.clone(), first));
        self.active = Some(Active {
            file,
            path,
            file_bytes,
            position: HEADER_BYTES,
            synced_to: HEADER_BYTES,
        });
        Ok(())
    }

    /// Asks for the next file once half of a short one is used: a server at rest does without.
    fn ask_for_spare(&mut self) {
        if let (Some(spare), Some(active)) = (&mut self.spare, &self.active)
            && active.position > self.options.short_file_bytes / 2
        {
            spare.ask(self.options.file_bytes.next_multiple_of(SECTOR_BYTES));
        }
    }

    fn check_usable(&self) -> Result<()> {
        self.check_unfailed()?;
        self.damage
            .first()
            .map_or(Ok(()), |damage| Err(damage.error.clone()))
    }

    pub(super) fn check_unfailed(&self) -> Result<()> {
        self.failed.clone().map_or(Ok(()), Err)
    }

    /// Nothing is written after a failure.
    pub(super) fn last_word<T>(&mut self, result: Result<T>) -> Result<T> {
        result.inspect_err(|error| {
            self.active = None;
            self.failed = Some(Error::Poisoned {
                why: error.to_string(),
            });
        })
    }

    /// Syncs the present file and leaves it as it is.
    pub(super) fn leave_file(&mut self) -> Result<()> {
        self.sync_active()?;
        self.drop_file();
        Ok(())
    }

    /// Forgets the present file, and the one of the process before: they are about to be cut or removed.
    pub(super) fn drop_file(&mut self) {
        self.active = None;
        self.old = None;
    }
}

/// Cuts a log file at `end`, durably: nothing behind it can be read again.
pub(super) fn cut(path: &Path, end: u64) -> Result<()> {
    let file = fs::OpenOptions::new().write(true).open(path).at(path, "open")?;
    durable::cut(&file, path, end)
}

/// Creates a file of `bytes`: the header, then zeros, all written and synced, `piece_bytes` at a time. `None` if `go_on`
/// said no before one of them.
pub(super) fn fill(
    path: &Path,
    bytes: u64,
    piece_bytes: u64,
    go_on: impl Fn() -> bool,
) -> Result<Option<File>> {
    let file = durable::create_new(path)?;
    let zeros = vec![0; piece_bytes as usize];
    let mut at = 0;
    while at < bytes {
        if !go_on() {
            return Ok(None);
        }
        let piece = (bytes - at).min(piece_bytes);
        file.write_all_at(&zeros[..piece as usize], at)
            .at(path, "write zeros ahead")?;
        file.sync_data().at(path, "sync zeros ahead")?;
        at += piece;
    }
    file.write_all_at(&HEADER, 0).at(path, "write")?;
    Ok(Some(file))
}
