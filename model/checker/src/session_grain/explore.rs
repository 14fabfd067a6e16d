//! How is the grain explored? By stateright, one thread, to the end or to the first flaw.

use super::history::Histories;
use super::property::SessionProperty;
use super::world::{Action, Cx, Setting, World};
use super::{SessionOutcome, SessionVerdict};
use rustix::time::ClockId;
use stateright::{Checker, HasDiscoveries, Model, Property};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

/// How often a run reports how far it is.
const PROGRESS_EVERY: Duration = Duration::from_millis(50);

/// After how many worlds the thread's clock is read.
const CLOCK_EVERY: u64 = 256;

/// The grain as stateright sees it.
pub(super) struct Grain {
    inside: Mutex<(Setting, Histories)>,
    properties: Vec<SessionProperty>,
    /// Worlds of which the ways on were asked for: all of them, if the run was exhaustive.
    expanded: AtomicU64,
    cpu_ns: AtomicU64,
    /// The first flawed world met. Breadth first it is among the nearest; stateright goes on to the end
    /// of its block and would report a later one.
    flawed: OnceLock<World>,
}

/// The order of exploration.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Order {
    /// Little memory; for runs that are to hold.
    DepthFirst,
    /// The shortest way to a flaw.
    BreadthFirst,
}

impl Grain {
    pub(super) fn new(setting: Setting, properties: &[SessionProperty]) -> Self {
        Self {
            inside: Mutex::new((setting, Histories::new())),
            properties: properties.to_vec(),
            expanded: AtomicU64::new(0),
            cpu_ns: AtomicU64::new(0),
            flawed: OnceLock::new(),
        }
    }

    /// Does something with a step's surroundings.
    fn with<T>(&self, inside: impl FnOnce(&mut Cx<'_>) -> T) -> T {
        let mut guard = self.inside.lock().expect("no step panics");
        let (setting, histories) = &mut *guard;
        inside(&mut Cx { setting, histories })
    }

    /// Explores until nothing is left or a property is broken.
    pub(super) fn run(self, order: Order, progress: &dyn Fn(u64)) -> SessionOutcome {
        let began = Instant::now();
        let builder = self.checker().threads(1).finish_when(HasDiscoveries::AnyFailures);
        match order {
            Order::DepthFirst => finish(builder.spawn_dfs(), began, progress),
            Order::BreadthFirst => finish(builder.spawn_bfs(), began, progress),
        }
    }
}

fn finish(mut checker: impl Checker<Grain>, began: Instant, progress: &dyn Fn(u64)) -> SessionOutcome {
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
    let cpu = Duration::from_nanos(model.cpu_ns.load(Ordering::Relaxed));
    let elapsed = began.elapsed();
    let witnesses = model.with(|cx| cx.setting.met.all());
    let distinct = checker.unique_state_count() as u64;
    let verdict = match checker.discoveries().into_values().next() {
        Some(path) => {
            let flaws = path.last_state().flaws;
            let mut broken = model.properties.iter().copied();
            let property = broken
                .find(|&property| flaws.has(property))
                .expect("the last world breaks one of them");
            let steps = path
                .into_vec()
                .into_iter()
                .filter_map(|(world, action)| {
                    action.map(|action| model.with(|cx| world.tell_step(cx, action)))
                })
                .collect();
            SessionVerdict::Violated { property, steps }
        }
        None if expanded == distinct => SessionVerdict::Holds,
        None => SessionVerdict::Unfinished,
    };
    SessionOutcome {
        distinct,
        generated: checker.state_count() as u64,
        elapsed,
        cpu,
        verdict,
        witnesses,
    }
}

impl Model for Grain {
    type State = World;
    type Action = Action;

    fn init_states(&self) -> Vec<World> {
        vec![self.with(World::first)]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Action>) {
        let expanded = self.expanded.fetch_add(1, Ordering::Relaxed);
        if expanded.is_multiple_of(CLOCK_EVERY) {
            let used = crate::model::clock(ClockId::ThreadCPUTime).as_nanos();
            self.cpu_ns
                .store(u64::try_from(used).unwrap_or(u64::MAX), Ordering::Relaxed);
        }
        // Nothing good comes after a flaw.
        if !world.flaws.any_of(&self.properties) {
            self.with(|cx| world.actions(cx, actions));
        }
    }

    fn next_state(&self, world: &World, action: Action) -> Option<World> {
        let mut next = world.clone();
        self.with(|cx| next.step(cx, action));
        Some(next)
    }

    /// One property for all: the world says which is broken.
    fn properties(&self) -> Vec<Property<Self>> {
        vec![Property::always(
            "every property holds",
            |model: &Self, world: &World| {
                !world.flaws.any_of(&model.properties) || model.flawed.get_or_init(|| world.clone()) != world
            },
        )]
    }
}
