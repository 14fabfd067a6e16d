//! Real sockets and certificates made on the spot; the client is rustls.

use super::*;
use crate::config::{ClientAuth, Password, StoreFile, StoreKind, Tls, TlsVersion};
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
        let key = KeyPair::generate().unwrap();
        let certificate = params(name, days).signed_by(&key, &self.issuer).unwrap();
        Party {
            certificate: certificate.pem(),
            key: key.serialize_pem(),
        }
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
                let certificate = CertificateDer::from_pem_slice(party.certificate.as_bytes()).unwrap();
                let key = PrivateKeyDer::from_pem_slice(party.key.as_bytes()).unwrap();
                builder.with_client_auth_cert(vec![certificate], key).unwrap()
            }
        };
        TlsConnector::from(Arc::new(config))
    }
}

const V1_3: &rustls::SupportedProtocolVersion = &rustls::version::TLS13;

async fn port(tls: &Tls, unified: bool) -> (SocketAddr, mpsc::Receiver<ClientEvent>) {
    let (events, heard) = mpsc::channel(64);
    let config = config();
    let acceptor = Acceptor::new(tls).unwrap();
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

/// Says hello and gives what the driver is told of who that is; `None` if the connection ends.
async fn proved(
    address: SocketAddr,
    heard: &mut mpsc::Receiver<ClientEvent>,
    connector: TlsConnector,
) -> Option<Vec<Id>> {
    let mut stream = connect(address, connector).await.ok()?;
    stream.write_all(&hello()).await.ok()?;
    let mut end = [0];
    tokio::select! {
        biased;
        event = heard.recv() => match event {
            Some(ClientEvent::Connect { proved, .. }) => Some(proved),
            other => panic!("{other:?}"),
        },
        // Of TLS 1.3 a client learns behind the handshake that it is refused.
        _ = stream.read(&mut end) => None,
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
        }
        assert!(heard.try_recv().is_err(), "the driver never heard of them");
    }
}

#[test]
fn a_store_that_is_no_good_says_which_file_and_why() {
    let authority = Authority::new();
    let mut tls = authority.tls(ClientAuth::Need);
    std::fs::write(authority.file("trust.pem"), "no certificate").unwrap();
    let told = Acceptor::new(&tls).err().unwrap().to_string();
    assert!(
        told.contains("trust.pem: there is no certificate in it"),
        "{told}"
    );
    tls.key_store.kind = StoreKind::Pkcs12;
    let told = Acceptor::new(&tls).err().unwrap().to_string();
    assert!(told.contains("key.pem: is no PKCS12"), "{told}");
    std::fs::remove_file(authority.file("key.pem")).unwrap();
    let told = Acceptor::new(&tls).err().unwrap().to_string();
    assert!(told.contains("key.pem: cannot be read"), "{told}");
}
