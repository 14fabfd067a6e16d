//! Who leads, if elections decide it? The election that is deployed beside the agreement that it is for.
//!
//! A server that looks runs the election's step function; agreement gives it what its disk is worth, and what the
//! election says, and nothing else, makes it lead or follow.

use super::{Action, Agreement, World, index};
use crate::election_grain::{Credential, Elected, Votes};
use crate::intern::Cell;
use crate::node::{Event, Happening, Node};
use crate::property::Property;
use crate::witness::Witness;
use quorate_zab::{Rules, Server, Standing};

impl<R: Rules> Agreement<R> {
    /// Every server of `world` looks for the first time.
    pub(super) fn begin_elections(&self, world: &mut World) {
        let Some(voting) = &self.voting else { return };
        let mut votes = voting.before();
        for i in 0..world.nodes.len() {
            let (worth, says) = self.credentials(&world.nodes[i]);
            voting.look(&mut votes, i, worth, says);
        }
        world.votes = Some(Box::new(votes));
    }

    /// What happens of itself until nothing is left to be said, or to be done for an established epoch.
    pub(super) fn settle_elections(&self, world: &mut World) {
        let next = |world: &World| {
            let mut offered = Vec::new();
            self.voting_steps(world, &mut offered);
            let calm = |action: &Action| !matches!(action, Action::GiveUp(_) | Action::LoseVote { .. });
            offered.retain(calm);
            offered.first().copied().or_else(|| self.calm_action(world))
        };
        // What comes before the run is not counted.
        world.left.elections = u8::MAX;
        while let Some(action) = next(world) {
            self.perform(world, action, &mut |_, _| ());
        }
        world.left = self.bounds;
    }

    /// What the server's disk is worth to an election, and what it says that it is worth.
    fn credentials(&self, node: &Node) -> (Credential, Credential) {
        let durable = &node.disk.durable;
        let worth = Credential {
            epoch: durable.current.unwrap_or_default(),
            zxid: durable.last().zxid,
        };
        let says = node.server().map_or(worth, |server| Credential {
            epoch: match self.flaws.votes_by_promise {
                true => server.accepted(),
                false => server.current(),
            },
            zxid: server.history().last(),
        });
        (worth, says)
    }

    /// What can happen in elections, and to those whom they made followers.
    pub(super) fn voting_steps(&self, world: &World, actions: &mut Vec<Action>) {
        let (Some(voting), Some(votes)) = (&self.voting, &world.votes) else {
            return;
        };
        if is_over(world) {
            return;
        }
        let servers = || 0..world.nodes.len();
        for to in servers() {
            for from in servers().filter(|&from| from != to) {
                let mut heard = votes.clone();
                let elects = voting
                    .hear(&mut heard, from, to)
                    .is_some_and(|heard| heard.elected.is_some());
                let differs = elects || heard != *votes;
                if differs {
                    actions.push(Action::HearVote { from, to });
                }
                let mut lost = votes.clone();
                if voting.lose(&mut lost, from, to) && (elects || !differs || lost != heard) {
                    actions.push(Action::LoseVote { from, to });
                }
            }
            if voting.may_settle(votes, to) {
                actions.push(Action::Settle(to));
            }
            let standing = world.nodes[to].server().map(Server::standing);
            if let Some(Standing::Following {
                leader, conn: None, ..
            }) = standing
            {
                if self.may_join(world, to, index(leader)) {
                    let leader = index(leader);
                    actions.push(Action::Join { learner: to, leader });
                }
                if world.left.give_ups > 0 {
                    actions.push(Action::GiveUp(to));
                }
            }
        }
    }

    pub(super) fn vote(&self, world: &mut World, action: Action) {
        let (Some(voting), Some(mut votes)) = (&self.voting, world.votes.take()) else {
            return;
        };
        let (me, elected) = match action {
            Action::HearVote { from, to } => {
                let heard = voting.hear(&mut votes, from, to);
                if heard.is_some_and(|heard| heard.is_stale_and_answered) {
                    self.witnessed.note(Witness::StaleVoteAnswered);
                }
                (to, heard.and_then(|heard| heard.elected))
            }
            Action::LoseVote { from, to } => {
                voting.lose(&mut votes, from, to);
                (to, None)
            }
            Action::Settle(i) => (i, voting.settle(&mut votes, i)),
            _ => unreachable!("it is a step of an election"),
        };
        world.votes = Some(votes);
        if let Some(elected) = elected {
            self.take_role(world, me, elected);
        }
    }

