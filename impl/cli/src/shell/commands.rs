//! What does each command do? It asks the servers and says what came of it; printing is the shell's.

mod config;
mod nodes;
mod quotas;
mod session;
mod subtree;

use super::Shell;
use super::failure::Failure;
use super::options::Given;
use quorate_client::Client;
use serde_json::Value;
pub(crate) use session::state_word;

/// What a command has to say.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    /// For standard output.
    pub(crate) text: Vec<String>,
    /// For standard error: words for people.
    pub(crate) notes: Vec<String>,
    /// The same as one object.
    pub(crate) json: Value,
}

impl Answer {
    fn of(json: Value) -> Self {
        Self {
            json,
            ..Self::default()
        }
    }

    fn line(mut self, line: impl Into<String>) -> Self {
        self.text.push(line.into());
        self
    }

    fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }
}

/// Does the command that the words are for; its name is one of the table's.
pub(crate) async fn execute(shell: &mut Shell, given: &Given, name: &str) -> Result<Answer, Failure> {
    match name {
        "addWatch" => session::add_watch(shell.client()?, given).await,
        "addauth" => session::add_auth(shell.client()?, given).await,
        "close" => session::close(shell).await,
        "config" => config::config(shell, given).await,
        "connect" => session::connect(shell, given).await,
        "create" => nodes::create(shell.client()?, given).await,
        "delete" => nodes::delete(shell.client()?, given).await,
        "deleteall" => subtree::delete(shell.client()?, given).await,
        "delquota" => quotas::delete(shell.client()?, given).await,
        "get" => nodes::get(shell, given).await,
        "getAcl" => nodes::get_acl(shell, given).await,
        "getAllChildrenNumber" => nodes::all_children_number(shell.client()?, given).await,
        "getEphemerals" => nodes::ephemerals(shell.client()?, given).await,
        "help" => session::help(given),
        "history" => Ok(session::history(shell)),
        "listquota" => quotas::list(shell.client()?, given).await,
        "ls" if given.has("R") => subtree::list(shell.client()?, given).await,
        "ls" => nodes::list(shell, given).await,
        "printwatches" => session::print_watches(shell, given),
        "reconfig" => config::reconfig(shell, given).await,
        "removewatches" => session::remove_watches(shell.client()?, given).await,
        "set" => nodes::set(shell, given).await,
        "setAcl" if given.has("R") => subtree::set_acl(shell.client()?, given).await,
        "setAcl" => nodes::set_acl(shell, given).await,
        "setquota" => quotas::set(shell.client()?, given).await,
        "stat" => nodes::stat(shell, given).await,
        "sync" => session::sync(shell.client()?, given).await,
        "tree" => subtree::tree(shell, given).await,
        "version" => Ok(session::version()),
        "watch" => session::watch(shell, given).await,
        "whoami" => session::who_am_i(shell.client()?).await,
        // `quit`, `exit` and `redo` are the shell's own.
        name => Err(Failure::NotFound(name.to_owned())),
    }
}

/// `path/child`, of the root too.
fn below(path: &str, child: &str) -> String {
    match path {
        "/" => format!("/{child}"),
        path => format!("{path}/{child}"),
    }
}

/// A znode's children in order, and its stat; nothing if it is gone meanwhile.
async fn sorted_children(
    client: &Client,
    path: &str,
    watch: bool,
) -> Result<Option<(Vec<String>, quorate_client::Stat)>, Failure> {
    match client.children(path, watch).await {
        Ok((mut children, stat)) => {
            children.sort();
            Ok(Some((children, stat)))
        }
        Err(error) if error.code() == Some(quorate_client::Code::NO_NODE) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
