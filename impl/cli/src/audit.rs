//! Could the modelled world have done what these servers recorded? The command around the auditor.

use crate::CANNOT_RUN;
use crate::say::{self, complain};
use indicatif::{ProgressBar, ProgressStyle};
use quorate_conformance::{Options, audit};
use quorate_trace::read_dirs;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

const EXAMPLES: &str = "\
Examples:
  quorate audit quorate-data           all servers of `quorate serve --ensemble N`
  quorate audit --json s1 s2 s3        directories copied from three machines; the report as JSON";

/// Audits what servers recorded: could the checked world have done it?
///
/// Takes the trace directories of the servers of one ensemble and says whether the modelled world could have
/// done what they recorded. Exit codes: 0 it holds, 1 a violation was found, 2 the audit could not run, 3
/// nothing certain can be said.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
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
            complain!("quorate audit: {error}");
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
    say::report("audit", ExitCode::from(report.verdict.exit_code()), |out| {
        if args.json {
            serde_json::to_writer_pretty(&mut *out, &report)?;
            writeln!(out)
        } else {
            write!(out, "{report}")
        }
    })
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
