//! What does each mutant do instead of the protocol?

use super::Mutant;
use quorate_zab::{Configuration, Ensemble, Epoch, Group, Rules, ServerId, Skeleton, Zab, Zxid};

impl Rules for Mutant {
    fn is_quorum(&self, ensemble: &Ensemble, servers: impl Iterator<Item = ServerId>) -> bool {
        match self {
            Self::HalfIsAQuorum => ensemble.votes(servers) >= ensemble.voters().len() / 2,
            Self::CountsHeads => ensemble.votes(servers) > ensemble.voters().len() / 2,
            Self::CountsHeadsOfGroups => {
                let heads = ensemble.groups().iter().map(|group| {
                    let each_one = group.iter().map(|(voter, _)| (*voter, 1));
                    each_one.collect()
                });
                Ensemble::hierarchical(heads).is_quorum(servers)
            }
            Self::IgnoresGroups => {
                let all: Group = ensemble.groups().concat();
                Ensemble::hierarchical([all]).is_quorum(servers)
            }
            Self::CountsObservers => servers.count() > ensemble.voters().len() / 2,
            _ => Zab.is_quorum(ensemble, servers),
        }
    }

    fn is_joint_quorum(
        &self,
        configuration: &Configuration,
        servers: impl Iterator<Item = ServerId> + Clone,
    ) -> bool {
        match self {
            Self::CountsUnion => self.is_quorum(&Ensemble::majority(configuration.voters()), servers),
            _ => {
                let last_seen = configuration.last_seen();
                let last_seen = last_seen.filter(|_| self.counts_last_seen(configuration.changes()));
                self.is_quorum(&configuration.active().ensemble, servers.clone())
                    && last_seen.is_none_or(|version| self.is_quorum(&version.ensemble, servers))
            }
        }
    }

    fn counts_last_seen(&self, members_change: bool) -> bool {
        match self {
            Self::CountsBehindItsLog => false,
            Self::CountsLastSeen => true,
            _ => Zab.counts_last_seen(members_change),
        }
    }

    fn may_reconfigure(&self, pending: bool) -> bool {
        *self == Self::ReconfiguresTwice || Zab.may_reconfigure(pending)
    }

    fn may_activate(&self, version: Zxid, committed: Zxid, up_to_date: bool) -> bool {
        match self {
            Self::ActivatesByAnyCommit => true,
            Self::ActivatesOnHint => version <= committed,
            _ => Zab.may_activate(version, committed, up_to_date),
        }
    }

    fn may_commit(&self, is_member: bool) -> bool {
        *self == Self::CommitsLeftOut || Zab.may_commit(is_member)
    }

    fn may_retire(&self, committed: bool) -> bool {
        match self {
            Self::RetiresOnAppend => true,
            Self::CommitsLeftOut => false,
            _ => Zab.may_retire(committed),
        }
    }

    fn new_epoch(&self, highest: Epoch) -> Epoch {
        match self {
            Self::NoEpochBump => highest.max(Epoch::new(1)),
            _ => Zab.new_epoch(highest),
        }
    }

    fn may_offer_epoch(&self, accepted_durable: bool) -> bool {
        *self == Self::OffersBeforeDurable || Zab.may_offer_epoch(accepted_durable)
    }

    fn may_accept_epoch(&self, offered: Epoch, accepted: Epoch) -> bool {
        *self == Self::AcceptsOlderEpoch || Zab.may_accept_epoch(offered, accepted)
    }

    fn may_keep_epoch(&self, epoch: Epoch, promised: Epoch) -> bool {
        matches!(self, Self::KeepsStaleReign | Self::AcceptsOlderEpoch) || Zab.may_keep_epoch(epoch, promised)
    }

    fn is_new_promise(&self, offered: Epoch, accepted: Epoch) -> bool {
        match self {
            Self::CountsOldPromise => offered >= accepted,
            _ => Zab.is_new_promise(offered, accepted),
        }
    }

    fn may_ack_epoch(&self, accepted_durable: bool) -> bool {
        *self == Self::PromisesBeforeDurable || Zab.may_ack_epoch(accepted_durable)
    }

    fn is_prefix(&self, history: &Skeleton, zxid: Zxid) -> bool {
        match self {
            Self::PlansByRange => history.floor() <= zxid && zxid <= history.last(),
            _ => Zab.is_prefix(history, zxid),
        }
    }

    fn snapshot_zxid(&self, epoch: Epoch, bound: Zxid) -> Zxid {
        match self {
            Self::SnapsBelowTail => bound,
            _ => Zab.snapshot_zxid(epoch, bound),
        }
    }

    fn pairs_history(&self) -> bool {
        *self != Self::BareProposals && Zab.pairs_history()
    }

    fn sends_outstanding(&self) -> bool {
        !matches!(self, Self::ForgetsOutstanding | Self::AcceptsGap) && Zab.sends_outstanding()
    }

