//! How does a trace come to be? Records collect in a buffer and go to the kernel in one write.
//!
//! The order is the caller's duty [ruling 17]: an input is flushed before it is stepped, and the effects
//! of a step before any of them is carried out. Then kill -9 loses nothing that anyone has seen: data
//! that the kernel has taken survives the process. Nothing is synced; a power loss may cut the end.

use crate::digest::{Sum, Witnessed, digest_of_effects, digest_of_election_effects};
use crate::directory::newest_of;
use crate::error::TraceError;
use crate::frame::{FRAME_BYTES_MAX, FRAME_HEADER, Framer};
use crate::keeper::{Keeper, News};
use crate::live::{Cut, Live};
use crate::schema::{Boot, BootId, ElectionFrame, Header, Mark, Record, tag};
use crate::segment::{Form, Place, Preamble, SEGMENT_BYTES_MAX};
use quorate_zab::{Effect, ElectionEffect, ElectionInput, Input};
use std::fmt;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

#[cfg(test)]
mod tests;

/// A frame is written by itself once it has so many bytes, flushed or not.
const FRAME_BYTES_SOFT: usize = 1 << 20;

/// How large a trace may become.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limits {
    /// Bytes after which a segment is closed and compressed; at most 512 MiB.
    pub segment_bytes: u64,
    /// Bytes that all segments of a server may take on disk; beyond it the oldest are removed.
    pub total_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            segment_bytes: 16 << 20,
            total_bytes: 1 << 30,
        }
    }
}

/// Records could not be written. The recorder goes on: it counts what is lost, says so in the trace as
/// soon as it can, and from there no audit of this boot says more than *inconclusive*.
#[derive(Debug, thiserror::Error)]
#[error("{records} records of the trace are lost: {source}")]
pub struct Loss {
    /// How many, since the trace was last written.
    pub records: u64,
    /// What the operating system said last.
    pub source: io::Error,
}

/// The recorder of one boot of one server.
pub struct Recorder {
    dir: PathBuf,
    limits: Limits,
    header: Header,
    segment: u32,
    live: Live<File>,
    framer: Framer,
    /// Records in frames that were written.
    written: u64,
    /// Records that could not be; they stand in the buffer as one [`Record::Lost`].
    lost: u64,
    /// Why a frame that was written on the way could not be.
    trouble: Option<io::Error>,
    /// The length at which the segment is closed.
    close_at: u64,
    counts: Mark,
    began: Instant,
    last_us: u64,
    keeper: Keeper,
    keepers_trouble: Option<String>,
    scratch: Vec<u8>,
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder")
            .field("dir", &self.dir)
            .field("boot", &self.header.boot)
            .field("segment", &self.segment)
            .field("written", &self.written)
            .field("lost", &self.lost)
            .finish_non_exhaustive()
    }
}

