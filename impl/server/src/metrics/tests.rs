use super::registry::ABSENT;
use super::*;
use crate::service::Options;
use quorate_tree::Tree;
use quorate_zab::{Epoch, ServerId};
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};

const VECTORS: &str = include_str!("../../tests/vectors/metrics.json");

/// Apache's metrics of which none was captured, because nothing had happened that they count.
const NOT_CAPTURED: [&str; 6] = [
    "ack_latency",
    "quota_bytes_limit_per_namespace",
    "quota_bytes_usage_per_namespace",
    "quota_count_limit_per_namespace",
    "quota_count_usage_per_namespace",
    "quota_exceeded_error_per_namespace",
];

fn apaches() -> BTreeMap<String, String> {
    let vectors: BTreeMap<String, Json> = serde_json::from_str(VECTORS).unwrap();
    vectors
        .into_iter()
        .map(|(name, what)| {
            let name = name
                .rsplit_once('>')
                .map_or(name.as_str(), |(_, rest)| &rest[1..]);
            (name.to_owned(), what["kind"].as_str().unwrap().to_owned())
        })
        .collect()
}

fn service(role: Role) -> Service {
    let options = Options {
        server: ServerId::new(1),
        tick_ms: 2000,
        min_session_timeout_ms: 4000,
        max_session_timeout_ms: 40_000,
        local_sessions: Default::default(),
        limits: Default::default(),
        unread_bytes_max: usize::MAX,
        znodes: crate::config::Znodes::default(),
    };
    let mut service = Service::new(options, Tree::new(), 0);
    service.serve(role, Epoch::new(1), 0);
    service
}

fn view(service: &Service, role: Role) -> View<'_> {
    View {
        service,
        role: Some(role),
        now_ms: 5000,
        asking: 0,
    }
}

#[test]
fn every_name_is_there_once() {
    let names: BTreeSet<_> = METRICS.iter().map(|metric| metric.name).collect();
    assert_eq!(names.len(), METRICS.len());
}

#[test]
fn what_bears_apaches_name_is_apaches_and_of_its_kind() {
    let apaches = apaches();
    for metric in METRICS {
        let captured = apaches.get(metric.name).map(String::as_str);
        match metric.origin {
            Origin::Quorate => assert!(metric.name.starts_with("quorate_") && captured.is_none()),
            Origin::Apache | Origin::Near(_) if NOT_CAPTURED.contains(&metric.name) => {}
            Origin::Apache | Origin::Near(_) => {
                let kind = match metric.kind {
                    Kind::Counter | Kind::Gauge | Kind::Text => "value",
                    Kind::Summary | Kind::Set => "summary",
                    Kind::Detailed => "summary+percentiles",
                };
                assert_eq!(captured, Some(kind), "{}", metric.name);
            }
        }
    }
}

#[test]
fn of_apaches_metrics_each_is_here_or_listed_as_absent() {
    let here: BTreeSet<_> = METRICS.iter().map(|metric| metric.name).collect();
    let absent: BTreeSet<_> = ABSENT.iter().map(|(name, _)| *name).collect();
    assert!(here.is_disjoint(&absent));
    assert_eq!(absent.len(), ABSENT.len());
    let apaches = apaches();
    for name in apaches.keys() {
        assert!(
            here.contains(name.as_str()) || absent.contains(name.as_str()),
            "{name}"
        );
    }
    for name in absent {
        assert!(
            apaches.contains_key(name) || NOT_CAPTURED.contains(&name),
            "{name} is not Apache's"
        );
    }
}

#[test]
fn summaries_are_spelled_as_apache_spells_them() {
    let mut service = service(Role::Leader);
    for ms in [5, 3, 10] {
        service.figures_mut().sync_ms.add(ms);
        service.figures_mut().update_ms.add(ms);
        service.figures_mut().written_bytes.add("app", ms);
    }
    let mut flat = BTreeMap::new();
    view(&service, Role::Leader).each(|name, value| {
        assert!(
            flat.insert(name.to_owned(), value).is_none(),
            "{name} is there twice"
        );
    });
    for (name, value) in [
        ("avg_fsynctime", Value::Ratio(6.0)),
        ("min_fsynctime", Value::Count(3)),
        ("max_fsynctime", Value::Count(10)),
        ("cnt_fsynctime", Value::Count(3)),
        ("sum_fsynctime", Value::Count(18)),
        ("p50_updatelatency", Value::Count(5)),
        ("p95_updatelatency", Value::Count(10)),
        ("p99_updatelatency", Value::Count(10)),
        ("p999_updatelatency", Value::Count(10)),
        ("cnt_app_write_per_namespace", Value::Count(3)),
        ("server_state", Value::Text("leader".into())),
    ] {
        assert_eq!(flat.get(name), Some(&value), "{name}");
    }
    assert!(
        !flat.contains_key("p50_fsynctime"),
        "a summary without percentiles has none"
    );
    service.counters_mut().reset();
    view(&service, Role::Leader).each(|name, value| {
        if name == "cnt_updatelatency" {
            assert_eq!(value, Value::Count(0));
        }
    });
}

#[test]
fn prometheus_reads_a_family_for_each_metric() {
    let mut service = service(Role::Leader);
    service.figures_mut().update_ms.add(7);
    service.figures_mut().read_bytes.add("a\"b\\c\nd", 9);
    let text = view(&service, Role::Leader).exposition();
    for line in [
        "# TYPE commit_count counter",
        "commit_count 0.0",
        "# TYPE synced_followers gauge",
        "# TYPE updatelatency summary",
        "updatelatency{quantile=\"0.5\",} 7.0",
        "updatelatency{quantile=\"0.9\",} 7.0",
        "updatelatency{quantile=\"0.99\",} 7.0",
        "updatelatency_count 1.0",
        "updatelatency_sum 7.0",
        "fsynctime{quantile=\"0.5\",} NaN",
        "read_per_namespace_sum{key=\"a\\\"b\\\\c\\nd\",} 9.0",
        "quorate_server_state{server_state=\"leader\",} 1.0",
    ] {
        assert!(
            text.lines().any(|found| found == line),
            "{line} is not in\n{text}"
        );
    }
    assert!(
        !text.contains("fsynctime{quantile=\"0.9"),
        "one quantile is enough there"
    );
    // A family begins with its help and its type, and has its samples together.
    let mut families = BTreeSet::new();
    let mut family = "";
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            family = rest.split(' ').next().unwrap();
            assert!(families.insert(family), "{family} is there twice");
        } else {
            let name = line.trim_start_matches("# TYPE ");
            assert!(name.starts_with(family), "{line} within {family}");
        }
    }
    assert!(text.ends_with('\n'));
}

#[test]
fn a_set_keeps_no_more_keys_than_its_bound() {
    let mut set = SummarySet::default();
    for number in 0..1000_u64 {
        set.add(&number.to_string(), 1);
    }
    assert_eq!(set.iter().count(), 201);
    let others = set.iter().find(|(key, _)| *key == "others").unwrap().1;
    assert_eq!(others.count(), 800);
}
