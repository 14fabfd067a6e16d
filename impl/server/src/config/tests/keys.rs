//! Every key that Apache's 3.9.3 knows: what becomes of it here, in a table of docs/compatibility.md.

use super::*;
use crate::config::keys::{Standing, standing};
use std::fmt::Write;

/// From its source: `QuorumPeerConfig`, and the system properties that a server reads. Keys of clients are not
/// among them. `N` and `*` stand for numbers and names.
const APACHE: &str = "
    4lw.commands.whitelist DigestAuthenticationProvider.digestAlg DigestAuthenticationProvider.enabled
    DigestAuthenticationProvider.superDigest IPAuthenticationProvider.usexforwardedfor
    SASLAuthenticationProvider.superPassword X509AuthenticationProvider.superUser admin.commandURL admin.enableServer
    admin.forceHttps admin.httpVersion admin.idleTimeout admin.needClientAuth admin.portUnification
    admin.rateLimiterIntervalInMS admin.restore.enabled admin.serverAddress admin.serverPort admin.snapshot.enabled
    allowSaslFailedClients audit.enable audit.impl.class authProvider.N autopurge.purgeInterval
    autopurge.snapRetainCount bitHashCacheSize client.certReload client.portUnification clientPort clientPortAddress
    clientPortListenBacklog clientTcpKeepAlive closeSessionTxn.enabled cnxTimeout commitLogCount
    commitProcessor.maxCommitBatchSize commitProcessor.maxReadBatchSize commitProcessor.numWorkerThreads
    commitProcessor.shutdownTimeout connectToLearnerMasterLimit connection_throttle_decrease_ratio
    connection_throttle_drop_decrease connection_throttle_drop_increase connection_throttle_fill_count
    connection_throttle_fill_time connection_throttle_freeze_time connection_throttle_global_session_weight
    connection_throttle_local_session_weight connection_throttle_renew_session_weight connection_throttle_tokens
    connection_throttle_weight_enabled dataDir dataLogDir datadir.autocreate db.autocreate digest.enabled
    dynamicConfigFile electionAlg electionPortBindRetry emulate353TTLNodes enableEagerACLCheck enforce.auth.enabled
    enforce.auth.schemes enforceQuota ensembleAuthName extendedTypesEnabled fastleader.maxNotificationInterval
    fastleader.minNotificationInterval fips-mode flushDelay follower.nodelay follower.skipLearnerRequestToNextProcessor
    forceSnapshotSync forceSync forward_learner_requests_to_commit_processor_disabled fsync.warningthresholdms
    globalOutstandingLimit group.N initLimit intBufferStartingSizeBytes jmx.log4j.disable jute.maxbuffer
    jute.maxbuffer.extrasize jvm.pause.info-threshold.ms jvm.pause.monitor jvm.pause.sleep.time.ms
    jvm.pause.warn-threshold.ms kerberos.canonicalizeHostNames kerberos.removeHostFromPrincipal
    kerberos.removeRealmFromPrincipal largeRequestMaxBytes largeRequestThreshold leader.ackLoggingFrequency
    leader.closeSocketAsync leader.maxConcurrentDiffSyncs leader.maxConcurrentSnapSyncs leader.maxTimeToWaitForEpoch
    leader.nodelay leaderConnectDelayDuringRetryMs leaderServes learner.asyncSending learner.closeSocketAsync
    letAnySaslUserDoX localSessionsEnabled localSessionsUpgradingEnabled maxBatchSize maxClientCnxns maxCnxns
    maxGetChildrenResponseCacheSize maxInProcessingDeadWatchers maxResponseCacheSize maxSessionTimeout
    maxWriteQueuePollTime messageTracker.BufferSize messageTracker.Enabled metricsProvider.className
    metricsProvider.exportJvmInfo metricsProvider.httpHost metricsProvider.httpPort metricsProvider.maxQueueSize
    metricsProvider.numWorkerThreads metricsProvider.workerShutdownTimeoutMs minSessionTimeout multiAddress.enabled
    multiAddress.reachabilityCheckEnabled multiAddress.reachabilityCheckTimeoutMs netty.advancedFlowControl.enabled
    netty.server.earlyDropSecureConnectionHandshakes netty.server.outstandingHandshake.limit nio.directBufferBytes
    nio.numSelectorThreads nio.numWorkerThreads nio.sessionlessCnxnTimeout nio.shutdownTimeout
    observer.election.DelayMs observer.reconnectDelayMs observer.syncEnabled observerMaster.sizeLimit
    observerMasterPort oraclePath pathStats.* peerType portUnification preAllocSize quorum.auth.enableSasl
    quorum.auth.kerberos.servicePrincipal quorum.auth.learner.saslLoginContext quorum.auth.learnerRequireSasl
    quorum.auth.server.saslLoginContext quorum.auth.serverRequireSasl quorum.cnxn.threads.size quorumCnxnTimeoutMs
    quorumListenOnAllIPs readonlymode.enabled reconfigEnabled request_stale_connection_check
    request_stale_latency_check request_throttle_drop_stale request_throttle_max_requests request_throttle_stall_time
    request_throttler.shutdownTimeout requireKerberosConfig secureClientPort secureClientPortAddress
    security.auth_to_local serializeLastProcessedZxid.enabled server.N serverCnxnFactory sessionRequireClientSASLAuth
    skipACL snapCount snapSizeLimitInKb snapshot.compression.method snapshot.trust.empty snapshotSizeFactor
    ssl.authProvider ssl.ciphersuites ssl.clientAuth ssl.clientHostnameVerification ssl.context.supplier.class ssl.crl
    ssl.enabledProtocols ssl.handshakeDetectionTimeoutMillis ssl.hostnameVerification ssl.keyStore.location
    ssl.keyStore.password ssl.keyStore.passwordPath ssl.keyStore.type ssl.ocsp ssl.protocol ssl.quorum.*
    ssl.sslProvider ssl.trustStore.location ssl.trustStore.password ssl.trustStore.passwordPath ssl.trustStore.type
    sslQuorum sslQuorumReloadCertFiles standaloneEnabled superUser syncEnabled syncLimit tcpKeepAlive
    throttled_op_wait_time tickTime txnLogSizeLimitInKb watchManagerName watcherCleanIntervalInSeconds
    watcherCleanThreadsNum watcherCleanThreshold weight.N znode.container.checkIntervalMs
    znode.container.maxNeverUsedIntervalMs znode.container.maxPerMinute";

