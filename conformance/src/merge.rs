//! In which order do the records of several servers happen?
//!
//! Each server's own order is kept, and a message is read after it was sent; nothing else orders them.
//! When no server can go on, the one that waits longest reads what nobody sent.

use crate::audit::{Audit, Fault, Order, Taken};
use crate::channel::{Next, Tail};
use crate::member::{Link, Wire};
use crate::report::{Check, Finding};
use quorate_checker::{Frame, Happening, Out, Txn};
use quorate_trace::Record;
use quorate_zab::{Conn, ElectionInput, Input, Message, Notification, Rules, ServerId};

/// Records that one server takes before the others are looked at.
const BURST: usize = 64;
/// Records between two reports of progress.
const PROGRESS_EVERY: u64 = 1 << 14;

impl<R: Rules> Audit<R> {
    /// Takes all records, until something is wrong.
    pub(crate) fn run(&mut self, progress: &mut dyn FnMut(u64)) -> Result<(), Box<Finding>> {
        let mut chance = match self.options.order {
            Order::ByTime => None,
            Order::ByChance(seed) => Some(Chance(seed)),
        };
        // What the disks held at first was there before anything happened.
        for i in 0..self.members.len() {
            self.load(i);
            if self.head_is_boot(i) {
                self.take(i)?;
                self.load(i);
            }
        }
        let mut told = 0;
        let mut order: Vec<usize> = Vec::new();
        loop {
            order.clear();
            order.extend((0..self.members.len()).filter(|&i| !self.members[i].ended));
            if order.is_empty() {
                return Ok(());
            }
            match &mut chance {
                None => order.sort_by_key(|&i| self.members[i].time()),
                Some(chance) => chance.shuffle(&mut order),
            }
            let mut went = false;
            for (place, &i) in order.iter().enumerate() {
                let until = order
                    .get(place + 1)
                    .map_or(u64::MAX, |&next| self.members[next].time());
                let burst = if chance.is_some() { 1 } else { BURST };
                if self.go(i, burst, until)? {
                    went = true;
                    break;
                }
            }
            if !went {
                self.unblock(&order)?;
            }
            if self.events - told >= PROGRESS_EVERY {
                told = self.events;
                progress(told);
            }
        }
    }

    /// Takes records of member `i`: at most `burst`, and none after `until` but the first. Whether there was
    /// any.
    fn go(&mut self, i: usize, burst: usize, until: u64) -> Result<bool, Box<Finding>> {
        for done in 0..burst {
            if done > 0 && self.members[i].time() > until {
                return Ok(true);
            }
            if self.take(i)? == Taken::NotYet {
                return Ok(done > 0);
            }
            self.load(i);
            if self.members[i].ended {
                return Ok(true);
            }
        }
        Ok(true)
    }

    fn head_is_boot(&self, i: usize) -> bool {
        matches!(&self.members[i].head, Some(entry) if matches!(entry.record, Record::Boot(_)))
    }

    /// Reads the next record of member `i`, of this boot or a later one.
    fn load(&mut self, i: usize) {
        loop {
            if self.members[i].records.is_none() && !self.begin_boot(i) {
                return;
            }
            let member = &mut self.members[i];
            match member.records.as_mut().and_then(Iterator::next) {
                Some(Ok(entry)) => {
                    member.head = Some(entry);
                    return;
                }
                Some(Err(fault)) => {
                    let from = member.taken;
                    self.go_blind(i, from, fault.to_string());
                    self.end_boot(i);
                }
                None => self.end_boot(i),
            }
        }
    }

    /// No server can go on: someone waits for what will not come.
    fn unblock(&mut self, order: &[usize]) -> Result<(), Box<Finding>> {
        let mut waiting: Vec<(usize, Awaited)> = order
            .iter()
            .filter_map(|&i| Some((i, self.awaited(i)?)))
            .collect();
        waiting.sort_by_key(|(i, _)| self.members[*i].time());
        for (i, awaited) in &waiting {
            if self.gives_up_waiting(*i, awaited) {
                return Ok(());
            }
        }
        // A circle: someone read what the others sent only later, because of it, or never.
        let culprit = waiting
            .iter()
            .position(|(i, awaited)| !self.comes_later(*i, awaited));
        let Some(&(i, _)) = waiting.get(culprit.unwrap_or(0)) else {
            return Ok(());
        };
        let Some(entry) = self.members[i].head.take() else {
            return Ok(());
        };
        let step = entry.seq;
        self.members[i].remember(entry);
        let what = match culprit {
            Some(_) => "a message is read that is never sent",
            None => "a message is read before it is sent: the servers wait for each other in a circle",
        };
        Err(self.finding(i, step, Fault::new(Check::Channels, what)))
    }

