//! A leader of one server: it prepares, and applies later or at once.

use crate::{
    Context, DigestCheck, Event, Id, Outcome, Outstanding, SessionId, Tree, Txn, TxnEntry, TxnResult,
    WatchTable, Who, WriteRequest, WriteRules, prepare,
};
use std::collections::VecDeque;
use std::sync::LazyLock;

/// Session 1 is `digest:one:hash`, 2 the superuser, any other nobody.
pub(crate) fn who(session: SessionId) -> &'static Who {
    static ONE: LazyLock<Who> = LazyLock::new(|| Who::new(vec![Id::new("digest", "one:hash")]));
    static TWO: LazyLock<Who> = LazyLock::new(Who::superuser);
    match session {
        1 => &ONE,
        2 => &TWO,
        _ => Who::NOBODY,
    }
}

pub(crate) struct Leader {
    pub(crate) tree: Tree,
    pub(crate) outstanding: Outstanding,
    pub(crate) watches: WatchTable,
    pub(crate) events: Vec<Event>,
    pub(crate) log: Vec<TxnEntry>,
    pub(crate) rules: WriteRules,
    waiting: VecDeque<TxnEntry>,
    zxid: u64,
}

impl Leader {
    pub(crate) fn new() -> Self {
        Leader::of(Tree::new())
    }

    pub(crate) fn of(tree: Tree) -> Self {
        Leader {
            zxid: tree.last_zxid(),
            tree,
            outstanding: Outstanding::new(),
            watches: WatchTable::new(),
            events: Vec::new(),
            log: Vec::new(),
            rules: WriteRules {
                extended_types: true,
                x509: true,
                ..WriteRules::default()
            },
            waiting: VecDeque::new(),
        }
    }

    /// With sessions 1, 2 and 3.
    pub(crate) fn with_sessions() -> Self {
        let mut leader = Leader::new();
        for session in 1..=3 {
            leader.now(session, WriteRequest::CreateSession { timeout_ms: 4000 });
        }
        leader
    }

    pub(crate) fn context(&mut self, session: SessionId) -> Context<'static> {
        self.zxid += 1;
        let time_ms = 1000 + self.zxid as i64 * 7;
        Context {
            session,
            who: who(session),
            cxid: 5,
            zxid: self.zxid,
            time_ms,
            moved: false,
            local: false,
            with_digest: true,
            rules: self.rules,
        }
    }

    /// Prepares; [`Leader::catch_up`] applies.
    pub(crate) fn ask(&mut self, session: SessionId, request: WriteRequest) -> TxnEntry {
        let cx = self.context(session);
        let entry = prepare(request, &cx, &self.tree, &mut self.outstanding);
        assert_eq!(entry.can_apply(), Ok(()), "{entry:?}");
        assert_eq!(matches!(entry.txn, Txn::Error { .. }), entry.digest.is_none());
        self.waiting.push_back(entry.clone());
        entry
    }

    /// Applies the `count` oldest of what is prepared.
    pub(crate) fn catch_up(&mut self, count: usize) {
        for _ in 0..count.min(self.waiting.len()) {
            let entry = self.waiting.pop_front().unwrap();
            self.deliver(entry);
        }
    }

    pub(crate) fn deliver(&mut self, entry: TxnEntry) -> TxnResult {
        let Outcome {
            result,
            events,
            digest,
            ..
        } = self.tree.apply(&entry, &mut self.watches);
        self.outstanding.applied(entry.header.zxid);
        match &entry.txn {
            Txn::Error { .. } => assert_eq!(digest, DigestCheck::Unchecked),
            _ => assert_eq!(digest, DigestCheck::Equal, "{entry:?}"),
        }
        let refused = matches!(entry.txn, Txn::Error { .. });
        assert_eq!(matches!(result, TxnResult::Error(_)), refused, "{entry:?}");
        self.events.extend(events);
        self.log.push(entry);
        result
    }

    /// Prepares and applies.
    pub(crate) fn now(&mut self, session: SessionId, request: WriteRequest) -> TxnResult {
        self.catch_up(usize::MAX);
        let entry = self.ask(session, request);
        self.waiting.clear();
        self.deliver(entry)
    }
}
