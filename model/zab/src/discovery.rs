//! How does a new epoch come about? [Zab phase 1]
//!
//! FOLLOWERINFO tells a leader which epochs its learners have accepted; LEADERINFO offers a higher one;
//! ACKEPOCH promises to follow no lower one, and says how good the learner's history is. The epoch is
//! *chosen* when a quorum has promised it.

use crate::follower::{FollowerState, Phase};
use crate::leader::{Leader, LeaderPhase, Learner, Stage};
use crate::server::{Context, Handled, Role, Server};
use crate::{Conn, Effect, Epoch, Message, Rules, ServerId, Violation, Zxid};

impl Server {
    /// The follower's connection stands: say who we are.
    pub(crate) fn on_connected<P, R: Rules>(
        &mut self,
        cx: &Context<'_, R>,
        conn: Conn,
        fx: &mut Vec<Effect<P>>,
    ) {
        if let Role::Following(follower) = &mut self.role
            && follower.state == FollowerState::Connecting
        {
            follower.state = FollowerState::Linked {
                conn,
                phase: Phase::Discovery,
            };
            let (server, accepted) = (
                cx.me,
                cx.rules.promised(self.accepted, self.history.last().epoch()),
            );
            let message = if cx.observes() {
                Message::ObserverInfo { server, accepted }
            } else {
                Message::FollowerInfo { server, accepted }
            };
            fx.push(Effect::Send { conn, message });
        } else {
            fx.push(Effect::Close { conn, why: None });
        }
    }

    /// LEADERINFO, at a follower. A higher epoch is a new promise and made durable before it is
    /// given; an equal one was promised before, perhaps to another leader, and never counts again.
    ///
    /// An observer's promise counts for nothing, so no leader gives way to it, and it may take a lower epoch
    /// than it accepted: not one lower than that of what it has. Apache's is shut out by a leader that
    /// was never told.
    pub(crate) fn on_leader_info<P, R: Rules>(
        &mut self,
        cx: &Context<'_, R>,
        conn: Conn,
        epoch: Epoch,
        fx: &mut Vec<Effect<P>>,
    ) -> Handled {
        let bound = if cx.observes() {
            self.current
        } else {
            self.accepted
        };
        let promised = |accepted| cx.rules.promised(accepted, self.history.last().epoch());
        let (bound, accepted) = (promised(bound), promised(self.accepted));
        if !cx.rules.may_accept_epoch(epoch, bound) {
            return Err(Violation::StaleEpoch {
                accepted,
                offered: epoch,
            });
        }
        if cx.rules.is_new_promise(epoch, accepted) {
            // What another leader could not cut may be no matter to this one, and a quorum may need this promise.
            self.needs_snapshot = false;
            self.persist_accepted(epoch, fx);
            self.set_phase(Phase::PersistAccepted { epoch });
            return Ok(());
        }
        self.ack_epoch(cx, conn, epoch, None, fx);
        Ok(())
    }

    /// Zxid 0 asks for a snapshot, of a leader whose cut was too deep: so this promise was given before, and does not
    /// count again. Nor must the promise of a server that may have given others.
    fn ack_epoch<P, R: Rules>(
        &mut self,
        cx: &Context<'_, R>,
        conn: Conn,
        epoch: Epoch,
        current: Option<Epoch>,
        fx: &mut Vec<Effect<P>>,
    ) {
        let message = if self.needs_snapshot || !cx.rules.may_vouch(self.memory.remembers()) {
            Message::AckEpoch {
                current: None,
                last: Zxid::ZERO,
            }
        } else {
            Message::AckEpoch {
                current,
                last: self.history.last(),
            }
        };
        self.set_phase(Phase::AckedEpoch { epoch });
        fx.push(Effect::Send { conn, message });
    }

    /// Sends ACKEPOCH once the promise is durable.
    pub(crate) fn settle_promise<P, R: Rules>(&mut self, cx: &Context<'_, R>, fx: &mut Vec<Effect<P>>) {
        let Some((conn, &Phase::PersistAccepted { epoch })) = self.linked() else {
            return;
        };
        if cx.rules.may_ack_epoch(self.disk.epochs_are_durable()) {
            self.ack_epoch(cx, conn, epoch, Some(self.current), fx);
        }
    }

