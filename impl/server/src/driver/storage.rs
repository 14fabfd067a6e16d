//! What reaches the disk, and what comes back from it?

use super::{Driver, Fatal};
use crate::inbox::Stored;
use crate::log_thread::LogOp;
use crate::payload::Payload;
use crate::service::Role;
use quorate_store::{LogEntry, Purged, Snapshots};
use quorate_tree::{Tree, WatchTable};
use quorate_wire::txn::decode_entry;
use quorate_zab::{Input, Zxid};
use std::io;
use std::time::Instant;
use tokio::sync::mpsc;

/// When a snapshot of the tree is due, and who writes it.
pub(crate) struct Background {
    pub(crate) files: Snapshots,
    pub(crate) stored: mpsc::WeakUnboundedSender<Stored>,
    /// Transactions between two snapshots, on average.
    pub(crate) snap_count: u32,
    /// Old snapshots are purged behind a new one, down to this many; `None`: they stay.
    pub(crate) keep: Option<usize>,
    /// Transactions delivered since the last one was begun.
    pub(crate) since: u32,
    /// How many it takes this time: servers are not to do it all at once.
    pub(crate) due: u32,
    pub(crate) busy: bool,
}

impl Background {
    /// Draws how many transactions there are until the next snapshot: half of `snap_count` to all of it.
    pub(crate) fn draw(&mut self) {
        let half = self.snap_count / 2;
        let mut dice = [0; 4];
        // Without dice the snapshots come at the latest time, which is as good.
        let chosen = match getrandom::fill(&mut dice) {
            Ok(()) => u32::from_le_bytes(dice) % half.max(1),
            Err(_) => half,
        };
        self.due = half + chosen;
        self.since = 0;
    }
}

impl Driver {
    pub(super) fn on_stored(&mut self, stored: Stored) -> Result<(), Fatal> {
        match stored {
            Stored::Log {
                ops,
                end,
                contents,
                installed,
                batch,
            } => {
                if let Some(batch) = batch {
                    self.service.figures_mut().synced(&batch);
                }
                self.durable = end;
                if installed.is_some() {
                    self.installed = installed;
                }
                self.recorder.log_synced(ops, end, contents);
                self.feed(Input::LogDurable { ops }, None);
            }
            Stored::Epochs { ops, op } => {
                self.recorder.epochs_synced(ops, op);
                self.feed(Input::EpochsDurable { ops }, None);
            }
            Stored::Snapshot {
                zxid,
                failed,
                took_ms,
                purged,
            } => {
                self.background.busy = false;
                self.count_snapshot(zxid, took_ms, failed.is_none());
                match failed {
                    None => {
                        tracing::info!(%zxid, "snapshot taken");
                        self.recorder.snapshot_taken(zxid);
                    }
                    Some(error) => tracing::error!(%error, "snapshot not taken; it is tried again later"),
                }
                if let Some(floor) = purged {
                    self.feed(Input::Purged { floor }, None);
                }
            }
            Stored::Failed { error } => self.on_disk_failed(error.into()),
        }
        Ok(())
    }

    /// The core says what follows from it.
    pub(super) fn on_disk_failed(&mut self, why: Fatal) {
        if self.disk_failed.is_none() {
            self.recorder.disk_failed(&why);
            self.disk_failed = Some(why);
            self.feed(Input::DiskFailed, None);
        }
    }

    pub(super) fn append(&mut self, zxid: Zxid, payload: Payload) {
        let digest = payload.digest();
        let bytes = payload.into_bytes();
        self.recent.push(zxid, bytes.clone());
        self.log_ops.push(LogOp::Append(LogEntry { zxid, bytes }, digest));
    }

    pub(super) fn install(&mut self, zxid: Zxid) {
        let received = self
            .received
            .take()
            .expect("the core installs what a SNAP has brought");
        assert!(
            received.zxid() == zxid,
            "the core installs the snapshot that came last"
        );
        self.recent.reset(zxid);
        self.log_ops.push(LogOp::Install(received));
    }

