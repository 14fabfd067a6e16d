use super::*;
use crate::{Configuration, Ensemble, Zab};
use PeerState::{Following, Leading, Looking as Looks, Observing};
use proptest::prelude::*;

/// One server with its election, among voters 1..=n.
struct Server {
    me: ServerId,
    configuration: Configuration,
    election: Election,
}

fn sid(number: u64) -> ServerId {
    ServerId::new(number)
}

fn vote(leader: u64, epoch: u32, zxid: u64) -> Vote {
    Vote {
        leader: sid(leader),
        zxid: Zxid::from_bits(zxid),
        epoch: Epoch::new(epoch).into(),
    }
}

fn said(state: PeerState, vote: Vote, round: u64) -> Notification {
    Notification {
        state,
        vote,
        round: Round::new(round),
    }
}

impl Server {
    fn new(me: u64, voters: u64) -> Self {
        Self {
            me: sid(me),
            configuration: Configuration::fixed(Ensemble::majority((1..=voters).map(sid))),
            election: Election::new(),
        }
    }

    /// A server that has begun to look with credential (1, 0x100).
    fn looking(me: u64, voters: u64) -> Self {
        let mut server = Self::new(me, voters);
        server.look(1, 0x100);
        server
    }

    fn step(&mut self, input: ElectionInput) -> Vec<ElectionEffect> {
        let cx = Context {
            me: self.me,
            configuration: &self.configuration,
            rules: &Zab,
        };
        let mut fx = Vec::new();
        self.election.step(&cx, input, &mut fx);
        fx
    }

    fn look_as(&mut self, candidacy: Candidacy, current: u32, last: u64) -> Vec<ElectionEffect> {
        self.step(ElectionInput::Look {
            candidacy,
            current: Epoch::new(current),
            last: Zxid::from_bits(last),
        })
    }

    fn look(&mut self, current: u32, last: u64) -> Vec<ElectionEffect> {
        self.look_as(Candidacy::Stands, current, last)
    }

    fn hear(&mut self, from: u64, notification: Notification) -> Vec<ElectionEffect> {
        self.step(ElectionInput::Notification {
            from: sid(from),
            notification,
        })
    }
}

fn notify(to: u64, notification: Notification) -> ElectionEffect {
    ElectionEffect::Notify {
        to: sid(to),
        notification,
    }
}

const RESEND: ElectionEffect = ElectionEffect::Arm(ElectionTimer::Resend);
const SETTLE: ElectionEffect = ElectionEffect::Arm(ElectionTimer::Settle);

fn elected(leader: u64) -> ElectionEffect {
    ElectionEffect::Elected { leader: sid(leader) }
}

#[test]
fn a_looker_proposes_itself_to_all_other_voters() {
    let mine = said(Looks, vote(2, 1, 0x100), 1);
    assert_eq!(
        Server::new(2, 3).look(1, 0x100),
        [notify(1, mine), notify(3, mine), RESEND]
    );
}

#[test]
fn a_lone_voter_elects_itself_at_once() {
    assert_eq!(Server::new(1, 1).look(0, 0), [RESEND, elected(1)]);
}

#[test]
fn a_better_vote_is_adopted_and_told_to_everybody() {
    let mut server = Server::looking(1, 5);
    let better = said(Looks, vote(2, 1, 0x100), 1);
    let mut told: Vec<_> = (2..=5).map(|to| notify(to, better)).collect();
    told.push(RESEND);
    assert_eq!(server.hear(2, better), told);
}

#[test]
fn a_worse_vote_of_this_round_is_counted_and_not_answered() {
    let mut server = Server::looking(2, 5);
    assert_eq!(server.hear(1, said(Looks, vote(1, 1, 0x100), 1)), []);
    assert_eq!(server.election.votes().len(), 1);
}

