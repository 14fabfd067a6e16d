//! What does a server answer? A header of sixteen bytes, then a body by the operation if all went well;
//! an error is the header alone. Events look like replies with xid −1.
//!
//! Every function here writes one whole frame and allocates nothing beside the buffer it writes to.

use super::multi::{self, MultiResult};
use crate::acl::encode_acl;
use crate::error::{DecodeError, Fault};
use crate::frame::put_frame;
use crate::jute::{PutJute, Reader};
use crate::stat::{STAT_BYTES, encode_stat};
use bytes::{BufMut, BytesMut};
use quorate_tree::{Acl, EventKind, Stat};

#[cfg(test)]
mod tests;

/// The xid of watch events.
pub const EVENT_XID: i32 = -1;
/// The xid of pings, whatever xid the client used.
pub const PING_XID: i32 = -2;
/// The xid of auth packets.
pub const AUTH_XID: i32 = -4;
/// The xid of setWatches and setWatches2.
pub const SET_WATCHES_XID: i32 = -8;

const FRAME_HEADER_BYTES: usize = 4 + ReplyHeader::BYTES;

/// What every reply begins with.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct ReplyHeader {
    /// The request's xid.
    pub xid: i32,
    /// The last zxid that this server had applied; 0 for auth, −1 for an unknown opcode.
    pub zxid: i64,
    /// 0, or a ZooKeeper error code.
    pub err: i32,
}

impl ReplyHeader {
    /// Length in bytes; the body follows it.
    pub const BYTES: usize = 16;

    /// The header of a reply without an error.
    pub const fn ok(xid: i32, zxid: u64) -> Self {
        Self {
            xid,
            zxid: zxid as i64,
            err: 0,
        }
    }

    /// The header of an error.
    pub const fn error(xid: i32, zxid: u64, err: i32) -> Self {
        Self {
            xid,
            zxid: zxid as i64,
            err,
        }
    }

    /// Reads the header of a reply's frame.
    ///
    /// # Errors
    ///
    /// If there are fewer than 16 bytes.
    pub fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            xid: reader.int("header.xid")?,
            zxid: reader.long("header.zxid")?,
            err: reader.int("header.err")?,
        })
    }

    fn encode(self, out: &mut BytesMut) {
        out.put_i32(self.xid);
        out.put_i64(self.zxid);
        out.put_i32(self.err);
    }
}

fn put_reply(out: &mut BytesMut, header: ReplyHeader, room: usize, body: impl FnOnce(&mut BytesMut)) {
    out.reserve(FRAME_HEADER_BYTES + room);
    put_frame(out, |out| {
        header.encode(out);
        body(out);
    });
}

/// An error, or a reply without a body: delete, ping, auth, checkWatches, removeWatches, setWatches,
/// closeSession.
#[inline]
pub fn put_header(out: &mut BytesMut, header: ReplyHeader) {
    put_reply(out, header, 0, |_| {});
}

/// To create, and to sync, which echoes even a null path.
pub fn put_path(out: &mut BytesMut, header: ReplyHeader, path: Option<&str>) {
    let room = 4 + path.map_or(0, str::len);
    put_reply(out, header, room, |out| out.put_buffer(path.map(str::as_bytes)));
}

/// To create2, createContainer and createTTL.
pub fn put_path_and_stat(out: &mut BytesMut, header: ReplyHeader, path: &str, stat: &Stat) {
    put_reply(out, header, 4 + path.len() + STAT_BYTES, |out| {
        out.put_string(path);
        encode_stat(stat, out);
    });
}

/// To exists, setData and setACL.
#[inline]
pub fn put_stat(out: &mut BytesMut, header: ReplyHeader, stat: &Stat) {
    put_reply(out, header, STAT_BYTES, |out| encode_stat(stat, out));
}

/// To getData and reconfig.
pub fn put_data(out: &mut BytesMut, header: ReplyHeader, data: Option<&[u8]>, stat: &Stat) {
    put_reply(out, header, 4 + data.map_or(0, <[u8]>::len) + STAT_BYTES, |out| {
        out.put_buffer(data);
        encode_stat(stat, out);
    });
}

