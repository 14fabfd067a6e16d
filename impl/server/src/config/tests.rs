mod tls;

use super::*;
use proptest::prelude::*;

mod keys;

const THREE: &str = "tickTime=2000\ninitLimit=10\nsyncLimit=5\nserver.1=zk1:2888:3888;2181\n\
                     server.2=zk2:2888:3888\nserver.3=zk3:2888:3888\n";

/// Reads `text` with a data directory that holds `myid`; `$` in it is that directory.
fn read(myid: &str, text: &str) -> Result<Loaded, ConfigError> {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("myid"), myid).unwrap();
    let text = format!("dataDir={}\n{text}", dir.path().display());
    let file = dir.path().join("zoo.cfg");
    std::fs::write(&file, text).unwrap();
    Config::load(&file)
}

/// The only fault, as it is printed behind the file's directory.
fn fault(text: &str) -> String {
    let error = read("1", text).expect_err(text);
    assert_eq!(error.faults.len(), 1, "{error}");
    let shown = error.to_string();
    shown.rsplit_once('/').map_or(shown.clone(), |_| {
        shown[shown.find("zoo.cfg").unwrap_or(0)..].to_owned()
    })
}

fn warnings(text: &str) -> Vec<String> {
    read("1", text)
        .unwrap()
        .warnings
        .iter()
        .map(|warning| warning.what.clone())
        .collect()
}

#[test]
fn the_sample_configuration_is_standalone_with_zookeepers_defaults() {
    let loaded = read("", "tickTime=2000\ninitLimit=10\nsyncLimit=5\nclientPort=2181\n").unwrap();
    assert_eq!(loaded.warnings, []);
    let config = loaded.config;
    let expected = Config {
        tick_ms: 2000,
        min_session_timeout_ms: 4000,
        max_session_timeout_ms: 40_000,
        ..Config::standalone(
            &config.data_dir,
            ClientAddress {
                host: None,
                port: 2181,
            },
        )
    };
    assert_eq!(config, expected);
}

#[test]
fn who_has_no_port_for_clients_is_told() {
    let told = |text: &str| match read("1", text) {
        Ok(loaded) => loaded.warnings,
        Err(error) => error.warnings,
    };
    let is_told = |text: &str| {
        told(text)
            .iter()
            .any(|warning| warning.what.contains("no client can connect"))
    };
    assert!(is_told("tickTime=2000\n"));
    assert!(!is_told("clientPort=2181\n"));
    assert!(!is_told("secureClientPort=2281\n"), "TLS is a port too");
}

#[test]
fn an_ensemble_is_read_with_its_myid() {
    let Loaded { config, warnings } = read(" 1\n", THREE).unwrap();
    assert_eq!(warnings, []);
    assert_eq!(
        config.client,
        Some(ClientAddress {
            host: None,
            port: 2181
        })
    );
    assert_eq!(config.outstanding_max, 500);
    let Mode::Ensemble(membership) = &config.mode else {
        panic!("{config:?}")
    };
    assert_eq!((membership.me, membership.members.len()), (ServerId::new(1), 3));
    assert_eq!(
        (membership.init_limit_ticks, membership.sync_limit_ticks),
        (10, 5)
    );
    assert_eq!(membership.connect_limit_ticks, 10);
    assert_eq!(
        membership.text(),
        "server.1=zk1:2888:3888:participant;0.0.0.0:2181\nserver.2=zk2:2888:3888:participant\n\
         server.3=zk3:2888:3888:participant\nversion=0"
    );
}

#[test]
fn one_server_is_standalone_unless_it_says_otherwise() {
    let one = "initLimit=10\nsyncLimit=5\nserver.1=zk1:2888:3888\nclientPort=0\n";
    assert_eq!(read("", one).unwrap().config.mode, Mode::Standalone);
    let config = read("1", &format!("{one}standaloneEnabled=false\n"))
        .unwrap()
        .config;
    assert!(matches!(config.mode, Mode::Ensemble(membership) if membership.members.len() == 1));
}