#[test]
fn epoch_ranks_before_zxid_and_zxid_before_id() {
    let ascending = [
        vote(1, 1, 9),
        vote(1, 2, 1),
        vote(2, 2, 1),
        vote(1, 2, 2),
        vote(1, 3, 0),
    ];
    for (at, lower) in ascending.iter().enumerate() {
        for higher in &ascending[at + 1..] {
            assert!(Zab.outranks(higher, lower) && !Zab.outranks(lower, higher));
        }
        assert!(!Zab.outranks(lower, lower));
    }
}

#[test]
fn an_observers_vote_ranks_below_any_voters() {
    let mut observer = Server::new(4, 3);
    observer.look_as(Candidacy::Observes, 0, 0);
    let own = observer.election.notification().unwrap();
    assert_eq!(own.vote.leader, Vote::NO_LEADER);
    assert_eq!((own.vote.zxid.bits(), own.vote.epoch.bits()), (1 << 63, i64::MIN));
    assert!(Zab.outranks(&vote(1, 0, 0), &own.vote));
}

#[test]
fn a_quorum_that_is_not_everybody_waits_for_a_better_vote() {
    let mut server = Server::looking(3, 3);
    assert_eq!(server.hear(1, said(Looks, vote(3, 1, 0x100), 1)), [SETTLE]);
    assert_eq!(server.step(ElectionInput::Settled), [elected(3)]);
    assert_eq!(server.election.notification().unwrap().state, Leading);
}

#[test]
fn nothing_is_waited_for_once_every_voter_has_answered() {
    let mut server = Server::looking(3, 3);
    server.hear(1, said(Looks, vote(3, 1, 0x100), 1));
    assert_eq!(
        server.hear(2, said(Looks, vote(2, 1, 0x100), 1)),
        [elected(3)],
        "2 has not heard of 3, but has nobody better"
    );
}

/// Server `me` of three in one group of these weights, looking.
fn weighted(me: u64, weights: [u32; 3]) -> Server {
    let mut server = Server::new(me, 3);
    let ensemble = Ensemble::hierarchical([(1..).map(sid).zip(weights).collect()]);
    server.configuration = Configuration::fixed(ensemble);
    server.look(1, 0x100);
    server
}

#[test]
fn a_candidate_without_weight_wins_over_nobody() {
    let mut server = weighted(1, [1, 1, 0]);
    assert_eq!(server.hear(3, said(Looks, vote(3, 2, 0x200), 1)), []);
    let mine = said(Looks, vote(1, 1, 0x100), 2);
    let begun_anew = server.hear(3, said(Looks, vote(3, 2, 0x200), 2));
    assert_eq!(begun_anew, [notify(2, mine), notify(3, mine), RESEND]);
}

#[test]
fn votes_are_counted_by_weight_and_only_who_could_win_is_waited_for() {
    let mut heavy = weighted(3, [1, 1, 3]);
    assert!(heavy.election.is_settling(), "its own vote is enough");
    assert_eq!(heavy.hear(1, said(Looks, vote(3, 1, 0x100), 1)), []);
    assert_eq!(heavy.hear(2, said(Looks, vote(3, 1, 0x100), 1)), [elected(3)]);
    let mut light = weighted(2, [1, 1, 0]);
    assert_eq!(light.hear(3, said(Looks, vote(2, 1, 0x100), 1)), []);
    assert_eq!(light.hear(1, said(Looks, vote(2, 1, 0x100), 1)), [elected(2)]);
}

#[test]
fn a_better_vote_during_the_wait_ends_it() {
    let mut server = Server::looking(3, 5);
    server.hear(1, said(Looks, vote(3, 1, 0x100), 1));
    assert_eq!(server.hear(2, said(Looks, vote(3, 1, 0x100), 1)), [SETTLE]);
    let better = said(Looks, vote(4, 1, 0x100), 1);
    assert!(server.hear(4, better).contains(&notify(1, better)));
    assert_eq!(server.step(ElectionInput::Settled), []);
    assert_eq!(server.election.leader(), None);
}

#[test]
fn a_settle_timer_that_fires_without_a_quorum_elects_nobody() {
    assert_eq!(Server::looking(3, 3).step(ElectionInput::Settled), []);
}