/// To getACL.
pub fn put_acl(out: &mut BytesMut, header: ReplyHeader, acl: &[Acl], stat: &Stat) {
    put_reply(out, header, STAT_BYTES, |out| {
        encode_acl(acl, out);
        encode_stat(stat, out);
    });
}

/// To getChildren (names) and getEphemerals (paths).
pub fn put_names<S: AsRef<str>>(out: &mut BytesMut, header: ReplyHeader, names: impl IntoIterator<Item = S>) {
    put_reply(out, header, 4, |out| encode_names(out, names));
}

/// To getChildren2.
pub fn put_names_and_stat<S: AsRef<str>>(
    out: &mut BytesMut,
    header: ReplyHeader,
    names: impl IntoIterator<Item = S>,
    stat: &Stat,
) {
    put_reply(out, header, 4 + STAT_BYTES, |out| {
        encode_names(out, names);
        encode_stat(stat, out);
    });
}

/// The count is written when the names are, so that an iterator need not know it.
fn encode_names<S: AsRef<str>>(out: &mut BytesMut, names: impl IntoIterator<Item = S>) {
    let count_at = out.len();
    let mut count = 0_u32;
    out.put_u32(0);
    for name in names {
        out.put_string(name.as_ref());
        count += 1;
    }
    out[count_at..count_at + 4].copy_from_slice(&count.to_be_bytes());
}

/// To getAllChildrenNumber (the number), and to addWatch (0).
pub fn put_int(out: &mut BytesMut, header: ReplyHeader, value: i32) {
    put_reply(out, header, 4, |out| out.put_i32(value));
}

/// To whoAmI: pairs of scheme and user.
pub fn put_identities(out: &mut BytesMut, header: ReplyHeader, identities: &[(&str, &str)]) {
    put_reply(out, header, 4, |out| {
        out.put_vector(identities, |out, (scheme, user)| {
            out.put_string(scheme);
            out.put_string(user);
        });
    });
}

/// To sasl.
pub fn put_token(out: &mut BytesMut, header: ReplyHeader, token: Option<&[u8]>) {
    put_reply(out, header, 4, |out| out.put_buffer(token));
}

/// To multi and multiRead; the header says 0 even if the multi failed.
pub fn put_results(out: &mut BytesMut, header: ReplyHeader, results: &[MultiResult]) {
    put_reply(out, header, 0, |out| multi::encode_results(results, out));
}

/// The state that servers put into events: SyncConnected.
const SYNC_CONNECTED: i32 = 3;

/// An event of a watch. `zxid` is that of the transaction; `None` where setWatches makes up for it.
pub fn put_event(out: &mut BytesMut, zxid: Option<u64>, kind: EventKind, path: &str) {
    let header = ReplyHeader {
        xid: EVENT_XID,
        zxid: zxid.map_or(-1, |zxid| zxid as i64),
        err: 0,
    };
    put_reply(out, header, 12 + path.len(), |out| {
        out.put_i32(kind as i32);
        out.put_i32(SYNC_CONNECTED);
        out.put_string(path);
    });
}

/// The body of an event as a client reads it.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct WatcherEvent {
    /// What happened.
    pub kind: EventKind,
    /// The connection's state: 3.
    pub state: i32,
    /// The path watched, or its parent.
    pub path: String,
}

impl WatcherEvent {
    /// Reads the body behind a header with xid −1.
    ///
    /// # Errors
    ///
    /// If a field is malformed or the kind is none that servers send.
    pub fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let start = reader.clone();
        let kind = match reader.int("event.type")? {
            1 => EventKind::NodeCreated,
            2 => EventKind::NodeDeleted,
            3 => EventKind::NodeDataChanged,
            4 => EventKind::NodeChildrenChanged,
            unknown => return Err(start.error("event.type", Fault::Unknown(unknown.into()))),
        };
        Ok(Self {
            kind,
            state: reader.int("event.state")?,
            path: reader.required("event.path")?,
        })
    }
}
