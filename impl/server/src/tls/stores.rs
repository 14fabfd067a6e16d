//! What is in the files of keys and certificates?

use super::elliptic;
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
    pub(crate) fn new(file: &Path, what: impl std::fmt::Display) -> Self {
        Self {
            file: file.to_owned(),
            what: what.to_string(),
        }
    }
}

/// Certificates, the server's own first, and its key.
pub type Keys = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

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

/// The certificates and the key of a store.
///
/// # Errors
///
/// Which file is no good, and why.
pub fn keys(store: &StoreFile) -> Result<Keys, StoreError> {
    let (bytes, password) = (bytes_of(&store.path)?, password(&store.password)?);
    let found = match store.kind {
        StoreKind::Pem => keys_of_pem(&bytes, &password),
        StoreKind::Pkcs12 => keys_of_pkcs12(&bytes, &password),
    };
    let (certificates, key) = found.map_err(|what| StoreError::new(&store.path, what))?;
    let key = elliptic::complete(key, &certificates[0]);
    Ok((certificates, key))
}

/// The certificates of one file in PEM and their key, of another if there is one.
///
/// # Errors
///
/// Which file is no good, and why.
pub fn keys_of_files(certificates: &Path, key: Option<&Path>, of_key: &Password) -> Result<Keys, StoreError> {
    let all = certificates_of_pem(&bytes_of(certificates)?)
        .and_then(|all| match all.is_empty() {
            true => Err("there is no certificate in it".to_owned()),
            false => Ok(all),
        })
        .map_err(|what| StoreError::new(certificates, what))?;
    let file = key.unwrap_or(certificates);
    let key = key_of_pem(&bytes_of(file)?, &password(of_key)?);
    let key = key.map_err(|what| StoreError::new(file, what))?;
    let key = elliptic::complete(key, &all[0]);
    Ok((all, key))
}

/// The certificates of a store that are believed.
///
/// # Errors
///
/// Which file is no good, and why.
pub(super) fn believed(store: &StoreFile) -> Result<Vec<CertificateDer<'static>>, StoreError> {
    let (bytes, password) = (bytes_of(&store.path)?, password(&store.password)?);
    let found = match store.kind {
        StoreKind::Pem => certificates_of_pem(&bytes),
        StoreKind::Pkcs12 => certificates_of_pkcs12(&bytes, &password),
    };
    let certificates = found.map_err(|what| StoreError::new(&store.path, what))?;
    if certificates.is_empty() {
        return Err(StoreError::new(&store.path, "there is no certificate in it"));
    }
    Ok(certificates)
}

/// Whose certificates are believed.
///
/// # Errors
///
/// Which file is no good, and why.
pub fn roots(store: &StoreFile) -> Result<RootCertStore, StoreError> {
    let mut roots = RootCertStore::empty();
    for certificate in believed(store)? {
        let added = roots.add(certificate);
        added.map_err(|error| StoreError::new(&store.path, format!("a certificate in it: {error}")))?;
    }
    Ok(roots)
}

fn certificates_of_pem(bytes: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    const OLD: &[u8] = b"Proc-Type: 4,ENCRYPTED";
    if bytes.windows(OLD.len()).any(|window| window == OLD) {
        return Err("the private key is encrypted in an old way. Convert it: openssl pkcs8 -topk8".into());
    }
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(bytes).collect();
    all.map_err(|error| format!("is no PEM: {error}"))
}

fn keys_of_pem(bytes: &[u8], password: &str) -> Result<Keys, String> {
    let certificates = certificates_of_pem(bytes)?;
    if certificates.is_empty() {
        return Err("there is no certificate in it".into());
    }
    Ok((certificates, key_of_pem(bytes, password)?))
}

fn key_of_pem(bytes: &[u8], password: &str) -> Result<PrivateKeyDer<'static>, String> {
    if let Ok(key) = PrivateKeyDer::from_pem_slice(bytes) {
        return Ok(key);
    }
    let pem = encrypted(&String::from_utf8_lossy(bytes)).ok_or("there is no private key in it")?;
    let wrong = |error: &dyn std::fmt::Display| format!("the private key cannot be decrypted: {error}");
    let (_, document) = SecretDocument::from_pem(&pem).map_err(|error| wrong(&error))?;
    let info = EncryptedPrivateKeyInfoRef::try_from(document.as_bytes()).map_err(|error| wrong(&error))?;
    let key = info.decrypt(password).map_err(|error| wrong(&error))?;
    Ok(PrivatePkcs8KeyDer::from(key.as_bytes().to_vec()).into())
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
    let certificates: Vec<_> = store
        .entries()
        .filter_map(certificate)
        .map(CertificateDer::from)
        .collect();
    if certificates.is_empty() {
        // Java finds none either: it takes those that are marked, and openssl marks none.
        return Err(
            "there is no certificate in it that is marked as trusted: keytool -importcert marks them".into(),
        );
    }
    Ok(certificates)
}
