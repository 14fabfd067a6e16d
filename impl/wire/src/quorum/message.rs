//! How do packets become the protocol's messages, and back?
//!
//! [`Message`] is what the protocol decides upon. Packets carry more: configurations, sessions, clients'
//! requests. Reading gives the message and what came with it; writing takes both.

use super::learner::{
    self, ForwardedRequest, LeaderInfo, LearnerInfo, PROTOCOL_VERSION, SessionTouch, decode_current_epoch,
};
use super::packet::{HEADER_BYTES, NO_AUTHINFO, PacketType, QuorumPacket, header};
use crate::error::{DecodeError, Fault};
use crate::jute::Reader;
use crate::txn;
use bytes::{Buf, BufMut, Bytes, BytesMut};
use quorate_zab::{Epoch, Message, ServerId, Zxid};

#[cfg(test)]
mod tests;

/// The zxid of packets that have none.
const NO_ZXID: u64 = u64::MAX;

/// What a leader reads from a learner.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum FromLearner {
    /// FOLLOWERINFO or OBSERVERINFO, always the first packet.
    Info {
        /// [`Message::FollowerInfo`] or [`Message::ObserverInfo`]
        message: Message<Bytes>,
        /// Protocol, configuration and the connection's name.
        info: LearnerInfo,
    },
    /// The answer to a PING.
    Pong {
        /// [`Message::Ping`]
        message: Message<Bytes>,
        /// Sessions heard of since the last answer.
        touched: Vec<SessionTouch>,
    },
    /// ACKEPOCH or ACK.
    Message(Message<Bytes>),
    /// REQUEST: a client's request.
    Request(ForwardedRequest),
    /// REVALIDATE: whether this session lives.
    Revalidate(SessionTouch),
}

impl FromLearner {
    /// Reads a packet. A server whose database is not initialised reports the zxid −1: it becomes the
    /// acknowledgement that is not counted, of an empty history.
    ///
    /// # Errors
    ///
    /// If its data is malformed, or its type is none that learners send.
    pub fn decode(packet: QuorumPacket) -> Result<Self, DecodeError> {
        let zxid = Zxid::from_bits(packet.zxid);
        Ok(match packet.kind {
            PacketType::FollowerInfo | PacketType::ObserverInfo => {
                let info = LearnerInfo::decode(&required(packet.data)?)?;
                let sid = u64::try_from(info.sid)
                    .map_err(|_| data_error("learnerInfo.serverid", Fault::Unknown(info.sid)))?;
                let (server, accepted) = (ServerId::new(sid), zxid.epoch());
                let message = if packet.kind == PacketType::ObserverInfo {
                    Message::ObserverInfo { server, accepted }
                } else {
                    Message::FollowerInfo { server, accepted }
                };
                Self::Info { message, info }
            }
            PacketType::AckEpoch => {
                let current = decode_current_epoch(&required(packet.data)?)?.map(Epoch::new);
                Self::Message(match packet.zxid {
                    NO_ZXID => Message::AckEpoch {
                        current: None,
                        last: Zxid::ZERO,
                    },
                    _ => Message::AckEpoch { current, last: zxid },
                })
            }
            PacketType::Ack => Self::Message(Message::Ack { zxid }),
            PacketType::Ping => {
                let touched = SessionTouch::decode_all(&packet.data.unwrap_or_default())?;
                Self::Pong {
                    message: Message::Ping { zxid },
                    touched,
                }
            }
            PacketType::Request => {
                Self::Request(ForwardedRequest::decode(required(packet.data)?, packet.authinfo)?)
            }
            PacketType::Revalidate => {
                Self::Revalidate(SessionTouch::decode(&mut Reader::new(&required(packet.data)?))?)
            }
            PacketType::Proposal
            | PacketType::Commit
            | PacketType::Sync
            | PacketType::Inform
            | PacketType::CommitAndActivate
            | PacketType::NewLeader
            | PacketType::UpToDate
            | PacketType::Diff
            | PacketType::Trunc
            | PacketType::Snap
            | PacketType::LeaderInfo
            | PacketType::InformAndActivate => return Err(wrong_way(packet.kind)),
        })
    }
}

/// What a learner reads from its leader.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum FromLeader {
    /// LEADERINFO, always the first packet.
    Info {
        /// [`Message::LeaderInfo`]
        message: Message<Bytes>,
        /// Protocol and the connection's name, echoed.
        info: LeaderInfo,
    },
    /// NEWLEADER.
    NewLeader {
        /// [`Message::NewLeader`]
        message: Message<Bytes>,
        /// The configuration's text.
        config: Option<Bytes>,
    },
    /// DIFF, TRUNC, SNAP, PROPOSAL, COMMIT, INFORM, UPTODATE, PING or SYNC. A snapshot's stream follows SNAP.
    Message(Message<Bytes>),
    /// REVALIDATE's answer.
    Revalidated {
        /// The session.
        session: i64,
        /// Whether it lives.
        valid: bool,
    },
    /// COMMITANDACTIVATE: a reconfiguration is committed.
    CommitAndActivate {
        /// [`Message::Commit`]
        message: Message<Bytes>,
        /// The server that leads from here on.
        designated: i64,
    },
    /// INFORMANDACTIVATE: a committed reconfiguration, to an observer.
    InformAndActivate {
        /// [`Message::Inform`]
        message: Message<Bytes>,
        /// The server that leads from here on.
        designated: i64,
    },
}

