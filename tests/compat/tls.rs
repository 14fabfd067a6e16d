//! Do clients that we did not write see the same of our TLS as of Apache's? The same certificates on both kinds of
//! server; the commands that made them are those of `docs/tls.md`.

use std::net::SocketAddr;

use quorate_tests::certificates::{Certificates, secure};
use quorate_tests::{Ensemble, Kind, LONG, apache, command, python, wait_until};
use serde_json::{Value, json};

use crate::common::{one_of_apaches, stop_and_audit};

/// A server alone that speaks TLS, and where.
fn alone(kind: Kind, certificates: &Certificates, options: &[(&str, &str)]) -> (Ensemble, SocketAddr) {
    let mut ensemble = Ensemble::builder("tls", vec![kind]).build();
    let at = secure(ensemble.member(1), certificates);
    for (key, value) in options {
        ensemble.member(1).configure(key, value);
    }
    ensemble.start_all();
    ensemble.wait_all_serve();
    (ensemble, at)
}

/// What became of each caller: its name, and who it is to the server if it is let in.
fn called(at: SocketAddr, callers: &[Value]) -> Vec<(String, Option<Vec<String>>)> {
    let callers = Value::from(callers.to_vec()).to_string();
    let told = python::run("tls.py", &[&at.to_string(), &callers]);
    let of = |line: &Value| {
        let mut ids: Vec<String> = serde_json::from_value(line["ids"].clone()).unwrap_or_default();
        ids.sort();
        let name = line["name"].as_str().expect("a name").to_owned();
        (name, (line["served"] == true).then_some(ids))
    };
    told.iter().map(of).collect()
}

/// A caller that shows `<name>.crt`.
fn caller(certificates: &Certificates, name: &str) -> Value {
    json!({
        "name": name,
        "ca": certificates.file("ca.pem"),
        "cert": certificates.file(&format!("{name}.crt")),
        "key": certificates.file(&format!("{name}.key")),
    })
}

/// Subjects that are written in one way alone.
const SUBJECTS: [(&str, &str); 16] = [
    ("comma", "/O=A, B/CN=x"),
    ("quote", "/O=say \"hi\"/CN=x"),
    ("plus", "/O=a\\+b/CN=x;y<z>"),
    ("hash", "/O=#1/CN=a#b"),
    ("space", "/O= lead and trail /CN=x  y"),
    ("utf", "/O=Zürich/CN=žluťoučký"),
    ("email", "/CN=x/emailAddress=x@example.com"),
    ("uid", "/DC=com/DC=example/UID=jd/CN=John Doe"),
    ("multi", "/O=x/OU=a+CN=b"),
    ("geo", "/C=DE/ST=Berlin/L=Berlin/street=Hauptstr. 1/O=x/CN=y"),
    ("serial", "/CN=x/serialNumber=12/title=Dr/GN=A/SN=B"),
    ("equals", "/CN=a=b\\\\c"),
    ("dnq", "/CN=x/dnQualifier=q/initials=I/pseudonym=p"),
    (
        "business",
        "/businessCategory=Private/jurisdictionC=US/postalCode=1234/CN=x",
    ),
    ("ou", "/O=X/OU=one/OU=two/CN=c/CN=d"),
    ("case", "/CN=MiXed Case/O=ÄÖ"),
];

