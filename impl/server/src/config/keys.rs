//! Which keys of a `zoo.cfg` does ZooKeeper know, and what do they mean here?

/// What becomes of a key that is not honoured.
#[derive(Clone, Copy, Debug)]
pub(super) enum Standing {
    /// It tunes what this server does not have, or asks for what it always does.
    NoEffect(&'static str),
    /// A feature that is not there: its absence is visible, and nobody gets more than he should.
    NotYet,
    /// Without it data, security or the ensemble would not be what the file says, unless its value is one of
    /// these, which are what this server does.
    Refused(&'static [&'static str]),
}

use Standing::{NoEffect, NotYet, Refused};

const OFF: &[&str] = &["false", "no"];
const ON: &[&str] = &["true", "yes"];
const NEVER: &[&str] = &[];
const NO_TLS: Standing = NoEffect("there is neither secureClientPort nor client.portUnification");
const SASL: Standing = NoEffect("there is no SASL");
const JVM: Standing = NoEffect("it tunes Apache's server");

/// Keys by name, or by prefix where they end in `*`.
const KEYS: &[(&str, Standing)] = &[
    ("DigestAuthenticationProvider.digestAlg", Refused(&["SHA1"])),
    ("DigestAuthenticationProvider.enabled", NotYet),
    ("IPAuthenticationProvider.usexforwardedfor", NotYet),
    ("SASLAuthenticationProvider.*", SASL),
    ("admin.forceHttps", Refused(OFF)),
    ("admin.needClientAuth", Refused(OFF)),
    ("admin.*", NotYet),
    ("allowSaslFailedClients", NotYet),
    ("audit.impl.class", NoEffect("there is one audit log")),
    ("authProvider.*", NotYet),
    ("bitHashCacheSize", JVM),
    ("X509AuthenticationProvider.superUser", NO_TLS),
    ("client.certReload", NO_TLS),
    ("netty.server.outstandingHandshake.limit", NO_TLS),
    ("closeSessionTxn.enabled", Refused(ON)),
    ("commitLogCount", JVM),
    ("commitProcessor.*", JVM),
    ("connection_throttle_*", NotYet),
    ("digest.enabled", NoEffect("digests are always kept and compared")),
    ("dynamicConfigFile", Refused(NEVER)),
    ("electionPortBindRetry", JVM),
    ("emulate353TTLNodes", Refused(OFF)),
    (
        "enableEagerACLCheck",
        NoEffect("whoever orders writes decides who may do them, with the same answer"),
    ),
    ("ensembleAuthName", NotYet),
    ("fastleader.*", JVM),
    ("fips-mode", NotYet),
    ("flushDelay", JVM),
    (
        "follower.nodelay",
        NoEffect("the learner port never delays packets"),
    ),
    ("forceSnapshotSync", NotYet),
    ("follower.skipLearnerRequestToNextProcessor", JVM),
    ("forward_learner_requests_to_commit_processor_disabled", JVM),
    ("intBufferStartingSizeBytes", JVM),
    ("jmx.*", JVM),
    ("jute.maxbuffer.extrasize", JVM),
    ("jvm.pause.*", JVM),
    ("kerberos.*", SASL),
    ("leader.*", JVM),
    ("leaderConnectDelayDuringRetryMs", JVM),
    ("leaderServes", NotYet),
    ("learner.*", JVM),
    ("letAnySaslUserDoX", SASL),
    ("maxBatchSize", JVM),
    ("maxCommitBatchSize", JVM),
    ("maxGetChildrenResponseCacheSize", JVM),
    ("maxInProcessingDeadWatchers", JVM),
    ("maxReadBatchSize", JVM),
    ("maxResponseCacheSize", JVM),
    ("maxWriteQueuePollTime", JVM),
    ("messageTracker.*", NotYet),
    ("metricsProvider.*", JVM),
    ("multiAddress.enabled", Refused(OFF)),
    ("multiAddress.*", NotYet),
    ("netty.*", JVM),
    ("nio.*", JVM),
    ("observer.*", NotYet),
    ("observerMasterPort", NotYet),
    ("observerMaster.*", NotYet),
    ("oraclePath", Refused(NEVER)),
    ("pathStats.*", NotYet),
    ("portUnification", Refused(OFF)),
    ("quorum.auth.enableSasl", Refused(OFF)),
    ("quorum.auth.learnerRequireSasl", Refused(OFF)),
    ("quorum.auth.serverRequireSasl", Refused(OFF)),
    (
        "quorum.auth.*",
        NoEffect("members do not authenticate each other"),
    ),
    ("quorum.cnxn.threads.size", JVM),
    ("quorumCnxnTimeoutMs", JVM),
    ("reconfigEnabled", Refused(OFF)),
    ("request_stale_*", NotYet),
    (
        "request_throttle_drop_stale",
        NoEffect("what a connection that is closed has asked for is always dropped"),
    ),
    (
        "request_throttle_stall_time",
        NoEffect("whoever waits goes on as soon as there is room"),
    ),
    ("request_throttler.shutdownTimeout", JVM),
    ("requireKerberosConfig", SASL),
    ("security.auth_to_local", SASL),
    (
        "serializeLastProcessedZxid.enabled",
        NoEffect("snapshots always name their last zxid"),
    ),
    ("serverCnxnFactory", JVM),
    ("sessionRequireClientSASLAuth", Refused(OFF)),
    ("snapSizeLimitInKb", NotYet),
    ("snapshot.compression.method", Refused(&[""])),
    ("snapshot.trust.empty", NotYet),
    ("snapshotSizeFactor", JVM),
    ("ssl.ciphersuites", NO_TLS),
    ("ssl.clientAuth", NO_TLS),
    ("ssl.clientHostnameVerification", NO_TLS),
    ("ssl.enabledProtocols", NO_TLS),
    ("ssl.hostnameVerification", NO_TLS),
    ("ssl.keyStore.*", NO_TLS),
    ("ssl.protocol", NO_TLS),
    ("ssl.quorum.*", NotYet),
    ("ssl.trustStore.*", NO_TLS),
    ("ssl.crl", Refused(OFF)),
    ("ssl.ocsp", Refused(OFF)),
    ("ssl.authProvider", Refused(&["x509"])),
    ("ssl.*", NotYet),
    ("sslQuorum", Refused(OFF)),
    ("sslQuorumReloadCertFiles", NotYet),
    ("superUser*", NotYet),
    ("syncEnabled", NotYet),
    (
        "clientTcpKeepAlive",
        NoEffect("connections are always kept alive"),
    ),
    ("tcpKeepAlive", NoEffect("connections are always kept alive")),
    ("txnLogSizeLimitInKb", NotYet),
    ("watchManagerName", JVM),
    ("watcherClean*", JVM),
];

/// What is known of a key that is not honoured; `None` if ZooKeeper does not know it either.
pub(super) fn standing(key: &str) -> Option<Standing> {
    let exact = KEYS.iter().find(|(pattern, _)| *pattern == key);
    let by_prefix = || {
        KEYS.iter().find(|(pattern, _)| {
            pattern
                .strip_suffix('*')
                .is_some_and(|prefix| key.starts_with(prefix))
        })
    };
    exact.or_else(by_prefix).map(|&(_, standing)| standing)
}
