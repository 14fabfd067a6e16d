//! What does a server of this grain hold? A tree, its watches, and connections with the turns of their requests.

use super::client::{Ask, Watches, id};
use super::history::History;
use crate::session_mutants::Wrong;
use quorate_tree::{Turns, WatchTable, WatcherId};
use std::collections::VecDeque;

/// A server.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(super) struct Server {
    /// What was applied to its tree.
    pub(super) applied: History,
    pub(super) watches: WatchTable,
    /// By session: at most one connection each.
    pub(super) conns: Vec<Option<Conn>>,
    /// Syncs on their way: session and connection.
    pub(super) syncs: VecDeque<(usize, u8)>,
}

/// A connection, as its server knows it.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(super) struct Conn {
    pub(super) number: u8,
    pub(super) phase: Phase,
    pub(super) turns: Turns<Pending, Wrong>,
    /// It was heard from since the last PING.
    pub(super) is_heard: bool,
    /// How many requests came that have a place in the order.
    pub(super) asked: u8,
    /// History: how many of them were answered.
    pub(super) answered: u8,
    /// History: which of them are writes, bit by number.
    pub(super) writes: u32,
    /// History: which of these this server has applied.
    pub(super) applied: u32,
    /// History: the zxid of the last reply, of whichever server, that the client has received or will.
    pub(super) shown: u64,
    /// History: the watches that are set, with what was so at that moment.
    pub(super) watches: Watches,
    /// A mutant's: a watch that is still to be set.
    pub(super) late: Option<super::client::Watch>,
}

/// How far a connection is.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(super) enum Phase {
    /// The leader was asked whether the session lives.
    Connecting,
    /// It is served.
    Open,
    /// It asked for the end of its session.
    Leaving,
}

/// What a server keeps of a request that waits.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(super) struct Pending {
    /// Its number on its connection.
    pub(super) number: u8,
    pub(super) ask: Ask,
}

impl Server {
    pub(super) fn new(applied: History, sessions: usize) -> Self {
        Self {
            applied,
            watches: WatchTable::new(),
            conns: vec![None; sessions],
            syncs: VecDeque::new(),
        }
    }

    /// Closes the session's connection, if it has one here.
    pub(super) fn disconnect(&mut self, session: usize) {
        if let Some(conn) = self.conns[session].take() {
            self.watches.remove_watcher(watcher(session, conn.number));
        }
    }

    /// That connection, unless it is gone.
    pub(super) fn conn(&mut self, session: usize, number: u8) -> Option<&mut Conn> {
        self.conns[session].as_mut().filter(|conn| conn.number == number)
    }
}

impl Conn {
    pub(super) fn new(number: u8, phase: Phase, shown: u64, rules: Wrong) -> Self {
        Self {
            number,
            phase,
            turns: Turns::with_rules(rules),
            is_heard: false,
            asked: 0,
            answered: 0,
            writes: 0,
            applied: 0,
            shown,
            watches: Watches::new(),
            late: None,
        }
    }
}

/// The number by which the watch table knows a connection.
pub(super) fn watcher(session: usize, conn: u8) -> WatcherId {
    id(session).cast_unsigned() << 8 | u64::from(conn)
}

/// The session behind that number.
pub(super) fn session_of(watcher: WatcherId) -> usize {
    (watcher >> 8) as usize - 1
}
