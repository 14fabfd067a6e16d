//! Who said what on which election connection? [design ruling 18]
//!
//! Of what an election asks to be told to a peer, the newest alone counts: what a connection carries is a
//! subsequence of what was asked, and perhaps the last one again. What is heard is a prefix of what it
//! carried. These connections have no names; mirrored addresses pair their ends, where they are known.

use crate::channel::{End, Pipe};
use quorate_zab::{Notification, ServerId};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::net::SocketAddr;

/// Notifications asked for and not yet seen on a connection that are remembered per peer.
const ASKED_MAX: usize = 4096;

/// What a server asked to be told to its peers.
#[derive(Debug, Default)]
pub(crate) struct Slots {
    peers: BTreeMap<ServerId, Asked>,
}

#[derive(Debug, Default)]
struct Asked {
    waiting: VecDeque<Notification>,
    last: Option<Notification>,
}

impl Slots {
    pub(crate) fn ask(&mut self, to: ServerId, notification: Notification) {
        let asked = self.peers.entry(to).or_default();
        asked.waiting.push_back(notification);
        if asked.waiting.len() > ASKED_MAX {
            asked.waiting.pop_front();
        }
    }

    /// Whether a connection to `to` may carry it now.
    pub(crate) fn take(&mut self, to: ServerId, notification: Notification, again: bool) -> bool {
        let asked = self.peers.entry(to).or_default();
        if again && asked.last == Some(notification) {
            return true;
        }
        while let Some(waiting) = asked.waiting.pop_front() {
            if waiting == notification {
                asked.last = Some(notification);
                return true;
            }
        }
        false
    }
}

/// All election connections whose ends say their addresses.
#[derive(Debug, Default)]
pub(crate) struct ElectionChannels {
    pipes: Vec<Pipe<Notification>>,
    /// The newest with these addresses, the initiator's first.
    by_addresses: HashMap<(SocketAddr, SocketAddr), usize, foldhash::fast::RandomState>,
}

impl ElectionChannels {
    /// The connection of which `end` now stands ([`End::Learner`] opened it).
    pub(crate) fn attach(&mut self, own: SocketAddr, other: SocketAddr, end: End) -> usize {
        let key = match end {
            End::Learner => (own, other),
            End::Leader => (other, own),
        };
        if let Some(&at) = self.by_addresses.get(&key)
            && self.pipes[at].attach(end)
        {
            return at;
        }
        let mut pipe = Pipe::new();
        pipe.attach(end);
        self.pipes.push(pipe);
        self.by_addresses.insert(key, self.pipes.len() - 1);
        self.pipes.len() - 1
    }

    /// The connection.
    pub(crate) fn pipe(&mut self, at: usize) -> &mut Pipe<Notification> {
        &mut self.pipes[at]
    }
}
