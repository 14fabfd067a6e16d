//! What does a server do when something happens? The step function, and the roles it moves through.
//!
//! Handlers record what an input told; `settle`, after each of them, draws every conclusion that the
//! recorded facts allow. `step` is total: a peer that breaks the protocol loses its connection.

use crate::disk::Disk;
use crate::follower::Follower;
use crate::leader::{Leader, LeaderPhase};
use crate::{
    Candidacy, Configuration, Conn, Effect, Epoch, Image, Input, Memory, Refusal, Rules, ServerId, Skeleton,
    Violation, Zxid,
};
use serde::{Deserialize, Serialize};

/// What a step needs to know and never changes.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a, R> {
    /// This server.
    pub me: ServerId,
    /// The members that it goes by.
    pub configuration: &'a Configuration,
    /// The rules; [`crate::Zab`] in every server.
    pub rules: &'a R,
}

impl<R: Rules> Context<'_, R> {
    /// Whether this server and `others` are a quorum.
    pub(crate) fn is_quorum_with(
        &self,
        counts_me: bool,
        others: impl Iterator<Item = ServerId> + Clone,
    ) -> bool {
        let servers = others.chain(counts_me.then_some(self.me));
        self.rules.is_joint_quorum(self.configuration, servers)
    }

    /// Whether this server has no vote and never gets one: nothing rests on it. Where members change, who has
    /// none is a follower that is not counted by its leader, or not yet; what it promises binds it.
    pub(crate) fn observes(&self) -> bool {
        !self.configuration.changes() && !self.configuration.is_voter(self.me)
    }
}

/// A server's agreement state: facts and positions, no contents.
#[derive(Clone, Debug, Eq, Hash, PartialEq, Serialize, Deserialize)]
pub struct Server {
    /// The highest epoch promised.
    pub(crate) accepted: Epoch,
    /// The epoch of the last leader that this server synchronised with.
    pub(crate) current: Epoch,
    /// What the log holds once all that was asked of it is done.
    pub(crate) history: Skeleton,
    pub(crate) disk: Disk,
    /// What the tree holds.
    pub(crate) delivered: Zxid,
    /// The snapshot that was installed under the tree, which has to be loaded from it.
    pub(crate) unloaded: Option<Zxid>,
    /// The leader of the epoch promised last asked for a cut that this server cannot make: only a snapshot of it helps.
    pub(crate) needs_snapshot: bool,
    /// Whether it knows what it promised before it started.
    pub(crate) memory: Memory,
    pub(crate) role: Role,
}

#[derive(Clone, Debug, Eq, Hash, PartialEq, Serialize, Deserialize)]
pub(crate) enum Role {
    /// Between leaders; `votable` once the disk has done all that was asked of it.
    Looking {
        votable: bool,
    },
    Following(Follower),
    Leading(Leader),
    /// The disk has failed: nothing happens any more.
    Halted,
}

/// What a server is doing, for people and for the shell's views.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Standing {
    /// Between leaders.
    Looking,
    /// Following `leader`; `serving` once it is up to date.
    Following {
        /// The leader.
        leader: ServerId,
        /// The connection to it, once it stands.
        conn: Option<Conn>,
        /// Whether clients may be served.
        serving: bool,
    },
    /// Leading; `serving` once established.
    Leading {
        /// Whether the epoch is established.
        serving: bool,
    },
}

/// A learner as its leader sees it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct LearnerView {
    /// Who.
    pub server: ServerId,
    /// Through which connection.
    pub conn: Conn,
    /// Whether it observes.
    pub observes: bool,
    /// Whether it has acknowledged NEWLEADER.
    pub synced: bool,
}

/// A peer broke the protocol on a connection.
pub(crate) type Handled = Result<(), Violation>;

impl Server {
    /// The server that starts from `image`: it looks for a leader.
    ///
    /// # Errors
    ///
    /// [`Refusal`] if no run of the protocol leaves such an image behind.
    pub fn boot<P, R: Rules>(
        rules: &R,
        image: &Image,
        memory: Memory,
        fx: &mut Vec<Effect<P>>,
    ) -> Result<Self, Refusal> {
        let (accepted, current) = image.epochs(rules)?;
        let last = image.history.last();
        fx.push(Effect::Look { current, last });
        Ok(Self {
            accepted,
            current,
            history: image.history.clone(),
            disk: Disk::at(last),
            delivered: image.snapshot,
            unloaded: None,
            needs_snapshot: false,
            memory,
            role: Role::Looking { votable: true },
        })
    }

