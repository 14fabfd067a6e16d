//! What does a reply say, as one line that is the same whoever said it?
//!
//! Names of children and of ephemerals are sets, the ids of a connection too: Apache's servers tell them in the order of a
//! hash table. Everything else is put down in the order in which it came.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use super::step::Request;
use crate::jute::Reader;

/// What differs between two servers that answer alike, and how to say it alike.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    /// Where the round began.
    pub(super) base: i64,
    /// The highest zxid that is known to be used.
    pub(super) last: i64,
    /// From which zxid on, and from which count on, how many of them are left out of the count.
    skipped: Vec<(i64, i64, i64)>,
    /// When each transaction was, by the first stat that told.
    times: BTreeMap<i64, i64>,
    sessions: BTreeMap<i64, String>,
    /// What closed a session: its znodes go in the order of a hash table.
    pub(super) closing: BTreeSet<i64>,
}

impl Names {
    pub(super) fn begin(&mut self, base: i64) {
        *self = Names {
            base,
            last: base,
            skipped: vec![(base, i64::MIN, base)],
            ..Names::default()
        };
    }

    /// It is open whether what came behind `known` and up to `last` was any transaction.
    pub(super) fn skip(&mut self, known: i64, last: i64) {
        if last > known {
            let (_, _, offset) = *self.skipped.last().expect("a round begins somewhere");
            self.skipped
                .push((known + 1, known + 1 - offset, offset + last - known));
            self.last = last;
        }
    }

    pub(super) fn session(&mut self, id: i64, slot: usize) {
        let generation = self.sessions.len();
        self.sessions
            .entry(id)
            .or_insert_with(|| format!("s{slot}.{generation}"));
    }

    /// The zxid of which this is the count.
    pub(super) fn absolute(&self, count: i64) -> i64 {
        let at = self.skipped.partition_point(|(_, from, _)| *from <= count);
        count.saturating_add(self.skipped[at - 1].2)
    }

    fn zxid(&mut self, zxid: i64) -> String {
        self.last = self.last.max(zxid);
        match zxid {
            ..=0 => zxid.to_string(),
            _ if zxid <= self.base => "before".to_owned(),
            _ => {
                let at = self.skipped.partition_point(|(from, _, _)| *from <= zxid);
                format!("+{}", zxid - self.skipped[at - 1].2)
            }
        }
    }

    fn time(&mut self, zxid: i64, time: i64) -> &'static str {
        match time {
            0 => "never",
            _ if *self.times.entry(zxid).or_insert(time) == time => "then",
            _ => "another time",
        }
    }

    fn owner(&self, id: i64) -> String {
        match id {
            0 => "nobody".to_owned(),
            _ => self
                .sessions
                .get(&id)
                .cloned()
                .unwrap_or_else(|| format!("{id:x}")),
        }
    }
}

/// A line of what came, and how it may be put among its neighbours.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) text: String,
    /// Of a notification, its transaction.
    pub(super) event: Option<i64>,
}

/// The header of a reply.
#[derive(Clone, Copy, Debug)]
pub(super) struct Header {
    pub(super) xid: i32,
    pub(super) zxid: i64,
    pub(super) err: i32,
}

impl Header {
    pub(super) fn read(reader: &mut Reader<'_>) -> Option<Header> {
        Some(Header {
            xid: reader.int()?,
            zxid: reader.long()?,
            err: reader.int()?,
        })
    }
}

/// A notification.
pub(super) fn event(names: &mut Names, header: Header, reader: &mut Reader<'_>) -> Line {
    let mut told = || {
        let (kind, state, path) = (reader.int()?, reader.int()?, text(reader)?);
        Some(format!("{kind} state {state} {path}"))
    };
    let told = told().unwrap_or_else(|| "cannot be read".to_owned());
    let rest = rest(reader);
    Line {
        text: format!(
            "event {told} zxid {} err {}{rest}",
            names.zxid(header.zxid),
            header.err
        ),
        event: Some(header.zxid),
    }
}

