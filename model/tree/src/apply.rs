//! What does a committed transaction do to the tree?
//!
//! The same rules serve live transactions and replays over a fuzzy snapshot, which may hold any part of
//! their effects already: versions are absolute, a parent's counters never go back, and what is missing is
//! no reason to stop.

use crate::code::Code;
use crate::digest::DIGEST_VERSION;
use crate::node::NodeId;
use crate::outcome::{DigestCheck, Outcome, SessionChange, TxnResult};
use crate::path;
use crate::stat::{Owner, Stat, StatPersisted, TTL_MAX_MS};
use crate::tree::Tree;
use crate::txn::{Acl, Create, Txn, TxnEntry, TxnHeader};
use crate::watch::{Firing, WatchTable};
use std::fmt;

#[cfg(test)]
mod tests;

/// Why a transaction cannot be applied: a server that is to log it must stop instead.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Unsupported {
    /// A time to live that `ephemeralOwner` cannot carry.
    Ttl {
        /// The znode.
        path: String,
        /// The time to live in ms.
        ttl_ms: i64,
    },
    /// A znode that would have no name or no parent.
    Path {
        /// The path.
        path: String,
    },
    /// The deletion of a znode that must exist.
    Special {
        /// The znode.
        path: String,
    },
    /// A transaction that cannot be part of a multi.
    InMulti {
        /// Its position in the multi.
        part: usize,
    },
}

impl fmt::Display for Unsupported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unsupported::Ttl { path, ttl_ms } => {
                write!(
                    f,
                    "znode {path:?} cannot have a time to live of {ttl_ms} ms (1 to {TTL_MAX_MS})"
                )
            }
            Unsupported::Path { path } => write!(f, "{path:?} cannot be the path of a new znode"),
            Unsupported::Special { path } => write!(f, "znode {path:?} cannot be deleted"),
            Unsupported::InMulti { part } => {
                write!(f, "part {part} of a multi is of a type that no multi may have")
            }
        }
    }
}

impl std::error::Error for Unsupported {}

impl TxnEntry {
    /// Whether [`Tree::apply`] knows what this means. To be asked before it is logged: what is in the log
    /// must be applied by all servers alike.
    ///
    /// # Errors
    ///
    /// What cannot be applied, and where.
    pub fn can_apply(&self) -> Result<(), Unsupported> {
        match &self.txn {
            Txn::Multi(parts) => parts.iter().enumerate().try_for_each(|(part, txn)| match txn {
                Txn::CreateSession { .. }
                | Txn::CloseSession { .. }
                | Txn::SetAcl { .. }
                | Txn::Reconfig { .. }
                | Txn::Multi(_) => Err(Unsupported::InMulti { part }),
                single => can_apply(single),
            }),
            single => can_apply(single),
        }
    }
}

fn can_apply(txn: &Txn) -> Result<(), Unsupported> {
    let creatable = |path: &str| {
        if path.starts_with('/') && path::place(path).is_some() {
            Ok(())
        } else {
            Err(Unsupported::Path { path: path.into() })
        }
    };
    match txn {
        Txn::Create { create, .. } | Txn::CreateContainer(create) => creatable(&create.path),
        Txn::CreateTtl { create, ttl_ms } if (1..=TTL_MAX_MS).contains(ttl_ms) => creatable(&create.path),
        Txn::CreateTtl { create, ttl_ms } => Err(Unsupported::Ttl {
            path: create.path.clone(),
            ttl_ms: *ttl_ms,
        }),
        Txn::Delete { path } | Txn::DeleteContainer { path } if path::is_special(path) => {
            Err(Unsupported::Special { path: path.clone() })
        }
        Txn::CreateSession { .. }
        | Txn::CloseSession { .. }
        | Txn::Delete { .. }
        | Txn::DeleteContainer { .. }
        | Txn::SetData { .. }
        | Txn::Reconfig { .. }
        | Txn::SetAcl { .. }
        | Txn::Check { .. }
        | Txn::Multi(_)
        | Txn::Error { .. } => Ok(()),
    }
}

impl Tree {
    /// Applies a committed transaction and fires watches. In a replay there are none: pass an empty table.
    ///
    /// Total: what [`TxnEntry::can_apply`] refuses, and what is missing in a replay, has no effect but an
    /// error result. The tree's zxid moves last and in any case.
    pub fn apply(&mut self, entry: &TxnEntry, watches: &mut WatchTable) -> Outcome {
        let header = &entry.header;
        let mut firing = Firing {
            table: watches,
            events: Vec::new(),
        };
        let mut session = None;
        let result = match &entry.txn {
            Txn::CreateSession { timeout_ms } => {
                self.open_session(header.session, *timeout_ms);
                session = Some(SessionChange::Created {
                    session: header.session,
                    timeout_ms: *timeout_ms,
                });
                TxnResult::SessionCreated {
                    timeout_ms: *timeout_ms,
                }
            }
            Txn::CloseSession { paths } => {
                self.apply_close_session(header, paths.as_deref().unwrap_or_default(), &mut firing);
                session = Some(SessionChange::Closed {
                    session: header.session,
                });
                TxnResult::SessionClosed
            }
            Txn::Multi(parts) => TxnResult::Multi(self.apply_multi(header, parts, &mut firing)),
            single => self.apply_single(header, single, &mut firing),
        };
        self.last_zxid = self.last_zxid.max(header.zxid);
        Outcome {
            result,
            events: firing.events,
            session,
            digest: self.check_digest(entry),
        }
    }

