//! What is written down of a server's run? Everything that entered its step functions, in order.
//!
//! `Server::step` and `Election::step` are deterministic: replaying the inputs regenerates every effect,
//! so of effects only count and digest are kept. Beside the inputs stand *witnesses*, which the I/O
//! layer writes about what it did: connections, bytes made durable, transactions applied, clients told.
//!
//! The encoding is postcard's: fields in order, enum variants by position. Within a [`SCHEMA`] version
//! variants are only ever added at an enum's end; anything else raises the version.

use crate::digest::{Contents, Deeds, Digest, Sum};
use quorate_zab::{Conn, ElectionInput, Ensemble, Epoch, Image, Input, Memory, Notification, ServerId, Zxid};
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;

#[cfg(test)]
mod tests;

/// The version of everything in this file.
pub const SCHEMA: u32 = 1;

/// The hash of the protocol core's sources in this build. Equal hashes step equally.
pub const STEP_HASH: u64 = parse_decimal(env!("QUORATE_STEP_HASH"));

const fn parse_decimal(digits: &str) -> u64 {
    let bytes = digits.as_bytes();
    let (mut at, mut number) = (0, 0u64);
    while at < bytes.len() {
        number = number * 10 + (bytes[at] - b'0') as u64;
        at += 1;
    }
    number
}

/// Which start of a server's process this is.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
pub struct BootId {
    /// The position among this server's recorded boots, from 1; it orders them.
    pub ordinal: u32,
    /// A random number: two boots with equal ordinals are the same boot only if this is equal too.
    pub nonce: Sum,
}

/// How the trace of the boot before this one ended, as found when this one began. An auditor that reads
/// less than this knows that the end of that trace was removed.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize, Deserialize)]
pub struct Previous {
    /// The boot.
    pub boot: BootId,
    /// How many records its trace has.
    pub records: u64,
    /// The value of its hash chain after the last of them.
    pub chain: Sum,
}

/// Whose trace this is and what it was recorded with; at the head of each segment.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// The server.
    pub server: ServerId,
    /// The boot. The recorder chooses the ordinal.
    pub boot: BootId,
    /// The boot before it, if its trace is there. The recorder fills it in.
    pub previous: Option<Previous>,
    /// Version and revision of the server, for people.
    pub build: String,
    /// [`STEP_HASH`] of the server's build.
    pub step_hash: Sum,
    /// The servers that vote.
    pub voters: Vec<ServerId>,
    /// The servers that only learn.
    pub observers: Vec<ServerId>,
    /// Settings and circumstances that help to read the trace, by name.
    pub facts: Vec<(String, String)>,
    /// When the recorder began, in milliseconds since 1970. Advice: no order follows from it.
    pub began_unix_ms: u64,
}

impl Header {
    /// The fact that names the start of the machine: if two boots have the same, the machine was up in between, and no
    /// power loss came between what the trace and what the disk kept.
    pub const MACHINE_BOOT: &str = "machineBoot";

    /// A group of voters by number, as `zoo.cfg` has it: its servers, with colons between them. None if voters are
    /// counted by their heads.
    const GROUP: &str = "group.";
    /// The weight of a voter by its number, as `zoo.cfg` has it. 1 if there is none.
    const WEIGHT: &str = "weight.";

    /// The fact that says how roles come about, where no elections are recorded.
    pub const ELECTIONS: &str = "elections";
    /// The one thing that [`Self::ELECTIONS`] says: in a run of the model's agreement grain any server that
    /// looks may lead, and any other may follow it.
    pub const ELECTIONS_FREE: &str = "any server that looks may lead";

    /// The header of a server of `ensemble`. Ordinal, predecessor and time are the recorder's to fill in.
    pub fn new(server: ServerId, ensemble: &Ensemble, build: impl Into<String>, nonce: u64) -> Self {
        Self {
            server,
            boot: BootId {
                ordinal: 0,
                nonce: Sum::new(nonce),
            },
            previous: None,
            build: build.into(),
            step_hash: Sum::new(STEP_HASH),
            voters: ensemble.voters().to_vec(),
            observers: Vec::new(),
            facts: Vec::new(),
            began_unix_ms: 0,
        }
        .with_groups(ensemble)
    }

