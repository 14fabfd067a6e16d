use super::*;
use crate::mutants::mutants;
use proptest::prelude::*;
use quorate_zab::{Conn, Input, Server, Standing, Zab};

fn hostile(reductions: Reductions, warm: bool) -> Agreement<Zab> {
    hostile_to(Zab, reductions, warm)
}

fn hostile_to<R: Rules>(rules: R, reductions: Reductions, warm: bool) -> Agreement<R> {
    let bounds = Bounds {
        servers: 3,
        observers: 0,
        groups: &[],
        java: 1,
        txns: 2,
        elections: 3,
        crashes: 2,
        breaks: 2,
        pings: 1,
        syncs: 1,
        purges: 1,
        disk_errors: 1,
        wipes: 1,
        autocreate: warm,
        warm,
        ..Bounds::default()
    };
    Agreement::new(rules, bounds).with_reductions(reductions)
}

/// As [`hostile`], or with an observer instead of an Apache learner and votes of different weight.
fn hostile_among(alike: bool, reductions: Reductions, warm: bool) -> Agreement<Zab> {
    let model = hostile(reductions, warm);
    if alike {
        return model;
    }
    let bounds = Bounds {
        observers: 1,
        groups: &[&[2, 1, 1]],
        java: 0,
        ..model.bounds
    };
    Agreement::new(Zab, bounds).with_reductions(reductions)
}

/// What an action does to a server first, if it is one of those that a node can forbid.
fn happening(world: &World, action: Action) -> Option<(usize, Happening)> {
    let input = |i, input| Some((i, Happening::Input(input)));
    match action {
        Action::Lead(i) => input(i, Input::Lead),
        Action::Join { learner, leader } => input(learner, Input::Follow { leader: id(leader) }),
        Action::LogDone(i) => input(i, Input::LogDurable { ops: 1 }),
        Action::EpochDone(i) => input(i, Input::EpochsDurable { ops: 1 }),
        Action::GiveUp(i) => input(i, Input::LimitPassed),
        Action::CheckQuorum(i) => input(i, Input::CheckQuorum),
        Action::Ping(i) => input(i, Input::PingLearners),
        Action::Purge(i) => {
            let floor = world.nodes[i].tree.zxid;
            input(i, Input::Purged { floor })
        }
        Action::Propose(i) => {
            let zxid = world.nodes[i].server()?.next_zxid(&Zab)?;
            input(i, Input::Propose { zxid, payload: 1 })
        }
        Action::Crash(i, log_ops, epoch_ops) => Some((
            i,
            Happening::Crash {
                log_ops: log_ops.into(),
                epoch_ops: epoch_ops.into(),
            },
        )),
        Action::DiskFails(i, log_ops, epoch_ops) => Some((
            i,
            Happening::DiskFails {
                log_ops: log_ops.into(),
                epoch_ops: epoch_ops.into(),
            },
        )),
        Action::Wipe(i) => Some((i, Happening::Wipe { autocreate: true })),
        Action::HearHistory(i) => input(i, Input::HistoryHeard),
        Action::Reconfigure(i, payload) => {
            let zxid = world.nodes[i].server()?.next_zxid(&Zab)?;
            input(i, Input::Propose { zxid, payload })
        }
        Action::Hear { looker, of } => Some((looker, Happening::Hear(world.nodes[of].in_force()?))),
        Action::Deliver(..) | Action::Break(..) | Action::Sync(_) => None,
        Action::HearVote { .. } | Action::LoseVote { .. } | Action::Settle(_) => None,
    }
}

/// Walks as the choices say, and shows each world with each action that it offers.
fn walk<R: Rules>(model: &Agreement<R>, choices: &[u16], see: &mut dyn FnMut(&World, Action)) -> World {
    let mut world = model.init();
    let mut actions = Vec::new();
    for &choice in choices {
        actions.clear();
        model.enabled(&world, &mut actions);
        if actions.is_empty() {
            break;
        }
        for &action in &actions {
            see(&world, action);
        }
        world = model.apply(&world, actions[usize::from(choice) % actions.len()]);
    }
    world
}

