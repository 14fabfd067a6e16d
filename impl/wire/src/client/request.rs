//! What does a client ask? A header of eight bytes, then a body by the opcode.
//!
//! A body is decoded in full before anything else happens to it: one that cannot be decoded is answered
//! MarshallingError and never reaches the ensemble. Trailing bytes are ignored, as ZooKeeper does.

use super::multi::{self, MultiOp, MultiReadOp};
use super::opcode::Opcode;
use crate::acl::{decode_acl, encode_acl};
use crate::error::DecodeError;
use crate::jute::{PutJute, Reader};
use bytes::{BufMut, BytesMut};
use quorate_tree::Acl;

#[cfg(test)]
mod tests;

/// What every request begins with.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct RequestHeader {
    /// The client's number of the request, echoed in the reply; some negative ones are special.
    pub xid: i32,
    /// The opcode's number, known or not.
    pub opcode: i32,
}

impl RequestHeader {
    /// Length in bytes; the request's body follows it.
    pub const BYTES: usize = 8;

    /// Reads the header of a frame.
    ///
    /// # Errors
    ///
    /// If there are fewer than 8 bytes: the connection is to be closed without a reply.
    pub fn decode(frame: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(frame);
        Ok(Self {
            xid: reader.int("header.xid")?,
            opcode: reader.int("header.type")?,
        })
    }

    /// Writes the 8 bytes.
    pub fn encode(self, out: &mut impl BufMut) {
        out.put_i32(self.xid);
        out.put_i32(self.opcode);
    }
}

/// The body of the creating operations.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct CreateRequest {
    /// The path, without the suffix that a sequential mode appends.
    pub path: String,
    /// The data; `None` is null.
    pub data: Option<Vec<u8>>,
    /// The ACL as sent, unexpanded; null is empty.
    pub acl: Vec<Acl>,
    /// 0 persistent, 1 ephemeral, +2 sequential, 4 container, 5 TTL, 6 sequential TTL; else invalid.
    pub flags: i32,
}

/// What a connection watches, as sent after it moved to another server.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub struct WatchLists {
    /// The last zxid that the client saw: later changes are made up for.
    pub relative_zxid: u64,
    /// Paths whose data is watched.
    pub data: Vec<String>,
    /// Paths whose creation is watched.
    pub exist: Vec<String>,
    /// Paths whose children are watched.
    pub child: Vec<String>,
    /// Paths watched for good; only in setWatches2.
    pub persistent: Vec<String>,
    /// Paths watched for good with all below them; only in setWatches2.
    pub persistent_recursive: Vec<String>,
}

