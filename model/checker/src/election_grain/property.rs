//! What do elections promise? Three things, each judged on the step that could break it.
//!
//! They do not promise one leader, not even one per round: the wait for a better vote is a guess about
//! time. That is why "two lead in one round" is a witness here, and no property.

use super::channel::Channel;
use super::member::{Decision, Part, id};
use super::table::Table;
use super::world::World;
use quorate_zab::{Configuration, PeerEpoch, PeerState};
use std::ops::BitOrAssign;

/// What an election must not do.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum ElectionProperty {
    /// Whoever takes a leader does so on the word of a peer that took it before, or on the votes of a
    /// quorum, cast in that round by servers whose credentials the leader's matched; and the
    /// leader's durable credential is at least what the vote says.
    LeaderMatchesQuorum,
    /// A server does not lead that has heard, since it looks, from a quorum that serves another leader,
    /// the leader among them, what they still say.
    NoLeaderBesideHeard,
    /// A looker that has heard, since it looks, from a quorum that serves a leader, the leader among
    /// them, what they still say, looks no more.
    HeardLeaderFollowed,
    /// The order of votes is a strict total order (E13). Checked by enumeration.
    OrderIsTotal,
}

impl ElectionProperty {
    /// Those that are judged along a run.
    pub const OF_RUNS: [Self; 3] = [
        Self::LeaderMatchesQuorum,
        Self::NoLeaderBesideHeard,
        Self::HeardLeaderFollowed,
    ];

    /// A short sentence.
    pub const fn name(self) -> &'static str {
        match self {
            Self::LeaderMatchesQuorum => {
                "a leader's credential is at least that of a quorum that voted for it"
            }
            Self::NoLeaderBesideHeard => "nobody leads beside an ensemble that it hears",
            Self::HeardLeaderFollowed => "a looker that hears an ensemble joins it",
            Self::OrderIsTotal => "the order of votes is a strict total order",
        }
    }
}

/// The properties broken on the way to a world.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub(super) struct Flaws(u8);

impl Flaws {
    fn add(&mut self, property: ElectionProperty, is_broken: bool) {
        self.0 |= u8::from(is_broken) << property as u8;
    }

    pub(super) fn has(self, property: ElectionProperty) -> bool {
        self.0 >> property as u8 & 1 == 1
    }
}

impl BitOrAssign for Flaws {
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

/// The leader of a quorum that serves it, itself among them, of which `heard` is what they say at present.
fn heard_ensemble<C: Channel, const N: usize>(
    world: &World<C, N>,
    configuration: &Configuration,
    table: &Table<N>,
    heard: &[Option<quorate_zab::Notification>; N],
) -> Option<usize> {
    (0..N).find(|&leader| {
        let part = table.summary(world.members[leader]).part;
        let is_of_it = |other: usize| {
            let summary = table.summary(world.members[other]);
            summary.leader == Some(leader)
                && summary.part == part
                && heard[other].is_some()
                && heard[other] == summary.says
        };
        matches!(part, Part::Serving(_))
            && is_of_it(leader)
            && configuration.is_quorum((0..N).filter(|&other| is_of_it(other)).map(id))
    })
}

/// What is wrong with `world`, which a step of `me` led to.
pub(super) fn judge<C: Channel, const N: usize>(
    world: &World<C, N>,
    configuration: &Configuration,
    table: &Table<N>,
    me: usize,
    decision: Option<&Decision<N>>,
) -> Flaws {
    let mut flaws = Flaws::default();
    if let Some(decision) = decision {
        let leader = (0..N).find(|&number| id(number) == decision.vote.leader);
        let is_backed = leader.is_some_and(|leader| {
            let credential = table.summary(world.members[leader]).credential;
            let voted = (decision.vote.epoch, decision.vote.zxid);
            decision.is_founded && voted <= (PeerEpoch::from(credential.epoch), credential.zxid)
        });
        flaws.add(ElectionProperty::LeaderMatchesQuorum, !is_backed);
        let leads_beside =
            leader == Some(me) && heard_ensemble(world, configuration, table, &decision.heard).is_some();
        flaws.add(ElectionProperty::NoLeaderBesideHeard, leads_beside);
    }
    let deaf = (0..N).any(|other| {
        let summary = table.summary(world.members[other]);
        summary.state == PeerState::Looking
            && summary.heard.iter().any(Option::is_some)
            && heard_ensemble(world, configuration, table, &summary.heard).is_some()
    });
    flaws.add(ElectionProperty::HeardLeaderFollowed, deaf);
    flaws
}

/// Facts that must be met somewhere, or a property held for want of occasion.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum ElectionWitness {
    /// A server leads.
    Leads,
    /// A server follows one whose credential is higher than its own.
    FollowsBetter,
    /// A server looks beside an ensemble whose quorum serves.
    LooksBesideEnsemble,
    /// A server came to follow a leader that was established before.
    JoinsEstablished,
    /// Two servers lead, the one having not noticed yet.
    TwoLead,
    /// Two servers lead, elected in the same round.
    TwoLeadInOneRound,
    /// All budgets are spent.
    AllSpent,
}

