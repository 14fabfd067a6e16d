//! What does a member do for readers while it has no leader?
//!
//! They see what is committed and nothing else. After a start only a leader can say how much of the log that is, and
//! there is none: so a member notes now and then up to where its history is, and after a start shows that much. The core
//! knows nothing of it; its tree is put back when there is a leader.

use super::Driver;
use crate::service::Role;
use quorate_store::Marks;
use quorate_tree::Tree;
use quorate_zab::{Standing, Zxid};
use tokio::task::JoinHandle;

/// A member that serves readers while it has no leader.
pub(crate) struct ReadsAlone {
    marks: Marks,
    /// What is noted, or about to be.
    noted: Zxid,
    noting: Option<JoinHandle<()>>,
    /// The core's tree, while readers see more.
    core: Option<Tree>,
}

impl ReadsAlone {
    /// With what the last run has noted.
    pub(crate) fn new(marks: Marks) -> quorate_store::Result<Self> {
        Ok(Self {
            noted: marks.committed()?,
            marks,
            noting: None,
            core: None,
        })
    }

    fn note(marks: &Marks, zxid: Zxid) {
        if let Err(error) = marks.note_committed(zxid) {
            tracing::warn!(%error, "cannot note what is committed: after a start without a leader readers may see less");
        }
    }
}

impl Driver {
    /// What is committed for sure: what clients are served from who can write. Before that a tree may hold what its
    /// snapshot brought.
    fn committed(&self) -> Zxid {
        match self.service.role() {
            None | Some(Role::ReadOnly) => Zxid::ZERO,
            Some(Role::Standalone | Role::Leader | Role::Follower | Role::Observer) => self.delivered,
        }
    }

    /// Notes what is committed, if it is more than is noted.
    pub(super) fn note_committed(&mut self) {
        let committed = self.committed();
        if let Some(reads) = &mut self.reads_alone
            && committed > reads.noted
            && reads.noting.as_ref().is_none_or(JoinHandle::is_finished)
        {
            reads.noted = committed;
            let marks = reads.marks.clone();
            reads.noting = Some(tokio::task::spawn_blocking(move || {
                ReadsAlone::note(&marks, committed);
            }));
        }
    }

    /// The same, at the end.
    pub(super) async fn note_committed_at_last(&mut self) {
        let committed = self.committed();
        let Some(reads) = &mut self.reads_alone else {
            return;
        };
        if let Some(noting) = reads.noting.take() {
            // If it failed this one will say so as well.
            let _ = noting.await;
        }
        if committed > reads.noted {
            ReadsAlone::note(&reads.marks, committed);
        }
    }

    /// No leader was found for a while.
    pub(super) fn serve_reads(&mut self) {
        if self.server.standing() != Standing::Looking {
            return;
        }
        let Some(reads) = &self.reads_alone else {
            return;
        };
        let committed = reads.noted.min(self.durable);
        if committed > self.delivered {
            let core = self.service.tree().clone();
            let mut tree = core.clone();
            match self.completion(committed)(&mut tree) {
                Ok(()) => {
                    self.service.replace_tree(tree);
                    if let Some(reads) = &mut self.reads_alone {
                        reads.core = Some(core);
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot read the log: readers see less than is committed")
                }
            }
        }
        let zxid = self.service.last_zxid();
        tracing::info!(id = self.me.get(), %zxid, "without a leader: serving reads only");
        let now_ms = self.now_ms();
        self.service.serve_reads(now_ms);
    }

    /// There is a leader, or somebody who will be.
    pub(super) fn end_reads(&mut self) {
        if self.service.role() == Some(Role::ReadOnly) {
            self.service.retire();
            let core = self.reads_alone.as_mut().and_then(|reads| reads.core.take());
            if let Some(core) = core {
                self.service.replace_tree(core);
            }
        }
    }
}
