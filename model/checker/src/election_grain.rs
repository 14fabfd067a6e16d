//! Do elections keep what they promise? Fast leader election, message by message, in every order.
//!
//! Three servers vote, hear each other over connections that break at will, restart, take leaders, begin
//! reigns and leave them. What a reign does to votes is in it, what it does to histories is not: that is
//! the agreement grain's, which lets any looker lead and any other join it.
//!
//! The bounds are budgets inside the state, so a run ends when nothing is left to explore. A run counts as
//! exhausted only if every distinct state was expanded.

mod channel;
mod explore;
mod joined;
mod member;
mod property;
mod table;
mod world;

pub(crate) use joined::{Elected, Votes, Voting};
pub use member::Credential;
pub use property::{ElectionProperty, ElectionWitness};

use channel::{Channel, Sticky};
use explore::{Grain, Order};
use quorate_zab::{Configuration, ElectionRules, Ensemble, Epoch, Zab};
use std::fmt;
use world::Setting;

/// The number of servers.
const SERVERS: usize = 3;

/// What may happen in a run.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ElectionBounds {
    /// What the servers' disks say at the start, by server.
    pub credentials: [Credential; SERVERS],
    /// How often a leader begins a reign.
    pub reigns: u8,
    /// How often a server leaves its leader and looks again.
    pub give_ups: u8,
    /// How often a process ends and begins anew.
    pub restarts: u8,
}

impl ElectionBounds {
    /// The epoch of the reign that begins while `left` may still begin: later ones have later epochs.
    fn epoch_of_reign(&self, left: u8) -> Epoch {
        let first = self
            .credentials
            .iter()
            .map(|credential| credential.epoch.get())
            .max();
        Epoch::new(first.unwrap_or(0) + 1 + u32::from(self.reigns.saturating_sub(left)))
    }
}

impl fmt::Display for ElectionBounds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SERVERS} servers (epoch, zxid)")?;
        for Credential { epoch, zxid } in self.credentials {
            write!(f, " ({epoch}, {zxid})")?;
        }
        write!(
            f,
            "; reigns {}, leaders left {}, restarts {}",
            self.reigns, self.give_ups, self.restarts
        )
    }
}

/// How a run ended.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ElectionVerdict {
    /// All reachable states were expanded, and none breaks a property.
    Holds,
    /// A property is broken after these steps.
    Violated {
        /// The property.
        property: ElectionProperty,
        /// What happened, in words, from the start.
        steps: Vec<String>,
    },
    /// Neither: the exploration stopped early, and nothing follows.
    Unfinished,
}

/// What a run found.
#[derive(Clone, Debug, PartialEq)]
pub struct ElectionOutcome {
    /// Distinct states met.
    pub distinct_states: u64,
    /// States met, each as often as it was.
    pub generated: u64,
    /// Wall time.
    pub seconds: f64,
    /// Whether the properties hold.
    pub verdict: ElectionVerdict,
    /// The occasions that the run met.
    pub witnesses: Vec<ElectionWitness>,
}

/// How much time a set of runs may take. Each contains the ones before it.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum ElectionSet {
    /// Seconds.
    Quick,
    /// A minute of CPU time.
    Ci,
    /// Some minutes.
    Nightly,
}

/// One exhaustive run of the protocol as published.
#[derive(Clone, Copy, Debug)]
pub struct ElectionRun {
    /// What it is about.
    pub name: &'static str,
    /// The budgets.
    pub bounds: ElectionBounds,
    /// Makes all hashes others.
    pub salt: u64,
    /// How many distinct states there are.
    pub golden: u64,
    /// The smallest set that it belongs to.
    pub set: ElectionSet,
}

impl ElectionRun {
    /// Whether the run held, saw as many states as it should, and lacked no occasion.
    pub fn is_as_pinned(&self, outcome: &ElectionOutcome) -> bool {
        outcome.verdict == ElectionVerdict::Holds
            && outcome.distinct_states == self.golden
            && self.missed(outcome).is_empty()
    }

    /// The occasions that the run should have met and did not.
    pub fn missed(&self, outcome: &ElectionOutcome) -> Vec<ElectionWitness> {
        let is_missed = |witness: &ElectionWitness| {
            let can_be_met = !witness.needs_reign() || self.bounds.reigns > 0;
            can_be_met && !outcome.witnesses.contains(witness)
        };
        ElectionWitness::ALL.into_iter().filter(is_missed).collect()
    }