impl ElectionWitness {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Leads,
        Self::FollowsBetter,
        Self::LooksBesideEnsemble,
        Self::JoinsEstablished,
        Self::TwoLead,
        Self::TwoLeadInOneRound,
        Self::AllSpent,
    ];

    /// A short sentence.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Leads => "a server leads",
            Self::FollowsBetter => "a server follows one with a higher credential",
            Self::LooksBesideEnsemble => "a server looks beside an ensemble that serves",
            Self::JoinsEstablished => "a server joins a leader that is established",
            Self::TwoLead => "two servers lead",
            Self::TwoLeadInOneRound => "two servers lead in one round",
            Self::AllSpent => "all budgets are spent",
        }
    }

    /// Whether only an established leader gives occasion for it.
    pub const fn needs_reign(self) -> bool {
        matches!(self, Self::LooksBesideEnsemble | Self::JoinsEstablished)
    }

    const fn bit(self) -> u32 {
        1 << self as u32
    }

    /// Those of `bits`.
    pub(super) fn of_bits(bits: u32) -> Vec<Self> {
        let is_met = |witness: &Self| bits & witness.bit() != 0;
        Self::ALL.into_iter().filter(is_met).collect()
    }

    /// Those that `world` shows.
    pub(super) fn bits_of<C: Channel, const N: usize>(world: &World<C, N>, table: &Table<N>) -> u32 {
        let summary = |number: usize| table.summary(world.members[number]);
        let mut bits = 0;
        let mut see = |witness: Self, is_met: bool| bits |= if is_met { witness.bit() } else { 0 };
        for one in 0..N {
            let mine = summary(one);
            see(Self::Leads, mine.state == PeerState::Leading);
            let Some(leader) = world.leader_of(table, one) else {
                continue;
            };
            let its = summary(leader);
            see(Self::FollowsBetter, mine.credential < its.credential);
            if let Part::Serving(epoch) = its.part {
                let says_epoch = mine.says.is_some_and(|said| said.vote.epoch == epoch.into());
                see(Self::JoinsEstablished, mine.part == Part::Outside && says_epoch);
                see(
                    Self::LooksBesideEnsemble,
                    one != leader
                        && mine.part == its.part
                        && (0..N).any(|other| summary(other).state == PeerState::Looking),
                );
            }
            for other in 0..one {
                let two = leader == one && summary(other).state == PeerState::Leading;
                see(Self::TwoLead, two);
                let same_round =
                    two && mine.says.map(|said| said.round) == summary(other).says.map(|said| said.round);
                see(Self::TwoLeadInOneRound, same_round);
            }
        }
        let left = world.left;
        see(
            Self::AllSpent,
            left.reigns == 0 && left.give_ups == 0 && left.restarts == 0,
        );
        bits
    }
}
