//! The agreement grain holds within its quick bounds, its mutants die of the property that each names, and
//! what is left out as equal changes no verdict.

use quorate_checker::{
    Agreement, Bounds, Check, Deed, Drawn, Durable, Event, Killing, Mutant, Node, Out, Outcome, Property,
    Reductions, Set, Verdict, agreement_runs, exhaust, hunts, mutants, shortest_violation,
};
use quorate_zab::{Epoch, Memory, ServerId, Zab};

/// Without reductions these take minutes and gigabytes; here they are hunted with reductions only.
const LONG_WITHOUT_REDUCTIONS: [Mutant; 8] = [
    Mutant::AnswersOldPings,
    Mutant::AnswersSyncAlone,
    Mutant::CountsUnsynchronised,
    Mutant::EntersBeforeLogDurable,
    Mutant::EpochBeforeLog,
    Mutant::AcceptsOlderEpoch,
    Mutant::PlansByRange,
    Mutant::VotesByPromise,
];

fn takes_long(killing: &Killing) -> bool {
    let is_hostile = killing.bounds.crashes > 0 && killing.bounds.breaks > 0;
    is_hostile || LONG_WITHOUT_REDUCTIONS.contains(&killing.mutant)
}

fn all_die(among: impl Fn(&Killing) -> bool, hunt: impl Fn(&Killing) -> Outcome) {
    let survivors: Vec<_> = mutants()
        .into_iter()
        .filter(among)
        .filter(|killing| !killing.is_killed(&hunt(killing)))
        .map(|killing| killing.mutant)
        .collect();
    assert_eq!(survivors, []);
}

#[test]
fn the_quick_runs_hold_and_have_their_pinned_counts() {
    for run in agreement_runs().iter().filter(|run| run.set == Set::Quick) {
        let report = run.run(&|_| ());
        assert!(
            report.is_fine(),
            "{} ({}): {} states, pinned {}: {:?}",
            run.name,
            run.bounds,
            report.distinct,
            run.pinned,
            report.finding
        );
    }
}

/// States are told apart by hashes, and worlds that differ in names alone stand for each other by hashes.
#[test]
fn no_count_depends_on_hashes() {
    let mut compared = 0;
    for grain in ["agreement", "configuration", "composed", "election", "session"] {
        let checks = Set::Ci.checks();
        let runs = || checks.iter().filter(|check| check.grain() == grain);
        let least = runs().map(Check::pinned).min();
        for check in runs().filter(|check| check.pinned() <= least.unwrap_or(0).max(60_000)) {
            let report = check.salted(1).run(&|_| ());
            assert!(
                report.is_fine(),
                "{}: {} states, pinned {}: {:?}",
                check.name(),
                report.distinct,
                check.pinned(),
                report.finding
            );
            compared += 1;
        }
    }
    assert!(compared > 20, "only {compared} runs are compared");
}

/// What the rule for servers that lost their disk does not cover, as its documentation says.
#[test]
fn a_quorum_of_empty_servers_may_choose_an_epoch_again() {
    let bounds = Bounds {
        wipes: 1,
        autocreate: true,
        ..Bounds::of_three(0, 2, 0, 0)
    };
    let outcome = shortest_violation(Agreement::new(Zab, bounds), &mut |_| {});
    let Verdict::Violated { property, story } = outcome.verdict else {
        panic!("not found: {:?}", outcome.verdict);
    };
    assert_eq!((property, story.len()), (Property::PromiseIsDurable, 13));
}

/// What fast leader election does not keep, as its documentation says: a vote of an earlier look in the same round
/// counts again. All worlds that are fewer steps away were met before, and no property is broken there.
#[test]
fn an_earlier_vote_of_the_same_round_may_elect_a_tail_that_was_cut() {
    let bounds = Bounds {
        elects: true,
        warm: true,
        ..Bounds::of_three(1, 1, 0, 2)
    };
    let outcome = shortest_violation(Agreement::new(Zab, bounds), &mut |_| {});
    let Verdict::Violated { property, story } = outcome.verdict else {
        panic!("not found: {:?}", outcome.verdict);
    };
    assert_eq!((property, story.len()), (Property::LeaderMatchesQuorum, 22));
}

