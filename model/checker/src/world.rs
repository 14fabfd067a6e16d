//! What can an ensemble and its environment do next? The state space of the agreement grain.
//!
//! Any server that looks for a leader may begin to lead and any may join it: this contains every
//! election. Crashes, breaks of one end of one connection, and slow disks come at any moment.

use crate::bounds::Bounds;
use crate::election_grain::{Votes, Voting};
use crate::ghost::Ghost;
use crate::intern::{Cell, Table};
use crate::link::{End, Link};
use crate::node::{Happening, Node};
use crate::property::Property;
use crate::symmetry::Renaming;
use crate::witness::Witnessed;
use quorate_zab::{Configuration, Memory, Rules, ServerId};
use smallvec::SmallVec;
use std::sync::OnceLock;
use std::sync::atomic::AtomicU64;

/// A state of the ensemble, its disks and its connections, with what happened and what still may.
#[derive(Debug, Eq, Hash, PartialEq)]
pub struct World {
    pub(crate) nodes: SmallVec<[Cell<Node>; 5]>,
    /// In order of their ends.
    pub(crate) links: SmallVec<[Cell<Link>; 8]>,
    pub(crate) ghost: Cell<Ghost>,
    /// What is left of the bounds.
    pub(crate) left: Bounds,
    /// Elections, if these decide who leads.
    pub(crate) votes: Option<Box<Votes>>,
}

impl Clone for World {
    fn clone(&self) -> Self {
        Self {
            nodes: SmallVec::from_slice(&self.nodes),
            links: SmallVec::from_slice(&self.links),
            ghost: self.ghost,
            left: self.left,
            votes: self.votes.clone(),
        }
    }
}

/// A step of the world. Servers and links go by their place.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Action {
    /// A server that looks begins to lead.
    Lead(usize),
    /// A server that looks connects to one that leads.
    Join {
        /// The learner.
        learner: usize,
        /// The leader.
        leader: usize,
    },
    /// The next frame arrives at this end of this link.
    Deliver(usize, End),
    /// This end of this link learns that the connection is gone: for a reason, or for none.
    Break(usize, End),
    /// The oldest operation of the log is done and reported.
    LogDone(usize),
    /// The oldest write of an epoch file is done and reported.
    EpochDone(usize),
    /// The process dies, the disk keeps so much of what was under way, and it starts again.
    Crash(usize, u8, u8),
    /// initLimit passes at a server whose epoch is not established.
    GiveUp(usize),
    /// A leader looks whether it still has a quorum, and has not.
    CheckQuorum(usize),
    /// A client's transaction reaches the leader.
    Propose(usize),
    /// A leader pings by the clock.
    Ping(usize),
    /// A client of this server asks for `sync`.
    Sync(usize),
    /// A server has taken a snapshot, and removes what it covers from its log.
    Purge(usize),
    /// An operation of the disk fails, the server ends, and starts again from so much of what was under way.
    DiskFails(usize, u8, u8),
    /// The process dies, its disk is emptied, and it starts again.
    Wipe(usize),
    /// A server that takes itself for new hears that somebody has a history.
    HearHistory(usize),
    /// The leader proposes, by a transaction of this value, who the members are.
    Reconfigure(usize, u64),
    /// A server between leaders hears which configuration another has in force, and goes by it: it is newer.
    Hear {
        /// Who hears.
        looker: usize,
        /// Of whom.
        of: usize,
    },
    /// The next notification of one server arrives at another.
    HearVote {
        /// Who says it.
        from: usize,
        /// Who hears it.
        to: usize,
    },
    /// Of two notifications on the way the older is lost.
    LoseVote {
        /// Who said it.
        from: usize,
        /// Who does not hear it.
        to: usize,
    },
    /// A server that has a quorum of votes has waited long enough for better ones.
    Settle(usize),
}

