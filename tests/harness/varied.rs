//! What does a tree hold in which every kind of transaction had a part?

use crate::client::{Acl, Client, ClientError, Code, CreateMode, Part, PartResult};

/// The secret that opens what [`plant`] closed to everyone else.
pub const SECRET: &[u8] = b"someone:secret";
/// Its digest, as ZooKeeper computes it: base64 of the SHA-1 of `someone:secret`.
const DIGEST_ID: &str = "someone:1bEEvdxVw2VthaBGHrH2e9EwrXU=";

/// Lifetimes far beyond that of a test.
const TTL_MS: i64 = 3_600_000;

/// Plants below `root` what a server of `leader`'s kind can be asked for while it leads: data set and unset,
/// sequences, an ephemeral of this session, deletes, and writes that were refused; under one of Apache's
/// also access lists, containers, lifetimes, multis that happened and one that did not. One of ours answers
/// each of these that it has none of that, through a transaction.
///
/// # Errors
///
/// If the connection is lost, or an operation has another outcome than ZooKeeper's; the latter panics.
pub fn plant(client: &mut Client, root: &str) -> Result<(), ClientError> {
    let at = |name: &str| format!("{root}/{name}");
    client.create(root, b"root", CreateMode::Persistent)?;
    for (name, data) in [("empty", &b""[..]), ("data", b"value"), ("large", &[7; 100_000])] {
        client.create(&at(name), data, CreateMode::Persistent)?;
    }
    for version in 0..5 {
        client.set(&at("data"), format!("value {version}").as_bytes(), version)?;
    }
    for _ in 0..3 {
        client.create(&at("n-"), b"", CreateMode::PersistentSequential)?;
    }
    client.create(&at("session"), b"", CreateMode::Ephemeral)?;
    client.create(&at("closed-later"), b"", CreateMode::Persistent)?;
    plant_the_rest(client, root)?;
    client.create(&at("deleted"), b"", CreateMode::Persistent)?;
    client.delete(&at("deleted"), 0)?;
    refused(
        client.create(&at("data"), b"", CreateMode::Persistent),
        Code::NODE_EXISTS,
    )?;
    refused(
        client.create(&at("none/child"), b"", CreateMode::Persistent),
        Code::NO_NODE,
    )?;
    refused(client.set(&at("data"), b"", 99), Code::BAD_VERSION)?;
    refused(client.delete(root, -1), Code::NOT_EMPTY)
}

/// Everyone may read, and only who knows [`SECRET`] may do more.
fn readable() -> [Acl; 2] {
    let entry = |perms, scheme: &str, id: &str| Acl {
        perms,
        scheme: scheme.into(),
        id: id.into(),
    };
    [entry(1, "world", "anyone"), entry(31, "digest", DIGEST_ID)]
}

fn plant_the_rest(client: &mut Client, root: &str) -> Result<(), ClientError> {
    let at = |name: &str| format!("{root}/{name}");
    client.create_container(&at("container"), b"")?;
    client.create(&at("container/child"), b"", CreateMode::Persistent)?;
    client.create_ttl(&at("ttl"), b"", TTL_MS)?;
    client.create_acl(&at("readable"), b"", &readable(), CreateMode::Persistent)?;
    client.set_acl(&at("closed-later"), &readable(), 0)?;
    refused(client.set(&at("readable"), b"", -1), Code::NO_AUTH)?;

    let done = client.multi(&[
        Part::Check(at("data"), 5),
        Part::Create(at("multi"), b"1".to_vec(), CreateMode::Persistent),
        Part::Set(at("multi"), b"2".to_vec(), 0),
        Part::Create(at("multi/gone"), b"".to_vec(), CreateMode::Persistent),
        Part::Delete(at("multi/gone"), -1),
    ])?;
    let failed = done.iter().find(|result| matches!(result, PartResult::Failed(_)));
    assert!(done.len() == 5 && failed.is_none(), "{done:?}");
    let undone = client.multi(&[
        Part::Create(at("never"), b"".to_vec(), CreateMode::Persistent),
        Part::Check(at("data"), 99),
        Part::Delete(at("data"), -1),
    ])?;
    let codes = [Code::OK, Code::BAD_VERSION, Code::RUNTIME_INCONSISTENCY].map(PartResult::Failed);
    assert_eq!(undone, codes);
    Ok(())
}

fn refused<T: std::fmt::Debug>(result: Result<T, ClientError>, code: Code) -> Result<(), ClientError> {
    match result {
        Err(why) if why.is_lost() => Err(why),
        other => {
            assert_eq!(
                other.as_ref().err().and_then(ClientError::code),
                Some(code),
                "{other:?}"
            );
            Ok(())
        }
    }
}
