use super::*;

const MINE: SessionId = 1 << 56 | 7;
const ANOTHERS: SessionId = 2 << 56 | 7;
const TICK_MS: u64 = 2000;

fn local(enabled: bool, upgrading: bool) -> LocalSessions {
    LocalSessions::new(LocalRules { enabled, upgrading }, 1, TICK_MS)
}

fn newcomer() -> Greeting {
    Greeting {
        session: 0,
        password_fits: false,
        seen: 0,
        reads_suffice: false,
    }
}

fn back(session: SessionId) -> Greeting {
    Greeting {
        session,
        password_fits: true,
        reads_suffice: true,
        ..newcomer()
    }
}

/// A tree in which the ensemble has this session.
fn tree_with(session: SessionId) -> Tree {
    let mut leader = crate::tests::leader::Leader::new();
    leader.now(session, crate::WriteRequest::CreateSession { timeout_ms: 4000 });
    leader.tree
}

#[test]
fn who_writes_is_let_in_only_where_somebody_orders_writes() {
    let sessions = local(false, false);
    let greet = |greeting, serving| sessions.greet(&greeting, serving, 9, &Tree::new());
    assert_eq!(greet(newcomer(), Serving::Everything), Welcome::Begin);
    assert!(matches!(greet(newcomer(), Serving::Reads), Welcome::HangUp(_)));
    let reader = Greeting {
        reads_suffice: true,
        ..newcomer()
    };
    assert_eq!(greet(reader, Serving::Everything), Welcome::Begin);
    assert_eq!(greet(reader, Serving::Reads), Welcome::BeginHere);
    for serving in [Serving::Everything, Serving::Reads] {
        let ahead = Greeting { seen: 10, ..reader };
        assert!(matches!(greet(ahead, serving), Welcome::HangUp(_)), "{serving:?}");
    }
}

#[test]
fn a_session_of_the_ensemble_is_not_judged_without_a_leader() {
    let (sessions, tree) = (local(true, true), tree_with(MINE));
    let greet = |greeting, serving| sessions.greet(&greeting, serving, 9, &tree);
    assert!(matches!(greet(back(MINE), Serving::Reads), Welcome::HangUp(_)));
    let wrong = Greeting {
        password_fits: false,
        ..back(MINE)
    };
    assert!(matches!(greet(wrong, Serving::Reads), Welcome::HangUp(_)));
    assert_eq!(greet(wrong, Serving::Everything), Welcome::Over);
    assert_eq!(greet(back(MINE), Serving::Everything), Welcome::Ask);
    assert_eq!(greet(back(ANOTHERS), Serving::Reads), Welcome::Over);
}

#[test]
fn a_local_session_goes_on_where_it_began_and_nowhere_else() {
    let mut here = local(true, false);
    assert_eq!(
        here.greet(&newcomer(), Serving::Everything, 9, &Tree::new()),
        Welcome::BeginHere
    );
    here.open(MINE, 4000, 0);
    let there = local(true, false);
    for serving in [Serving::Everything, Serving::Reads] {
        assert_eq!(
            here.greet(&back(MINE), serving, 9, &Tree::new()),
            Welcome::GoOnHere
        );
    }
    assert_eq!(
        there.greet(&back(MINE), Serving::Everything, 9, &Tree::new()),
        Welcome::Ask
    );
    assert_eq!(
        there.greet(&back(MINE), Serving::Reads, 9, &Tree::new()),
        Welcome::Over
    );
    here.end(MINE);
    assert_eq!(
        here.greet(&back(MINE), Serving::Everything, 9, &Tree::new()),
        Welcome::Ask
    );
}

#[test]
fn a_silent_local_session_is_over() {
    let mut sessions = local(true, false);
    sessions.open(MINE, 4000, 0);
    sessions.open(MINE + 1, 4000, 0);
    assert!(sessions.touch(MINE, 4000, 5999));
    assert!(!sessions.touch(ANOTHERS, 4000, 5999));
    assert_eq!(sessions.expired(6000), [MINE + 1]);
    assert!(!sessions.touch(MINE + 1, 4000, 6000) && sessions.knows(MINE));
    assert_eq!(sessions.len(), 1);
    sessions.clear();
    assert!(sessions.is_empty());
}

#[test]
fn without_a_leader_nothing_is_allowed_but_reads_and_the_end_of_a_local_session() {
    let mut sessions = local(true, true);
    sessions.open(MINE, 4000, 0);
    for need in [Need::Order, Need::Ephemeral, Need::EphemeralPart] {
        assert_eq!(
            sessions.pass(MINE, need, 4000, Serving::Reads),
            Passage::Refused(Code::NOT_READ_ONLY)
        );
    }
    assert_eq!(
        sessions.pass(MINE, Need::End, 4000, Serving::Reads),
        Passage::EndHere
    );
    assert_eq!(
        sessions.pass(ANOTHERS, Need::End, 4000, Serving::Reads),
        Passage::Refused(Code::NOT_READ_ONLY)
    );
}

#[test]
fn a_local_session_becomes_the_ensembles_once() {
    for need in [Need::Ephemeral, Need::EphemeralPart] {
        let mut sessions = local(true, true);
        sessions.open(MINE, 4000, 0);
        let mut pass = |need| sessions.pass(MINE, need, 4000, Serving::Everything);
        assert_eq!(pass(Need::Order), Passage::Pass);
        assert_eq!(pass(need), Passage::Upgrade { timeout_ms: 4000 });
        for after in [Need::Ephemeral, Need::EphemeralPart, Need::Order, Need::End] {
            assert_eq!(pass(after), Passage::Pass, "{after:?}");
        }
        assert!(!sessions.knows(MINE));
    }
}

#[test]
fn where_it_may_not_become_the_ensembles_it_is_told_so_or_the_leader_says_so() {
    let mut sessions = local(true, false);
    sessions.open(MINE, 4000, 0);
    let mut pass = |need| sessions.pass(MINE, need, 4000, Serving::Everything);
    assert_eq!(
        pass(Need::Ephemeral),
        Passage::Refused(Code::EPHEMERAL_ON_LOCAL_SESSION)
    );
    assert_eq!(pass(Need::EphemeralPart), Passage::Pass);
    assert_eq!(pass(Need::End), Passage::EndHere);
    assert!(sessions.knows(MINE), "it ends in its turn");
}

#[test]
fn a_leader_believes_others_of_their_local_sessions_and_knows_its_own() {
    let mut leader = local(true, false);
    assert!(leader.vouches(ANOTHERS) && !leader.vouches(MINE));
    leader.open(MINE, 4000, 0);
    assert!(leader.vouches(MINE));
    leader.end(MINE);
    assert!(!leader.vouches(MINE));
    assert!(!local(false, true).vouches(ANOTHERS));
    // Ids of servers from 128 on are negative.
    let high = LocalSessions::new(
        LocalRules {
            enabled: true,
            upgrading: false,
        },
        200,
        TICK_MS,
    );
    assert!(!high.vouches((200_u64 << 56) as i64 | 7));
}