    /// Takes in one fact and appends to `fx` what is to be done about it.
    pub fn step<P: Clone, R: Rules>(
        &mut self,
        cx: &Context<'_, R>,
        input: Input<P>,
        fx: &mut Vec<Effect<P>>,
    ) {
        if let Role::Halted = self.role {
            return;
        }
        match input {
            Input::Lead => self.on_lead(cx),
            Input::Follow { leader } => self.on_follow(leader, fx),
            Input::Connected { conn } => self.on_connected(cx, conn, fx),
            Input::Closed { conn } => self.on_closed(cx, conn, fx),
            Input::Message { conn, message } => match self.role {
                Role::Looking { .. } => answer_stray_ping(cx, conn, message, fx),
                Role::Following(_) => self.on_leaders_message(cx, conn, message, fx),
                Role::Leading(_) => self.on_learners_message(cx, conn, message, fx),
                Role::Halted => {}
            },
            Input::LogDurable { ops } => self.on_log_durable(ops),
            Input::EpochsDurable { ops } => self.disk.epochs_done(ops),
            Input::LimitPassed => {
                if !self.is_serving() && !self.is_looking() {
                    self.look(cx, fx);
                }
            }
            Input::PingLearners => self.on_ping_learners(fx),
            Input::CheckQuorum => self.on_check_quorum(cx, fx),
            Input::Propose { zxid, payload } => self.on_propose(cx, zxid, payload, fx),
            Input::Sync { conn } => self.on_sync(cx, conn),
            Input::Purged { floor } => self.on_purged(cx, floor),
            Input::DiskFailed => self.on_disk_failed(cx, fx),
            Input::HistoryHeard => self.on_history_heard(fx),
        }
        self.settle(cx, fx);
    }

    /// Draws the conclusions that the recorded facts allow.
    fn settle<P, R: Rules>(&mut self, cx: &Context<'_, R>, fx: &mut Vec<Effect<P>>) {
        if self.memory == Memory::Recalling && self.disk.epochs_are_durable() {
            self.memory = Memory::Whole;
            self.vouch(fx);
        }
        match &mut self.role {
            Role::Looking { votable } => {
                let drained = self.disk.log_is_durable() && self.disk.epochs_are_durable();
                if !*votable && (drained || !cx.rules.drains_before_looking()) {
                    *votable = true;
                    if !drained {
                        // Only a wrong rule comes here: it forgets what the disk is still doing.
                        self.history.truncate(self.disk.durable());
                        self.disk.forget_log();
                    }
                    if cx.rules.replays_log_when_looking() {
                        self.deliver(self.history.last(), fx);
                    }
                    fx.push(Effect::Look {
                        current: self.current,
                        last: self.history.last(),
                    });
                }
            }
            Role::Following(_) => {
                self.settle_follower(cx, fx);
                self.settle_activation(cx, fx);
            }
            Role::Leading(_) => self.settle_leader(cx, fx),
            Role::Halted => {}
        }
    }

    fn on_lead<R: Rules>(&mut self, cx: &Context<'_, R>) {
        if let Role::Looking { votable: true } = self.role
            && cx.configuration.is_voter(cx.me)
            && cx.rules.may_vouch(self.memory.remembers())
        {
            self.role = Role::Leading(Leader::new(self.current));
        }
    }

    fn on_follow<P>(&mut self, leader: ServerId, fx: &mut Vec<Effect<P>>) {
        if let Role::Looking { votable: true } = self.role {
            self.role = Role::Following(Follower::new(leader));
            fx.push(Effect::Connect { leader });
        }
    }

    fn on_closed<P, R: Rules>(&mut self, cx: &Context<'_, R>, conn: Conn, fx: &mut Vec<Effect<P>>) {
        match &mut self.role {
            Role::Looking { .. } => {}
            Role::Following(follower) => {
                if follower.conn() == Some(conn) {
                    self.look(cx, fx);
                }
            }
            Role::Leading(leader) => leader.drop_conn(conn),
            Role::Halted => {}
        }
    }

    /// What the disk holds is not known, so this server is nothing that others may count on.
    fn on_disk_failed<P, R: Rules>(&mut self, cx: &Context<'_, R>, fx: &mut Vec<Effect<P>>) {
        if !cx.rules.outlives_disk() {
            self.role = Role::Halted;
            fx.push(Effect::Halt);
        } else if cx.rules.takes_failed_for_done() {
            self.on_log_durable(1);
        }
    }

