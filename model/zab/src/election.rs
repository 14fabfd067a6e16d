//! Who should lead? Fast leader election, as ZooKeeper servers hold it with each other.
//!
//! A looker proposes the best candidate that it knows, tells all voters whenever that changes, and takes
//! the candidate for leader once a quorum proposes the same in the same round and nobody better is heard
//! of for a while. One that comes late finds the leader by the word of those that already have one.
//!
//! The election promises that a leader's credential is at least that of a quorum. It does not promise
//! that there is one leader: that is discovery's business.

mod slot;
#[cfg(test)]
mod tests;
mod vote;

pub use slot::Slot;
pub use vote::{Notification, PeerEpoch, PeerState, Vote};

use crate::{Context, ElectionRules, Epoch, Round, ServerId, Zxid};
use serde::{Deserialize, Serialize};

/// In which capacity a server looks for a leader.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize, Deserialize)]
pub enum Candidacy {
    /// It votes, and may lead.
    Stands,
    /// It is a voter that lost its history: it follows a leader that a quorum without it has, neither
    /// votes nor leads, and its notifications say so by zxid −1.
    Forgetful,
    /// It is an observer: it follows, and never votes.
    Observes,
    /// It is empty: it votes and may lead as long as it hears of no history.
    Newborn,
}

/// A fact that the world tells the election.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize, Deserialize)]
pub enum ElectionInput {
    /// The server is without a leader and its durable credential is known [`crate::Effect::Look`].
    Look {
        /// In which capacity it looks.
        candidacy: Candidacy,
        /// currentEpoch.
        current: Epoch,
        /// The last zxid of its log.
        last: Zxid,
    },
    /// The server left its role and does not know its credential yet [`crate::Effect::Retire`]. Until the
    /// next `Look` it answers nobody.
    Retired,
    /// A notification arrived.
    Notification {
        /// Its sender, by the connection.
        from: ServerId,
        /// What it says.
        notification: Notification,
    },
    /// The timer [`ElectionTimer::Resend`] ran out.
    ResendDue,
    /// The timer [`ElectionTimer::Settle`] ran out.
    Settled,
    /// The reign of this server's leader is established [`crate::Effect::Serve`].
    Established {
        /// Its epoch.
        epoch: Epoch,
    },
}

/// What the election asks of the world.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize, Deserialize)]
pub enum ElectionEffect {
    /// Put `notification` in the slot of `to` ([`Slot::put`]): newest wins.
    Notify {
        /// The peer; not always a voter.
        to: ServerId,
        /// What to say.
        notification: Notification,
    },
    /// Start the timer, or start it again.
    Arm(ElectionTimer),
    /// Take the role: lead if `leader` is this server, else follow it. Both timers are void.
    Elected {
        /// The leader.
        leader: ServerId,
    },
    /// Somebody has a history, and this server was taken for new: it stays out of the election until the
    /// next [`ElectionInput::Look`].
    HistoryHeard,
}

/// A duration that the world chooses. One that fires late or early costs time, never safety.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
pub enum ElectionTimer {
    /// How long a looker waits for answers before it says the same again. ZooKeeper: 200 ms after a
    /// `Look`, twice as long after each firing, 60 s at most.
    Resend,
    /// How long a looker that has a quorum waits for a better vote (`finalizeWait`). ZooKeeper: 200 ms.
    Settle,
}

/// One server's part in elections. The round starts at 0 with each process.
#[derive(Clone, Debug, Eq, Hash, PartialEq, Serialize, Deserialize)]
pub struct Election {
    round: Round,
    phase: Phase,
}

#[derive(Clone, Debug, Eq, Hash, PartialEq, Serialize, Deserialize)]
enum Phase {
    /// No credential yet. What peers said last is kept in the order of arrival: a looker says each thing
    /// once and then waits for its timer, so a notification lost here would cost that long.
    Idle(Vec<(ServerId, Notification)>),
    Looking(Looking),
    /// In a role: `state` is the role, and the vote is what this server says to those that look.
    Settled {
        state: PeerState,
        vote: Vote,
    },
}

#[derive(Clone, Debug, Eq, Hash, PartialEq, Serialize, Deserialize)]
struct Looking {
    candidacy: Candidacy,
    /// This server as a candidate.
    own: Vote,
    /// The best candidate known; this server's vote.
    proposal: Vote,
    /// Peers' votes of this round [ZooKeeper `recvset`], by server.
    votes: Vec<(ServerId, Notification)>,
    /// What peers that have a leader said, whatever the round [ZooKeeper `outofelection`], by server.
    reports: Vec<(ServerId, Notification)>,
    /// Whether the proposal has its quorum and only [`ElectionTimer::Settle`] is waited for.
    settling: bool,
}

