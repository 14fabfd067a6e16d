//! What does a server know when it starts? A step over what its disk holds.

use crate::{Epoch, Rules, Skeleton, Zxid};
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

/// What else there is to tell a new server from one that lost its disk.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Found {
    /// There is no snapshot with a transaction, no log and no epoch file.
    pub empty: bool,
    /// The mark of a forgetful server is there [`crate::Effect::Forget`].
    pub marked: bool,
    /// An operator says that this server is new (the file `initialize`).
    pub initialize: bool,
    /// An ensemble of empty servers may begin a history (`db.autocreate`).
    pub autocreate: bool,
}

/// Does a server know what it promised before it started?
///
/// A voter that lost its disk has broken every promise that it does not know of. So an empty server is
/// taken for new only on an operator's word, or while nobody whom it hears has a history. Otherwise it is
/// *forgetful*: it neither votes nor is counted until a leader whom a quorum without it follows has
/// synchronised it. Then a quorum is in that leader's epoch, and no candidate among them can hold a promise
/// of a higher one that this server gave. Not covered: a quorum of empty servers, and, from five servers on,
/// a promise to a candidate outside that quorum.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq, Serialize, Deserialize)]
pub enum Memory {
    /// It knows.
    #[default]
    Whole,
    /// It may have forgotten; the mark on its disk says so.
    Forgetful,
    /// It is empty and promised nothing, unless it hears of a history.
    Newborn,
    /// It is synchronised, and the mark is being removed.
    Recalling,
}

impl Memory {
    /// What a server is that finds this on its disk.
    pub fn of<R: Rules>(rules: &R, found: Found) -> Self {
        match found {
            Found { empty: true, .. } if rules.trusts_empty_disk() => Self::Whole,
            Found {
                empty: true,
                initialize: true,
                ..
            } => Self::Whole,
            Found { marked: true, .. } => Self::Forgetful,
            Found {
                empty: true,
                autocreate: true,
                ..
            } => Self::Newborn,
            Found { empty: true, .. } => Self::Forgetful,
            Found { empty: false, .. } => Self::Whole,
        }
    }

    /// Whether what it promises and acknowledges may be counted on.
    pub fn remembers(self) -> bool {
        matches!(self, Self::Whole | Self::Newborn)
    }
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
    pub fn epochs<R: Rules>(&self, rules: &R) -> Result<(Epoch, Epoch), Refusal> {
        let logged = self.history.last().max(self.snapshot).epoch();
        let reached = self.current.unwrap_or(logged).max(logged);
        match (self.accepted, self.current) {
            (None, Some(current)) => Err(Refusal::PromiseLost { current }),
            // No epoch files: a fresh server, or a standalone server's data.
            (None, None) => Ok((reached, reached)),
            (Some(accepted), _) if accepted < reached => Err(Refusal::PromiseBehind { accepted, reached }),
            (Some(accepted), Some(current)) if current < reached && !rules.may_boot_ahead() => {
                Err(Refusal::PromiseBehind { accepted, reached })
            }
            (Some(accepted), _) => Ok((accepted, reached)),
        }
    }
}

#[cfg(test)]
mod tests;
