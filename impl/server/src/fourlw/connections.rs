//! Who is connected, and what do they hold? `cons`, `stat`, `dump`, `wchs`, `wchc`, `wchp`, `hash`.

use crate::service::{Connection, Role, Service};
use quorate_tree::WatchKind;
use quorate_wire::client::Opcode;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::net::SocketAddr;
use std::time::{SystemTime, UNIX_EPOCH};

impl Service {
    /// One line per connection, the one that asks first.
    pub(super) fn connections_text(&self, asking: SocketAddr, brief: bool, now_ms: u64) -> String {
        let mut text = format!(" /{asking}[0](queued=0,recved=1,sent=0)\n");
        let mut connections: Vec<_> = self.connections().collect();
        connections.sort_unstable_by_key(|conn| conn.client);
        for conn in connections {
            line(&mut text, conn, brief, now_ms);
        }
        text
    }

    /// `dump`: sessions, ephemerals, connections.
    pub(super) fn dump_text(&self, asking: SocketAddr, role: Role, now_ms: u64) -> String {
        let mut text = String::from("SessionTracker dump:\n");
        let has_locals = self.options().local_sessions.enabled;
        if has_locals {
            text.push_str("Local ");
            session_sets(&mut text, self.local_sessions().deadlines(), now_ms);
        }
        if role.keeps_sessions() {
            text.push_str(if has_locals { "Global " } else { "" });
            session_sets(&mut text, self.session_deadlines(), now_ms);
        } else {
            let sessions = self.tree().sessions();
            let _ = writeln!(text, "Global Sessions({}):", sessions.len());
            for (session, ms) in sessions {
                let _ = writeln!(text, "0x{session:x}\t{ms}ms");
            }
        }
        let owners: Vec<_> = self.tree().ephemeral_owners().collect();
        let _ = writeln!(
            text,
            "ephemeral nodes dump:\nSessions with Ephemerals ({}):",
            owners.len()
        );
        for (session, _) in owners {
            let _ = writeln!(text, "0x{session:x}:");
            for path in self.tree().ephemerals(session) {
                let _ = writeln!(text, "\t{path}");
            }
        }
        let mut sets: BTreeMap<u64, Vec<String>> = BTreeMap::new();
        sets.entry(now_ms)
            .or_default()
            .push(format!("\tip: /{asking} sessionId: 0x0\n"));
        for conn in self.connections() {
            let deadline_ms = now_ms + u64::try_from(conn.timeout_ms).unwrap_or(0);
            let line = format!("\tip: /{} sessionId: 0x{:x}\n", conn.peer, conn.session);
            sets.entry(deadline_ms).or_default().push(line);
        }
        let connections: usize = sets.values().map(Vec::len).sum();
        let _ = writeln!(
            text,
            "Connections dump:\nConnections Sets ({})/({connections}):",
            sets.len()
        );
        for (deadline_ms, lines) in sets {
            let _ = writeln!(text, "{} expire at {}:", lines.len(), date(deadline_ms, now_ms));
            text.extend(lines);
        }
        text
    }

    /// `wchs`: data watches only, as in ZooKeeper.
    pub(super) fn watches_text(&self) -> String {
        let (connections, paths, watches) = self.watch_counts();
        format!("{connections} connections watching {paths} paths\nTotal watches:{watches}\n")
    }

    /// Connections with data watches, paths that are watched, watches.
    pub(crate) fn watch_counts(&self) -> (usize, usize, usize) {
        let by_path = self.data_watches_by_path();
        let watches = by_path.values().map(Vec::len).sum();
        (self.data_watches_by_session().len(), by_path.len(), watches)
    }

    /// `wchc`.
    pub(super) fn watches_by_session_text(&self) -> String {
        let mut text = String::new();
        for (session, paths) in self.data_watches_by_session() {
            let _ = writeln!(text, "0x{session:x}");
            for path in paths {
                let _ = writeln!(text, "\t{path}");
            }
        }
        text + "\n"
    }

    /// `wchp`.
    pub(super) fn watches_by_path_text(&self) -> String {
        let mut text = String::new();
        for (path, sessions) in self.data_watches_by_path() {
            let _ = writeln!(text, "{path}");
            for session in sessions {
                let _ = writeln!(text, "\t0x{session:x}");
            }
        }
        text + "\n"
    }

    pub(crate) fn data_watches_by_session(&self) -> BTreeMap<i64, Vec<&str>> {
        let mut by_session: BTreeMap<i64, Vec<&str>> = BTreeMap::new();
        for (session, path) in self.data_watches() {
            by_session.entry(session).or_default().push(path);
        }
        by_session
    }

    pub(crate) fn data_watches_by_path(&self) -> BTreeMap<&str, Vec<i64>> {
        let mut by_path: BTreeMap<&str, Vec<i64>> = BTreeMap::new();
        for (session, path) in self.data_watches() {
            by_path.entry(path).or_default().push(session);
        }
        by_path
    }

    fn data_watches(&self) -> impl Iterator<Item = (i64, &str)> {
        self.watches().watched().flat_map(|(watcher, watched)| {
            let session = self.session_of(watcher);
            watched
                .filter(|(kind, _)| *kind == WatchKind::Data)
                .filter_map(move |(_, path)| session.map(|session| (session, path)))
        })
    }

