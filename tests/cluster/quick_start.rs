//! Does `quorate serve --ensemble 3` keep its promises to someone who tries it out?

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::Command;

use quorate_tests::agree::tree;
use quorate_tests::command::Session;
use quorate_tests::four_letters::{Mode, Srvr, ask};
use quorate_tests::{Client, LONG, Writers, command, wait_until};
use tempfile::TempDir;

use crate::common::kazoo_round;

/// An ensemble takes this many ports from the first on: clients', learners', voters'.
const PORTS: u16 = 231;

/// The command, serving from the first base port at which it finds all of its ports free.
fn serve(dir: &Path) -> (Session, [SocketAddr; 3]) {
    let start = 10_000 + (std::process::id() % 40) as u16 * PORTS;
    for base in (0..40).map(|turn| 10_000 + (start - 10_000 + turn * PORTS) % (40 * PORTS)) {
        // Held by another test or another run: its own words say so too, but later.
        if TcpListener::bind((Ipv4Addr::LOCALHOST, base)).is_err() {
            continue;
        }
        let words = [
            "serve",
            "--ensemble",
            "3",
            "--data",
            dir.to_str().unwrap(),
            "--client-port",
            &base.to_string(),
        ];
        let mut session = Session::start(&words, dir);
        let introduced = wait_until(LONG, "the ensemble introduces itself, or ends", || {
            if session.ended().is_some() {
                return Some(false);
            }
            session.said().contains("Connect to").then_some(true)
        });
        if introduced {
            let at = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
            return (session, [at(base), at(base + 1), at(base + 2)]);
        }
        assert!(
            session.said().contains("port"),
            "it ended for another reason: {}",
            session.said()
        );
    }
    panic!("no free ports on 127.0.0.1");
}

fn mode(server: SocketAddr) -> Option<Srvr> {
    Srvr::parse(&ask(server, "srvr")?)
}

#[test]
fn three_servers_under_one_command_survive_a_kill_and_their_run_audits_as_holding() {
    let dir = TempDir::with_prefix("quorate-quick-").unwrap();
    let (mut session, servers) = serve(dir.path());
    let all_serve = || {
        servers
            .iter()
            .map(|server| mode(*server))
            .collect::<Option<Vec<_>>>()
    };
    wait_until(LONG, "all three serve", all_serve);
    for (server, at) in servers.iter().zip(1..) {
        kazoo_round(&server.to_string(), &format!("/kazoo-{at}"));
    }
    let writers = Writers::start((1..).zip(servers));
    writers.wait_more(&[1, 2, 3], 50);

    let leads = |server: &SocketAddr| mode(*server).is_some_and(|srvr| srvr.mode == Mode::Leader);
    let leader = wait_until(LONG, "one leads", || servers.iter().position(leads));
    // As it told its user: `server N: process PID, data DIR, trace DIR`.
    let said = session.said();
    let line = format!("server {}: process ", leader + 1);
    let pid = said
        .lines()
        .find_map(|said| said.strip_prefix(line.as_str())?.split(',').next()?.parse().ok());
    command::kill_9(pid.unwrap_or_else(|| panic!("the leader's process is not named in {said}")));
    let others: Vec<u64> = (1..=3).filter(|id| *id != leader as u64 + 1).collect();
    writers.wait_more(&others, 100);
    // It comes back by itself, catches up and serves; kazoo goes on through each.
    writers.wait_more(&[1, 2, 3], 50);
    let back = wait_until(LONG, "the killed server serves", || mode(servers[leader]));
    for (server, at) in servers.iter().zip(1..) {
        kazoo_round(&server.to_string(), &format!("/kazoo-{at}-again"));
    }
    let ledger = writers.finish();
    let trees = servers.map(|server| {
        let mut client = Client::connect(server, 20_000).unwrap();
        ledger.check(&mut client);
        tree(&mut client).unwrap()
    });
    assert!(trees.iter().all(|tree| *tree == trees[0]), "the trees differ");
    assert!(
        mode(servers[leader]).is_some_and(|srvr| srvr.zxid > back.zxid),
        "the killed server has stopped at {back:?}"
    );

    assert!(
        session.interrupt().success(),
        "Ctrl-C ends it well: {}",
        session.said()
    );
    // The command that it told its user, as it told it.
    let said = session.said();
    let told = said
        .lines()
        .find_map(|line| line.strip_prefix("Audit what they did: "));
    let told = told.unwrap_or_else(|| panic!("no audit in {said}"));
    let mut words = told.split(' ');
    let mut audit = Command::new(words.next().expect("a command has a name"));
    let audit = audit.args(words).output().expect("what it told can be run");
    let printed = String::from_utf8_lossy(&audit.stdout);
    assert!(
        audit.status.success() && printed.contains("holds"),
        "{told}: {}: {printed}{}",
        audit.status,
        String::from_utf8_lossy(&audit.stderr)
    );
}
