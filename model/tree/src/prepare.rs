//! What transaction does a write become?
//!
//! The leader decides everything here, against the tree as it will be: paths, versions, suffixes, errors and
//! the digest afterwards. Checks come in Apache's order, the first failing one decides, and nothing is
//! recorded as outstanding before the last has passed.

use crate::acl::{self, AccessList};
use crate::code::Code;
use crate::digest::{self, DIGEST_VERSION};
use crate::outstanding::{Outstanding, Seen};
use crate::path;
use crate::request::{Context, CreateOperation, WriteRequest};
use crate::stat::{Owner, StatPersisted, TTL_MAX_MS};
use crate::sweep;
use crate::tree::Tree;
use crate::txn::{Acl, Create, Txn, TxnDigest, TxnEntry, TxnHeader};
use crate::who::{Access, Permit};
use std::fmt::Write;

#[cfg(test)]
mod tests;

/// Prepares a write on the leader: checks it and says what it does. A refused one is an error transaction,
/// with the zxid and without a digest. `tree` must have applied exactly what `outstanding` no longer holds.
pub fn prepare(
    request: WriteRequest,
    cx: &Context<'_>,
    tree: &Tree,
    outstanding: &mut Outstanding,
) -> TxnEntry {
    let header = TxnHeader {
        session: cx.session,
        cxid: cx.cxid,
        zxid: cx.zxid,
        time_ms: cx.time_ms,
    };
    let mut draft = Draft {
        cx,
        tree,
        outstanding,
    };
    match draft.txn(request) {
        Ok(txn) => {
            let digest = draft.outstanding.digest(tree);
            let digest = cx.with_digest.then_some(TxnDigest {
                version: DIGEST_VERSION,
                digest,
            });
            TxnEntry { header, txn, digest }
        }
        Err(code) => TxnEntry {
            header,
            txn: Txn::Error { code: code.0 },
            digest: None,
        },
    }
}

struct Draft<'a> {
    cx: &'a Context<'a>,
    tree: &'a Tree,
    outstanding: &'a mut Outstanding,
}

