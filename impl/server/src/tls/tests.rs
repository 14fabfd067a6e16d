//! Files as openssl makes them. What TLS does with them is tested over sockets, in `client/tests/tls.rs`.

use super::*;
use crate::config::StoreKind;
use rustls::pki_types::PrivateKeyDer;
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

/// An RSA key and an EC key with a certificate each, and what else the commands make.
fn made(commands: &str) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let script = format!(
        "openssl req -x509 -newkey rsa:2048 -noenc -subj /CN=rsa -days 365 -keyout rsa.key -out rsa.crt\n\
         openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -subj /CN=ec -days 365 \
         -keyout ec.key -out ec.crt\n{commands}"
    );
    let output = Command::new("bash")
        .args(["-euc", &script])
        .current_dir(dir.path())
        .output()
        .expect("bash runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    dir
}

fn store(dir: &Path, name: &str, kind: StoreKind, password: &str) -> StoreFile {
    StoreFile {
        path: dir.join(name),
        kind,
        password: Password::Given(password.into()),
    }
}

/// Whether the certificate in `<name>.crt` is the first of these, and the key its own.
fn are_of(dir: &Path, name: &str, keys: Keys) -> bool {
    let own = StoreFile {
        path: dir.join(format!("{name}.crt")),
        kind: StoreKind::Pem,
        password: Password::Given(String::new()),
    };
    let first = stores::believed(&own).unwrap().remove(0);
    let signer = |key: &PrivateKeyDer<'static>| rustls::crypto::ring::sign::any_supported_type(key);
    let (certificates, key) = keys;
    let certified = rustls::sign::CertifiedKey::new(certificates.clone(), signer(&key).unwrap());
    certificates[0] == first && certified.keys_match().is_ok()
}

#[test]
fn keys_in_pem_are_read_as_openssl_writes_them() {
    let dir = made(
        "for name in rsa ec; do
            cat $name.key $name.crt > $name.pem
            cat $name.crt $name.key > $name-last.pem
            openssl pkcs8 -topk8 -in $name.key -passout pass:secret -out $name.key8
            cat $name.key8 $name.crt > $name-encrypted.pem
            openssl pkcs8 -topk8 -v2 aes-128-cbc -v2prf hmacWithSHA512 -iter 5000 -in $name.key \
                -passout pass:secret -out $name.key8
            cat $name.crt $name.key8 > $name-sha512.pem
            openssl pkcs8 -topk8 -scrypt -in $name.key -passout pass:secret -out $name.key8
            cat $name.crt $name.key8 > $name-scrypt.pem
            openssl pkey -in $name.key -traditional -out $name.old
            cat $name.old $name.crt > $name-traditional.pem
        done
        openssl ecparam -name prime256v1 -out parameters
        cat parameters ec.old ec.crt > ec-parameters.pem",
    );
    for name in ["rsa", "ec"] {
        for (how, password) in [
            ("", ""),
            ("-last", ""),
            ("-traditional", ""),
            ("-encrypted", "secret"),
            ("-sha512", "secret"),
            ("-scrypt", "secret"),
        ] {
            let file = store(dir.path(), &format!("{name}{how}.pem"), StoreKind::Pem, password);
            let found = keys(&file).unwrap_or_else(|error| panic!("{error}"));
            assert!(are_of(dir.path(), name, found), "{name}{how}");
        }
    }
    let found = keys(&store(dir.path(), "ec-parameters.pem", StoreKind::Pem, "")).unwrap();
    assert!(are_of(dir.path(), "ec", found));
    // The shell's way: a file each.
    let at = |name| dir.path().join(name);
    let none = Password::Given(String::new());
    let found = keys_of_files(&at("rsa.crt"), Some(&at("rsa.key")), &none).unwrap();
    assert!(are_of(dir.path(), "rsa", found));
    let found = keys_of_files(&at("rsa.pem"), Some(&at("ec.key")), &none).unwrap();
    assert!(!are_of(dir.path(), "rsa", found), "the key that was asked for");
}

