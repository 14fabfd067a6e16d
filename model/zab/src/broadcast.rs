//! How does a transaction commit? [Zab phase 3]
//!
//! The leader proposes in zxid order; each follower logs and acknowledges once durable; what a quorum
//! has acknowledged is committed, in order, and delivered by each server once its own log is durable.
//! Observers are informed of what is committed, log and deliver it, and acknowledge nothing.

use crate::follower::{FollowerState, Phase, Sync};
use crate::leader::{LeaderPhase, Stage};
use crate::server::{Context, Handled, Role, Server, answer_stray_ping};
use crate::{Conn, Effect, Ensemble, Message, Rules, Violation, Zxid};

impl Server {
    /// The zxid of the next proposal, if this server leads an established epoch. At the end of the
    /// counter there is none: the leader has to give way to a new epoch.
    pub fn next_zxid<R: Rules>(&self, rules: &R) -> Option<Zxid> {
        let Role::Leading(leader) = &self.role else {
            return None;
        };
        let LeaderPhase::Broadcast { epoch, .. } = leader.phase else {
            return None;
        };
        let last = self.history.last();
        let counter = if last.epoch() == epoch { last.counter() } else { 0 };
        if counter < rules.last_counter() {
            Some(Zxid::new(epoch, counter + 1))
        } else {
            rules.rolls_over().then(|| Zxid::new(epoch.next(), 1))
        }
    }

    /// A client's transaction, at the leader.
    pub(crate) fn on_propose<P: Clone, R: Rules>(
        &mut self,
        cx: &Context<'_, R>,
        zxid: Zxid,
        payload: P,
        fx: &mut Vec<Effect<P>>,
    ) {
        if self.next_zxid(cx.rules) != Some(zxid) {
            return;
        }
        let before = self.history.last();
        let Role::Leading(leader) = &self.role else { return };
        let told = |observes| {
            let learners = leader.learners.values();
            learners.filter(move |learner| learner.stage.is_forwarding() && learner.observes == observes)
        };
        let early: Vec<_> = told(true)
            .filter(|_| cx.rules.may_inform(false))
            .map(|learner| Effect::Inform {
                conn: learner.conn,
                after: before,
                upto: zxid,
            })
            .collect();
        for learner in told(false) {
            let message = Message::Proposal {
                zxid,
                payload: payload.clone(),
            };
            fx.push(Effect::Send {
                conn: learner.conn,
                message,
            });
        }
        self.append(zxid, payload, fx);
        fx.extend(early);
        if self.next_zxid(cx.rules).is_none() {
            self.look(cx, fx);
        }
    }

