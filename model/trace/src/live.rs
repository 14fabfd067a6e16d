//! How is a frame written so that a failed write leaves no half of it? By cutting it off again.

use std::io::{self, Write};

#[cfg(test)]
mod tests;

/// What can be cut to a length, and is written on from there.
pub(crate) trait Cut: Write {
    /// Drops everything after the first `length` bytes.
    fn cut(&mut self, length: u64) -> io::Result<()>;
}

/// The segment that grows.
#[derive(Debug)]
pub(crate) struct Live<F> {
    file: F,
    /// The end of the last frame that was written whole.
    length: u64,
    /// A write failed, and what it left behind is not cut off yet.
    ragged: bool,
}

impl<F: Cut> Live<F> {
    /// The file, which holds `length` bytes.
    pub(crate) fn new(file: F, length: u64) -> Self {
        Self {
            file,
            length,
            ragged: false,
        }
    }

    /// The bytes of whole frames, preamble included.
    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// Appends the frame, or leaves the file as it was.
    pub(crate) fn append(&mut self, frame: &[u8]) -> io::Result<()> {
        if self.ragged {
            self.file.cut(self.length)?;
            self.ragged = false;
        }
        if let Err(error) = self.file.write_all(frame) {
            self.ragged = self.file.cut(self.length).is_err();
            return Err(error);
        }
        self.length += frame.len() as u64;
        Ok(())
    }
}
