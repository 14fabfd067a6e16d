//! What does a leader know of itself and of its learners?

use crate::reads::Reads;
use crate::{Conn, Epoch, LearnerView, ServerId, Zxid};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};

/// A server that leads, or is about to.
#[derive(Clone, Debug, Eq, Hash, PartialEq, Serialize, Deserialize)]
pub(crate) struct Leader {
    pub(crate) phase: LeaderPhase,
    /// The currentEpoch that it was elected with: with the end of its log its credential.
    pub(crate) credential: Epoch,
    pub(crate) learners: BTreeMap<ServerId, Learner>,
}

/// How far the epoch is.
#[derive(Clone, Debug, Eq, Hash, PartialEq, Serialize, Deserialize)]
pub(crate) enum LeaderPhase {
    /// Awaits a quorum of FOLLOWERINFO, to choose an epoch.
    Discovery,
    /// Awaits that its own acceptedEpoch is durable, to offer the epoch.
    PersistAccepted { epoch: Epoch },
    /// Awaits a quorum of ACKEPOCH.
    EpochAck { epoch: Epoch },
    /// The epoch is chosen; awaits a quorum of NEWLEADER's acknowledgements.
    Sync { epoch: Epoch },
    /// Established.
    Broadcast {
        epoch: Epoch,
        committed: Zxid,
        reads: Reads,
    },
}

/// A learner and how far it is.
#[derive(Clone, Debug, Eq, Hash, PartialEq, Serialize, Deserialize)]
pub(crate) struct Learner {
    pub(crate) conn: Conn,
    /// It is told what is committed, and not what is proposed.
    pub(crate) observes: bool,
    pub(crate) stage: Stage,
    /// What it acknowledged on an earlier connection: nothing, unless a wrong rule keeps that.
    pub(crate) earlier: Zxid,
}

#[derive(Clone, Debug, Eq, Hash, PartialEq, Serialize, Deserialize)]
pub(crate) enum Stage {
    /// FOLLOWERINFO came; awaits that the epoch may be offered.
    Known { accepted: Epoch },
    /// LEADERINFO is sent; awaits ACKEPOCH.
    Offered,
    /// ACKEPOCH came; awaits that the epoch is chosen. `promised` if it is to be counted.
    Promised { promised: bool, last: Zxid },
    /// NEWLEADER is sent, behind what it lacked; awaits its acknowledgement.
    Syncing {
        /// What it has acknowledged all the same.
        acked: Zxid,
    },
    /// Has the epoch's initial history and is forgetful: in no tally. It is told to serve once a quorum has
    /// answered a PING of `round` or later, and is as any other once it says that it is whole.
    Forgetful { round: u64, told: bool },
    /// Has the epoch's initial history; everything up to `acked` is durable there.
    Synced {
        acked: Zxid,
        /// The PINGs that it has not answered: round and zxid, oldest first.
        unanswered: VecDeque<(u64, Zxid)>,
        /// The last round that it has answered.
        answered: u64,
    },
}

impl Stage {
    pub(crate) fn synced(acked: Zxid) -> Self {
        Self::Synced {
            acked,
            unanswered: VecDeque::new(),
            answered: 0,
        }
    }

    /// Whether proposals are forwarded to the learner.
    pub(crate) fn is_forwarding(&self) -> bool {
        matches!(
            self,
            Self::Syncing { .. } | Self::Forgetful { .. } | Self::Synced { .. }
        )
    }
}

impl Leader {
    pub(crate) fn new(credential: Epoch) -> Self {
        Self {
            phase: LeaderPhase::Discovery,
            credential,
            learners: BTreeMap::new(),
        }
    }

    pub(crate) fn epoch(&self) -> Option<Epoch> {
        match self.phase {
            LeaderPhase::Discovery => None,
            LeaderPhase::PersistAccepted { epoch }
            | LeaderPhase::EpochAck { epoch }
            | LeaderPhase::Sync { epoch }
            | LeaderPhase::Broadcast { epoch, .. } => Some(epoch),
        }
    }

    pub(crate) fn committed(&self) -> Option<Zxid> {
        match self.phase {
            LeaderPhase::Broadcast { committed, .. } => Some(committed),
            _ => None,
        }
    }

    pub(crate) fn is_established(&self) -> bool {
        matches!(self.phase, LeaderPhase::Broadcast { .. })
    }

    pub(crate) fn phase_name(&self) -> &'static str {
        match self.phase {
            LeaderPhase::Discovery | LeaderPhase::PersistAccepted { .. } | LeaderPhase::EpochAck { .. } => {
                "discovery"
            }
            LeaderPhase::Sync { .. } => "synchronization",
            LeaderPhase::Broadcast { .. } => "broadcast",
        }
    }

    pub(crate) fn rename(&mut self, rename: &dyn Fn(ServerId) -> ServerId) {
        let learners = std::mem::take(&mut self.learners);
        self.learners = learners
            .into_iter()
            .map(|(server, learner)| (rename(server), learner))
            .collect();
    }

    pub(crate) fn renumber(&mut self, renumber: &dyn Fn(Conn) -> Conn) {
        for learner in self.learners.values_mut() {
            learner.conn = renumber(learner.conn);
        }
        if let LeaderPhase::Broadcast { reads, .. } = &mut self.phase {
            reads.renumber(renumber);
        }
    }

    pub(crate) fn conns(&self) -> impl Iterator<Item = Conn> + '_ {
        self.learners.values().map(|learner| learner.conn)
    }

    /// The learner of this connection. A connection that was left or replaced has none.
    pub(crate) fn learner_of(&mut self, conn: Conn) -> Option<(ServerId, &mut Learner)> {
        self.learners
            .iter_mut()
            .find(|(_, learner)| learner.conn == conn)
            .map(|(&server, learner)| (server, learner))
    }

    pub(crate) fn drop_conn(&mut self, conn: Conn) {
        self.learners.retain(|_, learner| learner.conn != conn);
        if let LeaderPhase::Broadcast { reads, .. } = &mut self.phase {
            reads.drop_conn(conn);
        }
    }

    /// The first round of PINGs that begins from now on.
    pub(crate) fn next_round(&self) -> u64 {
        match &self.phase {
            LeaderPhase::Broadcast { reads, .. } => reads.next_round(),
            _ => Reads::default().next_round(),
        }
    }

    /// The learners that have acknowledged NEWLEADER.
    pub(crate) fn synced(&self) -> impl Iterator<Item = ServerId> + Clone + '_ {
        self.learners
            .iter()
            .filter(|(_, learner)| matches!(learner.stage, Stage::Synced { .. }))
            .map(|(&server, _)| server)
    }

    pub(crate) fn views(&self) -> impl Iterator<Item = LearnerView> + Clone + '_ {
        self.learners.iter().map(|(&server, learner)| LearnerView {
            server,
            conn: learner.conn,
            observes: learner.observes,
            synced: matches!(learner.stage, Stage::Synced { .. }),
        })
    }
}
