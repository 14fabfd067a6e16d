//! Do three servers of one kind behave as one coordination service, whatever happens to one of them?
//!
//! `QUORATE_SUBJECT=apache` runs the same scenarios against Apache's servers.

mod acked_not_committed;
mod bad_config;
mod common;
mod first_run;
mod paused_leader;
mod same_id;
mod self_check;
mod truncated_tail;
