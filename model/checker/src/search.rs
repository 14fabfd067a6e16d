//! How is every state of the agreement grain seen with little memory? Depth first, and without a memory of ways.
//!
//! stateright's depth-first search keeps for each state on its stack the whole way to it, and its set of states has a lock
//! and a map for each part. A run that finds nothing needs neither: what is kept is the fingerprint of each state, and the
//! states whose ways on were not looked at. Once it finds a state in which a property is broken, stateright looks for the shortest
//! way to one. Why, and how the two are held to each other: `docs/decisions/0018-green-runs-keep-no-ways.md`.

use crate::model::clock;
use crate::seen::Seen;
use crate::world::{Agreement, World};
use quorate_zab::Rules;
use rustix::time::ClockId;
use stateright::Model;
use std::hint::black_box;
use std::time::Duration;

/// After how many states whoever waits is told.
const TELL_EVERY: usize = 1 << 14;

/// What was seen.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Search {
    /// Distinct states.
    pub(crate) distinct: usize,
    /// States generated, repetitions included.
    pub(crate) generated: usize,
    /// How much the thread was running.
    pub(crate) cpu: Duration,
    /// The most memory that the set of states and the states to look at held, in bytes.
    pub(crate) bytes: usize,
    /// Whether a property is broken in one of them. Then it is not all of them.
    pub(crate) is_broken: bool,
}

/// Sees every state that can be reached, or one in which a property is broken.
pub(crate) fn search<R: Rules + Send + Sync + 'static>(
    model: &Agreement<R>,
    progress: &mut dyn FnMut(usize),
) -> Search {
    let began = clock(ClockId::ThreadCPUTime);
    let mut seen = Seen::new();
    let mut ahead = model.init_states();
    let mut found = Search {
        distinct: 0,
        generated: ahead.len(),
        cpu: Duration::ZERO,
        bytes: 0,
        is_broken: false,
    };
    ahead.retain(|world| seen.insert(model.fingerprint(world)));
    let (mut actions, mut fingerprints) = (Vec::new(), Vec::new());
    while let Some(world) = ahead.pop() {
        if model.is_broken(&world) {
            found.is_broken = true;
            break;
        }
        model.actions(&world, &mut actions);
        let first = ahead.len();
        let after = actions
            .drain(..)
            .filter_map(|action| model.next_state(&world, action));
        ahead.extend(after);
        found.generated += ahead.len() - first;
        fingerprints.clear();
        fingerprints.extend(ahead[first..].iter().map(|next| model.fingerprint(next)));
        // So that memory is waited for once, and not once for each.
        black_box(
            fingerprints
                .iter()
                .filter(|&&fingerprint| seen.glance(fingerprint))
                .count(),
        );
        let mut kept = first;
        for (i, &fingerprint) in fingerprints.iter().enumerate() {
            if seen.insert(fingerprint) {
                ahead.swap(kept, first + i);
                kept += 1;
                if seen.len().is_multiple_of(TELL_EVERY) {
                    progress(seen.len());
                }
            }
        }
        ahead.truncate(kept);
        found.bytes = found
            .bytes
            .max(seen.bytes() + ahead.capacity() * size_of::<World>());
    }
    found.distinct = seen.len();
    found.cpu = clock(ClockId::ThreadCPUTime).saturating_sub(began);
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bounds::Bounds;
    use crate::world::Reductions;
    use quorate_zab::Zab;
    use stateright::Checker;

    const THREE: Bounds = Bounds {
        servers: 3,
        observers: 0,
        groups: &[],
        java: 0,
        txns: 1,
        elections: 1,
        crashes: 0,
        breaks: 0,
        pings: 0,
        syncs: 0,
        purges: 0,
        warm: false,
    };

    #[test]
    fn it_sees_what_stateright_sees() {
        let rows = [
            Bounds {
                elections: 2,
                ..THREE
            },
            Bounds {
                crashes: 1,
                warm: true,
                ..THREE
            },
            Bounds {
                breaks: 1,
                purges: 1,
                warm: true,
                ..THREE
            },
            Bounds {
                syncs: 1,
                pings: 1,
                warm: true,
                ..THREE
            },
            Bounds {
                java: 1,
                crashes: 1,
                warm: true,
                ..THREE
            },
            Bounds { servers: 5, ..THREE },
        ];
        for bounds in rows {
            for reductions in [Reductions::ALL, Reductions::NONE] {
                if bounds.servers > 3 && reductions == Reductions::NONE {
                    continue;
                }
                let model = || Agreement::new(Zab, bounds).with_reductions(reductions);
                let found = search(&model(), &mut |_| ());
                let theirs = model().checker().threads(1).spawn_dfs().join();
                assert!(!found.is_broken);
                assert_eq!(
                    found.distinct,
                    theirs.unique_state_count(),
                    "{bounds}, {reductions:?}"
                );
                assert_eq!(found.generated, theirs.state_count(), "{bounds}, {reductions:?}");
            }
        }
    }

    #[test]
    fn a_state_takes_twenty_bytes() {
        let bounds = Bounds {
            elections: 2,
            breaks: 1,
            ..THREE
        };
        let found = search(&Agreement::new(Zab, bounds), &mut |_| ());
        assert!(found.distinct > 50_000, "{found:?}");
        assert!(found.bytes <= 20 * found.distinct, "{found:?}");
    }
}