/// The reply to `request`; without its zxid if that is open.
pub(super) fn reply(
    names: &mut Names,
    request: &Request,
    header: Header,
    reader: &mut Reader<'_>,
    with_zxid: bool,
) -> String {
    let zxid = names.zxid(header.zxid);
    let zxid = if with_zxid { &zxid } else { "open" };
    let mut told = format!(
        "{} xid {} zxid {zxid} err {}",
        super::step::name(request.op),
        header.xid,
        header.err
    );
    if header.err == 0 {
        match body(names, request.op, reader) {
            Some(body) => told.push_str(&body),
            None => told.push_str(" cannot be read"),
        }
    }
    told + &rest(reader)
}

fn rest(reader: &Reader<'_>) -> String {
    match reader.rest() {
        [] => String::new(),
        rest => format!(" and {} bytes more: {}", rest.len(), rest.escape_ascii()),
    }
}

fn body(names: &mut Names, op: i32, reader: &mut Reader<'_>) -> Option<String> {
    Some(match op {
        1 | 9 => format!(" {}", text(reader)?),
        15 | 19 | 21 => format!(" {}{}", text(reader)?, stat(names, reader)?),
        3 | 5 | 7 => stat(names, reader)?,
        4 => format!(" {}{}", data(reader)?, stat(names, reader)?),
        6 => format!(" {}{}", acl(reader)?, stat(names, reader)?),
        8 | 103 => set(reader)?,
        12 => format!("{}{}", set(reader)?, stat(names, reader)?),
        14 | 22 => multi(names, reader)?,
        104 | 106 => format!(" {}", reader.int()?),
        107 => {
            let count = reader.int()?;
            let mut ids = (0..count)
                .map(|_| Some(format!(" {}:{}", text(reader)?, text(reader)?)))
                .collect::<Option<Vec<_>>>()?;
            ids.sort();
            ids.concat()
        }
        _ => String::new(),
    })
}

/// A text as it came, null told from empty. A character of four bytes Apache's servers write as two halves of three: that
/// is read as the same one.
fn text(reader: &mut Reader<'_>) -> Option<String> {
    let Some(bytes) = reader.nullable()? else {
        return Some("null".to_owned());
    };
    let mut told = String::from("\"");
    let mut rest = bytes;
    while let [first, behind @ ..] = rest {
        rest = if let [
            0xed,
            h1 @ 0xa0..=0xaf,
            h2,
            0xed,
            l1 @ 0xb0..=0xbf,
            l2,
            behind @ ..,
        ] = rest
        {
            let ten_bits = |middle: &u8, last: &u8| u32::from(middle & 0x0f) << 6 | u32::from(last & 0x3f);
            let character = char::from_u32(0x10000 + (ten_bits(h1, h2) << 10) + ten_bits(l1, l2));
            let mut bytes = [0; 4];
            let bytes = character.unwrap_or_default().encode_utf8(&mut bytes).as_bytes();
            write!(told, "{}", bytes.escape_ascii()).expect("a string takes all text");
            behind
        } else {
            write!(told, "{}", first.escape_ascii()).expect("a string takes all text");
            behind
        };
    }
    Some(told + "\"")
}

fn data(reader: &mut Reader<'_>) -> Option<String> {
    Some(match reader.nullable()? {
        None => "null".to_owned(),
        Some(bytes) if bytes.len() <= 80 => format!("\"{}\"", bytes.escape_ascii()),
        Some(bytes) => {
            let sum = bytes.iter().fold(0u64, |sum, byte| {
                sum.wrapping_mul(31).wrapping_add(u64::from(*byte))
            });
            format!("{} bytes that sum up to {sum:x}", bytes.len())
        }
    })
}

fn set(reader: &mut Reader<'_>) -> Option<String> {
    let count = reader.int()?;
    let mut names = (0..count).map(|_| text(reader)).collect::<Option<Vec<_>>>()?;
    names.sort();
    Some(format!(" {count} names [{}]", names.join(" ")))
}

