//! Which steps need not wait, and which can wait? Orders of steps that nobody can tell apart.
//!
//! Each of these leaves to every run that breaks a property another one, not longer, that breaks one too; why, says
//! `docs/properties.md`. None lets a step come that the world does not permit.

use super::{Action, Agreement, Stepped, World, id, index};
use crate::disk::LogOp;
use crate::intern::Cell;
use crate::link::{End, Link};
use crate::node::{Event, Frame, Node};
use quorate_zab::{LearnerView, Message, Rules, Server, ServerId, Standing};
use smallvec::SmallVec;

impl<R: Rules> Agreement<R> {
    /// A step that is taken before any other.
    pub(crate) fn eager(&self, world: &World) -> Option<Action> {
        let quiet = || self.reductions.quiet_arrivals.then(|| self.quiet_arrival(world));
        let written = || self.reductions.epoch_files.then(|| self.epoch_file(world));
        let parted = || self.reductions.solitude.then(|| self.lonely_end(world));
        let met = || self.reductions.peace.then(|| self.peaceful_arrival(world));
        quiet()
            .flatten()
            .or_else(|| written().flatten())
            .or_else(|| parted().flatten())
            .or_else(|| met().flatten())
    }

    /// A frame that arrives before anything else, where no fault is left to come and nobody begins to lead:
    /// FOLLOWERINFO at a leader that has chosen its epoch's number, and whatever but a cut comes from a
    /// leader that serves for ever, because learners that can neither leave nor lose it are a quorum with it.
    fn peaceful_arrival(&self, world: &World) -> Option<Action> {
        let left = world.left;
        let over = left.deaths() == 0
            && left.breaks == 0
            && left.elections == 0
            && left.syncs == 0
            && left.purges == 0
            && left.reconfigs == 0;
        if !over || !self.rules.leaves_leader() {
            return None;
        }
        world.links.iter().enumerate().find_map(|(at, &link)| {
            if !is_safe(world, link) {
                return None;
            }
            let leader = world.nodes[index(link.leader)].get().server()?;
            if is_greeting(link, leader) && self.is_only_noted(world, link) {
                return Some(Action::Deliver(at, End::Leader));
            }
            let reader = world.nodes[index(link.learner)];
            let stepped = self.stepped(reader, self.arrival(link, End::Learner)?);
            let orderly = stepped.traffic.is_empty() || reader.disk.log_ops.is_empty();
            let appends = stepped.node.disk.log_ops.len() >= reader.disk.log_ops.len();
            (orderly
                && appends
                && is_own(stepped)
                && has_same_durable_log(&reader, &stepped.node)
                && self.serves_for_ever(world, link.leader, leader))
            .then_some(Action::Deliver(at, End::Learner))
        })
    }

    /// Whether a leader serves and has a quorum that stays: learners that have acknowledged NEWLEADER on a
    /// connection that nothing can end. (An Apache learner may have reasons of its own.)
    fn serves_for_ever(&self, world: &World, me: ServerId, leader: &Server) -> bool {
        let stays = |known: &LearnerView| {
            let is_it = |link: &&Cell<Link>| link.leader == me && link.leader_end == Some(known.conn);
            let is_ours = world.nodes[index(known.server)].server().is_some();
            known.synced
                && is_ours
                && world
                    .links
                    .iter()
                    .find(is_it)
                    .is_some_and(|&link| is_safe(world, link))
        };
        let serves = matches!(leader.standing(), Standing::Leading { serving: true });
        // It gives way to a higher promise: nobody has made one, and nobody leads who could ask for one. That
        // none is on the way either would follow from the rules; what is to be found out may be that they are wrong.
        let accepted = |node: &Node| match node.server() {
            Some(server) => server.accepted(),
            None => node.disk.durable.accepted.unwrap_or_default(),
        };
        let is_last =
            |node: &Cell<Node>| node.me == me || !leads(node) && Some(accepted(node)) <= leader.epoch();
        let is_higher = |frame: &Frame| match frame {
            Frame::Message(Message::LeaderInfo { epoch } | Message::FollowerInfo { accepted: epoch, .. }) => {
                Some(*epoch) > leader.epoch()
            }
            Frame::Message(_) | Frame::Snapshot(_) | Frame::SnapshotOf(..) | Frame::SyncRequest => false,
        };
        let on_the_way = |link: &Cell<Link>| link.get().up.iter().chain(&link.get().down).any(is_higher);
        let staying = leader.learners().filter(stays).map(|known| known.server);
        let goes_by = self.goes_by(&world.nodes[index(me)]);
        serves
            && goes_by.pending().is_none()
            && world.nodes.iter().all(is_last)
            && !world.links.iter().any(on_the_way)
            && self.rules.is_joint_quorum(goes_by, staying.chain([me]))
    }

