//! What does a monitor see? `mntr`: one line per quantity, under the names that Apache gives to those that
//! this server has.

use super::{mode, node_count, version};
use crate::service::{Role, Service};
use std::fmt::{Display, Write};

/// Collects `zk_<name>\t<value>` lines.
struct Lines(String);

impl Lines {
    fn put(&mut self, name: &str, value: impl Display) {
        let _ = writeln!(self.0, "zk_{name}\t{value}");
    }
}

impl Service {
    /// `mntr`.
    pub(super) fn monitor_text(&self, role: Role, now_ms: u64) -> String {
        let (counters, tree, ensemble) = (self.counters(), self.tree(), self.facts().ensemble);
        let mut lines = Lines(String::new());
        lines.put("version", version());
        lines.put("server_state", mode(role));
        match role {
            Role::Standalone => {}
            Role::Leader => lines.put("peer_state", "leading - broadcast"),
            Role::Follower => lines.put("peer_state", "following - broadcast"),
            Role::Observer => lines.put("peer_state", "observing - broadcast"),
        }
        lines.put("avg_latency", format_args!("{:?}", counters.latency_ms.mean()));
        lines.put("max_latency", counters.latency_ms.max());
        lines.put("min_latency", counters.latency_ms.min());
        lines.put("packets_received", counters.received);
        lines.put("packets_sent", counters.sent);
        // The connection that asks is one of them.
        lines.put("num_alive_connections", self.connections().count() + 1);
        lines.put("outstanding_requests", self.requests_in_process());
        lines.put("znode_count", node_count(self));
        lines.put("watch_count", self.watches().len());
        lines.put("ephemerals_count", tree.ephemerals_count());
        lines.put("approximate_data_size", tree.approximate_data_size());
        lines.put("global_sessions", tree.sessions().len());
        lines.put("local_sessions", 0);
        lines.put("uptime", now_ms.saturating_sub(self.started_ms()));
        let [last, min, max] = counters.reply_bytes.or_minus_one();
        lines.put("last_client_response_size", last);
        lines.put("min_client_response_size", min);
        lines.put("max_client_response_size", max);
        if let Some((open, most)) = file_descriptors() {
            lines.put("open_file_descriptor_count", open);
            lines.put("max_file_descriptor_count", most);
        }
        lines.put("auth_failed_count", counters.auth_failed);
        lines.put("connection_drop_count", counters.connections_dropped);
        lines.put("connection_rejected", counters.connections_refused);
        lines.put("stale_sessions_expired", counters.sessions_expired);
        lines.put("revalidate_count", counters.revalidations);
        lines.put("commit_count", counters.commits);
        lines.put("digest_mismatches_count", counters.digest_mismatches);
        if role != Role::Standalone {
            lines.put("quorum_size", ensemble.quorum_size);
        }
        if role == Role::Leader {
            let [last, min, max] = counters.proposal_bytes.or_minus_one();
            lines.put("last_proposal_size", last);
            lines.put("min_proposal_size", min);
            lines.put("max_proposal_size", max);
            lines.put("proposal_count", counters.proposals);
            lines.put("learners", ensemble.learners);
            lines.put("synced_followers", ensemble.synced_followers);
            lines.put("synced_non_voting_followers", ensemble.synced_non_voters);
            lines.put("synced_observers", ensemble.synced_observers);
            lines.put("pending_syncs", ensemble.pending_syncs);
            lines.put("leader_uptime", now_ms.saturating_sub(self.serving_since_ms()));
        }
        lines.0
    }
}

/// Open descriptors of this process, and how many it may have.
fn file_descriptors() -> Option<(usize, u64)> {
    let open = std::fs::read_dir("/proc/self/fd").ok()?.count();
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    Some((open, limit.current.unwrap_or(u64::MAX)))
}