impl FromLeader {
    /// Reads a packet. A transaction is not decoded, but its header must name the packet's zxid.
    ///
    /// # Errors
    ///
    /// If its data is malformed, or its type is none that leaders send.
    pub fn decode(packet: QuorumPacket) -> Result<Self, DecodeError> {
        let zxid = Zxid::from_bits(packet.zxid);
        Ok(match packet.kind {
            PacketType::LeaderInfo => {
                let info = LeaderInfo::decode(&required(packet.data)?)?;
                Self::Info {
                    message: Message::LeaderInfo {
                        epoch: epoch_of(zxid)?,
                    },
                    info,
                }
            }
            PacketType::NewLeader => Self::NewLeader {
                message: Message::NewLeader {
                    epoch: epoch_of(zxid)?,
                },
                config: packet.data,
            },
            PacketType::Diff => Self::Message(Message::Diff { zxid }),
            PacketType::Trunc => Self::Message(Message::Trunc { zxid }),
            PacketType::Snap => Self::Message(Message::Snap { zxid }),
            PacketType::Proposal => Self::Message(Message::Proposal {
                zxid,
                payload: payload(zxid, packet.data)?,
            }),
            PacketType::Commit => Self::Message(Message::Commit { zxid }),
            PacketType::UpToDate => Self::Message(Message::UpToDate),
            PacketType::Ping => Self::Message(Message::Ping { zxid }),
            PacketType::Sync => Self::Message(Message::Sync),
            PacketType::Revalidate => {
                let (session, valid) = learner::decode_revalidated(&required(packet.data)?)?;
                Self::Revalidated { session, valid }
            }
            PacketType::CommitAndActivate => {
                let designated = Reader::new(&required(packet.data)?).long("designatedLeader")?;
                Self::CommitAndActivate {
                    message: Message::Commit { zxid },
                    designated,
                }
            }
            PacketType::Inform => Self::Message(Message::Inform {
                zxid,
                payload: payload(zxid, packet.data)?,
            }),
            PacketType::InformAndActivate => {
                let mut data = required(packet.data)?;
                let designated = Reader::new(&data).long("designatedLeader")?;
                data.advance(8);
                Self::InformAndActivate {
                    message: Message::Inform {
                        zxid,
                        payload: payload(zxid, Some(data))?,
                    },
                    designated,
                }
            }
            PacketType::Request
            | PacketType::Ack
            | PacketType::FollowerInfo
            | PacketType::ObserverInfo
            | PacketType::AckEpoch => return Err(wrong_way(packet.kind)),
        })
    }
}

fn required(data: Option<Bytes>) -> Result<Bytes, DecodeError> {
    data.ok_or(data_error("packet.data", Fault::Null))
}

/// Errors in a packet's data count from the data's first byte.
const fn data_error(field: &'static str, fault: Fault) -> DecodeError {
    DecodeError::new(field, 0, fault)
}

const fn wrong_way(kind: PacketType) -> DecodeError {
    DecodeError::new("packet.type", 0, Fault::Unknown(kind.number() as i64))
}

/// The epoch of a packet whose zxid must be (epoch, 0).
fn epoch_of(zxid: Zxid) -> Result<Epoch, DecodeError> {
    match zxid.counter() {
        0 => Ok(zxid.epoch()),
        _ => Err(DecodeError::new(
            "packet.zxid",
            4,
            Fault::Unknown(zxid.bits() as i64),
        )),
    }
}

fn payload(zxid: Zxid, data: Option<Bytes>) -> Result<Bytes, DecodeError> {
    let data = required(data)?;
    let (header, _) = txn::peek_header(&data)?;
    if header.zxid == zxid.bits() {
        Ok(data)
    } else {
        Err(DecodeError::new(
            "header.zxid",
            12,
            Fault::Unknown(header.zxid as i64),
        ))
    }
}

/// What goes along with a message, where its packet has room for it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Extras<'a> {
    /// FOLLOWERINFO and OBSERVERINFO: the version of the active configuration.
    pub config_version: i64,
    /// FOLLOWERINFO, OBSERVERINFO and LEADERINFO: the connection's name.
    pub name: Option<super::ConnName>,
    /// NEWLEADER: the configuration's text.
    pub config: Option<&'a [u8]>,
    /// PING: `None` from a leader, the sessions heard of from a learner.
    pub touched: Option<&'a [SessionTouch]>,
}