    /// An epoch file whose write is done, where no crash can come before: nobody else reads the file, and a
    /// server that loses its connection before the write has, behind it, less on the way and is no further.
    fn epoch_file(&self, world: &World) -> Option<Action> {
        if world.left.deaths() > 0 {
            return None;
        }
        let writes = |i: &usize| {
            let node = world.nodes[*i];
            let chosen = |node: &Node| node.server().is_none_or(Server::is_chosen);
            if node.disk.epoch_ops.len() != 1 || chosen(&node) {
                return false;
            }
            let stepped = self.stepped(node, self.usual.epoch_done);
            let closes = stepped.traffic.iter().any(|(_, burst)| burst.closes);
            !closes
                && is_own(stepped)
                && has_same_log(&node, &stepped.node)
                && node.tree == stepped.node.tree
                && node.serving == stepped.node.serving
        };
        (0..world.nodes.len()).find(writes).map(Action::EpochDone)
    }

    /// A follower with nothing to do and nothing on the way to it learns that its leader's end is closed.
    fn lonely_end(&self, world: &World) -> Option<Action> {
        if world.left.deaths() > 0 || world.left.purges > 0 {
            return None;
        }
        let parts = |(at, link): (usize, &Cell<Link>)| {
            let node = world.nodes[index(link.learner)];
            let idle = link.learner_end.is_some() && link.leader_end.is_none() && link.down.is_empty();
            let silent = !(node.serving && world.left.syncs > 0);
            (idle
                && silent
                && node.disk.is_quiet()
                && is_out_of_reach(world, index(link.learner))
                && has_one_end(world, index(link.learner))
                && is_own(self.stepped(node, self.parting(*link, End::Learner))))
            .then_some(Action::Break(at, End::Learner))
        };
        world.links.iter().enumerate().find_map(parts)
    }

    /// If servers are out of reach and nobody can tell when their steps come, keeps these alone. Those of any one
    /// would do; but which one is the first would be a matter of names.
    pub(crate) fn keep_solitary(&self, world: &World, actions: &mut Vec<Action>) {
        if !self.reductions.solitude || world.left.deaths() > 0 {
            return;
        }
        let goes_first = |&i: &usize| {
            let mine = |action: &&Action| actor(world, **action) == i;
            let mut its_own = actions.iter().filter(mine).peekable();
            its_own.peek().is_some() && its_own.all(|action| self.is_private(world, i, *action))
        };
        let all = (0..world.nodes.len()).filter(|&i| is_out_of_reach(world, i));
        let first: SmallVec<[usize; 5]> = all.filter(goes_first).collect();
        if !first.is_empty() {
            actions.retain(|action| first.contains(&actor(world, *action)));
        }
    }

    /// Whether nobody can tell when this step of a server out of reach comes.
    fn is_private(&self, world: &World, i: usize, action: Action) -> bool {
        let node = world.nodes[i];
        let happening = match action {
            Action::EpochDone(_) => self.usual.epoch_done,
            Action::LogDone(_) => self.usual.log_done,
            Action::Break(at, end) => self.parting(world.links[at], end),
            Action::Deliver(at, end) => match self.arrival(world.links[at], end) {
                Some(arrival) => arrival,
                None => return false,
            },
            Action::Lead(_)
            | Action::Join { .. }
            | Action::Crash(..)
            | Action::DiskFails(..)
            | Action::Wipe(_)
            | Action::HearHistory(_)
            | Action::Reconfigure(..)
            | Action::Hear { .. }
            | Action::GiveUp(_)
            | Action::CheckQuorum(_)
            | Action::Propose(_)
            | Action::Ping(_)
            | Action::Purge(_)
            | Action::Sync(_)
            | Action::HearVote { .. }
            | Action::LoseVote { .. }
            | Action::Settle(_) => return false,
        };
        let stepped = self.stepped(node, happening);
        if !is_own(stepped) {
            return false;
        }
        let (was, is) = (&node.disk, &stepped.node.disk);
        let only_asked = has_same_durable_log(&node, &stepped.node) && is.log_ops.len() >= was.log_ops.len();
        only_asked || self.is_only_here(world, i) || !has_cuts(&node) && !self.may_others_cut(world, i)
    }

