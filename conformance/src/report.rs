//! What does an audit say? One verdict, where it rests, and what was not looked at.

use serde::{Serialize, Serializer};
use std::fmt;

/// What an audit looks at, by the numbers of `docs/traces.md`.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Check {
    /// C0: one schema, one step function, one ensemble.
    Provenance,
    /// C1: nothing of the trace was lost or altered.
    Recorder,
    /// C2: each server's inputs explain its effects.
    Replay,
    /// C3: what was asked for was carried out, once and in order, and nothing else.
    Deeds,
    /// C4: what is received on a connection is a prefix of what was sent.
    Channels,
    /// C5: what was reported durable is there at the next boot, and nothing that was not asked for.
    Storage,
    /// C6: each step is one that the modelled world can take there.
    World,
    /// C7: the properties of the checker, and equal trees at equal zxids.
    Properties,
}

impl Check {
    /// Its number.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Provenance => "C0",
            Self::Recorder => "C1",
            Self::Replay => "C2",
            Self::Deeds => "C3",
            Self::Channels => "C4",
            Self::Storage => "C5",
            Self::World => "C6",
            Self::Properties => "C7",
        }
    }

    /// What it asks, in words.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Provenance => "one step function and one ensemble",
            Self::Recorder => "the trace is whole",
            Self::Replay => "inputs explain effects",
            Self::Deeds => "effects are carried out once and in order",
            Self::Channels => "received is a prefix of sent",
            Self::Storage => "durable is durable",
            Self::World => "the modelled world permits the step",
            Self::Properties => "the checker's properties",
        }
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.code(), self.text())
    }
}

impl Serialize for Check {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

/// Checks of `docs/traces.md` that this auditor does not make.
pub(crate) const NOT_MADE: [&str; 2] = [
    "C8 (what clients were told, sync among it)",
    "C9 (coverage of the checked states)",
];

/// Not made either where a server's traces do not say what was carried out.
pub(crate) const DEEDS_NOT_MADE: &str = "C3 (effects carried out once and in order)";

/// Nor this where a run is the model's.
pub(crate) const ELECTIONS_NOT_MADE: &str =
    "C6 of roles (a run of the model, in which any server that looks may lead)";

/// What comes of an audit.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// The run is one of the modelled world, and every property holds along it.
    Holds,
    /// It is not.
    Violated,
    /// From somewhere on nothing can be said.
    Inconclusive,
}

impl Verdict {
    /// The exit code of a command that prints this verdict.
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Holds => 0,
            Self::Violated => 1,
            Self::Inconclusive => 3,
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Holds => "holds",
            Self::Violated => "violated",
            Self::Inconclusive => "inconclusive",
        })
    }
}

/// A step that the modelled world does not allow.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Finding {
    /// The check that found it.
    pub check: Check,
    /// The server.
    pub server: u64,
    /// The boot of that server, by its ordinal.
    pub boot: u32,
    /// The record's number in the boot's trace, as `quorate trace cat` shows it.
    pub step: u64,
    /// What is wrong, in words.
    pub what: String,
    /// The property that is broken, if it is one of the checker's.
    pub property: Option<String>,
    /// The last steps of the server, the one in question last.
    pub steps: Vec<String>,
}

/// A place from which on nothing certain can be said.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Doubt {
    /// The check that would have said it.
    pub check: Check,
    /// The server, if it is one's.
    pub server: Option<u64>,
    /// Its boot.
    pub boot: Option<u32>,
    /// The number of the first record about which nothing is known.
    pub from: Option<u64>,
    /// Why.
    pub why: String,
}

/// A leader and its epoch.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Reign {
    /// The epoch.
    pub epoch: u32,
    /// The leader.
    pub leader: u64,
    /// Whether a recorded server saw it established.
    pub established: bool,
    /// The recorded servers that took part.
    pub recorded: Vec<u64>,
}