#[test]
fn a_later_round_begins_anew_with_the_better_of_the_two_candidates() {
    let mut server = Server::looking(3, 5);
    server.hear(1, said(Looks, vote(3, 1, 0x100), 1));
    let told = server.hear(2, said(Looks, vote(2, 1, 0x100), 4));
    assert!(
        told.contains(&notify(2, said(Looks, vote(3, 1, 0x100), 4))),
        "itself, being better"
    );
    assert_eq!(server.election.votes().len(), 1, "that of the later round");
    let told = server.hear(2, said(Looks, vote(2, 2, 0), 5));
    assert!(told.contains(&notify(1, said(Looks, vote(2, 2, 0), 5))));
}

#[test]
fn a_looker_of_an_earlier_round_is_answered_and_not_counted() {
    let mut server = Server::looking(3, 3);
    server.step(ElectionInput::Retired);
    server.look(1, 0x100);
    assert_eq!(
        server.hear(1, said(Looks, vote(3, 1, 0x100), 1)),
        [notify(1, said(Looks, vote(3, 1, 0x100), 2))]
    );
    assert!(server.election.votes().is_empty());
}

#[test]
fn one_with_a_leader_answers_lookers_and_nobody_else() {
    let mut server = Server::looking(3, 3);
    server.hear(1, said(Looks, vote(3, 1, 0x100), 1));
    server.step(ElectionInput::Settled);
    let mine = said(Leading, vote(3, 1, 0x100), 1);
    assert_eq!(
        server.hear(2, said(Looks, vote(2, 9, 0x900), 7)),
        [notify(2, mine)]
    );
    for state in [Following, Leading, Observing] {
        assert_eq!(server.hear(2, said(state, vote(2, 9, 0x900), 7)), []);
    }
}

#[test]
fn one_without_a_vote_is_answered_and_not_counted() {
    let mut server = Server::looking(3, 3);
    assert_eq!(
        server.hear(7, said(Looks, vote(3, 9, 0x900), 9)),
        [notify(7, said(Looks, vote(3, 1, 0x100), 1))]
    );
    assert!(server.election.votes().is_empty());
}

#[test]
fn a_vote_for_one_that_has_no_vote_is_ignored() {
    let mut server = Server::looking(1, 3);
    assert_eq!(server.hear(2, said(Looks, vote(7, 9, 0x900), 1)), []);
    assert!(server.election.votes().is_empty());
}

#[test]
fn a_late_comer_follows_whom_a_quorum_with_its_leader_names() {
    let mut server = Server::looking(3, 3);
    assert_eq!(server.hear(1, said(Following, vote(2, 4, 0x300), 7)), []);
    assert_eq!(
        server.hear(2, said(Leading, vote(2, 4, 0x200), 8)),
        [elected(2)],
        "zxid and round may differ between members"
    );
    assert_eq!(
        server.election.notification(),
        Some(said(Following, vote(2, 4, 0x200), 8))
    );
}

#[test]
fn a_late_comer_does_not_follow_one_that_does_not_say_it_leads() {
    let mut server = Server::looking(5, 5);
    for peer in [1, 3, 4] {
        assert_eq!(server.hear(peer, said(Following, vote(2, 4, 0x300), 7)), []);
    }
    assert_eq!(server.hear(2, said(Leading, vote(2, 4, 0x300), 7)), [elected(2)]);
}

#[test]
fn members_that_name_different_epochs_are_no_quorum() {
    let mut server = Server::looking(3, 3);
    server.hear(1, said(Following, vote(2, 3, 0x300), 7));
    assert_eq!(server.hear(2, said(Leading, vote(2, 4, 0x300), 7)), []);
    assert_eq!(
        server.hear(1, said(Following, vote(2, 4, 0x300), 7)),
        [elected(2)]
    );
}

#[test]
fn within_one_round_the_leader_alone_is_compared() {
    let mut server = Server::looking(3, 3);
    server.hear(1, said(Following, vote(2, 3, 0x300), 1));
    assert_eq!(server.hear(2, said(Leading, vote(2, 4, 0x300), 1)), [elected(2)]);
}

