//! Is the server at the other end the one that was meant, and who is this client to it? TLS, by rustls.

use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::fmt;
use std::io;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// A client's own certificates, its own first, and their key.
pub type Identity = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

/// How servers are called with TLS.
#[derive(Clone)]
pub struct Tls {
    config: Arc<ClientConfig>,
    name: Option<ServerName<'static>>,
}

/// What TLS cannot be set up with.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum TlsError {
    /// The certificate and the key, or the certificate itself.
    #[error("the client's certificate and key cannot be used: {0}")]
    Identity(rustls::Error),
    /// What servers are to be called.
    #[error("{0}: neither the name of a host nor an address")]
    Name(String),
}

impl Tls {
    /// Servers are believed that show a certificate of one of `roots` for the host that is called, or for `name`
    /// if there is one.
    ///
    /// # Errors
    ///
    /// If the key is not the certificate's, or `name` is none.
    pub fn new(
        roots: RootCertStore,
        identity: Option<Identity>,
        name: Option<&str>,
    ) -> Result<Self, TlsError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS12, &rustls::version::TLS13])
            .expect("ring has suites for both versions")
            .with_root_certificates(roots);
        let config = match identity {
            None => builder.with_no_client_auth(),
            Some((certificates, key)) => builder
                .with_client_auth_cert(certificates, key)
                .map_err(TlsError::Identity)?,
        };
        let name = name.map(|name| named(name).ok_or_else(|| TlsError::Name(name.to_owned())));
        Ok(Self {
            config: Arc::new(config),
            name: name.transpose()?,
        })
    }

    /// The handshake with `server`, `host:port`, which `stream` leads to.
    pub(crate) async fn begin(&self, server: &str, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        let name = match &self.name {
            Some(name) => name.clone(),
            None => {
                let host = server.rsplit_once(':').map_or(server, |(host, _)| host);
                named(host.trim_matches(['[', ']']))
                    .ok_or_else(|| io::Error::other("TLS needs a name that certificates can have"))?
            }
        };
        let connecting = TlsConnector::from(self.config.clone()).connect(name, stream);
        connecting.await.map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => io::Error::new(error.kind(), "it hung up: it may speak no TLS"),
            _ => error,
        })
    }
}

fn named(name: &str) -> Option<ServerName<'static>> {
    ServerName::try_from(name.to_owned()).ok()
}

impl fmt::Debug for Tls {
    /// Without the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}
