//! What can happen next? A part of what the world permits, and every part of it that makes a difference.

use super::{Action, Agreement, World, id, is_newborn_looker};
use crate::link::{End, Link};
use crate::node::Node;
use crate::txn::brings;
use quorate_zab::{Configuration, Context, Epoch, Rules, Server, Standing, Zxid};

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
        self.voting_steps(world, actions);
        actions.retain(|action| !self.can_wait(world, *action));
        self.keep_solitary(world, actions);
    }

    fn enabled_at(&self, world: &World, i: usize, node: &Node, actions: &mut Vec<Action>) {
        if !node.disk.log_ops.is_empty() && !node.disk.dead {
            actions.push(Action::LogDone(i));
        }
        if !node.disk.epoch_ops.is_empty() {
            actions.push(Action::EpochDone(i));
        }
        if node.is_votable() && world.votes.is_none() {
            let stands = |server: &Server| self.rules.may_vouch(server.memory().remembers());
            let electable = !is_newborn_looker(node) || self.may_elect_newborn(world);
            if world.left.elections > 0
                && node.server().is_some_and(stands)
                && electable
                && self.goes_by(node).is_voter(node.me)
            {
                actions.push(Action::Lead(i));
            }
            for leader in 0..world.nodes.len() {
                if leader != i && self.may_join(world, i, leader) {
                    actions.push(Action::Join { learner: i, leader });
                }
            }
        }
        // Who looks and has nothing under way loses its tree alone, and its round, if that is anything.
        let has_something = !(node.is_votable() && node.disk.is_quiet()) || world.votes.is_some();
        if world.left.crashes > 0 && has_something {
            for log_ops in 0..=node.disk.log_ops.len() {
                for epoch_ops in 0..=node.disk.epoch_ops.len() {
                    actions.push(Action::Crash(i, log_ops as u8, epoch_ops as u8));
                }
            }
        }
        let Some(server) = node.server() else { return };
        if world.left.wipes > 0 && !(node.disk.durable.is_empty() && node.disk.is_quiet()) {
            actions.push(Action::Wipe(i));
        }
        if hears_of_history(world, i) {
            actions.push(Action::HearHistory(i));
        }
        actions.extend(self.hears(world, i));
        if world.left.disk_errors > 0 && !node.disk.is_quiet() && !node.disk.dead {
            for log_ops in 0..=node.disk.log_ops.len() {
                for epoch_ops in 0..=node.disk.epoch_ops.len() {
                    actions.push(Action::DiskFails(i, log_ops as u8, epoch_ops as u8));
                }
            }
        }
        match server.standing() {
            Standing::Leading { serving: false } => actions.push(Action::GiveUp(i)),
            Standing::Leading { serving: true } => {
                let synced = server
                    .learners()
                    .filter(|learner| learner.synced)
                    .map(|learner| learner.server);
                if !self
                    .rules
                    .is_joint_quorum(self.goes_by(node), synced.chain([node.me]))
                {
                    actions.push(Action::CheckQuorum(i));
                }
                if world.left.txns > 0 {
                    actions.push(Action::Propose(i));
                }
                if world.left.pings > 0 {
                    actions.push(Action::Ping(i));
                }
                if world.left.reconfigs > 0 {
                    let values = self.bounds.memberships();
                    let may_be = values.filter(|&value| self.may_reconfigure(node, server, value));
                    actions.extend(may_be.map(|value| Action::Reconfigure(i, value)));
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

    /// What a server goes by.
    pub(super) fn goes_by<'a>(&'a self, node: &'a Node) -> &'a Configuration {
        node.configuration().unwrap_or(&self.configuration)
    }

    /// Whether the leader may propose the members of this value, which are others than those that it has.
    fn may_reconfigure(&self, node: &Node, server: &Server, value: u64) -> bool {
        let cx = Context {
            me: node.me,
            configuration: self.goes_by(node),
            rules: &self.rules,
        };
        brings(value).is_some_and(|members| {
            cx.configuration.active().ensemble != members && server.may_reconfigure(&cx, &members).is_ok()
        })
    }

    /// Somebody who looks hears of a configuration that is newer than its own.
    pub(super) fn hears(&self, world: &World, looker: usize) -> impl Iterator<Item = Action> {
        let node = &world.nodes[looker];
        let newer = |of: &usize| {
            let active = world.nodes[*of].configuration().map(Configuration::active);
            let own = node.configuration().zip(active);
            node.is_votable() && own.is_some_and(|(own, active)| own.hears_more(active))
        };
        (0..world.nodes.len())
            .filter(newer)
            .map(move |of| Action::Hear { looker, of })
    }

    /// Somebody who takes itself for new hears that others have a history.
    pub(super) fn hearing(&self, world: &World) -> Option<Action> {
        let mut all = 0..world.nodes.len();
        all.find(|&i| hears_of_history(world, i)).map(Action::HearHistory)
    }

    /// Whoever takes itself for new hears the votes of those that elect it: they are as empty.
    fn may_elect_newborn(&self, world: &World) -> bool {
        let empty = world.nodes.iter().filter(|node| !has_history(node));
        self.rules
            .is_joint_quorum(&self.configuration, empty.map(|node| node.me))
    }

    /// A server that leads accepts connections. It may not have noticed the end of one earlier
    /// connection of the same learner; that it has noticed neither of two is beyond the bounds.
    pub(super) fn may_join(&self, world: &World, learner: usize, leader: usize) -> bool {
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
        // Whoever takes itself for new follows nobody of whose history it hears: it hears a vote at least.
        let newborn = is_newborn_looker(&world.nodes[learner]);
        let unheard = !newborn || world.nodes[leader].unheard && !has_history(&world.nodes[leader]);
        leads && unheard && unnoticed.count() <= 1 && kept.count() <= 1
    }
}

fn hears_of_history(world: &World, i: usize) -> bool {
    let mut others = world.nodes.iter().enumerate().filter(|&(other, _)| other != i);
    is_newborn_looker(&world.nodes[i]) && others.any(|(_, other)| tells_of_history(other))
}

/// Whether the server's vote, when it was elected, told of a history.
fn has_history(node: &Node) -> bool {
    let credential = node
        .server()
        .map(|server| (server.credential_epoch(), server.history().last()));
    credential.is_none_or(|(epoch, last)| epoch > Epoch::ZERO || last > Zxid::ZERO)
}

/// Whether what it says in elections tells of a history: its vote, which names a reign that is established.
fn tells_of_history(node: &Node) -> bool {
    has_history(node) || node.serving
}
