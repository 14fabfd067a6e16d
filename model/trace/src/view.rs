//! How do people look at a trace? `cat` prints one JSON object per record, `stat` a summary.

use crate::directory::Found;
use crate::error::TraceError;
use crate::json::to_json;
use crate::reader::{BootTrace, Ending, Entry};
use crate::schema::{BootId, Header, Record};
use quorate_zab::ServerId;
use serde::Serialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Write};

#[cfg(test)]
mod tests;

/// Why records could not be printed.
#[derive(Debug, thiserror::Error)]
pub enum CatError {
    /// The trace has a fault; everything before it was printed.
    #[error(transparent)]
    Trace(#[from] TraceError),
    /// The output took no more.
    #[error("cannot write: {0}")]
    Output(#[from] io::Error),
}

/// Prints all boots, by server and in order: a line for each header, record and end.
///
/// A fault ends the printing of its boot with a line that says so; the others follow.
///
/// # Errors
///
/// [`CatError::Trace`] with the first fault, after everything that can be read was printed;
/// [`CatError::Output`] at once.
pub fn cat(found: Found, out: &mut impl Write) -> Result<(), CatError> {
    let mut first = None;
    for boot in &found.boots {
        if let Err(fault) = cat_boot(boot, out)? {
            first.get_or_insert(fault);
        }
    }
    for fault in found.faults {
        line(out, [("fault", fault.to_string().into())])?;
        first.get_or_insert(fault);
    }
    out.flush()?;
    first.map_or(Ok(()), |fault| Err(fault.into()))
}

/// Prints one boot. The outer error is the output's, the inner one the trace's.
fn cat_boot(boot: &BootTrace, out: &mut impl Write) -> io::Result<Result<(), TraceError>> {
    let whose = |kind: &str| {
        let BootId { ordinal, nonce: _ } = boot.header.boot;
        [
            ("server", boot.header.server.get().into()),
            ("boot", ordinal.into()),
            ("kind", kind.into()),
        ]
    };
    line(
        out,
        whose("header")
            .into_iter()
            .chain([("header", to_json(&boot.header))]),
    )?;
    let mut records = boot.records();
    for entry in records.by_ref() {
        match entry {
            Ok(entry) => line(out, whose(entry.record.kind()).into_iter().chain(fields(&entry)))?,
            Err(fault) => {
                line(
                    out,
                    whose("fault")
                        .into_iter()
                        .chain([("fault", fault.to_string().into())]),
                )?;
                return Ok(Err(fault));
            }
        }
    }
    if let Some(Ending::Open {
        offset,
        torn,
        records,
        ..
    }) = records.ending()
    {
        let open = [
            ("records", records.into()),
            ("offset", offset.into()),
            ("torn", torn.into()),
        ];
        line(out, whose("open").into_iter().chain(open))?;
    }
    Ok(Ok(()))
}

/// A record's own fields, in its line's object.
fn fields(entry: &Entry) -> impl Iterator<Item = (&'static str, Value)> {
    let content = match to_json(&entry.record) {
        // The variant's name is in `kind`.
        Value::Object(tagged) => tagged.into_iter().next().map(|(_, content)| content),
        _ => None,
    };
    let place = [("seq", entry.seq.into()), ("at_us", entry.at_us.into())];
    place
        .into_iter()
        .chain(content.map(|content| ("record", content)))
}

fn line(out: &mut impl Write, fields: impl IntoIterator<Item = (&'static str, Value)>) -> io::Result<()> {
    let object: Map<String, Value> = fields
        .into_iter()
        .map(|(name, value)| (name.to_string(), value))
        .collect();
    serde_json::to_writer(&mut *out, &object)?;
    out.write_all(b"\n")
}

/// A trace in numbers.
#[derive(Debug, Default, Serialize)]
pub struct Summary {
    /// The boots, by server and in order.
    pub boots: Vec<BootSummary>,
    /// Files that cannot be read.
    pub faults: Vec<String>,
    /// Files in which nothing was recorded.
    pub empty: usize,
}

/// One boot in numbers.
#[derive(Debug, Serialize)]
pub struct BootSummary {
    /// The server.
    pub server: ServerId,
    /// Which boot of it.
    pub boot: BootId,
    /// The server's version.
    pub build: String,
    /// Its segments.
    pub segments: usize,
    /// Their bytes on disk.
    pub bytes: u64,
    /// The number of the first record that is there.
    pub first: u64,
    /// How many records are there.
    pub records: u64,
    /// How many of each kind.
    pub kinds: BTreeMap<&'static str, u64>,
    /// Records that the recorder could not write.
    pub lost: u64,
    /// Segments removed while this boot recorded.
    pub dropped: u64,
    /// From the first flush to the last, in microseconds.
    pub span_us: u64,
    /// `clean`, `open`, `torn` or the fault that ends it.
    pub end: String,
    /// Where it ends, if not with the last record of all, and no later boot says that this was its end.
    pub ends_at: Option<String>,
    /// Why there was more of it than is here, if that shows.
    pub cut: Option<String>,
}

impl Summary {
    /// Whether all that was recorded can be read here, as far as that shows. A server that was killed, or
    /// goes on, leaves an open end, and that is whole.
    pub fn is_whole(&self) -> bool {
        let is_cut = self.boots.iter().any(|boot| boot.cut.is_some());
        !self.boots.is_empty() && !is_cut && self.faults.is_empty()
    }
}

/// Reads all of a trace and counts.
pub fn stat(found: &Found) -> Summary {
    let next = found.boots.iter().skip(1).map(Some).chain([None]);
    Summary {
        boots: found
            .boots
            .iter()
            .zip(next)
            .map(|(boot, next)| stat_boot(boot, next))
            .collect(),
        faults: found.faults.iter().map(ToString::to_string).collect(),
        empty: found.empty.len(),
    }
}

fn stat_boot(boot: &BootTrace, next: Option<&BootTrace>) -> BootSummary {
    let mut summary = BootSummary {
        server: boot.header.server,
        boot: boot.header.boot,
        build: boot.header.build.clone(),
        segments: boot.files().count(),
        bytes: boot
            .files()
            .filter_map(|file| file.metadata().ok())
            .map(|data| data.len())
            .sum(),
        first: boot.first,
        records: 0,
        kinds: BTreeMap::new(),
        lost: 0,
        dropped: 0,
        span_us: 0,
        end: String::new(),
        ends_at: None,
        cut: None,
    };
    let mut records = boot.records();
    for entry in records.by_ref() {
        match entry {
            Ok(entry) => summary.count(&entry),
            Err(fault) => {
                summary.end = fault.to_string();
                summary.cut = Some(format!("nothing is read after {} records", summary.records));
                return summary;
            }
        }
    }
    let ending = records.ending();
    summary.end = match ending {
        Some(Ending::Clean) => "clean",
        Some(Ending::Open { torn: true, .. }) => "torn",
        Some(Ending::Open { .. }) | None => "open",
    }
    .into();
    if let Some(ending @ Ending::Open { offset, file, .. }) = &ending {
        let next = next.filter(|next| follows(&next.header, &boot.header));
        summary.cut = cut(boot, ending, next);
        if next.is_none() || summary.cut.is_some() {
            summary.ends_at = Some(format!("byte {offset} of {}", file.display()));
        }
    }
    summary
}

/// Whether the one is the boot after the other.
fn follows(next: &Header, boot: &Header) -> bool {
    next.server == boot.server && boot.boot.ordinal.checked_add(1) == Some(next.boot.ordinal)
}

/// Why there was more of this boot's trace than is here. The next boot says how it found it.
fn cut(boot: &BootTrace, ending: &Ending, next: Option<&BootTrace>) -> Option<String> {
    let Ending::Open {
        torn, records, chain, ..
    } = ending
    else {
        return None;
    };
    let me = &boot.header;
    match next.map(|next| &next.header.previous) {
        None => torn.then(|| format!("after {records} records comes a part of a frame")),
        Some(Some(found)) if (found.boot, found.records, found.chain) == (me.boot, *records, *chain) => None,
        Some(found) => {
            let found = found.as_ref().map_or(0, |found| found.records);
            Some(format!(
                "there are {records} records, and the next boot found {found}"
            ))
        }
    }
}

impl BootSummary {
    fn count(&mut self, entry: &Entry) {
        self.records += 1;
        self.span_us = entry.at_us;
        *self.kinds.entry(entry.record.kind()).or_default() += 1;
        match entry.record {
            Record::Lost { records } => self.lost = self.lost.saturating_add(records),
            Record::Dropped(_) => self.dropped += 1,
            _ => {}
        }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for boot in &self.boots {
            writeln!(
                f,
                "server {} boot {}: {}",
                boot.server, boot.boot.ordinal, boot.build
            )?;
            write!(f, "  {} records", boot.records)?;
            if boot.first > 0 {
                write!(f, " from number {}", boot.first)?;
            }
            let (seconds, bytes) = (boot.span_us as f64 / 1e6, boot.bytes);
            writeln!(
                f,
                " in {} segments, {bytes} bytes, over {seconds:.3} s; end: {}",
                boot.segments, boot.end
            )?;
            if let Some(place) = &boot.ends_at {
                writeln!(f, "  no `end`: it was killed, goes on, or is cut at {place}")?;
            }
            if let Some(why) = &boot.cut {
                writeln!(f, "  CUT: {why}")?;
            }
            if boot.lost > 0 {
                writeln!(f, "  {} records are lost", boot.lost)?;
            }
            for (kind, count) in &boot.kinds {
                writeln!(f, "  {count:>12} {kind}")?;
            }
        }
        for fault in &self.faults {
            writeln!(f, "fault: {fault}")?;
        }
        if self.boots.is_empty() {
            writeln!(f, "no trace is here")?;
        }
        if self.empty > 0 {
            writeln!(f, "{} segments without a record", self.empty)?;
        }
        Ok(())
    }
}
