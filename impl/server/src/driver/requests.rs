//! What does the service ask for? That a write be ordered, a sync confirmed, a session looked up.

use super::{Driver, Peer, wall_ms};
use crate::payload::Payload;
use crate::service::{Action, Origin, Submission};
use quorate_wire::quorum::SessionTouch;
use quorate_wire::quorum::message::put_revalidate;
use quorate_zab::{Input, Standing, Zab};

impl Driver {
    /// Does what the service has asked for since the last time.
    pub(super) fn do_actions(&mut self) {
        let mut actions = std::mem::take(&mut self.actions);
        for action in actions.drain(..) {
            match action {
                Action::Submit(submission) => self.submit(submission),
                Action::Sync(submission) => self.sync(submission),
                Action::Revalidate { session, timeout_ms } => {
                    if let Some(peer) = self.leader() {
                        put_revalidate(peer.link.buffer(), SessionTouch { session, timeout_ms });
                    }
                }
            }
        }
        self.actions = actions;
    }

    /// There may be room for requests that were to wait.
    pub(super) fn release_requests(&mut self) {
        let now_ms = self.now_ms();
        self.service.release(now_ms, &mut self.actions);
        self.do_actions();
    }

    /// A write: proposed if this server orders them, sent on if another does. In between there is no
    /// service, and what waits is dropped with the role.
    fn submit(&mut self, submission: Submission) {
        if let Some(zxid) = self.server.next_zxid(&Zab) {
            let now_ms = self.now_ms();
            let (session, cxid, opcode) = (submission.session, submission.cxid, submission.opcode);
            let payload = Payload::new(self.service.prepare(submission, zxid, wall_ms(), now_ms));
            self.recorder.prepared(zxid, session, cxid, opcode);
            self.feed(Input::Propose { zxid, payload }, None);
        } else if let Some(peer) = self.leader() {
            forward(submission, peer);
        }
    }

    fn sync(&mut self, submission: Submission) {
        match (self.server.standing(), submission.origin) {
            (Standing::Leading { .. }, Origin::Here) => self.feed(Input::Sync { conn: None }, None),
            (Standing::Leading { .. }, Origin::Learner(conn)) => {
                self.feed(Input::Sync { conn: Some(conn) }, None)
            }
            (Standing::Following { .. } | Standing::Looking, _) => {
                if let Some(peer) = self.leader() {
                    forward(submission, peer);
                }
            }
        }
    }

    /// The connection to the leader.
    pub(super) fn leader(&mut self) -> Option<&mut Peer> {
        self.peers.values_mut().find(|peer| peer.to_leader)
    }

    /// Has the sessions closed whose time is up, and connections that have gone silent.
    pub(super) fn expire_sessions(&mut self) {
        let now_ms = self.now_ms();
        self.service.expire(now_ms, &mut self.actions);
        self.service.sweep(now_ms, wall_ms(), &mut self.actions);
        self.do_actions();
    }
}

fn forward(submission: Submission, leader: &mut Peer) {
    submission.into_forwarded().encode(leader.link.buffer());
}