/// The ids of a connection, for which `auth` stands, are a set: neighbours that differ in their digest alone are sorted.
fn acl(reader: &mut Reader<'_>) -> Option<String> {
    let count = reader.int()?;
    let mut entries = (0..count)
        .map(|_| Some((reader.int()?, text(reader)?, text(reader)?)))
        .collect::<Option<Vec<_>>>()?;
    let mut from = 0;
    for at in 1..=entries.len() {
        if entries.get(at).map(|(perms, scheme, _)| (perms, scheme))
            != Some((&entries[from].0, &entries[from].1))
        {
            entries[from..at].sort();
            from = at;
        }
    }
    let mut told = format!("acl {count} [");
    for (perms, scheme, id) in entries {
        write!(told, "{perms} {scheme} {id};").expect("a string takes all text");
    }
    Some(told + "]")
}

pub(super) fn stat(names: &mut Names, reader: &mut Reader<'_>) -> Option<String> {
    let (czxid, mzxid, ctime, mtime) = (reader.long()?, reader.long()?, reader.long()?, reader.long()?);
    let (version, cversion, aversion, owner) = (reader.int()?, reader.int()?, reader.int()?, reader.long()?);
    let (length, children, pzxid) = (reader.int()?, reader.int()?, reader.long()?);
    Some(format!(
        " {{c {} {} m {} {} p {} versions {version} {cversion} {aversion} owner {} length {length} children {children}}}",
        names.zxid(czxid),
        names.time(czxid, ctime),
        names.zxid(mzxid),
        names.time(mzxid, mtime),
        names.zxid(pzxid),
        names.owner(owner),
    ))
}

fn multi(names: &mut Names, reader: &mut Reader<'_>) -> Option<String> {
    let mut told = String::new();
    loop {
        let (op, done, err) = (reader.int()?, reader.bool()?, reader.int()?);
        write!(told, " ({op} {done} {err}").expect("a string takes all text");
        if done {
            return Some(told + ")");
        }
        told.push_str(&match op {
            1 => format!(" {}", text(reader)?),
            15 => format!(" {}{}", text(reader)?, stat(names, reader)?),
            5 => stat(names, reader)?,
            4 => format!(" {}{}", data(reader)?, stat(names, reader)?),
            8 => set(reader)?,
            2 | 13 => String::new(),
            -1 => format!(" {}", reader.int()?),
            _ => return None,
        });
        told.push(')');
    }
}

/// Everything of one znode that the superuser can see.
pub(super) fn znode(names: &mut Names, path: &str, replies: [&[u8]; 2], hides_data: bool) -> String {
    let [got, list] = replies.map(|frame| {
        let mut reader = Reader::new(frame);
        let _ = Header::read(&mut reader);
        reader
    });
    let (mut got, mut list) = (got, list);
    if hides_data {
        return format!("{path} {}", acl(&mut list).unwrap_or_default());
    }
    let got = data(&mut got).and_then(|data| Some(data + &stat(names, &mut got)?));
    let list = acl(&mut list).and_then(|acl| Some(acl + &stat(names, &mut list)?));
    format!("{path} {} {}", got.unwrap_or_default(), list.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jute::Writer;

    #[test]
    fn zxids_count_from_the_rounds_beginning_but_for_what_was_skipped() {
        let mut names = Names::default();
        names.begin(100);
        assert_eq!(names.zxid(-1), "-1");
        assert_eq!(names.zxid(100), "before");
        assert_eq!(names.zxid(103), "+3");
        names.skip(103, 105);
        assert_eq!(names.zxid(106), "+4");
        assert_eq!(names.zxid(102), "+2");
        assert_eq!([3, 4].map(|count| names.absolute(count)), [103, 106]);
    }

    #[test]
    fn a_stat_tells_every_field() {
        let record = |changed: usize| {
            let fields = [8, 8, 8, 8, 4, 4, 4, 8, 4, 4, 8];
            let record = fields
                .iter()
                .enumerate()
                .fold(Writer::new(), |record, (at, bytes)| {
                    let value = 200 + i64::from(at == changed);
                    if *bytes == 8 {
                        record.long(value)
                    } else {
                        record.int(value as i32)
                    }
                });
            let mut names = Names::default();
            names.begin(100);
            names.times.insert(200, 200);
            stat(&mut names, &mut Reader::new(&record.bytes)).unwrap()
        };
        for field in 0..11 {
            assert_ne!(record(field), record(11), "field {field}");
        }
    }
}
