//! What do servers compare to know that their trees are equal?
//!
//! A znode's digest is a CRC-32 over path, data and 60 bytes of stat; the tree's is the sum of them modulo
//! 2^64 [ZooKeeper `DigestCalculator`, version 2]. ACLs are not covered.

use crate::crc::Crc;
use crate::path;
use crate::stat::StatPersisted;

/// The only version of the computation that is understood.
pub const DIGEST_VERSION: i32 = 2;

/// Whether the znode counts: what lies below `/zookeeper` differs between servers and does not.
pub(crate) fn counts(path: &str) -> bool {
    !path
        .strip_prefix(path::ZOOKEEPER)
        .is_some_and(|rest| rest.starts_with('/'))
}

/// The digest's first part, which only `create` and `setData` change. The root's path is empty here.
pub(crate) fn prefix(path: &str, data: Option<&[u8]>) -> Crc {
    let crc = Crc::EMPTY.with(path::canonical(path).as_bytes());
    match data {
        Some(data) => crc.with(data),
        None => crc,
    }
}

/// A znode's digest. `pzxid` comes third here, unlike anywhere else.
pub(crate) fn of(prefix: Crc, stat: &StatPersisted) -> u64 {
    let mut bytes = [0; 60];
    bytes[0..8].copy_from_slice(&stat.czxid.to_be_bytes());
    bytes[8..16].copy_from_slice(&stat.mzxid.to_be_bytes());
    bytes[16..24].copy_from_slice(&stat.pzxid.to_be_bytes());
    bytes[24..32].copy_from_slice(&stat.ctime_ms.to_be_bytes());
    bytes[32..40].copy_from_slice(&stat.mtime_ms.to_be_bytes());
    bytes[40..44].copy_from_slice(&stat.version.to_be_bytes());
    bytes[44..48].copy_from_slice(&stat.cversion.to_be_bytes());
    bytes[48..52].copy_from_slice(&stat.aversion.to_be_bytes());
    bytes[52..60].copy_from_slice(&stat.ephemeral_owner.to_be_bytes());
    u64::from(prefix.with(&bytes).finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_znodes_of_a_fresh_tree_have_the_captured_digests() {
        let stat = StatPersisted::default();
        assert_eq!(of(prefix("", Some(b"")), &stat), 0x0412_8908);
        assert_eq!(of(prefix("/", None), &stat), 0x0412_8908);
        assert_eq!(of(prefix("/zookeeper", Some(b"")), &stat), 0x4db4_4d58);
    }

    #[test]
    fn only_what_lies_below_zookeeper_does_not_count() {
        assert!(counts("") && counts("/zookeeper") && counts("/zookeeperx/a") && counts("/a/zookeeper/b"));
        assert!(!counts("/zookeeper/config") && !counts("/zookeeper/a/b"));
    }
}
