//! What is in a snapshot? Sessions, ACL lists and znodes, the same in a file and in a SNAP's stream.
//!
//! | part | content |
//! | --- | --- |
//! | sessions | int count, then (long session, int timeout) |
//! | ACL lists | int count, then (long id, vector of ACL) |
//! | znodes | (ustring path, buffer data, long ACL id, 60 bytes of stat), parents first; the root is `""` |
//! | end | ustring `/` |
//!
//! A file has a header before it and seals behind it; in a stream `BenWasHere` follows.

use crate::acl::{decode_acl, encode_acl};
use crate::error::{DecodeError, Fault};
use crate::jute::{PutJute, Reader};
use crate::stat::{decode_persisted, encode_persisted};
use bytes::BufMut;
use quorate_tree::{Acl, SessionId, StatPersisted, TxnDigest};
use std::borrow::Cow;

#[cfg(test)]
mod tests;

/// `ZKSN`, the first four bytes of a file.
pub const FILE_MAGIC: i32 = 0x5a4b_534e;
const FILE_VERSION: i32 = 2;
const FILE_DBID: i64 = -1;

/// Length of a file's header in bytes.
pub const FILE_HEADER_BYTES: usize = 16;

/// The string that ends the znodes, and each seal.
const TERMINATOR: &str = "/";

/// What a leader sends behind the last znode of a SNAP.
const SIGNATURE: &str = "BenWasHere";

/// One thing that a snapshot holds.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Item<'a> {
    /// A global session.
    Session {
        /// Its id.
        session: SessionId,
        /// Its timeout in ms, that of its creation.
        timeout_ms: i32,
    },
    /// An ACL list that znodes refer to.
    AclList {
        /// Its number in this snapshot.
        id: i64,
        /// The list.
        acl: Vec<Acl>,
    },
    /// A znode; its parent came before it.
    Node(Node<'a>),
    /// That was all.
    End,
}

/// A znode in a snapshot.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Node<'a> {
    /// The path; the root's is `""`.
    pub path: Cow<'a, str>,
    /// The data; `None` is null.
    pub data: Option<&'a [u8]>,
    /// The number of its ACL list; −1 is everything for everyone and not listed.
    pub acl: i64,
    /// The stat, with the stored cversion.
    pub stat: StatPersisted,
}

/// Reads a snapshot's items one by one, from bytes that may end anywhere.
#[derive(Clone, Debug)]
pub struct Items {
    part: Part,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Part {
    SessionCount,
    Sessions { left: usize },
    AclCount,
    AclLists { left: usize },
    Nodes,
    End,
}

impl Default for Items {
    fn default() -> Self {
        Self::new()
    }
}

impl Items {
    /// At the count of sessions.
    pub const fn new() -> Self {
        Self {
            part: Part::SessionCount,
        }
    }

    /// The next item; [`Item::End`] is the last, and every one after it.
    ///
    /// If the bytes end within the item, the error [is truncated](DecodeError::is_truncated), `reader`
    /// stands where it stood, and the call can be repeated with more bytes from there on. A caller that
    /// streams uses [`Reader::bounded`] and a bound on the bytes that it holds back.
    ///
    /// # Errors
    ///
    /// If a field is malformed.
    pub fn next<'a>(&mut self, reader: &mut Reader<'a>) -> Result<Item<'a>, DecodeError> {
        loop {
            let mut ahead = reader.clone();
            let (part, item) = self.read(&mut ahead)?;
            self.part = part;
            *reader = ahead;
            if let Some(item) = item {
                return Ok(item);
            }
        }
    }

    /// The part that follows, and the item unless this was a count.
    fn read<'a>(&self, reader: &mut Reader<'a>) -> Result<(Part, Option<Item<'a>>), DecodeError> {
        Ok(match self.part {
            Part::SessionCount => (
                Part::Sessions {
                    left: reader.count("sessions")?.unwrap_or(0),
                },
                None,
            ),
            Part::Sessions { left: 0 } => (Part::AclCount, None),
            Part::Sessions { left } => {
                let session = reader.long("session.id")?;
                let timeout_ms = reader.int("session.timeout")?;
                (
                    Part::Sessions { left: left - 1 },
                    Some(Item::Session { session, timeout_ms }),
                )
            }
            Part::AclCount => (
                Part::AclLists {
                    left: reader.count("acls")?.unwrap_or(0),
                },
                None,
            ),
            Part::AclLists { left: 0 } => (Part::Nodes, None),
            Part::AclLists { left } => {
                let id = reader.long("acl.id")?;
                let acl = decode_acl(reader)?;
                (Part::AclLists { left: left - 1 }, Some(Item::AclList { id, acl }))
            }
            Part::Nodes => {
                let null = reader.error("node.path", Fault::Null);
                let path = reader.string("node.path")?.ok_or(null)?;
                if path == TERMINATOR {
                    return Ok((Part::End, Some(Item::End)));
                }
                let data = reader.buffer("node.data")?;
                let acl = reader.long("node.acl")?;
                let stat = decode_persisted(reader)?;
                (
                    Part::Nodes,
                    Some(Item::Node(Node {
                        path,
                        data,
                        acl,
                        stat,
                    })),
                )
            }
            Part::End => (Part::End, Some(Item::End)),
        })
    }
}