#[test]
fn every_mutant_is_killed_by_the_property_it_names() {
    // `quorate check --mutants` has that one too: it takes half a minute.
    all_die(
        |killing| killing.mutant != Mutant::AnswersOldPings,
        |killing| killing.run(&mut |_| {}),
    );
}

#[test]
fn mutants_die_without_reductions_too() {
    all_die(
        |killing| !takes_long(killing),
        |killing| killing.run_with(Reductions::NONE, &mut |_| {}),
    );
}

#[test]
fn no_order_of_steps_saves_a_mutant_from_any_property() {
    // Names and numbers have guards of their own, and leave out too much to be left out here.
    let plain = Reductions {
        symmetry: true,
        numbering: true,
        ..Reductions::NONE
    };
    let bounds = Bounds {
        servers: 3,
        txns: 1,
        elections: 1,
        breaks: 1,
        purges: 1,
        warm: true,
        ..Bounds::default()
    };
    let mut killed = 0;
    for mutant in mutants_once() {
        // Recovery is judged of worlds, which are not the same ones.
        for &killer in Property::ALL
            .iter()
            .filter(|&&killer| killer != Property::Recovers)
        {
            let killing = Killing {
                mutant,
                killer,
                bounds,
            };
            let dies = |reductions| killing.is_killed(&killing.run_with(reductions, &mut |_| {}));
            let dies_plain = dies(plain);
            killed += usize::from(dies_plain);
            assert_eq!(dies(Reductions::ALL), dies_plain, "{mutant:?}, {killer}");
        }
    }
    assert!(killed > 15, "only {killed} kills are compared");
}

/// Each mutant of an ensemble whose members stay, however many properties have to notice it.
fn mutants_once() -> Vec<Mutant> {
    let mut once: Vec<Mutant> = Vec::new();
    let stays = |killing: &Killing| !killing.bounds.changes() && !killing.bounds.misfiled;
    for killing in mutants().into_iter().filter(stays) {
        if !once.contains(&killing.mutant) {
            once.push(killing.mutant);
        }
    }
    once
}

#[test]
fn no_reduction_loses_a_history() {
    let all = Reductions::ALL;
    let without = [
        Reductions {
            symmetry: false,
            ..all
        },
        Reductions {
            numbering: false,
            ..all
        },
        Reductions {
            quiet_arrivals: false,
            ..all
        },
        Reductions {
            epoch_files: false,
            ..all
        },
        Reductions {
            solitude: false,
            ..all
        },
        Reductions {
            stale_greetings: false,
            ..all
        },
        Reductions { peace: false, ..all },
        Reductions::NONE,
    ];
    let runs = agreement_runs();
    let bounds = runs
        .iter()
        .map(|run| run.bounds)
        .find(|bounds| bounds.crashes > 0 && bounds.breaks > 0);
    let hostile = bounds.expect("a run has crashes and breaks");
    let small = [
        Bounds {
            txns: 2,
            breaks: 0,
            ..hostile
        },
        Bounds {
            crashes: 0,
            ..hostile
        },
        Bounds {
            txns: 0,
            elections: 2,
            crashes: 0,
            warm: false,
            ..hostile
        },
        Bounds {
            crashes: 0,
            observers: 1,
            ..hostile
        },
        Bounds {
            breaks: 0,
            groups: &[&[2, 1, 1]],
            ..hostile
        },
        Bounds {
            txns: 0,
            crashes: 0,
            breaks: 0,
            joiners: 1,
            reconfigs: 1,
            targets: &[&[2, 3]],
            ..hostile
        },
    ];
    for bounds in small {
        let histories = |reductions| {
            let outcome = exhaust(
                Agreement::new(Zab, bounds).with_reductions(reductions),
                &mut |_| {},
            );
            assert!(
                matches!(outcome.verdict, Verdict::Exhausted),
                "{bounds}: {:?}",
                outcome.verdict
            );
            outcome.histories
        };
        let reduced = histories(all);
        assert!(reduced.len() > 2, "{bounds}: the comparison would be vacuous");
        for reductions in without {
            assert_eq!(histories(reductions), reduced, "{bounds}, {reductions:?}");
        }
    }
}

