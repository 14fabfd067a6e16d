//! Who certifies the servers and clients of a test? An authority of its own, made by the commands that
//! `docs/tls.md` tells its readers.

use std::fmt::Write;
use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::member::Member;

/// An authority and what it has signed, as files of one directory.
#[derive(Debug)]
pub struct Certificates(TempDir);

/// The blocks in `language` under a heading of `docs/tls.md`.
///
/// # Panics
///
/// If there is none.
pub fn told(heading: &str, language: &str) -> Vec<String> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/tls.md");
    let page = fs::read_to_string(page).expect("docs/tls.md is there");
    let (mut under, mut block, mut blocks) = (false, None, Vec::new());
    for line in page.lines() {
        match (&mut block, line) {
            (None, line) if line.starts_with('#') => under = line.trim_start_matches('#').trim() == heading,
            (None, line) => block = line.strip_prefix("```").map(|is| (is.to_owned(), String::new())),
            (Some((is, text)), "```") => {
                if under && is == language {
                    blocks.push(std::mem::take(text));
                }
                block = None;
            }
            (Some((_, text)), line) => writeln!(text, "{line}").expect("a string takes any text"),
        }
    }
    assert!(
        !blocks.is_empty(),
        "docs/tls.md tells no {language} under {heading:?}"
    );
    blocks
}

impl Certificates {
    /// An authority.
    ///
    /// # Panics
    ///
    /// If the commands fail; so do all functions here.
    pub fn new() -> Certificates {
        let made = Certificates(TempDir::with_prefix("quorate-certificates-").expect("a scratch directory"));
        made.run(&told("An authority", "sh")[0]);
        made
    }

    /// Where the files are.
    pub fn dir(&self) -> &Path {
        self.0.path()
    }

    /// One of them.
    pub fn file(&self, name: &str) -> PathBuf {
        self.dir().join(name)
    }

    /// Certifies a server at `localhost` and these addresses, in `<name>.pem` and as the page has it.
    #[track_caller]
    pub fn server(&self, name: &str, addresses: &[IpAddr]) {
        let addresses: Vec<_> = addresses.iter().map(IpAddr::to_string).collect();
        self.run(&server_words(
            &told("A server", "sh")[0],
            name,
            &addresses.join(",IP:"),
        ));
    }

    /// Certifies it anew, as the page has it.
    #[track_caller]
    pub fn renew(&self, name: &str) {
        self.run(&server_words(&told("Renewal", "sh")[0], name, "127.0.0.1"));
    }

    /// Certifies a client, in `<name>.crt`, `<name>.key` and `<name>.pem`.
    #[track_caller]
    pub fn client(&self, name: &str) {
        self.run(&told("A client", "sh")[0].replace("alice", name));
    }

    /// Puts a client's files into stores as Java has them, `<name>.p12` and `trust.p12`; gives their password.
    #[track_caller]
    pub fn stores(&self, name: &str) -> String {
        self.run(&told("A client", "sh")[1].replace("alice", name));
        fs::read_to_string(self.file("password")).expect("a password")
    }

    /// Runs commands of the test's own where the files are.
    #[track_caller]
    pub fn run(&self, script: &str) {
        let output = Command::new("bash")
            .args(["-euc", script])
            .current_dir(self.dir())
            .output()
            .expect("bash runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{script}\n{said}");
    }

    /// A client of this subject, with `more` options for its request, in `<name>.crt` and `<name>.key`.
    #[track_caller]
    pub fn subject(&self, name: &str, subject: &str, more: &str) {
        self.run(&format!(
            "openssl req -new -utf8 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -multivalue-rdn \
             -subj '{subject}' {more} -keyout {name}.key -out {name}.csr\n\
             openssl x509 -req -in {name}.csr -CA ca.pem -CAkey ca.key -days 365 -copy_extensions copy -out {name}.crt"
        ));
    }
}

impl Default for Certificates {
    fn default() -> Certificates {
        Certificates::new()
    }
}

fn server_words(block: &str, name: &str, addresses: &str) -> String {
    block
        .replace("DNS:zk1.example.com", "DNS:localhost")
        .replace("192.0.2.1", addresses)
        .replace("zk1", name)
}

/// Lets a server speak TLS as the page's `zoo.cfg` does, certified for its address; gives where.
///
/// # Panics
///
/// If the page says nothing of it.
#[track_caller]
pub fn secure(member: &mut Member, certificates: &Certificates) -> SocketAddr {
    let ip = member.client_address().ip();
    let name = format!("zk{}", member.id());
    certificates.server(&name, &[ip]);
    let dir = certificates.dir().display().to_string();
    let mut port = None;
    for line in told("A server", "properties")[0].lines() {
        let line = line.replace("/etc/zookeeper", &dir).replace("zk1", &name);
        let (key, value) = line.split_once('=').expect("a key and a value");
        if key == "secureClientPort" {
            port = Some(value.parse().expect("a port"));
        }
        member.configure(key, value);
    }
    member.configure("secureClientPortAddress", &ip.to_string());
    // Apache speaks TLS by Netty alone, and has to be told.
    member.configure(
        "serverCnxnFactory",
        "org.apache.zookeeper.server.NettyServerCnxnFactory",
    );
    SocketAddr::new(ip, port.expect("the page names the port"))
}
