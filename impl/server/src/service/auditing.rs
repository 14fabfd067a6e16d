//! What does the service have audited? What its own clients change, and the ephemeral znodes that go with a
//! session, on every server, as Apache does.

use super::Service;
use super::connection::Connection;
use super::identity;
use crate::audit::{AuditLog, Line, Note, Outcome};
use quorate_tree::{SessionId, Tree, Txn, TxnEntry, TxnResult};

/// Who a server is that does something by itself: whoever runs it, by name, or by number where nobody told the name.
fn server_user() -> String {
    let named = std::env::var("USER").or_else(|_| std::env::var("LOGNAME"));
    named.unwrap_or_else(|_| rustix::process::getuid().as_raw().to_string())
}

/// The audit log of the service, if it has one.
#[derive(Debug, Default)]
pub(super) struct Auditing(Option<AuditLog>);

impl Auditing {
    pub(super) fn is_on(&self) -> bool {
        self.0.is_some()
    }
}

impl Service {
    /// From here on, what is changed is written down.
    pub(crate) fn audit(&mut self, log: AuditLog) {
        self.auditing = Auditing(Some(log));
        self.audit_server("serverStart", Outcome::Success);
    }

    /// The server stops.
    pub(crate) fn audit_stop(&mut self) {
        self.audit_server("serverStop", Outcome::Invoked);
    }

    fn audit_server(&mut self, operation: &str, outcome: Outcome) {
        let line = Line::new()
            .with("user", &server_user())
            .with("operation", operation);
        self.tell_audit(line, outcome);
    }

    fn tell_audit(&mut self, line: Line, outcome: Outcome) {
        if let Auditing(Some(log)) = &mut self.auditing {
            let figures = &mut self.counters.figures;
            figures.audited += 1;
            figures.audit_lost = log.tell(line, outcome, crate::driver::wall_ms());
        }
    }

    /// A request of one of this server's clients has become a transaction, or was refused.
    pub(super) fn audit_written(&mut self, entry: &TxnEntry, result: &TxnResult) {
        // A session that becomes the ensemble's asks with a number that its client may have given to a write.
        if !self.auditing.is_on() || matches!(result, TxnResult::SessionCreated { .. }) {
            return;
        }
        let session = entry.header.session;
        let client = self.attached.get(&session);
        let Some(conn) = client.and_then(|client| self.clients.get_mut(client)) else {
            return;
        };
        let Some(note) = conn.audits.take(entry.header.cxid) else {
            return;
        };
        let (user, ip) = (users(conn), conn.peer.ip().to_string());
        for (operation, path, kind, is_well) in note.lines(&entry.txn, result) {
            let line = Line::new()
                .with("session", &session_text(session))
                .with_some("user", user.as_deref())
                .with("ip", &ip)
                .with("operation", operation)
                .with_some("znode", path.as_deref())
                .with_some("znode_type", kind)
                .with_some("acl", acl_of(&note));
            self.tell_audit(line, Outcome::of(is_well));
        }
    }

    /// A session's end is about to be applied: its ephemeral znodes go.
    pub(super) fn audit_closing(&mut self, entry: &TxnEntry) {
        let Txn::CloseSession { paths } = &entry.txn else {
            return;
        };
        if !self.auditing.is_on() {
            return;
        }
        let session = entry.header.session;
        let own = |tree: &Tree| tree.ephemerals(session).collect();
        let paths: Vec<String> = paths.clone().unwrap_or_else(|| own(&self.tree));
        for path in paths {
            let line = Line::new()
                .with("session", &session_text(session))
                .with("user", &server_user())
                .with("operation", "ephemeralZNodeDeletionOnSessionCloseOrExpire")
                .with("znode", &path);
            self.tell_audit(line, Outcome::Success);
        }
    }
}

fn acl_of(note: &Note) -> Option<&str> {
    note.acl.as_deref()
}

/// Everybody that a connection is, with commas between.
fn users(conn: &Connection) -> Option<String> {
    let names = conn.identity.who.ids().iter().map(identity::user);
    let names: Vec<_> = names.filter(|name| !name.trim().is_empty()).collect();
    (!names.is_empty()).then(|| names.join(","))
}

/// A session as Apache writes it.
fn session_text(session: SessionId) -> String {
    format!("0x{session:x}")
}
