//! What do answers say of the ensemble's members?

use crate::config::{Config, Member, Membership, Mode};
use quorate_zab::ServerId;
use serde_json::{Map, Value, json};
use std::net::SocketAddr;

/// An observer of this leader.
#[derive(Clone, Debug)]
pub(crate) struct ObserverFacts {
    pub(crate) address: Option<SocketAddr>,
    pub(crate) server: ServerId,
    pub(crate) established_ms: i64,
    pub(crate) received: u64,
    pub(crate) sent: u64,
}

impl ObserverFacts {
    pub(super) fn json(&self) -> Value {
        let address = self
            .address
            .map_or_else(String::new, |address| format!("/{address}"));
        json!({
            "remote_socket_address": address,
            "sid": self.server.get(),
            "established": self.established_ms,
            "queued_packets": 0,
            "queued_packets_size": 0,
            "packets_received": self.received,
            "packets_sent": self.sent,
            "requests": self.received,
            "last_zxid": -1,
        })
    }
}

/// `configuration`, without what only members have: Apache has none of that here either.
pub(super) fn configuration(config: &Config, client_port: Option<u16>) -> Map<String, Value> {
    let version_2 = |dir: &std::path::Path| dir.join("version-2").display().to_string();
    let port = client_port.or(config.client.as_ref().map(|client| client.port));
    fields(json!({
        "client_port": port.map_or(-1, i32::from),
        "data_dir": version_2(&config.data_dir),
        "data_log_dir": version_2(&config.data_log_dir),
        "tick_time": config.tick_ms,
        "max_client_cnxns": config.connections_per_address_max,
        "min_session_timeout": config.min_session_timeout_ms,
        "max_session_timeout": config.max_session_timeout_ms,
        "server_id": config.server().get(),
        "client_port_listen_backlog": config.client_backlog.map_or(-1, i64::from),
    }))
}

pub(super) fn membership(config: &Config) -> Option<&Membership> {
    match &config.mode {
        Mode::Standalone => None,
        Mode::Ensemble(membership) => Some(membership),
    }
}

/// `current_config` of `voting_view`: the members that vote.
pub(super) fn voting_view(config: &Config, client_port: Option<u16>) -> Value {
    let Some(membership) = membership(config) else {
        return json!({});
    };
    let views = membership.voters().map(|server| {
        let member = &membership.members[&server];
        let client = match server == membership.me {
            true => client_address(config, client_port),
            false => member.client.as_ref().map_or_else(String::new, |client| {
                format!("{}:{}", client.host.as_deref().unwrap_or("0.0.0.0"), client.port)
            }),
        };
        let view = json!({
            "server_addresses": [address(member, member.quorum_port)],
            "election_addresses": [address(member, member.election_port)],
            "client_address": client,
            "learner_type": if member.observes { "observer" } else { "participant" },
        });
        (server.to_string(), view)
    });
    Value::Object(views.collect())
}

/// Where this server's clients connect, as Apache writes it.
pub(super) fn client_address(config: &Config, client_port: Option<u16>) -> String {
    let Some(client) = &config.client else {
        return String::new();
    };
    let host = client.host.as_deref().unwrap_or("0.0.0.0");
    format!("{host}:{}", client_port.unwrap_or(client.port))
}

/// One of this server's own addresses, with all that Apache knows of it.
pub(super) fn own_address(member: &Member, port: u16) -> Value {
    let one = address(member, port);
    json!({
        "empty": false,
        "all_addresses": [one],
        "wildcard_addresses": [format!("0.0.0.0:{port}")],
        "all_ports": [port],
        "all_host_strings": [member.host],
        "reachable_address": one,
        "all_reachable_addresses": [one],
        "all_reachable_addresses_or_all": [one],
        "reachable_or_one": one,
        "one": one,
    })
}

fn address(member: &Member, port: u16) -> String {
    match member.host.contains(':') {
        true => format!("[{}]:{port}", member.host),
        false => format!("{}:{port}", member.host),
    }
}

/// The fields of an object.
pub(super) fn fields(object: Value) -> Map<String, Value> {
    match object {
        Value::Object(fields) => fields,
        _ => unreachable!("answers are objects"),
    }
}