#[test]
fn values_that_are_set_are_honoured() {
    let text = "dataLogDir=/logs\nclientPort=1\nclientPortAddress=10.0.0.1\nminSessionTimeout=10\n\
                maxSessionTimeout=20\nmaxClientCnxns=0\nmaxCnxns=7\n4lw.commands.whitelist=mntr,ruok\n\
                snapCount=10\nautopurge.snapRetainCount=5\nautopurge.purgeInterval=24\njute.maxbuffer=4096\n\
                globalOutstandingLimit=9\nclientThreads=3\nunreadMaxBytes=2097152\npreAllocSize=64\nclientPortListenBacklog=50\ntraceDir=/t\n\
                traceMaxBytes=1048576\ndb.autocreate=FALSE\nelectionAlg=3\npeerType=participant\nforceSync=yes\n";
    let Loaded { config, warnings } = read("", text).unwrap();
    assert_eq!(warnings, []);
    assert_eq!(config.data_log_dir, Path::new("/logs"));
    assert_eq!(
        config.client,
        Some(ClientAddress {
            host: Some("10.0.0.1".into()),
            port: 1
        })
    );
    assert_eq!(
        (config.min_session_timeout_ms, config.max_session_timeout_ms),
        (10, 20)
    );
    assert_eq!(
        (config.connections_per_address_max, config.connections_max),
        (0, 7)
    );
    assert_eq!((config.unread_bytes_max, config.client_threads), (2 << 20, 3));
    assert!(config.words.allows(quorate_wire::frame::FourLetterWord::Mntr));
    assert_eq!(
        (config.snap_count, config.frame_bytes_max, config.outstanding_max),
        (10, 4096, 9)
    );
    assert_eq!(
        config.purge,
        Purge {
            keep: 5,
            interval_hours: 24
        }
    );
    assert_eq!(
        (config.log_allocation_bytes, config.client_backlog),
        (65_536, Some(50))
    );
    assert_eq!(
        config.trace,
        Trace {
            dir: "/t".into(),
            bytes_max: 1 << 20
        }
    );
    assert!(!config.autocreate);
}

#[test]
fn a_wrong_value_names_line_key_value_and_what_is_allowed() {
    assert_eq!(
        fault("clientPort=2181\ntickTime=2s\n"),
        "zoo.cfg:3: tickTime=2s: must be a whole number from 1 to 2147483647"
    );
    for (line, what) in [
        ("tickTime=0", "from 1"),
        ("clientPort=65536", "from 0 to 65535"),
        ("minSessionTimeout=-2", "from -1"),
        (
            "minSessionTimeout=9\nmaxSessionTimeout=8",
            "above maxSessionTimeout",
        ),
        ("maxClientCnxns=x", "whole number"),
        ("jute.maxbuffer=1", "from 1024"),
        ("snapCount=", "whole number"),
        ("quorumListenOnAllIPs=yes", "true or false"),
        ("electionAlg=0", "only 3"),
        ("peerType=leader", "participant or observer"),
        ("clientPortAddress=::1", "needs clientPort"),
        ("dataLogDir=", "directory"),
        ("traceMaxBytes=1", "from 1048576"),
        ("server.x=zk:1:2", "server.N"),
        ("server.1=zk:1", "electionPort"),
    ] {
        let shown = fault(line);
        assert!(
            shown.contains(what) && shown.contains("zoo.cfg:2: "),
            "{line}: {shown}"
        );
    }
}

#[test]
fn all_faults_are_told_at_once_in_the_order_of_the_file() {
    let error = read("1", "tickTime=a\nsnapCount=b\nsslQuorum=true\n").unwrap_err();
    assert_eq!(
        error.faults.iter().map(|fault| fault.line).collect::<Vec<_>>(),
        [Some(2), Some(3), Some(4)]
    );
    assert_eq!(error.to_string().lines().count(), 3);
}

#[test]
fn a_file_with_faults_is_told_its_warnings_too() {
    let error = read(
        "1",
        "initlimit=10\nserver.1=zk1:2888:3888\nserver.2=zk2:2888:3888\n",
    )
    .unwrap_err();
    let shown = error.to_string();
    assert!(shown.contains("initLimit is missing"), "{shown}");
    let misspelt = |warning: &Warning| warning.line == Some(2) && warning.what == "ignored: no such key";
    assert!(error.warnings.iter().any(misspelt), "{:?}", error.warnings);
}

