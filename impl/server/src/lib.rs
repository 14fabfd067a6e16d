//! The tokio shell around the step functions.

pub mod config;
mod election_port;
mod recent;
pub mod service;
mod sockets;
mod timers;
