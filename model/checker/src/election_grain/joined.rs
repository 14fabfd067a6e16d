//! What do elections look like from a larger world? Members, and notifications on their way, as one value; and
//! what a step of them led to.
//!
//! Here a reign is not told in votes alone: the composed grain puts these beside servers, disks and connections, which
//! say when one looks, with which credential, and when a reign is established.

use super::channel::{Channel, Sticky};
use super::member::{Credential, Decision, Event, Member, id, peer};
use super::property::Flaws;
use super::table::{Key, Table};
use super::world::{Budgets, World};
use super::{Configuration, Ensemble, SERVERS};
use foldhash::quality::FixedState;
use quorate_zab::{Epoch, PeerState, Zab};
use std::hash::BuildHasher;
use std::sync::{Mutex, MutexGuard};

/// All servers' parts in elections, and what is on the way between them.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) struct Votes {
    world: World<Sticky, SERVERS>,
    /// A server was elected to lead that may not any more, within the bounds: the run ends before that.
    pub(crate) is_beyond: bool,
}

/// A looker took a leader.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Elected {
    /// Whom.
    pub(crate) leader: usize,
    /// Whether on the word of a peer that had taken that leader, or on the votes of a quorum none of which
    /// was cast with a better credential than the leader's.
    pub(crate) is_founded: bool,
    /// Whether on the word of a peer that had taken that leader.
    pub(crate) is_vouched: bool,
}

/// What came of a notification.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Heard {
    pub(crate) elected: Option<Elected>,
    /// Whether it was a vote that counted for nothing and was answered.
    pub(crate) is_stale_and_answered: bool,
}

/// What elections of a run share.
#[derive(Debug)]
pub(crate) struct Voting {
    configuration: Configuration,
    table: Mutex<Table<SERVERS>>,
    hash: FixedState,
    /// Whether a notification may still arrive when its sender has said a newer one.
    keeps_older: bool,
}

impl Voting {
    /// Elections of three servers, whose hashes depend on `salt`; `keeps_older`: a notification may still arrive when its
    /// sender has said a newer one.
    pub(crate) fn new(salt: u64, keeps_older: bool) -> Self {
        Self {
            configuration: Configuration::fixed(Ensemble::majority((0..SERVERS).map(id))),
            table: Mutex::new(Table::salted(salt)),
            hash: FixedState::with_seed(salt.wrapping_add(4)),
            keeps_older,
        }
    }

    fn table(&self) -> MutexGuard<'_, Table<SERVERS>> {
        self.table.lock().expect("no step panics")
    }

    /// Nobody looks yet.
    pub(crate) fn before(&self) -> Votes {
        let mut table = self.table();
        let down = |_| Member::down(Credential::new(0, 0));
        let world = World {
            members: std::array::from_fn(|me| table.number_of(down(me))),
            channels: std::array::from_fn(|_| std::array::from_fn(|_| Sticky::default())),
            // Anybody may always have to look again.
            left: Budgets {
                reigns: 0,
                give_ups: 1,
                restarts: 1,
            },
            flaws: Flaws::default(),
        };
        Votes {
            world,
            is_beyond: false,
        }
    }

    pub(crate) fn hash(&self, votes: &Votes) -> u64 {
        self.hash.hash_one(votes)
    }

    /// Lets `event` happen to `me`; says what was decided, and to whom something was said.
    fn step(&self, votes: &mut Votes, me: usize, key: Key) -> (Option<Elected>, [bool; SERVERS]) {
        let votes = &mut votes.world;
        let mut table = self.table();
        let consequence = table.step(&Zab, &self.configuration, me, votes.members[me], key);
        votes.members[me] = consequence.member;
        let mut told = [false; SERVERS];
        for &(to, message) in &consequence.said {
            let channel = &mut votes.channels[me][to];
            channel.put(message);
            let newer = channel.by_itself().next().map(|(_, newer)| newer);
            if !self.keeps_older {
                *channel = newer.unwrap_or(*channel);
            }
            told[to] = true;
        }
        let elected = consequence.decision.map(|decision: Decision<SERVERS>| Elected {
            leader: peer(decision.vote.leader),
            is_founded: decision.is_founded,
            is_vouched: decision.is_vouched,
        });
        (elected, told)
    }

    /// The next notification from `from` arrives at `to`, if there is one.
    pub(crate) fn hear(&self, votes: &mut Votes, from: usize, to: usize) -> Option<Heard> {
        let message = votes.world.channels[from][to].front()?;
        let (round, said) = {
            let table = self.table();
            let receiver = table.summary(votes.world.members[to]);
            (receiver.round, table.message(message).notification)
        };
        votes.world.channels[from][to].arrived();
        let (elected, told) = self.step(votes, to, Key::Hear(from, message));
        let is_stale = said.state == PeerState::Looking && said.round < round;
        Some(Heard {
            elected,
            is_stale_and_answered: is_stale && told[from],
        })
    }

    /// The older of two notifications from `from` to `to` is lost, if there are two.
    pub(crate) fn lose(&self, votes: &mut Votes, from: usize, to: usize) -> bool {
        let channel = &mut votes.world.channels[from][to];
        let lost = channel.by_itself().next().map(|(_, after)| after);
        *channel = lost.unwrap_or(*channel);
        lost.is_some()
    }

    /// Whether `me` has a quorum and waits for better votes no longer than it likes.
    pub(crate) fn may_settle(&self, votes: &Votes, me: usize) -> bool {
        self.table().summary(votes.world.members[me]).settling
    }

    /// `me` has waited long enough.
    pub(crate) fn settle(&self, votes: &mut Votes, me: usize) -> Option<Elected> {
        self.step(votes, me, Key::Other(Event::Settle)).0
    }

    /// `me`, whose disk is worth `worth`, looks for a leader and says that it is worth `says`.
    pub(crate) fn look(
        &self,
        votes: &mut Votes,
        me: usize,
        worth: Credential,
        says: Credential,
    ) -> Option<Elected> {
        self.step(votes, me, Key::Other(Event::Look { worth, says })).0
    }

    /// `me` left its role and does not look yet.
    pub(crate) fn retire(&self, votes: &mut Votes, me: usize) {
        self.step(votes, me, Key::Other(Event::Retire));
    }

    /// The reign of the leader of `me` is established here.
    pub(crate) fn established(&self, votes: &mut Votes, me: usize, epoch: Epoch) {
        self.step(votes, me, Key::Other(Event::Established(epoch)));
    }

    /// The process of `me` ended; another begins.
    pub(crate) fn restart(&self, votes: &mut Votes, me: usize) {
        for other in (0..SERVERS).filter(|&other| other != me) {
            votes.world.channels[me][other].sender_restarts();
            votes.world.channels[other][me].receiver_restarts();
        }
        self.step(votes, me, Key::Other(Event::End));
    }

    /// Nothing of elections matters any more.
    pub(crate) fn forget(&self, votes: &mut Votes) {
        votes.world = self.before().world;
    }

    /// Merges notifications that can make no difference; `may_restart` says whether processes may still end.
    pub(crate) fn merge(&self, votes: &mut Votes, may_restart: bool) {
        votes.world.left.restarts = u8::from(may_restart);
        let table = self.table();
        votes.world.merge_messages(&table);
    }

    /// In words, what arrives next from `from` at `to`.
    pub(crate) fn tell(&self, votes: &Votes, from: usize, to: usize) -> String {
        let Some(message) = votes.world.channels[from][to].front() else {
            return String::new();
        };
        super::world::What::Hear { from, to, message }.tell(&self.table())
    }
}
