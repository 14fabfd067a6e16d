//! What has to be remembered of a request until it is known what came of it? A refused one leaves nothing of
//! itself in its transaction.

use quorate_tree::{Acl, Txn, TxnResult};
use quorate_wire::client::{MultiOp, Request};
use std::collections::VecDeque;
use std::fmt::Write;

/// A request that is worth a line.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Note {
    pub(crate) operation: &'static str,
    pub(crate) path: Option<String>,
    pub(crate) kind: Option<&'static str>,
    pub(crate) acl: Option<String>,
    /// Of a multi: paths that it creates, and as what.
    created: Vec<(String, &'static str)>,
}

/// A line of it: operation, znode, kind of znode, whether it went well.
type Told = (&'static str, Option<String>, Option<&'static str>, bool);

/// The requests of one connection that wait for their transactions, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Notes(VecDeque<(i32, Note)>);

impl Notes {
    /// Remembers the request `xid`, if it is worth a line.
    pub(crate) fn remember(&mut self, xid: i32, request: &Request) {
        if let Some(note) = Note::of(request) {
            self.0.push_back((xid, note));
        }
    }

    /// What is remembered of the request `xid`. Transactions come in the order of their requests: what is older
    /// comes no more.
    pub(crate) fn take(&mut self, xid: i32) -> Option<Note> {
        let at = self.0.iter().position(|(other, _)| *other == xid)?;
        self.0.drain(..=at).next_back().map(|(_, note)| note)
    }
}

impl Note {
    fn of(request: &Request) -> Option<Self> {
        let note = |operation, path: &str| Self {
            operation,
            path: Some(path.to_owned()),
            kind: None,
            acl: None,
            created: Vec::new(),
        };
        Some(match request {
            Request::Create(create) | Request::Create2(create) | Request::CreateContainer(create) => Self {
                kind: kind(create.flags),
                ..note("create", &create.path)
            },
            Request::Delete { path, .. } => note("delete", path),
            Request::SetData { path, .. } => note("setData", path),
            Request::SetAcl { path, acl, .. } => Self {
                acl: Some(acl_text(acl)),
                ..note("setAcl", path)
            },
            Request::Multi(parts) => Self {
                path: None,
                created: parts.iter().filter_map(created).collect(),
                ..note("multiOperation", "")
            },
            Request::Reconfig { .. } => Self {
                path: None,
                ..note("reconfig", "")
            },
            // Znodes with a lifetime are not in Apache's list either.
            _ => return None,
        })
    }

    /// The lines that its transaction is worth.
    pub(crate) fn lines(&self, txn: &Txn, result: &TxnResult) -> Vec<Told> {
        match (txn, result) {
            (Txn::Multi(parts), TxnResult::Multi(results))
                if !results.iter().any(|result| matches!(result, TxnResult::Error(_))) =>
            {
                parts.iter().filter_map(|part| self.part(part)).collect()
            }
            (_, TxnResult::Error(_) | TxnResult::Multi(_)) => {
                vec![(self.operation, self.path.clone(), self.kind, false)]
            }
            (Txn::Create { create, .. } | Txn::CreateContainer(create), _) => {
                vec![(self.operation, Some(create.path.clone()), self.kind, true)]
            }
            (Txn::Reconfig { path, .. }, _) => vec![(self.operation, Some(path.clone()), None, true)],
            _ => vec![(self.operation, self.path.clone(), self.kind, true)],
        }
    }

    fn part(&self, part: &Txn) -> Option<Told> {
        let (operation, path) = match part {
            Txn::Create { create, .. } | Txn::CreateContainer(create) | Txn::CreateTtl { create, .. } => {
                ("create", &create.path)
            }
            Txn::Delete { path } | Txn::DeleteContainer { path } => ("delete", path),
            Txn::SetData { path, .. } => ("setData", path),
            _ => return None,
        };
        let kind = self.created.iter().find(|(created, _)| created == path);
        Some((operation, Some(path.clone()), kind.map(|(_, kind)| *kind), true))
    }
}

fn created(part: &MultiOp) -> Option<(String, &'static str)> {
    match part {
        MultiOp::Create(create) | MultiOp::Create2(create) | MultiOp::CreateContainer(create) => {
            Some((create.path.clone(), kind(create.flags)?))
        }
        _ => None,
    }
}

/// Apache's word for a create's flags.
fn kind(flags: i32) -> Option<&'static str> {
    Some(match flags {
        0 => "persistent",
        1 => "ephemeral",
        2 => "persistent_sequential",
        3 => "ephemeral_sequential",
        4 => "container",
        5 => "persistent_with_ttl",
        6 => "persistent_sequential_with_ttl",
        _ => return None,
    })
}

/// As Apache writes a list: its entries one behind the other.
fn acl_text(list: &[Acl]) -> String {
    let mut text = String::new();
    for acl in list {
        let _ = write!(text, "{}:{}:", acl.scheme, acl.id);
        let letters = [(4, 'c'), (8, 'd'), (1, 'r'), (2, 'w'), (16, 'a')];
        text.extend(
            letters
                .iter()
                .filter(|(bit, _)| acl.perms & bit != 0)
                .map(|(_, letter)| letter),
        );
    }
    text
}
