//! What is in the files of keys and certificates?

use crate::config::{Password, StoreFile, StoreKind};
use p12_keystore::{KeyStore, KeyStoreEntry, Pkcs12ImportPolicy};
use pkcs8::{EncryptedPrivateKeyInfoRef, SecretDocument};
use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use std::path::{Path, PathBuf};

/// Why a file cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{file}: {what}", file = .file.display())]
pub struct StoreError {
    /// The file.
    pub file: PathBuf,
    /// What is wrong with it.
    pub what: String,
}

impl StoreError {
    pub(super) fn new(file: &Path, what: impl std::fmt::Display) -> Self {
        Self {
            file: file.to_owned(),
            what: what.to_string(),
        }
    }
}

/// Certificates, the server's own first, and its key.
pub(super) type Keys = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

fn bytes_of(file: &Path) -> Result<Vec<u8>, StoreError> {
    std::fs::read(file).map_err(|error| StoreError::new(file, format!("cannot be read: {error}")))
}

fn password(of: &Password) -> Result<String, StoreError> {
    match of {
        Password::Given(text) => Ok(text.clone()),
        Password::InFile(file) => {
            let text = String::from_utf8(bytes_of(file)?)
                .map_err(|_| StoreError::new(file, "a password is text in UTF-8"))?;
            Ok(text.strip_suffix('\n').map(str::to_owned).unwrap_or(text))
        }
    }
}

/// The server's certificates and key.
pub(super) fn keys(store: &StoreFile) -> Result<Keys, StoreError> {
    let (bytes, password) = (bytes_of(&store.path)?, password(&store.password)?);
    let found = match store.kind {
        StoreKind::Pem => keys_of_pem(&bytes, &password),
        StoreKind::Pkcs12 => keys_of_pkcs12(&bytes, &password),
    };
    found.map_err(|what| StoreError::new(&store.path, what))
}

/// Whose certificates are believed.
pub(super) fn roots(store: &StoreFile) -> Result<RootCertStore, StoreError> {
    let (bytes, password) = (bytes_of(&store.path)?, password(&store.password)?);
    let found = match store.kind {
        StoreKind::Pem => certificates_of_pem(&bytes),
        StoreKind::Pkcs12 => certificates_of_pkcs12(&bytes, &password),
    };
    let certificates = found.map_err(|what| StoreError::new(&store.path, what))?;
    let mut roots = RootCertStore::empty();
    for certificate in certificates {
        let added = roots.add(certificate);
        added.map_err(|error| StoreError::new(&store.path, format!("a certificate in it: {error}")))?;
    }
    if roots.is_empty() {
        return Err(StoreError::new(&store.path, "there is no certificate in it"));
    }
    Ok(roots)
}

fn certificates_of_pem(bytes: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(bytes).collect();
    all.map_err(|error| format!("is no PEM: {error}"))
}

fn keys_of_pem(bytes: &[u8], password: &str) -> Result<Keys, String> {
    let certificates = certificates_of_pem(bytes)?;
    if certificates.is_empty() {
        return Err("there is no certificate in it".into());
    }
    if let Ok(key) = PrivateKeyDer::from_pem_slice(bytes) {
        return Ok((certificates, key));
    }
    let pem = encrypted(&String::from_utf8_lossy(bytes)).ok_or("there is no private key in it")?;
    let wrong = |error: &dyn std::fmt::Display| format!("the private key cannot be decrypted: {error}");
    let (_, document) = SecretDocument::from_pem(&pem).map_err(|error| wrong(&error))?;
    let info = EncryptedPrivateKeyInfoRef::try_from(document.as_bytes()).map_err(|error| wrong(&error))?;
    let key = info.decrypt(password).map_err(|error| wrong(&error))?;
    let key = PrivatePkcs8KeyDer::from(key.as_bytes().to_vec());
    Ok((certificates, key.into()))
}

/// The section of an encrypted key, if there is one.
fn encrypted(text: &str) -> Option<String> {
    const BEGIN: &str = "-----BEGIN ENCRYPTED PRIVATE KEY-----";
    const END: &str = "-----END ENCRYPTED PRIVATE KEY-----";
    let begun = &text[text.find(BEGIN)?..];
    let end = begun.find(END)? + END.len();
    Some(format!("{}\n", &begun[..end]))
}

fn open(bytes: &[u8], password: &str) -> Result<KeyStore, String> {
    KeyStore::from_pkcs12(bytes, password, Pkcs12ImportPolicy::Relaxed)
        .map_err(|error| format!("is no PKCS12 that this password opens: {error}"))
}

fn keys_of_pkcs12(bytes: &[u8], password: &str) -> Result<Keys, String> {
    let store = open(bytes, password)?;
    let (_, chain) = store.private_key_chain().ok_or("there is no private key in it")?;
    let owned = |certificate: &p12_keystore::Certificate| CertificateDer::from(certificate.as_der().to_vec());
    let certificates: Vec<_> = chain.certs().iter().map(owned).collect();
    if certificates.is_empty() {
        return Err("there is no certificate for its private key in it".into());
    }
    let key = PrivatePkcs8KeyDer::from(chain.key().as_der().to_vec());
    Ok((certificates, key.into()))
}

/// All certificates that stand by themselves; of a key's chain, as Java has it, the first.
fn certificates_of_pkcs12(bytes: &[u8], password: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    let store = open(bytes, password)?;
    let certificate = |(_, entry): (&String, &KeyStoreEntry)| match entry {
        KeyStoreEntry::Certificate(certificate) => Some(certificate.as_der().to_vec()),
        KeyStoreEntry::PrivateKeyChain(chain) => chain.certs().first().map(|first| first.as_der().to_vec()),
        _ => None,
    };
    Ok(store
        .entries()
        .filter_map(certificate)
        .map(CertificateDer::from)
        .collect())
}
