//! What will go wrong when a server is started with this configuration? Said before, a line for each check.

mod data;
mod disk;
mod peers;
mod ports;
mod tls;

use crate::say;
use quorate_server::config::{ClientAddress, Config, Fault, Loaded, Mode};
use serde::Serialize;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

const EXAMPLES: &str = "\
Examples:
  quorate doctor zoo.cfg          before `quorate serve zoo.cfg`, on the machine that is to serve
  quorate doctor --json zoo.cfg | jq '.checks[] | select(.status != \"ok\")'

Exit codes: 0 nothing found that keeps the server from starting; 1 it will fail.";

/// Says before a server is started what will go wrong.
///
/// Looks at the configuration, the ports, the data directory, the disk, the clock, the limits of this process
/// and the other members. Nothing is changed: the file that measures the disk is removed again.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The configuration; without, that of `quorate serve` without one.
    zoo_cfg: Option<PathBuf>,

    /// Prints one JSON object.
    #[arg(long)]
    json: bool,
}

/// What came of a check.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
enum Status {
    Ok,
    Warning,
    Fail,
}

/// One line.
#[derive(Clone, Debug, Serialize)]
struct Finding {
    check: &'static str,
    status: Status,
    what: String,
    /// What to do about it.
    remedy: Option<String>,
}

/// All lines.
#[derive(Debug, Default, Serialize)]
struct Findings {
    checks: Vec<Finding>,
}

impl Findings {
    fn ok(&mut self, check: &'static str, what: impl Into<String>) {
        self.add(check, Status::Ok, what.into(), None);
    }

    fn warn(&mut self, check: &'static str, what: impl Into<String>, remedy: impl Into<String>) {
        self.add(check, Status::Warning, what.into(), Some(remedy.into()));
    }

    fn fail(&mut self, check: &'static str, what: impl Into<String>, remedy: impl Into<String>) {
        self.add(check, Status::Fail, what.into(), Some(remedy.into()));
    }

    fn add(&mut self, check: &'static str, status: Status, what: String, remedy: Option<String>) {
        // The store's errors bring their remedy along.
        let (what, remedy) = match what.split_once(". Remedy: ") {
            Some((what, own)) => (what.to_owned(), Some(own.to_owned())),
            None => (what, remedy.filter(|remedy| !remedy.is_empty())),
        };
        self.checks.push(Finding {
            check,
            status,
            what,
            remedy,
        });
    }

    fn count(&self, status: Status) -> usize {
        self.checks
            .iter()
            .filter(|finding| finding.status == status)
            .count()
    }

    fn print(&self, out: &mut dyn Write, colours: bool) -> io::Result<()> {
        for finding in &self.checks {
            let (word, colour) = match finding.status {
                Status::Ok => ("ok", 32),
                Status::Warning => ("warning", 33),
                Status::Fail => ("will fail", 31),
            };
            let word = format!("{word:<9}");
            match colours {
                true => write!(out, "\x1b[{colour}m{word}\x1b[0m")?,
                false => write!(out, "{word}")?,
            }
            writeln!(out, "  {:<8}  {}", finding.check, finding.what)?;
            if let Some(remedy) = &finding.remedy {
                writeln!(out, "{:<21}  -> {remedy}", "")?;
            }
        }
        let (fails, warnings) = (self.count(Status::Fail), self.count(Status::Warning));
        let number = |count: usize, what: &str| match count {
            1 => format!("1 {what}"),
            count => format!("{count} {what}s"),
        };
        match fails {
            0 => writeln!(out, "It can start; {}.", number(warnings, "warning")),
            _ => writeln!(
                out,
                "It will not start: {}, {}.",
                number(fails, "fault"),
                number(warnings, "warning")
            ),
        }
    }
}

/// Checks and prints.
pub(crate) fn run(args: &Args) -> ExitCode {
    let mut findings = Findings::default();
    examine(args.zoo_cfg.as_deref(), &mut findings);
    let code = ExitCode::from(u8::from(findings.count(Status::Fail) > 0));
    let no_colour = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let colours = io::stdout().is_terminal() && !no_colour;
    say::report("doctor", code, |out| match args.json {
        true => {
            serde_json::to_writer_pretty(&mut *out, &findings)?;
            writeln!(out)
        }
        false => findings.print(out, colours),
    })
}

fn examine(file: Option<&Path>, findings: &mut Findings) {
    let Some(config) = config(file, findings) else {
        return;
    };
    data::check(&config, findings);
    disk::check(&config, findings);
    disk::limits(&config, findings);
    ports::check(&config, findings);
    if let Some(tls) = &config.tls {
        tls::check(tls, now(), findings);
    }
    if let Mode::Ensemble(membership) = &config.mode {
        peers::check(membership, findings);
    }
}

/// Seconds since 1970.
fn now() -> i64 {
    jiff::Timestamp::now().as_second()
}

fn config(file: Option<&Path>, findings: &mut Findings) -> Option<Config> {
    let Some(file) = file else {
        findings.ok("config", "none: alone, at 127.0.0.1:2181, with ./quorate-data");
        let client = ClientAddress {
            host: Some("127.0.0.1".to_owned()),
            port: 2181,
        };
        return Some(Config::standalone(Path::new("quorate-data"), client));
    };
    let warn = |findings: &mut Findings, warnings: Vec<Fault>| {
        for warning in warnings {
            findings.warn("config", warning.to_string(), "");
        }
    };
    match Config::load(file) {
        Ok(Loaded { config, warnings }) => {
            let who = match &config.mode {
                Mode::Standalone => "a server alone".to_owned(),
                Mode::Ensemble(membership) => format!(
                    "server {} of {}, {} of them with a vote",
                    membership.me,
                    membership.members.len(),
                    membership.voters().count()
                ),
            };
            findings.ok("config", format!("{} describes {who}", file.display()));
            warn(findings, warnings);
            Some(config)
        }
        Err(error) => {
            warn(findings, error.warnings);
            for fault in error.faults {
                findings.fail("config", fault.to_string(), "");
            }
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_remedy_of_the_store_stands_on_a_line_of_its_own() {
        let mut findings = Findings::default();
        findings.fail("data", "/d: in use. Remedy: stop that server", "");
        findings.ok("clock", "fine");
        findings.warn("disk", "slow", "buy another");
        let mut out = Vec::new();
        findings.print(&mut out, false).expect("memory");
        let expected = "\
will fail  data      /d: in use
                       -> stop that server
ok         clock     fine
warning    disk      slow
                       -> buy another
It will not start: 1 fault, 1 warning.
";
        assert_eq!(String::from_utf8_lossy(&out), expected);
    }
}
