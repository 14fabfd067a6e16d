//! What can happen next? Servers, channels and budgets, and every way on from there.

use super::channel::{ASKS, Channel, Fate, Message};
use super::member::{Event, Member, Part, id, peer};
use super::property::{Flaws, judge};
use super::table::{Key, Table};
use super::{Credential, ElectionBounds};
use quorate_zab::{Configuration, ElectionRules, Epoch, PeerState, Round};

/// A state of the grain: numbers in a [`Table`], and budgets.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(super) struct World<C, const N: usize> {
    pub(super) members: [u32; N],
    /// From, to.
    pub(super) channels: [[C; N]; N],
    pub(super) left: Budgets,
    pub(super) flaws: Flaws,
}

/// What may still happen.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(super) struct Budgets {
    /// Leaders that begin a reign.
    pub(super) reigns: u8,
    /// Servers that leave their leader.
    pub(super) give_ups: u8,
    /// Processes that end and begin anew.
    pub(super) restarts: u8,
}

/// What happened, for people.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum What {
    Hear {
        from: usize,
        to: usize,
        message: Message,
    },
    Channel {
        how: &'static str,
        from: usize,
        to: usize,
    },
    Resend(usize),
    Settle(usize),
    GiveUp(usize),
    Restart(usize),
    Reign(usize, Epoch),
    Adopt(usize, Epoch),
    Serve(usize),
}

/// An action, with the world that it leads to.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Step<C, const N: usize> {
    pub(super) what: What,
    pub(super) to: World<C, N>,
}

/// What stays the same in a run.
#[derive(Debug)]
pub(super) struct Setting<R> {
    pub(super) rules: R,
    pub(super) configuration: Configuration,
    pub(super) bounds: ElectionBounds,
}

impl<C: Channel, const N: usize> World<C, N> {
    /// Every server has just started to look.
    pub(super) fn first<R: ElectionRules>(setting: &Setting<R>, table: &mut Table<N>) -> Self {
        let down = |me: usize| Member::down(setting.bounds.credentials[me]);
        let mut world = Self {
            members: std::array::from_fn(|me| table.number_of(down(me))),
            channels: std::array::from_fn(|_| std::array::from_fn(|_| C::default())),
            left: Budgets {
                reigns: setting.bounds.reigns,
                give_ups: setting.bounds.give_ups,
                restarts: setting.bounds.restarts,
            },
            flaws: Flaws::default(),
        };
        for me in 0..N {
            world.step(setting, table, me, Key::Other(Event::Restart));
        }
        world
    }

    /// Lets `key` happen to `me`, and judges what came of it.
    fn step<R: ElectionRules>(&mut self, setting: &Setting<R>, table: &mut Table<N>, me: usize, key: Key) {
        let consequence = table.step(&setting.rules, &setting.configuration, me, self.members[me], key);
        self.members[me] = consequence.member;
        for &(to, message) in &consequence.said {
            self.channels[me][to].put(message);
        }
        let decision = consequence.decision;
        self.flaws |= judge(self, &setting.configuration, table, me, decision.as_ref());
    }

    /// Every way on. Steps that change nothing are left out.
    pub(super) fn steps<R: ElectionRules>(
        &self,
        setting: &Setting<R>,
        table: &mut Table<N>,
        steps: &mut Vec<Step<C, N>>,
    ) {
        if self.flaws != Flaws::default() {
            return; // Nothing good comes after it.
        }
        for me in 0..N {
            self.steps_of(setting, table, me, steps);
            for from in (0..N).filter(|&from| from != me) {
                self.steps_between(setting, table, from, me, steps);
            }
        }
    }

    fn steps_between<R: ElectionRules>(
        &self,
        setting: &Setting<R>,
        table: &mut Table<N>,
        from: usize,
        to: usize,
        steps: &mut Vec<Step<C, N>>,
    ) {
        let channel = &self.channels[from][to];
        let known = steps.len();
        if let Some(message) = channel.front() {
            let mut world = self.clone();
            world.channels[from][to].arrived();
            world.step(setting, table, to, Key::Hear(from, message));
            self.offer(table, What::Hear { from, to, message }, world, steps);
        }
        for (how, channel) in channel.by_itself() {
            let mut world = self.clone();
            world.channels[from][to] = channel;
            self.offer(table, What::Channel { how, from, to }, world, steps);
            if steps.len() == known + 2 && steps[known].to == steps[known + 1].to {
                steps.pop(); // It arrived for nothing.
            }
        }
    }

    fn steps_of<R: ElectionRules>(
        &self,
        setting: &Setting<R>,
        table: &mut Table<N>,
        me: usize,
        steps: &mut Vec<Step<C, N>>,
    ) {
        let mine = *table.summary(self.members[me]);
        let mut happens = |what, event, left: Budgets| {
            let mut world = self.clone();
            world.left = left;
            if event == Event::Restart {
                for other in (0..N).filter(|&other| other != me) {
                    world.channels[me][other].sender_restarts();
                    world.channels[other][me].receiver_restarts();
                }
            }
            world.step(setting, table, me, Key::Other(event));
            self.offer(table, what, world, steps);
        };
        let mut left = self.left;
        if C::NEEDS_RESENDS && mine.state == PeerState::Looking {
            happens(What::Resend(me), Event::Resend, left);
        }
        if mine.settling {
            happens(What::Settle(me), Event::Settle, left);
        }
        if self.left.restarts > 0 {
            left.restarts -= 1;
            happens(What::Restart(me), Event::Restart, left);
            left = self.left;
        }
        if mine.state != PeerState::Looking && self.left.give_ups > 0 {
            left.give_ups -= 1;
            happens(What::GiveUp(me), Event::GiveUp, left);
        }
        if let Some((what, event, left)) = self.next_part(setting, table, me) {
            let mut world = self.clone();
            world.left = left;
            world.step(setting, table, me, Key::Other(event));
            self.offer(table, what, world, steps);
        }
    }