    /// `hash`: the tree's digest at each of the last zxids at which servers keep it.
    pub(super) fn digests_text(&self) -> String {
        let mut text = String::new();
        for (zxid, digest) in self.digests() {
            // As Java prints a long.
            let _ = writeln!(text, "{:x}: {}", zxid.bits(), digest as i64);
        }
        text
    }
}

/// Sessions by the time at which they end.
fn session_sets<'a>(
    text: &mut String,
    deadlines: impl ExactSizeIterator<Item = (u64, &'a BTreeSet<i64>)>,
    now_ms: u64,
) {
    let mut sets = String::new();
    let (count, mut all) = (deadlines.len(), 0);
    for (deadline_ms, sessions) in deadlines {
        all += sessions.len();
        let _ = writeln!(
            sets,
            "{} expire at {}:",
            sessions.len(),
            date(deadline_ms, now_ms)
        );
        for session in sessions {
            let _ = writeln!(sets, "\t0x{session:x}");
        }
    }
    let _ = write!(text, "Session Sets ({count})/({all}):\n{sets}");
}

fn line(text: &mut String, conn: &Connection, brief: bool, now_ms: u64) {
    let counters = &conn.counters;
    let (peer, queued) = (conn.peer, conn.queued());
    let _ = write!(
        text,
        " /{peer}[1](queued={queued},recved={},sent={}",
        counters.received, counters.sent
    );
    if !brief && conn.session != 0 {
        let established_ms = wall_ms().saturating_sub(now_ms.saturating_sub(counters.established_ms));
        let _ = write!(
            text,
            ",sid=0x{:x},lop={}",
            conn.session,
            short_name(counters.last_opcode)
        );
        let _ = write!(text, ",est={established_ms},to={}", conn.timeout_ms);
        let latency = &counters.latency_ms;
        let _ = write!(
            text,
            ",lcxid=0x{:x},lzxid=0x{:x}",
            counters.last_cxid, counters.last_zxid
        );
        let _ = write!(text, ",lresp={},llat={}", counters.last_reply_ms, latency.last());
        let _ = write!(
            text,
            ",minlat={},avglat={},maxlat={}",
            latency.min(),
            latency.mean_floor(),
            latency.max()
        );
    }
    text.push_str(")\n");
}

/// ZooKeeper's abbreviations.
pub(crate) fn short_name(opcode: i32) -> &'static str {
    match Opcode::from_number(opcode) {
        Some(Opcode::Create | Opcode::Create2 | Opcode::CreateTtl | Opcode::CreateContainer) => "CREA",
        Some(Opcode::Delete | Opcode::DeleteContainer) => "DELE",
        Some(Opcode::Exists) => "EXIS",
        Some(Opcode::GetData) => "GETD",
        Some(Opcode::SetData) => "SETD",
        Some(Opcode::GetAcl) => "GETA",
        Some(Opcode::SetAcl) => "SETA",
        Some(Opcode::GetChildren | Opcode::GetChildren2) => "GETC",
        Some(Opcode::Sync) => "SYNC",
        Some(Opcode::Ping) => "PING",
        Some(Opcode::Check) => "CHEC",
        Some(Opcode::Multi) => "MULT",
        Some(Opcode::MultiRead) => "MLTR",
        Some(Opcode::Reconfig) => "RECO",
        Some(Opcode::CheckWatches) => "CHKW",
        Some(Opcode::RemoveWatches) => "REMW",
        Some(Opcode::SetWatches) => "SETW",
        Some(Opcode::SetWatches2) => "STW2",
        Some(Opcode::AddWatch) => "ADDW",
        Some(Opcode::GetEphemerals) => "GETE",
        Some(Opcode::GetAllChildrenNumber) => "GETACN",
        Some(Opcode::WhoAmI) => "HOMI",
        Some(Opcode::CreateSession) => "SESS",
        Some(Opcode::CloseSession) => "CLOS",
        Some(Opcode::Auth | Opcode::Sasl) | None => "NA",
    }
}

fn wall_ms() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_millis() as u64)
}

/// As Java prints a date, in UTC.
fn date(then_ms: u64, now_ms: u64) -> String {
    let seconds = (wall_ms() + then_ms.saturating_sub(now_ms)) / 1000;
    let (days, of_day) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = civil(days);
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let (weekday, month) = (DAYS[(days % 7) as usize], MONTHS[month as usize]);
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    format!("{weekday} {month} {day:02} {hour:02}:{minute:02}:{second:02} UTC {year}")
}

/// Year, month from 0 and day from 1 of a day since 1970.
pub(crate) fn civil(days: u64) -> (u64, u64, u64) {
    let is_leap =
        |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let (mut year, mut left) = (1970, days);
    while left >= 365 + u64::from(is_leap(year)) {
        left -= 365 + u64::from(is_leap(year));
        year += 1;
    }
    let lengths = [
        31,
        28 + u64::from(is_leap(year)),
        31,
        30,
        31,
        30,
        31,
        31,
        30,
        31,
        30,
        31,
    ];
    let mut month = 0;
    while left >= lengths[month] {
        left -= lengths[month];
        month += 1;
    }
    (year, month as u64, left + 1)
}

#[cfg(test)]
mod tests {
    use super::civil;

    #[test]
    fn days_become_dates() {
        assert_eq!(civil(0), (1970, 0, 1));
        assert_eq!(civil(59), (1970, 2, 1));
        assert_eq!(civil(11_016), (2000, 1, 29));
        assert_eq!(civil(20_778), (2026, 10, 21));
    }
}
