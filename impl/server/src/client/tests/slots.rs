//! Places for connections.

use crate::client::slots::Slots;
use std::net::IpAddr;

const ONE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1));
const OTHER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 2));

#[test]
fn an_address_has_its_share_and_gets_a_place_back() {
    let slots = Slots::new(2, 3);
    let (first, _second) = (slots.take(ONE).unwrap(), slots.take(ONE).unwrap());
    assert!(slots.take(ONE).is_none());
    let _third = slots.take(OTHER).unwrap();
    assert!(slots.take(OTHER).is_none(), "three are all");
    drop(first);
    assert!(slots.take(OTHER).is_some());
    assert!(slots.take(ONE).is_some());
}

#[test]
fn zero_is_no_limit() {
    let slots = Slots::new(0, 0);
    let taken: Vec<_> = (0..1000).map(|_| slots.take(ONE).unwrap()).collect();
    assert!(!slots.is_empty());
    drop(taken);
    assert!(slots.is_empty());
}
