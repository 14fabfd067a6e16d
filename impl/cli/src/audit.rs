//! Could the modelled world have done what these servers recorded? The command around the auditor.

use indicatif::{ProgressBar, ProgressStyle};
use quorate_conformance::{Options, audit};
use quorate_trace::read_dirs;
use std::io::{ErrorKind, IsTerminal, Write, stdout};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// Nothing could be read at all.
const CANNOT_RUN: u8 = 2;

/// Audits recorded runs.
///
/// Takes the trace directories of the servers of one ensemble and says whether the modelled world could have
/// done what they recorded. Exit codes: 0 it holds, 1 a violation was found, 2 the audit could not run, 3
/// nothing certain can be said.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Directories with traces, searched to the bottom; or single files.
    #[arg(required = true)]
    dirs: Vec<PathBuf>,

    /// Prints the report as one JSON object.
    #[arg(long)]
    json: bool,

    /// Audits traces that another build recorded as if this one had.
    #[arg(long)]
    any_build: bool,
}

/// Audits and prints the report.
pub(crate) fn run(args: &Args) -> ExitCode {
    let found = match read_dirs(&args.dirs) {
        Ok(found) => found,
        Err(error) => {
            eprintln!("quorate audit: {error}");
            return ExitCode::from(CANNOT_RUN);
        }
    };
    let bar = bar();
    let options = Options {
        any_build: args.any_build,
        ..Options::default()
    };
    let report = audit(found, &options, &mut |events| bar.set_position(events));
    bar.finish_and_clear();
    let printed: std::io::Result<()> = if args.json {
        serde_json::to_writer_pretty(stdout(), &report)
            .map_err(Into::into)
            .and_then(|()| writeln!(stdout()))
    } else {
        write!(stdout(), "{report}")
    };
    match printed {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            eprintln!("quorate audit: cannot write the report: {error}");
            ExitCode::from(CANNOT_RUN)
        }
        // Whoever reads only the beginning still learns the verdict.
        _ => ExitCode::from(report.verdict.exit_code()),
    }
}

/// A count of events that runs, for people.
fn bar() -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {human_pos} events, {per_sec}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}
