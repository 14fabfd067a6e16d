//! How do the members of an ensemble change? [ZooKeeper dynamic reconfiguration]
//!
//! The leader proposes the new configuration as a transaction. From then on it is pending
//! ([`crate::Configuration`]), and each server that has it in its log needs quorums of the old one and of the new.
//! Committed, it is in force. A leader whose epoch is established with one pending in its history thereby commits
//! that one, and so completes what an earlier leader began.

use crate::server::{Context, Role, Server};
use crate::{Effect, Ensemble, Rules, Zxid};
use std::fmt;

/// Why members cannot be changed now.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum NoChange {
    /// This server does not lead an established epoch.
    NotLeading,
    /// Members never change here.
    Fixed,
    /// Another change is under way [ZooKeeper `ReconfigInProgress`].
    Pending,
    /// No quorum of the new members is synchronised with this leader [ZooKeeper `NewConfigNoQuorum`].
    NoQuorum,
}

impl fmt::Display for NoChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotLeading => "this server does not lead",
            Self::Fixed => "the members of this ensemble do not change",
            Self::Pending => "another change of members is under way",
            Self::NoQuorum => "no quorum of the new members is in sync with the leader",
        })
    }
}

impl std::error::Error for NoChange {}

impl Server {
    /// Whether this server may propose, as its next transaction, that `ensemble` be the members.
    ///
    /// # Errors
    ///
    /// [`NoChange`] says why not.
    pub fn may_reconfigure<R: Rules>(
        &self,
        cx: &Context<'_, R>,
        ensemble: &Ensemble,
    ) -> Result<(), NoChange> {
        let Role::Leading(leader) = &self.role else {
            return Err(NoChange::NotLeading);
        };
        if !leader.is_established() {
            return Err(NoChange::NotLeading);
        }
        if !cx.configuration.changes() {
            return Err(NoChange::Fixed);
        }
        if !cx.rules.may_reconfigure(cx.configuration.pending().is_some()) {
            return Err(NoChange::Pending);
        }
        // Without one the ensemble would come to a stop until one is there.
        if !cx.rules.is_quorum(ensemble, leader.synced().chain([cx.me])) {
            return Err(NoChange::NoQuorum);
        }
        Ok(())
    }

    /// What is pending is in force once it is known to be committed.
    pub(crate) fn settle_activation<P, R: Rules>(&mut self, cx: &Context<'_, R>, fx: &mut Vec<Effect<P>>) {
        if let Some(committed) = self.committed() {
            self.activate(cx, committed, true, fx);
        }
    }

    /// Puts the pending configuration into force, if it is committed, given what is, for certain or as a hint.
    pub(crate) fn activate<P, R: Rules>(
        &mut self,
        cx: &Context<'_, R>,
        committed: Zxid,
        up_to_date: bool,
        fx: &mut Vec<Effect<P>>,
    ) {
        if let Some(pending) = cx.configuration.pending()
            && cx.rules.may_activate(pending.zxid, committed, up_to_date)
        {
            let version = pending.zxid;
            self.disk.begin_epoch();
            fx.push(Effect::Activate { version });
        }
    }

    /// A leader that the configuration in force leaves out gives way to those that are in it. It has told them
    /// what is committed; who does not hear of it has it in the log, or hears of it from who has.
    pub(crate) fn settle_retirement<P, R: Rules>(&mut self, cx: &Context<'_, R>, fx: &mut Vec<Effect<P>>) {
        let Some(pending) = cx.configuration.pending() else {
            return;
        };
        let is_committed = self
            .committed()
            .is_some_and(|committed| committed >= pending.zxid);
        if !pending.ensemble.is_voter(cx.me) && cx.rules.may_retire(is_committed) {
            self.look(cx, fx);
        }
    }
}
