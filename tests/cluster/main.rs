//! Do three servers of one kind behave as one coordination service, whatever happens to one of them?
//!
//! `QUORATE_SUBJECT=apache` runs the same scenarios against Apache's servers.

mod acked_not_committed;
mod admin;
mod audit_verdicts;
mod bad_config;
mod common;
mod damaged_files;
mod edges;
mod first_run;
mod hostile_bytes;
mod hostile_clients;
mod local_sessions;
mod ours;
mod paused_leader;
mod quick_start;
mod read_only;
mod same_id;
mod self_check;
mod terminal;
mod threads;
mod tls;
mod truncated_tail;
mod wiped_disk;