    /// Explores all of it; `progress` is told the number of distinct states from time to time.
    pub fn run(&self, progress: &dyn Fn(u64)) -> ElectionOutcome {
        let grain = grain::<Zab, Sticky>(Zab, self.bounds, &ElectionProperty::OF_RUNS);
        grain.with_salt(self.salt).run(Order::DepthFirst, progress)
    }
}

/// Runs `rules` within `bounds` until `property` is broken, by as few steps as possible.
pub(crate) fn hunt<R>(
    rules: R,
    bounds: ElectionBounds,
    property: ElectionProperty,
    progress: &dyn Fn(u64),
) -> ElectionOutcome
where
    R: ElectionRules + Send + Sync + 'static,
{
    explore::<R, Sticky>(rules, bounds, &[property], Order::BreadthFirst, progress)
}

fn explore<R, C>(
    rules: R,
    bounds: ElectionBounds,
    properties: &[ElectionProperty],
    order: Order,
    progress: &dyn Fn(u64),
) -> ElectionOutcome
where
    R: ElectionRules + Send + Sync + 'static,
    C: Channel,
{
    grain::<R, C>(rules, bounds, properties).run(order, progress)
}

fn grain<R, C>(rules: R, bounds: ElectionBounds, properties: &[ElectionProperty]) -> Grain<R, C, SERVERS>
where
    R: ElectionRules + Send + Sync + 'static,
    C: Channel,
{
    let setting = Setting {
        rules,
        configuration: Configuration::fixed(Ensemble::majority((0..SERVERS).map(member::id))),
        bounds,
    };
    Grain::new(setting, properties)
}

/// Credentials that servers 1, 2 and 3 may start with.
pub(crate) const fn credentials(
    first: (u32, u64),
    second: (u32, u64),
    third: (u32, u64),
) -> [Credential; SERVERS] {
    [
        Credential::new(first.0, first.1),
        Credential::new(second.0, second.1),
        Credential::new(third.0, third.1),
    ]
}

/// The runs, each with its golden number of states.
pub fn election_runs() -> Vec<ElectionRun> {
    let equal = credentials((1, 1), (1, 1), (1, 1));
    let ascending = credentials((1, 1), (1, 2), (1, 3));
    let descending = credentials((1, 3), (1, 2), (1, 1));
    let epochs = credentials((2, 1), (1, 1), (1, 1));
    let conflict = credentials((1, 9), (2, 1), (1, 2));
    use ElectionSet::{Ci, Nightly, Quick};
    let run = |set, name, credentials, [reigns, give_ups, restarts]: [u8; 3], golden| ElectionRun {
        name,
        bounds: ElectionBounds {
            credentials,
            reigns,
            give_ups,
            restarts,
        },
        salt: 0,
        golden,
        set,
    };
    vec![
        run(Quick, "equal credentials", equal, [1, 1, 0], 229_755),
        run(
            Quick,
            "the higher id has the longer log",
            ascending,
            [1, 1, 0],
            226_992,
        ),
        run(
            Quick,
            "the lower id has the longer log",
            descending,
            [1, 1, 0],
            226_992,
        ),
        run(
            Quick,
            "the lowest id has the latest epoch",
            epochs,
            [1, 1, 0],
            226_992,
        ),
        run(
            Quick,
            "the later epoch has the shorter log",
            conflict,
            [1, 1, 0],
            226_992,
        ),
        run(
            Ci,
            "a restart beside a reign, equal credentials",
            equal,
            [1, 0, 1],
            631_943,
        ),
        run(
            Ci,
            "a restart beside a reign, conflicting credentials",
            conflict,
            [1, 0, 1],
            625_662,
        ),
        run(Ci, "two restarts", descending, [0, 0, 2], 605_130),
        run(Ci, "a restart and a leader left", conflict, [0, 1, 1], 1_617_585),
        run(Ci, "two leaders left", epochs, [0, 2, 0], 771_871),
        run(Ci, "two reigns, equal credentials", equal, [2, 2, 0], 5_376_746),
        run(
            Nightly,
            "two reigns, conflicting credentials",
            conflict,
            [2, 2, 0],
            5_174_338,
        ),
        run(
            Nightly,
            "all at once, equal credentials",
            equal,
            [1, 1, 1],
            13_397_520,
        ),
        run(
            Nightly,
            "all at once, conflicting credentials",
            conflict,
            [1, 1, 1],
            13_228_758,
        ),
    ]
}

#[cfg(test)]
mod tests;
