//! Real sockets and certificates made on the spot; the client is rustls.

use super::*;
use crate::config::{ClientAuth, Password, StoreFile, StoreKind, Tls, TlsVersion};
use crate::service::Proved;
use crate::tls::Handshakes;
use quorate_wire::quorum::Id;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::path::PathBuf;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// A certificate authority, in a directory of its own.
struct Authority {
    dir: tempfile::TempDir,
    issuer: Issuer<'static, KeyPair>,
}

/// PEM of certificates and their key.
struct Party {
    certificate: String,
    key: String,
}

fn params(name: &str, days: i64) -> CertificateParams {
    let mut params = CertificateParams::new(vec!["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
    params
        .distinguished_name
        .push(DnType::OrganizationName, "quorate, tests");
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = rcgen::date_time_ymd(2000, 1, 1);
    params.not_after = rcgen::date_time_ymd(if days < 0 { 2001 } else { 4000 }, 1, 1);
    params
}

impl Authority {
    fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut own = params("authority", 1);
        own.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = own.self_signed(&key).unwrap();
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("trust.pem"), certificate.pem()).unwrap();
        Self {
            dir,
            issuer: Issuer::new(own, key),
        }
    }

    fn party(&self, name: &str, days: i64) -> Party {
        self.signed(params(name, days))
    }

    /// One that is at these hosts and addresses.
    fn party_at(&self, name: &str, hosts: &[&str]) -> Party {
        let hosts = hosts.iter().map(|host| (*host).to_owned()).collect::<Vec<_>>();
        let mut own = params(name, 1);
        own.subject_alt_names = CertificateParams::new(hosts).unwrap().subject_alt_names;
        self.signed(own)
    }

    fn signed(&self, own: CertificateParams) -> Party {
        let key = KeyPair::generate().unwrap();
        let certificate = own.signed_by(&key, &self.issuer).unwrap();
        Party {
            certificate: certificate.pem(),
            key: key.serialize_pem(),
        }
    }

    /// An authority that this one vouches for, with its certificate.
    fn below(&self) -> (Issuer<'static, KeyPair>, String) {
        let key = KeyPair::generate().unwrap();
        let mut own = params("between", 1);
        own.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = own.signed_by(&key, &self.issuer).unwrap().pem();
        (Issuer::new(own, key), certificate)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// What the server is configured with.
    fn tls(&self, client_auth: ClientAuth) -> Tls {
        let server = self.party("server", 1);
        std::fs::write(self.file("key.pem"), server.key + &server.certificate).unwrap();
        let store = |name| StoreFile {
            path: self.file(name),
            kind: StoreKind::Pem,
            password: Password::Given(String::new()),
        };
        Tls {
            key_store: store("key.pem"),
            trust_store: Some(store("trust.pem")),
            client_auth,
            versions: vec![TlsVersion::V1_2, TlsVersion::V1_3],
            suites: None,
            verify_client_host: false,
            reload: false,
            super_user: None,
            handshakes_max: None,
        }
    }

    /// A client that believes this authority, and says who it is if it is anybody.
    fn connector(
        &self,
        party: Option<&Party>,
        version: &'static rustls::SupportedProtocolVersion,
    ) -> TlsConnector {
        let mut roots = RootCertStore::empty();
        roots
            .add(CertificateDer::from_pem_file(self.file("trust.pem")).unwrap())
            .unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[version])
            .unwrap()
            .with_root_certificates(roots);
        let config = match party {
            None => builder.with_no_client_auth(),
            Some(party) => {
                let chain = CertificateDer::pem_slice_iter(party.certificate.as_bytes());
                let chain = chain.collect::<Result<_, _>>().unwrap();
                let key = PrivateKeyDer::from_pem_slice(party.key.as_bytes()).unwrap();
                builder.with_client_auth_cert(chain, key).unwrap()
            }
        };
        TlsConnector::from(Arc::new(config))
    }
}

const V1_3: &rustls::SupportedProtocolVersion = &rustls::version::TLS13;

async fn port(tls: &Tls, unified: bool) -> (SocketAddr, mpsc::Receiver<ClientEvent>) {
    counted(tls, unified, Handshakes::default()).await
}

