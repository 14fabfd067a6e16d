use super::*;
use crate::leader::Leader;
use crate::{Configuration, Ensemble, Image, Run, Skeleton, Zab};

fn at(epoch: u32, counter: u32) -> Zxid {
    Zxid::new(Epoch::new(epoch), counter)
}

/// A history above `floor`: each run is an epoch with its first and its last counter.
fn history(floor: Zxid, runs: &[(u32, u32, u32)]) -> Skeleton {
    let run = |&(epoch, first, last)| Run {
        epoch: Epoch::new(epoch),
        first,
        last,
    };
    Skeleton::from_runs(floor, runs.iter().map(run))
}

/// A server that was elected with this history and currentEpoch.
fn elected_with(history: Skeleton, current: u32) -> Server {
    let image = Image {
        accepted: Some(Epoch::new(9)),
        current: Some(Epoch::new(current)),
        snapshot: history.floor(),
        history,
    };
    let mut server = Server::boot::<u8, _>(&Zab, &image, Memory::Whole, &mut Vec::new())
        .expect("a run leaves this behind");
    server.role = Role::Leading(Leader::new(server.current));
    server
}

/// What it plans for a learner that promised and reports `last`, its own history being committed up to `bound`.
fn plan(server: &Server, last: Zxid, bound: Zxid) -> Plan {
    let configuration = Configuration::fixed(Ensemble::majority((1..=3).map(ServerId::new)));
    let cx = Context {
        me: ServerId::new(1),
        configuration: &configuration,
        rules: &Zab,
    };
    server.plan(&cx, last, true, bound)
}

#[test]
fn who_says_that_an_epoch_had_no_write_is_served_from_where_its_initial_history_ended() {
    let diff = |from| Plan::Diff { from };
    let none = Zxid::ZERO;
    for (floor, runs, current, last, expected) in [
        // Synchronised in that epoch itself, and nothing was written since.
        (none, &[][..], 1, at(1, 0), diff(none)),
        (none, &[(1, 1, 5)], 2, at(2, 0), diff(at(1, 5))),
        // The epoch's first transaction says where it began.
        (none, &[(1, 1, 5), (3, 1, 2)], 3, at(3, 0), diff(at(1, 5))),
        (none, &[(1, 1, 5)], 1, at(1, 0), diff(none)),
        // A snapshot that Apache took before the epoch's first transaction.
        (at(3, 0), &[(3, 1, 2)], 3, at(3, 0), diff(at(3, 0))),
        // An epoch that this server was not in, or is past.
        (none, &[(1, 1, 5)], 1, at(2, 0), Plan::Snap),
        (none, &[(1, 1, 5), (3, 1, 2)], 3, at(2, 0), Plan::Snap),
        // It knows, but cannot serve from there.
        (at(1, 3), &[(1, 4, 5)], 1, at(1, 0), Plan::Snap),
    ] {
        let server = elected_with(history(floor, runs), current);
        let bound = server.history.last();
        assert_eq!(
            plan(&server, last, bound),
            expected,
            "{last:?} of {runs:?} above {floor:?}"
        );
    }
}

#[test]
fn who_names_no_transaction_is_never_asked_to_cut() {
    let known = history(Zxid::ZERO, &[(1, 1, 3), (3, 1, 2)]);
    for current in 3..=4 {
        let server = elected_with(known.clone(), current);
        for bound in [Zxid::ZERO, at(1, 2), at(1, 3), at(3, 1), at(3, 2)] {
            for epoch in 1..=5 {
                let planned = plan(&server, at(epoch, 0), bound);
                assert!(
                    !matches!(planned, Plan::Trunc { .. }),
                    "<{epoch},0> at {bound:?}: {planned:?}"
                );
                // Nor told of what may not be committed as if it had it.
                assert!(
                    !matches!(planned, Plan::Diff { from } if from > bound),
                    "{planned:?}"
                );
            }
        }
    }
}

