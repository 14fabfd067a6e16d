//! Which run is it that the checker found? It knows its worlds up to names; here each gets its own again.

use super::Run;
use crate::link::{End, Link};
use crate::node::{Brain, Frame, Node};
use crate::symmetry::keeps;
use crate::world::{Action, Agreement, World, id, index};
use quorate_zab::{Conn, Message, Rules, Server, ServerId, Standing};

const ENDS: [End; 2] = [End::Learner, End::Leader];

/// A run beside the worlds that the checker had for it.
pub(crate) struct Followed<'a, R> {
    model: &'a Agreement<R>,
    pub(crate) run: Run<'a, R>,
    /// What each place of the world is called in the run.
    pub(crate) names: Vec<ServerId>,
    /// The connection of the run that each link of the world is.
    wires: Vec<usize>,
}

impl<'a, R: Rules> Followed<'a, R> {
    /// Begins at the first world, which is the model's; none if the run does not begin as the world does.
    pub(crate) fn begin(model: &'a Agreement<R>, world: &World) -> Option<(Self, Vec<Action>)> {
        let mut run = Run::new(&model.rules, model.flaws, model.bounds);
        let prelude = if model.bounds.warm {
            run.prelude(&mut |_| {})
        } else {
            Vec::new()
        };
        // Steps are counted from the first world on.
        run.restart_count();
        let is_like = |names: &Vec<ServerId>| {
            let to: Vec<usize> = names.iter().copied().map(index).collect();
            let is_itself = to.is_sorted();
            keeps(&model.configuration.active().ensemble, &to) && (is_itself || !model.bounds.changes())
        };
        let found = names_of(world.nodes.len()).filter(is_like).find_map(|names| {
            let wires = paired(&run, world, &names)?;
            Some((names, wires))
        });
        let (names, wires) = found?;
        let followed = Self {
            model,
            run,
            names,
            wires,
        };
        Some((followed, prelude))
    }

    /// The connection of the run that this link of the world is.
    pub(crate) fn wire(&self, link: usize) -> usize {
        self.wires[link]
    }

    /// The action as the run has it.
    fn own(&self, action: Action) -> Action {
        let place = |i: usize| index(self.names[i]);
        match action {
            Action::Lead(i) => Action::Lead(place(i)),
            Action::Join { learner, leader } => Action::Join {
                learner: place(learner),
                leader: place(leader),
            },
            Action::Deliver(link, end) => Action::Deliver(self.wires[link], end),
            Action::Break(link, end) => Action::Break(self.wires[link], end),
            Action::LogDone(i) => Action::LogDone(place(i)),
            Action::EpochDone(i) => Action::EpochDone(place(i)),
            Action::Crash(i, log_ops, epoch_ops) => Action::Crash(place(i), log_ops, epoch_ops),
            Action::GiveUp(i) => Action::GiveUp(place(i)),
            Action::CheckQuorum(i) => Action::CheckQuorum(place(i)),
            Action::Propose(i) => Action::Propose(place(i)),
            Action::Ping(i) => Action::Ping(place(i)),
            Action::Sync(i) => Action::Sync(place(i)),
            Action::Purge(i) => Action::Purge(place(i)),
            Action::DiskFails(i, log_ops, epoch_ops) => Action::DiskFails(place(i), log_ops, epoch_ops),
            Action::Wipe(i) => Action::Wipe(place(i)),
            Action::HearHistory(i) => Action::HearHistory(place(i)),
            Action::Reconfigure(i, value) => Action::Reconfigure(place(i), value),
            Action::Hear { looker, of } => Action::Hear {
                looker: place(looker),
                of: place(of),
            },
            Action::HearVote { from, to } => Action::HearVote {
                from: place(from),
                to: place(to),
            },
            Action::LoseVote { from, to } => Action::LoseVote {
                from: place(from),
                to: place(to),
            },
            Action::Settle(i) => Action::Settle(place(i)),
        }
    }

    /// Takes the step from `world` that `action` is, and those that the checker takes at once behind it. `see` is
    /// shown each before it is played, with the world before it, as that has it and as the run has it. Returns the
    /// world after it; none if the run is not that world's any more.
    pub(crate) fn step(
        &mut self,
        world: &World,
        action: Action,
        see: &mut dyn FnMut(&Self, &World, Action, Action),
    ) -> Option<World> {
        self.take(world, action, see);
        let model = self.model;
        let (after, to) = model.apply_told(world, action, &mut |world, action| {
            self.take(world, action, see);
        });
        if !to.is_empty() {
            let mut moved = self.names.clone();
            for (from, &to) in to.iter().enumerate() {
                moved[to] = self.names[from];
            }
            self.names = moved;
        }
        self.wires = paired(&self.run, &after, &self.names)?;
        Some(after)
    }

    /// Links stay in their order, some go, and one may come.
    fn take(&mut self, world: &World, action: Action, see: &mut dyn FnMut(&Self, &World, Action, Action)) {
        let own = self.own(action);
        see(self, world, action, own);
        if let Action::Join { .. } = action {
            self.wires.push(self.run.wires.len());
        }
        self.run.play(own, &mut |_| {});
        let wires = &self.run.wires;
        self.wires.retain(|&wire| !wires[wire].link.is_gone());
    }
}

impl<R: Rules> Run<'_, R> {
    fn restart_count(&mut self) {
        self.steps = 0;
    }

    /// Whether a connection is nothing any more to the checker: its leader does not lead, and reads nothing.
    fn is_dead(&self, link: &Link) -> bool {
        let leader = self.nodes[index(link.leader)].server().map(Server::standing);
        link.leader_end.is_some() && !matches!(leader, Some(Standing::Leading { .. }))
    }
}

