//! Where does the next log file come from, without anybody waiting for it?
//!
//! From a thread that fills one with zeros under another name. If it is not ready in time, the writer
//! makes the file itself; if it fails, the writer will meet the reason.

use super::writer::fill;
use crate::durable;
use crate::error::{Error, Result};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

/// So much is written at a time, in bytes, so that no sync of the log waits for more.
const PIECE_BYTES: u64 = 1 << 20;

/// A thread that fills files ahead, one at a time.
#[derive(Debug)]
pub(super) struct Spare {
    requests: Option<SyncSender<u64>>,
    ready: Receiver<Option<(File, u64)>>,
    asked: bool,
    /// Says no more than "soon": nothing is read because of it, so its order does not matter.
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Spare {
    pub(super) fn path(dir: &Path) -> PathBuf {
        dir.join("quorate.spare")
    }

    /// Removes what an earlier process left: nothing in it counts.
    pub(super) fn remove_left_over(dir: &Path) -> Result<()> {
        for name in ["quorate.spare", "quorate.segment"] {
            durable::unlink(&dir.join(name))?;
        }
        Ok(())
    }

    pub(super) fn start(dir: &Path) -> Result<Self> {
        let (requests, requested) = sync_channel::<u64>(1);
        let (made, ready) = sync_channel(1);
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let path = Self::path(dir);
        let work = move || {
            for bytes in requested {
                let filled = durable::unlink(&path)
                    .and_then(|_| fill(&path, bytes, PIECE_BYTES, || !stopped.load(Ordering::Relaxed)));
                let filled = filled.unwrap_or_else(|error| {
                    tracing::warn!(%error, "no log file made ahead");
                    None
                });
                if made.send(filled.map(|file| (file, bytes))).is_err() {
                    return;
                }
            }
        };
        let thread = std::thread::Builder::new()
            .name("log-ahead".into())
            .spawn(work)
            .map_err(|e| Error::Io {
                file: dir.to_owned(),
                doing: "start the thread that fills log files ahead",
                source: Arc::new(e),
            })?;
        Ok(Self {
            requests: Some(requests),
            ready,
            asked: false,
            stop,
            thread: Some(thread),
        })
    }

    /// Asks for a file of `bytes`, unless one was asked for since the last was taken.
    pub(super) fn ask(&mut self, bytes: u64) {
        if !self.asked {
            self.asked = true;
            // A thread that has ended makes no more files; the writer does then.
            let _ = self
                .requests
                .as_ref()
                .expect("open until dropped")
                .try_send(bytes);
        }
    }

    /// The file, if it is ready and has at least `least` bytes. It lies at [`Self::path`] until renamed.
    pub(super) fn take(&mut self, least: u64) -> Option<(File, u64)> {
        let made = self.ready.try_recv().ok()?;
        self.asked = false;
        made.filter(|&(_, bytes)| bytes >= least)
    }
}

impl Drop for Spare {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.requests = None;
        if let Some(thread) = self.thread.take() {
            // A panic there has been reported, and costs no more than the spare file.
            let _ = thread.join();
        }
    }
}
