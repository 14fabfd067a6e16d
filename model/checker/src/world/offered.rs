//! What can happen next? A part of what the world permits, and every part of it that makes a difference.

use super::{Action, Agreement, World, id};
use crate::link::{End, Link};
use crate::node::Node;
use quorate_zab::{Rules, Standing};

impl<R: Rules> Agreement<R> {
    pub(crate) fn enabled(&self, world: &World, actions: &mut Vec<Action>) {
        if world.ghost.broken().is_some() {
            return;
        }
        for (i, link) in world.links.iter().enumerate() {
            for end in [End::Learner, End::Leader] {
                if link.conn(end).is_none() {
                    continue;
                }
                if !link.incoming(end).is_empty() {
                    actions.push(Action::Deliver(i, end));
                }
                if link.conn(Link::other(end)).is_none() || world.left.breaks > 0 {
                    actions.push(Action::Break(i, end));
                }
            }
        }
        for (i, node) in world.nodes.iter().enumerate() {
            self.enabled_at(world, i, node, actions);
        }
        actions.retain(|action| !self.can_wait(world, *action));
        self.keep_solitary(world, actions);
    }

    fn enabled_at(&self, world: &World, i: usize, node: &Node, actions: &mut Vec<Action>) {
        if !node.disk.log_ops.is_empty() {
            actions.push(Action::LogDone(i));
        }
        if !node.disk.epoch_ops.is_empty() {
            actions.push(Action::EpochDone(i));
        }
        if node.is_votable() {
            if world.left.elections > 0 && node.server().is_some() && self.ensemble.is_voter(node.me) {
                actions.push(Action::Lead(i));
            }
            for leader in 0..world.nodes.len() {
                if leader != i && self.may_join(world, i, leader) {
                    actions.push(Action::Join { learner: i, leader });
                }
            }
        }
        if world.left.crashes > 0 && !(node.is_votable() && node.disk.is_quiet()) {
            for log_ops in 0..=node.disk.log_ops.len() {
                for epoch_ops in 0..=node.disk.epoch_ops.len() {
                    actions.push(Action::Crash(i, log_ops as u8, epoch_ops as u8));
                }
            }
        }
        let Some(server) = node.server() else { return };
        match server.standing() {
            Standing::Leading { serving: false } => actions.push(Action::GiveUp(i)),
            Standing::Leading { serving: true } => {
                let synced = server
                    .learners()
                    .filter(|learner| learner.synced)
                    .map(|learner| learner.server);
                if !self.rules.is_quorum(&self.ensemble, synced.chain([node.me])) {
                    actions.push(Action::CheckQuorum(i));
                }
                if world.left.txns > 0 {
                    actions.push(Action::Propose(i));
                }
                if world.left.pings > 0 {
                    actions.push(Action::Ping(i));
                }
            }
            // Of a server that closes the connection that it leaves, this is a break of its end.
            Standing::Following {
                conn: Some(_),
                serving: false,
                ..
            } if world.left.breaks > 0 && !self.rules.leaves_leader() => actions.push(Action::GiveUp(i)),
            _ => {}
        }
        let durable = &node.disk.durable;
        let (floor, tree) = (durable.snapshot.zxid, node.tree);
        if world.left.purges > 0 && floor < tree.zxid && durable.holds(tree) {
            actions.push(Action::Purge(i));
        }
        if world.left.syncs > 0 && node.serving {
            actions.push(Action::Sync(i));
        }
    }

    /// A server that leads accepts connections. It may not have noticed the end of one earlier
    /// connection of the same learner; that it has noticed neither of two is beyond the bounds.
    fn may_join(&self, world: &World, learner: usize, leader: usize) -> bool {
        let leads = world.nodes[leader]
            .server()
            .is_some_and(|server| matches!(server.standing(), Standing::Leading { .. }));
        let unnoticed = world.links.iter().filter(|link| {
            link.learner == id(learner) && link.leader == id(leader) && link.leader_end.is_some()
        });
        // Of a server that closes what it leaves, no end is open here.
        let kept = world
            .links
            .iter()
            .filter(|link| link.learner == id(learner) && link.learner_end.is_some());
        leads && unnoticed.count() <= 1 && kept.count() <= 1
    }
}