#[test]
fn keys_in_pkcs12_are_read_as_openssl_and_keytool_write_them() {
    let dir = made(
        "for name in rsa ec; do
            openssl pkcs12 -export -in $name.crt -inkey $name.key -passout pass:secret -out $name.p12
            openssl pkcs12 -export -legacy -in $name.crt -inkey $name.key -passout pass:secret -out $name-legacy.p12
            openssl pkcs12 -export -in $name.crt -inkey $name.key -passout pass: -out $name-open.p12
            cat $name.crt $name.key > $name.pem
        done
        openssl pkcs12 -export -nokeys -in rsa.crt -passout pass:secret -out trust.p12",
    );
    for name in ["rsa", "ec"] {
        for (how, password) in [("", "secret"), ("-legacy", "secret"), ("-open", "")] {
            let file = store(
                dir.path(),
                &format!("{name}{how}.p12"),
                StoreKind::Pkcs12,
                password,
            );
            let found = keys(&file).unwrap_or_else(|error| panic!("{error}"));
            assert!(are_of(dir.path(), name, found), "{name}{how}");
        }
    }
    let trust = store(dir.path(), "trust.p12", StoreKind::Pkcs12, "secret");
    let unmarked = roots(&trust).unwrap_err().to_string();
    assert!(
        unmarked.contains("trust.p12: ") && unmarked.contains("marked as trusted"),
        "{unmarked}"
    );
    let without = keys(&trust).unwrap_err().to_string();
    assert!(
        without.ends_with("trust.p12: there is no private key in it"),
        "{without}"
    );
}

#[test]
fn keys_without_their_public_half_are_read_as_java_writes_them() {
    let made = made(
        "for curve in secp256r1 secp384r1; do
            keytool -genkeypair -alias zk -keyalg EC -groupname $curve -dname CN=$curve -keystore $curve.p12 \
                -storetype PKCS12 -storepass secret
            openssl pkcs12 -in $curve.p12 -passin pass:secret -nodes -nocerts -out $curve.key
            openssl pkcs12 -in $curve.p12 -passin pass:secret -nokeys -out $curve.crt
        done",
    );
    let dir = made.path();
    for name in ["secp256r1", "secp384r1"] {
        let found = keys(&store(dir, &format!("{name}.p12"), StoreKind::Pkcs12, "secret")).unwrap();
        assert!(are_of(dir, name, found), "{name}");
    }
}

#[test]
fn what_does_not_open_is_told_by_file_and_reason_and_no_byte_of_it_panics() {
    let dir = made(
        "openssl pkcs12 -export -in ec.crt -inkey ec.key -passout pass:secret -out ec.p12
        openssl pkcs8 -topk8 -in ec.key -passout pass:secret -out ec.key8
        cat ec.key8 ec.crt > encrypted.pem
        openssl rsa -aes256 -traditional -in rsa.key -passout pass:secret -out old.key
        cat old.key rsa.crt > old.pem
        openssl pkcs8 -topk8 -v1 PBE-MD5-DES -provider default -provider legacy -in ec.key -passout pass:secret \
            -out pbes1.key
        cat pbes1.key ec.crt > pbes1.pem
        cat rsa.key ec.crt > other.pem
        printf secret > word
        printf 'wrong\\n' > wrong",
    );
    let told = |name: &str, kind: StoreKind, password: &str| {
        let error = keys(&store(dir.path(), name, kind, password)).err();
        error.map(|error| error.to_string()).unwrap_or_default()
    };
    for (name, kind, password, what) in [
        (
            "ec.p12",
            StoreKind::Pkcs12,
            "wrong",
            "is no PKCS12 that this password opens",
        ),
        (
            "ec.p12",
            StoreKind::Pem,
            "secret",
            "there is no certificate in it",
        ),
        (
            "encrypted.pem",
            StoreKind::Pem,
            "wrong",
            "the private key cannot be decrypted",
        ),
        (
            "encrypted.pem",
            StoreKind::Pem,
            "",
            "the private key cannot be decrypted",
        ),
        ("old.pem", StoreKind::Pem, "secret", "openssl pkcs8 -topk8"),
        (
            "pbes1.pem",
            StoreKind::Pem,
            "secret",
            "the private key cannot be decrypted",
        ),
        ("rsa.crt", StoreKind::Pem, "", "there is no private key in it"),
        ("rsa.key", StoreKind::Pem, "", "there is no certificate in it"),
        ("nothing.pem", StoreKind::Pem, "", "cannot be read: No such file"),
    ] {
        let told = told(name, kind, password);
        assert!(
            told.contains(&format!("{name}: ")) && told.contains(what),
            "{name}: {told}"
        );
    }
    // A password in a file: its last newline does not count, and it has to be there.
    let in_file = |file: &str| {
        keys(&StoreFile {
            password: Password::InFile(dir.path().join(file)),
            ..store(dir.path(), "ec.p12", StoreKind::Pkcs12, "")
        })
    };
    assert!(in_file("word").is_ok());
    assert!(in_file("wrong").unwrap_err().to_string().contains("ec.p12: "));
    assert!(
        in_file("none")
            .unwrap_err()
            .to_string()
            .contains("none: cannot be read")
    );
    // Damage, anywhere: an error, or a byte that means nothing.
    let whole = std::fs::read(dir.path().join("ec.p12")).unwrap();
    let damaged = store(dir.path(), "damaged.p12", StoreKind::Pkcs12, "secret");
    let mut refused = 0;
    for at in (0..whole.len()).step_by(7) {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x55;
        std::fs::write(&damaged.path, &bytes).unwrap();
        refused += usize::from(keys(&damaged).is_err());
        std::fs::write(&damaged.path, &whole[..at]).unwrap();
        assert!(keys(&damaged).is_err(), "cut at {at}");
    }
    assert!(refused > whole.len() / 7 / 2, "{refused}");
    // A key that is another certificate's keeps the server from starting.
    let tls = Tls {
        key_store: store(dir.path(), "other.pem", StoreKind::Pem, ""),
        trust_store: None,
        client_auth: ClientAuth::None,
        versions: vec![TlsVersion::V1_3],
        suites: None,
        verify_client_host: false,
        reload: false,
        super_user: None,
        handshakes_max: None,
    };
    let told = server_config(&tls).unwrap_err().to_string();
    assert!(told.contains("other.pem: ") && told.contains("key"), "{told}");
}

