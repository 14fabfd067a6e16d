//! What may a connection do? Deliver in order, or end; each end learns of that on its own, or never.

use crate::node::Frame;
use quorate_zab::{Conn, ServerId};
use std::collections::VecDeque;

/// A connection from a learner to its leader.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Link {
    /// Who opened it.
    pub learner: ServerId,
    /// Who accepted it.
    pub leader: ServerId,
    /// The learner's number for it, until the learner's end is closed.
    pub learner_end: Option<Conn>,
    /// The leader's number for it, until the leader's end is closed.
    pub leader_end: Option<Conn>,
    /// On the way to the leader.
    pub up: VecDeque<Frame>,
    /// On the way to the learner.
    pub down: VecDeque<Frame>,
}

/// An end of a link.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum End {
    /// The one that opened it.
    Learner,
    /// The one that accepted it.
    Leader,
}

impl Link {
    /// Who is at this end.
    pub fn server(&self, end: End) -> ServerId {
        match end {
            End::Learner => self.learner,
            End::Leader => self.leader,
        }
    }

    /// The number of the connection at this end, while it is open.
    pub fn conn(&self, end: End) -> Option<Conn> {
        match end {
            End::Learner => self.learner_end,
            End::Leader => self.leader_end,
        }
    }

    /// The end at which `server` knows the connection as `conn`.
    pub fn end_of(&self, server: ServerId, conn: Conn) -> Option<End> {
        [End::Learner, End::Leader]
            .into_iter()
            .find(|&end| self.server(end) == server && self.conn(end) == Some(conn))
    }

    /// What is on the way to this end.
    pub fn incoming(&self, end: End) -> &VecDeque<Frame> {
        match end {
            End::Learner => &self.down,
            End::Leader => &self.up,
        }
    }

    /// Takes the next frame that arrives at this end.
    pub fn receive(&mut self, end: End) -> Option<Frame> {
        match end {
            End::Learner => self.down.pop_front(),
            End::Leader => self.up.pop_front(),
        }
    }

    /// Sends from this end. What is sent to an end that is closed is gone.
    pub fn send(&mut self, end: End, frame: Frame) {
        match end {
            End::Learner if self.leader_end.is_some() => self.up.push_back(frame),
            End::Leader if self.learner_end.is_some() => self.down.push_back(frame),
            _ => {}
        }
    }

    /// Closes this end. What was on the way to it is gone; what it sent may still arrive.
    pub fn close(&mut self, end: End) {
        match end {
            End::Learner => {
                self.learner_end = None;
                self.down.clear();
            }
            End::Leader => {
                self.leader_end = None;
                self.up.clear();
            }
        }
    }

    /// Whether nobody knows it any more.
    pub fn is_gone(&self) -> bool {
        self.learner_end.is_none() && self.leader_end.is_none()
    }

    /// The other end.
    pub fn other(end: End) -> End {
        match end {
            End::Learner => End::Leader,
            End::Leader => End::Learner,
        }
    }
}
