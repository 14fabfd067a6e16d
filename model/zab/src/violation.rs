//! What can a peer do that a correct one cannot? Each costs it the connection.

use crate::{Epoch, Zxid};
use serde::{Deserialize, Serialize};

/// A message that no correct peer sends there.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize, Deserialize)]
pub enum Violation {
    /// A message that has no meaning in this phase.
    Unexpected,
    /// The leader proposes an epoch older than the one promised.
    StaleEpoch {
        /// What was promised.
        accepted: Epoch,
        /// What was offered.
        offered: Epoch,
    },
    /// A proposal does not follow the last one logged.
    Gap {
        /// The last one.
        logged: Zxid,
        /// What came.
        got: Zxid,
    },
    /// A COMMIT names something other than the next proposal.
    CommitOutOfOrder {
        /// The last one committed.
        committed: Zxid,
        /// What came.
        got: Zxid,
    },
    /// An ACK names a proposal never sent, or comes before the one for NEWLEADER.
    AckOutOfOrder {
        /// The last one acknowledged.
        acked: Zxid,
        /// What came.
        got: Zxid,
    },
    /// A PING's answer does not repeat its question.
    PingMismatch {
        /// What was asked, if anything.
        asked: Option<Zxid>,
        /// What came.
        got: Zxid,
    },
    /// The learner's history is better than the leader's: it must not be led by it.
    BetterHistory {
        /// Its currentEpoch.
        current: Epoch,
        /// Its last zxid.
        last: Zxid,
    },
    /// The leader asks to cut below what this server could reload; it must come back for a snapshot.
    CutTooDeep {
        /// The oldest zxid that the log and snapshots here can restore.
        floor: Zxid,
        /// What was asked.
        to: Zxid,
    },
}