    fn with_groups(mut self, ensemble: &Ensemble) -> Self {
        for (number, group) in (1..).zip(ensemble.groups()) {
            let servers: Vec<_> = group.iter().map(|(server, _)| server.to_string()).collect();
            self = self.with(format!("{}{number}", Self::GROUP), servers.join(":"));
        }
        for (server, weight) in ensemble.groups().iter().flatten() {
            self = self.with(format!("{}{server}", Self::WEIGHT), weight.to_string());
        }
        self
    }

    /// The same header with one more fact.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.facts.push((name.into(), value.into()));
        self
    }

    /// The fact of this name.
    pub fn fact(&self, name: &str) -> Option<&str> {
        let fact = self.facts.iter().find(|(known, _)| known == name);
        fact.map(|(_, value)| value.as_str())
    }

    fn weight(&self, server: ServerId) -> u32 {
        let said = self.fact(&format!("{}{server}", Self::WEIGHT));
        said.and_then(|weight| weight.parse().ok()).unwrap_or(1)
    }

    /// The ensemble that the step functions were given.
    pub fn ensemble(&self) -> Ensemble {
        let groups = self
            .facts
            .iter()
            .filter(|(name, _)| name.starts_with(Self::GROUP));
        let group_of = |servers: &str| {
            let servers = servers
                .split(':')
                .filter_map(|server| server.parse().ok().map(ServerId::new));
            servers.map(|server| (server, self.weight(server))).collect()
        };
        let grouped = Ensemble::hierarchical(groups.map(|(_, servers)| group_of(servers)));
        if grouped.groups().is_empty() {
            Ensemble::majority(self.voters.iter().copied())
        } else {
            grouped
        }
    }
}

/// What the server found on its disk; the first record of a boot.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
pub struct Boot {
    /// What the core boots from.
    pub image: Image,
    /// The log's transactions above the image's floor.
    pub contents: Contents,
    /// ZooKeeper's digest of the tree as loaded from the snapshot, if it was computed.
    pub tree: Option<Sum>,
    /// Whether the server knows what it promised before.
    pub memory: Memory,
    /// How the data directory came to be as it is, where that is not simply the boot before.
    pub origin: Origin,
}

/// How a data directory came to be as it is, as far as the server can tell.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq, Serialize, Deserialize)]
pub enum Origin {
    /// It is what the last boot left.
    #[default]
    Continued,
    /// It was empty, and an operator's marker or a newborn ensemble allowed that.
    Newborn,
    /// It was empty or damaged, and nothing allowed that.
    Emptied,
    /// It was put there: restored from a backup, or brought from another server.
    Restored,
}

/// A connection's name, the same at both ends [ruling 8].
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
pub struct ConnName {
    /// The server that opened it.
    pub initiator: ServerId,
    /// The boot of that server, by its ordinal.
    pub boot: u32,
    /// The number of the connection within that boot.
    pub counter: u32,
}

/// Which end of a connection a server is.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize, Deserialize)]
pub enum Side {
    /// It opened the connection: the learner.
    Initiator,
    /// It accepted the connection: the leader.
    Acceptor,
}

/// A connection that stands.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct ConnUp {
    /// Its number here; never used twice in a boot. Learner and election connections are numbered apart.
    pub conn: Conn,
    /// Which end this server is.
    pub side: Side,
    /// The server at the other end, once it is known.
    pub peer: Option<ServerId>,
    /// Its name, once it is known.
    pub name: Option<ConnName>,
    /// This end's and the other end's address: mirrored, they pair the ends of a connection without a
    /// name, where no address is translated on the way.
    pub addresses: Option<(SocketAddr, SocketAddr)>,
}

/// Why a connection ended, as this end knows it.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize, Deserialize)]
pub enum Ended {
    /// The step function asked for it, or the server is stopping.
    ByThisEnd,
    /// The other end closed or reset it, or the network did.
    ByOtherEnd,
    /// Nothing came for longer than the limit.
    Silent,
    /// What came could not be decoded.
    Garbled,
    /// What was to be written found no room within the limit.
    Clogged,
    /// Another connection with the same peer took its place.
    Replaced,
}

