//! What becomes of closed segments? A thread compresses them, and removes the oldest beyond the limit.
//!
//! A segment is compressed into an unfinished file, synced, and renamed; only then is the raw one
//! removed. A crash at any point leaves at least one whole copy under a name that counts, and where it
//! leaves two they say the same.

use crate::schema::Dropped;
use crate::segment::{Form, Place};
use quorate_zab::ServerId;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::{self, JoinHandle};

#[cfg(test)]
mod tests;

/// zstd's level: the fastest of its ordinary ones. Compressing is a background matter, and still a server's CPU.
const LEVEL: i32 = 1;

/// What the keeper has to tell.
#[derive(Debug)]
pub(crate) enum News {
    Dropped(Dropped),
    Trouble(String),
}

/// A segment was closed, or the recorder began; the live segment is to be left alone.
struct Order {
    live: Place,
}

/// The recorder's end of the thread.
#[derive(Debug)]
pub(crate) struct Keeper {
    orders: Option<Sender<Order>>,
    news: Receiver<News>,
    thread: Option<JoinHandle<()>>,
}

impl Keeper {
    pub(crate) fn start(dir: &Path, server: ServerId, total_bytes: u64) -> io::Result<Self> {
        let (orders, inbox) = mpsc::channel::<Order>();
        let (told, news) = mpsc::channel();
        let store = Store {
            dir: dir.to_path_buf(),
            server: server.get(),
            total_bytes,
        };
        let thread = thread::Builder::new()
            .name("trace-keeper".into())
            .spawn(move || {
                for order in inbox {
                    store.tidy(order.live, &mut |news| {
                        // Nobody listens any more when the recorder was dropped without an end.
                        let _ = told.send(news);
                    });
                }
            })?;
        Ok(Self {
            orders: Some(orders),
            news,
            thread: Some(thread),
        })
    }

    /// Compresses what earlier boots left, beside the segment that grows.
    pub(crate) fn tidy(&self, live: Place) {
        if let Some(orders) = &self.orders {
            let _ = orders.send(Order { live });
        }
    }

    /// `closed` is complete, and `live` grows in its place.
    pub(crate) fn closed(&self, closed: Place, live: Place) {
        debug_assert!(closed < live, "segments are closed in order");
        self.tidy(live);
    }

    pub(crate) fn news(&self) -> Option<News> {
        self.news.try_recv().ok()
    }

    /// Waits until all that was closed is compressed.
    pub(crate) fn finish(&mut self) {
        self.orders = None;
        if let Some(thread) = self.thread.take() {
            // A panic there has been reported by the panic hook, and no segment is worse for it.
            let _ = thread.join();
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.finish();
    }
}

/// One server's files in a trace directory.
pub(crate) struct Store {
    pub(crate) dir: PathBuf,
    pub(crate) server: u64,
    pub(crate) total_bytes: u64,
}

impl Store {
    /// All files of the server: place, form and bytes, oldest first.
    fn files(&self) -> io::Result<Vec<(Place, Form, u64)>> {
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.dir)? {
            let entry = entry?;
            let name = entry.file_name();
            if let Some((place, form)) = name.to_str().and_then(Place::parse)
                && place.server == self.server
            {
                files.push((place, form, entry.metadata().map_or(0, |data| data.len())));
            }
        }
        files.sort_unstable();
        Ok(files)
    }

    /// Compresses every raw segment before `live`, then removes the oldest beyond the limit.
    pub(crate) fn tidy(&self, live: Place, tell: &mut dyn FnMut(News)) {
        if let Err(error) = self.pack_all(live) {
            tell(News::Trouble(format!(
                "a segment of the trace stays uncompressed: {error}"
            )));
        }
        if let Err(error) = self.drop_oldest(live, tell) {
            tell(News::Trouble(format!(
                "an old segment of the trace stays: {error}"
            )));
        }
    }

    fn pack_all(&self, live: Place) -> io::Result<()> {
        for (place, form, _) in self.files()? {
            // An unfinished file at or after `live` is a segment that the recorder is just beginning.
            if place < live {
                match form {
                    Form::Raw => self.pack(place)?,
                    Form::Unfinished => ignore_missing(fs::remove_file(self.path(place, form)))?,
                    Form::Packed => {}
                }
            }
        }
        Ok(())
    }

    /// Compresses one segment.
    pub(crate) fn pack(&self, place: Place) -> io::Result<()> {
        let unfinished = self.path(place, Form::Unfinished);
        self.compress(place, &unfinished)?;
        fs::rename(&unfinished, self.path(place, Form::Packed))?;
        File::open(&self.dir)?.sync_all()?;
        fs::remove_file(self.path(place, Form::Raw))
    }

    fn compress(&self, place: Place, to: &Path) -> io::Result<()> {
        let mut raw = File::open(self.path(place, Form::Raw))?;
        let mut encoder = zstd::Encoder::new(File::create(to)?, LEVEL)?;
        encoder.include_checksum(true)?;
        io::copy(&mut raw, &mut encoder)?;
        encoder.finish()?.sync_all()
    }

    fn drop_oldest(&self, live: Place, tell: &mut dyn FnMut(News)) -> io::Result<()> {
        let files = self.files()?;
        let mut total: u64 = files.iter().map(|(_, _, bytes)| bytes).sum();
        for (place, form, bytes) in files {
            if total <= self.total_bytes || place >= live {
                break;
            }
            ignore_missing(fs::remove_file(self.path(place, form)))?;
            total -= bytes;
            tell(News::Dropped(Dropped {
                ordinal: place.ordinal,
                segment: place.segment,
                bytes,
            }));
        }
        Ok(())
    }

    fn path(&self, place: Place, form: Form) -> PathBuf {
        self.dir.join(place.file_name(form))
    }
}

fn ignore_missing(done: io::Result<()>) -> io::Result<()> {
    match done {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}