#[test]
fn a_restarted_leader_leads_again_only_in_the_round_that_others_follow_it_in() {
    let mut server = Server::looking(3, 5);
    for peer in [1, 2, 4] {
        assert_eq!(server.hear(peer, said(Following, vote(3, 1, 0x100), 2)), []);
    }
    let mut server = Server::looking(3, 5);
    server.hear(1, said(Following, vote(3, 1, 0x100), 1));
    // Its own vote is the same and counts with them.
    assert_eq!(
        server.hear(2, said(Following, vote(3, 1, 0x100), 1)),
        [elected(3)]
    );
}

#[test]
fn the_vote_names_the_epoch_once_it_is_established() {
    let mut server = Server::looking(3, 3);
    server.hear(1, said(Looks, vote(3, 1, 0x100), 1));
    server.step(ElectionInput::Settled);
    server.step(ElectionInput::Established { epoch: Epoch::new(2) });
    assert_eq!(
        server.election.notification(),
        Some(said(Leading, vote(3, 2, 0x100), 1))
    );
}

#[test]
fn a_looker_has_no_reign_to_establish() {
    let mut server = Server::looking(3, 3);
    let before = server.election.clone();
    server.step(ElectionInput::Established { epoch: Epoch::new(2) });
    assert_eq!(server.election, before);
}

#[test]
fn the_forgetful_neither_vote_nor_lead_but_follow() {
    let mut server = Server::new(3, 3);
    let mine = said(
        Looks,
        Vote {
            zxid: Vote::NO_HISTORY,
            ..vote(3, 0, 0)
        },
        1,
    );
    assert_eq!(
        server.look_as(Candidacy::Forgetful, 0, 0),
        [notify(1, mine), notify(2, mine), RESEND]
    );
    for peer in [1, 2] {
        assert_eq!(server.hear(peer, said(Looks, vote(2, 1, 0x100), 1)), []);
        assert_eq!(server.hear(peer, said(Following, vote(3, 1, 0x100), 1)), []);
    }
    server.hear(1, said(Following, vote(2, 1, 0x100), 1));
    assert_eq!(server.hear(2, said(Leading, vote(2, 1, 0x100), 1)), [elected(2)]);
    assert_eq!(server.election.notification().unwrap().state, Following);
}

#[test]
fn a_forgetful_server_on_its_own_elects_nobody() {
    let mut server = Server::new(1, 1);
    assert_eq!(server.look_as(Candidacy::Forgetful, 0, 0), [RESEND]);
}

#[test]
fn the_vote_of_the_forgetful_counts_for_nobody() {
    let mut server = Server::looking(3, 3);
    let forgetful = Vote {
        zxid: Vote::NO_HISTORY,
        ..vote(3, 1, 0)
    };
    server.hear(1, said(Looks, forgetful, 1));
    assert!(server.election.votes().is_empty());
}

#[test]
fn an_observer_observes_whom_the_voters_elect() {
    let mut server = Server::new(4, 3);
    server.look_as(Candidacy::Observes, 0, 0);
    server.hear(1, said(Looks, vote(3, 1, 0x100), 1));
    assert_eq!(server.hear(2, said(Looks, vote(3, 1, 0x100), 1)), [SETTLE]);
    assert_eq!(server.step(ElectionInput::Settled), [elected(3)]);
    assert_eq!(server.election.notification().unwrap().state, Observing);
}

#[test]
fn what_was_heard_before_the_look_is_not_lost() {
    let mut server = Server::new(1, 3);
    assert_eq!(server.hear(3, said(Looks, vote(2, 1, 0x100), 1)), []);
    assert_eq!(server.hear(3, said(Looks, vote(3, 1, 0x100), 1)), []);
    let fx = server.look(1, 0x100);
    assert!(fx.contains(&notify(3, said(Looks, vote(3, 1, 0x100), 1))));
    assert!(fx.contains(&SETTLE), "3 and this server agree");
}

