//! Where does a packet end, on a port without lengths around them? Where its four fields do.
//!
//! | offset | bytes | meaning |
//! | --- | --- | --- |
//! | 0 | 4 | type |
//! | 4 | 8 | zxid |
//! | 12 | 4 | length of the data, −1 is null |
//! | 16 | | data |
//! | 16 + data | 4 | number of ids, −1 is null |
//! | | | ids: scheme and id, each with its length |

use crate::error::{DecodeError, Fault};
use crate::jute::{PutJute, Reader};
use bytes::{Buf, BufMut, Bytes, BytesMut};

#[cfg(test)]
mod tests;

/// What a packet is for, in ZooKeeper's numbers.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[repr(i32)]
pub enum PacketType {
    /// A client's request on its way to the leader.
    Request = 1,
    /// A transaction to log.
    Proposal = 2,
    /// It is durable.
    Ack = 3,
    /// It is committed.
    Commit = 4,
    /// A sign of life; the answer names sessions.
    Ping = 5,
    /// Whether a session is known.
    Revalidate = 6,
    /// A client's sync is answered.
    Sync = 7,
    /// A committed transaction, to observers.
    Inform = 8,
    /// A reconfiguration is committed.
    CommitAndActivate = 9,
    /// The synchronisation is complete.
    NewLeader = 10,
    /// A follower introduces itself.
    FollowerInfo = 11,
    /// Serve.
    UpToDate = 12,
    /// What is missing follows.
    Diff = 13,
    /// Drop what is too much; what is missing follows.
    Trunc = 14,
    /// A whole snapshot follows.
    Snap = 15,
    /// An observer introduces itself.
    ObserverInfo = 16,
    /// The leader's epoch.
    LeaderInfo = 17,
    /// The epoch is promised.
    AckEpoch = 18,
    /// A committed reconfiguration, to observers.
    InformAndActivate = 19,
}

impl PacketType {
    /// The number on the wire.
    pub const fn number(self) -> i32 {
        self as i32
    }

    /// The type with this number.
    pub const fn from_number(number: i32) -> Option<Self> {
        Some(match number {
            1 => Self::Request,
            2 => Self::Proposal,
            3 => Self::Ack,
            4 => Self::Commit,
            5 => Self::Ping,
            6 => Self::Revalidate,
            7 => Self::Sync,
            8 => Self::Inform,
            9 => Self::CommitAndActivate,
            10 => Self::NewLeader,
            11 => Self::FollowerInfo,
            12 => Self::UpToDate,
            13 => Self::Diff,
            14 => Self::Trunc,
            15 => Self::Snap,
            16 => Self::ObserverInfo,
            17 => Self::LeaderInfo,
            18 => Self::AckEpoch,
            19 => Self::InformAndActivate,
            _ => return None,
        })
    }
}

pub use quorate_tree::Id;

/// A packet of the learner port.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct QuorumPacket {
    /// What it is for.
    pub kind: PacketType,
    /// A zxid, or an epoch in the upper half; all ones where there is none.
    pub zxid: u64,
    /// What the type says; `None` is null.
    pub data: Option<Bytes>,
    /// The client's identities in a REQUEST; else `None`, which is null.
    pub authinfo: Option<Vec<Id>>,
}

/// Bytes in front of the data.
pub const HEADER_BYTES: usize = 16;

/// What follows the data of a packet without identities: a null vector.
pub const NO_AUTHINFO: [u8; 4] = [0xff; 4];

/// What precedes a packet's data of this many bytes (`None`: null), so that the data itself need not be
/// copied: write this, the data, [`NO_AUTHINFO`].
///
/// # Panics
///
/// If the data has 2^31 or more bytes.
#[inline]
pub fn header(kind: PacketType, zxid: u64, data_bytes: Option<usize>) -> [u8; HEADER_BYTES] {
    let length = data_bytes.map_or(-1, |bytes| {
        i32::try_from(bytes).expect("a jute length has 31 bits")
    });
    let mut header = [0; HEADER_BYTES];
    header[..4].copy_from_slice(&kind.number().to_be_bytes());
    header[4..12].copy_from_slice(&zxid.to_be_bytes());
    header[12..].copy_from_slice(&length.to_be_bytes());
    header
}