/// The agreement grain: rules, bounds, and the tables that its worlds share.
#[derive(Debug)]
pub struct Agreement<R> {
    pub(crate) rules: R,
    pub(crate) flaws: Flaws,
    pub(crate) bounds: Bounds,
    pub(crate) configuration: Configuration,
    pub(crate) reductions: Reductions,
    /// Makes all hashes others, and with them the names that worlds are given.
    pub(crate) salt: u64,
    pub(crate) nodes: Table<Node>,
    pub(crate) links: Table<Link>,
    pub(crate) ghosts: Table<Ghost>,
    bursts: Table<Burst>,
    happenings: Table<Happening>,
    usual: Usual,
    /// What elections share, if these decide who leads.
    voting: Option<Voting>,
    pub(crate) renaming: Renaming,
    /// What was met on the way.
    pub witnessed: Witnessed,
    /// Worlds of which the ways on were asked for: all of them, if a run was exhaustive.
    pub(crate) expanded: AtomicU64,
    /// What the exploring thread used, in nanoseconds.
    pub(crate) cpu_ns: AtomicU64,
    /// The property that is to be broken, if no other is checked.
    pub(crate) hunted: Option<Property>,
    /// Worlds from which the end of all faults is tried.
    pub(crate) recoveries: Option<Recoveries>,
    /// The first world met in which a property is broken that counts.
    pub(crate) first_broken: OnceLock<World>,
}

/// What a shell could do wrong; a mutant of the world instead of the rules.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Flaws {
    /// A cut is not synced before the next append: a crash may keep the append and lose the cut.
    pub unsynced_truncation: bool,
    /// Votes name the epoch that was promised instead of the one that was entered.
    pub votes_by_promise: bool,
}

pub(crate) fn id(index: usize) -> ServerId {
    ServerId::new(index as u64 + 1)
}

pub(crate) fn index(server: ServerId) -> usize {
    server.get() as usize - 1
}

impl<R: Rules> Agreement<R> {
    /// The grain with these rules within these bounds.
    pub fn new(rules: R, bounds: Bounds) -> Self {
        let happenings = Table::new(0);
        Self {
            rules,
            flaws: Flaws::default(),
            bounds,
            configuration: bounds.configuration(),
            reductions: Reductions::ALL.fit_for(bounds),
            salt: 0,
            nodes: Table::new(0),
            links: Table::new(0),
            ghosts: Table::new(0),
            bursts: Table::new(0),
            usual: Usual::new(&happenings, bounds.nodes()),
            happenings,
            voting: bounds.elects.then(|| Voting::new(0, bounds.late_votes)),
            renaming: Renaming::new(&bounds.ensemble(), bounds.nodes()),
            witnessed: Witnessed::default(),
            expanded: AtomicU64::new(0),
            cpu_ns: AtomicU64::new(0),
            hunted: None,
            recoveries: None,
            first_broken: OnceLock::new(),
        }
    }

    /// The same, but this property alone is checked.
    #[must_use]
    pub fn hunting(self, property: Property) -> Self {
        let hunting = Self {
            hunted: Some(property),
            ..self
        };
        if property == Property::Recovers {
            return hunting.with_recovery_of_every(1);
        }
        hunting
    }

    /// The same, and one of every so many worlds has to recover once faults end.
    #[must_use]
    pub fn with_recovery_of_every(self, every: u64) -> Self {
        Self {
            recoveries: Some(Recoveries::every(every)),
            ..self
        }
    }

    /// The same with a shell that does this wrong.
    #[must_use]
    pub fn with_flaws(self, flaws: Flaws) -> Self {
        Self { flaws, ..self }
    }

    /// The same with these reductions instead of all.
    #[must_use]
    pub fn with_reductions(self, reductions: Reductions) -> Self {
        Self {
            reductions: reductions.fit_for(self.bounds),
            ..self
        }
    }

    /// The same with other hashes: equal counts make a missed collision very unlikely, and show that nothing
    /// is chosen by a name.
    #[must_use]
    pub fn with_salt(self, salt: u64) -> Self {
        Self {
            salt,
            nodes: Table::new(salt),
            links: Table::new(salt),
            ghosts: Table::new(salt),
            voting: self
                .bounds
                .elects
                .then(|| Voting::new(salt, self.bounds.late_votes)),
            ..self
        }
    }

