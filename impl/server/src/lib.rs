//! The tokio shell around the step functions.

pub mod service;
