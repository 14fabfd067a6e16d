//! What is measured of the service's work? One call for each thing that happens; the names are those of the
//! table of metrics.

use super::Service;
use super::counters::Counters;
use quorate_tree::{Event, EventKind, ReadRequest, Txn, TxnEntry};
use quorate_wire::client::Opcode;

impl Counters {
    /// A request was answered.
    pub(super) fn measure_reply(&mut self, opcode: i32, latency_ms: u64, bytes: usize) {
        let is_update = Opcode::from_number(opcode)
            .is_some_and(|opcode| opcode.goes_through_leader() && opcode != Opcode::Sync);
        let figures = &mut self.figures;
        figures.reply_bytes += bytes as u64;
        match is_update {
            true => figures.update_ms.add(latency_ms),
            false => figures.read_ms.add(latency_ms),
        }
    }

    /// Something below a top-level znode was read.
    pub(super) fn measure_read(&mut self, request: &ReadRequest, bytes: usize) {
        let (ReadRequest::Exists { path, .. }
        | ReadRequest::GetData { path, .. }
        | ReadRequest::GetChildren { path, .. }
        | ReadRequest::GetChildren2 { path, .. }
        | ReadRequest::GetAcl { path }
        | ReadRequest::GetAllChildrenNumber { path }) = request
        else {
            return;
        };
        if let Some(namespace) = namespace(path) {
            self.figures
                .read_bytes
                .add(namespace, (path.len() + bytes) as u64);
        }
    }

    /// Notifications go out: these are all of one znode and kind.
    pub(super) fn measure_watches(&mut self, events: &[Event]) {
        for same in events.chunk_by(|a, b| (a.kind, &a.path) == (b.kind, &b.path)) {
            let count = same.len() as u64;
            match same[0].kind {
                EventKind::NodeCreated => self.figures.created_watches.add(count),
                EventKind::NodeDeleted => self.figures.deleted_watches.add(count),
                EventKind::NodeDataChanged => self.figures.changed_watches.add(count),
                EventKind::NodeChildrenChanged => self.figures.children_watches.add(count),
            }
        }
    }
}

impl Service {
    /// A transaction was applied while clients are served.
    pub(super) fn measure_applied(&mut self, entry: &TxnEntry, now_ms: u64) {
        let Some(role) = self.role else { return };
        let figures = &mut self.counters.figures;
        let now = figures.wall_offset_ms.saturating_add_unsigned(now_ms);
        // Clocks of two servers differ: what seems to come from the future took no time.
        let ms = now.saturating_sub(entry.header.time_ms).max(0).unsigned_abs();
        figures.propagation_ms.add(ms);
        if role.keeps_sessions() {
            figures.commit_ms.add(ms);
        }
        each_write(&entry.txn, &mut |path, bytes| {
            if let Some(namespace) = namespace(path) {
                figures.written_bytes.add(namespace, (path.len() + bytes) as u64);
            }
        });
    }
}

fn each_write(txn: &Txn, tell: &mut impl FnMut(&str, usize)) {
    let length = |data: &Option<Vec<u8>>| data.as_ref().map_or(0, Vec::len);
    match txn {
        Txn::Create { create, .. } | Txn::CreateContainer(create) | Txn::CreateTtl { create, .. } => {
            tell(&create.path, length(&create.data));
        }
        Txn::SetData { path, data, .. } | Txn::Reconfig { path, data, .. } => tell(path, length(data)),
        Txn::Delete { path } | Txn::DeleteContainer { path } | Txn::SetAcl { path, .. } => tell(path, 0),
        Txn::Multi(parts) => parts.iter().for_each(|part| each_write(part, tell)),
        Txn::CreateSession { .. } | Txn::CloseSession { .. } | Txn::Check { .. } | Txn::Error { .. } => {}
    }
}

/// The name of the top-level znode; the root is in none.
fn namespace(path: &str) -> Option<&str> {
    let name = path.strip_prefix('/')?.split('/').next()?;
    (!name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_namespace_is_the_name_of_a_top_level_znode() {
        let found: Vec<_> = ["/a/b", "/a", "/", "", "x"].into_iter().map(namespace).collect();
        assert_eq!(found, [Some("a"), Some("a"), None, None, None]);
    }
}
