//! What was said on the links between learners and leaders, and what if some of it comes late or never?
//!
//! Each learner's configuration names, for every other server, a listener of the relay in place of
//! that server's quorum port. The relay passes packets on in order, remembers each one, and can hold a
//! link's direction from a chosen packet on: what lies behind it waits too, as on a real connection.
//! A held packet whose connection ends is lost, as if it had never left the sender's machine.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddrV4, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

mod packet;

pub use packet::PacketType;
use packet::{Cutter, Piece};

use crate::wait::wait_until;

/// Which way a packet goes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Direction {
    /// From the leader to its learner.
    ToLearner,
    /// From a learner to its leader.
    ToLeader,
}

/// A packet that came to the relay, passed on or not.
#[derive(Clone, Debug)]
pub struct Packet {
    /// Counts the connections that the relay took.
    pub connection: u64,
    /// The server that opened the connection.
    pub learner: u64,
    /// The server that it was opened to.
    pub leader: u64,
    /// Who said it to whom.
    pub direction: Direction,
    /// What it is.
    pub kind: PacketType,
    /// Its zxid field.
    pub zxid: i64,
    /// The first 256 bytes of its data.
    pub data: Vec<u8>,
}

impl Packet {
    /// Whether it is of this type and goes to a learner.
    pub fn is_to_learner(&self, kind: PacketType) -> bool {
        self.direction == Direction::ToLearner && self.kind == kind
    }

    /// Whether it is of this type and goes to a leader.
    pub fn is_to_leader(&self, kind: PacketType) -> bool {
        self.direction == Direction::ToLeader && self.kind == kind
    }
}

/// Names a rule that holds packets back.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Hold(u64);

type Rule = Box<dyn Fn(&Packet) -> bool + Send>;

/// How long the relay tries to reach a server that does not listen; a learner's own tries take as long.
const LISTENING_AFTER: Duration = Duration::from_millis(1500);

struct Connection {
    learner: u64,
    leader: u64,
    ends: [TcpStream; 2],
    /// Set when either end is gone or the test cut the connection.
    over: bool,
}

#[derive(Default)]
struct State {
    seen: Vec<Packet>,
    holds: BTreeMap<Hold, Rule>,
    /// For each hold, the first packet that it held back on each connection, in that order.
    caught: BTreeMap<Hold, Vec<Packet>>,
    /// Pairs between which no connection comes about.
    refused: Vec<(u64, u64)>,
    connections: BTreeMap<u64, Connection>,
    names: u64,
    closing: bool,
}

impl State {
    fn name(&mut self) -> u64 {
        self.names += 1;
        self.names
    }

    fn end(&mut self, connection: u64) {
        if let Some(connection) = self.connections.get_mut(&connection) {
            connection.over = true;
            for end in &connection.ends {
                let _ = end.shutdown(Shutdown::Both);
            }
        }
    }
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // A rule of a failing test may have panicked; the others still shut down in order.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// All relayed links of one ensemble.
pub struct Relay {
    shared: Arc<Shared>,
    listening: Vec<SocketAddrV4>,
}

impl fmt::Debug for Relay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Relay")
            .field("listening", &self.listening)
            .finish()
    }
}

impl Relay {
    /// Listens for each (learner, leader, here, there), and passes on to `there`.
    pub(crate) fn start(links: impl Iterator<Item = (u64, u64, SocketAddrV4, SocketAddrV4)>) -> Relay {
        let shared = Arc::new(Shared::default());
        let mut listening = Vec::new();
        for (learner, leader, here, there) in links {
            let listener = TcpListener::bind(here).unwrap_or_else(|why| panic!("relay at {here}: {why}"));
            let shared = shared.clone();
            thread::spawn(move || accept(&shared, &listener, learner, leader, there));
            listening.push(here);
        }
        Relay { shared, listening }
    }

    /// Holds back, on every link, each packet that fits `rule` and all behind it.
    pub fn hold(&self, rule: impl Fn(&Packet) -> bool + Send + 'static) -> Hold {
        let mut state = self.shared.lock();
        let hold = Hold(state.name());
        state.holds.insert(hold, Box::new(rule));
        hold
    }

    /// Holds back all that `learner` and `leader` say in this direction.
    pub fn silence(&self, learner: u64, leader: u64, direction: Direction) -> Hold {
        self.hold(move |packet| {
            packet.learner == learner && packet.leader == leader && packet.direction == direction
        })
    }