#[test]
fn a_server_that_left_its_role_says_nothing_until_it_looks() {
    let mut server = Server::looking(1, 1);
    server.step(ElectionInput::Retired);
    assert_eq!(server.hear(9, said(Looks, vote(1, 1, 0), 1)), []);
    assert_eq!(server.step(ElectionInput::ResendDue), []);
    assert_eq!(server.election.notification(), None);
}

#[test]
fn a_resend_says_the_same_again() {
    let mut server = Server::looking(1, 3);
    let mine = said(Looks, vote(1, 1, 0x100), 1);
    assert_eq!(
        server.step(ElectionInput::ResendDue),
        [notify(2, mine), notify(3, mine), RESEND]
    );
}

#[test]
fn a_negative_round_is_before_every_round() {
    let mut server = Server::looking(1, 3);
    let odd = said(Leading, vote(2, 4, 0x300), u64::MAX);
    server.hear(3, said(Following, vote(2, 4, 0x300), u64::MAX));
    assert_eq!(server.hear(2, odd), [elected(2)]);
    assert_eq!(server.election.round(), Round::ZERO);
}

#[test]
fn a_slot_keeps_the_newest_message_only() {
    let mut slot = Slot::default();
    assert_eq!(slot.put(1), None);
    assert_eq!(slot.put(2), Some(1));
    assert_eq!(slot.take(), Some(2));
    assert_eq!(slot.take(), None);
}

#[test]
fn a_new_connection_begins_with_the_last_message_unless_a_newer_one_waits() {
    let mut slot = Slot::default();
    slot.on_link_up();
    assert!(!slot.is_waiting(), "nothing was ever said");
    slot.put(1);
    slot.take();
    slot.on_link_up();
    assert_eq!(slot.take(), Some(1));
    slot.put(2);
    slot.on_link_up();
    assert_eq!((slot.take(), slot.take()), (Some(2), None));
}

fn any_vote() -> impl Strategy<Value = Vote> {
    let leader = prop_oneof![9 => 1..5u64, 1 => any::<u64>()];
    let zxid = prop_oneof![9 => 0..3u64, 1 => any::<u64>()];
    let epoch = prop_oneof![9 => 0..3i64, 1 => any::<i64>()];
    (leader, zxid, epoch).prop_map(|(leader, zxid, epoch)| Vote {
        leader: sid(leader),
        zxid: Zxid::from_bits(zxid),
        epoch: PeerEpoch::from_bits(epoch),
    })
}

fn any_input() -> impl Strategy<Value = ElectionInput> {
    let candidacy = prop_oneof![
        4 => Just(Candidacy::Stands),
        1 => Just(Candidacy::Forgetful),
        1 => Just(Candidacy::Observes)
    ];
    let round = prop_oneof![9 => 0..4u64, 1 => any::<u64>()];
    let state = (0..4i32).prop_map(|number| PeerState::from_wire(number).unwrap());
    prop_oneof![
        2 => (candidacy, 0..3u32, 0..3u64).prop_map(|(candidacy, current, last)| ElectionInput::Look {
            candidacy,
            current: Epoch::new(current),
            last: Zxid::from_bits(last),
        }),
        1 => Just(ElectionInput::Retired),
        12 => (0..6u64, state, any_vote(), round).prop_map(|(from, state, vote, round)| {
            ElectionInput::Notification { from: sid(from), notification: said(state, vote, round) }
        }),
        1 => Just(ElectionInput::ResendDue),
        2 => Just(ElectionInput::Settled),
        1 => any::<u32>().prop_map(|epoch| ElectionInput::Established { epoch: Epoch::new(epoch) }),
    ]
}

