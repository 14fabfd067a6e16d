//! Creates of every mode, versions, errors, Stat fields, and the smaller queries.

use client_suites::{Acls, CreateMode, OPEN, at, connected, hosts, step};

#[tokio::main]
async fn main() {
    let client = connected(&hosts()).await;
    let modes = [
        ("persistent", "/p", CreateMode::Persistent),
        ("ephemeral", "/e", CreateMode::Ephemeral),
        ("sequential", "/s-", CreateMode::PersistentSequential),
        ("ephemeral sequential", "/s-", CreateMode::EphemeralSequential),
        ("container", "/c", CreateMode::Container),
    ];
    step(&client, "create", client.create(&at(""), b"one", &OPEN).await);
    step(&client, "create again", client.create(&at(""), b"", &OPEN).await);
    for (label, path, mode) in modes {
        let made = client
            .create(&at(path), label.as_bytes(), &mode.with_acls(Acls::anyone_all()))
            .await;
        step(
            &client,
            label,
            made.map(|(stat, sequence)| {
                (
                    stat,
                    (sequence.into_i64() >= 0 && path.ends_with('-')).then_some(sequence),
                )
            }),
        );
    }
    step(
        &client,
        "below an ephemeral",
        client.create(&at("/e/x"), b"", &OPEN).await.map(|(stat, _)| stat),
    );
    step(
        &client,
        "below nothing",
        client
            .create(&at("/no/x"), b"", &OPEN)
            .await
            .map(|(stat, _)| stat),
    );
    step(&client, "mkdir", client.mkdir(&at("/a/b/c"), &OPEN).await);
    step(&client, "stat", client.check_stat(&at("")).await);
    step(&client, "stat of nothing", client.check_stat(&at("/no")).await);
    step(&client, "get", client.get_data(&at("/p")).await);
    step(&client, "get of nothing", client.get_data(&at("/no")).await);
    step(&client, "children", client.get_children(&at("")).await);
    step(
        &client,
        "children of nothing",
        client.get_children(&at("/no")).await,
    );
    step(&client, "list", client.list_children(&at("")).await);
    step(&client, "set", client.set_data(&at("/p"), b"two", None).await);
    step(
        &client,
        "set at version",
        client.set_data(&at("/p"), b"three", Some(1)).await,
    );
    step(
        &client,
        "set at an old version",
        client.set_data(&at("/p"), b"", Some(1)).await,
    );
    step(
        &client,
        "set of nothing",
        client.set_data(&at("/no"), b"", None).await,
    );
    step(
        &client,
        "delete with children",
        client.delete(&at(""), None).await,
    );
    step(
        &client,
        "delete at a wrong version",
        client.delete(&at("/p"), Some(9)).await,
    );
    step(&client, "delete", client.delete(&at("/p"), Some(2)).await);
    step(&client, "delete again", client.delete(&at("/p"), None).await);
    step(
        &client,
        "descendants",
        client.count_descendants_number(&at("")).await,
    );
    step(
        &client,
        "descendants of nothing",
        client.count_descendants_number(&at("/no")).await,
    );
    step(&client, "ephemerals", client.list_ephemerals(&at("")).await);
    step(&client, "sync", client.sync(&at("")).await);
    step(&client, "who am I", client.list_auth_users().await);
    step(&client, "addauth", client.auth("digest", b"alice:secret").await);
    step(&client, "who am I", client.list_auth_users().await);
    let chrooted = client.clone().chroot(at("/a")).expect("it is a path");
    step(
        &chrooted,
        "below a root of its own",
        chrooted.get_children("/b").await,
    );
    step(
        &client,
        "configuration",
        client
            .get_config()
            .await
            .map(|(_, stat)| (stat.version as usize).wrapping_add(1)),
    );
}
