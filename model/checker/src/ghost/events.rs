//! What does an event add to the history, and what does it break?

use super::{Ghost, Reign, Scene, is_marker, leads, under_snapshot};
use crate::property::Property;
use crate::txn::{Txn, between, brings, find};
use crate::witness::Witness;
use quorate_zab::{Epoch, Zxid};

impl Ghost {
    /// A promise is made durable once for each epoch, so each counts once, whoever gets it.
    pub(super) fn on_promised(&mut self, scene: Scene<'_>, epoch: Epoch, witnessed: &mut dyn FnMut(Witness)) {
        let promised = &mut self.promised[scene.at];
        if promised.is_some() {
            witnessed(Witness::PromisedAgain);
        }
        let fine = promised.is_none_or(|before| before < epoch);
        *promised = Some(epoch);
        self.expect(fine, Property::PromiseIsDurable);
    }

    pub(super) fn on_chosen(&mut self, scene: Scene<'_>, epoch: Epoch, witnessed: &mut dyn FnMut(Witness)) {
        let node = scene.node();
        let initial = self.resolved(node.disk.logical().last());
        let reign = Reign {
            epoch,
            initial,
            established: false,
        };
        match self.reigns.binary_search_by_key(&epoch, |reign| reign.epoch) {
            Ok(_) => self.breaks(Property::OneLeader),
            Err(at) => self.reigns.insert(at, reign),
        }
        if scene
            .nodes
            .iter()
            .flatten()
            .any(|other| other.me != node.me && leads(other))
        {
            witnessed(Witness::TwoLeaders);
        }
    }

    pub(super) fn on_established(
        &mut self,
        scene: Scene<'_>,
        epoch: Epoch,
        witnessed: &mut dyn FnMut(Witness),
    ) {
        let node = scene.node();
        let history = node.disk.logical();
        // What leaders of older epochs committed is here.
        let older = self
            .committed
            .iter()
            .zip(&self.committed_by)
            .filter(|(_, by)| **by < epoch);
        if older.clone().next().is_some() {
            witnessed(Witness::CommitsInherited);
        }
        let complete = older.clone().all(|(txn, _)| self.is_logged_at(node, *txn));
        self.expect(complete, Property::InitialHistory);
        // A leader may finish establishing late: then what it brings is in the later ones' histories.
        for later in 0..self.reigns.len() {
            let reign = self.reigns[later];
            if reign.epoch > epoch && reign.established {
                let prefix = self.resolved(history.last()).zxid <= reign.initial.zxid
                    && history.iter().all(|txn| txn.zxid <= self.floor || self.has(txn));
                self.expect(prefix, Property::InitialHistory);
                witnessed(Witness::LateEstablishment);
            }
        }
        if let Ok(at) = self.reigns.binary_search_by_key(&epoch, |reign| reign.epoch) {
            self.reigns[at].established = true;
            if at > 0 {
                witnessed(Witness::LaterReign);
            }
        }
        let upto = self.resolved(history.last()).zxid;
        drop(history);
        let known = self.committed.len();
        self.commit(scene, epoch, Zxid::ZERO, upto);
        self.see_changes(scene, known, witnessed);
    }

    pub(super) fn on_committed(
        &mut self,
        scene: Scene<'_>,
        epoch: Epoch,
        upto: Zxid,
        witnessed: &mut dyn FnMut(Witness),
    ) {
        // Up to what it committed last, this leader was compared before.
        let own = self.committed_by.iter().rposition(|by| *by == epoch);
        let compared = own.map_or(Zxid::ZERO, |at| self.committed[at].zxid);
        let known = self.committed.len();
        self.commit(scene, epoch, compared, upto);
        witnessed(Witness::Commit);
        self.see_changes(scene, known, witnessed);
        if scene.configuration.changes() {
            self.see_members(scene, known, witnessed);
        }
        if self.reigns.last().is_some_and(|reign| reign.epoch > epoch) {
            witnessed(Witness::CommitByDeposed);
        }
    }

    /// What was committed beyond the first `known` changes members.
    fn see_changes(&self, scene: Scene<'_>, known: usize, witnessed: &mut dyn FnMut(Witness)) {
        if !scene.configuration.changes() || known > self.committed.len() {
            return;
        }
        let committed = self.committed.iter().zip(&self.committed_by).skip(known);
        for (txn, by) in committed.filter(|(txn, _)| brings(txn.value).is_some()) {
            witnessed(Witness::MembersChange);
            if txn.zxid.epoch() < *by {
                witnessed(Witness::ChangeCompleted);
            }
        }
    }

