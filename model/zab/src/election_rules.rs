//! What do elections rest on? Each comparison is one method; a mutant of the checker overrides one.

use crate::{Configuration, Notification, PeerEpoch, PeerState, Round, ServerId, Vote, Zab};

/// The decisions of fast leader election, each at its default as ZooKeeper takes it.
pub trait ElectionRules {
    /// Whether `new` is the better candidate: higher epoch, or the same and higher zxid, or both the same
    /// and higher server id. A strict total order. Epoch and zxid compare as the wire's signed numbers.
    fn outranks(&self, new: &Vote, current: &Vote) -> bool {
        let key = |vote: &Vote| (vote.epoch, vote.zxid.bits().cast_signed(), vote.leader);
        key(new) > key(current)
    }

    /// Whom a looker proposes on hearing `heard` of a later round: nobody worse than itself.
    fn opening(&self, configuration: &Configuration, own: Vote, heard: Vote) -> Vote {
        if self.wins_over(configuration, &heard, &own) {
            heard
        } else {
            own
        }
    }

    /// Whether a looker that proposes `current` proposes `new` from now on: the better candidate, unless
    /// its own vote weighs nothing [ZooKeeper `totalOrderPredicate`].
    fn wins_over(&self, configuration: &Configuration, new: &Vote, current: &Vote) -> bool {
        configuration.weight(new.leader) > 0 && self.outranks(new, current)
    }

    /// Whether a looker in round `mine` counts a vote of round `theirs`.
    fn counts_round(&self, mine: Round, theirs: Round) -> bool {
        mine == theirs
    }

    /// Whether these servers suffice to elect, or to vouch for a leader.
    fn is_quorum(&self, configuration: &Configuration, servers: &[ServerId]) -> bool {
        configuration.is_quorum(servers.iter().copied())
    }

    /// Whether a looker's proposal is elected: `agreeing` have voted for it, `answered` have voted at all.
    fn elects(&self, configuration: &Configuration, agreeing: &[ServerId], answered: &[ServerId]) -> bool {
        let _ = answered;
        self.is_quorum(configuration, agreeing)
    }

    /// Whether the vote `counted` is one for the looker's `proposal`: all of it is the same.
    fn supports(&self, proposal: &Notification, counted: &Notification) -> bool {
        counted.vote == proposal.vote && self.counts_round(proposal.round, counted.round)
    }

    /// Whether a looker believes peers that follow or lead; otherwise they have answered, no more.
    fn heeds_settled(&self) -> bool {
        true
    }

    /// Whether `counted`, of the looker's own round, names the leader that `heard` from a settled peer
    /// does. The round names the reign, so between settled peers the leader alone is compared.
    fn same_leader_in_round(&self, heard: &Notification, counted: &Notification) -> bool {
        match counted.state {
            PeerState::Looking => self.supports(heard, counted),
            PeerState::Following | PeerState::Leading | PeerState::Observing => {
                counted.vote.leader == heard.vote.leader
            }
        }
    }

    /// Whether two settled peers name the same reign, whatever the round that they were elected in: the
    /// leader and its epoch. zxid and round differ between members that came at different times
    /// (ZOOKEEPER-1805).
    fn same_reign(&self, heard: &Notification, counted: &Notification) -> bool {
        counted.vote.leader == heard.vote.leader && counted.vote.epoch == heard.vote.epoch
    }

    /// Whether the looker `me` may take `leader` for the leader on the word of others: the leader itself
    /// says that it leads (`says`), or it is the looker, still in that round. Otherwise a crashed
    /// leader would be elected over and over [ZooKeeper `checkLeader`].
    fn leader_leads(&self, me: ServerId, mine: Round, heard: &Notification, says: Option<PeerState>) -> bool {
        if heard.vote.leader == me {
            mine == heard.round
        } else {
            says == Some(PeerState::Leading)
        }
    }

    /// Whether what a voter says shows that somebody has a history, so that an empty server that hears it
    /// cannot be new: a credential above nothing, or a reign that is established. One that is not yet is no
    /// history: among servers that are all new it comes and goes.
    fn tells_of_history(&self, heard: &Notification) -> bool {
        heard.vote.epoch > PeerEpoch::from_bits(0) || heard.vote.zxid.bits().cast_signed() > 0
    }

    /// Whether the vote of a member names the epoch of the reign once that is established, so that all
    /// members say the same to a looker (ZOOKEEPER-1732).
    fn raises_epoch(&self) -> bool {
        true
    }
}

impl ElectionRules for Zab {}