    /// Whether the log operation under way at `i` appends what nobody else has or can come to have: then
    /// nobody commits it, and nobody cuts it.
    fn is_only_here(&self, world: &World, i: usize) -> bool {
        let Some(&LogOp::Append(txn)) = world.nodes[i].disk.log_ops.front() else {
            return false;
        };
        let lacks = |node: &Node| {
            let disk = &node.disk;
            !disk.holds(txn) && !disk.durable.holds(txn) && node.server().is_some()
        };
        let brings = |frame: &Frame| match frame {
            Frame::Snapshot(last) | Frame::SnapshotOf(last, _) => last.zxid >= txn.zxid,
            Frame::Message(Message::Proposal { zxid, .. } | Message::Inform { zxid, .. }) => {
                *zxid == txn.zxid
            }
            Frame::Message(_) | Frame::SyncRequest => false,
        };
        let mut others = world.nodes.iter().enumerate().filter(|&(j, _)| j != i);
        let is_ours = world.nodes[i].server().is_some();
        is_ours
            && others.all(|(_, node)| lacks(node))
            && !world.links.iter().any(|link| link.down.iter().any(brings))
    }

    /// Whether a server other than `i` may commit, or drop something from its log.
    fn may_others_cut(&self, world: &World, i: usize) -> bool {
        let mut others = world.nodes.iter().enumerate().filter(|&(j, _)| j != i);
        world.left.elections > 0
            || others.any(|(_, node)| has_cuts(node) || leads(node))
            || world.links.iter().any(|link| {
                let cuts = |frame: &Frame| {
                    matches!(
                        frame,
                        Frame::Snapshot(_) | Frame::SnapshotOf(..) | Frame::Message(Message::Trunc { .. })
                    )
                };
                index(link.learner) != i && link.down.iter().any(cuts)
            })
    }

    /// Whether a step can wait until it makes a difference: of a learner that is gone, the leader has not
    /// even read FOLLOWERINFO.
    pub(crate) fn can_wait(&self, world: &World, action: Action) -> bool {
        if !self.reductions.stale_greetings {
            return false;
        }
        let (Action::Deliver(at, End::Leader) | Action::Break(at, End::Leader)) = action else {
            return false;
        };
        let link = world.links[at];
        let Some(leader) = world.nodes[index(link.leader)].get().server() else {
            return false;
        };
        if link.learner_end.is_some() {
            return false;
        }
        // Only the bound on such connections may ask for their end.
        let is_parting = matches!(action, Action::Break(..));
        if is_parting && at_leader(world, link) > 1 {
            return false;
        }
        if self.is_idle_entry(world, link, leader) {
            return true;
        }
        let is_unread = !leader.learners().any(|known| Some(known.conn) == link.leader_end)
            && matches!(
                link.get().up.front(),
                None | Some(Frame::Message(Message::FollowerInfo { .. }))
            );
        if !is_unread {
            return false;
        }
        if is_parting {
            return true;
        }
        // It counts for the choice of the epoch, and replaces a later connection of the same learner.
        let counts = matches!(leader.standing(), Standing::Leading { .. }) && leader.epoch().is_none();
        !counts
            && !leader.learners().any(|known| known.server == link.learner)
            && self.is_only_noted(world, link)
    }

    /// Whether the leader takes note of the next frame and does not give way to a higher promise.
    fn is_only_noted(&self, world: &World, link: Cell<Link>) -> bool {
        let node = world.nodes[index(link.leader)];
        self.arrival(link, End::Leader).is_some_and(|arrival| {
            let stepped = self.stepped(node, arrival);
            stepped.events.is_empty() && node.disk == stepped.node.disk
        })
    }

    /// Whether what a leader of a chosen epoch knows of a learner that is gone is in no quorum and never
    /// will be: it has not acknowledged NEWLEADER, and that is not on the way either.
    fn is_idle_entry(&self, world: &World, link: Cell<Link>, leader: &Server) -> bool {
        let is_it = |known: LearnerView| Some(known.conn) == link.leader_end && !known.synced;
        if !leader.is_chosen() || self.rules.may_count_acks(false) || !leader.learners().any(is_it) {
            return false;
        }
        match link.get().up.front() {
            None => true,
            Some(Frame::Message(Message::AckEpoch { .. })) if link.get().up.len() == 1 => {
                let node = world.nodes[index(link.leader)];
                let Some(arrival) = self.arrival(link, End::Leader) else {
                    return false;
                };
                let stepped = self.stepped(node, arrival);
                let delivered = |node: &Node| node.server().map(Server::delivered);
                stepped.events.is_empty()
                    && node.disk == stepped.node.disk
                    && node.tree == stepped.node.tree
                    && delivered(&node) == delivered(&stepped.node)
            }
            Some(_) => false,
        }
    }

    /// Nobody begins to lead any more: what is on the way to a server that does not lead is lost.
    pub(crate) fn forget_dead(&self, world: &mut World) {
        if !self.reductions.stale_greetings || world.left.elections > 0 || !self.rules.leaves_leader() {
            return;
        }
        for at in (0..world.links.len()).rev() {
            let link = world.links[at];
            if link.leader_end.is_none() || leads(&world.nodes[index(link.leader)]) {
                continue;
            }
            if link.learner_end.is_none() {
                world.links.remove(at);
            } else if !link.up.is_empty() {
                let mut unread = link.get().clone();
                unread.up.clear();
                world.links[at] = self.links.intern(unread);
            }
        }
    }
}