/// Callers, and the files that they show.
fn callers(certificates: &Certificates) -> Vec<Value> {
    const CLIENT: &str = "-addext extendedKeyUsage=clientAuth";
    for (name, subject) in SUBJECTS {
        certificates.subject(name, subject, CLIENT);
    }
    certificates.client("alice");
    certificates.subject("empty", "/", CLIENT);
    certificates.subject("serveronly", "/CN=x", "-addext extendedKeyUsage=serverAuth");
    certificates.subject("keyusage", "/CN=x", "-addext keyUsage=keyEncipherment");
    certificates.subject(
        "critical",
        "/CN=x",
        "-addext 1.2.3.4.5=critical,ASN1:UTF8String:x",
    );
    certificates.run(
        "openssl x509 -req -in alice.csr -CA ca.pem -CAkey ca.key -days -1 -copy_extensions copy -out late.crt
        cp alice.key late.key
        openssl req -x509 -newkey rsa:2048 -noenc -subj /CN=alice -keyout self.key -out self.crt
        openssl req -x509 -newkey rsa:2048 -noenc -subj '/O=Example/CN=Example CA' -keyout other.key -out other.crt
        openssl x509 -req -in alice.csr -CA other.crt -CAkey other.key -days 365 -copy_extensions copy -out stranger.crt
        cp alice.key stranger.key
        openssl req -new -newkey rsa:2048 -noenc -subj /CN=between -addext basicConstraints=critical,CA:TRUE \
            -keyout between.key -out between.csr
        openssl x509 -req -in between.csr -CA ca.pem -CAkey ca.key -days 365 -copy_extensions copy -out between.crt
        openssl x509 -req -in alice.csr -CA between.crt -CAkey between.key -days 365 -copy_extensions copy -out apart.crt
        cat apart.crt between.crt > chained.crt
        cp alice.key apart.key
        cp alice.key chained.key
        for kind in rsa:2048 ed25519 'ec -pkeyopt ec_paramgen_curve:P-384'; do
            name=${kind%%:*}; name=${name%% *}
            openssl req -new -newkey $kind -noenc -subj /CN=$name -addext extendedKeyUsage=clientAuth \
                -keyout key-$name.key -out key-$name.csr
            openssl x509 -req -in key-$name.csr -CA ca.pem -CAkey ca.key -days 365 -copy_extensions copy \
                -out key-$name.crt
        done",
    );
    let shown = [
        "alice",
        "empty",
        "serveronly",
        "keyusage",
        "critical",
        "late",
        "self",
        "stranger",
        "apart",
        "chained",
        "key-rsa",
        "key-ed25519",
        "key-ec",
    ];
    let names = SUBJECTS.iter().map(|(name, _)| *name).chain(shown);
    let mut callers: Vec<_> = names.map(|name| caller(certificates, name)).collect();
    let ca = certificates.file("ca.pem");
    callers.push(json!({ "name": "nobody", "ca": ca }));
    callers.push(json!({ "name": "plain", "plain": true }));
    callers.push(json!({ "name": "by its name", "ca": ca, "server_name": "localhost" }));
    let mut asking = caller(certificates, "alice");
    asking["name"] = "asks for another".into();
    asking["sni"] = "unknown.example".into();
    callers.push(asking);
    for (name, version) in [("1.2", "TLSv1_2"), ("1.1", "TLSv1_1")] {
        let mut old = caller(certificates, "alice");
        old["name"] = name.into();
        old["versions"] = json!([version, version]);
        callers.push(old);
    }
    callers
}

#[test]
fn the_same_clients_are_let_in_and_known_by_the_same_names() {
    let certificates = Certificates::new();
    let callers = callers(&certificates);
    let versions = ("ssl.enabledProtocols", "TLSv1.2,TLSv1.3");
    let superuser = ("X509AuthenticationProvider.superUser", "CN=alice,O=Example");
    for (auth, options) in [
        ("need", vec![superuser]),
        ("want", vec![versions]),
        ("none", vec![versions]),
    ] {
        let options = [vec![("ssl.clientAuth", auth)], options].concat();
        let [ours, apaches] = [Kind::Quorate, Kind::Apache].map(|kind| {
            let (ensemble, at) = alone(kind, &certificates, &options);
            let told = called(at, &callers);
            ensemble.at(1).assert_alive();
            told
        });
        assert_eq!(ours, apaches, "ssl.clientAuth={auth}");
        // Not the same by both refusing all, or letting everybody in.
        let served = |name: &str| {
            ours.iter()
                .find(|(other, _)| other == name)
                .and_then(|(_, ids)| ids.clone())
        };
        let alice = match auth {
            "need" => vec!["ip", "super:", "x509:CN=alice,O=Example"],
            "want" => vec!["ip", "x509:CN=alice,O=Example"],
            _ => vec!["ip"],
        };
        assert_eq!(
            served("alice"),
            Some(alice.into_iter().map(str::to_owned).collect())
        );
        assert_eq!(served("nobody").is_some(), auth != "need");
        assert_eq!(served("stranger").is_some(), auth == "none");
        assert_eq!(served("1.2").is_some(), auth != "need");
        assert_eq!(served("1.1"), None);
        assert_eq!(served("plain"), None);
    }
}

/// System properties of Java's client, by files in PEM.
fn in_pem(certificates: &Certificates, name: &str) -> Vec<(&'static str, String)> {
    let file = |name: &str| certificates.file(name).display().to_string();
    vec![
        ("zookeeper.client.secure", "true".to_owned()),
        (
            "zookeeper.clientCnxnSocket",
            "org.apache.zookeeper.ClientCnxnSocketNetty".to_owned(),
        ),
        ("zookeeper.ssl.keyStore.location", file(&format!("{name}.pem"))),
        ("zookeeper.ssl.trustStore.location", file("ca.pem")),
    ]
}

