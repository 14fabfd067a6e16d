//! What do servers say on the election port? Who is calling, once per connection, and then votes, each
//! in a frame.

use crate::error::{DecodeError, Fault};
use crate::frame::put_frame;
use crate::jute::{PutJute, Reader};
use bytes::{BufMut, Bytes, BytesMut};
use quorate_zab::{Notification, PeerEpoch, PeerState, Round, ServerId, Vote, Zxid};

#[cfg(test)]
mod tests;

/// The longest text of addresses in an initial message, in bytes.
pub const ADDRESSES_BYTES_MAX: usize = 2048;

/// The sid of an observer of ZooKeeper 3.4 that wants no number of its own.
pub const ANONYMOUS_SID: i64 = i64::MAX;

const ONE_ADDRESS: i64 = -65536;
const SEVERAL_ADDRESSES: i64 = -65535;

/// What the opening side of a connection says first.
///
/// | offset | bytes | meaning |
/// | --- | --- | --- |
/// | 0 | 8 | −65536 for one address, −65535 for several; a sid ≥ 0 is the whole message of 3.4 |
/// | 8 | 8 | sid |
/// | 16 | 4 | length of the addresses, 1 to 2048 |
/// | 20 | | `host:port`, joined by a vertical bar, IPv6 in brackets |
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct InitialMessage {
    /// The server that opened the connection.
    pub sid: i64,
    /// Its own election addresses as text; empty if it is of 3.4.
    pub addresses: Vec<String>,
}

impl InitialMessage {
    /// Reads the message from the beginning of a connection, and its length in bytes; `None` if it is
    /// not whole. More than 2068 bytes are never needed.
    ///
    /// # Errors
    ///
    /// If the version is unknown or the length is outside of 1 to 2048: the connection is to be closed.
    pub fn decode(read: &[u8]) -> Result<Option<(Self, usize)>, DecodeError> {
        let mut reader = Reader::new(read);
        match Self::read(&mut reader) {
            Ok(message) => Ok(Some((message, reader.offset()))),
            Err(error) if error.is_truncated() => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let start = reader.clone();
        let version = match reader.long("initial.protocolVersion")? {
            sid if sid >= 0 => {
                return Ok(Self {
                    sid,
                    addresses: Vec::new(),
                });
            }
            version => version,
        };
        if version != ONE_ADDRESS && version != SEVERAL_ADDRESSES {
            return Err(start.error("initial.protocolVersion", Fault::Unknown(version)));
        }
        let sid = reader.long("initial.sid")?;
        let at_length = reader.clone();
        let length = reader.int("initial.length")?;
        let max = ADDRESSES_BYTES_MAX;
        let length = match usize::try_from(length) {
            Err(_) | Ok(0) => return Err(at_length.error("initial.length", Fault::NegativeLength(length))),
            Ok(length) if length > max => {
                return Err(at_length.error("initial.length", Fault::TooLong { length, max }));
            }
            Ok(length) => length,
        };
        let text = crate::jute::text(reader.take("initial.addresses", length)?);
        Ok(Self {
            sid,
            addresses: text.split('|').map(str::to_string).collect(),
        })
    }

    /// Writes the message. It has to be sent in one segment: Java reads the addresses in one go.
    ///
    /// # Panics
    ///
    /// If the addresses are none or longer than 2048 bytes.
    pub fn encode(&self, out: &mut impl BufMut) {
        let addresses = self.addresses.join("|");
        assert!(
            (1..=ADDRESSES_BYTES_MAX).contains(&addresses.len()),
            "a server has election addresses"
        );
        out.put_i64(if self.addresses.len() > 1 {
            SEVERAL_ADDRESSES
        } else {
            ONE_ADDRESS
        });
        out.put_i64(self.sid);
        out.put_string(&addresses);
    }
}

/// A vote as it is sent: whom the sender proposes or follows, and why.
///
/// | offset | bytes | meaning | absent in |
/// | --- | --- | --- | --- |
/// | 0 | 4 | state | |
/// | 4 | 8 | leader | |
/// | 12 | 8 | zxid | |
/// | 20 | 8 | electionEpoch | |
/// | 28 | 8 | peerEpoch | 28 bytes (3.3) |
/// | 36 | 4 | version, 2 | 40 bytes (3.4), where these four mean nothing |
/// | 40 | 4 | length of the config | version 1 |
/// | 44 | | config text | version 1 |
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct NotificationFrame {
    /// The vote, its round, and what the sender is doing.
    pub notification: Notification,
    /// 2 from every server since 3.5; 0 and 1 carry no config.
    pub version: i32,
    /// The sender's configuration as text, unparsed; `None` if the version has none.
    pub config: Option<Bytes>,
}

/// The version that servers have sent since 3.5.
pub const NOTIFICATION_VERSION: i32 = 2;

const BYTES_3_3: usize = 28;
const BYTES_3_4: usize = 40;

impl NotificationFrame {
    /// A notification of today's version.
    pub const fn new(notification: Notification, config: Bytes) -> Self {
        Self {
            notification,
            version: NOTIFICATION_VERSION,
            config: Some(config),
        }
    }

    /// Reads the body of a frame; what follows the config is ignored.
    ///
    /// # Errors
    ///
    /// If it is shorter than its version needs, the state is unknown or the round negative: the message
    /// is to be ignored, the connection stays.
    pub fn decode(body: &Bytes) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(body);
        let state = reader.int("notification.state")?;
        let state = PeerState::from_wire(state).ok_or(DecodeError::new(
            "notification.state",
            0,
            Fault::Unknown(state.into()),
        ))?;
        let leader = ServerId::new(reader.bits("notification.leader")?);
        let zxid = Zxid::from_bits(reader.bits("notification.zxid")?);
        let at_round = reader.offset();
        let round = reader.long("notification.electionEpoch")?;
        let round = u64::try_from(round)
            .map_err(|_| DecodeError::new("notification.electionEpoch", at_round, Fault::Unknown(round)))?;
        let epoch = PeerEpoch::from_bits(match body.len() {
            BYTES_3_3 => zxid.bits() as i64 >> 32,
            _ => reader.long("notification.peerEpoch")?,
        });
        let version = match body.len() {
            BYTES_3_3 | BYTES_3_4 => 0,
            _ => reader.int("notification.version")?,
        };
        let config = if version > 1 {
            Some(config(&mut reader, body)?)
        } else {
            None
        };
        let vote = Vote { leader, zxid, epoch };
        Ok(Self {
            notification: Notification {
                state,
                vote,
                round: Round::new(round),
            },
            version,
            config,
        })
    }

    /// Writes the notification as a frame: with its config, which may be empty, if the version has one,
    /// else in 40 bytes.
    pub fn encode(&self, out: &mut BytesMut) {
        let Notification { state, vote, round } = self.notification;
        put_frame(out, |out| {
            out.put_i32(state.to_wire());
            out.put_u64(vote.leader.get());
            out.put_u64(vote.zxid.bits());
            out.put_u64(round.get());
            out.put_i64(vote.epoch.bits());
            out.put_i32(self.version);
            if self.version > 1 {
                out.put_buffer(Some(self.config.as_deref().unwrap_or_default()));
            }
        });
    }
}

fn config(reader: &mut Reader<'_>, body: &Bytes) -> Result<Bytes, DecodeError> {
    let null = reader.error("notification.config", Fault::NegativeLength(-1));
    let config = reader.buffer("notification.config")?.ok_or(null)?;
    Ok(body.slice_ref(config))
}
