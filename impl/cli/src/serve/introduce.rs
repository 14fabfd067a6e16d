//! What is whoever starts a server told? Where clients connect, which process and directories there are, and
//! the command that audits what happens.

use crate::say::say;
use quorate_server::config::{Config, Mode};
use quorate_zab::ServerId;
use std::ffi::OsString;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf, absolute};

/// Says what there is to know about the one server of this process.
pub(super) fn introduce(config: &Config, clients: Option<SocketAddr>, secure: Option<SocketAddr>) {
    match clients {
        Some(address) => say!("Connect to {}", from_here(address)),
        None if secure.is_none() => say!("No client can connect: there is no clientPort"),
        None => {}
    }
    if let Some(address) = secure {
        say!("Connect with TLS to {}", from_here(address));
    }
    say!(
        "{}",
        server(
            config.server(),
            std::process::id(),
            &config.data_dir,
            &config.trace.dir
        )
    );
    say!("Ctrl-C stops it, and so does SIGTERM.");
    if matches!(config.mode, Mode::Ensemble(_)) {
        say!("An audit of an ensemble wants the trace directories of all its servers.");
    }
    say!("Audit what it did: {}", audit_command(&config.trace.dir));
}

/// A line on one server.
pub(super) fn server(id: ServerId, process: u32, data: &Path, trace: &Path) -> String {
    format!(
        "server {id}: process {process}, data {}, trace {}",
        whole(data).display(),
        whole(trace).display()
    )
}

/// The command that audits what is recorded below `dir`, to be pasted into a shell: this very program, which
/// has the step functions that recorded it.
pub(super) fn audit_command(dir: &Path) -> String {
    let program = std::env::current_exe().map_or_else(|_| OsString::from("quorate"), PathBuf::into_os_string);
    format!(
        "{} audit {}",
        shell_word(&program.to_string_lossy()),
        shell_word(&whole(dir).to_string_lossy())
    )
}

/// The path from the root, for whoever is in another directory by then.
fn whole(path: &Path) -> PathBuf {
    absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// Where a client on this machine connects to a port that may be bound on every address.
fn from_here(address: SocketAddr) -> SocketAddr {
    let host = match address.ip() {
        IpAddr::V4(host) if host.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(host) if host.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        host => host,
    };
    SocketAddr::new(host, address.port())
}

/// A word that a shell takes as it is, in quotes where it has to be.
fn shell_word(word: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "/._-+=:,@%".contains(letter);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn a_shell_reads_back_the_words_that_were_meant() {
        for word in [
            "/usr/bin/quorate",
            "it's here",
            "$HOME `x` \"y\"",
            "a\\b",
            "*",
            "",
        ] {
            let script = format!("printf %s {}", shell_word(word));
            let output = Command::new("sh").args(["-c", &script]).output();
            let output = output.expect("there is a shell");
            assert_eq!(String::from_utf8_lossy(&output.stdout), word, "{script}");
        }
    }

    #[test]
    fn plain_paths_are_not_quoted() {
        assert_eq!(
            shell_word("/data/server-1/version_2.x"),
            "/data/server-1/version_2.x"
        );
    }

    #[test]
    fn the_command_that_audits_is_this_program_and_works_in_any_directory() {
        let program = std::env::current_exe().expect("a test is a program");
        let here = std::env::current_dir().expect("a directory");
        let command = audit_command(Path::new("quorate data/trace"));
        assert_eq!(
            command,
            format!(
                "{} audit '{}/quorate data/trace'",
                shell_word(&program.to_string_lossy()),
                here.display()
            )
        );
    }

    #[test]
    fn a_port_on_every_address_is_reached_from_this_machine() {
        let here = |address: &str| from_here(address.parse().expect("an address")).to_string();
        assert_eq!(here("0.0.0.0:2181"), "127.0.0.1:2181");
        assert_eq!(here("[::]:2181"), "[::1]:2181");
        assert_eq!(here("127.9.8.7:2181"), "127.9.8.7:2181");
    }
}
