use super::channel::Plain;
use super::table::Table;
use super::world::{Budgets, World};
use super::*;
use proptest::prelude::*;
use std::collections::HashSet;
use std::sync::{LazyLock, Mutex};

/// What a world is to its servers: themselves, and what may still happen to them.
type Situation<const N: usize> = ([u32; N], Budgets);

fn setting<R>(rules: R, servers: usize, budgets: [u8; 3]) -> Setting<R> {
    let [reigns, give_ups, restarts] = budgets;
    Setting {
        rules,
        configuration: Configuration::fixed(Ensemble::majority((0..servers).map(member::id))),
        bounds: ElectionBounds {
            credentials: credentials((1, 9), (2, 1), (1, 2)),
            reigns,
            give_ups,
            restarts,
        },
    }
}

fn situations<R: ElectionRules, C: Channel, const N: usize>(
    setting: &Setting<R>,
    table: &mut Table<N>,
) -> HashSet<Situation<N>> {
    let first = World::<C, N>::first(setting, table);
    let mut seen = HashSet::from([first.clone()]);
    let mut open = vec![first];
    let mut steps = Vec::new();
    while let Some(world) = open.pop() {
        world.steps(setting, table, &mut steps);
        for step in steps.drain(..) {
            if seen.insert(step.to.clone()) {
                open.push(step.to);
            }
        }
    }
    seen.into_iter()
        .map(|world| (world.members, world.left))
        .collect()
}

fn assert_channels_agree<R: ElectionRules>(rules: R, budgets: [u8; 3]) {
    let setting = setting(rules, 2, budgets);
    let mut table = Table::new();
    let sticky = situations::<R, Sticky, 2>(&setting, &mut table);
    let plain = situations::<R, Plain, 2>(&setting, &mut table);
    assert!(
        sticky.len() > 30,
        "there is something to compare: {}",
        sticky.len()
    );
    assert_eq!(
        plain.difference(&sticky).count(),
        0,
        "situations that merging misses"
    );
    assert_eq!(
        sticky.difference(&plain).count(),
        0,
        "situations that merging invents"
    );
}

#[test]
fn merged_channels_reach_what_plain_ones_do_between_two_servers() {
    for budgets in [[1, 1, 0], [2, 3, 0], [1, 0, 2], [1, 1, 1], [0, 2, 2], [1, 2, 1]] {
        assert_channels_agree(Zab, budgets);
    }
}

/// [`Sticky`] as it is without [`Channel::merge`].
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
struct Unmerged(Sticky);

impl Channel for Unmerged {
    const NEEDS_RESENDS: bool = false;

    fn put(&mut self, message: channel::Message) {
        self.0.put(message);
    }
    fn front(&self) -> Option<channel::Message> {
        self.0.front()
    }
    fn arrived(&mut self) {
        self.0.arrived();
    }
    fn by_itself(&self) -> impl Iterator<Item = (&'static str, Self)> {
        let ways: Vec<_> = self.0.by_itself().collect();
        ways.into_iter().map(|(how, channel)| (how, Self(channel)))
    }
    fn sender_restarts(&mut self) {
        self.0.sender_restarts();
    }
    fn receiver_restarts(&mut self) {
        self.0.receiver_restarts();
    }
    fn merge(&mut self, _: impl Fn(channel::Message) -> channel::Fate) {}
}

#[test]
fn merging_messages_changes_nothing_for_three_servers() {
    for budgets in [[1, 0, 0], [0, 1, 0]] {
        let setting = setting(Zab, 3, budgets);
        let mut table = Table::new();
        let merged = situations::<_, Sticky, 3>(&setting, &mut table);
        let unmerged = situations::<_, Unmerged, 3>(&setting, &mut table);
        assert_eq!(merged, unmerged, "{budgets:?}");
    }
}

/// Everything that three servers reach over merged channels.
struct Reached {
    setting: Setting<Zab>,
    table: Mutex<Table<3>>,
    situations: HashSet<Situation<3>>,
}

static REACHED: LazyLock<Reached> = LazyLock::new(|| {
    let setting = setting(Zab, 3, [1, 1, 0]);
    let mut table = Table::new();
    let situations = situations::<_, Sticky, 3>(&setting, &mut table);
    Reached {
        setting,
        table: Mutex::new(table),
        situations,
    }
});

proptest! {
    #[test]
    fn merged_channels_miss_nothing_that_plain_ones_reach(
        choices in proptest::collection::vec(any::<prop::sample::Index>(), 150),
    ) {
        let Reached { setting, table, situations } = &*REACHED;
        let mut table = table.lock().unwrap();
        let mut world = World::<Plain, 3>::first(setting, &mut table);
        let mut steps = Vec::new();
        for choice in choices {
            steps.clear();
            world.steps(setting, &mut table, &mut steps);
            if steps.is_empty() {
                break;
            }
            world = choice.get(&steps).to.clone();
            prop_assert!(situations.contains(&(world.members, world.left)));
        }
    }
}

#[test]
fn a_run_that_stops_early_is_not_called_exhausted() {
    // stateright ends a run when every property has a discovery; without properties that is at once.
    let outcome = explore::<Zab, Sticky>(
        Zab,
        setting(Zab, 3, [0, 0, 0]).bounds,
        &[],
        Order::DepthFirst,
        &|_| (),
    );
    assert_eq!(outcome.verdict, ElectionVerdict::Unfinished);
}

#[test]
fn both_orders_of_exploration_see_the_same_states() {
    let bounds = setting(Zab, 3, [1, 1, 0]).bounds;
    let count = |order| {
        let outcome = explore::<Zab, Sticky>(Zab, bounds, &ElectionProperty::OF_RUNS, order, &|_| ());
        assert_eq!(outcome.verdict, ElectionVerdict::Holds);
        outcome.distinct_states
    };
    assert_eq!(count(Order::DepthFirst), count(Order::BreadthFirst));
}
