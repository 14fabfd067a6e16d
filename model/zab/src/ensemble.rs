//! Which sets of servers are quorums? The one place that counts.

use crate::ServerId;
use serde::{Deserialize, Serialize};

#[cfg(test)]
mod tests;

/// The voting members and the rule by which sets of them are quorums. Any two quorums share a voter, and
/// a quorum with more servers is a quorum.
///
/// Without groups a quorum is more than half of the voters [ZooKeeper `QuorumMaj`]. With groups it is a
/// set that has in more than half of the groups more than half of the group's weight [ZooKeeper
/// `QuorumHierarchical`]; groups that weigh nothing are not counted.
#[derive(Clone, Debug, Eq, Hash, PartialEq, Serialize, Deserialize)]
pub struct Ensemble {
    voters: Vec<ServerId>,
    /// None where voters are counted by their heads.
    groups: Vec<Group>,
}

/// Voters that count together, each with its weight; ascending.
pub type Group = Vec<(ServerId, u32)>;

impl Ensemble {
    /// The ensemble of these voters; order and repetition do not matter.
    pub fn majority(voters: impl IntoIterator<Item = ServerId>) -> Self {
        let mut voters: Vec<_> = voters.into_iter().collect();
        voters.sort_unstable();
        voters.dedup();
        Self {
            voters,
            groups: Vec::new(),
        }
    }

    /// The ensemble of the voters of these groups. Who is named twice belongs where he is named first.
    pub fn hierarchical(groups: impl IntoIterator<Item = Group>) -> Self {
        let mut ensemble = Self::majority([]);
        for mut group in groups {
            group.sort_unstable();
            group.dedup_by_key(|(server, _)| *server);
            group.retain(|(server, _)| !ensemble.is_voter(*server));
            ensemble.voters.extend(group.iter().map(|(server, _)| *server));
            ensemble.voters.sort_unstable();
            ensemble.groups.push(group);
        }
        ensemble
    }

    /// The voters, ascending.
    pub fn voters(&self) -> &[ServerId] {
        &self.voters
    }

    /// The groups of voters, if they are counted by groups.
    pub fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// Whether `server` votes.
    pub fn is_voter(&self, server: ServerId) -> bool {
        self.voters.binary_search(&server).is_ok()
    }

    /// What the vote of `server` weighs in its group. A voter of weight 0 is followed by nobody.
    pub fn weight(&self, server: ServerId) -> u32 {
        let by_group = self.groups.iter().find_map(|group| weight_in(group, server));
        match by_group {
            Some(weight) => weight,
            None => u32::from(self.groups.is_empty() && self.is_voter(server)),
        }
    }

    /// How many of `servers` are voters. Each server is to be named once.
    pub fn votes(&self, servers: impl IntoIterator<Item = ServerId>) -> usize {
        servers
            .into_iter()
            .filter(|&server| self.is_voter(server))
            .count()
    }

    /// Whether the voters among `servers` are a quorum. Each server is to be named once.
    pub fn is_quorum(&self, servers: impl IntoIterator<Item = ServerId>) -> bool {
        if self.groups.is_empty() {
            return self.votes(servers) > self.voters.len() / 2;
        }
        let mut weights = vec![0; self.groups.len()];
        for server in servers {
            for (group, weight) in self.groups.iter().zip(&mut weights) {
                *weight += weight_in(group, server).map_or(0, u64::from);
            }
        }
        let (mut counted, mut won) = (0, 0);
        for (group, weight) in self.groups.iter().zip(weights) {
            let whole: u64 = group.iter().map(|(_, weight)| u64::from(*weight)).sum();
            counted += usize::from(whole > 0);
            won += usize::from(weight > whole / 2);
        }
        won > counted / 2
    }
}

fn weight_in(group: &Group, server: ServerId) -> Option<u32> {
    let at = group.binary_search_by_key(&server, |(member, _)| *member).ok()?;
    Some(group[at].1)
}
