//! What is in a snapshot between its header and its seals? Written in pieces, read item by item.

use bytes::{BufMut, Bytes, BytesMut};
use quorate_tree::{Acl, LoadError, SessionId, StatPersisted, Tree, TreeLoader, Walk};
use quorate_wire::acl::{decode_acl, encode_acl};
use quorate_wire::error::DecodeError;
use quorate_wire::jute::Reader;

/// The pieces of a snapshot's body are about this long, in bytes; one with a larger znode is longer.
const PIECE_BYTES: usize = 64 << 10;
/// The data of a znode aside, nothing in a snapshot takes more, in bytes.
const ITEM_OVERHEAD_MAX: usize = 4 << 20;

/// The body of a snapshot of a tree, in pieces: what a leader sends after SNAP, before the signature.
pub struct SnapshotBody<'t> {
    sessions: Box<dyn Iterator<Item = (SessionId, i32)> + 't>,
    acls: Box<dyn Iterator<Item = (i64, &'t [Acl])> + 't>,
    acls_left: usize,
    walk: Walk<'t>,
    stage: Stage,
    buf: BytesMut,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Stage {
    /// `None`: the count comes first.
    Sessions(Option<usize>),
    Acls(Option<usize>),
    Nodes,
    Done,
}

impl<'t> SnapshotBody<'t> {
    /// The body of a snapshot of `tree`.
    pub fn new(tree: &'t Tree) -> Self {
        let sessions = tree.sessions();
        let mut buf = BytesMut::with_capacity(PIECE_BYTES + 4096);
        buf.put_i32(i32::try_from(sessions.len()).expect("fewer than 2^31 sessions"));
        Self {
            sessions: Box::new(sessions),
            acls: Box::new(tree.acls()),
            acls_left: tree.acls().count(),
            walk: tree.walk(),
            stage: Stage::Sessions(None),
            buf,
        }
    }

    fn put_item(&mut self) {
        let buf = &mut self.buf;
        match self.stage {
            Stage::Sessions(_) => match self.sessions.next() {
                Some((session, timeout_ms)) => {
                    buf.put_i64(session);
                    buf.put_i32(timeout_ms);
                }
                None => {
                    buf.put_i32(i32::try_from(self.acls_left).expect("fewer than 2^31 ACL lists"));
                    self.stage = Stage::Acls(None);
                }
            },
            Stage::Acls(_) => match self.acls.next() {
                Some((id, acl)) => {
                    buf.put_i64(id);
                    encode_acl(acl, buf);
                }
                None => self.stage = Stage::Nodes,
            },
            Stage::Nodes => match self.walk.next_node() {
                Some(node) => {
                    put_buffer(buf, Some(node.path.as_bytes()));
                    put_buffer(buf, node.data);
                    buf.put_i64(node.acl);
                    put_stat(buf, node.stat);
                }
                None => {
                    put_buffer(buf, Some(b"/"));
                    self.stage = Stage::Done;
                }
            },
            Stage::Done => {}
        }
    }
}

impl std::fmt::Debug for SnapshotBody<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SnapshotBody")
            .field("stage", &self.stage)
            .finish_non_exhaustive()
    }
}

impl Iterator for SnapshotBody<'_> {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        while self.stage != Stage::Done && self.buf.len() < PIECE_BYTES {
            self.put_item();
        }
        (!self.buf.is_empty()).then(|| self.buf.split().freeze())
    }
}

fn put_buffer(buf: &mut BytesMut, bytes: Option<&[u8]>) {
    match bytes {
        None => buf.put_i32(-1),
        Some(bytes) => {
            buf.put_i32(i32::try_from(bytes.len()).expect("a field is shorter than 2^31 bytes"));
            buf.put_slice(bytes);
        }
    }
}

fn put_stat(buf: &mut BytesMut, stat: &StatPersisted) {
    buf.put_u64(stat.czxid);
    buf.put_u64(stat.mzxid);
    buf.put_i64(stat.ctime_ms);
    buf.put_i64(stat.mtime_ms);
    buf.put_i32(stat.version);
    buf.put_i32(stat.cversion);
    buf.put_i32(stat.aversion);
    buf.put_i64(stat.ephemeral_owner);
    buf.put_u64(stat.pzxid);
}

