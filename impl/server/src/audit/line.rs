//! How does a line read? `name=value` pairs with tabs between them, in Apache's order.

use crate::fourlw::civil;
use std::fmt::Write;

/// What came of it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Outcome {
    Success,
    Failure,
    /// It was asked for, and nothing is known yet.
    Invoked,
}

impl Outcome {
    pub(crate) fn of(is_well: bool) -> Self {
        match is_well {
            true => Self::Success,
            false => Self::Failure,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Invoked => "invoked",
        }
    }
}

/// A line that is being put together.
#[derive(Debug)]
pub(crate) struct Line {
    text: String,
}

impl Line {
    pub(crate) fn new() -> Self {
        Self { text: String::new() }
    }

    /// Adds a pair. A value cannot begin another pair, or another line: what it has of tabs and line ends is
    /// written as `\t`, `\n` and `\r`. Apache lets it pass.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        if !self.text.is_empty() {
            self.text.push('\t');
        }
        let _ = write!(self.text, "{name}=");
        for letter in value.chars() {
            match letter {
                '\t' => self.text.push_str("\\t"),
                '\n' => self.text.push_str("\\n"),
                '\r' => self.text.push_str("\\r"),
                _ => self.text.push(letter),
            }
        }
        self
    }

    /// As [`Self::with`], if there is a value.
    pub(crate) fn with_some(self, name: &str, value: Option<&str>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// The line as the file has it, at this time in ms since 1970.
    pub(super) fn end(self, outcome: Outcome, wall_ms: i64) -> String {
        let level = match outcome {
            Outcome::Failure => "ERROR",
            Outcome::Success | Outcome::Invoked => "INFO",
        };
        let text = self.with("result", outcome.word()).text;
        format!("{} {level} audit.Slf4jAuditLogger: {text}\n", time(wall_ms))
    }
}

/// As log4j's ISO8601, in UTC.
fn time(wall_ms: i64) -> String {
    let wall_ms = wall_ms.max(0).unsigned_abs();
    let (days, ms) = (wall_ms / 86_400_000, wall_ms % 86_400_000);
    let (year, month, day) = civil(days);
    let (hour, minute, second) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1000 % 60);
    format!(
        "{year:04}-{:02}-{day:02} {hour:02}:{minute:02}:{second:02},{:03}",
        month + 1,
        ms % 1000
    )
}