async fn counted(
    tls: &Tls,
    unified: bool,
    handshakes: Handshakes,
) -> (SocketAddr, mpsc::Receiver<ClientEvent>) {
    let (events, heard) = mpsc::channel(1024);
    let config = Config {
        connections_per_address_max: 0,
        ..config()
    };
    let acceptor = Acceptor::new(tls, handshakes).unwrap();
    let speaks = if unified {
        Speaks::Either(acceptor)
    } else {
        Speaks::Tls(acceptor)
    };
    let at = Ports::new(&config, events)
        .listen(config.client.as_ref().unwrap(), speaks)
        .await
        .unwrap();
    (at, heard)
}

async fn connect(address: SocketAddr, connector: TlsConnector) -> io::Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect(address).await?;
    connector
        .connect(ServerName::try_from("localhost").unwrap(), stream)
        .await
}

/// Says hello and gives what the driver is told of who that is; `None` if the handshake fails. Nothing is left for
/// the next to hear.
async fn proved(
    address: SocketAddr,
    heard: &mut mpsc::Receiver<ClientEvent>,
    connector: TlsConnector,
) -> Option<Vec<Id>> {
    let mut stream = connect(address, connector).await;
    if let Ok(stream) = &mut stream {
        // Of TLS 1.3 a client learns behind the handshake that it is refused.
        let _ = stream.write_all(&hello()).await;
    }
    match heard.recv().await {
        Some(ClientEvent::Connect {
            proved: Proved { ids, .. },
            replies,
            ..
        }) => {
            replies.close();
            drop(stream);
            assert!(matches!(heard.recv().await, Some(ClientEvent::Gone { .. })));
            Some(ids)
        }
        Some(ClientEvent::HandshakeFailed) => None,
        other => panic!("{other:?}"),
    }
}

fn x509(subject: &str) -> Id {
    Id {
        scheme: "x509".into(),
        id: subject.into(),
    }
}

#[tokio::test]
async fn a_client_is_who_its_certificate_says() {
    let authority = Authority::new();
    let mut tls = authority.tls(ClientAuth::Need);
    let subject = "O=quorate\\, tests,CN=bob";
    let bob = authority.party("bob", 1);
    for version in [&rustls::version::TLS12, V1_3] {
        let (address, mut heard) = port(&tls, false).await;
        let found = proved(address, &mut heard, authority.connector(Some(&bob), version)).await;
        assert_eq!(found, Some(vec![x509(subject)]));
    }
    tls.super_user = Some(subject.into());
    let (address, mut heard) = port(&tls, true).await;
    let found = proved(address, &mut heard, authority.connector(Some(&bob), V1_3))
        .await
        .unwrap();
    assert_eq!((found[0].scheme.as_str(), &found[1]), ("super", &x509(subject)));
}

#[tokio::test]
async fn certificates_that_prove_nothing_are_refused_and_others_are_served() {
    let authority = Authority::new();
    let (address, mut heard) = port(&authority.tls(ClientAuth::Need), false).await;
    let stranger = Authority::new().party("mallory", 1);
    let expired = authority.party("late", -1);
    for party in [None, Some(&stranger), Some(&expired)] {
        assert_eq!(
            proved(address, &mut heard, authority.connector(party, V1_3)).await,
            None
        );
    }
    let bob = authority.party("bob", 1);
    assert!(
        proved(address, &mut heard, authority.connector(Some(&bob), V1_3))
            .await
            .is_some()
    );
    // Who may have none may not have a wrong one.
    let (address, mut heard) = port(&authority.tls(ClientAuth::Want), false).await;
    assert_eq!(
        proved(address, &mut heard, authority.connector(None, V1_3)).await,
        Some(vec![])
    );
    assert_eq!(
        proved(address, &mut heard, authority.connector(Some(&stranger), V1_3)).await,
        None
    );
}

