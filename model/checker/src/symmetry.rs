//! Which worlds differ in the servers' names alone? Agreement compares no names, so one of them is enough.
//!
//! Servers are put in order of a signature that does not depend on names; where signatures are equal
//! every order is tried and the least result kept. Whatever the choice, a world is replaced by one
//! that is equal to it but for names, so a poor choice costs states, never a verdict.

use crate::link::Link;
use crate::node::{Brain, Changing, Frame, Node};
use crate::world::{Agreement, World, id, index};
use foldhash::quality::FixedState;
use quorate_zab::{Conn, Ensemble, Group, Message, Rules, ServerId};
use smallvec::SmallVec;
use std::hash::BuildHasher;
use std::sync::OnceLock;

/// Where each server goes: the server at place `i` is called `id(to[i])` afterwards.
type Permutation = Vec<usize>;

/// A hash that does not depend on names.
pub(crate) type Signature = OnceLock<u64>;

/// One for each server.
pub(crate) type Signatures = OnceLock<Box<[u64]>>;

/// New numbers of a leader's connections, where they change.
pub(crate) type Numbers = SmallVec<[(Conn, Conn); 4]>;

/// All renamings, and renumbered parts.
#[derive(Debug)]
pub(crate) struct Renaming {
    /// Those that leave the ensemble what it is: voters stay voters, weights and groups are the same.
    permutations: Vec<Permutation>,
    /// Those of servers that are all alike.
    all: Vec<Permutation>,
    /// The number of each permutation, by its code.
    numbers: Vec<usize>,
}

impl Renaming {
    pub(crate) fn new(ensemble: &Ensemble, servers: usize) -> Self {
        let all = permutations(servers);
        let kept = all.iter().filter(|to| keeps(ensemble, to));
        let permutations: Vec<_> = kept.cloned().collect();
        let mut numbers = vec![0; servers.pow(servers as u32)];
        for (number, to) in permutations.iter().enumerate() {
            numbers[code(to)] = number;
        }
        Self {
            permutations,
            all,
            numbers,
        }
    }

    fn number(&self, to: &[usize]) -> usize {
        self.numbers[code(to)]
    }

    /// Where each server goes under the permutation of that number; nowhere, if it has none.
    pub(crate) fn places(&self, number: Option<usize>) -> Vec<usize> {
        number.map_or_else(Vec::new, |number| self.permutations[number].clone())
    }
}

/// Whether the ensemble is the same under other names.
pub(crate) fn keeps(ensemble: &Ensemble, to: &[usize]) -> bool {
    let group = |server| {
        let has = |group: &Group| group.iter().any(|(member, _)| *member == server);
        ensemble.groups().iter().position(has)
    };
    let like = |(from, &to): (usize, &usize)| {
        let (from, to) = (id(from), id(to));
        ensemble.is_voter(from) == ensemble.is_voter(to) && ensemble.weight(from) == ensemble.weight(to)
    };
    let places = || to.iter().enumerate();
    places().all(like)
        && places().all(|(one, &one_to)| {
            let together = |a, b| group(id(a)) == group(id(b));
            places().all(|(other, &other_to)| together(one, other) == together(one_to, other_to))
        })
}

