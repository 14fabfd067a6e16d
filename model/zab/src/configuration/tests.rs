use super::*;

fn id(number: u64) -> ServerId {
    ServerId::new(number)
}

fn version(zxid: u64, servers: &[u64]) -> Version {
    Version {
        zxid: Zxid::from_bits(zxid),
        ensemble: Ensemble::majority(servers.iter().copied().map(id)),
    }
}

fn is_quorum(configuration: &Configuration, servers: &[u64]) -> bool {
    configuration.is_quorum(servers.iter().copied().map(id))
}

#[test]
fn a_majority_of_the_union_is_not_a_quorum_of_each() {
    let comes = Configuration::changing(version(0, &[1, 2, 3])).with_last_seen(version(9, &[3, 4, 5]));
    assert!(is_quorum(&comes, &[2, 3, 4]));
    assert!(
        !is_quorum(&comes, &[1, 2, 4]),
        "three of five, one of the ones that come"
    );
    assert!(!is_quorum(&comes, &[3, 4, 5]), "all of the ones that come");
    assert_eq!(comes.voters(), [1, 2, 3, 4, 5].map(id));
}

#[test]
fn where_members_do_not_change_what_was_seen_last_counts_for_nothing() {
    let fixed = Configuration::fixed(version(0, &[1, 2, 3]).ensemble).with_last_seen(version(9, &[4, 5, 6]));
    assert!(is_quorum(&fixed, &[1, 2]));
    assert_eq!((fixed.pending(), fixed.is_voter(id(4))), (None, false));
}
