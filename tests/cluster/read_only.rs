//! Most servers die, and the one that is left serves reads. Who gets what of it, until the others are back?

use quorate_tests::client::{CreateMode, Session};
use quorate_tests::four_letters::Mode;
use quorate_tests::{Client, ClientError, Code, Ensemble, LONG, agree, python, wait_until};

use crate::common::{stop_and_audit, three};

const TIMEOUT_MS: i32 = 30_000;

/// A client that is not silent loses its connection.
fn ends(client: &mut Client) {
    wait_until(LONG, "the connection ends", || {
        client.ping().is_err().then_some(())
    });
}

#[test]
fn a_server_without_a_leader_serves_readers_until_it_has_one() {
    let mut ensemble = Ensemble::builder("read-only", three())
        .config("readonlymode.enabled", "true")
        .config("localSessionsEnabled", "true")
        .config("localSessionsUpgradingEnabled", "true")
        .start();
    let left = ensemble.leader().expect("one leads");
    let mut writer = ensemble.at(left).client();
    writer.create_at("/shown", b"before").unwrap();
    writer.create("/owned", b"", CreateMode::Ephemeral).unwrap();
    assert!(!writer.reads_only());
    let (global, seen) = (writer.session().clone(), writer.last_zxid());
    for dead in ensemble.others(&[left]) {
        ensemble.member(dead).kill();
    }
    wait_until(LONG, "the survivor serves reads", || {
        let srvr = ensemble.at(left).srvr();
        srvr.filter(|srvr| srvr.mode == Mode::ReadOnly)
    });
    writer.closed_by_server(LONG).unwrap();
    let survivor = ensemble.at(left);
    assert_eq!(survivor.ask("isro").as_deref(), Some("ro"));
    assert!(survivor.ask("stat").unwrap().contains("READ-ONLY mode"));
    assert_eq!(survivor.mntr()["server_state"], "read-only");

    let at = survivor.client_address();
    let refused = Client::connect(at, TIMEOUT_MS).unwrap_err();
    assert!(matches!(refused, ClientError::Closed), "{refused}");
    // Whether a session of the ensemble lives nobody knows here.
    let refused = Client::attach_reading(at, &global, seen).unwrap_err();
    assert!(matches!(refused, ClientError::Closed), "{refused}");

    let mut reader = Client::attach_reading(at, &Session::fresh(TIMEOUT_MS), 0).unwrap();
    assert!(reader.reads_only());
    assert_eq!(reader.get("/shown", true).unwrap().0, b"before");
    assert!(reader.exists("/absent", true).unwrap().is_none());
    reader.ping().unwrap();
    let writes = [
        reader.create_at("/absent", b"").map(|_| ()),
        reader.create("/absent", b"", CreateMode::Ephemeral).map(|_| ()),
        reader.set("/shown", b"", -1).map(|_| ()),
        reader.delete("/shown", -1).map(|_| ()),
        reader.sync("/").map(|_| ()),
        reader.multi(&[]).map(|_| ()),
    ];
    for write in writes {
        assert_eq!(write.unwrap_err().code(), Some(Code::NOT_READ_ONLY));
    }
    let session = reader.session().clone();
    let mut again = Client::attach_reading(at, &session, reader.last_zxid()).unwrap();
    reader.closed_by_server(LONG).unwrap();
    assert_eq!(again.session().id, session.id);
    again
        .set_watches(again.last_zxid(), &["/shown"], &[], &[])
        .unwrap();
    again.close().unwrap();
    let over = Client::attach_reading(at, &session, 0).unwrap_err();
    assert!(matches!(over, ClientError::Expired), "{over}");

    let mut waiting = Client::attach_reading(at, &Session::fresh(TIMEOUT_MS), 0).unwrap();
    let done = ensemble.dir().join("kazoo-has-read");
    let hosts = python::hosts(ensemble.members().iter().map(|member| member.client_address()));
    let kazoo = std::thread::spawn({
        let done = done.display().to_string();
        move || python::run("read_only.py", &[&hosts, "/shown", &done])
    });
    wait_until(LONG, "kazoo has read", || {
        (done.exists() || kazoo.is_finished()).then_some(())
    });
    ensemble.start_all();
    ensemble.wait_all_serve();
    ends(&mut waiting);
    let lines = kazoo.join().expect("kazoo's steps are done");
    let steps: Vec<_> = lines
        .iter()
        .map(|line| {
            let mut line = line.clone();
            let step = line.as_object_mut().unwrap().remove("step").unwrap();
            format!("{} {line}", step.as_str().unwrap())
        })
        .collect();
    let expected = [
        r#"connected {"state":"CONNECTED_RO"}"#,
        r#"read {"children":[],"data":"before"}"#,
        r#"create {"refused":true}"#,
        r#"set {"refused":true}"#,
        r#"delete {"refused":true}"#,
        r#"sync {"refused":true}"#,
        r#"back {"state":"CONNECTED"}"#,
        r#"owned {"own":true}"#,
    ];
    assert_eq!(steps, expected);
    // The session of the ensemble is there still, with what it owns.
    let mut back = wait_until(LONG, "the session goes on", || {
        Client::resume(ensemble.at(left).client_address(), &global, seen).ok()
    });
    assert!(!back.reads_only());
    let owner = back.get("/owned", false).unwrap().1.ephemeral_owner;
    assert_eq!(owner, global.id);
    back.set("/shown", b"after", -1).unwrap();
    assert_eq!(ensemble.at(left).ask("isro").as_deref(), Some("rw"));
    stop_and_audit(ensemble);
}

#[test]
fn a_server_that_starts_alone_shows_what_it_knew_to_be_committed() {
    let mut ensemble = Ensemble::builder("read-only-start", three())
        .config("readonlymode.enabled", "true")
        .config("localSessionsEnabled", "true")
        .start();
    let leader = ensemble.wait_all_serve();
    let first = ensemble.others(&[leader])[0];
    let mut client = ensemble.at(first).client();
    for number in 0..50 {
        client.create_at(&format!("/{number}"), b"there").unwrap();
    }
    ensemble.stop_all();
    ensemble.member(first).start();
    let alone = ensemble.at(first);
    wait_until(LONG, "it serves reads", || {
        alone.srvr().filter(|srvr| srvr.mode == Mode::ReadOnly)
    });
    let mut reader = Client::attach_reading(
        alone.client_address(),
        &Session::fresh(TIMEOUT_MS),
        client.last_zxid(),
    )
    .unwrap();
    assert_eq!(reader.get("/49", false).unwrap().0, b"there");
    ensemble.start_all();
    ensemble.wait_all_serve();
    ends(&mut reader);
    let mut client = ensemble.at(first).client();
    assert_eq!(client.get("/49", false).unwrap().0, b"there");
    client.create_at("/50", b"").unwrap();
    // What it showed was a copy: its own tree took each transaction once.
    ensemble.members().iter().for_each(agree::counts_no_mismatch);
    agree::wait_same_trees(&ensemble.members().iter().collect::<Vec<_>>());
    stop_and_audit(ensemble);
}
