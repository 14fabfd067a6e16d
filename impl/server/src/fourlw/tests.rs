use super::*;
use crate::config::{ClientAddress, Config, Member, Membership, Mode};
use crate::service::{
    Action, ClientEvent, ClientId, Gauge, Options, Proved, ReplyQueue, Submission, replies,
};
use bytes::Bytes;
use quorate_tree::Tree;
use quorate_wire::client::{ConnectRequest, CreateRequest, Request};
use quorate_zab::{Epoch, ServerId, Zxid};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;

const VECTORS: &str = include_str!("../../tests/vectors/fourlw.json");
const WORDS: [&str; 18] = [
    "conf", "cons", "crst", "dirs", "dump", "envi", "gtmk", "hash", "isro", "mntr", "ruok", "srvr", "srst",
    "stat", "stmk", "wchc", "wchp", "wchs",
];

fn captured(at: &[&str]) -> String {
    let vectors: Value = serde_json::from_str(VECTORS).unwrap();
    at.iter()
        .fold(&vectors, |value, key| &value[key])
        .as_str()
        .unwrap()
        .to_owned()
}

/// What is left of an answer without its numbers, dates and the build.
fn shape(text: &str) -> String {
    let mut shape = String::new();
    for line in text.trim_end().lines() {
        let line = match line.split_once("3.9.3-") {
            Some((before, after)) => format!("{before}V{}", &after[after.find(',').unwrap()..]),
            None => line.to_owned(),
        };
        let line = match (line.find("expire at "), line.ends_with(':')) {
            (Some(at), true) => format!("{}DATE:", &line[..at + 10]),
            _ => line,
        };
        let mut hex = false;
        for c in line.chars() {
            let is_number = c.is_ascii_digit() || (hex && (c == 'x' || c.is_ascii_hexdigit()));
            if is_number && shape.ends_with('#') {
                hex |= c == 'x';
                continue;
            }
            hex = is_number;
            shape.push(if is_number { '#' } else { c });
        }
        shape.push('\n');
    }
    shape
}

fn lines(text: &str) -> BTreeSet<String> {
    shape(text).lines().map(str::to_owned).collect()
}

pub(crate) struct Host {
    pub(crate) service: Service,
    zxid: u64,
    queue: Option<ReplyQueue>,
}

impl Host {
    pub(crate) fn new(role: Option<Role>) -> Self {
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
        let mut service = Service::new(options, Tree::new(), 1_795_246_692_281);
        *service.facts_mut() = Facts::new(&config());
        if let Some(role) = role {
            service.serve(role, Epoch::new(4), 0);
        }
        Host {
            service,
            zxid: 4 << 32,
            queue: None,
        }
    }

    pub(crate) fn ask(&mut self, word: &str) -> String {
        let (replies, queue) = replies(1 << 20, Gauge::default());
        let word = FourLetterWord::ALL
            .into_iter()
            .find(|known| known.as_str() == word)
            .unwrap();
        let peer = "127.0.0.1:54680".parse().unwrap();
        let sizes = Some(DirectorySizes {
            data_bytes: 135_270_238,
            log_bytes: 135_270_238,
        });
        self.service.on_client(
            ClientEvent::Word {
                peer,
                word,
                mask: (word == FourLetterWord::Stmk).then_some(511),
                sizes,
                replies,
            },
            5000,
            &mut Vec::new(),
        );
        let batch = queue.take();
        assert!(batch.closed);
        String::from_utf8(batch.bytes.to_vec()).unwrap()
    }

    /// A client with a session that makes `requests`.
    pub(crate) fn with_client(mut self, requests: &[Request]) -> Self {
        let (replies, queue) = replies(1 << 20, Gauge::default());
        let mut frame = BytesMut::new();
        ConnectRequest {
            timeout_ms: 10_000,
            ..ConnectRequest::default()
        }
        .encode(&mut frame);
        let client = ClientId(1);
        let peer = "127.0.0.1:57348".parse().unwrap();
        let frame = frame.split_off(4).freeze();
        self.event(ClientEvent::Connect {
            client,
            peer,
            proved: Proved::default(),
            frame,
            replies,
        });
        for (xid, request) in (1..).zip(requests) {
            let mut frames = BytesMut::new();
            request.encode(xid, &mut frames);
            self.event(ClientEvent::Requests {
                client,
                frames: frames.freeze(),
            });
        }
        self.queue = Some(queue);
        self
    }

    fn event(&mut self, event: ClientEvent) {
        let mut actions = Vec::new();
        self.service.on_client(event, 1000, &mut actions);
        for action in actions {
            let Action::Submit(submission) = action else {
                panic!("{action:?}")
            };
            let payload = self.prepare(submission);
            self.service.deliver(&payload, 1000).unwrap();
        }
        self.service.flush();
    }

