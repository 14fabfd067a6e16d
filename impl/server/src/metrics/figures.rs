//! What is counted for monitoring alone? Beside the counts that `srvr` shows, all that the table of metrics
//! reads. Everything here is written by the driver's task.

use super::{Summary, SummarySet};

/// Counts, summaries, and the moments that durations are measured from.
#[derive(Clone, Debug, Default)]
pub(crate) struct Figures {
    // Clients.
    pub(crate) connection_requests: u64,
    pub(crate) revalidated_here: u64,
    pub(crate) never_asked: u64,
    pub(crate) token_deficit: Summary,
    pub(crate) large_refused: u64,
    pub(crate) throttled: u64,
    pub(crate) handshakes_failed: u64,
    pub(crate) handshakes_exceeded: u64,
    pub(crate) received_bytes: u64,
    pub(crate) reply_bytes: u64,
    pub(crate) watch_bytes: u64,
    pub(crate) read_ms: Summary,
    pub(crate) update_ms: Summary,
    pub(crate) read_bytes: SummarySet,
    pub(crate) written_bytes: SummarySet,
    pub(crate) created_watches: Summary,
    pub(crate) deleted_watches: Summary,
    pub(crate) changed_watches: Summary,
    pub(crate) children_watches: Summary,
    pub(crate) client_events: Summary,
    pub(crate) client_queue_full: u64,
    // The ensemble.
    pub(crate) elections: u64,
    pub(crate) diffs: u64,
    pub(crate) snaps: u64,
    pub(crate) proposals_received: u64,
    pub(crate) commits_received: u64,
    pub(crate) election_ms: Summary,
    pub(crate) unavailable_ms: Summary,
    pub(crate) leader_unavailable_ms: Summary,
    pub(crate) follower_sync_ms: Summary,
    pub(crate) observer_sync_ms: Summary,
    pub(crate) propagation_ms: Summary,
    pub(crate) commit_ms: Summary,
    // The disk.
    pub(crate) database_ms: Summary,
    pub(crate) sync_us: Summary,
    pub(crate) sync_ms: Summary,
    pub(crate) write_us: Summary,
    pub(crate) flush_ms: Summary,
    pub(crate) batch_entries: Summary,
    pub(crate) batch_bytes: Summary,
    pub(crate) waiting_ops: Summary,
    pub(crate) logged: u64,
    pub(crate) slow_syncs: u64,
    pub(crate) lags: u64,
    pub(crate) snapshot_ms: Summary,
    pub(crate) snapshot_errors: u64,
    pub(crate) snapshots_limited: u64,
    // The trace.
    pub(crate) trace_us: Summary,
    pub(crate) trace_records: u64,
    pub(crate) trace_losses: u64,
    // The audit log.
    pub(crate) audited: u64,
    pub(crate) audit_lost: u64,
    /// Wall clock minus monotonic clock, in ms.
    pub(crate) wall_offset_ms: i64,
    looking_since_ms: Option<u64>,
    unavailable_since_ms: Option<u64>,
    connected_ms: Option<u64>,
}

impl Figures {
    /// What `srst` resets: all that the server counted. What is told anew before each answer stays, and so do the
    /// moments.
    pub(crate) fn reset(&mut self) {
        *self = Self {
            database_ms: std::mem::take(&mut self.database_ms),
            trace_records: self.trace_records,
            trace_losses: self.trace_losses,
            audit_lost: self.audit_lost,
            wall_offset_ms: self.wall_offset_ms,
            looking_since_ms: self.looking_since_ms,
            unavailable_since_ms: self.unavailable_since_ms,
            connected_ms: self.connected_ms,
            ..Self::default()
        };
    }

    /// An election begins, with nobody served until it is over and more.
    pub(crate) fn looks(&mut self, now_ms: u64) {
        self.elections += 1;
        self.looking_since_ms = Some(now_ms);
        self.unavailable_since_ms.get_or_insert(now_ms);
    }

    /// It has found a leader.
    pub(crate) fn elected(&mut self, now_ms: u64) {
        if let Some(since) = self.looking_since_ms.take() {
            self.election_ms.add(now_ms.saturating_sub(since));
        }
    }

    /// The leader's learner port was reached.
    pub(crate) fn connected(&mut self, now_ms: u64) {
        self.connected_ms = Some(now_ms);
    }

    /// Clients are served from here on.
    pub(crate) fn serves(&mut self, role: crate::service::Role, now_ms: u64) {
        use crate::service::Role;
        if let Some(since) = self.unavailable_since_ms.take() {
            let ms = now_ms.saturating_sub(since);
            self.unavailable_ms.add(ms);
            if role == Role::Leader {
                self.leader_unavailable_ms.add(ms);
            }
        }
        if let Some(since) = self.connected_ms.take() {
            let ms = now_ms.saturating_sub(since);
            match role {
                Role::Follower => self.follower_sync_ms.add(ms),
                Role::Observer => self.observer_sync_ms.add(ms),
                Role::Leader | Role::Standalone | Role::ReadOnly => {}
            }
        }
    }

    /// Entries of the log were written and synced together.
    pub(crate) fn synced(&mut self, batch: &Batch) {
        self.sync_us.add(batch.sync_us);
        self.sync_ms.add(batch.sync_us / 1000);
        self.write_us.add(batch.write_us);
        self.flush_ms.add((batch.write_us + batch.sync_us) / 1000);
        self.batch_entries.add(u64::from(batch.entries));
        self.batch_bytes.add(batch.bytes);
        self.slow_syncs += u64::from(batch.slow);
    }
}

/// What one sync of the log made durable, and how long that took.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Batch {
    pub(crate) entries: u32,
    pub(crate) bytes: u64,
    pub(crate) write_us: u64,
    pub(crate) sync_us: u64,
    /// Whether that was worth a warning.
    pub(crate) slow: bool,
}
