//! Where does a message end? On client and election ports each one follows its length in four bytes; a
//! client port may begin with a four-letter word instead.

use bytes::{Buf, Bytes, BytesMut};

#[cfg(test)]
mod tests;

/// `jute.maxbuffer` unless configured: the longest request in bytes.
pub const CLIENT_FRAME_BYTES_MAX: usize = 0xfffff;

/// The longest message of the election port in bytes.
pub const ELECTION_FRAME_BYTES_MAX: usize = 512 * 1024;

/// A length that no message can have.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a frame of {length} bytes, allowed are 0 to {max}")]
pub struct FrameError {
    /// The length claimed, in bytes.
    pub length: i32,
    /// The longest allowed, in bytes.
    pub max: usize,
}

/// Takes the first message, without its length, off what was read so far; `None` if it is not whole.
///
/// Nothing is copied, and no more than one frame's rest is reserved.
///
/// # Errors
///
/// If the length is negative or above `max` bytes: the connection is to be closed.
pub fn take_frame(read: &mut BytesMut, max: usize) -> Result<Option<Bytes>, FrameError> {
    let Some(prefix) = read.first_chunk::<4>() else {
        return Ok(None);
    };
    let length = i32::from_be_bytes(*prefix);
    let Some(bytes) = usize::try_from(length).ok().filter(|bytes| *bytes <= max) else {
        return Err(FrameError { length, max });
    };
    if read.len() - 4 < bytes {
        read.reserve(4 + bytes - read.len());
        return Ok(None);
    }
    read.advance(4);
    Ok(Some(read.split_to(bytes).freeze()))
}

/// Writes a frame: room for its length, then what `body` writes, then the length.
///
/// # Panics
///
/// If the body has 2^31 or more bytes.
pub fn put_frame(out: &mut BytesMut, body: impl FnOnce(&mut BytesMut)) {
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    body(out);
    let length = i32::try_from(out.len() - start - 4).expect("a frame's length has 31 bits");
    out[start..start + 4].copy_from_slice(&length.to_be_bytes());
}

/// A one-shot question in text, as the very first four bytes of a client connection.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum FourLetterWord {
    /// The configuration.
    Conf,
    /// The connections, in full.
    Cons,
    /// Reset the connections' statistics.
    Crst,
    /// Sizes of the data directories.
    Dirs,
    /// Sessions and ephemerals.
    Dump,
    /// The process's environment.
    Envi,
    /// The trace mask.
    Gtmk,
    /// Digests of the tree by zxid.
    Hash,
    /// Whether the server is read-only.
    Isro,
    /// Metrics.
    Mntr,
    /// Whether the process is up.
    Ruok,
    /// The server, in brief.
    Srvr,
    /// Reset the server's statistics.
    Srst,
    /// The server, with its connections.
    Stat,
    /// Set the trace mask; 8 bytes follow.
    Stmk,
    /// Watches by session.
    Wchc,
    /// Watches by path.
    Wchp,
    /// Watches, counted.
    Wchs,
}

impl FourLetterWord {
    /// Every word, in the order of the alphabet.
    pub const ALL: [Self; 18] = [
        Self::Conf,
        Self::Cons,
        Self::Crst,
        Self::Dirs,
        Self::Dump,
        Self::Envi,
        Self::Gtmk,
        Self::Hash,
        Self::Isro,
        Self::Mntr,
        Self::Ruok,
        Self::Srst,
        Self::Srvr,
        Self::Stat,
        Self::Stmk,
        Self::Wchc,
        Self::Wchp,
        Self::Wchs,
    ];

    /// The word with which a connection begins, if it begins with one; anything else is a length.
    pub fn recognize(first: [u8; 4]) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|word| word.as_str().as_bytes() == first)
    }

    /// The word itself.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Conf => "conf",
            Self::Cons => "cons",
            Self::Crst => "crst",
            Self::Dirs => "dirs",
            Self::Dump => "dump",
            Self::Envi => "envi",
            Self::Gtmk => "gtmk",
            Self::Hash => "hash",
            Self::Isro => "isro",
            Self::Mntr => "mntr",
            Self::Ruok => "ruok",
            Self::Srvr => "srvr",
            Self::Srst => "srst",
            Self::Stat => "stat",
            Self::Stmk => "stmk",
            Self::Wchc => "wchc",
            Self::Wchp => "wchp",
            Self::Wchs => "wchs",
        }
    }
}