    /// How `me` comes further in its leader's reign, which here is only as detailed as votes can tell:
    /// a leader takes a new epoch once a quorum is with it, its followers take it over, it is
    /// established once a quorum has, and then with each follower.
    fn next_part<R>(
        &self,
        setting: &Setting<R>,
        table: &Table<N>,
        me: usize,
    ) -> Option<(What, Event, Budgets)> {
        let mine = *table.summary(self.members[me]);
        let leader = mine.leader?;
        let its = table.summary(self.members[leader]);
        let with_leader = |is_with: &dyn Fn(Part, Credential) -> bool| {
            let with = (0..N).filter(|&other| {
                let summary = table.summary(self.members[other]);
                summary.leader == Some(leader)
                    && (other == leader || is_with(summary.part, summary.credential))
            });
            setting.configuration.is_quorum(with.map(id))
        };
        let epoch = setting.bounds.epoch_of_reign(self.left.reigns);
        match (mine.part, its.part) {
            (Part::Outside, Part::Outside) if leader == me => {
                let mut left = self.left;
                left.reigns = left.reigns.checked_sub(1)?;
                let has_quorum =
                    with_leader(&|part, theirs| part == Part::Outside && theirs <= mine.credential);
                let event = Event::Adopt(epoch, mine.credential.zxid);
                has_quorum.then_some((What::Reign(me, epoch), event, left))
            }
            (Part::Outside, Part::Adopted(epoch) | Part::Serving(epoch)) => {
                let adopts = its.leader == Some(leader) && mine.credential.epoch < epoch;
                let event = Event::Adopt(epoch, its.credential.zxid);
                adopts.then_some((What::Adopt(me, epoch), event, self.left))
            }
            (Part::Adopted(epoch), _) if leader == me => {
                let has_quorum = with_leader(&|part, _| part == Part::Adopted(epoch));
                has_quorum.then_some((What::Serve(me), Event::Serve, self.left))
            }
            (Part::Adopted(epoch), Part::Serving(served)) => {
                (epoch == served).then_some((What::Serve(me), Event::Serve, self.left))
            }
            (Part::Outside | Part::Adopted(_) | Part::Serving(_), _) => None,
        }
    }

    /// Merges messages that can make no difference, if no process ends any more. A vote of a round before
    /// any in which the receiver will look counts for nothing, but once that has a leader it answers, and
    /// the answer may wait until its reader looks. If nobody begins to look any more, such votes, and whatever
    /// is said to one with a leader, are good for nothing; except a looker's last word, by which
    /// it asks those with a leader.
    pub(super) fn merge_messages(&mut self, table: &Table<N>) {
        if self.left.restarts > 0 {
            return; // A process begins with the first round.
        }
        let looks_again = self.left.give_ups > 0;
        let later = looks_again.then_some(Round::ZERO.next().next());
        for to in 0..N {
            let receiver = table.summary(self.members[to]);
            let first_round = match receiver.state {
                PeerState::Looking => Some(later.map_or(receiver.round, |later| later.min(receiver.round))),
                PeerState::Following | PeerState::Leading | PeerState::Observing => later,
            };
            for from in (0..N).filter(|&from| from != to) {
                let sender = table.summary(self.members[from]);
                self.channels[from][to].merge(|message| {
                    let said = &table.message(message).notification;
                    let is_vote = said.state == PeerState::Looking;
                    let counts = first_round.is_some_and(|first| !is_vote || said.round >= first);
                    if counts || is_vote && sender.says == Some(*said) {
                        Fate::Lives { is_vote }
                    } else if is_vote && looks_again {
                        Fate::Asks
                    } else {
                        Fate::Dead
                    }
                });
            }
        }
    }

    fn offer(&self, table: &Table<N>, what: What, mut to: Self, steps: &mut Vec<Step<C, N>>) {
        to.merge_messages(table);
        if to != *self {
            steps.push(Step { what, to });
        }
    }

    /// The leader of `me`, if that server leads.
    pub(super) fn leader_of(&self, table: &Table<N>, me: usize) -> Option<usize> {
        let leader = table.summary(self.members[me]).leader?;
        let leads = table.summary(self.members[leader]).state == PeerState::Leading;
        leads.then_some(leader)
    }
}

impl What {
    /// In words.
    pub(super) fn tell<const N: usize>(self, table: &Table<N>) -> String {
        use super::member::id;
        match self {
            Self::Hear {
                from,
                to,
                message: ASKS,
            } => format!("{} hears {}: an old vote", id(to), id(from)),
            Self::Hear { from, to, message } => {
                let said = table.message(message).notification;
                format!(
                    "{} hears {}: {:?} {} (epoch {}, zxid {}), round {}",
                    id(to),
                    id(from),
                    said.state,
                    peer(said.vote.leader) + 1,
                    said.vote.epoch.bits(),
                    said.vote.zxid,
                    said.round.get()
                )
            }
            Self::Channel { how, from, to } => format!("{how} {} to {}", id(from), id(to)),
            Self::Resend(me) => format!("{} says its vote again", id(me)),
            Self::Settle(me) => format!("{} has waited long enough", id(me)),
            Self::GiveUp(me) => format!("{} leaves its leader and looks", id(me)),
            Self::Restart(me) => format!("{} restarts", id(me)),
            Self::Reign(me, epoch) => format!("{} begins epoch {epoch}", id(me)),
            Self::Adopt(me, epoch) => format!("{} takes over epoch {epoch}", id(me)),
            Self::Serve(me) => format!("{} serves", id(me)),
        }
    }
}