    /// A message of the leader, at a follower.
    pub(crate) fn on_leaders_message<P, R: Rules>(
        &mut self,
        cx: &Context<'_, R>,
        conn: Conn,
        message: Message<P>,
        fx: &mut Vec<Effect<P>>,
    ) {
        let Some((current, phase)) = self.linked() else {
            return answer_stray_ping(cx, conn, message, fx);
        };
        if conn != current {
            return answer_stray_ping(cx, conn, message, fx);
        }
        let observes = cx.observes();
        let handled = match (phase.clone(), message) {
            // An observer gets these in what it lacks alone.
            (
                Phase::PersistLog { .. }
                | Phase::PersistCurrent { .. }
                | Phase::Acked { .. }
                | Phase::Broadcast { .. },
                Message::Proposal { .. } | Message::Commit { .. },
            ) if observes => Err(Violation::Unexpected),
            (
                Phase::Sync { sync, .. }
                | Phase::PersistLog { sync, .. }
                | Phase::PersistCurrent { sync, .. }
                | Phase::Acked { sync, .. },
                Message::Inform { zxid, payload },
            ) if observes => self.on_early_inform(cx, sync, zxid, payload, fx),
            (Phase::Broadcast { committed, .. }, Message::Inform { zxid, payload }) if observes => self
                .on_proposal(cx, zxid, payload, fx)
                .and_then(|()| self.on_commit(committed, zxid)),
            (Phase::Discovery, Message::LeaderInfo { epoch }) => self.on_leader_info(cx, conn, epoch, fx),
            (Phase::AckedEpoch { epoch }, Message::Diff { zxid }) => self.on_diff(cx, epoch, zxid, fx),
            (Phase::AckedEpoch { epoch }, Message::Trunc { zxid }) => self.on_trunc(cx, epoch, zxid, fx),
            (Phase::AckedEpoch { epoch }, Message::Snap { zxid }) => {
                self.on_snap(epoch, zxid, fx);
                Ok(())
            }
            (Phase::Sync { .. }, Message::Proposal { zxid, .. }) if self.is_logged(zxid) => Ok(()),
            (
                Phase::Sync { .. }
                | Phase::PersistLog { .. }
                | Phase::PersistCurrent { .. }
                | Phase::Acked { .. }
                | Phase::Broadcast { .. },
                Message::Proposal { zxid, payload },
            ) => self.on_proposal(cx, zxid, payload, fx),
            (
                Phase::Sync { sync, .. }
                | Phase::PersistLog { sync, .. }
                | Phase::PersistCurrent { sync, .. }
                | Phase::Acked { sync, .. },
                Message::Commit { zxid },
            ) => self.on_early_commit(cx, sync, zxid, fx),
            (Phase::Broadcast { committed, .. }, Message::Commit { zxid }) => self.on_commit(committed, zxid),
            (Phase::Sync { epoch, sync }, Message::NewLeader { epoch: offered }) => {
                self.on_new_leader(cx, epoch, offered, sync, fx)
            }
            (Phase::Acked { epoch, sync, acked }, Message::UpToDate) => {
                self.on_up_to_date(cx, conn, epoch, sync, acked, fx);
                Ok(())
            }
            (Phase::Acked { .. } | Phase::Broadcast { .. }, Message::Ping { zxid }) => {
                fx.push(Effect::Send {
                    conn,
                    message: Message::Ping { zxid },
                });
                Ok(())
            }
            // An Apache leader pings whoever is connected; only synchronised learners answer.
            (_, Message::Ping { .. }) => Ok(()),
            (Phase::Broadcast { .. }, Message::Sync) => {
                self.on_sync_answer();
                Ok(())
            }
            _ => Err(Violation::Unexpected),
        };
        if let Err(why) = handled {
            self.look(cx, fx);
            give_reason(fx, conn, why);
        }
    }

    /// A message of a learner, at the leader.
    pub(crate) fn on_learners_message<P, R: Rules>(
        &mut self,
        cx: &Context<'_, R>,
        conn: Conn,
        message: Message<P>,
        fx: &mut Vec<Effect<P>>,
    ) {
        match message {
            Message::FollowerInfo { server, accepted } => {
                return self.on_follower_info(cx, conn, server, accepted, false, fx);
            }
            Message::ObserverInfo { server, accepted } => {
                return self.on_follower_info(cx, conn, server, accepted, true, fx);
            }
            _ => {}
        }
        let Role::Leading(leader) = &mut self.role else {
            return;
        };
        if leader.learner_of(conn).is_none() {
            return answer_stray_ping(cx, conn, message, fx);
        }
        let handled = match message {
            Message::AckEpoch { current, last } => self.on_ack_epoch(cx, conn, current, last, fx),
            Message::Ack { zxid } => self.on_ack(cx, conn, zxid, fx),
            Message::Ping { zxid } => self.on_ping_answer(conn, zxid),
            _ => Err(Violation::Unexpected),
        };
        if let Err(why) = handled
            && let Role::Leading(leader) = &mut self.role
        {
            leader.drop_conn(conn);
            fx.push(Effect::Close { conn, why: Some(why) });
        }
    }

    /// PROPOSAL, at a follower. Logged in order or not at all: leaders and connections leave no gaps.
    fn on_proposal<P, R: Rules>(
        &mut self,
        cx: &Context<'_, R>,
        zxid: Zxid,
        payload: P,
        fx: &mut Vec<Effect<P>>,
    ) -> Handled {
        let logged = self.history.last();
        if !cx.rules.may_append(zxid, logged) {
            // A leader whose own log has a hole sends the same gap each time; its snapshot has none.
            self.needs_snapshot |= !self.is_serving();
            return Err(Violation::Gap { logged, got: zxid });
        }
        self.append(zxid, payload, fx);
        Ok(())
    }

    /// Whether a proposal of the synchronisation repeats what is there: a snapshot that was taken
    /// while the leader went on may hold more than the packet's zxid says.
    fn is_logged(&self, zxid: Zxid) -> bool {
        zxid <= self.history.floor() || self.history.holds(zxid)
    }

