//! What does a key of elliptic curves lack that Java has written? Its public half, which ring asks for.

use pkcs8::der::asn1::OctetStringRef;
use pkcs8::der::{Decode, Reader, SliceReader};
use pkcs8::{ObjectIdentifier, PrivateKeyInfoRef};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivateSec1KeyDer};
use x509_parser::prelude::{FromDer, X509Certificate};

const ELLIPTIC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");

/// The key with the public half that its certificate has, if it lacks one; ring will say whether they belong
/// together. Other keys stay as they are.
pub(super) fn complete(
    key: PrivateKeyDer<'static>,
    certificate: &CertificateDer<'_>,
) -> PrivateKeyDer<'static> {
    match &key {
        PrivateKeyDer::Pkcs8(bytes) => completed(bytes.secret_pkcs8_der(), certificate).unwrap_or(key),
        _ => key,
    }
}

fn completed(key: &[u8], certificate: &CertificateDer<'_>) -> Option<PrivateKeyDer<'static>> {
    let info = PrivateKeyInfoRef::try_from(key).ok()?;
    if info.algorithm.oid != ELLIPTIC {
        return None;
    }
    let curve = info.algorithm.parameters_oid().ok()?;
    // RFC 5915: the version, the key, and what may be left out.
    let (secret, rest) = SliceReader::new(info.private_key.as_bytes())
        .ok()?
        .sequence(|reader| -> pkcs8::der::Result<_> {
            u8::decode(reader)?;
            let secret = <&OctetStringRef>::decode(reader)?;
            let rest = reader.remaining_len();
            Ok((secret.as_bytes().to_vec(), reader.read_slice(rest)?.to_vec()))
        })
        .ok()?;
    const PUBLIC: u8 = 0xa1;
    if has(&rest, PUBLIC) {
        return None;
    }
    let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
    let point = &certificate.public_key().subject_public_key.data;
    let public = tagged(0x03, &[&[0][..], point].concat());
    let whole = [
        tagged(0x02, &[1]),
        tagged(0x04, &secret),
        tagged(0xa0, &tagged(0x06, curve.as_bytes())),
        tagged(PUBLIC, &public),
    ];
    Some(PrivateSec1KeyDer::from(tagged(0x30, &whole.concat())).into())
}

/// Whether one of these values has the tag. None of them is long enough for a length of more than two bytes.
fn has(mut values: &[u8], tag: u8) -> bool {
    while let [first, length, rest @ ..] = values {
        if *first == tag {
            return true;
        }
        let (length, rest) = match (length, rest) {
            (0x81, [length, rest @ ..]) => (*length, rest),
            _ => (*length, rest),
        };
        values = rest.get(usize::from(length)..).unwrap_or_default();
    }
    false
}

/// DER of what is shorter than 64 KiB.
fn tagged(tag: u8, content: &[u8]) -> Vec<u8> {
    let [.., high, low] = content.len().to_be_bytes();
    let mut whole = match content.len() {
        0..0x80 => vec![tag, low],
        0x80..0x100 => vec![tag, 0x81, low],
        _ => vec![tag, 0x82, high, low],
    };
    whole.extend_from_slice(content);
    whole
}
