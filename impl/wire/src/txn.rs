//! How is a transaction written in the log and in a PROPOSAL? As a header of 32 bytes, a record by its
//! type, and the digest if the leader computed one; the two are the same bytes.
//!
//! | offset | bytes | meaning |
//! | --- | --- | --- |
//! | 0 | 8 | session |
//! | 8 | 4 | cxid |
//! | 12 | 8 | zxid |
//! | 20 | 8 | time, ms since 1970 |
//! | 28 | 4 | type |
//! | 32 | | record |
//! | end − 12 | 4, 8 | digest version and digest, or nothing |
//!
//! The record says nothing of its length: what remains after it, 12 bytes or none, is the digest.

use crate::acl::{decode_acl, encode_acl};
use crate::error::{DecodeError, Fault};
use crate::jute::{PutJute, Reader};
use bytes::BufMut;
use quorate_tree::{Create, Txn, TxnDigest, TxnEntry, TxnHeader};

#[cfg(test)]
mod tests;

/// Bytes of the header, its type included.
pub const HEADER_BYTES: usize = 32;

/// Multis within multis are read to this depth. Apache writes none inside another.
pub const MULTI_DEPTH_MAX: usize = 4;

const DIGEST_BYTES: usize = 12;
const DIGEST_VERSION: i32 = 2;

/// The type numbers of records, as the header of an entry has them.
pub mod kind {
    #![allow(missing_docs)]
    pub const CLOSE_SESSION: i32 = -11;
    pub const CREATE_SESSION: i32 = -10;
    pub const ERROR: i32 = -1;
    pub const CREATE: i32 = 1;
    pub const DELETE: i32 = 2;
    pub const SET_DATA: i32 = 5;
    pub const SET_ACL: i32 = 7;
    pub const CHECK: i32 = 13;
    pub const MULTI: i32 = 14;
    pub const CREATE2: i32 = 15;
    pub const RECONFIG: i32 = 16;
    pub const CREATE_CONTAINER: i32 = 19;
    pub const DELETE_CONTAINER: i32 = 20;
    pub const CREATE_TTL: i32 = 21;
}

/// The type number of a transaction.
pub const fn kind_of(txn: &Txn) -> i32 {
    match txn {
        Txn::CreateSession { .. } => kind::CREATE_SESSION,
        Txn::CloseSession { .. } => kind::CLOSE_SESSION,
        Txn::Create { with_stat: false, .. } => kind::CREATE,
        Txn::Create { with_stat: true, .. } => kind::CREATE2,
        Txn::CreateContainer(_) => kind::CREATE_CONTAINER,
        Txn::CreateTtl { .. } => kind::CREATE_TTL,
        Txn::Delete { .. } => kind::DELETE,
        Txn::DeleteContainer { .. } => kind::DELETE_CONTAINER,
        Txn::SetData { .. } => kind::SET_DATA,
        Txn::Reconfig { .. } => kind::RECONFIG,
        Txn::SetAcl { .. } => kind::SET_ACL,
        Txn::Check { .. } => kind::CHECK,
        Txn::Multi(_) => kind::MULTI,
        Txn::Error { .. } => kind::ERROR,
    }
}

/// The header of an entry and its type number, without a look at the rest.
///
/// # Errors
///
/// If there are fewer than 32 bytes.
pub fn peek_header(entry: &[u8]) -> Result<(TxnHeader, i32), DecodeError> {
    header(&mut Reader::new(entry))
}

fn header(reader: &mut Reader<'_>) -> Result<(TxnHeader, i32), DecodeError> {
    let header = TxnHeader {
        session: reader.long("header.clientId")?,
        cxid: reader.int("header.cxid")?,
        zxid: reader.bits("header.zxid")?,
        time_ms: reader.long("header.time")?,
    };
    Ok((header, reader.int("header.type")?))
}

/// Reads a whole log entry or PROPOSAL payload.
///
/// # Errors
///
/// If the type is unknown, a field is malformed, or what follows the record is no digest.
pub fn decode_entry(entry: &[u8]) -> Result<TxnEntry, DecodeError> {
    let mut reader = Reader::new(entry);
    let (header, kind) = header(&mut reader)?;
    let txn = record(&mut reader, kind, 0)?;
    let digest = match reader.remaining() {
        0 => None,
        DIGEST_BYTES => Some(TxnDigest {
            version: reader.int("digest.version")?,
            digest: reader.bits("digest.treeDigest")?,
        }),
        count => return Err(reader.error("digest", Fault::Trailing(count))),
    };
    Ok(TxnEntry { header, txn, digest })
}

