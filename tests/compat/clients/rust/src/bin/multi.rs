//! Multi writers and readers: success, each position that fails.

use client_suites::{
    Acls, Client, CreateMode, Error, MultiWriteError, MultiWriter, OPEN, Show, at, connected, hosts, name,
    say, step,
};

async fn commit(client: &Client, label: &str, mut writer: MultiWriter<'_>) {
    let line = match writer.commit().await {
        Ok(results) => results
            .iter()
            .map(|result| show(client, result))
            .collect::<Vec<_>>()
            .join(" | "),
        Err(MultiWriteError::OperationFailed { index, source }) => format!("part {index}: {}", name(&source)),
        Err(MultiWriteError::RequestFailed { source }) => name(&source),
    };
    say(format!("{label}: {line}"));
}

fn show(client: &Client, result: &client_suites::MultiWriteResult) -> String {
    use client_suites::MultiWriteResult::{Check, Create, Delete, SetData};
    match result {
        Check => "check".into(),
        Delete => "delete".into(),
        Create { path, stat } => format!("create {path} {}", stat.show(client)),
        SetData { stat } => format!("set {}", stat.show(client)),
        other => format!("{other:?}"),
    }
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    let client = connected(&hosts()).await;
    client.create(&at(""), b"", &OPEN).await?;
    let mut writer = client.new_multi_writer();
    for (path, mode) in [
        ("/p", CreateMode::Persistent),
        ("/e", CreateMode::Ephemeral),
        ("/s-", CreateMode::PersistentSequential),
        ("/s-", CreateMode::EphemeralSequential),
        ("/c", CreateMode::Container),
    ] {
        writer.add_create(&at(path), b"", &mode.with_acls(Acls::anyone_all()))?;
    }
    let hour = CreateMode::Persistent
        .with_acls(Acls::anyone_all())
        .with_ttl(std::time::Duration::from_secs(3600));
    writer.add_create(&at("/t"), b"", &hour)?;
    commit(&client, "every mode", writer).await;

    let mut writer = client.new_multi_writer();
    writer.add_create(&at("/x"), b"", &OPEN)?;
    writer.add_create(&at("/x/y"), b"", &OPEN)?;
    writer.add_set_data(&at("/x"), b"1", Some(0))?;
    writer.add_check_version(&at("/x"), 1)?;
    writer.add_delete(&at("/x/y"), Some(0))?;
    commit(&client, "together", writer).await;
    step(&client, "get", client.get_data(&at("/x")).await);

    for place in 0..3 {
        let mut writer = client.new_multi_writer();
        for part in 0..3 {
            match part {
                _ if part == place => writer.add_delete(&at("/no"), None)?,
                0 => writer.add_create(&at("/f"), b"", &OPEN)?,
                1 => writer.add_set_data(&at("/p"), b"x", None)?,
                _ => writer.add_check_version(&at("/p"), 0)?,
            }
        }
        commit(&client, &format!("NoNode at {place}"), writer).await;
    }
    step(&client, "nothing was done", client.check_stat(&at("/f")).await);
    step(&client, "nor set", client.get_data(&at("/p")).await);

    let mut reader = client.new_multi_reader();
    reader.add_get_data(&at("/x"))?;
    reader.add_get_children(&at("/x"))?;
    reader.add_get_data(&at("/no"))?;
    for result in reader.commit().await? {
        use client_suites::MultiReadResult::{Children, Data, Error};
        match result {
            Data { data, stat } => say(format!("read {} {}", data.show(&client), stat.show(&client))),
            Children { children } => say(format!("read {}", children.show(&client))),
            Error { err } => say(format!("read {}", name(&err))),
            other => say(format!("{other:?}")),
        }
    }

    let guard = client.new_check_writer(&at("/x"), Some(1))?;
    step(
        &client,
        "a check writer",
        guard.commit().await.map(|_| ()).map_err(Error::from),
    );
    let guard = client.new_check_writer(&at("/x"), Some(7))?;
    step(
        &client,
        "a check writer that fails",
        guard.commit().await.map(|_| ()).map_err(Error::from),
    );
    Ok(())
}
