//! Would the checker notice? Elections with one wrong rule each, and the property that each of them breaks.

use crate::election_grain::{
    ElectionBounds, ElectionOutcome, ElectionProperty, ElectionVerdict, credentials, hunt,
};
use quorate_zab::{
    Configuration, ElectionRules, Epoch, Notification, PeerEpoch, Round, ServerId, Vote, Zxid,
};
use std::fmt;

/// A wrong election, and what must find it.
#[derive(Clone, Copy)]
pub struct ElectionMutant {
    /// Its name.
    pub name: &'static str,
    /// What it does wrong, and where that was seen.
    pub doc: &'static str,
    /// The property that it breaks.
    pub killer: ElectionProperty,
    /// The length of the shortest run that breaks it; 0 where the killer is checked by enumeration.
    pub golden_steps: usize,
    /// The budgets of the hunt, unless the killer is checked by enumeration.
    pub bounds: Option<ElectionBounds>,
    hunt: fn(&Self, &dyn Fn(u64)) -> ElectionOutcome,
}

impl fmt::Debug for ElectionMutant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ElectionMutant")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl ElectionMutant {
    /// Looks for the shortest run that breaks [`Self::killer`], and only that. The mutant is killed if
    /// the verdict is `Violated`.
    pub fn run(&self, progress: &dyn Fn(u64)) -> ElectionOutcome {
        (self.hunt)(self, progress)
    }
}

/// E13: a cycle or a tie in the order of votes, if `rules` have one. All votes of three servers with three
/// epochs and three zxids are compared, by threes.
pub fn order_is_total<R: ElectionRules>(rules: &R) -> Result<(), Vec<Vote>> {
    let values = || 0..3u32;
    let votes: Vec<Vote> = values()
        .flat_map(|epoch| values().map(move |zxid| (epoch, zxid)))
        .flat_map(|(epoch, zxid)| {
            (1..=3).map(move |leader| Vote {
                leader: ServerId::new(leader),
                zxid: Zxid::new(Epoch::new(1), zxid),
                epoch: PeerEpoch::from(Epoch::new(epoch)),
            })
        })
        .collect();
    for a in &votes {
        for b in &votes {
            let (above, below) = (rules.outranks(a, b), rules.outranks(b, a));
            if (a == b) == (above != below) || above && below {
                return Err(vec![*a, *b]);
            }
            if let Some(c) = votes
                .iter()
                .find(|c| above && rules.outranks(b, c) && !rules.outranks(a, c))
            {
                return Err(vec![*a, *b, *c]);
            }
        }
    }
    Ok(())
}

fn enumerate<R: ElectionRules>(rules: &R) -> ElectionOutcome {
    let verdict = match order_is_total(rules) {
        Ok(()) => ElectionVerdict::Holds,
        Err(votes) => ElectionVerdict::Violated {
            property: ElectionProperty::OrderIsTotal,
            steps: votes.iter().map(|vote| format!("{vote:?}")).collect(),
        },
    };
    ElectionOutcome {
        distinct_states: 0,
        generated: 0,
        seconds: 0.0,
        verdict,
        witnesses: Vec::new(),
    }
}

/// Hunts one mutant within its bounds.
fn hunt_with<R>(mutant: &ElectionMutant, rules: R, progress: &dyn Fn(u64)) -> ElectionOutcome
where
    R: ElectionRules + Send + Sync + 'static,
{
    match mutant.bounds {
        Some(bounds) => hunt(rules, bounds, mutant.killer, progress),
        None => enumerate(&rules),
    }
}

struct ComparesIdsOnly;
impl ElectionRules for ComparesIdsOnly {
    fn outranks(&self, new: &Vote, current: &Vote) -> bool {
        new.leader > current.leader
    }
}

struct ComparesZxidFirst;
impl ElectionRules for ComparesZxidFirst {
    fn outranks(&self, new: &Vote, current: &Vote) -> bool {
        (new.zxid, new.epoch, new.leader) > (current.zxid, current.epoch, current.leader)
    }
}

struct TiesWithoutEpoch;
impl ElectionRules for TiesWithoutEpoch {
    fn outranks(&self, new: &Vote, current: &Vote) -> bool {
        (new.epoch, new.zxid) > (current.epoch, current.zxid)
            || new.zxid == current.zxid && new.leader > current.leader
    }
}

struct OneVoteTooFew;
impl ElectionRules for OneVoteTooFew {
    fn is_quorum(&self, configuration: &Configuration, servers: &[ServerId]) -> bool {
        let ensemble = &configuration.active().ensemble;
        ensemble.votes(servers.iter().copied()) >= ensemble.voters().len() / 2
    }
}

struct CountsStaleRounds;
impl ElectionRules for CountsStaleRounds {
    fn counts_round(&self, mine: Round, theirs: Round) -> bool {
        theirs <= mine
    }
}

struct CountsAnyVote;
impl ElectionRules for CountsAnyVote {
    fn supports(&self, proposal: &Notification, counted: &Notification) -> bool {
        self.counts_round(proposal.round, counted.round)
    }
}

struct OpensWithWhatItHears;
impl ElectionRules for OpensWithWhatItHears {
    fn opening(&self, _: &Configuration, _: Vote, heard: Vote) -> Vote {
        heard
    }
}

struct KeepsTheOldEpoch;
impl ElectionRules for KeepsTheOldEpoch {
    fn raises_epoch(&self) -> bool {
        false
    }
}

