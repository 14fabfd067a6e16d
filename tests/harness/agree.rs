//! Do all servers hold the same tree?
//!
//! Once every client is gone and every server has caught up, their trees are compared znode by znode,
//! stat and ACL included; and while they ran, the digests that each computed are compared by zxid.

use std::collections::BTreeMap;

use crate::client::{Acl, Client, ClientError, Stat};
use crate::config::Kind;
use crate::four_letters::{Mode, parse_hash};
use crate::member::Member;
use crate::wait::{LONG, wait_until};

/// A znode as one server shows it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Znode {
    /// Its data.
    pub data: Vec<u8>,
    /// Its stat.
    pub stat: Stat,
    /// Its access control list.
    pub acl: Vec<Acl>,
}

/// Everything in the tree of one server, `/zookeeper` apart.
pub type Tree = BTreeMap<String, Znode>;

/// Each server writes these for itself, with times of its own.
const OWN: &str = "/zookeeper";

/// Reads the tree of the server behind `client`, after a sync.
///
/// # Errors
///
/// If the connection breaks, or a znode vanishes while it is read.
pub fn tree(client: &mut Client) -> Result<Tree, ClientError> {
    client.sync("/")?;
    let mut tree = Tree::new();
    let mut paths = vec!["/".to_owned()];
    while let Some(path) = paths.pop() {
        let (data, stat) = client.get(&path, false)?;
        let (acl, _) = client.acl(&path)?;
        for child in client.children(&path, false)?.0 {
            let child = format!("{}/{child}", path.trim_end_matches('/'));
            if child != OWN {
                paths.push(child);
            }
        }
        tree.insert(path, Znode { data, stat, acl });
    }
    Ok(tree)
}

/// Waits until all `members` show the same tree, and gives it.
///
/// # Panics
///
/// If they still differ at the deadline; the message says where.
#[track_caller]
pub fn wait_same_trees(members: &[&Member]) -> Tree {
    let mut difference = String::from("no tree could be read");
    let found = std::cell::RefCell::new(None);
    let start = std::time::Instant::now();
    wait_until(LONG * 2, "all servers show the same tree", || {
        let trees: Result<Vec<_>, _> = members
            .iter()
            .map(|member| Ok((member.id(), tree_of(member)?)))
            .collect();
        match trees {
            Ok(trees) => match first_difference(&trees) {
                None => *found.borrow_mut() = Some(trees.into_iter().next().expect("at least one member").1),
                Some(what) => difference = what,
            },
            Err::<_, ClientError>(why) => difference = why.to_string(),
        }
        let given_up = start.elapsed() >= LONG;
        (found.borrow().is_some() || given_up).then_some(())
    });
    found
        .into_inner()
        .unwrap_or_else(|| panic!("the trees differ: {difference}"))
}

fn tree_of(member: &Member) -> Result<Tree, ClientError> {
    let mut client = member.try_client()?;
    let tree = tree(&mut client)?;
    client.close()?;
    Ok(tree)
}

fn first_difference(trees: &[(u64, Tree)]) -> Option<String> {
    let (first, rest) = trees.split_first()?;
    rest.iter().find_map(|other| {
        let paths = first.1.keys().chain(other.1.keys());
        let mut differ = paths.filter(|path| first.1.get(*path) != other.1.get(*path));
        let path = differ.next()?;
        let (one, two) = (first.1.get(path), other.1.get(path));
        Some(format!(
            "{path}: server {} has {one:?}, server {} has {two:?}",
            first.0, other.0
        ))
    })
}

/// Compares the digests of `members` at every zxid that two of them recorded, and gives how many
/// comparisons that were. Servers record one digest each 128 transactions.
///
/// # Panics
///
/// If two differ, or a server counted a mismatch of its own with what the leader proposed. What an Apache
/// server counts under an Apache leader is Apache's: one that loads the snapshot of a busy tree counts its own.
#[track_caller]
pub fn compare_digests(members: &[&Member]) -> usize {
    compare_digests_of_pairs(members).values().sum()
}

/// As [`compare_digests`], with the number for each pair of ids; the lower id, or the earlier member, is first.
///
/// # Panics
///
/// As [`compare_digests`].
#[track_caller]
pub fn compare_digests_of_pairs(members: &[&Member]) -> BTreeMap<(u64, u64), usize> {
    let leads = |member: &&&Member| member.srvr().is_some_and(|srvr| srvr.mode == Mode::Leader);
    let led_by_ours = members.iter().find(leads).map(|member| member.kind()) == Some(Kind::Quorate);
    let known: Vec<_> = members
        .iter()
        .map(|member| {
            if led_by_ours || member.kind() == Kind::Quorate {
                counts_no_mismatch(member);
            }
            (member.id(), digests(member))
        })
        .collect();
    let mut compared = BTreeMap::new();
    for (at, (id, theirs)) in known.iter().enumerate() {
        for (other, before) in &known[..at] {
            let both = same_digests(theirs, before)
                .unwrap_or_else(|why| panic!("digests of servers {id} and {other} {why}"));
            compared.insert((*other, *id), both);
        }
    }
    compared
}

/// Asks a server whether its tree is what its leader proposed and its files say.
///
/// # Panics
///
/// If it does not answer, or counted a mismatch.
#[track_caller]
pub fn counts_no_mismatch(member: &Member) {
    let mismatches = member.mntr().get("digest_mismatches_count").cloned();
    let id = member.id();
    assert_eq!(mismatches.as_deref(), Some("0"), "server {id}: digest mismatches");
}

/// The digests that a server recorded, by zxid.
///
/// # Panics
///
/// If it does not answer.
#[track_caller]
pub fn digests(member: &Member) -> BTreeMap<u64, String> {
    let id = member.id();
    let answer = member
        .ask("hash")
        .unwrap_or_else(|| panic!("server {id} answers `hash`"));
    parse_hash(&answer)
}

/// At how many zxids both recorded a digest, the same one.
///
/// # Errors
///
/// Where they differ.
pub fn same_digests(one: &BTreeMap<u64, String>, two: &BTreeMap<u64, String>) -> Result<usize, String> {
    let both = one
        .iter()
        .filter_map(|(zxid, digest)| Some((zxid, digest, two.get(zxid)?)));
    let mut count = 0;
    for (zxid, digest, other) in both {
        if digest != other {
            return Err(format!("at {zxid:#x}: {digest} and {other}"));
        }
        count += 1;
    }
    Ok(count)
}
