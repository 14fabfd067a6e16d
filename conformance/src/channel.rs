//! Who said what on which learner connection? Both ends of it, by its name, and what is on the way.
//!
//! A learner connection delivers in order, or it ends; each end learns of the end on its own. So what one
//! end receives is a prefix of what the other sent, message by message.

use quorate_checker::Frame;
use quorate_trace::ConnName;
use std::collections::{HashMap, VecDeque};

/// An end of a connection, and the direction that leads away from it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum End {
    /// The learner's, which opened it.
    Learner,
    /// The leader's.
    Leader,
}

impl End {
    pub(crate) const fn other(self) -> Self {
        match self {
            Self::Learner => Self::Leader,
            Self::Leader => Self::Learner,
        }
    }

    const fn index(self) -> usize {
        match self {
            Self::Learner => 0,
            Self::Leader => 1,
        }
    }
}

/// Whether all that an end sent was seen, once it sends no more.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Tail {
    /// All of it.
    Whole,
    /// Not all: why is known and said in the report.
    Open,
    /// Perhaps not: the trace may have been cut.
    Unknown,
}

/// What is known of an end.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    /// No record of it was met.
    Unseen,
    /// It stands.
    Up,
    /// It sends and reads no more.
    Over(Tail),
}

/// What can be said of the next message that an end reads.
#[derive(Debug)]
pub(crate) enum Next {
    /// It was sent.
    Here,
    /// It may still be sent: read on elsewhere. Whether the other end was seen at all.
    NotYet {
        /// A record of the other end was met.
        seen: bool,
    },
    /// It was not sent.
    Never,
    /// The sender's trace may have been cut before it.
    Unknown,
    /// The sender is open.
    Open,
}

/// A connection between two ends, which may have recorded it each on its own, and what is on the way.
#[derive(Debug)]
pub(crate) struct Pipe<T> {
    ends: [State; 2],
    /// On the way from the learner, and from the leader.
    lanes: [VecDeque<T>; 2],
}

impl<T> Pipe<T> {
    pub(crate) fn new() -> Self {
        Self {
            ends: [State::Unseen; 2],
            lanes: [VecDeque::new(), VecDeque::new()],
        }
    }

    /// `end` stands; `false` if it stood before.
    pub(crate) fn attach(&mut self, end: End) -> bool {
        let state = &mut self.ends[end.index()];
        let first = *state == State::Unseen;
        if first {
            *state = State::Up;
        }
        first
    }

    /// Sends from `end`. What is sent to an end that reads no more is gone.
    pub(crate) fn send(&mut self, end: End, message: T) {
        if !matches!(self.ends[end.other().index()], State::Over(_)) {
            self.lanes[end.index()].push_back(message);
        }
    }

    /// What is next for `end` to read.
    pub(crate) fn next(&self, end: End) -> Next {
        let sender = end.other();
        if !self.lanes[sender.index()].is_empty() {
            return Next::Here;
        }
        match self.ends[sender.index()] {
            State::Unseen => Next::NotYet { seen: false },
            State::Up => Next::NotYet { seen: true },
            State::Over(Tail::Whole) => Next::Never,
            State::Over(Tail::Unknown) => Next::Unknown,
            State::Over(Tail::Open) => Next::Open,
        }
    }

    /// Reads at `end`.
    pub(crate) fn read(&mut self, end: End) -> Option<T> {
        self.lanes[end.other().index()].pop_front()
    }

    /// `end` reads and sends no more.
    pub(crate) fn close(&mut self, end: End, tail: Tail) {
        if !matches!(self.ends[end.index()], State::Over(_)) {
            self.ends[end.index()] = State::Over(tail);
            self.lanes[end.other().index()] = VecDeque::new();
        }
    }
}

/// All learner connections.
#[derive(Debug, Default)]
pub(crate) struct Channels {
    pipes: Vec<(ConnName, Pipe<Frame>)>,
    by_name: HashMap<ConnName, usize, foldhash::fast::RandomState>,
}

impl Channels {
    /// The connection of that name, of which `end` now stands; `None` if that end stood before.
    pub(crate) fn attach(&mut self, name: ConnName, end: End) -> Option<usize> {
        let at = *self.by_name.entry(name).or_insert_with(|| {
            self.pipes.push((name, Pipe::new()));
            self.pipes.len() - 1
        });
        self.pipes[at].1.attach(end).then_some(at)
    }

    /// What the connection is called.
    pub(crate) fn name(&self, at: usize) -> ConnName {
        self.pipes[at].0
    }

    /// The connection.
    pub(crate) fn pipe(&mut self, at: usize) -> &mut Pipe<Frame> {
        &mut self.pipes[at].1
    }
}
