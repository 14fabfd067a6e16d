//! What does the operator say of znodes, and of who may do what to them?

use quorate_tree::{Id, SweepRules, Who, WriteRules};
use std::sync::Arc;

/// The part of a configuration that decides about znodes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Znodes {
    /// What holds of writes.
    pub rules: WriteRules,
    /// Whose the superuser is: `user:hash`, as an auth packet of scheme `digest` proves it.
    pub super_digest: Option<String>,
    /// Whether lists are not heeded: everybody may do everything.
    pub skip_acl: bool,
    /// How often it is looked which containers and lifetimes are over, in ms.
    pub sweep_interval_ms: u64,
    /// How many of them may go in a minute.
    pub sweep_per_minute: u32,
}

impl Default for Znodes {
    fn default() -> Self {
        Self {
            rules: WriteRules::default(),
            super_digest: None,
            skip_acl: false,
            sweep_interval_ms: 60_000,
            sweep_per_minute: 10_000,
        }
    }
}

impl Znodes {
    /// What somebody may do goes by what he has proven, unless lists are not heeded.
    pub fn rights_of(&self, who: &Arc<Who>) -> Arc<Who> {
        if self.skip_acl {
            let mut who = Who::clone(who);
            who.add(Id::new("super", ""));
            Arc::new(who)
        } else {
            who.clone()
        }
    }

    pub(super) fn sweep(never_used_ms: i64) -> SweepRules {
        SweepRules {
            never_used_ms: (never_used_ms > 0).then_some(never_used_ms),
        }
    }
}