impl Default for Election {
    fn default() -> Self {
        Self::new()
    }
}

impl Election {
    /// The election of a process that has just started.
    pub fn new() -> Self {
        Self {
            round: Round::ZERO,
            phase: Phase::Idle(Vec::new()),
        }
    }

    /// The logical clock.
    pub fn round(&self) -> Round {
        self.round
    }

    /// What this server would say now; nothing before its first `Look` and after `Retired`.
    pub fn notification(&self) -> Option<Notification> {
        let (state, vote) = match &self.phase {
            Phase::Idle(_) => return None,
            Phase::Looking(looking) => (PeerState::Looking, looking.proposal),
            Phase::Settled { state, vote } => (*state, *vote),
        };
        Some(Notification {
            state,
            vote,
            round: self.round,
        })
    }

    /// The leader, if this server has one.
    pub fn leader(&self) -> Option<ServerId> {
        match &self.phase {
            Phase::Settled { vote, .. } => Some(vote.leader),
            Phase::Idle(_) | Phase::Looking(_) => None,
        }
    }

    /// While looking, the peers' votes of this round, by server.
    pub fn votes(&self) -> &[(ServerId, Notification)] {
        match &self.phase {
            Phase::Looking(looking) => &looking.votes,
            Phase::Idle(_) | Phase::Settled { .. } => &[],
        }
    }

    /// Whether the proposal has a quorum, and [`ElectionInput::Settled`] would elect it.
    pub fn is_settling(&self) -> bool {
        matches!(&self.phase, Phase::Looking(looking) if looking.settling)
    }

    /// Takes one input. Total and deterministic: inputs that have no meaning in this state change nothing.
    pub fn step<R: ElectionRules>(
        &mut self,
        cx: &Context<'_, R>,
        input: ElectionInput,
        fx: &mut Vec<ElectionEffect>,
    ) {
        match input {
            ElectionInput::Look {
                candidacy,
                current,
                last,
            } => self.on_look(cx, candidacy, current, last, fx),
            ElectionInput::Retired => self.phase = Phase::Idle(Vec::new()),
            ElectionInput::Notification { from, notification } => {
                self.on_notification(cx, from, within_clock(notification), fx);
            }
            ElectionInput::ResendDue => self.tell_voters(cx, fx),
            ElectionInput::Settled => {
                if self.is_settling()
                    && let Some(Notification { vote, .. }) = self.notification()
                {
                    self.decide(cx, vote, fx);
                }
            }
            ElectionInput::Established { epoch } => {
                if cx.rules.raises_epoch()
                    && let Phase::Settled { vote, .. } = &mut self.phase
                {
                    vote.epoch = epoch.into();
                }
            }
        }
    }

    fn on_look<R: ElectionRules>(
        &mut self,
        cx: &Context<'_, R>,
        candidacy: Candidacy,
        current: Epoch,
        last: Zxid,
        fx: &mut Vec<ElectionEffect>,
    ) {
        let own = Vote {
            leader: match candidacy {
                Candidacy::Stands | Candidacy::Newborn | Candidacy::Forgetful
                    if cx.configuration.is_voter(cx.me) =>
                {
                    cx.me
                }
                _ => Vote::NO_LEADER,
            },
            zxid: match candidacy {
                Candidacy::Stands | Candidacy::Newborn => last,
                Candidacy::Forgetful => Vote::NO_HISTORY,
                Candidacy::Observes => Vote::NO_ZXID,
            },
            epoch: match candidacy {
                Candidacy::Stands | Candidacy::Newborn | Candidacy::Forgetful => current.into(),
                Candidacy::Observes => PeerEpoch::NONE,
            },
        };
        let looking = Phase::Looking(Looking {
            candidacy,
            own,
            proposal: own,
            votes: Vec::new(),
            reports: Vec::new(),
            settling: false,
        });
        self.round = after(self.round);
        let before = std::mem::replace(&mut self.phase, looking);
        self.tell_voters(cx, fx);
        self.conclude(cx, fx);
        if let Phase::Idle(heard) = before {
            for (from, notification) in heard {
                self.on_notification(cx, from, notification, fx);
            }
        }
    }

