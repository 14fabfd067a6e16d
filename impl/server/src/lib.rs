//! The tokio shell around the step functions.

mod client;
pub mod config;
mod driver;
mod election_port;
pub mod fourlw;
mod inbox;
mod learner_port;
mod links;
mod log_thread;
mod payload;
mod recent;
mod recorder;
pub mod serve;
pub mod service;
mod sockets;
mod sync;
mod timers;
