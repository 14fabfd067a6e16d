//! Commands on the session, its watches, and the shell itself.

use super::super::Shell;
use super::super::failure::Failure;
use super::super::options::Given;
use super::super::table::{self, COMMANDS};
use super::Answer;
use quorate_client::{Client, Code, Error, Event, State, WatchMode, WatcherType};
use serde_json::{Value, json};
use std::time::Duration;

/// As long as zkCli waits for a sync.
const SYNC_LIMIT: Duration = Duration::from_secs(30);

pub(super) async fn connect(shell: &mut Shell, given: &Given) -> Result<Answer, Failure> {
    if let Some(servers) = given.words.first() {
        shell.servers = servers.parse().map_err(Error::from)?;
    }
    shell.close().await;
    shell.connect().await?;
    let client = shell.client()?;
    Ok(Answer::of(json!({
        "connected": client.server(),
        "session": format!("0x{:x}", client.session()),
        "timeout": client.timeout().as_millis() as u64,
    })))
}

pub(super) async fn close(shell: &mut Shell) -> Result<Answer, Failure> {
    let session = format!("0x{:x}", shell.client()?.session());
    shell.close().await;
    Ok(Answer::of(json!({ "closed": session })))
}

pub(super) async fn add_auth(client: &Client, given: &Given) -> Result<Answer, Failure> {
    let scheme = given.word(0)?;
    let auth = given.words.get(1).map_or("", String::as_str);
    client.add_auth(scheme, auth.as_bytes()).await?;
    Ok(Answer::of(json!({ "scheme": scheme })))
}

pub(super) async fn who_am_i(client: &Client) -> Result<Answer, Failure> {
    let identities = client.who_am_i().await?;
    let json: Vec<_> = identities
        .iter()
        .map(|(scheme, user)| json!({ "scheme": scheme, "user": user }))
        .collect();
    let mut answer = Answer::of(json!({ "identities": json })).line("Auth scheme: User");
    for (scheme, user) in identities {
        answer = answer.line(format!("{scheme}: {user}"));
    }
    Ok(answer)
}

pub(super) async fn sync(client: &Client, given: &Given) -> Result<Answer, Failure> {
    let path = given.word(0)?;
    match tokio::time::timeout(SYNC_LIMIT, client.sync(path)).await {
        Ok(Ok(())) => Ok(Answer::of(json!({ "synced": path })).line("Sync is OK")),
        Ok(Err(Error::Refused { code, path })) => Err(Failure::Undone(format!(
            "Sync has failed. rc={} ({})",
            code.0,
            Failure::Refused(Error::Refused { code, path })
        ))),
        Ok(Err(error)) => Err(error.into()),
        Err(_) => Err(Failure::Undone("Sync has failed: no answer for 30 s".to_owned())),
    }
}

fn mode(given: &Given) -> Result<WatchMode, Failure> {
    let Some(name) = given.value("m") else {
        return Ok(WatchMode::PersistentRecursive);
    };
    match name.to_uppercase().as_str() {
        "PERSISTENT" => Ok(WatchMode::Persistent),
        "PERSISTENT_RECURSIVE" => Ok(WatchMode::PersistentRecursive),
        _ => Err(given.usage("")),
    }
}

pub(super) async fn add_watch(client: &Client, given: &Given) -> Result<Answer, Failure> {
    if given.words.len() != 1 {
        return Err(given.usage(""));
    }
    let (path, mode) = (given.word(0)?, mode(given)?);
    client.add_watch(path, mode).await?;
    Ok(Answer::of(json!({
        "path": path,
        "mode": match mode {
            WatchMode::Persistent => "PERSISTENT",
            WatchMode::PersistentRecursive => "PERSISTENT_RECURSIVE",
        },
    })))
}

pub(super) async fn remove_watches(client: &Client, given: &Given) -> Result<Answer, Failure> {
    let path = given.word(0)?;
    let (kind, name) = [
        ("c", WatcherType::Children, "children"),
        ("d", WatcherType::Data, "data"),
        ("p", WatcherType::Persistent, "persistent"),
        ("r", WatcherType::PersistentRecursive, "persistentRecursive"),
    ]
    .into_iter()
    .find(|(option, ..)| given.has(option))
    .map_or((WatcherType::Any, "any"), |(_, kind, name)| (kind, name));
    client.remove_watches(path, kind, given.has("l")).await?;
    Ok(Answer::of(json!({ "path": path, "removed": name })))
}

