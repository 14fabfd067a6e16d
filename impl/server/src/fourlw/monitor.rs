//! What does a monitor see? `mntr`: one line per value, as the table of metrics has it.

use crate::metrics::{Value, View};
use crate::service::{Role, Service};
use std::fmt::Write;

impl Service {
    /// `mntr`.
    pub(super) fn monitor_text(&self, role: Role, now_ms: u64) -> String {
        let mut text = String::new();
        // The connection that asks is one of them.
        let view = View {
            service: self,
            role: Some(role),
            now_ms,
            asking: 1,
        };
        view.each(|name, value| {
            let _ = match value {
                Value::Count(count) => writeln!(text, "zk_{name}\t{count}"),
                Value::Level(level) => writeln!(text, "zk_{name}\t{level}"),
                Value::Ratio(ratio) => writeln!(text, "zk_{name}\t{ratio:?}"),
                Value::Text(word) => writeln!(text, "zk_{name}\t{word}"),
            };
        });
        text
    }
}
