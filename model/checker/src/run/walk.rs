//! Where do runs come from that no property is broken in? From dice, and from looking for an occasion.

use super::Followed;
use crate::witness::Witness;
use crate::world::{Action, Agreement, World};
use foldhash::quality::FixedState;
use quorate_zab::Rules;
use std::collections::BTreeSet;
use std::hash::BuildHasher;

/// One step of a walk in so many may be a fault or an election.
const ROUGH_IN: u64 = 12;

impl<R: Rules> Agreement<R> {
    /// A walk of at most so many steps through the worlds of the model, each step one of those that are
    /// possible there: the same for the same seed. One in `ROUGH_IN` is a fault or an election, so that
    /// something goes on in between. As a [`crate::Run`] plays it, from empty disks.
    ///
    /// # Panics
    ///
    /// If the run is not the walk's: then one of the two is wrong.
    pub fn walk(&self, seed: u64, steps: usize) -> Vec<Action> {
        let mut dice = seed;
        let mut world = self.init();
        let mut path = Vec::new();
        let mut actions = Vec::new();
        for _ in 0..steps {
            actions.clear();
            self.enabled(&world, &mut actions);
            if actions.is_empty() {
                break;
            }
            let rough = roll(&mut dice).is_multiple_of(ROUGH_IN);
            if actions.iter().any(|action| is_rough(action) == rough) {
                actions.retain(|action| is_rough(action) == rough);
            }
            let action = actions[(roll(&mut dice) % actions.len() as u64) as usize];
            let after = self.apply(&world, action);
            path.push((std::mem::replace(&mut world, after), action));
        }
        self.own_run(path)
    }

    /// A shortest run that meets the occasion, as [`Self::walk`] tells runs; none if nothing within the bounds does.
    pub fn shortest_to(&self, witness: Witness) -> Option<Vec<Action>> {
        let first = self.init();
        if self.witnessed.met(witness) {
            return Some(self.own_run(Vec::new()));
        }
        let hash = |world: &World| FixedState::default().hash_one(world);
        let mut seen = BTreeSet::from([hash(&first)]);
        // Each world with the one that it was reached from.
        let mut met: Vec<(World, Option<(usize, Action)>)> = vec![(first, None)];
        let mut next = 0;
        while next < met.len() {
            let world = met[next].0.clone();
            let mut actions = Vec::new();
            self.enabled(&world, &mut actions);
            for action in actions {
                let after = self.apply(&world, action);
                if self.witnessed.met(witness) {
                    return Some(self.own_run(path_to(&met, next, action)));
                }
                if seen.insert(hash(&after)) {
                    met.push((after, Some((next, action))));
                }
            }
            next += 1;
        }
        None
    }

    fn own_run(&self, path: Vec<(World, Action)>) -> Vec<Action> {
        let (mut followed, mut done) =
            Followed::begin(self, &self.init()).expect("a run begins as its worlds do");
        for (world, action) in path {
            let after = followed.step(&world, action, &mut |_, _, _, own| done.push(own));
            assert!(after.is_some(), "a run goes on as its worlds do");
        }
        done
    }
}

/// The steps to the world at `at`, and then `action`.
fn path_to(met: &[(World, Option<(usize, Action)>)], at: usize, action: Action) -> Vec<(World, Action)> {
    let (mut at, mut action) = (at, action);
    let mut path = Vec::new();
    loop {
        let (world, from) = &met[at];
        path.push((world.clone(), action));
        match *from {
            Some(from) => (at, action) = from,
            None => break,
        }
    }
    path.reverse();
    path
}

fn is_rough(action: &Action) -> bool {
    match action {
        Action::Lead(_)
        | Action::Break(..)
        | Action::Crash(..)
        | Action::DiskFails(..)
        | Action::Wipe(_)
        | Action::GiveUp(_)
        | Action::CheckQuorum(_)
        | Action::Purge(_) => true,
        Action::Join { .. }
        | Action::Deliver(..)
        | Action::LogDone(_)
        | Action::EpochDone(_)
        | Action::Propose(_)
        | Action::HearHistory(_)
        | Action::Reconfigure(..)
        | Action::Hear { .. }
        | Action::Ping(_)
        | Action::Sync(_)
        | Action::HearVote { .. }
        | Action::LoseVote { .. }
        | Action::Settle(_) => false,
    }
}

/// The next number of a stream that looks random and is the same for the same seed (SplitMix64).
fn roll(dice: &mut u64) -> u64 {
    *dice = dice.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut mixed = *dice;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}
