//! How does a learner get the leader's history? [Zab phase 2]
//!
//! The leader compares the end of the learner's log with its own history and sends the difference, a
//! cut and the difference, or a snapshot; then NEWLEADER. The learner makes all of it durable, then
//! currentEpoch, then acknowledges. A quorum of these *establishes* the epoch: its initial history
//! is committed.

use crate::follower::{Awaited, Phase, Sync};
use crate::leader::{LeaderPhase, Stage};
use crate::reads::Reads;
use crate::server::{Context, Handled, Role, Server};
use crate::{Conn, Effect, Epoch, Memory, Message, Rules, ServerId, Violation, Zxid};
use std::collections::VecDeque;

/// How a learner is brought to a prefix of the leader's history.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Plan {
    /// It has one: the end of its log is `from`.
    Diff { from: Zxid },
    /// It has one up to `to`, and more that is not in the leader's.
    Trunc { to: Zxid },
    /// What it has in common with the leader is not known, or no longer served.
    Snap,
}

impl Server {
    /// Chooses how to bring a learner whose log ends at `last` to a history that is committed up to
    /// `bound`. Exact, because a log that holds a zxid holds everything before it as well.
    fn plan<R: Rules>(&self, cx: &Context<'_, R>, last: Zxid, promised: bool, bound: Zxid) -> Plan {
        if last == Zxid::ZERO && !promised {
            // So asks a learner whose history is to be replaced; one that is merely new loses nothing by it.
            return Plan::Snap;
        }
        if last == bound {
            return Plan::Diff { from: last };
        }
        if last.counter() == 0 && last != Zxid::ZERO {
            // <e,0> names no transaction: such a (Java) learner has e's initial history and no more.
            // A cut would make one with a snapshot and no log exit.
            return match self.end_of_initial_history(last.epoch()) {
                Some(from) if from <= bound => Plan::Diff { from },
                _ => Plan::Snap,
            };
        }
        if cx.rules.is_prefix(&self.history, last) {
            return if last <= bound {
                Plan::Diff { from: last }
            } else {
                Plan::Trunc { to: bound }
            };
        }
        match self.history.last_of(last.epoch()) {
            // Both logs hold this epoch from its start up to where the shorter one ends.
            Some(end) if end < last && end.counter() > 0 => Plan::Trunc { to: end.min(bound) },
            _ => Plan::Snap,
        }
    }

    /// Sends a learner what it lacks, and NEWLEADER behind it.
    pub(crate) fn synchronise<P, R: Rules>(
        &mut self,
        cx: &Context<'_, R>,
        server: ServerId,
        last: Zxid,
        promised: bool,
        fx: &mut Vec<Effect<P>>,
    ) {
        let logged = self.history.last();
        let (epoch, bound) = match &self.role {
            Role::Leading(leader) => match leader.phase {
                LeaderPhase::Sync { epoch } => (epoch, logged),
                LeaderPhase::Broadcast { epoch, committed, .. } => (epoch, committed),
                _ => return,
            },
            _ => return,
        };
        let plan = self.plan(cx, last, promised, bound);
        if plan == Plan::Snap {
            // The snapshot is made from the tree: it has to be this history's.
            self.refresh_tree(fx);
        }
        let Role::Leading(leader) = &mut self.role else {
            return;
        };
        let Some(learner) = leader.learners.get_mut(&server) else {
            return;
        };
        let conn = learner.conn;
        let after = match plan {
            Plan::Diff { from } => {
                // The packet names the last zxid that the difference brings; an empty one the learner's own.
                let zxid = if from == bound { last } else { bound };
                fx.push(Effect::Send {
                    conn,
                    message: Message::Diff { zxid },
                });
                from
            }
            Plan::Trunc { to } => {
                fx.push(Effect::Send {
                    conn,
                    message: Message::Trunc { zxid: to },
                });
                to
            }
            Plan::Snap => {
                let zxid = cx.rules.snapshot_zxid(epoch, bound);
                fx.push(Effect::SendSnapshot {
                    conn,
                    zxid,
                    upto: bound,
                });
                bound
            }
        };
        let first = cx.rules.closes_history_first();
        if !first {
            fx.push(Effect::Send {
                conn,
                message: Message::NewLeader { epoch },
            });
        }
        if after < bound {
            let committed = cx.rules.pairs_history();
            fx.push(Effect::Replay {
                conn,
                after,
                upto: bound,
                committed,
            });
        }
        // What is not committed is nothing to an observer; it is informed of it once it is.
        if bound < logged && cx.rules.sends_outstanding() && !learner.observes {
            fx.push(Effect::Replay {
                conn,
                after: bound,
                upto: logged,
                committed: cx.rules.commits_outstanding(),
            });
        }
        if first {
            fx.push(Effect::Send {
                conn,
                message: Message::NewLeader { epoch },
            });
        }
        learner.stage = Stage::Syncing { acked: Zxid::ZERO };
    }

