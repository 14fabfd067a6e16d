//! By what does a trace name contents that it does not hold? By 64-bit digests and lengths.
//!
//! The hash is XXH64, published and the same on every machine, so that other tools can recompute what a
//! trace says. It guards against accidents, not against forgers.

use quorate_zab::{Effect, ElectionEffect, Epoch, Message, Zxid};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

#[cfg(test)]
mod tests;

/// A 64-bit digest: 8 bytes in a record, a string of hexadecimal digits in the JSON view.
#[derive(Clone, Copy, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Sum(u64);

impl Sum {
    /// The digest with these bits.
    pub const fn new(bits: u64) -> Self {
        Self(bits)
    }
    /// Its bits.
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Debug for Sum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Display for Sum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl Serialize for Sum {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            self.0.to_le_bytes().serialize(serializer)
        }
    }
}

impl<'de> Deserialize<'de> for Sum {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            let digits = String::deserialize(deserializer)?;
            u64::from_str_radix(&digits, 16)
                .map(Self)
                .map_err(D::Error::custom)
        } else {
            <[u8; 8]>::deserialize(deserializer).map(|bytes| Self(u64::from_le_bytes(bytes)))
        }
    }
}

/// What a trace keeps of a proposal: the digest and the length of its bytes.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
pub struct Digest {
    /// XXH64 of the bytes, seed 0.
    pub sum: Sum,
    /// How many bytes.
    pub bytes: u32,
}

impl Digest {
    /// The digest of a proposal's bytes, as they travel in the PROPOSAL packet's data.
    pub fn of(bytes: &[u8]) -> Self {
        Self {
            sum: Sum(hash64(bytes, 0)),
            bytes: u32::try_from(bytes.len()).unwrap_or(u32::MAX),
        }
    }
}

/// A payload that can stand in a recorded input.
///
/// Its `Serialize` must write exactly what its [`Digest`] would: a server's payload keeps the digest
/// beside its bytes and hands `serialize` on to it. So inputs and effects are recorded in place,
/// without a copy, and no proposal's bytes get into a trace.
pub trait Witnessed: Serialize {}

impl Witnessed for Digest {}

/// A digest of log contents that does not depend on where one started: the sum over transactions.
///
/// Subtracting the sum at a floor from the sum at an end gives the digest of what lies between, so the
/// contents of two disks can be compared although their floors differ.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq, Serialize, Deserialize)]
pub struct Contents {
    /// How many transactions.
    pub transactions: u64,
    /// The wrapping sum of [`Contents::weight`] over them.
    pub sum: Sum,
}

impl Contents {
    /// What one transaction adds to the sum.
    pub fn weight(zxid: Zxid, payload: Digest) -> u64 {
        let mut bytes = [0; 20];
        bytes[..8].copy_from_slice(&zxid.bits().to_le_bytes());
        bytes[8..16].copy_from_slice(&payload.sum.0.to_le_bytes());
        bytes[16..].copy_from_slice(&payload.bytes.to_le_bytes());
        hash64(&bytes, 0)
    }

    /// Takes in the transaction at `zxid`.
    pub fn add(&mut self, zxid: Zxid, payload: Digest) {
        self.transactions += 1;
        self.sum = Sum(self.sum.0.wrapping_add(Self::weight(zxid, payload)));
    }

    /// Takes out a transaction that was added: it was cut from the log, or lies below the floor.
    pub fn remove(&mut self, zxid: Zxid, payload: Digest) {
        self.transactions = self.transactions.saturating_sub(1);
        self.sum = Sum(self.sum.0.wrapping_sub(Self::weight(zxid, payload)));
    }
}

/// What was carried out in one place, in order: how many deeds, and a digest that changes if one is lost, repeated or
/// out of its order.
///
/// A few nanoseconds for each, so that it can be kept where every message and every operation passes. Contents are
/// the other digests' affair: of a message its kind and numbers count.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq, Serialize, Deserialize)]
pub struct Deeds {
    /// How many.
    pub count: u64,
    /// For each deed three rounds of XXH64: kind and two numbers.
    pub sum: Sum,
}

impl Deeds {
    fn add(&mut self, kind: u64, one: u64, other: u64) {
        self.count += 1;
        self.sum = Sum([kind, one, other].into_iter().fold(self.sum.0, round));
    }

    /// A message was handed to a connection.
    pub fn message<P>(&mut self, message: &Message<P>) {
        let number = |epoch: Epoch| u64::from(epoch.get());
        match message {
            Message::FollowerInfo { server, accepted } => self.add(1, server.get(), number(*accepted)),
            Message::LeaderInfo { epoch } => self.add(2, number(*epoch), 0),
            Message::AckEpoch { current, last } => {
                self.add(3, current.map_or(u64::MAX, number), last.bits());
            }
            Message::Diff { zxid } => self.add(4, zxid.bits(), 0),
            Message::Trunc { zxid } => self.add(5, zxid.bits(), 0),
            Message::Snap { zxid } => self.add(6, zxid.bits(), 0),
            Message::Proposal { zxid, .. } => self.add(7, zxid.bits(), 0),
            Message::Commit { zxid } => self.add(8, zxid.bits(), 0),
            Message::NewLeader { epoch } => self.add(9, number(*epoch), 0),
            Message::UpToDate => self.add(10, 0, 0),
            Message::Ack { zxid } => self.add(11, zxid.bits(), 0),
            Message::Ping { zxid } => self.add(12, zxid.bits(), 0),
            Message::Sync => self.add(13, 0, 0),
            Message::ObserverInfo { server, accepted } => self.add(22, server.get(), number(*accepted)),
            Message::Inform { zxid, .. } => self.add(23, zxid.bits(), 0),
        }
    }