/// Files of keys in a directory, and a port's acceptor that looks at them.
fn reloading(dir: &Path) -> Tls {
    Tls {
        key_store: StoreFile {
            password: Password::InFile(dir.join("word")),
            ..store(dir, "zk.pem", StoreKind::Pem, "")
        },
        trust_store: Some(store(dir, "trust.pem", StoreKind::Pem, "")),
        client_auth: ClientAuth::Need,
        versions: vec![TlsVersion::V1_3],
        suites: None,
        verify_client_host: false,
        reload: true,
        super_user: None,
        handshakes_max: None,
    }
}

#[tokio::test(start_paused = true)]
async fn files_that_change_are_read_again_and_what_is_no_good_changes_nothing() {
    let dir = made(
        "cat ec.key ec.crt > zk.pem
        cp rsa.crt trust.pem
        printf secret > word
        openssl pkcs8 -topk8 -in rsa.key -passout pass:other -out rsa.key8
        cat rsa.key8 rsa.crt > rsa-encrypted.pem",
    );
    let at = |name: &str| dir.path().join(name);
    let acceptor = Acceptor::new(&reloading(dir.path()), Handshakes::default()).unwrap();
    let mut current = acceptor.current.clone();
    current.mark_unchanged();
    // The clock stands while files are read.
    let looks = async || tokio::time::sleep(LOOK_EVERY * 3).await;
    looks().await;
    assert!(!current.has_changed().unwrap(), "nothing has changed");
    // In place.
    let rsa =
        std::fs::read_to_string(at("rsa.key")).unwrap() + &std::fs::read_to_string(at("rsa.crt")).unwrap();
    std::fs::write(at("zk.pem"), &rsa).unwrap();
    current.changed().await.unwrap();
    // Half a file, none, and a key that is another's: what was read last stays.
    let ec_key = std::fs::read_to_string(at("ec.key")).unwrap();
    let other = ec_key + &std::fs::read_to_string(at("rsa.crt")).unwrap();
    for bad in [&rsa[..rsa.len() / 2], "", &other] {
        std::fs::write(at("zk.pem"), bad).unwrap();
        looks().await;
        assert!(!current.has_changed().unwrap(), "{bad}");
    }
    std::fs::remove_file(at("zk.pem")).unwrap();
    looks().await;
    assert!(!current.has_changed().unwrap());
    // By a file that was there before and has the same length and age, renamed.
    std::fs::write(at("next.pem"), &rsa).unwrap();
    std::fs::rename(at("next.pem"), at("zk.pem")).unwrap();
    current.changed().await.unwrap();
    // A key with another password: the password's file may come later.
    std::fs::rename(at("rsa-encrypted.pem"), at("zk.pem")).unwrap();
    looks().await;
    assert!(!current.has_changed().unwrap());
    std::fs::write(at("word"), "other").unwrap();
    current.changed().await.unwrap();
    // Those who are believed.
    std::fs::copy(at("ec.crt"), at("trust.pem")).unwrap();
    current.changed().await.unwrap();
    // Nobody looks for a port that is closed.
    drop(acceptor);
}

#[tokio::test(start_paused = true)]
async fn files_are_left_alone_unless_they_may_be_replaced() {
    let dir = made("cat ec.key ec.crt > zk.pem; cp rsa.crt trust.pem; printf secret > word");
    let tls = Tls {
        reload: false,
        ..reloading(dir.path())
    };
    let acceptor = Acceptor::new(&tls, Handshakes::default()).unwrap();
    std::fs::write(dir.path().join("zk.pem"), "no key").unwrap();
    tokio::time::sleep(LOOK_EVERY * 3).await;
    // Nobody is there who could change it.
    assert!(acceptor.current.has_changed().is_err());
}
