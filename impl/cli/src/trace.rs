//! What is in a trace? Record by record for tools and the curious, or in numbers.

use quorate_trace::{CatError, Found, cat, read_dirs, stat};
use std::io::{BufWriter, ErrorKind, Write, stdout};
use std::path::PathBuf;
use std::process::ExitCode;

/// A trace has a fault, or cannot be read.
const CANNOT_RUN: u8 = 2;

/// Looks into recorded runs.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Prints every record as one JSON object per line.
    Cat(Dirs),
    /// Counts records, by server and boot.
    Stat {
        #[command(flatten)]
        dirs: Dirs,
        /// Prints one JSON object.
        #[arg(long)]
        json: bool,
    },
}

#[derive(clap::Args)]
struct Dirs {
    /// Directories with traces, searched to the bottom; or single files.
    #[arg(required = true)]
    dirs: Vec<PathBuf>,
}

/// Prints what was asked for.
pub(crate) fn run(args: &Args) -> ExitCode {
    let dirs = match &args.command {
        Command::Cat(dirs) | Command::Stat { dirs, .. } => &dirs.dirs,
    };
    let found = match read_dirs(dirs) {
        Ok(found) => found,
        Err(error) => return fail(&error),
    };
    match &args.command {
        Command::Cat(_) => match cat(found, &mut BufWriter::new(stdout().lock())) {
            Ok(()) => ExitCode::SUCCESS,
            // Whoever reads has seen enough.
            Err(CatError::Output(error)) if error.kind() == ErrorKind::BrokenPipe => ExitCode::SUCCESS,
            Err(error) => fail(&error),
        },
        Command::Stat { json, .. } => print_stat(&found, *json),
    }
}

fn print_stat(found: &Found, json: bool) -> ExitCode {
    let summary = stat(found);
    let mut out = stdout().lock();
    let printed = if json {
        serde_json::to_writer_pretty(&mut out, &summary)
            .map_err(Into::into)
            .and_then(|()| writeln!(out))
    } else {
        write!(out, "{summary}")
    };
    match printed {
        Ok(()) if summary.faults.is_empty() => ExitCode::SUCCESS,
        Ok(()) => ExitCode::from(CANNOT_RUN),
        Err(error) => fail(&error),
    }
}

fn fail(error: &dyn std::error::Error) -> ExitCode {
    eprintln!("quorate trace: {error}");
    ExitCode::from(CANNOT_RUN)
}