impl Draft<'_> {
    fn txn(&mut self, request: WriteRequest) -> Result<Txn, Code> {
        match request {
            WriteRequest::CreateSession { timeout_ms } => {
                self.outstanding.open_session(self.cx.zxid, self.cx.session);
                Ok(Txn::CreateSession { timeout_ms })
            }
            WriteRequest::CloseSession => Ok(self.close_session()),
            WriteRequest::SetAcl { path, acl, version } => self.set_acl(path, acl, version),
            WriteRequest::Multi(parts) => Ok(self.multi(parts)),
            WriteRequest::Create { .. }
            | WriteRequest::Delete { .. }
            | WriteRequest::SetData { .. }
            | WriteRequest::Refused(_) => self.part(request),
            WriteRequest::Check { .. } => Err(Code::UNIMPLEMENTED),
            WriteRequest::DeleteContainer { path } => self.delete_container(path),
        }
    }

    /// What can be part of a multi.
    fn part(&mut self, request: WriteRequest) -> Result<Txn, Code> {
        match request {
            WriteRequest::Create {
                path,
                data,
                acl,
                flags,
                operation,
            } => self.create(path, data, acl, flags, operation),
            WriteRequest::Delete { path, version } => self.delete(path, version),
            WriteRequest::SetData { path, data, version } => self.set_data(path, data, version),
            WriteRequest::Check { path, version } => self.check(path, version),
            WriteRequest::Refused(code) => Err(code),
            WriteRequest::CreateSession { .. }
            | WriteRequest::CloseSession
            | WriteRequest::SetAcl { .. }
            | WriteRequest::Multi(_)
            | WriteRequest::DeleteContainer { .. } => Err(Code::MARSHALLING_ERROR),
        }
    }

    /// Each part is checked against what the ones before it do. If one fails, none has an effect, and those after it
    /// are not looked at.
    fn multi(&mut self, parts: Vec<WriteRequest>) -> Txn {
        self.outstanding.begin_multi();
        let mut has_failed = false;
        let mut txns = Vec::with_capacity(parts.len());
        for part in parts {
            let txn = if has_failed {
                Err(Code::RUNTIME_INCONSISTENCY)
            } else {
                self.part(part)
            };
            has_failed |= txn.is_err();
            txns.push(txn.unwrap_or_else(|code| Txn::Error { code: code.0 }));
        }
        if has_failed {
            self.outstanding.undo_multi();
        } else {
            self.outstanding.keep_multi();
        }
        Txn::Multi(txns)
    }

    fn may(&self, access: Access, list: &AccessList) -> Result<Permit, Code> {
        self.cx.who.may(access, list)
    }

    fn see(&self, path: &str) -> Result<Seen, Code> {
        self.outstanding.see(self.tree, path).ok_or(Code::NO_NODE)
    }

    fn put(&mut self, permit: &Permit, path: &str, before: Option<&Seen>, after: Option<Seen>) {
        self.outstanding
            .put(permit, self.tree, self.cx.zxid, path, before, after);
    }

    /// The hard limits of quotas, where they count.
    fn check_quota(&self, path: &str, count: i64, bytes: i64) -> Result<(), Code> {
        if self.cx.rules.enforce_quota {
            self.tree.check_quota(self.outstanding, path, count, bytes)
        } else {
            Ok(())
        }
    }

    fn check_session(&self) -> Result<(), Code> {
        if self.cx.local {
            Ok(())
        } else if !self.outstanding.is_open(self.tree, self.cx.session) {
            Err(Code::SESSION_EXPIRED)
        } else if self.cx.moved {
            Err(Code::SESSION_MOVED)
        } else {
            Ok(())
        }
    }

    fn create(
        &mut self,
        mut path: String,
        data: Option<Vec<u8>>,
        acl: Vec<Acl>,
        flags: i32,
        operation: CreateOperation,
    ) -> Result<Txn, Code> {
        let mode = Mode::of(flags, operation, self.cx.rules.extended_types)?;
        self.check_session()?;
        let is_ephemeral =
            mode.ephemeral && matches!(operation, CreateOperation::Create | CreateOperation::Create2);
        if is_ephemeral && self.cx.local {
            return Err(Code::EPHEMERAL_ON_LOCAL_SESSION);
        }
        let (parent_path, _) = path::split_checked(&path)?;
        let acl = acl::well_formed(acl, self.cx.who, self.cx.rules.x509)?;
        let parent = self.see(parent_path)?;
        let permit = self.may(Access::CreateChild, &parent.list)?;
        if mode.sequential {
            write!(path, "{:010}", parent.stat.cversion).expect("a string takes all that is written");
        }
        path::validate(&path)?;
        if self.see(&path).is_ok() {
            return Err(Code::NODE_EXISTS);
        }
        if matches!(parent.stat.owner(), Owner::Session(_)) {
            return Err(Code::NO_CHILDREN_FOR_EPHEMERALS);
        }
        let data_length = data.as_ref().map_or(0, Vec::len);
        self.check_quota(&path, 1, data_length as i64)?;
        let cversion = parent.stat.cversion.wrapping_add(1);
        let mut parent_after = Seen {
            children: parent.children + 1,
            ..parent.clone()
        };
        if cversion > parent.stat.cversion {
            parent_after.stat.cversion = cversion;
            parent_after.stat.pzxid = self.cx.zxid;
        }
        let owner = match operation {
            CreateOperation::Container => Owner::Container,
            CreateOperation::Ttl { ttl_ms } => Owner::Ttl(ttl_ms),
            CreateOperation::Create | CreateOperation::Create2 if is_ephemeral => {
                Owner::Session(self.cx.session)
            }
            CreateOperation::Create | CreateOperation::Create2 => Owner::Nobody,
        };
        let created = Seen {
            stat: StatPersisted::new(self.cx.zxid, self.cx.time_ms, owner),
            children: 0,
            list: AccessList::of(&acl),
            prefix: digest::prefix(&path, data.as_deref()),
            data_length: data_length as u32,
        };
        let (parent_path, _) = path::split_checked(&path)?;
        self.put(&permit, parent_path, Some(&parent), Some(parent_after));
        self.put(&permit, &path, None, Some(created));
        let create = Create {
            path,
            data,
            acl,
            parent_cversion: Some(cversion),
        };
        Ok(match operation {
            CreateOperation::Create | CreateOperation::Create2 => Txn::Create {
                create,
                ephemeral: is_ephemeral,
                with_stat: operation == CreateOperation::Create2,
            },
            CreateOperation::Container => Txn::CreateContainer(create),
            CreateOperation::Ttl { ttl_ms } => Txn::CreateTtl { create, ttl_ms },
        })
    }

    fn delete(&mut self, path: String, version: i32) -> Result<Txn, Code> {
        self.check_session()?;
        let (parent_path, _) = deletable(&path)?;
        let parent = self.see(parent_path)?;
        let permit = self.may(Access::DeleteChild, &parent.list)?;
        let doomed = self.see(&path)?;
        check_version(doomed.stat.version, version)?;
        if doomed.children > 0 {
            return Err(Code::NOT_EMPTY);
        }
        self.remove(&permit, parent_path, &parent, &path, &doomed);
        Ok(Txn::Delete { path })
    }

    /// Asked for some time ago: whether the znode is still due is decided here.
    fn delete_container(&mut self, path: String) -> Result<Txn, Code> {
        let (parent_path, _) = deletable(&path)?;
        let doomed = self.see(&path)?;
        sweep::check_due(
            &doomed.stat,
            doomed.children,
            self.cx.rules.sweep,
            self.cx.time_ms,
        )?;
        let parent = self.see(parent_path)?;
        self.remove(&Permit::own(), parent_path, &parent, &path, &doomed);
        Ok(Txn::DeleteContainer { path })
    }

    fn remove(&mut self, permit: &Permit, parent_path: &str, parent: &Seen, path: &str, doomed: &Seen) {
        let mut parent_after = Seen {
            children: parent.children - 1,
            ..parent.clone()
        };
        parent_after.stat.pzxid = parent.stat.pzxid.max(self.cx.zxid);
        self.put(permit, parent_path, Some(parent), Some(parent_after));
        self.put(permit, path, Some(doomed), None);
    }

    fn set_data(&mut self, path: String, data: Option<Vec<u8>>, version: i32) -> Result<Txn, Code> {
        self.check_session()?;
        path::validate(&path)?;
        let before = self.see(&path)?;
        let permit = self.may(Access::SetData, &before.list)?;
        let data_length = data.as_ref().map_or(0, Vec::len);
        self.check_quota(&path, 0, data_length as i64 - i64::from(before.data_length))?;
        check_version(before.stat.version, version)?;
        let version = before.stat.version.wrapping_add(1);
        let mut after = Seen {
            prefix: digest::prefix(&path, data.as_deref()),
            data_length: data_length as u32,
            ..before.clone()
        };
        after.stat.version = version;
        after.stat.mtime_ms = self.cx.time_ms;
        after.stat.mzxid = self.cx.zxid;
        self.put(&permit, &path, Some(&before), Some(after));
        Ok(Txn::SetData { path, data, version })
    }

    fn set_acl(&mut self, path: String, acl: Vec<Acl>, version: i32) -> Result<Txn, Code> {
        self.check_session()?;
        path::validate(&path)?;
        let acl = acl::well_formed(acl, self.cx.who, self.cx.rules.x509)?;
        let before = self.see(&path)?;
        let permit = self.may(Access::SetAcl, &before.list)?;
        check_version(before.stat.aversion, version)?;
        let version = before.stat.aversion.wrapping_add(1);
        let mut after = Seen {
            list: AccessList::of(&acl),
            ..before.clone()
        };
        after.stat.aversion = version;
        self.put(&permit, &path, Some(&before), Some(after));
        Ok(Txn::SetAcl { path, acl, version })
    }

    fn check(&mut self, path: String, version: i32) -> Result<Txn, Code> {
        self.check_session()?;
        path::validate(&path)?;
        let seen = self.see(&path)?;
        let _permit = self.may(Access::CheckVersion, &seen.list)?;
        check_version(seen.stat.version, version)?;
        Ok(Txn::Check {
            path,
            version: seen.stat.version.wrapping_add(1),
        })
    }

    /// No checks: the leader's clock asks for this too, and twice does no harm.
    fn close_session(&mut self) -> Txn {
        let paths = self.outstanding.ephemerals(self.tree, self.cx.session);
        for path in &paths {
            if let Some((parent_path, _)) = path::split(path)
                && let (Ok(parent), Ok(doomed)) = (self.see(parent_path), self.see(path))
            {
                self.remove(&Permit::own(), parent_path, &parent, path, &doomed);
            }
        }
        self.outstanding.close_session(self.cx.zxid, self.cx.session);
        Txn::CloseSession { paths: Some(paths) }
    }
}

