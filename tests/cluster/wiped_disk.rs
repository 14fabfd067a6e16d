//! A server comes back without its disk. Does it help to lose what it had acknowledged, and does it count
//! again once it has everything?

use std::fs;

use quorate_tests::{Ensemble, LONG, Member, agree, wait_until};

use crate::common::stop_and_audit;
use crate::ours::OURS;

/// Takes the data away, and leaves the trace, which is to tell of it.
fn wipe(member: &Member) {
    for entry in fs::read_dir(member.data_dir()).unwrap() {
        let path = entry.unwrap().path();
        if path == member.trace_dir() || path.file_name().is_some_and(|name| name == "myid") {
            continue;
        }
        if path.is_dir() {
            fs::remove_dir_all(path).unwrap();
        } else {
            fs::remove_file(path).unwrap();
        }
    }
}

fn wait_said(member: &Member, what: &str) {
    wait_until(LONG, &format!("server {} says {what:?}", member.id()), || {
        member.log().contains(what).then_some(())
    });
}

#[test]
fn a_server_without_its_disk_elects_nobody_who_lacks_what_it_had_acknowledged() {
    let mut ensemble = Ensemble::builder("wiped", OURS).start();
    let leader = ensemble.wait_all_serve();
    let [lost, behind] = ensemble.others(&[leader])[..] else {
        panic!("an ensemble of three")
    };
    ensemble.member(behind).kill();
    let written = ensemble
        .at(leader)
        .client()
        .create_at("/acknowledged", b"by two")
        .unwrap();
    ensemble.member(leader).kill();
    ensemble.member(lost).kill();
    wipe(ensemble.at(lost));

    // These two are a majority, and neither has the write.
    ensemble.member(lost).start();
    ensemble.member(behind).start();
    wait_said(ensemble.at(lost), "without a vote");
    assert_eq!(ensemble.leader(), None);

    ensemble.member(leader).start();
    ensemble.wait_all_serve();
    for member in ensemble.members() {
        let mut client = member.client();
        client.sync("/").unwrap();
        let (data, stat) = client.get("/acknowledged", false).expect("it was acknowledged");
        assert_eq!((data.as_slice(), stat.czxid), (&b"by two"[..], written));
    }
    stop_and_audit(ensemble);
}

#[test]
fn a_server_that_got_everything_back_counts_again() {
    let mut ensemble = Ensemble::builder("wiped-back", OURS).start_led_by(3);
    ensemble.at(3).client().create_at("/before", b"").unwrap();
    ensemble.member(1).kill();
    wipe(ensemble.at(1));
    ensemble.member(1).start();
    ensemble.wait_all_serve();
    agree::wait_same_trees(&ensemble.members().iter().collect::<Vec<_>>());

    // With the third server gone, what is acknowledged is acknowledged by it.
    ensemble.member(2).kill();
    ensemble.at(3).client().create_at("/after", b"").unwrap();
    ensemble.member(2).start();
    ensemble.wait_all_serve();
    agree::wait_same_trees(&ensemble.members().iter().collect::<Vec<_>>());
    stop_and_audit(ensemble);
}