    /// Somebody has a history, so this empty server is not new: it is one that lost its own.
    fn on_history_heard<P>(&mut self, fx: &mut Vec<Effect<P>>) {
        if self.memory == Memory::Newborn
            && let Role::Looking { votable } = &mut self.role
        {
            *votable = false;
            self.memory = Memory::Forgetful;
            self.disk.begin_epoch();
            fx.push(Effect::Forget);
        }
    }

    fn on_log_durable(&mut self, ops: u32) {
        self.disk.log_done(ops);
        if let Role::Following(follower) = &mut self.role {
            follower.log_done(ops);
        }
    }

    /// What was purged cannot be served. A history that was replaced since does not hold `floor`, and
    /// loses nothing.
    fn on_purged<R: Rules>(&mut self, cx: &Context<'_, R>, floor: Zxid) {
        if self.history.holds(floor) && cx.rules.forgets_purged() {
            self.history.forget_below(floor);
        }
    }

    /// Leaves the role and goes looking; the election begins once the disk is quiet.
    pub(crate) fn look<P, R: Rules>(&mut self, cx: &Context<'_, R>, fx: &mut Vec<Effect<P>>) {
        match &self.role {
            Role::Looking { .. } => return,
            Role::Following(follower) => {
                if let Some(conn) = follower.conn()
                    && cx.rules.leaves_leader()
                {
                    fx.push(Effect::Close { conn, why: None });
                }
            }
            Role::Leading(leader) => {
                fx.extend(leader.conns().map(|conn| Effect::Close { conn, why: None }));
            }
            Role::Halted => return,
        }
        fx.push(Effect::Retire);
        self.role = Role::Looking { votable: false };
    }

    /// Brings the tree to `committed`, as far as this server's own log is durable.
    pub(crate) fn deliver<P>(&mut self, committed: Zxid, fx: &mut Vec<Effect<P>>) {
        let upto = committed.min(self.disk.durable());
        self.refresh_tree(fx);
        if upto > self.delivered {
            self.delivered = upto;
            fx.push(Effect::Deliver { upto });
        }
    }

    /// Loads the snapshot that was installed under the tree, if one was.
    pub(crate) fn refresh_tree<P>(&mut self, fx: &mut Vec<Effect<P>>) {
        if let Some(zxid) = self.unloaded.take() {
            self.delivered = zxid;
            fx.push(Effect::Load { zxid });
        }
    }

    /// Appends to history and log.
    pub(crate) fn append<P>(&mut self, zxid: Zxid, payload: P, fx: &mut Vec<Effect<P>>) {
        self.history.push(zxid);
        self.disk.begin_log(zxid);
        fx.push(Effect::Append { zxid, payload });
    }

    pub(crate) fn persist_accepted<P>(&mut self, epoch: Epoch, fx: &mut Vec<Effect<P>>) {
        self.accepted = epoch;
        if self.memory == Memory::Newborn {
            self.memory = Memory::Whole;
        }
        self.disk.begin_epoch();
        fx.push(Effect::PersistAccepted(epoch));
    }

    pub(crate) fn persist_current<P>(&mut self, epoch: Epoch, fx: &mut Vec<Effect<P>>) {
        self.current = epoch;
        self.disk.begin_epoch();
        fx.push(Effect::PersistCurrent(epoch));
    }

    /// The highest epoch promised.
    pub fn accepted(&self) -> Epoch {
        self.accepted
    }

    /// The epoch of the last leader that this server synchronised with.
    pub fn current(&self) -> Epoch {
        self.current
    }

    /// What the log holds once all that was asked of it is done.
    pub fn history(&self) -> &Skeleton {
        &self.history
    }

    /// What the tree holds.
    pub fn delivered(&self) -> Zxid {
        self.delivered
    }

    /// Whether this server is between leaders.
    pub fn is_looking(&self) -> bool {
        matches!(self.role, Role::Looking { .. })
    }

    /// Whether an election may count on this server: its disk has done all that was asked of it.
    pub fn is_votable(&self) -> bool {
        matches!(self.role, Role::Looking { votable: true })
    }

    /// In which capacity this server looks for a leader.
    pub fn candidacy(&self, me: ServerId, configuration: &Configuration) -> Candidacy {
        if !configuration.is_voter(me) {
            return Candidacy::Observes;
        }
        match self.memory {
            Memory::Whole => Candidacy::Stands,
            Memory::Newborn => Candidacy::Newborn,
            Memory::Forgetful | Memory::Recalling => Candidacy::Forgetful,
        }
    }

