//! Does the audit let pass what is right, whatever the order in which it looks?

#[allow(dead_code)]
mod rehearsal;

use quorate_conformance::{Check, Doubt, Options, Order, Report, Verdict, audit};
use quorate_trace::{Record, read_dir};
use quorate_zab::{Input, Message, Zab};
use rehearsal::breaking::{BootRecords, load, store};
use rehearsal::runs::{base, good, power_loss};
use rehearsal::{Rehearsal, Script};
use std::path::Path;
use tempfile::TempDir;

fn report(dir: &Path, order: Order) -> Report {
    let found = read_dir(dir.join("recorded")).expect("the directory can be read");
    let options = Options {
        order,
        ..Options::default()
    };
    audit(found, &options, &mut |_| {})
}

fn rehearse(script: Script) -> TempDir {
    let dir = TempDir::new().expect("a temporary directory");
    Rehearsal::new(dir.path(), script, Zab).run();
    dir
}

fn holds_in_any_order(dir: &TempDir, what: &str) -> Report {
    let by_time = report(dir.path(), Order::ByTime);
    assert_eq!(by_time.verdict, Verdict::Holds, "{what}\n{by_time}");
    for seed in 0..3 {
        let by_chance = report(dir.path(), Order::ByChance(seed));
        assert_eq!(
            by_chance.verdict,
            Verdict::Holds,
            "{what}, order {seed}\n{by_chance}"
        );
        assert_eq!(by_chance.commits, by_time.commits);
    }
    by_time
}

#[test]
fn quiet_runs_hold() {
    for seed in 0..20 {
        let dir = rehearse(Script::quiet(seed));
        let report = holds_in_any_order(&dir, &format!("seed {seed}"));
        assert_eq!(report.recorded, [1, 2, 3]);
        assert!(report.believed.is_empty(), "{report}");
        assert!(holds_deeds_against_effects(&report), "{report}");
    }
}

fn holds_deeds_against_effects(report: &Report) -> bool {
    !report.checks_not_made.iter().any(|check| check.starts_with("C3"))
}

#[test]
fn no_check_is_claimed_that_the_traces_of_one_server_do_not_allow() {
    let mut boots = base(2);
    for boot in boots.iter_mut().filter(|boot| boot.header.server.get() == 1) {
        boot.records
            .retain(|(_, record)| !matches!(record, Record::Rest(_)));
    }
    let dir = TempDir::new().unwrap();
    store(&dir.path().join("recorded"), &boots);
    let report = holds_in_any_order(&dir, "without a rest");
    assert!(!holds_deeds_against_effects(&report), "{report}");
}

#[test]
fn stormy_runs_hold() {
    let mut boots = 0;
    let mut reigns = 0;
    for seed in 0..40 {
        let dir = rehearse(Script::stormy(seed));
        let report = holds_in_any_order(&dir, &format!("seed {seed}"));
        boots += report.boots;
        reigns += report.reigns.len();
    }
    assert!(
        boots > 200 && reigns > 100,
        "{boots} boots, {reigns} reigns: not much of a storm"
    );
}

#[test]
fn five_servers_hold() {
    for seed in 0..6 {
        let script = Script {
            servers: 5,
            rounds: 6000,
            ..Script::stormy(seed)
        };
        holds_in_any_order(&rehearse(script), &format!("seed {seed}"));
    }
}

fn is_inform(record: &Record) -> bool {
    let Record::Input { input, .. } = record else {
        return false;
    };
    matches!(
        input,
        Input::Message {
            message: Message::Inform { .. },
            ..
        }
    )
}

#[test]
fn observers_hold() {
    let mut informed = 0;
    for seed in 0..12 {
        let script = Script {
            servers: 5,
            observers: 2,
            rounds: 6000,
            ..Script::stormy(seed)
        };
        let dir = rehearse(script);
        holds_in_any_order(&dir, &format!("seed {seed}"));
        let boots = load(&dir.path().join("recorded"));
        let records = boots.iter().flat_map(|boot| &boot.records);
        informed += records.filter(|(_, record)| is_inform(record)).count();
    }
    assert!(informed > 100, "{informed} INFORMs came");
}

#[test]
fn servers_of_different_weight_hold() {
    for (seed, weights) in (0..).zip([[2, 1, 1], [1, 1, 0], [3, 1, 1], [2, 2, 1]]) {
        let script = Script {
            weights: weights.to_vec(),
            ..Script::stormy(seed)
        };
        holds_in_any_order(&rehearse(script), &format!("{weights:?}"));
    }
}

