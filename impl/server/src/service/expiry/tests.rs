use super::*;
use quorate_zab::Conn;

const TICK_MS: u64 = 2000;

fn clock(sessions: &[SessionId], timeout_ms: i32) -> SessionClock {
    let mut clock = SessionClock::new(TICK_MS);
    sessions
        .iter()
        .for_each(|&session| clock.open(session, timeout_ms, 0));
    clock
}

#[test]
fn a_session_expires_at_the_tick_after_its_timeout() {
    let mut clock = clock(&[1], 4000);
    assert!(clock.expired(5999).is_empty());
    assert_eq!(clock.expired(6000), [1]);
    assert!(clock.expired(1_000_000).is_empty(), "it expires once");
}

#[test]
fn a_touch_puts_the_deadline_off_by_the_timeout_it_brings() {
    let mut clock = clock(&[1, 2], 4000);
    assert!(clock.touch(1, 4000, 3000));
    assert!(clock.touch(2, 10_000, 3000));
    assert!(clock.expired(7999).is_empty());
    assert_eq!(clock.expired(8000), [1]);
    assert_eq!(clock.expired(14_000), [2]);
}

#[test]
fn a_closing_session_cannot_be_touched_back_to_life() {
    let mut clock = clock(&[1, 2], 4000);
    assert_eq!(clock.expired(6000), [1, 2]);
    assert!(!clock.touch(1, 4000, 6000));
    assert!(clock.knows(1));
    clock.remove(1);
    assert!(!clock.touch(1, 4000, 6000) && !clock.knows(1));
    assert!(!clock.touch(9, 4000, 0));
    assert_eq!(clock.deadlines().len(), 0);
}

#[test]
fn the_first_to_write_owns_a_session_until_it_is_attached_elsewhere() {
    let mut clock = clock(&[1], 4000);
    let (one, other) = (Origin::Learner(Conn::new(1)), Origin::Learner(Conn::new(2)));
    assert!(!clock.is_moved(1, one));
    assert!(!clock.is_moved(1, one));
    assert!(clock.is_moved(1, other));
    clock.own(1, other);
    assert!(clock.is_moved(1, one));
    assert!(!clock.is_moved(1, other));
    assert!(
        !clock.is_moved(7, one),
        "an unknown session is expired, not moved"
    );
}
