//! Can this server's ports be bound?

use super::Findings;
use quorate_server::config::{ClientAddress, Config, Mode};
use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, ToSocketAddrs};

pub(super) fn check(config: &Config, findings: &mut Findings) {
    match &config.client {
        None => findings.warn(
            "ports",
            "no clientPort: no client can connect",
            "add clientPort, or the port behind the semicolon of this server's line",
        ),
        Some(address) => port("clientPort", &address.to_string(), client(address), findings),
    }
    let Mode::Ensemble(membership) = &config.mode else {
        return;
    };
    let own = &membership.members[&membership.me];
    for (what, number) in [
        ("quorumPort", own.quorum_port),
        ("electionPort", own.election_port),
    ] {
        let host = match membership.listen_on_all_addresses {
            true => "0.0.0.0",
            false => &own.host,
        };
        let shown = match host.contains(':') {
            true => format!("[{host}]:{number}"),
            false => format!("{host}:{number}"),
        };
        let found = (host, number)
            .to_socket_addrs()
            .map(|found| found.take(1).collect());
        port(what, &shown, found, findings);
    }
}

/// As the server tries them: the first that can be bound will do.
fn client(address: &ClientAddress) -> io::Result<Vec<SocketAddr>> {
    match &address.host {
        Some(host) => Ok((host.as_str(), address.port).to_socket_addrs()?.collect()),
        None => Ok(vec![
            (Ipv6Addr::UNSPECIFIED, address.port).into(),
            (Ipv4Addr::UNSPECIFIED, address.port).into(),
        ]),
    }
}

fn port(what: &str, shown: &str, candidates: io::Result<Vec<SocketAddr>>, findings: &mut Findings) {
    let bound = candidates.and_then(|candidates| {
        let mut failed = io::Error::new(ErrorKind::NotFound, "the name has no address");
        for candidate in candidates {
            match TcpListener::bind(candidate) {
                Ok(_) => return Ok(()),
                Err(error) => failed = error,
            }
        }
        Err(failed)
    });
    let Err(error) = bound else {
        return findings.ok("ports", format!("{what} {shown} is free"));
    };
    let remedy = match error.kind() {
        ErrorKind::AddrInUse => "stop what listens there (`ss -ltnp` names it), or choose another port",
        ErrorKind::AddrNotAvailable => {
            "this machine has no such address: correct the host, or check myid; quorumListenOnAllIPs=true listens on all"
        }
        ErrorKind::PermissionDenied => "ports below 1024 are for root: choose another",
        _ => "the host must be a name or an address of this machine",
    };
    findings.fail("ports", format!("{what} {shown}: {error}"), remedy);
}
