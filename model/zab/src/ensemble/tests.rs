use super::{Ensemble, Group};
use crate::ServerId;
use proptest::prelude::*;

fn id(number: u64) -> ServerId {
    ServerId::new(number)
}

fn group(weights: &[(u64, u32)]) -> Group {
    weights
        .iter()
        .map(|&(server, weight)| (id(server), weight))
        .collect()
}

fn is_quorum(ensemble: &Ensemble, servers: &[u64]) -> bool {
    ensemble.is_quorum(servers.iter().copied().map(id))
}

/// The example of ZooKeeper's own description of the flag: three groups of three, all of weight 1.
fn three_by_three() -> Ensemble {
    Ensemble::hierarchical([
        group(&[(1, 1), (2, 1), (3, 1)]),
        group(&[(4, 1), (5, 1), (6, 1)]),
        group(&[(7, 1), (8, 1), (9, 1)]),
    ])
}

#[test]
fn a_quorum_of_groups_is_more_than_half_of_more_than_half_of_them() {
    let ensemble = three_by_three();
    assert!(is_quorum(&ensemble, &[1, 2, 4, 5]), "four of nine");
    assert!(
        !is_quorum(&ensemble, &[1, 2, 3, 4, 7]),
        "five of nine, in one group"
    );
    assert!(!is_quorum(&ensemble, &[1, 4, 7]));
    assert!(!is_quorum(&ensemble, &[]));
}

#[test]
fn weights_count_and_not_heads() {
    let heavy = Ensemble::hierarchical([group(&[(1, 3), (2, 1), (3, 1)])]);
    assert!(is_quorum(&heavy, &[1]));
    assert!(!is_quorum(&heavy, &[2, 3]));
    let even = Ensemble::hierarchical([group(&[(1, 2), (2, 1), (3, 1)])]);
    assert!(!is_quorum(&even, &[1]), "half of the weight is no quorum");
    assert!(!is_quorum(&even, &[2, 3]));
    assert!(is_quorum(&even, &[1, 3]));
    assert_eq!([1, 2, 3, 4].map(|server| even.weight(id(server))), [2, 1, 1, 0]);
}

#[test]
fn a_server_without_weight_votes_and_counts_for_nothing() {
    let ensemble = Ensemble::hierarchical([group(&[(1, 1), (2, 1), (3, 0)])]);
    assert!(ensemble.is_voter(id(3)));
    assert!(!is_quorum(&ensemble, &[1, 3]));
    assert!(is_quorum(&ensemble, &[1, 2]));
}

#[test]
fn a_group_without_weight_is_not_one_of_the_groups() {
    let ensemble = Ensemble::hierarchical([
        group(&[(1, 1), (2, 1), (3, 1)]),
        group(&[(4, 0), (5, 0)]),
        group(&[(6, 0)]),
    ]);
    assert!(is_quorum(&ensemble, &[1, 2]), "one of the one that counts");
    assert!(!is_quorum(&ensemble, &[3, 4, 5, 6]));
    let weightless = Ensemble::hierarchical([group(&[(1, 0), (2, 0)])]);
    assert!(!is_quorum(&weightless, &[1, 2]), "nobody decides anything");
}

#[test]
fn who_is_not_in_the_ensemble_counts_for_nothing() {
    let (majority, groups) = (Ensemble::majority([1, 2, 3].map(id)), three_by_three());
    assert!(!is_quorum(&majority, &[1, 10, 11, 12]));
    assert!(!is_quorum(&groups, &[1, 2, 4, 10, 11, 12]));
    assert_eq!((majority.weight(id(10)), groups.weight(id(10))), (0, 0));
    assert!(!groups.is_voter(id(10)));
}

#[test]
fn who_is_named_in_two_groups_belongs_to_the_first() {
    let ensemble = Ensemble::hierarchical([group(&[(1, 1), (2, 1)]), group(&[(2, 9), (3, 1)])]);
    assert_eq!(ensemble.weight(id(2)), 1);
    assert_eq!(ensemble.groups()[1], group(&[(3, 1)]));
}

const SERVERS: u64 = 7;

/// Servers 1 to 7 by group, 0 for those that do not vote, and by weight.
fn ensembles() -> impl Strategy<Value = Ensemble> {
    let placed = prop::collection::vec((0..4_usize, 0..4_u32), SERVERS as usize);
    placed.prop_map(|placed| {
        let groups = (1..4).map(|number| {
            let members = (1..).zip(&placed).filter(|(_, (group, _))| *group == number);
            members
                .map(|(server, &(_, weight))| (id(server), weight))
                .collect()
        });
        Ensemble::hierarchical(groups)
    })
}

/// All sets of servers 1 to 7.
fn sets() -> impl Iterator<Item = Vec<ServerId>> {
    (0..1_u32 << SERVERS).map(|set| {
        (1..=SERVERS)
            .filter(|server| set >> (server - 1) & 1 == 1)
            .map(id)
            .collect()
    })
}

proptest! {
    #[test]
    fn any_two_quorums_share_a_voter(ensemble in ensembles()) {
        let quorums: Vec<_> = sets().filter(|set| ensemble.is_quorum(set.iter().copied())).collect();
        for (one, other) in quorums.iter().flat_map(|one| quorums.iter().map(move |other| (one, other))) {
            let shared = one.iter().any(|server| ensemble.is_voter(*server) && other.contains(server));
            prop_assert!(shared, "{one:?} and {other:?} of {ensemble:?}");
        }
    }

    #[test]
    fn a_quorum_with_one_more_server_is_a_quorum(ensemble in ensembles()) {
        for set in sets().filter(|set| ensemble.is_quorum(set.iter().copied())) {
            for more in (1..=SERVERS + 1).map(id).filter(|server| !set.contains(server)) {
                prop_assert!(ensemble.is_quorum(set.iter().copied().chain([more])), "{set:?} and {more:?}");
            }
        }
    }

    #[test]
    fn equal_weights_in_one_group_are_a_majority(voters in 1..=SERVERS, weight in 1..=u32::MAX) {
        let majority = Ensemble::majority((1..=voters).map(id));
        let group = Ensemble::hierarchical([(1..=voters).map(|server| (id(server), weight)).collect()]);
        for set in sets() {
            prop_assert_eq!(majority.is_quorum(set.iter().copied()), group.is_quorum(set));
        }
    }
}
