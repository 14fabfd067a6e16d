//! A transaction as the model world sees it: a position and something to tell contents apart.

use quorate_zab::Zxid;

/// A transaction. In the checker `value` is its number; in an audit the digest of its bytes.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Txn {
    /// Its position.
    pub zxid: Zxid,
    /// Its content.
    pub value: u64,
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
