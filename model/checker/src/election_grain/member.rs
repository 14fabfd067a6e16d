//! What is one server in the election grain? The election that is deployed, its durable credential, its part
//! in a reign, and the ghosts that properties read.

use quorate_zab::{
    Candidacy, Context, Election, ElectionEffect, ElectionInput, ElectionRules, Epoch, Notification,
    PeerEpoch, PeerState, Round, ServerId, Vote, Zxid,
};

/// What a server's durable state is worth to an election: compared by epoch, then by zxid.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Credential {
    /// currentEpoch.
    pub epoch: Epoch,
    /// The last zxid of the log.
    pub zxid: Zxid,
}

impl Credential {
    /// currentEpoch `epoch`, and a log that ends at the zxid with these bits.
    pub const fn new(epoch: u32, zxid: u64) -> Self {
        Self {
            epoch: Epoch::new(epoch),
            zxid: Zxid::from_bits(zxid),
        }
    }

    /// Whether a candidate with the epoch and zxid of `vote` is at least as good as this.
    pub(super) fn is_matched_by(self, vote: &Vote) -> bool {
        (PeerEpoch::from(self.epoch), self.zxid) <= (vote.epoch, vote.zxid)
    }
}

/// How far a server with a leader has come in its leader's reign.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(super) enum Part {
    /// The reign has no epoch yet, or this server has not taken it over.
    Outside,
    /// The epoch is this server's durable currentEpoch.
    Adopted(Epoch),
    /// The reign is established here, and the vote says so.
    Serving(Epoch),
}

/// A notification on the wire, with the credential that its sender had if it is a vote.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(super) struct Spoken {
    pub(super) notification: Notification,
    /// Ghost.
    pub(super) cast: Option<Credential>,
}

impl Spoken {
    /// A vote that counts for nobody, in no round.
    pub(super) const ASKS: Self = Self {
        notification: Notification {
            state: PeerState::Looking,
            vote: Vote {
                leader: Vote::NO_LEADER,
                zxid: Vote::NO_ZXID,
                epoch: PeerEpoch::NONE,
            },
            round: Round::ZERO,
        },
        cast: None,
    };
}

/// One of `N` servers; peers are numbered from 0, server ids from 1.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(super) struct Member<const N: usize> {
    pub(super) election: Election,
    pub(super) credential: Credential,
    pub(super) part: Part,
    /// Ghost: with which credential the votes were cast that this server counts.
    cast: [Option<Credential>; N],
    /// Ghost: what each peer said last, since this server looks, about the leader that it has.
    pub(super) heard: [Option<Notification>; N],
    /// Ghost: what each peer said last while this server was between its role and looking.
    waiting: [Option<Spoken>; N],
}

/// What can happen to one server.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(super) enum Event {
    /// A message of this peer arrives.
    Hear(usize, Spoken),
    /// The resend timer fires.
    Resend,
    /// The settle timer fires.
    Settle,
    /// The server leaves its role and looks.
    GiveUp,
    /// The process ends and another begins.
    Restart,
    /// The epoch of the reign becomes the server's, with the leader's history.
    Adopt(Epoch, Zxid),
    /// The reign is established here.
    Serve,
    /// The server left its role, and what it is worth is not known yet.
    Retire,
    /// The server looks.
    Look {
        /// What its disk is worth.
        worth: Credential,
        /// What it says that it is worth.
        says: Credential,
    },
    /// The reign of this epoch is established here.
    Established(Epoch),
    /// The process ends, and the next one does not look yet.
    End,
}

/// What an event led to.
#[derive(Clone, Debug)]
pub(super) struct Aftermath<const N: usize> {
    pub(super) member: Member<N>,
    /// What is to be said, to whom.
    pub(super) said: Vec<(usize, Spoken)>,
    pub(super) decision: Option<Decision<N>>,
}

/// A looker took a leader.
#[derive(Clone, Copy, Debug)]
pub(super) struct Decision<const N: usize> {
    /// The leader as the decision knew it.
    pub(super) vote: Vote,
    /// Whether the decision rests on the word of a peer that had taken the leader before, or on votes
    /// of a quorum, cast in this round by servers whose credentials the leader's matched.
    pub(super) is_founded: bool,
    /// Whether it rests on the word of a peer that had taken the leader before.
    pub(super) is_vouched: bool,
    /// What the server had heard by then.
    pub(super) heard: [Option<Notification>; N],
}

/// The server id of the peer with this number.
pub(super) fn id(peer: usize) -> ServerId {
    ServerId::new(peer as u64 + 1)
}

/// The number of the peer with this server id.
pub(super) fn peer(id: ServerId) -> usize {
    id.get() as usize - 1
}

impl<const N: usize> Member<N> {
    /// A server whose process does not run yet.
    pub(super) fn down(credential: Credential) -> Self {
        Self {
            election: Election::new(),
            credential,
            part: Part::Outside,
            cast: [None; N],
            heard: [None; N],
            waiting: [None; N],
        }
    }

    fn spoken(&self, notification: Notification) -> Spoken {
        let is_vote = notification.state == PeerState::Looking;
        Spoken {
            notification,
            cast: is_vote.then_some(self.credential),
        }
    }

    fn look(says: Credential) -> ElectionInput {
        ElectionInput::Look {
            candidacy: Candidacy::Stands,
            current: says.epoch,
            last: says.zxid,
        }
    }