/// What the flags of a create ask for.
struct Mode {
    ephemeral: bool,
    sequential: bool,
}

impl Mode {
    /// The operation decides what kind of znode it is, as in Apache: flag 4 (container) is heeded in none, and a lifetime
    /// is for `createTTL` alone, which takes nothing else: with other flags Apache's servers stop for good.
    fn of(flags: i32, operation: CreateOperation, extended_types: bool) -> Result<Self, Code> {
        if !(0..=6).contains(&flags) {
            return Err(Code::BAD_ARGUMENTS);
        }
        let with_lifetime = flags > 4;
        if with_lifetime && !extended_types {
            return Err(Code::UNIMPLEMENTED);
        }
        let is_valid = match operation {
            CreateOperation::Ttl { ttl_ms } => with_lifetime && (1..=TTL_MAX_MS).contains(&ttl_ms),
            CreateOperation::Create | CreateOperation::Create2 | CreateOperation::Container => !with_lifetime,
        };
        if !is_valid {
            return Err(Code::BAD_ARGUMENTS);
        }
        Ok(Mode {
            ephemeral: matches!(flags, 1 | 3),
            sequential: matches!(flags, 2 | 3 | 6),
        })
    }
}

fn deletable(path: &str) -> Result<(&str, &str), Code> {
    let parts = path::split_checked(path)?;
    if path::is_special(path) {
        Err(Code::BAD_ARGUMENTS)
    } else {
        Ok(parts)
    }
}

fn check_version(current: i32, expected: i32) -> Result<(), Code> {
    if expected == -1 || expected == current {
        Ok(())
    } else {
        Err(Code::BAD_VERSION)
    }
}
