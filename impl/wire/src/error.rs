//! What was wrong with bytes from outside, in which field, and where?

use std::fmt;

/// Bytes that are no valid encoding: names the field, its offset and the fault.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{field}, byte {offset}: {fault}")]
pub struct DecodeError {
    /// The field that could not be read, by ZooKeeper's name.
    pub field: &'static str,
    /// Offset of the field in bytes, from the start of the message, entry or stream.
    pub offset: usize,
    /// What is wrong with it.
    pub fault: Fault,
}

impl DecodeError {
    pub(crate) const fn new(field: &'static str, offset: usize, fault: Fault) -> Self {
        Self { field, offset, fault }
    }

    /// Whether more bytes could make it whole: a stream waits, everything else gives up.
    pub const fn is_truncated(&self) -> bool {
        matches!(self.fault, Fault::Truncated { .. })
    }
}

/// The ways in which a field can be wrong.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Fault {
    /// The field needs more bytes than there are.
    Truncated {
        /// Bytes that the field takes.
        needed: usize,
        /// Bytes that are there.
        left: usize,
    },
    /// A length below −1.
    NegativeLength(i32),
    /// A length above the bound of this decoder.
    TooLong {
        /// The length claimed, in bytes.
        length: usize,
        /// The largest length allowed, in bytes.
        max: usize,
    },
    /// Null where a value must be.
    Null,
    /// A type number, opcode or other discriminant that is not known here.
    Unknown(i64),
    /// The record is complete, yet this many bytes follow it.
    Trailing(usize),
    /// Multis within multis beyond this many levels.
    TooDeep(usize),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Truncated { needed, left } => write!(f, "{needed} bytes expected, {left} left"),
            Self::NegativeLength(length) => write!(f, "length {length} is negative"),
            Self::TooLong { length, max } => write!(f, "length {length} is above the limit of {max}"),
            Self::Null => write!(f, "null where a value must be"),
            Self::Unknown(value) => write!(f, "unknown value {value}"),
            Self::Trailing(count) => write!(f, "{count} bytes follow the end of the record"),
            Self::TooDeep(max) => write!(f, "nested deeper than {max} levels"),
        }
    }
}
