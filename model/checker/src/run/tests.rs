use super::*;
use crate::world::{Agreement, Reductions};
use quorate_zab::Zab;

fn hostile(reductions: Reductions, java: u8, warm: bool) -> Agreement<Zab> {
    let bounds = Bounds {
        servers: 3,
        observers: 0,
        groups: &[],
        java,
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

/// [`Agreement::walk`] compares each world with the run.
#[test]
fn a_walk_of_the_checker_is_a_run() {
    let mut moves = 0;
    for seed in 0..200 {
        let reductions = if seed % 4 < 2 {
            Reductions::ALL
        } else {
            Reductions::NONE
        };
        let model = hostile(reductions, (seed % 3 / 2) as u8, seed % 2 == 0);
        moves += model.walk(seed, 150).len();
    }
    assert!(moves > 200 * 40, "the walks are short: {moves} steps");
}

#[test]
fn a_run_numbers_every_connection_of_a_boot_otherwise() {
    for seed in 0..40 {
        let model = hostile(Reductions::ALL, 0, false);
        let moves = model.walk(seed, 150);
        let mut run = Run::new(&Zab, Flaws::default(), model.bounds);
        let mut used = vec![Vec::new(); 3];
        for action in moves {
            run.play(action, &mut |happened| match happened {
                Happened::Opened { learner, leader } => {
                    for (server, conn) in [learner, leader] {
                        assert!(!used[server].contains(&conn), "{conn:?} of server {server}");
                        used[server].push(conn);
                    }
                }
                Happened::Restarted { at, .. } => used[at].clear(),
                Happened::Stepped { .. } => {}
            });
        }
    }
}
