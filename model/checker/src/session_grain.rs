//! Do sessions get what they are promised? Clients, their requests and watches, two servers, in every order.
//!
//! One server orders writes, the other follows; committed transactions reach each at its own pace. Clients lose their
//! connections, of whose frames they have received any part, and attach again where they like, while what
//! they sent before still arrives. Sessions are touched late and expire. Another server takes over, with or without
//! what was proposed and not committed. How a transaction comes to be committed is the agreement grain's.
//!
//! The functions that decide are the served ones: `prepare`, `Tree::apply`, `Tree::read`, `WatchTable`,
//! `SessionTable`, `Turns`, `Outcome::tell` and `SessionRules`.
//!
//! The bounds are budgets inside the state, so a run ends when nothing is left to explore. A run counts as
//! exhausted only if every distinct state was expanded.

mod applying;
mod client;
mod explore;
mod history;
mod judging;
mod leading;
mod property;
mod server;
mod serving;
mod story;
mod world;

pub use client::Ask;
pub use property::{SessionProperty, SessionWitness};

use crate::session_mutants::SessionMutant;
use crate::sets::{Finding, Report, Set, remarks};
use explore::{Grain, Order};
use std::fmt;
use std::time::Duration;
use world::Setting;

/// The number of servers.
const SERVERS: usize = 2;

/// The unit of deadlines.
const TICK_MS: u64 = 1;

/// The timeout of all sessions: with the rounding they expire after two ticks.
const TIMEOUT_MS: i32 = 1;

/// A session: where its client is at first, and what it may do.
#[derive(Clone, Copy, Debug)]
pub struct Seat {
    /// The server that it is attached to: 0 leads at first, 1 follows.
    pub at: usize,
    /// How many requests it sends.
    pub asks: u8,
    /// What they may be.
    pub menu: &'static [Ask],
}

/// What may happen in a run.
#[derive(Clone, Copy, Debug)]
pub struct SessionBounds {
    /// The sessions.
    pub seats: &'static [Seat],
    /// The znodes that exist at first.
    pub znodes: &'static [&'static str],
    /// How many connections break of themselves.
    pub breaks: u8,
    /// How far time goes on, in ticks.
    pub ticks: u8,
    /// How often the leader changes, or the follower loses it and comes back.
    pub changes: u8,
}

impl fmt::Display for SessionBounds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, seat) in self.seats.iter().enumerate() {
            let role = if seat.at == 0 { "leader" } else { "follower" };
            let menu: Vec<_> = seat.menu.iter().map(ToString::to_string).collect();
            let (number, menu) = (number + 1, menu.join(", "));
            write!(f, "session {number} at the {role}, {} of {menu}; ", seat.asks)?;
        }
        let Self {
            breaks,
            ticks,
            changes,
            ..
        } = self;
        write!(f, "breaks {breaks}, ticks {ticks}, changes of role {changes}")
    }
}

/// How a run ended.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum SessionVerdict {
    /// All reachable states were expanded, and none breaks a property.
    Holds,
    /// A property is broken after these steps.
    Violated {
        /// The property.
        property: SessionProperty,
        /// What happened, in words, from the start.
        steps: Vec<String>,
    },
    /// Neither: the exploration stopped early, and nothing follows.
    Unfinished,
}

/// What a run found.
#[derive(Clone, Debug, PartialEq)]
pub struct SessionOutcome {
    /// Distinct states met.
    pub distinct: u64,
    /// States met, each as often as it was.
    pub generated: u64,
    /// Wall time.
    pub elapsed: Duration,
    /// How much of that its thread was running.
    pub cpu: Duration,
    /// Whether the properties hold.
    pub verdict: SessionVerdict,
    /// The occasions that the run met.
    pub witnesses: Vec<SessionWitness>,
}

/// One exhaustive run of sessions as they are served.
#[derive(Clone, Copy, Debug)]
pub struct SessionRun {
    /// What it is about.
    pub name: &'static str,
    /// The smallest set that it belongs to.
    pub set: Set,
    /// The budgets.
    pub bounds: SessionBounds,
    /// Makes all hashes others.
    pub salt: u64,
    /// How many distinct states there are.
    pub pinned: u64,
    /// What has to be met on the way.
    pub witnesses: &'static [SessionWitness],
}

impl SessionRun {
    /// The occasions that the run should have met and did not.
    pub fn missed(&self, outcome: &SessionOutcome) -> Vec<SessionWitness> {
        let is_missed = |witness: &SessionWitness| !outcome.witnesses.contains(witness);
        self.witnesses.iter().copied().filter(is_missed).collect()
    }

    /// Explores all of it; `progress` is told the number of distinct states from time to time.
    pub fn run(&self, progress: &dyn Fn(u64)) -> SessionOutcome {
        let setting = Setting {
            salt: self.salt,
            ..setting(self.bounds, None)
        };
        let grain = Grain::new(setting, SessionProperty::ALL);
        grain.run(Order::DepthFirst, progress)
    }
}

impl SessionRun {
    /// Explores all of it, and says whether all is as it should be.
    pub(crate) fn report(&self, progress: &dyn Fn(u64)) -> Report {
        let outcome = self.run(progress);
        let missed = self.missed(&outcome);
        let finding = match &outcome.verdict {
            SessionVerdict::Violated { property, steps } => Finding::Violated {
                property: property.text().to_owned(),
                story: remarks(steps),
            },
            SessionVerdict::Unfinished => Finding::Unfinished,
            SessionVerdict::Holds if !missed.is_empty() => Finding::Vacuous {
                missed: missed.into_iter().map(SessionWitness::text).collect(),
            },
            SessionVerdict::Holds if outcome.distinct != self.pinned => Finding::Miscounted,
            SessionVerdict::Holds => Finding::Fine { story: Vec::new() },
        };
        outcome.report(finding)
    }
}

impl SessionOutcome {
    pub(crate) fn report(&self, finding: Finding) -> Report {
        Report {
            distinct: self.distinct,
            generated: self.generated,
            elapsed: self.elapsed,
            cpu: Some(self.cpu),
            recovered: None,
            finding,
        }
    }
}

/// Runs a mutant within `bounds` until `property` is broken, by as few steps as possible.
pub(crate) fn hunt(
    mutant: SessionMutant,
    bounds: SessionBounds,
    property: SessionProperty,
    progress: &dyn Fn(u64),
) -> SessionOutcome {
    Grain::new(setting(bounds, Some(mutant)), &[property]).run(Order::BreadthFirst, progress)
}

fn setting(bounds: SessionBounds, mutant: Option<SessionMutant>) -> Setting {
    Setting {
        bounds,
        mutant,
        salt: 0,
        met: property::Met::default(),
    }
}

mod runs;

pub use runs::session_runs;
