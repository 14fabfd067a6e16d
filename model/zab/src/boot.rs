//! What does a server know when it starts? A step over what its disk holds.

use crate::{Epoch, Skeleton, Zxid};
use serde::{Deserialize, Serialize};
use std::fmt;

/// What was found on disk.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq, Serialize, Deserialize)]
pub struct Image {
    /// The file acceptedEpoch.
    pub accepted: Option<Epoch>,
    /// The file currentEpoch.
    pub current: Option<Epoch>,
    /// The last zxid that the newest snapshot contains, and so what the tree contains at first.
    pub snapshot: Zxid,
    /// The log above its floor, which is at or below `snapshot`.
    pub history: Skeleton,
}

/// Why a server must not start from an image: no run of this protocol leaves it behind.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Refusal {
    /// acceptedEpoch is missing beside a currentEpoch: a promise is forgotten.
    PromiseLost {
        /// What currentEpoch says.
        current: Epoch,
    },
    /// acceptedEpoch is behind currentEpoch or behind the log: a file was lost or put back.
    PromiseBehind {
        /// What acceptedEpoch says.
        accepted: Epoch,
        /// The higher of currentEpoch and the epoch of the log's end.
        reached: Epoch,
    },
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PromiseLost { current } => write!(
                f,
                "acceptedEpoch is missing though currentEpoch is {}: what this server promised is not known",
                current.get()
            ),
            Self::PromiseBehind { accepted, reached } => write!(
                f,
                "acceptedEpoch is {} though this server has reached epoch {}: a file was lost or put back",
                accepted.get(),
                reached.get()
            ),
        }
    }
}

impl std::error::Error for Refusal {}

impl Image {
    /// acceptedEpoch and currentEpoch as the protocol has to take them.
    ///
    /// A log may reach into an epoch that currentEpoch does not name: a late joiner logs transactions
    /// of the epoch first and writes currentEpoch second. Such a log holds the whole initial history
    /// of the epoch, so the server has in fact entered it [`verification` of B1's fix].
    ///
    /// # Errors
    ///
    /// [`Refusal`] where a promise may be forgotten.
    pub fn epochs(&self) -> Result<(Epoch, Epoch), Refusal> {
        let logged = self.history.last().max(self.snapshot).epoch();
        let reached = self.current.unwrap_or(logged).max(logged);
        match (self.accepted, self.current) {
            (None, Some(current)) => Err(Refusal::PromiseLost { current }),
            // No epoch files: a fresh server, or a standalone server's data.
            (None, None) => Ok((reached, reached)),
            (Some(accepted), _) if accepted < reached => Err(Refusal::PromiseBehind { accepted, reached }),
            (Some(accepted), _) => Ok((accepted, reached)),
        }
    }
}
