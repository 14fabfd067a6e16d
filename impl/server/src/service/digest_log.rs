//! What was the tree's digest at zxids at which other servers know theirs, too?

use quorate_zab::Zxid;
use std::collections::VecDeque;

/// ZooKeeper's interval: every server keeps the digest at the same zxids, so that they can be compared.
const INTERVAL: u64 = 128;
/// As many as ZooKeeper keeps.
const KEPT: usize = 1024;

/// The digests at the last zxids that are multiples of [`INTERVAL`], oldest first.
#[derive(Debug, Default)]
pub(super) struct DigestLog(VecDeque<(Zxid, u64)>);

impl DigestLog {
    /// The tree has this digest once the transaction `zxid` is applied.
    pub(super) fn note(&mut self, zxid: Zxid, digest: u64) {
        if zxid.bits().is_multiple_of(INTERVAL) {
            if self.0.len() == KEPT {
                self.0.pop_front();
            }
            self.0.push_back((zxid, digest));
        }
    }

    /// Another tree, with another history, is in place.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// Zxids and digests, oldest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Zxid, u64)> {
        self.0.iter().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_every_128th_zxid_is_kept_and_only_the_last_1024_of_them() {
        let mut log = DigestLog::default();
        for zxid in 1..=128 * 1030 {
            log.note(Zxid::from_bits(zxid), zxid + 7);
        }
        let kept: Vec<_> = log.iter().map(|(zxid, digest)| (zxid.bits(), digest)).collect();
        assert_eq!(kept.len(), 1024);
        assert_eq!(
            (kept[0], kept[1]),
            ((128 * 7, 128 * 7 + 7), (128 * 8, 128 * 8 + 7))
        );
        assert_eq!(kept[1023], (128 * 1030, 128 * 1030 + 7));
    }
}
