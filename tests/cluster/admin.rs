//! Can a running server be looked into over HTTP? Every command of ZooKeeper's, and Prometheus's metrics.

use std::collections::BTreeSet;
use std::net::{SocketAddr, TcpListener};

use quorate_tests::client::CreateMode;
use quorate_tests::http::{ask, get};
use quorate_tests::{Builder, Ensemble, Kind, LONG, Member, wait_until};

/// The admin server's port, on the address that a member has for itself.
const ADMIN_PORT: u16 = 8080;
const METRICS_PORT: u16 = 7000;

/// Commands that are asked with GET, need no argument and change nothing.
const COMMANDS: [&str; 22] = [
    "configuration",
    "connections",
    "dirs",
    "dump",
    "environment",
    "get_trace_mask",
    "hash",
    "initial_configuration",
    "is_read_only",
    "last_snapshot",
    "leader",
    "monitor",
    "observers",
    "ruok",
    "server_stats",
    "stats",
    "system_properties",
    "voting_view",
    "watch_summary",
    "watches",
    "watches_by_path",
    "zabstate",
];

/// Our servers, each with an admin server at its own address.
fn looked_into(name: &str, count: usize) -> Builder {
    Ensemble::builder(name, vec![Kind::Quorate; count]).config("admin.enableServer", "true")
}

/// Lays them out and starts them; `more` is configured besides.
fn start(builder: Builder, more: &[(&str, &str)]) -> Ensemble {
    let mut ensemble = builder.build();
    for member in ensemble.members_mut() {
        let host = member.client_address().ip().to_string();
        member.configure("admin.serverAddress", &host);
        member.configure("metricsProvider.httpHost", &host);
        for (key, value) in more {
            member.configure(key, value);
        }
    }
    ensemble.start_all();
    ensemble.wait_all_serve();
    ensemble
}

fn at(member: &Member, port: u16) -> SocketAddr {
    SocketAddr::new(member.client_address().ip(), port)
}

#[test]
fn every_command_is_answered_over_http() {
    let ensemble = start(looked_into("admin", 3), &[]);
    let mut client = ensemble.at(1).client();
    client.create("/app", b"data", CreateMode::Persistent).unwrap();
    client.create("/app/e", b"", CreateMode::Ephemeral).unwrap();
    client.exists("/app", true).unwrap();
    let session = client.session().id.to_string();
    let mut leaders = 0;
    for member in ensemble.members() {
        let admin = at(member, ADMIN_PORT);
        let fields = |name: &str| {
            let answer = get(admin, &format!("/commands/{name}")).unwrap();
            assert_eq!(
                (answer.status, answer.headers["content-type"].as_str()),
                (200, "application/json")
            );
            let fields = answer.json();
            assert!(fields["error"].is_null(), "{name}: {fields}");
            fields
        };
        for name in COMMANDS {
            assert_eq!(fields(name)["command"], name);
        }
        assert_eq!(fields("srvr")["command"], "server_stats", "an alias is as good");
        let is_leader = fields("leader")["is_leader"] == true;
        leaders += u32::from(is_leader);
        assert_eq!(fields("zabstate")["is_leader"], is_leader);
        assert_eq!(fields("zabstate")["zabstate"], "broadcast");
        assert_eq!(
            fields("voting_view")["current_config"].as_object().unwrap().len(),
            3
        );
        // What was committed reaches every server.
        let dump = wait_until(LONG, "the ephemeral znode is everywhere", || {
            let dump = fields("dump");
            dump["session_id_to_ephemeral_paths"].get(&session).cloned()
        });
        assert_eq!(dump, serde_json::json!(["/app/e"]));
        let monitor: BTreeSet<_> = fields("monitor").as_object().unwrap().keys().cloned().collect();
        for name in member.mntr().keys() {
            assert!(monitor.contains(name.trim_start_matches("zk_")), "{name}");
        }
    }
    assert_eq!(leaders, 1);
    let admin = at(ensemble.at(1), ADMIN_PORT);
    let watched = get(admin, "/commands/watches").unwrap().json();
    assert_eq!(
        watched["session_id_to_watched_paths"][&session],
        serde_json::json!(["/app"])
    );
    let links = get(admin, "/commands").unwrap().text();
    assert!(
        links.contains("<a href=\"/commands/zabstate\">zabstate</a>"),
        "{links}"
    );
    assert_eq!(get(admin, "/").unwrap().status, 404);
    let unknown = get(admin, "/commands/nope").unwrap();
    assert_eq!(
        (unknown.status, unknown.json()["error"].as_str()),
        (200, Some("Unknown command: nope"))
    );
    let restore = ask(admin, "POST", "/commands/restore", &[]).unwrap();
    assert_eq!(restore.status, 503);
    let mask = get(admin, "/commands/set_trace_mask?traceMask=511")
        .unwrap()
        .json();
    assert_eq!(mask["tracemask"], 511);
    assert_eq!(get(admin, "/commands/gtmk").unwrap().json()["tracemask"], 511);
    let member = ensemble.at(1);
    assert_eq!(member.ask("gtmk").as_deref(), Some("511"));
    assert_eq!(member.ask("stmk\0\0\0\0\0\0\0\x7f").as_deref(), Some("127"));
    assert_eq!(member.ask("gtmk").as_deref(), Some("127"));
    client.close().unwrap();
}

