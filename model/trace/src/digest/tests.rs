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