/// A connection that ended.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize, Deserialize)]
pub struct ConnDown {
    /// Its number.
    pub conn: Conn,
    /// Why.
    pub why: Ended,
    /// How many of the protocol's messages were read from it: those of [`quorate_zab::Message`] on a
    /// learner connection, notifications on an election connection.
    pub read: u64,
    /// How many of them were handed to the kernel whole.
    pub written: u64,
}

/// A notification on an election connection, and the how-manieth it is in its direction, from 1.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize, Deserialize)]
pub struct ElectionFrame {
    /// The connection.
    pub conn: Conn,
    /// Its number in that direction.
    pub number: u64,
}

/// Periodic counts, all since the boot, so that a trace that was cut shows by how much.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq, Serialize, Deserialize)]
pub struct Mark {
    /// Records before this one.
    pub records: u64,
    /// Inputs of the server's step function.
    pub inputs: u64,
    /// Inputs of the election's.
    pub election_inputs: u64,
    /// Effects of both.
    pub effects: u64,
    /// The digest of the server's state after the last step that a record answers, if it was computed
    /// [`crate::digest_of_state`].
    pub state: Option<Sum>,
}

/// Between two rounds: every effect recorded so far is carried out, as far as that is this process's to do.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq, Serialize, Deserialize)]
pub struct Rest {
    /// What was handed to the log thread since the boot.
    pub log: Deeds,
    /// What was handed to the thread of the epoch files.
    pub epochs: Deeds,
    /// How many `sync`s of the server's own clients were answered.
    pub syncs: u64,
    /// Every learner connection that stands.
    pub links: Vec<LinkDeeds>,
}

/// What was handed to a learner connection since it stands.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize, Deserialize)]
pub struct LinkDeeds {
    /// The connection.
    pub conn: Conn,
    /// Messages, in the order in which they were encoded for it.
    pub sent: Deeds,
}

/// Segments that were removed to keep within the limit.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize, Deserialize)]
pub struct Dropped {
    /// The boot that they recorded, by its ordinal.
    pub ordinal: u32,
    /// The segment.
    pub segment: u32,
    /// Its bytes on disk.
    pub bytes: u64,
}