    /// The currentEpoch of its vote: of a leader, that with which it was elected.
    pub fn credential_epoch(&self) -> Epoch {
        match &self.role {
            Role::Leading(leader) => leader.credential,
            _ => self.current,
        }
    }

    /// Whether its disk has failed: it does nothing any more.
    pub fn is_halted(&self) -> bool {
        matches!(self.role, Role::Halted)
    }

    /// Whether it knows what it promised before it started.
    pub fn memory(&self) -> Memory {
        self.memory
    }

    /// Whether clients may be served.
    pub fn is_serving(&self) -> bool {
        match &self.role {
            Role::Looking { .. } | Role::Halted => false,
            Role::Following(follower) => follower.is_up_to_date(),
            Role::Leading(leader) => leader.is_established(),
        }
    }

    /// The last zxid that this server knows to be committed, while it serves.
    pub fn committed(&self) -> Option<Zxid> {
        match &self.role {
            Role::Looking { .. } | Role::Halted => None,
            Role::Following(follower) => follower.committed(),
            Role::Leading(leader) => leader.committed(),
        }
    }

    /// Whether this server leads and its epoch is chosen: a quorum has promised it.
    pub fn is_chosen(&self) -> bool {
        match &self.role {
            Role::Leading(leader) => matches!(
                leader.phase,
                LeaderPhase::Sync { .. } | LeaderPhase::Broadcast { .. }
            ),
            _ => false,
        }
    }

    /// What this server is doing.
    pub fn standing(&self) -> Standing {
        match &self.role {
            Role::Looking { .. } | Role::Halted => Standing::Looking,
            Role::Following(follower) => Standing::Following {
                leader: follower.leader(),
                conn: follower.conn(),
                serving: follower.is_up_to_date(),
            },
            Role::Leading(leader) => Standing::Leading {
                serving: leader.is_established(),
            },
        }
    }

    /// ZooKeeper's word for the phase: election, discovery, synchronization or broadcast.
    pub fn phase(&self) -> &'static str {
        match &self.role {
            Role::Looking { .. } => "election",
            Role::Halted => "halted",
            Role::Following(follower) => follower.phase_name(),
            Role::Leading(leader) => leader.phase_name(),
        }
    }

    /// The epoch of the reign that this server leads or follows, once it is known.
    pub fn epoch(&self) -> Option<Epoch> {
        match &self.role {
            Role::Looking { .. } | Role::Halted => None,
            Role::Following(follower) => follower.epoch(),
            Role::Leading(leader) => leader.epoch(),
        }
    }

    /// The same state in an ensemble whose servers are called otherwise. Agreement compares no names.
    #[must_use]
    pub fn renamed(&self, rename: &dyn Fn(ServerId) -> ServerId) -> Self {
        let mut renamed = self.clone();
        match &mut renamed.role {
            Role::Looking { .. } | Role::Halted => {}
            Role::Following(follower) => follower.rename(rename),
            Role::Leading(leader) => leader.rename(rename),
        }
        renamed
    }

    /// The same leader with its learners' connections numbered otherwise. Numbers are compared, not ordered.
    #[must_use]
    pub fn renumbered(&self, renumber: &dyn Fn(crate::Conn) -> crate::Conn) -> Self {
        let mut renumbered = self.clone();
        if let Role::Leading(leader) = &mut renumbered.role {
            leader.renumber(renumber);
        }
        renumbered
    }

    /// The learners of a leader.
    pub fn learners(&self) -> impl Iterator<Item = LearnerView> + Clone + '_ {
        let leader = match &self.role {
            Role::Leading(leader) => Some(leader),
            _ => None,
        };
        leader.into_iter().flat_map(Leader::views)
    }
}

/// A PING of a connection left behind is not answered. A wrong rule shows what would happen.
pub(crate) fn answer_stray_ping<P, R: Rules>(
    cx: &Context<'_, R>,
    conn: Conn,
    message: crate::Message<P>,
    fx: &mut Vec<Effect<P>>,
) {
    if let crate::Message::Ping { zxid } = message
        && !cx.rules.leaves_leader()
    {
        fx.push(Effect::Send {
            conn,
            message: crate::Message::Ping { zxid },
        });
    }
}

#[cfg(test)]
mod tests;
