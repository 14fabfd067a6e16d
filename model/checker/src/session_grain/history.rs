//! What happened to a tree? Histories are numbered, so that a world holds a number where a server holds a tree.
//!
//! A tree is a function of the transactions applied to it. Each history is its predecessor and one transaction
//! more, and its tree is worked out once.

use super::client::Asker;
use foldhash::fast::FixedState;
use quorate_tree::{Tree, Txn, TxnEntry};
use std::collections::HashMap;

/// A sequence of transactions.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(super) struct History(u32);

impl History {
    /// Nothing has happened.
    pub(super) const NONE: Self = Self(0);
}

/// A transaction, and which client asked for it, if one did.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(super) struct Logged {
    pub(super) entry: TxnEntry,
    pub(super) asker: Option<Asker>,
}

/// The last transaction of a history, and what it led to.
#[derive(Debug)]
struct Last {
    before: History,
    logged: Option<Logged>,
    length: u32,
    tree: Tree,
}

/// The histories met so far in one run.
#[derive(Debug)]
pub(super) struct Histories {
    all: Vec<Last>,
    numbers: HashMap<(History, Logged), History, FixedState>,
}

impl Histories {
    pub(super) fn new() -> Self {
        Self {
            all: vec![Last {
                before: History::NONE,
                logged: None,
                length: 0,
                tree: Tree::new(),
            }],
            numbers: HashMap::default(),
        }
    }

    fn last(&self, history: History) -> &Last {
        &self.all[history.0 as usize]
    }

    /// The tree to which the whole of it was applied.
    pub(super) fn tree(&self, history: History) -> &Tree {
        &self.last(history).tree
    }

    /// The position of its end.
    pub(super) fn zxid(&self, history: History) -> u64 {
        self.tree(history).last_zxid()
    }

    /// Its last transaction.
    ///
    /// # Panics
    ///
    /// If it has none.
    pub(super) fn logged(&self, history: History) -> &Logged {
        self.last(history)
            .logged
            .as_ref()
            .expect("only the first history is empty")
    }

    /// The history that `logged` makes of this one.
    pub(super) fn then(&mut self, before: History, logged: Logged) -> History {
        let key = (before, logged);
        if let Some(&known) = self.numbers.get(&key) {
            return known;
        }
        let number = History(u32::try_from(self.all.len()).expect("histories fit the numbers"));
        let mut tree = self.tree(before).clone();
        tree.apply(&key.1.entry, &mut quorate_tree::WatchTable::new());
        self.all.push(Last {
            before,
            logged: Some(key.1.clone()),
            length: self.last(before).length + 1,
            tree,
        });
        self.numbers.insert(key, number);
        number
    }

    /// Whether `whole` begins with `part`.
    pub(super) fn begins_with(&self, whole: History, part: History) -> bool {
        self.back_to(whole, part).is_some()
    }

    /// How many transactions `whole` has behind `part`, with which it begins.
    pub(super) fn behind(&self, whole: History, part: History) -> u32 {
        self.last(whole).length.saturating_sub(self.last(part).length)
    }

    /// What of `whole` is one longer than `part`, with which it begins.
    pub(super) fn next(&self, part: History, whole: History) -> Option<History> {
        self.back_to(whole, part).flatten()
    }

    /// `whole` without its last `count` transactions.
    pub(super) fn without(&self, whole: History, count: u32) -> History {
        (0..count).fold(whole, |history, _| self.last(history).before)
    }

    /// Goes back from `whole`: `None` if that does not begin with `part`, else what is one longer than `part`.
    fn back_to(&self, whole: History, part: History) -> Option<Option<History>> {
        let mut at = whole;
        let mut next = None;
        while at != part {
            if self.last(at).length <= self.last(part).length {
                return None;
            }
            next = Some(at);
            at = self.last(at).before;
        }
        Some(next)
    }

    /// Its transactions, the last one first.
    pub(super) fn back(&self, history: History) -> impl Iterator<Item = &Logged> {
        let mut at = history;
        std::iter::from_fn(move || {
            let last = self.last(at);
            at = last.before;
            last.logged.as_ref()
        })
    }

    /// Whether it has the end of the session.
    pub(super) fn ends(&self, history: History, session: i64) -> bool {
        self.back(history).any(|logged| {
            logged.entry.header.session == session && matches!(logged.entry.txn, Txn::CloseSession { .. })
        })
    }
}