    /// Says to every voter what a looker has to say.
    fn tell_voters<R: ElectionRules>(&self, cx: &Context<'_, R>, fx: &mut Vec<ElectionEffect>) {
        if !matches!(self.phase, Phase::Looking(_)) {
            return;
        }
        for to in cx.configuration.voters().into_iter().filter(|&to| to != cx.me) {
            self.tell(to, fx);
        }
        fx.push(ElectionEffect::Arm(ElectionTimer::Resend));
    }

    fn tell(&self, to: ServerId, fx: &mut Vec<ElectionEffect>) {
        if let Some(notification) = self.notification() {
            fx.push(ElectionEffect::Notify { to, notification });
        }
    }

    fn on_notification<R: ElectionRules>(
        &mut self,
        cx: &Context<'_, R>,
        from: ServerId,
        heard: Notification,
        fx: &mut Vec<ElectionEffect>,
    ) {
        if from == cx.me {
            return; // The own vote is counted where votes are counted.
        }
        if !cx.configuration.is_voter(from) {
            return self.tell(from, fx);
        }
        let peer_looks = heard.state == PeerState::Looking;
        match &mut self.phase {
            Phase::Idle(kept) => {
                kept.retain(|(peer, _)| *peer != from);
                kept.push((from, heard));
            }
            Phase::Settled { .. } => {
                if peer_looks {
                    self.tell(from, fx);
                }
            }
            Phase::Looking(looking)
                if looking.candidacy == Candidacy::Newborn && cx.rules.tells_of_history(&heard) =>
            {
                self.phase = Phase::Idle(vec![(from, heard)]);
                fx.push(ElectionEffect::HistoryHeard);
            }
            Phase::Looking(_) => {
                if peer_looks && heard.round < self.round {
                    self.tell(from, fx);
                }
                if !cx.configuration.is_voter(heard.vote.leader) {
                    return;
                }
                match heard.state {
                    PeerState::Looking => self.on_vote(cx, from, heard, fx),
                    PeerState::Following | PeerState::Leading if cx.rules.heeds_settled() => {
                        self.on_report(cx, from, heard, fx);
                    }
                    PeerState::Following | PeerState::Leading => self.on_answer(from, heard),
                    PeerState::Observing => {}
                }
                self.conclude(cx, fx);
            }
        }
    }

    /// A peer that looks as well votes for a candidate.
    fn on_vote<R: ElectionRules>(
        &mut self,
        cx: &Context<'_, R>,
        from: ServerId,
        heard: Notification,
        fx: &mut Vec<ElectionEffect>,
    ) {
        let Phase::Looking(looking) = &mut self.phase else {
            return;
        };
        if looking.candidacy == Candidacy::Forgetful || heard.vote.zxid == Vote::NO_HISTORY {
            return;
        }
        let later = heard.round > self.round;
        if later {
            self.round = heard.round;
            looking.votes.clear();
            looking.proposal = cx.rules.opening(cx.configuration, looking.own, heard.vote);
        } else if !cx.rules.counts_round(self.round, heard.round) {
            return;
        }
        let better = !later
            && cx
                .rules
                .wins_over(cx.configuration, &heard.vote, &looking.proposal);
        if better {
            looking.proposal = heard.vote;
        }
        record(&mut looking.votes, from, heard);
        if later || better {
            looking.settling = false;
            self.tell_voters(cx, fx);
        }
    }

    /// A peer that has a leader names it. The looker follows if a quorum does, the leader among them.
    fn on_report<R: ElectionRules>(
        &mut self,
        cx: &Context<'_, R>,
        from: ServerId,
        heard: Notification,
        fx: &mut Vec<ElectionEffect>,
    ) {
        let round = self.round;
        let Phase::Looking(looking) = &mut self.phase else {
            return;
        };
        if looking.candidacy == Candidacy::Forgetful && heard.vote.leader == cx.me {
            return;
        }
        let vouched = |peers: &[(ServerId, Notification)], own: Option<Notification>, in_round: bool| {
            let agrees = |counted: &Notification| match in_round {
                true => cx.rules.same_leader_in_round(&heard, counted),
                false => cx.rules.same_reign(&heard, counted),
            };
            let says = state_of(peers, heard.vote.leader);
            cx.rules.is_quorum(
                cx.configuration,
                &agreeing(peers, own.map(|own| (cx.me, own)), agrees),
            ) && cx.rules.leader_leads(cx.me, round, &heard, says)
        };
        let mut follows = false;
        if heard.round == round {
            record(&mut looking.votes, from, heard);
            let own = looking.vote_of_its_own(cx, round);
            follows = vouched(&looking.votes, own, true);
        }
        record(&mut looking.reports, from, heard);
        if follows || vouched(&looking.reports, None, false) {
            self.round = heard.round;
            self.decide(cx, heard.vote, fx);
        }
    }

