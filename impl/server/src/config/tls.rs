//! What does the operator want of TLS on the client port? Apache's `ssl.*` keys, as its `ClientX509Util` means
//! them.

use super::properties::Property;
use super::reading::Reading;
use super::server_line::ClientAddress;
use std::fmt;
use std::path::PathBuf;

/// TLS on the client port.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Tls {
    /// This server's certificates and their key.
    pub key_store: StoreFile,
    /// Whose certificates are believed; `None`: clients are not asked for any.
    pub trust_store: Option<StoreFile>,
    /// Whether a client has to have a certificate.
    pub client_auth: ClientAuth,
    /// Versions that are spoken.
    pub versions: Vec<TlsVersion>,
    /// Cipher suites by their names, the best first; `None`: all that there are.
    pub suites: Option<Vec<String>>,
    /// Whether a client's certificate has to name the host that it comes from.
    pub verify_client_host: bool,
    /// Whether files that change are read again.
    pub reload: bool,
    /// The subject that is the super user as well.
    pub super_user: Option<String>,
    /// Handshakes that may be under way at once; `None`: any number.
    pub handshakes_max: Option<usize>,
}

/// A file of keys or certificates.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StoreFile {
    /// Where it is.
    pub path: PathBuf,
    /// What is in it.
    pub kind: StoreKind,
    /// What opens it.
    pub password: Password,
}

/// What a store's file holds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum StoreKind {
    /// Base64 between lines that say what it is.
    Pem,
    /// PKCS#12.
    Pkcs12,
}

/// A password, or the file that holds it. It is not shown.
#[derive(Clone, Eq, PartialEq)]
pub enum Password {
    /// The password.
    Given(String),
    /// The first lines of this file but for its last newline.
    InFile(PathBuf),
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Given(_) => f.write_str("Given(..)"),
            Self::InFile(path) => f.debug_tuple("InFile").field(path).finish(),
        }
    }
}

/// Whether clients are asked for certificates.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ClientAuth {
    /// They are not.
    None,
    /// They are, and may have none.
    Want,
    /// Without one they are refused.
    Need,
}

/// A version of TLS.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum TlsVersion {
    /// 1.2
    V1_2,
    /// 1.3
    V1_3,
}

/// The suites that there are, by Java's names, which are those of the standard.
pub(crate) const SUITES: [&str; 9] = [
    "TLS_AES_256_GCM_SHA384",
    "TLS_AES_128_GCM_SHA256",
    "TLS_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
];

/// Apache's key for [`Tls::handshakes_max`].
const HANDSHAKES: &str = "netty.server.outstandingHandshake.limit";

