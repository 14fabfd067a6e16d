//! Commands on quotas, which are znodes below `/zookeeper/quota`: in the order of requests of zkCli.

use super::super::acl;
use super::super::failure::Failure;
use super::super::options::Given;
use super::super::quota::{BYTES_HARD, COUNT_HARD, KEYS, LIMITS, ROOT, STATS, Track};
use super::{Answer, below, sorted_children};
use quorate_client::{Client, Code, Mode};
use serde_json::{Value, json};

fn limits_json(track: &Track) -> Value {
    let limit = |key| match track.get(key) {
        -1 => Value::Null,
        limit => limit.into(),
    };
    json!({
        "count": limit("count"),
        "bytes": limit("bytes"),
        "countHard": limit(COUNT_HARD),
        "bytesHard": limit(BYTES_HARD),
    })
}

async fn read(client: &Client, path: &str) -> Result<Track, Failure> {
    let (data, _) = client.get(path, false).await?;
    let data = data.unwrap_or_default();
    Track::read(&data).ok_or_else(|| {
        let text = String::from_utf8_lossy(&data).into_owned();
        Failure::Undone(format!("{path} holds no quota: {text}"))
    })
}

fn is_missing(failure: &Failure) -> bool {
    matches!(failure, Failure::Refused(error) if error.code() == Some(Code::NO_NODE))
}

pub(super) async fn list(client: &Client, given: &Given) -> Result<Answer, Failure> {
    let path = given.word(0)?;
    let at = format!("{ROOT}{path}");
    let limits_at = format!("{at}/{LIMITS}");
    let note = format!("absolute path is {limits_at}");
    let both = async {
        let limits = read(client, &limits_at).await?;
        Ok((limits, read(client, &format!("{at}/{STATS}")).await?))
    };
    match both.await {
        Ok((limits, usage)) => Ok(Answer::of(json!({
            "path": path,
            "limits": limits_json(&limits),
            "usage": { "count": usage.count, "bytes": usage.bytes },
        }))
        .note(note)
        .line(format!("Output quota for {path} {limits}"))
        .line(format!("Output stat for {path} {usage}"))),
        Err(failure) if is_missing(&failure) => {
            Ok(Answer::of(json!({ "path": path, "limits": null, "usage": null }))
                .note(note)
                .note(format!("quota for {path} does not exist.")))
        }
        Err(failure) => Err(failure),
    }
}

pub(super) async fn set(client: &Client, given: &Given) -> Result<Answer, Failure> {
    let Some(option) = given.one_of(&["n", "b", "N", "B"])? else {
        return Err(given.usage("Missing required option: one of -n, -b, -N, -B"));
    };
    let path = given.word(0)?;
    if path.starts_with(ROOT) {
        return Err(Failure::Undone(format!(
            "cannot set a quota under the path: {ROOT}"
        )));
    }
    let (key, limit) = limit(given, option)?;
    if client.exists(path, false).await?.is_none() {
        return Err(Failure::Undone(format!("{path} does not exist.")));
    }
    no_quota_below(client, path).await?;
    no_quota_above(client, path).await?;
    let mut at = ROOT.to_owned();
    for name in path.split('/').filter(|name| !name.is_empty()) {
        at = below(&at, name);
        if client.exists(&at, false).await?.is_none() {
            create(client, &at, None).await?;
        }
    }
    let (limits_at, stats_at) = (format!("{at}/{LIMITS}"), format!("{at}/{STATS}"));
    let is_set = client.exists(&limits_at, false).await?.is_some();
    let mut limits = if is_set {
        read(client, &limits_at).await?
    } else {
        let mut limits = Track::none();
        limits.set(COUNT_HARD, -1);
        limits.set(BYTES_HARD, -1);
        limits
    };
    limits.set(key, limit);
    if !is_set {
        create(client, &limits_at, Some(&limits.to_string())).await?;
        create(client, &stats_at, Some("count=0,bytes=0")).await?;
    }
    let usage = read(client, &stats_at).await?;
    if is_set {
        client
            .set(&limits_at, Some(limits.to_string().into_bytes()), -1)
            .await?;
    }
    let mut answer = Answer::of(json!({ "path": path, "limits": limits_json(&limits) }));
    for (what, soft, hard, used) in [
        ("count", "count", COUNT_HARD, usage.count),
        ("bytes", "bytes", BYTES_HARD, usage.bytes),
    ] {
        if [soft, hard]
            .iter()
            .any(|key| (0..used).contains(&limits.get(key)))
        {
            answer = answer.line(format!(
                "[Warning]: the {what} quota you create is less than the existing {what}:{used}"
            ));
        }
    }
    Ok(answer)
}

