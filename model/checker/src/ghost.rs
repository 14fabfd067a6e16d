//! What happened so far, as far as the properties need it? History that no server holds.
//!
//! [`Ghost::observe`] takes in each event at the moment at which it happens and checks every property
//! that the event could break. A property that relates two events is checked at both.

use crate::node::{Event, Node};
use crate::property::Property;
use crate::txn::{Txn, between, brings, find};
use crate::witness::Witness;
use foldhash::quality::FixedState;
use quorate_zab::{Configuration, Ensemble, Epoch, Memory, ServerId, Violation, Zxid};
use std::hash::BuildHasher;

mod events;

/// The history of a run.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub struct Ghost {
    /// Everything ever committed, in order, and the epoch of the leader that did.
    committed: Vec<Txn>,
    committed_by: Vec<Epoch>,
    /// Where an audit's knowledge of the committed sequence begins; 0 in the checker.
    floor: Zxid,
    /// An audit's runs may begin and go on with histories that it did not see begin.
    inherits: bool,
    /// What an audit no longer claims, because an operator changed a disk.
    disclaimed: Vec<Property>,
    /// The epochs that were chosen, ascending.
    reigns: Vec<Reign>,
    /// For each server, the last epoch promised so that it counts: where a disk may forget it, and in an audit.
    promised: Vec<Option<Epoch>>,
    keeps_promises: bool,
    /// For each server, the last transaction that its clients could ever see.
    served: Vec<Zxid>,
    /// A `sync` under way: who asked, and the last commit then.
    sync: Option<(ServerId, Zxid)>,
    /// The first property that was broken.
    broken: Option<Property>,
}

/// A chosen epoch.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
struct Reign {
    epoch: Epoch,
    /// The last transaction of its initial history.
    initial: Txn,
    established: bool,
}

/// Where an event happened, and what else there is.
#[derive(Clone, Copy, Debug)]
pub struct Scene<'a> {
    /// The index of the node.
    pub at: usize,
    /// All nodes, after the step; those that an audit cannot see are missing.
    pub nodes: &'a [Option<&'a Node>],
    /// The members.
    pub configuration: &'a Configuration,
    /// The leader at the other end of the connection that the event names.
    pub leader: Option<ServerId>,
}

impl Scene<'_> {
    fn node(&self) -> &Node {
        self.nodes[self.at].expect("an event comes from a node that is there")
    }
}

impl Ghost {
    /// The history of an ensemble of that many servers before anything happened.
    pub fn new(servers: usize) -> Self {
        Self {
            promised: vec![None; servers],
            served: vec![Zxid::ZERO; servers],
            ..Self::default()
        }
    }

    /// The history of a run of which an audit may not see all.
    pub fn of_audit(servers: usize) -> Self {
        Self {
            inherits: true,
            ..Self::new(servers)
        }
    }

    /// Seen at its step, a promise need not be kept to tell that it is given once, as long as disks keep it.
    fn notes_promises(&self) -> bool {
        self.inherits || self.keeps_promises
    }

    /// Disks may forget what was promised.
    pub(crate) fn keep_promises(&mut self) {
        self.keeps_promises = true;
    }

    /// Claims the property no longer.
    pub fn disclaim(&mut self, property: Property) {
        if !self.disclaimed.contains(&property) {
            self.disclaimed.push(property);
        }
    }

    /// What the server at `at` promised and served is forgotten with its disk.
    pub fn forget(&mut self, at: usize) {
        self.promised[at] = None;
        self.served[at] = Zxid::ZERO;
    }

    /// The follower at `scene` was told by a leader that an audit does not see that everything up to
    /// `upto` is committed: believed as far as it agrees with the rest. Up to `known` it was before.
    pub fn believe(&mut self, scene: Scene<'_>, epoch: Epoch, known: Zxid, upto: Zxid) {
        self.commit(scene, epoch, known, upto);
    }

