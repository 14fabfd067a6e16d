//! Scenes in an ensemble whose members change.

use super::*;
use crate::{NoChange, Version};

fn members(servers: &[u64]) -> Ensemble {
    Ensemble::majority(servers.iter().copied().map(id))
}

impl Bench {
    fn changing(image: &Image) -> Self {
        let mut bench = Self::boot(image);
        let (zxid, ensemble) = (Zxid::ZERO, members(&[1, 2, 3]));
        bench.configuration = Configuration::changing(Version { zxid, ensemble });
        bench
    }

    /// As [`Bench::step`] in a world that keeps up. What is proposed with payload 0 changes members to `to`.
    fn steps(&mut self, to: &[u64], input: Input<u8>) -> Vec<Effect<u8>> {
        let fx = self.step(input);
        for effect in &fx {
            self.configuration
                .follow(effect, |&payload| (payload == 0).then(|| members(to)));
        }
        fx
    }

    fn may_become(&self, servers: &[u64]) -> Result<(), NoChange> {
        let cx = Context {
            me: self.me,
            configuration: &self.configuration,
            rules: &Zab,
        };
        self.server.may_reconfigure(&cx, &members(servers))
    }
}

#[test]
fn a_leader_that_is_left_out_commits_that_and_no_more_and_leaves() {
    let mut bench = Bench::changing(&disk(2, Zxid::ZERO, &[(1, 1, 4)]));
    bench.establishes(3);
    let (change, more) = (at(3, 1), at(3, 2));
    for (zxid, payload) in [(change, 0), (more, 7)] {
        bench.steps(&[2], Input::Propose { zxid, payload });
    }
    bench.steps(&[2], Input::LogDurable { ops: 2 });
    let message = Message::Ack { zxid: more };
    let fx = bench.steps(
        &[2],
        Input::Message {
            conn: LEARNER,
            message,
        },
    );
    assert_eq!(
        fx,
        [
            Effect::Send {
                conn: LEARNER,
                message: Message::Commit { zxid: change }
            },
            Effect::Deliver { upto: change },
            Effect::Activate { version: change },
            Effect::Close {
                conn: LEARNER,
                why: None
            },
            Effect::Retire,
        ]
    );
    assert_eq!(bench.configuration.active().ensemble, members(&[2]));
    bench.epochs_durable();
    bench.step(Input::Lead);
    assert_eq!(
        bench.server.standing(),
        Standing::Looking,
        "it is no voter any more"
    );
}

#[test]
fn a_change_needs_a_quorum_of_the_old_members_and_of_the_new_ones() {
    let mut bench = Bench::changing(&disk(2, Zxid::ZERO, &[(1, 1, 4)]));
    bench.establishes(3);
    let zxid = at(3, 1);
    bench.steps(&[2, 4, 5], Input::Propose { zxid, payload: 0 });
    bench.steps(&[], Input::LogDurable { ops: 1 });
    let message = Message::Ack { zxid };
    let fx = bench.steps(
        &[],
        Input::Message {
            conn: LEARNER,
            message,
        },
    );
    assert_eq!(fx, [], "two of three, and one of the new three");
    assert!(bench.configuration.pending().is_some());
}

#[test]
fn what_follows_a_change_is_for_the_new_members_alone() {
    let mut bench = Bench::changing(&disk(2, Zxid::ZERO, &[(1, 1, 4)]));
    bench.establishes(3);
    for (counter, payload) in [(1, 0), (2, 7)] {
        let zxid = at(3, counter);
        bench.steps(&[1], Input::Propose { zxid, payload });
    }
    bench.steps(&[1], Input::LogDurable { ops: 2 });
    let message = Message::Ack { zxid: at(3, 1) };
    let fx = bench.steps(
        &[1],
        Input::Message {
            conn: LEARNER,
            message,
        },
    );
    assert!(fx.contains(&Effect::Deliver { upto: at(3, 2) }), "{fx:?}");
    assert_eq!(bench.server.committed(), Some(at(3, 2)));
}

