//! How does one look into a run? With stateright's Explorer, in a browser on this machine.

use crate::CANNOT_RUN;
use crate::say::{complain, say};
use quorate_checker::{AgreementRun, agreement_runs};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::ExitCode;

/// Serves the Explorer of the agreement run with that name until the process ends. No name is the first run.
pub(super) fn run(name: &str, port: u16) -> ExitCode {
    let found = find(name).and_then(|run| Ok((run, free(port)?)));
    let (run, address) = match found {
        Ok(found) => found,
        Err(why) => {
            complain!("quorate check: {why}");
            return ExitCode::from(CANNOT_RUN);
        }
    };
    say!("Explorer of {:?} ({})", run.name, run.bounds);
    say!("Open http://{address}/ in a browser. Ctrl-C ends it.");
    // It ends only if it cannot go on, with a panic that says why.
    let _ = std::panic::catch_unwind(|| run.explore(address));
    ExitCode::from(CANNOT_RUN)
}

fn find(name: &str) -> Result<AgreementRun, String> {
    let runs = agreement_runs();
    let found = runs.iter().find(|run| name.is_empty() || run.name == name);
    found.copied().ok_or_else(|| {
        let names: Vec<_> = runs.iter().map(|run| format!("\n  {}", run.name)).collect();
        format!(
            "there is no run {name:?} of the agreement grain; there are{}",
            names.concat()
        )
    })
}

/// This port, or a free one for 0. The Explorer itself says neither which it took nor why it could not.
fn free(port: u16) -> Result<SocketAddr, String> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port))
        .and_then(|listener| listener.local_addr())
        .map_err(|error| {
            format!(
                "port {port} of {}: {error}; --port takes another",
                Ipv4Addr::LOCALHOST
            )
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_found_by_its_name_and_no_name_is_the_first() {
        let first = find("").map(|run| run.name);
        assert_eq!(first, find("from empty disks, with a break").map(|run| run.name));
        let error = find("nowhere").expect_err("there is none");
        assert!(
            error.contains("nowhere") && error.contains("an Apache learner"),
            "{error}"
        );
    }

    #[test]
    fn a_port_in_use_is_named_and_zero_is_a_free_one() {
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
        let port = taken.local_addr().expect("it is bound").port();
        let error = free(port).expect_err("it is taken");
        assert!(error.contains(&port.to_string()), "{error}");
        assert_ne!(free(0).map(|address| address.port()), Ok(0));
    }
}
