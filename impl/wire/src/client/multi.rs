//! What is in a multi? Operations, each behind a header (type, done, err), until a header that says done.
//!
//! | op | header type of its result | body of its result |
//! | --- | --- | --- |
//! | create | 1 | path |
//! | create2, createContainer, createTTL | 15 | path, stat |
//! | delete, check | 2, 13 | |
//! | setData | 5 | stat |
//! | any that failed | −1, err = code | int code |

use super::opcode::Opcode;
use super::request::{CreateRequest, path};
use crate::error::{DecodeError, Fault};
use crate::jute::{PutJute, Reader};
use crate::stat::{decode_stat, encode_stat};
use bytes::BufMut;
use quorate_tree::Stat;

#[cfg(test)]
mod tests;

/// A write inside a multi.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
#[allow(missing_docs)] // the fields are those of the operations
pub enum MultiOp {
    /// [`Opcode::Create`], flags 0 to 4.
    Create(CreateRequest),
    /// [`Opcode::Create2`], flags 0 to 4.
    Create2(CreateRequest),
    /// [`Opcode::CreateContainer`], flags 0 to 4.
    CreateContainer(CreateRequest),
    /// [`Opcode::CreateTtl`], flags 0 to 6.
    CreateTtl { create: CreateRequest, ttl_ms: i64 },
    /// [`Opcode::Delete`]; version −1 is any.
    Delete { path: String, version: i32 },
    /// [`Opcode::SetData`]; version −1 is any.
    SetData {
        path: String,
        data: Option<Vec<u8>>,
        version: i32,
    },
    /// [`Opcode::Check`]; version −1 is any.
    Check { path: String, version: i32 },
}

/// A read inside a multiRead; its watch flag is ignored.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
#[allow(missing_docs)] // the fields are those of the operations
pub enum MultiReadOp {
    /// [`Opcode::GetData`]
    GetData { path: String },
    /// [`Opcode::GetChildren`]
    GetChildren { path: String },
}

const END: i32 = -1;
const TTL_FLAGS_MAX: i32 = 6;
const PLAIN_FLAGS_MAX: i32 = 4;

/// Reads the header in front of each operation; `None` is the end.
fn header(reader: &mut Reader<'_>) -> Result<Option<i32>, DecodeError> {
    let kind = reader.int("multi.type")?;
    let done = reader.boolean("multi.done")?;
    reader.int("multi.err")?;
    Ok((!done).then_some(kind))
}

fn put_header(out: &mut impl BufMut, kind: i32, done: bool, err: i32) {
    out.put_i32(kind);
    out.put_boolean(done);
    out.put_i32(err);
}

/// In a multi Apache finds invalid flags when it decodes, so that the whole of it fails.
fn create(reader: &mut Reader<'_>, flags_max: i32) -> Result<CreateRequest, DecodeError> {
    let create = CreateRequest::decode(reader)?;
    if (0..=flags_max).contains(&create.flags) {
        Ok(create)
    } else {
        Err(reader.error("flags", Fault::Unknown(create.flags.into())))
    }
}

pub(super) fn decode(reader: &mut Reader<'_>) -> Result<Vec<MultiOp>, DecodeError> {
    let mut ops = Vec::new();
    loop {
        let unknown = reader.clone();
        let Some(kind) = header(reader)? else {
            return Ok(ops);
        };
        ops.push(match Opcode::from_number(kind) {
            Some(Opcode::Create) => MultiOp::Create(create(reader, PLAIN_FLAGS_MAX)?),
            Some(Opcode::Create2) => MultiOp::Create2(create(reader, PLAIN_FLAGS_MAX)?),
            Some(Opcode::CreateContainer) => MultiOp::CreateContainer(create(reader, PLAIN_FLAGS_MAX)?),
            Some(Opcode::CreateTtl) => MultiOp::CreateTtl {
                create: create(reader, TTL_FLAGS_MAX)?,
                ttl_ms: reader.long("ttl")?,
            },
            Some(Opcode::Delete) => MultiOp::Delete {
                path: path(reader)?,
                version: reader.int("version")?,
            },
            Some(Opcode::SetData) => MultiOp::SetData {
                path: path(reader)?,
                data: reader.owned_buffer("data")?,
                version: reader.int("version")?,
            },
            Some(Opcode::Check) => MultiOp::Check {
                path: path(reader)?,
                version: reader.int("version")?,
            },
            _ => return Err(unknown.error("multi.type", Fault::Unknown(kind.into()))),
        });
    }
}

pub(super) fn encode(ops: &[MultiOp], out: &mut impl BufMut) {
    for op in ops {
        put_header(out, op.opcode().number(), false, -1);
        match op {
            MultiOp::Create(create) | MultiOp::Create2(create) | MultiOp::CreateContainer(create) => {
                create.encode(out);
            }
            MultiOp::CreateTtl { create, ttl_ms } => {
                create.encode(out);
                out.put_i64(*ttl_ms);
            }
            MultiOp::Delete { path, version } | MultiOp::Check { path, version } => {
                out.put_string(path);
                out.put_i32(*version);
            }
            MultiOp::SetData { path, data, version } => {
                out.put_string(path);
                out.put_buffer(data.as_deref());
                out.put_i32(*version);
            }
        }
    }
    put_header(out, END, true, -1);
}

