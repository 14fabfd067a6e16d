//! What will the tree be once everything that is proposed has been applied?
//!
//! Between `prepare` and `apply` a transaction's effects are known but not yet in the tree. They are kept
//! here, per path and per session, until [`Outstanding::applied`] says that the tree has them. A leader that
//! steps down drops the whole.

use crate::acl::AccessList;
use crate::crc::Crc;
use crate::digest;
use crate::path;
use crate::stat::{Owner, StatPersisted};
use crate::tree::Tree;
use crate::txn::SessionId;
use crate::who::Permit;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::Bound;
use std::sync::Arc;

/// What is prepared and not yet applied.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub struct Outstanding {
    znodes: BTreeMap<Arc<str>, Record>,
    sessions: BTreeMap<SessionId, (u64, SessionState)>,
    /// Ephemerals among `znodes`, by owner.
    ephemerals: BTreeSet<(SessionId, Arc<str>)>,
    /// What was touched, in the order of zxids.
    touched: VecDeque<(u64, Touched)>,
    /// The tree's digest after all of it; the tree's own if no znode is outstanding.
    digest: Option<u64>,
    /// While a multi is prepared: how to be as before it.
    undo: Option<Undo>,
}

#[derive(Clone, Debug, Eq, Hash, PartialEq)]
struct Undo {
    digest: Option<u64>,
    touched: usize,
    /// What was outstanding of each znode that the multi changed, in the order of its changes.
    before: Vec<(Arc<str>, Option<Record>)>,
}

#[derive(Clone, Debug, Eq, Hash, PartialEq)]
struct Record {
    /// The last transaction that changed it.
    zxid: u64,
    /// What it will be; `None` if it will be gone.
    znode: Option<Seen>,
    path: Arc<str>,
}

#[derive(Clone, Debug, Eq, Hash, PartialEq)]
enum Touched {
    Znode(Arc<str>),
    Session(SessionId),
}

#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
enum SessionState {
    Open,
    Closing,
}

/// A znode as the checks see it.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) struct Seen {
    pub(crate) stat: StatPersisted,
    pub(crate) children: u32,
    pub(crate) list: AccessList,
    pub(crate) prefix: Crc,
    /// Bytes of data.
    pub(crate) data_length: u32,
}

/// By how much a znode changes what there is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Change {
    pub(crate) count: i64,
    pub(crate) bytes: i64,
}

impl Outstanding {
    /// Nothing outstanding.
    pub fn new() -> Self {
        Outstanding::default()
    }

    /// Whether the tree has all that was prepared.
    pub fn is_empty(&self) -> bool {
        self.touched.is_empty()
    }

    /// Number of changes that wait to be applied.
    pub fn len(&self) -> usize {
        self.touched.len()
    }

    /// The tree has applied everything up to `zxid`.
    pub fn applied(&mut self, zxid: u64) {
        while let Some((touched_by, _)) = self.touched.front()
            && *touched_by <= zxid
        {
            match self.touched.pop_front().expect("there is a front").1 {
                Touched::Znode(path) => {
                    if self.znodes.get(&path).is_some_and(|record| record.zxid <= zxid) {
                        let record = self.znodes.remove(&path).expect("it was just there");
                        if let Some(session) = owner(&record.znode) {
                            self.ephemerals.remove(&(session, path));
                        }
                    }
                }
                Touched::Session(session) => {
                    if self
                        .sessions
                        .get(&session)
                        .is_some_and(|(changed_by, _)| *changed_by <= zxid)
                    {
                        self.sessions.remove(&session);
                    }
                }
            }
        }
        if self.znodes.is_empty() {
            self.digest = None;
        }
    }

    /// The digest after all that is outstanding.
    pub(crate) fn digest(&self, tree: &Tree) -> u64 {
        self.digest.unwrap_or_else(|| tree.digest())
    }

    /// The znode as it will be.
    pub(crate) fn see(&self, tree: &Tree, path: &str) -> Option<Seen> {
        if !self.znodes.is_empty()
            && let Some(record) = self.znodes.get(path::canonical(path))
        {
            return record.znode.clone();
        }
        let id = tree.find(path)?;
        let node = tree.node(id);
        Some(Seen {
            stat: node.stat,
            children: node.children,
            list: tree.access_list(id).clone(),
            prefix: node.prefix,
            data_length: node.data_length() as u32,
        })
    }

