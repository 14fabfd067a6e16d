//! Which decisions does safety rest on? One method each, on one page.
//!
//! [`Zab`] is the protocol: every rule at its default. A mutant overrides one rule, or a rule and the
//! one that would cover for it, in a crate that the server does not depend on.

use crate::{Configuration, Ensemble, Epoch, ServerId, Skeleton, Zxid};

/// The comparisons of agreement on which safety rests.
pub trait Rules {
    /// Whether the voters among `servers` are a quorum. Each server is named once.
    fn is_quorum(&self, ensemble: &Ensemble, servers: impl Iterator<Item = ServerId>) -> bool {
        ensemble.is_quorum(servers)
    }

    /// Whether the voters among `servers` are a quorum of each configuration that counts, never of their union.
    fn is_joint_quorum(
        &self,
        configuration: &Configuration,
        servers: impl Iterator<Item = ServerId> + Clone,
    ) -> bool {
        let last_seen = configuration
            .last_seen()
            .filter(|_| self.counts_last_seen(configuration.changes()));
        self.is_quorum(&configuration.active().ensemble, servers.clone())
            && last_seen.is_none_or(|version| self.is_quorum(&version.ensemble, servers))
    }

    /// Whether the configuration that a server saw last counts beside the active one, given whether members
    /// may change at all.
    fn counts_last_seen(&self, members_change: bool) -> bool {
        members_change
    }

    // Members that change.

    /// Whether a leader proposes a configuration while another is `pending`: one at a time, since whoever
    /// logs the later takes the earlier for committed.
    fn may_reconfigure(&self, pending: bool) -> bool {
        !pending
    }
    /// Whether the configuration that came at `version` is in force for a server that knows everything up to
    /// `committed` to be committed: for certain, or before UPTODATE as a hint (ZOOKEEPER-2172).
    fn may_activate(&self, version: Zxid, committed: Zxid, up_to_date: bool) -> bool {
        up_to_date && version <= committed
    }
    /// Whether a leader commits more under a configuration of which it is (not) a member.
    fn may_commit(&self, is_member: bool) -> bool {
        is_member
    }
    /// Whether a leader that a configuration leaves out leaves once that is (not) committed.
    fn may_retire(&self, committed: bool) -> bool {
        committed
    }

    // Starting.

    /// Whether a server starts from a log that reaches into an epoch that currentEpoch does not name: a late
    /// joiner that died between the two leaves that behind (ZOOKEEPER-1653, 2307, 2354).
    fn may_boot_ahead(&self) -> bool {
        true
    }

    // Discovery.

    /// What a server has promised, given its acceptedEpoch and the epoch of the end of its log
    /// (ZOOKEEPER-335 is one number for both).
    fn promised(&self, accepted: Epoch, logged: Epoch) -> Epoch {
        let _ = logged;
        accepted
    }

    /// The epoch that a leader proposes when `highest` is the highest that a quorum has accepted.
    fn new_epoch(&self, highest: Epoch) -> Epoch {
        highest.next()
    }
    /// Whether a leader may announce its epoch, given whether its own acceptedEpoch is durable.
    fn may_offer_epoch(&self, accepted_durable: bool) -> bool {
        accepted_durable
    }
    /// Whether a learner that has accepted `accepted` stays with a leader that offers `offered`.
    fn may_accept_epoch(&self, offered: Epoch, accepted: Epoch) -> bool {
        offered >= accepted
    }
    /// Whether a leader of `epoch` goes on though a voter that comes has promised `promised`. That voter
    /// refuses an older epoch, so it would be shut out for as long as this one lasts.
    fn may_keep_epoch(&self, epoch: Epoch, promised: Epoch) -> bool {
        promised <= epoch
    }
    /// Whether accepting `offered` is a new promise, to be counted; otherwise it was made before,
    /// perhaps to another leader.
    fn is_new_promise(&self, offered: Epoch, accepted: Epoch) -> bool {
        offered > accepted
    }
    /// Whether a learner may send ACKEPOCH, given whether its acceptedEpoch is durable.
    fn may_ack_epoch(&self, accepted_durable: bool) -> bool {
        accepted_durable
    }

    // Synchronisation.

