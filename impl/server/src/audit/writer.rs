//! Who writes the lines? A thread of its own, fed by a queue that never blocks.

use super::{Line, Outcome};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

/// Lines that may wait to be written.
const LINES_MAX: usize = 16_384;
/// Bytes after which a file is put aside [ZooKeeper conf/logback.xml].
const FILE_BYTES_MAX: u64 = 10 << 20;
/// Files that are kept beside it.
const FILES_KEPT: u32 = 10;

/// The audit log's end in the server.
#[derive(Debug)]
pub(crate) struct AuditLog {
    lines: Option<SyncSender<String>>,
    writer: Option<JoinHandle<()>>,
    /// Lines that were lost, of which the last warning told.
    lost: u64,
    told: u64,
}

impl AuditLog {
    /// Goes on in `file`, or begins it.
    ///
    /// # Errors
    ///
    /// If it cannot be written: whoever wants an audit does not want to be without.
    pub(crate) fn open(file: &Path) -> io::Result<Self> {
        Self::with_room(file, LINES_MAX)
    }

    pub(super) fn with_room(file: &Path, lines_max: usize) -> io::Result<Self> {
        let mut output = Output::open(file)?;
        let (lines, queue) = sync_channel(lines_max);
        let writer = std::thread::Builder::new()
            .name("audit".to_owned())
            .spawn(move || output.run(&queue))?;
        Ok(Self {
            lines: Some(lines),
            writer: Some(writer),
            lost: 0,
            told: 0,
        })
    }

    /// Writes a line, or counts it as lost. How many are, until now.
    pub(crate) fn tell(&mut self, line: Line, outcome: Outcome, wall_ms: i64) -> u64 {
        let sent = self
            .lines
            .as_ref()
            .map(|lines| lines.try_send(line.end(outcome, wall_ms)));
        if !matches!(sent, Some(Ok(()))) {
            self.lost += 1;
            // One line for each doubling: it is told while it happens, and the log does not drown.
            if self.lost >= 2 * self.told {
                self.told = self.lost;
                tracing::warn!(
                    lost = self.lost,
                    waiting_max = LINES_MAX,
                    "the audit log does not keep up: lines are lost"
                );
            }
        }
        self.lost
    }
}

impl Drop for AuditLog {
    /// Waits until all is written.
    fn drop(&mut self) {
        self.lines = None;
        if let Some(writer) = self.writer.take() {
            // Had it panicked, the process would have ended.
            let _ = writer.join();
        }
    }
}

struct Output {
    path: PathBuf,
    file: File,
    bytes: u64,
    failing: bool,
}

impl Output {
    fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        Ok(Self {
            bytes: file.metadata()?.len(),
            path: path.to_owned(),
            file,
            failing: false,
        })
    }

    fn run(&mut self, queue: &Receiver<String>) {
        while let Ok(mut lines) = queue.recv() {
            // Whatever else waits shares this write.
            while lines.len() < 64 << 10
                && let Ok(line) = queue.try_recv()
            {
                lines.push_str(&line);
            }
            match self.write(&lines) {
                Ok(()) => self.failing = false,
                Err(error) => {
                    if !std::mem::replace(&mut self.failing, true) {
                        let file = self.path.display();
                        tracing::error!(%file, %error, "the audit log cannot be written: lines are lost");
                    }
                }
            }
        }
    }

    fn write(&mut self, lines: &str) -> io::Result<()> {
        if self.bytes >= FILE_BYTES_MAX {
            self.put_aside()?;
        }
        self.file.write_all(lines.as_bytes())?;
        self.bytes += lines.len() as u64;
        Ok(())
    }

    /// The file becomes `<file>.1`, that one `<file>.2`, and so on; the oldest goes.
    fn put_aside(&mut self) -> io::Result<()> {
        let numbered = |number: u32| {
            let mut name = self.path.clone().into_os_string();
            name.push(format!(".{number}"));
            PathBuf::from(name)
        };
        for number in (1..FILES_KEPT).rev() {
            let older = numbered(number);
            if older.exists() {
                fs::rename(older, numbered(number + 1))?;
            }
        }
        fs::rename(&self.path, numbered(1))?;
        *self = Self::open(&self.path)?;
        Ok(())
    }
}
