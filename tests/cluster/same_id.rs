//! Two processes believe that they are the same server. What becomes of the data?

use quorate_tests::{Ensemble, LONG, Writers, agree, wait_until};

use crate::common::{audit_holds, stop_and_audit, three};

#[test]
fn a_second_process_on_the_same_configuration_ends_and_the_first_serves_on() {
    let mut ensemble = Ensemble::builder("twice", three()).start();
    let config = ensemble.at(2).dir().join("zoo.cfg");
    let mut second = ensemble.impostor(2);
    second.start_on(&config);
    let status = second.wait_ended();
    assert!(
        !status.success(),
        "the second process ended as if all were well: {}",
        second.log()
    );
    assert!(
        ensemble.member(2).ended().is_none(),
        "the first one fell: {}",
        ensemble.at(2).log()
    );
    ensemble.at(2).client().create_at("/still-served", b"").unwrap();
    ensemble.stop_all();
    audit_holds(&ensemble);
}

#[test]
fn a_second_server_with_the_same_id_costs_no_acknowledged_write() {
    let ensemble = Ensemble::builder("same-id", three()).start();
    let leader = ensemble.wait_all_serve();
    let follower = ensemble.others(&[leader])[0];
    let writers = Writers::start(
        ensemble
            .members()
            .iter()
            .map(|member| (member.id(), member.client_address())),
    );
    writers.wait_more(&[1, 2, 3], 100);

    let mut second = ensemble.impostor(follower);
    second.start();
    // The others go on, whatever the two that share an id do to each other.
    writers.wait_more(&ensemble.others(&[follower]), 300);
    if second.ended().is_none() {
        second.kill();
    }
    wait_until(LONG, "the ensemble is whole again", || {
        ensemble
            .members()
            .iter()
            .all(|member| member.srvr().is_some())
            .then_some(())
    });
    writers.wait_more(&[1, 2, 3], 100);
    let ledger = writers.finish();
    for member in ensemble.members() {
        ledger.check(&mut member.client());
    }
    agree::wait_same_trees(&ensemble.members().iter().collect::<Vec<_>>());
    stop_and_audit(ensemble);
}