/// Every way to call so many servers.
fn names_of(servers: usize) -> impl Iterator<Item = Vec<ServerId>> {
    let codes = 0..servers.pow(servers as u32);
    codes.filter_map(move |mut code| {
        let mut names = Vec::with_capacity(servers);
        for _ in 0..servers {
            let name = id(code % servers);
            if names.contains(&name) {
                return None;
            }
            names.push(name);
            code /= servers;
        }
        Some(names)
    })
}

/// The connection of the run that each link of the world is, if the world's places are called `names` and the
/// two are then one. What the checker forgets because nobody leads there any more, the run still has.
fn paired<R: Rules>(run: &Run<'_, R>, world: &World, names: &[ServerId]) -> Option<Vec<usize>> {
    let mut chosen = Vec::with_capacity(world.links.len());
    pair(run, world, names, &mut chosen).then_some(chosen)
}

fn pair<R: Rules>(run: &Run<'_, R>, world: &World, names: &[ServerId], chosen: &mut Vec<usize>) -> bool {
    let Some(link) = world.links.get(chosen.len()) else {
        let mut wires = run.wires.iter().enumerate();
        let is_forgotten = |link: &Link| link.is_gone() || link.learner_end.is_none() && run.is_dead(link);
        let nodes = world.nodes.iter().zip(names);
        return wires.all(|(at, wire)| chosen.contains(&at) || is_forgotten(&wire.link))
            && nodes.into_iter().all(|(node, &name)| {
                let own = &run.nodes[index(name)];
                is_same_node(own, node, names, &|conn| called(run, world, chosen, name, conn))
            });
    };
    for (at, wire) in run.wires.iter().enumerate() {
        let reads = !(run.is_dead(&wire.link) && link.up.is_empty());
        if !wire.link.is_gone() && !chosen.contains(&at) && is_same_link(&wire.link, link, reads, names) {
            chosen.push(at);
            if pair(run, world, names, chosen) {
                return true;
            }
            chosen.pop();
        }
    }
    false
}

/// What the world calls the connection that server `name` of the run calls `conn`.
fn called<R>(run: &Run<'_, R>, world: &World, chosen: &[usize], name: ServerId, conn: Conn) -> Conn {
    let links = world.links.iter().zip(chosen);
    let mut known = links.filter_map(|(link, &wire)| {
        let end = run.wires[wire].link.end_of(name, conn)?;
        link.conn(end)
    });
    known.next().unwrap_or(conn)
}

/// `reads`: what is on its way to the leader is compared as well.
fn is_same_link(own: &Link, link: &Link, reads: bool, names: &[ServerId]) -> bool {
    let named = |server: ServerId| names[index(server)];
    let same_frames = |end: End| {
        let (own, other) = (own.incoming(end), link.incoming(end));
        own.len() == other.len()
            && own
                .iter()
                .zip(other)
                .all(|(own, other)| *own == under(other, &named))
    };
    own.learner == named(link.learner)
        && own.leader == named(link.leader)
        && ENDS
            .iter()
            .all(|&end| own.conn(end).is_some() == link.conn(end).is_some())
        && same_frames(End::Learner)
        && (!reads || same_frames(End::Leader))
}

fn under(frame: &Frame, named: &dyn Fn(ServerId) -> ServerId) -> Frame {
    match frame {
        Frame::Message(Message::ObserverInfo { server, accepted }) => Frame::Message(Message::ObserverInfo {
            server: named(*server),
            accepted: *accepted,
        }),
        Frame::Message(Message::FollowerInfo { server, accepted }) => Frame::Message(Message::FollowerInfo {
            server: named(*server),
            accepted: *accepted,
        }),
        other => other.clone(),
    }
}

/// Whether a server of the run is a server of the world, but for names and numbers. The number by which a
/// learner knows its connection is its own affair, and of an Apache learner only the disk is compared.
fn is_same_node(own: &Node, node: &Node, names: &[ServerId], called: &dyn Fn(Conn) -> Conn) -> bool {
    let place = |server: ServerId| {
        let place = names.iter().position(|name| *name == server);
        id(place.unwrap_or_default())
    };
    if (&own.disk, own.tree, own.serving) != (&node.disk, node.tree, node.serving) {
        return false;
    }
    match (&own.brain, &node.brain) {
        (Brain::Java(_), Brain::Java(_)) => true,
        (Brain::Changing(own), Brain::Changing(server)) => {
            let members = (&own.configuration, &own.files, &own.installing);
            members == (&server.configuration, &server.files, &server.installing)
                && is_same_server(&own.server, &server.server, &place, called)
        }
        (Brain::Quorate(own), Brain::Quorate(server)) => is_same_server(own, server, &place, called),
        _ => false,
    }
}

fn is_same_server(
    own: &Server,
    server: &Server,
    place: &dyn Fn(ServerId) -> ServerId,
    called: &dyn Fn(Conn) -> Conn,
) -> bool {
    match server.standing() {
        Standing::Following {
            leader,
            conn,
            serving,
        } => {
            let facts = |server: &Server| {
                let epochs = (server.accepted(), server.epoch(), server.committed());
                (epochs, server.is_votable(), server.history().clone())
            };
            let standing = matches!(own.standing(), Standing::Following {
                    leader: of,
                    conn: on,
                    serving: serves,
                } if (place(of), on.is_some(), serves) == (leader, conn.is_some(), serving));
            standing && facts(own) == facts(server)
        }
        Standing::Leading { .. } | Standing::Looking => own.renamed(place).renumbered(called) == *server,
    }
}
