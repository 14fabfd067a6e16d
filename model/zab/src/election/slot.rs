//! Which notification does a connection carry next? The newest, and after a reconnection the last one again.

use serde::{Deserialize, Serialize};

/// What waits to be written to one peer's election connection.
///
/// At most one message waits; a newer one replaces it, because only the newest vote means anything
/// [ZooKeeper `QuorumCnxManager.queueSendMap`]. A connection that broke may have lost the message
/// written last, so a new one begins with it unless a newer one waits.
#[derive(Clone, Debug, Eq, Hash, PartialEq, Serialize, Deserialize)]
pub struct Slot<M> {
    waiting: Option<M>,
    last: Option<M>,
}

impl<M> Default for Slot<M> {
    fn default() -> Self {
        Self {
            waiting: None,
            last: None,
        }
    }
}

impl<M: Clone> Slot<M> {
    /// Asks for `message` to be written, in place of the one that waits. Returns that one.
    pub fn put(&mut self, message: M) -> Option<M> {
        self.waiting.replace(message)
    }

    /// The message to write now, if one waits.
    pub fn take(&mut self) -> Option<M> {
        let message = self.waiting.take()?;
        self.last = Some(message.clone());
        Some(message)
    }

    /// A connection to the peer stands: if nothing waits, the last message is to be written again.
    pub fn on_link_up(&mut self) {
        if self.waiting.is_none() {
            self.waiting = self.last.clone();
        }
    }

    /// Whether a message waits.
    pub fn is_waiting(&self) -> bool {
        self.waiting.is_some()
    }
}