impl Recorder {
    /// Begins the trace of a boot in `dir`, which is made if it is not there, and writes its first
    /// record. Fills in the header's ordinal, predecessor and time.
    ///
    /// # Errors
    ///
    /// [`TraceError::Io`] if the directory or the first segment cannot be written. A damaged trace of
    /// an earlier boot is no error: it is left as it is.
    pub fn create(
        dir: impl Into<PathBuf>,
        limits: Limits,
        mut header: Header,
        boot: Boot,
    ) -> Result<Self, TraceError> {
        let dir = dir.into();
        fs::create_dir_all(&dir).map_err(TraceError::io(&dir))?;
        let newest = newest_of(&dir, header.server)?;
        header.boot.ordinal = newest.ordinal.saturating_add(1);
        header.previous = newest.previous;
        header.began_unix_ms = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_millis() as u64);
        let keeper = Keeper::start(&dir, header.server, limits.total_bytes).map_err(TraceError::io(&dir))?;
        let framer = Framer::new(header.boot.nonce.get());
        let live = begin_segment(
            &dir,
            &header,
            Start {
                segment: 0,
                first: 0,
                chain: framer.chain(),
                at_us: 0,
            },
        )
        .map_err(TraceError::io(&dir))?;
        let mut recorder = Self {
            close_at: limits.segment_bytes.min(SEGMENT_BYTES_MAX / 2),
            dir,
            limits,
            header,
            segment: 0,
            live,
            framer,
            written: 0,
            lost: 0,
            trouble: None,
            counts: Mark::default(),
            began: Instant::now(),
            last_us: 0,
            keeper,
            keepers_trouble: None,
            scratch: Vec::new(),
        };
        recorder.keeper.tidy(recorder.place());
        recorder.note(&Record::Boot(Box::new(boot)));
        let begun = recorder.flush().map_err(|loss| loss.source);
        begun.map_err(TraceError::io(&recorder.dir))?;
        Ok(recorder)
    }

    /// Which boot this is. Its ordinal is the `boot` in the names of this server's connections.
    pub fn boot(&self) -> BootId {
        self.header.boot
    }

    /// The input that `Server::step` is about to be given, to be flushed before. `number`: the
    /// how-manieth message of its connection, from 1, if it is one.
    #[inline]
    pub fn server_input<P: Witnessed>(&mut self, input: &Input<P>, number: Option<u64>) {
        self.counts.inputs += 1;
        self.framer.push(&(tag::INPUT, input, number));
        self.relieve();
    }

    /// The effects of the oldest step that is not answered, to be flushed before any is carried out.
    #[inline]
    pub fn server_effects<P: Witnessed>(&mut self, effects: &[Effect<P>]) {
        let record = if effects.is_empty() {
            Record::NoEffects
        } else {
            let (count, sum) = digest_of_effects(effects, &mut self.scratch);
            Record::Effects { count, sum }
        };
        self.counts.effects += effects.len() as u64;
        self.note(&record);
    }

    /// The input that `Election::step` is about to be given, to be flushed before. `frame`: where a
    /// notification was read.
    #[inline]
    pub fn election_input(&mut self, input: &ElectionInput, frame: Option<ElectionFrame>) {
        self.counts.election_inputs += 1;
        self.framer.push(&(tag::ELECTION_INPUT, input, frame));
        self.relieve();
    }

    /// The effects of the oldest election step that is not answered.
    #[inline]
    pub fn election_effects(&mut self, effects: &[ElectionEffect]) {
        let record = if effects.is_empty() {
            Record::NoElectionEffects
        } else {
            let (count, sum) = digest_of_election_effects(effects, &mut self.scratch);
            Record::ElectionEffects { count, sum }
        };
        self.counts.effects += effects.len() as u64;
        self.note(&record);
    }

    /// Any other record: what the I/O layer witnessed.
    #[inline]
    pub fn note(&mut self, record: &Record) {
        self.framer.push(record);
        self.relieve();
    }

    /// The counts so far, every few seconds; with the digest of the server's state between two steps,
    /// if it was computed [`crate::digest_of_state`].
    pub fn mark(&mut self, state: Option<Sum>) {
        self.hear_the_keeper();
        let mark = Mark {
            records: self.records(),
            state,
            ..self.counts
        };
        self.note(&Record::Mark(Box::new(mark)));
    }

    /// How many records the trace has, those included that wait to be flushed.
    pub fn records(&self) -> u64 {
        self.written + u64::from(self.framer.records())
    }

    /// How many records are lost and not yet said to be.
    pub fn lost(&self) -> u64 {
        self.lost
    }

    /// What went wrong last in compressing or removing old segments, once. It costs disk space, not
    /// the trace.
    pub fn trouble(&mut self) -> Option<String> {
        self.hear_the_keeper();
        self.keepers_trouble.take()
    }

    /// Hands all records to the kernel, in one write.
    ///
    /// # Errors
    ///
    /// [`Loss`] if it does not take them. The caller may go on, or stop the server.
    pub fn flush(&mut self) -> Result<(), Loss> {
        self.write_frame();
        match self.trouble.take() {
            None => Ok(()),
            Some(source) => Err(Loss {
                records: self.lost,
                source,
            }),
        }
    }

    /// Ends the trace in order and waits until closed segments are compressed.
    ///
    /// # Errors
    ///
    /// [`Loss`] if the end could not be written.
    pub fn finish(mut self) -> Result<(), Loss> {
        self.mark(None);
        self.note(&Record::End);
        let ended = self.flush();
        self.keeper.finish();
        ended
    }

    /// Keeps frames far below their limit, however seldom they are flushed.
    #[inline]
    fn relieve(&mut self) {
        if self.framer.bytes() >= FRAME_BYTES_SOFT {
            self.write_frame();
        }
    }

    fn write_frame(&mut self) {
        let records = self.framer.records();
        if records == 0 {
            return;
        }
        let bytes = self.framer.bytes();
        let now_us = self.began.elapsed().as_micros() as u64;
        let after_us = u32::try_from(now_us - self.last_us).unwrap_or(u32::MAX);
        let end = self.live.length() + (FRAME_HEADER + bytes) as u64;
        let fits = bytes <= FRAME_BYTES_MAX && end <= SEGMENT_BYTES_MAX;
        let done = if fits {
            self.live.append(self.framer.frame(after_us))
        } else {
            Err(io::Error::new(
                io::ErrorKind::FileTooLarge,
                "the segment or the frame has no room",
            ))
        };
        match done {
            Ok(()) => {
                self.framer.written();
                self.written += u64::from(records);
                self.last_us += u64::from(after_us);
                self.lost = 0;
                if self.live.length() >= self.close_at {
                    self.close_segment();
                }
            }
            Err(error) => {
                let stands_for_lost = u64::from(self.lost > 0);
                self.lost += u64::from(records) - stands_for_lost;
                self.framer.discard();
                self.framer.push(&Record::Lost { records: self.lost });
                self.trouble = Some(error);
            }
        }
    }

    /// Begins the next segment. If there is no room for one, the old one goes on for a while.
    fn close_segment(&mut self) {
        let start = Start {
            segment: self.segment + 1,
            first: self.written,
            chain: self.framer.chain(),
            at_us: self.last_us,
        };
        let next = begin_segment(&self.dir, &self.header, start);
        match next {
            Ok(live) => {
                let closed = self.place();
                self.live = live;
                self.segment += 1;
                self.close_at = self.limits.segment_bytes.min(SEGMENT_BYTES_MAX / 2);
                self.keeper.closed(closed, self.place());
                self.hear_the_keeper();
            }
            Err(error) => {
                self.close_at = self.live.length() + self.limits.segment_bytes / 16;
                self.keepers_trouble = Some(format!("no new segment of the trace can be begun: {error}"));
            }
        }
    }

    fn hear_the_keeper(&mut self) {
        while let Some(news) = self.keeper.news() {
            match news {
                News::Dropped(dropped) => self.framer.push(&Record::Dropped(dropped)),
                News::Trouble(what) => self.keepers_trouble = Some(what),
            }
        }
    }

    fn place(&self) -> Place {
        Place {
            server: self.header.server.get(),
            ordinal: self.header.boot.ordinal,
            segment: self.segment,
        }
    }
}

/// Where a segment joins the ones before it.
struct Start {
    segment: u32,
    first: u64,
    chain: u64,
    at_us: u64,
}

/// Makes the segment's file with its preamble in it. It gets its name when the preamble is there.
fn begin_segment(dir: &Path, header: &Header, start: Start) -> io::Result<Live<File>> {
    let place = Place {
        server: header.server.get(),
        ordinal: header.boot.ordinal,
        segment: start.segment,
    };
    let preamble = Preamble {
        header: header.clone(),
        segment: start.segment,
        first: start.first,
        chain: Sum::new(start.chain),
        at_us: start.at_us,
    };
    let unfinished = dir.join(place.file_name(Form::Unfinished));
    let mut file = File::create(&unfinished)?;
    let encoded = preamble.encoded();
    io::Write::write_all(&mut file, &encoded)?;
    fs::rename(&unfinished, dir.join(place.file_name(Form::Raw)))?;
    Ok(Live::new(file, encoded.len() as u64))
}

impl Cut for File {
    fn cut(&mut self, length: u64) -> io::Result<()> {
        self.set_len(length)?;
        io::Seek::seek(self, io::SeekFrom::Start(length)).map(|_| ())
    }
}
