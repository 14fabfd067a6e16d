//! What is on disk before the servers of `--ensemble` start? A directory for each, with its `zoo.cfg`.

use std::fs;
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};

/// The most servers that one ensemble may have.
pub(super) const SERVERS_MAX: u16 = 31;

/// Distances from the client ports to the two kinds of server port.
const QUORUM_PORT_OFFSET: u16 = 100;
const ELECTION_PORT_OFFSET: u16 = 200;
/// And to the admin servers.
const ADMIN_PORT_OFFSET: u16 = 300;

const ADDRESS: Ipv4Addr = Ipv4Addr::LOCALHOST;

/// One server of the ensemble.
#[derive(Clone, Debug)]
pub(super) struct Member {
    pub(super) id: u16,
    pub(super) client_port: u16,
    /// Holds `zoo.cfg`, `data` and `trace`.
    pub(super) dir: PathBuf,
}

impl Member {
    pub(super) fn config(&self) -> PathBuf {
        self.dir.join("zoo.cfg")
    }

    pub(super) fn data(&self) -> PathBuf {
        self.dir.join("data")
    }

    pub(super) fn trace(&self) -> PathBuf {
        self.dir.join("trace")
    }

    fn ports(&self) -> [u16; 4] {
        [
            self.client_port,
            self.client_port + QUORUM_PORT_OFFSET,
            self.client_port + ELECTION_PORT_OFFSET,
            self.client_port + ADMIN_PORT_OFFSET,
        ]
    }
}

/// Writes the directories of `count` servers under `dir`, whose client ports count up from
/// `first_port`. What an earlier ensemble left in them is kept.
pub(super) fn lay_out(dir: &Path, count: u16, first_port: u16) -> Result<Vec<Member>, String> {
    if !(1..=SERVERS_MAX).contains(&count) {
        return Err(format!(
            "--ensemble {count}: from 1 to {SERVERS_MAX} servers are possible"
        ));
    }
    if first_port.checked_add(ADMIN_PORT_OFFSET + SERVERS_MAX).is_none() {
        return Err(format!(
            "--client-port {first_port}: leaves no room for the servers' other ports above it"
        ));
    }
    let dir = std::path::absolute(dir).map_err(|error| format!("{}: {error}", dir.display()))?;
    let members: Vec<_> = (1..=count)
        .map(|id| Member {
            id,
            client_port: first_port + id - 1,
            dir: dir.join(format!("server-{id}")),
        })
        .collect();
    for port in members.iter().flat_map(Member::ports) {
        TcpListener::bind((ADDRESS, port)).map_err(|error| {
            format!("port {port} of {ADDRESS}: {error}; --client-port moves all ports of the ensemble")
        })?;
    }
    for member in &members {
        write(member, &members).map_err(|error| format!("{}: {error}", member.dir.display()))?;
    }
    Ok(members)
}

fn write(member: &Member, members: &[Member]) -> io::Result<()> {
    fs::create_dir_all(member.data())?;
    fs::create_dir_all(member.trace())?;
    fs::write(member.data().join("myid"), format!("{}\n", member.id))?;
    fs::write(member.config(), zoo_cfg(member, members))
}

fn zoo_cfg(member: &Member, members: &[Member]) -> String {
    let mut text = format!(
        "tickTime=2000\ninitLimit=10\nsyncLimit=5\ndataDir={}\ntraceDir={}\nclientPort={}\nclientPortAddress={ADDRESS}\n\
         admin.serverPort={}\n",
        property(&member.data()),
        property(&member.trace()),
        member.client_port,
        member.client_port + ADMIN_PORT_OFFSET,
    );
    if members.len() > 1 {
        for Member { id, client_port, .. } in members {
            let (quorum, election) = (
                client_port + QUORUM_PORT_OFFSET,
                client_port + ELECTION_PORT_OFFSET,
            );
            text += &format!("server.{id}={ADDRESS}:{quorum}:{election}\n");
        }
    }
    text
}

/// A path as a value in Java's properties syntax, where a backslash escapes.
fn property(path: &Path) -> String {
    path.display().to_string().replace('\\', "\\\\")
}

/// The connect string of the whole ensemble.
pub(super) fn connect_string(members: &[Member]) -> String {
    let addresses: Vec<_> = members
        .iter()
        .map(|member| format!("{ADDRESS}:{}", member.client_port))
        .collect();
    addresses.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A port of which this many above it are probably free as well.
    fn some_port() -> u16 {
        let listener = TcpListener::bind((ADDRESS, 0)).expect("a port is free");
        listener
            .local_addr()
            .expect("it is bound")
            .port()
            .clamp(1024, 60_000)
    }

    #[test]
    fn each_server_knows_all_the_others() {
        let members: Vec<_> = (1..=3)
            .map(|id| Member {
                id,
                client_port: 2180 + id,
                dir: PathBuf::from(format!("/srv/e/server-{id}")),
            })
            .collect();
        let text = zoo_cfg(&members[1], &members);
        assert!(text.contains("dataDir=/srv/e/server-2/data\n"), "{text}");
        assert!(text.contains("clientPort=2182\n"), "{text}");
        assert!(text.contains("admin.serverPort=2482\n"), "{text}");
        for line in ["server.1=127.0.0.1:2281:2381\n", "server.3=127.0.0.1:2283:2383\n"] {
            assert!(text.contains(line), "{text}");
        }
        assert_eq!(
            connect_string(&members),
            "127.0.0.1:2181,127.0.0.1:2182,127.0.0.1:2183"
        );
    }

    #[test]
    fn a_port_in_use_is_named() {
        let taken = TcpListener::bind((ADDRESS, 0)).expect("a port is free");
        let port = taken.local_addr().expect("it is bound").port();
        if port > u16::MAX - 1000 {
            return;
        }
        let dir = tempfile::tempdir().expect("a scratch directory");
        let error = lay_out(dir.path(), 3, port).expect_err("the port is taken");
        assert!(error.contains(&port.to_string()), "{error}");
    }

    #[test]
    fn what_an_earlier_ensemble_left_is_kept() {
        let dir = tempfile::tempdir().expect("a scratch directory");
        let kept = dir.path().join("server-1/data/version-2");
        fs::create_dir_all(&kept).expect("created");
        let members = (0..20)
            .find_map(|_| lay_out(dir.path(), 2, some_port()).ok())
            .expect("ports are free");
        assert!(kept.is_dir());
        assert_eq!(
            fs::read_to_string(members[1].data().join("myid")).expect("written"),
            "2\n"
        );
    }
}
