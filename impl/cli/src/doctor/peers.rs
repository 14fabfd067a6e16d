//! Are the other members there, and do they have the same list of members?

use super::Findings;
use quorate_server::config::{Member, Membership};
use quorate_zab::ServerId;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

/// How long one may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);
/// The longest answer to a four-letter word that is read.
const ANSWER_BYTES_MAX: u64 = 1 << 20;

pub(super) fn check(membership: &Membership, findings: &mut Findings) {
    let others: Vec<_> = membership
        .members
        .iter()
        .filter(|(server, _)| **server != membership.me)
        .collect();
    // All at once: those that are not there take their time.
    let answers: Vec<_> = std::thread::scope(|scope| {
        let calls: Vec<_> = others
            .iter()
            .map(|(_, member)| scope.spawn(|| call(member)))
            .collect();
        calls.into_iter().map(|call| call.join()).collect()
    });
    let mut there = BTreeSet::from([membership.me]);
    for ((server, member), answer) in others.iter().zip(answers) {
        let Ok(answer) = answer else {
            continue;
        };
        let at = format!("server {server} ({}:{})", member.host, member.election_port);
        match &answer.reached {
            Ok(()) => {
                there.insert(**server);
                let mode = answer
                    .mode
                    .as_deref()
                    .map_or(String::new(), |mode| format!(", {mode}"));
                findings.ok("peers", format!("{at} answers{mode}"));
            }
            Err(error) => findings.warn(
                "peers",
                format!("{at}: {error}"),
                "start it, or check its line, its name and the firewall",
            ),
        }
        if let Some(conf) = &answer.conf {
            compare(membership, **server, conf, findings);
        }
    }
    if !membership.ensemble().is_quorum(there.iter().copied()) {
        findings.warn(
            "peers",
            format!(
                "with {} of {} servers there is no quorum",
                there.len(),
                membership.members.len()
            ),
            "start more of them: without a quorum no client is served",
        );
    }
}

/// What one member said.
struct Answer {
    reached: io::Result<()>,
    mode: Option<String>,
    conf: Option<BTreeMap<String, String>>,
}

fn call(member: &Member) -> Answer {
    let reached = connect(&member.host, member.election_port).map(drop);
    let client = member.client.as_ref().filter(|client| client.port != 0);
    let ask = |word: &str| {
        let client = client?;
        let host = match client.host.as_deref() {
            None | Some("0.0.0.0" | "::" | "0:0:0:0:0:0:0:0") => &member.host,
            Some(host) => host,
        };
        four_letters(host, client.port, word).ok()
    };
    let mode = ask("srvr").and_then(|text| {
        let line = text.lines().find_map(|line| line.strip_prefix("Mode: "))?;
        Some(line.to_owned())
    });
    let conf = ask("conf").map(|text| {
        let pairs = text.lines().filter_map(|line| line.split_once('='));
        pairs
            .map(|(key, value)| (key.trim().to_owned(), value.trim().to_owned()))
            .collect::<BTreeMap<_, _>>()
    });
    Answer {
        reached,
        mode,
        // A server that does not answer this word says so in a sentence.
        conf: conf.filter(|conf| conf.contains_key("serverId")),
    }
}

fn connect(host: &str, port: u16) -> io::Result<TcpStream> {
    let mut failed = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in (host, port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, PATIENCE) {
            Ok(stream) => return Ok(stream),
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

fn four_letters(host: &str, port: u16, word: &str) -> io::Result<String> {
    let mut stream = connect(host, port)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(word.as_bytes())?;
    let mut text = String::new();
    stream.take(ANSWER_BYTES_MAX).read_to_string(&mut text)?;
    Ok(text)
}

/// A line of a member without what it may leave out: role and clients' port.
fn addresses(line: &str) -> String {
    let servers = line.split(';').next().unwrap_or(line);
    servers
        .trim_end_matches(":participant")
        .trim_end_matches(":observer")
        .to_owned()
}

fn compare(
    membership: &Membership,
    server: ServerId,
    conf: &BTreeMap<String, String>,
    findings: &mut Findings,
) {
    let says = conf.get("serverId").map_or("", String::as_str);
    if says != server.to_string() {
        findings.warn(
            "peers",
            format!("at server {server}'s address for clients is server {says}"),
            "check its myid, and the addresses in the server lines",
        );
    }
    let theirs: BTreeMap<_, _> = conf
        .iter()
        .filter(|(key, _)| key.starts_with("server."))
        .map(|(key, line)| (key.clone(), addresses(line)))
        .collect();
    let ours: BTreeMap<_, _> = membership
        .members
        .iter()
        .map(|(server, member)| (format!("server.{server}"), addresses(&member.to_string())))
        .collect();
    let keys: BTreeSet<_> = theirs.keys().chain(ours.keys()).collect();
    let differ: Vec<_> = keys
        .into_iter()
        .filter(|key| theirs.get(*key) != ours.get(*key))
        .map(|key| {
            let shown = |line: Option<&String>| line.map_or("nothing", String::as_str).to_owned();
            format!(
                "{key} is {} there and {} here",
                shown(theirs.get(key)),
                shown(ours.get(key))
            )
        })
        .collect();
    if !differ.is_empty() {
        findings.warn(
            "peers",
            format!(
                "server {server} has another list of members: {}",
                differ.join("; ")
            ),
            "make the server lines the same everywhere",
        );
    }
}

#[cfg(test)]
mod tests {
    use super::addresses;

    #[test]
    fn lines_are_compared_by_their_addresses() {
        for line in [
            "h:1:2",
            "h:1:2:participant",
            "h:1:2:observer;0.0.0.0:3",
            "h:1:2;3",
        ] {
            assert_eq!(addresses(line), "h:1:2", "{line}");
        }
    }
}