impl QuorumPacket {
    /// A packet without identities.
    pub const fn new(kind: PacketType, zxid: u64, data: Option<Bytes>) -> Self {
        Self {
            kind,
            zxid,
            data,
            authinfo: None,
        }
    }

    /// Writes the packet.
    pub fn encode(&self, out: &mut impl BufMut) {
        out.put_slice(&header(self.kind, self.zxid, self.data.as_ref().map(Bytes::len)));
        if let Some(data) = &self.data {
            out.put_slice(data);
        }
        put_authinfo(self.authinfo.as_deref(), out);
    }
}

/// Writes identities, or null.
pub(super) fn put_authinfo(ids: Option<&[Id]>, out: &mut impl BufMut) {
    match ids {
        None => out.put_slice(&NO_AUTHINFO),
        Some(ids) => out.put_vector(ids, |out, id| {
            out.put_string(&id.scheme);
            out.put_string(&id.id);
        }),
    }
}

/// Takes the first packet off what was read so far; `None` if it is not whole. Its data is not copied.
///
/// No more than `data_max` bytes are ever reserved for the data, and no more held back for identities.
///
/// # Errors
///
/// If the type is unknown, a length is negative or above `data_max` bytes: the link is to be closed.
/// Offsets count from the packet's first byte.
pub fn take_packet(read: &mut BytesMut, data_max: usize) -> Result<Option<QuorumPacket>, DecodeError> {
    let mut reader = Reader::bounded(read, data_max);
    let parsed = parse(&mut reader);
    let length = reader.offset();
    let Layout {
        kind,
        zxid,
        data,
        authinfo,
    } = match parsed {
        Ok(layout) => layout,
        Err(error) => {
            let Fault::Truncated { needed, left } = error.fault else {
                return Err(error);
            };
            if left > data_max + 4 {
                return Err(DecodeError {
                    fault: Fault::TooLong {
                        length: left,
                        max: data_max,
                    },
                    ..error
                });
            }
            read.reserve(needed.saturating_sub(left));
            return Ok(None);
        }
    };
    let mut packet = read.split_to(length).freeze();
    let data = data.map(|bytes| {
        packet.advance(HEADER_BYTES);
        packet.split_to(bytes)
    });
    Ok(Some(QuorumPacket {
        kind,
        zxid,
        data,
        authinfo,
    }))
}

struct Layout {
    kind: PacketType,
    zxid: u64,
    data: Option<usize>,
    authinfo: Option<Vec<Id>>,
}

fn parse(reader: &mut Reader<'_>) -> Result<Layout, DecodeError> {
    let start = reader.clone();
    let number = reader.int("packet.type")?;
    let kind =
        PacketType::from_number(number).ok_or(start.error("packet.type", Fault::Unknown(number.into())))?;
    let zxid = reader.bits("packet.zxid")?;
    let data = reader.buffer("packet.data")?.map(<[u8]>::len);
    Ok(Layout {
        kind,
        zxid,
        data,
        authinfo: authinfo(reader)?,
    })
}

/// Reads identities. A cut anywhere in them is reported as one of the whole vector: `left` is what is
/// there of it, so that the caller can bound what it holds back.
fn authinfo(reader: &mut Reader<'_>) -> Result<Option<Vec<Id>>, DecodeError> {
    let start = reader.clone();
    let ids = reader.vector("packet.authinfo", |reader| {
        let scheme = reader
            .string("packet.authinfo.scheme")?
            .unwrap_or_default()
            .into_owned();
        let id = reader
            .string("packet.authinfo.id")?
            .unwrap_or_default()
            .into_owned();
        Ok(Id { scheme, id })
    });
    ids.map_err(|error| match error.fault {
        Fault::Truncated { needed, left } => {
            let missing = needed - left;
            let left = start.remaining();
            start.error(
                "packet.authinfo",
                Fault::Truncated {
                    needed: left + missing,
                    left,
                },
            )
        }
        _ => error,
    })
}
