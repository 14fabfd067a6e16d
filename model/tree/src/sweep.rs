//! Which containers and znodes with a lifetime are due to go?
//!
//! The server that orders writes looks from time to time and asks for their deletion, one by one. Whether each is
//! still due is decided again when its deletion is prepared ([`WriteRequest::DeleteContainer`]): by then it may have
//! a child, or new data.
//!
//! [`WriteRequest::DeleteContainer`]: crate::WriteRequest::DeleteContainer

use crate::code::Code;
use crate::stat::{Owner, StatPersisted};
use crate::tree::Tree;

/// When an unused container goes.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct SweepRules {
    /// How long a container may wait for its first child, in ms; `None` is for ever, as in ZooKeeper before 3.10.
    pub never_used_ms: Option<i64>,
}

/// Whether a znode without children goes at `now_ms`, the leader's wall clock. A clock that was set back makes
/// nobody older.
pub(crate) fn check_due(
    stat: &StatPersisted,
    children: u32,
    rules: SweepRules,
    now_ms: i64,
) -> Result<(), Code> {
    if children > 0 {
        return Err(Code::NOT_EMPTY);
    }
    let age_ms = now_ms.saturating_sub(stat.mtime_ms);
    let is_due = match stat.owner() {
        // It had a child once: one that was made just now is waited for.
        Owner::Container => {
            stat.cversion > 0
                || rules
                    .never_used_ms
                    .is_some_and(|never_used_ms| age_ms > never_used_ms)
        }
        Owner::Ttl(ttl_ms) => age_ms > ttl_ms,
        Owner::Nobody | Owner::Session(_) => false,
    };
    if is_due { Ok(()) } else { Err(Code::BAD_VERSION) }
}

impl Tree {
    /// The paths of what is due at `now_ms`.
    pub fn due(&self, rules: SweepRules, now_ms: i64) -> Vec<String> {
        let mut due: Vec<_> = self
            .swept_ids()
            .filter(|&id| {
                let node = self.node(id);
                check_due(&node.stat, node.children, rules, now_ms).is_ok()
            })
            .map(|id| self.path_of(id))
            .collect();
        due.sort_unstable();
        due
    }
}
