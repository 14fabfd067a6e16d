//! Commands on the ensemble's configuration.

use super::super::Shell;
use super::super::failure::Failure;
use super::super::options::Given;
use super::super::print;
use super::Answer;
use serde_json::json;

pub(super) async fn config(shell: &mut Shell, given: &Given) -> Result<Answer, Failure> {
    let (data, stat) = shell.client()?.config(given.has("w")).await?;
    let text = String::from_utf8_lossy(data.as_deref().unwrap_or(b"null")).into_owned();
    let clients = for_clients(&text);
    let json = json!({ "config": text, "clients": clients, "stat": print::stat_json(&stat) });
    let mut answer = Answer::of(json).line(if given.has("c") { clients } else { text });
    if given.has("s") {
        answer = answer.line(print::stat(&stat, shell.paint()));
    }
    Ok(answer)
}

/// The version, and the addresses for clients: `100000000 host:2181,host:2182`.
fn for_clients(config: &str) -> String {
    let mut version = "";
    let mut addresses = Vec::new();
    for line in config.lines() {
        let Some((key, value)) = line.split_once('=') else {
            continue;
        };
        if key.trim() == "version" {
            version = value.trim();
        } else if key.trim().starts_with("server.")
            && let Some((_, client)) = value.split_once(';')
        {
            let client = client.trim();
            addresses.push(match client.contains(':') {
                true => client.to_owned(),
                false => format!("0.0.0.0:{client}"),
            });
        }
    }
    format!("{version} {}", addresses.join(","))
}

pub(super) async fn reconfig(shell: &mut Shell, given: &Given) -> Result<Answer, Failure> {
    let has = |names: &[&str]| names.iter().any(|name| given.has(name));
    if !has(&["file", "members", "add", "remove"]) {
        return Err(given.usage(""));
    }
    if has(&["file", "members"]) && has(&["add", "remove"]) {
        return Err(given.usage(
            "Can't use -file or -members together with -add or -remove (mixing incremental and \
             non-incremental modes is not allowed)",
        ));
    }
    if has(&["file"]) && has(&["members"]) {
        return Err(given.usage("Can't use -file and -members together (conflicting non-incremental modes)"));
    }
    let version = match given.value("v") {
        Some(text) => i64::from_str_radix(text, 16)
            .map_err(|_| given.usage("-v must be followed by a long (configuration version)"))?,
        None => -1,
    };
    let lower = |name| given.value(name).map(str::to_lowercase);
    let members = match given.value("file") {
        Some(file) => Some(members_of(file)?),
        None => lower("members"),
    };
    let client = shell.client()?;
    let (data, stat) = client
        .reconfigure(lower("add"), lower("remove"), members, version)
        .await?;
    let text = String::from_utf8_lossy(&data.unwrap_or_default()).into_owned();
    let json = json!({ "config": text, "stat": print::stat_json(&stat) });
    let mut answer = Answer::of(json).line(format!("Committed new configuration:\n{text}"));
    if given.has("s") {
        answer = answer.line(print::stat(&stat, shell.paint()));
    }
    Ok(answer)
}

/// The lines of a configuration file that are about members.
fn members_of(file: &str) -> Result<String, Failure> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| Failure::Usage(format!("Error processing {file}: {error}")))?;
    let members: Vec<_> = text
        .lines()
        .map(str::trim)
        .filter(|line| {
            ["server.", "group.", "weight."]
                .iter()
                .any(|key| line.starts_with(key))
        })
        .collect();
    if members.is_empty() {
        return Err(Failure::Usage(format!(
            "Error processing {file}: it names no server"
        )));
    }
    Ok(members.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::for_clients;

    #[test]
    fn the_addresses_for_clients_are_behind_the_semicolon() {
        let config = "server.1=a:2888:3888:participant;0.0.0.0:2181\nserver.2=b:2888:3888;2182\nversion=1a";
        assert_eq!(for_clients(config), "1a 0.0.0.0:2181,0.0.0.0:2182");
        assert_eq!(for_clients("server.1=a:1:2:participant\nversion=0"), "0 ");
        assert_eq!(for_clients("null"), " ");
    }
}
