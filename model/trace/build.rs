//! Which step functions does this build contain? A hash of the protocol core's sources, so that an
//! audit can tell a trace of another core from a trace that breaks the rules.

use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() {
    let home = PathBuf::from(env::var("CARGO_MANIFEST_DIR").expect("cargo names the crate's directory"));
    let core = home.join("../zab/src");
    println!("cargo::rerun-if-changed={}", core.display());
    let mut files = Vec::new();
    collect(&core, &mut files);
    files.sort();
    let mut hash = Fnv::new();
    for file in &files {
        let name = file.strip_prefix(&core).expect("a file below its directory");
        hash.add(name.to_string_lossy().as_bytes());
        hash.add(&fs::read(file).expect("a source file of the core can be read"));
    }
    println!("cargo::rustc-env=QUORATE_STEP_HASH={}", hash.0);
}

/// The Rust files below `dir`, tests left out: they do not change what a step does.
fn collect(dir: &Path, files: &mut Vec<PathBuf>) {
    let entries = fs::read_dir(dir).expect("the core's sources lie beside this crate");
    for entry in entries {
        let path = entry.expect("the core's sources can be listed").path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|ext| ext == "rs")
            && path.file_name().is_some_and(|n| n != "tests.rs")
        {
            files.push(path);
        }
    }
}

/// FNV-1a over length-prefixed parts.
struct Fnv(u64);

impl Fnv {
    fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    fn add(&mut self, part: &[u8]) {
        for byte in (part.len() as u64).to_le_bytes().iter().chain(part) {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
}
