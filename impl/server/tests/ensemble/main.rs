//! Do servers that know each other behave as one? Real servers in this process, on loopback addresses
//! that no other test has.

mod support;

use quorate_server::config::{Admin, ClientAddress, Config};
use quorate_server::serve;
use quorate_trace::{Entry, Origin, Record};
use std::path::Path;
use std::time::Duration;
use support::{Client, Ensemble, wait_until};

#[tokio::test]
async fn a_write_through_any_server_is_read_through_every_other() {
    let mut ensemble = Ensemble::new(3);
    ensemble.start_all().await;
    for id in 1..=3 {
        let mut writer = ensemble.client(id).await;
        writer.create(&format!("/from-{id}"), b"data").await;
        for other in 1..=3 {
            let mut reader = ensemble.client(other).await;
            reader.sync("/").await;
            assert_eq!(
                reader.get(&format!("/from-{id}")).await.as_deref(),
                Some(&b"data"[..])
            );
        }
    }
    ensemble.stop_all().await;
}

#[tokio::test]
async fn writes_go_on_without_any_one_server_and_it_catches_up_when_it_is_back() {
    let mut ensemble = Ensemble::new(3);
    ensemble.start_all().await;
    for gone in [3, 1, 2] {
        ensemble.stop(gone).await;
        let other = gone % 3 + 1;
        let mut client = ensemble.client(other).await;
        for number in 0..20 {
            client.create(&format!("/without-{gone}-{number}"), b"data").await;
        }
        ensemble.start(gone).await;
        let mut late = ensemble.client(gone).await;
        late.sync("/").await;
        assert!(
            late.get(&format!("/without-{gone}-19")).await.is_some(),
            "server {gone} caught up"
        );
    }
    ensemble.stop_all().await;
    for id in 1..=3 {
        ensemble.assert_trace_is_whole(id, 2);
    }
}

#[tokio::test]
async fn a_server_that_comes_too_late_for_the_log_gets_a_snapshot() {
    let mut ensemble = Ensemble::new(3);
    ensemble.snap_count = 20;
    ensemble.purge = true;
    ensemble.start(1).await;
    ensemble.start(2).await;
    let mut client = ensemble.client(1).await;
    for number in 0..200 {
        client.create(&format!("/n-{number}"), &[b'x'; 3000]).await;
    }
    // The leader goes on, and serves from what it has left.
    for id in [1, 2] {
        wait_until("old log files are purged", || ensemble.knows_of_purge(id)).await;
    }
    client.create("/last", b"data").await;
    ensemble.start(3).await;
    let mut late = ensemble.client(3).await;
    late.sync("/").await;
    assert_eq!(late.get("/n-0").await.as_deref(), Some(&[b'x'; 3000][..]));
    assert!(late.get("/last").await.is_some());
    assert!(
        ensemble.oldest_snapshot(3) > 0,
        "its first snapshot is the one that it received"
    );
    // And what it received survives it.
    ensemble.stop(3).await;
    ensemble.start(3).await;
    let mut late = ensemble.client(3).await;
    assert!(late.get("/n-199").await.is_some());
    ensemble.stop_all().await;
}

#[tokio::test]
async fn a_standalone_server_keeps_what_it_has_acknowledged() {
    let mut ensemble = Ensemble::new(1);
    for round in 0..3 {
        ensemble.start(1).await;
        let mut client: Client = ensemble.client(1).await;
        client.create(&format!("/round-{round}"), b"data").await;
        for earlier in 0..=round {
            assert!(client.get(&format!("/round-{earlier}")).await.is_some());
        }
        ensemble.stop(1).await;
    }
    ensemble.assert_trace_is_whole(1, 3);
}

#[tokio::test]
async fn what_keeps_a_server_from_starting_is_said_in_one_line() {
    let mut ensemble = Ensemble::new(3);
    ensemble.start(1).await;
    let locked = ensemble.start_error(1).await;
    assert!(locked.contains("in use by process"), "{locked}");
    let port = std::net::TcpListener::bind(ensemble.election_address(2)).expect("the block is ours");
    let taken = ensemble.start_error(2).await;
    assert!(
        taken.starts_with("electionPort ") && taken.contains("in use"),
        "{taken}"
    );
    drop(port);
    ensemble.swap_directories(1, 2).await;
    let foreign = ensemble.start_error(2).await;
    assert!(foreign.contains("is that of server 1"), "{foreign}");
    for line in [locked, taken, foreign] {
        assert_eq!(line.lines().count(), 1, "{line}");
    }
}

/// One server runs alone on this configuration, and stops.
async fn run_alone(config: &Config) {
    let mut running = serve::start(config).await.expect("it starts");
    running.stop();
    running.ended().await.expect("it stops in order");
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a directory");
    for entry in std::fs::read_dir(from).expect("a directory") {
        let entry = entry.expect("an entry");
        std::fs::copy(entry.path(), to.join(entry.file_name())).expect("copied");
    }
}

#[tokio::test]
async fn a_directory_put_back_from_a_backup_says_so_in_its_trace() {
    let dir = tempfile::tempdir().expect("a directory");
    let (data, backup) = (dir.path().join("data"), dir.path().join("backup"));
    let address = ClientAddress {
        host: Some("127.0.0.1".to_owned()),
        port: 0,
    };
    let mut config = Config::standalone(&data, address);
    config.admin = Admin::off();
    config.trace.dir = dir.path().join("trace");
    let files = data.join("version-2");
    run_alone(&config).await;
    // Something that no newborn has.
    for name in ["acceptedEpoch", "currentEpoch"] {
        std::fs::write(files.join(name), "1\n").expect("written");
    }
    run_alone(&config).await;
    copy(&files, &backup);
    run_alone(&config).await;
    std::fs::remove_dir_all(&files).expect("removed");
    copy(&backup, &files);
    run_alone(&config).await;
    run_alone(&config).await;
    let found = quorate_trace::read_dir(&config.trace.dir).expect("a trace");
    let origins: Vec<_> = found
        .boots
        .iter()
        .map(|boot| match boot.records().next() {
            Some(Ok(Entry {
                record: Record::Boot(boot),
                ..
            })) => boot.origin,
            other => panic!("a boot comes first: {other:?}"),
        })
        .collect();
    use Origin::{Continued, Newborn, Restored};
    assert_eq!(origins, [Newborn, Continued, Continued, Restored, Continued]);
}

/// Runs alone on this configuration for a while of a clock that goes on only while everybody waits.
fn wait_alone(config: Config) {
    let (done, is_done) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime
            .enable_all()
            .start_paused(true)
            .build()
            .expect("a runtime");
        runtime.block_on(async {
            let running = serve::start(&config).await.expect("it starts");
            tokio::time::sleep(Duration::from_secs(60)).await;
            running.stop();
        });
        done.send(())
    });
    let waited = is_done.recv_timeout(Duration::from_secs(120));
    assert_eq!(waited, Ok(()), "a server with nothing to do is never at rest");
}

#[test]
fn a_server_with_nothing_to_do_is_at_rest() {
    let dir = tempfile::tempdir().expect("a directory");
    let address = ClientAddress {
        host: Some("127.0.0.1".to_owned()),
        port: 0,
    };
    let alone = Config {
        admin: Admin::off(),
        ..Config::standalone(&dir.path().join("alone"), address.clone())
    };
    wait_alone(alone);
    let without_clients = Config {
        client: None,
        admin: Admin::off(),
        ..Config::standalone(&dir.path().join("without-clients"), address)
    };
    wait_alone(without_clients);
}
