//! A server is killed under its client: the session, its ephemerals and its watches go on.

use client_suites::{
    Acls, AddWatchMode, Client, CreateMode, Error, OPEN, PATIENCE, SessionState, ask, at, connected, hosts,
    say, step, told, told_of,
};

async fn until(client: &Client, wanted: SessionState) {
    let mut states = client.state_watcher();
    let reached = async {
        while states.state() != wanted {
            states.changed().await;
        }
    };
    tokio::time::timeout(PATIENCE, reached)
        .await
        .expect("the state comes");
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), Error> {
    for role in ["follower", "leader"] {
        let answer = ask(if role == "leader" { "leader" } else { "followers" });
        let victim = answer.split(' ').next().expect("an address").to_owned();
        let number = 1 + hosts()
            .iter()
            .position(|host| *host == victim)
            .expect("one of ours");
        // The crate takes servers in any order, and a session's id names the one that made it.
        let client = loop {
            let client = connected(&hosts()).await;
            if client.session_id().0 >> 56 == number as i64 {
                break client;
            }
        };
        let path = at(&format!("-{role}"));
        let ephemeral = CreateMode::Ephemeral.with_acls(Acls::anyone_all());
        client.create(&path, b"1", &OPEN).await?;
        client.create(&format!("{path}/e"), b"1", &ephemeral).await?;
        let (_, _, watch) = client.get_and_watch_data(&format!("{path}/e")).await?;
        let mut recursive = client.watch(&path, AddWatchMode::PersistentRecursive).await?;
        let id = client.session_id();
        say(format!("the {role} is killed"));
        ask(&format!("kill {victim}"));
        while let Err(Error::ConnectionLoss) = client.sync("/").await {
            until(&client, SessionState::SyncConnected).await;
        }
        say(format!("the same session: {}", client.session_id() == id));
        step(
            &client,
            "its ephemeral",
            client.get_data(&format!("{path}/e")).await,
        );
        step(
            &client,
            "set",
            client.set_data(&format!("{path}/e"), b"2", Some(0)).await,
        );
        told(watch).await;
        told_of(&mut recursive, 1).await;
        ask(&format!("start {victim}"));
        let late = connected(&[victim]).await;
        late.sync("/").await?;
        step(
            &late,
            "seen by who came back",
            late.get_data(&format!("{path}/e")).await,
        );
        drop((client, recursive));
        let gone = async {
            loop {
                let (stat, watch) = late.check_and_watch_stat(&format!("{path}/e")).await?;
                if stat.is_none() {
                    return Ok::<_, Error>(());
                }
                watch.changed().await;
            }
        };
        tokio::time::timeout(PATIENCE, gone).await.expect("it goes")?;
        say("gone with its session");
    }
    Ok(())
}