    fn prepare(&mut self, submission: Submission) -> Bytes {
        self.zxid += 1;
        self.service
            .prepare(submission, Zxid::from_bits(self.zxid), 0, 1000)
    }
}

fn config() -> Config {
    let member = |n: u16, port| Member {
        host: "127.0.0.1".into(),
        quorum_port: 26800 + n,
        election_port: 26900 + n,
        observes: n == 4,
        client: port,
    };
    let members = (1..5)
        .map(|n| (ServerId::new(n.into()), member(n, None)))
        .collect();
    Config {
        connections_per_address_max: 0,
        tick_ms: 2000,
        min_session_timeout_ms: 4000,
        max_session_timeout_ms: 40_000,
        znodes: crate::config::Znodes::default(),
        mode: Mode::Ensemble(Membership {
            me: ServerId::new(1),
            members,
            groups: None,
            init_limit_ticks: 10,
            sync_limit_ticks: 5,
            connect_limit_ticks: 10,
            election_connect_timeout_ms: 5000,
            listen_on_all_addresses: false,
        }),
        ..Config::standalone(
            Path::new("/data"),
            ClientAddress {
                host: None,
                port: 26181,
            },
        )
    }
}

pub(crate) fn create(path: &str, flags: i32) -> Request {
    let acl = vec![quorate_tree::Acl {
        perms: 31,
        scheme: "world".into(),
        id: "anyone".into(),
    }];
    Request::Create(CreateRequest {
        path: path.into(),
        data: None,
        acl,
        flags,
    })
}

#[test]
fn idle_servers_answer_in_the_captured_shape() {
    for (role, name) in [(Role::Follower, "follower"), (Role::Leader, "leader")] {
        let mut host = Host::new(Some(role));
        for word in [
            "ruok", "srvr", "stat", "cons", "crst", "srst", "dump", "wchs", "wchc", "wchp", "isro", "dirs",
            "gtmk",
        ] {
            let (ours, apaches) = (host.ask(word), captured(&["idle", name, word]));
            let apaches = shape(&apaches).replace("#/#/#\n", "N\n");
            let ours = shape(&ours)
                .replace("-#/-#/-#\n", "N\n")
                .replace("#/#/#\n", "N\n");
            assert_eq!(ours, apaches, "{word} of a {name}");
        }
    }
}

#[test]
fn answers_end_exactly_as_captured() {
    let mut host = Host::new(Some(Role::Follower));
    for word in [
        "ruok", "srvr", "stat", "conf", "cons", "crst", "srst", "dump", "wchs", "wchc", "wchp", "isro",
        "dirs", "gtmk",
    ] {
        let newlines = |text: &str| text.len() - text.trim_end_matches('\n').len();
        assert_eq!(
            newlines(&host.ask(word)),
            newlines(&captured(&["idle", "follower", word])),
            "{word}"
        );
    }
}

#[test]
fn conf_is_the_captured_one() {
    let ours = Host::new(Some(Role::Follower)).ask("conf");
    assert_eq!(ours, captured(&["idle", "follower", "conf"]));
}

#[test]
fn a_session_with_ephemerals_and_watches_shows_as_captured() {
    let watch = |path: &str| Request::Exists {
        path: path.into(),
        watch: true,
    };
    let requests = [
        create("/cap-e", 1),
        watch("/pre"),
        watch("/obs0"),
        watch("/"),
        create("/cap-f", 1),
        Request::Ping,
    ];
    for (role, name) in [(Role::Leader, "leader"), (Role::Follower, "follower")] {
        let mut host = Host::new(Some(role)).with_client(&requests);
        let all = ["with_one_live_session_per_server", name];
        for word in ["stat", "dump"] {
            let apaches = lines(&captured(&[all[0], all[1], word]).replace("CREA", "X"));
            let ours = lines(&host.ask(word));
            let proposals = |line: &String| !line.starts_with("Proposal");
            assert_eq!(
                ours.iter().filter(|line| proposals(line)).collect::<Vec<_>>(),
                apaches.iter().filter(|line| proposals(line)).collect::<Vec<_>>(),
                "{word} of a {name}"
            );
        }
        let cons = |text: &str| {
            text.replace("ADDW", "OP")
                .replace("GETD", "OP")
                .replace("PING", "OP")
        };
        let apaches = lines(&cons(&captured(&[all[0], all[1], "cons"])));
        assert_eq!(lines(&cons(&host.ask("cons"))), apaches, "cons of a {name}");
    }
    let mut host = Host::new(Some(Role::Leader)).with_client(&requests);
    assert_eq!(
        host.ask("wchs"),
        "1 connections watching 3 paths\nTotal watches:3\n"
    );
    assert_eq!(
        lines(&host.ask("wchc")),
        lines(&captured(&["with_one_live_session_per_server", "leader", "wchc"]))
    );
    assert_eq!(
        lines(&host.ask("wchp")),
        lines(&captured(&["with_one_live_session_per_server", "leader", "wchp"]))
    );
}

