//! Do the step functions touch a clock, a file, a socket, chance, or an unordered collection?
//!
//! `serde` alone does not promise that: the standard library has them all.

use std::fs;
use std::path::{Path, PathBuf};

const IMPURE: [&str; 11] = [
    "std::time",
    "std::fs",
    "std::net",
    "std::io",
    "std::env",
    "std::process",
    "std::thread",
    "std::sync::Mutex",
    "HashMap",
    "HashSet",
    "SystemTime",
];

/// Rust files below `dir`, tests left out.
fn sources(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).unwrap_or_else(|why| panic!("{}: {why}", dir.display()));
    entries
        .map(|entry| entry.expect("a directory can be listed").path())
        .filter(|path| path.file_stem().is_none_or(|stem| stem != "tests"))
        .flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] })
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect()
}

/// Lines of code, without comments, that name something impure.
fn impure_lines(text: &str) -> Vec<&str> {
    let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or(text);
    code.lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .filter(|line| IMPURE.iter().any(|name| line.contains(name)))
        .collect()
}

#[test]
fn the_cores_name_no_clock_no_file_no_socket_and_no_unordered_collection() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the suites lie in the workspace");
    for core in ["model/zab/src", "model/tree/src"] {
        let files = sources(&root.join(core));
        assert!(!files.is_empty(), "{core} has no sources");
        for file in files {
            let text = fs::read_to_string(&file).expect("sources are text");
            assert_eq!(impure_lines(&text), Vec::<&str>::new(), "{}", file.display());
        }
    }
}

#[test]
fn an_impure_line_is_found() {
    assert_eq!(
        impure_lines("let a = 1;\nuse std::time::Instant;\n// std::fs\n").len(),
        1
    );
}
