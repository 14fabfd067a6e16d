//! The crate's locks: one holder, in the order of asking, and writes that only a holder may do.

use client_suites::{Acls, Client, Error, LockPrefix, OPEN, PATIENCE, at, connected, hosts, say, step};

async fn until_children(client: &Client, path: &str, count: usize) -> Result<(), Error> {
    let all = async {
        loop {
            client.sync("/").await?;
            let (children, watch) = client.list_and_watch_children(path).await?;
            if children.len() == count {
                return Ok(());
            }
            watch.changed().await;
        }
    };
    tokio::time::timeout(PATIENCE, all)
        .await
        .expect("the children come")
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    let hosts = hosts();
    let (one, two) = (connected(&hosts[..1]).await, connected(&hosts[1..2]).await);
    one.create(&at(""), b"", &OPEN).await?;
    for kind in ["curator", "shared"] {
        let dir = at(&format!("/{kind}"));
        one.create(&dir, b"", &OPEN).await?;
        two.sync("/").await?;
        let shared = format!("{dir}/n-");
        let prefix = |name: &'static str| match kind {
            "curator" => LockPrefix::new_curator(&dir, name),
            _ => LockPrefix::new_shared(&shared),
        };
        let first = one.lock(prefix("lock-")?, b"one", Acls::anyone_all()).await?;
        say(format!("{kind}: one holds it"));
        step(
            &one,
            "create",
            first
                .create(&at(&format!("/{kind}-made")), b"", &OPEN)
                .await
                .map(|(stat, _)| stat),
        );
        let mut waiting = std::pin::pin!(two.lock(prefix("lock-")?, b"two", Acls::anyone_all()));
        tokio::select! {
            _ = &mut waiting => say("two has it too"),
            come = until_children(&one, &dir, 2) => come?,
        }
        let path = first.lock_path().to_owned();
        first.delete(&path, None).await.ok();
        drop(first);
        let second = tokio::time::timeout(PATIENCE, waiting)
            .await
            .expect("the lock comes")?;
        say(format!("{kind}: two holds it"));
        step(
            &two,
            "set",
            second
                .set_data(&at(&format!("/{kind}-made")), b"two", Some(0))
                .await,
        );
        two.delete(second.lock_path(), None).await?;
        let lost = second
            .set_data(&at(&format!("/{kind}-made")), b"late", None)
            .await;
        step(&two, "who lost the lock sets nothing", lost);
    }
    Ok(())
}