    /// What member `i` waits for, if it waits.
    fn awaited(&self, i: usize) -> Option<Awaited> {
        let member = &self.members[i];
        match &member.head.as_ref()?.record {
            Record::ElectionInput {
                input: ElectionInput::Notification { from, notification },
                frame: Some(frame),
            } => Some(Awaited::Notification {
                from: *from,
                conn: frame.conn,
                notification: *notification,
            }),
            Record::Input {
                input: Input::Message { conn, message },
                ..
            } => {
                let link = member.links.get(conn)?;
                match (link.wire, link.peer) {
                    (Wire::Channel(at), Some(peer)) => Some(Awaited::Message {
                        from: peer,
                        conn: *conn,
                        at,
                        message: message.clone().map(|_| ()),
                    }),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// Whether what member `i` waits for may have been said where nobody recorded it: then it is believed.
    fn gives_up_waiting(&mut self, i: usize, awaited: &Awaited) -> bool {
        let from = match awaited {
            Awaited::Message { from, .. } | Awaited::Notification { from, .. } => *from,
        };
        let Some(sender) = self.member_of(from) else {
            return false;
        };
        let (gap, ended) = (self.members[sender].gap, self.members[sender].ended);
        let cut = ended && self.members[sender].before != Some(Tail::Whole);
        match *awaited {
            Awaited::Message { conn, at, .. } => {
                let Some(end) = self.members[i].links.get(&conn).map(Link::end) else {
                    return false;
                };
                let unseen = matches!(self.channels.pipe(at).next(end), Next::NotYet { seen: false });
                if unseen && (gap || cut) {
                    self.lose_sight_of(i, conn, !gap);
                    return true;
                }
                false
            }
            Awaited::Notification { conn, .. } => {
                let Some(link) = self.members[i].election_links.get(&conn) else {
                    return false;
                };
                let (end, pipe) = (link.end(), link.pipe.filter(|_| !link.believed));
                let unseen = pipe.is_some_and(|at| {
                    matches!(
                        self.election_channels.pipe(at).next(end),
                        Next::NotYet { seen: false }
                    )
                });
                // Addresses that are translated on the way pair nothing: by the clocks the other end should
                // have been seen.
                let late = self.members[sender].time() > self.members[i].time();
                if unseen && (gap || ended || late) {
                    let (one, other) = (self.members[i].me.min(from), self.members[i].me.max(from));
                    self.note(format!(
                        "an election connection of servers {one} and {other} was seen from one end only"
                    ));
                    self.stop_pairing(i, conn, cut && !gap);
                    return true;
                }
                false
            }
        }
    }

    /// Whether the sender, by its own trace, goes on to say what member `i` waits for. Its trace is replayed
    /// alone for that, all that it reads believed.
    fn comes_later(&self, i: usize, awaited: &Awaited) -> bool {
        let from = match awaited {
            Awaited::Message { from, .. } | Awaited::Notification { from, .. } => *from,
        };
        let Some(sender) = self.member_of(from).map(|at| &self.members[at]) else {
            return true;
        };
        let (Some(trace), Some(mut node)) = (&sender.trace, sender.node.clone()) else {
            return true;
        };
        let me = self.members[i].me;
        let mut conn = match awaited {
            Awaited::Message { at, .. } => {
                let mut links = sender.links.iter();
                links
                    .find(|(_, link)| link.wire == Wire::Channel(*at))
                    .map(|(conn, _)| *conn)
            }
            Awaited::Notification { .. } => None,
        };
        let mut out = Vec::new();
        let present = trace
            .records()
            .filter_map(Result::ok)
            .skip_while(|entry| entry.seq < sender.taken);
        let later = sender
            .boots
            .iter()
            .flat_map(|boot| boot.records().filter_map(Result::ok));
        let mut boots = 0;
        for entry in present.chain(later) {
            if let Record::Boot(_) = entry.record {
                boots += 1;
                conn = None;
            }
            match (entry.record, awaited) {
                (
                    Record::ElectionSent { notification, .. },
                    Awaited::Notification {
                        notification: heard, ..
                    },
                ) if notification == *heard => return true,
                (Record::ConnUp(up), Awaited::Message { at, .. })
                    if up.name == Some(self.channels.name(*at)) =>
                {
                    conn = Some(up.conn);
                }
                (
                    Record::ConnNamed {
                        conn: named,
                        name,
                        peer,
                    },
                    Awaited::Message { at, .. },
                ) if name == Some(self.channels.name(*at)) && peer == me => {
                    conn = Some(named);
                }
                // What a later boot says is not replayed for this: it may be it.
                (Record::Input { .. }, Awaited::Message { .. }) if boots > 0 => match conn {
                    Some(_) => return true,
                    None => continue,
                },
                (Record::Input { input, .. }, Awaited::Message { message, .. }) => {
                    let happening = match input.map(|digest| digest.sum.get()) {
                        Input::Message { conn, message } => Happening::Frame {
                            conn,
                            frame: match message {
                                Message::Snap { zxid } => Frame::Snapshot(Txn { zxid, value: 0 }),
                                message => Frame::Message(message),
                            },
                        },
                        input => Happening::Input(input),
                    };
                    node.step(self.configuration(), self.rules(), happening, &mut out);
                    let next = out.drain(..).find_map(|out| match out {
                        Out::Frame { conn: on, frame } if Some(on) == conn => Some(frame),
                        _ => None,
                    });
                    if let Some(next) = next {
                        let next = match next {
                            Frame::Message(message) => Some(message.map(|_| ())),
                            Frame::Snapshot(last) | Frame::SnapshotOf(last, _) => {
                                Some(Message::Snap { zxid: last.zxid })
                            }
                            Frame::SyncRequest => None,
                        };
                        return next.as_ref() == Some(message);
                    }
                }
                _ => {}
            }
        }
        false
    }
}

/// What a server that cannot go on waits for.
#[derive(Debug)]
enum Awaited {
    /// The next message on its connection `conn`, the channel `at`.
    Message {
        from: ServerId,
        conn: Conn,
        at: usize,
        /// What it says, whatever the contents.
        message: Message<()>,
    },
    /// A notification.
    Notification {
        from: ServerId,
        conn: Conn,
        notification: Notification,
    },
}

/// A stream of numbers that look random and are the same for the same seed (SplitMix64).
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn shuffle(&mut self, order: &mut [usize]) {
        for last in (1..order.len()).rev() {
            let at = (self.next() % (last as u64 + 1)) as usize;
            order.swap(last, at);
        }
    }
}