    /// FOLLOWERINFO or OBSERVERINFO, at a leader. It replaces what was known of an earlier connection of that server.
    pub(crate) fn on_follower_info<P, R: Rules>(
        &mut self,
        cx: &Context<'_, R>,
        conn: Conn,
        server: ServerId,
        accepted: Epoch,
        observes: bool,
        fx: &mut Vec<Effect<P>>,
    ) {
        let Role::Leading(leader) = &mut self.role else {
            return;
        };
        let is_voter = cx.configuration.is_voter(server);
        // An epoch with no successor is nobody's; it would be the end of the order for all.
        let last_epoch = accepted.get() == u32::MAX;
        if server == cx.me || last_epoch || observes && is_voter || leader.learner_of(conn).is_some() {
            leader.drop_conn(conn);
            fx.push(Effect::Close {
                conn,
                why: Some(Violation::Unexpected),
            });
            return;
        }
        if let Some(epoch) = leader.epoch()
            && is_voter
            && !cx.rules.may_keep_epoch(epoch, accepted)
        {
            fx.push(Effect::Close { conn, why: None });
            return self.give_way(cx, accepted, fx);
        }
        let mut earlier = Zxid::ZERO;
        if let Some(replaced) = leader.learners.remove(&server) {
            leader.drop_conn(replaced.conn);
            fx.push(Effect::Close {
                conn: replaced.conn,
                why: None,
            });
            if let Stage::Synced { acked, .. } = replaced.stage
                && !cx.rules.forgets_earlier_connection()
            {
                earlier = acked;
            }
        }
        let offered = match leader.phase {
            LeaderPhase::Discovery | LeaderPhase::PersistAccepted { .. } => None,
            LeaderPhase::EpochAck { epoch }
            | LeaderPhase::Sync { epoch }
            | LeaderPhase::Broadcast { epoch, .. } => Some(epoch),
        };
        let stage = match offered {
            Some(epoch) => {
                fx.push(Effect::Send {
                    conn,
                    message: Message::LeaderInfo { epoch },
                });
                Stage::Offered
            }
            None => Stage::Known { accepted },
        };
        let learner = Learner {
            conn,
            observes,
            stage,
            earlier,
        };
        leader.learners.insert(server, learner);
    }

    /// ACKEPOCH, at a leader.
    pub(crate) fn on_ack_epoch<P, R: Rules>(
        &mut self,
        cx: &Context<'_, R>,
        conn: Conn,
        current: Option<Epoch>,
        last: Zxid,
        fx: &mut Vec<Effect<P>>,
    ) -> Handled {
        let mine = self.credential();
        let Role::Leading(leader) = &mut self.role else {
            return Ok(());
        };
        let chosen = matches!(
            leader.phase,
            LeaderPhase::Sync { .. } | LeaderPhase::Broadcast { .. }
        );
        let Some((server, learner)) = leader.learner_of(conn) else {
            return Ok(());
        };
        if learner.stage != Stage::Offered {
            return Err(Violation::Unexpected);
        }
        if let Some(current) = current
            && !chosen
            && (current, self.comparable(current, last)) > mine
        {
            return Err(Violation::BetterHistory { current, last });
        }
        if chosen {
            self.synchronise(cx, server, last, current.is_some(), fx);
        } else if let Role::Leading(leader) = &mut self.role
            && let Some(learner) = leader.learners.get_mut(&server)
        {
            learner.stage = Stage::Promised {
                promised: current.is_some(),
                last,
            };
        }
        Ok(())
    }

    /// Makes a voter's higher promise its own and goes looking, so that the next epoch is above it.
    ///
    /// A promise may always be raised. Each time one more server has this one, and once those without it
    /// are no quorum, every leader hears of it before it chooses a number: so it ends. Apache's leader
    /// goes on, and shuts that server out until somebody restarts it.
    fn give_way<P, R: Rules>(&mut self, cx: &Context<'_, R>, promised: Epoch, fx: &mut Vec<Effect<P>>) {
        self.persist_accepted(promised, fx);
        self.look(cx, fx);
    }