#[tokio::test]
async fn a_session_over_tls_is_answered_and_ended() {
    let authority = Authority::new();
    let (address, heard) = port(&authority.tls(ClientAuth::None), true).await;
    tokio::spawn(drive(heard));
    let mut stream = connect(address, authority.connector(None, V1_3)).await.unwrap();
    stream.write_all(&hello()).await.unwrap();
    let mut requests = vec![(1, create()), (2, set_data(200_000))];
    requests.extend((3..40).map(|xid| (xid, get_data())));
    requests.push((40, Request::CloseSession));
    stream.write_all(&encoded(&requests)).await.unwrap();
    let mut read = BytesMut::new();
    let mut xids = Vec::new();
    while stream.read_buf(&mut read).await.unwrap() > 0 {
        while let Some(frame) = take_frame(&mut read, 1 << 24).unwrap() {
            xids.push(i32::from_be_bytes(frame[..4].try_into().unwrap()));
        }
    }
    // The first is the answer to the handshake.
    assert_eq!(xids[1..], (1..=40).collect::<Vec<_>>());
    // Plain text goes on beside it.
    let mut plain = Client::with_session(address).await;
    plain.write(&encoded(&[(1, get_data())])).await;
    assert!(plain.frame().await.is_some());
    let mut word = Client::connect(address).await;
    word.write(b"srvr").await;
    assert!(word.text().await.starts_with("Zookeeper version"));
}

#[tokio::test(start_paused = true)]
async fn a_handshake_of_tls_has_the_same_deadline() {
    let authority = Authority::new();
    for unified in [false, true] {
        let (address, mut heard) = port(&authority.tls(ClientAuth::None), unified).await;
        for said in [&[][..], &[0x16], &[0x16, 3, 1, 2, 0, 1]] {
            let mut silent = Client::connect(address).await;
            silent.write(said).await;
            assert_eq!(silent.frame().await, None);
            match heard.recv().await {
                // Of whom nothing is heard it is not known that he wants TLS.
                Some(ClientEvent::NeverAsked) if unified && said.is_empty() => {}
                Some(ClientEvent::HandshakeFailed) => {}
                other => panic!("{other:?}"),
            }
        }
        assert!(heard.try_recv().is_err(), "the driver heard nothing else of them");
    }
}

