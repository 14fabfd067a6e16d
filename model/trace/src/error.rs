//! Why can a trace not be read? Each error names the file and where in it.

use std::io;
use std::path::PathBuf;

/// A fault in a trace. What was read before it stands; nothing can be concluded from what comes after.
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    /// The operating system refused.
    #[error("{}: {source}", file.display())]
    Io {
        /// The file or directory.
        file: PathBuf,
        /// What it said.
        source: io::Error,
    },
    /// The file does not begin like a trace.
    #[error("{}: not a trace (it does not begin with the magic number)", file.display())]
    NotATrace {
        /// The file.
        file: PathBuf,
    },
    /// The trace has a schema that this build does not read.
    #[error("{}: schema version {found}, this build reads version {}", file.display(), crate::SCHEMA)]
    Schema {
        /// The file.
        file: PathBuf,
        /// What it says.
        found: u32,
    },
    /// The segment's preamble is damaged.
    #[error("{}: damaged preamble: {what}", file.display())]
    Preamble {
        /// The file.
        file: PathBuf,
        /// How it shows.
        what: &'static str,
    },
    /// A segment that others follow, or a compressed one, ends in the middle.
    #[error("{}: ends in the middle of a frame at byte {offset}, though it is not the newest segment", file.display())]
    Cut {
        /// The file.
        file: PathBuf,
        /// Where the frame begins, in bytes of the uncompressed segment.
        offset: u64,
    },
    /// A frame does not continue the one before it.
    #[error(
        "{}: the frame at byte {offset} does not continue the one before it: a frame was lost, repeated, moved or altered",
        file.display()
    )]
    Unchained {
        /// The file.
        file: PathBuf,
        /// Where the frame begins, in bytes of the uncompressed segment.
        offset: u64,
    },
    /// A frame's bytes are not what was written, or not what a recorder writes.
    #[error("{}: damaged frame at byte {offset}: {what}", file.display())]
    Damaged {
        /// The file.
        file: PathBuf,
        /// Where the frame begins, in bytes of the uncompressed segment.
        offset: u64,
        /// How it shows.
        what: &'static str,
    },
    /// A segment is missing between two that are there, or two segments do not join.
    #[error("{}: does not continue the segment before it: {what}", file.display())]
    Gap {
        /// The later file.
        file: PathBuf,
        /// How it shows.
        what: &'static str,
    },
    /// Two files claim to be the same segment and differ, or two boots the same place.
    #[error("{}: says that it is the same as {}, and is not", file.display(), other.display())]
    Twice {
        /// One file.
        file: PathBuf,
        /// The other.
        other: PathBuf,
    },
}

impl TraceError {
    pub(crate) fn io(file: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let file = file.into();
        move |source| Self::Io { file, source }
    }
}
