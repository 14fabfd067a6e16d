//! How are millions of worlds kept small? Servers and messages are numbered, and each step is taken once.

use super::channel::{ASKS, Message};
use super::member::{Decision, Event, Member, Part, Spoken, id, peer};
use foldhash::fast::FixedState;
use quorate_zab::{Configuration, Context, ElectionRules, Notification, PeerState, Round};
use std::collections::HashMap;

/// What worlds need to know about a server at every step.
#[derive(Clone, Copy, Debug)]
pub(super) struct Summary<const N: usize> {
    pub(super) state: PeerState,
    /// The leader, if the server has one.
    pub(super) leader: Option<usize>,
    pub(super) settling: bool,
    pub(super) round: Round,
    pub(super) part: Part,
    pub(super) credential: super::Credential,
    pub(super) says: Option<Notification>,
    pub(super) heard: [Option<Notification>; N],
}

/// The numbers that an event led to.
#[derive(Clone, Debug)]
pub(super) struct Consequence<const N: usize> {
    pub(super) member: u32,
    pub(super) said: Vec<(usize, Message)>,
    pub(super) decision: Option<Decision<N>>,
}

/// An event as a key: messages by number.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(super) enum Key {
    Hear(usize, Message),
    Other(Event),
}

/// The servers, messages and steps met so far in one run.
#[derive(Debug)]
pub(super) struct Table<const N: usize> {
    /// The first server's number: worlds are told apart by hashes of numbers.
    first: u32,
    members: Vec<Member<N>>,
    summaries: Vec<Summary<N>>,
    numbers: HashMap<Member<N>, u32, FixedState>,
    messages: Vec<Spoken>,
    message_numbers: HashMap<Spoken, Message, FixedState>,
    steps: HashMap<(usize, u32, Key), u32, FixedState>,
    consequences: Vec<Consequence<N>>,
}

impl<const N: usize> Table<N> {
    pub(super) fn new() -> Self {
        Self::salted(0)
    }

    /// As [`Table::new`], with numbers that make the hashes of all worlds others.
    pub(super) fn salted(salt: u64) -> Self {
        let mut table = Self {
            // Small enough that no number is too large, and different for small salts.
            first: (salt.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33) as u32,
            members: Vec::new(),
            summaries: Vec::new(),
            numbers: HashMap::default(),
            messages: Vec::new(),
            message_numbers: HashMap::default(),
            steps: HashMap::default(),
            consequences: Vec::new(),
        };
        let asks = table.number_of_message(Spoken::ASKS);
        assert_eq!(asks, ASKS, "it is the first");
        table
    }

    pub(super) fn member(&self, number: u32) -> &Member<N> {
        &self.members[(number - self.first) as usize]
    }

    pub(super) fn summary(&self, number: u32) -> &Summary<N> {
        &self.summaries[(number - self.first) as usize]
    }

    pub(super) fn message(&self, number: Message) -> &Spoken {
        &self.messages[usize::from(number)]
    }

    pub(super) fn number_of(&mut self, member: Member<N>) -> u32 {
        if let Some(&number) = self.numbers.get(&member) {
            return number;
        }
        let place = u32::try_from(self.members.len()).ok();
        let number = place
            .and_then(|place| place.checked_add(self.first))
            .expect("members fit the numbers");
        self.summaries.push(Summary {
            state: member.state().unwrap_or(PeerState::Looking),
            leader: member.election.leader().map(peer),
            settling: member.election.is_settling(),
            round: member.election.round(),
            part: member.part,
            credential: member.credential,
            says: member.election.notification(),
            heard: member.heard,
        });
        self.members.push(member.clone());
        self.numbers.insert(member, number);
        number
    }

    fn number_of_message(&mut self, spoken: Spoken) -> Message {
        if let Some(&number) = self.message_numbers.get(&spoken) {
            return number;
        }
        let number = Message::try_from(self.messages.len()).expect("messages fit the numbers");
        assert!(number < Message::MAX, "messages fit the numbers");
        self.messages.push(spoken);
        self.message_numbers.insert(spoken, number);
        number
    }

    /// What happens to server `me`, which is `member`, by `key`: looked up, or stepped the first time.
    pub(super) fn step<R: ElectionRules>(
        &mut self,
        rules: &R,
        configuration: &Configuration,
        me: usize,
        member: u32,
        key: Key,
    ) -> &Consequence<N> {
        let step = match self.steps.get(&(me, member, key)) {
            Some(&step) => step,
            None => {
                let event = match key {
                    Key::Hear(from, message) => Event::Hear(from, *self.message(message)),
                    Key::Other(event) => event,
                };
                let cx = Context {
                    me: id(me),
                    configuration,
                    rules,
                };
                let aftermath = self.member(member).after(&cx, event);
                let consequence = Consequence {
                    member: self.number_of(aftermath.member),
                    said: aftermath
                        .said
                        .into_iter()
                        .map(|(to, spoken)| (to, self.number_of_message(spoken)))
                        .collect(),
                    decision: aftermath.decision,
                };
                let step = u32::try_from(self.consequences.len()).expect("steps fit the numbers");
                self.consequences.push(consequence);
                self.steps.insert((me, member, key), step);
                step
            }
        };
        &self.consequences[step as usize]
    }
}
