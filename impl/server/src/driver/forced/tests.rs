use super::Forced;
use quorate_checker::{
    Action, Agreement, Bounds, Killing, Mutant, Property, Reductions, Verdict, Witness, mutants,
};
use quorate_conformance::{Options, audit};
use quorate_trace::{Record, read_dirs};
use quorate_zab::{Zab, Zxid};
use std::collections::BTreeSet;

fn bounds(warm: bool) -> Bounds {
    Bounds {
        txns: 3,
        elections: 4,
        crashes: 3,
        breaks: 3,
        pings: 2,
        syncs: 2,
        warm,
        ..Bounds::of_three(0, 0, 0, 0)
    }
}

/// What came of a forced run.
#[derive(Debug, Default)]
struct Came {
    forced: usize,
    passed_over: usize,
    closed_unknown: usize,
}

/// Forces the moves on real servers, those passed over that are none where the run is; then audits what they recorded.
fn force(bounds: Bounds, moves: Vec<Action>) -> Came {
    let mut ensemble = Forced::new(bounds);
    let mut came = Came::default();
    for action in moves {
        if ensemble.may(action) {
            ensemble.step(action);
            came.forced += 1;
        } else {
            came.passed_over += 1;
        }
    }
    let (dir, closed_unknown) = ensemble.end();
    came.closed_unknown = closed_unknown;
    let found = read_dirs([dir.path().join("trace")]).expect("it can be read");
    let report = audit(found, &Options::default(), &mut |_| {});
    let undecided = |doubt: &quorate_conformance::Doubt| doubt.why.contains("no leader was ever established");
    assert!(
        report.verdict == quorate_conformance::Verdict::Holds
            || report.finding.is_none() && report.doubts.iter().all(undecided),
        "{report}"
    );
    came
}

#[test]
fn walks_of_the_model_are_runs_of_the_server() {
    let mut all = Came::default();
    for seed in 0..60 {
        let bounds = bounds(seed % 2 == 0);
        // Half of them with nothing left out.
        let reductions = if seed % 4 < 2 {
            Reductions::ALL
        } else {
            Reductions::NONE
        };
        let model = Agreement::new(Zab, bounds).with_reductions(reductions);
        let moves = model.walk(seed, 300);
        let came = force(bounds, moves);
        all.forced += came.forced;
        all.passed_over += came.passed_over;
        all.closed_unknown += came.closed_unknown;
    }
    println!("{all:?}");
    assert!(all.forced > 60 * 60, "{all:?}");
}

/// Where an occasion is met soonest; none for what no run of the model meets by itself.
fn where_met(witness: Witness) -> Option<Bounds> {
    let of = |warm, txns, elections, crashes, breaks| Bounds {
        txns,
        elections,
        crashes,
        breaks,
        pings: 0,
        syncs: 0,
        purges: 0,
        ..bounds(warm)
    };
    Some(match witness {
        Witness::Commit
        | Witness::Delivery
        | Witness::FollowerServes
        | Witness::ServedAgain
        | Witness::LogsShare => of(false, 1, 1, 0, 0),
        Witness::SecondDelivery => of(true, 2, 0, 0, 0),
        Witness::ObserverDelivers => Bounds {
            observers: 1,
            ..of(true, 1, 0, 0, 0)
        },
        Witness::SyncAnswered => Bounds {
            pings: 1,
            syncs: 1,
            ..of(true, 1, 0, 0, 0)
        },
        Witness::TwoLeaders | Witness::StaleLeaderGivesWay => of(false, 0, 2, 0, 1),
        Witness::LateEstablishment | Witness::CommitByDeposed => of(false, 1, 2, 0, 1),
        Witness::TailDropped | Witness::SnapshotInstalled | Witness::CommittedDropped => of(true, 1, 1, 0, 1),
        Witness::ProposedOnTop => of(true, 2, 1, 1, 0),
        Witness::LaterReign
        | Witness::EnteredWithHistory
        | Witness::WorseLeaderRefused
        | Witness::Reboot
        | Witness::CommitsInherited
        | Witness::ServesHistory
        | Witness::PromisedAgain
        | Witness::VotesCompared => of(true, 1, 1, 1, 0),
        // Met where the checker tries the end of all faults.
        Witness::Recovered => return None,
        // Not forced.
        Witness::DiskFailed | Witness::Recalled | Witness::CounterUsedUp => return None,
        // The shell's members never change.
        Witness::MembersChange
        | Witness::MembersChangeBySync
        | Witness::LeaderLeftOut
        | Witness::ChangeCompleted
        | Witness::ChangeDropped
        | Witness::JoinerCounts => return None,
        Witness::ElectedCommits
        | Witness::ElectedAfterCrash
        | Witness::JoinsEstablished
        | Witness::StaleVoteAnswered => return None,
    })
}