#[tokio::test]
async fn half_handshakes_keep_nobody_out_and_each_is_counted() {
    let authority = Authority::new();
    let handshakes = Handshakes::default();
    let (address, mut heard) = counted(&authority.tls(ClientAuth::None), false, handshakes.clone()).await;
    let mut half = Vec::new();
    for _ in 0..200 {
        let mut one = Client::connect(address).await;
        one.write(&[0x16, 3, 1, 2, 0, 1]).await;
        half.push(one);
    }
    while handshakes.underway() < 200 {
        tokio::task::yield_now().await;
    }
    let found = proved(address, &mut heard, authority.connector(None, V1_3)).await;
    assert_eq!(found, Some(vec![]), "a client is served beside them");
    half.clear();
    let mut failed = 0;
    while failed < 200 {
        match heard.recv().await {
            Some(ClientEvent::HandshakeFailed) => failed += 1,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(handshakes.underway(), 0);
}

#[tokio::test]
async fn handshakes_above_the_limit_are_closed_at_once_and_counted() {
    let authority = Authority::new();
    let handshakes = Handshakes::default();
    let tls = Tls {
        handshakes_max: Some(2),
        ..authority.tls(ClientAuth::None)
    };
    let (address, mut heard) = counted(&tls, false, handshakes.clone()).await;
    let half = [Client::connect(address).await, Client::connect(address).await];
    while handshakes.underway() < 2 {
        tokio::task::yield_now().await;
    }
    let mut third = Client::connect(address).await;
    assert_eq!(third.frame().await, None);
    assert!(matches!(heard.recv().await, Some(ClientEvent::HandshakeExceeded)));
    drop(half);
    for _ in 0..2 {
        assert!(matches!(heard.recv().await, Some(ClientEvent::HandshakeFailed)));
    }
    assert!(
        proved(address, &mut heard, authority.connector(None, V1_3))
            .await
            .is_some()
    );
}

#[tokio::test]
async fn on_the_port_for_both_the_first_byte_says_which_however_late_the_next_comes() {
    let authority = Authority::new();
    let (address, mut heard) = port(&authority.tls(ClientAuth::Want), true).await;
    // Byte by byte, each a packet of its own.
    let mut plain = Client::connect(address).await;
    for byte in hello() {
        plain.write(&[byte]).await;
        tokio::task::yield_now().await;
    }
    let Some(ClientEvent::Connect { proved: nothing, .. }) = heard.recv().await else {
        panic!("a handshake")
    };
    assert_eq!(nothing, Proved::default());
    let stream = TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let bob = authority.party("bob", 1);
    let slow = Slow(stream);
    let connector = authority.connector(Some(&bob), V1_3);
    let mut stream = connector
        .connect(ServerName::try_from("localhost").unwrap(), slow)
        .await
        .unwrap();
    stream.write_all(&hello()).await.unwrap();
    let Some(ClientEvent::Connect { proved: bobs, .. }) = heard.recv().await else {
        panic!("a handshake")
    };
    assert_eq!(bobs.ids, [x509("O=quorate\\, tests,CN=bob")]);
    assert!(!bobs.is_secure, "the port is not TLS's alone");
}

/// Writes one byte at a time.
struct Slow(TcpStream);

impl tokio::io::AsyncRead for Slow {
    fn poll_read(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
        into: &mut tokio::io::ReadBuf<'_>,
    ) -> std::task::Poll<io::Result<()>> {
        std::pin::Pin::new(&mut self.0).poll_read(cx, into)
    }
}

impl tokio::io::AsyncWrite for Slow {
    fn poll_write(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
        bytes: &[u8],
    ) -> std::task::Poll<io::Result<usize>> {
        std::pin::Pin::new(&mut self.0).poll_write(cx, &bytes[..1])
    }

    fn poll_flush(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<io::Result<()>> {
        std::pin::Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<io::Result<()>> {
        std::pin::Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

#[tokio::test]
async fn versions_and_suites_are_those_that_are_configured() {
    let authority = Authority::new();
    let tls = |versions: &[TlsVersion], suites: Option<&str>| Tls {
        versions: versions.to_vec(),
        suites: suites.map(|names| names.split(',').map(str::to_owned).collect()),
        ..authority.tls(ClientAuth::None)
    };
    let both = [TlsVersion::V1_2, TlsVersion::V1_3];
    let v1_2 = &rustls::version::TLS12;
    let chacha = "TLS_CHACHA20_POLY1305_SHA256,TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256";
    for (tls, version, suite) in [
        (
            tls(&[TlsVersion::V1_3], None),
            V1_3,
            Some("TLS13_AES_256_GCM_SHA384"),
        ),
        (tls(&[TlsVersion::V1_3], None), v1_2, None),
        (tls(&[TlsVersion::V1_2], None), V1_3, None),
        (
            tls(&both, Some(chacha)),
            V1_3,
            Some("TLS13_CHACHA20_POLY1305_SHA256"),
        ),
        (
            tls(&both, Some(chacha)),
            v1_2,
            Some("TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"),
        ),
        // The key is of elliptic curves.
        (
            tls(&[TlsVersion::V1_2], Some("TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384")),
            v1_2,
            None,
        ),
    ] {
        let (address, _heard) = port(&tls, false).await;
        let stream = connect(address, authority.connector(None, version)).await.ok();
        let found = stream.and_then(|stream| stream.get_ref().1.negotiated_cipher_suite());
        assert_eq!(found.and_then(|found| found.suite().as_str()), suite);
    }
}

#[tokio::test]
async fn certificates_between_are_sent_and_taken() {
    let authority = Authority::new();
    let (between, certificate) = authority.below();
    let signed = |name: &str| {
        let key = KeyPair::generate().unwrap();
        let own = params(name, 1).signed_by(&key, &between).unwrap().pem();
        (own, key.serialize_pem())
    };
    let tls = authority.tls(ClientAuth::Need);
    let (own, key) = signed("server");
    std::fs::write(authority.file("key.pem"), format!("{key}{own}{certificate}")).unwrap();
    let (address, mut heard) = port(&tls, false).await;
    let (own, key) = signed("bob");
    let alone = Party {
        certificate: own.clone(),
        key: key.clone(),
    };
    assert_eq!(
        proved(address, &mut heard, authority.connector(Some(&alone), V1_3)).await,
        None
    );
    let chained = Party {
        certificate: own + &certificate,
        key,
    };
    let found = proved(address, &mut heard, authority.connector(Some(&chained), V1_3)).await;
    assert_eq!(found, Some(vec![x509("O=quorate\\, tests,CN=bob")]));
}

#[tokio::test]
async fn a_client_has_to_come_from_where_its_certificate_says_if_that_is_asked_for() {
    let authority = Authority::new();
    let tls = Tls {
        verify_client_host: true,
        ..authority.tls(ClientAuth::Need)
    };
    let (address, mut heard) = port(&tls, false).await;
    for (hosts, is_let_in) in [
        (&["127.0.0.1"][..], true),
        (&["localhost"], true),
        (&["nowhere.invalid", "localhost"], true),
        (&["127.0.0.2"], false),
        (&["nowhere.invalid"], false),
        (&["::1"], false),
    ] {
        let bob = authority.party_at("bob", hosts);
        let found = proved(address, &mut heard, authority.connector(Some(&bob), V1_3)).await;
        assert_eq!(found.is_some(), is_let_in, "{hosts:?}");
    }
    // And a client that asks whether the server is who it calls.
    let elsewhere = authority.party_at("server", &["elsewhere"]);
    let keys = elsewhere.key + &elsewhere.certificate;
    std::fs::write(authority.file("key.pem"), keys).unwrap();
    let other = Tls {
        key_store: tls.key_store.clone(),
        ..tls
    };
    let (address, _heard) = port(&other, false).await;
    let bob = authority.party("bob", 1);
    assert!(
        connect(address, authority.connector(Some(&bob), V1_3))
            .await
            .is_err()
    );
}

#[tokio::test]
async fn an_authoritys_certificate_is_a_clients_only_if_it_is_trusted_itself() {
    let authority = Authority::new();
    let self_signed = |name: &str, days: i64| {
        let key = KeyPair::generate().unwrap();
        let mut own = params(name, days);
        own.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Party {
            certificate: own.self_signed(&key).unwrap().pem(),
            key: key.serialize_pem(),
        }
    };
    let (bob, late, mallory) = (
        self_signed("bob", 1),
        self_signed("late", -1),
        self_signed("bob", 1),
    );
    let tls = authority.tls(ClientAuth::Need);
    let trust = std::fs::read_to_string(authority.file("trust.pem")).unwrap();
    let trust = trust + &bob.certificate + &late.certificate;
    std::fs::write(authority.file("trust.pem"), trust).unwrap();
    let (address, mut heard) = port(&tls, false).await;
    for version in [&rustls::version::TLS12, V1_3] {
        let found = proved(address, &mut heard, authority.connector(Some(&bob), version)).await;
        assert_eq!(found, Some(vec![x509("O=quorate\\, tests,CN=bob")]));
        for party in [&late, &mallory] {
            assert_eq!(
                proved(address, &mut heard, authority.connector(Some(party), version)).await,
                None
            );
        }
    }
}

#[test]
fn a_store_that_is_no_good_says_which_file_and_why() {
    let authority = Authority::new();
    let mut tls = authority.tls(ClientAuth::Need);
    std::fs::write(authority.file("trust.pem"), "no certificate").unwrap();
    let told = Acceptor::new(&tls, Handshakes::default())
        .err()
        .unwrap()
        .to_string();
    assert!(
        told.contains("trust.pem: there is no certificate in it"),
        "{told}"
    );
    tls.key_store.kind = StoreKind::Pkcs12;
    let told = Acceptor::new(&tls, Handshakes::default())
        .err()
        .unwrap()
        .to_string();
    assert!(told.contains("key.pem: is no PKCS12"), "{told}");
    std::fs::remove_file(authority.file("key.pem")).unwrap();
    let told = Acceptor::new(&tls, Handshakes::default())
        .err()
        .unwrap()
        .to_string();
    assert!(told.contains("key.pem: cannot be read"), "{told}");
}
