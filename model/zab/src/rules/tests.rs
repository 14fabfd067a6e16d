use super::*;

#[test]
fn what_rests_on_a_fact_follows_it() {
    for fact in [false, true] {
        assert_eq!(Zab.may_offer_epoch(fact), fact, "acceptedEpoch is durable");
        assert_eq!(Zab.may_ack_epoch(fact), fact, "acceptedEpoch is durable");
        assert_eq!(Zab.may_enter_epoch(fact), fact, "the log is durable");
        assert_eq!(Zab.may_ack_proposals(fact), fact, "NEWLEADER is acknowledged");
        assert_eq!(Zab.may_count_acks(fact), fact, "NEWLEADER is acknowledged");
        assert_eq!(Zab.may_inform(fact), fact, "it is committed");
        assert_eq!(Zab.may_deliver(fact), fact, "UPTODATE has come");
        assert_eq!(Zab.may_vouch(fact), fact, "it remembers");
        for other in [false, true] {
            assert_eq!(Zab.may_ack_new_leader(fact, other), fact && other);
            assert_eq!(Zab.may_count_itself(fact, other), fact && other);
        }
    }
}

#[test]
fn what_is_not_durable_is_not_acknowledged() {
    let at = |counter| Zxid::new(Epoch::new(2), counter);
    assert!(Zab.may_ack(at(3), at(3)) && Zab.may_ack(at(2), at(3)));
    assert!(!Zab.may_ack(at(4), at(3)));
}

#[test]
fn a_server_whose_disk_failed_goes_on_in_no_way() {
    assert!(!Zab.outlives_disk() && !Zab.takes_failed_for_done());
}
