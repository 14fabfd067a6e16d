//! Does a server with TLS do what `docs/tls.md` says, and say what it does? Clients are openssl's, Python's and the
//! shell.

use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::process::{Command, Stdio};

use quorate_tests::certificates::{Certificates, secure};
use quorate_tests::{Ensemble, Kind, LONG, command, http, python, wait_until};
use serde_json::{Value, json};

/// A server alone with TLS beside plain text and an admin server; where they are.
fn server(certificates: &Certificates, options: &[(&str, &str)]) -> (Ensemble, SocketAddr, SocketAddr) {
    let mut ensemble = Ensemble::builder("tls", [Kind::Quorate])
        .config("admin.enableServer", "true")
        .build();
    let at = secure(ensemble.member(1), certificates);
    let member = ensemble.member(1);
    member.configure("admin.serverAddress", &at.ip().to_string());
    for (key, value) in options {
        member.configure(key, value);
    }
    ensemble.start_all();
    ensemble.wait_all_serve();
    let admin = SocketAddr::new(at.ip(), 8080);
    (ensemble, at, admin)
}

/// What `openssl s_client` prints, which shows `who` and sends `text`.
fn s_client(certificates: &Certificates, at: SocketAddr, who: &str, text: &str) -> String {
    let mut child = Command::new("openssl")
        .args([
            "s_client",
            "-quiet",
            "-connect",
            &at.to_string(),
            "-CAfile",
            "ca.pem",
        ])
        .args(["-cert", &format!("{who}.crt"), "-key", &format!("{who}.key")])
        .current_dir(certificates.dir())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("openssl runs");
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin.write_all(text.as_bytes()).expect("openssl reads");
    // It ends with what it is sent unless the server ends first.
    let output = child.wait_with_output().expect("openssl ends");
    drop(stdin);
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The serial number of the certificate that the server shows.
fn serial(at: SocketAddr) -> Option<String> {
    let script =
        format!("openssl s_client -connect {at} </dev/null 2>/dev/null | openssl x509 -noout -serial");
    let output = Command::new("bash")
        .args(["-c", &script])
        .output()
        .expect("bash runs");
    output
        .status
        .success()
        .then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

fn shell(certificates: &Certificates, at: SocketAddr, tls: &[&str]) -> Command {
    let mut shell = Command::new(command::binary());
    shell
        .args(["shell", "-s", &at.to_string()])
        .args(tls)
        .current_dir(certificates.dir())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    shell
}

#[test]
fn certificates_are_renewed_while_clients_stay() {
    let certificates = Certificates::new();
    certificates.client("alice");
    let (mut ensemble, at, _) = server(&certificates, &[]);
    let before = serial(at).expect("a certificate");
    let tls = ["--tls-ca", "ca.pem", "--tls-cert", "alice.pem"];
    let mut stays = shell(&certificates, at, &tls).spawn().expect("the shell runs");
    let mut stdin = stays.stdin.take().expect("a pipe");
    let mut lines = BufReader::new(stays.stdout.take().expect("a pipe")).lines();
    let mut ask = |command: &str| {
        writeln!(stdin, "{command}").expect("the shell reads");
        lines.next().expect("an answer").expect("text")
    };
    assert_eq!(ask("create /a b\nget /a"), "b");
    let reads = |count: usize| {
        let log = ensemble.at(1).log();
        (log.matches("certificates were read again").count() >= count).then_some(())
    };
    // As the page has it, by a rename.
    certificates.renew("zk1");
    let after = wait_until(LONG, "the server shows the next certificate", || {
        serial(at).filter(|serial| *serial != before)
    });
    // A file that is no good, in place: the one before stays.
    let good = std::fs::read(certificates.file("zk1.pem")).expect("a file");
    std::fs::write(certificates.file("zk1.pem"), &good[..good.len() / 2]).expect("it is written");
    wait_until(LONG, "the server says that it is no good", || {
        let log = ensemble.at(1).log();
        (log.contains("those before stay in use") && log.contains("zk1.pem: ")).then_some(())
    });
    assert_eq!(serial(at), Some(after));
    // And in place one that is.
    std::fs::write(certificates.file("zk1.pem"), &good).expect("it is written");
    wait_until(LONG, "the files are read again", || reads(2));
    assert_eq!(ask("get /a"), "b", "the connection has lived through it all");
    let (code, said) = {
        let output = shell(&certificates, at, &[&tls[..], &["get", "/a"]].concat())
            .output()
            .expect("the shell runs");
        (output.status.code(), output.stdout)
    };
    assert_eq!((code, &said[..]), (Some(0), &b"b\n"[..]));
    drop(stdin);
    let output = stays.wait_with_output().expect("the shell ends");
    assert_eq!(
        String::from_utf8_lossy(&output.stderr),
        "Created /a\n",
        "it never lost its connection"
    );
    ensemble.stop_all();
}

#[test]
fn who_came_by_tls_and_who_failed_is_told() {
    let certificates = Certificates::new();
    certificates.client("alice");
    let (ensemble, at, admin) = server(&certificates, &[("client.portUnification", "true")]);
    let member = ensemble.at(1);
    let ask = |path: &str| http::get(admin, path).expect("the admin server answers").json();
    let figure = |name: &str| member.mntr()[name].clone();
    assert!(
        member
            .ask("conf")
            .expect("conf")
            .contains(&format!("secureClientPort={}\n", at.port()))
    );
    let tls = [
        "--tls-ca",
        "ca.pem",
        "--tls-cert",
        "alice.crt",
        "--tls-key",
        "alice.key",
    ];
    let begin = |at: SocketAddr, tls: &[&str]| {
        let mut shell = shell(&certificates, at, tls).spawn().expect("the shell runs");
        let mut stdin = shell.stdin.take().expect("a pipe");
        stdin.write_all(b"ls /\n").expect("the shell reads");
        let mut line = String::new();
        let mut out = BufReader::new(shell.stdout.take().expect("a pipe"));
        out.read_line(&mut line).expect("an answer");
        assert_eq!(line, "[zookeeper]\n");
        (shell, stdin)
    };
    let unified = member.client_address();
    let shells = [begin(at, &tls), begin(unified, &tls), begin(unified, &[])];
    let count = |of: &Value| of.as_array().expect("a list").len();
    for path in ["/commands/connections", "/commands/stats"] {
        let told = ask(path);
        let counts = (count(&told["connections"]), count(&told["secure_connections"]));
        assert_eq!(counts, (2, 1), "{told:#}");
    }
    assert_eq!(
        member
            .ask("cons")
            .expect("cons")
            .lines()
            .filter(|line| line.contains("sid="))
            .count(),
        3
    );
    // A word in four letters, by either way on either port.
    for port in [at, unified] {
        assert_eq!(s_client(&certificates, port, "alice", "ruok"), "imok");
    }
    // Plain text on the port of TLS, and nobody's certificate.
    assert_eq!(figure("unsuccessful_handshake"), "0");
    let callers =
        json!([{ "name": "plain", "plain": true }, { "name": "nobody", "ca": certificates.file("ca.pem") }]);
    for told in python::run("tls.py", &[&at.to_string(), &callers.to_string()]) {
        assert_eq!(told["served"], false, "{told}");
    }
    wait_until(LONG, "both are counted", || {
        (figure("unsuccessful_handshake") == "2").then_some(())
    });
    assert_eq!(figure("outstanding_tls_handshake"), "0");
    assert_eq!(figure("auth_failed_count"), "2");
    let log = member.log();
    for why in ["InvalidContentType", "peer sent no certificates"] {
        assert!(log.contains(why), "{log}");
    }
    for (mut shell, stdin) in shells {
        drop(stdin);
        assert!(shell.wait().expect("the shell ends").success());
    }
}

#[test]
fn the_shell_says_why_it_is_not_let_in_or_will_not_go() {
    let certificates = Certificates::new();
    certificates.client("alice");
    certificates.run(
        "openssl req -x509 -newkey rsa:2048 -noenc -subj /CN=other -keyout other.key -out other.crt
        openssl pkcs8 -topk8 -in alice.key -passout pass:secret -out alice.key8; printf secret > word",
    );
    let (ensemble, at, _) = server(&certificates, &[]);
    let plain = ensemble.at(1).client_address();
    let run = |at: SocketAddr, options: &[&str]| {
        let output = shell(&certificates, at, &[options, &["ls", "/"]].concat())
            .output()
            .expect("the shell runs");
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        (output.status.code(), text(output.stdout), text(output.stderr))
    };
    let served = (Some(0), "[zookeeper]\n".to_owned(), String::new());
    let ca = ["--tls-ca", "ca.pem"];
    let with = |more: &[&'static str]| [&ca[..], more].concat();
    assert_eq!(run(at, &with(&["--tls-cert", "alice.pem"])), served);
    let encrypted = [
        "--tls-cert",
        "alice.crt",
        "--tls-key",
        "alice.key8",
        "--tls-key-password-file",
        "word",
    ];
    assert_eq!(run(at, &with(&encrypted)), served);
    let named = with(&["--tls-cert", "alice.pem", "--tls-server-name", "localhost"]);
    assert_eq!(run(at, &named), served);
    for (at, options, code, why) in [
        (at, with(&[]), 1, "CertificateRequired"),
        (
            at,
            with(&["--tls-cert", "other.crt", "--tls-key", "other.key"]),
            1,
            "received fatal alert",
        ),
        (
            at,
            vec!["--tls-ca", "other.crt", "--tls-cert", "alice.pem"],
            1,
            "invalid peer certificate",
        ),
        (
            at,
            with(&["--tls-cert", "alice.pem", "--tls-server-name", "other"]),
            1,
            "not valid for name",
        ),
        (at, vec![], 1, "it speaks TLS"),
        (
            plain,
            with(&["--tls-cert", "alice.pem"]),
            1,
            "it may speak no TLS",
        ),
        (
            at,
            with(&["--tls-cert", "alice.crt"]),
            2,
            "alice.crt: there is no private key in it",
        ),
        (
            at,
            with(&["--tls-cert", "alice.crt", "--tls-key", "other.key"]),
            2,
            "certificate and key cannot be used",
        ),
        (
            at,
            with(&["--tls-cert", "alice.crt", "--tls-key", "alice.key8"]),
            2,
            "alice.key8: the private key cannot",
        ),
        (at, vec!["--tls-ca", "none.pem"], 2, "none.pem: cannot be read"),
        (
            at,
            vec!["--tls-ca", "alice.key"],
            2,
            "alice.key: there is no certificate in it",
        ),
        (
            at,
            with(&["--tls-server-name", "a b"]),
            2,
            "neither the name of a host nor an address",
        ),
        (at, vec!["--tls-cert", "alice.pem"], 2, "--tls-ca"),
    ] {
        let (found, out, said) = run(at, &options);
        assert_eq!((found, out.as_str()), (Some(code), ""), "{options:?}: {said}");
        assert!(said.contains(why), "{options:?}: {said}");
    }
}

#[test]
fn a_server_takes_stores_as_openssl_and_keytool_make_them() {
    let certificates = Certificates::new();
    certificates.client("alice");
    certificates.stores("alice");
    // The server's own key pair, as Java's tools make one, certified by the authority and put back.
    certificates.run(
        "pass=$(cat password)
        keytool -genkeypair -alias zk -keyalg EC -groupname secp256r1 -dname 'CN=zk, O=Example' \
            -keystore zk.p12 -storetype PKCS12 -storepass \"$pass\"
        keytool -certreq -alias zk -keystore zk.p12 -storepass \"$pass\" -file zk.csr
        printf 'subjectAltName=DNS:localhost' > names
        openssl x509 -req -in zk.csr -CA ca.pem -CAkey ca.key -days 365 -extfile names -out zk.crt
        keytool -importcert -noprompt -alias ca -keystore zk.p12 -storepass \"$pass\" -file ca.pem
        keytool -importcert -noprompt -alias zk -keystore zk.p12 -storepass \"$pass\" -file zk.crt",
    );
    let file = |name: &str| certificates.file(name).display().to_string();
    let password = file("password");
    let options = [
        ("ssl.keyStore.location", &file("zk.p12")[..]),
        ("ssl.keyStore.passwordPath", &password),
        ("ssl.trustStore.location", &file("trust.p12")),
        ("ssl.trustStore.passwordPath", &password),
    ];
    let (_ensemble, at, _) = server(&certificates, &options);
    let tls = [
        "--tls-ca",
        "ca.pem",
        "--tls-cert",
        "alice.pem",
        "--tls-server-name",
        "localhost",
    ];
    let output = shell(&certificates, at, &[&tls[..], &["whoami"]].concat())
        .output()
        .expect("the shell runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("x509: CN=alice,O=Example"), "{output:?}");
}

#[test]
fn the_doctor_looks_at_certificates() {
    let certificates = Certificates::new();
    let mut ensemble = Ensemble::builder("tls", [Kind::Quorate]).build();
    secure(ensemble.member(1), &certificates);
    let config = ensemble.at(1).write_config();
    let tls = || -> Vec<(String, String)> {
        let ran = command::quorate(&["doctor", "--json", &config.display().to_string()]);
        let told: Value =
            serde_json::from_str(&ran.out).unwrap_or_else(|why| panic!("{why}: {}{}", ran.out, ran.err));
        let all = told["checks"].as_array().expect("a list").iter();
        let text = |value: &Value| value.as_str().expect("text").to_owned();
        all.filter(|one| one["check"] == "tls")
            .map(|one| (text(&one["status"]), text(&one["what"])))
            .collect()
    };
    let found = tls();
    assert_eq!(found.len(), 1, "{found:?}");
    let ip = ensemble.at(1).client_address().ip();
    assert_eq!(found[0].0, "ok");
    assert!(
        found[0].1.contains(&format!(
            "zk1.pem: CN=zk1.example.com,O=Example, for localhost, {ip}, until 20"
        )),
        "{found:?}"
    );
    for (commands, status, what) in [
        (
            "openssl x509 -req -in zk1.csr -CA ca.pem -CAkey ca.key -days 10 -copy_extensions copy -out zk1.crt
            cat zk1.key zk1.crt > zk1.pem",
            "warning",
            "zk1.pem: CN=zk1.example.com,O=Example ends on 20",
        ),
        (
            "openssl x509 -req -in zk1.csr -CA ca.pem -CAkey ca.key -days -1 -copy_extensions copy -out zk1.crt
            cat zk1.key zk1.crt > zk1.pem",
            "warning",
            "has ended on 20",
        ),
        (
            "openssl req -x509 -newkey rsa:2048 -noenc -days 300 -subj /CN=other -addext basicConstraints=CA:FALSE \
                -keyout other.key -out other.crt
            cat other.key other.crt > zk1.pem",
            "warning",
            "nobody in the trust store vouches for it: invalid peer certificate: UnknownIssuer",
        ),
        ("chmod 644 zk1.pem", "warning", "every user of this machine may read it"),
        ("cat zk1.key other.crt > zk1.pem", "fail", "zk1.pem: "),
        ("rm zk1.pem", "fail", "zk1.pem: cannot be read"),
    ] {
        certificates.run(commands);
        let found = tls();
        let is_told = |(is, says): &(String, String)| is == status && says.contains(what);
        assert!(found.iter().any(is_told), "{commands}: {found:?}");
    }
}
