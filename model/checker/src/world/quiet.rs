//! Which arrivals can nobody tell from their being on the way?

use super::{Action, Agreement, World, index};
use crate::link::End;
use crate::node::{Frame, Happening, Node};
use quorate_zab::{Message, Rules, Standing};

impl<R: Rules> Agreement<R> {
    /// A frame whose arrival nobody can tell from its being on the way. Its effect is on what its reader
    /// remembers of this connection alone, it puts nothing out, nothing else that can happen there
    /// depends on it or undoes it but the end of the connection, and that undoes it whole.
    pub(super) fn quiet_arrival(&self, world: &World) -> Option<Action> {
        for (at, &link) in world.links.iter().enumerate() {
            let may_be_quiet = link.notes().may_be_quiet(&link);
            for end in [End::Learner, End::Leader] {
                if !may_be_quiet[end as usize] {
                    continue;
                }
                let Some(arrival) = self.arrival(link, end) else {
                    continue;
                };
                let before = world.nodes[index(link.server(end))];
                if !self.may_be_quiet(&before, arrival.get()) {
                    continue;
                }
                let stepped = self.stepped(before, arrival);
                let same =
                    |a: &Node, b: &Node| a.disk == b.disk && a.tree == b.tree && a.serving == b.serving;
                if stepped.events.is_empty() && stepped.traffic.is_empty() && same(&before, &stepped.node) {
                    return Some(Action::Deliver(at, end));
                }
            }
        }
        None
    }

    /// Whether an arrival may be one that nobody can tell from its being on the way: DIFF and early
    /// COMMITs, which a synchronising learner only notes, the second ACK of (e, 0), and the ACK of what is
    /// committed. That an early COMMIT is only noted is a rule, and where that rule is wrong it is not.
    pub(super) fn may_be_quiet(&self, node: &Node, arrival: &Happening) -> bool {
        let Happening::Frame {
            conn,
            frame: Frame::Message(message),
        } = arrival
        else {
            return false;
        };
        let Some(server) = node.server() else { return false };
        let synchronises = || {
            let standing = server.standing();
            matches!(standing, Standing::Following { conn: on, serving: false, .. } if on == Some(*conn))
        };
        match message {
            Message::Diff { .. } => synchronises(),
            Message::Commit { .. } => !self.rules.may_deliver(false) && synchronises(),
            Message::Ack { zxid } => {
                let said =
                    zxid.counter() == 0 || server.committed().is_some_and(|committed| *zxid <= committed);
                said && server
                    .learners()
                    .any(|learner| learner.conn == *conn && learner.synced)
            }
            _ => false,
        }
    }
}