    /// DIFF, at a follower. A forgetful one said that it has nothing: an Apache leader may send all of its
    /// history, and what is left here of an earlier synchronisation goes.
    pub(crate) fn on_diff<P, R: Rules>(
        &mut self,
        cx: &Context<'_, R>,
        epoch: Epoch,
        zxid: Zxid,
        fx: &mut Vec<Effect<P>>,
    ) -> Handled {
        if self.needs_snapshot {
            return Err(Violation::Unexpected);
        }
        if !cx.rules.may_vouch(self.memory.remembers()) && self.history.last() > Zxid::ZERO {
            return self.on_trunc(cx, epoch, Zxid::ZERO, fx);
        }
        if cx.rules.adopts_header() && zxid > self.history.last() {
            self.history.push(zxid);
        }
        self.begin_sync(epoch, self.history.last());
        Ok(())
    }

    /// TRUNC, at a follower.
    pub(crate) fn on_trunc<P, R: Rules>(
        &mut self,
        cx: &Context<'_, R>,
        epoch: Epoch,
        to: Zxid,
        fx: &mut Vec<Effect<P>>,
    ) -> Handled {
        let floor = self.history.floor().max(self.delivered);
        // A snapshot of this very leader's initial history is where its history begins, whatever it calls that.
        let is_begin = floor == Zxid::new(epoch, 0) && floor == self.history.floor();
        let to = if is_begin { to.max(floor) } else { to };
        if to < floor || self.needs_snapshot {
            // What is to be cut is under a snapshot: come back and ask for one of the leader's.
            self.needs_snapshot = true;
            return Err(Violation::CutTooDeep { floor, to });
        }
        if to > self.history.last() || !self.history.holds(to) {
            // An Apache leader may ask to keep what was never here; a gap would follow.
            self.needs_snapshot = true;
            return Err(Violation::CutTooDeep { floor, to });
        }
        let to = cx.rules.cut_at(to);
        self.cut(to, fx);
        self.begin_sync(epoch, to);
        Ok(())
    }

    fn cut<P>(&mut self, to: Zxid, fx: &mut Vec<Effect<P>>) {
        self.history.truncate(to);
        self.disk.begin_log(to);
        fx.push(Effect::Truncate { to });
    }

    /// SNAP, at a follower. Until it is durable the old history counts; then the new one does.
    pub(crate) fn on_snap<P>(&mut self, epoch: Epoch, zxid: Zxid, fx: &mut Vec<Effect<P>>) {
        self.history = crate::Skeleton::from_floor(zxid);
        self.disk.begin_log(zxid);
        self.unloaded = Some(zxid);
        self.needs_snapshot = false;
        fx.push(Effect::Install { zxid });
        self.begin_sync(epoch, zxid);
    }

    fn begin_sync(&mut self, epoch: Epoch, base: Zxid) {
        self.set_phase(Phase::Sync {
            epoch,
            sync: Sync { base, hint: base },
        });
    }

    /// NEWLEADER, at a follower.
    pub(crate) fn on_new_leader<P, R: Rules>(
        &mut self,
        cx: &Context<'_, R>,
        epoch: Epoch,
        offered: Epoch,
        sync: Sync,
        fx: &mut Vec<Effect<P>>,
    ) -> Handled {
        if epoch != offered {
            return Err(Violation::StaleEpoch {
                accepted: epoch,
                offered,
            });
        }
        if !cx.rules.keeps_uncommitted() && sync.hint < self.history.last() {
            self.cut(sync.hint, fx);
        }
        let awaited = Awaited::all_of(self.disk.log_under_way());
        self.set_phase(Phase::PersistLog { epoch, sync, awaited });
        Ok(())
    }

