//! By which members does a server go? The configuration that is in force, and the one that its log brings.
//!
//! A reconfiguration is a transaction, and its zxid is the version of what it brings. From the moment at which
//! it is in a server's log until that server knows it to be committed, the server needs a quorum of the one
//! configuration *and* of the other for everything that needs a quorum [ZooKeeper `SyncedLearnerTracker`].
//!
//! What a server goes by follows from its log and from what it knows to be committed, so the core keeps
//! nothing of it: the world reads it off the effects, by [`Configuration::follow`], and hands it to each step.

use crate::{Effect, Ensemble, ServerId, Zxid};

#[cfg(test)]
mod tests;

/// An ensemble and the zxid of the transaction that brought it.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Version {
    /// Zero for the one that a server is started with.
    pub zxid: Zxid,
    /// The members.
    pub ensemble: Ensemble,
}

/// What a server goes by.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Configuration {
    active: Version,
    /// The newest in the log, if it is newer than the active one.
    last_seen: Option<Version>,
    /// Whether members may change [ZooKeeper `reconfigEnabled`].
    changes: bool,
}

impl Configuration {
    /// Members that never change: who has no vote observes.
    pub fn fixed(ensemble: Ensemble) -> Self {
        Self {
            changes: false,
            ..Self::changing(Version {
                zxid: Zxid::ZERO,
                ensemble,
            })
        }
    }

    /// Members that may change: who has no vote follows all the same, and may get one.
    pub fn changing(active: Version) -> Self {
        Self {
            active,
            last_seen: None,
            changes: true,
        }
    }

    /// The same, though a file names this one as seen last. Where members do not change that counts for
    /// nothing (ZOOKEEPER-1783, 3829).
    #[must_use]
    pub fn with_last_seen(self, last_seen: Version) -> Self {
        Self {
            last_seen: Some(last_seen),
            ..self
        }
    }

    /// As a server that goes by this one finds it in its log when it starts: `logged` is what the
    /// reconfigurations there bring, oldest first.
    #[must_use]
    pub fn with_log(mut self, logged: impl IntoIterator<Item = Version>) -> Self {
        for version in logged {
            self.on_append(version);
        }
        self
    }

    /// Keeps up with an effect of a step. `read` says what a transaction brings, if it is a reconfiguration.
    pub fn follow<P>(&mut self, effect: &Effect<P>, read: impl FnOnce(&P) -> Option<Ensemble>) {
        match effect {
            Effect::Append { zxid, payload } => {
                if let Some(ensemble) = read(payload) {
                    let zxid = *zxid;
                    self.on_append(Version { zxid, ensemble });
                }
            }
            Effect::Truncate { to } => {
                self.last_seen.take_if(|version| version.zxid > *to);
            }
            Effect::Activate { version } => self.on_commit(*version),
            _ => {}
        }
    }

    /// A reconfiguration is in the log. A leader proposes one at a time, so that what was pending until now is
    /// committed.
    fn on_append(&mut self, version: Version) {
        if self.changes
            && version.zxid > self.active.zxid
            && let Some(before) = self.last_seen.replace(version)
        {
            self.active = before;
        }
    }

    /// Everything up to `committed` is committed.
    fn on_commit(&mut self, committed: Zxid) {
        if let Some(version) = self.last_seen.take_if(|version| version.zxid <= committed) {
            self.active = version;
        }
    }

    /// The same once everything up to `committed` is known to be committed.
    #[must_use]
    pub fn committed(mut self, committed: Zxid) -> Self {
        self.on_commit(committed);
        self
    }

    /// What goes with a snapshot that contains everything up to `upto`.
    #[must_use]
    pub fn up_to(&self, upto: Zxid) -> Self {
        Self {
            last_seen: self.last_seen.clone().filter(|version| version.zxid <= upto),
            ..self.clone()
        }
    }

    /// Takes over what came with a snapshot: it replaces the log, and what that brought. What was in force
    /// stays so, if it is newer.
    pub fn install(&mut self, with: &Self) {
        let active = if self.active.zxid > with.active.zxid {
            &self.active
        } else {
            &with.active
        };
        *self = Self {
            active: active.clone(),
            last_seen: with
                .last_seen
                .clone()
                .filter(|version| version.zxid > active.zxid),
            changes: self.changes,
        };
    }

    /// Hears, between leaders, which configuration a peer has in force, and goes by it if it is newer.
    pub fn hear(&mut self, active: &Version) {
        if self.hears_more(active) {
            self.last_seen.take_if(|version| version.zxid <= active.zxid);
            self.active = active.clone();
        }
    }

    /// Whether a peer that has `active` in force knows of a newer one.
    pub fn hears_more(&self, active: &Version) -> bool {
        self.changes && active.zxid > self.active.zxid
    }

    /// The one in force.
    pub fn active(&self) -> &Version {
        &self.active
    }

    /// The one that was seen last, whether or not it counts.
    pub fn last_seen(&self) -> Option<&Version> {
        self.last_seen.as_ref()
    }

    /// Whether members may change.
    pub fn changes(&self) -> bool {
        self.changes
    }

    /// The one that comes, if one does: it counts beside the one in force.
    pub fn pending(&self) -> Option<&Version> {
        self.last_seen.as_ref().filter(|_| self.changes)
    }

    /// The ensembles in each of which a quorum is needed.
    pub fn counted(&self) -> impl Iterator<Item = &Ensemble> + Clone {
        let pending = self.pending().into_iter();
        std::iter::once(&self.active)
            .chain(pending)
            .map(|version| &version.ensemble)
    }

    /// Whether the voters among `servers` are a quorum of each: of the union is not enough.
    pub fn is_quorum(&self, servers: impl Iterator<Item = ServerId> + Clone) -> bool {
        self.counted().all(|ensemble| ensemble.is_quorum(servers.clone()))
    }

    /// Whether `server` votes in the one or the other.
    pub fn is_voter(&self, server: ServerId) -> bool {
        self.counted().any(|ensemble| ensemble.is_voter(server))
    }

    /// The voters of both, ascending.
    pub fn voters(&self) -> Vec<ServerId> {
        let mut voters: Vec<_> = self.counted().flat_map(Ensemble::voters).copied().collect();
        voters.sort_unstable();
        voters.dedup();
        voters
    }

    /// What the vote of `server` weighs, where it weighs most.
    pub fn weight(&self, server: ServerId) -> u32 {
        let weights = self.counted().map(|ensemble| ensemble.weight(server));
        weights.max().unwrap_or(0)
    }
}