struct ComparesWholeVotes;
impl ElectionRules for ComparesWholeVotes {
    fn same_reign(&self, heard: &Notification, counted: &Notification) -> bool {
        heard.vote == counted.vote && heard.round == counted.round
    }
}

struct EndsWhenAllAnswered;
impl ElectionRules for EndsWhenAllAnswered {
    fn heeds_settled(&self) -> bool {
        false
    }
    fn elects(&self, configuration: &Configuration, agreeing: &[ServerId], answered: &[ServerId]) -> bool {
        self.is_quorum(configuration, agreeing)
            || configuration
                .voters()
                .iter()
                .all(|voter| answered.contains(voter))
    }
}

/// All of them.
pub fn election_mutants() -> Vec<ElectionMutant> {
    let bounds = |credentials, reigns, give_ups, restarts| {
        Some(ElectionBounds {
            credentials,
            reigns,
            give_ups,
            restarts,
        })
    };
    let equal = credentials((1, 1), (1, 1), (1, 1));
    vec![
        ElectionMutant {
            name: "compares ids only",
            doc: "The highest server id wins, whatever its history.",
            killer: ElectionProperty::LeaderMatchesQuorum,
            golden_steps: 2,
            bounds: bounds(credentials((1, 3), (1, 2), (1, 1)), 0, 0, 0),
            hunt: |mutant, progress| hunt_with(mutant, ComparesIdsOnly, progress),
        },
        ElectionMutant {
            name: "compares zxids before epochs",
            doc: "The longer log wins over the later epoch; a strict total order, and the wrong one.",
            killer: ElectionProperty::LeaderMatchesQuorum,
            golden_steps: 2,
            bounds: bounds(credentials((1, 9), (2, 1), (2, 1)), 0, 0, 0),
            hunt: |mutant, progress| hunt_with(mutant, ComparesZxidFirst, progress),
        },
        ElectionMutant {
            name: "breaks ties without the epoch guard",
            doc: "Of equal zxids the higher id wins, whatever the epochs (ZOOKEEPER-1419): votes go round.",
            killer: ElectionProperty::OrderIsTotal,
            golden_steps: 2,
            bounds: None,
            hunt: |mutant, progress| hunt_with(mutant, TiesWithoutEpoch, progress),
        },
        ElectionMutant {
            name: "elects with one vote too few",
            doc: "Half of the voters, rounded down, elect.",
            killer: ElectionProperty::LeaderMatchesQuorum,
            golden_steps: 1,
            bounds: bounds(credentials((1, 1), (1, 2), (1, 3)), 0, 0, 0),
            hunt: |mutant, progress| hunt_with(mutant, OneVoteTooFew, progress),
        },
        ElectionMutant {
            name: "counts votes of earlier rounds",
            doc: "A vote that its caster has moved on from still elects.",
            killer: ElectionProperty::LeaderMatchesQuorum,
            golden_steps: 5,
            bounds: bounds(equal, 0, 1, 0),
            hunt: |mutant, progress| hunt_with(mutant, CountsStaleRounds, progress),
        },
        ElectionMutant {
            name: "counts any vote",
            doc: "Whoever votes in this round is taken to vote for the looker's own candidate.",
            killer: ElectionProperty::LeaderMatchesQuorum,
            golden_steps: 2,
            bounds: bounds(credentials((1, 1), (1, 2), (1, 3)), 0, 0, 0),
            hunt: |mutant, progress| hunt_with(mutant, CountsAnyVote, progress),
        },
        ElectionMutant {
            name: "opens a round with what it hears",
            doc: "On a vote of a later round the looker forgets that it is the better candidate.",
            killer: ElectionProperty::LeaderMatchesQuorum,
            golden_steps: 6,
            bounds: bounds(credentials((1, 1), (1, 2), (1, 3)), 0, 1, 0),
            hunt: |mutant, progress| hunt_with(mutant, OpensWithWhatItHears, progress),
        },
        ElectionMutant {
            name: "keeps the old epoch in its vote",
            doc: "The peerEpoch of votes is not raised once the epoch is established: members that came at different times \
                  name different epochs, and a late comer never finds a quorum (ZOOKEEPER-1732).",
            killer: ElectionProperty::HeardLeaderFollowed,
            golden_steps: 21,
            bounds: bounds(equal, 2, 2, 0),
            hunt: |mutant, progress| hunt_with(mutant, KeepsTheOldEpoch, progress),
        },
        ElectionMutant {
            name: "compares whole votes of settled peers",
            doc: "zxid and round must agree as well, which they need not (ZOOKEEPER-1805).",
            killer: ElectionProperty::HeardLeaderFollowed,
            golden_steps: 20,
            bounds: bounds(equal, 1, 2, 0),
            hunt: |mutant, progress| hunt_with(mutant, ComparesWholeVotes, progress),
        },
        ElectionMutant {
            name: "ends its round when all have answered",
            doc: "The best candidate known leads once everybody has answered, even if the answer was that there is a leader \
                  (ZOOKEEPER-975): a late comer leads beside a live ensemble.",
            killer: ElectionProperty::NoLeaderBesideHeard,
            golden_steps: 15,
            bounds: bounds(equal, 1, 0, 0),
            hunt: |mutant, progress| hunt_with(mutant, EndsWhenAllAnswered, progress),
        },
    ]
}
