//! Who may do what, and how are equal ACL lists kept once?
//!
//! What is understood is `world:anyone`. Entries of other schemes grant nothing: they deny. They are kept
//! and returned as they are, because they come with logs and snapshots that others wrote.

use crate::code::Code;
use crate::txn::Acl;
use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

/// Permission to read data, children and ACL.
pub const READ: i32 = 1;
/// Permission to set data.
pub const WRITE: i32 = 2;
/// Permission to create children.
pub const CREATE: i32 = 4;
/// Permission to delete children.
pub const DELETE: i32 = 8;
/// Permission to set the ACL.
pub const ADMIN: i32 = 16;
/// All of them.
pub const ALL: i32 = 31;

/// What a list grants to whom it is not known to exclude: the union of its `world:anyone` entries.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) struct Grants(i32);

impl Grants {
    /// An empty list grants everything, as in ZooKeeper.
    pub(crate) fn of(list: &[Acl]) -> Self {
        if list.is_empty() {
            return Grants(ALL);
        }
        Grants(
            list.iter()
                .filter(|acl| is_anyone(acl))
                .fold(0, |perms, acl| perms | acl.perms),
        )
    }

    /// Passes if any bit of `needed` is granted.
    pub(crate) fn check(self, needed: i32) -> Result<(), Code> {
        if self.allows(needed) {
            Ok(())
        } else {
            Err(Code::NO_AUTH)
        }
    }