    /// Tells the election of what a step did to a server's role.
    pub(super) fn tell_election(
        &self,
        world: &mut World,
        i: usize,
        before: &Node,
        happening: &Happening,
        events: &[Event],
    ) {
        if is_over(world) {
            return;
        }
        let (Some(voting), Some(mut votes)) = (&self.voting, world.votes.take()) else {
            return;
        };
        let after = world.nodes[i];
        let mut elected = None;
        if matches!(happening, Happening::Crash { .. }) {
            voting.restart(&mut votes, i);
        } else if has_role(before) && !has_role(&after) {
            voting.retire(&mut votes, i);
        }
        for event in events {
            match event {
                Event::Looks => {
                    let (worth, says) = self.credentials(&after);
                    elected = voting.look(&mut votes, i, worth, says);
                }
                Event::Serves { epoch, .. } => voting.established(&mut votes, i, *epoch),
                _ => {}
            }
        }
        world.votes = Some(votes);
        if let Some(elected) = elected {
            self.take_role(world, i, elected);
        }
    }

    /// The election's outcome, and nothing else, makes a server lead or follow.
    fn take_role(&self, world: &mut World, i: usize, elected: Elected) {
        if elected.leader != i {
            let leader = world.nodes[elected.leader].server().map(Server::standing);
            if elected.is_vouched && leader == Some(Standing::Leading { serving: true }) {
                self.witnessed.note(Witness::JoinsEstablished);
            }
            return self.happen(world, i, self.usual.follow[elected.leader]);
        }
        let Some(elections) = world.left.elections.checked_sub(1) else {
            if let Some(votes) = &mut world.votes {
                votes.is_beyond = true;
            }
            return;
        };
        world.left.elections = elections;
        if world.left.crashes < self.bounds.crashes {
            self.witnessed.note(Witness::ElectedAfterCrash);
        }
        if !elected.is_founded {
            let mut ghost = world.ghost.get().clone();
            ghost.breaks(Property::LeaderMatchesQuorum);
            world.ghost = self.ghosts.intern(ghost);
        }
        self.happen(world, i, self.usual.lead);
    }

    pub(crate) fn hash_of(&self, votes: &Votes) -> u64 {
        self.voting.as_ref().map_or(0, |voting| voting.hash(votes))
    }

    /// Merges notifications that can make no difference.
    pub(super) fn merge_votes(&self, world: &mut World) {
        let is_over = is_over(world);
        let (Some(voting), Some(votes)) = (&self.voting, &mut world.votes) else {
            return;
        };
        if is_over {
            voting.forget(votes);
        } else {
            voting.merge(votes, world.left.deaths() > 0);
        }
    }

    /// In words, what arrives next from `from` at `to`.
    pub(crate) fn tell_notification(&self, votes: &Votes, from: usize, to: usize) -> String {
        let told = self.voting.as_ref().map(|voting| voting.tell(votes, from, to));
        told.unwrap_or_default()
    }

    /// Whether a leader that was elected in the run has committed in `epoch`.
    pub(super) fn notes_elected_commit(&self, world: &World, event: &Event) {
        let given = u32::from(self.bounds.warm);
        if let Event::Committed { epoch, .. } = event
            && world.votes.is_some()
            && epoch.get() > given
        {
            self.witnessed.note(Witness::ElectedCommits);
        }
    }
}

/// Whether elections lead nowhere any more: nobody leads, and nobody may begin to. What agreement still has under way does
/// not depend on who follows in vain.
fn is_over(world: &World) -> bool {
    let leads = |node: &Cell<Node>| {
        let standing = node.server().map(Server::standing);
        matches!(standing, Some(Standing::Leading { .. }))
    };
    world.votes.is_some() && world.left.elections == 0 && !world.nodes.iter().any(leads)
}

fn has_role(node: &Node) -> bool {
    let standing = node.server().map(Server::standing);
    matches!(
        standing,
        Some(Standing::Following { .. } | Standing::Leading { .. })
    )
}
