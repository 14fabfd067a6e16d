//! How do replies get from the driver's task to a connection's? A buffer of bytes that one side fills and
//! the other writes out whole.
//!
//! The service puts a round's replies in with one lock; the connection takes all that is there, so that
//! many replies become one write. Nothing waits inside the lock.

use bytes::BytesMut;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use tokio::sync::Notify;

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
    /// Requests read from the connection and not answered yet.
    outstanding: AtomicU32,
    bytes_max: usize,
}

#[derive(Debug, Default)]
struct State {
    ready: BytesMut,
    /// Bytes that the connection took and is still writing.
    writing: usize,
    closed: bool,
}

/// Both ends for one connection, of which the peer may leave `bytes_max` bytes unread.
pub fn replies(bytes_max: usize) -> (Replies, ReplyQueue) {
    let shared = Arc::new(Shared {
        state: Mutex::default(),
        changed: Notify::new(),
        outstanding: AtomicU32::new(0),
        bytes_max,
    });
    (Replies(shared.clone()), ReplyQueue(shared))
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nothing panics while it holds the lock")
    }
}

impl Replies {
    /// Hands `bytes` over and leaves it empty. A connection whose peer has too much unread is closed
    /// instead: `false`.
    pub fn send(&self, bytes: &mut BytesMut) -> bool {
        let mut state = self.0.lock();
        let unread = state.ready.len() + state.writing;
        if unread > self.0.bytes_max {
            state.closed = true;
            state.ready = BytesMut::new();
        }
        if state.closed {
            bytes.clear();
        } else if state.ready.is_empty() {
            // An empty buffer changes places with a full one: no copy.
            std::mem::swap(&mut state.ready, bytes);
        } else {
            state.ready.extend_from_slice(bytes);
            bytes.clear();
        }
        let open = !state.closed;
        drop(state);
        self.0.changed.notify_one();
        open
    }

    /// Has the connection closed once all that was sent is written.
    pub fn close(&self) {
        self.0.lock().closed = true;
        self.0.changed.notify_one();
    }

    /// `count` requests were answered, or dropped.
    pub fn answered(&self, count: u32) {
        self.0.outstanding.fetch_sub(count, Ordering::Relaxed);
    }
}

/// What a connection finds in its queue.
#[derive(Debug, Default, Eq, PartialEq)]
pub struct Batch {
    /// What to write.
    pub bytes: BytesMut,
    /// Whether to close behind it.
    pub closed: bool,
}

impl ReplyQueue {
    /// Takes all there is.
    pub fn take(&self) -> Batch {
        let mut state = self.0.lock();
        let bytes = std::mem::take(&mut state.ready);
        state.writing = bytes.len();
        Batch {
            bytes,
            closed: state.closed,
        }
    }

    /// What was taken last is written. The buffer, empty now, is used again.
    pub fn written(&self, mut buffer: BytesMut) {
        let mut state = self.0.lock();
        state.writing = 0;
        if state.ready.capacity() == 0 {
            buffer.clear();
            state.ready = buffer;
        }
    }

    /// Waits until something was sent or the connection is to be closed, since the last such wait.
    pub async fn changed(&self) {
        self.0.changed.notified().await;
    }

    /// `count` requests go to the service.
    pub fn asked(&self, count: u32) {
        self.0.outstanding.fetch_add(count, Ordering::Relaxed);
    }

    /// Requests that were not answered yet.
    pub fn outstanding(&self) -> u32 {
        self.0.outstanding.load(Ordering::Relaxed)
    }
}
