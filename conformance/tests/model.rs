//! Is what the checker explores what the audit permits? Runs of the model, written down as traces and audited.

use quorate_checker::{
    Action, Agreement, Bounds, Flaws, Killing, Mutant, Property, Reductions, Run, mutants,
};
use quorate_conformance::{Check, Options, Order, Report, Verdict, audit, audit_under, write_run};
use quorate_trace::read_dirs;
use quorate_zab::Zab;
use tempfile::TempDir;

const WALKS: u64 = 240;

/// In memory if possible: these are many small files.
fn directory() -> TempDir {
    let memory = std::path::Path::new("/dev/shm");
    let dir = if memory.is_dir() {
        tempfile::tempdir_in(memory)
    } else {
        tempfile::tempdir()
    };
    dir.expect("a temporary directory")
}

fn audited(dir: &TempDir, order: Order) -> Report {
    let found = read_dirs([dir.path()]).expect("it can be read");
    let options = Options {
        order,
        ..Options::default()
    };
    audit(found, &options, &mut |_| {})
}

fn bounds(seed: u64) -> Bounds {
    Bounds {
        servers: if seed % 12 == 11 { 5 } else { 3 },
        observers: u8::from(seed % 6 == 3),
        groups: if seed % 6 == 1 { &[&[2, 1, 1]] } else { &[] },
        java: u8::from(seed % 6 == 5),
        pings: 2,
        syncs: 2,
        purges: 2,
        disk_errors: 1,
        wipes: u8::from(seed % 12 < 4),
        autocreate: seed.is_multiple_of(2),
        warm: seed.is_multiple_of(2),
        ..Bounds::of_three(3, 4, 3, 3)
    }
}

#[test]
fn every_walk_of_the_model_is_one_that_the_audit_permits() {
    let (mut holds, mut reigns, mut commits, mut boots) = (0, 0, 0, 0);
    for seed in 0..WALKS {
        let bounds = bounds(seed);
        // Half of them with nothing left out.
        let reductions = if seed % 4 < 2 {
            Reductions::ALL
        } else {
            Reductions::NONE
        };
        let model = Agreement::new(Zab, bounds).with_reductions(reductions);
        let moves = model.walk(seed, 400);
        let dir = directory();
        let run = Run::new(&Zab, Flaws::default(), bounds);
        write_run(dir.path(), "a walk", run, moves).expect("it is written");
        let report = audited(&dir, Order::ByTime);
        assert!(report.finding.is_none(), "seed {seed}, {bounds}: {report}");
        for doubt in &report.doubts {
            // Where nobody was established, or only with an Apache learner, nothing was decided that is seen.
            let vacuous = doubt.why.contains("no leader was ever established")
                || bounds.java > 0 && doubt.why.contains("no quorum of epoch");
            assert!(vacuous, "seed {seed}, {bounds}: {report}");
        }
        if seed.is_multiple_of(4) {
            let other = audited(&dir, Order::ByChance(seed));
            assert_eq!(
                (report.verdict, report.commits),
                (other.verdict, other.commits),
                "seed {seed}: {other}"
            );
        }
        holds += usize::from(report.verdict == Verdict::Holds);
        reigns += report.reigns.len();
        commits += report.commits;
        boots += report.boots;
    }
    println!("{holds} hold, {reigns} reigns, {commits} commits, {boots} boots");
    assert!(holds >= 200, "only {holds} of {WALKS} decide anything");
}

fn moves(killing: &Killing) -> Vec<Action> {
    let outcome = killing.run(&mut |_| {});
    assert!(killing.is_killed(&outcome), "{} lives", killing.mutant.name());
    match outcome.verdict {
        quorate_checker::Verdict::Violated { story, .. } => {
            story.into_iter().flat_map(|step| step.moves).collect()
        }
        other => panic!("{other:?}"),
    }
}

