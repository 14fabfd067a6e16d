use super::*;
use proptest::prelude::*;
use quorate_zab::Zab;

fn hostile(reductions: Reductions, warm: bool) -> Agreement<Zab> {
    let bounds = Bounds {
        servers: 3,
        java: 1,
        txns: 2,
        elections: 3,
        crashes: 2,
        breaks: 2,
        pings: 1,
        syncs: 1,
        purges: 1,
        warm,
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
            let zxid = world.nodes[i].server()?.next_zxid()?;
            input(i, Input::Propose { zxid, payload: 1 })
        }
        Action::Crash(i, log_ops, epoch_ops) => Some((
            i,
            Happening::Crash {
                log_ops: log_ops.into(),
                epoch_ops: epoch_ops.into(),
            },
        )),
        Action::Deliver(..) | Action::Break(..) | Action::Sync(_) => None,
    }
}

/// Walks as the choices say, and shows each world with each action that it offers.
fn walk(model: &Agreement<Zab>, choices: &[u16], see: &mut dyn FnMut(&World, Action)) -> World {
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

proptest! {
    #[test]
    fn what_is_offered_is_permitted(
        choices in prop::collection::vec(any::<u16>(), 1..120),
        warm in any::<bool>(),
        reduced in any::<bool>(),
    ) {
        let reductions = if reduced { Reductions::ALL } else { Reductions::NONE };
        let model = hostile(reductions, warm);
        walk(&model, &choices, &mut |world, action| {
            if let Some((i, happening)) = happening(world, action) {
                assert_eq!(world.nodes[i].permits(&happening), Ok(()), "{action:?}");
            }
        });
    }

    #[test]
    fn a_random_walk_breaks_nothing(choices in prop::collection::vec(any::<u16>(), 1..200)) {
        let model = hostile(Reductions::ALL, false);
        let world = walk(&model, &choices, &mut |_, _| {});
        prop_assert_eq!(world.ghost.broken(), None);
    }

    #[test]
    fn a_canonical_world_stands_for_itself(choices in prop::collection::vec(any::<u16>(), 1..80)) {
        let model = hostile(Reductions::ALL, true);
        let world = walk(&model, &choices, &mut |_, _| {});
        prop_assert_eq!(model.canonical(world.clone()).0, world);
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
}
