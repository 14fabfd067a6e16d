//! Commands on one znode.

use super::super::Shell;
use super::super::failure::Failure;
use super::super::options::Given;
use super::super::{acl, print};
use super::Answer;
use quorate_client::{Acl, Client, Code, Error, Mode, Stat};
use serde_json::{Value, json};

/// The longest time to live in ms: 40 bits.
const TTL_MAX_MS: i64 = 0xff_ffff_ffff;

pub(super) async fn create(client: &Client, given: &Given) -> Result<Answer, Failure> {
    let path = given.word(0)?;
    let data = given.words.get(1).map(|data| data.clone().into_bytes());
    let acl = given
        .words
        .get(2)
        .map_or_else(|| Ok(acl::open()), |text| acl::parse(text))?;
    let mode = mode(given)?;
    let created = client.create(path, data, acl, mode).await?;
    Ok(Answer::of(json!({ "created": created })).note(format!("Created {created}")))
}

fn mode(given: &Given) -> Result<Mode, Failure> {
    let mode = Mode {
        ephemeral: given.has("e"),
        sequential: given.has("s"),
        container: given.has("c"),
        ttl_ms: given.number("t", "a long value")?,
    };
    let words = match mode {
        Mode { container: true, .. } if mode.ephemeral || mode.sequential => {
            "-c cannot be combined with -s or -e. Containers cannot be ephemeral or sequential."
        }
        Mode { ttl_ms: Some(_), .. } if mode.ephemeral => "TTLs cannot be used with Ephemeral znodes",
        Mode { ttl_ms: Some(_), .. } if mode.container => "TTLs cannot be used with Container znodes",
        Mode {
            ttl_ms: Some(ttl_ms), ..
        } if !(1..=TTL_MAX_MS).contains(&ttl_ms) => {
            return Err(Failure::Usage(format!(
                "ttl must be positive and cannot be larger than: {TTL_MAX_MS}"
            )));
        }
        _ => return Ok(mode),
    };
    Err(Failure::Usage(words.to_owned()))
}

pub(super) async fn delete(client: &Client, given: &Given) -> Result<Answer, Failure> {
    let path = given.word(0)?;
    let mut version: i32 = given.number("v", "an int value")?.unwrap_or(-1);
    let mut answer = Answer::of(json!({ "deleted": path }));
    if let Some(old) = given.words.get(1) {
        // zkCli says so, and then deletes whatever the version is.
        answer = answer.note(
            "'delete path [version]' has been deprecated. Please use 'delete [-v version] path' instead.",
        );
        let no_number = |_| given.usage(&format!("{old:?} is no version"));
        version = old.parse().map_err(no_number)?;
    }
    client.delete(path, version).await?;
    Ok(answer)
}

pub(super) async fn get(shell: &mut Shell, given: &Given) -> Result<Answer, Failure> {
    let path = given.word(0)?;
    let old = given.words.len() > 1;
    let (data, stat) = shell.client()?.get(path, given.has("w") || old).await?;
    let mut json = json!({ "path": path, "stat": print::stat_json(&stat) });
    match &data {
        Some(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) if !given.has("b") => json["data"] = text.into(),
            _ => json["base64"] = print::base64(bytes).into(),
        },
        None => json["data"] = Value::Null,
    }
    let bytes = data.as_deref().unwrap_or(b"null");
    let text = if given.has("x") {
        print::hex_dump(bytes)
    } else if given.has("b") {
        print::base64(bytes)
    } else {
        String::from_utf8_lossy(bytes).into_owned()
    };
    let mut answer = Answer::of(json).line(text);
    if old {
        answer =
            answer.note("'get path [watch]' has been deprecated. Please use 'get [-s] [-w] path' instead.");
    }
    Ok(with_stat(shell, given, answer, &stat))
}

fn with_stat(shell: &Shell, given: &Given, answer: Answer, stat: &Stat) -> Answer {
    if given.has("s") {
        answer.line(print::stat(stat, shell.paint()))
    } else {
        answer
    }
}

