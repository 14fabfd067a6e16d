//! Who is a client? The identities of a connection, and what an auth packet adds.

use quorate_wire::quorum::Id;
use sha1::{Digest, Sha1};
use std::net::IpAddr;

/// What every connection is from the start.
pub(super) fn of_address(address: IpAddr) -> Id {
    Id {
        scheme: "ip".into(),
        id: address.to_canonical().to_string(),
    }
}

/// What an auth packet proves: `None` refuses it.
///
/// `digest` never fails, as in ZooKeeper: it names somebody, and what he may do is for ACLs to say. `ip`
/// proves what is known already. What needs a provider that is not here is refused.
pub(super) fn prove(scheme: &str, auth: &[u8]) -> Option<Option<Id>> {
    match scheme {
        "digest" => Some(Some(Id {
            scheme: "digest".into(),
            id: digest(auth),
        })),
        "ip" => Some(None),
        _ => None,
    }
}

/// Who somebody is who says so without a connection to serve: `None` refuses him.
pub(crate) fn prove_for(scheme: &str, auth: &[u8], address: IpAddr) -> Option<Vec<Id>> {
    let proved = prove(scheme, auth)?;
    Some(vec![proved.unwrap_or_else(|| of_address(address))])
}

/// `user:base64(sha1(user:password))`.
fn digest(auth: &[u8]) -> String {
    let text = String::from_utf8_lossy(auth);
    let user = text.split(':').next().unwrap_or_default();
    format!("{user}:{}", base64(&Sha1::digest(text.as_bytes())))
}

/// The part of an identity that whoAmI shows: of a digest the user's name.
pub(super) fn user(id: &Id) -> &str {
    match id.scheme.as_str() {
        "digest" => id.id.split(':').next().unwrap_or_default(),
        _ => &id.id,
    }
}

fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let bits = three.iter().fold(0, |bits, &byte| bits << 8 | u32::from(byte)) << (8 * (3 - three.len()));
        for at in 0..4 {
            let sextet = bits >> (18 - 6 * at) & 63;
            out.push(if at <= three.len() {
                char::from(ALPHABET[sextet as usize])
            } else {
                '='
            });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_padded_as_rfc_4648_has_it() {
        for (bytes, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
        ] {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
    }

    #[test]
    fn a_digest_identity_is_zookeepers() {
        // The example of ZooKeeper's DigestAuthenticationProvider.generateDigest("super:admin").
        let id = prove("digest", b"super:admin").unwrap().unwrap();
        assert_eq!(id.id, "super:xQJmxLMiHGwaqBvst5y6rkB6HQs=");
        assert_eq!(user(&id), "super");
        assert!(
            prove("digest", b"nocolon")
                .unwrap()
                .unwrap()
                .id
                .starts_with("nocolon:")
        );
        assert!(prove("digest", b"").unwrap().is_some());
    }

    #[test]
    fn schemes_without_a_provider_prove_nothing() {
        for scheme in ["world", "auth", "sasl", "x509", "super", "", "nope"] {
            assert_eq!(prove(scheme, b"x:y"), None, "{scheme}");
        }
        assert_eq!(prove("ip", b""), Some(None));
    }
}
