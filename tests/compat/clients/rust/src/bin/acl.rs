//! Access control: lists, auth, what is hidden, NoAuth.

use client_suites::{
    Acl, Acls, AuthId, Client, CreateMode, Error, OPEN, Permission, at, connected, hosts, step,
};

const DIGEST: &str = "alice:aYXlLOpEooaV1cRAvUL1fp9Qt7E=";

async fn create(client: &Client, path: &str, acl: &[Acl]) {
    let made = client
        .create(
            &at(path),
            b"data",
            &CreateMode::Persistent.with_acls(Acls::new(acl)),
        )
        .await;
    step(client, &format!("create {path}"), made.map(|_| ()));
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    let hosts = hosts();
    let (alice, plain, boss) = (
        connected(&hosts[..1]).await,
        connected(&hosts[1..2]).await,
        connected(&hosts[2..]).await,
    );
    alice.create(&at(""), b"", &OPEN).await?;
    let all = |scheme: &str, id: &str| [Acl::new(Permission::ALL, AuthId::new(scheme, id))];
    create(&alice, "/bad", &all("digest", "alice")).await;
    create(&alice, "/bad", &all("none", "such")).await;
    create(&alice, "/bad", &all("auth", "")).await;
    create(
        &alice,
        "/ip",
        &[Acl::new(Permission::READ, AuthId::new("ip", "127.0.0.0/8"))],
    )
    .await;
    step(&alice, "get /ip", alice.get_data(&at("/ip")).await);
    step(&alice, "set /ip", alice.set_data(&at("/ip"), b"", None).await);
    step(&alice, "auth", alice.auth("digest", b"alice:secret").await);
    create(&alice, "/auth", &all("auth", "")).await;
    step(&alice, "getACL /auth", alice.get_acl(&at("/auth")).await);
    create(&alice, "/digest", &all("digest", DIGEST)).await;
    step(&alice, "get /digest", alice.get_data(&at("/digest")).await);
    plain.sync("/").await?;
    step(&plain, "plain get", plain.get_data(&at("/digest")).await);
    step(&plain, "plain stat", plain.check_stat(&at("/digest")).await);
    step(&plain, "plain children", plain.get_children(&at("/digest")).await);
    step(&plain, "plain getACL", plain.get_acl(&at("/digest")).await);
    step(
        &plain,
        "plain set",
        plain.set_data(&at("/digest"), b"", None).await,
    );
    step(
        &plain,
        "plain create",
        plain.create(&at("/digest/x"), b"", &OPEN).await.map(|_| ()),
    );
    step(
        &plain,
        "plain setACL",
        plain.set_acl(&at("/digest"), &Acls::anyone_all(), None).await,
    );
    let read = [
        Acl::new(Permission::READ, AuthId::anyone()),
        Acl::new(Permission::ADMIN, AuthId::new("digest", DIGEST)),
    ];
    step(
        &alice,
        "setACL at a wrong version",
        alice.set_acl(&at("/digest"), &read, Some(7)).await,
    );
    step(
        &alice,
        "setACL",
        alice.set_acl(&at("/digest"), &read, Some(0)).await,
    );
    plain.sync("/").await?;
    step(&plain, "plain getACL", plain.get_acl(&at("/digest")).await);
    step(&alice, "getACL", alice.get_acl(&at("/digest")).await);
    step(&boss, "auth", boss.auth("digest", b"super:test").await);
    boss.sync("/").await?;
    step(
        &boss,
        "super set",
        boss.set_data(&at("/digest"), b"super", None).await,
    );
    step(
        &boss,
        "super setACL",
        boss.set_acl(&at("/digest"), &Acls::anyone_all(), None).await,
    );
    let wrong = connected(&hosts[..1]).await;
    step(&wrong, "unknown scheme", wrong.auth("none", b"such").await);
    step(&wrong, "after it", wrong.get_data(&at("/ip")).await);
    Ok(())
}