fn record(reader: &mut Reader<'_>, kind: i32, depth: usize) -> Result<Txn, DecodeError> {
    Ok(match kind {
        kind::CREATE_SESSION => Txn::CreateSession {
            timeout_ms: reader.int("createSession.timeOut")?,
        },
        kind::CLOSE_SESSION => Txn::CloseSession {
            paths: closed_paths(reader)?,
        },
        kind::CREATE | kind::CREATE2 => {
            let (path, data, acl) = created(reader)?;
            let ephemeral = reader.boolean("create.ephemeral")?;
            let parent_cversion = parent_cversion(reader, 0)?;
            let create = Create {
                path,
                data,
                acl,
                parent_cversion,
            };
            Txn::Create {
                create,
                ephemeral,
                with_stat: kind == kind::CREATE2,
            }
        }
        kind::CREATE_CONTAINER => {
            let (path, data, acl) = created(reader)?;
            let parent_cversion = parent_cversion(reader, 0)?;
            Txn::CreateContainer(Create {
                path,
                data,
                acl,
                parent_cversion,
            })
        }
        kind::CREATE_TTL => {
            let (path, data, acl) = created(reader)?;
            let parent_cversion = parent_cversion(reader, 8)?;
            let create = Create {
                path,
                data,
                acl,
                parent_cversion,
            };
            Txn::CreateTtl {
                create,
                ttl_ms: reader.long("create.ttl")?,
            }
        }
        kind::DELETE => Txn::Delete {
            path: reader.required("delete.path")?,
        },
        kind::DELETE_CONTAINER => Txn::DeleteContainer {
            path: reader.required("deleteContainer.path")?,
        },
        kind::SET_DATA => Txn::SetData {
            path: reader.required("setData.path")?,
            data: reader.owned_buffer("setData.data")?,
            version: reader.int("setData.version")?,
        },
        kind::RECONFIG => Txn::Reconfig {
            path: reader.required("reconfig.path")?,
            data: reader.owned_buffer("reconfig.data")?,
            version: reader.int("reconfig.version")?,
        },
        kind::SET_ACL => Txn::SetAcl {
            path: reader.required("setACL.path")?,
            acl: decode_acl(reader)?,
            version: reader.int("setACL.version")?,
        },
        kind::CHECK => Txn::Check {
            path: reader.required("check.path")?,
            version: reader.int("check.version")?,
        },
        kind::MULTI if depth == MULTI_DEPTH_MAX => {
            return Err(reader.error("multi", Fault::TooDeep(MULTI_DEPTH_MAX)));
        }
        kind::MULTI => Txn::Multi(
            reader
                .vector("multi.txns", |reader| sub_record(reader, depth + 1))?
                .unwrap_or_default(),
        ),
        kind::ERROR => Txn::Error {
            code: reader.int("error.err")?,
        },
        unknown => return Err(reader.error("type", Fault::Unknown(unknown.into()))),
    })
}

/// One operation of a multi: its type, and its record in a buffer that holds nothing else.
///
/// An error may have more behind it. Apache's servers mark the parts of a failed multi as errors when they apply it,
/// and leave the parts' own records in the buffers; from then on they send it so, in a DIFF, and may log it so. They
/// read the first four bytes as the code, which is of use to nobody, and ignore the rest [ZooKeeper
/// `DataTree.processTxn`].
fn sub_record(reader: &mut Reader<'_>, depth: usize) -> Result<Txn, DecodeError> {
    let kind = reader.int("multi.type")?;
    let null = reader.error("multi.data", Fault::Null);
    let start = reader.offset() + 4;
    let bytes = reader.buffer("multi.data")?.ok_or(null)?;
    let mut inner = Reader::new(bytes).starting_at(start);
    let txn = record(&mut inner, kind, depth)?;
    if kind != kind::ERROR {
        inner.end("multi.data")?;
    }
    Ok(txn)
}

type Created = (String, Option<Vec<u8>>, Vec<quorate_tree::Acl>);

fn created(reader: &mut Reader<'_>) -> Result<Created, DecodeError> {
    Ok((
        reader.required("create.path")?,
        reader.owned_buffer("create.data")?,
        decode_acl(reader)?,
    ))
}

/// The field is absent in records older than 3.4. What follows it in the record has a fixed length
/// `after`, so what is left shows whether it is there.
fn parent_cversion(reader: &mut Reader<'_>, after: usize) -> Result<Option<i32>, DecodeError> {
    let left = reader.remaining();
    if left == after || left == after + DIGEST_BYTES {
        return Ok(None);
    }
    reader.int("create.parentCVersion").map(Some)
}

/// The paths that a closeSession deletes, or `None` if the record has no body.
///
/// A digest alone (a 2 and eight bytes) begins like a vector of two strings. Two paths need at least
/// 14 bytes, so those 12 are the digest.
fn closed_paths(reader: &mut Reader<'_>) -> Result<Option<Vec<String>>, DecodeError> {
    let digest_alone = reader.remaining() == DIGEST_BYTES && reader.clone().int("")? == DIGEST_VERSION;
    if reader.remaining() == 0 || digest_alone {
        return Ok(None);
    }
    let paths = reader.vector("closeSession.paths2Delete", |reader| {
        reader.required("closeSession.path")
    })?;
    Ok(Some(paths.unwrap_or_default()))
}

