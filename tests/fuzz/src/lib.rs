//! What do the targets share? A reader of records of their own, a count of what is allocated, a directory.

pub mod records;
pub mod seals;

use std::fs;
use std::path::{Path, PathBuf};

/// Counts what every thread allocates.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Runs `work` and holds that it allocated at most `fixed` bytes, and `each` more for every byte of input.
///
/// All that is allocated counts, freed or not: that is no less than what there is at any moment.
///
/// # Panics
///
/// If it allocated more.
pub fn bounded<T>(input_bytes: usize, fixed: u64, each: u64, work: impl FnOnce() -> T) -> T {
    let allocated = tikv_jemalloc_ctl::thread::allocatedp::read().expect("jemalloc keeps its counts");
    let before = allocated.get();
    let done = work();
    let took = allocated.get() - before;
    let allowed = fixed + each * input_bytes as u64;
    assert!(
        took <= allowed,
        "{took} bytes were allocated for {input_bytes} bytes of input, {allowed} are allowed"
    );
    done
}

/// A data directory in memory, used again for each input.
pub struct Directory(tempfile::TempDir);

impl Directory {
    /// An empty one.
    ///
    /// # Panics
    ///
    /// If there is no room.
    #[allow(clippy::new_without_default, reason = "it does what no default should")]
    pub fn new() -> Self {
        let memory = Path::new("/dev/shm");
        let dir = if memory.is_dir() {
            tempfile::tempdir_in(memory)
        } else {
            tempfile::tempdir()
        };
        Self(dir.expect("a temporary directory"))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// A file of `version-2`.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path().join("version-2").join(name)
    }

    /// Has `version-2` hold these files and nothing else.
    ///
    /// # Panics
    ///
    /// If a file cannot be written or removed.
    pub fn hold(&self, files: &[(&str, &[u8])]) {
        let dir = self.path().join("version-2");
        fs::create_dir_all(&dir).expect("it is made");
        for entry in fs::read_dir(&dir).expect("it is listed") {
            fs::remove_file(entry.expect("an entry").path()).expect("it is removed");
        }
        for (name, bytes) in files {
            fs::write(dir.join(name), bytes).expect("it is written");
        }
    }
}

/// The Adler-32 of files, as both kinds have it.
pub fn adler32(bytes: &[u8]) -> u64 {
    simd_adler32::adler32(&bytes).into()
}