    /// COMMIT before UPTODATE: a hint, kept until the epoch is established.
    fn on_early_commit<P, R: Rules>(
        &mut self,
        cx: &Context<'_, R>,
        sync: Sync,
        zxid: Zxid,
        fx: &mut Vec<Effect<P>>,
    ) -> Handled {
        if zxid > self.history.last() {
            return Err(Violation::CommitOutOfOrder {
                committed: sync.hint,
                got: zxid,
            });
        }
        let raised = Sync {
            hint: sync.hint.max(zxid),
            ..sync
        };
        if let Role::Following(follower) = &mut self.role
            && let FollowerState::Linked {
                phase:
                    Phase::Sync { sync, .. }
                    | Phase::PersistLog { sync, .. }
                    | Phase::PersistCurrent { sync, .. }
                    | Phase::Acked { sync, .. },
                ..
            } = &mut follower.state
        {
            *sync = raised;
        }
        if cx.rules.may_deliver(false) {
            self.deliver(raised.hint, fx);
        }
        self.activate(cx, zxid, false, fx);
        Ok(())
    }

    /// INFORM before UPTODATE, at an observer: logged, and kept as COMMIT is. A snapshot that was taken while the
    /// leader went on may hold it.
    fn on_early_inform<P, R: Rules>(
        &mut self,
        cx: &Context<'_, R>,
        sync: Sync,
        zxid: Zxid,
        payload: P,
        fx: &mut Vec<Effect<P>>,
    ) -> Handled {
        let in_sync = matches!(self.linked(), Some((_, Phase::Sync { .. })));
        if !(in_sync && self.is_logged(zxid)) {
            self.on_proposal(cx, zxid, payload, fx)?;
        }
        self.on_early_commit(cx, sync, zxid, fx)
    }

    /// COMMIT, at a follower that serves: of the proposal after the last committed one, in order.
    fn on_commit(&mut self, committed: Zxid, zxid: Zxid) -> Handled {
        if !zxid.follows(committed) || zxid > self.history.last() {
            return Err(Violation::CommitOutOfOrder { committed, got: zxid });
        }
        if let Role::Following(follower) = &mut self.role
            && let FollowerState::Linked {
                phase: Phase::Broadcast { committed, .. },
                ..
            } = &mut follower.state
        {
            *committed = zxid;
        }
        Ok(())
    }

    /// ACK, at the leader. The first one acknowledges NEWLEADER; each later one everything up to it,
    /// because logs are written in order.
    fn on_ack<P, R: Rules>(
        &mut self,
        cx: &Context<'_, R>,
        conn: Conn,
        zxid: Zxid,
        fx: &mut Vec<Effect<P>>,
    ) -> Handled {
        let logged = self.history.last();
        let Role::Leading(leader) = &mut self.role else {
            return Ok(());
        };
        let Some(epoch) = leader.epoch() else {
            return Err(Violation::Unexpected);
        };
        let (established, round) = (leader.is_established(), leader.next_round());
        let Some((_, learner)) = leader.learner_of(conn) else {
            return Ok(());
        };
        let new_leader = Zxid::new(epoch, 0);
        match &mut learner.stage {
            Stage::Syncing { acked } if zxid == new_leader => {
                learner.stage = Stage::synced(new_leader.max(*acked));
                if established {
                    fx.push(Effect::Send {
                        conn,
                        message: Message::UpToDate,
                    });
                }
                Ok(())
            }
            Stage::Syncing { acked } if cx.rules.may_count_acks(false) && zxid <= logged => {
                *acked = zxid.max(*acked);
                Ok(())
            }
            Stage::Syncing { .. } if zxid == Zxid::ZERO => {
                learner.stage = Stage::Forgetful { round, told: false };
                Ok(())
            }
            Stage::Syncing { acked } => Err(Violation::AckOutOfOrder {
                acked: *acked,
                got: zxid,
            }),
            Stage::Forgetful { told: true, .. } if zxid == new_leader => {
                learner.stage = Stage::synced(new_leader);
                Ok(())
            }
            // The acknowledgement of UPTODATE says nothing new.
            Stage::Synced { .. } if zxid == new_leader => Ok(()),
            Stage::Synced { acked, .. } if zxid <= logged => {
                *acked = zxid.max(*acked);
                Ok(())
            }
            Stage::Synced { acked, .. } => Err(Violation::AckOutOfOrder {
                acked: *acked,
                got: zxid,
            }),
            _ => Err(Violation::Unexpected),
        }
    }