    pub(crate) fn allows(self, needed: i32) -> bool {
        self.0 & needed != 0
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

/// The list that a request asks for, made well-formed: exact duplicates dropped, order kept.
///
/// # Errors
///
/// [`Code::INVALID_ACL`] for an empty list and, in the list's order, for an entry that ZooKeeper would
/// refuse; [`Code::UNIMPLEMENTED`] for a valid list that names another scheme than `world`.
pub(crate) fn well_formed(mut list: Vec<Acl>) -> Result<Vec<Acl>, Code> {
    if list.is_empty() {
        return Err(Code::INVALID_ACL);
    }
    if list.len() > 1 {
        let mut unique: Vec<Acl> = Vec::new();
        for acl in list {
            if !unique.contains(&acl) {
                unique.push(acl);
            }
        }
        list = unique;
    }
    for acl in &list {
        let valid = match acl.scheme.as_str() {
            "world" => acl.id == "anyone",
            "auth" => true,
            "digest" => acl.id.trim_end_matches(':').split(':').count() == 2,
            "ip" => is_ip_range(&acl.id),
            _ => false,
        };
        if !valid {
            return Err(Code::INVALID_ACL);
        }
    }
    if list.iter().all(is_anyone) {
        Ok(list)
    } else {
        Err(Code::UNIMPLEMENTED)
    }
}

/// A dotted quad, with an optional `/bits`.
fn is_ip_range(id: &str) -> bool {
    let (address, bits) = match id.split_once('/') {
        Some((address, bits)) => (address, Some(bits)),
        None => (id, None),
    };
    let within = |text: &str, max| {
        text.parse::<i32>()
            .is_ok_and(|number| (0..=max).contains(&number))
    };
    address.split('.').count() == 4
        && address.split('.').all(|part| within(part, 255))
        && bits.is_none_or(|bits| within(bits, 32))
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
    list: Arc<[Acl]>,
    grants: Grants,
    uses: u64,
}

static OPEN: LazyLock<Interned> = LazyLock::new(|| {
    let list = anyone(ALL);
    Interned {
        grants: Grants::of(&list),
        list: list.into(),
        uses: 1,
    }
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
        let ids = BTreeMap::from([(OPEN.list.clone(), AclId::OPEN)]);
        AclTable {
            interned: vec![Some(OPEN.clone())],
            ids,
            vacant: Vec::new(),
        }
    }

    /// Whether `list` is the open one, which needs no entry.
    pub(crate) fn is_open(list: &[Acl]) -> bool {
        *list == *OPEN.list
    }

    /// The number of `list`, used once more.
    pub(crate) fn intern(&mut self, list: &[Acl]) -> AclId {
        if let Some(&id) = self.ids.get(list) {
            self.retain(id);
            return id;
        }
        let interned = Interned {
            list: list.into(),
            grants: Grants::of(list),
            uses: 1,
        };
        let id = self.vacant.pop().unwrap_or(AclId(self.interned.len() as u32));
        self.ids.insert(interned.list.clone(), id);
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
            self.ids.remove(&interned.list);
            *slot = None;
            self.vacant.push(id);
        }
    }

    pub(crate) fn list(&self, id: AclId) -> &[Acl] {
        &self.interned(id).list
    }

    pub(crate) fn grants(&self, id: AclId) -> Grants {
        self.interned(id).grants
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
                .map(|interned| (AclId(id).on_disk(), &*interned.list))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn acl(scheme: &str, id: &str) -> Acl {
        Acl {
            perms: ALL,
            scheme: scheme.into(),
            id: id.into(),
        }
    }

    #[test]
    fn malformed_lists_are_invalid_whatever_else_they_hold() {
        for bad in [
            acl("world", "bob"),
            acl("digest", "a"),
            acl("digest", "a:"),
            acl("digest", "a:b:c"),
            acl("digest", ":"),
            acl("ip", "1.2.3"),
            acl("ip", "1.2.3.256"),
            acl("ip", "1.2.3.4/33"),
            acl("ip", "::1"),
            acl("super", "x"),
            acl("sasl", "x"),
            acl("nope", "x"),
            acl("", ""),
        ] {
            assert_eq!(well_formed(vec![bad.clone()]), Err(Code::INVALID_ACL), "{bad:?}");
            assert_eq!(
                well_formed(vec![acl("digest", "a:b"), bad]),
                Err(Code::INVALID_ACL)
            );
        }
        assert_eq!(well_formed(Vec::new()), Err(Code::INVALID_ACL));
    }

    #[test]
    fn a_list_that_is_not_understood_is_never_ignored() {
        for id in ["a:b", ":b", "a:b:"] {
            assert_eq!(
                well_formed(vec![acl("digest", id)]),
                Err(Code::UNIMPLEMENTED),
                "{id}"
            );
        }
        let mixed = vec![acl("world", "anyone"), acl("ip", "10.0.0.0/8")];
        assert_eq!(well_formed(mixed), Err(Code::UNIMPLEMENTED));
        assert_eq!(well_formed(vec![acl("auth", "")]), Err(Code::UNIMPLEMENTED));
    }

    #[test]
    fn duplicates_are_dropped() {
        let one = vec![acl("world", "anyone")];
        assert_eq!(well_formed([one.clone(), one.clone()].concat()), Ok(one));
    }

    #[test]
    fn entries_that_are_not_understood_grant_nothing() {
        let digest = Grants::of(&[acl("digest", "a:b")]);
        assert_eq!(digest.check(READ), Err(Code::NO_AUTH));
        assert_eq!(Grants::of(&read_only()).check(READ), Ok(()));
        assert_eq!(Grants::of(&read_only()).check(WRITE), Err(Code::NO_AUTH));
        assert_eq!(Grants::of(&[]).check(ADMIN), Ok(()));
    }

    #[test]
    fn a_list_lives_as_long_as_its_last_use() {
        let mut table = AclTable::new();
        let first = table.intern(&read_only());
        assert_eq!(table.intern(&read_only()), first);
        let other = table.intern(&nothing());
        table.release(first);
        assert_eq!(table.iter().count(), 2);
        table.release(first);
        assert_eq!(
            table.iter().collect::<Vec<_>>(),
            [(other.on_disk(), &nothing()[..])]
        );
        assert_eq!(table.intern(&[acl("x", "y")]), first, "the number is free again");
        assert_ne!(
            table.intern(&read_only()),
            first,
            "a list that went is a new one when it comes back"
        );
    }
}