/// What is honoured, and not as in Apache.
const DIFFERENT: &[(&str, &str)] = &[
    (
        "admin.serverAddress",
        "127.0.0.1 by default ([0023](decisions/0023-the-admin-server-is-on-loopback.md))",
    ),
    ("admin.snapshot.enabled", "off by default"),
    (
        "autopurge.purgeInterval",
        "any number above 0 switches purging on; it is done behind each new snapshot, not by the hour",
    ),
    (
        "authProvider.N",
        "`X509AuthenticationProvider` alone; any other is warned about and ignored",
    ),
    ("datadir.autocreate", "read and checked, without effect"),
    (
        "db.autocreate",
        "and more: an empty server votes by default only while it hears of no history \
         ([0019](decisions/0019-who-lost-its-disk-waits-for-a-quorum.md))",
    ),
    ("electionAlg", "only 3"),
    (
        "extendedTypesEnabled",
        "says whether clients may create them; znodes with a lifetime are always understood, whoever made them",
    ),
    (
        "forceSync",
        "anything but `yes` is ignored with a warning: what is acknowledged is synced first",
    ),
    (
        "group.N",
        "refused with an observer in it, and with a server that no `server.N` lists, where Apache ends with a \
         NullPointerException or counts a weight that nobody has",
    ),
    (
        "peerType",
        "what this server's own `server.N` line says counts, as in Apache; a `peerType` that says otherwise is warned about",
    ),
    ("preAllocSize", "read and checked, without effect"),
    (
        "readonlymode.enabled",
        "in `zoo.cfg`, where Apache does not read it; [and more](#read-only-mode)",
    ),
    ("server.N", "one address; several (`\\|`) are refused"),
    (
        "ssl.clientAuth",
        "`need` without a trust store is refused; Apache starts, and refuses every client",
    ),
    ("ssl.enabledProtocols", "TLSv1.3, TLSv1.2"),
    ("ssl.keyStore.type", "PEM, PKCS12"),
    ("ssl.trustStore.type", "PEM, PKCS12"),
    (
        "weight.N",
        "0 to 2147483647, without effect for an observer; Apache takes 64 bits and negative ones, with which two quorums \
         need not meet",
    ),
];