    /// Lets what was held go on.
    pub fn release(&self, hold: Hold) {
        self.shared.lock().holds.remove(&hold);
        self.shared.changed.notify_all();
    }

    /// Loses what was held, with the connections on which it was, and holds no more.
    pub fn lose(&self, hold: Hold) {
        let mut state = self.shared.lock();
        for packet in state.caught.remove(&hold).unwrap_or_default() {
            state.end(packet.connection);
        }
        state.holds.remove(&hold);
        drop(state);
        self.shared.changed.notify_all();
    }

    /// Waits until `hold` has held something back, and gives the first such packet.
    #[track_caller]
    pub fn wait_caught(&self, deadline: Duration, hold: Hold) -> Packet {
        self.wait(deadline, "the relay holds a packet back", |state| {
            state.caught.get(&hold)?.first().cloned()
        })
    }

    /// Breaks the connections between `learner` and `leader`; what is held on them is lost.
    pub fn cut(&self, learner: u64, leader: u64) {
        let mut state = self.shared.lock();
        let between = |connection: &Connection| connection.learner == learner && connection.leader == leader;
        let ends: Vec<u64> = state
            .connections
            .iter()
            .filter(|(_, connection)| between(connection))
            .map(|(name, _)| *name)
            .collect();
        for connection in ends {
            state.end(connection);
        }
        drop(state);
        self.shared.changed.notify_all();
    }

    /// Cuts, and lets no new connection come about until [`Relay::admit`].
    pub fn refuse(&self, learner: u64, leader: u64) {
        self.shared.lock().refused.push((learner, leader));
        self.cut(learner, leader);
    }

    /// Lets `learner` reach `leader` again.
    pub fn admit(&self, learner: u64, leader: u64) {
        self.shared
            .lock()
            .refused
            .retain(|pair| *pair != (learner, leader));
    }

    /// How many packets have come; what follows is new.
    pub fn mark(&self) -> usize {
        self.shared.lock().seen.len()
    }

    /// The packets since `mark` that fit `rule`, in the order in which they came.
    pub fn seen(&self, mark: usize, rule: impl Fn(&Packet) -> bool) -> Vec<Packet> {
        self.shared.lock().seen[mark..]
            .iter()
            .filter(|packet| rule(packet))
            .cloned()
            .collect()
    }

    /// Waits until a packet that fits `rule` has come since `mark`, and gives the first.
    #[track_caller]
    pub fn wait_seen(
        &self,
        deadline: Duration,
        what: &str,
        mark: usize,
        rule: impl Fn(&Packet) -> bool,
    ) -> Packet {
        self.wait(deadline, what, |state| {
            state.seen[mark..].iter().find(|packet| rule(packet)).cloned()
        })
    }

