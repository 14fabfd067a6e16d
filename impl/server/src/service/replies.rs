//! How do replies get from the driver's task to a connection's? A buffer of bytes that one side fills and
//! the other writes out whole.
//!
//! The service puts a round's replies in with one lock; the connection takes all that is there, so that
//! many replies become one write. Nothing waits inside the lock. Buffers go round, they are not allocated
//! anew.

use super::gauge::{Gauge, Share};
use crate::sync::{Arc, Mutex, MutexGuard, Notify};
use bytes::BytesMut;

/// A buffer that grew beyond this is not kept for the next round, in bytes.
const KEEP_BYTES: usize = 64 * 1024;

/// The service's end.
#[derive(Clone, Debug)]
pub struct Replies(Arc<Shared>);

/// The connection's end.
#[derive(Debug)]
pub struct ReplyQueue(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    changed: Notify,
    share: Share,
    bytes_max: usize,
}

#[derive(Debug, Default)]
struct State {
    ready: BytesMut,
    /// Bytes that the connection took and is still writing.
    writing: usize,
    /// What the gauge counts for this connection.
    counted: usize,
    hold: Hold,
    closed: bool,
    /// Closed at once: nobody will read what is there.
    cut: bool,
}

/// Whether the service holds requests of a connection back, which is then not read.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Hold {
    /// It holds none.
    #[default]
    Nothing,
    /// It goes on with them when it is told that all replies are written.
    UntilWritten,
    /// It says when it can go on.
    UntilTold,
}

/// What a connection finds in its queue.
#[derive(Debug, Default, Eq, PartialEq)]
pub struct Batch {
    /// What to write.
    pub bytes: BytesMut,
    /// Whether to close behind it.
    pub closed: bool,
}

/// Both ends for one connection, of which the peer may leave `bytes_max` bytes unread.
pub fn replies(bytes_max: usize, gauge: Gauge) -> (Replies, ReplyQueue) {
    let shared = Arc::new(Shared {
        state: Mutex::default(),
        changed: Notify::new(),
        share: Share::of(gauge),
        bytes_max,
    });
    (Replies(shared.clone()), ReplyQueue(shared))
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nothing panics while it holds the lock")
    }

    /// Has the gauge count what is there.
    fn count(&self, state: &mut State) {
        let now = state.unread();
        let before = std::mem::replace(&mut state.counted, now);
        self.share.gauge().unread_changed(before, now);
    }

    /// Gives up what is there: the peer does not read it.
    fn cut(&self, state: &mut State) {
        state.closed = true;
        state.cut = true;
        state.ready = BytesMut::new();
        self.count(state);
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        let mut state = self.lock();
        state.cut = true;
        self.count(&mut state);
    }
}

impl State {
    /// Bytes that the peer has not taken. Of a connection that is cut they are about to go.
    fn unread(&self) -> usize {
        if self.cut {
            return 0;
        }
        self.ready.len() + self.writing
    }
}

impl Replies {
    /// Hands `bytes` over and leaves it empty. A connection whose peer has too much unread is closed
    /// instead: `false`.
    pub fn send(&self, bytes: &mut BytesMut) -> bool {
        let mut state = self.0.lock();
        if state.unread() > self.0.bytes_max {
            self.0.cut(&mut state);
        }
        let open = !state.closed;
        if open && state.ready.is_empty() {
            // An empty buffer changes places with a full one: no copy.
            std::mem::swap(&mut state.ready, bytes);
        } else if open {
            state.ready.extend_from_slice(bytes);
        }
        bytes.clear();
        self.0.count(&mut state);
        drop(state);
        self.0.changed.notify_one();
        open
    }

    /// Has the connection closed once all that was sent is written.
    pub fn close(&self) {
        self.0.lock().closed = true;
        self.0.changed.notify_one();
    }

    /// Has the connection closed at once: what was sent is not written.
    pub fn cut(&self) {
        let mut state = self.0.lock();
        self.0.cut(&mut state);
        drop(state);
        self.0.changed.notify_one();
    }

    /// Bytes that were sent and that the peer has not taken.
    pub fn unread(&self) -> usize {
        self.0.lock().unread()
    }

    /// The same of all connections.
    pub fn unread_of_all(&self) -> usize {
        self.0.share.gauge().unread_bytes()
    }

    /// Bytes that the peer may leave unread.
    pub fn unread_max(&self) -> usize {
        self.0.bytes_max
    }

    /// Says whether requests are held back.
    pub fn hold(&self, hold: Hold) {
        self.0.lock().hold = hold;
        self.0.changed.notify_one();
    }

    /// `count` requests were answered, or dropped.
    pub fn answered(&self, count: u32) {
        self.0.share.answered(count);
    }
}

impl ReplyQueue {
    /// Takes all there is.
    pub fn take(&self) -> Batch {
        let mut state = self.0.lock();
        let bytes = std::mem::take(&mut state.ready);
        state.writing = bytes.len();
        self.0.count(&mut state);
        Batch {
            bytes,
            closed: state.closed,
        }
    }

    /// What was taken last is written. The buffer is used again.
    pub fn written(&self, mut buffer: BytesMut) {
        buffer.clear();
        let mut state = self.0.lock();
        state.writing = 0;
        self.0.count(&mut state);
        if state.ready.capacity() == 0 && buffer.capacity() <= KEEP_BYTES {
            state.ready = buffer;
        }
    }

    /// Whether the connection is to be closed, once what is there is written.
    pub fn is_closed(&self) -> bool {
        self.0.lock().closed
    }

    /// Whether what was taken is not to be written any more.
    pub fn is_cut(&self) -> bool {
        self.0.lock().cut
    }

    /// Whether requests are held back. If the service waits to be told that all is written, the caller tells it:
    /// this is said once.
    pub fn take_hold(&self) -> Hold {
        let mut state = self.0.lock();
        let hold = state.hold;
        if hold == Hold::UntilWritten {
            state.hold = Hold::UntilTold;
        }
        hold
    }

    /// Waits until something was sent, or the connection is to be closed, since the last such wait.
    pub async fn changed(&self) {
        self.0.changed.notified().await;
    }

    /// `count` requests go to the service.
    pub fn asked(&self, count: u32) {
        self.0.share.asked(count);
    }

    /// Requests of this connection that are not answered yet.
    pub fn outstanding(&self) -> u32 {
        self.0.share.outstanding()
    }
}
