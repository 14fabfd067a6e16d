//! Which worlds differ in the servers' names alone? Agreement compares no names, so one of them is enough.
//!
//! Servers are put in order of a signature that does not depend on names; where signatures are equal
//! every order is tried and the least result kept. Whatever the choice, a world is replaced by one
//! that is equal to it but for names, so a poor choice costs states, never a verdict.

use crate::ghost::Ghost;
use crate::intern::{Cell, Memo};
use crate::link::Link;
use crate::node::{Brain, Frame, Node};
use crate::world::{Agreement, World, id, index};
use foldhash::quality::FixedState;
use quorate_zab::{Message, Rules, ServerId};
use std::hash::BuildHasher;

/// Where each server goes: the server at place `i` is called `id(to[i])` afterwards.
type Permutation = Vec<usize>;

/// Renamed parts, computed once.
#[derive(Debug)]
pub(crate) struct Renaming {
    permutations: Vec<Permutation>,
    nodes: Memo<(Cell<Node>, usize), Cell<Node>>,
    links: Memo<(Cell<Link>, usize), Cell<Link>>,
    ghosts: Memo<(Cell<Ghost>, usize), Cell<Ghost>>,
    signatures: Memo<Cell<Node>, u64>,
    ghost_signatures: Memo<(Cell<Ghost>, usize), u64>,
}

impl Renaming {
    pub(crate) fn new(servers: usize) -> Self {
        Self {
            permutations: permutations(servers),
            nodes: Memo::default(),
            links: Memo::default(),
            ghosts: Memo::default(),
            signatures: Memo::default(),
            ghost_signatures: Memo::default(),
        }
    }

    fn number(&self, to: &[usize]) -> usize {
        self.permutations
            .iter()
            .position(|known| known == to)
            .expect("all permutations are known")
    }
}

fn permutations(n: usize) -> Vec<Permutation> {
    if n == 0 {
        return vec![Vec::new()];
    }
    let shorter = permutations(n - 1);
    (0..n)
        .flat_map(|at| {
            shorter.iter().map(move |rest| {
                let mut longer = rest.clone();
                longer.insert(at, n - 1);
                longer
            })
        })
        .collect()
}

impl<R: Rules> Agreement<R> {
    /// The one of the worlds equal to `world` but for names that stands for all of them; its links in order.
    pub(crate) fn canonical(&self, mut world: World) -> World {
        if self.symmetry {
            let signatures: Vec<u64> = (0..world.nodes.len())
                .map(|i| self.signature(&world, i))
                .collect();
            let mut order: Vec<usize> = (0..world.nodes.len()).collect();
            order.sort_by_key(|&i| signatures[i]);
            let distinct = order
                .windows(2)
                .all(|pair| signatures[pair[0]] != signatures[pair[1]]);
            world = if distinct {
                self.renamed(world, &places(&order))
            } else {
                self.least(world, &signatures)
            };
        }
        sort_links(&mut world);
        world
    }

    /// The least of the worlds that keep servers in order of their signatures.
    fn least(&self, world: World, signatures: &[u64]) -> World {
        let n = signatures.len();
        (0..self.renaming.permutations.len())
            .filter_map(|number| {
                let to = &self.renaming.permutations[number];
                let mut placed = vec![0; n];
                for (from, &to) in to.iter().enumerate() {
                    placed[to] = signatures[from];
                }
                placed.is_sorted().then(|| {
                    let mut renamed = self.renamed(world.clone(), to);
                    sort_links(&mut renamed);
                    renamed
                })
            })
            .min_by_key(key)
            .expect("some order is in order")
    }

    /// The same world with the server at place `i` called `id(to[i])`.
    fn renamed(&self, mut world: World, to: &[usize]) -> World {
        if to.iter().enumerate().all(|(from, &to)| from == to) {
            return world;
        }
        let number = self.renaming.number(to);
        let rename = |server: ServerId| id(to[index(server)]);
        let nodes = std::mem::take(&mut world.nodes);
        let mut placed = nodes.clone();
        for (from, cell) in nodes.into_iter().enumerate() {
            placed[to[from]] = *self.renaming.nodes.get((cell, number), |(cell, _)| {
                self.nodes.intern(rename_node(cell.get(), &rename))
            });
        }
        world.nodes = placed;
        for link in &mut world.links {
            *link = *self.renaming.links.get((*link, number), |(cell, _)| {
                self.links.intern(rename_link(cell.get(), &rename))
            });
        }
        world.ghost = *self.renaming.ghosts.get((world.ghost, number), |(cell, _)| {
            self.ghosts.intern(cell.get().renamed(&rename, to))
        });
        world
    }

    /// What tells the server at place `i` from the others, whatever all are called.
    fn signature(&self, world: &World, i: usize) -> u64 {
        let n = world.nodes.len();
        let node = *self.renaming.signatures.get(world.nodes[i], |cell| {
            let me = index(cell.me);
            // Itself first, the others in whichever order gives the least hash.
            let orders = self.renaming.permutations.iter().filter(|to| to[me] == 0);
            orders
                .map(|to| {
                    let renamed = rename_node(cell.get(), &|server| id(to[index(server)]));
                    FixedState::with_seed(1).hash_one(&renamed)
                })
                .min()
                .unwrap_or(n as u64)
        });
        let ghost = *self
            .renaming
            .ghost_signatures
            .get((world.ghost, i), |&(cell, i)| {
                FixedState::with_seed(2).hash_one(cell.get().signature(i, id(i)))
            });
        node ^ ghost.rotate_left(17)
    }
}

fn places(order: &[usize]) -> Permutation {
    let mut to = vec![0; order.len()];
    for (place, &from) in order.iter().enumerate() {
        to[from] = place;
    }
    to
}

fn sort_links(world: &mut World) {
    world
        .links
        .sort_by_key(|link| (link.learner, link.leader, link.learner_end, link.leader_end));
}

fn key(world: &World) -> Vec<u64> {
    let nodes = world.nodes.iter().map(|node| node.content_hash());
    nodes
        .chain(world.links.iter().map(|link| link.content_hash()))
        .chain([world.ghost.content_hash()])
        .collect()
}

fn rename_node(node: &Node, rename: &dyn Fn(ServerId) -> ServerId) -> Node {
    let brain = match &node.brain {
        Brain::Quorate(server) => Brain::Quorate(server.renamed(rename)),
        java @ Brain::Java(_) => java.clone(),
    };
    Node {
        me: rename(node.me),
        brain,
        ..node.clone()
    }
}

fn rename_link(link: &Link, rename: &dyn Fn(ServerId) -> ServerId) -> Link {
    let up = link.up.iter().map(|frame| match frame {
        Frame::Message(Message::FollowerInfo { server, accepted }) => Frame::Message(Message::FollowerInfo {
            server: rename(*server),
            accepted: *accepted,
        }),
        other => other.clone(),
    });
    Link {
        learner: rename(link.learner),
        leader: rename(link.leader),
        up: up.collect(),
        ..link.clone()
    }
}
