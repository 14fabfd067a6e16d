use super::*;
use proptest::prelude::*;
use quorate_zab::Epoch;

#[test]
fn the_hash_is_xxh64_as_published() {
    assert_eq!(hash64(b"", 0), 0xEF46_DB37_51D8_E999);
    assert_eq!(hash64(b"a", 0), 0xD24E_C4F1_A98C_6E5B);
    assert_eq!(hash64(b"abc", 0), 0x44BC_2CF5_AD77_0999);
    // 39 bytes: a stripe, and a rest that begins in the middle of a word.
    let text = b"Nobody inspects the spammish repetition";
    assert_eq!(hash64(text, 0), 0xFBCE_A83C_8A37_8BF1);
}

#[test]
fn a_payload_that_hands_on_to_its_digest_is_recorded_as_the_digest() {
    struct Handle(Digest, #[allow(dead_code)] Vec<u8>);
    impl Serialize for Handle {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            self.0.serialize(serializer)
        }
    }
    impl Witnessed for Handle {}
    let zxid = Zxid::new(Epoch::new(1), 1);
    let digest = Digest::of(b"payload");
    let payload = Handle(digest, b"payload".to_vec());
    let mut scratch = Vec::new();
    let by_handle = digest_of_effects(&[Effect::Append { zxid, payload }], &mut scratch);
    let by_digest = digest_of_effects(
        &[Effect::Append {
            zxid,
            payload: digest,
        }],
        &mut scratch,
    );
    assert_eq!(by_handle, by_digest);
}

#[test]
fn effects_in_another_order_have_another_digest() {
    let one = Effect::<Digest>::PersistAccepted(Epoch::new(1));
    let two = Effect::<Digest>::PersistCurrent(Epoch::new(1));
    let mut scratch = Vec::new();
    let there = digest_of_effects(&[one.clone(), two.clone()], &mut scratch);
    let back = digest_of_effects(&[two, one], &mut scratch);
    assert_eq!(there.0, back.0);
    assert_ne!(there.1, back.1);
}

proptest! {
    #[test]
    fn contents_between_two_places_do_not_depend_on_what_lies_below(
        below in prop::collection::vec(any::<[u8; 4]>(), 0..8),
        above in prop::collection::vec(any::<[u8; 4]>(), 0..8),
    ) {
        let zxid = |at: usize| Zxid::new(Epoch::new(1), at as u32 + 1);
        let mut all = Contents::default();
        for (at, bytes) in below.iter().chain(&above).enumerate() {
            all.add(zxid(at), Digest::of(bytes));
        }
        for (at, bytes) in below.iter().enumerate() {
            all.remove(zxid(at), Digest::of(bytes));
        }
        let mut only = Contents::default();
        for (at, bytes) in above.iter().enumerate() {
            only.add(zxid(below.len() + at), Digest::of(bytes));
        }
        prop_assert_eq!(all, only);
    }
}

#[test]
fn deeds_that_are_lost_repeated_misplaced_or_others_differ() {
    let zxid = |counter| Zxid::new(Epoch::new(1), counter);
    let of = |counters: &[u32]| {
        let mut deeds = Deeds::default();
        for &counter in counters {
            deeds.message(&Message::<()>::Commit { zxid: zxid(counter) });
        }
        deeds
    };
    let right = of(&[1, 2, 3]);
    for wrong in [
        &[1, 2][..],
        &[1, 3],
        &[1, 2, 2],
        &[1, 1, 2, 3],
        &[2, 1, 3],
        &[1, 2, 4],
    ] {
        assert_ne!(of(wrong).sum, right.sum, "{wrong:?}");
    }
    let mut acks = Deeds::default();
    acks.acks(zxid(1), zxid(3));
    let mut others = Deeds::default();
    for counter in 1..=3 {
        others.message(&Message::<u64>::Ack { zxid: zxid(counter) });
    }
    assert_eq!(acks, others, "as many as they are on the wire");
    assert_ne!(acks.sum, right.sum, "and no commits");
}

#[test]
fn no_two_kinds_of_deeds_are_taken_for_each_other() {
    type Deed = Box<dyn Fn(&mut Deeds)>;
    let zxid = Zxid::new(Epoch::new(0), 1);
    let epoch = Epoch::new(1);
    let alike: Vec<Deed> = vec![
        Box::new(move |deeds| deeds.message(&Message::<()>::LeaderInfo { epoch })),
        Box::new(move |deeds| deeds.message(&Message::<()>::Diff { zxid })),
        Box::new(move |deeds| deeds.message(&Message::<()>::Trunc { zxid })),
        Box::new(move |deeds| deeds.message(&Message::<()>::Snap { zxid })),
        Box::new(move |deeds| deeds.message(&Message::Proposal { zxid, payload: () })),
        Box::new(move |deeds| deeds.message(&Message::<()>::Commit { zxid })),
        Box::new(move |deeds| deeds.message(&Message::<()>::NewLeader { epoch })),
        Box::new(move |deeds| deeds.message(&Message::<()>::UpToDate)),
        Box::new(move |deeds| deeds.message(&Message::<()>::Ack { zxid })),
        Box::new(move |deeds| deeds.message(&Message::<()>::Ping { zxid })),
        Box::new(move |deeds| deeds.message(&Message::<()>::Sync)),
        Box::new(move |deeds| deeds.replay(zxid, Zxid::ZERO, false)),
        Box::new(move |deeds| deeds.replay(zxid, Zxid::ZERO, true)),
        Box::new(move |deeds| deeds.append(zxid, Digest::default())),
        Box::new(move |deeds| deeds.truncate(zxid)),
        Box::new(move |deeds| deeds.install(zxid)),
        Box::new(move |deeds| deeds.accepted(epoch)),
        Box::new(move |deeds| deeds.current(epoch)),
    ];
    let sums: std::collections::BTreeSet<_> = alike
        .iter()
        .map(|deed| {
            let mut deeds = Deeds::default();
            deed(&mut deeds);
            deeds.sum
        })
        .collect();
    assert_eq!(sums.len(), alike.len());
}
