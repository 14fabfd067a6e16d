//! What is in a trace? Record by record for tools and the curious, or in numbers.

use crate::say::{self, complain};
use crate::{CANNOT_RUN, INCONCLUSIVE};
use quorate_trace::{CatError, Found, cat, read_dirs, stat};
use std::path::PathBuf;
use std::process::ExitCode;

const EXAMPLES: &str = "\
Examples:
  quorate trace stat quorate-data                    how many records of which kind, by server and boot
  quorate trace cat quorate-data | jq 'select(.kind == \"boot\")'   with what each process began";

/// Shows what servers recorded: record by record as JSON, or in numbers.
///
/// Exit codes: 0 all of it can be read, 2 the directory cannot be read, 3 a trace is cut, has a fault, or is
/// not there.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Prints every record as one JSON object per line.
    #[command(after_help = "Example:\n  quorate trace cat quorate-data | head")]
    Cat(Dirs),
    /// Counts records, by server and boot.
    #[command(after_help = "Example:\n  quorate trace stat --json quorate-data")]
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
        Err(error) => {
            complain!("quorate trace: {error}");
            return ExitCode::from(CANNOT_RUN);
        }
    };
    match &args.command {
        Command::Cat(_) => print_records(found),
        Command::Stat { json, .. } => print_stat(&found, *json),
    }
}

fn print_records(found: Found) -> ExitCode {
    let mut fault = None;
    let code = say::report("trace", ExitCode::SUCCESS, |mut out| match cat(found, &mut out) {
        Err(CatError::Output(error)) => Err(error),
        Err(CatError::Trace(error)) => {
            fault = Some(error);
            Ok(())
        }
        Ok(()) => Ok(()),
    });
    fault.map_or(code, |fault| {
        complain!("quorate trace: {fault}");
        ExitCode::from(INCONCLUSIVE)
    })
}

fn print_stat(found: &Found, json: bool) -> ExitCode {
    let summary = stat(found);
    let code = if summary.is_whole() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(INCONCLUSIVE)
    };
    say::report("trace", code, |out| {
        if json {
            serde_json::to_writer_pretty(&mut *out, &summary)?;
            writeln!(out)
        } else {
            write!(out, "{summary}")
        }
    })
}
