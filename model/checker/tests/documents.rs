//! Does the page that says what is checked say what is checked? Its tables against the lists that the checks run.

use quorate_checker::{Set, hunts};
use std::collections::BTreeSet;

const PAGE: &str = include_str!("../../../docs/properties.md");

/// The cells of each row of the tables whose heads have a column that begins with `column`, with its number.
fn rows(column: &str) -> Vec<(usize, Vec<&'static str>)> {
    let mut rows = Vec::new();
    let mut at = None;
    for line in PAGE.lines() {
        let Some(line) = line.strip_prefix("| ") else {
            // The line below a head is `|---|`.
            at = at.filter(|_| line.starts_with("|-"));
            continue;
        };
        let cells: Vec<_> = line
            .trim_end()
            .trim_end_matches('|')
            .split('|')
            .map(str::trim)
            .collect();
        match at {
            Some(at) => rows.push((at, cells)),
            None => {
                at = cells
                    .iter()
                    .position(|cell| cell.starts_with(column))
                    .or(Some(usize::MAX))
            }
        }
    }
    rows.retain(|(at, _)| *at != usize::MAX);
    rows
}

/// The mutants that a cell names: by `;` or `,`, with remarks in brackets.
fn mutants(cell: &str) -> Vec<String> {
    let mut plain = String::new();
    let mut depth = 0;
    for letter in cell.chars() {
        match letter {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ if depth == 0 => plain.push(letter),
            _ => {}
        }
    }
    plain
        .split([';', ','])
        .map(|name| name.trim().to_owned())
        .collect()
}

#[test]
fn every_mutant_stands_beside_the_property_that_notices_it() {
    let mut told = BTreeSet::new();
    for head in ["a mutant that it alone", "mutants that it alone"] {
        for (at, cells) in rows(head) {
            told.extend(
                mutants(cells[at])
                    .into_iter()
                    .map(|mutant| (cells[0].to_owned(), mutant)),
            );
        }
    }
    let hunted: BTreeSet<_> = hunts()
        .iter()
        .map(|hunt| (hunt.killer().to_owned(), hunt.name()))
        .collect();
    let missing: Vec<_> = hunted.difference(&told).collect();
    let invented: Vec<_> = told.difference(&hunted).collect();
    assert!(
        missing.is_empty() && invented.is_empty(),
        "hunted and not told: {missing:#?}\ntold and not hunted: {invented:#?}"
    );
}

/// The number at the beginning of a cell.
fn number(cell: &str) -> Option<u64> {
    cell.replace(',', "").parse().ok()
}

#[test]
fn every_run_stands_there_with_its_count() {
    let told: BTreeSet<u64> = rows("distinct states")
        .iter()
        .filter_map(|(at, cells)| number(cells[*at]))
        .collect();
    let pinned: BTreeSet<u64> = Set::Nightly
        .checks()
        .iter()
        // The guards' counts stand in the text.
        .filter(|check| !check.name().starts_with("guard: "))
        .map(|check| check.pinned())
        .collect();
    let all: BTreeSet<u64> = Set::Nightly.checks().iter().map(|check| check.pinned()).collect();
    let missing: Vec<_> = pinned.difference(&told).collect();
    let invented: Vec<_> = told.difference(&all).collect();
    assert!(
        missing.is_empty() && invented.is_empty(),
        "pinned and not told: {missing:?}; told and not pinned: {invented:?}"
    );
}

#[test]
fn every_guard_is_told_of() {
    let plain = PAGE.replace(',', "");
    let words: BTreeSet<&str> = plain.split(|letter: char| !letter.is_ascii_digit()).collect();
    for check in Set::Nightly.checks() {
        let count = check.pinned().to_string();
        assert!(
            words.contains(count.as_str()),
            "{} has {count} states",
            check.name()
        );
    }
}

/// The methods of the trait, or of what stands after `from` in a source.
fn methods(source: &str, from: &str) -> BTreeSet<String> {
    let (_, body) = source.split_once(from).expect("the trait is there");
    let (body, _) = body.split_once("\n}\n").expect("it ends");
    let named = |line: &str| Some(line.strip_prefix("    fn ")?.split_once(['(', '<'])?.0.to_owned());
    body.lines().filter_map(named).collect()
}

/// Rules of elections that no run can find wrong, and why.
const WITHOUT_A_MUTANT: [(&str, &str); 4] = [
    (
        "leader_leads",
        "a crashed leader is elected over and over: time is lost, which no property of elections is about",
    ),
    (
        "same_leader_in_round",
        "stricter, and the reports find the ensemble; laxer, and the leader's own word is asked for",
    ),
    (
        "tells_of_history",
        "servers without a history are agreement's: there it is a step of the world",
    ),
    (
        "wins_over",
        "a vote that weighs nothing is in no run of elections",
    ),
];

#[test]
fn every_rule_is_wrong_in_some_mutant() {
    let traits = [
        (
            include_str!("../../zab/src/rules.rs"),
            "pub trait Rules",
            include_str!("../src/mutants/rules.rs"),
        ),
        (
            include_str!("../../zab/src/election_rules.rs"),
            "pub trait ElectionRules",
            include_str!("../src/election_mutants.rs"),
        ),
        (
            include_str!("../../tree/src/session_rules.rs"),
            "pub trait SessionRules",
            include_str!("../src/session_mutants.rs"),
        ),
    ];
    for (rules, name, mutants) in traits {
        let all = methods(rules, name);
        assert!(all.len() > 5, "{name}: {all:?}");
        let argued = |rule: &str| WITHOUT_A_MUTANT.iter().any(|(known, _)| *known == rule);
        for rule in all {
            let is_mutated = ['(', '<']
                .iter()
                .any(|end| mutants.contains(&format!("fn {rule}{end}")));
            assert!(
                is_mutated != argued(&rule),
                "{name}: {rule}, mutated: {is_mutated}"
            );
        }
    }
}