    /// The follower's conclusions: what came before NEWLEADER durable, then currentEpoch, then the
    /// acknowledgement.
    pub(crate) fn settle_sync<P, R: Rules>(&mut self, cx: &Context<'_, R>, fx: &mut Vec<Effect<P>>) {
        if let Some((_, &Phase::PersistLog { epoch, sync, awaited })) = self.linked()
            && cx.rules.may_enter_epoch(awaited.is_durable())
        {
            self.persist_current(epoch, fx);
            self.set_phase(Phase::PersistCurrent { epoch, sync, awaited });
        }
        if let Some((conn, &Phase::PersistCurrent { epoch, sync, awaited })) = self.linked()
            && cx
                .rules
                .may_ack_new_leader(awaited.is_durable(), self.disk.epochs_are_durable())
        {
            let entered = Zxid::new(epoch, 0);
            self.set_phase(Phase::Acked {
                epoch,
                sync,
                acked: entered.max(sync.base),
            });
            // No leader counts an acknowledgement that is not of NEWLEADER; Apache's reports it and goes on.
            let vouches = cx.rules.may_vouch(self.memory.remembers());
            let zxid = if vouches { entered } else { Zxid::ZERO };
            fx.push(Effect::Send {
                conn,
                message: Message::Ack { zxid },
            });
        }
    }

    /// UPTODATE, at a follower: the epoch is established, and with it all that was hinted.
    pub(crate) fn on_up_to_date<P, R: Rules>(
        &mut self,
        cx: &Context<'_, R>,
        conn: Conn,
        epoch: Epoch,
        sync: Sync,
        acked: Zxid,
        fx: &mut Vec<Effect<P>>,
    ) {
        self.set_phase(Phase::Broadcast {
            epoch,
            acked,
            committed: sync.hint,
            syncs: VecDeque::new(),
        });
        if cx.rules.delivers_before_serving() {
            self.deliver(sync.hint, fx);
        }
        fx.push(Effect::Serve { epoch });
        if self.memory == Memory::Forgetful {
            // Log, snapshot and currentEpoch were durable before NEWLEADER was answered.
            self.memory = Memory::Recalling;
            self.disk.begin_epoch();
            fx.push(Effect::Recall);
        }
        if self.memory.remembers() {
            self.ack_up_to_date(conn, epoch, fx);
        }
    }

    /// Everything of the epoch so far is here. Of a server that was forgetful it is the first word that counts.
    fn ack_up_to_date<P>(&self, conn: Conn, epoch: Epoch, fx: &mut Vec<Effect<P>>) {
        fx.push(Effect::Send {
            conn,
            message: Message::Ack {
                zxid: Zxid::new(epoch, 0),
            },
        });
    }

    /// The mark of a forgetful server is gone: what it says counts from now on.
    pub(crate) fn vouch<P>(&self, fx: &mut Vec<Effect<P>>) {
        if let Some((conn, &Phase::Broadcast { epoch, .. })) = self.linked() {
            self.ack_up_to_date(conn, epoch, fx);
        }
    }

    /// The leader's conclusion: with a quorum synchronised, itself included once that is true of it, the
    /// epoch is established.
    pub(crate) fn settle_establishment<P, R: Rules>(&mut self, cx: &Context<'_, R>, fx: &mut Vec<Effect<P>>) {
        // Its log was quiet before it looked, and it proposes nothing before this.
        let me = cx
            .rules
            .may_count_itself(self.disk.log_is_durable(), self.disk.epochs_are_durable());
        let Role::Leading(leader) = &mut self.role else {
            return;
        };
        let LeaderPhase::Sync { epoch } = leader.phase else {
            return;
        };
        if !cx.is_quorum_with(me, leader.synced()) {
            return;
        }
        let committed = self.history.last();
        leader.phase = LeaderPhase::Broadcast {
            epoch,
            committed,
            reads: Reads::default(),
        };
        let synced: Vec<_> = leader
            .synced()
            .filter_map(|server| leader.learners.get(&server))
            .map(|learner| learner.conn)
            .collect();
        self.deliver(committed, fx);
        fx.push(Effect::Serve { epoch });
        fx.extend(synced.into_iter().map(|conn| Effect::Send {
            conn,
            message: Message::UpToDate,
        }));
    }
}

#[cfg(test)]
mod tests;