    /// Where the knowledge of the committed sequence begins: above 0 only in an audit.
    pub fn floor(&self) -> Zxid {
        self.floor
    }

    /// The first property that was broken.
    pub fn broken(&self) -> Option<Property> {
        self.broken
    }

    /// The committed sequence.
    pub fn committed(&self) -> &[Txn] {
        &self.committed
    }

    /// The epochs that were chosen, and whether they were established.
    pub fn reigns(&self) -> impl Iterator<Item = (Epoch, bool)> + '_ {
        self.reigns.iter().map(|reign| (reign.epoch, reign.established))
    }

    /// What leaders did: the committed sequence and by whom, and the epochs chosen and established.
    pub(crate) fn of_leaders(&self) -> u64 {
        FixedState::with_seed(3).hash_one((&self.committed, &self.committed_by, &self.reigns))
    }

    /// The same history with servers renamed: server `i` becomes `to[i]`.
    pub(crate) fn renamed(&self, rename: &dyn Fn(ServerId) -> ServerId, to: &[usize]) -> Self {
        let mut renamed = self.clone();
        for (from, &to) in to.iter().enumerate() {
            renamed.promised[to] = self.promised[from];
            renamed.served[to] = self.served[from];
        }
        renamed.sync = self.sync.map(|(server, zxid)| (rename(server), zxid));
        renamed
    }

    /// What tells server `i` from the others, whatever they are called.
    pub(crate) fn signature(&self, i: usize, me: ServerId) -> (Option<Epoch>, Zxid, bool) {
        let asks = self.sync.is_some_and(|(server, _)| server == me);
        (self.promised[i], self.served[i], asks)
    }

    /// A client of the node at `scene` asks for `sync`.
    pub fn sync_begins(&mut self, server: ServerId) {
        self.sync = Some((server, self.committed.last().map_or(self.floor, |txn| txn.zxid)));
    }

    /// The property is broken, as what history does not know shows.
    pub(crate) fn breaks(&mut self, property: Property) {
        if !self.disclaimed.contains(&property) {
            self.broken.get_or_insert(property);
        }
    }

    fn expect(&mut self, holds: bool, property: Property) {
        if !holds {
            self.breaks(property);
        }
    }

    /// Takes in what happened, and says what it witnessed.
    pub fn observe(&mut self, scene: Scene<'_>, event: &Event, witnessed: &mut dyn FnMut(Witness)) {
        match event {
            Event::Promised { epoch, .. } if self.notes_promises() => {
                self.on_promised(scene, *epoch, witnessed)
            }
            Event::Chosen { epoch } => self.on_chosen(scene, *epoch, witnessed),
            Event::Established { epoch } => self.on_established(scene, *epoch, witnessed),
            Event::Committed { epoch, upto } => self.on_committed(scene, *epoch, *upto, witnessed),
            Event::Delivered { txn, before } => self.on_delivered(scene, *txn, *before, witnessed),
            Event::Serves { epoch, tree } => self.on_serves(scene, *epoch, *tree, witnessed),
            Event::Synced => self.on_synced(scene, witnessed),
            _ => {
                if let Some(property) = self.check(scene, event, witnessed) {
                    self.breaks(property);
                }
            }
        }
    }

    /// The history after `event`, if that is another one. Most events are only checked.
    pub(crate) fn after(
        &self,
        scene: Scene<'_>,
        event: &Event,
        witnessed: &mut dyn FnMut(Witness),
    ) -> Option<Self> {
        let is_noted = matches!(
            event,
            Event::Chosen { .. }
                | Event::Established { .. }
                | Event::Committed { .. }
                | Event::Delivered { .. }
                | Event::Serves { .. }
                | Event::Synced
        );
        let is_noted = is_noted || self.notes_promises() && matches!(event, Event::Promised { .. });
        if !is_noted && self.check(scene, event, witnessed).is_none() {
            return None;
        }
        let mut after = self.clone();
        after.observe(scene, event, witnessed);
        Some(after)
    }

    /// The property that an event breaks which history need not keep.
    fn check(&self, scene: Scene<'_>, event: &Event, witnessed: &mut dyn FnMut(Witness)) -> Option<Property> {
        let broken = |holds: bool, property| if holds { None } else { Some(property) };
        match event {
            Event::Proposed(txn) => {
                broken(self.is_on_top(scene, *txn, witnessed), Property::PrimaryIntegrity)
            }
            Event::Appended { txn, before } => broken(
                is_matched_at(scene, *txn, *before, witnessed),
                Property::LogMatching,
            ),
            Event::Dropped(dropped) => {
                if !dropped.is_empty() {
                    witnessed(Witness::TailDropped);
                }
                let changes = scene.configuration.changes();
                if changes && dropped.iter().any(|txn| brings(txn.value).is_some()) {
                    witnessed(Witness::ChangeDropped);
                }
                let mut committed = dropped.iter().filter(|&&txn| self.has(txn)).peekable();
                if !remembers(scene.node()) {
                    return None; // Nothing rests on it.
                }
                if committed.peek().is_some() {
                    witnessed(Witness::CommittedDropped);
                }
                let lost = committed.any(|&txn| !self.is_held_by_others(scene, txn));
                broken(!lost, Property::CommittedStays)
            }
            Event::Shrunk | Event::Recalled => {
                if *event == Event::Recalled {
                    witnessed(Witness::Recalled);
                }
                broken(self.is_on_every_quorum(scene), Property::QuorumLog)
            }
            Event::Entered { epoch } => broken(
                self.is_whole_at_entry(scene, *epoch, witnessed),
                Property::HistoryConsistency,
            ),
            Event::EpochDurable { epoch } => {
                broken(self.is_whole_on_disk(scene, *epoch), Property::HistoryConsistency)
            }
            Event::Looks => broken(is_matched(scene), Property::LogMatching).or_else(|| {
                broken(
                    self.votes_are_true(scene, witnessed),
                    Property::BetterVoteKnowsMore,
                )
            }),
            Event::HungUp(violation) => {
                broken(is_legal(scene, *violation, witnessed), Property::MessagesAreLegal)
            }
            Event::Broke(property) => Some(*property),
            Event::Activated { txn, synced } => {
                if *synced {
                    witnessed(Witness::MembersChangeBySync);
                }
                broken(self.has(*txn), Property::CommittedMembers)
            }
            Event::GaveWay => {
                witnessed(Witness::StaleLeaderGivesWay);
                None
            }
            // Seen at the step, a promise need not be kept to tell that it is given once. An audit keeps it, to
            // say which of two rules was broken first.
            Event::Promised { epoch, before, .. } if !self.notes_promises() => {
                if before.is_some() {
                    witnessed(Witness::PromisedAgain);
                }
                broken(*before < Some(*epoch), Property::PromiseIsDurable)
            }
            Event::Promised { .. }
            | Event::Chosen { .. }
            | Event::Established { .. }
            | Event::Committed { .. }
            | Event::Delivered { .. }
            | Event::Serves { .. }
            | Event::Synced => None,
        }
    }

    /// A snapshot that bears <e,0> contains the initial history of e: the last transaction of that.
    fn resolved(&self, last: Txn) -> Txn {
        let epoch = last.zxid.epoch();
        match self.reigns.binary_search_by_key(&epoch, |reign| reign.epoch) {
            Ok(at) if is_marker(last) => self.reigns[at].initial,
            _ => last,
        }
    }

    /// Whether what is above `floor`, or `floor` itself, can hold the transaction: a snapshot that bears
    /// <e,0> holds no more than the initial history of e.
    fn reaches(&self, floor: Txn, txn: Txn) -> bool {
        txn.zxid >= floor.zxid || txn.zxid <= self.resolved(floor).zxid
    }

    /// Whether it would survive a crash of this server.
    fn is_durable_at(&self, node: &Node, txn: Txn) -> bool {
        let durable = &node.disk.durable;
        durable.holds(txn) && self.reaches(durable.snapshot, txn)
    }

    /// Whether the server's log holds it once everything under way is done.
    fn is_logged_at(&self, node: &Node, txn: Txn) -> bool {
        node.disk.holds(txn) && self.reaches(node.disk.floor(), txn)
    }

    /// The configurations that were in force, oldest first, each with the transaction that ended it; the last with
    /// the last one committed.
    fn configurations(&self, scene: Scene<'_>) -> Vec<(Ensemble, Txn)> {
        let Some(&last) = self.committed.last() else {
            return Vec::new();
        };
        let mut all = Vec::new();
        let mut in_force = scene.configuration.active().ensemble.clone();
        for txn in &self.committed {
            if let Some(ensemble) = brings(txn.value) {
                all.push((std::mem::replace(&mut in_force, ensemble), *txn));
            }
        }
        all.push((in_force, last));
        all
    }

    /// The members under whom what follows the committed transactions below `before` is committed.
    fn in_force(&self, scene: Scene<'_>, before: Option<Zxid>) -> Ensemble {
        let is_earlier = |txn: &&Txn| before.is_none_or(|before| txn.zxid < before);
        let mut committed = self.committed.iter().rev();
        let newest = match scene.configuration.changes() {
            true => committed.find_map(|txn| Some(txn).filter(is_earlier).and_then(|txn| brings(txn.value))),
            false => None,
        };
        newest.unwrap_or_else(|| scene.configuration.active().ensemble.clone())
    }

    fn has(&self, txn: Txn) -> bool {
        find(&self.committed, txn.zxid).is_some_and(|at| self.committed[at] == txn)
    }

    /// Everything committed is durable on so many servers that every quorum has one of them. A forgetful
    /// server is part of none.
    ///
    /// Where members change, so has every quorum of an older configuration what put the next one in its place: whoever
    /// does not know of the one in force cannot go on without it.
    fn is_on_every_quorum(&self, scene: Scene<'_>) -> bool {
        if scene.configuration.changes() {
            let mut all = self.configurations(scene).into_iter();
            return all.all(|(ensemble, upto)| {
                let nodes = scene.nodes.iter().flatten();
                let without = nodes.filter(|node| !self.is_durable_at(node, upto));
                !ensemble.is_quorum(without.map(|node| node.me))
            });
        }
        let seen = scene
            .configuration
            .active()
            .ensemble
            .votes(scene.nodes.iter().flatten().map(|node| node.me));
        if seen < scene.configuration.active().ensemble.voters().len() {
            return true; // An audit that does not see every disk cannot say.
        }
        let Some(&last) = self.committed.last() else {
            return true;
        };
        let without = scene
            .nodes
            .iter()
            .flatten()
            .filter(|node| remembers(node) && !self.is_durable_at(node, last))
            .map(|node| node.me);
        !scene.configuration.active().ensemble.is_quorum(without)
    }

    /// Whether a leader that proposes `txn` gives it a zxid of its own epoch, and has delivered all that older epochs
    /// committed.
    fn is_on_top(&self, scene: Scene<'_>, txn: Txn, witnessed: &mut dyn FnMut(Witness)) -> bool {
        let tree = self.resolved(scene.node().tree).zxid;
        let epoch = txn.zxid.epoch();
        let older = between(&self.committed, Zxid::ZERO, Zxid::new(epoch, 0)).last();
        if older.is_some() {
            witnessed(Witness::ProposedOnTop);
        }
        // Not the epoch that it leads: with the last zxid of that, a leader looks for another in the same step. Nor the
        // current one: a quorum of others can establish an epoch before that is durable here.
        let is_own = scene.node().disk.durable.accepted == Some(epoch);
        is_own && older.is_none_or(|older| older.zxid <= tree)
    }

    /// Whether a learner that acknowledges NEWLEADER has its leader's history.
    fn is_whole_at_entry(&self, scene: Scene<'_>, epoch: Epoch, witnessed: &mut dyn FnMut(Witness)) -> bool {
        let Ok(at) = self.reigns.binary_search_by_key(&epoch, |reign| reign.epoch) else {
            return true; // The leader is not seen by this audit.
        };
        let initial = self.reigns[at].initial;
        let history = scene.node().disk.logical();
        if initial.zxid > Zxid::ZERO {
            witnessed(Witness::EnteredWithHistory);
        }
        scene.node().disk.durable.current == Some(epoch)
            && self.is_durable_at(scene.node(), initial)
            && self.is_logged_at(scene.node(), initial)
            && history
                .iter()
                .all(|txn| txn.zxid <= initial.zxid || txn.zxid.epoch() == epoch)
    }

    /// currentEpoch is half of the vote: it must not be on disk before the history that it vouches for.
    fn is_whole_on_disk(&self, scene: Scene<'_>, epoch: Epoch) -> bool {
        match self.reigns.binary_search_by_key(&epoch, |reign| reign.epoch) {
            Ok(at) => self.is_durable_at(scene.node(), self.reigns[at].initial),
            Err(_) => true,
        }
    }

    /// Whether the votes of the server at `scene` and of every other that looks say who knows more.
    fn votes_are_true(&self, scene: Scene<'_>, witnessed: &mut dyn FnMut(Witness)) -> bool {
        let node = scene.node();
        if !remembers(node) {
            return true; // It has no vote.
        }
        scene.nodes.iter().enumerate().all(|(i, other)| {
            let looks = |other: &&Node| {
                let is_votable = other.server().is_some_and(quorate_zab::Server::is_votable);
                is_votable && remembers(other)
            };
            match other.filter(looks) {
                Some(other) if i != scene.at => {
                    self.is_true_of(node, i, other, witnessed)
                        && self.is_true_of(other, scene.at, node, witnessed)
                }
                _ => true,
            }
        })
    }

    /// Whether `better`, if its vote is not worse, has what clients of `other` have seen.
    fn is_true_of(
        &self,
        better: &Node,
        other_at: usize,
        other: &Node,
        witnessed: &mut dyn FnMut(Witness),
    ) -> bool {
        let (Some(mine), Some(theirs)) = (better.server(), other.server()) else {
            return true;
        };
        let key = |server: &quorate_zab::Server| (server.current(), server.history().last());
        if key(mine) < key(theirs) {
            return true;
        }
        let served = self.served[other_at];
        if served > Zxid::ZERO {
            witnessed(Witness::VotesCompared);
        }
        between(&self.committed, Zxid::ZERO, served)
            .iter()
            .all(|txn| self.is_logged_at(better, *txn))
    }

    /// Whether every quorum keeps the transaction though the server at `scene` drops it. A learner that comes
    /// back may have to drop what it acknowledged on an earlier connection, and get it again; by then it
    /// can have been committed by others, never on that earlier acknowledgement.
    fn is_held_by_others(&self, scene: Scene<'_>, txn: Txn) -> bool {
        let in_force = self.in_force(scene, None);
        let holds = |voter: ServerId| {
            let node = scene.nodes.iter().flatten().find(|node| node.me == voter);
            // A forgetful server is part of no quorum; of one that an audit does not see nothing is known.
            node.is_some_and(|node| {
                node.me != scene.node().me && (!remembers(node) || self.is_durable_at(node, txn))
            })
        };
        let voters = in_force.voters().iter().copied();
        let without = voters.filter(|&voter| !holds(voter));
        !in_force.is_quorum(without)
    }
}