    /// The one place where the grain calls the election's step.
    pub(super) fn after<R: ElectionRules>(&self, cx: &Context<'_, R>, event: Event) -> Aftermath<N> {
        let mut member = self.clone();
        let mut fx = Vec::new();
        let mut step = |member: &mut Self, input| member.election.step(cx, input, &mut fx);
        match event {
            Event::Hear(from, Spoken { notification, .. }) => {
                let from = id(from);
                step(&mut member, ElectionInput::Notification { from, notification });
            }
            Event::Resend => step(&mut member, ElectionInput::ResendDue),
            Event::Settle => step(&mut member, ElectionInput::Settled),
            Event::GiveUp => {
                member.part = Part::Outside;
                let look = Self::look(member.credential);
                step(&mut member, ElectionInput::Retired);
                step(&mut member, look);
            }
            Event::Restart => {
                member = Self::down(self.credential);
                let look = Self::look(member.credential);
                step(&mut member, look);
            }
            Event::Adopt(epoch, zxid) => {
                member.credential = Credential { epoch, zxid };
                member.part = Part::Adopted(epoch);
            }
            Event::Serve => {
                if let Part::Adopted(epoch) = member.part {
                    step(&mut member, ElectionInput::Established { epoch });
                    member.part = Part::Serving(epoch);
                }
            }
            Event::Retire => step(&mut member, ElectionInput::Retired),
            Event::Look { worth, says } => {
                member.credential = worth;
                step(&mut member, Self::look(says));
            }
            Event::Established(epoch) => step(&mut member, ElectionInput::Established { epoch }),
            Event::End => member = Self::down(self.credential),
        }
        let had_leader = self.election.leader().is_some() && !matches!(event, Event::GiveUp | Event::Restart);
        member.note(self, event);
        let decision = match member.election.leader() {
            Some(_) if !had_leader => Some(member.decision(self, cx, event)),
            _ => None,
        };
        if member.election.notification().is_some() {
            member.waiting = [None; N];
        }
        if member.election.leader().is_some() {
            member.cast = [None; N];
            member.heard = [None; N];
        }
        Aftermath {
            said: member.said(&fx),
            member,
            decision,
        }
    }

    fn said(&self, fx: &[ElectionEffect]) -> Vec<(usize, Spoken)> {
        let said = fx.iter().filter_map(|effect| match effect {
            ElectionEffect::Notify { to, notification } => Some((peer(*to), self.spoken(*notification))),
            ElectionEffect::Arm(_) | ElectionEffect::Elected { .. } | ElectionEffect::HistoryHeard => None,
        });
        said.collect()
    }

    /// Keeps the ghosts.
    fn note(&mut self, before: &Self, event: Event) {
        let (from, spoken) = match event {
            Event::Hear(from, spoken) => (from, spoken),
            Event::Look { .. } => {
                // What came while it did not look yet is counted by now.
                for (voter, counted) in self.election.votes() {
                    let said = self.waiting[peer(*voter)].filter(|said| said.notification == *counted);
                    self.cast[peer(*voter)] = said.and_then(|said| said.cast);
                }
                return;
            }
            _ => return,
        };
        if self.election.notification().is_none() {
            self.waiting[from] = Some(spoken);
            return;
        }
        let heard = spoken.notification;
        if heard.state != PeerState::Looking {
            self.heard[from] = Some(heard);
        }
        for number in 0..N {
            let counted = self
                .election
                .votes()
                .iter()
                .find(|(voter, _)| *voter == id(number));
            self.cast[number] = match counted {
                Some((_, counted)) if number == from && *counted == heard => spoken.cast,
                Some(_) => before.cast[number],
                None => None,
            };
        }
    }

    fn decision<R>(&self, before: &Self, cx: &Context<'_, R>, event: Event) -> Decision<N> {
        let Some(Notification { vote, round, .. }) = self.election.notification() else {
            unreachable!("one that has a leader has something to say");
        };
        let mut voters: Vec<ServerId> = Vec::new();
        let mut is_vouched = false;
        let mut count = |number: usize, counted: &Notification, cast: Option<Credential>| {
            if counted.vote.leader != vote.leader {
                return;
            }
            match cast {
                Some(cast) => {
                    // Who elects itself is known by its disk, not by what it says.
                    let is_matched = match vote.leader == cx.me {
                        true => cast <= self.credential,
                        false => cast.is_matched_by(&vote),
                    };
                    if counted.vote == vote && counted.round == round && is_matched {
                        voters.push(id(number));
                    }
                }
                None => is_vouched = true,
            }
        };
        for (voter, counted) in before.election.votes() {
            let number = peer(*voter);
            if !matches!(event, Event::Hear(from, _) if from == number) {
                count(number, counted, before.cast[number]);
            }
        }
        let said = match event {
            Event::Hear(from, spoken) => vec![(from, spoken)],
            Event::Look { .. } => (0..N)
                .filter_map(|from| Some((from, before.waiting[from]?)))
                .collect(),
            _ => Vec::new(),
        };
        for (from, spoken) in said {
            count(from, &spoken.notification, spoken.cast);
        }
        if self.credential.is_matched_by(&vote) {
            voters.push(cx.me);
        }
        Decision {
            vote,
            is_vouched,
            is_founded: is_vouched || cx.configuration.is_quorum(voters.into_iter()),
            heard: self.heard,
        }
    }

    /// Its state, if it has looked.
    pub(super) fn state(&self) -> Option<PeerState> {
        Some(self.election.notification()?.state)
    }
}
