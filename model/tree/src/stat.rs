//! What is known of a znode besides its data, on disk and on the wire?

use crate::txn::SessionId;
use serde::{Deserialize, Serialize};

/// The part of a znode's stat that snapshots store [ZooKeeper `StatPersisted`], 60 bytes on disk.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq, Serialize, Deserialize)]
pub struct StatPersisted {
    /// The transaction that created it.
    pub czxid: u64,
    /// The transaction of the last `setData`; at first `czxid`.
    pub mzxid: u64,
    /// Leader's clock at creation, ms since 1970.
    pub ctime_ms: i64,
    /// Leader's clock at the last `setData`, ms since 1970.
    pub mtime_ms: i64,
    /// Number of `setData` since creation.
    pub version: i32,
    /// Number of children ever created; deletions do not count here.
    pub cversion: i32,
    /// Number of `setACL` since creation.
    pub aversion: i32,
    /// Encoded [`Owner`].
    pub ephemeral_owner: i64,
    /// The last creation or deletion of a direct child; at first `czxid`.
    pub pzxid: u64,
}

impl StatPersisted {
    /// The stat of a znode created by `zxid` at `time_ms`.
    pub fn new(zxid: u64, time_ms: i64, owner: Owner) -> Self {
        StatPersisted {
            czxid: zxid,
            mzxid: zxid,
            ctime_ms: time_ms,
            mtime_ms: time_ms,
            ephemeral_owner: owner.encode(),
            pzxid: zxid,
            ..StatPersisted::default()
        }
    }

    /// Who or what the znode goes with.
    pub fn owner(&self) -> Owner {
        Owner::decode(self.ephemeral_owner)
    }
}

/// A znode's stat as clients see it [ZooKeeper `Stat`], in wire order, 68 bytes on the wire.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq, Serialize, Deserialize)]
pub struct Stat {
    /// The transaction that created it.
    pub czxid: u64,
    /// The transaction of the last `setData`.
    pub mzxid: u64,
    /// Leader's clock at creation, ms since 1970.
    pub ctime_ms: i64,
    /// Leader's clock at the last `setData`, ms since 1970.
    pub mtime_ms: i64,
    /// Number of `setData`.
    pub version: i32,
    /// Number of creations and deletions of children.
    pub cversion: i32,
    /// Number of `setACL`.
    pub aversion: i32,
    /// The session of an ephemeral; 0 for all others, containers and TTL nodes included.
    pub ephemeral_owner: SessionId,
    /// Bytes of data; 0 for null.
    pub data_length: i32,
    /// Number of children.
    pub num_children: i32,
    /// The last creation or deletion of a direct child.
    pub pzxid: u64,
}

impl Stat {
    /// What clients see of a znode with this many bytes and children.
    pub(crate) fn of(stat: &StatPersisted, data_length: usize, children: u32) -> Self {
        let children = children as i32;
        Stat {
            czxid: stat.czxid,
            mzxid: stat.mzxid,
            ctime_ms: stat.ctime_ms,
            mtime_ms: stat.mtime_ms,
            version: stat.version,
            cversion: stat.cversion.wrapping_mul(2).wrapping_sub(children),
            aversion: stat.aversion,
            ephemeral_owner: match stat.owner() {
                Owner::Session(session) => session,
                Owner::Nobody | Owner::Container | Owner::Ttl(_) => 0,
            },
            data_length: data_length as i32,
            num_children: children,
            pzxid: stat.pzxid,
        }
    }
}

/// What decides when a znode goes away, as `ephemeralOwner` encodes it.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Owner {
    /// It stays until deleted: 0.
    Nobody,
    /// It goes with this session.
    Session(SessionId),
    /// It may go once its last child is gone: 2^63.
    Container,
    /// It may go when it had no children and no write for this many ms: 0xff in the top byte, then 16 zero bits.
    Ttl(i64),
}

/// The longest time to live that the owner's encoding can carry, in ms (about 34 years).
pub const TTL_MAX_MS: i64 = (1 << 40) - 1;

const CONTAINER: i64 = i64::MIN;
const TTL_BITS: i64 = 0xff << 56;

impl Owner {
    /// Reads `ephemeralOwner`. A session id with top byte 0xff (server 255) has clock bits where a TTL
    /// has zeros, so the two can be told apart without knowing whether extended types are enabled.
    pub fn decode(owner: i64) -> Self {
        match owner {
            0 => Owner::Nobody,
            CONTAINER => Owner::Container,
            _ if owner & !TTL_MAX_MS == TTL_BITS => Owner::Ttl(owner & TTL_MAX_MS),
            session => Owner::Session(session),
        }
    }

    /// The value for `ephemeralOwner`.
    pub fn encode(self) -> i64 {
        match self {
            Owner::Nobody => 0,
            Owner::Session(session) => session,
            Owner::Container => CONTAINER,
            Owner::Ttl(ttl_ms) => TTL_BITS | (ttl_ms & TTL_MAX_MS),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owners_are_encoded_as_apache_does() {
        assert_eq!(Owner::Container.encode() as u64, 0x8000_0000_0000_0000);
        assert_eq!(Owner::Ttl(100_000).encode() as u64, 0xff00_0000_0001_86a0);
        for owner in [
            Owner::Nobody,
            Owner::Session(0x0100_0231_bfd0_0000),
            Owner::Session(0xff00_0231_bfd0_0000_u64 as i64 | 1 << 50),
            Owner::Container,
            Owner::Ttl(1),
            Owner::Ttl(TTL_MAX_MS),
        ] {
            assert_eq!(Owner::decode(owner.encode()), owner);
        }
    }

    #[test]
    fn containers_and_ttl_nodes_show_no_owner_to_clients() {
        for (owner, shown) in [(Owner::Session(7), 7), (Owner::Container, 0), (Owner::Ttl(9), 0)] {
            let stat = StatPersisted::new(1, 2, owner);
            assert_eq!(Stat::of(&stat, 0, 0).ephemeral_owner, shown);
        }
    }

    #[test]
    fn the_clients_cversion_counts_deletions_too() {
        let stat = StatPersisted {
            cversion: 5,
            ..StatPersisted::default()
        };
        assert_eq!(Stat::of(&stat, 0, 3).cversion, 7, "five created, two deleted");
        assert_eq!(
            Stat::of(&StatPersisted::default(), 0, 1).cversion,
            -1,
            "a fresh root"
        );
    }
}
