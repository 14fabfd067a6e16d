//! How does a session begin? One frame each way, without a header: who the client is, and what it got.

use crate::error::DecodeError;
use crate::frame::put_frame;
use crate::jute::{PutJute, Reader};
use bytes::{BufMut, BytesMut};

#[cfg(test)]
mod tests;

/// Bytes of a session's password.
pub const PASSWORD_BYTES: usize = 16;

/// The first frame of a client.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub struct ConnectRequest {
    /// 0; servers ignore it.
    pub protocol_version: i32,
    /// The highest zxid that the client has seen: a server behind it must refuse the client.
    pub last_zxid_seen: u64,
    /// The session timeout that it asks for, in ms.
    pub timeout_ms: i32,
    /// The session to take up again; 0 is a new one.
    pub session: i64,
    /// The session's password; anything for a new session.
    pub password: Option<Vec<u8>>,
    /// Whether a read-only server would do; `None` if the client left the field out.
    pub read_only: Option<bool>,
}

impl ConnectRequest {
    /// Reads the frame's bytes; what follows them is ignored.
    ///
    /// # Errors
    ///
    /// If a field other than `readOnly` is cut short or has a negative length.
    pub fn decode(frame: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(frame);
        Ok(Self {
            protocol_version: reader.int("connect.protocolVersion")?,
            last_zxid_seen: reader.bits("connect.lastZxidSeen")?,
            timeout_ms: reader.int("connect.timeOut")?,
            session: reader.long("connect.sessionId")?,
            password: reader.owned_buffer("connect.passwd")?,
            read_only: reader.boolean("connect.readOnly").ok(),
        })
    }

    /// Writes the request as a frame.
    pub fn encode(&self, out: &mut BytesMut) {
        put_frame(out, |out| {
            out.put_i32(self.protocol_version);
            out.put_u64(self.last_zxid_seen);
            out.put_i32(self.timeout_ms);
            out.put_i64(self.session);
            out.put_buffer(self.password.as_deref());
            if let Some(read_only) = self.read_only {
                out.put_boolean(read_only);
            }
        });
    }
}

/// The first frame of a server. All zeros refuses the session: unknown, expired or a wrong password.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct ConnectResponse {
    /// 0.
    pub protocol_version: i32,
    /// The negotiated session timeout in ms; 0 refuses.
    pub timeout_ms: i32,
    /// The session; 0 refuses.
    pub session: i64,
    /// What takes the session up again, see [`session_password`].
    pub password: [u8; PASSWORD_BYTES],
    /// Whether the server is read-only; `None` leaves the field out, for clients that left it out.
    pub read_only: Option<bool>,
}

impl ConnectResponse {
    /// The answer that refuses a session, in the form of `request`.
    pub fn refusal(request: &ConnectRequest) -> Self {
        Self {
            read_only: request.read_only.map(|_| false),
            ..Self::default()
        }
    }

    /// Writes the response as a frame.
    pub fn encode(&self, out: &mut BytesMut) {
        put_frame(out, |out| {
            out.put_i32(self.protocol_version);
            out.put_i32(self.timeout_ms);
            out.put_i64(self.session);
            out.put_buffer(Some(&self.password));
            if let Some(read_only) = self.read_only {
                out.put_boolean(read_only);
            }
        });
    }

    /// Reads the frame's bytes. A password of another length than 16 is cut or filled with zeros.
    ///
    /// # Errors
    ///
    /// If a field other than `readOnly` is cut short or has a negative length.
    pub fn decode(frame: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(frame);
        let protocol_version = reader.int("connect.protocolVersion")?;
        let timeout_ms = reader.int("connect.timeOut")?;
        let session = reader.long("connect.sessionId")?;
        let mut password = [0; PASSWORD_BYTES];
        for (to, from) in password
            .iter_mut()
            .zip(reader.buffer("connect.passwd")?.unwrap_or_default())
        {
            *to = *from;
        }
        let read_only = reader.boolean("connect.readOnly").ok();
        Ok(Self {
            protocol_version,
            timeout_ms,
            session,
            password,
            read_only,
        })
    }
}

/// The password of a session. It is a function of the id and a number that every server knows, so that
/// a session can move between servers, Apache's and ours [ZooKeeper `generatePasswd`].
pub fn session_password(session: i64) -> [u8; PASSWORD_BYTES] {
    const SECRET: u64 = 0xb341_5c00;
    const MULTIPLIER: u64 = 0x5_deec_e66d;
    const MASK: u64 = (1 << 48) - 1;
    // `java.util.Random`: a linear congruential generator of 48 bits, whose upper 32 are the output.
    let mut seed = (session as u64 ^ SECRET ^ MULTIPLIER) & MASK;
    let mut password = [0; PASSWORD_BYTES];
    for four in password.chunks_exact_mut(4) {
        seed = seed.wrapping_mul(MULTIPLIER).wrapping_add(0xb) & MASK;
        four.copy_from_slice(&((seed >> 16) as u32).to_le_bytes());
    }
    password
}