#[test]
fn what_would_change_data_or_security_is_never_ignored() {
    for line in [
        "sslQuorum=true",
        "portUnification=true",
        "quorum.auth.enableSasl=true",
        "oraclePath=/o",
        "dynamicConfigFile=/d",
        "reconfigEnabled=true",
        "sessionRequireClientSASLAuth=true",
        "closeSessionTxn.enabled=false",
        "snapshot.compression.method=gz",
        "DigestAuthenticationProvider.digestAlg=SHA-256",
    ] {
        let shown = fault(line);
        assert!(shown.contains("not supported yet"), "{shown}");
    }
}

#[test]
fn limits_of_clients_are_off_unless_they_are_configured() {
    let limits = |lines: &str| {
        let loaded = read("", &format!("clientPort=1\n{lines}")).expect(lines);
        assert_eq!(loaded.warnings, [], "{lines}");
        loaded.config.limits
    };
    for off in [
        "",
        "largeRequestThreshold=-1\nlargeRequestMaxBytes=5\n",
        "throttled_op_wait_time=50\n",
        "connection_throttle_tokens=0\nconnection_throttle_fill_count=7\n",
        "enforce.auth.enabled=false\nenforce.auth.schemes=sasl\n",
        "enforce.auth.schemes=digest\n",
    ] {
        assert_eq!(limits(off), Limits::default(), "{off}");
    }
    let large = limits("largeRequestThreshold=1000\n").large_requests;
    let expected = LargeRequests {
        threshold_bytes: 1000,
        bytes_max: 100 << 20,
    };
    assert_eq!(large, Some(expected));
    let throttle = limits("request_throttle_max_requests=7\nthrottled_op_wait_time=50\n").throttle;
    let expected = Throttle {
        requests_max: 7,
        wait_ms: 50,
    };
    assert_eq!(throttle, Some(expected));
    let even = limits("connection_throttle_tokens=5\nconnection_throttle_global_session_weight=9\n");
    let expected = Handshakes {
        tokens_max: 5,
        fill_ms: 1,
        fill_count: 1,
        costs: Costs::EVEN,
    };
    assert_eq!(even.handshakes, Some(expected));
    let weighed = limits(
        "connection_throttle_tokens=5\nconnection_throttle_weight_enabled=true\n\
         connection_throttle_local_session_weight=4\nconnection_throttle_fill_time=100\n",
    );
    let expected = Handshakes {
        tokens_max: 20,
        fill_ms: 100,
        fill_count: 4,
        costs: Costs {
            global: 4,
            local: 4,
            renewed: 4,
        },
    };
    assert_eq!(weighed.handshakes, Some(expected));
}

#[test]
fn what_clients_must_prove_is_what_somebody_can_prove_here() {
    let loaded = read(
        "",
        "clientPort=1\nenforce.auth.enabled=true\nenforce.auth.schemes=digest, ip\n",
    )
    .unwrap();
    assert_eq!(loaded.config.limits.required_schemes, ["digest", "ip"]);
    let x509 = "authProvider.1=org.apache.zookeeper.server.auth.X509AuthenticationProvider\n";
    let text = format!("clientPort=1\n{x509}enforce.auth.enabled=true\nenforce.auth.schemes=x509\n");
    assert_eq!(read("", &text).unwrap().config.limits.required_schemes, ["x509"]);
    assert!(fault("enforce.auth.enabled=true\n").contains("enforce.auth.schemes must say"));
    for unknown in ["sasl", "x509", "digest,", "world"] {
        let shown = fault(&format!(
            "enforce.auth.enabled=true\nenforce.auth.schemes={unknown}\n"
        ));
        assert!(shown.contains("no authentication provider of scheme"), "{shown}");
    }
}

/// The ensemble of `THREE` and these lines.
fn ensemble_with(lines: &str) -> (quorate_zab::Ensemble, String) {
    let loaded = read("1", &format!("{THREE}{lines}")).expect(lines);
    assert_eq!(loaded.warnings, [], "{lines}");
    match loaded.config.mode {
        Mode::Ensemble(membership) => (membership.ensemble(), membership.text()),
        Mode::Standalone => panic!("{lines}"),
    }
}

