//! What does the driver measure of its own work, and what does it tell the service about itself?

use super::{Driver, wall_ms};
use crate::admin::{Asking, ObserverFacts, Question};
use crate::fourlw::PeerState;
use crate::inbox::CLIENT_EVENTS_MAX;
use crate::payload::Payload;
use crate::service::ClientEvent;
use bytes::Bytes;
use quorate_zab::{Candidacy, Message, Standing, Zxid};
use std::time::Instant;
use tokio::sync::mpsc;

impl Driver {
    /// What monitoring wants to know of the ensemble, and of this server beside its clients.
    pub(crate) fn tell_facts(&mut self) {
        let (mut learners, mut synced) = (0, [0; 3]);
        for learner in self.server.learners() {
            learners += 1;
            let kind = match (learner.observes, self.configuration.is_voter(learner.server)) {
                (true, _) => 2,
                (false, true) => 0,
                (false, false) => 1,
            };
            synced[kind] += usize::from(learner.synced);
        }
        let observes = self.server.candidacy(self.me, &self.configuration) == Candidacy::Observes;
        let (state, leader) = match self.server.standing() {
            Standing::Looking => (PeerState::Looking, None),
            Standing::Following { leader, .. } if observes => (PeerState::Observing, Some(leader)),
            Standing::Following { leader, .. } => (PeerState::Following, Some(leader)),
            Standing::Leading { .. } => (PeerState::Leading, Some(self.me)),
        };
        let facts = &mut self.service.facts_mut().ensemble;
        facts.learners = learners;
        [
            facts.synced_followers,
            facts.synced_non_voters,
            facts.synced_observers,
        ] = synced;
        (facts.state, facts.leader, facts.phase) = (state, leader, self.server.phase());
        facts.lag_bytes = self.disk.lag_bytes();
        self.service.figures_mut().trace_records = self.recorder.records();
    }

    /// Answers a question that came over HTTP.
    pub(super) fn answer(&mut self, question: Question) {
        self.tell_facts();
        self.tell_observers();
        let asking = Asking {
            sizes: question.sizes,
            now_ms: self.now_ms(),
            wall_ms: wall_ms(),
        };
        let answer = self.service.answer_question(&question.asked, asking);
        // Whoever asked may have gone.
        let _ = question.answer.send(answer);
    }

    fn tell_observers(&mut self) {
        let observing = self
            .server
            .learners()
            .filter(|learner| learner.observes && learner.synced);
        let observers = observing.filter_map(|learner| {
            let peer = self.peers.get(&learner.conn)?;
            Some(ObserverFacts {
                address: peer.address,
                server: learner.server,
                established_ms: peer.established_ms,
                received: peer.read,
                sent: peer.link.written(),
            })
        });
        self.service.facts_mut().observers = observers.collect();
    }

    /// Keeps the distance of the two clocks.
    pub(super) fn note_wall_clock(&mut self, now_ms: u64) {
        self.service.figures_mut().wall_offset_ms = wall_ms().saturating_sub_unsigned(now_ms);
    }

    /// Hands the round's records to the kernel, and measures how long that takes.
    pub(super) fn release_trace(&mut self) {
        let before = self.recorder.records();
        let began = Instant::now();
        let whole = self.recorder.release();
        let figures = self.service.figures_mut();
        // A round without records writes nothing.
        if before != figures.trace_records {
            figures.trace_us.add(began.elapsed().as_micros() as u64);
            figures.trace_records = before;
        }
        figures.trace_losses += u64::from(!whole);
    }

    /// The round hands its operations to the log.
    pub(super) fn count_log_ops(&mut self) {
        if !self.log_ops.is_empty() {
            let (ops, waiting) = (self.log_ops.len() as u64, self.disk.waiting_ops() as u64);
            let figures = self.service.figures_mut();
            figures.logged += ops;
            figures.waiting_ops.add(waiting + ops);
        }
    }

    /// The round takes up what clients sent, `open` unless the log lags. What holds them back is told.
    pub(super) fn count_clients(&mut self, taken: usize, queue: &mpsc::Receiver<ClientEvent>, open: bool) {
        let figures = self.service.figures_mut();
        if taken > 0 {
            figures.client_events.add(taken as u64);
        }
        let is_full = queue.len() + taken >= CLIENT_EVENTS_MAX;
        let begins_to_lag = !std::mem::replace(&mut self.lagged, !open) && !open;
        if !is_full && !begins_to_lag {
            return;
        }
        let sync_us = figures.sync_us.quantile(0.99);
        if begins_to_lag {
            figures.lags += 1;
        } else {
            figures.client_queue_full += 1;
        }
        let now_ms = self.now_ms();
        let (waiting_bytes, waiting_ops) = (self.disk.lag_bytes(), self.disk.waiting_ops());
        if begins_to_lag && let Some(untold) = self.lag_warnings.happened(now_ms) {
            tracing::warn!(
                waiting_bytes,
                waiting_ops,
                fsync_p99_us = sync_us,
                untold,
                "the log lags: nothing is taken from clients and peers until it has caught up"
            );
        } else if !begins_to_lag && let Some(untold) = self.queue_warnings.happened(now_ms) {
            tracing::warn!(
                waiting = queue.len() + taken,
                waiting_max = CLIENT_EVENTS_MAX,
                requests = self.service.requests_in_process(),
                log_waiting_ops = waiting_ops,
                fsync_p99_us = sync_us,
                untold,
                "the queue of clients' requests is full: connections are read no faster than the server answers"
            );
        }
    }

    /// A message to a learner.
    pub(super) fn count_sent(&mut self, message: &Message<Payload>) {
        if matches!(message, Message::Diff { .. }) {
            self.service.figures_mut().diffs += 1;
        }
    }

    /// A message from the leader.
    pub(super) fn count_from_leader(&mut self, message: &Message<Bytes>) {
        let figures = self.service.figures_mut();
        match message {
            Message::Proposal { .. } => figures.proposals_received += 1,
            Message::Commit { .. } | Message::Inform { .. } => figures.commits_received += 1,
            _ => {}
        }
    }

    /// A snapshot was written, or not.
    pub(super) fn count_snapshot(&mut self, zxid: Zxid, took_ms: u64, well: bool) {
        let figures = self.service.figures_mut();
        if well {
            figures.snapshot_ms.add(took_ms);
            self.service.facts_mut().ensemble.snapshot = Some((zxid, wall_ms() / 1000));
        } else {
            figures.snapshot_errors += 1;
        }
    }
}