    /// What this leader was elected with.
    fn credential(&self) -> (Epoch, Zxid) {
        let current = self.credential_epoch();
        (current, self.comparable(current, self.history.last()))
    }

    /// An Apache server that led epoch e, or synchronised in it, without a transaction says <e,0>.
    /// That is the end of e's initial history, if this server knows where that is.
    pub(crate) fn comparable(&self, current: Epoch, last: Zxid) -> Zxid {
        if last.counter() != 0 || last == Zxid::ZERO || last.epoch() != current {
            return last;
        }
        self.end_of_initial_history(current).unwrap_or(last)
    }

    /// Where the initial history of `epoch` ended, if this server's history shows it: before the
    /// epoch's first transaction, or, if it had none here, where this server's log ended after it had
    /// synchronised in that epoch.
    pub(crate) fn end_of_initial_history(&self, epoch: Epoch) -> Option<Zxid> {
        let synchronised = self.credential_epoch();
        self.history.before(epoch).or_else(|| {
            let last = self.history.last();
            (synchronised == epoch && last.epoch() < epoch).then_some(last)
        })
    }

    /// The leader's conclusions of discovery: choose a number, make it durable, offer it, and see
    /// whether a quorum has promised it.
    pub(crate) fn settle_discovery<P, R: Rules>(&mut self, cx: &Context<'_, R>, fx: &mut Vec<Effect<P>>) {
        if let Some(epoch) = self.number_to_propose(cx) {
            self.persist_accepted(epoch, fx);
            self.set_leader_phase(LeaderPhase::PersistAccepted { epoch });
        }
        let accepted_durable = self.disk.epochs_are_durable();
        let Role::Leading(leader) = &mut self.role else {
            return;
        };
        if let LeaderPhase::PersistAccepted { epoch } = leader.phase
            && cx.rules.may_offer_epoch(accepted_durable)
        {
            leader.phase = LeaderPhase::EpochAck { epoch };
            for learner in leader.learners.values_mut() {
                fx.push(Effect::Send {
                    conn: learner.conn,
                    message: Message::LeaderInfo { epoch },
                });
                learner.stage = Stage::Offered;
            }
        }
        if let LeaderPhase::EpochAck { epoch } = leader.phase
            && cx.is_quorum_with(true, promised(leader))
        {
            leader.phase = LeaderPhase::Sync { epoch };
            let waiting: Vec<_> = leader
                .learners
                .iter()
                .filter_map(|(&server, learner)| match learner.stage {
                    Stage::Promised { last, promised } => Some((server, last, promised)),
                    _ => None,
                })
                .collect();
            self.persist_current(epoch, fx);
            for (server, last, promised) in waiting {
                self.synchronise(cx, server, last, promised, fx);
            }
        }
    }

    /// One more than what a quorum, this server included, has accepted. After the last epoch there is none.
    fn number_to_propose<R: Rules>(&self, cx: &Context<'_, R>) -> Option<Epoch> {
        let Role::Leading(leader) = &self.role else {
            return None;
        };
        if leader.phase != LeaderPhase::Discovery || !cx.is_quorum_with(true, leader.learners.keys().copied())
        {
            return None;
        }
        let highest = leader
            .learners
            .values()
            .fold(self.accepted, |highest, learner| match learner.stage {
                Stage::Known { accepted } => highest.max(accepted),
                _ => highest,
            });
        (highest.get() < u32::MAX).then(|| cx.rules.new_epoch(highest))
    }
}

/// The learners whose promise counts.
fn promised(leader: &Leader) -> impl Iterator<Item = ServerId> + Clone + '_ {
    leader
        .learners
        .iter()
        .filter(|(_, learner)| matches!(learner.stage, Stage::Promised { promised: true, .. }))
        .map(|(&server, _)| server)
}