impl Reading<'_> {
    /// Where clients connect with TLS alone.
    pub(super) fn secure_client(&mut self) -> Option<ClientAddress> {
        let address = self.take("secureClientPortAddress");
        let port = self.number("secureClientPort", super::reading::PORT);
        if port.is_none()
            && let Some(address) = &address
        {
            self.fault(address, "secureClientPortAddress needs secureClientPort");
        }
        let host = address
            .map(|address| address.value)
            .filter(|host| !host.is_empty() && host != "0.0.0.0");
        Some(ClientAddress {
            host,
            port: port? as u16,
        })
    }

    /// What is to be known of TLS, if any port speaks it.
    pub(super) fn tls(&mut self, is_used: bool) -> Option<Tls> {
        if !is_used {
            return None;
        }
        // Apache speaks TLS by Netty alone; here there is nothing to choose.
        self.take("serverCnxnFactory");
        let key_store = self.store("keyStore");
        let trust_store = self.store("trustStore");
        let auth = self.take("ssl.clientAuth");
        let mut client_auth = ClientAuth::Need;
        if let Some(property) = &auth {
            match property.value.to_ascii_lowercase().as_str() {
                "none" => client_auth = ClientAuth::None,
                "want" => client_auth = ClientAuth::Want,
                "need" | "" => {}
                _ => self.fault(property, "must be none, want or need"),
            }
        }
        if key_store.is_none() && self.faults_in("ssl.keyStore") == 0 {
            self.missing(
                "ssl.keyStore.location is missing: it names the file with this server's certificate and key",
            );
        }
        if trust_store.is_none() && self.faults_in("ssl.trustStore") == 0 {
            match client_auth {
                ClientAuth::Need => self.missing(
                    "ssl.trustStore.location is missing: without it no client's certificate can be believed; \
                     ssl.clientAuth=none asks for none",
                ),
                ClientAuth::Want => {
                    self.note(
                        "ssl.clientAuth=want without ssl.trustStore.location: clients are asked for nothing",
                    );
                }
                ClientAuth::None => {}
            }
        }
        let versions = self.versions();
        let suites = self.suites(&versions);
        // Apache's server port looks at no host without the second key; both have to be true.
        let any_host = self.boolean("ssl.hostnameVerification").unwrap_or(true);
        let client_host = self.boolean("ssl.clientHostnameVerification").unwrap_or(false);
        let reload = self.boolean("client.certReload").unwrap_or(false);
        let super_user = self.take("X509AuthenticationProvider.superUser");
        let handshakes = self.number(HANDSHAKES, -1..=i64::from(i32::MAX));
        Some(Tls {
            key_store: key_store?,
            trust_store: trust_store.filter(|_| client_auth != ClientAuth::None),
            client_auth,
            versions,
            suites,
            verify_client_host: any_host && client_host,
            reload,
            super_user: super_user.map(|property| property.value),
            // As Apache has it: 0 and -1 are no limit.
            handshakes_max: handshakes
                .and_then(|max| usize::try_from(max).ok())
                .filter(|max| *max > 0),
        })
    }

    fn faults_in(&self, prefix: &str) -> usize {
        let keys = self.faults.iter().filter_map(|fault| fault.property.as_ref());
        keys.filter(|(key, _)| key.starts_with(prefix)).count()
    }

    fn store(&mut self, which: &str) -> Option<StoreFile> {
        let [location, kind, password, path] = ["location", "type", "password", "passwordPath"]
            .map(|what| self.take(&format!("ssl.{which}.{what}")));
        let location = location.filter(|location| !location.value.is_empty())?;
        let kind = match kind.filter(|kind| !kind.value.is_empty()) {
            Some(kind) => self.kind(&kind, &kind.value.to_ascii_uppercase())?,
            None => {
                let ending = location.value.rsplit_once('.').map_or("", |(_, ending)| ending);
                let name = match ending {
                    "p12" => "PKCS12",
                    "pem" => "PEM",
                    "jks" => "JKS",
                    "bcfks" => "BCFKS",
                    _ => {
                        let what =
                            format!("ends in neither .pem nor .p12: ssl.{which}.type has to say what it is");
                        self.fault(&location, what);
                        return None;
                    }
                };
                self.kind(&location, name)?
            }
        };
        let password = match path.filter(|path| !path.value.is_empty()) {
            Some(path) => Password::InFile(path.value.into()),
            None => Password::Given(password.map(|password| password.value).unwrap_or_default()),
        };
        Some(StoreFile {
            path: location.value.into(),
            kind,
            password,
        })
    }

    fn kind(&mut self, at: &Property, name: &str) -> Option<StoreKind> {
        match name {
            "PEM" => Some(StoreKind::Pem),
            "PKCS12" => Some(StoreKind::Pkcs12),
            "JKS" => {
                self.fault(
                    at,
                    "JKS is not read here. Convert it: keytool -importkeystore -srckeystore old.jks \
                     -destkeystore new.p12 -deststoretype PKCS12",
                );
                None
            }
            _ => {
                self.fault(at, "must be PEM or PKCS12");
                None
            }
        }
    }

    fn versions(&mut self) -> Vec<TlsVersion> {
        let one = self.take("ssl.protocol");
        let listed = self.take("ssl.enabledProtocols").or(one);
        let Some(property) = listed else {
            return vec![TlsVersion::V1_3];
        };
        let mut versions = Vec::new();
        for name in property.value.split(',').map(str::trim) {
            match name {
                "TLSv1.2" => versions.push(TlsVersion::V1_2),
                "TLSv1.3" => versions.push(TlsVersion::V1_3),
                _ => {
                    self.fault(&property, format!("{name}: there are TLSv1.2 and TLSv1.3"));
                    break;
                }
            }
        }
        versions
    }

    fn suites(&mut self, versions: &[TlsVersion]) -> Option<Vec<String>> {
        let property = self.take("ssl.ciphersuites")?;
        let names: Vec<_> = property
            .value
            .split(',')
            .map(str::trim)
            .map(str::to_owned)
            .collect();
        if let Some(unknown) = names.iter().find(|name| !SUITES.contains(&name.as_str())) {
            self.fault(
                &property,
                format!("{unknown} is not there; there are {}", SUITES.join(", ")),
            );
            return None;
        }
        for version in versions {
            let of_1_3 = |name: &String| !name.contains("_WITH_");
            if !names
                .iter()
                .any(|name| of_1_3(name) == (*version == TlsVersion::V1_3))
            {
                self.fault(&property, format!("none of these is for {version}"));
            }
        }
        Some(names)
    }
}

impl fmt::Display for TlsVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V1_2 => "TLSv1.2",
            Self::V1_3 => "TLSv1.3",
        })
    }
}