#[test]
fn the_shortest_run_to_each_occasion_is_one_of_the_server() {
    for &witness in Witness::ALL {
        let Some(bounds) = where_met(witness) else {
            continue;
        };
        let moves = Agreement::new(Zab, bounds).shortest_to(witness);
        let moves = moves.unwrap_or_else(|| panic!("{witness:?} is not met within {bounds}"));
        let came = force(bounds, moves);
        assert_eq!(came.passed_over, 0, "{witness:?}");
    }
}

/// Mutants whose runs are not forced: what they need is not, or the hunt takes long.
fn is_left_out(killing: &Killing) -> bool {
    let Bounds {
        java,
        purges,
        disk_errors,
        wipes,
        reconfigs,
        elects,
        ..
    } = killing.bounds;
    let slow = [Mutant::AnswersOldPings, Mutant::AnswersSyncAlone];
    // What only recovery notices is hunted with nothing left out.
    elects
        || java + purges + disk_errors + wipes + reconfigs > 0
        || killing.killer == Property::Recovers
        || slow.contains(&killing.mutant)
}

#[test]
fn where_a_mutant_goes_wrong_the_server_goes_on_as_the_true_rules_do() {
    let mut left_the_run = BTreeSet::new();
    for killing in mutants().into_iter().filter(|killing| !is_left_out(killing)) {
        let Verdict::Violated { story, .. } = killing.run(&mut |_| {}).verdict else {
            panic!("{:?} lives", killing.mutant);
        };
        let moves = story.into_iter().flat_map(|step| step.moves).collect();
        let came = force(killing.bounds, moves);
        if came.passed_over > 0 {
            left_the_run.insert(killing.mutant.name());
        }
    }
    // Of the others the wrong rule says something else, and the same steps are possible.
    assert!(left_the_run.len() >= 10, "{left_the_run:?}");
}

/// A busy Apache leader applies while it writes a snapshot, and who installed that cannot tell.
#[test]
fn a_tree_that_may_be_ahead_of_its_snapshot_is_recorded_without_a_digest() {
    let bounds = Bounds {
        crashes: 1,
        ..where_met(Witness::Commit).expect("it is met")
    };
    let moves = Agreement::new(Zab, bounds).shortest_to(Witness::Commit);
    let mut ensemble = Forced::new(bounds);
    for action in moves.expect("it is met") {
        ensemble.step(action);
    }
    // One that has the transaction on disk starts anew, and serves nobody yet.
    let mut nodes = ensemble.run.nodes().iter();
    let i = nodes.position(|node| node.disk.durable.last().zxid > Zxid::ZERO);
    let i = i.expect("what is committed is durable");
    ensemble.step(Action::Crash(i, 0, 0));
    let driver = &mut ensemble.host(i).driver;
    let last = driver.server.history().last();
    assert!(last > Zxid::ZERO);
    driver.load(Zxid::ZERO).expect("the snapshot is there");
    driver.deliver(last).expect("the log is there");
    let (dir, _) = ensemble.end();
    let found = read_dirs([dir.path().join("trace")]).expect("it can be read");
    let mut boots = found.boots.iter().map(|boot| (&boot.header, boot));
    let second = boots.find(|(header, _)| header.server == super::id(i) && header.boot.ordinal == 2);
    let records = second.expect("it recorded").1.records();
    let records = records.map(|entry| entry.expect("it can be read").record);
    let mut after = records.skip_while(|record| *record != Record::AppliedAtLeast { zxid: Zxid::ZERO });
    assert!(after.next().is_some(), "the loaded tree has a digest");
    let next = after.next();
    assert!(
        matches!(next, Some(Record::Applied { zxid, .. }) if zxid == last),
        "{next:?}"
    );
}