#[test]
fn mntr_names_what_apache_names() {
    let vectors: Value = serde_json::from_str(VECTORS).unwrap();
    for (role, name) in [(Role::Leader, "leader"), (Role::Follower, "follower")] {
        let text = Host::new(Some(role)).ask("mntr");
        let ours: Vec<_> = text.lines().map(|line| line.split_once('\t').unwrap()).collect();
        assert!(ours.iter().all(|(name, _)| name.starts_with("zk_")));
        assert_eq!(
            (ours[0].0, ours[1], ours[2].0),
            ("zk_version", ("zk_server_state", name), "zk_peer_state")
        );
        let keys: BTreeSet<_> = ours.iter().map(|(name, _)| *name).collect();
        assert_eq!(keys.len(), ours.len(), "no name twice");
        // Of the first names that Apache prints these tell of TLS, throttling and latches that are not here.
        let absent = [
            "zk_non_mtls_remote_conn_count",
            "zk_non_mtls_local_conn_count",
            "zk_stale_requests_dropped",
            "zk_insecure_admin_count",
        ];
        for line in vectors["mntr_head"][name].as_array().unwrap() {
            let key = line.as_str().unwrap().split_once('\t').unwrap().0;
            assert!(keys.contains(key) != absent.contains(&key), "{key}");
        }
        assert!(keys.contains("zk_digest_mismatches_count"));
    }
    let text = Host::new(Some(Role::Standalone)).ask("mntr");
    assert!(text.contains("zk_server_state\tstandalone\n") && !text.contains("peer_state"));
    assert!(
        text.contains("zk_znode_count\t5\n"),
        "a fresh tree counts 5: {text}"
    );
}

#[test]
fn while_nobody_is_served_only_what_needs_no_tree_is_answered() {
    for word in WORDS {
        let answer = Host::new(None).ask(word);
        match word {
            "ruok" => assert_eq!(answer, "imok"),
            "isro" => assert_eq!(answer, "null"),
            "hash" => assert_eq!(answer, NOT_SERVING.trim_end()),
            "envi" => assert!(answer.starts_with("Environment:\nzookeeper.version=3.9.3-quorate-")),
            "gtmk" => assert_eq!(answer, "306"),
            "stmk" => assert_eq!(answer, "511"),
            _ => assert_eq!(answer, NOT_SERVING, "{word}"),
        }
    }
}

#[test]
fn hash_shows_a_digest_at_every_128th_zxid_in_the_captured_shape() {
    let mut host = Host::new(Some(Role::Standalone));
    assert_eq!(host.ask("hash"), captured(&["idle", "follower", "hash"]));
    // The client's session is one transaction more.
    let creates: Vec<_> = (1..300).map(|number| create(&format!("/{number}"), 0)).collect();
    host = host.with_client(&creates);
    let answer = host.ask("hash");
    let zxids: Vec<_> = answer.lines().filter_map(|line| line.split(':').next()).collect();
    assert_eq!(zxids, ["400000080", "400000100"]);
    assert_eq!(
        shape(answer.lines().next().unwrap()),
        shape(&captured(&["idle", "leader", "hash"]))
    );
}

#[test]
fn the_version_line_is_one_that_tools_parse() {
    let text = Host::new(Some(Role::Standalone)).ask("srvr");
    let line = text.lines().next().unwrap();
    let (version, date) = line
        .strip_prefix("Zookeeper version: ")
        .unwrap()
        .split_once(", built on ")
        .unwrap();
    assert!(
        version.starts_with("3.9.3-quorate-") && date.ends_with("UTC"),
        "{line}"
    );
    assert!(text.contains("\nMode: standalone\n"));
}

#[test]
fn resets_start_counting_again() {
    let mut host = Host::new(Some(Role::Leader)).with_client(&[create("/a", 0)]);
    assert!(host.ask("srvr").contains("Received: 3\n"));
    host.ask("srst");
    let text = host.ask("srvr");
    assert!(
        text.contains("Received: 1\n") && text.contains("Proposal sizes last/min/max: -1/-1/-1\n"),
        "{text}"
    );
    host.ask("crst");
    assert!(host.ask("cons").contains("(queued=0,recved=0,sent=0,sid="));
}

#[test]
fn a_trace_mask_is_kept_for_whoever_sets_it() {
    let mut host = Host::new(Some(Role::Standalone));
    assert_eq!(
        [host.ask("gtmk"), host.ask("stmk"), host.ask("gtmk")],
        ["306", "511", "511"]
    );
}
