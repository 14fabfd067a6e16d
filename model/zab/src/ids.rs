//! Who and where: server ids, epochs, zxids, rounds and connection numbers.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A server's number, its `myid`.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
pub struct ServerId(u64);

impl ServerId {
    /// The server with this `myid`.
    pub const fn new(myid: u64) -> Self {
        Self(myid)
    }
    /// The number as configured.
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Debug for ServerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s{}", self.0)
    }
}

impl fmt::Display for ServerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// One leader's reign. Epoch 0 is before the first leader.
#[derive(Clone, Copy, Default, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
pub struct Epoch(u32);

impl Epoch {
    /// Before any leader.
    pub const ZERO: Self = Self(0);

    /// The epoch with this number.
    pub const fn new(number: u32) -> Self {
        Self(number)
    }
    /// The number, as the upper half of a zxid has it.
    pub const fn get(self) -> u32 {
        self.0
    }
    /// The epoch after this one.
    ///
    /// # Panics
    ///
    /// If the 2^32 − 1 epochs are used up.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.checked_add(1).expect("an epoch is left"))
    }
}

impl fmt::Debug for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "e{}", self.0)
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}", self.0)
    }
}

/// A position in the total order: an epoch and a counter within it, ordered lexicographically.
///
/// Counter 0 is the NEWLEADER of the epoch and never a transaction.
#[derive(Clone, Copy, Default, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
pub struct Zxid(u64);

impl Zxid {
    /// Before any transaction.
    pub const ZERO: Self = Self(0);

    /// The zxid of `counter` in `epoch`.
    pub const fn new(epoch: Epoch, counter: u32) -> Self {
        Self((epoch.0 as u64) << 32 | counter as u64)
    }
    /// From the 64 bits of the wire.
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }
    /// The 64 bits of the wire.
    pub const fn bits(self) -> u64 {
        self.0
    }
    /// Upper half.
    pub const fn epoch(self) -> Epoch {
        Epoch((self.0 >> 32) as u32)
    }
    /// Lower half.
    pub const fn counter(self) -> u32 {
        self.0 as u32
    }
}

impl fmt::Debug for Zxid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}:{:x}", self.0 >> 32, self.0 as u32)
    }
}

impl fmt::Display for Zxid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{:x}", self.0)
    }
}

/// The election's logical clock [ZooKeeper `electionEpoch`]. It starts at 0 with each process.
#[derive(Clone, Copy, Default, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
pub struct Round(u64);

impl Round {
    /// Before the first election of this process.
    pub const ZERO: Self = Self(0);

    /// The round with this number.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }
    /// The number on the wire.
    pub const fn get(self) -> u64 {
        self.0
    }
    /// The round after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Debug for Round {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "r{}", self.0)
    }
}

/// A learner connection as one of its ends numbers it.
///
/// The world gives each connection a number that this server has not in use. An input that carries
/// the number of a connection that the core has left is stale and changes nothing.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
pub struct Conn(u32);

impl Conn {
    /// The connection with this number.
    pub const fn new(number: u32) -> Self {
        Self(number)
    }
    /// The number.
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl fmt::Debug for Conn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "c{}", self.0)
    }
}

#[cfg(test)]
mod tests;
