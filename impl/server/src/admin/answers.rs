//! What does a command answer? The fields that Apache's has, from what the service and its facts know.

use super::commands::Command;
use super::members::{self, fields};
use super::{Answer, Asked};
use crate::fourlw::{self, PeerState, node_count};
use crate::metrics::{Value as Figure, View};
use crate::service::{Connection, DirectorySizes, Role, Service};
use quorate_tree::{Id, Who};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What is answered while nobody is served.
const NOT_SERVING: &str = "This ZooKeeper instance is not currently serving requests";

/// Under which circumstances somebody asks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asking {
    pub(crate) sizes: DirectorySizes,
    pub(crate) now_ms: u64,
    pub(crate) wall_ms: i64,
}

impl Service {
    /// Answers what came over HTTP.
    pub(crate) fn answer_question(&mut self, asked: &Asked, asking: Asking) -> Answer {
        match asked {
            Asked::Command { command, trace_mask } => {
                if let Some(mask) = trace_mask {
                    self.facts_mut().trace_mask = *mask;
                }
                Answer::Fields(self.command(*command, asking))
            }
            Asked::Metrics => Answer::Text(self.view(asking).exposition()),
            Asked::Tree { identities } => self.tree_for(identities),
        }
    }

    fn view(&self, asking: Asking) -> View<'_> {
        View {
            service: self,
            role: self.role(),
            now_ms: asking.now_ms,
            asking: 0,
        }
    }

    fn command(&mut self, command: Command, asking: Asking) -> Result<Map<String, Value>, String> {
        if command.needs_service() && self.role().is_none() {
            return Err(NOT_SERVING.into());
        }
        let facts = self.facts();
        let port = facts.client_port;
        Ok(match command {
            Command::Configuration => members::configuration(&facts.config, port),
            Command::Connections => {
                let [plain, secure] = [false, true].map(|port| self.connections_json(port, false, asking));
                fields(json!({ "connections": plain, "secure_connections": secure }))
            }
            Command::ConnectionStatReset => {
                self.reset_connections();
                Map::new()
            }
            Command::Dirs => fields(json!({
                "datadir_size": asking.sizes.data_bytes,
                "logdir_size": asking.sizes.log_bytes,
            })),
            Command::Dump => self.dump_json(),
            Command::Environment => fourlw::environment()
                .into_iter()
                .map(|(key, value)| (key.to_owned(), value.into()))
                .collect(),
            Command::GetTraceMask | Command::SetTraceMask => fields(json!({ "tracemask": facts.trace_mask })),
            Command::Hash => {
                let digests: Vec<_> = self
                    .digests()
                    .map(|(zxid, digest)| {
                        json!({ "zxid": zxid.bits(), "digest": digest as i64, "digest_version": 2 })
                    })
                    .collect();
                fields(json!({ "digests": digests }))
            }
            // Only a configuration that is kept in a file of its own has an initial one.
            Command::InitialConfiguration => fields(json!({ "initial_configuration": null })),
            Command::IsReadOnly => fields(json!({ "read_only": self.role() == Some(Role::ReadOnly) })),
            Command::LastSnapshot => {
                let (zxid, seconds) = facts
                    .ensemble
                    .snapshot
                    .map_or(("ffffffffffffffff".into(), -1), |(zxid, seconds)| {
                        (format!("{:x}", zxid.bits()), seconds)
                    });
                fields(json!({ "zxid": zxid, "timestamp": seconds }))
            }
            Command::Leader => self.leader_json()?,
            Command::Monitor => {
                let mut all = Map::new();
                self.view(asking).each(|name, value| {
                    let value = match value {
                        Figure::Count(count) => count.into(),
                        Figure::Level(level) => level.into(),
                        Figure::Ratio(ratio) => ratio.into(),
                        Figure::Text(text) => text.into(),
                    };
                    all.insert(name.to_owned(), value);
                });
                all
            }
            // There is nothing to reset: links count what they carry since they stand, for the trace.
            Command::ObserverConnectionStatReset => Map::new(),
            Command::Observers => {
                let observers: Vec<_> = facts.observers.iter().map(|observer| observer.json()).collect();
                fields(json!({
                    "synced_observers": facts.ensemble.synced_observers,
                    "observers": observers,
                }))
            }
            Command::Ruok => Map::new(),
            Command::ServerStats => self.stats_json(asking),
            Command::StatReset => {
                // Apache's word of the same name resets the sizes of proposals as well.
                let counters = self.counters_mut();
                let proposals = counters.proposal_bytes;
                counters.reset();
                counters.proposal_bytes = proposals;
                Map::new()
            }
            Command::Stats => {
                let mut stats = self.stats_json(asking);
                for (name, is_secure) in [("connections", false), ("secure_connections", true)] {
                    stats.insert(name.into(), self.connections_json(is_secure, true, asking));
                }
                stats
            }
            Command::SystemProperties => fourlw::system_properties()
                .into_iter()
                .map(|(key, value)| (key.to_owned(), value.into()))
                .collect(),
            Command::VotingView => {
                fields(json!({ "current_config": members::voting_view(&facts.config, port) }))
            }
            Command::WatchSummary => {
                let (connections, paths, watches) = self.watch_counts();
                fields(json!({
                    "num_connections": connections,
                    "num_paths": paths,
                    "num_total_watches": watches,
                }))
            }
            Command::Watches => {
                let watches = by_key(self.data_watches_by_session());
                fields(json!({ "session_id_to_watched_paths": watches }))
            }
            Command::WatchesByPath => {
                let watches: BTreeMap<_, _> = self.data_watches_by_path();
                fields(json!({ "path_to_session_ids": watches }))
            }
            Command::ZabState => self.zab_state_json(),
            Command::Restore | Command::Snapshot => {
                return Err(format!("{} is not asked of the driver", command.name()));
            }
        })
    }

    /// The tree, for those who may do everything with its root.
    pub(super) fn tree_for(&self, identities: &[Id]) -> Answer {
        if self.role().is_none() {
            return Answer::NotServing;
        }
        let znodes = &self.options().znodes;
        let mut who = Who::new(identities.to_vec());
        let is_super = |id: &Id| id.scheme == "digest" && Some(&id.id) == znodes.super_digest.as_ref();
        if identities.iter().any(is_super) {
            who.add(Id::new("super", ""));
        }
        match self.tree().may_have_everything(&znodes.rights_of(&Arc::new(who))) {
            Ok(()) => Answer::Tree(Box::new(self.tree().clone())),
            Err(_) => Answer::Denied,
        }
    }

    fn leader_json(&self) -> Result<Map<String, Value>, String> {
        let facts = self.facts();
        let Some(membership) = members::membership(&facts.config) else {
            return Err("server is not initialized".into());
        };
        let leader = facts.ensemble.leader;
        let host = leader.and_then(|leader| membership.members.get(&leader));
        Ok(fields(json!({
            "is_leader": leader == Some(membership.me),
            "leader_id": leader.map_or(-1, |leader| leader.get().cast_signed()),
            "leader_ip": host.map_or("", |member| member.host.as_str()),
        })))
    }

    fn zab_state_json(&self) -> Map<String, Value> {
        let facts = self.facts();
        let Some(membership) = members::membership(&facts.config) else {
            return fields(json!({ "voting": false, "zabstate": "" }));
        };
        let last = self.last_zxid();
        let mut state = fields(json!({
            "myid": membership.me.get(),
            "is_leader": facts.ensemble.state == PeerState::Leading,
            "client_address": members::client_address(&facts.config, facts.client_port),
            "voting": membership.voters().any(|voter| voter == membership.me),
            "last_zxid": last.to_string(),
            "zab_epoch": last.bits() >> 32,
            "zab_counter": last.bits() & 0xffff_ffff,
            "zabstate": facts.ensemble.phase,
        }));
        if let Some(member) = membership.members.get(&membership.me) {
            state.insert(
                "quorum_address".into(),
                members::own_address(member, member.quorum_port),
            );
            state.insert(
                "election_address".into(),
                members::own_address(member, member.election_port),
            );
        }
        state
    }

    /// What `srvr` shows, and more.
    fn stats_json(&self, asking: Asking) -> Map<String, Value> {
        let counters = self.counters();
        let role = self.role();
        let latency = &counters.latency_ms;
        let sizes = |[last, min, max]: [i64; 3]| json!({ "last_buffer_size": last, "min_buffer_size": min, "max_buffer_size": max });
        let replies = sizes(counters.reply_bytes.or_minus_one());
        let mut stats = fields(json!({
            "version": fourlw::version(),
            "read_only": role == Some(Role::ReadOnly),
            "server_stats": {
                "packets_sent": counters.sent,
                "packets_received": counters.received,
                "fsync_threshold_exceed_count": counters.figures.slow_syncs,
                "client_response_stats": replies,
                "provider_null": false,
                "data_dir_size": asking.sizes.data_bytes,
                "log_dir_size": asking.sizes.log_bytes,
                "last_processed_zxid": self.last_zxid().bits(),
                "num_alive_client_connections": self.connections().count(),
                "auth_failed_count": counters.auth_failed,
                "non_mtlsremote_conn_count": 0,
                "non_mtlslocal_conn_count": 0,
                "server_state": role.map_or("looking", fourlw::mode),
                "outstanding_requests": self.requests_in_process(),
                "min_latency": latency.min(),
                "avg_latency": latency.mean(),
                "max_latency": latency.max(),
                "uptime": asking.now_ms.saturating_sub(self.started_ms()),
            },
            "client_response": replies,
            "node_count": node_count(self),
        }));
        if role == Some(Role::Leader) {
            stats.insert(
                "proposal_stats".into(),
                sizes(counters.proposal_bytes.or_minus_one()),
            );
        }
        stats
    }

    /// Those of the port that speaks nothing but TLS, or of the other.
    fn connections_json(&self, is_secure: bool, brief: bool, asking: Asking) -> Value {
        let of_port = |conn: &&Connection| conn.is_secure == is_secure;
        let mut connections: Vec<_> = self.connections().filter(of_port).collect();
        connections.sort_unstable_by_key(|conn| conn.client);
        connections
            .iter()
            .map(|conn| connection(conn, brief, asking))
            .collect()
    }

    fn dump_json(&self) -> Map<String, Value> {
        let mut expiries = Map::new();
        if self.role().is_some_and(Role::keeps_sessions) {
            for (deadline_ms, sessions) in self.local_sessions().deadlines() {
                expiries.insert(deadline_ms.to_string(), json!(sessions));
            }
            for (deadline_ms, sessions) in self.session_deadlines() {
                expiries.insert(deadline_ms.to_string(), json!(sessions));
            }
        }
        let tree = self.tree();
        let ephemerals: Map<String, Value> = tree
            .ephemeral_owners()
            .map(|(session, _)| {
                let paths: Vec<_> = tree.ephemerals(session).collect();
                (session.to_string(), json!(paths))
            })
            .collect();
        fields(json!({
            "expiry_time_to_session_ids": expiries,
            "session_id_to_ephemeral_paths": ephemerals,
        }))
    }
}

