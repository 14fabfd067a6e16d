//! What is sent that is too long to be held in memory? A snapshot, and what of the log is only in files.
//!
//! A blocking thread makes it, a few pieces ahead of what the connection takes.

use bytes::{Bytes, BytesMut};
use quorate_store::{LogReader, SIGNATURE, SnapshotBody};
use quorate_tree::Tree;
use quorate_wire::quorum::{Extras, put_message};
use quorate_zab::{Message, Zxid};
use std::io;
use tokio::sync::mpsc;

/// Pieces that are made ahead.
const PIECES_MAX: usize = 4;
/// What a piece is filled to, in bytes.
const PIECE_BYTES: usize = 256 << 10;

/// Bytes that are made while they are written.
pub(crate) struct Stream {
    pieces: mpsc::Receiver<io::Result<Piece>>,
}

/// What is written at once.
pub(super) struct Piece {
    pub(super) bytes: Bytes,
    /// The protocol's messages that end in it.
    pub(super) messages: u64,
}

impl Stream {
    /// The next piece, until the end.
    pub(super) async fn next(&mut self) -> io::Result<Option<Piece>> {
        self.pieces.recv().await.transpose()
    }

    fn make(make: impl FnOnce(&mut Pieces) -> io::Result<()> + Send + 'static) -> Self {
        let (sender, pieces) = mpsc::channel(PIECES_MAX);
        tokio::task::spawn_blocking(move || {
            let mut pieces = Pieces {
                sender,
                buffer: BytesMut::new(),
                messages: 0,
            };
            let made = make(&mut pieces).and_then(|()| pieces.send());
            if let Err(error) = made {
                // The link was dropped, or learns by this that it must be.
                let _ = pieces.sender.blocking_send(Err(error));
            }
        });
        Self { pieces }
    }

    /// INFORMs of the log after `after` up to `upto`. The files that hold them stay until the end.
    pub(crate) fn inform(log: &LogReader, after: Zxid, upto: Zxid) -> Self {
        let entries = log.read_range(after, upto);
        Self::make(move |pieces| {
            for entry in entries {
                let entry = entry.map_err(io::Error::other)?;
                pieces.put(&Message::Inform {
                    zxid: entry.zxid,
                    payload: entry.bytes,
                })?;
            }
            Ok(())
        })
    }

    /// PROPOSALs of the log after `after` up to `upto`, each with its COMMIT if they are `committed`. The
    /// files that hold them stay until the end.
    pub(crate) fn replay(log: &LogReader, after: Zxid, upto: Zxid, committed: bool) -> Self {
        let entries = log.read_range(after, upto);
        Self::make(move |pieces| {
            for entry in entries {
                let entry = entry.map_err(io::Error::other)?;
                pieces.put(&Message::Proposal {
                    zxid: entry.zxid,
                    payload: entry.bytes,
                })?;
                if committed {
                    pieces.put(&Message::Commit { zxid: entry.zxid })?;
                }
            }
            Ok(())
        })
    }

    /// The tree behind the packet SNAP, which is not part of it. `complete` brings it to what the packet
    /// says, from the log.
    pub(crate) fn snapshot(
        mut tree: Tree,
        complete: impl FnOnce(&mut Tree) -> io::Result<()> + Send + 'static,
    ) -> Self {
        Self::make(move |pieces| {
            complete(&mut tree)?;
            for piece in SnapshotBody::new(&tree) {
                pieces.push(piece)?;
            }
            pieces.push(Bytes::from_static(&SIGNATURE))
        })
    }
}

struct Pieces {
    sender: mpsc::Sender<io::Result<Piece>>,
    buffer: BytesMut,
    /// The protocol's messages in `buffer`.
    messages: u64,
}

impl Pieces {
    fn put(&mut self, message: &Message<Bytes>) -> io::Result<()> {
        put_message(&mut self.buffer, message, &Extras::default());
        self.messages += 1;
        if self.buffer.len() < PIECE_BYTES {
            Ok(())
        } else {
            self.send()
        }
    }

    fn send(&mut self) -> io::Result<()> {
        let piece = self.buffer.split().freeze();
        self.push(piece)
    }

    fn push(&mut self, bytes: Bytes) -> io::Result<()> {
        let messages = std::mem::take(&mut self.messages);
        self.sender
            .blocking_send(Ok(Piece { bytes, messages }))
            .map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}
