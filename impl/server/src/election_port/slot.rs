//! What waits to be written to a peer? The newest notification, and after a reconnection the last one again.

use super::Outgoing;
use quorate_zab::Slot;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// A peer's slot, shared by the switchboard and the connection that counts.
#[derive(Default)]
pub(super) struct PeerSlot {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Default)]
struct State {
    slot: Slot<Outgoing>,
    /// What waits was written before, to an earlier connection.
    again: bool,
}

impl PeerSlot {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has `outgoing` written next, in place of what waits.
    pub(super) fn put(&self, outgoing: Outgoing) {
        let mut state = self.lock();
        state.slot.put(outgoing);
        state.again = false;
        drop(state);
        self.changed.notify_one();
    }

    /// A connection stands: it begins with what waits, or with the last one again.
    pub(super) fn on_link_up(&self) {
        let mut state = self.lock();
        state.again = !state.slot.is_waiting();
        state.slot.on_link_up();
    }

    /// What to write next, and whether it is a repetition.
    pub(super) async fn next(&self) -> (Outgoing, bool) {
        loop {
            let taken = {
                let mut state = self.lock();
                state
                    .slot
                    .take()
                    .map(|outgoing| (outgoing, std::mem::take(&mut state.again)))
            };
            match taken {
                Some(taken) => return taken,
                None => self.changed.notified().await,
            }
        }
    }
}