/// One record. Its number is its position in the boot's trace, from 0, without gaps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Record {
    /// What the disk held; always record 0.
    Boot(Box<Boot>),
    /// An input of `Server::step`, written before it is stepped.
    Input {
        /// The input.
        input: Input<Digest>,
        /// For [`Input::Message`]: the how-manieth message that the link read from this connection,
        /// from 1, numbered where it was decoded.
        number: Option<u64>,
    },
    /// The step of the oldest unanswered [`Record::Input`] had no effect.
    NoEffects,
    /// The step of the oldest unanswered [`Record::Input`] had these effects; written before any is
    /// carried out.
    Effects {
        /// How many.
        count: u32,
        /// Their digest [`crate::digest_of_effects`].
        sum: Sum,
    },
    /// An input of `Election::step`, written before it is stepped.
    ElectionInput {
        /// The input.
        input: ElectionInput,
        /// For a notification: where it was read.
        frame: Option<ElectionFrame>,
    },
    /// The step of the oldest unanswered [`Record::ElectionInput`] had these effects, perhaps none.
    ElectionEffects {
        /// How many.
        count: u32,
        /// Their digest [`crate::digest_of_election_effects`].
        sum: Sum,
    },
    /// The election's step after the oldest unanswered input had no effect.
    NoElectionEffects,
    /// A learner connection stands; before the input that tells the core.
    ConnUp(Box<ConnUp>),
    /// More is known about a learner connection: FOLLOWERINFO named it, or LEADERINFO echoed the name.
    ConnNamed {
        /// The connection.
        conn: Conn,
        /// The server at the other end.
        peer: ServerId,
        /// Its name; `None` if the other end does not name connections (a Java server).
        name: Option<ConnName>,
    },
    /// A learner connection ended; before the input that tells the core.
    ConnDown(ConnDown),
    /// An election connection stands.
    ElectionConnUp(Box<ConnUp>),
    /// The writer of an election connection took this from the newest-wins slot and is about to write
    /// it [ruling 18].
    ElectionSent {
        /// Where it is written.
        frame: ElectionFrame,
        /// What.
        notification: Notification,
        /// It is the last one again, because the connection is new.
        again: bool,
    },
    /// An election connection ended.
    ElectionConnDown(ConnDown),
    /// The log thread synced; before the [`Input::LogDurable`] that says so to the core.
    LogSynced {
        /// How many operations of the core's queue are durable by it.
        ops: u32,
        /// Where the log ends on disk, as the log thread knows it.
        end: Zxid,
        /// What the log thread counts to be in the log, if it does.
        contents: Option<Contents>,
    },
    /// The epoch files are durable; before the [`Input::EpochsDurable`] that says so.
    EpochsSynced {
        /// How many operations of the core's queue are durable by it.
        ops: u32,
        /// What acceptedEpoch says on disk.
        accepted: Option<Epoch>,
        /// What currentEpoch says on disk.
        current: Option<Epoch>,
    },
    /// An operation on the disk failed: the server does not go on from here.
    DiskFailed(String),
    /// The tree was made to hold everything up to `zxid`: by [`quorate_zab::Effect::Deliver`] or `Load`.
    Applied {
        /// The last transaction applied.
        zxid: Zxid,
        /// ZooKeeper's digest of the tree then. Equal on all servers at equal zxids.
        tree: Sum,
    },
    /// A snapshot of the tree became durable; not the one of an `Install`, which the log thread reports.
    SnapshotTaken {
        /// The last transaction that it certainly contains.
        zxid: Zxid,
        /// The digest of the tree at `zxid`, if it was computed.
        tree: Option<Sum>,
    },
    /// A client's request was prepared as a transaction; before its [`Input::Propose`].
    Prepared {
        /// The transaction.
        zxid: Zxid,
        /// The session.
        session: i64,
        /// The request's number in the session.
        cxid: i32,
        /// The transaction's type on the wire.
        op: i32,
    },
    /// A client was answered; before the answer is written.
    Replied {
        /// The session.
        session: i64,
        /// The request's number in the session.
        cxid: i32,
        /// The answer's zxid.
        zxid: Zxid,
        /// The answer's error code; 0 for none.
        error: i32,
    },
    /// Counts so far.
    Mark(Box<Mark>),
    /// The recorder could not write; this many records are missing here.
    Lost {
        /// How many.
        records: u64,
    },
    /// An old segment was removed.
    Dropped(Dropped),
    /// The server stopped in order; always the last record.
    End,
    /// What was carried out so far, where nothing is left to be done.
    Rest(Box<Rest>),
    /// As [`Record::Applied`], of a tree that may hold some of what comes behind `zxid`: it comes from a snapshot
    /// that was written while transactions were applied. Its digest is nobody else's, and is not told.
    AppliedAtLeast {
        /// The last transaction that it certainly holds.
        zxid: Zxid,
    },
}

/// The positions of the variants that are encoded in place, without a [`Record`] value.
pub(crate) mod tag {
    pub(crate) const INPUT: u32 = 1;
    pub(crate) const ELECTION_INPUT: u32 = 4;
}

impl Record {
    /// The record's kind in a word, as the JSON view and the summary have it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Boot(_) => "boot",
            Self::Input { .. } => "input",
            Self::NoEffects | Self::Effects { .. } => "effects",
            Self::ElectionInput { .. } => "election_input",
            Self::ElectionEffects { .. } | Self::NoElectionEffects => "election_effects",
            Self::ConnUp(_) => "conn_up",
            Self::ConnNamed { .. } => "conn_named",
            Self::ConnDown(_) => "conn_down",
            Self::ElectionConnUp(_) => "election_conn_up",
            Self::ElectionSent { .. } => "election_sent",
            Self::ElectionConnDown(_) => "election_conn_down",
            Self::LogSynced { .. } => "log_synced",
            Self::EpochsSynced { .. } => "epochs_synced",
            Self::DiskFailed(_) => "disk_failed",
            Self::Applied { .. } => "applied",
            Self::AppliedAtLeast { .. } => "applied_at_least",
            Self::SnapshotTaken { .. } => "snapshot_taken",
            Self::Prepared { .. } => "prepared",
            Self::Replied { .. } => "replied",
            Self::Mark(_) => "mark",
            Self::Lost { .. } => "lost",
            Self::Dropped(_) => "dropped",
            Self::End => "end",
            Self::Rest(_) => "rest",
        }
    }
}