proptest! {
    #[test]
    fn any_inputs_are_taken_and_the_same_ones_have_the_same_effects(
        me in 1..5u64,
        inputs in proptest::collection::vec(any_input(), 0..60),
    ) {
        let (mut one, mut other) = (Server::new(me, 3), Server::new(me, 3));
        for input in inputs {
            let had_leader = one.election.leader();
            let fx = one.step(input);
            prop_assert_eq!(&fx, &other.step(input));
            prop_assert_eq!(&one.election, &other.election);
            let elected = fx.iter().find_map(|effect| match effect {
                ElectionEffect::Elected { leader } => Some(*leader),
                _ => None,
            });
            if let Some(leader) = elected {
                prop_assert_eq!(one.election.leader(), Some(leader));
                prop_assert!(one.configuration.is_voter(leader));
            } else if had_leader.is_none() {
                prop_assert_eq!(one.election.leader(), None, "a role is taken by its effect alone");
            }
        }
    }

    #[test]
    fn the_order_of_votes_is_total(votes in proptest::collection::vec(any_vote(), 3)) {
        let above = |a: usize, b: usize| Zab.outranks(&votes[a], &votes[b]);
        prop_assert_eq!(!above(0, 1) && !above(1, 0), votes[0] == votes[1]);
        prop_assert!(!(above(0, 1) && above(1, 0)));
        prop_assert!(!(above(0, 1) && above(1, 2)) || above(0, 2));
    }

    #[test]
    fn every_state_has_its_number_on_the_wire(number in any::<i32>()) {
        let state = PeerState::from_wire(number);
        prop_assert_eq!(state.map_or(number, PeerState::to_wire), number);
        prop_assert_eq!(state.is_some(), (0..4).contains(&number));
    }
}

#[test]
fn a_new_server_votes_until_it_hears_of_a_history() {
    let mut server = Server::new(1, 3);
    let mine = said(Looks, vote(1, 0, 0), 1);
    let told = [notify(2, mine), notify(3, mine), RESEND];
    assert_eq!(server.look_as(Candidacy::Newborn, 0, 0), told);
    // The empty and the forgetful have none, nor has an observer.
    server.hear(2, said(Looks, vote(2, 0, 0), 1));
    assert_eq!(server.election.votes().len(), 1, "it votes with the empty");
    // That all have answered is not the end: what they say may be old, and their next word tells.
    server.hear(3, said(Looks, vote(3, 0, 0), 1));
    server.hear(2, said(Looks, vote(3, 0, 0), 1));
    assert_eq!(server.election.votes().len(), 2);
    assert!(server.election.is_settling(), "it waits for a better word");
    assert_eq!(
        server.hear(3, said(Leading, vote(3, 1, 0), 1)),
        [ElectionEffect::HistoryHeard]
    );
    // A reign that is not established is none.
    assert_eq!(Server::looking(1, 5).hear(2, said(Leading, vote(2, 0, 0), 1)), []);
    for history in [
        said(Looks, vote(2, 0, 1), 1),
        said(Looks, vote(2, 1, 0), 1),
        said(Leading, vote(2, 1, 0), 1),
        said(Following, vote(3, 1, 0), 1),
    ] {
        let mut server = Server::new(1, 3);
        server.look_as(Candidacy::Newborn, 0, 0);
        assert_eq!(server.hear(2, history), [ElectionEffect::HistoryHeard]);
        assert_eq!(server.election.notification(), None, "it says no more");
        // What it heard is not lost when it looks again, without a vote.
        let settled = history.state != Looks;
        server.look_as(Candidacy::Forgetful, 0, 0);
        let fx = server.hear(
            3,
            Notification {
                state: Leading,
                ..history
            },
        );
        assert_eq!(
            fx == [elected(3)],
            settled && history.vote.leader == ServerId::new(3)
        );
    }
}

#[test]
fn rounds_are_counted_from_one_look_to_the_next_and_end_with_the_clock() {
    let mut server = Server::looking(1, 3);
    assert_eq!(server.election.round(), Round::new(1));
    server.step(ElectionInput::Retired);
    server.look(1, 0x100);
    assert_eq!(server.election.round(), Round::new(2));
    // The last round of the clock is one, and there is none after it.
    let last = i64::MAX.cast_unsigned();
    server.hear(2, said(Looks, vote(2, 1, 0x100), last));
    assert_eq!(server.election.round(), Round::new(last));
    server.step(ElectionInput::Retired);
    server.look(1, 0x100);
    assert_eq!(server.election.round(), Round::new(last));
    server.hear(2, said(Looks, vote(2, 1, 0x100), last + 1));
    assert!(server.election.votes().is_empty(), "of a round before all others");
}