/// Writes the packet of a message. After [`Message::Snap`] the caller writes the snapshot's stream.
///
/// A proposal's payload is copied. Who wants to spare that writes [`proposal_header`], the payload and
/// [`NO_AUTHINFO`]; so for INFORM, with [`inform_header`].
pub fn put_message(out: &mut BytesMut, message: &Message<Bytes>, extras: &Extras<'_>) {
    match message {
        Message::FollowerInfo { server, accepted } | Message::ObserverInfo { server, accepted } => {
            let kind = match message {
                Message::ObserverInfo { .. } => PacketType::ObserverInfo,
                _ => PacketType::FollowerInfo,
            };
            let info = LearnerInfo {
                sid: server.get() as i64,
                protocol: PROTOCOL_VERSION,
                config_version: extras.config_version,
                name: extras.name,
            };
            put_packet(out, kind, first_of(*accepted), |data| info.encode(data));
        }
        Message::LeaderInfo { epoch } => {
            let info = LeaderInfo {
                protocol: PROTOCOL_VERSION,
                name: extras.name,
            };
            put_packet(out, PacketType::LeaderInfo, first_of(*epoch), |data| {
                info.encode(data)
            });
        }
        Message::AckEpoch { current, last } => {
            let current = current.map_or(-1, |epoch| epoch.get() as i32);
            put_packet(out, PacketType::AckEpoch, last.bits(), |data| {
                data.put_i32(current)
            });
        }
        Message::Diff { zxid } => put_bare(out, PacketType::Diff, zxid.bits()),
        Message::Trunc { zxid } => put_bare(out, PacketType::Trunc, zxid.bits()),
        Message::Snap { zxid } => put_bare(out, PacketType::Snap, zxid.bits()),
        Message::Proposal { zxid, payload } => {
            put_packet(out, PacketType::Proposal, zxid.bits(), |data| {
                data.put_slice(payload)
            });
        }
        Message::Commit { zxid } => put_bare(out, PacketType::Commit, zxid.bits()),
        Message::NewLeader { epoch } => match extras.config {
            Some(config) => {
                put_packet(out, PacketType::NewLeader, first_of(*epoch), |data| {
                    data.put_slice(config)
                });
            }
            None => put_bare(out, PacketType::NewLeader, first_of(*epoch)),
        },
        Message::UpToDate => put_bare(out, PacketType::UpToDate, NO_ZXID),
        Message::Ack { zxid } => put_ack(out, *zxid),
        Message::Ping { zxid } => match extras.touched {
            Some(touched) => put_packet(out, PacketType::Ping, zxid.bits(), |data| {
                touched.iter().for_each(|touch| touch.encode(data));
            }),
            None => put_bare(out, PacketType::Ping, zxid.bits()),
        },
        Message::Sync => put_bare(out, PacketType::Sync, 0),
        Message::Inform { zxid, payload } => {
            put_packet(out, PacketType::Inform, zxid.bits(), |data| {
                data.put_slice(payload)
            });
        }
    }
}

/// What precedes the payload of a PROPOSAL; [`NO_AUTHINFO`] follows it.
#[inline]
pub fn proposal_header(zxid: Zxid, payload_bytes: usize) -> [u8; HEADER_BYTES] {
    header(PacketType::Proposal, zxid.bits(), Some(payload_bytes))
}

/// What precedes the payload of an INFORM; [`NO_AUTHINFO`] follows it.
#[inline]
pub fn inform_header(zxid: Zxid, payload_bytes: usize) -> [u8; HEADER_BYTES] {
    header(PacketType::Inform, zxid.bits(), Some(payload_bytes))
}

/// Writes an ACK; the wire has one for each proposal.
#[inline]
pub fn put_ack(out: &mut BytesMut, zxid: Zxid) {
    put_bare(out, PacketType::Ack, zxid.bits());
}

/// Writes a learner's REVALIDATE.
pub fn put_revalidate(out: &mut BytesMut, touch: SessionTouch) {
    put_packet(out, PacketType::Revalidate, NO_ZXID, |data| touch.encode(data));
}

/// Writes a leader's answer to REVALIDATE.
pub fn put_revalidated(out: &mut BytesMut, session: i64, valid: bool) {
    put_packet(out, PacketType::Revalidate, NO_ZXID, |data| {
        data.put_i64(session);
        data.put_u8(valid.into());
    });
}

fn first_of(epoch: Epoch) -> u64 {
    Zxid::new(epoch, 0).bits()
}

#[inline]
fn put_bare(out: &mut BytesMut, kind: PacketType, zxid: u64) {
    out.put_slice(&header(kind, zxid, None));
    out.put_slice(&NO_AUTHINFO);
}

/// Writes a packet whose data `data` writes; its length is filled in afterwards.
fn put_packet(out: &mut BytesMut, kind: PacketType, zxid: u64, data: impl FnOnce(&mut BytesMut)) {
    let start = out.len();
    out.put_slice(&header(kind, zxid, Some(0)));
    data(out);
    let length = out.len() - start - HEADER_BYTES;
    out[start..start + HEADER_BYTES].copy_from_slice(&header(kind, zxid, Some(length)));
    out.put_slice(&NO_AUTHINFO);
}
