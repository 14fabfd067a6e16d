//! What is known of one server while its traces are read?

use crate::channel::{End, Tail};
use crate::election::Slots;
use quorate_checker::Node;
use quorate_trace::{BootTrace, Contents, Deeds, Entry, Header, Records, Side, Sum};
use quorate_zab::{Candidacy, Conn, Effect, Election, Epoch, Message, ServerId, Zxid};
use std::collections::{BTreeMap, VecDeque};

/// Steps that a finding shows.
const STEPS_SHOWN: usize = 12;

/// An input of the election that a server's effect asks for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Asked {
    Retired,
    Look {
        candidacy: Candidacy,
        current: Epoch,
        last: Zxid,
    },
    Established {
        epoch: Epoch,
    },
}

/// Where an effect asks the tree to be brought to, and how.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Delivery {
    /// From a snapshot.
    Loaded(Zxid),
    /// By the transactions up to there.
    Applied(Zxid),
}

impl Delivery {
    pub(crate) const fn zxid(self) -> Zxid {
        match self {
            Self::Loaded(zxid) | Self::Applied(zxid) => zxid,
        }
    }
}

/// A learner connection at this end.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) side: Side,
    pub(crate) peer: Option<ServerId>,
    pub(crate) wire: Wire,
    /// What it brings is believed, whatever was seen to be sent.
    pub(crate) believed: bool,
    pub(crate) up: bool,
    /// Messages given to the core, and asked for by it.
    pub(crate) read: u64,
    pub(crate) sent: u64,
    /// What its effects put into it, in order.
    pub(crate) deeds: Deeds,
    /// The core asked for its end.
    pub(crate) closing: bool,
}

/// What a connection is connected to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Wire {
    /// The other end has not said which connection it is.
    Unnamed,
    /// A channel of two recorded servers.
    Channel(usize),
    /// An open server: believed.
    Open,
}

impl Link {
    pub(crate) const fn end(&self) -> End {
        match self.side {
            Side::Initiator => End::Learner,
            Side::Acceptor => End::Leader,
        }
    }
}

impl Link {
    /// What an effect asks of this connection.
    pub(crate) fn asked<P>(&mut self, effect: &Effect<P>) {
        match effect {
            Effect::Send { message, .. } => self.deeds.message(message),
            Effect::SendAcks { first, last, .. } => self.deeds.acks(*first, *last),
            Effect::SendSnapshot { zxid, .. } => self.deeds.message(&Message::<()>::Snap { zxid: *zxid }),
            Effect::Replay {
                after,
                upto,
                committed,
                ..
            } => self.deeds.replay(*after, *upto, *committed),
            Effect::Inform { after, upto, .. } => self.deeds.inform(*after, *upto),
            Effect::Close { .. } => self.closing = true,
            _ => {}
        }
    }
}

/// An election connection at this end.
#[derive(Debug)]
pub(crate) struct ElectionLink {
    pub(crate) side: Side,
    pub(crate) peer: Option<ServerId>,
    /// The channel, unless the other end is open or cannot be found.
    pub(crate) pipe: Option<usize>,
    /// What it brings is believed, whatever was seen to be sent.
    pub(crate) believed: bool,
    pub(crate) read: u64,
    pub(crate) sent: u64,
}

impl ElectionLink {
    pub(crate) const fn end(&self) -> End {
        match self.side {
            Side::Initiator => End::Learner,
            Side::Acceptor => End::Leader,
        }
    }
}

/// How much of the present boot can be replayed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Sight {
    /// All of it so far.
    Clear,
    /// Nothing from here to the next boot.
    Blind,
}

/// One recorded server.
pub(crate) struct Member {
    pub(crate) me: ServerId,
    /// Boots not yet begun.
    pub(crate) boots: VecDeque<BootTrace>,
    pub(crate) header: Option<Header>,
    /// The present boot's, to be read once more if that is needed to say what is wrong.
    pub(crate) trace: Option<BootTrace>,
    pub(crate) records: Option<Records>,
    pub(crate) head: Option<Entry>,
    /// Records of this boot that were taken.
    pub(crate) taken: u64,
    pub(crate) ended: bool,
    pub(crate) sight: Sight,
    /// How the boot before ended; `None` before the first.
    pub(crate) before: Option<Tail>,
    /// Why some of this server's life is not seen.
    pub(crate) gap: bool,