#[test]
fn who_has_no_vote_has_none_whatever_it_takes_itself_for() {
    for candidacy in [Candidacy::Stands, Candidacy::Newborn, Candidacy::Forgetful] {
        let mut server = Server::new(4, 3);
        server.look_as(candidacy, 1, 0);
        let own = server.election.notification().unwrap();
        assert_eq!(own.vote.leader, Vote::NO_LEADER, "{candidacy:?}");
    }
    let mut server = Server::new(4, 3);
    server.look(1, 0x100);
    let better = said(Looks, vote(3, 2, 0x200), 1);
    server.hear(1, better);
    assert!(
        !server.election.is_settling(),
        "one of three, and itself not counted"
    );
    server.hear(2, better);
    assert!(server.election.is_settling());
}

#[test]
fn of_what_was_heard_before_the_look_each_peers_last_word_is_kept() {
    let mut server = Server::new(1, 5);
    for (peer, leader) in [(3, 4), (2, 5), (3, 5)] {
        server.hear(peer, said(Looks, vote(leader, 1, 0x100), 1));
    }
    let fx = server.look(1, 0x100);
    assert_eq!(server.election.votes().len(), 2);
    assert!(fx.contains(&SETTLE), "2, 3 and this server are for 5");
}

#[test]
fn in_one_round_members_of_another_leader_do_not_vouch_for_this_one() {
    let mut server = Server::looking(5, 5);
    for (peer, leader) in [(1, 2), (3, 4), (4, 4)] {
        let state = if peer == leader { Leading } else { Following };
        assert_eq!(server.hear(peer, said(state, vote(leader, 1, 0x100), 1)), []);
    }
    // Two name 2, and two name 4: neither is a quorum of five.
    assert_eq!(server.hear(2, said(Leading, vote(2, 1, 0x100), 1)), []);
    // A looker's vote counts for a settled leader only if it is wholly the same.
    let mut server = Server::looking(3, 3);
    server.hear(1, said(Looks, vote(2, 1, 0x200), 1));
    assert_eq!(server.election.leader(), None);
    server.hear(1, said(Looks, vote(1, 1, 0x100), 1));
    assert_eq!(server.hear(2, said(Following, vote(1, 9, 0x900), 1)), []);
}

#[test]
fn numbers_of_states_are_the_wires() {
    for (number, state) in [(0, Looks), (1, Following), (2, Leading), (3, Observing)] {
        assert_eq!(PeerState::from_wire(number), Some(state));
        assert_eq!(state.to_wire(), number);
    }
    for number in [-1, 4, i32::MAX] {
        assert_eq!(PeerState::from_wire(number), None);
    }
    assert_eq!(PeerEpoch::from_bits(-1).bits(), -1);
    assert_eq!(PeerEpoch::from(Epoch::new(7)).bits(), 7);
    assert!(PeerEpoch::NONE < PeerEpoch::from_bits(-1));
    assert_eq!(format!("{:?}", PeerEpoch::from_bits(7)), "e7");
    assert_eq!(Vote::NO_LEADER.get(), 1 << 63);
    assert_eq!(
        (Vote::NO_ZXID.bits(), Vote::NO_HISTORY.bits()),
        (1 << 63, u64::MAX)
    );
}

#[test]
fn a_slot_says_whether_a_message_waits() {
    let mut slot = Slot::default();
    assert!(!slot.is_waiting());
    slot.on_link_up();
    assert!(!slot.is_waiting(), "nothing was ever written");
    slot.put(1);
    assert!(slot.is_waiting());
    slot.take();
    assert!(!slot.is_waiting());
    slot.on_link_up();
    assert!(slot.is_waiting());
}
