//! Holds recorded runs against the model world.
//!
//! [`audit`] merges the traces of the servers of one ensemble into one order that respects who must have
//! heard of what, lets each step happen in the checker's own world and asks the checker's own properties:
//! could the modelled world have done this? [`write_run`] goes the other way: it writes down what a run of that world
//! does, as servers would have recorded it.

mod audit;
mod boot;
mod channel;
mod contents;
mod election;
mod member;
mod merge;
mod report;
mod storage;
mod tree;
mod written;

pub use audit::{Options, Order, audit, audit_under};
pub use report::{Check, Doubt, Finding, Reign, Report, Verdict};
pub use written::{WriteError, write_run};
