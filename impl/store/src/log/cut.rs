//! How does a history lose its end (TRUNC), or give way to another (SNAP)? And stay whole if the power
//! fails in between?
//!
//! **Truncation** goes from the end to the front: first the snapshots that know more than what stays, then the
//! log files, newest first, each removal made durable before the next, then the cut. Whatever a crash leaves is
//! a longer beginning of the old history, and the leader asks for the truncation again.
//!
//! **Installation** of a received snapshot has one decisive step, a rename:
//!
//! | step | a crash after it leaves |
//! | --- | --- |
//! | `quorate.receiving.<n>` written, checked, synced | the old state; the file is removed at boot |
//! | renamed to `quorate.install.<zxid>`, directory synced | the new state: boot goes on with the steps below |
//! | every `log.*` removed, directory synced | the same |
//! | every `snapshot.*` removed, directory synced | the same |
//! | renamed to `snapshot.<zxid>`, directory synced | the new state |
//!
//! While `quorate.install.<zxid>` exists the old log is void, whatever is left of it. Apache does not know that
//! name: a directory left in the middle must be opened by quorate once before it goes back to Apache.

use super::records::Records;
use super::scan::Segment;
use super::{TxnLog, writer};
use crate::durable;
use crate::error::{Error, Result};
use crate::layout::{self, Layout};
use crate::snapshot::{self, ReceivedSnapshot};
use quorate_tree::Tree;
use quorate_zab::Zxid;

#[cfg(test)]
mod tests;

const INSTALL: &str = "quorate.install.";

impl TxnLog {
    /// Drops everything after `to` from log and snapshots; durable on return. Gives the zxid at which the
    /// history ends: `to`, or the last one below it if `to` was not in the log.
    ///
    /// # Errors
    ///
    /// [`Error::BelowSnapshots`] if no snapshot is left from which the state at `to` could be rebuilt, and the
    /// damage that the log was opened with if it lies below `to`: nothing is changed then, and a snapshot must be
    /// fetched. [`Error::Io`] is final.
    pub fn truncate(&mut self, to: Zxid) -> Result<Zxid> {
        self.check_unfailed()?;
        let snapshots = snapshot::candidates(&self.shared.home.layout)?;
        let (mut base, mut beyond) = (None, Vec::new());
        for (zxid, path) in snapshots {
            if snapshot::known_until(&path, zxid)? <= to {
                base = Some(zxid);
            } else {
                beyond.push(path);
            }
        }
        let base = base.ok_or(Error::BelowSnapshots { to })?;
        let below = |damage: &&super::Damage| {
            damage.after.is_none_or(|after| after < to) && !damage.is_covered_by(base)
        };
        if let Some(damage) = self.damage.iter().find(below) {
            return Err(damage.error.clone());
        }
        let truncated = self.truncate_all(base, to, &beyond);
        self.last_word(truncated)
    }

    fn truncate_all(&mut self, base: Zxid, to: Zxid, beyond: &[std::path::PathBuf]) -> Result<Zxid> {
        self.leave_file()?;
        let shared = std::sync::Arc::clone(&self.shared);
        let _held = shared.home.change();
        let dir = shared.home.layout.log_dir();
        for path in beyond {
            durable::remove(path)?;
        }
        for (first, path) in layout::numbered(&dir, "log.")?.into_iter().rev() {
            if first > to {
                durable::remove(&path)?;
            }
        }
        let mut state = shared.state();
        state.segments.retain(|segment| segment.first <= to);
        if let Some(segment) = state.segments.last_mut() {
            shorten(segment, to, shared.entry_bytes_max())?;
        }
        let logged = state.segments.last().map_or(base, |segment| segment.last);
        self.damage.clear();
        self.last = Some(logged.max(base));
        Ok(logged.max(base))
    }

    /// Replaces log and snapshots by a snapshot received from a leader; durable on return. Gives its tree.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] is final; the next start finds either the old state or the new one.
    pub fn install(&mut self, received: ReceivedSnapshot) -> Result<Tree> {
        self.check_unfailed()?;
        let installed = self.install_all(received);
        self.last_word(installed)
    }

    fn install_all(&mut self, received: ReceivedSnapshot) -> Result<Tree> {
        self.drop_file();
        let shared = std::sync::Arc::clone(&self.shared);
        let _held = shared.home.change();
        let layout = &shared.home.layout;
        let (zxid, file, tree) = received.into_parts();
        durable::rename(
            &file,
            &layout.snap_dir().join(format!("{INSTALL}{:x}", zxid.bits())),
        )?;
        complete_install(layout)?;
        shared.state().segments.clear();
        self.damage.clear();
        self.last = Some(zxid);
        Ok(tree)
    }
}

/// Cuts the segment after the last record at or below `to`. Later ones that repeat it go too.
fn shorten(segment: &mut Segment, to: Zxid, entry_bytes_max: usize) -> Result<()> {
    use super::format::Parsed;
    let mut records = Records::open(&segment.path, entry_bytes_max, 1 << 20)?;
    records.seek(segment.offset_after(to));
    let mut last = segment
        .index
        .iter()
        .rev()
        .map(|&(zxid, _)| zxid)
        .find(|&zxid| zxid <= to);
    while records.offset() < segment.end {
        match records.peek()? {
            Parsed::Record { bytes, zxid } if zxid <= to => {
                last = last.max(Some(zxid));
                records.skip(bytes);
            }
            Parsed::Record { .. } => break,
            other => {
                return Err(Error::corrupt(
                    &segment.path,
                    records.offset(),
                    format!("{other:?}"),
                ));
            }
        }
    }
    let end = records.offset();
    writer::cut(&segment.path, end)?;
    segment.end = end;
    segment.last = last.unwrap_or(segment.first);
    segment.index.retain(|&(zxid, offset)| zxid <= to && offset < end);
    Ok(())
}

/// Finishes an installation that a crash interrupted, from wherever it was; removes what was still being
/// received. To be called before anything else is read.
pub(crate) fn complete_install(layout: &Layout) -> Result<Option<Zxid>> {
    let (snap_dir, log_dir) = (layout.snap_dir(), layout.log_dir());
    let Some((zxid, decided)) = layout::numbered(&snap_dir, INSTALL)?.pop() else {
        return Ok(None);
    };
    for name in layout::names(&log_dir)?
        .iter()
        .filter(|name| name.starts_with("log."))
    {
        durable::unlink(&log_dir.join(name))?;
    }
    durable::sync_dir(&log_dir)?;
    for name in layout::names(&snap_dir)?
        .iter()
        .filter(|name| name.starts_with("snapshot."))
    {
        durable::unlink(&snap_dir.join(name))?;
    }
    // An old snapshot that came back after the rename could be the newer one.
    durable::sync_dir(&snap_dir)?;
    durable::rename(&decided, &layout.snapshot_file(zxid))?;
    Ok(Some(zxid))
}
