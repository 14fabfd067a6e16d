//! What do servers tell each other while they look for a leader? Votes, as the election port carries them.

use crate::{Epoch, Round, ServerId, Zxid};
use serde::{Deserialize, Serialize};
use std::fmt;

/// The epoch of a vote [ZooKeeper `peerEpoch`], 64 signed bits on the wire.
///
/// A voter's is an [`Epoch`]. An observer's is the least of all, and a Java server that a reconfiguration
/// made follow a designated leader says −1 until it is synchronised; both rank below every epoch.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
pub struct PeerEpoch(i64);

impl PeerEpoch {
    /// What an observer's own vote has.
    pub const NONE: Self = Self(i64::MIN);

    /// From the 64 bits of the wire.
    pub const fn from_bits(bits: i64) -> Self {
        Self(bits)
    }
    /// The 64 bits of the wire.
    pub const fn bits(self) -> i64 {
        self.0
    }
}

impl From<Epoch> for PeerEpoch {
    fn from(epoch: Epoch) -> Self {
        Self(i64::from(epoch.get()))
    }
}

impl fmt::Debug for PeerEpoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "e{}", self.0)
    }
}

/// A candidate and its credential.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize, Deserialize)]
pub struct Vote {
    /// The server to lead.
    pub leader: ServerId,
    /// The last zxid of its log.
    pub zxid: Zxid,
    /// Its currentEpoch; once it is established, the epoch of its reign.
    pub epoch: PeerEpoch,
}

impl Vote {
    /// The leader that a server names which is no voter itself.
    pub const NO_LEADER: ServerId = ServerId::new(1 << 63);
    /// The zxid that an observer's own vote names.
    pub const NO_ZXID: Zxid = Zxid::from_bits(1 << 63);
    /// The zxid that a server names which has no history and must not vote: −1.
    pub const NO_HISTORY: Zxid = Zxid::from_bits(u64::MAX);
}

/// What the sender of a notification is doing.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
pub enum PeerState {
    /// It has no leader.
    Looking,
    /// It has a leader.
    Following,
    /// It leads.
    Leading,
    /// It has a leader, and no vote.
    Observing,
}

impl PeerState {
    /// From the number on the wire, if there is such a state.
    pub const fn from_wire(number: i32) -> Option<Self> {
        Some(match number {
            0 => Self::Looking,
            1 => Self::Following,
            2 => Self::Leading,
            3 => Self::Observing,
            _ => return None,
        })
    }
    /// The number on the wire.
    pub const fn to_wire(self) -> i32 {
        match self {
            Self::Looking => 0,
            Self::Following => 1,
            Self::Leading => 2,
            Self::Observing => 3,
        }
    }
}

/// The one message of the election port. Its sender is known from the connection; the format's version
/// and the configuration that it also carries are the shell's business.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize, Deserialize)]
pub struct Notification {
    /// What the sender is doing.
    pub state: PeerState,
    /// Whom it proposes; if it is not looking, whom it follows.
    pub vote: Vote,
    /// The round of that vote.
    pub round: Round,
}
