//! What transaction does a write become?
//!
//! The leader decides everything here, against the tree as it will be: paths, versions, suffixes, errors and
//! the digest afterwards. Checks come in Apache's order, the first failing one decides, and nothing is
//! recorded as outstanding before the last has passed.

use crate::acl::{self, CREATE, DELETE, Grants, WRITE};
use crate::code::Code;
use crate::digest::{self, DIGEST_VERSION};
use crate::outstanding::{Outstanding, Seen};
use crate::path;
use crate::request::{Context, WriteRequest};
use crate::stat::{Owner, StatPersisted};
use crate::tree::Tree;
use crate::txn::{Acl, Create, Txn, TxnDigest, TxnEntry, TxnHeader};
use std::fmt::Write;

#[cfg(test)]
mod tests;

/// Prepares a write on the leader: checks it and says what it does. A refused one is an error transaction,
/// with the zxid and without a digest. `tree` must have applied exactly what `outstanding` no longer holds.
pub fn prepare(request: WriteRequest, cx: &Context, tree: &Tree, outstanding: &mut Outstanding) -> TxnEntry {
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
    cx: &'a Context,
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
            WriteRequest::Create {
                path,
                data,
                acl,
                flags,
                with_stat,
            } => self.create(path, data, acl, flags, with_stat),
            WriteRequest::Delete { path, version } => self.delete(path, version),
            WriteRequest::SetData { path, data, version } => self.set_data(path, data, version),
            WriteRequest::DeleteContainer { path } => self.delete_container(path),
            WriteRequest::Refused(code) => Err(code),
        }
    }

    fn see(&self, path: &str) -> Result<Seen, Code> {
        self.outstanding.see(self.tree, path).ok_or(Code::NO_NODE)
    }

    fn put(&mut self, path: &str, before: Option<&Seen>, after: Option<Seen>) {
        self.outstanding.put(self.tree, self.cx.zxid, path, before, after);
    }

    fn check_session(&self) -> Result<(), Code> {
        if !self.outstanding.is_open(self.tree, self.cx.session) {
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
        with_stat: bool,
    ) -> Result<Txn, Code> {
        let mode = Mode::of(flags)?;
        self.check_session()?;
        let (parent_path, _) = path::split_checked(&path)?;
        let acl = acl::well_formed(acl)?;
        let parent = self.see(parent_path)?;
        parent.grants.check(CREATE)?;
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
        let cversion = parent.stat.cversion.wrapping_add(1);
        let mut parent_after = Seen {
            children: parent.children + 1,
            ..parent
        };
        if cversion > parent.stat.cversion {
            parent_after.stat.cversion = cversion;
            parent_after.stat.pzxid = self.cx.zxid;
        }
        let owner = if mode.ephemeral {
            Owner::Session(self.cx.session)
        } else {
            Owner::Nobody
        };
        let created = Seen {
            stat: StatPersisted::new(self.cx.zxid, self.cx.time_ms, owner),
            children: 0,
            grants: Grants::of(&acl),
            prefix: digest::prefix(&path, data.as_deref()),
        };
        let (parent_path, _) = path::split_checked(&path)?;
        self.put(parent_path, Some(&parent), Some(parent_after));
        self.put(&path, None, Some(created));
        let create = Create {
            path,
            data,
            acl,
            parent_cversion: Some(cversion),
        };
        Ok(Txn::Create {
            create,
            ephemeral: mode.ephemeral,
            with_stat,
        })
    }

    fn delete(&mut self, path: String, version: i32) -> Result<Txn, Code> {
        self.check_session()?;
        let (parent_path, _) = deletable(&path)?;
        let parent = self.see(parent_path)?;
        parent.grants.check(DELETE)?;
        let doomed = self.see(&path)?;
        check_version(doomed.stat.version, version)?;
        if doomed.children > 0 {
            return Err(Code::NOT_EMPTY);
        }
        self.remove(parent_path, &parent, &path, &doomed);
        Ok(Txn::Delete { path })
    }

    fn delete_container(&mut self, path: String) -> Result<Txn, Code> {
        let (parent_path, _) = deletable(&path)?;
        let doomed = self.see(&path)?;
        if doomed.children > 0 {
            return Err(Code::NOT_EMPTY);
        }
        if matches!(doomed.stat.owner(), Owner::Session(_)) {
            return Err(Code::BAD_VERSION);
        }
        let parent = self.see(parent_path)?;
        self.remove(parent_path, &parent, &path, &doomed);
        Ok(Txn::DeleteContainer { path })
    }

    fn remove(&mut self, parent_path: &str, parent: &Seen, path: &str, doomed: &Seen) {
        let mut parent_after = Seen {
            children: parent.children - 1,
            ..*parent
        };
        parent_after.stat.pzxid = parent.stat.pzxid.max(self.cx.zxid);
        self.put(parent_path, Some(parent), Some(parent_after));
        self.put(path, Some(doomed), None);
    }

    fn set_data(&mut self, path: String, data: Option<Vec<u8>>, version: i32) -> Result<Txn, Code> {
        self.check_session()?;
        path::validate(&path)?;
        let before = self.see(&path)?;
        before.grants.check(WRITE)?;
        check_version(before.stat.version, version)?;
        let version = before.stat.version.wrapping_add(1);
        let mut after = Seen {
            prefix: digest::prefix(&path, data.as_deref()),
            ..before
        };
        after.stat.version = version;
        after.stat.mtime_ms = self.cx.time_ms;
        after.stat.mzxid = self.cx.zxid;
        self.put(&path, Some(&before), Some(after));
        Ok(Txn::SetData { path, data, version })
    }

    /// No checks: the leader's clock asks for this too, and twice does no harm.
    fn close_session(&mut self) -> Txn {
        let paths = self.outstanding.ephemerals(self.tree, self.cx.session);
        for path in &paths {
            if let Some((parent_path, _)) = path::split(path)
                && let (Ok(parent), Ok(doomed)) = (self.see(parent_path), self.see(path))
            {
                self.remove(parent_path, &parent, path, &doomed);
            }
        }
        self.outstanding.close_session(self.cx.zxid, self.cx.session);
        Txn::CloseSession { paths: Some(paths) }
    }
}

/// What the flags of a create ask for. A container (4) by these operations is an ordinary znode, as in
/// Apache, where only `createContainer` makes one.
struct Mode {
    ephemeral: bool,
    sequential: bool,
}

impl Mode {
    fn of(flags: i32) -> Result<Self, Code> {
        match flags {
            0..=3 => Ok(Mode {
                ephemeral: flags & 1 != 0,
                sequential: flags & 2 != 0,
            }),
            4 => Ok(Mode {
                ephemeral: false,
                sequential: false,
            }),
            5 | 6 => Err(Code::UNIMPLEMENTED), // TTL modes, which need extended types.
            _ => Err(Code::BAD_ARGUMENTS),
        }
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
