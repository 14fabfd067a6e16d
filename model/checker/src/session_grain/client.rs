//! What do clients ask for, and what do they know?

use quorate_tree::{
    Acl, CreateOperation, EventKind, ReadRequest, SessionId, SetWatches, Tree, WatchKind, WriteRequest,
};
use std::collections::BTreeMap;
use std::fmt;

/// A request that a client may send.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Ask {
    /// `create`, with its flags: 1 ephemeral, 2 sequential.
    Create(i32, &'static str),
    /// `setData`, whatever the version.
    SetData(&'static str),
    /// `delete`, whatever the version.
    Delete(&'static str),
    /// `getData`, with a watch.
    GetData(&'static str),
    /// `exists`, with a watch.
    Exists(&'static str),
    /// `getChildren`, with a watch.
    GetChildren(&'static str),
    /// A sign of life, out of the order of requests.
    Ping,
    /// `sync`.
    Sync,
    /// The end of the session.
    Close,
}

impl Ask {
    /// The write that the leader is to prepare, if it is one.
    pub(super) fn write(self) -> Option<WriteRequest> {
        let acl = || {
            vec![Acl {
                perms: quorate_tree::ALL,
                scheme: "world".to_owned(),
                id: "anyone".to_owned(),
            }]
        };
        match self {
            Self::Create(flags, path) => Some(WriteRequest::Create {
                path: path.to_owned(),
                data: None,
                acl: acl(),
                flags,
                operation: CreateOperation::Create2,
            }),
            Self::SetData(path) => Some(WriteRequest::SetData {
                path: path.to_owned(),
                data: None,
                version: -1,
            }),
            Self::Delete(path) => Some(WriteRequest::Delete {
                path: path.to_owned(),
                version: -1,
            }),
            Self::Close => Some(WriteRequest::CloseSession),
            Self::GetData(_) | Self::Exists(_) | Self::GetChildren(_) | Self::Ping | Self::Sync => None,
        }
    }

    /// The read that the server is to answer, and the watch that it sets, if it is one.
    pub(super) fn read(self, watch: bool) -> Option<(ReadRequest, Watch)> {
        match self {
            Self::GetData(path) => {
                let request = ReadRequest::GetData {
                    path: path.to_owned(),
                    watch,
                };
                Some((request, (WatchKind::Data, path)))
            }
            Self::Exists(path) => {
                let request = ReadRequest::Exists {
                    path: path.to_owned(),
                    watch,
                };
                Some((request, (WatchKind::Data, path)))
            }
            Self::GetChildren(path) => {
                let request = ReadRequest::GetChildren {
                    path: path.to_owned(),
                    watch,
                };
                Some((request, (WatchKind::Child, path)))
            }
            Self::Create(..) | Self::SetData(_) | Self::Delete(_) | Self::Ping | Self::Sync | Self::Close => {
                None
            }
        }
    }
}

impl fmt::Display for Ask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Create(flags, path) => {
                let kinds = ["", " ephemeral", " sequential", " ephemeral sequential"];
                let kind = usize::try_from(*flags).ok().and_then(|flags| kinds.get(flags));
                write!(f, "create{} {path}", kind.unwrap_or(&""))
            }
            Self::SetData(path) => write!(f, "setData {path}"),
            Self::Delete(path) => write!(f, "delete {path}"),
            Self::GetData(path) => write!(f, "getData {path}"),
            Self::Exists(path) => write!(f, "exists {path}"),
            Self::GetChildren(path) => write!(f, "getChildren {path}"),
            Self::Ping => write!(f, "ping"),
            Self::Sync => write!(f, "sync"),
            Self::Close => write!(f, "closeSession"),
        }
    }
}

/// A watch: what it is on.
pub(super) type Watch = (WatchKind, &'static str);

/// What a watch was set on: the znode's creation, and the last change of its data or of its list of children.
/// `None`: it was missing. The watch fires when this becomes something else.
pub(super) type Known = Option<(u64, u64)>;

/// What there is to know about a watch's znode.
pub(super) fn known(tree: &Tree, (kind, path): Watch) -> Known {
    let stat = tree.stat(path)?;
    Some(match kind {
        WatchKind::Data => (stat.czxid, stat.mzxid),
        WatchKind::Child => (stat.czxid, stat.pzxid),
    })
}

/// Watches, with what each was set on.
pub(super) type Watches = BTreeMap<Watch, Known>;

/// Takes out of `watches` what an event fires.
pub(super) fn fired(watches: &mut Watches, kind: EventKind, path: &str) -> Vec<(Watch, Known)> {
    let tables: &[WatchKind] = match kind {
        EventKind::NodeCreated | EventKind::NodeDataChanged => &[WatchKind::Data],
        EventKind::NodeChildrenChanged => &[WatchKind::Child],
        EventKind::NodeDeleted => &[WatchKind::Data, WatchKind::Child],
    };
    let is_fired = |watch: &Watch, _: &mut Known| watch.1 == path && tables.contains(&watch.0);
    watches.extract_if(.., is_fired).collect()
}

/// The connection of a session on which something was asked, and the request's number there.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(super) struct Asker {
    pub(super) session: usize,
    /// The session's connections are numbered.
    pub(super) conn: u8,
    /// Clients number their requests from 1 on each connection. This is also the xid.
    pub(super) number: u8,
}

/// What a frame means to the client that receives it.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(super) enum Told {
    /// A reply, with the zxid of its header, and the watch that came with what was read.
    Reply(u64, Option<(Watch, Known)>),
    /// A watch fired.
    Event(EventKind, &'static str),
    /// The session is over.
    Over,
}

/// A client, with its session.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(super) struct Client {
    /// The server that it is connected to, as far as it knows.
    pub(super) at: Option<usize>,
    /// The number of its last connection.
    pub(super) conn: u8,
    /// The zxid of the last reply that it received.
    pub(super) seen: u64,
    /// What it watches.
    pub(super) watches: Watches,
    /// Frames on this connection that it may have received or not: it makes no difference before the connection
    /// breaks.
    pub(super) inbox: Vec<Told>,
    /// Its connection ended with the server's role: any part of the inbox may be lost.
    pub(super) is_cut: bool,
    /// How many requests it may still send.
    pub(super) asks: u8,
    /// It has asked for the end of its session, or was told of it: it does not attach again.
    pub(super) is_over: bool,
}

impl Client {
    /// Takes in the first `count` frames of its inbox. The others are lost.
    pub(super) fn receive(&mut self, count: usize) {
        let mut inbox = std::mem::take(&mut self.inbox);
        inbox.truncate(count);
        for told in inbox {
            self.take_in(told);
        }
    }

    pub(super) fn take_in(&mut self, told: Told) {
        match told {
            Told::Reply(zxid, watch) => {
                self.seen = zxid;
                self.watches.extend(watch);
            }
            Told::Event(kind, path) => {
                fired(&mut self.watches, kind, path);
            }
            Told::Over => self.is_over = true,
        }
    }

    /// What it says right after it has attached again, if it watches anything.
    pub(super) fn set_watches(&self) -> Option<SetWatches> {
        let mut lists = SetWatches {
            relative_zxid: self.seen,
            ..SetWatches::default()
        };
        for (&(kind, path), known) in &self.watches {
            match (kind, known) {
                (WatchKind::Data, Some(_)) => lists.data.push(path.to_owned()),
                (WatchKind::Data, None) => lists.exist.push(path.to_owned()),
                (WatchKind::Child, _) => lists.child.push(path.to_owned()),
            }
        }
        (!self.watches.is_empty()).then_some(lists)
    }
}

/// The id of session `number`.
pub(super) fn id(number: usize) -> SessionId {
    number as SessionId + 1
}
