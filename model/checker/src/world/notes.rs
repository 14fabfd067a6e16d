//! What is worked out about a part of a world once, and kept with it.

use super::id;
use crate::ghost::Ghost;
use crate::intern::{Cell, Part, Recall, Renamed, Table};
use crate::link::{End, Link};
use crate::node::{Event, Frame, Happening, Node};
use crate::symmetry::{Numbers, Signature, Signatures};
use quorate_zab::{Conn, Input, Message};
use std::sync::OnceLock;

/// A node after a happening, and what came of it.
#[derive(Debug)]
pub(super) struct Stepped {
    pub(super) node: Cell<Node>,
    pub(super) events: Vec<Event>,
    /// For each connection what the node does to it, in order.
    pub(super) traffic: Vec<(Conn, Cell<Burst>)>,
}

/// What one step does to one connection: frames that are sent, and last perhaps its end.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub(crate) struct Burst {
    pub(super) frames: Vec<Frame>,
    pub(super) closes: bool,
}

/// What is worked out about a node once.
#[derive(Debug, Default)]
pub(crate) struct NodeNotes {
    pub(crate) renamed: Renamed<Node>,
    pub(crate) signature: Signature,
    pub(crate) renumbered: Recall<Numbers, Cell<Node>>,
    /// What comes of what happens to it.
    pub(super) steps: Recall<Cell<Happening>, &'static Stepped>,
}

/// What is worked out about a link once.
#[derive(Debug, Default)]
pub(crate) struct LinkNotes {
    pub(crate) renamed: Renamed<Link>,
    /// The link without the next frame to its learner, and without the next to its leader.
    pub(super) received: [OnceLock<Cell<Link>>; 2],
    /// That the next frame arrives at its learner, and at its leader.
    pub(super) arrivals: [OnceLock<Cell<Happening>>; 2],
    /// That its learner learns of its end, and its leader.
    pub(super) partings: [OnceLock<Cell<Happening>>; 2],
    /// The link whose learner's end is closed, and whose leader's; nothing if it is gone then.
    pub(super) closed: [OnceLock<Option<Cell<Link>>>; 2],
    /// The link after a burst of its learner, and of its leader; nothing if it is gone then.
    pub(super) sent: [Recall<Cell<Burst>, Option<Cell<Link>>>; 2],
    /// The link under another number at the leader.
    pub(crate) renumbered: Recall<Conn, Cell<Link>>,
    /// Where it stands among the links of a world, and whether the next frame to its learner, and to its
    /// leader, may be one whose arrival is quiet.
    pub(super) glimpse: OnceLock<(u64, [bool; 2])>,
}

impl LinkNotes {
    /// Links in order of learners, leaders and ends.
    pub(crate) fn order(&self, link: &Link) -> u64 {
        self.glimpse(link).0
    }

    pub(super) fn may_be_quiet(&self, link: &Link) -> [bool; 2] {
        self.glimpse(link).1
    }

    pub(super) fn glimpse(&self, link: &Link) -> (u64, [bool; 2]) {
        *self.glimpse.get_or_init(|| {
            let number = |conn: Option<Conn>| conn.map_or(0, |conn| u64::from(conn.get()) + 1);
            let parts = [
                link.learner.get(),
                link.leader.get(),
                number(link.learner_end),
                link.up.len() as u64,
                number(link.leader_end),
            ];
            let order = parts.iter().fold(0, |order, &part| {
                assert!(part < 1 << 12, "a world is small");
                order << 12 | part
            });
            let may_be_quiet = [End::Learner, End::Leader].map(|end| {
                let next = link.incoming(end).front();
                let is_kind = matches!(
                    next,
                    Some(Frame::Message(
                        Message::Diff { .. } | Message::Commit { .. } | Message::Ack { .. }
                    ))
                );
                is_kind && link.conn(end).is_some()
            });
            (order, may_be_quiet)
        })
    }
}

/// What is worked out about a history once.
#[derive(Debug, Default)]
pub(crate) struct GhostNotes {
    pub(crate) renamed: Renamed<Ghost>,
    pub(crate) signatures: Signatures,
}

impl Part for Node {
    type Notes = NodeNotes;
}

impl Part for Link {
    type Notes = LinkNotes;
}

impl Part for Ghost {
    type Notes = GhostNotes;
}

impl Part for Burst {
    type Notes = ();
}

impl Part for Happening {
    type Notes = ();
}

/// Happenings of which there is one for all.
#[derive(Debug)]
pub(super) struct Usual {
    pub(super) lead: Cell<Happening>,
    pub(super) log_done: Cell<Happening>,
    pub(super) epoch_done: Cell<Happening>,
    pub(super) limit: Cell<Happening>,
    pub(super) quorum: Cell<Happening>,
    pub(super) pings: Cell<Happening>,
    /// By the leader's place.
    pub(super) follow: Vec<Cell<Happening>>,
    /// By the number of the connection.
    pub(super) connected: Vec<Cell<Happening>>,
}

impl Usual {
    pub(super) fn new(happenings: &Table<Happening>, servers: usize) -> Self {
        let input = |input| happenings.intern(Happening::Input(input));
        Self {
            lead: input(Input::Lead),
            log_done: input(Input::LogDurable { ops: 1 }),
            epoch_done: input(Input::EpochsDurable { ops: 1 }),
            limit: input(Input::LimitPassed),
            quorum: input(Input::CheckQuorum),
            pings: input(Input::PingLearners),
            follow: (0..servers)
                .map(|i| input(Input::Follow { leader: id(i) }))
                .collect(),
            // More than a server has ends open at a time: two of each other's, and its own.
            connected: (0..2 * servers as u32)
                .map(|number| {
                    input(Input::Connected {
                        conn: Conn::new(number),
                    })
                })
                .collect(),
        }
    }
}