#[test]
fn groups_and_weights_say_what_a_quorum_is() {
    let ids = |servers: &[u64]| servers.iter().copied().map(ServerId::new).collect::<Vec<_>>();
    let (weighted, text) = ensemble_with("group.1=3:1:2\nweight.1=3\n");
    assert!(weighted.is_quorum(ids(&[1])));
    assert!(!weighted.is_quorum(ids(&[2, 3])));
    let said = "group.1=1:2:3\nweight.1=3\nweight.2=1\nweight.3=1\nversion=0";
    assert!(text.ends_with(said), "{text}");
    let (grouped, _) = ensemble_with("group.2=1:2\ngroup.7= 3\nweight.3=0\n");
    assert!(grouped.is_quorum(ids(&[1, 2])));
    assert!(!grouped.is_quorum(ids(&[1, 3])));
    let (heads, text) = ensemble_with("");
    assert_eq!(heads, quorate_zab::Ensemble::majority(ids(&[1, 2, 3])));
    assert!(!text.contains("weight"), "{text}");
    let even = format!("{THREE}server.4=zk4:2888:3888\ngroup.1=1:2:3:4\nweight.4=0\nweight.9=2\n");
    assert_eq!(
        warnings(&even),
        ["has no effect: no server.N line lists it as a voter"]
    );
}

#[test]
fn observers_are_members_without_a_vote() {
    let lines = "server.4=zk4:2888:3888:observer\ngroup.1=1:2:3\n";
    let (ensemble, text) = ensemble_with(lines);
    assert_eq!(ensemble.voters(), [1, 2, 3].map(ServerId::new));
    assert!(text.contains("server.4=zk4:2888:3888:observer\n"), "{text}");
    assert!(!text.contains("weight.4"), "{text}");
    let observer = read("4", &format!("{THREE}{lines}peerType=observer\n")).unwrap();
    assert_eq!(observer.warnings.len(), 1, "{:?}", observer.warnings);
    assert!(observer.warnings[0].what.contains("no clientPort"));
    for (line, what) in [
        ("peerType=observer", "the line counts"),
        (
            "group.1=1:2:3\nweight.4=2\nserver.4=zk4:1:2:observer",
            "as a voter",
        ),
    ] {
        let shown = warnings(&format!("{THREE}{line}\n"));
        assert!(shown.len() == 1 && shown[0].contains(what), "{line}: {shown:?}");
    }
    let grouped = format!("{THREE}server.4=zk4:1:2:observer\ngroup.1=1:2:3:4\n");
    assert!(fault(&grouped).contains("observes and has no vote"));
    let few = "initLimit=1\nsyncLimit=1\nserver.1=zk1:1:2\nserver.2=zk2:1:2:observer\n";
    assert!(fault(few).contains("observers and 1 voters"));
    assert!(read("1", &format!("{few}standaloneEnabled=false\n")).is_ok());
}

#[test]
fn groups_and_weights_that_make_no_ensemble_are_refused_with_the_reason() {
    for (lines, line, what) in [
        ("weight.1=2", "", "server 1 is in no group"),
        ("group.1=1:2", "", "server 3 is in no group"),
        (
            "group.1=1:2:3\ngroup.2=3",
            ":9: ",
            "server 3 is in group 1 as well",
        ),
        ("group.1=1:2:3:3", ":8: ", "server 3 is there twice"),
        ("group.1=1:2:3\ngroup.01=1", ":9: ", "group 1 is there twice"),
        ("group.1=1:2:3:4", ":8: ", "says 4, which no server.N line lists"),
        ("group.1=1:2:x", ":8: ", "numbers of servers"),
        ("group.1=", ":8: ", "numbers of servers"),
        ("group.x=1:2:3", ":8: ", "must be group.G"),
        ("group=1:2:3", ":8: ", "must be group.G"),
        ("group.1=1:2:3\nweight.x=1", ":9: ", "must be group.G or weight.N"),
        ("group.1=1:2:3\nweight.1=-1", ":9: ", "from 0 to 2147483647"),
        (
            "group.1=1:2:3\nweight.1=2147483648",
            ":9: ",
            "from 0 to 2147483647",
        ),
        (
            "group.1=1:2:3\nweight.1=1\nweight.01=2",
            ":10: ",
            "is there twice",
        ),
        (
            "group.1=1:2:3\nweight.1=0\nweight.2=0\nweight.3=0",
            "",
            "weighs anything",
        ),
    ] {
        let error = read("1", &format!("{THREE}{lines}\n"))
            .expect_err(lines)
            .to_string();
        assert!(error.contains(what) && error.contains(line), "{lines}: {error}");
    }
}