/// The key and the value of the one limit that is to be set.
fn limit(given: &Given, option: &'static str) -> Result<(&'static str, i64), Failure> {
    let key = KEYS
        .iter()
        .find(|(name, _)| *name == option)
        .map_or("count", |(_, key)| key);
    let no_number =
        |_| Failure::Usage("NumberFormatException happens when parsing the option value".to_owned());
    let text = given.value(option).unwrap_or_default();
    let least = if matches!(option, "n" | "N") {
        text.parse::<i32>().map_err(no_number)?;
        1
    } else {
        0
    };
    let limit: i64 = text.parse().map_err(no_number)?;
    if limit < least {
        return Err(Failure::Usage(match option {
            "n" | "N" => "the num quota must be greater than zero".to_owned(),
            _ => "the bytes quota must be greater than or equal to zero".to_owned(),
        }));
    }
    Ok((key, limit))
}

async fn create(client: &Client, path: &str, data: Option<&str>) -> Result<(), Failure> {
    let data = data.map(|text| text.as_bytes().to_vec());
    match client.create(path, data, acl::open(), Mode::default()).await {
        Ok(_) => Ok(()),
        Err(error) if error.code() == Some(Code::NODE_EXISTS) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// One quota on a way is enough: servers would heed only the lowest.
async fn no_quota_below(client: &Client, path: &str) -> Result<(), Failure> {
    let start = format!("{ROOT}{path}");
    let start = start.trim_end_matches('/');
    let mut ahead = vec![start.to_owned()];
    while let Some(next) = ahead.pop() {
        let Some((children, _)) = sorted_children(client, &next, false).await? else {
            continue;
        };
        if next != start && children.iter().any(|child| child == LIMITS) {
            let has = next.strip_prefix(ROOT).unwrap_or(&next);
            return Err(Failure::Undone(format!(
                "{path} has a child {has} which has a quota"
            )));
        }
        ahead.extend(children.iter().rev().map(|child| below(&next, child)));
    }
    Ok(())
}

async fn no_quota_above(client: &Client, path: &str) -> Result<(), Failure> {
    let names: Vec<_> = path.split('/').filter(|name| !name.is_empty()).collect();
    let mut at = ROOT.to_owned();
    for name in &names[..names.len().saturating_sub(1)] {
        at = below(&at, name);
        let Some((children, _)) = sorted_children(client, &at, false).await? else {
            return Ok(());
        };
        if children.iter().any(|child| child == LIMITS) {
            let has = at.strip_prefix(ROOT).unwrap_or(&at);
            return Err(Failure::Undone(format!(
                "{path} has a parent {has} which has a quota"
            )));
        }
    }
    Ok(())
}

pub(super) async fn delete(client: &Client, given: &Given) -> Result<Answer, Failure> {
    let path = given.word(0)?;
    let option = given.one_of(&["n", "b", "N", "B"])?;
    let at = format!("{ROOT}{path}");
    let limits_at = format!("{at}/{LIMITS}");
    if client.exists(&limits_at, false).await?.is_none() {
        return Ok(Answer::of(json!({ "path": path, "limits": null }))
            .line(format!("Quota does not exist for {path}")));
    }
    let mut limits = read(client, &limits_at).await?;
    if let Some(option) = option {
        for (_, key) in KEYS.iter().filter(|(name, _)| *name == option) {
            limits.set(key, -1);
        }
        client
            .set(&limits_at, Some(limits.to_string().into_bytes()), -1)
            .await?;
        return Ok(Answer::of(
            json!({ "path": path, "limits": limits_json(&limits) }),
        ));
    }
    for child in client.children(&at, false).await?.0 {
        client.delete(&below(&at, &child), -1).await?;
    }
    // And what leads there, as far as nothing else is there.
    let mut at = at.as_str();
    while at != ROOT && client.children(at, false).await?.0.is_empty() {
        client.delete(at, -1).await?;
        at = at.rsplit_once('/').map_or(ROOT, |(parent, _)| parent);
    }
    Ok(Answer::of(json!({ "path": path, "limits": null })))
}
