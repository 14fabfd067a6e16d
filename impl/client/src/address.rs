//! Where are the servers, and below which path does a client live? `host:port,host:port/chroot`.

use crate::path::{PathError, validate};
use std::fmt;
use std::str::FromStr;

/// The port of a server whose address names none.
const PORT: u16 = 2181;

/// A list of servers, and the path that all paths of the client are below.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Servers {
    /// `host:port` of each.
    pub addresses: Vec<String>,
    /// Without a slash at its end; empty if there is none.
    pub chroot: String,
}

/// A list of servers that cannot be read.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum AddressError {
    /// Nothing between two commas, or nothing at all.
    #[error("a server is missing in {0:?}: host:port[,host:port...][/path] is expected")]
    Empty(String),
    /// What follows the colon is no port.
    #[error("{0:?} has no port from 1 to 65535 behind its colon")]
    Port(String),
    /// What follows the servers is no path.
    #[error("{0}")]
    Chroot(PathError),
}

impl FromStr for Servers {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let (hosts, chroot) = match text.find('/') {
            Some(slash) => text.split_at(slash),
            None => (text, ""),
        };
        let chroot = if chroot == "/" { "" } else { chroot };
        if !chroot.is_empty() {
            validate(chroot).map_err(AddressError::Chroot)?;
        }
        let addresses = hosts
            .split(',')
            .map(|host| address(host.trim()).ok_or(host))
            .map(|address| match address {
                Ok(Ok(address)) => Ok(address),
                Ok(Err(error)) => Err(error),
                Err(_) => Err(AddressError::Empty(text.to_owned())),
            })
            .collect::<Result<_, _>>()?;
        Ok(Self {
            addresses,
            chroot: chroot.to_owned(),
        })
    }
}

/// `None` if there is no host.
fn address(text: &str) -> Option<Result<String, AddressError>> {
    // An IPv6 address has colons of its own: with a port it stands in brackets.
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => (host, Some(port)),
        _ => (text, None),
    };
    if host.is_empty() || host == "[]" {
        return None;
    }
    let port = match port.map(str::parse) {
        None => PORT,
        Some(Ok(port)) if port != 0 => port,
        Some(_) => return Some(Err(AddressError::Port(text.to_owned()))),
    };
    Some(Ok(if host.contains(':') && !host.starts_with('[') {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    }))
}

impl Servers {
    /// The path on the servers of what the client calls `path`.
    pub(crate) fn outside(&self, path: &str) -> String {
        match path {
            "/" if !self.chroot.is_empty() => self.chroot.clone(),
            path => format!("{}{path}", self.chroot),
        }
    }

    /// What the client calls `path` of the servers; as it is if it is not below the chroot.
    pub(crate) fn inside(&self, path: &str) -> String {
        match path.strip_prefix(&self.chroot) {
            Some("") => "/".to_owned(),
            Some(below) if below.starts_with('/') => below.to_owned(),
            _ => path.to_owned(),
        }
    }
}

impl fmt::Display for Servers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.addresses.join(","), self.chroot)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<(Vec<String>, String), AddressError> {
        text.parse::<Servers>()
            .map(|servers| (servers.addresses, servers.chroot))
    }

    fn servers(addresses: &[&str], chroot: &str) -> Result<(Vec<String>, String), AddressError> {
        Ok((
            addresses.iter().map(|&text| text.to_owned()).collect(),
            chroot.to_owned(),
        ))
    }

    #[test]
    fn servers_are_read_with_their_ports_and_chroot() {
        assert_eq!(read("a:1,b"), servers(&["a:1", "b:2181"], ""));
        assert_eq!(read("a:1, b:2/app/x"), servers(&["a:1", "b:2"], "/app/x"));
        assert_eq!(read("a/"), servers(&["a:2181"], ""));
        assert_eq!(
            read("[::1]:3,[::1],::1"),
            servers(&["[::1]:3", "[::1]:2181", "[::1]:2181"], "")
        );
    }

    #[test]
    fn what_is_no_list_of_servers_is_refused() {
        assert!(matches!(read(""), Err(AddressError::Empty(_))));
        assert!(matches!(read("a,,b"), Err(AddressError::Empty(_))));
        assert!(matches!(read(":2181"), Err(AddressError::Empty(_))));
        for port in ["a:0", "a:70000", "a:x", "a:"] {
            assert_eq!(read(port), Err(AddressError::Port(port.to_owned())));
        }
        assert!(matches!(read("a/x/"), Err(AddressError::Chroot(_))));
    }

    #[test]
    fn paths_go_below_the_chroot_and_back() {
        let servers: Servers = "a/app".parse().expect("it is well-formed");
        for (inside, outside) in [("/", "/app"), ("/x", "/app/x"), ("/app", "/app/app")] {
            assert_eq!(servers.outside(inside), outside);
            assert_eq!(servers.inside(outside), inside);
        }
        assert_eq!(servers.inside("/application"), "/application");
        let servers: Servers = "a".parse().expect("it is well-formed");
        for path in ["/", "/x/y"] {
            assert_eq!(servers.outside(path), path);
            assert_eq!(servers.inside(path), path);
        }
    }
}
