use super::commands::COMMANDS;
use super::*;
use crate::fourlw::tests::{Host, create};
use crate::metrics::{ABSENT, Kind, METRICS, Origin};
use crate::service::Role;
use quorate_wire::client::Request;
use quorate_zab::ServerId;
use std::collections::BTreeSet;
use std::fmt::Write;

const VECTORS: &str = include_str!("../../tests/vectors/admin.json");

/// Fields of Apache's answers that are not here, and why.
const ABSENT_FIELDS: &[(&str, &[&str], &str)] = &[(
    "environment",
    &[
        "java.version",
        "java.vendor",
        "java.home",
        "java.class.path",
        "java.library.path",
        "java.io.tmpdir",
        "java.compiler",
        "os.memory.free",
        "os.memory.max",
        "os.memory.total",
    ],
    "no `java.*` and no `os.memory.*`: there is no JVM",
)];

/// Commands whose answer differs in more than its values, and how.
const DIFFERENT: &[(Command, &str)] = &[
    (
        Command::InitialConfiguration,
        "always null: there is no `dynamicConfigFile`",
    ),
    (
        Command::Monitor,
        "the metrics of the table below; answered while nobody is served as well",
    ),
    (
        Command::ObserverConnectionStatReset,
        "answered, and resets nothing",
    ),
    (
        Command::Observers,
        "on a leader; `queued_packets` and `queued_packets_size` are 0, `last_zxid` is -1",
    ),
    (Command::Restore, "503: it is not there"),
    (Command::SetTraceMask, "the mask is kept, and has no effect"),
    (
        Command::Snapshot,
        "503 unless `admin.snapshot.enabled` is true (Apache's default is true); one entry of the root's ACL must grant everything (in Apache any permission will do)",
    ),
    (
        Command::SystemProperties,
        "those of the operating system and the user that Java has",
    ),
];

fn answer(host: &mut Host, command: Command) -> Result<Map<String, Value>, String> {
    let asked = Asked::Command {
        command,
        trace_mask: None,
    };
    let asking = Asking {
        sizes: DirectorySizes {
            data_bytes: 3,
            log_bytes: 4,
        },
        now_ms: 5000,
        wall_ms: 1_795_246_692_281,
    };
    match host.service.answer_question(&asked, asking) {
        Answer::Fields(fields) => fields,
        other => panic!("{other:?}"),
    }
}

/// A leader with one client that watches and has an ephemeral znode, and with an observer.
fn leader() -> Host {
    let watch = |path: &str| Request::Exists {
        path: path.into(),
        watch: true,
    };
    let mut host = Host::new(Some(Role::Leader)).with_client(&[create("/e", 1), watch("/"), Request::Ping]);
    let facts = host.service.facts_mut();
    facts.ensemble.leader = Some(ServerId::new(1));
    facts.ensemble.phase = "broadcast";
    facts.ensemble.state = crate::fourlw::PeerState::Leading;
    facts.observers.push(ObserverFacts {
        address: Some("127.0.0.1:46216".parse().unwrap()),
        server: ServerId::new(4),
        established_ms: 1,
        received: 0,
        sent: 0,
    });
    host
}

/// The names in an object, with those of the objects in it; keys that are numbers or paths are all one.
fn names(value: &Value, at: &str, into: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                let any = key.starts_with('/') || key.starts_with(|first: char| first.is_ascii_digit());
                let at = format!("{at}.{}", if any { "*" } else { key });
                into.insert(at.clone());
                names(value, &at, into);
            }
        }
        Value::Array(values) => values.iter().for_each(|value| names(value, at, into)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn every_name_is_a_commands() {
    let all: Vec<_> = COMMANDS.iter().flat_map(|(_, names)| names.iter()).collect();
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len());
    for (command, names) in COMMANDS {
        assert_eq!(command.name(), names[0]);
        assert!(names.iter().all(|name| Command::of(name) == Some(*command)));
    }
    assert_eq!(Command::of("nope"), None);
}

#[test]
fn answers_have_the_fields_that_apaches_have() {
    let vectors: Value = serde_json::from_str(VECTORS).unwrap();
    for (name, captured) in vectors["commands"].as_object().unwrap() {
        let command = Command::of(name).unwrap_or_else(|| panic!("{name} is no command here"));
        if matches!(command, Command::SetTraceMask | Command::Snapshot) {
            continue; // Refused for want of an argument, before anybody is asked.
        }
        let mut expected = BTreeSet::new();
        match captured.get("keys") {
            Some(keys) => {
                let keys = keys.as_array().unwrap().iter().map(|key| key.as_str().unwrap());
                expected.extend(keys.map(|key| format!(".{key}")));
            }
            None => names(&captured["body"], "", &mut expected),
        }
        expected.remove(".command");
        expected.remove(".error");
        for (_, fields, _) in ABSENT_FIELDS.iter().filter(|(of, ..)| of == name) {
            for field in *fields {
                assert!(expected.remove(&format!(".{field}")), "{field} is not Apache's");
            }
        }
        let mut host = leader();
        // The tree's digest is kept at every 128th zxid.
        if command == Command::Hash {
            let creates: Vec<_> = (1..300).map(|number| create(&format!("/{number}"), 0)).collect();
            host = host.with_client(&creates);
        }
        let fields = answer(&mut host, command).unwrap();
        let mut found = BTreeSet::new();
        names(&Value::Object(fields), "", &mut found);
        assert_eq!(found, expected, "{name}");
    }
}

