use super::*;
use crate::Zab;

/// Empty, marked, initialize, autocreate; and what such a server is.
const TABLE: [(u8, Memory); 16] = [
    (0b0000, Memory::Whole),
    (0b0001, Memory::Whole),
    (0b0010, Memory::Whole),
    (0b0011, Memory::Whole),
    (0b0100, Memory::Forgetful),
    (0b0101, Memory::Forgetful),
    // It has begun to be synchronised: an operator's word came too late.
    (0b0110, Memory::Forgetful),
    (0b0111, Memory::Forgetful),
    (0b1000, Memory::Forgetful),
    (0b1001, Memory::Newborn),
    (0b1010, Memory::Whole),
    (0b1011, Memory::Whole),
    (0b1100, Memory::Forgetful),
    (0b1101, Memory::Forgetful),
    (0b1110, Memory::Whole),
    (0b1111, Memory::Whole),
];

#[test]
fn an_empty_server_is_new_on_an_operators_word_or_while_nobody_has_a_history() {
    for (bits, memory) in TABLE {
        let found = Found {
            empty: bits & 8 != 0,
            marked: bits & 4 != 0,
            initialize: bits & 2 != 0,
            autocreate: bits & 1 != 0,
        };
        assert_eq!(Memory::of(&Zab, found), memory, "{found:?}");
    }
}

/// A disk whose epoch files say this, whose log ends in the epoch `logged`, and its snapshot in `snapshot`.
fn disk(accepted: Option<u32>, current: Option<u32>, logged: u32, snapshot: u32) -> Image {
    let end = |epoch| match epoch {
        0 => Zxid::ZERO,
        _ => Zxid::new(Epoch::new(epoch), 3),
    };
    Image {
        accepted: accepted.map(Epoch::new),
        current: current.map(Epoch::new),
        snapshot: end(snapshot),
        history: Skeleton::from_floor(end(logged)),
    }
}

#[test]
fn a_disk_on_which_a_promise_may_be_forgotten_is_refused() {
    let epochs = |accepted, current| Ok((Epoch::new(accepted), Epoch::new(current)));
    let lost = |current| {
        let current = Epoch::new(current);
        Err(Refusal::PromiseLost { current })
    };
    let behind = |accepted, reached| {
        Err(Refusal::PromiseBehind {
            accepted: Epoch::new(accepted),
            reached: Epoch::new(reached),
        })
    };
    for (accepted, current, logged, snapshot, expected) in [
        (None, None, 0, 0, epochs(0, 0)),
        // A standalone server's data.
        (None, None, 2, 0, epochs(2, 2)),
        (None, None, 0, 2, epochs(2, 2)),
        (None, Some(2), 0, 0, lost(2)),
        (None, Some(2), 2, 2, lost(2)),
        (Some(2), None, 0, 0, epochs(2, 0)),
        (Some(3), None, 2, 0, epochs(3, 2)),
        (Some(2), Some(2), 2, 0, epochs(2, 2)),
        (Some(3), Some(2), 1, 0, epochs(3, 2)),
        // A late joiner that died before it wrote currentEpoch has entered the epoch all the same.
        (Some(3), Some(2), 3, 0, epochs(3, 3)),
        (Some(3), Some(2), 0, 3, epochs(3, 3)),
        (Some(1), Some(2), 0, 0, behind(1, 2)),
        (Some(1), None, 2, 0, behind(1, 2)),
        (Some(2), Some(2), 3, 0, behind(2, 3)),
        (Some(2), Some(2), 0, 3, behind(2, 3)),
    ] {
        let image = disk(accepted, current, logged, snapshot);
        assert_eq!(image.epochs(&Zab), expected, "{image:?}");
    }
}

#[test]
fn a_refusal_says_which_file_and_what_is_wrong() {
    let refused = |image: Image| image.epochs(&Zab).expect_err("refused").to_string();
    assert_eq!(
        refused(disk(None, Some(2), 0, 0)),
        "acceptedEpoch is missing though currentEpoch is 2: what this server promised is not known"
    );
    assert_eq!(
        refused(disk(Some(1), Some(2), 0, 0)),
        "acceptedEpoch is 1 though this server has reached epoch 2: a file was lost or put back"
    );
}
