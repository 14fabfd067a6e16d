//! Do quorate and Apache ZooKeeper answer random operations alike, field by field?
//!
//! A seed makes [`Round`]s of steps for a few sessions (`generate`), and each round is played against fresh znodes on
//! servers of both kinds (`side`). Every frame that comes is put down as a line (`reading`), and the lines of both kinds
//! have to be the same: replies with all their fields, notifications and their place among the replies, the ends of
//! connections, and in the end every znode. What may differ is named where it is put down: zxids count from the
//! round's beginning, sessions have names, clocks are only asked whether equal zxids have equal times.
//!
//! A round that differs is cut down to what is needed (`shrink`), and written as a text that can be played again.

mod dice;
mod generate;
mod reading;
mod shrink;
mod side;
mod step;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;

pub use step::Round;

use crate::config::Kind;
use dice::Dice;
use side::{Played, Side};

/// What is to be compared.
#[derive(Clone, Debug)]
pub struct Comparison {
    /// What all dice start from.
    pub seed: u64,
    /// How many operations are to be answered at least.
    pub operations: usize,
    /// How many servers each kind runs; sessions are spread over them.
    pub servers: usize,
    /// Operations of a round.
    pub round: usize,
    /// Where the servers have their files; the system's place for such things otherwise.
    pub home: Option<PathBuf>,
}

/// How often an operation was answered in which way.
pub type Answers = BTreeMap<(&'static str, i32), usize>;

/// What a comparison saw.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// Operations that were sent and answered.
    pub operations: usize,
    /// Rounds that were played.
    pub rounds: usize,
    /// Notifications that came.
    pub notifications: usize,
    /// What the answers were.
    pub answers: Answers,
}

impl Seen {
    fn add(&mut self, played: &Played) {
        self.rounds += 1;
        self.operations += played.operations;
        self.notifications += played.notifications;
        for (key, count) in &played.answers {
            *self.answers.entry(*key).or_default() += count;
        }
    }

    /// How often each operation was answered, and with which codes.
    pub fn table(&self) -> String {
        let mut text = String::new();
        let mut rows: BTreeMap<&str, Vec<(i32, usize)>> = BTreeMap::new();
        for ((op, code), count) in &self.answers {
            rows.entry(op).or_default().push((*code, *count));
        }
        for (op, mut codes) in rows {
            codes.sort_by_key(|(code, _)| -code);
            let total: usize = codes.iter().map(|(_, count)| count).sum();
            let codes: Vec<_> = codes
                .iter()
                .map(|(code, count)| format!("{code}: {count}"))
                .collect();
            writeln!(text, "{op:<22} {total:>7}  {}", codes.join(", ")).expect("a string takes all text");
        }
        text
    }
}

/// Where the two kinds parted, cut down to what is needed for it.
#[derive(Clone, Debug)]
pub struct Difference {
    /// The number of the round.
    pub round: usize,
    /// What has to be played to see it, as a text for [`Round::parse`].
    pub text: String,
    /// The step at which it shows, and what each kind said there.
    pub told: String,
}

/// Servers of both kinds, to be compared.
#[derive(Debug)]
pub struct Pair {
    sides: [Side; 2],
}

impl Pair {
    /// Starts `servers` servers of each kind.
    pub fn start(servers: usize, home: Option<&PathBuf>) -> Pair {
        Pair {
            sides: [Kind::Apache, Kind::subject()].map(|kind| Side::start(kind, servers, home)),
        }
    }

    /// Plays `round` on both at once.
    pub fn play(&mut self, round: &Round) -> [Played; 2] {
        let [one, two] = &mut self.sides;
        std::thread::scope(|scope| {
            let other = scope.spawn(|| two.play(round));
            let first = one.play(round);
            [
                first,
                other.join().unwrap_or_else(|why| std::panic::resume_unwind(why)),
            ]
        })
    }
}

/// Compares until enough operations are answered; the first round that differs is the outcome.
///
/// # Errors
///
/// The round that differed, cut down.
pub fn compare(comparison: &Comparison, mut progress: impl FnMut(&Seen)) -> Result<Seen, Box<Difference>> {
    let mut seen = Seen::default();
    let mut pair = Pair::start(comparison.servers, comparison.home.as_ref());
    while seen.operations < comparison.operations {
        let number = seen.rounds;
        let round = round(comparison, number);
        let played = pair.play(&round);
        if let Some(told) = first_difference(&round, &played) {
            eprintln!("seed {}, round {number} differs:\n{told}", comparison.seed);
            let fresh = || Pair::start(comparison.servers, comparison.home.as_ref());
            let (round, told) = shrink::shrink(round, told, pair, fresh);
            return Err(Box::new(Difference {
                round: number,
                text: round.to_string(),
                told,
            }));
        }
        seen.add(&played[0]);
        progress(&seen);
    }
    Ok(seen)
}

/// The round `number` of this comparison.
pub fn round(comparison: &Comparison, number: usize) -> Round {
    let dice = Dice::new(comparison.seed ^ (number as u64 + 1).wrapping_mul(0xd134_2543_de82_ef95));
    generate::round(dice, comparison.servers as u64, comparison.round)
}

/// Plays a round that was written down, on fresh servers, and says whether the two kinds part.
pub fn replay(round: &Round, home: Option<&PathBuf>) -> Option<String> {
    let played = Pair::start(round.servers as usize, home).play(round);
    first_difference(round, &played)
}

/// The first step at which what came is not the same.
fn first_difference(round: &Round, [apache, ours]: &[Played; 2]) -> Option<String> {
    let at = (0..apache.steps.len().max(ours.steps.len()))
        .find(|&at| apache.steps.get(at) != ours.steps.get(at))?;
    let mut text = match round.steps.get(at) {
        Some(step) => format!("step {at}: {}\n", step.told()),
        None => "what is there in the end\n".to_owned(),
    };
    let none = Vec::new();
    let [one, two] = [apache, ours].map(|played| played.steps.get(at).unwrap_or(&none));
    let same = one.iter().zip(two).take_while(|(one, two)| one == two).count();
    for line in &one[same.saturating_sub(3)..same] {
        writeln!(text, "  both     {line}").expect("a string takes all text");
    }
    for (who, lines) in [("Apache", one), ("ours", two)] {
        for line in lines[same..].iter().take(8) {
            writeln!(text, "  {who:<8} {line}").expect("a string takes all text");
        }
        if lines.len() == same {
            writeln!(text, "  {who:<8} nothing more").expect("a string takes all text");
        }
    }
    Some(text)
}