/// Writes a log entry or PROPOSAL payload.
pub fn encode_entry(entry: &TxnEntry, out: &mut impl BufMut) {
    out.put_i64(entry.header.session);
    out.put_i32(entry.header.cxid);
    out.put_u64(entry.header.zxid);
    out.put_i64(entry.header.time_ms);
    out.put_i32(kind_of(&entry.txn));
    encode_record(&entry.txn, out);
    if let Some(digest) = entry.digest {
        out.put_i32(digest.version);
        out.put_u64(digest.digest);
    }
}

fn encode_record(txn: &Txn, out: &mut impl BufMut) {
    match txn {
        Txn::CreateSession { timeout_ms } => out.put_i32(*timeout_ms),
        Txn::CloseSession { paths: None } => {}
        Txn::CloseSession { paths: Some(paths) } => out.put_vector(paths, |out, path| out.put_string(path)),
        Txn::Create {
            create,
            ephemeral,
            with_stat: _,
        } => {
            encode_created(create, out);
            out.put_boolean(*ephemeral);
            encode_parent_cversion(create, out);
        }
        Txn::CreateContainer(create) => {
            encode_created(create, out);
            encode_parent_cversion(create, out);
        }
        Txn::CreateTtl { create, ttl_ms } => {
            encode_created(create, out);
            encode_parent_cversion(create, out);
            out.put_i64(*ttl_ms);
        }
        Txn::Delete { path } | Txn::DeleteContainer { path } => out.put_string(path),
        Txn::SetData { path, data, version } | Txn::Reconfig { path, data, version } => {
            out.put_string(path);
            out.put_buffer(data.as_deref());
            out.put_i32(*version);
        }
        Txn::SetAcl { path, acl, version } => {
            out.put_string(path);
            encode_acl(acl, out);
            out.put_i32(*version);
        }
        Txn::Check { path, version } => {
            out.put_string(path);
            out.put_i32(*version);
        }
        Txn::Multi(txns) => out.put_vector(txns, |out, txn| {
            out.put_i32(kind_of(txn));
            out.put_length(record_bytes(txn));
            encode_record(txn, out);
        }),
        Txn::Error { code } => out.put_i32(*code),
    }
}

fn encode_created(create: &Create, out: &mut impl BufMut) {
    out.put_string(&create.path);
    out.put_buffer(create.data.as_deref());
    encode_acl(&create.acl, out);
}

fn encode_parent_cversion(create: &Create, out: &mut impl BufMut) {
    if let Some(version) = create.parent_cversion {
        out.put_i32(version);
    }
}

/// Length of an entry in bytes when encoded, so that its buffer can be allocated once.
pub fn entry_bytes(entry: &TxnEntry) -> usize {
    HEADER_BYTES + record_bytes(&entry.txn) + entry.digest.map_or(0, |_| DIGEST_BYTES)
}

fn record_bytes(txn: &Txn) -> usize {
    let field = |bytes: usize| 4 + bytes;
    let data_bytes = |data: &Option<Vec<u8>>| field(data.as_ref().map_or(0, Vec::len));
    let acl_bytes = |acl: &[quorate_tree::Acl]| {
        4 + acl
            .iter()
            .map(|entry| 4 + field(entry.scheme.len()) + field(entry.id.len()))
            .sum::<usize>()
    };
    let create_bytes = |create: &Create| {
        let version = create.parent_cversion.map_or(0, |_| 4);
        field(create.path.len()) + data_bytes(&create.data) + acl_bytes(&create.acl) + version
    };
    match txn {
        Txn::CreateSession { .. } | Txn::Error { .. } => 4,
        Txn::CloseSession { paths: None } => 0,
        Txn::CloseSession { paths: Some(paths) } => {
            4 + paths.iter().map(|path| field(path.len())).sum::<usize>()
        }
        Txn::Create { create, .. } => create_bytes(create) + 1,
        Txn::CreateContainer(create) => create_bytes(create),
        Txn::CreateTtl { create, .. } => create_bytes(create) + 8,
        Txn::Delete { path } | Txn::DeleteContainer { path } => field(path.len()),
        Txn::SetData { path, data, .. } | Txn::Reconfig { path, data, .. } => {
            field(path.len()) + data_bytes(data) + 4
        }
        Txn::SetAcl { path, acl, .. } => field(path.len()) + acl_bytes(acl) + 4,
        Txn::Check { path, .. } => field(path.len()) + 4,
        Txn::Multi(txns) => 4 + txns.iter().map(|txn| 4 + field(record_bytes(txn))).sum::<usize>(),
    }
}
