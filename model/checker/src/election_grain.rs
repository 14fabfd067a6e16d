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
mod member;
mod property;
mod table;
mod world;

pub use member::Credential;
pub use property::{ElectionProperty, ElectionWitness};

use channel::{Channel, Plain, Sticky};
use explore::{Grain, Order};
use quorate_zab::{ElectionRules, Ensemble, Epoch, Zab};
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

/// One exhaustive run of the protocol as published.
#[derive(Clone, Copy, Debug)]
pub struct ElectionRun {
    /// What it is about.
    pub name: &'static str,
    /// The budgets.
    pub bounds: ElectionBounds,
    /// How many distinct states there are.
    pub golden: u64,
    /// Whether it belongs to the quick set; all belong to the others.
    pub is_quick: bool,
}

impl ElectionRun {
    /// Explores all of it; `progress` is told the number of distinct states from time to time.
    pub fn run(&self, progress: &dyn Fn(u64)) -> ElectionOutcome {
        explore::<Zab, Sticky>(
            Zab,
            self.bounds,
            &ElectionProperty::OF_RUNS,
            Order::DepthFirst,
            progress,
        )
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
    let setting = Setting {
        rules,
        ensemble: Ensemble::majority((0..SERVERS).map(member::id)),
        bounds,
    };
    Grain::<R, C, SERVERS>::new(setting, properties).run(order, progress)
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
    vec![]
}

#[cfg(test)]
mod measure {
    use super::*;
    #[test]
    fn measure() {
        let b: Vec<u64> = std::env::var("B")
            .unwrap()
            .split_whitespace()
            .map(|x| x.parse().unwrap())
            .collect();
        let c = |i: usize| (b[i] as u32, b[i + 1]);
        let bounds = ElectionBounds {
            credentials: credentials(c(0), c(2), c(4)),
            reigns: b[6] as u8,
            give_ups: b[7] as u8,
            restarts: b[8] as u8,
        };
        let out = match std::env::var("PLAIN") {
            Ok(_) => explore::<Zab, Plain>(
                Zab,
                bounds,
                &ElectionProperty::OF_RUNS,
                Order::DepthFirst,
                &|_| (),
            ),
            Err(_) => explore::<Zab, Sticky>(
                Zab,
                bounds,
                &ElectionProperty::OF_RUNS,
                if std::env::var("BFS").is_ok() {
                    Order::BreadthFirst
                } else {
                    Order::DepthFirst
                },
                &|_| (),
            ),
        };
        eprintln!(
            "{bounds}\n{out:#?} rate {}",
            out.distinct_states as f64 / out.seconds
        );
    }
}
#[cfg(test)]
mod measure_mutants {
    #[test]
    fn mutants() {
        let only = std::env::var("M").unwrap_or_default();
        for m in crate::election_mutants()
            .iter()
            .filter(|m| m.name.contains(&only))
        {
            let out = m.run(&|_| ());
            eprintln!("{}: {out:#?}", m.name);
        }
    }
}
