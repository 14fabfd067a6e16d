//! How are ZooKeeper's records laid out? Jute: big-endian fields one after the other, without tags.
//!
//! | type | bytes |
//! | --- | --- |
//! | boolean | 1, any non-zero is true |
//! | int, long | 4, 8 |
//! | buffer, ustring | int length, then the bytes; −1 is null |
//! | vector | int count, then the elements; −1 is null, other negative counts are empty |

use crate::error::{DecodeError, Fault};
use bytes::BufMut;
use std::borrow::Cow;

#[cfg(test)]
mod tests;

/// Reads jute fields from a slice; each method names its field, so that an error can.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
    offset: usize,
    length_max: usize,
}

impl<'a> Reader<'a> {
    /// A reader over complete bytes: a length beyond them is a truncated field.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self {
            rest: bytes,
            offset: 0,
            length_max: usize::MAX,
        }
    }

    /// A reader over the beginning of a stream: a buffer or string longer than `length_max` bytes is
    /// [`Fault::TooLong`] at once, instead of a reason to wait for more.
    pub const fn bounded(bytes: &'a [u8], length_max: usize) -> Self {
        Self {
            rest: bytes,
            offset: 0,
            length_max,
        }
    }

    /// A reader whose errors count offsets from `offset`, for a record inside another one.
    #[must_use]
    pub const fn starting_at(mut self, offset: usize) -> Self {
        self.offset = offset;
        self
    }

    /// Bytes read so far, plus the offset that it started at.
    pub const fn offset(&self) -> usize {
        self.offset
    }

    /// Number of bytes not read yet.
    pub const fn remaining(&self) -> usize {
        self.rest.len()
    }

    /// The bytes not read yet.
    pub const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The error that `field`, which comes next, has this fault.
    pub const fn error(&self, field: &'static str, fault: Fault) -> DecodeError {
        DecodeError::new(field, self.offset, fault)
    }

    /// `count` bytes as they are.
    ///
    /// # Errors
    ///
    /// [`Fault::Truncated`]
    #[inline]
    pub fn take(&mut self, field: &'static str, count: usize) -> Result<&'a [u8], DecodeError> {
        let Some((taken, rest)) = self.rest.split_at_checked(count) else {
            return Err(self.error(
                field,
                Fault::Truncated {
                    needed: count,
                    left: self.rest.len(),
                },
            ));
        };
        self.rest = rest;
        self.offset += count;
        Ok(taken)
    }

    #[inline]
    fn array<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N], DecodeError> {
        let Some((taken, rest)) = self.rest.split_first_chunk::<N>() else {
            return Err(self.error(
                field,
                Fault::Truncated {
                    needed: N,
                    left: self.rest.len(),
                },
            ));
        };
        self.rest = rest;
        self.offset += N;
        Ok(*taken)
    }

    /// A boolean: any non-zero byte is true.
    ///
    /// # Errors
    ///
    /// [`Fault::Truncated`]
    #[inline]
    pub fn boolean(&mut self, field: &'static str) -> Result<bool, DecodeError> {
        Ok(self.array::<1>(field)?[0] != 0)
    }

    /// An int.
    ///
    /// # Errors
    ///
    /// [`Fault::Truncated`]
    #[inline]
    pub fn int(&mut self, field: &'static str) -> Result<i32, DecodeError> {
        Ok(i32::from_be_bytes(self.array(field)?))
    }

    /// A long.
    ///
    /// # Errors
    ///
    /// [`Fault::Truncated`]
    #[inline]
    pub fn long(&mut self, field: &'static str) -> Result<i64, DecodeError> {
        Ok(i64::from_be_bytes(self.array(field)?))
    }

    /// A long that is a zxid or another unsigned quantity.
    ///
    /// # Errors
    ///
    /// [`Fault::Truncated`]
    #[inline]
    pub fn bits(&mut self, field: &'static str) -> Result<u64, DecodeError> {
        Ok(u64::from_be_bytes(self.array(field)?))
    }

    /// A buffer; `None` is null.
    ///
    /// # Errors
    ///
    /// [`Fault::Truncated`], [`Fault::NegativeLength`], [`Fault::TooLong`]
    #[inline]
    pub fn buffer(&mut self, field: &'static str) -> Result<Option<&'a [u8]>, DecodeError> {
        let start = self.clone();
        let length = self.int(field)?;
        let Ok(length) = usize::try_from(length) else {
            return match length {
                -1 => Ok(None),
                _ => Err(start.error(field, Fault::NegativeLength(length))),
            };
        };
        if length > self.length_max {
            return Err(start.error(
                field,
                Fault::TooLong {
                    length,
                    max: self.length_max,
                },
            ));
        }
        match self.take(field, length) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(_) => {
                let fault = Fault::Truncated {
                    needed: 4 + length,
                    left: start.remaining(),
                };
                *self = start;
                Err(self.error(field, fault))
            }
        }
    }

    /// A buffer, copied; `None` is null.
    ///
    /// # Errors
    ///
    /// As [`Self::buffer`].
    pub fn owned_buffer(&mut self, field: &'static str) -> Result<Option<Vec<u8>>, DecodeError> {
        Ok(self.buffer(field)?.map(<[u8]>::to_vec))
    }

    /// A string; `None` is null. See [`text`] for what is not UTF-8.
    ///
    /// # Errors
    ///
    /// As [`Self::buffer`].
    #[inline]
    pub fn string(&mut self, field: &'static str) -> Result<Option<Cow<'a, str>>, DecodeError> {
        Ok(self.buffer(field)?.map(text))
    }

    /// A string that must not be null.
    ///
    /// # Errors
    ///
    /// As [`Self::buffer`], and [`Fault::Null`].
    #[inline]
    pub fn required(&mut self, field: &'static str) -> Result<String, DecodeError> {
        let null = self.error(field, Fault::Null);
        Ok(self.string(field)?.ok_or(null)?.into_owned())
    }

    /// The count of a vector or map; `None` is null. Nothing may be allocated by it.
    ///
    /// # Errors
    ///
    /// [`Fault::Truncated`]
    pub fn count(&mut self, field: &'static str) -> Result<Option<usize>, DecodeError> {
        let count = self.int(field)?;
        Ok(if count == -1 {
            None
        } else {
            Some(usize::try_from(count).unwrap_or(0))
        })
    }

    /// A vector whose elements `element` reads; `None` is null. It grows as elements are found, so a
    /// count that lies costs nothing.
    ///
    /// # Errors
    ///
    /// [`Fault::Truncated`], and those of `element`.
    pub fn vector<T>(
        &mut self,
        field: &'static str,
        mut element: impl FnMut(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<Option<Vec<T>>, DecodeError> {
        let Some(count) = self.count(field)? else {
            return Ok(None);
        };
        let mut elements = Vec::with_capacity(count.min(4));
        for _ in 0..count {
            elements.push(element(self)?);
        }
        Ok(Some(elements))
    }

    /// That nothing follows.
    ///
    /// # Errors
    ///
    /// [`Fault::Trailing`]
    pub fn end(&self, field: &'static str) -> Result<(), DecodeError> {
        match self.remaining() {
            0 => Ok(()),
            count => Err(self.error(field, Fault::Trailing(count))),
        }
    }
}

/// A string's bytes as text, whatever they are.
///
/// UTF-8 is borrowed. Java writes a character outside the BMP as two surrogates of three bytes each
/// (CESU-8): such a pair becomes its character. Anything else becomes U+FFFD as Java reads it, a lone surrogate one.
pub fn text(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => Cow::Owned(repaired(bytes)),
    }
}

fn repaired(mut bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    while let Some(chunk) = bytes.utf8_chunks().next() {
        out.push_str(chunk.valid());
        let bad = &bytes[chunk.valid().len()..];
        bytes = if let Some(character) = surrogate_pair(bad) {
            out.push(character);
            &bad[6..]
        } else if let [0xed, 0xa0..=0xbf, 0x80..=0xbf, rest @ ..] = bad {
            out.push(char::REPLACEMENT_CHARACTER);
            rest
        } else {
            if !chunk.invalid().is_empty() {
                out.push(char::REPLACEMENT_CHARACTER);
            }
            &bad[chunk.invalid().len()..]
        };
    }
    out
}

fn surrogate_pair(bytes: &[u8]) -> Option<char> {
    let [
        0xed,
        h1 @ 0xa0..=0xaf,
        h2 @ 0x80..=0xbf,
        0xed,
        l1 @ 0xb0..=0xbf,
        l2 @ 0x80..=0xbf,
        ..,
    ] = *bytes
    else {
        return None;
    };
    let ten_bits = |middle: u8, last: u8| u32::from(middle & 0x0f) << 6 | u32::from(last & 0x3f);
    char::from_u32(0x10000 + (ten_bits(h1, h2) << 10) + ten_bits(l1, l2))
}

/// Writes jute fields into a `Vec<u8>` or `BytesMut`; ints and longs are `put_i32` and `put_i64`.
///
/// # Panics
///
/// If a buffer, string or vector has 2^31 or more elements.
pub trait PutJute: BufMut {
    /// A boolean: one byte.
    #[inline]
    fn put_boolean(&mut self, value: bool) {
        self.put_u8(value.into());
    }

    /// A length or count.
    #[inline]
    fn put_length(&mut self, length: usize) {
        self.put_i32(i32::try_from(length).expect("a jute length has 31 bits"));
    }

    /// A buffer; `None` is null.
    #[inline]
    fn put_buffer(&mut self, bytes: Option<&[u8]>) {
        match bytes {
            Some(bytes) => {
                self.put_length(bytes.len());
                self.put_slice(bytes);
            }
            None => self.put_i32(-1),
        }
    }

    /// A string that is not null.
    #[inline]
    fn put_string(&mut self, text: &str) {
        self.put_buffer(Some(text.as_bytes()));
    }

    /// A vector that is not null, whose elements `element` writes.
    fn put_vector<T>(&mut self, elements: &[T], mut element: impl FnMut(&mut Self, &T))
    where
        Self: Sized,
    {
        self.put_length(elements.len());
        for each in elements {
            element(self, each);
        }
    }
}

impl<B: BufMut> PutJute for B {}
