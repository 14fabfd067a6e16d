//! Do the walls between the crates stand?
//!
//! What the design promises by leaving an edge out of the graph of dependencies, `cargo metadata` shows.

mod documents;
mod graph;
mod purity;

use graph::Graph;
use std::collections::BTreeSet;

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn the_cores_depend_on_serde_alone() {
    let graph = Graph::read();
    for core in ["quorate-zab", "quorate-tree"] {
        let foreign: BTreeSet<_> = graph
            .direct(core)
            .into_iter()
            .filter(|name| !name.starts_with("quorate-"))
            .collect();
        assert_eq!(foreign, set(&["serde"]), "{core}");
    }
    assert!(graph.direct("quorate-zab").is_subset(&set(&["serde"])));
    // The tree may use the protocol's types, which brings nothing else in.
    assert!(
        graph
            .direct("quorate-tree")
            .is_subset(&set(&["serde", "quorate-zab"]))
    );
}

#[test]
fn the_server_reaches_neither_the_checker_nor_the_auditor() {
    let reached = Graph::read().reached("quorate-server");
    for beyond in [
        "quorate-checker",
        "quorate-conformance",
        "stateright",
        "loom",
        "proptest",
    ] {
        assert!(!reached.contains(beyond), "quorate-server reaches {beyond}");
    }
    assert!(
        reached.contains("quorate-zab"),
        "the server runs the step functions"
    );
}

#[test]
fn only_the_checker_and_the_auditor_know_stateright() {
    let users = Graph::read().users("stateright");
    let allowed = set(&["quorate-checker", "quorate-conformance"]);
    assert!(users.is_subset(&allowed), "{users:?}");
    assert!(users.contains("quorate-checker"));
}

#[test]
fn loom_and_proptest_are_dev_dependencies() {
    let graph = Graph::read();
    for tool in ["loom", "proptest"] {
        assert_eq!(graph.users(tool), set(&[]), "{tool} is built into something");
    }
}

#[test]
fn the_command_alone_reaches_both_the_server_and_the_checker() {
    let graph = Graph::read();
    let both: Vec<_> = graph
        .members()
        .filter(|name| {
            ["quorate-server", "quorate-checker"]
                .iter()
                .all(|end| graph.reached(name).contains(*end))
        })
        .collect();
    assert_eq!(both, ["quorate"]);
    let all = set(&[
        "quorate-zab",
        "quorate-tree",
        "quorate-trace",
        "quorate-checker",
        "quorate-wire",
        "quorate-store",
        "quorate-server",
        "quorate-conformance",
    ]);
    assert!(
        graph.reached("quorate").is_superset(&all),
        "the command reaches all"
    );
}

#[test]
fn nothing_depends_on_the_black_box_suites_and_they_on_nothing() {
    let graph = Graph::read();
    assert_eq!(graph.users("quorate-tests"), set(&[]));
    let members: BTreeSet<_> = graph.members().map(str::to_owned).collect();
    let inside: Vec<_> = graph
        .reached("quorate-tests")
        .intersection(&members)
        .cloned()
        .collect();
    assert_eq!(inside, Vec::<String>::new());
}