    fn check_digest(&self, entry: &TxnEntry) -> DigestCheck {
        match entry.digest {
            Some(digest) if digest.version == DIGEST_VERSION && entry.header.zxid >= self.fuzzy_until => {
                let (expected, found) = (digest.digest, self.digest());
                if expected == found {
                    DigestCheck::Equal
                } else {
                    DigestCheck::Differs { expected, found }
                }
            }
            Some(_) | None => DigestCheck::Unchecked,
        }
    }

    fn apply_multi(&mut self, header: &TxnHeader, parts: &[Txn], firing: &mut Firing<'_>) -> Vec<TxnResult> {
        let failed = parts.iter().position(|part| matches!(part, Txn::Error { .. }));
        let result = |(at, part): (usize, &Txn)| match (failed, part) {
            (None, part) => self.apply_single(header, part, firing),
            (Some(_), Txn::Error { code }) => TxnResult::Error(Code(*code)),
            (Some(failed), _) if at < failed => TxnResult::Error(Code::OK),
            (Some(_), _) => TxnResult::Error(Code::RUNTIME_INCONSISTENCY),
        };
        parts.iter().enumerate().map(result).collect()
    }

    /// Whatever can be part of a multi, and what else is about one znode.
    fn apply_single(&mut self, header: &TxnHeader, txn: &Txn, firing: &mut Firing<'_>) -> TxnResult {
        let result = match txn {
            Txn::Create {
                create,
                ephemeral,
                with_stat,
            } => {
                let owner = if *ephemeral {
                    Owner::Session(header.session)
                } else {
                    Owner::Nobody
                };
                let stat = self.apply_create(header, create, owner, firing);
                stat.map(|stat| TxnResult::Created {
                    path: create.path.clone(),
                    stat: with_stat.then_some(stat),
                })
            }
            Txn::CreateContainer(create) => {
                self.apply_create(header, create, Owner::Container, firing)
                    .map(|stat| TxnResult::Created {
                        path: create.path.clone(),
                        stat: Some(stat),
                    })
            }
            Txn::CreateTtl { create, ttl_ms } if (1..=TTL_MAX_MS).contains(ttl_ms) => self
                .apply_create(header, create, Owner::Ttl(*ttl_ms), firing)
                .map(|stat| TxnResult::Created {
                    path: create.path.clone(),
                    stat: Some(stat),
                }),
            Txn::CreateTtl { .. } => Err(Code::BAD_ARGUMENTS),
            Txn::Delete { path } | Txn::DeleteContainer { path } => self
                .apply_delete(header, path, firing)
                .map(|()| TxnResult::Deleted),
            Txn::SetData { path, data, version } => self
                .apply_set_data(header, path, data.as_deref(), *version, firing)
                .map(TxnResult::DataSet),
            Txn::Reconfig { path, data, version } => self
                .apply_set_data(header, path, data.as_deref(), *version, firing)
                .map(TxnResult::Reconfigured),
            Txn::SetAcl { path, acl, version } => {
                self.apply_set_acl(path, acl, *version).map(TxnResult::AclSet)
            }
            Txn::Check { .. } => Ok(TxnResult::Checked),
            Txn::Error { code } => Err(Code(*code)),
            Txn::CreateSession { .. } | Txn::CloseSession { .. } | Txn::Multi(_) => {
                Err(Code::MARSHALLING_ERROR)
            }
        };
        result.unwrap_or_else(TxnResult::Error)
    }