/// JSON's objects have keys that are text.
fn by_key(map: BTreeMap<i64, Vec<&str>>) -> Map<String, Value> {
    map.into_iter()
        .map(|(key, values)| (key.to_string(), json!(values)))
        .collect()
}

fn connection(conn: &Connection, brief: bool, asking: Asking) -> Value {
    let counters = &conn.counters;
    let mut all = fields(json!({
        "remote_socket_address": conn.peer.to_string(),
        "interest_ops": 1,
        "outstanding_requests": conn.queued(),
        "packets_received": counters.received,
        "packets_sent": counters.sent,
    }));
    if !brief && conn.session != 0 {
        let age_ms = asking.now_ms.saturating_sub(counters.established_ms);
        let latency = &counters.latency_ms;
        // A connection that was answered nothing yet, or was reset, has nothing last.
        let is_new = counters.last_opcode == 0;
        all.append(&mut fields(json!({
            "session_id": conn.session,
            "last_operation": fourlw::short_name(counters.last_opcode),
            "established": asking.wall_ms.saturating_sub_unsigned(age_ms),
            "session_timeout": conn.timeout_ms,
            "last_cxid": if is_new { -1 } else { counters.last_cxid },
            "last_zxid": if is_new { -1 } else { counters.last_zxid.cast_signed() },
            "last_response_time": counters.last_reply_ms,
            "last_latency": latency.last(),
            "min_latency": latency.min(),
            "avg_latency": latency.mean_floor(),
            "max_latency": latency.max(),
        })));
    }
    Value::Object(all)
}
