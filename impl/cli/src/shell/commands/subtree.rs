//! Commands on a znode and all below it.

use super::super::failure::Failure;
use super::super::options::Given;
use super::super::print::Tone;
use super::super::{Shell, acl};
use super::{Answer, below, sorted_children};
use quorate_client::{Client, Code};
use serde_json::{Value, json};
use std::collections::VecDeque;

/// Znodes in one multi of `deleteall`.
const BATCH: usize = 1000;

/// Of the start itself, then of each znode: all its children, then what is below each of them.
async fn visit(client: &Client, path: &str, watch: bool) -> Result<Vec<String>, Failure> {
    client.get(path, watch).await?;
    let mut found = vec![path.to_owned()];
    let mut ahead = vec![path.to_owned()];
    while let Some(next) = ahead.pop() {
        let Some((children, _)) = sorted_children(client, &next, watch).await? else {
            continue;
        };
        let paths: Vec<_> = children.iter().map(|child| below(&next, child)).collect();
        ahead.extend(paths.iter().rev().cloned());
        found.extend(paths);
    }
    Ok(found)
}

pub(super) async fn list(client: &Client, given: &Given) -> Result<Answer, Failure> {
    let path = given.word(0)?;
    let found = visit(client, path, given.has("w")).await?;
    let mut answer = Answer::of(json!({ "path": path, "paths": found }));
    answer.text = found;
    Ok(answer)
}

pub(super) async fn set_acl(client: &Client, given: &Given) -> Result<Answer, Failure> {
    let (path, acl) = (given.word(0)?, acl::parse(given.word(1)?)?);
    let version = given.number("v", "an int value")?.unwrap_or(-1);
    let paths = visit(client, path, false).await?;
    let mut refused = Vec::new();
    for path in &paths {
        if let Err(error) = client.set_acl(path, acl.clone(), version).await {
            refused.push(Failure::Refused(error).to_string());
        }
    }
    if refused.is_empty() {
        return Ok(Answer::of(json!({ "path": path, "paths": paths })));
    }
    Err(Failure::Undone(refused.join("\n")))
}

pub(super) async fn delete(client: &Client, given: &Given) -> Result<Answer, Failure> {
    let path = given.word(0)?;
    let batch: usize = given.number("b", "an int value")?.unwrap_or(BATCH);
    let mut paths = vec![path.to_owned()];
    let mut ahead = VecDeque::from([path.to_owned()]);
    while let Some(next) = ahead.pop_front() {
        let children = match client.children(&next, false).await {
            Ok((children, _)) => children,
            Err(error) if next != path && error.code() == Some(Code::NO_NODE) => continue,
            Err(error) => return Err(error.into()),
        };
        for child in children {
            let path = below(&next, &child);
            ahead.push_back(path.clone());
            paths.push(path);
        }
    }
    // Leaves first.
    paths.reverse();
    let count = paths.len();
    if batch == 0 {
        for path in &paths {
            client.delete(path, -1).await?;
        }
    }
    for (done, batch) in paths
        .chunks(batch.max(1))
        .enumerate()
        .take(if batch == 0 { 0 } else { count })
    {
        if let Err(error) = client.delete_all(batch).await {
            let some = if done == 0 {
                "none was deleted"
            } else {
                "those before it were deleted"
            };
            return Err(Failure::Undone(format!(
                "Failed to delete some node(s) in the subtree!\n{}; {some}",
                Failure::Refused(error)
            )));
        }
    }
    Ok(Answer::of(json!({ "deleted": path, "count": count })))
}

/// A znode of the drawing.
struct Branch {
    name: String,
    ephemeral: bool,
    children: Vec<usize>,
    hidden: i32,
}

pub(super) async fn tree(shell: &mut Shell, given: &Given) -> Result<Answer, Failure> {
    let path = given.words.first().map_or("/", String::as_str);
    let depth: usize = given.number("d", "a number")?.unwrap_or(usize::MAX);
    let client = shell.client()?;
    let mut branches: Vec<Branch> = Vec::new();
    // Each with its parent's place and its depth; the last is next, so that parents come before children.
    let mut ahead = vec![(path.to_owned(), path.to_owned(), None, 0)];
    while let Some((path, name, parent, level)) = ahead.pop() {
        let found = match parent {
            None => {
                let (mut children, stat) = client.children(&path, false).await?;
                children.sort();
                Some((children, stat))
            }
            Some(_) => sorted_children(client, &path, false).await?,
        };
        let Some((children, stat)) = found else {
            continue;
        };
        let place = branches.len();
        if let Some(parent) = parent {
            let parent: &mut Branch = &mut branches[parent];
            parent.children.push(place);
        }
        let shown = level < depth;
        branches.push(Branch {
            name,
            ephemeral: stat.ephemeral_owner != 0,
            children: Vec::new(),
            hidden: if shown { 0 } else { stat.num_children },
        });
        if shown {
            let next = |child: String| (below(&path, &child), child, Some(place), level + 1);
            ahead.extend(children.into_iter().rev().map(next));
        }
    }
    let paint = shell.paint();
    let mut answer = Answer::of(json!({ "path": path, "tree": as_json(&branches, 0) }));
    // The place, and what its line begins with.
    let mut ahead = vec![(0, String::new(), String::new())];
    while let Some((place, before, under)) = ahead.pop() {
        let branch = &branches[place];
        let name = if branch.ephemeral {
            paint.paint(Tone::Ephemeral, &format!("{} (ephemeral)", branch.name))
        } else if branch.children.is_empty() && branch.hidden == 0 {
            branch.name.clone()
        } else {
            paint.paint(Tone::Parent, &branch.name)
        };
        let hidden = match branch.hidden {
            0 => String::new(),
            count => paint.paint(Tone::Faint, &format!(" (+{count})")),
        };
        answer = answer.line(format!("{before}{name}{hidden}"));
        for (at, child) in branch.children.iter().enumerate().rev() {
            let (corner, side) = match at + 1 == branch.children.len() {
                true => ("└── ", "    "),
                false => ("├── ", "│   "),
            };
            ahead.push((*child, format!("{under}{corner}"), format!("{under}{side}")));
        }
    }
    let count = branches.len();
    Ok(answer.line(format!("\n{count} znode{}", if count == 1 { "" } else { "s" })))
}

fn as_json(branches: &[Branch], place: usize) -> Value {
    let branch = &branches[place];
    let children: Vec<_> = branch
        .children
        .iter()
        .map(|&child| as_json(branches, child))
        .collect();
    json!({
        "name": branch.name,
        "ephemeral": branch.ephemeral,
        "children": children,
        "hidden": branch.hidden,
    })
}
