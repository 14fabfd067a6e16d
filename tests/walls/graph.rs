//! Which crate of the workspace depends on which, tests left out?

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

/// Normal and build dependencies, by package name.
pub(crate) struct Graph {
    edges: BTreeMap<String, BTreeSet<String>>,
    members: BTreeSet<String>,
}

impl Graph {
    /// Asks cargo, for the workspace as it is locked.
    pub(crate) fn read() -> Graph {
        let mut cargo = Command::new(env!("CARGO"));
        cargo
            .args(["metadata", "--format-version", "1", "--locked"])
            .current_dir(env!("CARGO_MANIFEST_DIR"));
        let output = cargo.output().expect("cargo runs");
        assert!(
            output.status.success(),
            "cargo metadata: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        let metadata = serde_json::from_slice(&output.stdout).expect("cargo metadata is JSON");
        Graph::of(&metadata)
    }

    fn of(metadata: &Value) -> Graph {
        let list = |value: &Value| value.as_array().expect("a list").clone();
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        let names: BTreeMap<_, _> = list(&metadata["packages"])
            .iter()
            .map(|package| (text(&package["id"]), text(&package["name"])))
            .collect();
        let mut edges = BTreeMap::new();
        for node in list(&metadata["resolve"]["nodes"]) {
            let built = list(&node["deps"])
                .into_iter()
                .filter(|dep| list(&dep["dep_kinds"]).iter().any(|kind| kind["kind"] != "dev"));
            let built = built
                .map(|dep| names[&text(&dep["pkg"])].clone())
                .collect::<BTreeSet<_>>();
            // Two versions of one crate count as one: the walls speak of names.
            edges
                .entry(names[&text(&node["id"])].clone())
                .or_insert_with(BTreeSet::new)
                .extend(built);
        }
        let members = list(&metadata["workspace_members"])
            .iter()
            .map(|id| names[&text(id)].clone())
            .collect();
        Graph { edges, members }
    }

    /// The crates of the workspace.
    pub(crate) fn members(&self) -> impl Iterator<Item = &str> {
        self.members.iter().map(String::as_str)
    }

    /// What `name` itself depends on.
    pub(crate) fn direct(&self, name: &str) -> BTreeSet<String> {
        self.edges
            .get(name)
            .unwrap_or_else(|| panic!("there is no crate {name}"))
            .clone()
    }

    /// What is built into `name`, directly or not.
    pub(crate) fn reached(&self, name: &str) -> BTreeSet<String> {
        let mut reached = BTreeSet::new();
        let mut ahead = vec![name.to_owned()];
        while let Some(next) = ahead.pop() {
            for dependency in self.direct(&next) {
                if reached.insert(dependency.clone()) {
                    ahead.push(dependency);
                }
            }
        }
        reached
    }

    /// The crates of the workspace that depend on `name` themselves.
    pub(crate) fn users(&self, name: &str) -> BTreeSet<String> {
        self.members()
            .filter(|member| self.direct(member).contains(name))
            .map(str::to_owned)
            .collect()
    }
}
