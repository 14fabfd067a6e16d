//! Who changed what? Lines in the format of Apache's audit log, written behind the server's back.
//!
//! They are no events of the log, which a filter could switch off: they go to a file of their own, through a queue
//! with a bound. A disk that does not keep up costs lines, and their number is told; it never costs time.

mod line;
mod notes;
mod writer;

#[cfg(test)]
mod tests;

pub(crate) use line::{Line, Outcome};
pub(crate) use notes::{Note, Notes};
pub(crate) use writer::AuditLog;
