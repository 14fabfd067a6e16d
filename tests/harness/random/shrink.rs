//! What of a round is needed for two kinds of servers to part?

use super::step::Round;
use super::{Pair, first_difference};

/// Attempts are worth a while, no more.
const ATTEMPTS: usize = 250;

/// Leaves out steps, then requests, as long as the kinds still part; gives what is left and what it shows.
pub(super) fn shrink(
    mut round: Round,
    mut told: String,
    mut pair: Pair,
    fresh: impl Fn() -> Pair,
) -> (Round, String) {
    // Once they have parted, they may differ in what outlives a round: the root's versions.
    let nothing = Round {
        servers: round.servers,
        steps: Vec::new(),
    };
    let mut attempts = 0;
    let mut differs = |round: &Round| {
        attempts += 1;
        if attempts > ATTEMPTS {
            return None;
        }
        let empty = pair.play(&nothing);
        if first_difference(&nothing, &empty).is_some() {
            pair = fresh();
        }
        let played = pair.play(round);
        first_difference(round, &played)
    };
    if let Some(at) = step_of(&told) {
        let mut less = round.clone();
        less.steps.truncate(at + 1);
        if let Some(new) = differs(&less) {
            (round, told) = (less, new);
        }
    }
    let mut size = round.steps.len().div_ceil(2);
    while size > 0 {
        let mut at = 0;
        while at < round.steps.len() {
            let mut less = round.clone();
            less.steps.drain(at..(at + size).min(round.steps.len()));
            match differs(&less) {
                Some(new) => (round, told) = (less, new),
                None => at += size,
            }
        }
        size /= 2;
    }
    for step in (0..round.steps.len()).rev() {
        for request in (0..round.steps[step].requests().len()).rev() {
            let mut less = round.clone();
            let requests = less.steps[step].requests_mut().expect("it has requests");
            requests.remove(request);
            if let Some(new) = differs(&less) {
                (round, told) = (less, new);
            }
        }
    }
    (round, told)
}

fn step_of(told: &str) -> Option<usize> {
    told.strip_prefix("step ")?.split(':').next()?.parse().ok()
}
