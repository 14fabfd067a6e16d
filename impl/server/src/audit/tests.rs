use super::*;
use crate::fourlw::tests::{Host, create};
use crate::service::Role;
use quorate_tree::Acl;
use quorate_wire::client::{MultiOp, Request};
use std::path::Path;

/// The lines without their times.
fn lines(file: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(file).unwrap();
    text.lines()
        .map(|line| {
            let (time, rest) = line.split_at("2026-11-30 05:20:00,123".len());
            let shape = time.replace(|digit: char| digit.is_ascii_digit(), "#");
            assert_eq!(shape, "####-##-## ##:##:##,###", "{line}");
            rest.trim_start().to_owned()
        })
        .collect()
}

#[test]
fn a_time_is_written_as_log4j_writes_it() {
    let line = Line::new()
        .with("user", "x")
        .end(Outcome::Success, 1_795_246_692_281);
    assert_eq!(
        line,
        "2026-11-21 07:38:12,281 INFO audit.Slf4jAuditLogger: user=x\tresult=success\n"
    );
}

#[test]
fn a_value_cannot_begin_another_pair_or_line() {
    let line = Line::new()
        .with("znode", "/a\tresult=success\nx\r")
        .end(Outcome::Failure, 0);
    assert!(
        line.ends_with(" ERROR audit.Slf4jAuditLogger: znode=/a\\tresult=success\\nx\\r\tresult=failure\n"),
        "{line}"
    );
}

#[test]
fn what_a_client_changes_is_written_down_in_apaches_words() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("audit.log");
    let mut host = Host::new(Some(Role::Standalone));
    host.service.audit(AuditLog::open(&file).unwrap());
    let delete = |path: &str| Request::Delete {
        path: path.into(),
        version: -1,
    };
    host = host.with_client(&[
        create("/a", 0),
        create("/a/s-", 2),
        create("/a/e", 1),
        create("/a", 0),
        Request::SetData {
            path: "/a".into(),
            data: None,
            version: -1,
        },
        Request::GetData {
            path: "/a".into(),
            watch: false,
        },
        delete("/a/e"),
        delete("/nothing"),
        create("/e2", 1),
        Request::CloseSession,
    ]);
    host.service.audit_stop();
    drop(host);
    let all = lines(&file);
    let who = |line: &String| {
        let session = line.find("session=").unwrap();
        let user = line.find("\tuser=").unwrap();
        format!("{}{}", &line[..session], &line[user + 1..])
    };
    let of_clients: Vec<_> = all.iter().filter(|line| line.contains("ip=")).map(who).collect();
    let info = "INFO audit.Slf4jAuditLogger: user=127.0.0.1\tip=127.0.0.1\toperation=";
    let error = info.replace("INFO", "ERROR");
    assert_eq!(
        of_clients,
        [
            format!("{info}create\tznode=/a\tznode_type=persistent\tresult=success"),
            format!("{info}create\tznode=/a/s-0000000000\tznode_type=persistent_sequential\tresult=success"),
            format!("{info}create\tznode=/a/e\tznode_type=ephemeral\tresult=success"),
            format!("{error}create\tznode=/a\tznode_type=persistent\tresult=failure"),
            format!("{info}setData\tznode=/a\tresult=success"),
            format!("{info}delete\tznode=/a/e\tresult=success"),
            format!("{error}delete\tznode=/nothing\tresult=failure"),
            format!("{info}create\tznode=/e2\tznode_type=ephemeral\tresult=success"),
        ]
    );
    assert!(
        all[0].contains("operation=serverStart\tresult=success"),
        "{}",
        all[0]
    );
    assert!(
        all.last()
            .unwrap()
            .contains("operation=serverStop\tresult=invoked")
    );
    let closing = all
        .iter()
        .find(|line| line.contains("ephemeralZNodeDeletion"))
        .unwrap();
    assert!(
        closing.contains("session=0x") && closing.ends_with("\tznode=/e2\tresult=success"),
        "{closing}"
    );
    assert!(!closing.contains("ip="), "{closing}");
    assert_eq!(all.len(), of_clients.len() + 3);
}

#[test]
fn a_request_is_remembered_until_its_transaction_comes() {
    let acl = |perms, id: &str| Acl {
        perms,
        scheme: "digest".into(),
        id: id.into(),
    };
    let mut notes = Notes::default();
    notes.remember(1, &create("/a", 4));
    notes.remember(2, &Request::Ping);
    notes.remember(
        3,
        &Request::SetAcl {
            path: "/a".into(),
            acl: vec![acl(31, "me:x"), acl(1, "you:y")],
            version: -1,
        },
    );
    notes.remember(
        4,
        &Request::Multi(vec![MultiOp::Delete {
            path: "/a".into(),
            version: -1,
        }]),
    );
    assert_eq!(notes.take(2), None, "a ping is worth nothing");
    let set_acl = notes.take(3).unwrap();
    assert_eq!(set_acl.acl.as_deref(), Some("digest:me:x:cdrwadigest:you:y:r"));
    assert_eq!(notes.take(1), None, "what is older comes no more");
    let multi = notes.take(4).unwrap();
    assert_eq!((multi.operation, multi.path), ("multiOperation", None));
}

#[test]
fn a_full_queue_costs_lines_and_no_time() {
    let dir = tempfile::tempdir().unwrap();
    // A pipe that nobody reads: its writer hangs when it is full.
    let pipe = dir.path().join("audit.log");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(made.success());
    let reader = std::fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open(&pipe)
        .unwrap();
    let mut log = AuditLog::with_room(&pipe, 2).unwrap();
    let long = "x".repeat(64 << 10);
    let mut lost = 0;
    for _ in 0..8 {
        lost = log.tell(Line::new().with("user", &long), Outcome::Success, 0);
    }
    assert!(lost > 0);
    // Whoever reads lets it go on.
    let drained = std::thread::spawn(move || {
        let mut reader = reader;
        std::io::copy(&mut reader, &mut std::io::sink())
    });
    drop(log);
    drop(drained);
}
