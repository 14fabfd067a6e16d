//! How is a check told to people? Two tables, a line of totals, and the story of whatever is wrong.

use super::{Job, Totals};
use comfy_table::{CellAlignment, Table, presets};
use quorate_checker::{Finding, Recovered, Report, Step};
use std::io::{self, Write};
use std::time::Duration;

/// Prints all of it; the stories of mutants only if one was asked for.
pub(super) fn print(
    out: &mut dyn Write,
    done: &[(&Job, &Report)],
    totals: &Totals,
    tells_mutants: bool,
) -> io::Result<()> {
    let checks = done.iter().filter_map(|(job, report)| match job {
        Job::Check(check) => Some((check, *report)),
        Job::Hunt(_) => None,
    });
    let mut table = new_table(&[
        "grain",
        "run",
        "bounds",
        "states",
        "seconds",
        "states per CPU s",
        "verdict",
    ]);
    for (check, report) in checks {
        table.add_row(vec![
            check.grain().to_owned(),
            check.name().to_owned(),
            check.bounds(),
            grouped(report.distinct),
            seconds(report.elapsed),
            report
                .rate()
                .map_or_else(|| "-".to_owned(), |rate| grouped(rate as u64)),
            verdict(report, Some(check.pinned())),
        ]);
    }
    finish(out, table, &[3, 4, 5])?;
    let hunts = done.iter().filter_map(|(job, report)| match job {
        Job::Hunt(hunt) => Some((hunt, *report)),
        Job::Check(_) => None,
    });
    let mut table = new_table(&[
        "grain", "mutant", "killer", "bounds", "steps", "states", "seconds", "verdict",
    ]);
    for (hunt, report) in hunts {
        let steps = match &report.finding {
            Finding::Fine { story } => story.len().to_string(),
            _ => "-".to_owned(),
        };
        table.add_row(vec![
            hunt.grain().to_owned(),
            hunt.name(),
            hunt.killer().to_owned(),
            hunt.bounds(),
            steps,
            grouped(report.distinct),
            seconds(report.elapsed),
            verdict(report, None),
        ]);
    }
    finish(out, table, &[4, 5, 6])?;
    for (job, report) in done {
        tell(out, job, report, tells_mutants)?;
    }
    writeln!(out, "{}", summary(done, totals))
}

fn new_table(head: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY);
    table.set_header(head.iter().copied());
    table
}

fn finish(out: &mut dyn Write, mut table: Table, numbers: &[usize]) -> io::Result<()> {
    if table.row_count() == 0 {
        return Ok(());
    }
    for &column in numbers {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    writeln!(out, "{table}\n")
}

pub(super) fn verdict(report: &Report, pinned: Option<u64>) -> String {
    match &report.finding {
        Finding::Fine { .. } if pinned.is_some() => {
            let missed = format!("holds; missed one with p < {:.0e}", report.collision_estimate());
            match report.recovered {
                Some(recovered) => format!("{missed}; {}", recovery(recovered)),
                None => missed,
            }
        }
        Finding::Fine { .. } => "killed".to_owned(),
        Finding::Violated { property, .. } => format!("VIOLATED: {property}"),
        Finding::Miscounted => {
            let pinned = pinned.unwrap_or_default();
            let how = if report.distinct < pinned {
                "shrank"
            } else {
                "grew"
            };
            format!(
                "MISCOUNTED: the state space {how}: pinned {}, got {}",
                grouped(pinned),
                grouped(report.distinct)
            )
        }
        Finding::Vacuous { missed } => format!("VACUOUS: never met: {}", missed.join("; ")),
        Finding::Survived => "SURVIVES: no property notices".to_owned(),
        Finding::Unfinished => "UNFINISHED: not every state was seen".to_owned(),
    }
}

/// What became of the states from which the end of all faults was tried.
fn recovery(recovered: Recovered) -> String {
    format!(
        "{} recovered in at most {} rounds",
        grouped(recovered.tried),
        recovered.rounds
    )
}

fn tell(out: &mut dyn Write, job: &Job, report: &Report, tells_mutants: bool) -> io::Result<()> {
    let story = match &report.finding {
        Finding::Violated { property, story } => {
            writeln!(out, "{}: {property} is broken by these steps:", job.name())?;
            story
        }
        Finding::Fine { story } if tells_mutants && !story.is_empty() => {
            writeln!(out, "{}: the shortest way to its end:", job.name())?;
            story
        }
        _ => return Ok(()),
    };
    for (i, step) in story.iter().enumerate() {
        writeln!(out, "{:4}  {}", i + 1, step.text)?;
    }
    writeln!(out)?;
    for hint in hints(job, story) {
        writeln!(out, "{hint}")?;
    }
    writeln!(out)
}

/// How to get more of these steps than words.
pub(super) fn hints(job: &Job, story: &[Step]) -> Vec<String> {
    let name = job.name();
    let mut hints = Vec::new();
    if story.iter().any(|step| step.drawn.is_some()) {
        hints.push(format!(
            "drawn: quorate check --story '{name}' --diagram run.html"
        ));
    }
    if story.iter().any(|step| !step.moves.is_empty()) {
        hints.push(format!(
            "as traces: quorate check --story '{name}' --traces run; quorate audit run"
        ));
    }
    hints
}

fn summary(done: &[(&Job, &Report)], totals: &Totals) -> String {
    let unfinished = |report: &Report| report.finding == Finding::Unfinished;
    let ended_early = done.iter().filter(|(_, report)| unfinished(report)).count();
    let not_fine = done.iter().filter(|(_, report)| !report.is_fine()).count();
    let memory = totals.peak_memory_bytes.map_or_else(String::new, |bytes| {
        format!(", at most {} MiB of memory", bytes / (1024 * 1024))
    });
    let runs = done.len();
    let verdict = match not_fine - ended_early {
        0 if ended_early == 0 => "everything is as it should be".to_owned(),
        0 => format!("{ended_early} of {runs} ENDED EARLY, nothing follows"),
        wrong => format!("{wrong} of {runs} WRONG"),
    };
    format!(
        "{verdict}: {runs} runs, {} s, {} CPU s{memory}",
        seconds(totals.elapsed),
        seconds(totals.cpu)
    )
}

pub(super) fn seconds(time: Duration) -> String {
    format!("{:.1}", time.as_secs_f64())
}

/// `1234567` as `1,234,567`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::grouped;

    #[test]
    fn numbers_are_grouped_by_thousands() {
        assert_eq!(
            [0, 999, 1000, 1_234_567].map(grouped),
            ["0", "999", "1,000", "1,234,567"]
        );
    }
}
