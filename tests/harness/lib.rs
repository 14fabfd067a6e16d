//! What the black-box suites share: how does a test start real servers, disturb them, and see what
//! became of every write that was acknowledged?
//!
//! An [`Ensemble`] runs servers of either [`Kind`] as processes on addresses of their own, a
//! [`Client`] speaks the client protocol to them byte by byte, a [`Relay`] sits on the links between
//! learners and leaders, [`Writers`] load them and [`agree`] says whether they hold the same tree.
//! Nothing here sleeps: a test waits for a fact, through [`wait_until`].

mod address;
pub mod agree;
pub mod apache;
pub mod certificates;
pub mod client;
pub mod command;
mod config;
pub mod ensemble;
pub mod files;
pub mod four_letters;
pub mod http;
pub mod jute;
pub mod load;
pub mod member;
mod process;
pub mod python;
pub mod random;
pub mod relay;
pub mod tail;
pub mod varied;
mod wait;
pub mod writers;

pub use client::{Client, ClientError, Code, Event, Stat};
pub use config::Kind;
pub use ensemble::{Builder, Ensemble};
pub use member::Member;
pub use relay::{Direction, Packet, PacketType, Relay};
pub use wait::{LONG, SHORT, wait_until};
pub use writers::Writers;
