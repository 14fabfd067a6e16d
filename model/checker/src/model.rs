//! The agreement grain as stateright sees it.

use crate::bounds::Bounds;
use crate::election_grain::Votes;
use crate::story::{names, tell};
use crate::world::{Action, Agreement, World};
use quorate_zab::Rules;
use rustix::time::{ClockId, clock_gettime};
use stateright::Model;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// After how many worlds the thread's clock is read.
const CLOCK_EVERY: u64 = 256;

pub(crate) fn clock(which: ClockId) -> Duration {
    let time = clock_gettime(which);
    let seconds = Duration::from_secs(u64::try_from(time.tv_sec).unwrap_or_default());
    seconds + Duration::from_nanos(u64::try_from(time.tv_nsec).unwrap_or_default())
}

impl<R: Rules + Send + Sync + 'static> Model for Agreement<R> {
    type State = World;
    type Action = Action;

    fn init_states(&self) -> Vec<World> {
        vec![self.init()]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Action>) {
        let expanded = self.expanded.fetch_add(1, Ordering::Relaxed);
        if expanded.is_multiple_of(CLOCK_EVERY) {
            let used = clock(ClockId::ThreadCPUTime).as_nanos();
            self.cpu_ns
                .store(u64::try_from(used).unwrap_or(u64::MAX), Ordering::Relaxed);
        }
        self.enabled(world, actions);
    }

    fn next_state(&self, world: &World, action: Action) -> Option<World> {
        let next = self.apply(world, action);
        let is_within = |votes: &Votes| !votes.is_beyond;
        next.votes.as_deref().is_none_or(is_within).then_some(next)
    }

    /// For the Explorer: the step in words, and the world after it.
    fn format_step(&self, world: &World, action: Action) -> Option<String> {
        let words = tell(&self.rules, world, &action, &names(self));
        Some(format!("{words}\n\n{:#?}", self.apply(world, action)))
    }

    /// One property for all: the history says which is broken. Only the first world in which one is counts:
    /// stateright goes on to the end of its block, and would report a later one, farther away.
    fn properties(&self) -> Vec<stateright::Property<Self>> {
        vec![stateright::Property::always(
            "every property holds",
            |model: &Self, world: &World| {
                !model.is_broken(world) || model.first_broken.get_or_init(|| world.clone()) != world
            },
        )]
    }
}

impl<R: Rules> Agreement<R> {
    /// Whether a property is broken in `world`, or on its way to recovery.
    pub(crate) fn is_broken(&self, world: &World) -> bool {
        world.ghost.broken().is_some() || self.fails_to_recover(world)
    }

    /// What tells worlds apart: 64 bits made of those of its parts.
    pub(crate) fn fingerprint(&self, world: &World) -> u64 {
        // Each budget by its name, so that none can be forgotten: what never changes in a run is left out.
        let Bounds {
            txns,
            elections,
            crashes,
            breaks,
            pings,
            syncs,
            purges,
            disk_errors,
            wipes,
            reconfigs,
            give_ups,
            servers: _,
            observers: _,
            groups: _,
            java: _,
            autocreate: _,
            joiners: _,
            targets: _,
            misfiled: _,
            last_counter: _,
            warm: _,
            elects: _,
            late_votes: _,
        } = world.left;
        let links = world.links.len() as u8;
        let budgets = [txns, elections, crashes, breaks, pings, syncs, purges, links];
        let faults = u64::from_le_bytes([disk_errors, wipes, reconfigs, give_ups, 0, 0, 0, 0]);
        let nodes = world.nodes.iter().map(|node| node.content_hash());
        let links = world.links.iter().map(|link| link.content_hash());
        let votes = world.votes.as_ref().map(|votes| self.hash_of(votes));
        let parts = nodes
            .chain(links)
            .chain([world.ghost.content_hash(), faults])
            .chain(votes);
        parts.fold(u64::from_le_bytes(budgets), |mixed, part| {
            let wide = u128::from(mixed ^ 0x9e37_79b9_7f4a_7c15) * u128::from(part ^ 0xd1b5_4a32_d192_ed03);
            (wide as u64) ^ (wide >> 64) as u64
        })
    }
}