/// <e,0> names no transaction: an Apache leader's snapshot bears it for the end of e's initial history.
fn is_marker(txn: Txn) -> bool {
    txn.zxid.counter() == 0 && txn.zxid != Zxid::ZERO
}

/// Whether two logs hold the same transaction behind the same one, as far as their names tell.
fn is_same(here: (Txn, Txn), there: (Txn, Txn)) -> bool {
    here.0 == there.0 && (here.1 == there.1 || is_marker(here.1) || is_marker(there.1))
}

/// Whether no other log holds something else at the zxid of `txn`, or behind another predecessor.
fn is_matched_at(scene: Scene<'_>, txn: Txn, before: Txn, witnessed: &mut dyn FnMut(Witness)) -> bool {
    scene.nodes.iter().enumerate().all(|(i, node)| match node {
        Some(node) if i != scene.at => node.disk.find(txn.zxid).is_none_or(|found| {
            witnessed(Witness::LogsShare);
            is_same(found, (txn, before))
        }),
        _ => true,
    })
}

/// Whether the log of the node at `scene` agrees with all others at the last zxid that they share.
fn is_matched(scene: Scene<'_>) -> bool {
    let mine = scene.node().disk.logical();
    scene.nodes.iter().enumerate().all(|(i, other)| match other {
        Some(other) if i != scene.at => {
            let shared = mine
                .iter()
                .rev()
                .find_map(|txn| Some((mine.find(txn.zxid)?, other.disk.find(txn.zxid)?)));
            shared.is_none_or(|(here, there)| is_same(here, there))
        }
        _ => true,
    })
}