impl MultiOp {
    /// The operation.
    pub const fn opcode(&self) -> Opcode {
        match self {
            Self::Create(_) => Opcode::Create,
            Self::Create2(_) => Opcode::Create2,
            Self::CreateContainer(_) => Opcode::CreateContainer,
            Self::CreateTtl { .. } => Opcode::CreateTtl,
            Self::Delete { .. } => Opcode::Delete,
            Self::SetData { .. } => Opcode::SetData,
            Self::Check { .. } => Opcode::Check,
        }
    }
}

pub(super) fn decode_read(reader: &mut Reader<'_>) -> Result<Vec<MultiReadOp>, DecodeError> {
    let mut ops = Vec::new();
    loop {
        let unknown = reader.clone();
        let Some(kind) = header(reader)? else {
            return Ok(ops);
        };
        let (path, _) = match Opcode::from_number(kind) {
            Some(Opcode::GetData | Opcode::GetChildren) => (path(reader)?, reader.boolean("watch")?),
            _ => return Err(unknown.error("multiRead.type", Fault::Unknown(kind.into()))),
        };
        ops.push(if kind == Opcode::GetData.number() {
            MultiReadOp::GetData { path }
        } else {
            MultiReadOp::GetChildren { path }
        });
    }
}

pub(super) fn encode_read(ops: &[MultiReadOp], out: &mut impl BufMut) {
    for op in ops {
        let (opcode, path) = match op {
            MultiReadOp::GetData { path } => (Opcode::GetData, path),
            MultiReadOp::GetChildren { path } => (Opcode::GetChildren, path),
        };
        put_header(out, opcode.number(), false, -1);
        out.put_string(path);
        out.put_boolean(false);
    }
    put_header(out, END, true, -1);
}

/// What one operation of a multi or multiRead came to.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
#[allow(missing_docs)] // the fields are those of the results
pub enum MultiResult {
    /// Of a create.
    Created { path: String },
    /// Of a create2, createContainer or createTTL.
    CreatedWithStat { path: String, stat: Stat },
    /// Of a delete.
    Deleted,
    /// Of a check.
    Checked,
    /// Of a setData.
    DataSet(Stat),
    /// Of a getData in a multiRead.
    Data { data: Option<Vec<u8>>, stat: Stat },
    /// Of a getChildren in a multiRead.
    Children(Vec<String>),
    /// The error code: in a failed multi 0 before the operation that failed, its code, and −2 after it.
    Error(i32),
}

/// Writes the results and the header that ends them.
pub fn encode_results(results: &[MultiResult], out: &mut impl BufMut) {
    for result in results {
        match result {
            MultiResult::Created { path } => {
                put_header(out, Opcode::Create.number(), false, 0);
                out.put_string(path);
            }
            MultiResult::CreatedWithStat { path, stat } => {
                put_header(out, Opcode::Create2.number(), false, 0);
                out.put_string(path);
                encode_stat(stat, out);
            }
            MultiResult::Deleted => put_header(out, Opcode::Delete.number(), false, 0),
            MultiResult::Checked => put_header(out, Opcode::Check.number(), false, 0),
            MultiResult::DataSet(stat) => {
                put_header(out, Opcode::SetData.number(), false, 0);
                encode_stat(stat, out);
            }
            MultiResult::Data { data, stat } => {
                put_header(out, Opcode::GetData.number(), false, 0);
                out.put_buffer(data.as_deref());
                encode_stat(stat, out);
            }
            MultiResult::Children(children) => {
                put_header(out, Opcode::GetChildren.number(), false, 0);
                out.put_vector(children, |out, name| out.put_string(name));
            }
            MultiResult::Error(code) => {
                put_header(out, -1, false, *code);
                out.put_i32(*code);
            }
        }
    }
    put_header(out, END, true, -1);
}

/// Reads the results of a multi or multiRead.
///
/// # Errors
///
/// If a field is malformed or a header has an unknown type.
pub fn decode_results(reader: &mut Reader<'_>) -> Result<Vec<MultiResult>, DecodeError> {
    let mut results = Vec::new();
    loop {
        let unknown = reader.clone();
        let Some(kind) = header(reader)? else {
            return Ok(results);
        };
        results.push(match Opcode::from_number(kind) {
            Some(Opcode::Create) => MultiResult::Created { path: path(reader)? },
            Some(Opcode::Create2) => MultiResult::CreatedWithStat {
                path: path(reader)?,
                stat: decode_stat(reader)?,
            },
            Some(Opcode::Delete) => MultiResult::Deleted,
            Some(Opcode::Check) => MultiResult::Checked,
            Some(Opcode::SetData) => MultiResult::DataSet(decode_stat(reader)?),
            Some(Opcode::GetData) => MultiResult::Data {
                data: reader.owned_buffer("data")?,
                stat: decode_stat(reader)?,
            },
            Some(Opcode::GetChildren) => MultiResult::Children(
                reader
                    .vector("children", |reader| reader.required("child"))?
                    .unwrap_or_default(),
            ),
            None if kind == -1 => MultiResult::Error(reader.int("err")?),
            _ => return Err(unknown.error("multi.type", Fault::Unknown(kind.into()))),
        });
    }
}