/// All that an audit says.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Report {
    /// The verdict.
    pub verdict: Verdict,
    /// The violation, if one was found; the audit ends with it.
    pub finding: Option<Finding>,
    /// Why it is inconclusive, if it is.
    pub doubts: Vec<Doubt>,
    /// The voters whose traces were read.
    pub recorded: Vec<u64>,
    /// The voters without a trace: what they say was believed.
    pub open: Vec<u64>,
    /// Boots read.
    pub boots: u64,
    /// Records read.
    pub events: u64,
    /// Leaders that a quorum promised to follow.
    pub reigns: Vec<Reign>,
    /// Transactions committed.
    pub commits: u64,
    /// Messages compared with what was sent.
    pub compared: u64,
    /// Messages believed because their sender was not seen to send them, by server.
    pub believed: Vec<(u64, u64)>,
    /// What the conclusions rest on, and what happened to disks.
    pub notes: Vec<String>,
    /// What was not looked at.
    pub checks_not_made: Vec<&'static str>,
}

impl Report {
    /// The verdict in one line.
    pub fn line(&self) -> String {
        let mut line = match (&self.finding, self.doubts.first()) {
            (Some(finding), _) => format!("violated: {}", finding.head()),
            (None, Some(doubt)) => format!("inconclusive {}", doubt.head()),
            (None, None) => "holds".to_string(),
        };
        let established = self.reigns.iter().filter(|reign| reign.established).count();
        let codes: Vec<_> = self.checks_not_made.iter().map(|check| &check[..2]).collect();
        line += &format!(
            "; recorded {}, open {}; {} in {}; {}, {established} established; {}; not made: {}",
            servers(&self.recorded),
            servers(&self.open),
            count(self.events, "event"),
            count(self.boots, "boot"),
            count(self.reigns.len() as u64, "reign"),
            count(self.commits, "commit"),
            codes.join(", "),
        );
        line
    }
}

fn count(number: u64, of: &str) -> String {
    format!("{number} {of}{}", if number == 1 { "" } else { "s" })
}

fn servers(ids: &[u64]) -> String {
    if ids.is_empty() {
        return "none".into();
    }
    let ids: Vec<_> = ids.iter().map(u64::to_string).collect();
    ids.join(" ")
}

impl Finding {
    fn head(&self) -> String {
        format!(
            "server {} boot {} step {}: {}: {}",
            self.server,
            self.boot,
            self.step,
            self.check.code(),
            self.what
        )
    }
}

impl Doubt {
    fn head(&self) -> String {
        let mut head = String::new();
        if let Some(from) = self.from {
            head += &format!("from {from} ");
        }
        if let Some(server) = self.server {
            head += &format!("on server {server}");
        }
        if let Some(boot) = self.boot {
            head += &format!(" boot {boot}");
        }
        let head = if head.is_empty() {
            "altogether".to_string()
        } else {
            head
        };
        format!("{}: {}: {}", head.trim_end(), self.check.code(), self.why)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.line())?;
        if let Some(finding) = &self.finding {
            writeln!(f, "\ncheck {}", finding.check)?;
            if let Some(property) = &finding.property {
                writeln!(f, "property: {property}")?;
            }
            writeln!(f, "the last steps of server {}:", finding.server)?;
            for step in &finding.steps {
                writeln!(f, "  {step}")?;
            }
        }
        for doubt in self.doubts.iter().skip(usize::from(self.finding.is_none())) {
            writeln!(f, "also inconclusive {}", doubt.head())?;
        }
        if !self.reigns.is_empty() {
            writeln!(f, "\nreigns")?;
        }
        for reign in &self.reigns {
            let state = if reign.established {
                "established"
            } else {
                "never established"
            };
            writeln!(
                f,
                "  epoch {} led by server {}: {state}; recorded members {}",
                reign.epoch,
                reign.leader,
                servers(&reign.recorded)
            )?;
        }
        writeln!(
            f,
            "{} compared with what was sent",
            count(self.compared, "message")
        )?;
        for (server, messages) in &self.believed {
            writeln!(
                f,
                "{} of server {server} believed: it was not seen to send them",
                count(*messages, "message")
            )?;
        }
        for note in &self.notes {
            writeln!(f, "note: {note}")?;
        }
        writeln!(f, "not made: {}", self.checks_not_made.join("; "))
    }
}
