//! Who is at the other end of a connection that is encrypted? TLS by rustls; this turns the configuration's
//! files into what it needs, and a client's certificate into identities.

mod clients;
mod elliptic;
mod handshakes;
mod look;
mod name;
mod stores;

#[cfg(test)]
mod tests;

pub(crate) use handshakes::{Handshakes, Underway};
pub use look::{Look, Seen, look};
pub use stores::{Keys, StoreError, keys, keys_of_files, roots};

use crate::config::{ClientAuth, Password, StoreFile, Tls, TlsVersion};
use quorate_wire::quorum::Id;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use rustls::server::{ServerConfig, WebPkiClientVerifier};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::net::{TcpStream, lookup_host};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

/// How often files are looked at that may be replaced.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What accepts encrypted connections.
#[derive(Clone)]
pub(crate) struct Acceptor {
    tls: Arc<Tls>,
    handshakes: Handshakes,
    current: watch::Receiver<Arc<ServerConfig>>,
}

impl Acceptor {
    /// Reads all files, and goes on looking at them if they may be replaced. Its handshakes count among
    /// `handshakes`.
    ///
    /// # Errors
    ///
    /// Which file is no good, and why.
    pub(crate) fn new(tls: &Tls, handshakes: Handshakes) -> Result<Self, StoreError> {
        let tls = Arc::new(tls.clone());
        let (changed, current) = watch::channel(Arc::new(server_config(&tls)?));
        if tls.reload {
            tokio::spawn(reload(tls.clone(), changed));
        }
        Ok(Self {
            tls,
            handshakes,
            current,
        })
    }

    /// Room for a handshake, if there are not too many.
    pub(crate) fn begin(&self) -> Option<Underway> {
        self.handshakes.begin(self.tls.handshakes_max)
    }

    /// The handshake, and who the client proved to be.
    ///
    /// # Errors
    ///
    /// Why the client is not let in, in words.
    pub(crate) async fn accept(
        &self,
        stream: TcpStream,
        peer: SocketAddr,
    ) -> Result<(TlsStream<TcpStream>, Vec<Id>), String> {
        let config = self.current.borrow().clone();
        let stream = TlsAcceptor::from(config)
            .accept(stream)
            .await
            .map_err(|error| why(&error))?;
        let certificates = stream.get_ref().1.peer_certificates().unwrap_or_default();
        let Some(own) = certificates.first() else {
            return Ok((stream, Vec::new()));
        };
        let (names, subject) = read(own).ok_or("its certificate cannot be read")?;
        if self.tls.verify_client_host && !is_named(&names, peer.ip()).await {
            return Err(format!(
                "its certificate, of {subject}, is not for the host that it comes from"
            ));
        }
        let id = |scheme: &str| Id {
            scheme: scheme.into(),
            id: subject.clone(),
        };
        let mut proved = Vec::new();
        if self.tls.super_user.as_ref() == Some(&subject) {
            proved.push(id("super"));
        }
        proved.push(id("x509"));
        Ok((stream, proved))
    }
}

/// Why a handshake failed, for people.
fn why(error: &io::Error) -> String {
    use rustls::CertificateError::{self, Other, UnsupportedSignatureAlgorithmContext};
    let certificate: Option<&CertificateError> = match error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<rustls::Error>())
    {
        Some(rustls::Error::InvalidCertificate(why)) => Some(why),
        Some(rustls::Error::General(why)) => return format!("invalid peer certificate: {why}"),
        _ => None,
    };
    match certificate {
        // In rustls' words these are lists of bytes, or names of types.
        Some(UnsupportedSignatureAlgorithmContext { .. }) => {
            "invalid peer certificate: signed in a way that is not supported".into()
        }
        Some(Other(other)) if format!("{other:?}").contains("CaUsedAsEndEntity") => {
            "invalid peer certificate: an authority's, and not itself in the trust store".into()
        }
        Some(Other(other)) if format!("{other:?}").contains("UnsupportedCertVersion") => {
            "invalid peer certificate: not of version 3".into()
        }
        _ => error.to_string(),
    }
}

/// What a certificate is for.
struct Names {
    hosts: Vec<String>,
    addresses: Vec<Vec<u8>>,
}

impl Names {
    /// As people write them.
    fn all(&self) -> Vec<String> {
        let address = |bytes: &Vec<u8>| match bytes.len() {
            4 => <[u8; 4]>::try_from(&bytes[..]).ok().map(IpAddr::from),
            _ => <[u8; 16]>::try_from(&bytes[..]).ok().map(IpAddr::from),
        };
        let addresses = self.addresses.iter().filter_map(address);
        self.hosts
            .iter()
            .cloned()
            .chain(addresses.map(|address| address.to_string()))
            .collect()
    }
}

