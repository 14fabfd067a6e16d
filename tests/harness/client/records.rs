//! What do the records of the client protocol hold?

use crate::jute::Reader;

/// An error code of the protocol; 0 is none.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Code(pub i32);

impl Code {
    /// No error.
    pub const OK: Code = Code(0);
    /// A part of a multi behind the one that failed.
    pub const RUNTIME_INCONSISTENCY: Code = Code(-2);
    /// The body of a request cannot be decoded.
    pub const MARSHALLING_ERROR: Code = Code(-5);
    /// Unknown operation, or one that is switched off.
    pub const UNIMPLEMENTED: Code = Code(-6);
    /// Invalid path, flags or lifetime.
    pub const BAD_ARGUMENTS: Code = Code(-8);
    /// There is no such znode, or no parent.
    pub const NO_NODE: Code = Code(-101);
    /// The ACL forbids it.
    pub const NO_AUTH: Code = Code(-102);
    /// The znode has another version.
    pub const BAD_VERSION: Code = Code(-103);
    /// The znode is there already.
    pub const NODE_EXISTS: Code = Code(-110);
    /// The znode has children.
    pub const NOT_EMPTY: Code = Code(-111);
    /// The session is closing or unknown.
    pub const SESSION_EXPIRED: Code = Code(-112);
    /// The server answers nothing but reads.
    pub const NOT_READ_ONLY: Code = Code(-119);
    /// The session is known to its server alone, and may own no ephemeral.
    pub const EPHEMERAL_ON_LOCAL_SESSION: Code = Code(-120);
}

/// A session: what a client needs to go on with it elsewhere.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Session {
    /// The id; 0 asks for a new one.
    pub id: i64,
    /// Sixteen bytes that only the client and the servers know.
    pub password: Vec<u8>,
    /// Milliseconds without a word after which the leader ends it.
    pub timeout_ms: i32,
}

impl Session {
    /// What asks for a new session.
    pub fn fresh(timeout_ms: i32) -> Session {
        Session {
            id: 0,
            password: vec![0; 16],
            timeout_ms,
        }
    }

    pub(super) fn from_response(frame: &[u8]) -> Option<Session> {
        let mut reader = Reader::new(frame);
        let _version = reader.int()?;
        let (timeout_ms, id) = (reader.int()?, reader.long()?);
        Some(Session {
            id,
            password: reader.buffer()?.to_vec(),
            timeout_ms,
        })
    }
}

/// What a znode's `Stat` says.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[allow(
    missing_docs,
    reason = "the fields bear the protocol's names and mean what it says"
)]
pub struct Stat {
    pub czxid: i64,
    pub mzxid: i64,
    pub ctime: i64,
    pub mtime: i64,
    pub version: i32,
    pub cversion: i32,
    pub aversion: i32,
    pub ephemeral_owner: i64,
    pub data_length: i32,
    pub num_children: i32,
    pub pzxid: i64,
}

impl Stat {
    pub(super) fn read(reader: &mut Reader<'_>) -> Option<Stat> {
        Some(Stat {
            czxid: reader.long()?,
            mzxid: reader.long()?,
            ctime: reader.long()?,
            mtime: reader.long()?,
            version: reader.int()?,
            cversion: reader.int()?,
            aversion: reader.int()?,
            ephemeral_owner: reader.long()?,
            data_length: reader.int()?,
            num_children: reader.int()?,
            pzxid: reader.long()?,
        })
    }
}

/// What a watch saw.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum EventType {
    /// The znode was created.
    Created,
    /// The znode was deleted.
    Deleted,
    /// Its data changed.
    DataChanged,
    /// Its list of children changed.
    ChildrenChanged,
    /// A type that servers do not send.
    Other(i32),
}

/// One notification of a watch.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Event {
    /// The transaction that fired it; -1 when setWatches found it missed.
    pub zxid: i64,
    /// What happened.
    pub kind: EventType,
    /// Where.
    pub path: String,
}

impl Event {
    pub(super) fn read(zxid: i64, reader: &mut Reader<'_>) -> Option<Event> {
        let kind = match reader.int()? {
            1 => EventType::Created,
            2 => EventType::Deleted,
            3 => EventType::DataChanged,
            4 => EventType::ChildrenChanged,
            other => EventType::Other(other),
        };
        let _state = reader.int()?;
        Some(Event {
            zxid,
            kind,
            path: reader.string()?,
        })
    }
}
