//! One-shot, persistent and recursive watches.

// What it stands for, a removal that is answered, is still to be shown.
#![allow(deprecated)]

use client_suites::{AddWatchMode, OPEN, at, connected, hosts, say, step, told, told_of};

#[tokio::main]
async fn main() {
    let hosts = hosts();
    let (client, writer) = (connected(&hosts[..1]).await, connected(&hosts[1..2]).await);
    writer.create(&at(""), b"", &OPEN).await.unwrap();
    client.sync("/").await.unwrap();

    say("one shot");
    let (stat, created) = client.check_and_watch_stat(&at("/a")).await.unwrap();
    step(&client, "nothing", Ok(stat));
    writer.create(&at("/a"), b"", &OPEN).await.unwrap();
    told(created).await;
    let (_, _, data) = client.get_and_watch_data(&at("/a")).await.unwrap();
    let (_, _, children) = client.get_and_watch_children(&at("/a")).await.unwrap();
    let (_, list) = client.list_and_watch_children(&at("")).await.unwrap();
    writer.set_data(&at("/a"), b"1", None).await.unwrap();
    told(data).await;
    writer.create(&at("/a/b"), b"", &OPEN).await.unwrap();
    told(children).await;
    writer.create(&at("/c"), b"", &OPEN).await.unwrap();
    told(list).await;
    client.sync("/").await.unwrap();
    let (_, _, gone) = client.get_and_watch_data(&at("/c")).await.unwrap();
    writer.delete(&at("/c"), None).await.unwrap();
    told(gone).await;
    let (_, _, data) = client.get_and_watch_data(&at("/a")).await.unwrap();
    step(&client, "remove", data.remove().await);

    say("persistent");
    let mut watch = client.watch(&at("/a"), AddWatchMode::Persistent).await.unwrap();
    writer.set_data(&at("/a"), b"2", None).await.unwrap();
    writer.create(&at("/a/c"), b"", &OPEN).await.unwrap();
    writer.set_data(&at("/a/c"), b"", None).await.unwrap();
    writer.delete(&at("/a/c"), None).await.unwrap();
    writer.set_data(&at("/a"), b"3", None).await.unwrap();
    told_of(&mut watch, 4).await;
    step(&client, "remove", watch.remove().await);

    say("recursive");
    let mut watch = client
        .watch(&at(""), AddWatchMode::PersistentRecursive)
        .await
        .unwrap();
    writer.set_data(&at("/a"), b"4", None).await.unwrap();
    writer.create(&at("/a/c"), b"", &OPEN).await.unwrap();
    writer.set_data(&at("/a/c"), b"", None).await.unwrap();
    writer.delete(&at("/a/c"), None).await.unwrap();
    writer.set_data(&at(""), b"", None).await.unwrap();
    told_of(&mut watch, 5).await;
    let mut both = client.watch(&at("/a"), AddWatchMode::Persistent).await.unwrap();
    writer.create(&at("/a/d"), b"", &OPEN).await.unwrap();
    writer.delete(&at("/a/b"), None).await.unwrap();
    told_of(&mut watch, 2).await;
    told_of(&mut both, 2).await;
    step(&client, "remove", both.remove().await);
    step(&client, "remove", watch.remove().await);
}