    #[track_caller]
    fn wait<T>(&self, deadline: Duration, what: &str, fact: impl Fn(&State) -> Option<T>) -> T {
        let start = Instant::now();
        let mut state = self.shared.lock();
        loop {
            if let Some(value) = fact(&state) {
                return value;
            }
            let left = deadline.checked_sub(start.elapsed());
            let left = left.unwrap_or_else(|| panic!("waited {deadline:?} in vain: {what}"));
            let waited = self.shared.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.closing = true;
        let names: Vec<u64> = state.connections.keys().copied().collect();
        for connection in names {
            state.end(connection);
        }
        drop(state);
        self.shared.changed.notify_all();
        for here in &self.listening {
            // Wakes the listener, which sees that the relay closes.
            let _ = TcpStream::connect(here);
        }
    }
}

fn accept(shared: &Arc<Shared>, listener: &TcpListener, learner: u64, leader: u64, there: SocketAddrV4) {
    for near in listener.incoming() {
        let state = shared.lock();
        if state.closing {
            return;
        }
        if let (Ok(near), false) = (near, state.refused.contains(&(learner, leader))) {
            let shared = shared.clone();
            thread::spawn(move || connect(&shared, near, learner, leader, there));
        }
    }
}

/// Connects what `learner` opened with the server behind. A learner is often elected a moment before its
/// leader listens; without the relay it would be refused and try again, so the relay tries for it.
fn connect(shared: &Arc<Shared>, near: TcpStream, learner: u64, leader: u64, there: SocketAddrV4) {
    let start = Instant::now();
    let far = wait_until(Duration::MAX, "the leader listens, or the relay gives up", || {
        let given_up = shared.lock().closing || start.elapsed() >= LISTENING_AFTER;
        TcpStream::connect(there)
            .ok()
            .map(Some)
            .or(given_up.then_some(None))
    });
    let Some(far) = far else {
        return;
    };
    let clones = [&near, &far].map(|end| {
        let _ = end.set_nodelay(true);
        (end.try_clone(), end.try_clone())
    });
    let [(Ok(near_in), Ok(near_end)), (Ok(far_in), Ok(far_end))] = clones else {
        return;
    };
    let mut state = shared.lock();
    let name = state.name();
    state.connections.insert(
        name,
        Connection {
            learner,
            leader,
            ends: [near_end, far_end],
            over: false,
        },
    );
    if state.closing || state.refused.contains(&(learner, leader)) {
        state.end(name);
    }
    drop(state);
    let link = |direction| Link {
        shared: shared.clone(),
        name,
        learner,
        leader,
        direction,
    };
    link(Direction::ToLeader).run(near_in, far);
    link(Direction::ToLearner).run(far_in, near);
}

/// One direction of one connection.
#[derive(Clone)]
struct Link {
    shared: Arc<Shared>,
    name: u64,
    learner: u64,
    leader: u64,
    direction: Direction,
}

type Item = (Option<Packet>, Vec<u8>);

impl Link {
    /// Reads in one thread and writes in another, so that packets behind a held one are seen as well.
    fn run(self, from: TcpStream, to: TcpStream) {
        let (items, queue) = channel();
        let reading = self.clone();
        thread::spawn(move || reading.read(from, &items));
        thread::spawn(move || self.write(to, &queue));
    }

    fn read(&self, mut from: TcpStream, items: &Sender<Item>) {
        let mut cutter = Cutter::default();
        let mut chunk = vec![0; 65536];
        while let Ok(length @ 1..) = from.read(&mut chunk) {
            cutter.feed(&chunk[..length]);
            loop {
                match cutter.cut() {
                    Ok(Some((piece, bytes))) => {
                        let _ = items.send((self.see(piece), bytes));
                    }
                    Ok(None) => break,
                    Err(why) => {
                        eprintln!("relay {} to {}: {why}; connection cut", self.learner, self.leader);
                        self.over();
                        return;
                    }
                }
            }
        }
        self.source_ended();
    }

    fn see(&self, piece: Piece) -> Option<Packet> {
        let Piece::Packet(kind, zxid, data) = piece else {
            return None;
        };
        let Link {
            name: connection,
            learner,
            leader,
            direction,
            ..
        } = *self;
        let packet = Packet {
            connection,
            learner,
            leader,
            direction,
            kind,
            zxid,
            data,
        };
        self.shared.lock().seen.push(packet.clone());
        self.shared.changed.notify_all();
        Some(packet)
    }

    fn write(&self, mut to: TcpStream, queue: &Receiver<Item>) {
        for (packet, bytes) in queue {
            if packet.is_some_and(|packet| !self.may_pass(&packet)) || to.write_all(&bytes).is_err() {
                break;
            }
        }
        self.over();
    }

    /// Waits while `packet` is held; false if its connection ended meanwhile.
    fn may_pass(&self, packet: &Packet) -> bool {
        let mut state = self.shared.lock();
        let mut was_held = false;
        loop {
            let over = state
                .connections
                .get(&self.name)
                .is_none_or(|connection| connection.over);
            if was_held && over {
                return false;
            }
            let Some(hold) = state
                .holds
                .iter()
                .find(|(_, rule)| rule(packet))
                .map(|(hold, _)| *hold)
            else {
                return true;
            };
            if over {
                return false;
            }
            was_held = true;
            let caught = state.caught.entry(hold).or_default();
            if caught.iter().all(|before| before.connection != self.name) {
                caught.push(packet.clone());
            }
            self.shared.changed.notify_all();
            state = self
                .shared
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// The sender is gone: what is held is lost, what is not still reaches the other end.
    fn source_ended(&self) {
        if let Some(connection) = self.shared.lock().connections.get_mut(&self.name) {
            connection.over = true;
        }
        self.shared.changed.notify_all();
    }

    fn over(&self) {
        self.shared.lock().end(self.name);
        self.shared.changed.notify_all();
    }
}
