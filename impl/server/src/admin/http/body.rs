//! What does an answer consist of? Of one piece, or of a file's.

use bytes::Bytes;
use hyper::body::{Frame, SizeHint};
use std::fs::File;
use std::io::{self, Read};
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::sync::mpsc;

/// Bytes of a file that are read at once.
const PIECE_BYTES: usize = 64 << 10;
/// Pieces that may wait to be sent.
const PIECES_MAX: usize = 4;

/// The body of an answer.
pub(super) enum Body {
    /// In one piece.
    Whole(Option<Bytes>),
    /// As it is read.
    Pieces(mpsc::Receiver<io::Result<Bytes>>),
}

impl Body {
    pub(super) fn whole(text: impl Into<Bytes>) -> Self {
        Self::Whole(Some(text.into()))
    }

    /// Reads `file` on a thread of its own, as fast as it is taken.
    pub(super) fn of_file(mut file: File) -> Self {
        let (pieces, body) = mpsc::channel(PIECES_MAX);
        tokio::task::spawn_blocking(move || {
            loop {
                let mut piece = vec![0; PIECE_BYTES];
                let read = match file.read(&mut piece) {
                    Ok(0) => return,
                    Ok(bytes) => {
                        piece.truncate(bytes);
                        Ok(piece.into())
                    }
                    Err(error) => Err(error),
                };
                let failed = read.is_err();
                // Whoever asked may have gone.
                if pieces.blocking_send(read).is_err() || failed {
                    return;
                }
            }
        });
        Self::Pieces(body)
    }
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        match self.get_mut() {
            Self::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Pieces(pieces) => pieces
                .poll_recv(cx)
                .map(|piece| piece.map(|piece| piece.map(Frame::data))),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(None))
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, Bytes::len) as u64),
            Self::Pieces(_) => SizeHint::default(),
        }
    }
}