    /// The acknowledgements of `first` to `last`, which are of one epoch, were.
    pub fn acks(&mut self, first: Zxid, last: Zxid) {
        for counter in first.counter()..=last.counter() {
            let zxid = Zxid::new(first.epoch(), counter);
            self.message(&Message::<()>::Ack { zxid });
        }
    }

    /// The log after `after` up to `upto` was: one deed, however many messages.
    pub fn replay(&mut self, after: Zxid, upto: Zxid, committed: bool) {
        self.add(if committed { 15 } else { 14 }, after.bits(), upto.bits());
    }

    /// So was what an observer is informed of.
    pub fn inform(&mut self, after: Zxid, upto: Zxid) {
        self.add(21, after.bits(), upto.bits());
    }

    /// An append was handed to the log.
    pub fn append(&mut self, zxid: Zxid, payload: Digest) {
        self.add(16, zxid.bits(), payload.sum.0);
    }

    /// A truncation was.
    pub fn truncate(&mut self, to: Zxid) {
        self.add(17, to.bits(), 0);
    }

    /// The installation of a snapshot was.
    pub fn install(&mut self, zxid: Zxid) {
        self.add(18, zxid.bits(), 0);
    }

    /// A write of acceptedEpoch was asked for.
    pub fn accepted(&mut self, epoch: Epoch) {
        self.add(19, epoch.get().into(), 0);
    }

    /// A write of currentEpoch was.
    pub fn current(&mut self, epoch: Epoch) {
        self.add(20, epoch.get().into(), 0);
    }

    /// The mark of a forgetful server was to be written.
    pub fn forget(&mut self) {
        self.add(21, 0, 0);
    }

    /// It was to be removed.
    pub fn recall(&mut self) {
        self.add(22, 0, 0);
    }
}

/// What a trace keeps of the effects of one step: how many, and the digest of their encoding.
///
/// `scratch` is a buffer to be reused; what it held is lost.
pub fn digest_of_effects<P: Witnessed>(effects: &[Effect<P>], scratch: &mut Vec<u8>) -> (u32, Sum) {
    digest_of(effects, scratch)
}

/// As [`digest_of_effects`], for a step of the election.
pub fn digest_of_election_effects(effects: &[ElectionEffect], scratch: &mut Vec<u8>) -> (u32, Sum) {
    digest_of(effects, scratch)
}

/// The digest of a state, for [`crate::Record::Mark`].
pub fn digest_of_state<T: Serialize>(state: &T, scratch: &mut Vec<u8>) -> Sum {
    digest_of(std::slice::from_ref(state), scratch).1
}

fn digest_of<T: Serialize>(parts: &[T], scratch: &mut Vec<u8>) -> (u32, Sum) {
    scratch.clear();
    for part in parts {
        crate::frame::encode(part, scratch);
    }
    (parts.len() as u32, Sum(hash64(scratch, 0)))
}

const P1: u64 = 0x9E37_79B1_85EB_CA87;
const P2: u64 = 0xC2B2_AE3D_27D4_EB4F;
const P3: u64 = 0x1656_67B1_9E37_79F9;
const P4: u64 = 0x85EB_CA77_C2B2_AE63;
const P5: u64 = 0x27D4_EB2F_1656_67C5;

/// XXH64 of `data`.
pub fn hash64(data: &[u8], seed: u64) -> u64 {
    let (stripes, rest) = data.as_chunks::<32>();
    let mut hash = if stripes.is_empty() {
        seed.wrapping_add(P5)
    } else {
        let mut lanes = [
            seed.wrapping_add(P1).wrapping_add(P2),
            seed.wrapping_add(P2),
            seed,
            seed.wrapping_sub(P1),
        ];
        for stripe in stripes {
            for (lane, word) in lanes.iter_mut().zip(stripe.as_chunks::<8>().0) {
                *lane = round(*lane, u64::from_le_bytes(*word));
            }
        }
        let rotations = [1, 7, 12, 18];
        let merged = lanes
            .iter()
            .zip(rotations)
            .fold(0u64, |sum, (lane, by)| sum.wrapping_add(lane.rotate_left(by)));
        lanes.iter().fold(merged, |hash, lane| {
            (hash ^ round(0, *lane)).wrapping_mul(P1).wrapping_add(P4)
        })
    };
    hash = hash.wrapping_add(data.len() as u64);
    let (words, rest) = rest.as_chunks::<8>();
    for word in words {
        hash ^= round(0, u64::from_le_bytes(*word));
        hash = hash.rotate_left(27).wrapping_mul(P1).wrapping_add(P4);
    }
    let (halves, rest) = rest.as_chunks::<4>();
    for half in halves {
        hash ^= u64::from(u32::from_le_bytes(*half)).wrapping_mul(P1);
        hash = hash.rotate_left(23).wrapping_mul(P2).wrapping_add(P3);
    }
    for byte in rest {
        hash ^= u64::from(*byte).wrapping_mul(P5);
        hash = hash.rotate_left(11).wrapping_mul(P1);
    }
    hash = (hash ^ (hash >> 33)).wrapping_mul(P2);
    hash = (hash ^ (hash >> 29)).wrapping_mul(P3);
    hash ^ (hash >> 32)
}

fn round(lane: u64, word: u64) -> u64 {
    lane.wrapping_add(word.wrapping_mul(P2))
        .rotate_left(31)
        .wrapping_mul(P1)
}