fn stat(reader: &mut Reader<'_>) -> Result<StatPersisted, DecodeError> {
    Ok(StatPersisted {
        czxid: reader.bits("czxid")?,
        mzxid: reader.bits("mzxid")?,
        ctime_ms: reader.long("ctime")?,
        mtime_ms: reader.long("mtime")?,
        version: reader.int("version")?,
        cversion: reader.int("cversion")?,
        aversion: reader.int("aversion")?,
        ephemeral_owner: reader.long("ephemeralOwner")?,
        pzxid: reader.bits("pzxid")?,
    })
}

/// Builds a tree from a body that comes in arbitrary pieces.
#[derive(Debug)]
pub(super) struct BodyReader {
    loader: TreeLoader,
    stage: Stage,
    field_bytes_max: usize,
}

/// What one step of a [`BodyReader`] did.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Step {
    /// Read an item of that many bytes.
    Took(usize),
    /// More bytes are needed.
    Starved,
    /// The body is complete.
    Done,
}

impl BodyReader {
    pub(super) fn new(field_bytes_max: usize) -> Self {
        Self {
            loader: TreeLoader::new(),
            stage: Stage::Sessions(None),
            field_bytes_max,
        }
    }

    /// Reads the next item from the start of `buf`.
    pub(super) fn step(&mut self, buf: &[u8]) -> Result<Step, String> {
        if self.stage == Stage::Done {
            return Ok(Step::Done);
        }
        let mut reader = Reader::bounded(buf, self.field_bytes_max);
        match self.item(&mut reader) {
            Ok(()) => Ok(Step::Took(reader.offset())),
            Err(Wrong::Decode(error)) if error.is_truncated() => {
                if buf.len() > 2 * self.field_bytes_max + ITEM_OVERHEAD_MAX {
                    return Err(format!("one item takes more than {} bytes", buf.len()));
                }
                Ok(Step::Starved)
            }
            // The place is the caller's to tell: this one counts from the start of the item.
            Err(Wrong::Decode(error)) => Err(format!("{}: {}", error.field, error.fault)),
            Err(Wrong::Load(error)) => Err(error.to_string()),
        }
    }

    fn item(&mut self, reader: &mut Reader<'_>) -> Result<(), Wrong> {
        match self.stage {
            Stage::Sessions(None) => {
                self.stage = Stage::Sessions(Some(reader.count("sessions")?.unwrap_or(0)))
            }
            Stage::Sessions(Some(0)) => self.stage = Stage::Acls(Some(reader.count("ACL map")?.unwrap_or(0))),
            Stage::Sessions(Some(left)) => {
                self.loader
                    .session(reader.long("session id")?, reader.int("timeout")?);
                self.stage = Stage::Sessions(Some(left - 1));
            }
            Stage::Acls(None | Some(0)) => {
                self.stage = Stage::Nodes;
                self.node(reader)?;
            }
            Stage::Acls(Some(left)) => {
                self.loader.acl(reader.long("ACL number")?, decode_acl(reader)?)?;
                self.stage = Stage::Acls(Some(left - 1));
            }
            Stage::Nodes => self.node(reader)?,
            Stage::Done => {}
        }
        Ok(())
    }

    fn node(&mut self, reader: &mut Reader<'_>) -> Result<(), Wrong> {
        let null = reader.error("path", quorate_wire::error::Fault::Null);
        let path = reader.string("path")?.ok_or(null)?;
        if path == "/" {
            self.stage = Stage::Done;
            return Ok(());
        }
        let data = reader.buffer("data")?;
        let acl = reader.long("acl")?;
        let stat = stat(reader)?;
        Ok(self.loader.node(&path, data, acl, stat)?)
    }

    /// The tree of a body that was read to its end.
    pub(super) fn finish(self, last_zxid: u64, fuzzy_until: Option<u64>) -> Result<Tree, LoadError> {
        assert!(self.stage == Stage::Done, "a tree is made of a complete body");
        self.loader.finish(last_zxid, fuzzy_until)
    }
}

enum Wrong {
    Decode(DecodeError),
    Load(LoadError),
}

impl From<DecodeError> for Wrong {
    fn from(error: DecodeError) -> Self {
        Self::Decode(error)
    }
}

impl From<LoadError> for Wrong {
    fn from(error: LoadError) -> Self {
        Self::Load(error)
    }
}
