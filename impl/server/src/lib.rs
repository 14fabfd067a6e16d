//! The tokio shell around the step functions.

mod election_port;
mod recent;
pub mod service;
mod sockets;
mod timers;
