//! The tokio shell around the step functions.