#[test]
fn who_names_no_transaction_is_compared_by_where_the_initial_history_ended() {
    let server = elected_with(history(Zxid::ZERO, &[(1, 1, 5)]), 2);
    let compared = |current, last| server.comparable(Epoch::new(current), last);
    assert_eq!(compared(2, at(2, 0)), at(1, 5));
    assert_eq!(compared(1, at(1, 0)), Zxid::ZERO);
    // What it says of another epoch than its own, of one not known here, and of a transaction stays.
    assert_eq!(compared(2, at(1, 0)), at(1, 0));
    assert_eq!(compared(3, at(3, 0)), at(3, 0));
    assert_eq!(compared(2, at(2, 7)), at(2, 7));
    assert_eq!(compared(2, Zxid::ZERO), Zxid::ZERO);
}

#[test]
fn a_learner_is_brought_to_a_prefix_of_what_is_committed_by_the_least_that_does_it() {
    let (diff, trunc) = (|from| Plan::Diff { from }, |to| Plan::Trunc { to });
    let none = Zxid::ZERO;
    for (floor, runs, bound, last, expected) in [
        // It has a prefix.
        (none, &[(1, 1, 5), (3, 1, 4)][..], at(3, 2), none, diff(none)),
        (none, &[(1, 1, 5), (3, 1, 4)], at(3, 2), at(1, 1), diff(at(1, 1))),
        (none, &[(1, 1, 5), (3, 1, 4)], at(3, 2), at(1, 5), diff(at(1, 5))),
        (none, &[(1, 1, 5), (3, 1, 4)], at(3, 2), at(3, 2), diff(at(3, 2))),
        // It has what is not committed: it is sent that again, in case it is.
        (none, &[(1, 1, 5), (3, 1, 4)], at(3, 2), at(3, 3), trunc(at(3, 2))),
        (none, &[(1, 1, 5), (3, 1, 4)], at(1, 5), at(3, 3), trunc(at(1, 5))),
        // It has more of an epoch than the leader: they part where the leader's ends.
        (none, &[(1, 1, 5), (3, 1, 4)], at(3, 2), at(1, 6), trunc(at(1, 5))),
        (none, &[(1, 1, 5), (3, 1, 4)], at(3, 4), at(3, 9), trunc(at(3, 4))),
        (none, &[(1, 1, 5), (3, 1, 4)], at(3, 2), at(3, 9), trunc(at(3, 2))),
        // It has something of an epoch of which the leader has nothing: where they part is not known.
        (none, &[(1, 1, 5), (3, 1, 4)], at(3, 4), at(2, 1), Plan::Snap),
        (none, &[(1, 1, 5), (3, 1, 4)], at(3, 4), at(4, 1), Plan::Snap),
        // What it would need is not in the log any more.
        (at(1, 3), &[(1, 4, 5)], at(1, 5), at(1, 2), Plan::Snap),
        (at(1, 3), &[(1, 4, 5)], at(1, 5), none, Plan::Snap),
        (at(1, 3), &[(1, 4, 5)], at(1, 5), at(1, 3), diff(at(1, 3))),
        (at(1, 3), &[(1, 4, 5)], at(1, 5), at(1, 9), trunc(at(1, 5))),
        (at(1, 3), &[(2, 1, 5)], at(2, 5), at(1, 9), trunc(at(1, 3))),
        // A snapshot by the name of an epoch's beginning says nothing of how far that epoch's log went elsewhere.
        (at(3, 0), &[], at(3, 0), at(3, 2), Plan::Snap),
    ] {
        let history = history(floor, runs);
        let server = elected_with(history, 9);
        assert_eq!(
            plan(&server, last, bound),
            expected,
            "{last:?} of {runs:?} above {floor:?} up to {bound:?}"
        );
    }
}

#[test]
fn who_has_nothing_and_does_not_promise_is_sent_a_snapshot() {
    let server = elected_with(history(Zxid::ZERO, &[(1, 1, 5)]), 1);
    let configuration = Configuration::fixed(Ensemble::majority((1..=3).map(ServerId::new)));
    let cx = Context {
        me: ServerId::new(1),
        configuration: &configuration,
        rules: &Zab,
    };
    let planned = |last, promised| server.plan(&cx, last, promised, at(1, 5));
    assert_eq!(planned(Zxid::ZERO, false), Plan::Snap);
    assert_eq!(planned(at(1, 2), false), Plan::Diff { from: at(1, 2) });
}
