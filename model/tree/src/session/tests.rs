use super::*;
use crate::Code;

const TICK_MS: u64 = 2000;

fn table(sessions: &[SessionId], timeout_ms: i32) -> SessionTable<char> {
    let mut table = SessionTable::new(TICK_MS);
    sessions
        .iter()
        .for_each(|&session| table.open(session, timeout_ms, 0));
    table
}

/// Whether a write is refused because the session has moved.
fn is_moved(table: &mut SessionTable<char>, session: SessionId, origin: char) -> bool {
    table.admit(session, &WriteRequest::Refused(Code::UNIMPLEMENTED), origin, 0)
}

#[test]
fn a_session_expires_at_the_tick_after_its_timeout() {
    let mut table = table(&[1], 4000);
    assert!(table.expired(5999).is_empty());
    assert_eq!(table.expired(6000), [1]);
    assert!(table.expired(1_000_000).is_empty(), "it expires once");
}

#[test]
fn a_touch_puts_the_deadline_off_by_the_timeout_it_brings() {
    let mut table = table(&[1, 2], 4000);
    assert!(table.touch(1, 4000, 3000));
    assert!(table.touch(2, 10_000, 3000));
    assert!(table.expired(7999).is_empty());
    assert_eq!(table.expired(8000), [1]);
    assert_eq!(table.expired(14_000), [2]);
}

#[test]
fn a_closing_session_cannot_be_touched_back_to_life() {
    let mut table = table(&[1, 2, 3], 4000);
    table.admit(3, &WriteRequest::CloseSession, 'a', 0);
    assert!(!table.attach(3, 4000, 'a', 0));
    assert_eq!(table.expired(6000), [1, 2]);
    assert!(!table.touch(1, 4000, 6000));
    assert!(table.knows(1));
    table.remove(1);
    assert!(!table.touch(1, 4000, 6000) && !table.knows(1));
    assert!(!table.touch(9, 4000, 0));
    assert_eq!(table.deadlines().len(), 0);
}

#[test]
fn the_first_to_write_owns_a_session_until_it_is_attached_elsewhere() {
    let mut table = table(&[1], 4000);
    assert!(!is_moved(&mut table, 1, 'a'));
    assert!(!is_moved(&mut table, 1, 'a'));
    assert!(is_moved(&mut table, 1, 'b'));
    assert!(table.attach(1, 4000, 'b', 0));
    assert!(is_moved(&mut table, 1, 'a'));
    assert!(!is_moved(&mut table, 1, 'b'));
    assert!(
        !is_moved(&mut table, 7, 'a'),
        "an unknown session is expired, not moved"
    );
}

#[test]
fn who_begins_to_order_writes_gives_each_session_its_timeout_and_no_owner() {
    let mut tree = Tree::new();
    tree.open_session(1, 4000);
    tree.open_session(2, 10_000);
    let mut table = table(&[9], 4000);
    table.attach(9, 4000, 'a', 0);
    table.begin(&tree, 3000);
    assert!(!table.knows(9));
    assert!(!is_moved(&mut table, 1, 'b'));
    assert_eq!(table.expired(8000), [1]);
    assert_eq!(table.expired(14_000), [2]);
}
