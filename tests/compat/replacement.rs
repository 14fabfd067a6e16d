//! An ensemble of Apache's servers becomes one of ours, one server at a time, and back, while clients
//! write: does anybody notice?

use quorate_tests::{Kind, Writers};

use crate::common::{HOLDS, agree, audit, builder, digests_agree};

#[test]
fn servers_are_replaced_one_by_one_in_both_directions_and_no_acknowledged_write_is_lost() {
    let mut ensemble = builder("replaced", [Kind::Apache; 3]).start_led_by(3);
    let writers = Writers::start(
        ensemble
            .members()
            .iter()
            .map(|member| (member.id(), member.client_address())),
    );
    writers.wait_more(&[1, 2, 3], 100);
    for kind in [Kind::subject(), Kind::Apache] {
        for id in [1, 2, 3] {
            ensemble.member(id).stop();
            ensemble.member(id).become_kind(kind);
            ensemble.member(id).start();
            ensemble.wait_all_serve();
            writers.wait_more(&[1, 2, 3], 100);
            digests_agree(&ensemble);
        }
        if ensemble.trace_dirs().len() == 3 {
            // All are ours now, and of every epoch a quorum was recorded: servers 1 and 2 in the first.
            ensemble.stop_all();
            audit(&ensemble.trace_dirs(), &[HOLDS]);
            ensemble.start_all();
            ensemble.wait_all_serve();
        }
    }
    writers.wait_more(&[1, 2, 3], 300);
    let ledger = writers.finish();
    for member in ensemble.members() {
        ledger.check(&mut member.client());
    }
    agree(&ensemble);
}
