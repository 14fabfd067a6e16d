//! How does Apache spell a metric where names and values are all there is? `mntr` puts `zk_` before these
//! names, `monitor` has them as they are.

use super::{Kind, METRICS, Metric, Reading, Summary, View};

/// A value under a flat name.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Count(u64),
    Level(i64),
    Ratio(f64),
    Text(String),
}

impl View<'_> {
    /// Every value that this server has, in the order of the table.
    pub(crate) fn each(&self, mut tell: impl FnMut(&str, Value)) {
        for metric in METRICS {
            metric.spell(self, &mut tell);
        }
    }
}

impl Metric {
    fn spell(&self, view: &View<'_>, tell: &mut impl FnMut(&str, Value)) {
        let detailed = self.kind == Kind::Detailed;
        match (self.read)(view) {
            Reading::Absent => {}
            Reading::Count(count) => tell(self.name, Value::Count(count)),
            Reading::Level(level) => tell(self.name, Value::Level(level)),
            Reading::Ratio(ratio) => tell(self.name, Value::Ratio(ratio)),
            Reading::Text(text) => tell(self.name, Value::Text(text.into_owned())),
            Reading::Summary(summary) => spell_summary(summary, self.name, detailed, tell),
            Reading::Set(set) => {
                for (key, summary) in set.iter() {
                    spell_summary(summary, &format!("{key}_{}", self.name), detailed, tell);
                }
            }
        }
    }
}

fn spell_summary(summary: &Summary, name: &str, detailed: bool, tell: &mut impl FnMut(&str, Value)) {
    tell(&format!("avg_{name}"), Value::Ratio(summary.mean()));
    let whole = [
        ("min", summary.min()),
        ("max", summary.max()),
        ("cnt", summary.count()),
        ("sum", summary.sum()),
    ];
    for (prefix, value) in whole {
        tell(&format!("{prefix}_{name}"), Value::Count(value));
    }
    if detailed {
        for (prefix, part) in [("p50", 0.5), ("p95", 0.95), ("p99", 0.99), ("p999", 0.999)] {
            tell(&format!("{prefix}_{name}"), Value::Count(summary.quantile(part)));
        }
    }
}
