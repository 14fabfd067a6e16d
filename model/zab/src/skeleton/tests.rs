use super::*;
use proptest::prelude::*;
use std::collections::BTreeSet;

fn at(epoch: u32, counter: u32) -> Zxid {
    Zxid::new(Epoch::new(epoch), counter)
}

/// A history said plainly: where it begins and all that is above.
#[derive(Clone, Debug)]
struct Plain {
    floor: Zxid,
    held: BTreeSet<Zxid>,
}

impl Plain {
    fn last(&self) -> Zxid {
        self.held.last().copied().unwrap_or(self.floor)
    }

    fn holds(&self, zxid: Zxid) -> bool {
        zxid == self.floor || self.held.contains(&zxid)
    }

    /// Takes in what a log scan found next: nothing twice, and nothing below a hole.
    fn found(&mut self, zxid: Zxid) {
        if zxid <= self.last() {
            return;
        }
        if zxid.follows(self.last()) {
            self.held.insert(zxid);
        } else {
            self.held.clear();
            self.floor = zxid;
        }
    }

    fn last_of(&self, epoch: Epoch) -> Option<Zxid> {
        let of_epoch = self.held.iter().rfind(|zxid| zxid.epoch() == epoch);
        let is_floors = self.floor.epoch() == epoch && self.floor != Zxid::ZERO;
        of_epoch.copied().or(is_floors.then_some(self.floor))
    }

    fn before(&self, epoch: Epoch) -> Option<Zxid> {
        let first = Zxid::new(epoch, 1);
        if self.floor == Zxid::new(epoch, 0) {
            return Some(self.floor);
        }
        let earlier = self.held.range(..first).next_back().copied();
        self.held
            .contains(&first)
            .then_some(earlier.unwrap_or(self.floor))
    }

    fn runs(&self) -> Vec<Run> {
        let mut runs: Vec<Run> = Vec::new();
        for zxid in &self.held {
            let (epoch, counter) = (zxid.epoch(), zxid.counter());
            match runs.last_mut().filter(|run| run.epoch == epoch) {
                Some(run) => run.last = counter,
                None => runs.push(Run {
                    epoch,
                    first: counter,
                    last: counter,
                }),
            }
        }
        runs
    }
}

/// What files of a log may hold, holes and repetitions among it: the floor, and runs.
fn scans() -> impl Strategy<Value = (Zxid, Vec<Run>)> {
    let floor = prop_oneof![Just(Zxid::ZERO), (1..4_u32, 0..5_u32).prop_map(|(e, c)| at(e, c))];
    let run = (1..5_u32, 1..6_u32, 0..4_u32).prop_map(|(epoch, first, more)| Run {
        epoch: Epoch::new(epoch),
        first,
        last: first + more,
    });
    (floor, prop::collection::vec(run, 0..5))
}

fn scanned(floor: Zxid, runs: &[Run]) -> (Skeleton, Plain) {
    let held = BTreeSet::new();
    let mut plain = Plain { floor, held };
    for run in runs {
        for counter in run.first..=run.last {
            plain.found(Zxid::new(run.epoch, counter));
        }
    }
    (Skeleton::from_runs(floor, runs.iter().copied()), plain)
}

fn agree(history: &Skeleton, plain: &Plain) {
    assert_eq!(
        (history.floor(), history.last(), history.runs().to_vec()),
        (plain.floor, plain.last(), plain.runs())
    );
    for epoch in 0..7 {
        let name = Epoch::new(epoch);
        assert_eq!(history.last_of(name), plain.last_of(name), "{epoch} of {plain:?}");
        assert_eq!(history.before(name), plain.before(name), "{epoch} of {plain:?}");
        for counter in 0..12 {
            let zxid = at(epoch, counter);
            assert_eq!(history.holds(zxid), plain.holds(zxid), "{zxid:?} of {plain:?}");
        }
    }
}

proptest! {
    #[test]
    fn a_skeleton_says_what_a_list_of_all_positions_says((floor, runs) in scans()) {
        let (mut history, mut plain) = scanned(floor, &runs);
        agree(&history, &plain);
        let last = history.last();
        for next in [at(last.epoch().get(), last.counter() + 1), at(6, 1)] {
            history.push(next);
            plain.held.insert(next);
            agree(&history, &plain);
        }
    }

    #[test]
    fn a_cut_keeps_what_is_at_and_before_it((floor, runs) in scans(), to in (0..6_u32, 0..12_u32)) {
        let (mut history, mut plain) = scanned(floor, &runs);
        let to = at(to.0, to.1).max(plain.floor);
        history.truncate(to);
        plain.held.retain(|zxid| *zxid <= to);
        agree(&history, &plain);
    }

    #[test]
    fn what_is_purged_is_gone_and_nothing_else((floor, runs) in scans(), which in 0..40_usize, before in any::<bool>()) {
        let (mut history, mut plain) = scanned(floor, &runs);
        let below = plain.held.iter().copied().nth(which);
        let purged = below.filter(|_| !before).unwrap_or(Zxid::ZERO);
        history.forget_below(purged);
        plain.floor = plain.floor.max(purged);
        plain.held.retain(|zxid| *zxid > purged);
        agree(&history, &plain);
    }
}

#[test]
fn the_next_counter_follows_and_the_first_of_any_later_epoch() {
    for (last, next, follows) in [
        (Zxid::ZERO, at(1, 1), true),
        (Zxid::ZERO, at(0, 1), true),
        (at(2, 3), at(2, 4), true),
        (at(2, 3), at(2, 3), false),
        (at(2, 3), at(2, 5), false),
        (at(2, 3), at(2, 2), false),
        (at(2, 3), at(3, 1), true),
        (at(2, 3), at(9, 1), true),
        (at(2, 3), at(3, 0), false),
        (at(2, 3), at(3, 2), false),
        (at(2, 0), at(2, 1), true),
        (at(2, 3), at(1, 1), false),
        (at(2, u32::MAX), at(2, 0), false),
        (at(2, u32::MAX), at(3, 1), true),
    ] {
        assert_eq!(next.follows(last), follows, "{next:?} after {last:?}");
    }
}
