//! Who may do what? One function decides: [`Who::may`].
//!
//! Whatever shows a znode to somebody, changes it for him or tells him of it asks for a [`Permit`], and there is
//! no other way to one than that function, or [`Permit::own`] for what the ensemble does by itself.

use crate::acl::AccessList;
use crate::code::Code;
use crate::txn::Acl;
use core::net::IpAddr; // Addresses as values: no socket is near them.

#[cfg(test)]
mod tests;

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

/// What somebody has proven to be: `ip:10.0.0.1`, `digest:user:hash`, ...
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Id {
    /// `ip`, `digest`, `x509`, `super`, ...
    pub scheme: String,
    /// The identity within the scheme.
    pub id: String,
}

impl Id {
    /// An identity.
    pub fn new(scheme: impl Into<String>, id: impl Into<String>) -> Self {
        Id {
            scheme: scheme.into(),
            id: id.into(),
        }
    }

    /// Whether it stands in for `auth:` in a list: an address is not enough [ZooKeeper `isAuthenticated`].
    fn is_authenticated(&self) -> bool {
        matches!(self.scheme.as_str(), "digest" | "sasl" | "x509")
    }

    /// Whether the entry speaks of this identity.
    fn is_meant_by(&self, entry: &Acl) -> bool {
        self.scheme == entry.scheme
            && match self.scheme.as_str() {
                "digest" | "x509" | "sasl" => self.id == entry.id,
                "ip" => Network::of(&entry.id).is_some_and(|network| network.holds(&self.id)),
                _ => false,
            }
    }
}

/// All that somebody has proven to be, in the order in which he did.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub struct Who {
    ids: Vec<Id>,
}

impl Who {
    /// Somebody who has proven nothing: what anyone may do he may.
    pub const NOBODY: &'static Who = &Who { ids: Vec::new() };

    /// Whoever is all of `ids`.
    pub fn new(ids: Vec<Id>) -> Self {
        Who { ids }
    }

    /// Somebody whom no list stops [ZooKeeper scheme `super`].
    pub fn superuser() -> Self {
        Who {
            ids: vec![Id::new("super", "")],
        }
    }

    /// The identities, oldest first.
    pub fn ids(&self) -> &[Id] {
        &self.ids
    }

    /// Whether he has proven something of one of these schemes.
    pub fn has_any(&self, schemes: &[String]) -> bool {
        self.ids.iter().any(|id| schemes.contains(&id.scheme))
    }

    /// He has proven one more; twice is the same as once.
    pub fn add(&mut self, id: Id) {
        if !self.ids.contains(&id) {
            self.ids.push(id);
        }
    }

    /// Decides: whether he may do this to a znode with this list.
    ///
    /// # Errors
    ///
    /// [`Code::NO_AUTH`].
    pub(crate) fn may(&self, access: Access, list: &AccessList) -> Result<Permit, Code> {
        let needed = access.needs();
        // An empty list grants everything, as in ZooKeeper.
        let granted = list.anyone() & needed != 0
            || list.entries().is_empty()
            || self.ids.iter().any(|id| id.scheme == "super")
            || list
                .entries()
                .iter()
                .any(|entry| entry.perms & needed != 0 && self.ids.iter().any(|id| id.is_meant_by(entry)));
        if granted {
            Ok(Permit(()))
        } else {
            Err(Code::NO_AUTH)
        }
    }

    /// Whether he may do everything to a znode with this list.
    pub(crate) fn may_everything(&self, list: &AccessList) -> Result<(), Code> {
        [
            Access::GetData,
            Access::SetData,
            Access::CreateChild,
            Access::DeleteChild,
            Access::SetAcl,
        ]
        .into_iter()
        .try_for_each(|access| self.may(access, list).map(drop))
    }

    /// The identities that stand in for `auth:`.
    pub(crate) fn authenticated(&self) -> impl Iterator<Item = &Id> {
        self.ids.iter().filter(|id| id.is_authenticated())
    }
}

/// Something done to one znode, as far as permission goes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Access {
    /// Its stat is shown.
    Exists,
    /// Its data is shown.
    GetData,
    /// Its children are shown.
    GetChildren,
    /// Its descendants are counted.
    CountDescendants,
    /// Its list is shown, hashes of passwords left out.
    GetAcl,
    /// Its list is shown as it is.
    SeeDigests,
    /// Its version is compared in a multi.
    CheckVersion,
    /// A change of it is told to who watches.
    Hear,
    /// A child is created.
    CreateChild,
    /// A child is deleted.
    DeleteChild,
    /// Its data is set.
    SetData,
    /// Its list is set.
    SetAcl,
}

impl Access {
    /// The permissions of which one is enough.
    const fn needs(self) -> i32 {
        match self {
            Access::Exists
            | Access::GetData
            | Access::GetChildren
            | Access::CountDescendants
            | Access::CheckVersion
            | Access::Hear => READ,
            Access::GetAcl => READ | ADMIN,
            Access::SeeDigests | Access::SetAcl => ADMIN,
            Access::CreateChild => CREATE,
            Access::DeleteChild => DELETE,
            Access::SetData => WRITE,
        }
    }
}

/// Says that somebody may do what he is about to do.
#[derive(Debug)]
#[must_use]
pub(crate) struct Permit(());

impl Permit {
    /// For what the ensemble does by itself: the end of a session, the sweep of containers.
    pub(crate) fn own() -> Self {
        Permit(())
    }
}

/// An address with a mask, as entries of scheme `ip` have it.
#[derive(Debug)]
pub(crate) struct Network {
    address: IpAddr,
    bits: u32,
}

impl Network {
    /// Reads `address` or `address/bits`; `None` for what is neither.
    pub(crate) fn of(text: &str) -> Option<Self> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let address = address_of(address)?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = match bits {
            Some(bits) => bits.parse().ok().filter(|&bits: &u32| bits <= most)?,
            None => most,
        };
        Some(Network { address, bits })
    }

    fn holds(&self, address: &str) -> bool {
        let differ = match (self.address, address_of(address)) {
            (IpAddr::V4(one), Some(IpAddr::V4(other))) => (one.to_bits() ^ other.to_bits()).leading_zeros(),
            (IpAddr::V6(one), Some(IpAddr::V6(other))) => (one.to_bits() ^ other.to_bits()).leading_zeros(),
            _ => return false,
        };
        differ >= self.bits
    }
}

/// A dotted quad is read as Apache reads it, with leading zeros.
fn address_of(text: &str) -> Option<IpAddr> {
    if text.contains(':') {
        return text.parse().ok().map(IpAddr::V6);
    }
    let mut quad = [0; 4];
    let mut parts = text.split('.');
    for byte in &mut quad {
        let part: i32 = parts.next()?.parse().ok()?;
        *byte = u8::try_from(part).ok()?;
    }
    parts.next().is_none().then_some(IpAddr::from(quad))
}