/// The step of `after` that is `action` of `before`: a step in between may move or remove connections.
fn same_step(before: &World, action: Action, after: &World) -> Option<Action> {
    let moved = |at: usize| {
        let link = before.links[at];
        let is_it = |other: &Cell<Link>| {
            let ends = |end| link.conn(end).is_some() && link.conn(end) == other.conn(end);
            other.learner == link.learner
                && other.leader == link.leader
                && (ends(End::Learner) || ends(End::Leader))
        };
        after.links.iter().position(is_it)
    };
    match action {
        Action::Deliver(at, end) => {
            let at = moved(at)?;
            let is_there = after.links[at].conn(end).is_some() && !after.links[at].incoming(end).is_empty();
            is_there.then_some(Action::Deliver(at, end))
        }
        Action::Break(at, end) => {
            let at = moved(at)?;
            after.links[at]
                .conn(end)
                .is_some()
                .then_some(Action::Break(at, end))
        }
        Action::LogDone(i) => (!after.nodes[i].disk.log_ops.is_empty()).then_some(action),
        Action::EpochDone(i) => (!after.nodes[i].disk.epoch_ops.is_empty()).then_some(action),
        _ => Some(action),
    }
}

/// Whether `more` is `less` but for what is on the way to an open end of a connection whose other end is
/// closed: of that it may have more, behind. Then it can do whatever `less` can. A connection to a server that
/// never leads again may have ended as well: its learner waits in vain either way.
fn covers(more: &World, less: &World) -> bool {
    let ends = |link: &Link| (link.learner, link.leader, link.learner_end, link.leader_end);
    let learner = |link: &Link| (link.learner, link.leader, link.learner_end);
    let less_leads_nowhere = |link: &Link| {
        let leader = less.nodes[index(link.leader)].server().map(Server::standing);
        let leads = matches!(leader, Some(Standing::Leading { .. }));
        less.left.elections == 0 && !leads && link.learner_end.is_some() && link.leader_end.is_some()
    };
    let is_covered = |less: &Cell<Link>| {
        let like = more.links.iter().find(|more| ends(more) == ends(less));
        let in_vain =
            less_leads_nowhere(less) && more.links.iter().any(|more| learner(more) == learner(less));
        in_vain
            || like.is_some_and(|more| {
                [End::Learner, End::Leader].into_iter().all(|end| {
                    let (longer, shorter) = (more.get().incoming(end), less.get().incoming(end));
                    let closed = more.conn(Link::other(end)).is_none();
                    longer == shorter || closed && shorter.iter().zip(longer).all(|(a, b)| a == b)
                })
            })
    };
    more.nodes == less.nodes
        && more.ghost == less.ghost
        && more.left == less.left
        && more.links.len() == less.links.len()
        && less.links.iter().all(is_covered)
}

/// The world after `first` and then `other`, and that after `other` and then `first`.
fn both_orders<R: Rules>(
    model: &Agreement<R>,
    world: &World,
    first: Action,
    other: Action,
) -> Option<(World, World)> {
    let sooner = model.apply(world, first);
    let then = same_step(world, other, &sooner)?;
    let sooner = model.apply(&sooner, then);
    let later = model.apply(world, other);
    // A step that cannot come any more was undone whole.
    let later = match same_step(world, first, &later) {
        Some(first) => model.apply(&later, first),
        None => later,
    };
    Some((sooner, later))
}

/// Takes `first` before `other`, and `other` before `first`, and compares.
fn commutes(model: &Agreement<Zab>, world: &World, first: Action, other: Action) -> bool {
    let Some((sooner, later)) = both_orders(model, world, first, other) else {
        return false;
    };
    // NEWLEADER's acknowledgement waits for what is logged meanwhile: it may be on the way sooner.
    let logged = |mut world: World| {
        let Action::EpochDone(i) = first else { return world };
        while !world.nodes[i].disk.log_ops.is_empty() {
            world = model.apply(&world, Action::LogDone(i));
        }
        world
    };
    covers(&sooner, &later)
        || matches!(first, Action::EpochDone(_)) && covers(&logged(sooner), &logged(later))
}

/// The steps of `world` that are taken before `other`, if that has to wait for some.
fn goes_before<R: Rules>(model: &mut Agreement<R>, world: &World, other: Action) -> Vec<Action> {
    model.reductions = Reductions {
        symmetry: false,
        numbering: false,
        ..Reductions::ALL
    };
    let eager = model.eager(world);
    let mut kept = Vec::new();
    model.enabled(world, &mut kept);
    let can_wait = model.can_wait(world, other);
    model.reductions = Reductions::NONE;
    match eager {
        Some(eager) if eager == other => Vec::new(),
        Some(eager) => vec![eager],
        // The steps of a server that nobody reaches, and one of somebody else.
        None if !kept.contains(&other) && !can_wait => kept,
        None => Vec::new(),
    }
}