#[test]
fn prometheus_finds_what_happened_on_either_port() {
    let provider = "org.apache.zookeeper.metrics.prometheus.PrometheusMetricsProvider";
    let ensemble = start(
        looked_into("prometheus", 1),
        &[("metricsProvider.className", provider)],
    );
    let member = ensemble.at(1);
    let mut client = member.client();
    for number in 0..10 {
        let path = format!("/n{number}");
        client.create(&path, b"x", CreateMode::Persistent).unwrap();
        client.get(&path, false).unwrap();
    }
    for port in [ADMIN_PORT, METRICS_PORT] {
        let answer = get(at(member, port), "/metrics").unwrap();
        assert!(answer.headers["content-type"].starts_with("text/plain; version=0.0.4"));
        let text = answer.text();
        let value = |name: &str| -> f64 {
            let line = text.lines().find(|line| line.split(' ').next() == Some(name));
            let line = line.unwrap_or_else(|| panic!("{name} is not in {text}"));
            line.split(' ').nth(1).unwrap().parse().unwrap()
        };
        assert!(value("commit_count") >= 11.0);
        assert_eq!(value("updatelatency_count"), 10.0);
        assert_eq!(value("read_per_namespace_count{key=\"n3\",}"), 1.0);
        assert!(value("fsynctime_count") >= 11.0);
        assert!(value("quorate_fsync_us{quantile=\"0.99\",}") > 0.0);
        assert!(value("sync_processor_batch_size_sum") >= 11.0);
        assert!(value("quorate_trace_records") > 0.0);
        assert_eq!(value("quorate_server_state{server_state=\"standalone\",}"), 1.0);
    }
    let elsewhere = get(at(member, METRICS_PORT), "/commands/ruok").unwrap();
    assert_eq!(elsewhere.status, 404, "that port has metrics alone");
    client.close().unwrap();
}

#[test]
fn a_taken_admin_port_is_a_warning_and_a_taken_metrics_port_ends_the_start() {
    let mut ensemble = looked_into("taken", 1).build();
    let member = ensemble.member(1);
    let host = member.client_address().ip().to_string();
    let admin = TcpListener::bind(at(member, ADMIN_PORT)).unwrap();
    let metrics = TcpListener::bind(at(member, METRICS_PORT)).unwrap();
    member.configure("admin.serverAddress", &host);
    member.start();
    member.client().close().unwrap();
    assert!(
        member.log().contains("there is no admin server"),
        "{}",
        member.log()
    );
    member.stop();
    member.configure(
        "metricsProvider.className",
        "org.apache.zookeeper.metrics.prometheus.PrometheusMetricsProvider",
    );
    member.configure("metricsProvider.httpHost", &host);
    member.start();
    assert_eq!(member.wait_ended().code(), Some(2));
    assert!(
        member.log().contains("metricsProvider.httpPort"),
        "{}",
        member.log()
    );
    drop((admin, metrics));
}