fn read(certificate: &CertificateDer<'_>) -> Option<(Names, String)> {
    let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
    let mut names = Names {
        hosts: Vec::new(),
        addresses: Vec::new(),
    };
    for name in certificate
        .subject_alternative_name()
        .ok()?
        .iter()
        .flat_map(|names| &names.value.general_names)
    {
        match name {
            GeneralName::DNSName(host) => names.hosts.push((*host).to_owned()),
            GeneralName::IPAddress(address) => names.addresses.push(address.to_vec()),
            _ => {}
        }
    }
    Some((names, name::rfc_2253(certificate.subject())))
}

/// Whether the address is among these, or one of the hosts has it. Apache asks for the address's name instead, and
/// believes whoever answers for the address.
async fn is_named(names: &Names, address: IpAddr) -> bool {
    let bytes = match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    };
    if names.addresses.contains(&bytes) {
        return true;
    }
    for host in &names.hosts {
        if let Ok(mut found) = lookup_host((host.as_str(), 0)).await
            && found.any(|at| at.ip().to_canonical() == address)
        {
            return true;
        }
    }
    false
}

fn server_config(tls: &Tls) -> Result<ServerConfig, StoreError> {
    let (certificates, key) = stores::keys(&tls.key_store)?;
    let mut provider = rustls::crypto::ring::default_provider();
    if let Some(suites) = &tls.suites {
        let named = |name: &String| {
            provider
                .cipher_suites
                .iter()
                .find(|suite| java_name(suite.suite()) == *name)
        };
        provider.cipher_suites = suites.iter().filter_map(named).copied().collect();
    }
    let provider = Arc::new(provider);
    let versions: Vec<_> = tls
        .versions
        .iter()
        .map(|version| match version {
            TlsVersion::V1_2 => &rustls::version::TLS12,
            TlsVersion::V1_3 => &rustls::version::TLS13,
        })
        .collect();
    let unusable = |error: &dyn std::fmt::Display| StoreError::new(&tls.key_store.path, error);
    let builder = ServerConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(&versions)
        .map_err(|error| unusable(&error))?;
    let builder = match &tls.trust_store {
        Some(store) if tls.client_auth != ClientAuth::None => {
            builder.with_client_cert_verifier(verifier(store, tls.client_auth, provider)?)
        }
        _ => builder.with_no_client_auth(),
    };
    builder
        .with_single_cert(certificates, key)
        .map_err(|error| unusable(&error))
}

fn verifier(
    store: &StoreFile,
    auth: ClientAuth,
    provider: Arc<CryptoProvider>,
) -> Result<Arc<dyn rustls::server::danger::ClientCertVerifier>, StoreError> {
    let roots = Arc::new(stores::roots(store)?);
    let builder = WebPkiClientVerifier::builder_with_provider(roots, provider);
    let builder = match auth {
        ClientAuth::Want => builder.allow_unauthenticated(),
        ClientAuth::None | ClientAuth::Need => builder,
    };
    let usual = builder
        .build()
        .map_err(|error| StoreError::new(&store.path, error))?;
    Ok(Arc::new(clients::Clients::new(usual, stores::believed(store)?)))
}

/// rustls gives the suites of 1.3 a prefix of their own.
fn java_name(suite: rustls::CipherSuite) -> String {
    suite.as_str().unwrap_or_default().replace("TLS13_", "TLS_")
}

/// Which file it is, when it was written and how long it is; `None` if there is none.
type Mark = Option<(u64, SystemTime, u64)>;

/// Passwords' files among them: a key may come with another password, and that file before or after the key's.
fn marks(tls: &Tls) -> Vec<Mark> {
    let stores = [Some(&tls.key_store), tls.trust_store.as_ref()];
    let files = stores.into_iter().flatten().flat_map(|store| {
        let password = match &store.password {
            Password::InFile(file) => Some(file),
            Password::Given(_) => None,
        };
        [Some(&store.path), password]
    });
    let mark = |path: &PathBuf| {
        let meta = std::fs::metadata(path).ok()?;
        Some((meta.ino(), meta.modified().ok()?, meta.len()))
    };
    files.flatten().map(mark).collect()
}

/// Reads the files again when they have changed. Files that are no good change nothing: connections go on being
/// accepted with what was read before.
async fn reload(tls: Arc<Tls>, changed: watch::Sender<Arc<ServerConfig>>) {
    let mut seen = marks(&tls);
    loop {
        tokio::select! {
            () = changed.closed() => return,
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
        let looking = tls.clone();
        let before = seen.clone();
        let looked = tokio::task::spawn_blocking(move || {
            let now = marks(&looking);
            let config = (now != before).then(|| server_config(&looking));
            (now, config)
        });
        let Ok((now, config)) = looked.await else { return };
        seen = now;
        match config {
            None => {}
            Some(Ok(config)) => {
                changed.send_replace(Arc::new(config));
                tracing::info!("certificates were read again");
            }
            Some(Err(error)) => {
                tracing::error!(%error, "certificates have changed and are no good: those before stay in use");
            }
        }
    }
}
