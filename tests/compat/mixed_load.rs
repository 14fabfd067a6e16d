//! Servers of both kinds in one ensemble, under constant load, while each kind of leader dies: is
//! anything acknowledged missing, and do all servers compute the same tree?

use quorate_tests::{Kind, LONG, Writers, python, wait_until};

use crate::common::{agree, builder, one_of_apaches, one_of_ours, plant, stop_and_audit};

/// Enough for several recorded digests after the last restart: one each 128 transactions.
const WRITES: u64 = 300;

fn leaders_die_under_load(name: &str, kinds: [Kind; 3]) {
    let mut ensemble = builder(name, kinds).start_led_by(3);
    let writers = Writers::start(
        ensemble
            .members()
            .iter()
            .map(|member| (member.id(), member.client_address())),
    );
    let hosts = python::hosts(ensemble.members().iter().map(|member| member.client_address()));
    let kazoo_done = ensemble.dir().join("kazoo-may-end");
    let flag = kazoo_done.display().to_string();
    let kazoo = std::thread::spawn(move || python::run("load.py", &[&hosts, "/kazoo", &flag]));
    writers.wait_more(&[1, 2, 3], WRITES);
    for id in [1, 2, 3] {
        plant(&ensemble, id, &format!("/varied-{id}"));
    }

    // The first to die leads by the order of starting; the second is of the other kind, or of either.
    for turn in 1..=2 {
        let leader = ensemble.wait_all_serve();
        ensemble.member(leader).kill();
        ensemble.wait_leader(&[leader]);
        writers.wait_more(&ensemble.others(&[leader]), WRITES);
        ensemble.member(leader).start();
        ensemble.wait_all_serve();
        for id in [1, 2, 3] {
            plant(&ensemble, id, &format!("/varied-{id}-turn-{turn}"));
        }
        writers.wait_more(&[1, 2, 3], WRITES);
    }

    std::fs::write(&kazoo_done, b"").unwrap();
    let ledger = writers.finish();
    let acknowledged = kazoo.join().expect("kazoo's load runs to its end");
    assert!(
        acknowledged.len() > 10,
        "kazoo wrote almost nothing: {}",
        acknowledged.len()
    );
    for member in ensemble.members() {
        let mut client = member.client();
        ledger.check(&mut client);
        for line in &acknowledged {
            let (path, czxid) = (line["path"].as_str().unwrap(), line["czxid"].as_i64().unwrap());
            let stat = client.exists(path, false).unwrap();
            assert_eq!(
                stat.map(|stat| stat.czxid),
                Some(czxid),
                "{path} on server {}",
                member.id()
            );
        }
    }
    wait_until(LONG, "every server serves", || ensemble.leader());
    agree(&ensemble);
    stop_and_audit(ensemble);
}

#[test]
fn one_of_our_servers_leads_two_of_apaches_dies_and_returns_and_nothing_is_lost() {
    leaders_die_under_load("ours-first", one_of_ours());
}

#[test]
fn one_of_apaches_servers_leads_two_of_ours_dies_and_returns_and_nothing_is_lost() {
    leaders_die_under_load("apaches-first", one_of_apaches());
}
