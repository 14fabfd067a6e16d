//! In which order do the records of several servers happen?
//!
//! Each server's own order is kept, and a message is read after it was sent; nothing else orders them.
//! When no server can go on, the one that waits longest reads what nobody sent.

use crate::audit::{Audit, Fault, Order, Taken};
use crate::member::Wire;
use crate::report::{Check, Finding};
use quorate_trace::Record;
use quorate_zab::{ElectionInput, Input, Rules};

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
                let until = order.get(place + 1).map_or(u64::MAX, |&next| self.members[next].time());
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
        let mut waiting: Vec<usize> = order.to_vec();
        waiting.sort_by_key(|&i| self.members[i].time());
        for &i in &waiting {
            if self.gives_up_waiting(i) {
                return Ok(());
            }
        }
        // A circle: the earliest reads what is sent only because it was read, or never.
        let Some(&i) = waiting.first() else {
            return Ok(());
        };
        let Some(entry) = self.members[i].head.take() else {
            return Ok(());
        };
        let step = entry.seq;
        self.members[i].remember(entry);
        let others: Vec<_> = waiting[1..]
            .iter()
            .map(|&other| self.members[other].me.to_string())
            .collect();
        Err(self.finding(
            i,
            step,
            Fault::new(
                Check::Channels,
                format!(
                    "a message is read before it is sent (servers that wait as well: {})",
                    if others.is_empty() { "none".to_string() } else { others.join(" ") }
                ),
            ),
        ))
    }

    /// Whether what member `i` waits for may have been said where nobody recorded it: then it is believed.
    fn gives_up_waiting(&mut self, i: usize) -> bool {
        let Some(entry) = &self.members[i].head else {
            return false;
        };
        match &entry.record {
            Record::ElectionInput {
                input: ElectionInput::Notification { from, .. },
                frame: Some(frame),
            } => {
                let (conn, from) = (frame.conn, *from);
                let Some(link) = self.members[i].election_links.get(&conn) else {
                    return false;
                };
                let (end, pipe) = (link.end(), link.pipe);
                let unseen = pipe.is_some_and(|at| {
                    matches!(
                        self.election_channels.pipe(at).next(end),
                        crate::channel::Next::NotYet { seen: false }
                    )
                });
                if unseen {
                    let me = self.members[i].me;
                    self.notes.push(format!(
                        "an election connection of servers {me} and {from} was seen from one end only"
                    ));
                    self.stop_pairing(i, conn);
                }
                unseen
            }
            Record::Input {
                input: Input::Message { conn, .. },
                ..
            } => {
                let conn = *conn;
                let Some(link) = self.members[i].links.get(&conn) else {
                    return false;
                };
                let (Wire::Channel(at), end, Some(peer)) = (link.wire, link.end(), link.peer) else {
                    return false;
                };
                let Some(sender) = self.member_of(peer) else {
                    return false;
                };
                let unseen = matches!(
                    self.channels.pipe(at).next(end),
                    crate::channel::Next::NotYet { seen: false }
                );
                let (gap, ended) = (self.members[sender].gap, self.members[sender].ended);
                let cut = self.members[sender].before != Some(crate::channel::Tail::Whole);
                if unseen && (gap || ended && cut) {
                    self.lose_sight_of(i, conn, !gap);
                    return true;
                }
                false
            }
            _ => false,
        }
    }
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
