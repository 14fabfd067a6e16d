//! A mistake in `zoo.cfg` or `myid`: does the server say what is wrong and where, and end?

use std::fs;

use quorate_tests::{Ensemble, Kind, Member};

use crate::common::three;

/// Starts server 1 on `config`; it must end, not well, and its last words must name `what`.
fn refuses(member: &mut Member, config: &str, what: &str) {
    let path = member.dir().join("zoo.cfg");
    fs::write(&path, config).unwrap();
    let said_before = member.log().len();
    member.start_on(&path);
    let status = member.wait_ended();
    let said = member.log()[said_before..].to_owned();
    assert!(
        !status.success() && status.code().is_some(),
        "{what}: ended with {status}: {said}"
    );
    if member.kind() == Kind::Quorate {
        assert!(said.contains(what), "the message does not name {what:?}: {said}");
        assert!(!said.contains("panicked"), "{what}: {said}");
    }
}

#[test]
fn a_mistake_in_the_configuration_is_named_and_ends_the_server() {
    let mut ensemble = Ensemble::builder("mistakes", three()).build();
    let member = ensemble.member(1);
    let good = member.config_text();
    let with = |key: &str, value: &str| format!("{good}{key}={value}\n");
    let without = |key: &str| {
        good.lines()
            .filter(|line| !line.starts_with(key))
            .map(|line| format!("{line}\n"))
            .collect::<String>()
    };
    refuses(member, &with("tickTime", "soon"), "tickTime");
    refuses(member, &with("clientPort", "99999"), "clientPort");
    refuses(member, &with("clientPort", "-1"), "clientPort");
    refuses(member, &with("server.1", "nonsense"), "server.1");
    refuses(member, &with("server.one", "127.0.0.1:1:2"), "server.one");
    refuses(member, &with("server.2", "127.0.0.1:2888:many"), "server.2");
    refuses(
        member,
        &with("localSessionsEnabled", "perhaps"),
        "localSessionsEnabled",
    );
    refuses(member, &with("peerType", "spectator"), "peerType");
    refuses(member, &without("dataDir"), "dataDir");
    refuses(member, &without("initLimit"), "initLimit");
    refuses(member, &without("syncLimit"), "syncLimit");
    refuses(member, &without("server.1"), "1");
    refuses(member, "", "dataDir");
}

#[test]
fn a_server_without_a_proper_id_says_so_and_ends() {
    let mut ensemble = Ensemble::builder("no-id", three()).build();
    let member = ensemble.member(1);
    let (good, myid) = (member.config_text(), member.data_dir().join("myid"));
    for id in ["", "one\n", "9\n", "-1\n", "99999999999999999999\n"] {
        fs::write(&myid, id).unwrap();
        refuses(member, &good, "myid");
    }
    fs::remove_file(&myid).unwrap();
    refuses(member, &good, "myid");
}

#[test]
fn a_configuration_that_is_not_there_is_named() {
    let mut ensemble = Ensemble::builder("no-file", three()).build();
    let member = ensemble.member(1);
    member.start_on(&member.dir().join("nowhere.cfg"));
    let status = member.wait_ended();
    assert!(!status.success(), "{}", member.log());
    assert!(member.log().contains("nowhere.cfg"), "{}", member.log());
}
