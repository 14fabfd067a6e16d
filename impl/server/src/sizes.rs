//! How much lies in the data directories?

use crate::service::DirectorySizes;
use std::path::PathBuf;

/// Looks at the disk: not for the runtime's threads.
pub(crate) fn of([data, log]: &[PathBuf; 2]) -> DirectorySizes {
    let bytes_in = |dir: &PathBuf| {
        let files = std::fs::read_dir(dir).into_iter().flatten().flatten();
        files
            .filter_map(|file| file.metadata().ok())
            .filter(|meta| meta.is_file())
            .map(|meta| meta.len())
            .sum()
    };
    DirectorySizes {
        data_bytes: bytes_in(data),
        log_bytes: bytes_in(log),
    }
}
