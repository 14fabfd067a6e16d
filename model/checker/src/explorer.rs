//! What does a world look like from inside? stateright's Explorer shows worlds and steps in a browser.

use crate::sets::AgreementRun;
use crate::world::{Agreement, Reductions};
use quorate_zab::Zab;
use stateright::Model;
use std::net::SocketAddr;

impl AgreementRun {
    /// Serves the Explorer at `address` until the process ends.
    ///
    /// Nothing is reduced, so that each server keeps its name from step to step: there are more worlds than
    /// the run counts. They are worked out as they are asked for.
    ///
    /// # Panics
    ///
    /// If nobody can listen at `address`.
    pub fn explore(&self, address: SocketAddr) {
        let model = Agreement::new(Zab, self.bounds).with_reductions(Reductions::NONE);
        let _ = model.checker().serve(address);
    }
}

#[cfg(test)]
mod tests {
    use crate::sets::agreement_runs;
    use std::io::{Read, Write};
    use std::net::{Ipv4Addr, SocketAddr, TcpStream};
    use std::time::{Duration, Instant};

    /// An address that no other process of this machine takes: its own number is in it.
    fn address() -> SocketAddr {
        let [_, a, b, c] = std::process::id().to_be_bytes();
        SocketAddr::from((Ipv4Addr::new(127, 64 | (a & 63), b, c), 3000))
    }

    fn get(address: SocketAddr, path: &str) -> String {
        let deadline = Instant::now() + Duration::from_secs(60);
        let mut stream = loop {
            match TcpStream::connect(address) {
                Ok(stream) => break stream,
                Err(error) => assert!(Instant::now() < deadline, "nobody listens at {address}: {error}"),
            }
            std::thread::yield_now();
        };
        write!(stream, "GET {path} HTTP/1.0\r\n\r\n").expect("it is asked");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it answers");
        answer
    }

    #[test]
    fn the_explorer_shows_worlds_and_tells_steps() {
        let run = agreement_runs().into_iter().next().expect("there are runs");
        let address = address();
        std::thread::spawn(move || run.explore(address));
        assert!(get(address, "/").contains("Explorer"), "the page");
        let first = get(address, "/.states");
        let (_, fingerprint) = first.split_once("actionIndex\":").expect("a first world");
        let index: String = fingerprint.chars().take_while(char::is_ascii_digit).collect();
        let steps = get(address, &format!("/.states/{index}"));
        assert!(steps.contains("1 begins to lead"), "{steps}");
    }
}
