//! What does a connection of the election port do to messages? Newest wins, breaks, and says again.
//!
//! A channel leads from one server to another: one message on the wire, one that waits in the slot. A
//! connection may break at any moment, as often as it likes; that loses what is on the wire, and the next
//! one begins with the message written last unless a newer one waits.

#[cfg(test)]
use quorate_zab::Slot;
use std::fmt::Debug;
use std::hash::Hash;

/// The number of a message in the run's table.
pub(super) type Message = u16;

/// One direction between two servers.
pub(super) trait Channel: Clone + Debug + Default + Eq + Hash + Send + Sync + 'static {
    /// Whether resend timers have to be explored: not if a channel says its last message again anyway.
    const NEEDS_RESENDS: bool;
    /// The sender says `message`.
    fn put(&mut self, message: Message);
    /// What can arrive next.
    fn front(&self) -> Option<Message>;
    /// It has arrived.
    fn arrived(&mut self);
    /// What can happen to the channel by itself.
    fn by_itself(&self) -> impl Iterator<Item = (&'static str, Self)>;
    /// The sender's process ended; another begins.
    fn sender_restarts(&mut self);
    /// The receiver's process ended; another begins, and the sender connects to it.
    fn receiver_restarts(&mut self);
    /// Merges what `fate` allows, or less.
    fn merge(&mut self, fate: impl Fn(Message) -> Fate);
}

/// What a message can still bring about.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Fate {
    /// What it says may matter.
    Lives {
        /// Whether it is a vote, which one with a leader answers.
        is_vote: bool,
    },
    /// That it is a vote may matter, since one with a leader answers it: as good as [`ASKS`].
    Asks,
    /// Nothing.
    Dead,
}

/// The message that stands for all votes that count for nothing any more.
pub(super) const ASKS: Message = 0;

/// A channel as it is: wire and slot, written, read and broken one by one.
#[cfg(test)]
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub(super) struct Plain {
    wire: Option<Message>,
    slot: Slot<Message>,
}

#[cfg(test)]
impl Channel for Plain {
    const NEEDS_RESENDS: bool = true;

    fn put(&mut self, message: Message) {
        self.slot.put(message);
    }

    fn front(&self) -> Option<Message> {
        self.wire
    }

    fn arrived(&mut self) {
        self.wire = None;
    }

    fn by_itself(&self) -> impl Iterator<Item = (&'static str, Self)> {
        let mut written = self.clone();
        if written.wire.is_none() {
            written.wire = written.slot.take();
        }
        let mut broken = self.clone();
        broken.wire = None;
        broken.slot.on_link_up();
        [("write", written), ("break", broken)].into_iter()
    }

    fn sender_restarts(&mut self) {
        self.slot = Slot::default(); // What is on the wire may arrive all the same.
    }

    fn receiver_restarts(&mut self) {
        self.wire = None;
        self.slot.on_link_up();
    }

    fn merge(&mut self, _: impl Fn(Message) -> Fate) {}
}

/// A [`Plain`] channel with the states merged that unlimited breaks make equivalent.
///
/// The last message can always be on the wire (again): if it arrived, the connection may have broken right
/// after. So it stays when it arrives, and only a newer one removes it. With a newer one behind it,
/// the older is on the wire, or it is gone: broken, or replaced before it was written. A looker
/// has said its vote to everybody, so its resend timer adds nothing.
///
/// Tests compare what is reachable with either, which is all that [`Plain`] is for.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub(super) struct Sticky(
    /// Two messages plus one, 0 for none: in the upper half the older, if it is still on the wire; in the
    /// lower half the newest.
    u32,
);

impl Sticky {
    fn of(older: Option<Message>, newest: Option<Message>) -> Self {
        let half = |message: Option<Message>| message.map_or(0, |message| u32::from(message) + 1);
        Self(half(older) << 16 | half(newest))
    }

    fn older(self) -> Option<Message> {
        ((self.0 >> 16) as Message).checked_sub(1)
    }

    fn newest(self) -> Option<Message> {
        (self.0 as Message).checked_sub(1)
    }
}

impl Channel for Sticky {
    const NEEDS_RESENDS: bool = false;

    fn put(&mut self, message: Message) {
        if self.newest() == Some(message) {
            return; // Said again: as if the connection had broken.
        }
        let older = self.front().filter(|older| *older != message);
        *self = Self::of(older, Some(message));
    }

    fn front(&self) -> Option<Message> {
        self.older().or(self.newest())
    }

    fn arrived(&mut self) {
        *self = Self::of(None, self.newest());
    }

    fn by_itself(&self) -> impl Iterator<Item = (&'static str, Self)> {
        let newest = self.newest();
        self.older().map(|_| ("lose", Self::of(None, newest))).into_iter()
    }

    fn sender_restarts(&mut self) {
        // What the old process had written may arrive; what waited is gone.
        *self = Self::of(None, self.front());
    }

    fn receiver_restarts(&mut self) {
        *self = Self::of(None, self.newest());
    }

    fn merge(&mut self, fate: impl Fn(Message) -> Fate) {
        let merged = |message: Message| match fate(message) {
            Fate::Lives { .. } => Some(message),
            Fate::Asks => Some(ASKS),
            Fate::Dead => None,
        };
        let (older, newest) = (self.older().and_then(merged), self.newest().and_then(merged));
        let newest_asks = newest.is_some_and(|message| fate(message) != Fate::Lives { is_vote: false });
        let asks_more = older != Some(ASKS) || !newest_asks;
        *self = Self::of(older.filter(|_| asks_more), newest);
    }
}