/// Whether a correct server can hang up for this reason on a correct one.
fn is_legal(scene: Scene<'_>, violation: Violation, witnessed: &mut dyn FnMut(Witness)) -> bool {
    match violation {
        // What they meet in ordinary life: a learner that knows more, or a cut that cannot be made.
        Violation::BetterHistory { .. } => {
            witnessed(Witness::WorseLeaderRefused);
            true
        }
        Violation::CutTooDeep { .. } => true,
        // No leader gives way to an observer: one that entered a later epoch comes back when voters have.
        Violation::StaleEpoch { .. } if !is_voter_to_all(scene) => true,
        // A leader gives way before it offers less than a voter has promised.
        Violation::StaleEpoch { .. }
        | Violation::Unexpected
        | Violation::Gap { .. }
        | Violation::CommitOutOfOrder { .. }
        | Violation::AckOutOfOrder { .. }
        | Violation::PingMismatch { .. } => false,
    }
}

/// Whether the server at `scene` votes in every configuration that anyone goes by. A leader gives way only to those
/// that vote in its own.
fn is_voter_to_all(scene: Scene<'_>) -> bool {
    let me = scene.node().me;
    let mut own = scene
        .nodes
        .iter()
        .flatten()
        .filter_map(|node| node.configuration());
    match scene.configuration.changes() {
        true => own.all(|configuration| configuration.is_voter(me)),
        false => scene.configuration.is_voter(me),
    }
}

/// Whether the node can be one of a quorum of servers with a history. An Apache server cannot tell.
fn remembers(node: &Node) -> bool {
    node.server()
        .is_none_or(|server| server.memory() == Memory::Whole)
}

fn leads(node: &Node) -> bool {
    node.server().is_some_and(quorate_zab::Server::is_chosen)
}

/// What a snapshot that ends with `last` contains after `known`. A leader that is not established sends its
/// whole history as a snapshot, and who installed that may be the one that gets it committed. What lies under the
/// last transaction of all is read from a log that has it; where there is none, nobody can deliver it from one.
fn under_snapshot(scene: Scene<'_>, last: Txn, known: Zxid) -> Vec<Txn> {
    if last.zxid <= known || is_marker(last) {
        return Vec::new();
    }
    let nodes = scene.nodes.iter().flatten();
    let logs = nodes.map(|node| node.disk.logical());
    let before = logs
        .filter(|log| log.find(last.zxid).is_some_and(|(found, _)| found == last))
        .map(|log| log.between(known, last.zxid).collect::<Vec<_>>())
        .max_by_key(Vec::len);
    before.unwrap_or_else(|| vec![last])
}
