//! Sessions that one server keeps for itself: what do they cost, and when are they the ensemble's?

use quorate_tests::client::{CreateMode, Part, PartResult};
use quorate_tests::{Client, ClientError, Code, Ensemble, LONG, python, wait_until};

use crate::common::{kazoo_round, stop_and_audit, three};

fn ensemble(name: &str, upgrading: &str) -> Ensemble {
    Ensemble::builder(name, three())
        .config("localSessionsEnabled", "true")
        .config("localSessionsUpgradingEnabled", upgrading)
        .start()
}

fn sessions(ensemble: &Ensemble, id: u64) -> (String, String) {
    let mntr = ensemble.at(id).mntr();
    (mntr["local_sessions"].clone(), mntr["global_sessions"].clone())
}

#[test]
fn a_session_is_its_servers_own_until_it_asks_for_an_ephemeral() {
    let ensemble = ensemble("local-sessions", "true");
    let leader = ensemble.wait_all_serve();
    for here in [leader, ensemble.others(&[leader])[0]] {
        let there = ensemble.others(&[here])[0];
        let before = ensemble.at(here).srvr().unwrap().zxid;
        let mut client = ensemble.at(here).client();
        assert_eq!(client.session().id >> 56, here as i64);
        assert_eq!(ensemble.at(here).srvr().unwrap().zxid, before, "no transaction");
        assert_eq!(sessions(&ensemble, here), ("1".into(), "0".into()));
        let path = format!("/at-{here}");
        client.create_at(&path, b"").unwrap();
        client.sync(&path).unwrap();
        client.get(&path, true).unwrap();

        let resume =
            |id: u64, client: &Client| Client::resume(ensemble.at(id).client_address(), client.session(), 0);
        let elsewhere = resume(there, &client).unwrap_err();
        assert!(matches!(elsewhere, ClientError::Expired), "{elsewhere}");
        let mut client = resume(here, &client).unwrap();

        let owned = format!("{path}/owned");
        client.create(&owned, b"", CreateMode::Ephemeral).unwrap();
        assert_eq!(
            client.get(&owned, false).unwrap().1.ephemeral_owner,
            client.session().id
        );
        assert_eq!(sessions(&ensemble, here), ("0".into(), "1".into()));
        let mut client = resume(there, &client).unwrap();
        client
            .create(&format!("{path}/more"), b"", CreateMode::Ephemeral)
            .unwrap();
        client.close().unwrap();
        wait_until(LONG, "the session's znodes are gone", || {
            let mut reader = ensemble.at(here).client();
            reader.sync(&path).ok()?;
            let (names, _) = reader.children(&path, false).ok()?;
            reader.close().ok()?;
            names.is_empty().then_some(())
        });
    }
    stop_and_audit(ensemble);
}

#[test]
fn a_multi_with_an_ephemeral_makes_a_session_the_ensembles() {
    let ensemble = ensemble("local-multi", "true");
    let mut client = ensemble.at(1).client();
    let results = client
        .multi(&[
            Part::Create("/a".into(), Vec::new(), CreateMode::Persistent),
            Part::Create("/a/b".into(), Vec::new(), CreateMode::Ephemeral),
        ])
        .unwrap();
    assert_eq!(results.len(), 2);
    assert_eq!(sessions(&ensemble, 1), ("0".into(), "1".into()));
    client.close().unwrap();
    stop_and_audit(ensemble);
}

#[test]
fn a_session_that_stays_local_owns_nothing() {
    let ensemble = ensemble("only-local", "false");
    for id in [1, 2, 3] {
        let mut client = ensemble.at(id).client();
        let refused = client.create("/owned", b"", CreateMode::Ephemeral).unwrap_err();
        assert_eq!(refused.code(), Some(Code::EPHEMERAL_ON_LOCAL_SESSION));
        let path = format!("/kept-{id}");
        client.create_at(&path, b"").unwrap();
        let results = client
            .multi(&[
                Part::Create(format!("{path}/a"), Vec::new(), CreateMode::Persistent),
                Part::Create(format!("{path}/b"), Vec::new(), CreateMode::Ephemeral),
            ])
            .unwrap();
        assert_eq!(results[0], PartResult::Failed(Code::OK), "{results:?}");
        assert!(matches!(results[1], PartResult::Failed(_)), "{results:?}");
        assert_eq!(client.get(&path, false).unwrap().1.num_children, 0);
        assert_eq!(sessions(&ensemble, id), ("1".into(), "0".into()));
        client.close().unwrap();
        assert_eq!(sessions(&ensemble, id), ("0".into(), "0".into()));
    }
    stop_and_audit(ensemble);
}

#[test]
fn a_client_that_was_not_told_works_as_ever() {
    let ensemble = ensemble("local-kazoo", "true");
    let hosts = python::hosts(ensemble.members().iter().map(|member| member.client_address()));
    kazoo_round(&hosts, "/kazoo");
    let lines = python::run("lock.py", &[&hosts, "/lock"]);
    let steps: Vec<_> = lines.iter().map(|line| line["step"].as_str().unwrap()).collect();
    assert_eq!(steps, ["held", "waits", "handed over", "released"], "{lines:?}");
    stop_and_audit(ensemble);
}