/// Keys that mean something to `quorate` alone.
const OURS: &[(&str, &str)] = &[
    ("audit.file", "the audit log; `zookeeper_audit.log` in `dataDir`"),
    (
        "clientThreads",
        "threads that move clients' bytes; half the cores, at least 1 and at most 16, and 1 means the one that answers",
    ),
    (
        "traceDir",
        "what the server records of its run; `trace` in `dataDir`",
    ),
    (
        "traceMaxBytes",
        "1 GiB: what traces may take before the oldest go",
    ),
    (
        "unreadMaxBytes",
        "256 MiB: replies that wait to be read by all clients together",
    ),
];

/// A key of the file for one of the list.
fn example(key: &str) -> String {
    key.replace(".N", ".1").replace('*', "any")
}

/// Whether the reader asks for `key`, rather than finding it left over.
fn is_honoured(key: &str) -> bool {
    let key = example(key);
    // Where several servers are listed each of these is looked at.
    let value = match key.as_str() {
        "server.1" => "zk1:2888:3888".to_owned(),
        "authProvider.1" => "org.apache.zookeeper.server.auth.X509AuthenticationProvider".to_owned(),
        _ => "\u{1}".to_owned(),
    };
    let text = match key.as_str() {
        "server.1" => THREE.to_owned(),
        "tickTime" | "initLimit" | "syncLimit" => THREE.replace(&format!("{key}="), &format!("{key}=\u{1}")),
        _ => format!("{THREE}{key}={value}\n"),
    };
    let (faults, warnings) = match read("1", &text) {
        Ok(loaded) => (Vec::new(), loaded.warnings),
        Err(error) => (error.faults, error.warnings),
    };
    let left = [
        "has no effect here",
        "known, not supported yet",
        "ignored: no such key",
    ];
    !faults.iter().chain(&warnings).any(|told| {
        told.property.as_ref().is_some_and(|(name, _)| *name == key)
            && left.iter().any(|words| told.what.starts_with(words))
    })
}

/// What becomes of a key of Apache's.
fn here(key: &str) -> String {
    let different = DIFFERENT
        .iter()
        .find(|(name, _)| *name == key)
        .map(|(_, how)| *how);
    match (is_honoured(key), standing(&example(key)), different) {
        (true, _, Some(how)) => format!("different: {how}"),
        (true, _, None) => "same".to_owned(),
        // Read where there is TLS on a port of the clients.
        (false, Some(Standing::NoEffect(why)), how) if why.contains("secureClientPort") => how.map_or_else(
            || "same, with TLS on a port".to_owned(),
            |how| format!("different: {how}"),
        ),
        (false, Some(Standing::NoEffect(why)), _) => format!("no effect: {why}"),
        (false, Some(Standing::NotYet), _) => "not yet: ignored with a warning".to_owned(),
        (false, Some(Standing::Refused(&[])), _) => "not yet: refused".to_owned(),
        (false, Some(Standing::Refused(harmless)), _) => match harmless[0] {
            "" => "not yet: refused unless it is empty".to_owned(),
            value => format!("not yet: refused unless it is `{value}`"),
        },
        (false, None, _) => panic!("{key} is Apache's, and nobody here knows it: config/keys.rs"),
    }
}

fn table() -> String {
    let mut text = String::from("| Apache's key | here |\n| --- | --- |\n");
    let mut keys: Vec<_> = APACHE.split_whitespace().collect();
    keys.sort_by_key(|key| key.to_lowercase());
    for key in keys {
        let _ = writeln!(text, "| `{key}` | {} |", here(key));
    }
    text.push_str("\n| key of ours | |\n| --- | --- |\n");
    for (key, what) in OURS {
        assert!(is_honoured(key), "{key}");
        let _ = writeln!(text, "| `{key}` | {what} |");
    }
    text
}

#[test]
fn the_document_lists_every_key() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/compatibility.md");
    let (begin, end) = (
        "<!-- made by the test the_document_lists_every_key -->\n",
        "<!-- end -->",
    );
    let text = std::fs::read_to_string(file).unwrap();
    let (head, rest) = text.split_once(begin).unwrap();
    let (found, tail) = rest.split_once(end).unwrap();
    if std::env::var_os("QUORATE_WRITE_DOCS").is_some() {
        std::fs::write(file, format!("{head}{begin}{}{end}{tail}", table())).unwrap();
        return;
    }
    assert_eq!(found, table(), "QUORATE_WRITE_DOCS=1 writes it anew");
}

#[test]
fn what_is_told_to_be_different_is_a_key_that_is_honoured() {
    for (key, _) in DIFFERENT {
        assert!(APACHE.split_whitespace().any(|known| known == *key), "{key}");
        assert!(here(key).starts_with("different"), "{key} is {}", here(key));
    }
}