/// A request's body, decoded, of every operation that ZooKeeper has.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
#[allow(missing_docs)] // the fields are those of the operations
pub enum Request {
    /// [`Opcode::Create`]
    Create(CreateRequest),
    /// [`Opcode::Create2`]
    Create2(CreateRequest),
    /// [`Opcode::CreateContainer`]
    CreateContainer(CreateRequest),
    /// [`Opcode::CreateTtl`]
    CreateTtl { create: CreateRequest, ttl_ms: i64 },
    /// [`Opcode::Delete`]; version −1 is any.
    Delete { path: String, version: i32 },
    /// [`Opcode::Exists`]
    Exists { path: String, watch: bool },
    /// [`Opcode::GetData`]
    GetData { path: String, watch: bool },
    /// [`Opcode::SetData`]; version −1 is any.
    SetData {
        path: String,
        data: Option<Vec<u8>>,
        version: i32,
    },
    /// [`Opcode::GetAcl`]
    GetAcl { path: String },
    /// [`Opcode::SetAcl`]; version −1 is any.
    SetAcl {
        path: String,
        acl: Vec<Acl>,
        version: i32,
    },
    /// [`Opcode::GetChildren`]
    GetChildren { path: String, watch: bool },
    /// [`Opcode::GetChildren2`]
    GetChildren2 { path: String, watch: bool },
    /// [`Opcode::Sync`]; the reply echoes the path, null included.
    Sync { path: Option<String> },
    /// [`Opcode::Ping`]
    Ping,
    /// [`Opcode::Check`], which is refused outside a multi.
    Check { path: String, version: i32 },
    /// [`Opcode::Multi`]
    Multi(Vec<MultiOp>),
    /// [`Opcode::MultiRead`]
    MultiRead(Vec<MultiReadOp>),
    /// [`Opcode::Reconfig`]; config id −1 is any.
    Reconfig {
        joining: Option<String>,
        leaving: Option<String>,
        members: Option<String>,
        config_id: i64,
    },
    /// [`Opcode::CheckWatches`]
    CheckWatches { path: String, kind: i32 },
    /// [`Opcode::RemoveWatches`]
    RemoveWatches { path: String, kind: i32 },
    /// [`Opcode::DeleteContainer`], which is refused from clients.
    DeleteContainer { path: String },
    /// [`Opcode::Auth`]
    Auth {
        kind: i32,
        scheme: String,
        auth: Option<Vec<u8>>,
    },
    /// [`Opcode::SetWatches`]
    SetWatches(WatchLists),
    /// [`Opcode::SetWatches2`]
    SetWatches2(WatchLists),
    /// [`Opcode::Sasl`]
    Sasl { token: Option<Vec<u8>> },
    /// [`Opcode::GetEphemerals`]; a null prefix is all.
    GetEphemerals { prefix: Option<String> },
    /// [`Opcode::GetAllChildrenNumber`]
    GetAllChildrenNumber { path: String },
    /// [`Opcode::AddWatch`]; mode 0 is persistent, 1 recursive, others are refused.
    AddWatch { path: String, mode: i32 },
    /// [`Opcode::WhoAmI`]
    WhoAmI,
    /// [`Opcode::CreateSession`], which is refused from clients: the body of a learner's REQUEST.
    CreateSession { timeout_ms: i32 },
    /// [`Opcode::CloseSession`]
    CloseSession,
}

impl Request {
    /// Reads a body, the bytes after the header. Offsets in errors count from the body's start.
    ///
    /// # Errors
    ///
    /// If a field is cut short, has a negative length or is null where no operation takes null: to be
    /// answered MarshallingError.
    pub fn decode(opcode: Opcode, body: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(body);
        let reader = &mut reader;
        Ok(match opcode {
            Opcode::Create => Self::Create(CreateRequest::decode(reader)?),
            Opcode::Create2 => Self::Create2(CreateRequest::decode(reader)?),
            Opcode::CreateContainer => Self::CreateContainer(CreateRequest::decode(reader)?),
            Opcode::CreateTtl => Self::CreateTtl {
                create: CreateRequest::decode(reader)?,
                ttl_ms: reader.long("ttl")?,
            },
            Opcode::Delete => Self::Delete {
                path: path(reader)?,
                version: reader.int("version")?,
            },
            Opcode::Exists => Self::Exists {
                path: path(reader)?,
                watch: reader.boolean("watch")?,
            },
            Opcode::GetData => Self::GetData {
                path: path(reader)?,
                watch: reader.boolean("watch")?,
            },
            Opcode::SetData => Self::SetData {
                path: path(reader)?,
                data: reader.owned_buffer("data")?,
                version: reader.int("version")?,
            },
            Opcode::GetAcl => Self::GetAcl { path: path(reader)? },
            Opcode::SetAcl => Self::SetAcl {
                path: path(reader)?,
                acl: decode_acl(reader)?,
                version: reader.int("version")?,
            },
            Opcode::GetChildren => Self::GetChildren {
                path: path(reader)?,
                watch: reader.boolean("watch")?,
            },
            Opcode::GetChildren2 => Self::GetChildren2 {
                path: path(reader)?,
                watch: reader.boolean("watch")?,
            },
            Opcode::Sync => Self::Sync {
                path: optional(reader, "path")?,
            },
            Opcode::Ping => Self::Ping,
            Opcode::Check => Self::Check {
                path: path(reader)?,
                version: reader.int("version")?,
            },
            Opcode::Multi => Self::Multi(multi::decode(reader)?),
            Opcode::MultiRead => Self::MultiRead(multi::decode_read(reader)?),
            Opcode::Reconfig => Self::Reconfig {
                joining: optional(reader, "joiningServers")?,
                leaving: optional(reader, "leavingServers")?,
                members: optional(reader, "newMembers")?,
                config_id: reader.long("curConfigId")?,
            },
            Opcode::CheckWatches => Self::CheckWatches {
                path: path(reader)?,
                kind: reader.int("type")?,
            },
            Opcode::RemoveWatches => Self::RemoveWatches {
                path: path(reader)?,
                kind: reader.int("type")?,
            },
            Opcode::DeleteContainer => Self::DeleteContainer { path: path(reader)? },
            Opcode::Auth => Self::Auth {
                kind: reader.int("type")?,
                scheme: reader.required("scheme")?,
                auth: reader.owned_buffer("auth")?,
            },
            Opcode::SetWatches => Self::SetWatches(watch_lists(reader, false)?),
            Opcode::SetWatches2 => Self::SetWatches2(watch_lists(reader, true)?),
            Opcode::Sasl => Self::Sasl {
                token: reader.owned_buffer("token")?,
            },
            Opcode::GetEphemerals => Self::GetEphemerals {
                prefix: optional(reader, "prefixPath")?,
            },
            Opcode::GetAllChildrenNumber => Self::GetAllChildrenNumber { path: path(reader)? },
            Opcode::AddWatch => Self::AddWatch {
                path: path(reader)?,
                mode: reader.int("mode")?,
            },
            Opcode::WhoAmI => Self::WhoAmI,
            Opcode::CreateSession => Self::CreateSession {
                timeout_ms: reader.int("timeOut")?,
            },
            Opcode::CloseSession => Self::CloseSession,
        })
    }

