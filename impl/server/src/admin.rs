//! How does a person, or a monitor, look in over HTTP? By ZooKeeper's commands, answered in JSON, and by
//! `/metrics` for Prometheus.
//!
//! A connection's task only reads and writes HTTP. What it is asked it asks the driver, one question at a time,
//! and the driver answers between two rounds from what it knows then: nothing is shared, nothing is locked.
//! Questions have a queue of their own, so that they are answered while clients are held back.

mod answers;
mod commands;
mod http;
mod members;

#[cfg(test)]
mod tests;

pub(crate) use answers::Asking;
pub(crate) use commands::Command;
pub(crate) use http::{Plan, SnapshotPlan, listen};
pub(crate) use members::ObserverFacts;

use crate::service::DirectorySizes;
use quorate_tree::Tree;
use quorate_wire::quorum::Id;
use serde_json::{Map, Value};
use tokio::sync::oneshot;

/// Questions that may wait for the driver.
pub(crate) const QUESTIONS_MAX: usize = 16;

/// What is asked of the driver.
#[derive(Debug)]
pub(crate) struct Question {
    pub(crate) asked: Asked,
    /// What lies in the data directories, if the answer says so.
    pub(crate) sizes: DirectorySizes,
    pub(crate) answer: oneshot::Sender<Answer>,
}

/// What somebody wants to know.
#[derive(Debug)]
pub(crate) enum Asked {
    /// The answer to a command.
    Command {
        command: Command,
        /// The mask that `set_trace_mask` sets.
        trace_mask: Option<i64>,
    },
    /// All metrics, in Prometheus's format.
    Metrics,
    /// The tree, for somebody who is all this.
    Tree { identities: Vec<Id> },
}

/// What the driver says.
#[derive(Debug)]
pub(crate) enum Answer {
    /// The fields of a command's answer, or what is wrong.
    Fields(Result<Map<String, Value>, String>),
    /// All metrics.
    Text(String),
    /// A copy of the tree, which is cheap.
    Tree(Box<Tree>),
    /// Whoever asked may not have it.
    Denied,
    /// There is nobody to serve.
    NotServing,
}
