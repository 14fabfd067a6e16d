//! What is in the packets' data? One struct for each kind that has any.

use super::packet::Id;
use crate::error::{DecodeError, Fault};
use crate::jute::Reader;
use bytes::{Buf, BufMut, Bytes};

#[cfg(test)]
mod tests;

/// The protocol version of every server since 3.4.
pub const PROTOCOL_VERSION: i32 = 0x10000;

/// Which connection this is, everywhere and for good: 16 bytes that Apache ignores.
///
/// A learner appends its name of the connection to FOLLOWERINFO, the leader echoes it in LEADERINFO. A
/// peer that does not is one of Apache's.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ConnName {
    /// The learner.
    pub sid: u64,
    /// How often its process had started.
    pub boot: u32,
    /// The number of the connection within that.
    pub counter: u32,
}

impl ConnName {
    /// Length in bytes.
    pub const BYTES: usize = 16;

    fn decode(reader: &mut Reader<'_>) -> Result<Option<Self>, DecodeError> {
        if reader.remaining() < Self::BYTES {
            return Ok(None);
        }
        let sid = reader.bits("connection.sid")?;
        let boot = reader.int("connection.boot")? as u32;
        Ok(Some(Self {
            sid,
            boot,
            counter: reader.int("connection.counter")? as u32,
        }))
    }

    fn encode(self, out: &mut impl BufMut) {
        out.put_u64(self.sid);
        out.put_u32(self.boot);
        out.put_u32(self.counter);
    }
}

/// FOLLOWERINFO and OBSERVERINFO: who the learner is.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct LearnerInfo {
    /// The learner; negative if it has no number.
    pub sid: i64,
    /// [`PROTOCOL_VERSION`]; 0 from a learner that left it out, which is too old.
    pub protocol: i32,
    /// The version of its active configuration; 0 if left out.
    pub config_version: i64,
    /// Its name of this connection, from our own kind.
    pub name: Option<ConnName>,
}

impl LearnerInfo {
    /// Reads 8, 12, 20 or 36 bytes; what follows is ignored.
    ///
    /// # Errors
    ///
    /// If there are fewer than 8.
    pub fn decode(data: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(data);
        let sid = reader.long("learnerInfo.serverid")?;
        let protocol = if reader.remaining() >= 4 {
            reader.int("learnerInfo.protocolVersion")?
        } else {
            0
        };
        let config_version = if reader.remaining() >= 8 {
            reader.long("learnerInfo.configVersion")?
        } else {
            0
        };
        Ok(Self {
            sid,
            protocol,
            config_version,
            name: ConnName::decode(&mut reader)?,
        })
    }

    /// Writes 20 bytes, or 36 with a name.
    pub fn encode(&self, out: &mut impl BufMut) {
        out.put_i64(self.sid);
        out.put_i32(self.protocol);
        out.put_i64(self.config_version);
        if let Some(name) = self.name {
            name.encode(out);
        }
    }
}

/// LEADERINFO: how the leader speaks.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct LeaderInfo {
    /// [`PROTOCOL_VERSION`]
    pub protocol: i32,
    /// The learner's name of this connection, echoed by our own kind.
    pub name: Option<ConnName>,
}

impl LeaderInfo {
    /// Reads 4 or 20 bytes; what follows is ignored.
    ///
    /// # Errors
    ///
    /// If there are fewer than 4.
    pub fn decode(data: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(data);
        let protocol = reader.int("leaderInfo.protocolVersion")?;
        Ok(Self {
            protocol,
            name: ConnName::decode(&mut reader)?,
        })
    }

    /// Writes 4 bytes, or 20 with a name.
    pub fn encode(&self, out: &mut impl BufMut) {
        out.put_i32(self.protocol);
        if let Some(name) = self.name {
            name.encode(out);
        }
    }
}

/// A session and its timeout: an entry of a PING's answer, and the question of REVALIDATE.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct SessionTouch {
    /// The session that was heard of.
    pub session: i64,
    /// Its timeout in ms.
    pub timeout_ms: i32,
}

impl SessionTouch {
    /// Length in bytes.
    pub const BYTES: usize = 12;

    /// Reads one.
    ///
    /// # Errors
    ///
    /// If there are fewer than 12 bytes.
    pub fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            session: reader.long("session.id")?,
            timeout_ms: reader.int("session.timeout")?,
        })
    }

    /// Reads them all, to the end.
    ///
    /// # Errors
    ///
    /// If the last one is cut short.
    pub fn decode_all(data: &[u8]) -> Result<Vec<Self>, DecodeError> {
        let mut reader = Reader::new(data);
        let mut touched = Vec::with_capacity(data.len() / Self::BYTES);
        while reader.remaining() > 0 {
            touched.push(Self::decode(&mut reader)?);
        }
        Ok(touched)
    }

    /// Writes one.
    pub fn encode(self, out: &mut impl BufMut) {
        out.put_i64(self.session);
        out.put_i32(self.timeout_ms);
    }
}

/// REQUEST: a client's request, as a learner passes it on.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct ForwardedRequest {
    /// The client's session.
    pub session: i64,
    /// The client's xid.
    pub cxid: i32,
    /// The opcode's number, known or not.
    pub opcode: i32,
    /// The client's bytes behind the request's header, undecoded.
    pub body: Bytes,
    /// The identities of the client's connection; `None` where the server itself asks.
    pub authinfo: Option<Vec<Id>>,
}

impl ForwardedRequest {
    /// Bytes in front of the body.
    pub const HEADER_BYTES: usize = 16;

    /// Reads the data of a REQUEST; the body is not copied.
    ///
    /// # Errors
    ///
    /// If there are fewer than 16 bytes.
    pub fn decode(mut data: Bytes, authinfo: Option<Vec<Id>>) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(&data);
        let session = reader.long("request.sessionId")?;
        let cxid = reader.int("request.cxid")?;
        let opcode = reader.int("request.type")?;
        data.advance(Self::HEADER_BYTES);
        Ok(Self {
            session,
            cxid,
            opcode,
            body: data,
            authinfo,
        })
    }

    /// Writes the whole packet.
    pub fn encode(&self, out: &mut impl BufMut) {
        use super::packet::{PacketType, header, put_authinfo};
        let data_bytes = Self::HEADER_BYTES + self.body.len();
        out.put_slice(&header(PacketType::Request, u64::MAX, Some(data_bytes)));
        out.put_i64(self.session);
        out.put_i32(self.cxid);
        out.put_i32(self.opcode);
        out.put_slice(&self.body);
        put_authinfo(self.authinfo.as_deref(), out);
    }
}

/// REVALIDATE's answer: the session, and whether it lives.
pub(super) fn decode_revalidated(data: &[u8]) -> Result<(i64, bool), DecodeError> {
    let mut reader = Reader::new(data);
    Ok((
        reader.long("revalidate.sessionId")?,
        reader.boolean("revalidate.valid")?,
    ))
}

/// The currentEpoch in ACKEPOCH's data; −1 is `None`.
pub(super) fn decode_current_epoch(data: &[u8]) -> Result<Option<u32>, DecodeError> {
    match Reader::new(data).int("ackEpoch.currentEpoch")? {
        -1 => Ok(None),
        epoch => u32::try_from(epoch)
            .map(Some)
            .map_err(|_| DecodeError::new("ackEpoch.currentEpoch", 0, Fault::Unknown(epoch.into()))),
    }
}
