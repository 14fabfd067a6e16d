//! A data directory goes from Apache's server to ours and back: is everything in it, after a stop and
//! after a kill?

use std::collections::BTreeMap;

use quorate_tests::agree::{self, Tree, compare_digests, tree};
use quorate_tests::{Kind, LONG, Writers, command, varied, wait_until};

use crate::common::{INCONCLUSIVE, all, builder};

/// The tree without the ephemerals, whose sessions may end between two looks, and without what the
/// end of an ephemeral changes in its parent.
fn lasting(tree: Tree) -> BTreeMap<String, String> {
    let parents: Vec<String> = tree
        .iter()
        .filter(|(_, znode)| znode.stat.ephemeral_owner != 0)
        .filter_map(|(path, _)| path.rsplit_once('/').map(|(parent, _)| parent.to_owned()))
        .collect();
    let lasting = tree
        .into_iter()
        .filter(|(_, znode)| znode.stat.ephemeral_owner == 0);
    lasting
        .map(|(path, mut znode)| {
            if parents.contains(&path) {
                (znode.stat.pzxid, znode.stat.cversion, znode.stat.num_children) = (0, 0, 0);
            }
            (path, format!("{znode:?}"))
        })
        .collect()
}

fn there_and_back(name: &str, servers: usize, killed: bool) {
    let mut ensemble = builder(name, vec![Kind::Apache; servers]).start();
    // Apache's servers record nothing, and nothing is said about what they do.
    let dirs: Vec<_> = ensemble
        .members()
        .iter()
        .map(|member| member.dir().to_owned())
        .collect();
    let audit = command::audit(&dirs);
    assert_eq!(audit.code, INCONCLUSIVE, "{}", audit.text);
    let mut expected = BTreeMap::new();
    let mut digests = Vec::new();
    for (turn, kind) in [Kind::Apache, Kind::subject(), Kind::Apache, Kind::subject()]
        .into_iter()
        .enumerate()
    {
        if turn > 0 {
            for member in ensemble.members_mut() {
                if killed {
                    member.kill();
                } else {
                    member.stop();
                }
                member.become_kind(kind);
            }
            ensemble.start_all();
            ensemble.wait_all_serve();
        }
        // What this kind computes from the files of the other is what the other computed when it wrote them.
        for (member, before) in ensemble.members().iter().zip(&digests) {
            let id = member.id();
            match agree::same_digests(before, &agree::digests(member)) {
                Ok(both) => assert!(
                    both > 0,
                    "turn {turn}: server {id} recorded no digest that it had before"
                ),
                Err(why) => panic!("turn {turn}: before and after, server {id} has {why}"),
            }
        }
        let member = &ensemble.members()[0];
        let mut client = member.client();
        let found = lasting(tree(&mut client).unwrap());
        for (path, znode) in &expected {
            assert_eq!(
                found.get(path),
                Some(znode),
                "turn {turn}, served by {kind:?}: {path}"
            );
        }
        assert!(
            turn == 0 || found.len() == expected.len(),
            "turn {turn}, served by {kind:?}: more than was there"
        );

        let root = format!("/turn-{turn}");
        ensemble.wait_all_serve();
        varied::plant(&mut client, &root).unwrap();
        // Past the next recorded digest.
        for number in 0..150 {
            client.create_at(&format!("{root}/{number}"), b"").unwrap();
        }
        assert!(
            client
                .exists(&format!("{root}/session"), false)
                .unwrap()
                .is_some()
        );
        client.close().unwrap();
        let mut client = member.client();
        wait_until(LONG, "the ephemeral ends with its session", || {
            client
                .exists(&format!("{root}/session"), false)
                .unwrap()
                .is_none()
                .then_some(())
        });
        expected = lasting(tree(&mut client).unwrap());
        compare_digests(&all(&ensemble));
        // Apache's reads here what quorate wrote, and the reverse.
        ensemble.members().iter().for_each(agree::counts_no_mismatch);
        digests = ensemble.members().iter().map(agree::digests).collect();
    }
}

#[test]
fn a_stopped_servers_data_directory_is_served_by_either_kind_in_turn() {
    there_and_back("dir-stopped", 1, false);
}

#[test]
fn a_killed_servers_data_directory_is_served_by_either_kind_in_turn() {
    there_and_back("dir-killed", 1, true);
}

#[test]
fn a_killed_ensembles_data_directories_are_served_by_either_kind_in_turn() {
    there_and_back("dirs-killed", 3, true);
}

/// Every server dies while clients write, and the other kind goes on with what is on disk.
fn killed_under_load(name: &str, servers: usize) {
    let mut ensemble = builder(name, vec![Kind::Apache; servers]).start();
    let members = ensemble.members().iter();
    let writers = Writers::start(members.map(|member| (member.id(), member.client_address())));
    let ids = ensemble.others(&[]);
    for kind in [Kind::subject(), Kind::Apache, Kind::subject()] {
        // Past a recorded digest.
        writers.wait_more(&ids, 150);
        for member in ensemble.members_mut() {
            member.kill();
            member.become_kind(kind);
        }
        ensemble.start_all();
        ensemble.wait_all_serve();
    }
    writers.wait_more(&ids, 150);
    let ledger = writers.finish();
    for member in ensemble.members() {
        ledger.check(&mut member.client());
    }
    agree::wait_same_trees(&all(&ensemble));
    compare_digests(&all(&ensemble));
}

#[test]
fn a_server_killed_under_load_loses_nothing_to_the_other_kind() {
    killed_under_load("dir-load", 1);
}

#[test]
fn an_ensemble_killed_under_load_loses_nothing_to_the_other_kind() {
    killed_under_load("dirs-load", 3);
}
