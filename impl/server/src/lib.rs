//! The tokio shell around the step functions.

mod admin;
mod audit;
mod client;
pub mod config;
pub mod descriptors;
mod driver;
mod election_port;
pub mod fourlw;
mod inbox;
mod learner_port;
mod links;
mod log_thread;
mod metrics;
mod payload;
mod recent;
mod recorder;
mod seldom;
pub mod serve;
pub mod service;
mod sizes;
mod sockets;
mod sync;
mod timers;
pub mod tls;
