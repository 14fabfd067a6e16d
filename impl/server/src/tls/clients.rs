//! Whose certificate is believed? webpki says so, but for what Java sees otherwise.

use rustls::client::danger::HandshakeSignatureValid;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};
use std::sync::Arc;
use x509_parser::prelude::{FromDer, X509Certificate};

/// Those that webpki believes, but for two kinds, and one beside.
///
/// Not believed are certificates whose key is not for signatures, and those of nobody: an empty subject would be an
/// identity that everybody of no name shares. Believed is one that stands in the trust store itself, though it is an
/// authority's. `openssl req -x509` makes such ones, for who needs no authority; the usual rule, that an authority
/// signs for others and is nobody, would keep them out.
#[derive(Debug)]
pub(super) struct Clients {
    usual: Arc<dyn ClientCertVerifier>,
    /// What the trust store holds.
    believed: Vec<CertificateDer<'static>>,
}

impl Clients {
    pub(super) fn new(usual: Arc<dyn ClientCertVerifier>, believed: Vec<CertificateDer<'static>>) -> Self {
        Self { usual, believed }
    }

    /// Whether it stands there itself, and is good for a client by all that webpki would look at.
    fn stands_there(
        &self,
        certificate: &CertificateDer<'_>,
        read: &X509Certificate<'_>,
        now: UnixTime,
    ) -> bool {
        let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
        let validity = read.validity();
        let holds = validity.not_before.timestamp() <= now && now <= validity.not_after.timestamp();
        let is_for_clients = match read.extended_key_usage() {
            Ok(None) => true,
            Ok(Some(usage)) => usage.value.any || usage.value.client_auth,
            Err(_) => false,
        };
        // Of what nobody here understands, nobody here can say that it does not matter.
        let mut extensions = read.extensions().iter();
        let is_understood =
            extensions.all(|extension| !extension.critical || !extension.parsed_extension().unsupported());
        let is_there = self.believed.iter().any(|one| one == certificate);
        is_there && read.is_ca() && holds && is_for_clients && is_understood
    }
}

/// Whether its key is for signatures.
fn may_sign(read: &X509Certificate<'_>) -> bool {
    match read.key_usage() {
        Ok(None) => true,
        Ok(Some(usage)) => usage.value.digital_signature(),
        Err(_) => false,
    }
}

impl ClientCertVerifier for Clients {
    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let bad = |_| Error::InvalidCertificate(CertificateError::BadEncoding);
        let (_, read) = X509Certificate::from_der(end_entity).map_err(bad)?;
        if let Err(error) = self.usual.verify_client_cert(end_entity, intermediates, now)
            && !self.stands_there(end_entity, &read, now)
        {
            return Err(error);
        }
        if !may_sign(&read) {
            return Err(Error::General("its key is not for signatures".to_owned()));
        }
        if read.subject().iter().next().is_none() {
            return Err(Error::General("its subject is empty".to_owned()));
        }
        Ok(ClientCertVerified::assertion())
    }

    fn offer_client_auth(&self) -> bool {
        self.usual.offer_client_auth()
    }

    fn client_auth_mandatory(&self) -> bool {
        self.usual.client_auth_mandatory()
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.usual.root_hint_subjects()
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.usual.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.usual.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.usual.supported_verify_schemes()
    }
}