#[test]
fn what_is_off_anyway_is_accepted_in_silence() {
    let text = "clientPort=1\nsslQuorum=false\nreconfigEnabled=False\n\
                closeSessionTxn.enabled=true\nsnapshot.compression.method=\n";
    assert_eq!(warnings(text), Vec::<String>::new());
}

#[test]
fn what_is_not_honoured_is_warned_of_by_line() {
    let loaded = read("", "clientPort=1\nsnapshot.trust.empty=true\nnoSuchKey=1\n").unwrap();
    let shown: Vec<_> = loaded
        .warnings
        .iter()
        .map(|warning| (warning.line, warning.what.as_str()))
        .collect();
    let expected = [
        (Some(3), "known, not supported yet: ignored"),
        (Some(4), "ignored: no such key"),
    ];
    assert_eq!(shown, expected);
    for (line, what) in [
        ("forceSync=no", "always synced"),
        ("snapCount=1", "raised to 2"),
        ("autopurge.snapRetainCount=1", "raised to 3"),
        ("clientPort=2", "replaces line 2"),
        ("zookeeper.snapCount=5", "prefix"),
        ("4lw.commands.whitelist=ruok,nope", "nope"),
        ("commitProcessor.numWorkerThreads=4", "no effect"),
        ("leader.nodelay=true", "no effect"),
    ] {
        let shown = warnings(&format!("clientPort=1\n{line}\n"));
        assert!(shown.len() == 1 && shown[0].contains(what), "{line}: {shown:?}");
    }
    assert!(warnings("")[0].contains("no clientPort"));
    let even = format!("{THREE}server.4=zk4:2888:3888\n");
    assert!(warnings(&even)[0].contains("4 voters tolerate no more failures than 3"));
}

#[test]
fn an_ensemble_without_its_limits_or_myid_is_refused() {
    let without = |key: &str| {
        THREE
            .lines()
            .filter(|line| !line.starts_with(key))
            .collect::<Vec<_>>()
            .join("\n")
    };
    assert!(fault(&without("initLimit")).contains("initLimit is missing"));
    assert!(fault(&without("syncLimit")).contains("syncLimit is missing"));
    for (myid, what) in [
        ("", "\"\""),
        ("x", "\"x\""),
        ("4", "no server.N line"),
        ("-1", "\"-1\""),
    ] {
        let error = read(myid, THREE).unwrap_err().to_string();
        assert!(error.contains("/myid: says") && error.contains(what), "{error}");
        assert!(error.contains("one of 1, 2, 3"), "{error}");
    }
    let error = read::config(Path::new("zoo.cfg"), &format!("dataDir=/nowhere\n{THREE}")).unwrap_err();
    assert!(
        error.to_string().starts_with("/nowhere/myid: cannot be read"),
        "{error}"
    );
    let error = read::config(Path::new("zoo.cfg"), "clientPort=1\n").unwrap_err();
    assert!(error.to_string().contains("dataDir is missing"), "{error}");
}

#[test]
fn a_client_port_said_twice_must_be_the_same() {
    assert!(fault(&format!("{THREE}clientPort=2182\n")).contains("differs from 0.0.0.0:2181"));
    assert!(read("1", &format!("{THREE}clientPort=2181\n")).is_ok());
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let error = Config::load(Path::new("/nowhere/zoo.cfg"))
        .unwrap_err()
        .to_string();
    assert!(error.starts_with("/nowhere/zoo.cfg: cannot be read"), "{error}");
}

proptest! {
    #[test]
    fn any_text_is_read_without_a_panic(text in "([a-zA-Z0-9.]{0,9}[=: ][a-z0-9:;|.-]{0,30}\n){0,9}") {
        let _ = read::config(Path::new("zoo.cfg"), &text);
    }

    #[test]
    fn known_keys_with_any_value_are_read_without_a_panic(
        key in prop::sample::select(vec!["tickTime", "server.1", "clientPort", "maxSessionTimeout", "traceDir"]),
        value in any::<String>(),
    ) {
        let _ = read::config(Path::new("zoo.cfg"), &format!("{key}={value}"));
    }
}

