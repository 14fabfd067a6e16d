//! Who is a client? The identities of a connection, and what an auth packet adds.

use crate::config::Znodes;
use quorate_tree::Id;
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
/// `digest` never fails, as in ZooKeeper: it names somebody, and what he may do is for ACLs to say. Whoever has the
/// superuser's is the superuser as well. `ip` and `x509` prove what is known already. What needs a provider that is not
/// here is refused.
pub(super) fn prove(scheme: &str, auth: &[u8], znodes: &Znodes) -> Option<Vec<Id>> {
    match scheme {
        "digest" => {
            let digest = digest(auth);
            let is_super = znodes.super_digest.as_ref() == Some(&digest);
            let superuser = is_super.then(|| Id::new("super", ""));
            Some(superuser.into_iter().chain([Id::new("digest", digest)]).collect())
        }
        "ip" => Some(Vec::new()),
        "x509" if znodes.rules.x509 => Some(Vec::new()),
        _ => None,
    }
}

/// Who somebody is who says so without a connection to serve: `None` refuses him. Whether he is the superuser the
/// service knows ([`super::Service::tree_for`]).
pub(crate) fn prove_for(scheme: &str, auth: &[u8], address: IpAddr) -> Option<Vec<Id>> {
    let proved = prove(scheme, auth, &Znodes::default())?;
    Some(if proved.is_empty() {
        vec![of_address(address)]
    } else {
        proved
    })
}

/// `user:base64(sha1(user:password))`.
fn digest(auth: &[u8]) -> String {
    let text = String::from_utf8_lossy(auth);
    let user = text.split(':').next().unwrap_or_default();
    format!("{user}:{}", base64(&Sha1::digest(text.as_bytes())))
}

/// The part of an identity that whoAmI shows: of a digest the user's name; of the superuser, whom no provider names,
/// nothing.
pub(super) fn user(id: &Id) -> &str {
    match id.scheme.as_str() {
        "digest" => id.id.split(':').next().unwrap_or_default(),
        "super" => "",
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
        let nobody = Znodes::default();
        let ids = prove("digest", b"super:admin", &nobody).unwrap();
        assert_eq!(ids, [Id::new("digest", "super:xQJmxLMiHGwaqBvst5y6rkB6HQs=")]);
        assert_eq!(user(&ids[0]), "super");
        let ids = prove("digest", b"nocolon", &nobody).unwrap();
        assert!(ids[0].id.starts_with("nocolon:"));
        assert_eq!(prove("digest", b"", &nobody).unwrap().len(), 1);
    }

    #[test]
    fn the_superuser_is_whoever_has_the_digest_of_the_configuration() {
        let znodes = Znodes {
            super_digest: Some("super:xQJmxLMiHGwaqBvst5y6rkB6HQs=".into()),
            ..Znodes::default()
        };
        assert!(
            prove("digest", b"super:admin", &znodes)
                .unwrap()
                .contains(&Id::new("super", ""))
        );
        assert_eq!(prove("digest", b"super:other", &znodes).unwrap().len(), 1);
    }

    #[test]
    fn schemes_without_a_provider_prove_nothing() {
        for scheme in ["world", "auth", "sasl", "x509", "super", "", "nope"] {
            assert_eq!(prove(scheme, b"x:y", &Znodes::default()), None, "{scheme}");
        }
        assert_eq!(prove("ip", b"", &Znodes::default()), Some(Vec::new()));
    }
}
