//! Observers under leaders of either kind: they serve and forward, come back, follow the next leader, and make no
//! quorum.

use quorate_tests::four_letters::Mode;
use quorate_tests::{Code, Ensemble, Kind, LONG, Member, wait_until};

use crate::common::{agree, builder, plant, stop_and_audit};

const OBSERVER: u64 = 4;

/// Creates some znodes below `root`, pipelined.
fn write(member: &Member, root: &str) {
    let mut client = member.client();
    client.create_at(root, b"").unwrap();
    let create = |number| {
        client
            .submit_create(&format!("{root}/{number}"), b"data")
            .unwrap()
    };
    let requests: Vec<i32> = (0..60).map(create).collect();
    for request in requests {
        assert_eq!(client.reply(request, LONG).unwrap().code, Code::OK);
    }
    client.close().unwrap();
}

fn observes(ensemble: &Ensemble) -> bool {
    let srvr = ensemble.at(OBSERVER).srvr();
    srvr.is_some_and(|srvr| srvr.mode == Mode::Observer)
}

/// Three voters of one kind, and an observer.
fn observed(name: &str, voters: Kind, observer: Kind) {
    let kinds = [voters, voters, voters, observer];
    let mut ensemble = builder(name, kinds).observers(1).start();
    assert!(observes(&ensemble));
    write(ensemble.at(OBSERVER), "/forwarded");
    write(ensemble.at(1), "/informed");
    ensemble.member(OBSERVER).kill();
    write(ensemble.at(2), "/missed");
    ensemble.member(OBSERVER).start();
    let leader = ensemble.wait_all_serve();
    plant(&ensemble, OBSERVER, "/varied");

    ensemble.member(leader).kill();
    let next = ensemble.wait_leader(&[leader]);
    ensemble.wait_all_serve();
    assert!(next != OBSERVER && observes(&ensemble));
    write(ensemble.at(OBSERVER), "/next");

    // With one voter left nobody serves, however many observe.
    let other = ensemble.others(&[leader, next, OBSERVER])[0];
    ensemble.member(other).kill();
    wait_until(LONG, "the leader and the observer give up", || {
        let served = [next, OBSERVER].map(|id| ensemble.at(id).srvr().is_some());
        (served == [false, false]).then_some(())
    });
    ensemble.start_all();
    ensemble.wait_all_serve();
    assert!(observes(&ensemble));
    // More than 128 transactions, of which one is recorded with its digest while all serve: a server does not know that of
    // a tree that it got from an Apache leader before it serves.
    for root in ["/whole", "/more", "/most"] {
        write(ensemble.at(1), root);
    }
    agree(&ensemble);
    stop_and_audit(ensemble);
}

#[test]
fn our_observer_serves_under_our_leader() {
    observed("observer-1", Kind::subject(), Kind::subject());
}

#[test]
fn our_observer_serves_under_apaches_leader() {
    observed("observer-2", Kind::Apache, Kind::subject());
}

#[test]
fn apaches_observer_serves_under_our_leader() {
    observed("observer-3", Kind::subject(), Kind::Apache);
}
