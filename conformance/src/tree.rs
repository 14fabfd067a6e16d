//! Do all servers make the same tree of the same transactions? ZooKeeper's digest, zxid by zxid.

use quorate_trace::Sum;
use quorate_zab::Zxid;
use std::collections::VecDeque;

/// Digests kept for comparison; beyond it the oldest are forgotten.
const KEPT_MAX: usize = 1 << 22;

/// The digests met so far, in zxid order.
#[derive(Debug, Default)]
pub(crate) struct Trees {
    met: VecDeque<Tree>,
    /// How many digests were compared with one of another server.
    pub(crate) compared: u64,
}

/// A digest and who had it first.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tree {
    zxid: Zxid,
    pub(crate) sum: Sum,
    pub(crate) server: u64,
}

impl Trees {
    /// `server` has this digest at `zxid`; the other one if another differs.
    pub(crate) fn meet(&mut self, zxid: Zxid, sum: Sum, server: u64) -> Result<(), Tree> {
        let tree = Tree { zxid, sum, server };
        if self.met.back().is_none_or(|last| last.zxid < zxid) {
            self.met.push_back(tree);
            if self.met.len() > KEPT_MAX {
                self.met.pop_front();
            }
            return Ok(());
        }
        match self.met.binary_search_by_key(&zxid, |tree| tree.zxid) {
            Ok(at) if self.met[at].sum == sum => {
                self.compared += u64::from(self.met[at].server != server);
                Ok(())
            }
            Ok(at) => Err(self.met[at]),
            Err(at) => {
                self.met.insert(at, tree);
                Ok(())
            }
        }
    }
}