#[test]
fn monitor_tells_what_mntr_tells() {
    let mut host = leader();
    let text = host.ask("mntr");
    let words: BTreeSet<String> = text
        .lines()
        .map(|line| {
            line.split('\t')
                .next()
                .unwrap()
                .trim_start_matches("zk_")
                .to_owned()
        })
        .collect();
    let fields = answer(&mut host, Command::Monitor).unwrap();
    assert_eq!(fields.keys().cloned().collect::<BTreeSet<_>>(), words);
}

#[test]
fn while_nobody_is_served_only_what_needs_no_tree_is_answered() {
    for &(command, names) in COMMANDS {
        let answered = answer(&mut Host::new(None), command);
        assert_eq!(answered.is_ok(), !command.needs_service(), "{}", names[0]);
    }
}

#[test]
fn a_trace_mask_is_kept() {
    let mut host = leader();
    let mask = |fields: Map<String, Value>| fields["tracemask"].as_i64();
    assert_eq!(mask(answer(&mut host, Command::GetTraceMask).unwrap()), Some(306));
    host.service.facts_mut().trace_mask = 7;
    assert_eq!(mask(answer(&mut host, Command::GetTraceMask).unwrap()), Some(7));
}

#[test]
fn the_tree_is_for_those_whom_the_root_grants_everything() {
    let host = leader();
    let me = Id {
        scheme: "digest".into(),
        id: "me:x".into(),
    };
    // A fresh root is the world's.
    let all = host.service.tree_for(std::slice::from_ref(&me));
    assert!(matches!(all, Answer::Tree(_)));
    assert!(matches!(
        Host::new(None).service.tree_for(&[me]),
        Answer::NotServing
    ));
}

/// The document's tables, as this build is.
fn tables() -> String {
    let mut text = String::from("| command | also | |\n| --- | --- | --- |\n");
    for (command, names) in COMMANDS {
        let how = DIFFERENT.iter().find(|(different, _)| different == command);
        let missing = ABSENT_FIELDS.iter().find(|(name, ..)| *name == names[0]);
        let how = how.map_or_else(|| missing.map_or("same", |(.., why)| why), |(_, how)| how);
        let also = names[1..]
            .iter()
            .map(|name| format!("`{name}`"))
            .collect::<Vec<_>>()
            .join(", ");
        let _ = writeln!(text, "| `{}` | {also} | {how} |", names[0]);
    }
    text += "\n| metric | kind | what | |\n| --- | --- | --- | --- |\n";
    for metric in METRICS {
        let kind = match metric.kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Text => "text",
            Kind::Summary => "summary",
            Kind::Detailed => "summary with percentiles",
            Kind::Set => "summary for each key",
        };
        let how = match metric.origin {
            Origin::Apache => "same".to_owned(),
            Origin::Near(how) => how.to_owned(),
            Origin::Quorate => "ours".to_owned(),
        };
        let _ = writeln!(text, "| `{}` | {kind} | {} | {how} |", metric.name, metric.help);
    }
    text += "\n| Apache's metric | why it is not here |\n| --- | --- |\n";
    let mut whys: Vec<&str> = ABSENT.iter().map(|(_, why)| *why).collect();
    whys.sort_unstable();
    whys.dedup();
    for why in whys {
        let of_it = ABSENT.iter().filter(|(_, other)| *other == why);
        let names = of_it
            .map(|(name, _)| format!("`{name}`"))
            .collect::<Vec<_>>()
            .join(", ");
        let _ = writeln!(text, "| {names} | {why} |");
    }
    text
}

#[test]
fn the_document_lists_what_there_is() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/monitoring.md");
    let (begin, end) = (
        "<!-- made by the test the_document_lists_what_there_is -->\n",
        "<!-- end -->",
    );
    let text = std::fs::read_to_string(file).unwrap();
    let (head, rest) = text.split_once(begin).unwrap();
    let (found, tail) = rest.split_once(end).unwrap();
    if std::env::var_os("QUORATE_WRITE_DOCS").is_some() {
        std::fs::write(file, format!("{head}{begin}{}{end}{tail}", tables())).unwrap();
        return;
    }
    assert_eq!(found, tables(), "QUORATE_WRITE_DOCS=1 writes it anew");
}
