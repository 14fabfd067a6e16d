//! The recorded path of a server through the model: schema, writer and reader.
//!
//! A [`Recorder`] writes what enters the step functions of one boot of one server, ahead of the steps;
//! [`read_dir`] finds such traces and [`BootTrace::records`] reads them back, verified.

mod digest;
mod directory;
mod error;
mod frame;
mod json;
mod keeper;
mod live;
mod reader;
mod recorder;
mod schema;
mod segment;
mod view;

pub use digest::{
    Contents, Deeds, Digest, Sum, Witnessed, digest_of_effects, digest_of_election_effects, digest_of_state,
    hash64,
};
pub use directory::{Found, read_dir, read_dirs};
pub use error::TraceError;
pub use reader::{BootTrace, Ending, Entry, Records};
pub use recorder::{Limits, Loss, Recorder};
pub use schema::{
    Boot, BootId, ConnDown, ConnName, ConnUp, Dropped, ElectionFrame, Ended, Header, LinkDeeds, Mark, Origin,
    Previous, Record, Rest, SCHEMA, STEP_HASH, Side,
};
pub use view::{BootSummary, CatError, Summary, cat, stat};
