//! What would keep a server from starting on these directories? Looked at without changing anything, so that
//! it can be asked of a directory in use. What only the whole of log and snapshots tells is left to the start.

use crate::epochs;
use crate::error::Result;
use crate::layout::Layout;
use crate::lock;
use quorate_zab::ServerId;

/// The first thing that [`crate::Store::open`] would refuse, of those that cost no reading of the history:
/// another process, another server's data, files in the wrong directory, epoch files that say nothing.
/// Directories that are not there are no fault.
///
/// # Errors
///
/// As [`crate::Store::open`].
pub fn examine(layout: &Layout, server: Option<ServerId>) -> Result<()> {
    let dirs = [layout.snap_dir(), layout.log_dir()];
    for dir in dirs.iter().filter(|dir| dir.is_dir()) {
        lock::is_free(dir)?;
        if let Some(server) = server {
            lock::is_noted(dir, server)?;
        }
    }
    if dirs.iter().all(|dir| dir.is_dir()) {
        layout.nothing_is_misplaced()?;
    }
    if dirs[0].is_dir() {
        epochs::read(&dirs[0])?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::examine;
    use crate::error::Error;
    use crate::{Layout, Store, StoreOptions};
    use quorate_zab::ServerId;

    #[test]
    fn it_says_what_opening_would_say_and_changes_nothing() {
        let dir = tempfile::tempdir().expect("a directory");
        let layout = Layout::new(dir.path(), None);
        let (one, two) = (Some(ServerId::new(1)), Some(ServerId::new(2)));
        assert!(examine(&layout, one).is_ok());
        assert!(!layout.snap_dir().exists());

        let open = Store::open(StoreOptions::new(layout.clone(), one)).expect("it is new");
        assert!(
            matches!(examine(&layout, one), Err(Error::Locked { holder: Some(pid), .. })
            if pid == std::process::id())
        );
        drop(open);
        assert!(examine(&layout, one).is_ok());
        assert!(matches!(examine(&layout, two), Err(Error::Foreign { .. })));
        std::fs::write(layout.snap_dir().join("currentEpoch"), "x").expect("it is written");
        assert!(matches!(examine(&layout, one), Err(Error::BadText { .. })));
    }
}