/// The same by stores.
fn in_stores(certificates: &Certificates, name: &str) -> Vec<(&'static str, String)> {
    let password = certificates.stores(name);
    let file = |name: &str| certificates.file(name).display().to_string();
    let mut properties = in_pem(certificates, name);
    properties[2].1 = file(&format!("{name}.p12"));
    properties[3].1 = file("trust.p12");
    properties.push(("zookeeper.ssl.keyStore.password", password.clone()));
    properties.push(("zookeeper.ssl.trustStore.password", password));
    properties
}

#[test]
fn kazoo_and_zkcli_and_our_shell_are_served_by_all_servers_of_a_mixed_ensemble() {
    let certificates = Certificates::new();
    let mut ensemble = Ensemble::builder("tls", one_of_apaches())
        .config("X509AuthenticationProvider.superUser", "CN=root,O=Example")
        .build();
    let secure_at: Vec<_> = ensemble
        .members_mut()
        .iter_mut()
        .map(|member| secure(member, &certificates))
        .collect();
    for name in ["alice", "bob", "root"] {
        certificates.client(name);
    }
    ensemble.start_all();
    ensemble.wait_all_serve();
    let file = |name: &str| certificates.file(name).display().to_string();
    for (at, round) in secure_at.iter().zip(1..) {
        let tls = json!({
            "use_ssl": true,
            "verify_certs": true,
            "ca": file("ca.pem"),
            "certfile": file("alice.crt"),
            "keyfile": file("alice.key"),
        });
        let path = format!("/kazoo-{round}");
        let steps = python::run("crud.py", &[&at.to_string(), &path, &tls.to_string()]);
        assert_eq!(steps.last().expect("steps")["step"], "gone", "{steps:#?}");
    }
    // By our shell, what alice alone may read; the same answers at every server.
    let shell = |at: SocketAddr, who: &str, words: &[&str]| {
        let at = at.to_string();
        let (ca, cert) = (file("ca.pem"), file(&format!("{who}.crt")));
        let key = file(&format!("{who}.key"));
        let tls = [
            "shell",
            "-s",
            &at,
            "--wait",
            "--tls-ca",
            &ca,
            "--tls-cert",
            &cert,
            "--tls-key",
            &key,
        ];
        let ran = command::quorate(&[&tls, words].concat());
        (ran.code, ran.out + &ran.err)
    };
    let acl = "x509:CN=alice,O=Example:cdrwa";
    let (code, said) = shell(secure_at[0], "alice", &["create", "/private", "secret", acl]);
    assert_eq!(code, Some(0), "{said}");
    for at in &secure_at {
        wait_until(LONG, "alice reads what is hers", || {
            (shell(*at, "alice", &["get", "/private"]) == (Some(0), "secret\n".to_owned())).then_some(())
        });
        let (code, said) = shell(*at, "bob", &["get", "/private"]);
        assert!(
            code == Some(1) && said.contains("Insufficient permission"),
            "{said}"
        );
        let (code, said) = shell(*at, "root", &["get", "/private"]);
        assert_eq!((code, said.as_str()), (Some(0), "secret\n"));
        let (_, said) = shell(*at, "alice", &["whoami"]);
        assert!(said.contains("x509: CN=alice,O=Example"), "{said}");
    }
    // By Java's client, of PEM and of stores: what a server of either kind answers is the same.
    for properties in [in_pem(&certificates, "alice"), in_stores(&certificates, "alice")] {
        let [ours, apaches] = [secure_at[0], secure_at[2]].map(|at| {
            let zkcli = |words: &[&str]| apache::zkcli(ensemble.dir(), &at.to_string(), &properties, words);
            [zkcli(&["getAcl", "/private"]), zkcli(&["whoami"])]
        });
        assert_eq!(ours[0], apaches[0]);
        assert_eq!(
            shell(secure_at[0], "alice", &["getAcl", "/private"]).1,
            format!("{}\n", ours[0])
        );
        assert_eq!(ours[0], "'x509,'CN=alice%2CO=Example\n: cdrwa");
        for said in [&ours[1], &apaches[1]] {
            assert!(said.contains("x509: CN=alice,O=Example"), "{said}");
        }
    }
    stop_and_audit(ensemble);
}