/// Whether a step says nothing that others' steps could be compared with in another order.
fn is_own(stepped: &Stepped) -> bool {
    stepped.events.iter().all(|event| match event {
        Event::Promised { .. }
        | Event::Entered { .. }
        | Event::EpochDurable { .. }
        | Event::Appended { .. }
        | Event::Delivered { .. }
        | Event::Serves { .. }
        | Event::Looks
        | Event::Synced
        | Event::HungUp(_)
        | Event::Broke(_) => true,
        Event::Chosen { .. }
        | Event::Established { .. }
        | Event::Committed { .. }
        | Event::Proposed(_)
        | Event::Dropped(_)
        | Event::GaveWay
        | Event::Recalled
        | Event::Activated { .. }
        | Event::Shrunk => false,
    })
}

/// Whether the next frame to the leader is FOLLOWERINFO, counts for no choice and replaces nothing.
fn is_greeting(link: Cell<Link>, leader: &Server) -> bool {
    let numbered = matches!(leader.standing(), Standing::Leading { .. }) && leader.epoch().is_some();
    let greets = matches!(
        link.get().up.front(),
        Some(Frame::Message(Message::FollowerInfo { .. }))
    );
    numbered && greets && !leader.learners().any(|known| known.server == link.learner)
}

/// Whether both ends are open, and the leader has no other connection of this learner: an earlier one of which
/// it has not even read FOLLOWERINFO could yet replace this one.
fn is_safe(world: &World, link: Cell<Link>) -> bool {
    link.learner_end.is_some() && link.leader_end.is_some() && at_leader(world, link) == 1
}

/// How many connections of this learner the leader has not noticed to be gone.
fn at_leader(world: &World, link: Cell<Link>) -> usize {
    let is_like = |other: &&Cell<Link>| {
        other.learner == link.learner && other.leader == link.leader && other.leader_end.is_some()
    };
    world.links.iter().filter(is_like).count()
}

fn leads(node: &Node) -> bool {
    let standing = node.server().map(Server::standing);
    matches!(standing, Some(Standing::Leading { .. }))
}

fn has_cuts(node: &Node) -> bool {
    let cuts = |op: &LogOp| !matches!(op, LogOp::Append(_));
    node.disk.log_ops.iter().any(cuts)
}

fn has_same_log(a: &Node, b: &Node) -> bool {
    a.disk.log_ops == b.disk.log_ops && has_same_durable_log(a, b)
}

fn has_same_durable_log(a: &Node, b: &Node) -> bool {
    a.disk.durable.log == b.disk.durable.log && a.disk.durable.snapshot == b.disk.durable.snapshot
}

/// Whether nothing that others do reaches the server, nor anything that it does them: it has no role that
/// others may join, may take none, and of each of its connections the other end is closed.
fn is_out_of_reach(world: &World, i: usize) -> bool {
    let node = world.nodes[i];
    !node.is_votable()
        && !leads(&node)
        && ends_of(world, i).all(|(link, end)| link.conn(Link::other(end)).is_none())
}

fn has_one_end(world: &World, i: usize) -> bool {
    ends_of(world, i).count() == 1
}

/// The open ends of a server.
fn ends_of(world: &World, i: usize) -> impl Iterator<Item = (Cell<Link>, End)> + '_ {
    let ends = [End::Learner, End::Leader];
    let all = world
        .links
        .iter()
        .flat_map(move |&link| ends.map(|end| (link, end)));
    all.filter(move |(link, end)| link.server(*end) == id(i) && link.conn(*end).is_some())
}

/// Whose step it is.
fn actor(world: &World, action: Action) -> usize {
    match action {
        Action::Lead(i)
        | Action::LogDone(i)
        | Action::EpochDone(i)
        | Action::Crash(i, ..)
        | Action::DiskFails(i, ..)
        | Action::Wipe(i)
        | Action::HearHistory(i)
        | Action::Reconfigure(i, _)
        | Action::Hear { looker: i, .. }
        | Action::GiveUp(i)
        | Action::CheckQuorum(i)
        | Action::Propose(i)
        | Action::Ping(i)
        | Action::Purge(i)
        | Action::Sync(i)
        | Action::Settle(i)
        | Action::HearVote { to: i, .. }
        | Action::LoseVote { to: i, .. }
        | Action::Join { learner: i, .. } => i,
        Action::Deliver(at, end) | Action::Break(at, end) => index(world.links[at].server(end)),
    }
}
