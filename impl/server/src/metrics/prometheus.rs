//! How does Prometheus read it? Its text format, version 0.0.4, with the names that Apache's provider uses: no
//! prefix, counters without `_total`, quantiles as labels.

use super::{Kind, METRICS, Metric, Origin, Reading, Summary, View};
use std::fmt::Write;

/// The content type of [`View::exposition`].
pub(crate) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

impl View<'_> {
    /// Every metric that has a number, and the words as labels.
    pub(crate) fn exposition(&self) -> String {
        let mut text = String::with_capacity(32 << 10);
        for metric in METRICS {
            metric.expose(self, &mut text);
        }
        text
    }
}

impl Metric {
    fn expose(&self, view: &View<'_>, text: &mut String) {
        let reading = (self.read)(view);
        let kind = match (self.kind, &reading) {
            (_, Reading::Absent) => return,
            (Kind::Counter, _) => "counter",
            (Kind::Gauge | Kind::Text, _) => "gauge",
            (Kind::Summary | Kind::Detailed | Kind::Set, _) => "summary",
        };
        let name = match self.kind {
            Kind::Text => format!("quorate_{}", self.name),
            _ => self.name.to_owned(),
        };
        let _ = write!(text, "# HELP {name} {}", self.help);
        if let Origin::Near(how) = self.origin {
            let _ = write!(text, " Not quite Apache's: {how}.");
        }
        let _ = writeln!(text, "\n# TYPE {name} {kind}");
        let detailed = self.kind == Kind::Detailed;
        match reading {
            Reading::Absent => {}
            Reading::Count(count) => sample(text, &name, "", &[], count as f64),
            Reading::Level(level) => sample(text, &name, "", &[], level as f64),
            Reading::Ratio(ratio) => sample(text, &name, "", &[], ratio),
            Reading::Text(word) => sample(text, &name, "", &[(self.name, &word)], 1.0),
            Reading::Summary(summary) => expose_summary(text, &name, None, summary, detailed),
            Reading::Set(set) => {
                for (key, summary) in set.iter() {
                    expose_summary(text, &name, Some(key), summary, detailed);
                }
            }
        }
    }
}

fn expose_summary(text: &mut String, name: &str, key: Option<&str>, summary: &Summary, detailed: bool) {
    let parts: &[(f64, &str)] = match detailed {
        true => &[(0.5, "0.5"), (0.9, "0.9"), (0.99, "0.99")],
        false => &[(0.5, "0.5")],
    };
    let mut labels: Vec<(&str, &str)> = key.map(|key| ("key", key)).into_iter().collect();
    for &(part, written) in parts {
        labels.push(("quantile", written));
        let value = match summary.count() {
            0 => f64::NAN,
            _ => summary.quantile(part) as f64,
        };
        sample(text, name, "", &labels, value);
        labels.pop();
    }
    sample(text, name, "_count", &labels, summary.count() as f64);
    sample(text, name, "_sum", &labels, summary.sum() as f64);
}

fn sample(text: &mut String, name: &str, suffix: &str, labels: &[(&str, &str)], value: f64) {
    let _ = write!(text, "{name}{suffix}");
    if !labels.is_empty() {
        text.push('{');
        for (label, value) in labels {
            let _ = write!(text, "{label}=\"");
            for letter in value.chars() {
                match letter {
                    '\\' => text.push_str("\\\\"),
                    '"' => text.push_str("\\\""),
                    '\n' => text.push_str("\\n"),
                    _ => text.push(letter),
                }
            }
            // The comma behind the last label is Apache's, too.
            text.push_str("\",");
        }
        text.push('}');
    }
    if value.is_nan() {
        text.push_str(" NaN\n");
    } else {
        let _ = writeln!(text, " {value:?}");
    }
}
