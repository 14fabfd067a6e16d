//! A leader logged a write that nobody else ever saw, and died. Is the write gone when it returns?

use quorate_tests::tail::logged_by_the_leader_alone;
use quorate_tests::{Ensemble, PacketType};

use crate::common::{stop_and_audit, three};

#[test]
fn a_tail_that_only_the_dead_leader_logged_is_cut_off_when_it_returns() {
    let mut tail = logged_by_the_leader_alone(Ensemble::builder("tail", three()).relayed().start());
    // Without a transaction in the new epoch, every leader can tell where to cut.
    let sync = tail.returns();
    assert_eq!(sync.kind, PacketType::Trunc, "{sync:?}");
    stop_and_audit(tail.ensemble);
}

#[test]
fn a_tail_is_also_gone_if_the_others_have_gone_on_meanwhile() {
    let mut tail = logged_by_the_leader_alone(Ensemble::builder("busy-tail", three()).relayed().start());
    let leader = tail.ensemble.wait_leader(&[tail.old]);
    let mut client = tail.ensemble.at(leader).client();
    for number in 0..20 {
        client.create_at(&format!("/new-{number}"), b"").unwrap();
    }
    // Apache's leader does not cut across epochs and sends a snapshot.
    let sync = tail.returns();
    assert!(
        [PacketType::Trunc, PacketType::Snap].contains(&sync.kind),
        "{sync:?}"
    );
    stop_and_audit(tail.ensemble);
}