    /// The operation that this is the body of.
    pub const fn opcode(&self) -> Opcode {
        match self {
            Self::Create(_) => Opcode::Create,
            Self::Create2(_) => Opcode::Create2,
            Self::CreateContainer(_) => Opcode::CreateContainer,
            Self::CreateTtl { .. } => Opcode::CreateTtl,
            Self::Delete { .. } => Opcode::Delete,
            Self::Exists { .. } => Opcode::Exists,
            Self::GetData { .. } => Opcode::GetData,
            Self::SetData { .. } => Opcode::SetData,
            Self::GetAcl { .. } => Opcode::GetAcl,
            Self::SetAcl { .. } => Opcode::SetAcl,
            Self::GetChildren { .. } => Opcode::GetChildren,
            Self::GetChildren2 { .. } => Opcode::GetChildren2,
            Self::Sync { .. } => Opcode::Sync,
            Self::Ping => Opcode::Ping,
            Self::Check { .. } => Opcode::Check,
            Self::Multi(_) => Opcode::Multi,
            Self::MultiRead(_) => Opcode::MultiRead,
            Self::Reconfig { .. } => Opcode::Reconfig,
            Self::CheckWatches { .. } => Opcode::CheckWatches,
            Self::RemoveWatches { .. } => Opcode::RemoveWatches,
            Self::DeleteContainer { .. } => Opcode::DeleteContainer,
            Self::Auth { .. } => Opcode::Auth,
            Self::SetWatches(_) => Opcode::SetWatches,
            Self::SetWatches2(_) => Opcode::SetWatches2,
            Self::Sasl { .. } => Opcode::Sasl,
            Self::GetEphemerals { .. } => Opcode::GetEphemerals,
            Self::GetAllChildrenNumber { .. } => Opcode::GetAllChildrenNumber,
            Self::AddWatch { .. } => Opcode::AddWatch,
            Self::WhoAmI => Opcode::WhoAmI,
            Self::CreateSession { .. } => Opcode::CreateSession,
            Self::CloseSession => Opcode::CloseSession,
        }
    }