    /// `zxid` makes of the znode `before` the znode `after`.
    pub(crate) fn put(
        &mut self,
        _permit: &Permit,
        tree: &Tree,
        zxid: u64,
        path: &str,
        before: Option<&Seen>,
        after: Option<Seen>,
    ) {
        let path = path::canonical(path);
        let mut digest = self.digest(tree);
        if digest::counts(path) {
            let of = |seen: &Seen| digest::of(seen.prefix, &seen.stat);
            digest = digest
                .wrapping_sub(before.map_or(0, of))
                .wrapping_add(after.as_ref().map_or(0, of));
        }
        self.digest = Some(digest);
        let path = match self.znodes.get(path) {
            Some(record) => record.path.clone(),
            None => Arc::from(path),
        };
        let record = Record {
            zxid,
            znode: after,
            path: path.clone(),
        };
        let before = self.set(&path, Some(record));
        if let Some(undo) = &mut self.undo {
            undo.before.push((path.clone(), before));
        }
        self.touched.push_back((zxid, Touched::Znode(path)));
    }

    /// Puts a record in place, or none, and the index of owners with it. What was there comes back.
    fn set(&mut self, path: &Arc<str>, record: Option<Record>) -> Option<Record> {
        let owned_after = record.as_ref().and_then(|record| owner(&record.znode));
        let before = match record {
            Some(record) => self.znodes.insert(path.clone(), record),
            None => self.znodes.remove(path),
        };
        let owned_before = before.as_ref().and_then(|record| owner(&record.znode));
        if owned_before != owned_after {
            if let Some(session) = owned_before {
                self.ephemerals.remove(&(session, path.clone()));
            }
            if let Some(session) = owned_after {
                self.ephemerals.insert((session, path.clone()));
            }
        }
        before
    }

    /// By how much what is outstanding changes each znode at or below `path`.
    pub(crate) fn changes_below<'s>(
        &'s self,
        tree: &'s Tree,
        path: &'s str,
    ) -> impl Iterator<Item = (&'s str, Change)> {
        let from: (Bound<&str>, Bound<&str>) = (Bound::Included(path), Bound::Unbounded);
        let at_or_below = move |at: &str| {
            at.strip_prefix(path)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        self.znodes
            .range::<str, _>(from)
            .take_while(move |(at, _)| at.starts_with(path))
            .filter(move |(at, _)| at_or_below(at))
            .map(|(at, record)| {
                let before = tree.find(at).map(|id| tree.node(id).data_length() as i64);
                let after = record.znode.as_ref().map(|znode| i64::from(znode.data_length));
                let change = Change {
                    count: i64::from(after.is_some()) - i64::from(before.is_some()),
                    bytes: after.unwrap_or(0) - before.unwrap_or(0),
                };
                (&**at, change)
            })
    }

    /// What follows is one multi, all of it or nothing.
    pub(crate) fn begin_multi(&mut self) {
        self.undo = Some(Undo {
            digest: self.digest,
            touched: self.touched.len(),
            before: Vec::new(),
        });
    }

    /// The multi is prepared.
    pub(crate) fn keep_multi(&mut self) {
        self.undo = None;
    }

    /// The multi failed: everything is as before it.
    pub(crate) fn undo_multi(&mut self) {
        let undo = self.undo.take().expect("a multi was begun");
        for (path, record) in undo.before.into_iter().rev() {
            self.set(&path, record);
        }
        self.touched.truncate(undo.touched);
        self.digest = undo.digest;
    }

    /// Whether requests of the session are welcome.
    pub(crate) fn is_open(&self, tree: &Tree, session: SessionId) -> bool {
        match self.sessions.get(&session) {
            Some((_, state)) => *state == SessionState::Open,
            None => tree.session_timeout_ms(session).is_some(),
        }
    }

    pub(crate) fn open_session(&mut self, zxid: u64, session: SessionId) {
        self.change_session(zxid, session, SessionState::Open);
    }

    pub(crate) fn close_session(&mut self, zxid: u64, session: SessionId) {
        self.change_session(zxid, session, SessionState::Closing);
    }

    fn change_session(&mut self, zxid: u64, session: SessionId, state: SessionState) {
        self.sessions.insert(session, (zxid, state));
        self.touched.push_back((zxid, Touched::Session(session)));
    }

    /// The paths of the ephemerals that the session will own, in order.
    pub(crate) fn ephemerals(&self, tree: &Tree, session: SessionId) -> Vec<String> {
        let from: Arc<str> = Arc::from("");
        let outstanding = self
            .ephemerals
            .range((session, from)..)
            .take_while(|(owner, _)| *owner == session);
        let mut paths: Vec<String> = outstanding.map(|(_, path)| path.to_string()).collect();
        paths.extend(
            tree.ephemerals(session)
                .filter(|path| !self.znodes.contains_key(path.as_str())),
        );
        paths.sort_unstable();
        paths
    }
}

fn owner(znode: &Option<Seen>) -> Option<SessionId> {
    match znode.as_ref()?.stat.owner() {
        Owner::Session(session) => Some(session),
        Owner::Nobody | Owner::Container | Owner::Ttl(_) => None,
    }
}
