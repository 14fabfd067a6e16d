//! The keys of TLS: what each means, and what is told of a wrong one.

use super::*;

/// What TLS needs at least.
const LEAST: &str =
    "secureClientPort=2281\nssl.keyStore.location=/k/zk.pem\nssl.trustStore.location=/k/ca.p12\n";

fn tls(text: &str) -> Tls {
    let loaded = read("", &format!("clientPort=1\n{LEAST}{text}")).expect(text);
    assert_eq!(loaded.warnings, [], "{text}");
    loaded.config.tls.expect("TLS")
}

fn store(path: &str, kind: StoreKind, password: &str) -> StoreFile {
    StoreFile {
        path: path.into(),
        kind,
        password: Password::Given(password.into()),
    }
}

#[test]
fn the_defaults_of_tls_are_apaches() {
    let expected = Tls {
        key_store: store("/k/zk.pem", StoreKind::Pem, ""),
        trust_store: Some(store("/k/ca.p12", StoreKind::Pkcs12, "")),
        client_auth: ClientAuth::Need,
        versions: vec![TlsVersion::V1_3],
        suites: None,
        verify_client_host: false,
        reload: false,
        super_user: None,
        handshakes_max: None,
    };
    assert_eq!(tls(""), expected);
    let config = read("", LEAST).unwrap().config;
    assert_eq!(
        config.secure_client,
        Some(ClientAddress {
            host: None,
            port: 2281
        })
    );
    assert!(config.client.is_none() && !config.unifies_port);
    assert!(config.znodes.rules.x509, "certificates are identities");
}

#[test]
fn every_key_of_tls_is_heeded() {
    let set = tls(
        "secureClientPortAddress=127.0.0.1\nserverCnxnFactory=org.apache.zookeeper.server.NettyServerCnxnFactory\n\
         ssl.keyStore.type=pkcs12\nssl.keyStore.password=secret\nssl.trustStore.type=PEM\n\
         ssl.trustStore.passwordPath=/k/word\nssl.clientAuth=Want\nssl.protocol=TLSv1.2\n\
         ssl.enabledProtocols=TLSv1.3, TLSv1.2\n\
         ssl.ciphersuites=TLS_AES_128_GCM_SHA256,TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384\n\
         ssl.clientHostnameVerification=true\nclient.certReload=true\n\
         X509AuthenticationProvider.superUser=CN=root,O=x\nnetty.server.outstandingHandshake.limit=250\n",
    );
    let expected = Tls {
        key_store: store("/k/zk.pem", StoreKind::Pkcs12, "secret"),
        trust_store: Some(StoreFile {
            password: Password::InFile("/k/word".into()),
            ..store("/k/ca.p12", StoreKind::Pem, "")
        }),
        client_auth: ClientAuth::Want,
        versions: vec![TlsVersion::V1_3, TlsVersion::V1_2],
        suites: Some(vec![
            "TLS_AES_128_GCM_SHA256".into(),
            "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384".into(),
        ]),
        verify_client_host: true,
        reload: true,
        super_user: Some("CN=root,O=x".into()),
        handshakes_max: Some(250),
    };
    assert_eq!(set, expected);
    assert_eq!(tls("ssl.protocol=TLSv1.2\n").versions, [TlsVersion::V1_2]);
    for off in ["-1", "0"] {
        let set = tls(&format!("netty.server.outstandingHandshake.limit={off}\n"));
        assert_eq!(set.handshakes_max, None);
    }
    let both = "ssl.hostnameVerification=false\nssl.clientHostnameVerification=true\n";
    assert!(!tls(both).verify_client_host, "both have to be true");
    // Who is not asked for a certificate need not be believed.
    assert_eq!(tls("ssl.clientAuth=none\n").trust_store, None);
    // A password is not shown.
    assert!(!format!("{set:?}").contains("secret"));
}

#[test]
fn a_port_for_both_needs_no_other_port() {
    let text = "clientPort=1\nclient.portUnification=true\nssl.keyStore.location=/k/zk.pem\n\
                ssl.clientAuth=none\n";
    let config = read("", text).unwrap().config;
    assert!(config.unifies_port && config.tls.is_some() && config.secure_client.is_none());
}