/// The permutation as the digits of a number.
fn code(to: &[usize]) -> usize {
    to.iter().fold(0, |code, &digit| code * to.len() + digit)
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
    /// Puts in place of `world` the one of the worlds equal to it but for names that stands for all of them, its links
    /// in order; and says the number of the permutation by which servers went where they are.
    pub(crate) fn canonicalise(&self, world: &mut World) -> Option<usize> {
        let n = world.nodes.len();
        if !self.reductions.symmetry {
            self.tidy(world);
            return None;
        }
        let signatures: SmallVec<[u64; 5]> = (0..n).map(|i| self.signature(world, i)).collect();
        let mut order: SmallVec<[usize; 5]> = (0..n).collect();
        order.sort_unstable_by_key(|&i| signatures[i]);
        let alike = self.renaming.permutations.len() == self.renaming.all.len();
        let distinct = order
            .windows(2)
            .all(|pair| signatures[pair[0]] != signatures[pair[1]]);
        if distinct && alike {
            let mut to: SmallVec<[usize; 5]> = SmallVec::from_elem(0, n);
            for (place, &from) in order.iter().enumerate() {
                to[from] = place;
            }
            let number = self.renaming.number(&to);
            self.rename(world, number);
            self.tidy(world);
            return Some(number);
        }
        let (least, number) = self.least(world, &signatures);
        *world = least;
        Some(number)
    }

    /// The least of the worlds that keep servers in order of their signatures, as far as they are alike.
    fn least(&self, world: &World, signatures: &[u64]) -> (World, usize) {
        let placed = |to: &Permutation| {
            let mut placed: SmallVec<[u64; 5]> = SmallVec::from_elem(0, signatures.len());
            for (from, &to) in to.iter().enumerate() {
                placed[to] = signatures[from];
            }
            placed
        };
        let all = || self.renaming.permutations.iter();
        let in_order = all().map(placed).min().expect("one renaming is none");
        let (_, world, number) = all()
            .enumerate()
            .filter(|(_, to)| placed(to) == in_order)
            .map(|(number, _)| {
                let mut renamed = world.clone();
                self.rename(&mut renamed, number);
                self.tidy(&mut renamed);
                (key(&renamed), renamed, number)
            })
            .min_by(|(a, ..), (b, ..)| a.cmp(b))
            .expect("some order is in order");
        (world, number)
    }

    /// Calls the server at place `i` `id(to[i])`, for the permutation `to` of that number.
    fn rename(&self, world: &mut World, number: usize) {
        let count = self.renaming.permutations.len();
        let to = &*self.renaming.permutations[number];
        if to.iter().enumerate().all(|(from, &to)| from == to) {
            return;
        }
        let rename = |server: ServerId| id(to[index(server)]);
        let nodes = world.nodes.clone();
        for (from, cell) in nodes.into_iter().enumerate() {
            world.nodes[to[from]] = cell.notes().renamed.get(number, count, || {
                self.nodes.intern(rename_node(cell.get(), &rename))
            });
        }
        for link in &mut world.links {
            *link = link.notes().renamed.get(number, count, || {
                self.links.intern(rename_link(link.get(), &rename))
            });
        }
        world.ghost = world.ghost.notes().renamed.get(number, count, || {
            self.ghosts.intern(world.ghost.renamed(&rename, to))
        });
    }

    /// Puts links in order, and numbers each leader's connections in that order.
    fn tidy(&self, world: &mut World) {
        sort_links(world);
        if !self.reductions.numbering {
            return;
        }
        let mut renumbered = false;
        for leader in 0..world.nodes.len() {
            let me = id(leader);
            let mut numbers = Numbers::new();
            let mut next = 0;
            let is_taken = |world: &World, number| {
                world
                    .links
                    .iter()
                    .any(|link| link.learner == me && link.learner_end == Some(number))
            };
            for at in 0..world.links.len() {
                let link = world.links[at];
                let Some(old) = link.leader_end.filter(|_| link.leader == me) else {
                    continue;
                };
                while is_taken(world, Conn::new(next)) {
                    next += 1;
                }
                let new = Conn::new(next);
                next += 1;
                if new != old {
                    numbers.push((old, new));
                    let renumbered = &link.notes().renumbered;
                    world.links[at] = renumbered.get(new.get().into(), new, |&new| {
                        let mut link = link.get().clone();
                        link.leader_end = Some(new);
                        self.links.intern(link)
                    });
                }
            }
            if !numbers.is_empty() {
                renumbered = true;
                let node = world.nodes[leader];
                let hash = numbers.iter().fold(0, |hash, (old, new)| {
                    hash * 64 + u64::from(old.get() * 8 + new.get())
                });
                let renumbered = &node.notes().renumbered;
                world.nodes[leader] = renumbered.get(hash, numbers, |numbers| {
                    let renumber = |conn: Conn| {
                        let new = numbers.iter().find(|(old, _)| *old == conn);
                        new.map_or(conn, |&(_, new)| new)
                    };
                    self.nodes.intern(renumber_node(node.get(), &renumber))
                });
            }
        }
        if renumbered {
            sort_links(world);
        }
    }

    /// What tells the server at place `i` from the others, whatever all are called.
    fn signature(&self, world: &World, i: usize) -> u64 {
        let cell = world.nodes[i];
        let node = *cell.notes().signature.get_or_init(|| {
            let me = index(cell.me);
            // Without the numbers of its connections, which are given anew. Itself first, the others in
            // whichever order gives the least hash.
            let plain = renumber_node(cell.get(), &|_| Conn::new(0));
            let orders = self.renaming.all.iter().filter(|to| to[me] == 0);
            orders
                .map(|to| {
                    let renamed = rename_node(&plain, &|server| id(to[index(server)]));
                    FixedState::with_seed(self.salt.wrapping_add(1)).hash_one(&renamed)
                })
                .min()
                .expect("one order is some order")
        });
        let ghost = world.ghost;
        let history = ghost.notes().signatures.get_or_init(|| {
            (0..world.nodes.len())
                .map(|i| FixedState::with_seed(self.salt.wrapping_add(2)).hash_one(ghost.signature(i, id(i))))
                .collect()
        });
        node ^ history[i].rotate_left(17)
    }
}

/// By ends; of two that the leader has not noticed to be gone, the one whose learner has not arrived is last.
fn sort_links(world: &mut World) {
    world.links.sort_unstable_by_key(|link| link.notes().order(link));
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
        // Names are kept where members change: transactions name them.
        changing @ Brain::Changing(_) => changing.clone(),
    };
    Node {
        me: rename(node.me),
        brain,
        ..node.clone()
    }
}

fn renumber_node(node: &Node, renumber: &dyn Fn(Conn) -> Conn) -> Node {
    let brain = match &node.brain {
        Brain::Quorate(server) => Brain::Quorate(server.renumbered(renumber)),
        java @ Brain::Java(_) => java.clone(),
        Brain::Changing(changing) => Brain::Changing(Box::new(Changing {
            server: changing.server.renumbered(renumber),
            ..(**changing).clone()
        })),
    };
    Node {
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
        Frame::Message(Message::ObserverInfo { server, accepted }) => Frame::Message(Message::ObserverInfo {
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