    /// A peer that has a leader has answered, and that is all that this looker makes of it.
    fn on_answer(&mut self, from: ServerId, heard: Notification) {
        if let Phase::Looking(looking) = &mut self.phase {
            record(&mut looking.votes, from, heard);
        }
    }

    /// Draws the conclusion from the votes of this round.
    fn conclude<R: ElectionRules>(&mut self, cx: &Context<'_, R>, fx: &mut Vec<ElectionEffect>) {
        let round = self.round;
        let Phase::Looking(looking) = &mut self.phase else {
            return;
        };
        let proposal = looking.as_notification(round);
        let own = looking.vote_of_its_own(cx, round).map(|own| (cx.me, own));
        let supporters = agreeing(&looking.votes, own, |counted| {
            cx.rules.supports(&proposal, counted)
        });
        let answered = agreeing(&looking.votes, own, |_| true);
        if !cx.rules.elects(cx.configuration, &supporters, &answered) {
            looking.settling = false;
        } else if looking.candidacy != Candidacy::Newborn
            && cx
                .configuration
                .voters()
                .iter()
                .all(|voter| cx.configuration.weight(*voter) == 0 || answered.contains(voter))
        {
            // Every voter that could win has spoken in this round, and none better: there is nothing to wait
            // for. A vote may be of long ago, though, and its voter have a history by now: who takes itself
            // for new leaves time to answer.
            self.decide(cx, proposal.vote, fx);
        } else if !looking.settling {
            looking.settling = true;
            fx.push(ElectionEffect::Arm(ElectionTimer::Settle));
        }
    }

    fn decide<R>(&mut self, cx: &Context<'_, R>, vote: Vote, fx: &mut Vec<ElectionEffect>) {
        let Phase::Looking(looking) = &self.phase else {
            return;
        };
        let state = match looking.candidacy {
            Candidacy::Observes => PeerState::Observing,
            Candidacy::Stands | Candidacy::Newborn | Candidacy::Forgetful if vote.leader == cx.me => {
                PeerState::Leading
            }
            Candidacy::Stands | Candidacy::Newborn | Candidacy::Forgetful => PeerState::Following,
        };
        self.phase = Phase::Settled { state, vote };
        fx.push(ElectionEffect::Elected { leader: vote.leader });
    }
}

impl Looking {
    fn as_notification(&self, round: Round) -> Notification {
        Notification {
            state: PeerState::Looking,
            vote: self.proposal,
            round,
        }
    }

    /// The vote that this server itself has in its tally, if it has one.
    fn vote_of_its_own<R>(&self, cx: &Context<'_, R>, round: Round) -> Option<Notification> {
        let votes = matches!(self.candidacy, Candidacy::Stands | Candidacy::Newborn);
        (votes && cx.configuration.is_voter(cx.me)).then(|| self.as_notification(round))
    }
}

/// Enters what `from` says, in place of what it said before.
fn record(peers: &mut Vec<(ServerId, Notification)>, from: ServerId, heard: Notification) {
    match peers.binary_search_by_key(&from, |(peer, _)| *peer) {
        Ok(at) => peers[at].1 = heard,
        Err(at) => peers.insert(at, (from, heard)),
    }
}

/// The state in which `server` said that it is.
fn state_of(peers: &[(ServerId, Notification)], server: ServerId) -> Option<PeerState> {
    let at = peers.binary_search_by_key(&server, |(peer, _)| *peer).ok()?;
    Some(peers[at].1.state)
}

/// Those of `peers` and `own` whose word `agrees`.
fn agreeing(
    peers: &[(ServerId, Notification)],
    own: Option<(ServerId, Notification)>,
    agrees: impl Fn(&Notification) -> bool,
) -> Vec<ServerId> {
    let said = peers.iter().copied().chain(own);
    said.filter(|(_, counted)| agrees(counted))
        .map(|(server, _)| server)
        .collect()
}

/// The highest round; the wire's number is signed.
const LAST_ROUND: u64 = i64::MAX as u64;

/// The next round. There is none after the last, which only a peer out of its mind can bring about.
fn after(round: Round) -> Round {
    Round::new(round.get().saturating_add(1).min(LAST_ROUND))
}

/// The notification with its round within the clock. A negative one, as a Java server says that follows
/// a designated leader, is before every round.
fn within_clock(mut heard: Notification) -> Notification {
    if heard.round.get() > LAST_ROUND {
        heard.round = Round::ZERO;
    }
    heard
}