/// Writes the count in front of the sessions.
pub fn put_session_count(out: &mut impl BufMut, count: usize) {
    out.put_length(count);
}

/// Writes a session.
pub fn put_session(out: &mut impl BufMut, session: SessionId, timeout_ms: i32) {
    out.put_i64(session);
    out.put_i32(timeout_ms);
}

/// Writes the count in front of the ACL lists.
pub fn put_acl_count(out: &mut impl BufMut, count: usize) {
    out.put_length(count);
}

/// Writes an ACL list.
pub fn put_acl_list(out: &mut impl BufMut, id: i64, acl: &[Acl]) {
    out.put_i64(id);
    encode_acl(acl, out);
}

/// Writes a znode.
pub fn put_node(out: &mut impl BufMut, path: &str, data: Option<&[u8]>, acl: i64, stat: &StatPersisted) {
    out.put_string(path);
    out.put_buffer(data);
    out.put_i64(acl);
    encode_persisted(stat, out);
}

/// Writes what ends the znodes.
pub fn put_end(out: &mut impl BufMut) {
    out.put_string(TERMINATOR);
}

/// Writes what follows the end in a SNAP's stream.
pub fn put_signature(out: &mut impl BufMut) {
    out.put_string(SIGNATURE);
}

/// Reads what follows the end in a SNAP's stream.
///
/// # Errors
///
/// If it is cut short or anything else.
pub fn signature(reader: &mut Reader<'_>) -> Result<(), DecodeError> {
    fixed(reader, "signature", SIGNATURE)
}

/// Writes the header of a file.
pub fn put_file_header(out: &mut impl BufMut) {
    out.put_i32(FILE_MAGIC);
    out.put_i32(FILE_VERSION);
    out.put_i64(FILE_DBID);
}

/// Reads the header of a file.
///
/// # Errors
///
/// If it is cut short, has another magic number or another version.
pub fn file_header(reader: &mut Reader<'_>) -> Result<(), DecodeError> {
    let start = reader.clone();
    let magic = reader.int("header.magic")?;
    if magic != FILE_MAGIC {
        return Err(start.error("header.magic", Fault::Unknown(magic.into())));
    }
    let version_at = reader.clone();
    let version = reader.int("header.version")?;
    if version != FILE_VERSION {
        return Err(version_at.error("header.version", Fault::Unknown(version.into())));
    }
    reader.long("header.dbid")?;
    Ok(())
}

/// Writes a seal: the Adler-32 of all bytes of the file before it.
pub fn put_seal(out: &mut impl BufMut, adler32: u32) {
    out.put_u64(adler32.into());
    out.put_string(TERMINATOR);
}

/// Reads a seal; the caller compares.
///
/// # Errors
///
/// If it is cut short or does not end as seals do.
pub fn seal(reader: &mut Reader<'_>) -> Result<u32, DecodeError> {
    let start = reader.clone();
    let adler32 = reader.bits("seal.adler32")?;
    let adler32 =
        u32::try_from(adler32).map_err(|_| start.error("seal.adler32", Fault::Unknown(adler32 as i64)))?;
    fixed(reader, "seal.end", TERMINATOR)?;
    Ok(adler32)
}

/// Writes the digest of the tree between the first and second seal.
pub fn put_digest(out: &mut impl BufMut, zxid: u64, digest: TxnDigest) {
    out.put_u64(zxid);
    out.put_i32(digest.version);
    out.put_u64(digest.digest);
}

/// Reads the digest between the first and second seal, and the zxid that it belongs to. That of version
/// 1 is text which nothing here computes: it is skipped.
///
/// # Errors
///
/// If it is cut short.
pub fn digest(reader: &mut Reader<'_>) -> Result<(u64, Option<TxnDigest>), DecodeError> {
    let zxid = reader.bits("digest.zxid")?;
    let version = reader.int("digest.version")?;
    if version < 2 {
        reader.buffer("digest.digest")?;
        return Ok((zxid, None));
    }
    let digest = reader.bits("digest.digest")?;
    Ok((zxid, Some(TxnDigest { version, digest })))
}

/// Writes the last zxid between the second and third seal.
pub fn put_last_zxid(out: &mut impl BufMut, zxid: u64) {
    out.put_u64(zxid);
}

/// Reads the last zxid between the second and third seal.
///
/// # Errors
///
/// If it is cut short.
pub fn last_zxid(reader: &mut Reader<'_>) -> Result<u64, DecodeError> {
    reader.bits("lastZxid")
}

fn fixed(reader: &mut Reader<'_>, field: &'static str, expected: &str) -> Result<(), DecodeError> {
    let start = reader.clone();
    match reader.buffer(field)? {
        Some(bytes) if bytes == expected.as_bytes() => Ok(()),
        Some(other) => Err(start.error(field, Fault::Unknown(other.len() as i64))),
        None => Err(start.error(field, Fault::Null)),
    }
}
