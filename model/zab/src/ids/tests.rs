use super::*;

#[test]
fn a_zxid_is_an_epoch_and_a_counter_in_64_bits() {
    let zxid = Zxid::new(Epoch::new(0x12), 0x34);
    assert_eq!(zxid.bits(), 0x12_0000_0034);
    assert_eq!(Zxid::from_bits(0x12_0000_0034), zxid);
    assert_eq!((zxid.epoch(), zxid.counter()), (Epoch::new(0x12), 0x34));
    assert!(Zxid::new(Epoch::new(1), u32::MAX) < Zxid::new(Epoch::new(2), 0));
    assert_eq!(Epoch::new(7).next(), Epoch::new(8));
    assert_eq!(Round::ZERO.next().next(), Round::new(2));
}

#[test]
fn numbers_are_given_back_as_they_came() {
    assert_eq!(ServerId::new(5).get(), 5);
    assert_eq!(Epoch::new(5).get(), 5);
    assert_eq!(Round::new(5).get(), 5);
    assert_eq!(Conn::new(5).get(), 5);
}

#[test]
#[should_panic(expected = "an epoch is left")]
fn after_the_last_epoch_there_is_none() {
    let _ = Epoch::new(u32::MAX).next();
}

#[test]
fn names_are_printed_as_people_say_them() {
    let zxid = Zxid::new(Epoch::new(0x1f), 0x2a);
    assert_eq!(format!("{:?} {}", ServerId::new(3), ServerId::new(3)), "s3 3");
    assert_eq!(format!("{:?} {}", Epoch::new(0x1f), Epoch::new(0x1f)), "e31 1f");
    assert_eq!(format!("{zxid:?} {zxid}"), "1f:2a 0x1f0000002a");
    assert_eq!(format!("{:?} {:?}", Round::new(4), Conn::new(2)), "r4 c2");
}
