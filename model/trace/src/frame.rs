//! How do records lie in a segment? In frames, one for each write to the file, chained by a hash.
//!
//! | offset | bytes | meaning (integers are little-endian) |
//! | --- | --- | --- |
//! | 0 | 4 | length of the records that follow the frame's header |
//! | 4 | 4 | how many records, at least 1 |
//! | 8 | 4 | microseconds since the frame before, as advice |
//! | 12 | 4 | CRC-32C of the records |
//! | 16 | 8 | XXH64 of bytes 0..16, seeded with this field of the frame before |
//!
//! The last field makes a chain through all frames of a boot: a frame that is lost, repeated, moved or
//! altered in its header breaks it. The first frame is seeded with the boot's nonce.

use serde::Serialize;

use crate::digest::hash64;

#[cfg(test)]
mod tests;

/// Length of a frame's header.
pub(crate) const FRAME_HEADER: usize = 24;

/// No frame has more bytes of records than this.
pub(crate) const FRAME_BYTES_MAX: usize = 16 << 20;

/// Appends the encoding of `value`.
#[inline]
pub(crate) fn encode<T: Serialize + ?Sized>(value: &T, out: &mut Vec<u8>) {
    struct Append<'a>(&'a mut Vec<u8>);

    impl postcard::ser_flavors::Flavor for Append<'_> {
        type Output = ();

        #[inline]
        fn try_extend(&mut self, data: &[u8]) -> postcard::Result<()> {
            self.0.extend_from_slice(data);
            Ok(())
        }

        #[inline]
        fn try_push(&mut self, data: u8) -> postcard::Result<()> {
            self.0.push(data);
            Ok(())
        }

        fn finalize(self) -> postcard::Result<()> {
            Ok(())
        }
    }

    postcard::serialize_with_flavor(value, Append(out))
        .expect("the schema's types have lengths, and memory takes them");
}

/// A frame's header, decoded.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct FrameHeader {
    pub(crate) bytes: u32,
    pub(crate) records: u32,
    pub(crate) after_us: u32,
    pub(crate) crc: u32,
    pub(crate) chain: u64,
}

impl FrameHeader {
    fn for_records(payload: &[u8], records: u32, after_us: u32, chain: u64) -> Self {
        let mut header = Self {
            bytes: payload.len() as u32,
            records,
            after_us,
            crc: crc32c::crc32c(payload),
            chain: 0,
        };
        header.chain = header.chained_to(chain);
        header
    }

    /// What the chain field has to be after `chain`.
    pub(crate) fn chained_to(&self, chain: u64) -> u64 {
        hash64(&self.encoded()[..16], chain)
    }

    fn encoded(&self) -> [u8; FRAME_HEADER] {
        let mut out = [0; FRAME_HEADER];
        out[..4].copy_from_slice(&self.bytes.to_le_bytes());
        out[4..8].copy_from_slice(&self.records.to_le_bytes());
        out[8..12].copy_from_slice(&self.after_us.to_le_bytes());
        out[12..16].copy_from_slice(&self.crc.to_le_bytes());
        out[16..].copy_from_slice(&self.chain.to_le_bytes());
        out
    }

    pub(crate) fn decoded(bytes: &[u8; FRAME_HEADER]) -> Self {
        let word = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        Self {
            bytes: word(0),
            records: word(4),
            after_us: word(8),
            crc: word(12),
            chain: u64::from(word(16)) | u64::from(word(20)) << 32,
        }
    }
}

/// Collects records into the next frame, in one buffer that is used again and again.
#[derive(Debug)]
pub(crate) struct Framer {
    /// Room for the header, then the records.
    buffer: Vec<u8>,
    records: u32,
    chain: u64,
}

impl Framer {
    pub(crate) fn new(chain: u64) -> Self {
        Self {
            buffer: vec![0; FRAME_HEADER],
            records: 0,
            chain,
        }
    }

    /// Encodes one more record, which `tag` and `fields` make up.
    #[inline]
    pub(crate) fn push<T: Serialize + ?Sized>(&mut self, record: &T) {
        encode(record, &mut self.buffer);
        self.records += 1;
    }

    /// Records that wait to be written.
    pub(crate) fn records(&self) -> u32 {
        self.records
    }

    /// Bytes that wait to be written, without the header.
    pub(crate) fn bytes(&self) -> usize {
        self.buffer.len() - FRAME_HEADER
    }

    /// The value of the chain after the last frame that was written.
    pub(crate) fn chain(&self) -> u64 {
        self.chain
    }

    /// The frame, ready to be written.
    pub(crate) fn frame(&mut self, after_us: u32) -> &[u8] {
        let header =
            FrameHeader::for_records(&self.buffer[FRAME_HEADER..], self.records, after_us, self.chain);
        self.buffer[..FRAME_HEADER].copy_from_slice(&header.encoded());
        &self.buffer
    }

    /// The frame was written whole: the next one follows it.
    pub(crate) fn written(&mut self) {
        self.chain = u64::from_le_bytes(self.buffer[16..FRAME_HEADER].try_into().expect("8 bytes"));
        self.discard();
    }

    /// Drops the records that wait.
    pub(crate) fn discard(&mut self) {
        self.buffer.truncate(FRAME_HEADER);
        self.records = 0;
    }
}
