//! How far does a check reach? Budgets that are part of the state; never depth, never time.

use crate::disk::Durable;
use crate::node::Node;
use crate::txn::{Members, membership};
use crate::world::id;
use quorate_zab::{Configuration, Ensemble, Memory, Rules, ServerId, Version, Zxid};
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
    /// Servers beside all these that are no members at first, and may become some.
    pub joiners: u8,
    /// Reconfigurations proposed.
    pub reconfigs: u8,
    /// What members may become by them, each a list of servers, which are called 1 and so on.
    pub targets: &'static [&'static [u8]],
    /// Members never change, and the files of every server name other ones as seen last.
    pub misfiled: bool,
    /// The last counter of an epoch; 0: there is no end to it.
    pub last_counter: u8,
    /// Runs begin with epoch 1 established, all servers synchronised and nothing under way; its
    /// election is not counted. Shorter counterexamples; not everything that can be reached.
    pub warm: bool,
    /// Elections decide who leads, notification by notification; otherwise whoever looks may.
    pub elects: bool,
    /// A notification may arrive though its sender has said a newer one, as it may in the election grain.
    pub late_votes: bool,
    /// Times that a server gives up waiting for one that it elected and that does not lead; in elections alone.
    pub give_ups: u8,
}

impl Bounds {
    /// All servers.
    pub fn nodes(&self) -> usize {
        usize::from(self.servers) + usize::from(self.observers) + usize::from(self.joiners)
    }

    /// Whether members may change.
    pub fn changes(&self) -> bool {
        self.reconfigs > 0
    }

    /// The configuration with which every server starts.
    pub(crate) fn configuration(&self) -> Configuration {
        let (zxid, ensemble) = (Zxid::ZERO, self.ensemble());
        if self.changes() {
            return Configuration::changing(Version { zxid, ensemble });
        }
        let fixed = Configuration::fixed(ensemble);
        if !self.misfiled {
            return fixed;
        }
        let others = (0..3).map(|i| ServerId::new(101 + i));
        fixed.with_last_seen(Version {
            zxid: Zxid::from_bits(1),
            ensemble: Ensemble::majority(others),
        })
    }

    /// The server at place `i` as a run begins.
    pub(crate) fn boot<R: Rules>(&self, rules: &R, i: usize) -> Node {
        let servers = usize::from(self.servers);
        if i < servers && i + usize::from(self.java) >= servers {
            return Node::java(id(i));
        }
        let (disk, memory) = (Durable::default(), Memory::Whole);
        let node = Node::boot(rules, id(i), disk, memory, &mut Vec::new());
        if self.changes() {
            let first = (1u8 << self.servers) - 1;
            return node.with_members(Members::first(first));
        }
        node
    }

    /// What reconfigurations may say.
    pub(crate) fn memberships(&self) -> impl Iterator<Item = u64> {
        let bits = |members: &&[u8]| members.iter().map(|member| 1 << (member - 1)).sum();
        self.targets.iter().map(bits).map(membership)
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
            joiners: 0,
            reconfigs: 0,
            targets: &[],
            misfiled: false,
            last_counter: 0,
            warm: false,
            elects: false,
            late_votes: false,
            give_ups: 0,
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
        if self.joiners > 0 {
            write!(f, ", {} joiners", self.joiners)?;
        }
        if self.reconfigs > 0 {
            let targets: Vec<_> = self
                .targets
                .iter()
                .map(|members| format!("{members:?}"))
                .collect();
            write!(f, ", {} changes to {}", self.reconfigs, targets.join(" or "))?;
        }
        if self.misfiled {
            write!(f, ", others filed as seen last")?;
        }
        if self.last_counter > 0 {
            write!(f, ", counters up to {}", self.last_counter)?;
        }
        if self.elects {
            let late = if self.late_votes { "late votes" } else { "votes" };
            write!(f, ", by {late}, {} waits given up", self.give_ups)?;
        }
        if self.warm {
            write!(f, ", from an established epoch")?;
        }
        Ok(())
    }
}
