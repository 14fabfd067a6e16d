//! The command `quorate`: one binary to serve, to check and to audit.

// Words go through `say`, where a closed pipe is no panic.
#![deny(clippy::print_stdout, clippy::print_stderr)]

mod audit;
mod check;
mod say;
mod serve;
mod trace;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// What was asked does not hold: a violation was found. 0 is the code if it does.
const VIOLATED: u8 = 1;
/// The command could not run, or not to its end.
const CANNOT_RUN: u8 = 2;
/// It ran, and nothing certain can be said.
const INCONCLUSIVE: u8 = 3;

#[derive(Parser)]
#[command(name = "quorate", version, about, propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Check(check::Args),
    Serve(serve::Args),
    Audit(audit::Args),
    Trace(trace::Args),
}

fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Check(args) => check::run(&args),
        Command::Serve(args) => serve::run(&args),
        Command::Audit(args) => audit::run(&args),
        Command::Trace(args) => trace::run(&args),
    }
}