    /// The follower's conclusions of broadcast: acknowledge what is durable, deliver what is committed.
    pub(crate) fn settle_broadcast<P, R: Rules>(&mut self, cx: &Context<'_, R>, fx: &mut Vec<Effect<P>>) {
        let (logged, durable) = (self.history.last(), self.disk.durable());
        let Role::Following(follower) = &mut self.role else {
            return;
        };
        let FollowerState::Linked { conn, phase } = &mut follower.state else {
            return;
        };
        let conn = *conn;
        if !cx.rules.may_vouch(self.memory.remembers()) {
            return self.settle_delivery(fx);
        }
        let none = Zxid::ZERO;
        let mut early = none;
        let (epoch, acked) = match phase {
            Phase::Acked { epoch, acked, .. } | Phase::Broadcast { epoch, acked, .. } => (*epoch, acked),
            Phase::Sync { epoch, .. } if cx.rules.may_ack_proposals(false) => (*epoch, &mut early),
            _ => return,
        };
        let last = if cx.rules.may_ack(logged, durable) {
            logged
        } else {
            durable
        };
        if last.epoch() == epoch && last > *acked && !cx.observes() {
            let first = if acked.epoch() == epoch {
                acked.counter() + 1
            } else {
                1
            };
            fx.push(Effect::SendAcks {
                conn,
                first: Zxid::new(epoch, first),
                last,
            });
            *acked = last;
        }
        self.settle_delivery(fx);
    }

    fn settle_delivery<P>(&mut self, fx: &mut Vec<Effect<P>>) {
        if let Role::Following(follower) = &self.role
            && let Some(committed) = follower.committed()
        {
            self.deliver(committed, fx);
            self.settle_sync_answers(fx);
        }
    }

    /// SYNC, at a follower. It comes behind the COMMITs that its client must see, but these are in the
    /// tree only once this server's own log holds them.
    fn on_sync_answer(&mut self) {
        if let Role::Following(follower) = &mut self.role
            && let FollowerState::Linked {
                phase: Phase::Broadcast { committed, syncs, .. },
                ..
            } = &mut follower.state
        {
            syncs.push_back(*committed);
        }
    }

    /// Tells the clients whose `sync` is answered, once the tree holds what was committed by then.
    fn settle_sync_answers<P>(&mut self, fx: &mut Vec<Effect<P>>) {
        let delivered = self.delivered;
        if let Role::Following(follower) = &mut self.role
            && let FollowerState::Linked {
                phase: Phase::Broadcast { syncs, .. },
                ..
            } = &mut follower.state
        {
            while syncs.front().is_some_and(|&committed| committed <= delivered) {
                syncs.pop_front();
                fx.push(Effect::SyncDone);
            }
        }
    }

    /// The leader's conclusion of broadcast: what a quorum has acknowledged is committed.
    ///
    /// With a reconfiguration its configuration is in force at once: what follows needs a quorum of that one
    /// alone, and is not for a leader to commit that it leaves out.
    pub(crate) fn settle_commit<P, R: Rules>(&mut self, cx: &Context<'_, R>, fx: &mut Vec<Effect<P>>) {
        let may_go_on = |ensemble: &Ensemble| cx.rules.may_commit(ensemble.is_voter(cx.me));
        let pending = cx.configuration.pending();
        let last = match pending {
            Some(version) if !may_go_on(&version.ensemble) => version.zxid,
            None if !may_go_on(&cx.configuration.active().ensemble) => Zxid::ZERO,
            _ => Zxid::from_bits(u64::MAX),
        };
        self.commit_up_to(cx, last, fx);
        if let Some(version) = pending
            && may_go_on(&version.ensemble)
            && self
                .committed()
                .is_some_and(|committed| committed >= version.zxid)
        {
            let configuration = &cx.configuration.clone().committed(version.zxid);
            let cx = Context {
                me: cx.me,
                configuration,
                rules: cx.rules,
            };
            self.commit_up_to(&cx, last, fx);
        }
    }

