//! Where is a follower on its way from connecting to serving? One variant for each thing it awaits.

use crate::{Conn, Epoch, ServerId, Zxid};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// A server that follows `leader`.
#[derive(Clone, Debug, Eq, Hash, PartialEq, Serialize, Deserialize)]
pub(crate) struct Follower {
    leader: ServerId,
    pub(crate) state: FollowerState,
}

#[derive(Clone, Debug, Eq, Hash, PartialEq, Serialize, Deserialize)]
pub(crate) enum FollowerState {
    /// Awaits the connection.
    Connecting,
    /// On the connection `conn`.
    Linked { conn: Conn, phase: Phase },
}

/// What a connected follower awaits.
#[derive(Clone, Debug, Eq, Hash, PartialEq, Serialize, Deserialize)]
pub(crate) enum Phase {
    /// FOLLOWERINFO is sent; awaits LEADERINFO.
    Discovery,
    /// Awaits that acceptedEpoch is durable, to send ACKEPOCH.
    PersistAccepted { epoch: Epoch },
    /// ACKEPOCH is sent; awaits DIFF, TRUNC or SNAP.
    AckedEpoch { epoch: Epoch },
    /// Receives what it lacks; awaits NEWLEADER.
    Sync { epoch: Epoch, sync: Sync },
    /// Awaits that what came before NEWLEADER is durable, to write currentEpoch.
    PersistLog {
        epoch: Epoch,
        sync: Sync,
        awaited: Awaited,
    },
    /// Awaits that currentEpoch is durable, to acknowledge NEWLEADER.
    PersistCurrent {
        epoch: Epoch,
        sync: Sync,
        awaited: Awaited,
    },
    /// NEWLEADER is acknowledged, and proposals up to `acked`; awaits UPTODATE.
    Acked { epoch: Epoch, sync: Sync, acked: Zxid },
    /// Serves; has acknowledged up to `acked`, and knows everything up to `committed` to be committed.
    Broadcast {
        epoch: Epoch,
        acked: Zxid,
        committed: Zxid,
        /// What was committed when each answer to a `sync` of this server's clients came, oldest first:
        /// the client is told once the tree holds it.
        syncs: VecDeque<Zxid>,
    },
}

/// What a synchronisation has brought.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize, Deserialize)]
pub(crate) struct Sync {
    /// Where this server's history and the leader's met.
    pub(crate) base: Zxid,
    /// The highest COMMIT seen, at least `base`. A hint until UPTODATE: an unestablished leader sends
    /// COMMIT for its whole initial history.
    pub(crate) hint: Zxid,
}

/// How many of the log operations under way came before NEWLEADER. Proposals that come behind it are not
/// waited for: a busy leader sends them without end.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize, Deserialize)]
pub(crate) struct Awaited(usize);

impl Awaited {
    pub(crate) fn all_of(under_way: usize) -> Self {
        Self(under_way)
    }

    pub(crate) fn is_durable(self) -> bool {
        self.0 == 0
    }
}

impl Follower {
    /// The oldest `ops` log operations under way are durable.
    pub(crate) fn log_done(&mut self, ops: u32) {
        if let FollowerState::Linked {
            phase: Phase::PersistLog { awaited, .. } | Phase::PersistCurrent { awaited, .. },
            ..
        } = &mut self.state
        {
            awaited.0 = awaited.0.saturating_sub(ops as usize);
        }
    }

    pub(crate) fn new(leader: ServerId) -> Self {
        Self {
            leader,
            state: FollowerState::Connecting,
        }
    }

    pub(crate) fn rename(&mut self, rename: &dyn Fn(ServerId) -> ServerId) {
        self.leader = rename(self.leader);
    }

    pub(crate) fn leader(&self) -> ServerId {
        self.leader
    }

    pub(crate) fn conn(&self) -> Option<Conn> {
        match self.state {
            FollowerState::Connecting => None,
            FollowerState::Linked { conn, .. } => Some(conn),
        }
    }

    pub(crate) fn phase(&self) -> Option<&Phase> {
        match &self.state {
            FollowerState::Connecting => None,
            FollowerState::Linked { phase, .. } => Some(phase),
        }
    }

    pub(crate) fn is_up_to_date(&self) -> bool {
        matches!(self.phase(), Some(Phase::Broadcast { .. }))
    }

    pub(crate) fn committed(&self) -> Option<Zxid> {
        match self.phase() {
            Some(Phase::Broadcast { committed, .. }) => Some(*committed),
            _ => None,
        }
    }

    pub(crate) fn epoch(&self) -> Option<Epoch> {
        match *self.phase()? {
            Phase::Discovery => None,
            Phase::PersistAccepted { epoch }
            | Phase::AckedEpoch { epoch }
            | Phase::Sync { epoch, .. }
            | Phase::PersistLog { epoch, .. }
            | Phase::PersistCurrent { epoch, .. }
            | Phase::Acked { epoch, .. }
            | Phase::Broadcast { epoch, .. } => Some(epoch),
        }
    }

    pub(crate) fn phase_name(&self) -> &'static str {
        match self.phase() {
            None | Some(Phase::Discovery | Phase::PersistAccepted { .. }) => "discovery",
            Some(Phase::Broadcast { .. }) => "broadcast",
            Some(_) => "synchronization",
        }
    }
}
