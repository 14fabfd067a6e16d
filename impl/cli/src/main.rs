//! The command `quorate`: one binary to serve, to check and to audit.

// Words go through `say`, where a closed pipe is no panic.
#![deny(clippy::print_stdout, clippy::print_stderr)]

mod audit;
mod check;
mod doctor;
mod say;
mod serve;
mod shell;
mod trace;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// A server allocates on one thread and frees on another, for every request, and spent a fifth of its time in the
/// C library's allocator.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

const HELP: &str = "\
To begin with:
  quorate serve --ensemble 3     three servers on this machine
  quorate shell ls /             ask them, with zkCli's commands
  quorate check                  explore the protocol that they run
  quorate audit quorate-data     hold what they did against it

Exit codes: 0 it holds, or the server stopped when told; 1 a violation was found; 2 could not run; 3 inconclusive.
`quorate COMMAND --help` says more.";

/// What was asked does not hold: a violation was found. 0 is the code if it does.
const VIOLATED: u8 = 1;
/// The command could not run, or not to its end.
const CANNOT_RUN: u8 = 2;
/// It ran, and nothing certain can be said.
const INCONCLUSIVE: u8 = 3;

/// A coordination server compatible with ZooKeeper, whose deployed step functions are model checked and whose
/// runs can be audited.
#[derive(Parser)]
#[command(name = "quorate", version, propagate_version = true, after_help = HELP)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Check(check::Args),
    Serve(serve::Args),
    Shell(shell::Args),
    Audit(audit::Args),
    Doctor(doctor::Args),
    Trace(trace::Args),
}

fn main() -> ExitCode {
    match Cli::parse_from(shell::translate(std::env::args_os())).command {
        Command::Check(args) => check::run(&args),
        Command::Serve(args) => serve::run(&args),
        Command::Shell(args) => shell::run(&args),
        Command::Audit(args) => audit::run(&args),
        Command::Doctor(args) => doctor::run(&args),
        Command::Trace(args) => trace::run(&args),
    }
}

#[cfg(test)]
mod tests {
    use super::Cli;
    use clap::CommandFactory;

    fn check(command: &clap::Command, path: &str) {
        let help = command.get_after_help().map(ToString::to_string);
        let shows_use = help.as_ref().is_some_and(|help| help.contains(path));
        assert!(shows_use, "the help of `{path}` has no example: {help:?}");
        for sub in command.get_subcommands().filter(|sub| sub.get_name() != "help") {
            check(sub, &format!("{path} {}", sub.get_name()));
        }
    }

    #[test]
    fn the_help_of_every_command_shows_how_it_is_used() {
        let command = Cli::command();
        command.clone().debug_assert();
        check(&command, "quorate");
    }
}
