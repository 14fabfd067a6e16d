//! How does the election meet the wire, the clock and the core?

use super::Driver;
use crate::election_port::{ElectionEvent, Outgoing};
use crate::timers::Due;
use bytes::BytesMut;
use quorate_trace::ElectionFrame;
use quorate_wire::election::NotificationFrame;
use quorate_zab::{Candidacy, Context, ElectionEffect, ElectionInput, Epoch, Input, ServerId, Zab, Zxid};

impl Driver {
    pub(super) fn on_election_event(&mut self, event: ElectionEvent) {
        match event {
            ElectionEvent::Up {
                conn,
                peer,
                side,
                addresses,
            } => {
                self.recorder.election_conn_up(conn, side, peer, addresses);
            }
            ElectionEvent::Heard {
                from,
                frame,
                notification,
            } => {
                self.feed_election(ElectionInput::Notification { from, notification }, Some(frame));
            }
            ElectionEvent::Sending {
                frame,
                notification,
                again,
                recorded,
            } => {
                self.recorder.election_sent(frame, notification, again);
                self.recorded.push(recorded);
            }
            ElectionEvent::Down {
                conn,
                why,
                read,
                written,
            } => {
                self.recorder.election_conn_down(conn, why, read, written);
            }
        }
    }

    pub(super) fn on_election_due(&mut self, due: Due) {
        let input = if due == Due::Settled {
            ElectionInput::Settled
        } else {
            ElectionInput::ResendDue
        };
        self.feed_election(input, None);
    }

    pub(super) fn look(&mut self, current: Epoch, last: Zxid) {
        tracing::info!(id = self.me.get(), epoch = current.get(), zxid = %last, "looking for a leader");
        self.timers.enter_election();
        if self.reads_alone.is_some() {
            self.timers.await_reads();
        }
        let now_ms = self.now_ms();
        self.service.figures_mut().looks(now_ms);
        let candidacy = self.server.candidacy(self.me, &self.configuration);
        if candidacy == Candidacy::Forgetful {
            tracing::info!(
                id = self.me.get(),
                "without a vote: waiting for a leader whom a majority of others follows"
            );
        }
        self.feed_election(
            ElectionInput::Look {
                candidacy,
                current,
                last,
            },
            None,
        );
    }

    pub(super) fn feed_election(&mut self, input: ElectionInput, frame: Option<ElectionFrame>) {
        let cx = Context {
            me: self.me,
            configuration: &self.configuration,
            rules: &Zab,
        };
        let before = self.election_effects.len();
        self.recorder.election_input(&input, frame);
        self.election.step(&cx, input, &mut self.election_effects);
        self.recorder.election_effects(&self.election_effects[before..]);
    }

    /// Carries out what the election asked for. To be called with its records released.
    pub(super) fn perform_election(&mut self) {
        for effect in std::mem::take(&mut self.election_effects) {
            match effect {
                ElectionEffect::Notify { to, notification } => {
                    if let Some(port) = &self.election_port {
                        let mut frame = BytesMut::new();
                        NotificationFrame::new(notification, self.config_text.clone()).encode(&mut frame);
                        port.send(
                            to,
                            Outgoing {
                                notification,
                                frame: frame.freeze(),
                            },
                        );
                    }
                }
                ElectionEffect::Arm(timer) => self.timers.arm_election(timer),
                ElectionEffect::Elected { leader } => self.take_role(leader),
                ElectionEffect::HistoryHeard => self.feed(Input::HistoryHeard, None),
            }
        }
    }

    pub(super) fn take_role(&mut self, leader: ServerId) {
        self.timers.enter_role();
        self.end_reads();
        let now_ms = self.now_ms();
        self.service.figures_mut().elected(now_ms);
        if leader == self.me {
            tracing::info!(id = self.me.get(), "elected: leading");
            if let Some(port) = &mut self.learner_port {
                port.open();
            }
            self.feed(Input::Lead, None);
        } else {
            tracing::info!(id = self.me.get(), leader = leader.get(), "elected: following");
            self.feed(Input::Follow { leader }, None);
        }
    }
}