    fn may_enter_epoch(&self, log_durable: bool) -> bool {
        matches!(self, Self::EpochBeforeLog | Self::EntersBeforeLogDurable)
            || Zab.may_enter_epoch(log_durable)
    }

    fn may_ack_new_leader(&self, log_durable: bool, current_durable: bool) -> bool {
        match self {
            Self::EntersBeforeLogDurable => current_durable,
            Self::AcksBeforeCurrent => log_durable,
            _ => Zab.may_ack_new_leader(log_durable, current_durable),
        }
    }

    fn may_count_itself(&self, log_durable: bool, current_durable: bool) -> bool {
        *self == Self::CountsItselfEarly || Zab.may_count_itself(log_durable, current_durable)
    }

    fn forgets_purged(&self) -> bool {
        *self != Self::PlansOverPurge && Zab.forgets_purged()
    }

    fn may_append(&self, zxid: Zxid, last: Zxid) -> bool {
        match self {
            Self::AcceptsGap => zxid > last,
            _ => Zab.may_append(zxid, last),
        }
    }

    fn may_ack(&self, zxid: Zxid, durable: Zxid) -> bool {
        *self == Self::AcksBeforeDurable || Zab.may_ack(zxid, durable)
    }

    fn may_ack_proposals(&self, acked_new_leader: bool) -> bool {
        *self == Self::CountsUnsynchronised || Zab.may_ack_proposals(acked_new_leader)
    }

    fn may_count_acks(&self, acked_new_leader: bool) -> bool {
        *self == Self::CountsUnsynchronised || Zab.may_count_acks(acked_new_leader)
    }

    fn may_inform(&self, committed: bool) -> bool {
        *self == Self::InformsEarly || Zab.may_inform(committed)
    }

    fn may_deliver(&self, up_to_date: bool) -> bool {
        *self == Self::DeliversOnHint || Zab.may_deliver(up_to_date)
    }

    fn forgets_earlier_connection(&self) -> bool {
        *self != Self::KeepsEarlierAcks && Zab.forgets_earlier_connection()
    }

    fn may_boot_ahead(&self) -> bool {
        *self != Self::BootsStrictly && Zab.may_boot_ahead()
    }

    fn promised(&self, accepted: Epoch, logged: Epoch) -> Epoch {
        match self {
            Self::PromisesByLog => logged,
            _ => Zab.promised(accepted, logged),
        }
    }

    fn commits_outstanding(&self) -> bool {
        *self == Self::CommitsOutstanding || Zab.commits_outstanding()
    }

    fn closes_history_first(&self) -> bool {
        *self != Self::NewLeaderFirst && Zab.closes_history_first()
    }

    fn adopts_header(&self) -> bool {
        *self == Self::AdoptsHeader || Zab.adopts_header()
    }

    fn cut_at(&self, to: Zxid) -> Zxid {
        match self {
            Self::CutsTooMuch if to.counter() > 1 => Zxid::new(to.epoch(), to.counter() - 1),
            Self::CutsTooMuch => Zxid::ZERO,
            _ => Zab.cut_at(to),
        }
    }

    fn keeps_uncommitted(&self) -> bool {
        *self != Self::DropsUncommitted && Zab.keeps_uncommitted()
    }

    fn delivers_before_serving(&self) -> bool {
        *self != Self::ServesEarly && Zab.delivers_before_serving()
    }

    fn last_counter(&self) -> u32 {
        match self {
            Self::RollsOver => 1,
            _ => Zab.last_counter(),
        }
    }

    fn rolls_over(&self) -> bool {
        *self == Self::RollsOver || Zab.rolls_over()
    }

    fn outlives_disk(&self) -> bool {
        matches!(self, Self::TakesFailedForDone | Self::OutlivesItsLog) || Zab.outlives_disk()
    }

    fn takes_failed_for_done(&self) -> bool {
        *self == Self::TakesFailedForDone || Zab.takes_failed_for_done()
    }

    fn trusts_empty_disk(&self) -> bool {
        *self == Self::TrustsEmptyDisk || Zab.trusts_empty_disk()
    }

    fn may_vouch(&self, remembers: bool) -> bool {
        *self == Self::VouchesForgetful || Zab.may_vouch(remembers)
    }

    fn confirms_recall(&self) -> bool {
        *self != Self::RecallsUnconfirmed && Zab.confirms_recall()
    }

    fn leaves_leader(&self) -> bool {
        *self != Self::AnswersOldPings && Zab.leaves_leader()
    }

    fn drains_before_looking(&self) -> bool {
        *self != Self::LooksWhileAppending && Zab.drains_before_looking()
    }

    fn replays_log_when_looking(&self) -> bool {
        *self == Self::KeepsTree || Zab.replays_log_when_looking()
    }

    fn confirms_sync(&self) -> bool {
        *self != Self::AnswersSyncAlone && Zab.confirms_sync()
    }
}