    fn apply_create(
        &mut self,
        header: &TxnHeader,
        create: &Create,
        owner: Owner,
        firing: &mut Firing<'_>,
    ) -> Result<Stat, Code> {
        let path = create.path.as_str();
        let (parent_path, name) = path::place(path).ok_or(Code::BAD_ARGUMENTS)?;
        let parent = self.find(parent_path).ok_or(Code::NO_NODE)?;
        let known_cversion = create.parent_cversion.filter(|&cversion| cversion != -1);
        if let Some(existing) = self.child(parent, name) {
            // Only a replay gets here. The snapshot may have missed the list (ZOOKEEPER-4846).
            self.put_acl(existing, &create.acl);
            if let Some(cversion) = known_cversion {
                self.lift_parent(parent, parent_path, cversion, header.zxid);
            }
            return Err(Code::NODE_EXISTS);
        }
        let next_cversion = || self.node(parent).stat.cversion.wrapping_add(1);
        let cversion = known_cversion.unwrap_or_else(next_cversion);
        self.lift_parent(parent, parent_path, cversion, header.zxid);
        let acl = self.intern(&create.acl);
        let stat = StatPersisted::new(header.zxid, header.time_ms, owner);
        let id = self.insert(parent, path, name, create.data.as_deref(), acl, stat);
        self.quota_created(path);
        self.account(path, 1, create.data.as_ref().map_or(0, |data| data.len() as i64));
        firing.created(path, self.access_list(id));
        firing.children_changed(path::watched(parent_path), self.access_list(parent));
        Ok(self.node(id).stat())
    }

    /// A child was created: the parent's counters follow, but never go back.
    fn lift_parent(&mut self, parent: NodeId, path: &str, cversion: i32, zxid: u64) {
        if cversion > self.node(parent).stat.cversion {
            self.change(parent, path, |node| {
                node.stat.cversion = cversion;
                node.stat.pzxid = zxid;
            });
        }
    }

    fn apply_delete(&mut self, header: &TxnHeader, path: &str, firing: &mut Firing<'_>) -> Result<(), Code> {
        let (parent_path, name) = path::place(path).ok_or(Code::BAD_ARGUMENTS)?;
        if path::is_special(path) {
            return Err(Code::BAD_ARGUMENTS);
        }
        let parent = self.find(parent_path).ok_or(Code::NO_NODE)?;
        // Before the znode is missed: whoever watches the parent must learn of a deletion that a snapshot
        // already holds (ZOOKEEPER-3125).
        if header.zxid > self.node(parent).stat.pzxid {
            self.change(parent, parent_path, |node| node.stat.pzxid = header.zxid);
        }
        let id = self.child(parent, name).ok_or(Code::NO_NODE)?;
        let list = self.access_list(id).clone();
        let bytes = self.node(id).data_length() as i64;
        self.remove(id, path);
        self.quota_deleted(path);
        self.account(path, -1, -bytes);
        firing.deleted(path, &list);
        firing.children_changed(path::watched(parent_path), self.access_list(parent));
        Ok(())
    }

    fn apply_set_data(
        &mut self,
        header: &TxnHeader,
        path: &str,
        data: Option<&[u8]>,
        version: i32,
        firing: &mut Firing<'_>,
    ) -> Result<Stat, Code> {
        let id = self.find(path).ok_or(Code::NO_NODE)?;
        let before = self.node(id).data_length() as i64;
        let stat = self.put_data(id, path, data, |stat| {
            stat.version = version;
            stat.mtime_ms = header.time_ms;
            stat.mzxid = header.zxid;
        });
        self.account(path, 0, i64::from(stat.data_length) - before);
        firing.data_changed(path::watched(path), self.access_list(id));
        Ok(stat)
    }

    fn apply_set_acl(&mut self, path: &str, acl: &[Acl], version: i32) -> Result<Stat, Code> {
        let id = self.find(path).ok_or(Code::NO_NODE)?;
        self.put_acl(id, acl);
        Ok(self.change(id, path, |node| node.stat.aversion = version))
    }

    fn put_acl(&mut self, id: NodeId, list: &[Acl]) {
        let acl = self.intern(list);
        let before = self.node(id).acl;
        if before != acl {
            self.arena.get_mut(id).acl = acl;
        }
        self.release(before);
    }

    /// The listed paths go, whoever owns them; then whatever else the session owns.
    fn apply_close_session(&mut self, header: &TxnHeader, paths: &[String], firing: &mut Firing<'_>) {
        for path in paths {
            let _missing = self.apply_delete(header, path, firing);
        }
        let unlisted: Vec<_> = self.ephemerals(header.session).collect();
        for path in unlisted {
            let _missing = self.apply_delete(header, &path, firing);
        }
        self.close_session(header.session);
    }

    /// Writes this server's view of the ensemble's configuration to `/zookeeper/config`, as a server does
    /// when it starts: no transaction, no digest. `version` is the configuration's, and becomes the mzxid.
    pub fn set_config(
        &mut self,
        text: &[u8],
        version: u64,
        time_ms: i64,
        watches: &mut WatchTable,
    ) -> Outcome {
        let header = TxnHeader {
            zxid: version,
            time_ms,
            ..TxnHeader::default()
        };
        let mut firing = Firing {
            table: watches,
            events: Vec::new(),
        };
        let result = self.apply_set_data(&header, path::CONFIG, Some(text), -1, &mut firing);
        let result = result.map_or_else(TxnResult::Error, TxnResult::Reconfigured);
        Outcome {
            result,
            events: firing.events,
            session: None,
            digest: DigestCheck::Unchecked,
        }
    }
}
