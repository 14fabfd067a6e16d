//! With which certificates are servers called?

use quorate_client::Tls;
use quorate_server::config::{Password, StoreFile, StoreKind};
use quorate_server::tls::{keys_of_files, roots};
use std::path::PathBuf;

/// Options that switch TLS on and say with what. Without any, nothing is encrypted.
#[derive(clap::Args)]
#[group(skip)]
pub(super) struct Args {
    /// Calls servers with TLS: their certificates must come from one of those in this file (PEM).
    #[arg(help_heading = "TLS", long = "tls-ca", value_name = "FILE")]
    ca: Option<PathBuf>,

    /// Shows servers this certificate, and those between it and its authority (PEM).
    #[arg(help_heading = "TLS", long = "tls-cert", value_name = "FILE", requires = "ca")]
    cert: Option<PathBuf>,

    /// The certificate's key (PEM); without, it is in the certificate's file.
    #[arg(
        help_heading = "TLS",
        long = "tls-key",
        value_name = "FILE",
        requires = "cert"
    )]
    key: Option<PathBuf>,

    /// The file with the password of a key that is encrypted.
    #[arg(
        help_heading = "TLS",
        long = "tls-key-password-file",
        value_name = "FILE",
        requires = "cert"
    )]
    key_password_file: Option<PathBuf>,

    /// Whom the server's certificate has to name; without, the host that is called.
    #[arg(
        help_heading = "TLS",
        long = "tls-server-name",
        value_name = "NAME",
        requires = "ca"
    )]
    server_name: Option<String>,
}

/// All of them; each has a value.
pub(super) const OPTIONS: [&str; 5] = [
    "--tls-ca",
    "--tls-cert",
    "--tls-key",
    "--tls-key-password-file",
    "--tls-server-name",
];

impl Args {
    /// What the files hold; `None` without TLS.
    pub(super) fn read(&self) -> Result<Option<Tls>, String> {
        let Some(ca) = &self.ca else {
            return Ok(None);
        };
        let roots = roots(&StoreFile {
            path: ca.clone(),
            kind: StoreKind::Pem,
            password: Password::Given(String::new()),
        })
        .map_err(|error| error.to_string())?;
        let password = match &self.key_password_file {
            Some(file) => Password::InFile(file.clone()),
            None => Password::Given(String::new()),
        };
        let keys = |cert| keys_of_files(cert, self.key.as_deref(), &password);
        let identity = self.cert.as_deref().map(keys).transpose();
        let identity = identity.map_err(|error| error.to_string())?;
        let tls = Tls::new(roots, identity, self.server_name.as_deref());
        tls.map(Some).map_err(|error| error.to_string())
    }
}
