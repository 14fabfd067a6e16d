//! A transaction as the model world sees it: a position and something to tell contents apart.

use quorate_zab::{Configuration, Ensemble, ServerId, Version, Zxid};

/// A transaction. In the checker `value` is its number; in an audit the digest of its bytes.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Txn {
    /// Its position.
    pub zxid: Zxid,
    /// Its content.
    pub value: u64,
}

/// In a value: the rest of it has a bit for each member from there on. In the checker alone; an audit's values
/// are digests.
const MEMBERS: u64 = 1 << 63;

/// What a reconfiguration to these members says: bit i stands for the server at place i.
pub(crate) fn membership(members: u8) -> u64 {
    MEMBERS | u64::from(members)
}

/// The members that a transaction of this value brings, if it is a reconfiguration.
pub(crate) fn brings(value: u64) -> Option<Ensemble> {
    let is_member = |i: &u64| value & 1 << (i - 1) != 0;
    let members = (1..=8).filter(is_member).map(ServerId::new);
    (value & MEMBERS != 0).then(|| Ensemble::majority(members))
}

/// What the files of a server say of the members, apart from its log.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Members {
    /// The reconfiguration that was in force last.
    pub active: Txn,
    /// One that came in a snapshot and was not in force then.
    pub pending: Option<Txn>,
}

impl Members {
    /// What a server that changes members is started with.
    pub(crate) fn first(members: u8) -> Self {
        let active = Txn {
            zxid: Zxid::ZERO,
            value: membership(members),
        };
        Self {
            active,
            pending: None,
        }
    }

    /// What `configuration` is in files.
    pub(crate) fn of(configuration: &Configuration) -> Self {
        Self {
            active: filed(configuration.active()),
            pending: configuration.pending().map(filed),
        }
    }

    /// What a server goes by that has these files, and this log above them.
    pub(crate) fn configuration(&self, log: &[Txn]) -> Configuration {
        let versions = self.pending.iter().chain(log).filter_map(version);
        let active = version(&self.active).expect("a file of members names some");
        Configuration::changing(active).with_log(versions)
    }
}

/// The version that a transaction brings, if it is a reconfiguration.
pub(crate) fn version(txn: &Txn) -> Option<Version> {
    let ensemble = brings(txn.value)?;
    Some(Version {
        zxid: txn.zxid,
        ensemble,
    })
}

fn filed(version: &Version) -> Txn {
    let bits = version
        .ensemble
        .voters()
        .iter()
        .map(|voter| 1 << (voter.get() - 1));
    Txn {
        zxid: version.zxid,
        value: membership(bits.sum()),
    }
}

/// Finds `zxid` in a sequence in zxid order.
pub(crate) fn find(sequence: &[Txn], zxid: Zxid) -> Option<usize> {
    sequence.binary_search_by_key(&zxid, |txn| txn.zxid).ok()
}

/// The part of a sequence in zxid order after `after`, up to `upto`.
pub(crate) fn between(sequence: &[Txn], after: Zxid, upto: Zxid) -> &[Txn] {
    let start = sequence.partition_point(|txn| txn.zxid <= after);
    let end = sequence.partition_point(|txn| txn.zxid <= upto);
    &sequence[start..end.max(start)]
}