    pub(crate) node: Option<Node>,
    pub(crate) election: Election,
    /// Steps whose effects are not yet recorded: how many, and their digest.
    pub(crate) unanswered: VecDeque<(u32, Sum, u64)>,
    pub(crate) election_unanswered: VecDeque<(u32, Sum, u64)>,
    /// What the server's effects ask of the election, and the election's of the server.
    pub(crate) asked: VecDeque<Asked>,
    pub(crate) elected: VecDeque<ServerId>,
    /// How often the election heard of a history that the server is to be told of.
    pub(crate) histories_heard: u64,
    /// Whom the server wants to connect to.
    pub(crate) calls: Option<ServerId>,
    /// Where the tree is to be brought to.
    pub(crate) deliveries: VecDeque<Delivery>,
    /// The highest that effects ever asked for, whether that was recorded to be done or not.
    pub(crate) deliveries_reach: Zxid,
    /// What the newest snapshot holds that this boot found, took or installed.
    pub(crate) newest_snapshot: Zxid,
    /// This boot removed old log files: what the log thread counts is not what the next boot finds.
    pub(crate) purged: bool,
    /// The highest that the tree ever was at.
    pub(crate) tree_max: Zxid,
    /// Below this the tree may hold more than its zxid says, by the snapshot that it was loaded from; `None`: by
    /// how much is not known.
    pub(crate) tree_exact_from: Option<Zxid>,
    /// Reports of the disk threads that the core was not yet told.
    pub(crate) log_synced: VecDeque<(u32, Zxid, Option<Contents>)>,
    pub(crate) epochs_synced: VecDeque<(u32, Option<Epoch>, Option<Epoch>)>,
    /// The log's contents as they must be counted: durable, and after each operation under way; `None`
    /// where that is not known.
    pub(crate) contents: Option<Contents>,
    pub(crate) contents_floor: Zxid,
    pub(crate) contents_under_way: VecDeque<Option<u64>>,
    /// What this boot's effects asked of the log, of the epoch files and of `sync`s.
    pub(crate) log_deeds: Deeds,
    pub(crate) epoch_deeds: Deeds,
    pub(crate) syncs: u64,
    /// How often, in all boots, that was held against what was carried out.
    pub(crate) rests: u64,
    pub(crate) slots: Slots,
    pub(crate) links: BTreeMap<Conn, Link>,
    pub(crate) election_links: BTreeMap<Conn, ElectionLink>,

    pub(crate) inputs: u64,
    pub(crate) election_inputs: u64,
    pub(crate) effects: u64,
    pub(crate) steps: VecDeque<Entry>,
    /// Messages of this server that others believed.
    pub(crate) believed: u64,
}

impl Member {
    pub(crate) fn new(me: ServerId) -> Self {
        Self {
            me,
            boots: VecDeque::new(),
            header: None,
            trace: None,
            records: None,
            head: None,
            taken: 0,
            ended: false,
            sight: Sight::Blind,
            before: None,
            gap: false,
            node: None,
            election: Election::new(),
            unanswered: VecDeque::new(),
            election_unanswered: VecDeque::new(),
            asked: VecDeque::new(),
            elected: VecDeque::new(),
            histories_heard: 0,
            calls: None,
            deliveries: VecDeque::new(),
            deliveries_reach: Zxid::ZERO,
            newest_snapshot: Zxid::ZERO,
            purged: false,
            tree_max: Zxid::ZERO,
            tree_exact_from: Some(Zxid::ZERO),
            log_synced: VecDeque::new(),
            epochs_synced: VecDeque::new(),
            contents: None,
            contents_floor: Zxid::ZERO,
            contents_under_way: VecDeque::new(),
            log_deeds: Deeds::default(),
            epoch_deeds: Deeds::default(),
            syncs: 0,
            rests: 0,
            slots: Slots::default(),
            links: BTreeMap::new(),
            election_links: BTreeMap::new(),
            inputs: 0,
            election_inputs: 0,
            effects: 0,
            steps: VecDeque::new(),
            believed: 0,
        }
    }

    /// The present boot's ordinal; 0 before the first.
    pub(crate) fn boot(&self) -> u32 {
        self.header.as_ref().map_or(0, |header| header.boot.ordinal)
    }

    /// Whether the present boot records no elections, because it is the model's: there anyone may lead.
    pub(crate) fn elections_are_free(&self) -> bool {
        let fact = self
            .header
            .as_ref()
            .and_then(|header| header.fact(Header::ELECTIONS));
        fact == Some(Header::ELECTIONS_FREE)
    }

    /// When the record at hand was written, in microseconds since 1970. Advice: it places findings and
    /// keeps the look-ahead short, and no verdict follows from it.
    pub(crate) fn time(&self) -> u64 {
        let began_ms = self.header.as_ref().map_or(0, |header| header.began_unix_ms);
        let at_us = self.head.as_ref().map_or(0, |entry| entry.at_us);
        began_ms.saturating_mul(1000).saturating_add(at_us)
    }

    /// Keeps a record that was taken, for a finding to show.
    pub(crate) fn remember(&mut self, entry: Entry) {
        if self.steps.len() == STEPS_SHOWN {
            self.steps.pop_front();
        }
        self.steps.push_back(entry);
    }

    /// Forgets what belongs to the process, not to the disk.
    pub(crate) fn restart(&mut self) {
        self.taken = 0;
        self.election = Election::new();
        self.unanswered.clear();
        self.election_unanswered.clear();
        self.asked.clear();
        self.elected.clear();
        self.histories_heard = 0;
        self.calls = None;
        self.deliveries.clear();
        self.log_synced.clear();
        self.epochs_synced.clear();
        self.log_deeds = Deeds::default();
        self.epoch_deeds = Deeds::default();
        self.syncs = 0;
        self.slots = Slots::default();
        self.links.clear();
        self.election_links.clear();
        (self.inputs, self.election_inputs, self.effects) = (0, 0, 0);
        self.steps.clear();
    }
}
