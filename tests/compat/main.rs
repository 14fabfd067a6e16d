//! Do our servers and Apache ZooKeeper agree, in one ensemble and over one data directory?

mod busy_sync;
mod client_libraries;
mod common;
mod data_directory;
mod mixed_load;
mod mixed_sync;
mod observers;
mod random;
mod replacement;
mod tls;
