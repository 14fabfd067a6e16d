//! What does a server say of itself, asked with one of the four-letter words?

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// A stopped server accepts connections (the kernel does) and says nothing; this is how long to listen.
const PATIENCE: Duration = Duration::from_secs(3);

/// The whole answer to `word`; nothing if the server cannot be reached or does not answer.
pub fn ask(server: impl Into<SocketAddr>, word: &str) -> Option<String> {
    let mut stream = TcpStream::connect_timeout(&server.into(), PATIENCE).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    stream.write_all(word.as_bytes()).ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).ok()?;
    Some(String::from_utf8_lossy(&answer).into_owned())
}

/// What a serving server is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Mode {
    /// The only server there is.
    Standalone,
    /// It leads an ensemble.
    Leader,
    /// It follows.
    Follower,
    /// It observes.
    Observer,
    /// It has no quorum and answers reads.
    ReadOnly,
}

/// The answer to `srvr`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Srvr {
    /// What the server is.
    pub mode: Mode,
    /// Its last applied transaction.
    pub zxid: u64,
}

impl Srvr {
    /// The epoch of the last applied transaction.
    pub fn epoch(&self) -> u64 {
        self.zxid >> 32
    }

    /// Reads the answer; nothing if the server does not serve.
    pub fn parse(answer: &str) -> Option<Srvr> {
        let field = |name: &str| {
            answer
                .lines()
                .find_map(|line| line.strip_prefix(name))
                .map(str::trim)
        };
        let mode = match field("Mode:")? {
            "standalone" => Mode::Standalone,
            "leader" => Mode::Leader,
            "follower" => Mode::Follower,
            "observer" => Mode::Observer,
            "read-only" => Mode::ReadOnly,
            _ => return None,
        };
        let zxid = u64::from_str_radix(field("Zxid:")?.trim_start_matches("0x"), 16).ok()?;
        Some(Srvr { mode, zxid })
    }
}

/// Reads the answer to `mntr`: names without `zk_`, and their values.
pub fn parse_mntr(answer: &str) -> BTreeMap<String, String> {
    answer
        .lines()
        .filter_map(|line| line.strip_prefix("zk_")?.split_once('\t'))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// Reads the answer to `hash`: digests of the tree by zxid.
pub fn parse_hash(answer: &str) -> BTreeMap<u64, String> {
    answer
        .lines()
        .filter_map(|line| {
            let (zxid, digest) = line.split_once(':')?;
            Some((
                u64::from_str_radix(zxid.trim().trim_start_matches("0x"), 16).ok()?,
                digest.trim().to_owned(),
            ))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_to_srvr_gives_mode_and_zxid() {
        let answer =
            "Zookeeper version: 3.9.3, built on X\nZxid: 0x400000005\nMode: leader\nNode count: 43\n";
        let srvr = Srvr::parse(answer).unwrap();
        assert_eq!(
            srvr,
            Srvr {
                mode: Mode::Leader,
                zxid: 0x4_0000_0005
            }
        );
        assert_eq!(srvr.epoch(), 4);
        assert_eq!(
            Srvr::parse("This ZooKeeper instance is not currently serving requests\n"),
            None
        );
    }
}
