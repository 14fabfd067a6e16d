//! How is the grain explored? By stateright, one thread, to the end or to the first flaw.

use super::channel::Channel;
use super::property::{ElectionProperty, ElectionWitness};
use super::table::Table;
use super::world::{Setting, Step, World};
use super::{ElectionOutcome, ElectionVerdict};
use quorate_zab::ElectionRules;
use stateright::{Checker, HasDiscoveries, Model, Property};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock};
use std::time::{Duration, Instant};

/// How often a run reports how far it is.
const PROGRESS_EVERY: Duration = Duration::from_millis(50);

/// The grain as stateright sees it.
pub(super) struct Grain<R, C, const N: usize> {
    setting: Setting<R>,
    table: Mutex<Table<N>>,
    properties: Vec<ElectionProperty>,
    /// Worlds of which the ways on were asked for: all of them, if the run was exhaustive.
    expanded: AtomicU64,
    witnesses: AtomicU32,
    /// The first flawed world met. Breadth first it is among the nearest; stateright goes on to the end
    /// of its block and would report a later one.
    flawed: OnceLock<World<C, N>>,
}

/// The order of exploration.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Order {
    /// Little memory; for runs that are to hold.
    DepthFirst,
    /// The shortest way to a flaw.
    BreadthFirst,
}

impl<R, C, const N: usize> Grain<R, C, N>
where
    R: ElectionRules + Send + Sync + 'static,
    C: Channel,
{
    pub(super) fn new(setting: Setting<R>, properties: &[ElectionProperty]) -> Self {
        Self {
            setting,
            table: Mutex::new(Table::new()),
            properties: properties.to_vec(),
            expanded: AtomicU64::new(0),
            witnesses: AtomicU32::new(0),
            flawed: OnceLock::new(),
        }
    }

    /// The same with other hashes.
    pub(super) fn with_salt(self, salt: u64) -> Self {
        Self {
            table: Mutex::new(Table::salted(salt)),
            ..self
        }
    }

    fn table(&self) -> MutexGuard<'_, Table<N>> {
        self.table.lock().expect("no step panics")
    }

    fn holds(&self, property: ElectionProperty, world: &World<C, N>) -> bool {
        !world.flaws.has(property) || self.flawed.get_or_init(|| world.clone()) != world
    }

    /// Explores until nothing is left or a property is broken.
    pub(super) fn run(self, order: Order, progress: &dyn Fn(u64)) -> ElectionOutcome {
        let began = Instant::now();
        let builder = self.checker().threads(1).finish_when(HasDiscoveries::AnyFailures);
        match order {
            Order::DepthFirst => finish(builder.spawn_dfs(), began, progress),
            Order::BreadthFirst => finish(builder.spawn_bfs(), began, progress),
        }
    }
}

fn finish<R, C, const N: usize>(
    mut checker: impl Checker<Grain<R, C, N>>,
    began: Instant,
    progress: &dyn Fn(u64),
) -> ElectionOutcome
where
    R: ElectionRules + Send + Sync + 'static,
    C: Channel,
{
    for handle in checker.handles() {
        while !handle.is_finished() {
            std::thread::park_timeout(PROGRESS_EVERY);
            progress(checker.unique_state_count() as u64);
        }
        handle.join().expect("no step panics");
    }
    let model = checker.model();
    // Before paths are reconstructed, which asks for ways on again.
    let expanded = model.expanded.load(Ordering::Relaxed);
    let witnesses = ElectionWitness::of_bits(model.witnesses.load(Ordering::Relaxed));
    let distinct_states = checker.unique_state_count() as u64;
    let generated = checker.state_count() as u64;
    let seconds = began.elapsed().as_secs_f64();
    let broken = model
        .properties
        .iter()
        .find_map(|&property| Some((property, checker.discovery(property.name())?)));
    let verdict = match broken {
        Some((property, path)) => {
            let actions = path.into_actions();
            let table = model.table();
            let steps = actions.into_iter().map(|step| step.what.tell(&table)).collect();
            ElectionVerdict::Violated { property, steps }
        }
        None if expanded == distinct_states => ElectionVerdict::Holds,
        None => ElectionVerdict::Unfinished,
    };
    ElectionOutcome {
        distinct_states,
        generated,
        seconds,
        verdict,
        witnesses,
    }
}

impl<R, C, const N: usize> Model for Grain<R, C, N>
where
    R: ElectionRules + Send + Sync + 'static,
    C: Channel,
{
    type State = World<C, N>;
    type Action = Step<C, N>;

    fn init_states(&self) -> Vec<Self::State> {
        vec![World::first(&self.setting, &mut self.table())]
    }

    fn actions(&self, world: &Self::State, steps: &mut Vec<Self::Action>) {
        let mut table = self.table();
        self.expanded.fetch_add(1, Ordering::Relaxed);
        self.witnesses
            .fetch_or(ElectionWitness::bits_of(world, &table), Ordering::Relaxed);
        world.steps(&self.setting, &mut table, steps);
    }

    fn next_state(&self, _: &Self::State, step: Self::Action) -> Option<Self::State> {
        Some(step.to)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let condition = |property: ElectionProperty| match property {
            ElectionProperty::LeaderMatchesQuorum => {
                |model: &Self, world: &World<C, N>| model.holds(ElectionProperty::LeaderMatchesQuorum, world)
            }
            ElectionProperty::NoLeaderBesideHeard => {
                |model: &Self, world: &World<C, N>| model.holds(ElectionProperty::NoLeaderBesideHeard, world)
            }
            ElectionProperty::HeardLeaderFollowed => {
                |model: &Self, world: &World<C, N>| model.holds(ElectionProperty::HeardLeaderFollowed, world)
            }
            ElectionProperty::OrderIsTotal => {
                |model: &Self, world: &World<C, N>| model.holds(ElectionProperty::OrderIsTotal, world)
            }
        };
        let always = |&property: &ElectionProperty| Property::always(property.name(), condition(property));
        self.properties.iter().map(always).collect()
    }
}
