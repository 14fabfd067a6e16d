//! What can be counted here, and under which names is it told? One table names each quantity once; `mntr`,
//! the admin server's `monitor` and Prometheus's `/metrics` all read it.
//!
//! Values live where they are counted, on the driver's task, as plain numbers: an entry of the table knows
//! how to read one. A scrape costs what reading costs, and nothing is computed between two scrapes.

mod figures;
mod flat;
mod prometheus;
mod registry;
mod summary;

#[cfg(test)]
mod tests;

pub(crate) use figures::{Batch, Figures};
pub(crate) use flat::Value;
pub(crate) use prometheus::CONTENT_TYPE;
#[cfg(test)]
pub(crate) use registry::ABSENT;
pub(crate) use registry::METRICS;
pub(crate) use summary::{Summary, SummarySet};

use crate::service::{Role, Service};
use std::borrow::Cow;

/// What kind of quantity it is, which decides its spelling.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    /// It only grows, until a reset.
    Counter,
    /// It goes up and down.
    Gauge,
    /// It is a word. Prometheus has none: there it is the label of a gauge that is 1.
    Text,
    /// Average, least, most, count and sum.
    Summary,
    /// A summary with percentiles.
    Detailed,
    /// A summary for each of several keys.
    Set,
}

/// Whose name it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Origin {
    /// Apache's, and what Apache means by it.
    Apache,
    /// Apache's, for something that is near: the text says how it differs.
    Near(&'static str),
    /// Ours.
    Quorate,
}

/// One quantity.
pub(crate) struct Metric {
    /// Without prefix: Prometheus's spelling.
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) origin: Origin,
    /// A sentence for people.
    pub(crate) help: &'static str,
    read: Read,
}

type Read = for<'a> fn(&'a View<'_>) -> Reading<'a>;

/// What a metric shows when it is read.
pub(crate) enum Reading<'a> {
    /// This server has no such quantity in its role.
    Absent,
    Count(u64),
    Level(i64),
    Ratio(f64),
    Text(Cow<'a, str>),
    Summary(&'a Summary),
    Set(&'a SummarySet),
}

impl Reading<'_> {
    fn size(size: usize) -> Self {
        Self::Count(size as u64)
    }
}

/// What metrics are read from.
pub(crate) struct View<'a> {
    pub(crate) service: &'a Service,
    /// `None`: nobody is served.
    pub(crate) role: Option<Role>,
    pub(crate) now_ms: u64,
    /// Connections that only ask, and that the service does not know.
    pub(crate) asking: usize,
}

impl View<'_> {
    fn figures(&self) -> &Figures {
        &self.service.counters().figures
    }

    /// What only a leader has.
    fn of_leader<'a>(&'a self, read: impl FnOnce() -> Reading<'a>) -> Reading<'a> {
        match self.role {
            Some(Role::Leader) => read(),
            Some(Role::Standalone | Role::Follower | Role::Observer | Role::ReadOnly) | None => {
                Reading::Absent
            }
        }
    }
}