pub(super) fn print_watches(shell: &mut Shell, given: &Given) -> Result<Answer, Failure> {
    let word = |on| if on { "on" } else { "off" };
    let answer = match given.words.first().map(String::as_str) {
        None => Answer::default().line(format!("printwatches is {}", word(shell.print_watches))),
        Some(choice @ ("on" | "off")) => {
            shell.print_watches = choice == "on";
            Answer::default()
        }
        Some(_) => return Err(given.usage("")),
    };
    Ok(Answer {
        json: json!({ "printwatches": shell.print_watches }),
        ..answer
    })
}

/// Prints what happens, until it is interrupted, has seen enough, or the session is over.
pub(super) async fn watch(shell: &mut Shell, given: &Given) -> Result<Answer, Failure> {
    let path = given.word(0)?.to_owned();
    let mode = mode(given)?;
    let mut left: u64 = given.number("n", "a number")?.unwrap_or(u64::MAX);
    let kind = match mode {
        WatchMode::Persistent => WatcherType::Persistent,
        WatchMode::PersistentRecursive => WatcherType::PersistentRecursive,
    };
    shell.drain_events();
    shell.client()?.add_watch(&path, mode).await?;
    let interrupt = shell.interrupt();
    let ended = loop {
        if left == 0 {
            break Ok(());
        }
        let event = tokio::select! {
            event = shell.next_event() => event,
            () = interrupt.notified() => break Ok(()),
        };
        match event {
            Some(event @ Event::Watch { .. }) => {
                shell.print_event_line(&event);
                left -= 1;
            }
            Some(Event::WatchesLost(code)) => break Err(Error::Refused { code, path: None }.into()),
            Some(Event::State(State::Expired)) => {
                let code = Code::SESSION_EXPIRED;
                break Err(Error::Refused { code, path: None }.into());
            }
            None | Some(Event::State(State::Closed)) => break Err(Error::Closed.into()),
            Some(event @ Event::State(_)) => shell.print_event_line(&event),
            Some(Event::Removed { .. }) => {}
        }
    };
    if ended.is_ok() {
        let removal = shell.client()?.remove_watches(&path, kind, true);
        // The server may be away, and whoever interrupted it does not want to wait.
        let _ = tokio::time::timeout(Duration::from_secs(1), removal).await;
        shell.forget_watch();
    }
    ended.map(|()| Answer::of(Value::Null))
}

pub(super) fn history(shell: &Shell) -> Answer {
    let from = shell.history.len().saturating_sub(11);
    let mut answer = Answer::default();
    let mut json = Vec::new();
    for (number, command) in shell.history.iter().enumerate().skip(from) {
        answer = answer.line(format!("{number} - {command}"));
        json.push(json!({ "number": number, "command": command }));
    }
    answer.json = json!({ "history": json });
    answer
}

pub(super) fn version() -> Answer {
    let version = env!("CARGO_PKG_VERSION");
    Answer::of(json!({ "version": version })).line(format!("quorate CLI version: {version}"))
}

pub(super) fn help(given: &Given) -> Result<Answer, Failure> {
    if let Some(name) = given.words.first() {
        return help_on(name);
    }
    let width = COMMANDS.iter().map(|spec| spec.name.len()).max().unwrap_or(0);
    let mut answer = Answer::default();
    let mut json = Vec::new();
    for spec in COMMANDS {
        answer = answer.line(format!("{:width$}  {}", spec.name, spec.about));
        json.push(json!({ "name": spec.name, "usage": spec.line(), "about": spec.about }));
    }
    answer.json = json!({ "commands": json });
    Ok(answer.line("`help COMMAND` says how it is used."))
}

pub(super) fn help_on(name: &str) -> Result<Answer, Failure> {
    let spec = table::find(name).ok_or_else(|| Failure::NotFound(name.to_owned()))?;
    let json = json!({ "name": spec.name, "usage": spec.line(), "about": spec.about });
    Ok(Answer::of(json!({ "commands": [json] })).line(spec.help()))
}

/// A state of the session as a word of zkCli's prompt.
pub(crate) const fn state_word(state: State) -> &'static str {
    match state {
        State::Connected => "CONNECTED",
        State::ConnectedReadOnly => "CONNECTEDREADONLY",
        State::Disconnected => "CONNECTING",
        State::Expired | State::Closed => "CLOSED",
    }
}
