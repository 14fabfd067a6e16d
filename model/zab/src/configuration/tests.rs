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

fn changing() -> Configuration {
    Configuration::changing(version(0, &[1, 2, 3]))
}

#[test]
fn of_two_in_the_log_the_earlier_is_in_force_and_the_later_pending() {
    let found = changing().with_log([version(5, &[1, 2]), version(9, &[1, 2, 4])]);
    assert_eq!(found.active(), &version(5, &[1, 2]));
    assert_eq!(found.pending(), Some(&version(9, &[1, 2, 4])));
    // What is in force already is not pending again.
    let again = found
        .committed(Zxid::from_bits(9))
        .with_log([version(5, &[1, 2])]);
    assert_eq!((again.active(), again.pending()), (&version(9, &[1, 2, 4]), None));
}

#[test]
fn what_is_cut_off_the_log_is_not_pending() {
    let mut cut = changing().with_log([version(9, &[1, 2])]);
    let to = Zxid::from_bits(9);
    cut.follow(&Effect::<u8>::Truncate { to }, |_| None);
    assert!(cut.pending().is_some());
    let to = Zxid::from_bits(8);
    cut.follow(&Effect::<u8>::Truncate { to }, |_| None);
    assert_eq!(cut, changing());
}

#[test]
fn a_snapshot_replaces_what_is_pending_and_puts_nothing_older_into_force() {
    let theirs = changing().with_log([version(5, &[1, 2]), version(7, &[1, 2, 4])]);
    let mut own = changing().with_log([version(9, &[1, 3])]);
    own.install(&theirs.up_to(Zxid::from_bits(8)));
    assert_eq!(own, theirs);
    let mut newer = changing()
        .with_log([version(8, &[2, 3])])
        .committed(Zxid::from_bits(8));
    newer.install(&theirs);
    assert_eq!((newer.active(), newer.pending()), (&version(8, &[2, 3]), None));
    newer.install(&theirs.up_to(Zxid::from_bits(6)));
    assert_eq!(newer.active(), &version(8, &[2, 3]));
}

#[test]
fn a_newer_configuration_that_is_heard_of_takes_the_place_of_the_one_in_force() {
    let mut own = changing().with_log([version(5, &[1, 2])]);
    own.hear(&version(7, &[2, 3]));
    assert_eq!((own.active(), own.pending()), (&version(7, &[2, 3]), None));
    own.hear(&version(6, &[1]));
    assert_eq!(own.active(), &version(7, &[2, 3]));
    let mut fixed = Configuration::fixed(version(0, &[1, 2, 3]).ensemble);
    fixed.hear(&version(7, &[2, 3]));
    assert_eq!(fixed.voters(), [1, 2, 3].map(id));
}

#[test]
fn what_is_in_force_is_neither_pending_nor_news() {
    let in_force = changing()
        .with_log([version(9, &[1, 2])])
        .committed(Zxid::from_bits(9));
    // A server that starts finds it in its log as well.
    let started = in_force.clone().with_log([version(9, &[1, 2])]);
    assert_eq!((started.pending(), &started), (None, &in_force));
    assert!(!in_force.hears_more(&version(9, &[1, 2])));
    // It is still pending with whoever sends the snapshot.
    let mut installed = in_force.clone();
    installed.install(&changing().with_log([version(9, &[1, 2])]));
    assert_eq!(installed, in_force);
}

#[test]
fn a_snapshot_brings_what_was_pending_up_to_its_end() {
    let pending = changing().with_log([version(9, &[1, 2])]);
    assert_eq!(pending.up_to(Zxid::from_bits(9)), pending);
    assert_eq!(pending.up_to(Zxid::from_bits(8)), changing());
}