    /// Writes the body.
    pub fn encode_body(&self, out: &mut impl BufMut) {
        match self {
            Self::Create(create) | Self::Create2(create) | Self::CreateContainer(create) => {
                create.encode(out)
            }
            Self::CreateTtl { create, ttl_ms } => {
                create.encode(out);
                out.put_i64(*ttl_ms);
            }
            Self::Delete { path, version } | Self::Check { path, version } => {
                out.put_string(path);
                out.put_i32(*version);
            }
            Self::Exists { path, watch }
            | Self::GetData { path, watch }
            | Self::GetChildren { path, watch }
            | Self::GetChildren2 { path, watch } => {
                out.put_string(path);
                out.put_boolean(*watch);
            }
            Self::SetData { path, data, version } => {
                out.put_string(path);
                out.put_buffer(data.as_deref());
                out.put_i32(*version);
            }
            Self::GetAcl { path } | Self::DeleteContainer { path } | Self::GetAllChildrenNumber { path } => {
                out.put_string(path);
            }
            Self::SetAcl { path, acl, version } => {
                out.put_string(path);
                encode_acl(acl, out);
                out.put_i32(*version);
            }
            Self::Sync { path } | Self::GetEphemerals { prefix: path } => put_optional(out, path),
            Self::Ping | Self::WhoAmI | Self::CloseSession => {}
            Self::Multi(ops) => multi::encode(ops, out),
            Self::MultiRead(ops) => multi::encode_read(ops, out),
            Self::Reconfig {
                joining,
                leaving,
                members,
                config_id,
            } => {
                put_optional(out, joining);
                put_optional(out, leaving);
                put_optional(out, members);
                out.put_i64(*config_id);
            }
            Self::CheckWatches { path, kind: number }
            | Self::RemoveWatches { path, kind: number }
            | Self::AddWatch { path, mode: number } => {
                out.put_string(path);
                out.put_i32(*number);
            }
            Self::Auth { kind, scheme, auth } => {
                out.put_i32(*kind);
                out.put_string(scheme);
                out.put_buffer(auth.as_deref());
            }
            Self::SetWatches(lists) => put_watch_lists(out, lists, false),
            Self::SetWatches2(lists) => put_watch_lists(out, lists, true),
            Self::Sasl { token } => out.put_buffer(token.as_deref()),
            Self::CreateSession { timeout_ms } => out.put_i32(*timeout_ms),
        }
    }

    /// Writes the whole request as a frame.
    pub fn encode(&self, xid: i32, out: &mut BytesMut) {
        crate::frame::put_frame(out, |out| {
            RequestHeader {
                xid,
                opcode: self.opcode().number(),
            }
            .encode(out);
            self.encode_body(out);
        });
    }
}

impl CreateRequest {
    pub(super) fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            path: path(reader)?,
            data: reader.owned_buffer("data")?,
            acl: decode_acl(reader)?,
            flags: reader.int("flags")?,
        })
    }

    pub(super) fn encode(&self, out: &mut impl BufMut) {
        out.put_string(&self.path);
        out.put_buffer(self.data.as_deref());
        encode_acl(&self.acl, out);
        out.put_i32(self.flags);
    }
}

pub(super) fn path(reader: &mut Reader<'_>) -> Result<String, DecodeError> {
    reader.required("path")
}

fn optional(reader: &mut Reader<'_>, field: &'static str) -> Result<Option<String>, DecodeError> {
    Ok(reader.string(field)?.map(|text| text.into_owned()))
}

fn put_optional(out: &mut impl BufMut, text: &Option<String>) {
    out.put_buffer(text.as_deref().map(str::as_bytes));
}

fn watch_lists(reader: &mut Reader<'_>, persistent: bool) -> Result<WatchLists, DecodeError> {
    let relative_zxid = reader.bits("relativeZxid")?;
    let mut list = |field| {
        Ok(reader
            .vector(field, |reader| reader.required(field))?
            .unwrap_or_default())
    };
    let (data, exist, child) = (list("dataWatches")?, list("existWatches")?, list("childWatches")?);
    let (persistent, persistent_recursive) = if persistent {
        (list("persistentWatches")?, list("persistentRecursiveWatches")?)
    } else {
        Default::default()
    };
    Ok(WatchLists {
        relative_zxid,
        data,
        exist,
        child,
        persistent,
        persistent_recursive,
    })
}

fn put_watch_lists(out: &mut impl BufMut, lists: &WatchLists, persistent: bool) {
    let always = [&lists.data, &lists.exist, &lists.child];
    let later = [&lists.persistent, &lists.persistent_recursive];
    out.put_u64(lists.relative_zxid);
    for list in always.into_iter().chain(later.into_iter().filter(|_| persistent)) {
        out.put_vector(list, |out, path| out.put_string(path));
    }
}