    /// Whether a learner whose log ends at `zxid` has a prefix of `history`.
    fn is_prefix(&self, history: &Skeleton, zxid: Zxid) -> bool {
        history.holds(zxid)
    }
    /// Whether the initial history goes out as PROPOSAL and COMMIT pairs before NEWLEADER: Apache's
    /// learners make durable before their acknowledgement only what they have seen committed.
    fn pairs_history(&self) -> bool {
        true
    }
    /// The zxid of a SNAP that contains everything up to `bound`, from the leader of `epoch`. Apache's
    /// learners keep their log files under a snapshot: what of them is above its zxid comes back with the
    /// next restart. Above (epoch, 0) nobody has anything but of this leader.
    fn snapshot_zxid(&self, epoch: Epoch, bound: Zxid) -> Zxid {
        bound.max(Zxid::new(epoch, 0))
    }
    /// Whether a learner that joins is sent the proposals that are not yet committed.
    fn sends_outstanding(&self) -> bool {
        true
    }
    /// Whether what is proposed and not committed goes to a learner that joins with its COMMIT (ZOOKEEPER-2846).
    fn commits_outstanding(&self) -> bool {
        false
    }
    /// Whether NEWLEADER goes out behind all that the learner lacks (ZOOKEEPER-3104).
    fn closes_history_first(&self) -> bool {
        true
    }
    /// Whether a learner takes the zxid of DIFF for the end of its own log (ZOOKEEPER-2355).
    fn adopts_header(&self) -> bool {
        false
    }
    /// The last zxid that a learner keeps that is told to keep `to` (ZOOKEEPER-1156).
    fn cut_at(&self, to: Zxid) -> Zxid {
        to
    }
    /// Whether a learner keeps at NEWLEADER what it has not seen committed (ZOOKEEPER-4394).
    fn keeps_uncommitted(&self) -> bool {
        true
    }
    /// Whether a learner applies what is committed before it serves (ZOOKEEPER-3023).
    fn delivers_before_serving(&self) -> bool {
        true
    }
    /// Whether a learner may begin to write currentEpoch, given whether all that came before NEWLEADER is
    /// durable in its log.
    fn may_enter_epoch(&self, log_durable: bool) -> bool {
        log_durable
    }
    /// Whether a learner may acknowledge NEWLEADER, given what is durable.
    fn may_ack_new_leader(&self, log_durable: bool, current_durable: bool) -> bool {
        log_durable && current_durable
    }
    /// Whether a leader may count itself, given what is durable of its own.
    fn may_count_itself(&self, log_durable: bool, current_durable: bool) -> bool {
        log_durable && current_durable
    }

    /// Whether a leader plans only with what its log still holds after old files were removed.
    fn forgets_purged(&self) -> bool {
        true
    }

    // Broadcast.

    /// Whether a learner may log `zxid` after `last`.
    fn may_append(&self, zxid: Zxid, last: Zxid) -> bool {
        zxid.follows(last)
    }
    /// Whether a follower may acknowledge `zxid` while its log is durable up to `durable`.
    fn may_ack(&self, zxid: Zxid, durable: Zxid) -> bool {
        zxid <= durable
    }
    /// Whether a follower that has (not) acknowledged NEWLEADER acknowledges proposals.
    fn may_ack_proposals(&self, acked_new_leader: bool) -> bool {
        acked_new_leader
    }
    /// Whether a proposal's acks of a follower that has (not) acknowledged NEWLEADER count.
    fn may_count_acks(&self, acked_new_leader: bool) -> bool {
        acked_new_leader
    }
    /// Whether an observer is informed of a transaction, given whether that is committed.
    fn may_inform(&self, committed: bool) -> bool {
        committed
    }
    /// Whether a COMMIT is a decision, given whether UPTODATE has come; before it, it is a hint.
    fn may_deliver(&self, up_to_date: bool) -> bool {
        up_to_date
    }

    /// The last counter of an epoch; the checker's is small.
    fn last_counter(&self) -> u32 {
        u32::MAX
    }
    /// Whether there is another zxid in an epoch whose last counter is used. There is not: the leader gives
    /// way to a new epoch (ZOOKEEPER-1277).
    fn rolls_over(&self) -> bool {
        false
    }

    // Disks and memory.

    /// Whether a server goes on when its disk has failed. It does not: what it wrote is not known, not even
    /// whether it is there when it is read (ZOOKEEPER-4882).
    fn outlives_disk(&self) -> bool {
        false
    }
    /// Whether a server that goes on all the same takes what failed for done.
    fn takes_failed_for_done(&self) -> bool {
        false
    }
    /// Whether an empty disk is one that never held anything, whatever others remember (ZOOKEEPER-2325).
    fn trusts_empty_disk(&self) -> bool {
        false
    }
    /// Whether what a server promises and acknowledges counts, given whether it remembers what it
    /// promised before.
    fn may_vouch(&self, remembers: bool) -> bool {
        remembers
    }
    /// Whether a leader serves a forgetful learner only after a quorum without it has said, since it came,
    /// that it still follows: then what that learner forgot was promised to older epochs.
    fn confirms_recall(&self) -> bool {
        true
    }

    // Connections, roles and reads.

    /// Whether a learner that connects anew begins without the acknowledgements of its earlier connection.
    fn forgets_earlier_connection(&self) -> bool {
        true
    }
    /// Whether a server that goes looking closes its connection to the leader.
    fn leaves_leader(&self) -> bool {
        true
    }
    /// Whether a server that goes looking waits until its disk has done all that was asked of it.
    fn drains_before_looking(&self) -> bool {
        true
    }
    /// Whether a server that goes looking brings its tree to the end of its own log, as Apache does.
    fn replays_log_when_looking(&self) -> bool {
        false
    }
    /// Whether a `sync` waits until a quorum has answered a PING sent after it came.
    fn confirms_sync(&self) -> bool {
        true
    }
}

/// The protocol as it is deployed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Zab;

impl Rules for Zab {}

#[cfg(test)]
mod tests;