    /// Whoever committed by counting what is beyond the first `known` is a member when it does.
    fn see_members(&mut self, scene: Scene<'_>, known: usize, witnessed: &mut dyn FnMut(Witness)) {
        let me = scene.node().me;
        for at in known..self.committed.len() {
            let txn = self.committed[at];
            let is_member = self.in_force(scene, Some(txn.zxid)).is_voter(me);
            self.expect(is_member, Property::LeadersAreMembers);
            if brings(txn.value).is_some_and(|members| !members.is_voter(me)) {
                witnessed(Witness::LeaderLeftOut);
            }
        }
        let (in_force, Some(&last)) = (self.in_force(scene, None), self.committed.last()) else {
            return;
        };
        let nodes = scene.nodes.iter().flatten();
        let with: Vec<_> = nodes
            .filter(|node| self.is_durable_at(node, last))
            .map(|node| node.me)
            .collect();
        let first = &scene.configuration.active().ensemble;
        let mut came = with.iter().filter(|&&server| !first.is_voter(server));
        let others = |joiner| with.iter().copied().filter(move |server| server != joiner);
        if came.any(|joiner| !in_force.is_quorum(others(joiner))) {
            witnessed(Witness::JoinerCounts);
        }
    }

    /// The leader of `epoch` at `scene` holds everything up to `upto` to be committed. Up to `compared`
    /// its history is known to agree.
    pub(super) fn commit(&mut self, scene: Scene<'_>, epoch: Epoch, compared: Zxid, upto: Zxid) {
        let history = scene.node().disk.logical();
        let known = self.committed.last().map_or(self.floor, |txn| txn.zxid);
        let agrees = between(&self.committed, compared, upto)
            .iter()
            .all(|txn| self.is_logged_at(scene.node(), *txn));
        self.expect(agrees, Property::Agreement);
        let floor = history.floor().zxid;
        if self.inherits && known < floor {
            // What lies between was committed unseen.
            self.floor = floor;
            self.committed.clear();
            self.committed_by.clear();
        }
        let known = known.max(self.floor);
        for txn in under_snapshot(scene, self.resolved(history.floor()), known) {
            self.committed.push(txn);
            self.committed_by.push(epoch);
        }
        for txn in history.between(known, upto) {
            self.committed.push(txn);
            self.committed_by.push(epoch);
        }
        // What an older leader commits beside an established later one must be in that one's history.
        for later in 0..self.reigns.len() {
            let reign = self.reigns[later];
            if reign.epoch > epoch && reign.established {
                self.expect(upto <= reign.initial.zxid, Property::InitialHistory);
            }
        }
        let everywhere = self.is_on_every_quorum(scene);
        self.expect(everywhere, Property::QuorumLog);
    }

    pub(super) fn on_delivered(
        &mut self,
        scene: Scene<'_>,
        txn: Txn,
        before: Txn,
        witnessed: &mut dyn FnMut(Witness),
    ) {
        if txn.zxid <= self.floor {
            return;
        }
        match find(&self.committed, txn.zxid) {
            Some(at) if self.committed[at] == txn => {
                let predecessor = if at == 0 {
                    None
                } else {
                    Some(self.committed[at - 1])
                };
                if predecessor.is_some() {
                    witnessed(Witness::SecondDelivery);
                }
                let fine = match predecessor {
                    Some(predecessor) => predecessor == before || is_marker(before),
                    None => before.zxid <= self.floor || before.zxid == Zxid::ZERO || is_marker(before),
                };
                self.expect(fine, Property::TotalOrder);
            }
            _ => self.breaks(Property::Integrity),
        }
        self.serve(scene.at, txn.zxid);
        witnessed(Witness::Delivery);
        let node = scene.node();
        if node.serving && !scene.configuration.is_voter(node.me) {
            witnessed(Witness::ObserverDelivers);
        }
    }

    pub(super) fn on_serves(
        &mut self,
        scene: Scene<'_>,
        epoch: Epoch,
        tree: Txn,
        witnessed: &mut dyn FnMut(Witness),
    ) {
        let legal = tree.zxid <= self.floor || self.has(tree) || is_marker(tree);
        self.expect(legal, Property::Integrity);
        let tree = self.resolved(tree);
        if let Ok(at) = self.reigns.binary_search_by_key(&epoch, |reign| reign.epoch) {
            let initial = self.reigns[at].initial.zxid;
            if initial > Zxid::ZERO {
                witnessed(Witness::ServesHistory);
            }
            self.expect(initial <= tree.zxid, Property::CommitConsistency);
        }
        if self.served[scene.at] > Zxid::ZERO {
            witnessed(Witness::ServedAgain);
        }
        self.expect(self.served[scene.at] <= tree.zxid, Property::ServedStays);
        self.serve(scene.at, tree.zxid);
        if !leads(scene.node()) {
            witnessed(Witness::FollowerServes);
        }
    }

    pub(super) fn serve(&mut self, at: usize, zxid: Zxid) {
        self.served[at] = self.served[at].max(zxid);
    }

    pub(super) fn on_synced(&mut self, scene: Scene<'_>, witnessed: &mut dyn FnMut(Witness)) {
        let node = scene.node();
        if let Some((server, zxid)) = self.sync
            && server == node.me
        {
            self.sync = None;
            let tree = self.resolved(node.tree).zxid;
            self.expect(tree >= zxid, Property::SyncIsLinearizable);
            witnessed(Witness::SyncAnswered);
        }
    }
}
