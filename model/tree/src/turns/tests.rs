use super::*;

type Told = Turns<&'static str>;

fn drained(turns: &mut Told) -> Vec<&'static str> {
    std::iter::from_fn(|| turns.take()).collect()
}

#[test]
fn reads_wait_behind_writes_and_are_answered_in_order() {
    let mut turns = Told::new();
    assert!(!turns.must_wait());
    turns.write(1, "create");
    assert!(turns.must_wait());
    turns.read("get");
    turns.write(2, "set");
    turns.read("list");
    assert_eq!(drained(&mut turns), [""; 0]);
    assert!(!turns.make_way(1, 7));
    assert_eq!(turns.written(1, 7), Some("create"));
    assert_eq!(drained(&mut turns), ["get"]);
    assert_eq!(turns.written(2, 8), Some("set"));
    assert_eq!(drained(&mut turns), ["list"]);
    assert!(turns.is_empty());
}

#[test]
fn a_transaction_that_is_not_the_oldest_writes_is_nobodys() {
    let mut turns = Told::new();
    assert_eq!(turns.written(1, 7), None);
    turns.write(1, "create");
    turns.write(2, "set");
    assert_eq!(turns.written(2, 8), None);
    assert!(!turns.make_way(2, 8));
    assert_eq!(turns.len(), 2);
}

#[test]
fn a_write_that_is_committed_confirms_the_syncs_ahead_of_it_and_no_others() {
    let mut turns = Told::new();
    turns.sync("sync");
    turns.read("get");
    turns.write(1, "create");
    turns.sync("again");
    turns.read("list");
    assert_eq!(drained(&mut turns), [""; 0]);
    assert!(turns.make_way(1, 7));
    assert_eq!(drained(&mut turns), ["sync", "get"]);
    assert_eq!(turns.written(1, 7), Some("create"));
    assert_eq!(drained(&mut turns), [""; 0]);
    turns.synced();
    assert_eq!(drained(&mut turns), [""; 0], "that was the first one's answer");
    turns.synced();
    assert_eq!(drained(&mut turns), ["again", "list"]);
}

#[test]
fn a_sync_is_done_when_the_leader_says_so() {
    let mut turns = Told::new();
    turns.sync("sync");
    turns.write(1, "create");
    turns.synced();
    assert_eq!(drained(&mut turns), ["sync"]);
    assert_eq!(turns.written(1, 7), Some("create"));
}

#[test]
fn what_was_proposed_before_the_connection_was_served_is_another_ones() {
    let mut turns = Told::new();
    turns.begin(7);
    turns.sync("sync");
    turns.write(1, "create");
    assert!(!turns.make_way(1, 7));
    assert_eq!(turns.written(1, 7), None);
    assert!(turns.make_way(1, 8));
    assert_eq!(drained(&mut turns), ["sync"]);
    assert_eq!(turns.written(1, 8), Some("create"));
}