#[test]
fn the_admin_server_is_on_and_on_loopback_unless_the_file_says_otherwise() {
    let config = read("", "clientPort=1\n").unwrap().config;
    assert_eq!(
        (config.admin, config.metrics, config.audit),
        (Admin::default(), None, None)
    );
    assert_eq!(Admin::default().host, "127.0.0.1");
    let text = "clientPort=1\nadmin.enableServer=false\nadmin.serverAddress=0.0.0.0\nadmin.serverPort=9090\n\
                admin.commandURL=/zk\nadmin.idleTimeout=5000\nadmin.snapshot.enabled=true\n\
                admin.rateLimiterIntervalInMS=0\n";
    let loaded = read("", text).unwrap();
    assert_eq!(loaded.warnings, []);
    let expected = Admin {
        enabled: false,
        host: "0.0.0.0".into(),
        port: 9090,
        command_url: "/zk".into(),
        idle_timeout_ms: 5000,
        snapshot: true,
        snapshot_interval_ms: 0,
    };
    assert_eq!(loaded.config.admin, expected);
    for wrong in [
        "admin.commandURL=zk",
        "admin.commandURL=/",
        "admin.serverPort=70000",
        "admin.forceHttps=true",
    ] {
        assert!(read("", &format!("clientPort=1\n{wrong}\n")).is_err(), "{wrong}");
    }
}

#[test]
fn metrics_have_a_port_of_their_own_if_prometheus_provides_them() {
    let with = |text: &str| read("", &format!("clientPort=1\n{text}\n")).map(|loaded| loaded.config.metrics);
    let prometheus =
        "metricsProvider.className=org.apache.zookeeper.metrics.prometheus.PrometheusMetricsProvider";
    let port = |host: &str, port| {
        Some(MetricsPort {
            host: host.into(),
            port,
        })
    };
    assert_eq!(with(prometheus).unwrap(), port("0.0.0.0", 7000));
    let text = format!("{prometheus}\nmetricsProvider.httpHost=::1\nmetricsProvider.httpPort=7001");
    assert_eq!(with(&text).unwrap(), port("::1", 7001));
    let default = "metricsProvider.className=org.apache.zookeeper.metrics.impl.DefaultMetricsProvider";
    assert_eq!(with(default).unwrap(), None);
    assert!(with("metricsProvider.className=com.example.Provider").is_err());
}

#[test]
fn the_audit_log_lies_in_the_data_directory_unless_the_file_says_otherwise() {
    let file = |text: &str| {
        let config = read("", &format!("clientPort=1\n{text}\n")).unwrap().config;
        (config.audit.map(|audit| audit.file), config.data_dir)
    };
    let (audit, data) = file("audit.enable=true");
    assert_eq!(audit, Some(data.join("zookeeper_audit.log")));
    let (audit, _) = file("audit.enable=true\naudit.file=/var/log/audit");
    assert_eq!(audit, Some("/var/log/audit".into()));
    assert_eq!(file("audit.enable=false").0, None);
}

#[test]
fn what_is_said_of_znodes_is_heeded() {
    let loaded = read(
        "",
        "clientPort=1\nextendedTypesEnabled=true\nenforceQuota=True\nskipACL=yes\n\
         DigestAuthenticationProvider.superDigest=super:hash=\n\
         authProvider.1=org.apache.zookeeper.server.auth.X509AuthenticationProvider\n\
         znode.container.checkIntervalMs=50\nznode.container.maxPerMinute=7\n\
         znode.container.maxNeverUsedIntervalMs=9\n",
    )
    .unwrap();
    let znodes = loaded.config.znodes;
    let rules = znodes.rules;
    assert!(rules.extended_types && rules.enforce_quota && rules.x509 && znodes.skip_acl);
    assert_eq!(rules.sweep.never_used_ms, Some(9));
    assert_eq!(znodes.super_digest.as_deref(), Some("super:hash="));
    assert_eq!((znodes.sweep_interval_ms, znodes.sweep_per_minute), (50, 7));
    assert_eq!(
        loaded.warnings.len(),
        1,
        "that lists are not heeded: {:?}",
        loaded.warnings
    );
    assert_eq!(
        read("", "clientPort=1\n").unwrap().config.znodes,
        Znodes::default()
    );
}