pub(super) async fn stat(shell: &mut Shell, given: &Given) -> Result<Answer, Failure> {
    let path = given.word(0)?;
    let old = given.words.len() > 1;
    let stat = shell.client()?.exists(path, given.has("w") || old).await?;
    let stat = stat.ok_or_else(|| Error::Refused {
        code: Code::NO_NODE,
        path: Some(path.to_owned()),
    })?;
    let answer = Answer::of(json!({ "path": path, "stat": print::stat_json(&stat) }))
        .line(print::stat(&stat, shell.paint()));
    Ok(match old {
        true => answer.note("'stat path [watch]' has been deprecated. Please use 'stat [-w] path' instead."),
        false => answer,
    })
}

pub(super) async fn list(shell: &mut Shell, given: &Given) -> Result<Answer, Failure> {
    if given.has("?") {
        return super::session::help_on("ls");
    }
    let path = given.word(0)?;
    let old = given.words.len() > 1;
    let (mut children, stat) = shell.client()?.children(path, given.has("w") || old).await?;
    children.sort();
    let answer = Answer::of(json!({
        "path": path,
        "children": children,
        "stat": print::stat_json(&stat),
    }))
    .line(format!("[{}]", children.join(", ")));
    let answer = with_stat(shell, given, answer, &stat);
    Ok(match old {
        true => answer.note("'ls path [watch]' has been deprecated. Please use 'ls [-w] path' instead."),
        false => answer,
    })
}

pub(super) async fn set(shell: &mut Shell, given: &Given) -> Result<Answer, Failure> {
    let (path, data) = (given.word(0)?, given.word(1)?);
    let data = match given.has("b") {
        true => print::from_base64(data).ok_or_else(|| given.usage("the data is not in base64"))?,
        false => data.as_bytes().to_vec(),
    };
    let version = given.number("v", "an int value")?.unwrap_or(-1);
    let stat = shell.client()?.set(path, Some(data), version).await?;
    let answer = Answer::of(json!({ "path": path, "stat": print::stat_json(&stat) }));
    Ok(with_stat(shell, given, answer, &stat))
}

pub(super) async fn get_acl(shell: &mut Shell, given: &Given) -> Result<Answer, Failure> {
    let path = given.word(0)?;
    let (entries, stat) = shell.client()?.acl(path).await?;
    let mut answer = Answer::of(json!({
        "path": path,
        "acl": entries.iter().map(acl_json).collect::<Vec<_>>(),
        "stat": print::stat_json(&stat),
    }));
    for entry in &entries {
        // Two lines, as jute prints an id.
        answer = answer.line(format!(
            "'{},'{}\n: {}",
            acl::escaped(&entry.scheme),
            acl::escaped(&entry.id),
            acl::letters(entry.perms)
        ));
    }
    Ok(with_stat(shell, given, answer, &stat))
}

fn acl_json(entry: &Acl) -> Value {
    json!({ "scheme": entry.scheme, "id": entry.id, "perms": acl::letters(entry.perms) })
}

pub(super) async fn set_acl(shell: &mut Shell, given: &Given) -> Result<Answer, Failure> {
    let (path, acl) = (given.word(0)?, acl::parse(given.word(1)?)?);
    let version = given.number("v", "an int value")?.unwrap_or(-1);
    let stat = shell.client()?.set_acl(path, acl, version).await?;
    let answer = Answer::of(json!({ "path": path, "stat": print::stat_json(&stat) }));
    Ok(with_stat(shell, given, answer, &stat))
}

pub(super) async fn all_children_number(client: &Client, given: &Given) -> Result<Answer, Failure> {
    let path = given.word(0)?;
    let number = client.all_children_number(path).await?;
    Ok(Answer::of(json!({ "path": path, "number": number })).line(number.to_string()))
}

pub(super) async fn ephemerals(client: &Client, given: &Given) -> Result<Answer, Failure> {
    let prefix = given.words.first().map_or("/", String::as_str);
    let paths = client.ephemerals(prefix).await?;
    let text = format!("[{}]", paths.join(", "));
    Ok(Answer::of(json!({ "path": prefix, "ephemerals": paths })).line(text))
}
