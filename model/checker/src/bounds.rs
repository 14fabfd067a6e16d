//! How far does a check reach? Budgets that are part of the state; never depth, never time.

use crate::world::id;
use quorate_zab::Ensemble;
use std::fmt;

/// What may happen in a run, and how often.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct Bounds {
    /// Servers that vote.
    pub servers: u8,
    /// Servers beside them that observe.
    pub observers: u8,
    /// The weights of those that vote, in groups, if they are not counted by their heads.
    pub groups: &'static [&'static [u32]],
    /// How many of them are Apache learners.
    pub java: u8,
    /// Transactions proposed.
    pub txns: u8,
    /// Times that a server begins to lead.
    pub elections: u8,
    /// Processes that die.
    pub crashes: u8,
    /// Connection ends that break of themselves. What follows at the other end is free.
    pub breaks: u8,
    /// Rounds of pings that a leader sends by the clock.
    pub pings: u8,
    /// `sync` requests of clients.
    pub syncs: u8,
    /// Times that a server removes what its newest snapshot covers from its log.
    pub purges: u8,
    /// Runs begin with epoch 1 established, all servers synchronised and nothing under way; its
    /// election is not counted. Shorter counterexamples; not everything that can be reached.
    pub warm: bool,
}

impl Bounds {
    /// All servers.
    pub fn nodes(&self) -> usize {
        usize::from(self.servers) + usize::from(self.observers)
    }

    /// The voters, called 1 and so on, and how they are counted.
    pub(crate) fn ensemble(&self) -> Ensemble {
        let mut voters = (0..usize::from(self.servers)).map(id);
        if self.groups.is_empty() {
            return Ensemble::majority(voters);
        }
        let mut group = |weights: &&[u32]| voters.by_ref().zip(weights.iter().copied()).collect();
        let groups: Vec<_> = self.groups.iter().map(&mut group).collect();
        let ensemble = Ensemble::hierarchical(groups);
        assert_eq!(
            ensemble.voters().len(),
            usize::from(self.servers),
            "each voter has a weight"
        );
        ensemble
    }
}

impl fmt::Display for Bounds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} servers; {} txns, {} elections, {} crashes, {} breaks",
            self.servers, self.txns, self.elections, self.crashes, self.breaks
        )?;
        if !self.groups.is_empty() {
            let groups: Vec<_> = self.groups.iter().map(|weights| format!("{weights:?}")).collect();
            write!(f, ", of weights {}", groups.join(" "))?;
        }
        if self.observers > 0 {
            write!(f, ", {} observers", self.observers)?;
        }
        if self.java > 0 {
            write!(f, ", {} java", self.java)?;
        }
        if self.pings > 0 || self.syncs > 0 {
            write!(f, ", {} pings, {} syncs", self.pings, self.syncs)?;
        }
        if self.purges > 0 {
            write!(f, ", {} purges", self.purges)?;
        }
        if self.warm {
            write!(f, ", from an established epoch")?;
        }
        Ok(())
    }
}