#[test]
fn a_snapshot_is_given_to_those_who_may_have_it_and_another_server_starts_from_it() {
    let ensemble = start(
        looked_into("snapshot", 1),
        &[
            ("admin.snapshot.enabled", "true"),
            ("admin.rateLimiterIntervalInMS", "3600000"),
        ],
    );
    let member = ensemble.at(1);
    let mut client = member.client();
    client.create("/kept", b"data", CreateMode::Persistent).unwrap();
    client.close().unwrap();
    let admin = at(member, ADMIN_PORT);
    let path = "/commands/snapshot";
    let refused = get(admin, path).unwrap();
    assert_eq!(
        (refused.status, refused.json()["error"].as_str()),
        (401, Some("Auth info is missing for the command"))
    );
    let who = [("Authorization", "digest me:secret")];
    assert_eq!(
        ask(admin, "GET", path, &[("Authorization", "nope x")])
            .unwrap()
            .status,
        401
    );
    let given = ask(admin, "GET", path, &who).unwrap();
    assert_eq!(given.status, 200, "{}", given.text());
    assert_eq!(given.headers["snapshot_size"], given.body.len().to_string());
    let zxid = given.headers["last_zxid"].trim_start_matches("0x").to_owned();
    assert_eq!(
        ask(admin, "GET", path, &who).unwrap().status,
        429,
        "not twice at once"
    );

    let mut other = start_from(&zxid, &given.body);
    let mut client = other.at(1).client();
    assert_eq!(client.get("/kept", false).unwrap().0, b"data");
    client.close().unwrap();
    other.member(1).stop();
}

/// A server alone that begins with this snapshot.
fn start_from(zxid: &str, snapshot: &[u8]) -> Ensemble {
    let mut ensemble = Ensemble::builder("restored", [Kind::Quorate]).build();
    let dir = ensemble.at(1).version_dir();
    std::fs::create_dir_all(&dir).unwrap();
    std::fs::write(dir.join(format!("snapshot.{zxid}")), snapshot).unwrap();
    ensemble.member(1).start();
    ensemble
}

#[test]
fn snapshots_are_not_given_unless_that_is_switched_on() {
    let ensemble = start(looked_into("no-snapshot", 1), &[]);
    let who = [("Authorization", "digest me:secret")];
    let refused = ask(at(ensemble.at(1), ADMIN_PORT), "GET", "/commands/snapshot", &who).unwrap();
    assert_eq!(refused.status, 503);
    let error = refused.json()["error"].as_str().unwrap().to_owned();
    assert!(error.contains("admin.snapshot.enabled"), "{error}");
}

#[test]
fn what_clients_change_is_in_the_audit_log_when_the_server_has_stopped() {
    let mut ensemble = start(looked_into("audit-log", 1), &[("audit.enable", "true")]);
    let mut client = ensemble.at(1).client();
    client.auth("digest", b"me:secret").unwrap();
    client.create("/kept", b"", CreateMode::Persistent).unwrap();
    client.create("/gone", b"", CreateMode::Ephemeral).unwrap();
    client.get("/kept", false).unwrap();
    client.close().unwrap();
    let member = ensemble.member(1);
    assert!(member.stop().success());
    let log = std::fs::read_to_string(member.data_dir().join("zookeeper_audit.log")).unwrap();
    let ip = "127.0.0.1";
    for line in [
        "operation=serverStart\tresult=success".to_owned(),
        format!(
            "\tuser={ip},me\tip={ip}\toperation=create\tznode=/kept\tznode_type=persistent\tresult=success"
        ),
        format!(
            "\tuser={ip},me\tip={ip}\toperation=create\tznode=/gone\tznode_type=ephemeral\tresult=success"
        ),
        "operation=ephemeralZNodeDeletionOnSessionCloseOrExpire\tznode=/gone\tresult=success".to_owned(),
        "operation=serverStop\tresult=invoked".to_owned(),
    ] {
        assert!(
            log.lines().any(|found| found.ends_with(&line)),
            "{line:?} is not in {log}"
        );
    }
    assert_eq!(log.lines().count(), 5, "{log}");
}
