//! The leader stops without dying, is replaced, and goes on as if nothing had happened. Who believes it?

use std::time::{Duration, Instant};

use serde_json::Value;

use quorate_tests::four_letters::Mode;
use quorate_tests::{Ensemble, LONG, Writers, agree, wait_until};

use crate::common::{audit_holds, three};

/// How many writes the new leader must have acknowledged to each of its clients before the old one
/// wakes up.
const WRITES: u64 = 1500;
/// How long the old one stands still at least: three times what it allows its learners to be silent. The
/// pause is what this is about, so it is one by the clock.
const PAUSE: Duration = Duration::from_secs(15);

#[test]
fn a_leader_that_wakes_up_after_its_successor_wrote_answers_no_write_and_follows() {
    let mut ensemble = Ensemble::builder("paused", three()).start();
    let old = ensemble.wait_all_serve();
    let others = ensemble.others(&[old]);
    let writers = Writers::start(
        ensemble
            .members()
            .iter()
            .map(|member| (member.id(), member.client_address())),
    );
    writers.wait_more(&[1, 2, 3], 50);
    let mut believer = ensemble.at(old).client();
    believer.create_at("/while-it-led", b"").unwrap();
    let old_epoch = believer.last_zxid() >> 32;

    ensemble.member(old).pause();
    let paused = Instant::now();
    // These wait in the stopped server's socket; it will read them when it wakes, believing it leads.
    let stale: Vec<i32> = (0..10)
        .map(|number| {
            believer
                .submit_create(&format!("/stale-{number}"), b"")
                .expect("the kernel takes it")
        })
        .collect();
    let new = ensemble.wait_leader(&[old]);
    writers.wait_more(&others, WRITES);
    wait_until(LONG, "the pause is over", || {
        (paused.elapsed() >= PAUSE).then_some(())
    });
    writers.wait_more(&others, 50);
    let epoch = ensemble.at(new).srvr().expect("the new leader serves").epoch();
    assert!(epoch as i64 > old_epoch, "epoch {epoch} is not above {old_epoch}");

    ensemble.member(old).resume();
    for request in stale {
        let reply = believer.reply(request, LONG);
        let acknowledged = reply
            .as_ref()
            .is_ok_and(|reply| reply.code == quorate_tests::Code::OK);
        assert!(!acknowledged, "a deposed leader acknowledged a write: {reply:?}");
    }
    wait_until(LONG, "the former leader follows", || {
        ensemble
            .at(old)
            .srvr()
            .filter(|srvr| srvr.mode == Mode::Follower && srvr.epoch() >= epoch)
    });
    writers.wait_more(&[1, 2, 3], 50);
    let ledger = writers.finish();
    for member in ensemble.members() {
        ledger.check(&mut member.client());
    }
    let tree = agree::wait_same_trees(&ensemble.members().iter().collect::<Vec<_>>());
    let stale: Vec<_> = tree.keys().filter(|path| path.starts_with("/stale")).collect();
    assert!(stale.is_empty(), "written by a deposed leader: {stale:?}");

    ensemble.stop_all();
    let Some(audit) = audit_holds(&ensemble) else {
        return;
    };
    let reigns = audit.report["reigns"].as_array().expect("the audit lists reigns");
    for (epoch, leader) in [(old_epoch as u64, old), (epoch, new)] {
        let is_this = |reign: &&Value| reign["epoch"] == epoch && reign["leader"] == leader;
        let reign = reigns.iter().find(is_this);
        assert!(
            reign.is_some_and(|reign| reign["established"] == true),
            "server {leader} led epoch {epoch}, established; the audit has seen {reigns:?}"
        );
    }
}