    /// Commits what a quorum has acknowledged, and nothing after `last`.
    fn commit_up_to<P, R: Rules>(&mut self, cx: &Context<'_, R>, last: Zxid, fx: &mut Vec<Effect<P>>) {
        let counts_me = cx.rules.may_count_itself(true, self.disk.epochs_are_durable());
        let durable = if cx.rules.may_count_itself(false, true) {
            self.history.last()
        } else {
            self.disk.durable()
        };
        let Role::Leading(leader) = &mut self.role else {
            return;
        };
        let LeaderPhase::Broadcast { epoch, committed, .. } = &mut leader.phase else {
            return;
        };
        let acks: Vec<_> = leader
            .learners
            .iter()
            .map(|(&server, learner)| match learner.stage {
                Stage::Synced { acked, .. } => (server, acked),
                Stage::Syncing { acked } => (server, acked.max(learner.earlier)),
                _ => (server, learner.earlier),
            })
            .chain(counts_me.then_some((cx.me, durable)))
            .collect();
        let start = if committed.epoch() == *epoch {
            committed.counter()
        } else {
            0
        };
        let reached = acks
            .iter()
            .map(|&(_, acked)| acked)
            .map(|acked| acked.min(last))
            .filter(|acked| acked.epoch() == *epoch && acked.counter() > start)
            .filter(|&candidate| {
                let servers = acks
                    .iter()
                    .filter(|&&(_, acked)| acked >= candidate)
                    .map(|&(server, _)| server);
                cx.rules.is_joint_quorum(cx.configuration, servers)
            })
            .max();
        if let Some(reached) = reached {
            let informed = std::mem::replace(committed, reached);
            for counter in start + 1..=reached.counter() {
                let zxid = Zxid::new(*epoch, counter);
                for learner in leader
                    .learners
                    .values()
                    .filter(|learner| learner.stage.is_forwarding() && !learner.observes)
                {
                    fx.push(Effect::Send {
                        conn: learner.conn,
                        message: Message::Commit { zxid },
                    });
                }
            }
            let observers = leader.learners.values().filter(|learner| {
                learner.observes && learner.stage.is_forwarding() && !cx.rules.may_inform(false)
            });
            fx.extend(observers.map(|learner| Effect::Inform {
                conn: learner.conn,
                after: informed,
                upto: reached,
            }));
        }
        let committed = *committed;
        self.deliver(committed, fx);
    }

    /// A leader that no longer hears a quorum gives up.
    pub(crate) fn on_check_quorum<P, R: Rules>(&mut self, cx: &Context<'_, R>, fx: &mut Vec<Effect<P>>) {
        if let Role::Leading(leader) = &self.role
            && leader.is_established()
            && !cx.is_quorum_with(true, leader.synced())
        {
            self.look(cx, fx);
        }
    }

    pub(crate) fn settle_follower<P, R: Rules>(&mut self, cx: &Context<'_, R>, fx: &mut Vec<Effect<P>>) {
        self.settle_promise(cx, fx);
        self.settle_sync(cx, fx);
        self.settle_broadcast(cx, fx);
    }

    pub(crate) fn settle_leader<P, R: Rules>(&mut self, cx: &Context<'_, R>, fx: &mut Vec<Effect<P>>) {
        self.settle_discovery(cx, fx);
        self.settle_establishment(cx, fx);
        self.settle_commit(cx, fx);
        self.settle_activation(cx, fx);
        self.settle_retirement(cx, fx);
        self.settle_reads(cx, fx);
    }

    /// The follower's connection and phase, if it has one.
    pub(crate) fn linked(&self) -> Option<(Conn, &Phase)> {
        match &self.role {
            Role::Following(follower) => match &follower.state {
                FollowerState::Linked { conn, phase } => Some((*conn, phase)),
                FollowerState::Connecting => None,
            },
            _ => None,
        }
    }

    pub(crate) fn set_phase(&mut self, next: Phase) {
        if let Role::Following(follower) = &mut self.role
            && let FollowerState::Linked { phase, .. } = &mut follower.state
        {
            *phase = next;
        }
    }

    pub(crate) fn set_leader_phase(&mut self, next: LeaderPhase) {
        if let Role::Leading(leader) = &mut self.role {
            leader.phase = next;
        }
    }
}

/// Puts the reason onto the closing of `conn`.
fn give_reason<P>(fx: &mut [Effect<P>], of: Conn, reason: Violation) {
    for effect in fx.iter_mut().rev() {
        if let Effect::Close { conn, why } = effect
            && *conn == of
        {
            *why = Some(reason);
            return;
        }
    }
}