#[test]
fn a_wrong_value_of_tls_names_line_key_value_and_what_is_allowed() {
    for (text, shown) in [
        (
            "ssl.clientAuth=maybe",
            "zoo.cfg:5: ssl.clientAuth=maybe: must be none, want or need",
        ),
        (
            "ssl.enabledProtocols=TLSv1.3,TLSv1.1",
            "=TLSv1.3,TLSv1.1: TLSv1.1: there are TLSv1.2 and TLSv1.3",
        ),
        ("ssl.protocol=SSLv3", "ssl.protocol=SSLv3: SSLv3: there are"),
        (
            "ssl.ciphersuites=TLS_RSA_WITH_AES_128_CBC_SHA",
            "is not there; there are TLS_AES_256_GCM_SHA384, ",
        ),
        (
            "ssl.ciphersuites=TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
            "none of these is for TLSv1.3",
        ),
        ("ssl.clientHostnameVerification=si", "must be true or false"),
        ("ssl.hostnameVerification=", "must be true or false"),
        (
            "client.certReload=1",
            "client.certReload=1: must be true or false",
        ),
        ("client.portUnification=both", "must be true or false"),
        (
            "ssl.keyStore.type=JKS",
            "zoo.cfg:5: ssl.keyStore.type=JKS: JKS is not read here. Convert it: keytool",
        ),
        (
            "ssl.trustStore.type=BCFKS",
            "ssl.trustStore.type=BCFKS: must be PEM or PKCS12",
        ),
        ("netty.server.outstandingHandshake.limit=many", "must be"),
        ("ssl.crl=true", "not supported yet"),
        ("ssl.ocsp=true", "not supported yet"),
        ("ssl.authProvider=mine", "not supported yet"),
    ] {
        let told = fault(&format!("{LEAST}{text}\n"));
        assert!(told.contains(shown), "{told}");
    }
    for (text, shown) in [
        ("secureClientPort=70000\n", "secureClientPort=70000: "),
        (
            "clientPort=1\nsecureClientPortAddress=::1\n",
            "needs secureClientPort",
        ),
        (
            "secureClientPort=1\nssl.trustStore.location=/ca.pem\n",
            "ssl.keyStore.location is missing",
        ),
        (
            "secureClientPort=1\nssl.keyStore.location=/k.pem\n",
            "ssl.trustStore.location is missing: without it no client's certificate can be believed",
        ),
        (
            "secureClientPort=1\nssl.keyStore.location=/k.keys\nssl.clientAuth=none\n",
            "ssl.keyStore.location=/k.keys: ends in neither .pem nor .p12: ssl.keyStore.type has to say",
        ),
        (
            "secureClientPort=1\nssl.keyStore.location=/k.jks\nssl.clientAuth=none\n",
            "ssl.keyStore.location=/k.jks: JKS is not read here",
        ),
    ] {
        let error = read("1", text).expect_err(text).to_string();
        assert!(error.contains(shown), "{error}");
    }
}

#[test]
fn keys_of_tls_without_tls_are_warned_of_and_passwords_are_never_told() {
    let text = "clientPort=1\nssl.keyStore.location=/k.pem\nssl.keyStore.password=secret\n\
                ssl.keyStore.password=hidden\nssl.clientAuth=none\nclient.certReload=true\n";
    let loaded = read("", text).unwrap();
    assert!(loaded.config.tls.is_none());
    let shown: Vec<_> = loaded.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(shown.len(), 5, "{shown:?}");
    assert!(
        shown
            .iter()
            .any(|line| line.contains("zoo.cfg:5: ssl.keyStore.password="))
    );
    for line in &shown {
        assert!(!line.contains("secret") && !line.contains("hidden"), "{line}");
    }
    // A list that nobody is asked for.
    let want = "secureClientPort=1\nssl.keyStore.location=/k.pem\nssl.clientAuth=want\n";
    assert!(
        warnings(want)
            .iter()
            .any(|what| what.contains("clients are asked for nothing"))
    );
}
