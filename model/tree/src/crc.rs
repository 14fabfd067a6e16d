//! What is the CRC-32 (IEEE, as zlib computes it) of some bytes?
//!
//! Eight bytes per round, one table per position. The running state is exposed because the tree keeps it
//! per znode: path and data are hashed once, the stat is added whenever a digest is asked for.

const POLYNOMIAL: u32 = 0xedb8_8320;

static TABLES: [[u32; 256]; 8] = tables();

const fn tables() -> [[u32; 256]; 8] {
    let mut tables = [[0; 256]; 8];
    let mut i = 0;
    while i < 256 {
        let mut crc = i as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 {
                (crc >> 1) ^ POLYNOMIAL
            } else {
                crc >> 1
            };
            bit += 1;
        }
        tables[0][i] = crc;
        i += 1;
    }
    let mut table = 1;
    while table < 8 {
        let mut i = 0;
        while i < 256 {
            let before = tables[table - 1][i];
            tables[table][i] = (before >> 8) ^ tables[0][(before & 0xff) as usize];
            i += 1;
        }
        table += 1;
    }
    tables
}

/// A CRC-32 in the making.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) struct Crc(u32);

impl Crc {
    /// Nothing hashed yet.
    pub(crate) const EMPTY: Crc = Crc(!0);

    /// With `bytes` hashed as well.
    pub(crate) fn with(self, bytes: &[u8]) -> Crc {
        let mut crc = self.0;
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            let word = u64::from_le_bytes(*word) ^ u64::from(crc);
            crc = TABLES[7][(word & 0xff) as usize]
                ^ TABLES[6][(word >> 8 & 0xff) as usize]
                ^ TABLES[5][(word >> 16 & 0xff) as usize]
                ^ TABLES[4][(word >> 24 & 0xff) as usize]
                ^ TABLES[3][(word >> 32 & 0xff) as usize]
                ^ TABLES[2][(word >> 40 & 0xff) as usize]
                ^ TABLES[1][(word >> 48 & 0xff) as usize]
                ^ TABLES[0][(word >> 56) as usize];
        }
        for byte in rest {
            crc = (crc >> 8) ^ TABLES[0][((crc ^ u32::from(*byte)) & 0xff) as usize];
        }
        Crc(crc)
    }

    /// The checksum of all that was hashed.
    pub(crate) fn finish(self) -> u32 {
        !self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_check_value_of_the_ieee_polynomial() {
        assert_eq!(Crc::EMPTY.with(b"123456789").finish(), 0xcbf4_3926);
        assert_eq!(Crc::EMPTY.finish(), 0);
    }

    proptest! {
        #[test]
        fn it_does_not_matter_where_the_bytes_are_cut(bytes: Vec<u8>, cut: prop::sample::Index) {
            let (head, tail) = bytes.split_at(cut.index(bytes.len() + 1));
            let bitwise = bytes.iter().fold(!0u32, |crc, byte| {
                (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (POLYNOMIAL * (crc & 1)))
            });
            prop_assert_eq!(Crc::EMPTY.with(head).with(tail).finish(), !bitwise);
        }
    }
}