    pub(super) fn load(&mut self, zxid: Zxid) -> Result<(), Fatal> {
        let mut tree = match self.installed.take() {
            Some(tree) if tree.last_zxid() == zxid.bits() => *tree,
            _ => self.background.files.load(zxid)?,
        };
        // A busy Apache leader writes the snapshot while it applies: it holds some of what comes behind it. All of
        // that was proposed before NEWLEADER, and so is logged [ZooKeeper LearnerHandler.run].
        tree.may_hold_up_to(self.server.history().last().bits());
        self.service.replace_tree(tree);
        self.delivered = zxid;
        self.recorder.applied(zxid, self.service.tree().exact_digest());
        Ok(())
    }

    /// Applies the log to the tree: from memory, and from the files what is no longer there.
    pub(super) fn deliver(&mut self, upto: Zxid) -> Result<(), Fatal> {
        let now_ms = self.now_ms();
        self.note_wall_clock(now_ms);
        let floor = self.recent.floor().min(upto);
        if self.delivered < floor {
            for entry in self.log.read_range(self.delivered, floor) {
                let entry = entry?;
                self.background.since += 1;
                let delivered = self.service.deliver(&entry.bytes, now_ms);
                delivered.map_err(|why| Fatal::Undeliverable {
                    zxid: entry.zxid,
                    why,
                })?;
            }
        }
        for entry in self.recent.range(self.delivered, upto) {
            self.background.since += 1;
            let delivered = self.service.deliver(&entry.bytes, now_ms);
            delivered.map_err(|why| Fatal::Undeliverable {
                zxid: entry.zxid,
                why,
            })?;
        }
        self.delivered = upto;
        self.recorder.applied(upto, self.service.tree().exact_digest());
        Ok(())
    }

    /// What brings a copy of the tree from what is delivered to `upto`, on another thread.
    pub(super) fn completion(&self, upto: Zxid) -> impl FnOnce(&mut Tree) -> io::Result<()> + Send + 'static {
        let floor = self.recent.floor().min(upto);
        let older = (self.delivered < floor).then(|| self.log.read_range(self.delivered, floor));
        let newer: Vec<LogEntry> = self.recent.range(self.delivered, upto).cloned().collect();
        move |tree| {
            let mut watches = WatchTable::default();
            for entry in older.into_iter().flatten().chain(newer.into_iter().map(Ok)) {
                let entry = entry.map_err(io::Error::other)?;
                let decoded = decode_entry(&entry.bytes).map_err(io::Error::other)?;
                tree.apply(&decoded, &mut watches);
            }
            Ok(())
        }
    }

    /// Begins a snapshot in the background if one is due: of what is delivered, so that no truncation can
    /// ever take anything out of it.
    pub(super) fn consider_snapshot(&mut self) {
        // What readers see without a leader is not what the core has.
        let is_alone = self.service.role() == Some(Role::ReadOnly);
        if is_alone || self.background.busy || self.background.since < self.background.due {
            return;
        }
        self.background.draw();
        self.background.busy = true;
        self.disk.submit(&mut vec![LogOp::Roll]);
        let (tree, zxid) = (self.service.tree().clone(), self.delivered);
        let (files, keep, stored) = (
            self.background.files.clone(),
            self.background.keep,
            self.background.stored.clone(),
        );
        tokio::task::spawn_blocking(move || {
            let began = Instant::now();
            let written = files.write(&tree);
            let took_ms = began.elapsed().as_millis() as u64;
            let purged = match (&written, keep) {
                (Ok(()), Some(keep)) => files.purge(keep),
                _ => Ok(Purged::default()),
            };
            let purged = purged.unwrap_or_else(|error| {
                tracing::warn!(%error, "old snapshots and logs could not be purged");
                Purged::default()
            });
            if let Some(stored) = stored.upgrade() {
                // A log that holds nothing any more serves from the snapshot on.
                let _ = stored.send(Stored::Snapshot {
                    zxid,
                    failed: written.err(),
                    took_ms,
                    purged: (purged.logs > 0).then(|| purged.oldest.unwrap_or(zxid)),
                });
            }
        });
    }
}
