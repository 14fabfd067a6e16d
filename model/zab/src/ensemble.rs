//! Which sets of servers are quorums? The one place that counts.

use crate::ServerId;
use serde::{Deserialize, Serialize};

/// The voting members and the rule by which sets of them are quorums.
///
/// Majority of the voters [ZooKeeper `QuorumMaj`]; any two quorums share a voter.
#[derive(Clone, Debug, Eq, Hash, PartialEq, Serialize, Deserialize)]
pub struct Ensemble {
    voters: Vec<ServerId>,
}

impl Ensemble {
    /// The ensemble of these voters; order and repetition do not matter.
    pub fn majority(voters: impl IntoIterator<Item = ServerId>) -> Self {
        let mut voters: Vec<_> = voters.into_iter().collect();
        voters.sort_unstable();
        voters.dedup();
        Self { voters }
    }

    /// The voters, ascending.
    pub fn voters(&self) -> &[ServerId] {
        &self.voters
    }

    /// Whether `server` votes.
    pub fn is_voter(&self, server: ServerId) -> bool {
        self.voters.binary_search(&server).is_ok()
    }

    /// How many of `servers` are voters. Each server is to be named once.
    pub fn votes(&self, servers: impl IntoIterator<Item = ServerId>) -> usize {
        servers
            .into_iter()
            .filter(|&server| self.is_voter(server))
            .count()
    }

    /// Whether that many voters are more than half of all.
    pub fn is_majority(&self, votes: usize) -> bool {
        votes > self.voters.len() / 2
    }
}