#[test]
fn members_change_under_an_established_leader_one_change_at_a_time() {
    let mut bench = Bench::changing(&disk(2, Zxid::ZERO, &[(1, 1, 4)]));
    assert_eq!(bench.may_become(&[1, 2]), Err(NoChange::NotLeading));
    bench.establishes(3);
    assert_eq!(
        bench.may_become(&[1, 3, 4]),
        Err(NoChange::NoQuorum),
        "3 and 4 are not here"
    );
    assert_eq!(bench.may_become(&[1, 2]), Ok(()));
    let zxid = at(3, 1);
    bench.steps(&[1, 2], Input::Propose { zxid, payload: 0 });
    assert_eq!(bench.may_become(&[1, 2, 3]), Err(NoChange::Pending));
    let fixed = bench.configuration.active().ensemble.clone();
    bench.configuration = Configuration::fixed(fixed);
    assert_eq!(bench.may_become(&[1, 2]), Err(NoChange::Fixed));
}

#[test]
fn what_a_synchronisation_brings_is_in_force_with_up_to_date() {
    let mut bench = Bench::changing(&disk(2, Zxid::ZERO, &[(1, 1, 4)]));
    bench.step(Input::Follow { leader: id(2) });
    bench.step(Input::Connected { conn: LEARNER });
    let epoch = Epoch::new(3);
    bench.hears(LEARNER, Message::LeaderInfo { epoch });
    bench.epochs_durable();
    let zxid = at(1, 5);
    bench.hears(LEARNER, Message::Diff { zxid });
    let message = Message::Proposal { zxid, payload: 0 };
    bench.steps(
        &[1, 2, 4],
        Input::Message {
            conn: LEARNER,
            message,
        },
    );
    let early = bench.hears(LEARNER, Message::Commit { zxid });
    assert_eq!(early, [], "a hint");
    assert!(bench.configuration.pending().is_some());
    bench.hears(LEARNER, Message::NewLeader { epoch });
    bench.step(Input::LogDurable { ops: 1 });
    bench.epochs_durable();
    let message = Message::UpToDate;
    let fx = bench.steps(
        &[],
        Input::Message {
            conn: LEARNER,
            message,
        },
    );
    assert!(fx.contains(&Effect::Activate { version: zxid }), "{fx:?}");
    assert_eq!(bench.configuration.active().ensemble, members(&[1, 2, 4]));
}

#[test]
fn who_has_no_vote_yet_is_bound_by_what_it_promises() {
    let mut bench = Bench::changing(&disk(2, Zxid::ZERO, &[(1, 1, 4)]));
    bench.me = id(4);
    bench.step(Input::Lead);
    assert_eq!(bench.server.standing(), Standing::Looking);
    bench.step(Input::Follow { leader: id(2) });
    let fx = bench.step(Input::Connected { conn: LEARNER });
    let (server, accepted) = (id(4), Epoch::new(2));
    let message = Message::FollowerInfo { server, accepted };
    assert_eq!(
        fx,
        [Effect::Send {
            conn: LEARNER,
            message
        }]
    );
    let epoch = Epoch::new(1);
    let fx = bench.hears(LEARNER, Message::LeaderInfo { epoch });
    assert!(
        matches!(fx[..], [Effect::Close { why: Some(_), .. }, Effect::Retire, ..]),
        "{fx:?}"
    );
}

#[test]
fn who_may_not_change_members_is_told_why() {
    let told = [
        (NoChange::NotLeading, "this server does not lead"),
        (NoChange::Fixed, "the members of this ensemble do not change"),
        (NoChange::Pending, "another change of members is under way"),
        (
            NoChange::NoQuorum,
            "no quorum of the new members is in sync with the leader",
        ),
    ];
    for (why, words) in told {
        assert_eq!(why.to_string(), words);
    }
}
