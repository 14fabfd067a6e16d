//! Which lists may a znode have, and how are equal ones kept once?
//!
//! Lists come with logs and snapshots that others wrote as well: whatever they hold is kept and returned as it
//! is. What a list grants is for [`Who::may`] to say.

use crate::code::Code;
use crate::txn::Acl;
use crate::who::{ALL, Network, READ, Who};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};

#[cfg(test)]
mod tests;

/// A list, with what it grants to anyone at hand.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) struct AccessList {
    anyone: i32,
    entries: Arc<[Acl]>,
}

impl AccessList {
    pub(crate) fn of(entries: &[Acl]) -> Self {
        let anyone = entries
            .iter()
            .filter(|acl| is_anyone(acl))
            .fold(0, |perms, acl| perms | acl.perms);
        AccessList {
            anyone,
            entries: entries.into(),
        }
    }

    /// The union of its `world:anyone` entries.
    pub(crate) fn anyone(&self) -> i32 {
        self.anyone
    }

    pub(crate) fn entries(&self) -> &[Acl] {
        &self.entries
    }
}

fn is_anyone(acl: &Acl) -> bool {
    acl.scheme == "world" && acl.id == "anyone"
}

fn anyone(perms: i32) -> Vec<Acl> {
    vec![Acl {
        perms,
        scheme: "world".into(),
        id: "anyone".into(),
    }]
}

/// The list that a request asks for, made well-formed [ZooKeeper `fixupACL`]: exact duplicates dropped, order
/// kept, `auth` replaced by what the asker has proven to be.
///
/// # Errors
///
/// [`Code::INVALID_ACL`] for an empty list, an entry of an unknown scheme or with an identity that its scheme
/// does not have, and `auth` from somebody who has proven nothing but his address.
pub(crate) fn well_formed(list: Vec<Acl>, who: &Who, x509: bool) -> Result<Vec<Acl>, Code> {
    if list.is_empty() {
        return Err(Code::INVALID_ACL);
    }
    let mut formed: Vec<Acl> = Vec::new();
    let mut seen = BTreeSet::new();
    for acl in &list {
        if !seen.insert(acl) {
            continue;
        }
        if acl.scheme == "auth" {
            let before = formed.len();
            formed.extend(who.authenticated().map(|id| Acl {
                perms: acl.perms,
                scheme: id.scheme.clone(),
                id: id.id.clone(),
            }));
            if formed.len() == before {
                return Err(Code::INVALID_ACL);
            }
            continue;
        }
        let is_valid = match acl.scheme.as_str() {
            "world" => acl.id == "anyone",
            "digest" => acl.id.trim_end_matches(':').split(':').count() == 2,
            "ip" => Network::of(&acl.id).is_some(),
            "x509" => x509 && is_distinguished_name(&acl.id),
            _ => false,
        };
        if !is_valid {
            return Err(Code::INVALID_ACL);
        }
        formed.push(acl.clone());
    }
    Ok(formed)
}

/// Whether the text is attributes with values, as a certificate's subject is written (RFC 2253). It is
/// compared as text: what is no name is merely nobody's.
fn is_distinguished_name(text: &str) -> bool {
    !text.is_empty()
        && text.split(',').all(|part| {
            part.split_once('=')
                .is_some_and(|(name, _)| !name.trim().is_empty())
        })
}

/// An interned list.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) struct AclId(u32);

impl AclId {
    /// `world:anyone` with all permissions, by far the most frequent list: it is not counted.
    pub(crate) const OPEN: AclId = AclId(0);

    /// The number that a snapshot uses.
    pub(crate) fn on_disk(self) -> i64 {
        if self == AclId::OPEN {
            OPEN_ON_DISK
        } else {
            i64::from(self.0)
        }
    }
}

/// The open list's number in snapshots; it is not in their ACL map.
pub(crate) const OPEN_ON_DISK: i64 = -1;

#[derive(Clone, Debug)]
struct Interned {
    list: AccessList,
    uses: u64,
}

static OPEN: LazyLock<Interned> = LazyLock::new(|| Interned {
    list: AccessList::of(&anyone(ALL)),
    uses: 1,
});

/// The lists in use, each kept once and counted.
#[derive(Clone, Debug)]
pub(crate) struct AclTable {
    interned: Vec<Option<Interned>>,
    ids: BTreeMap<Arc<[Acl]>, AclId>,
    vacant: Vec<AclId>,
}

impl AclTable {
    pub(crate) fn new() -> Self {
        let ids = BTreeMap::from([(OPEN.list.entries.clone(), AclId::OPEN)]);
        AclTable {
            interned: vec![Some(OPEN.clone())],
            ids,
            vacant: Vec::new(),
        }
    }

    /// Whether `list` is the open one, which needs no entry.
    pub(crate) fn is_open(list: &[Acl]) -> bool {
        *list == *OPEN.list.entries
    }

    /// The number of `list`, used once more.
    pub(crate) fn intern(&mut self, list: &[Acl]) -> AclId {
        if let Some(&id) = self.ids.get(list) {
            self.retain(id);
            return id;
        }
        let interned = Interned {
            list: AccessList::of(list),
            uses: 1,
        };
        let id = self.vacant.pop().unwrap_or(AclId(self.interned.len() as u32));
        self.ids.insert(interned.list.entries.clone(), id);
        match self.interned.get_mut(id.0 as usize) {
            Some(slot) => *slot = Some(interned),
            None => self.interned.push(Some(interned)),
        }
        id
    }

    /// One use more of a list in use.
    pub(crate) fn retain(&mut self, id: AclId) {
        self.interned[id.0 as usize]
            .as_mut()
            .expect("only a list in use is used again")
            .uses += 1;
    }

    /// One use less; with the last one the list goes.
    pub(crate) fn release(&mut self, id: AclId) {
        if id == AclId::OPEN {
            return;
        }
        let slot = &mut self.interned[id.0 as usize];
        let interned = slot.as_mut().expect("only a list in use is released");
        interned.uses -= 1;
        if interned.uses == 0 {
            self.ids.remove(&interned.list.entries);
            *slot = None;
            self.vacant.push(id);
        }
    }

    pub(crate) fn list(&self, id: AclId) -> &AccessList {
        &self.interned(id).list
    }

    fn interned(&self, id: AclId) -> &Interned {
        self.interned[id.0 as usize]
            .as_ref()
            .expect("a znode's list is in use")
    }

    /// All lists but the open one, with the numbers that a snapshot uses.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (i64, &[Acl])> {
        let numbered = self.interned.iter().zip(0..).skip(1);
        numbered.filter_map(|(slot, id)| {
            slot.as_ref()
                .map(|interned| (AclId(id).on_disk(), interned.list.entries()))
        })
    }
}

/// The list of a znode whose own is not known: it grants nothing.
pub(crate) fn nothing() -> Vec<Acl> {
    anyone(0)
}

/// The list of `/zookeeper/config`: anyone may read it.
pub(crate) fn read_only() -> Vec<Acl> {
    anyone(READ)
}
