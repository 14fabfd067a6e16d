//! What waits to be written to a peer? The newest notification, and after a reconnection the last one again.

use crate::sync::{Mutex, MutexGuard, Notify, PoisonError};
use quorate_zab::Slot;

/// A peer's slot, shared by the switchboard and the connection that counts. One connection at a time takes
/// from it: what an earlier one took after a later one stood would be lost.
pub(super) struct PeerSlot<M> {
    state: Mutex<State<M>>,
    changed: Notify,
}

struct State<M> {
    slot: Slot<M>,
    /// What waits was written before, to an earlier connection.
    again: bool,
}

impl<M> Default for PeerSlot<M> {
    fn default() -> Self {
        Self {
            state: Mutex::new(State {
                slot: Slot::default(),
                again: false,
            }),
            changed: Notify::default(),
        }
    }
}

impl<M: Clone> PeerSlot<M> {
    fn lock(&self) -> MutexGuard<'_, State<M>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has `message` written next, in place of what waits.
    pub(super) fn put(&self, message: M) {
        let mut state = self.lock();
        state.slot.put(message);
        state.again = false;
        drop(state);
        self.changed.notify_one();
    }

    /// A connection stands: it begins with what waits, or with the last one again.
    pub(super) fn on_link_up(&self) {
        let mut state = self.lock();
        state.again |= !state.slot.is_waiting();
        state.slot.on_link_up();
    }

    /// What to write next, and whether it is a repetition.
    pub(super) async fn next(&self) -> (M, bool) {
        loop {
            let taken = {
                let mut state = self.lock();
                state
                    .slot
                    .take()
                    .map(|message| (message, std::mem::take(&mut state.again)))
            };
            match taken {
                Some(taken) => return taken,
                None => self.changed.notified().await,
            }
        }
    }
}
