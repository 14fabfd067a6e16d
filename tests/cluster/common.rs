//! What do the scenarios share?

use quorate_tests::{Ensemble, Kind, Member, command, python};

/// Three servers of the kind under test.
pub(crate) fn three() -> [Kind; 3] {
    [Kind::subject(); 3]
}

/// The recorded run of a stopped ensemble is one that the model allows, and the verdict is not empty.
/// Apache's servers record nothing, so there is nothing to audit.
#[track_caller]
pub(crate) fn audit_holds(ensemble: &Ensemble) -> Option<command::Audit> {
    let dirs = ensemble.trace_dirs();
    if dirs.is_empty() {
        return None;
    }
    let audit = command::audit(&dirs);
    assert_eq!(audit.code, 0, "the audit does not hold: {}", audit.text);
    Some(audit)
}

/// Stops every server in order and audits what they recorded.
#[track_caller]
pub(crate) fn stop_and_audit(mut ensemble: Ensemble) {
    ensemble.stop_all();
    audit_holds(&ensemble);
}

/// Creates, sets, watches and deletes with kazoo under `path`.
pub(crate) fn kazoo_round(hosts: &str, path: &str) {
    let lines = python::run("crud.py", &[hosts, path]);
    let steps: Vec<_> = lines
        .iter()
        .map(|line| line["step"].as_str().unwrap_or("?"))
        .collect();
    let expected = [
        "created",
        "read",
        "changed",
        "event",
        "sequential",
        "children",
        "multi",
        "deleted",
        "event",
        "gone",
    ];
    assert_eq!(steps, expected, "{lines:#?}");
    let events: Vec<_> = lines.iter().filter(|line| line["step"] == "event").collect();
    assert_eq!(
        (&events[0]["type"], &events[1]["type"]),
        (&"CHANGED".into(), &"DELETED".into())
    );
    assert_eq!(lines[2]["version"], 1);
    assert_eq!(lines[5]["count"], 3);
}

/// The most memory that a server ever had, resident and reserved, in KiB.
pub(crate) fn memory_kib(member: &Member) -> [u64; 2] {
    let pid = std::fs::read_to_string(member.dir().join("pid")).unwrap();
    let status = std::fs::read_to_string(format!("/proc/{}/status", pid.trim())).unwrap();
    ["VmHWM:", "VmPeak:"].map(|name| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let kib = line.and_then(|line| line.trim().split(' ').next()?.parse().ok());
        kib.unwrap_or_else(|| panic!("no {name} in {status}"))
    })
}
