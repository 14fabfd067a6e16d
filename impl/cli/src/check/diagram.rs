//! What does a run look like? One page of HTML that needs nothing else: servers are lines, time goes down,
//! messages are arrows from where they were sent to where they arrived, and each step stands beside its mark.

use super::Job;
use quorate_checker::{Deed, Drawn, Finding, Report, Step};
use std::fmt::Write;
use std::path::Path;

/// Height of a step, in pixels; the page's style has the same.
const ROW: usize = 40;
/// From one server's line to the next.
const LANE: usize = 130;
/// Above the first step.
const HEAD: usize = 56;

/// Writes the run in which a property is broken.
pub(super) fn write(file: &Path, job: &Job, report: &Report) -> std::io::Result<()> {
    let (Finding::Fine { story } | Finding::Violated { story, .. }) = &report.finding else {
        return Err(std::io::Error::other("there is no run to draw"));
    };
    let broken = job.broken(report).filter(|_| !story.is_empty());
    let broken = broken.ok_or_else(|| std::io::Error::other("nothing is broken: there is no run to draw"))?;
    let title = format!("{}: {broken}", job.name());
    std::fs::write(file, page(&title, &job.bounds(), broken, story))
}

fn page(title: &str, bounds: &str, broken: &str, story: &[Step]) -> String {
    let servers = story.iter().filter_map(|step| step.drawn.as_ref());
    let servers = servers.flat_map(|drawn| [drawn.at, partner(drawn).unwrap_or(drawn.at)]);
    let lanes = servers.max().map_or(0, |last| last + 1);
    let mut steps = String::new();
    for step in story {
        let _ = write!(steps, "<li>{}</li>", escaped(&step.text));
    }
    let (title, bounds, broken) = (escaped(title), escaped(bounds), escaped(broken));
    let svg = drawing(lanes, story);
    format!(
        r##"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; --ink: #1c2430; --faint: #667080; --paper: #ffffff; --row: #f3f5f8;
  --message: #1f6feb; --disk: #8250df; --fault: #cf222e; --role: #116329; }}
@media (prefers-color-scheme: dark) {{ :root {{ --ink: #e6eaf0; --faint: #7d8794; --paper: #12161c; --row: #1a2029;
  --message: #6cb0ff; --disk: #c297ff; --fault: #ff7b72; --role: #56d364; }} }}
body {{ margin: 0 auto; padding: 1rem; max-width: 76rem; background: var(--paper); color: var(--ink);
  font: 15px/1.35 system-ui, sans-serif; }}
h1 {{ font-size: 1.25rem; margin: 0 0 .25rem; }}
p {{ margin: .25rem 0; }}
.run {{ display: flex; align-items: flex-start; margin-top: 1rem; }}
svg {{ flex: none; }}
ol {{ list-style: none; counter-reset: step; margin: {HEAD}px 0 0; padding: 0; flex: 1; min-width: 0; }}
li {{ counter-increment: step; min-height: {ROW}px; height: {ROW}px; display: flex; align-items: center; overflow: hidden;
  padding: 0 .5rem; box-sizing: border-box; }}
li:nth-child(odd) {{ background: var(--row); }}
li::before {{ content: counter(step); color: var(--faint); min-width: 2rem; font-variant-numeric: tabular-nums; }}
.lane {{ stroke: var(--faint); stroke-width: 1.5; }}
.name {{ fill: var(--ink); font-weight: 600; text-anchor: middle; }}
.message {{ stroke: var(--message); stroke-width: 1.6; fill: none; marker-end: url(#head); }}
.label {{ fill: var(--message); font-size: 10.5px; text-anchor: middle; paint-order: stroke; stroke: var(--paper); stroke-width: 3px; }}
.joins {{ stroke: var(--faint); stroke-width: 1.4; stroke-dasharray: 4 3; marker-end: url(#joined); }}
.disk {{ fill: var(--disk); }} .role {{ fill: var(--role); }} .asked {{ fill: var(--ink); }}
.fault {{ stroke: var(--fault); stroke-width: 2.4; fill: none; }} .crash {{ fill: var(--fault); }}
.number {{ fill: var(--faint); font-size: 10px; text-anchor: end; dominant-baseline: middle; }}
.broken {{ color: var(--fault); font-weight: 600; margin-top: .75rem; }}
.legend {{ color: var(--faint); font-size: .85rem; }}
@media (max-width: 900px) {{
  .run {{ display: block; overflow-x: auto; }} svg {{ width: 100%; max-width: fit-content; min-width: var(--least); height: auto; }}
  ol {{ margin-top: 1rem; }} li {{ height: auto; padding: .4rem .5rem; }}
}}
</style>
</head>
<body>
<h1>{title}</h1>
<p class="legend">{bounds}</p>
<p class="legend">Time goes down. Blue: a message, from the step that sent it. Dashed: a connection is opened.
<span style="color:var(--disk)">&#9632;</span> durable on disk,
<span style="color:var(--role)">&#9670;</span> takes or leaves a role,
&#9679; a client or a clock asks, <span style="color:var(--fault)">&#10005;</span> an end of a connection is gone,
<span style="color:var(--fault)">&#9889;</span> the process dies and starts again.</p>
<div class="run">
{svg}
<ol>{steps}</ol>
</div>
<p class="broken">Broken: {broken}</p>
</body>
</html>
"##
    )
}

/// The other server that a step names.
fn partner(drawn: &Drawn) -> Option<usize> {
    match drawn.deed {
        Deed::Arrival { from, .. } => Some(from),
        Deed::Connects { to } => Some(to),
        Deed::Loses { peer } => Some(peer),
        Deed::Durable | Deed::Crash | Deed::Role | Deed::Asked => None,
    }
}

fn x(lane: usize) -> usize {
    LANE / 2 + 24 + lane * LANE
}

fn y(step: usize) -> usize {
    HEAD + ROW / 2 + step * ROW
}

fn drawing(lanes: usize, story: &[Step]) -> String {
    let (width, height) = (lanes * LANE + 32, HEAD + story.len() * ROW + 8);
    // On a narrow screen it shrinks as long as it can be read; beyond that it is moved.
    let least = width * 17 / 20;
    let mut svg = format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" style="--least: {least}px" viewBox="0 0 {width} {height}" role="img" aria-label="space-time diagram">
<defs><marker id="head" markerWidth="9" markerHeight="8" refX="8" refY="4" orient="auto"><path d="M0,0 L9,4 L0,8 z" fill="var(--message)"/></marker>
<marker id="joined" markerWidth="9" markerHeight="8" refX="8" refY="4" orient="auto"><path d="M0,0 L9,4 L0,8" fill="none" stroke="var(--faint)"/></marker></defs>
"#
    );
    for lane in 0..lanes {
        let (x, bottom) = (x(lane), height - 4);
        let _ = writeln!(
            svg,
            r#"<text class="name" x="{x}" y="24">s{}</text><line class="lane" x1="{x}" y1="34" x2="{x}" y2="{bottom}"/>"#,
            lane + 1
        );
    }
    for (number, step) in story.iter().enumerate() {
        let _ = writeln!(
            svg,
            r#"<text class="number" x="18" y="{}">{}</text>"#,
            y(number),
            number + 1
        );
        if let Some(drawn) = &step.drawn {
            mark(&mut svg, number, drawn);
        }
    }
    // On top of all lines, none of which then strikes one out.
    for (number, step) in story.iter().enumerate() {
        if let Some(drawn) = &step.drawn {
            label(&mut svg, number, drawn);
        }
    }
    svg.push_str("</svg>");
    svg
}

/// What one step looks like.
fn mark(svg: &mut String, number: usize, drawn: &Drawn) {
    let (x0, y0) = (x(drawn.at), y(number));
    let _ = match &drawn.deed {
        Deed::Arrival { from, sent, .. } => {
            let (xs, ys) = departure(number, *from, *sent);
            writeln!(
                svg,
                r#"<line class="message" x1="{xs}" y1="{ys}" x2="{x0}" y2="{y0}"/>"#
            )
        }
        Deed::Connects { to } => writeln!(
            svg,
            r#"<line class="joins" x1="{x0}" y1="{y0}" x2="{}" y2="{y0}"/>"#,
            x(*to)
        ),
        Deed::Loses { .. } => writeln!(
            svg,
            r#"<path class="fault" d="M{} {} l12 12 m0 -12 l-12 12"/>"#,
            x0 - 6,
            y0 - 6
        ),
        Deed::Durable => writeln!(
            svg,
            r#"<rect class="disk" x="{}" y="{}" width="12" height="12"/>"#,
            x0 - 6,
            y0 - 6
        ),
        Deed::Crash => writeln!(
            svg,
            r#"<path class="crash" d="M{} {} l-8 13 h6 l-4 11 l13 -15 h-7 l5 -9 z"/>"#,
            x0 + 2,
            y0 - 13
        ),
        Deed::Role => writeln!(
            svg,
            r#"<path class="role" d="M{x0} {} l8 8 l-8 8 l-8 -8 z"/>"#,
            y0 - 8
        ),
        Deed::Asked => writeln!(svg, r#"<circle class="asked" cx="{x0}" cy="{y0}" r="5"/>"#),
    };
}

/// Where a message that arrives in step `number` comes from. What was sent before the run comes out of the dark, a
/// step earlier.
fn departure(number: usize, from: usize, sent: Option<usize>) -> (usize, usize) {
    (x(from), sent.map_or(y(number).saturating_sub(ROW), y))
}

/// What a message is called: beside its arrow, near where it arrives, because there arrows lie farthest apart.
fn label(svg: &mut String, number: usize, drawn: &Drawn) {
    let Deed::Arrival { from, sent, frame } = &drawn.deed else {
        return;
    };
    let (xs, ys) = departure(number, *from, *sent);
    let (xl, yl) = ((xs + 2 * x(drawn.at)) / 3, (ys + 2 * y(number)) / 3);
    let _ = writeln!(
        svg,
        r#"<text class="label" x="{xl}" y="{}">{frame}</text>"#,
        yl.saturating_sub(6)
    );
}

/// Text as HTML.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arrow_goes_from_where_it_was_sent_to_where_it_arrived() {
        let step = |text: &str, at, deed| Step {
            text: text.to_owned(),
            drawn: Some(Drawn { at, deed }),
            moves: Vec::new(),
        };
        let arrival = Deed::Arrival {
            from: 1,
            sent: Some(0),
            frame: "ACK",
        };
        let story = [
            step("the log is durable", 1, Deed::Durable),
            step("s1 receives <ACK>", 0, arrival),
            Step::remark("faults end".to_owned()),
        ];
        let page = page("a title", "bounds", "a property", &story);
        let arrow = format!(r#"x1="{}" y1="{}" x2="{}" y2="{}""#, x(1), y(0), x(0), y(1));
        assert!(page.contains(&arrow), "{page}");
        assert!(page.contains("s1 receives &lt;ACK&gt;") && page.contains("Broken: a property"));
        assert_eq!(page.matches(r#"class="lane""#).count(), 2);
        let last = |part: &str| {
            page.rfind(part)
                .unwrap_or_else(|| panic!("{part} is not in {page}"))
        };
        assert!(
            last(r#"class="message""#) < page.find(r#"class="label""#).unwrap_or(0),
            "a line strikes out a label: {page}"
        );
    }
}
