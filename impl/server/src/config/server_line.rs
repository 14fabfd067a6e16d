//! What does a `server.N` line say of a member of the ensemble?

use std::fmt;

/// A member as configured.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Member {
    /// Name or address, as written.
    pub host: String,
    /// Where learners connect to it when it leads.
    pub quorum_port: u16,
    /// Where elections are held.
    pub election_port: u16,
    /// Whether it has no vote.
    pub observes: bool,
    /// Its clients' port, if the line names one.
    pub client: Option<ClientAddress>,
}

/// Where clients connect.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ClientAddress {
    /// Name or address to bind to, as written; `None` is every address.
    pub host: Option<String>,
    /// The port; 0 leaves the choice to the system.
    pub port: u16,
}

impl fmt::Display for Member {
    /// The line's value as ZooKeeper writes it, in `conf` and in `/zookeeper/config`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = Bracketed(&self.host);
        let role = if self.observes { "observer" } else { "participant" };
        write!(f, "{host}:{}:{}:{role}", self.quorum_port, self.election_port)?;
        match &self.client {
            Some(client) => write!(f, ";{client}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for ClientAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = self.host.as_deref().unwrap_or("0.0.0.0");
        write!(f, "{}:{}", Bracketed(host), self.port)
    }
}

/// An IPv6 address gets its brackets back.
pub(super) struct Bracketed<'a>(pub(super) &'a str);

impl fmt::Display for Bracketed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.contains(':') {
            write!(f, "[{}]", self.0)
        } else {
            f.write_str(self.0)
        }
    }
}

/// What is allowed, as errors say it.
pub(super) const ALLOWED: &str =
    "expected host:quorumPort:electionPort[:participant|:observer][;[clientAddress:]clientPort]";

/// Reads the value of `server.N`.
///
/// # Errors
///
/// What is wrong with it, in words.
pub(super) fn parse(value: &str) -> Result<Member, String> {
    if value.contains('|') {
        return Err("several addresses for one server are not supported yet: name one".into());
    }
    let (address, client) = match value.split_once(';') {
        Some((address, client)) => (address, Some(client_address(client)?)),
        None => (value, None),
    };
    let (host, rest) = host(address.trim())?;
    let mut fields = rest.split(':').map(str::trim);
    let mut port = |name| match fields.next() {
        Some(text) => {
            server_port(text).ok_or_else(|| format!("{name} `{text}` is not 1 to 65535; {ALLOWED}"))
        }
        None => Err(format!("{name} is missing; {ALLOWED}")),
    };
    let (quorum_port, election_port) = (port("quorumPort")?, port("electionPort")?);
    let observes = match fields.next() {
        None => false,
        Some(kind) if kind.eq_ignore_ascii_case("participant") => false,
        Some(kind) if kind.eq_ignore_ascii_case("observer") => true,
        Some(kind) => return Err(format!("`{kind}` is no role; {ALLOWED}")),
    };
    if fields.next().is_some() {
        return Err(ALLOWED.into());
    }
    if quorum_port == election_port {
        return Err(format!(
            "quorumPort and electionPort are both {quorum_port}: they must differ"
        ));
    }
    Ok(Member {
        host,
        quorum_port,
        election_port,
        observes,
        client,
    })
}

fn server_port(text: &str) -> Option<u16> {
    text.parse().ok().filter(|&port| port != 0)
}

/// The host, in brackets if it is an IPv6 address, and what follows its colon.
fn host(text: &str) -> Result<(String, &str), String> {
    let (host, rest) = match text.strip_prefix('[') {
        Some(bracketed) => bracketed.split_once("]:"),
        None => text.split_once(':'),
    }
    .ok_or(ALLOWED)?;
    if host.is_empty() {
        return Err(format!("the host is missing; {ALLOWED}"));
    }
    Ok((host.to_owned(), rest))
}

fn client_address(text: &str) -> Result<ClientAddress, String> {
    let text = text.trim();
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) => (Some(host), port),
        None => (None, text),
    };
    let host = host.map(|host| host.trim_start_matches('[').trim_end_matches(']'));
    let port = port
        .parse()
        .map_err(|_| format!("clientPort `{port}` is not 0 to 65535; {ALLOWED}"))?;
    let host = host
        .filter(|host| !host.is_empty() && *host != "0.0.0.0")
        .map(str::to_owned);
    Ok(ClientAddress { host, port })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_the_line_is_read() {
        let plain = Member {
            host: "zk1".into(),
            quorum_port: 2888,
            election_port: 3888,
            observes: false,
            client: None,
        };
        assert_eq!(parse("zk1:2888:3888"), Ok(plain.clone()));
        assert_eq!(parse("zk1:2888:3888:participant"), Ok(plain.clone()));
        assert_eq!(parse(" zk1:2888:3888:PARTICIPANT "), Ok(plain.clone()));
        let observes = Member {
            observes: true,
            ..plain.clone()
        };
        assert_eq!(parse("zk1:2888:3888:Observer"), Ok(observes.clone()));
        assert_eq!(observes.to_string(), "zk1:2888:3888:observer");
        let client = |host: Option<&str>| {
            let client = ClientAddress {
                host: host.map(str::to_owned),
                port: 2181,
            };
            Ok(Member {
                client: Some(client),
                ..plain.clone()
            })
        };
        assert_eq!(parse("zk1:2888:3888;2181"), client(None));
        assert_eq!(parse("zk1:2888:3888:participant;0.0.0.0:2181"), client(None));
        assert_eq!(parse("zk1:2888:3888;10.0.0.1:2181"), client(Some("10.0.0.1")));
        assert_eq!(parse("zk1:2888:3888;[::1]:2181"), client(Some("::1")));
        assert_eq!(parse("[fe80::1]:2888:3888").unwrap().host, "fe80::1");
    }

    #[test]
    fn a_member_is_written_as_zookeeper_writes_it() {
        for (read, written) in [
            ("zk1:2888:3888", "zk1:2888:3888:participant"),
            ("zk1:2888:3888;2181", "zk1:2888:3888:participant;0.0.0.0:2181"),
            ("[::1]:1:2;[::1]:3", "[::1]:1:2:participant;[::1]:3"),
        ] {
            assert_eq!(parse(read).unwrap().to_string(), written);
        }
    }

    #[test]
    fn every_malformed_line_is_refused_in_words() {
        for (line, word) in [
            ("", "expected"),
            ("zk1", "expected"),
            ("zk1:2888", "electionPort is missing"),
            ("zk1:2888:", "electionPort"),
            ("zk1:0:3888", "quorumPort `0`"),
            ("zk1:2888:65536", "electionPort `65536`"),
            ("zk1:2888:2888", "must differ"),
            (":2888:3888", "host is missing"),
            ("zk1:2888:3888:leader", "no role"),
            ("zk1:2888:3888:participant:x", "expected"),
            ("zk1:2888:3888;x", "clientPort `x`"),
            ("a:1:2|b:1:2", "several addresses"),
            ("[::1:2888:3888", "expected"),
        ] {
            let error = parse(line).expect_err(line);
            assert!(error.contains(word), "{line}: {error}");
        }
    }
}
