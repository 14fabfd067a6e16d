//! How much may there be below a znode, and how much is there?
//!
//! A quota of `/a` is two znodes: `/zookeeper/quota/a/zookeeper_limits` says how much, and `zookeeper_stats`
//! beside it how much there is, which each server keeps for itself: without transactions, versions and
//! watches. The longest path with a quota is the one that counts. What cannot be read as a number limits
//! nothing; Apache's server stops there.

use crate::code::Code;
use crate::outstanding::Outstanding;
use crate::path::{self, QUOTA};
use crate::tree::Tree;
use std::collections::BTreeMap;
use std::fmt::Write;

#[cfg(test)]
mod tests;

const LIMITS: &str = "zookeeper_limits";
const STATS: &str = "zookeeper_stats";

/// What the text of either znode says; what is not in it is −1, no limit [ZooKeeper `StatsTrack`].
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Amounts(BTreeMap<String, i64>);

impl Amounts {
    pub(crate) fn parse(text: &[u8]) -> Self {
        let text = String::from_utf8_lossy(text);
        let pairs = text.split([',', ';']).filter_map(|pair| {
            let mut parts = pair.split('=');
            let (key, value) = (parts.next()?, parts.next().unwrap_or_default());
            let value = if value.is_empty() { -1 } else { value.parse().ok()? };
            (!key.is_empty()).then(|| (key.to_string(), value))
        });
        Amounts(pairs.collect())
    }

    fn of(count: i64, bytes: i64) -> Self {
        Amounts([("count".to_string(), count), ("bytes".to_string(), bytes)].into())
    }

    fn get(&self, key: &str) -> i64 {
        self.0.get(key).copied().unwrap_or(-1)
    }

    /// `count=4,bytes=5=;byteHardLimit=6;countHardLimit=7`: the odd `=` keeps parsers before 3.7 from looking further.
    fn text(&self) -> String {
        let mut text = format!("count={},bytes={}", self.get("count"), self.get("bytes"));
        let further = self
            .0
            .iter()
            .filter(|(key, _)| !matches!(key.as_str(), "count" | "bytes"));
        for (at, (key, value)) in further.enumerate() {
            let odd = if at == 0 { "=" } else { "" };
            write!(text, "{odd};{key}={value}").expect("a string takes all that is written");
        }
        text
    }

    /// Whether `more` beside what there is goes beyond a hard limit.
    fn is_beyond(&self, hard: &str, now: i64, more: i64) -> bool {
        let limit = self.get(hard);
        more != 0 && limit > -1 && now.saturating_add(more) > limit
    }
}

/// Whether the znode at `path` is a quota's `name`: the path that it is about.
fn about<'p>(path: &'p str, name: &str) -> Option<&'p str> {
    let path = path.strip_prefix(QUOTA)?.strip_suffix(name)?.strip_suffix('/')?;
    path.starts_with('/').then_some(path)
}

impl Tree {
    /// The longest path at or above `path` that has a quota.
    fn quota_of<'p>(&self, path: &'p str) -> Option<&'p str> {
        if self.quotas().is_empty() {
            return None;
        }
        let mut at = path;
        while !at.is_empty() && at != "/" {
            if self.quotas().contains(at) {
                return Some(at);
            }
            at = path::split(at)?.0;
        }
        None
    }

    /// What a quota's znode says, if it is there.
    fn amounts(&self, quota: &str, name: &str) -> Option<Amounts> {
        let id = self.find(&format!("{QUOTA}{quota}/{name}"))?;
        Some(Amounts::parse(self.node(id).data().unwrap_or_default()))
    }

    fn put_stats(&mut self, quota: &str, stats: &Amounts) {
        let path = format!("{QUOTA}{quota}/{STATS}");
        if let Some(id) = self.find(&path) {
            self.put_data(id, &path, Some(stats.text().as_bytes()), |_| {});
        }
    }

    /// Counts anew what is at and below `quota`.
    fn recount(&mut self, quota: &str) {
        let (mut count, mut bytes) = (0, 0);
        if let Some(id) = self.find(quota) {
            let mut below = vec![(id, 0)];
            self.collect_below(id, 0, &mut below);
            count = below.len() as i64;
            bytes = below
                .iter()
                .map(|(id, _)| self.node(*id).data_length() as i64)
                .sum();
        }
        self.put_stats(quota, &Amounts::of(count, bytes));
    }

    /// A znode was created, deleted, or its data set: what there is changes by so much.
    pub(crate) fn account(&mut self, path: &str, count: i64, bytes: i64) {
        if let Some(quota) = self.quota_of(path)
            && let Some(mut stats) = self.amounts(quota, STATS)
        {
            for (key, more) in [("count", count), ("bytes", bytes)] {
                let now = stats.get(key);
                stats.0.insert(key.to_string(), now.saturating_add(more));
            }
            let quota = quota.to_string();
            self.put_stats(&quota, &stats);
        }
    }

    /// A znode is there: perhaps it is one of a quota.
    pub(crate) fn quota_created(&mut self, path: &str) {
        if let Some(quota) = about(path, LIMITS) {
            self.quotas_mut().insert(quota.to_string());
        }
        if let Some(quota) = about(path, STATS) {
            self.recount(quota);
        }
    }

    /// A znode is gone: perhaps it was one of a quota.
    pub(crate) fn quota_deleted(&mut self, path: &str) {
        if let Some(quota) = about(path, LIMITS)
            && self.quotas().contains(quota)
        {
            self.quotas_mut().remove(quota);
        }
    }

    /// All quotas of a tree that was loaded, counted anew.
    pub(crate) fn find_quotas(&mut self) {
        let Some(root) = self.find(QUOTA) else { return };
        let mut below = Vec::new();
        self.collect_below(root, 0, &mut below);
        let limits: Vec<_> = below
            .iter()
            .filter(|(id, _)| self.node(*id).name() == LIMITS)
            .map(|(id, _)| self.path_of(*id))
            .collect();
        for path in limits {
            if let Some(quota) = about(&path, LIMITS) {
                self.quotas_mut().insert(quota.to_string());
                self.recount(quota);
            }
        }
    }

    /// Whether so much more is within the hard limits of the quota that counts. Usage is that of the tree and of
    /// what is outstanding: Apache looks at the tree alone, and goes beyond a limit while much is under way. Limits
    /// that are outstanding hold once they are applied, and no longer once their deletion is prepared.
    ///
    /// # Errors
    ///
    /// [`Code::QUOTA_EXCEEDED`].
    pub(crate) fn check_quota(
        &self,
        outstanding: &Outstanding,
        path: &str,
        count: i64,
        bytes: i64,
    ) -> Result<(), Code> {
        let Some(quota) = self.quota_of(path) else {
            return Ok(());
        };
        let (Some(limits), Some(stats)) = (self.amounts(quota, LIMITS), self.amounts(quota, STATS)) else {
            return Ok(());
        };
        if outstanding
            .see(self, &format!("{QUOTA}{quota}/{LIMITS}"))
            .is_none()
        {
            return Ok(());
        }
        let (mut used, mut used_bytes) = (stats.get("count"), stats.get("bytes"));
        for (path, change) in outstanding.changes_below(self, quota) {
            if self.quota_of(path) == Some(quota) {
                used += change.count;
                used_bytes += change.bytes;
            }
        }
        if limits.is_beyond("countHardLimit", used, count)
            || limits.is_beyond("byteHardLimit", used_bytes, bytes)
        {
            return Err(Code::QUOTA_EXCEEDED);
        }
        Ok(())
    }
}