/// What an audit by the mutant's own rules says of its run, where that is not the property that has to notice it.
fn exception(killing: &Killing) -> Option<Own> {
    match (killing.mutant, killing.killer) {
        // What goes wrong does so after the run, when faults end.
        (_, Property::Recovers) => Some(Own::Nothing),
        // The audit is not told what clients ask.
        (_, Property::SyncIsLinearizable) => Some(Own::Nothing),
        // What was on a disk that was emptied is claimed no longer.
        (Mutant::TrustsEmptyDisk | Mutant::VouchesForgetful | Mutant::RecallsUnconfirmed, _) => {
            Some(Own::Nothing)
        }
        // Nor does it see the disk of an Apache learner.
        (Mutant::BareProposals | Mutant::SnapsBelowTail, _) => Some(Own::Nothing),
        // No server starts from that disk, says the world.
        (Mutant::BootsStrictly, _) => Some(Own::Found(Check::World)),
        // A disk that kept an append and lost the cut before it is no matter of rules.
        (Mutant::UnsyncedTruncation, _) => Some(Own::Found(Check::Storage)),
        // Another property notices earlier: the checker had that one alone.
        (
            Mutant::HalfIsAQuorum,
            Property::Agreement | Property::InitialHistory | Property::PrimaryIntegrity,
        )
        | (Mutant::EntersBeforeLogDurable, Property::CommitConsistency)
        | (Mutant::AcceptsGap, Property::TotalOrder)
        | (Mutant::RollsOver, Property::LogMatching)
        | (Mutant::PromisesByLog, Property::OneLeader)
        | (Mutant::AcksBeforeDurable, Property::ServedStays | Property::BetterVoteKnowsMore) => {
            Some(Own::Found(Check::Properties))
        }
        _ => None,
    }
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Own {
    Found(Check),
    Nothing,
}

#[test]
fn of_every_mutants_run_the_audit_says_where_it_departs_and_by_its_own_rules_what_it_breaks() {
    // A trace tells of no change of members, and what is wrong with votes leaves none of learners and disks.
    let is_told = |killing: &Killing| {
        let bounds = killing.bounds;
        !bounds.changes() && !bounds.misfiled && !bounds.elects
    };
    for killing in mutants().into_iter().filter(is_told) {
        let dir = directory();
        let run = Run::new(&killing.mutant, killing.mutant.flaws(), killing.bounds);
        write_run(dir.path(), "a mutant's run", run, moves(&killing)).expect("it is written");
        let name = format!("{} ({:?})", killing.mutant.name(), killing.killer);

        let report = audited(&dir, Order::ByTime);
        let found = report.finding.as_ref().map(|finding| finding.check);
        let expected = match (killing.mutant, killing.killer) {
            // It goes on where the true rules end it.
            (Mutant::OutlivesItsLog, _) => Some(Check::Replay),
            (_, Property::Recovers) => None,
            // As if an operator had said that it is new.
            (Mutant::TrustsEmptyDisk, _) => None,
            (Mutant::UnsyncedTruncation, _) => Some(Check::Storage),
            // It proposes what is not the next one.
            (Mutant::RollsOver, _) => Some(Check::World),
            _ => Some(Check::Replay),
        };
        assert_eq!(found, expected, "{name}: {report}");
        if killing.mutant != Mutant::TrustsEmptyDisk {
            assert_ne!(report.verdict, Verdict::Holds, "{name}: {report}");
        }

        let read = read_dirs([dir.path()]).expect("it can be read");
        let own = audit_under(killing.mutant, read, &Options::default(), &mut |_| {});
        let found = own.finding.as_ref();
        match exception(&killing) {
            None => {
                let property = found.and_then(|finding| finding.property.as_deref());
                assert_eq!(property, Some(&*killing.killer.to_string()), "{name}: {own}");
            }
            Some(Own::Nothing) => assert_eq!(found, None, "{name}: {own}"),
            Some(Own::Found(check)) => {
                assert_eq!(found.map(|finding| finding.check), Some(check), "{name}: {own}");
            }
        }
    }
}
