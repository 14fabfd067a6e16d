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
    /// Operations of a disk that fail.
    pub disk_errors: u8,
    /// Disks that somebody empties.
    pub wipes: u8,
    /// A server with an empty disk takes itself for new if it hears of no history.
    pub autocreate: bool,
    /// The last counter of an epoch; 0: there is no end to it.
    pub last_counter: u8,
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

    /// Three servers of ours that start with empty disks.
    pub const fn of_three(txns: u8, elections: u8, crashes: u8, breaks: u8) -> Self {
        Self {
            servers: 3,
            observers: 0,
            groups: &[],
            java: 0,
            txns,
            elections,
            crashes,
            breaks,
            pings: 0,
            syncs: 0,
            purges: 0,
            disk_errors: 0,
            wipes: 0,
            autocreate: false,
            last_counter: 0,
            warm: false,
        }
    }

    /// Processes that die, for whatever reason.
    pub(crate) fn deaths(&self) -> u8 {
        self.crashes + self.disk_errors + self.wipes
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
        if self.disk_errors > 0 {
            write!(f, ", {} disk errors", self.disk_errors)?;
        }
        if self.wipes > 0 {
            write!(f, ", {} wiped disks", self.wipes)?;
        }
        if self.autocreate {
            write!(f, ", the empty take themselves for new")?;
        }
        if self.last_counter > 0 {
            write!(f, ", counters up to {}", self.last_counter)?;
        }
        if self.warm {
            write!(f, ", from an established epoch")?;
        }
        Ok(())
    }
}