    pub(crate) fn init(&self) -> World {
        let nodes = (0..self.bounds.nodes()).map(|i| self.nodes.intern(self.bounds.boot(&self.rules, i)));
        let mut ghost = Ghost::new(self.bounds.nodes());
        if self.bounds.wipes > 0 {
            ghost.keep_promises();
        }
        if let Some(hunted) = self.hunted {
            let others = Property::ALL.iter().filter(|&&property| property != hunted);
            others.for_each(|&property| ghost.disclaim(property));
        }
        let mut world = World {
            nodes: nodes.collect(),
            links: SmallVec::new(),
            ghost: self.ghosts.intern(ghost),
            left: self.bounds,
            votes: None,
        };
        if self.bounds.elects {
            self.begin_elections(&mut world);
        }
        if self.bounds.warm {
            self.establish(&mut world);
        }
        self.merge_votes(&mut world);
        self.canonicalise(&mut world);
        world
    }

    /// The first server leads, all others join it, and everything on the way arrives.
    fn establish(&self, world: &mut World) {
        if world.votes.is_some() {
            return self.settle_elections(world);
        }
        self.happen(world, 0, self.usual.lead);
        for learner in 1..world.nodes.len() {
            self.join(world, learner, 0);
        }
        while let Some(action) = self.calm_action(world) {
            self.perform(world, action, &mut |_, _| ());
        }
    }

    /// Something that is on its way and needs no fault to happen.
    fn calm_action(&self, world: &World) -> Option<Action> {
        let ends = |(i, link): (usize, &Cell<Link>)| {
            [End::Learner, End::Leader]
                .into_iter()
                .find(|&end| link.conn(end).is_some() && !link.incoming(end).is_empty())
                .map(|end| Action::Deliver(i, end))
        };
        let disks = |(i, node): (usize, &Cell<Node>)| {
            let log = (!node.disk.log_ops.is_empty() && !node.disk.dead).then_some(Action::LogDone(i));
            log.or((!node.disk.epoch_ops.is_empty()).then_some(Action::EpochDone(i)))
        };
        world
            .links
            .iter()
            .enumerate()
            .find_map(ends)
            .or_else(|| world.nodes.iter().enumerate().find_map(disks))
    }

    /// The world after `action`.
    pub(crate) fn apply(&self, world: &World, action: Action) -> World {
        let mut next = world.clone();
        self.perform(&mut next, action, &mut |_, _| ());
        self.canonicalise(&mut next);
        next
    }

    /// As [`Self::apply`], shows each step that is taken at once and the world before it, and says where
    /// each server went.
    pub(crate) fn apply_told(
        &self,
        world: &World,
        action: Action,
        told: &mut dyn FnMut(&World, Action),
    ) -> (World, Vec<usize>) {
        let mut next = world.clone();
        self.perform(&mut next, action, told);
        let number = self.canonicalise(&mut next);
        (next, self.renaming.places(number))
    }

    /// Does `action`, and then all that need not wait.
    fn perform(&self, next: &mut World, action: Action, told: &mut dyn FnMut(&World, Action)) {
        self.act(next, action);
        while let Some(action) = self.eager(next) {
            told(next, action);
            self.act(next, action);
        }
        self.forget_dead(next);
        self.merge_votes(next);
    }
}

/// Whether it takes itself for new and would follow whom it hears to be as empty.
pub(crate) fn is_newborn_looker(node: &Node) -> bool {
    node.server()
        .is_some_and(|server| server.memory() == Memory::Newborn && server.is_votable())
}

mod acting;
mod electing;
mod notes;
mod offered;
mod order;
mod quiet;
mod recovery;
mod reductions;

use acting::find_link;
use notes::{Burst, Stepped, Usual};
pub use recovery::Recovered;
pub(crate) use recovery::Recoveries;
pub use reductions::Reductions;

#[cfg(test)]
mod tests;
