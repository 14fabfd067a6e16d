//! Where do the servers of one test listen, so that tests running beside it cannot get in the way?
//!
//! Each ensemble claims a block 127.a.b.0/24 and gives each server an address in it, on which the
//! well-known ports are free. The claim is a bound socket, so that the kernel decides who has it and
//! gives it up when the test process ends, however it ends.

use std::net::{Ipv4Addr, SocketAddrV4, TcpListener};
use std::sync::atomic::{AtomicU32, Ordering};

/// The port clients connect to.
pub(crate) const CLIENT_PORT: u16 = 2181;
/// The port learners connect to.
pub(crate) const QUORUM_PORT: u16 = 2888;
/// The port votes are exchanged on.
pub(crate) const ELECTION_PORT: u16 = 3888;
/// A relay for learner `i` listens on this port plus `i`, at the address of the server behind it.
const RELAY_PORTS: u16 = 20_880;

const CLAIM_PORT: u16 = 20_253;
const CLAIM_HOST: u8 = 253;
const BLOCKS: u32 = 253 * 256;

/// A block of loopback addresses that no other live test has.
#[derive(Debug)]
pub(crate) struct Block {
    a: u8,
    b: u8,
    _claim: TcpListener,
}

impl Block {
    /// Claims a block, starting the search at a place derived from this process.
    pub(crate) fn claim() -> Block {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let start = std::process::id().wrapping_mul(97);
        for _ in 0..BLOCKS {
            let n = start.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)) % BLOCKS;
            // 127.0.0.x and 127.1.x.y are left to people.
            let (a, b) = ((2 + n / 256) as u8, (n % 256) as u8);
            if let Ok(claim) = TcpListener::bind((Ipv4Addr::new(127, a, b, CLAIM_HOST), CLAIM_PORT)) {
                return Block { a, b, _claim: claim };
            }
        }
        panic!("every block 127.a.b.0/24 is claimed by another test, or loopback takes no other address");
    }

    /// The address of the server `id`, 1 to 250.
    pub(crate) fn server(&self, id: u64) -> Ipv4Addr {
        let host = u8::try_from(id).ok().filter(|host| (1..=250).contains(host));
        Ipv4Addr::new(
            127,
            self.a,
            self.b,
            host.expect("server ids in tests are 1 to 250"),
        )
    }

    /// Where the relay listens that carries what learner `from` says to the server `to`.
    pub(crate) fn relay(&self, from: u64, to: u64) -> SocketAddrV4 {
        SocketAddrV4::new(self.server(to), RELAY_PORTS + from as u16)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_claims_never_share_a_block() {
        let (one, two) = (Block::claim(), Block::claim());
        assert_ne!((one.a, one.b), (two.a, two.b));
        assert!(TcpListener::bind((Ipv4Addr::new(127, one.a, one.b, CLAIM_HOST), CLAIM_PORT)).is_err());
    }

    #[test]
    fn well_known_ports_are_free_on_every_server_of_a_block() {
        let block = Block::claim();
        let _held: Vec<_> = (1..=3)
            .flat_map(|id| [CLIENT_PORT, QUORUM_PORT, ELECTION_PORT].map(|port| (block.server(id), port)))
            .map(|at| TcpListener::bind(at).unwrap_or_else(|why| panic!("{at:?}: {why}")))
            .collect();
    }
}
