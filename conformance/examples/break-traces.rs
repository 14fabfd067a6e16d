//! Writes the traces of `traces/` again: good runs, and good runs broken in every way that the audit is to
//! find. To be run when the schema, the step functions or the list of breaks has changed.
//!
//! `cargo run -p quorate-conformance --example break-traces [DIR]`

#[allow(dead_code)]
#[path = "../tests/rehearsal.rs"]
mod rehearsal;

use rehearsal::breaking::{BREAKS, BootRecords, Place, store};
use rehearsal::runs::{COMPOSED, GOOD, base, good};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// A run in which all that is to be broken is there.
const SEED: u64 = 2;

fn main() {
    let traces = std::env::args_os().nth(1).map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../traces"),
        PathBuf::from,
    );
    let mut accepted = String::new();
    for (name, what) in GOOD {
        write_trace(&traces.join("accepted").join(name), &good(name));
        writeln!(accepted, "| `{name}` | {what} |").expect("a string takes it");
    }
    let mut rejected = String::new();
    let boots = base(SEED);
    for broken in BREAKS {
        let mut boots = boots.clone();
        let places = shown(&(broken.apply)(&mut boots));
        write_trace(&traces.join("rejected").join(broken.name), &boots);
        let verdict = broken
            .check
            .map_or("inconclusive".into(), |check| format!("violated {check}"));
        writeln!(
            rejected,
            "| `{}` | {} | {verdict} | {places} |",
            broken.name, broken.what
        )
        .expect("a string takes it");
    }
    for (name, what, check, _, compose) in COMPOSED {
        let (boots, places) = compose();
        let places = shown(&places);
        write_trace(&traces.join("rejected").join(name), &boots);
        writeln!(rejected, "| `{name}` | {what} | violated {check} | {places} |").expect("a string takes it");
    }
    let readme = format!(
        "# Recorded runs\n\n\
         Data only: traces as `quorate trace cat` and `quorate audit` read them. `cargo test -p \
         quorate-conformance` audits all of them,\nthe rejected ones in a hundred orders of merging.\n\n\
         All are made by dice, in one process, from the step functions of this repository:\n\
         `cargo run -p quorate-conformance --example break-traces` writes them, and this file, again.\n\
         `quorate audit --any-build` accepts them although another build recorded them.\n\n\
         ## accepted\n\n| run | what happens |\n| --- | --- |\n{accepted}\n\
         ## rejected\n\nEach is one good run with one thing wrong, but for the last, which are made of several.\n\n\
         Where an audit finds it, or from where it says nothing. Of several places it is one or another, as the order will have it.\n\n\
         | run | what is wrong | verdict | where |\n| --- | --- | --- | --- |\n{rejected}"
    );
    fs::create_dir_all(&traces).expect("the directory can be made");
    fs::write(traces.join("README.md"), readme).expect("the README can be written");
}

fn shown(places: &[Place]) -> String {
    let places: Vec<_> = places.iter().map(Place::to_string).collect();
    places.join(" or ")
}

fn write_trace(dir: &Path, boots: &[BootRecords]) {
    if dir.exists() {
        fs::remove_dir_all(dir).expect("the old trace can be removed");
    }
    store(dir, boots);
}
