use super::*;

type Told = Turns<&'static str, &'static str>;

fn drained(turns: &mut Told) -> Vec<Turn<&'static str, &'static str>> {
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
    assert_eq!(drained(&mut turns), []);
    assert!(matches!(turns.written(1, 7), Some(Written::InTurn("create"))));
    assert_eq!(drained(&mut turns), [Turn::Now("get")]);
    assert!(matches!(turns.written(2, 8), Some(Written::InTurn("set"))));
    assert_eq!(drained(&mut turns), [Turn::Now("list")]);
    assert!(turns.is_empty());
}

#[test]
fn a_transaction_that_is_not_the_oldest_writes_is_nobodys() {
    let mut turns = Told::new();
    assert!(turns.written(1, 7).is_none());
    turns.write(1, "create");
    turns.write(2, "set");
    assert!(turns.written(2, 8).is_none());
    assert_eq!(turns.len(), 2);
}

#[test]
fn a_write_behind_a_sync_keeps_its_answer_until_the_sync_is_done() {
    let mut turns = Told::new();
    turns.sync("sync");
    turns.write(1, "create");
    turns.sync("again");
    turns.read("get");
    match turns.written(1, 7) {
        Some(Written::Early(early)) => {
            assert_eq!(*early.request(), "create");
            early.keep("created");
        }
        other => panic!("{other:?}"),
    }
    assert!(turns.written(1, 7).is_none(), "it is answered once");
    assert_eq!(drained(&mut turns), []);
    turns.synced();
    assert_eq!(
        drained(&mut turns),
        [Turn::Now("sync"), Turn::Kept("create", "created")]
    );
    turns.synced();
    assert_eq!(drained(&mut turns), [Turn::Now("again"), Turn::Now("get")]);
}

#[test]
fn what_was_proposed_before_the_connection_was_served_is_another_ones() {
    let mut turns = Told::new();
    turns.begin(7);
    turns.write(1, "create");
    assert!(turns.written(1, 7).is_none());
    assert!(matches!(turns.written(1, 8), Some(Written::InTurn("create"))));
}
