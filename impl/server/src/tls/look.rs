//! What will clients make of this server's certificates? For the doctor, who looks before the server starts.

use super::{read, server_config, stores};
use crate::config::Tls;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, Error};
use std::path::PathBuf;
use std::sync::Arc;
use stores::StoreError;
use x509_parser::prelude::{FromDer, X509Certificate};

/// What a configuration's certificates are.
#[derive(Clone, Debug)]
pub struct Look {
    /// The server's own.
    pub own: Seen,
    /// The hosts and addresses that it is for.
    pub names: Vec<String>,
    /// Whether those in the trust store vouch for it; `None` if there is no trust store.
    pub vouched: Option<Result<(), String>>,
    /// Those in the trust store.
    pub believed: Vec<Seen>,
}

/// One certificate.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Where it is.
    pub file: PathBuf,
    /// Whose it is, as an ACL would name it.
    pub subject: String,
    /// From when on it holds, in seconds since 1970.
    pub begins: i64,
    /// Until when.
    pub ends: i64,
}

/// Reads all files as a server that starts does, and looks at what is in them.
///
/// # Errors
///
/// Which file would keep it from starting, and why.
pub fn look(tls: &Tls) -> Result<Look, StoreError> {
    server_config(tls)?;
    let store = &tls.key_store;
    let (certificates, _) = stores::keys(store)?;
    let unread = || StoreError::new(&store.path, "its certificate cannot be read");
    let own = certificates.first().ok_or_else(unread)?;
    let (names, _) = read(own).ok_or_else(unread)?;
    let mut believed = Vec::new();
    let mut vouched = None;
    if let Some(trust) = &tls.trust_store {
        for certificate in stores::believed(trust)? {
            believed.extend(seen(trust.path.clone(), &certificate));
        }
        vouched = Some(vouch(stores::roots(trust)?, own, &certificates[1..]));
    }
    Ok(Look {
        own: seen(store.path.clone(), own).ok_or_else(unread)?,
        names: names.all(),
        vouched,
        believed,
    })
}

fn seen(file: PathBuf, certificate: &CertificateDer<'_>) -> Option<Seen> {
    let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
    let validity = certificate.validity();
    Some(Seen {
        file,
        subject: super::name::rfc_2253(certificate.subject()),
        begins: validity.not_before.timestamp(),
        ends: validity.not_after.timestamp(),
    })
}

/// As a client does that believes `roots`, whatever it calls the server.
fn vouch(
    roots: rustls::RootCertStore,
    own: &CertificateDer<'_>,
    between: &[CertificateDer<'_>],
) -> Result<(), String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
        .build()
        .map_err(|error| error.to_string())?;
    let name = ServerName::try_from("localhost").expect("it is a name");
    match verifier.verify_server_cert(own, between, &name, &[], UnixTime::now()) {
        // Names are looked at last.
        Ok(_) | Err(Error::InvalidCertificate(CertificateError::NotValidForName)) => Ok(()),
        Err(Error::InvalidCertificate(CertificateError::NotValidForNameContext { .. })) => Ok(()),
        Err(error) => Err(error.to_string()),
    }
}
