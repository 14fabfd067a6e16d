//! Does it work as the quick start says: three servers, a client at each, the leader killed and back?

use quorate_tests::{Ensemble, Kind, Writers, agree, python};

use crate::common::{audit_holds, kazoo_round, three};

#[test]
fn clients_at_every_server_lose_nothing_when_the_leader_is_killed_and_returns() {
    let mut ensemble = Ensemble::builder("first", three()).start();
    let old = ensemble.wait_all_serve();
    for member in ensemble.members() {
        kazoo_round(
            &python::hosts([member.client_address()]),
            &format!("/at-{}", member.id()),
        );
    }

    let writers = Writers::start(
        ensemble
            .members()
            .iter()
            .map(|member| (member.id(), member.client_address())),
    );
    writers.wait_more(&[1, 2, 3], 100);
    ensemble.member(old).kill();
    let survivors = ensemble.others(&[old]);
    ensemble.wait_leader(&[old]);
    writers.wait_more(&survivors, 200);
    ensemble.member(old).start();
    ensemble.wait_all_serve();
    writers.wait_more(&[1, 2, 3], 100);
    let ledger = writers.finish();
    for member in ensemble.members() {
        ledger.check(&mut member.client());
    }
    agree::wait_same_trees(&ensemble.members().iter().collect::<Vec<_>>());
    assert!(agree::compare_digests(&ensemble.members().iter().collect::<Vec<_>>()) > 0);

    for member in ensemble.members_mut() {
        let status = member.interrupt();
        // A Java process that Ctrl-C ended says 130 whatever it did.
        let code = if member.kind() == Kind::Apache { 130 } else { 0 };
        assert_eq!(
            status.code(),
            Some(code),
            "server {} ended badly: {}",
            member.id(),
            member.log()
        );
    }
    audit_holds(&ensemble);
}