#[test]
fn an_open_member_is_believed_and_named() {
    for seed in 0..20 {
        let script = Script {
            unrecorded: vec![seed % 3 + 1],
            ..Script::quiet(seed)
        };
        let report = report(rehearse(script).path(), Order::ByTime);
        assert_ne!(report.verdict, Verdict::Violated, "seed {seed}\n{report}");
        assert_eq!(report.open, [seed % 3 + 1]);
        assert!(!report.believed.is_empty());
    }
}

#[test]
fn connections_without_names_are_believed() {
    for seed in 0..10 {
        let script = Script {
            nameless: true,
            ..Script::quiet(seed)
        };
        let report = holds_in_any_order(&rehearse(script), &format!("seed {seed}"));
        assert!(!report.believed.is_empty(), "{report}");
    }
}

#[test]
fn a_power_loss_is_no_lie() {
    let (mut seen, mut unsaid) = (0, 0);
    for seed in 0..20 {
        let Some(boots) = power_loss(base(seed)) else {
            continue;
        };
        let dir = TempDir::new().unwrap();
        store(&dir.path().join("recorded"), &boots);
        let report = report(dir.path(), Order::ByTime);
        // What was lost may be all that the quorum of a reign had recorded; then that is said, and is no lie.
        let unseen = |doubt: &Doubt| doubt.why.contains("no quorum of epoch");
        let notes = &report.notes;
        assert!(
            notes.iter().any(|note| note.contains("is open from record")),
            "seed {seed}\n{report}"
        );
        if report.verdict == Verdict::Inconclusive {
            let only_unseen = !report.doubts.is_empty() && report.doubts.iter().all(unseen);
            assert!(only_unseen && report.finding.is_none(), "seed {seed}\n{report}");
            unsaid += 1;
            continue;
        }
        assert_eq!(report.verdict, Verdict::Holds, "seed {seed}\n{report}");
        seen += 1;
    }
    assert!(seen > 5, "{seen} runs with a power loss");
    assert!(
        unsaid < seen,
        "{unsaid} runs of which nothing can be said, {seen} that hold"
    );
}

/// Whether a server that had taken itself for new heard of a history.
fn forgets(boots: &[BootRecords]) -> bool {
    let mut records = boots.iter().flat_map(|boot| &boot.records);
    records.any(|(_, record)| {
        matches!(
            record,
            Record::Input {
                input: Input::HistoryHeard,
                ..
            }
        )
    })
}

#[test]
fn the_kept_run_with_an_empty_disk_has_a_forgetful_server() {
    assert!(forgets(&good("emptied")));
}

#[test]
fn an_emptied_disk_is_no_lie() {
    let mut seen = 0;
    for seed in 0..20 {
        let script = Script {
            kills: 200,
            wipes: 1,
            ..Script::quiet(seed)
        };
        let report = report(rehearse(script).path(), Order::ByTime);
        let lie = report
            .finding
            .as_ref()
            .is_some_and(|finding| finding.check == Check::Storage);
        assert!(!lie, "seed {seed}\n{report}");
        seen += usize::from(
            report
                .notes
                .iter()
                .any(|note| note.contains("was emptied at boot")),
        );
    }
    assert!(seen > 3, "{seen} runs with an emptied disk");
}

#[test]
fn a_disk_that_was_put_back_is_no_lie() {
    let mut seen = 0;
    for seed in 0..20 {
        let script = Script {
            kills: 100,
            restores: 2,
            ..Script::quiet(seed)
        };
        let report = report(rehearse(script).path(), Order::ByTime);
        let lie = report
            .finding
            .as_ref()
            .is_some_and(|finding| finding.check == Check::Storage);
        assert!(!lie, "seed {seed}\n{report}");
        seen += usize::from(
            report
                .notes
                .iter()
                .any(|note| note.contains("was restored at boot")),
        );
    }
    assert!(seen > 3, "{seen} runs with a disk that was put back");
}

#[test]
fn nothing_is_not_enough() {
    let dir = TempDir::new().unwrap();
    std::fs::create_dir(dir.path().join("recorded")).unwrap();
    let report = report(dir.path(), Order::ByTime);
    assert_eq!(report.verdict, Verdict::Inconclusive, "{report}");
}

#[test]
fn one_server_of_three_is_not_enough() {
    let script = Script {
        unrecorded: vec![1, 2],
        ..Script::quiet(3)
    };
    let report = report(rehearse(script).path(), Order::ByTime);
    assert_eq!(report.verdict, Verdict::Inconclusive, "{report}");
}
