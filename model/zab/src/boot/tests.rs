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