#[test]
fn a_quorum_that_needs_one_server_recovers_from_every_state() {
    // A sample by hash passed over the one state in thousands whose learner asked for snapshots ever after.
    let bounds = Bounds {
        groups: &[&[1, 1, 0]],
        warm: true,
        ..Bounds::of_three(1, 1, 1, 1)
    };
    let model = Agreement::new(Zab, bounds).with_recovery_of_every(1);
    let outcome = exhaust(model, &mut |_| {});
    assert!(
        matches!(outcome.verdict, Verdict::Exhausted),
        "{:?}",
        outcome.verdict
    );
    let recovered = outcome.recovered.expect("it was tried");
    println!("{recovered:?}");
    assert!(recovered.tried > 200_000, "{recovered:?}");
}

#[test]
fn every_property_kills_a_mutant() {
    let killers: Vec<Property> = mutants().iter().map(|killing| killing.killer).collect();
    let idle: Vec<_> = Property::ALL
        .iter()
        .filter(|property| !killers.contains(property))
        .collect();
    assert_eq!(idle, Vec::<&Property>::new());
}

#[test]
fn a_disk_that_lost_its_promise_does_not_boot() {
    let durable = Durable {
        current: Some(Epoch::new(2)),
        ..Durable::default()
    };
    let mut out = Vec::new();
    Node::boot(&Zab, ServerId::new(1), durable, Memory::Whole, &mut out);
    assert!(out.contains(&Out::Event(Event::Broke(Property::AlwaysBoots))));
}

#[test]
fn a_story_has_a_line_for_each_step_and_one_name_for_each_server() {
    let killing = mutants()
        .into_iter()
        .find(|killing| killing.mutant == Mutant::KeepsTree)
        .expect("the mutant is listed");
    let Verdict::Violated { story, .. } = killing.run(&mut |_| {}).verdict else {
        panic!("the mutant survives");
    };
    // The leader proposes, loses both learners or gives way, and its tree goes on: one name all along.
    assert!(!story.is_empty());
    for step in &story {
        let named = (1..=3).any(|i| step.text.contains(&format!("s{i}")));
        assert!(named, "{}", step.text);
    }
    let proposer = story
        .iter()
        .find_map(|step| step.text.strip_suffix(" proposes 1:1"));
    assert_eq!(
        proposer,
        Some("s1"),
        "who leads the established epoch is the first server: {story:#?}"
    );
}

#[test]
fn no_two_hunts_have_one_name_and_place() {
    let mut names: Vec<_> = hunts()
        .iter()
        .map(|hunt| (hunt.name(), hunt.killer(), hunt.bounds()))
        .collect();
    let all = names.len();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), all);
}

#[test]
fn every_property_is_put_to_the_test_by_some_run() {
    let runs = agreement_runs();
    let required = |witness| {
        runs.iter()
            .any(|run| run.set <= Set::Ci && run.witnesses.contains(&witness))
    };
    let vacuous: Vec<_> = Property::ALL
        .iter()
        .filter(|property| !required(property.witness()))
        .collect();
    assert_eq!(vacuous, Vec::<&Property>::new());
}

#[test]
fn what_arrives_was_sent_by_an_earlier_step_of_its_sender() {
    for killing in mutants().iter().filter(|killing| killing.bounds.breaks == 0) {
        let outcome = killing.run(&mut |_| {});
        let Verdict::Violated { story, .. } = outcome.verdict else {
            panic!("{:?} survives", killing.mutant);
        };
        for (number, step) in story.iter().enumerate() {
            let Some(Drawn {
                at,
                deed:
                    Deed::Arrival {
                        from,
                        sent: Some(sent),
                        ..
                    },
            }) = &step.drawn
            else {
                continue;
            };
            let sender = story[*sent].drawn.as_ref().map(|drawn| drawn.at);
            assert!(*sent < number && from != at, "{}", step.text);
            assert_eq!(
                sender,
                Some(*from),
                "{:?}: {}: {}",
                killing.mutant,
                step.text,
                story[*sent].text
            );
        }
    }
}