proptest! {
    #[test]
    fn what_is_offered_is_permitted(
        choices in prop::collection::vec(any::<u16>(), 1..120),
        warm in any::<bool>(),
        reduced in any::<bool>(),
        alike in any::<bool>(),
    ) {
        let reductions = if reduced { Reductions::ALL } else { Reductions::NONE };
        let model = hostile_among(alike, reductions, warm);
        walk(&model, &choices, &mut |world, action| {
            if let Some((i, happening)) = happening(world, action) {
                assert_eq!(world.nodes[i].permits(&Zab, &happening), Ok(()), "{action:?}");
            }
        });
    }

    #[test]
    fn a_random_walk_breaks_nothing(
        choices in prop::collection::vec(any::<u16>(), 1..200),
        alike in any::<bool>(),
    ) {
        let model = hostile_among(alike, Reductions::ALL, false);
        let world = walk(&model, &choices, &mut |_, _| {});
        prop_assert_eq!(world.ghost.broken(), None);
    }

    #[test]
    fn a_canonical_world_stands_for_itself(
        choices in prop::collection::vec(any::<u16>(), 1..80),
        alike in any::<bool>(),
    ) {
        let model = hostile_among(alike, Reductions::ALL, true);
        let world = walk(&model, &choices, &mut |_, _| {});
        let mut again = world.clone();
        model.canonicalise(&mut again);
        prop_assert_eq!(again, world);
    }

    #[test]
    fn no_two_open_ends_of_a_server_have_one_number(choices in prop::collection::vec(any::<u16>(), 1..120)) {
        let model = hostile(Reductions::ALL, true);
        let world = walk(&model, &choices, &mut |_, _| {});
        for i in 0..world.nodes.len() {
            let mut numbers: Vec<Conn> = world
                .links
                .iter()
                .flat_map(|link| {
                    [End::Learner, End::Leader].map(|end| link.conn(end).filter(|_| link.server(end) == id(i)))
                })
                .flatten()
                .collect();
            let open = numbers.len();
            numbers.sort();
            numbers.dedup();
            prop_assert_eq!(numbers.len(), open);
        }
    }

    #[test]
    fn what_need_not_wait_commutes(
        choices in prop::collection::vec(any::<u16>(), 1..120),
        (crashes, disk_errors) in (0..2u8, 0..2u8),
        (breaks, elections, syncs, purges) in (0..3u8, 0..3u8, 0..2u8, 0..2u8),
        warm in any::<bool>(),
        alike in any::<bool>(),
    ) {
        let mut model = hostile_among(alike, Reductions::NONE, warm);
        // Where disks may be emptied, no order is argued.
        model.bounds = Bounds { crashes, disk_errors, breaks, elections, syncs, purges, wipes: 0, ..model.bounds };
        let mut worlds = Vec::new();
        walk(&model, &choices, &mut |world, other| worlds.push((world.clone(), other)));
        for (world, other) in worlds {
            for first in goes_before(&mut model, &world, other) {
                prop_assert!(commutes(&model, &world, first, other), "{first:?} {other:?} {world:#?}");
            }
        }
    }

    #[test]
    fn what_goes_first_hides_no_violation(
        choices in prop::collection::vec(any::<u16>(), 1..120),
        (crashes, breaks, elections, syncs, purges) in (0..2u8, 0..3u8, 0..3u8, 0..2u8, 0..2u8),
        mutant in prop::sample::select(mutants()),
    ) {
        let mut model = hostile_to(mutant.mutant, Reductions::NONE, true);
        model.bounds = Bounds { crashes, breaks, elections, syncs, purges, disk_errors: 0, wipes: 0, ..model.bounds };
        let mut worlds = Vec::new();
        walk(&model, &choices, &mut |world, other| worlds.push((world.clone(), other)));
        for (world, other) in worlds {
            for first in goes_before(&mut model, &world, other) {
                let Some((sooner, later)) = both_orders(&model, &world, first, other) else { continue };
                let (sooner, later) = (sooner.ghost.broken(), later.ghost.broken());
                prop_assert!(sooner.is_some() || later.is_none(), "{:?}, {later:?}: {first:?} {other:?} {world:#?}", mutant.mutant);
            }
        }
    }
}
